//! Statistics of the outputs of a streaming loop, taken while a block is in the first-level cache.

use crate::blocks::{LANES, Merge};
use crate::real::Real;

/// Something that reads, and may rewrite, one block of outputs of a chunk after another. Sums stay
/// spread over the lanes until the chunk ends: adding lanes up costs as much as half a block.
pub(crate) trait Absorb<T>: Clone + Sync {
    /// What is known of the chunk in the end.
    type Total: Merge + Send;

    /// Takes in one block. Callers are compiled for the level in use.
    fn absorb(&mut self, block: &mut [T]);

    /// What was taken in.
    fn total(self) -> Self::Total;
}

type Lanes = [f64; LANES];

/// Adds the lanes in a fixed tree.
#[inline(always)]
pub(crate) fn fold(lanes: Lanes) -> f64 {
    let mut sums = lanes;
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// Calls `work` with the lane and value of each item of the block, whole rows of lanes first.
macro_rules! for_lanes {
    ($block:expr, |$lane:ident, $value:ident| $body:expr) => {{
        let (whole, rest) = $block.as_chunks_mut::<LANES>();
        for row in whole {
            for $lane in 0..LANES {
                let $value = &mut row[$lane];
                $body
            }
        }
        for ($lane, $value) in rest.iter_mut().enumerate() {
            $body
        }
    }};
}

/// Nothing is made of the outputs.
impl<T> Absorb<T> for () {
    type Total = ();

    #[inline(always)]
    fn absorb(&mut self, _: &mut [T]) {}

    fn total(self) {}
}

/// Attributions made of unscaled differences: multiplies the blocks by a factor and keeps the sums
/// of the differences, of the attributions and of their magnitudes.
#[derive(Clone)]
pub(crate) struct Scale {
    factor: f64,
    differences: Lanes,
    sum: Lanes,
    magnitude: Lanes,
}

/// The sums of [`Scale`].
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub(crate) struct Scaled {
    pub(crate) differences: f64,
    pub(crate) sum: f64,
    pub(crate) magnitude: f64,
}

impl Scale {
    pub(crate) fn by(factor: f64) -> Self {
        let zero = [0.0; LANES];
        Self { factor, differences: zero, sum: zero, magnitude: zero }
    }
}

impl<T: Real> Absorb<T> for Scale {
    type Total = Scaled;

    #[inline(always)]
    fn absorb(&mut self, block: &mut [T]) {
        let Self { factor, mut differences, mut sum, mut magnitude } = *self;
        for_lanes!(block, |lane, value| {
            let difference = value.to_f64();
            differences[lane] += difference;
            *value = T::from_f64(difference * factor);
            sum[lane] += value.to_f64();
            magnitude[lane] += value.to_f64().abs();
        });
        *self = Self { factor, differences, sum, magnitude };
    }

    fn total(self) -> Scaled {
        Scaled {
            differences: fold(self.differences),
            sum: fold(self.sum),
            magnitude: fold(self.magnitude),
        }
    }
}

impl Merge for Scaled {
    fn merge(self, other: Self) -> Self {
        Self {
            differences: self.differences + other.differences,
            sum: self.sum + other.sum,
            magnitude: self.magnitude + other.magnitude,
        }
    }
}

/// Sums and sums of squares about a shift near the chunk's values.
#[derive(Clone)]
pub(crate) struct Deviations {
    shift: f64,
    count: usize,
    sum: Lanes,
    squares: Lanes,
}

impl Default for Deviations {
    fn default() -> Self {
        Self { shift: 0.0, count: 0, sum: [0.0; LANES], squares: [0.0; LANES] }
    }
}

/// Count, mean and sum of squared deviations, merged as in Chan, Golub and LeVeque (1979).
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Moments {
    pub(crate) count: f64,
    pub(crate) mean: f64,
    pub(crate) m2: f64,
}

impl Moments {
    /// Population variance.
    pub(crate) fn variance(&self) -> f64 {
        self.m2 / self.count
    }
}

impl<T: Real> Absorb<T> for Deviations {
    type Total = Moments;

    #[inline(always)]
    fn absorb(&mut self, block: &mut [T]) {
        if self.count == 0 {
            // The mean of the first block: it has a share in the chunk's own spread, so that the
            // difference below loses two digits at most.
            self.shift = block.iter().map(|value| value.to_f64()).sum::<f64>() / block.len() as f64;
        }
        self.count += block.len();
        let Self { shift, mut sum, mut squares, .. } = *self;
        for_lanes!(block, |lane, value| {
            let deviation = value.to_f64() - shift;
            sum[lane] += deviation;
            squares[lane] += deviation * deviation;
        });
        (self.sum, self.squares) = (sum, squares);
    }

    fn total(self) -> Moments {
        let (count, sum) = (self.count as f64, fold(self.sum));
        let m2 = fold(self.squares) - sum * sum / count;
        // Not `max`, which would turn NaN into zero.
        let m2 = if m2 < 0.0 { 0.0 } else { m2 };
        Moments { count, mean: self.shift + sum / count, m2 }
    }
}

impl Merge for Moments {
    fn merge(self, other: Self) -> Self {
        let count = self.count + other.count;
        let share = other.count / count;
        let gap = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + gap * share,
            m2: self.m2 + other.m2 + gap * gap * self.count * share,
        }
    }
}

/// Smallest and largest value, and the sum.
#[derive(Clone)]
pub(crate) struct Extremes {
    min: Lanes,
    max: Lanes,
    sum: Lanes,
}

impl Default for Extremes {
    fn default() -> Self {
        let sum = [0.0; LANES];
        Self { min: [f64::INFINITY; LANES], max: [f64::NEG_INFINITY; LANES], sum }
    }
}

/// The total of [`Extremes`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) sum: f64,
}

impl<T: Real> Absorb<T> for Extremes {
    type Total = Extent;

    #[inline(always)]
    fn absorb(&mut self, block: &mut [T]) {
        let Self { mut min, mut max, mut sum } = *self;
        for_lanes!(block, |lane, value| {
            let value = value.to_f64();
            min[lane] = if value < min[lane] { value } else { min[lane] };
            max[lane] = if value > max[lane] { value } else { max[lane] };
            sum[lane] += value;
        });
        *self = Self { min, max, sum };
    }

    fn total(self) -> Extent {
        Extent {
            min: self.min.into_iter().fold(f64::INFINITY, f64::min),
            max: self.max.into_iter().fold(f64::NEG_INFINITY, f64::max),
            sum: fold(self.sum),
        }
    }
}

impl Extent {
    /// Smallest and largest value.
    pub(crate) fn bounds(&self) -> [f64; 2] {
        [self.min, self.max]
    }
}

impl Merge for Extent {
    fn merge(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(parts: &mut [&mut [f64]]) -> Moments {
        let mut deviations = Deviations::default();
        parts.iter_mut().for_each(|part| deviations.absorb(part));
        Absorb::<f64>::total(deviations)
    }

    #[test]
    fn moments_of_parts_are_moments_of_the_whole() {
        let mut x: Vec<f64> = (0..1_000).map(|i| 1e6 + (f64::from(i) * 0.7).cos()).collect();
        let mean = x.iter().map(|v| v - 1e6).sum::<f64>() / 1e3 + 1e6;
        let m2 = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
        let (left, right) = x.split_at_mut(300);
        let (middle, right) = right.split_at_mut(255);
        let both = moments(&mut [left]).merge(moments(&mut [middle, right]));
        assert_eq!(both.count, 1e3);
        assert!((both.mean - mean).abs() < 1e-9);
        assert!((both.m2 - m2).abs() < 1e-9 * m2);
    }

    #[test]
    fn a_shift_far_from_most_values_costs_two_digits_at_most() {
        let mut first = [1e9; 256];
        let mut rest: Vec<f64> = (0..16_128).map(|i| f64::from(i % 7)).collect();
        let integers = || first.iter().chain(&rest).map(|&v| v as i128);
        let (n, sum) = (integers().count() as i128, integers().sum::<i128>());
        let m2 = (n * integers().map(|v| v * v).sum::<i128>() - sum * sum) as f64 / n as f64;
        let found = moments(&mut [&mut first, &mut rest]);
        assert!((found.m2 / m2 - 1.0).abs() < 1e-12, "{}", found.m2 / m2 - 1.0);
    }

    #[test]
    fn scaling_keeps_the_sums_of_both() {
        let mut x = [1.0_f32, -2.0, 4.0];
        let mut scale = Scale::by(0.5);
        scale.absorb(&mut x);
        assert_eq!(x, [0.5, -1.0, 2.0]);
        let expected = Scaled { differences: 3.0, sum: 1.5, magnitude: 3.5 };
        assert_eq!(Absorb::<f32>::total(scale), expected);
    }
}
