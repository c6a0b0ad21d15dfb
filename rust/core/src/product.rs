//! Products of means beyond the range of f64, in twice its precision.

use crate::double::{Double, exponent_of, scaled};

/// A number with its own exponent: `mantissa * 2^exponent`, the mantissa of magnitude 1 to 2, or
/// zero, infinite or NaN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    mantissa: Double,
    exponent: i64,
}

impl Wide {
    pub(crate) const ONE: Self = Self { mantissa: Double { high: 1.0, low: 0.0 }, exponent: 0 };

    pub(crate) fn new(value: f64) -> Self {
        Self::of(Double::new(value))
    }

    /// Exact.
    pub(crate) fn of(value: Double) -> Self {
        Self { mantissa: value, exponent: 0 }.normal()
    }

    fn normal(self) -> Self {
        let power = exponent_of(self.mantissa.high);
        if power == 0 {
            return self;
        }
        Self { mantissa: self.mantissa.scaled(-power), exponent: self.exponent + power }
    }

    /// The product of numbers, of which none leaves the range on the way.
    pub(crate) fn product(values: &[Double]) -> Self {
        values.iter().fold(Self::ONE, |product, &value| product.times(Self::of(value)))
    }

    pub(crate) fn times(self, other: Self) -> Self {
        let mantissa = self.mantissa.times(other.mantissa);
        Self { mantissa, exponent: self.exponent + other.exponent }.normal()
    }

    pub(crate) fn over(self, other: Self) -> Self {
        let mantissa = self.mantissa.over(other.mantissa);
        Self { mantissa, exponent: self.exponent - other.exponent }.normal()
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let (large, small) = match (self.is_zero(), other.is_zero()) {
            (true, _) => return other,
            (_, true) => return self,
            _ if self.exponent >= other.exponent => (self, other),
            _ => (other, self),
        };
        let small = small.mantissa.scaled(small.exponent - large.exponent);
        Self { mantissa: large.mantissa.plus(small), exponent: large.exponent }.normal()
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        let Double { high, low } = other.mantissa;
        self.plus(Self { mantissa: Double { high: -high, low: -low }, ..other })
    }

    /// Times a power of two.
    pub(crate) fn shifted(self, exponent: i64) -> Self {
        Self { exponent: self.exponent + exponent, ..self }
    }

    /// To the power of a whole number.
    pub(crate) fn power(self, power: usize) -> Self {
        (0..power).fold(Self::ONE, |product, _| product.times(self))
    }

    /// Mantissa, of magnitude 1 to 2 or zero, and exponent.
    pub(crate) fn split(self) -> (f64, i64) {
        (self.mantissa.high, self.exponent)
    }

    pub(crate) fn is_zero(self) -> bool {
        self.mantissa.high == 0.0
    }

    pub(crate) fn is_positive(self) -> bool {
        self.mantissa.high > 0.0
    }

    /// The nearest f64: infinite or zero where it is out of range.
    pub(crate) fn to_f64(self) -> f64 {
        scaled(self.mantissa.high, self.exponent)
    }

    /// The logarithm of the magnitude to base 2; minus infinity of zero.
    pub(crate) fn log2(self) -> f64 {
        self.mantissa.high.abs().log2() + self.exponent as f64
    }

    /// `log(1 + self)` of a number above -1; NaN of others.
    pub(crate) fn ln_1p(self) -> f64 {
        let value = self.to_f64();
        if (-0.5..=f64::MAX).contains(&value) {
            return value.ln_1p() + scaled(self.mantissa.low, self.exponent) / (1.0 + value);
        }
        // Beyond the range the 1 does not count, and near -1 the sum has the digits of both.
        let Self { mantissa: Double { high, low }, exponent } = Self::ONE.plus(self);
        if high == 0.0 {
            return f64::NAN;
        }
        let of_power = exponent as f64 * std::f64::consts::LN_2;
        if exponent == -1 {
            // Near 1 as well, where the two logarithms would cancel.
            return (0.5 * high - 1.0 + 0.5 * low).ln_1p();
        }
        high.ln() + low / high + of_power
    }

    /// `log((1 + after) / (1 + self))`, from the difference of the two; NaN where either is not
    /// above -1.
    pub(crate) fn log_change(self, after: Self) -> f64 {
        let change = after.minus(self);
        let smaller = Self::ONE.plus(if change.is_positive() { self } else { after });
        if !smaller.is_positive() {
            return f64::NAN;
        }
        let ratio = change.over(smaller);
        if change.is_positive() {
            ratio.ln_1p()
        } else {
            -Self { mantissa: Double::default(), exponent: 0 }.minus(ratio).ln_1p()
        }
    }
}

/// For each number, the product of all others: products of those before times of those after.
pub(crate) fn products_of_others(values: &[Double]) -> Vec<Wide> {
    let mut before = Wide::ONE;
    let mut out: Vec<Wide> = Vec::with_capacity(values.len());
    for &value in values {
        out.push(before);
        before = before.times(Wide::of(value));
    }
    let mut after = Wide::ONE;
    for (product, &value) in out.iter_mut().zip(values).rev() {
        *product = product.times(after);
        after = after.times(Wide::of(value));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(values: &[f64]) -> Wide {
        Wide::product(&values.iter().map(|&value| Double::new(value)).collect::<Vec<_>>())
    }

    #[test]
    fn numbers_return_unchanged() {
        for value in [0.0, 1.0, -3.7, 5e-324, -f64::MIN_POSITIVE, f64::MAX, f64::MIN, 1e-310] {
            assert_eq!(Wide::new(value).to_f64().to_bits(), value.to_bits(), "{value}");
        }
        assert!(Wide::new(f64::NAN).to_f64().is_nan());
        assert_eq!(Wide::new(f64::INFINITY).to_f64(), f64::INFINITY);
    }

    #[test]
    fn products_do_not_leave_the_range_on_the_way() {
        let number = |values: &[f64]| product(values).to_f64();
        assert!((number(&[1e-200, 1e-200, 1e300]) / 1e-100 - 1.0).abs() < 1e-15);
        assert!((number(&[1e200, 1e200, 1e-300]) / 1e100 - 1.0).abs() < 1e-15);
        assert!((number(&[1e-170, 1e-170, 1e170, 1e170]) - 1.0).abs() < 1e-15);
        assert_eq!(number(&[1e200, 1e200]), f64::INFINITY);
        let log = product(&[1e200, 1e200]).ln_1p();
        assert!((log / (400.0 * 10_f64.ln()) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn products_of_others_leave_one_out() {
        let others = |values: [f64; 4]| -> Vec<f64> {
            products_of_others(&values.map(Double::new)).into_iter().map(Wide::to_f64).collect()
        };
        assert_eq!(others([2.0, 0.0, 5.0, -7.0]), [0.0, -70.0, 0.0, 0.0]);
        assert_eq!(others([2.0, 3.0, 5.0, 7.0]), [105.0, 70.0, 42.0, 30.0]);
    }

    #[test]
    fn logarithms_keep_their_digits_near_the_ends_of_the_domain() {
        // 1 + (2^-30 - 1)(2^-30 + 1) is 2^-60, which no f64 product shows.
        let e = 2.0_f64.powi(-30);
        let log = product(&[e - 1.0, e + 1.0]).ln_1p();
        assert!((log / (-60.0 * std::f64::consts::LN_2) - 1.0).abs() < 1e-15, "{log}");
        assert!(product(&[-2.0, 1.0]).ln_1p().is_nan());
        assert!(Wide::new(-1.0).ln_1p().is_nan());
        for value in [-0.5_f64, -0.500_001, -0.7, -0.75, 1e-300, 0.0, 3.0] {
            let found = Wide::new(value).ln_1p();
            assert!((found - value.ln_1p()).abs() <= 2.0 * f64::EPSILON * found.abs(), "{value}");
        }
    }

    #[test]
    fn changes_of_the_logarithm_are_no_differences_of_logarithms() {
        let change = |a: &[f64], b: &[f64]| product(a).log_change(product(b));
        // 1e27 and 1e27 (1 + 1e-15).
        let found = change(&[1e9, 1e9, 1e9], &[1e9, 1e9, 1e9 + 2.0_f64.powi(-20)]);
        assert!((found / (2.0_f64.powi(-20) / 1e9) - 1.0).abs() < 1e-12, "{found}");
        assert_eq!(found, -change(&[1e9, 1e9, 1e9 + 2.0_f64.powi(-20)], &[1e9, 1e9, 1e9]));
        let found = change(&[1e300, 1e300], &[0.0]);
        assert!((found / (-600.0 * 10_f64.ln()) - 1.0).abs() < 1e-15, "{found}");
        assert!(change(&[1.0], &[-1.0]).is_nan());
    }
}
