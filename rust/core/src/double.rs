//! Numbers of twice the precision of f64: the unevaluated sum of two, of which the second is at most
//! half a last bit of the first.
//!
//! Dekker, "A floating-point technique for extending the available precision" (1971).

use crate::blocks::Merge;

/// `high + low`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Double {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

/// The rounded sum of two numbers, and its error.
#[inline(always)]
pub(crate) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// The rounded product of two numbers of ordinary size, and its error.
#[inline(always)]
fn two_product(a: f64, b: f64) -> (f64, f64) {
    // 27 bits each, so that products of the parts are exact.
    let split = |value: f64| {
        let scaled = 134_217_729.0 * value;
        let high = scaled - (scaled - value);
        (high, value - high)
    };
    let product = a * b;
    let ((a, a_low), (b, b_low)) = (split(a), split(b));
    (product, a_low * b_low - (((product - a * b) - a_low * b) - a * b_low))
}

impl Double {
    pub(crate) fn new(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }

    /// A sum of two numbers of which the second is much smaller, or the first zero.
    #[inline(always)]
    pub(crate) fn of_sum(high: f64, low: f64) -> Self {
        let sum = high + low;
        Self { high: sum, low: low - (sum - high) }
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        let (high, low) = two_sum(self.high, other.high);
        let (rest, last) = two_sum(self.low, other.low);
        let sum = Self::of_sum(high, low + rest);
        Self::of_sum(sum.high, sum.low + last)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        self.plus(Self { high: -other.high, low: -other.low })
    }

    /// Of factors of ordinary size: twice their digits fit into the range.
    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Self {
        let (product, error) = two_product(self.high, other.high);
        Self::of_sum(product, error + (self.high * other.low + self.low * other.high))
    }

    /// Of numbers of ordinary size.
    pub(crate) fn over(self, other: Self) -> Self {
        let ratio = self.high / other.high;
        let rest = self.minus(Self::new(ratio).times(other));
        Self::of_sum(ratio, rest.high / other.high)
    }

    /// Times a power of two.
    pub(crate) fn scaled(self, exponent: i64) -> Self {
        Self { high: scaled(self.high, exponent), low: scaled(self.low, exponent) }
    }

    /// Over a count.
    pub(crate) fn over_count(self, count: f64) -> Self {
        let power = exponent_of(self.high);
        self.scaled(-power).over(Self::new(count)).scaled(power)
    }
}

impl Merge for Double {
    fn merge(self, other: Self) -> Self {
        self.plus(other)
    }
}

const FRACTION_BITS: u32 = 52;
const BIAS: i64 = 1_023;

/// The power of two below the magnitude of a number; 0 of zero, infinity and NaN.
#[inline(always)]
pub(crate) fn exponent_of(value: f64) -> i64 {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let biased = |value: f64| (value.to_bits() >> FRACTION_BITS & 0x7ff) as i64;
    match biased(value) {
        0 => biased(value * 2.0_f64.powi(64)) - 64 - BIAS,
        exponent => exponent - BIAS,
    }
}

/// A number times a power of two: infinite or zero where that is out of range.
#[inline(always)]
pub(crate) fn scaled(value: f64, exponent: i64) -> f64 {
    let power = |exponent: i64| f64::from_bits(((exponent + BIAS) as u64) << FRACTION_BITS);
    if (-1_000..=1_000).contains(&exponent) {
        return value * power(exponent);
    }
    // In three factors, so that results near the ends of the range are reached and rounded once.
    let exponent = exponent.clamp(-2_400, 2_400);
    let third = exponent / 3;
    value * power(third) * power(third) * power(exponent - 2 * third)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_number_survives_a_large_one() {
        let sum = |values: &[f64]| {
            values.iter().fold(Double::default(), |sum, &value| sum.plus(Double::new(value)))
        };
        assert_eq!(sum(&[1e300, 1.0, 0.25, -1e300]).high, 1.25);
        assert_eq!(sum(&[0.1, 1e16, -1e16, -0.1]).high, 0.0);
    }

    #[test]
    fn products_and_ratios_have_twice_the_digits() {
        // 1/3 to 107 bits, times 3, and its square times 9.
        let third = Double::new(1.0).over(Double::new(3.0));
        let error = third.times(Double::new(3.0)).minus(Double::new(1.0));
        assert!(error.high.abs() < 1e-31);
        let error = third.times(third).times(Double::new(9.0)).minus(Double::new(1.0));
        assert!(error.high.abs() < 1e-31);
        let tiny = Double::new(3e-310).over_count(3.0);
        assert_eq!(tiny.high, 1e-310);
    }

    #[test]
    fn powers_of_two_are_exact() {
        for value in [1.0, -3.7, 5e-324, f64::MIN_POSITIVE, f64::MAX, 1e-310] {
            let exponent = exponent_of(value);
            let mantissa = scaled(value, -exponent);
            assert!((1.0..2.0).contains(&mantissa.abs()), "{value}: {mantissa}");
            assert_eq!(scaled(mantissa, exponent), value);
        }
        assert_eq!(scaled(1.0, 5_000), f64::INFINITY);
        assert_eq!(scaled(1.0, -5_000), 0.0);
    }
}
