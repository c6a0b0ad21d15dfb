//! Statistics of the outputs of a streaming loop, taken while a block is in the first-level cache.

use crate::blocks::{LANES, Merge};
use crate::real::Real;

/// Something that reads, and may rewrite, one block of outputs after another.
pub(crate) trait Absorb<T>: Merge + Send {
    /// Takes in one block. Callers are compiled for the level in use.
    fn absorb(&mut self, block: &mut [T]);
}

/// Adds the lanes in a fixed tree.
#[inline(always)]
pub(crate) fn fold(lanes: [f64; LANES]) -> f64 {
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

/// Attributions made of unscaled differences: multiplies the block by a factor and keeps the sums
/// of the differences, of the attributions and of their magnitudes.
#[derive(Clone)]
pub(crate) struct Scaled {
    factor: f64,
    pub(crate) differences: f64,
    pub(crate) sum: f64,
    pub(crate) magnitude: f64,
}

impl Scaled {
    pub(crate) fn by(factor: f64) -> Self {
        Self { factor, differences: 0.0, sum: 0.0, magnitude: 0.0 }
    }
}

impl<T: Real> Absorb<T> for Scaled {
    #[inline(always)]
    fn absorb(&mut self, block: &mut [T]) {
        let mut differences = [0.0; LANES];
        let mut sum = [0.0; LANES];
        let mut magnitude = [0.0; LANES];
        let factor = self.factor;
        for_lanes!(block, |lane, value| {
            let difference = value.to_f64();
            differences[lane] += difference;
            *value = T::from_f64(difference * factor);
            sum[lane] += value.to_f64();
            magnitude[lane] += value.to_f64().abs();
        });
        self.differences += fold(differences);
        self.sum += fold(sum);
        self.magnitude += fold(magnitude);
    }
}

impl Merge for Scaled {
    fn merge(self, other: Self) -> Self {
        Self {
            factor: self.factor,
            differences: self.differences + other.differences,
            sum: self.sum + other.sum,
            magnitude: self.magnitude + other.magnitude,
        }
    }
}

/// Count, mean and sum of squared deviations, merged as in Chan, Golub and LeVeque (1979).
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Moments {
    /// Number of values.
    pub(crate) count: f64,
    /// Their mean.
    pub(crate) mean: f64,
    /// Sum of their squared deviations from it.
    pub(crate) m2: f64,
}

impl Moments {
    /// Population variance.
    pub(crate) fn variance(&self) -> f64 {
        self.m2 / self.count
    }
}

impl<T: Real> Absorb<T> for Moments {
    #[inline(always)]
    fn absorb(&mut self, block: &mut [T]) {
        let count = block.len() as f64;
        let mut sum = [0.0; LANES];
        for_lanes!(block, |lane, value| sum[lane] += value.to_f64());
        let mean = fold(sum) / count;
        let mut m2 = [0.0; LANES];
        for_lanes!(block, |lane, value| {
            let deviation = value.to_f64() - mean;
            m2[lane] += deviation * deviation;
        });
        *self = self.merge(Self { count, mean, m2: fold(m2) });
    }
}

impl Merge for Moments {
    #[inline(always)]
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) sum: f64,
}

impl Default for Extent {
    fn default() -> Self {
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl<T: Real> Absorb<T> for Extent {
    #[inline(always)]
    fn absorb(&mut self, block: &mut [T]) {
        let mut min = [f64::INFINITY; LANES];
        let mut max = [f64::NEG_INFINITY; LANES];
        let mut sum = [0.0; LANES];
        for_lanes!(block, |lane, value| {
            let value = value.to_f64();
            min[lane] = if value < min[lane] { value } else { min[lane] };
            max[lane] = if value > max[lane] { value } else { max[lane] };
            sum[lane] += value;
        });
        self.min = min.into_iter().fold(self.min, f64::min);
        self.max = max.into_iter().fold(self.max, f64::max);
        self.sum += fold(sum);
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

    #[test]
    fn moments_of_parts_are_moments_of_the_whole() {
        let mut x: Vec<f64> = (0..1_000).map(|i| 1e6 + (f64::from(i) * 0.7).cos()).collect();
        let mean = x.iter().map(|v| v - 1e6).sum::<f64>() / 1e3 + 1e6;
        let m2 = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
        let mut left = Moments::default();
        left.absorb(&mut x[..300]);
        let mut right = Moments::default();
        right.absorb(&mut x[300..555]);
        right.absorb(&mut x[555..]);
        let both = left.merge(right);
        assert_eq!(both.count, 1e3);
        assert!((both.mean - mean).abs() < 1e-9);
        assert!((both.m2 - m2).abs() < 1e-6 * m2);
    }

    #[test]
    fn scaling_keeps_the_sums_of_both() {
        let mut x = [1.0_f32, -2.0, 4.0];
        let mut scaled = Scaled::by(0.5);
        scaled.absorb(&mut x);
        assert_eq!(x, [0.5, -1.0, 2.0]);
        assert_eq!((scaled.differences, scaled.sum, scaled.magnitude), (3.0, 1.5, 3.5));
    }
}
