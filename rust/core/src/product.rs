//! Products of means beyond the range of f64.

/// A number with its own exponent: `mantissa * 2^exponent`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    mantissa: f64,
    exponent: i64,
}

const EXPONENT_BITS: u64 = 0x7ff;
const FRACTION_BITS: u32 = 52;
const BIAS: i64 = 1_023;

impl Wide {
    pub(crate) const ONE: Self = Self { mantissa: 1.0, exponent: 0 };

    /// Exact. Subnormal numbers are scaled up first.
    pub(crate) fn new(value: f64) -> Self {
        let (value, extra) =
            if value.is_subnormal() { (value * 2.0_f64.powi(64), -64) } else { (value, 0) };
        if value == 0.0 || !value.is_finite() {
            return Self { mantissa: value, exponent: 0 };
        }
        let bits = value.to_bits();
        let exponent = (bits >> FRACTION_BITS & EXPONENT_BITS) as i64 - BIAS;
        let one = (BIAS as u64) << FRACTION_BITS;
        let mantissa = f64::from_bits(bits & !(EXPONENT_BITS << FRACTION_BITS) | one);
        Self { mantissa, exponent: exponent + extra }
    }

    /// The product of numbers, of which none leaves the range on the way.
    pub(crate) fn product(values: &[f64]) -> Self {
        values.iter().fold(Self::ONE, |product, &value| product.times(Self::new(value)))
    }

    pub(crate) fn times(self, other: Self) -> Self {
        let product = Self::new(self.mantissa * other.mantissa);
        Self { exponent: product.exponent + self.exponent + other.exponent, ..product }
    }

    pub(crate) fn over(self, other: Self) -> Self {
        let ratio = Self::new(self.mantissa / other.mantissa);
        Self { exponent: ratio.exponent + self.exponent - other.exponent, ..ratio }
    }

    /// Mantissa, of magnitude 1 to 2 or zero, and exponent.
    pub(crate) fn split(self) -> (f64, i64) {
        (self.mantissa, self.exponent)
    }

    pub(crate) fn is_zero(self) -> bool {
        self.mantissa == 0.0
    }

    /// The nearest f64: infinite or zero where it is out of range.
    pub(crate) fn to_f64(self) -> f64 {
        // In two factors, so that results near the ends of the range are reached.
        let half = (self.exponent / 2).clamp(-1_000, 1_000) as i32;
        let rest = (self.exponent - i64::from(half)).clamp(-1_000, 1_000) as i32;
        self.mantissa * 2.0_f64.powi(half) * 2.0_f64.powi(rest)
    }

    /// `log(1 + self)` of a number above -1.
    pub(crate) fn ln_1p(self) -> f64 {
        let value = self.to_f64();
        if value.is_infinite() && self.mantissa.is_finite() {
            self.mantissa.ln() + self.exponent as f64 * std::f64::consts::LN_2
        } else {
            value.ln_1p()
        }
    }
}

/// For each number, the product of all others: products of those before times of those after.
pub(crate) fn products_of_others(values: &[f64], out: &mut [Wide]) {
    let mut before = Wide::ONE;
    for (product, &value) in out.iter_mut().zip(values) {
        *product = before;
        before = before.times(Wide::new(value));
    }
    let mut after = Wide::ONE;
    for (product, &value) in out.iter_mut().zip(values).rev() {
        *product = product.times(after);
        after = after.times(Wide::new(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let product = |values: &[f64]| Wide::product(values).to_f64();
        assert!((product(&[1e-200, 1e-200, 1e300]) / 1e-100 - 1.0).abs() < 1e-15);
        assert!((product(&[1e200, 1e200, 1e-300]) / 1e100 - 1.0).abs() < 1e-15);
        assert!((product(&[1e-170, 1e-170, 1e170, 1e170]) - 1.0).abs() < 1e-15);
        assert_eq!(product(&[1e200, 1e200]), f64::INFINITY);
        assert!((Wide::product(&[1e200, 1e200]).ln_1p() / (400.0 * 10_f64.ln()) - 1.0) < 1e-15);
    }

    #[test]
    fn products_of_others_leave_one_out() {
        let mut others = [Wide::ONE; 4];
        products_of_others(&[2.0, 0.0, 5.0, -7.0], &mut others);
        assert_eq!(others.map(Wide::to_f64), [0.0, -70.0, 0.0, 0.0]);
        products_of_others(&[2.0, 3.0, 5.0, 7.0], &mut others);
        assert_eq!(others.map(Wide::to_f64), [105.0, 70.0, 42.0, 30.0]);
    }
}
