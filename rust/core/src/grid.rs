//! Values as multiples of a power of two: sums of them are exact, in any order.

/// Bits of the largest value. Sums of n values, and of the differences of all pairs, need up to
/// twice the bits of n more and are kept in 128 bits.
const BITS: i32 = 62;

/// Numbers of values whose pairs fit beside [`BITS`], as a power of two.
const PAIR_BITS: i32 = 32;

/// A power of two, and the integers that stand for values in its units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Bits of the integers below the binary point of a value.
    exponent: i32,
    /// Two factors to the power of two of `exponent`, which alone may be out of range.
    scale: [f64; 2],
}

/// `2^exponent` in two factors.
fn power_of_two(exponent: i32) -> [f64; 2] {
    let half = exponent / 2;
    [half, exponent - half].map(|exponent| 2.0_f64.powi(exponent))
}

/// Bits needed to count up to n.
pub(crate) fn bits_of(n: usize) -> u32 {
    usize::BITS - n.leading_zeros()
}

/// The number of an integer, to two units of its last place: quicker than the nearest.
#[inline(always)]
pub(crate) fn to_f64(integer: i128) -> f64 {
    const HIGH: f64 = 18_446_744_073_709_551_616.0;
    let magnitude = integer.unsigned_abs();
    let number = (magnitude >> 64) as u64 as f64 * HIGH + magnitude as u64 as f64;
    if integer < 0 { -number } else { number }
}

impl Grid {
    /// For `n` values between finite bounds.
    pub(crate) fn new([min, max]: [f64; 2], n: usize) -> Self {
        let largest = min.abs().max(max.abs()).max(f64::MIN_POSITIVE);
        let exponent_of_largest = (largest.to_bits() >> 52) as i32 - 1_022;
        let bits = BITS - 2 * (bits_of(n) as i32 - PAIR_BITS).max(0);
        let exponent = bits - exponent_of_largest;
        Self { exponent, scale: power_of_two(exponent) }
    }

    /// The integer of a value within the bounds; the fraction is cut off.
    #[inline(always)]
    pub(crate) fn term(&self, value: f64) -> i64 {
        (value * self.scale[0] * self.scale[1]) as i64
    }

    /// What `2^shift` terms of 1 are worth, times a factor.
    pub(crate) fn unit(&self, shift: u32, factor: f64) -> Unit {
        let [first, second] = power_of_two(shift as i32 - self.exponent);
        Unit([factor, first, second])
    }
}

/// The factors from sums of terms to numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit([f64; 3]);

impl Unit {
    /// As many units as a number.
    #[inline(always)]
    pub(crate) fn times(&self, sum: f64) -> f64 {
        let Self([factor, first, second]) = *self;
        sum * factor * first * second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_return_unless_they_are_tiny_beside_the_largest() {
        for largest in [1.0, 0.7, -3e5, 1e300, f64::MAX, -1e-300, f64::MIN_POSITIVE] {
            for n in [1, 1_000, 1 << 31] {
                let grid = Grid::new([largest, largest / 3.0], n);
                for value in [largest, largest / 3.0, -largest / 256.0, 0.0] {
                    let term = grid.term(value);
                    assert!(term.unsigned_abs() < 1 << 62);
                    assert_eq!(grid.unit(0, 1.0).times(term as f64), value, "{largest}");
                }
            }
        }
        assert_eq!(Grid::new([0.0, 1.0], 1 << 36).term(1.0), 1 << 51);
        assert_eq!(Grid::new([0.0, 0.0], 9).term(0.0), 0);
        for integer in [0, -1, i128::from(u64::MAX), -(1 << 100) - 7, i128::MAX, i128::MIN] {
            assert!((to_f64(integer) / integer as f64 - 1.0).abs() < 1e-15 || integer == 0);
        }
        assert_eq!(Grid::new([0.0, 4.0], 1).unit(60, 0.5).times(3.0), 3.0);
    }
}
