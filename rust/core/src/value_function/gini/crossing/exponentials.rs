//! The crossings of two runs without meeting each: `1/t` as a sum of exponentials `w e^(-u t)`.
//!
//! Where a pair i of the left run lies above a pair j of the right one in s, D_i > D_j: one sweep in
//! the order of s, over sources j and targets i, keeps for every exponential
//! `A = sum_j n_j e^(-u (ref - D_j))` and `B = sum_j n_j (s - s_j) e^(-u (ref - D_j))`, ref being the
//! largest D_j so far, and `sum_j n_j (s_i - s_j)/(D_i - D_j) = sum w B e^(-u (D_i - ref))`. The same
//! sweep backwards, with both signs turned, makes targets of the right run. All terms are positive:
//! nothing cancels.
//!
//! The exponentials are the trapezoid rule, of step h, for `1/t = int e^(x - t e^x) dx` (Beylkin and
//! Monzon 2005), with rates u that grow eightfold every eight, so that eight follow from the eight
//! before by three squarings; all rates below the lowest, infinitely many, are joined in a Gauss
//! rule of eight.

use super::merge::Crossings;
use super::pairs::Pair;
use super::sum;
use crate::simd::dispatch;

/// Largest relative error of 1/t between the shortest and the longest t: 8e-16 of the trapezoid
/// rule, as much of the rates that are left out above.
pub(super) const ERROR: f64 = 2e-15;

/// Exponentials of a row; rates of the next row are `GROWTH` times as large.
const ROW: usize = 8;
const GROWTH: f64 = 8.0;

/// Lowest rate times the longest t; the rule below resolves as much.
const LOWEST: f64 = 4.0;

/// Highest rate times the shortest t at least.
const HIGHEST: f64 = 37.0;

/// The Gauss rule of the measure with weights `h r^-k` at `r^-k`, k = 1, 2, ..., r = 8^(1/8), h = log r:
/// nodes and weights from its moments `h / (r^(p+1) - 1)`, in 80 digits.
const TAIL_RATES: [f64; ROW] = [
    0.011_797_899_160_961_568,
    0.060_281_846_518_548_96,
    0.140_046_863_681_293,
    0.239_298_324_375_989_86,
    0.345_266_528_903_240_8,
    0.457_808_596_442_607_3,
    0.594_590_442_021_457_2,
    0.771_105_377_751_065_5,
];
const TAIL_WEIGHTS: [f64; ROW] = [
    0.030_060_700_685_851_382,
    0.065_739_567_811_221_02,
    0.091_783_397_096_548_29,
    0.104_357_142_848_206_52,
    0.107_287_418_260_082_02,
    0.121_378_179_305_621_14,
    0.154_618_642_011_855_74,
    0.200_433_834_488_964_12,
];

/// Pairs whose exponentials are in the first-level cache at a time.
const BLOCK: usize = 16;

/// Blocks of a sweep between two looks at whether it is to stop.
const LOOK: usize = 64;

/// Halvings of an argument before its exponential is a short series.
const HALVINGS: i32 = 10;

/// Below this complement, 1 - e^-u is the accurate form; above, e^-u.
const NEAR_ONE: f64 = 0.22;

/// Smaller exponentials count as zero: their powers would be denormal numbers, which are slow.
const NEGLIGIBLE: f64 = 1e-35;

/// D = s - b without rounding: the second number is what the first has lost.
#[derive(Clone, Copy)]
struct Rise(f64, f64);

impl Rise {
    fn of(pair: &Pair) -> Self {
        let (s, b) = (pair.s(), -pair.b());
        let sum = s + b;
        let rounded = sum - s;
        Self(sum, (s - (sum - rounded)) + (b - rounded))
    }

    fn above(self, other: Self) -> f64 {
        (self.0 - other.0) + (self.1 - other.1)
    }

    fn turned(self, sign: f64) -> Self {
        Self(sign * self.0, sign * self.1)
    }
}

/// What an item of a sweep does to the sums.
#[derive(Clone, Copy)]
enum Role {
    /// A source at most as high as the reference.
    Add,
    /// A source that becomes the reference.
    Raise,
    /// A target.
    Read,
}

pub(super) struct Exponentials {
    /// Rates of the tail and of the first row, once for every gap of a block.
    rates: [Vec<f64>; 2],
    /// One per exponential, the tail first.
    weights: Vec<f64>,
}

impl Exponentials {
    /// Any sum has at least so many.
    pub(super) const FEWEST: usize = 3 * ROW;

    /// For pairs in the order of s of which those from id `right` on started above; the first is
    /// one of them and the last is not. `None` where rates or sums would leave
    /// the range of f64.
    pub(super) fn of(crossings: &Crossings<'_>, merged: &[u32], right: u32) -> Option<Self> {
        let mut highest = Rise(f64::NEG_INFINITY, 0.0);
        let (mut lowest, mut top) = (Rise(f64::INFINITY, 0.0), highest);
        let mut shortest = f64::INFINITY;
        for &id in merged {
            let rise = Rise::of(crossings.pair(id));
            if id < right {
                shortest = shortest.min(rise.above(highest));
                top = if rise.above(top) > 0.0 { rise } else { top };
            } else {
                highest = if rise.above(highest) > 0.0 { rise } else { highest };
                lowest = if lowest.above(rise) > 0.0 { rise } else { lowest };
            }
        }
        Self::between(shortest, top.above(lowest))
    }

    fn between(shortest: f64, longest: f64) -> Option<Self> {
        let in_range = HIGHEST * GROWTH / shortest + longest * f64::from(u32::MAX);
        if !in_range.is_finite() {
            return None;
        }
        let rate = LOWEST / longest;
        let range = (HIGHEST / LOWEST).ln() + longest.ln() - shortest.ln();
        let rows = (range / GROWTH.ln()).ceil().max(1.0) as usize;
        let h = GROWTH.ln() / ROW as f64;
        let first: [f64; ROW] =
            std::array::from_fn(|lane| rate * GROWTH.powf(lane as f64 / ROW as f64));
        let mut weights: Vec<f64> = TAIL_WEIGHTS.map(|weight| rate * weight).to_vec();
        let mut scale = h;
        for _ in 0..rows {
            weights.extend(first.map(|rate| scale * rate));
            scale *= GROWTH;
        }
        let rates = [TAIL_RATES.map(|node| rate * node), first].map(|rates| rates.repeat(BLOCK));
        Some(Self { rates, weights })
    }

    pub(super) fn terms(&self) -> usize {
        self.weights.len()
    }

    /// Adds the crossings of the pairs that [`Exponentials::of`] was made for.
    pub(super) fn add(&self, crossings: &Crossings<'_>, merged: &[u32], right: u32) {
        crossings.both(
            merged.len(),
            || self.sweep(crossings, merged.iter(), |id| id >= right, 1.0),
            || self.sweep(crossings, merged.iter().rev(), |id| id < right, -1.0),
        );
    }

    fn sweep<'i>(
        &self,
        crossings: &Crossings<'_>,
        ids: impl Iterator<Item = &'i u32>,
        is_source: impl Fn(u32) -> bool,
        sign: f64,
    ) {
        let terms = self.terms();
        let (mut a, mut b) = (vec![0.0; terms], vec![0.0; terms]);
        let mut exponentials = vec![0.0; BLOCK * terms];
        let mut items = [(0_u32, Role::Read, 0.0, 0.0); BLOCK];
        let mut gaps = [0.0; BLOCK];
        let (mut reference, mut last) = (None, None);
        let mut ids = ids.copied().peekable();
        for block in 0.. {
            if ids.peek().is_none() {
                break;
            }
            if block % LOOK == 0 {
                crossings.watched.look();
            }
            let mut length = 0;
            for id in ids.by_ref().take(BLOCK) {
                let pair = crossings.pair(id);
                let rise = Rise::of(pair).turned(sign);
                let s = sign * pair.s();
                let above = rise.above(*reference.get_or_insert(rise));
                let step = s - last.replace(s).unwrap_or(s);
                let role = match is_source(id) {
                    false => Role::Read,
                    true if above > 0.0 => Role::Raise,
                    true => Role::Add,
                };
                if matches!(role, Role::Raise) {
                    reference = Some(rise);
                }
                gaps[length] = above.abs();
                items[length] = (id, role, step, pair.count as f64);
                length += 1;
            }
            let items = &items[..length];
            dispatch(
                #[inline(always)]
                || {
                    self.fill(&gaps, &mut exponentials);
                    for ((_, role, step, count), e) in
                        items.iter().zip(exponentials.chunks_mut(terms))
                    {
                        apply(*role, *step, *count, &mut a, &mut b, e, &self.weights);
                    }
                },
            );
            for ((id, role, ..), e) in items.iter().zip(exponentials.chunks(terms)) {
                if matches!(role, Role::Read) {
                    crossings.add(*id, sign * e[0]);
                }
            }
        }
    }

    /// The exponentials of a block of gaps, gap by gap.
    #[inline(always)]
    fn fill(&self, gaps: &[f64; BLOCK], exponentials: &mut [f64]) {
        let terms = self.terms();
        let mut complements = [0.0; BLOCK * ROW];
        let mut powers = [0.0; BLOCK * ROW];
        for (row, rates) in self.rates.iter().enumerate() {
            for (repeated, &gap) in powers.as_chunks_mut::<ROW>().0.iter_mut().zip(gaps) {
                *repeated = [gap; ROW];
            }
            start(rates, &mut complements, &mut powers);
            spread(&powers, exponentials, terms, row);
        }
        for row in 2..terms / ROW {
            grow(&mut complements, &mut powers);
            spread(&powers, exponentials, terms, row);
        }
    }
}

/// From rates and, in `powers`, gaps to 1 - e^-u and e^-u, u = rate times gap at most 32. Short
/// loops over all: one long one would wait for its own results.
#[inline(always)]
fn start(rates: &[f64], complements: &mut [f64], powers: &mut [f64]) {
    let small = f64::from(1_u32 << HALVINGS).recip();
    for ((complement, power), rate) in complements.iter_mut().zip(powers.iter()).zip(rates) {
        let u = rate * power * small;
        let series = 1.0 / 120.0 - u * (1.0 / 720.0 - u * (1.0 / 5_040.0));
        *complement = u * (1.0 - u * (0.5 - u * (1.0 / 6.0 - u * (1.0 / 24.0 - u * series))));
    }
    for _ in 0..HALVINGS {
        complements.iter_mut().for_each(|e| *e *= 2.0 - *e);
    }
    powers.iter_mut().zip(complements).for_each(|(power, e)| *power = 1.0 - *e);
}

/// From rates to eight times the rates.
#[inline(always)]
fn grow(complements: &mut [f64], powers: &mut [f64]) {
    for (complement, power) in complements.iter_mut().zip(powers) {
        let (mut e, mut p) = (*complement, *power);
        let near_one = e < NEAR_ONE;
        for _ in 0..3 {
            e *= 2.0 - e;
            p *= p;
        }
        p = if near_one { 1.0 - e } else { p };
        *power = if p < NEGLIGIBLE { 0.0 } else { p };
        *complement = e;
    }
}

#[inline(always)]
fn spread(powers: &[f64], exponentials: &mut [f64], terms: usize, row: usize) {
    for (e, powers) in exponentials.chunks_mut(terms).zip(powers.as_chunks::<ROW>().0) {
        e[row * ROW..][..ROW].copy_from_slice(powers);
    }
}

/// One item of a sweep; a target's sum is left in `e[0]`.
#[inline(always)]
fn apply(
    role: Role,
    step: f64,
    count: f64,
    a: &mut [f64],
    b: &mut [f64],
    e: &mut [f64],
    weights: &[f64],
) {
    let terms = e.len();
    let (a, b, weights) = (&mut a[..terms], &mut b[..terms], &weights[..terms]);
    match role {
        Role::Add => {
            for k in 0..terms {
                b[k] += step * a[k];
                a[k] += count * e[k];
            }
        }
        Role::Raise => {
            for k in 0..terms {
                b[k] = (b[k] + step * a[k]) * e[k];
                a[k] = a[k] * e[k] + count;
            }
        }
        Role::Read => {
            for k in 0..terms {
                b[k] += step * a[k];
                e[k] *= b[k] * weights[k];
            }
            e[0] = sum(e);
        }
    }
}

#[cfg(test)]
impl Exponentials {
    /// The largest relative error of 1/t, at 1,000 values of t.
    pub(super) fn worst_error(shortest: f64, longest: f64) -> f64 {
        let sums = Self::between(shortest, longest).unwrap();
        let mut e = vec![0.0; BLOCK * sums.terms()];
        let error = |step: i32| {
            let t = shortest * (longest / shortest).powf(f64::from(step) / 1e3);
            sums.fill(&[t.clamp(shortest, longest); BLOCK], &mut e);
            let sum: f64 = e.iter().zip(&sums.weights).map(|(e, weight)| e * weight).sum();
            (sum * t - 1.0).abs()
        };
        (0..=1_000).map(error).fold(0.0, f64::max)
    }
}
