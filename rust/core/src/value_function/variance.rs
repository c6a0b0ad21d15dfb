//! Population variance of the composite: `F = mean (s_i - sbar)^2`,
//! `phi_i = (s_i - b_i) (2/n) (m_i - mbar)` with `m = (s + b) / 2`.
//!
//! F is a sum over pairs, so that Shapley and Banzhaf are the same number. Leave-one-out is
//! `(s_i - b_i) (2/n) (m_i - sbar + (s_i - b_i) / (2 n))`.
//!
//! A common baseline leaves `(s_i - b) (s_i - sbar) / n`. Composites are taken relative to a row amid
//! the data, so that an offset of all agents costs no digits; in f64 they wait in `out` for their mean.

mod coalitions;
mod game;

use super::composite::{self, Weights};
use super::{MeanFunction, Outcome, ValueFunction};
use crate::blocks::{self, BLOCK, merge_tree};
use crate::error::{Error, Result};
use crate::features::{Baseline, Features, Step};
use crate::game::Game;
use crate::linear::{first_means, weighted_sum};
use crate::real::Real;
use crate::simd::dispatch;
use crate::statistics::{Absorb, Deviations, Moments, Scale, Scaled};
use game::VarianceGame;
use std::ops::Range;

/// Which of the two different values.
#[derive(Clone, Copy)]
enum Method {
    /// The same number as Shapley and Banzhaf.
    AumannShapley,
    LeaveOneOut,
}

impl Method {
    /// With a common baseline `from`, the factor of `(s_i - from) (s_i - centre)`, and the centre
    /// as a function of the mean.
    fn factors(self, n: f64, from: f64) -> (f64, impl Fn(f64) -> f64) {
        // Leave-one-out: the middle of s_i and b moves by s_i / (2 n) and -b / (2 n).
        let (own, others) = match self {
            Self::AumannShapley => (1.0, 0.0),
            Self::LeaveOneOut => (n + 1.0, n - 1.0),
        };
        let (factor, scale) = match self {
            Self::AumannShapley => (1.0 / n, 1.0),
            Self::LeaveOneOut => (own / (n * n), 2.0 * n / own),
        };
        (factor, move |mean| mean * scale - from * (others / own))
    }
}

/// Variance of the composite.
#[derive(Clone, Debug)]
pub struct Variance {
    weights: Weights,
}

impl Variance {
    /// With one weight per feature, or 1 for each.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for weights.
    pub fn new(weights: Option<&[f64]>) -> Result<Self> {
        Ok(Self { weights: Weights::new(weights)? })
    }

    /// The path from one row per agent.
    fn per_agent<T: Real>(
        &self,
        method: Method,
        x: &Step<'_, T>,
        rows: &Features<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        let weights = self.weights.of(x.features())?;
        let n = x.present() as f64;
        let base = x.with_features(rows.clone());
        let (x_row, base_row) = (first_means(x), first_means(&base));
        let (x_shift, base_shift) = (Baseline::Common(&x_row), Baseline::Common(&base_row));
        let path = Baseline::PerAgent(rows.clone());
        let both = |positions: Range<usize>| {
            let of = |step, shift| {
                composite::chunk(&weights, step, shift, positions.clone(), Deviations::default())
            };
            let ((mut s, of_x), (b, of_base)) = (of(x, &x_shift), of(&base, &base_shift));
            s.iter_mut().zip(b.iter()).for_each(|(s, b)| *s = 0.5 * (*s + b));
            (s, of_x, of_base)
        };
        let (of_x, of_base, mean) = match method {
            Method::AumannShapley => {
                let states = blocks::map(x.present(), |positions| {
                    let (mut middles, of_x, of_base) = both(positions);
                    let mut of_middle = Deviations::default();
                    middles.chunks_mut(BLOCK).for_each(|block| of_middle.absorb(block));
                    ((of_x, of_base), Absorb::<f64>::total(of_middle))
                });
                let ((of_x, of_base), of_middle) = merge_tree(states).ok_or(Error::Empty)?;
                (of_x, of_base, of_middle.mean)
            }
            Method::LeaveOneOut => {
                let of_x = moments(x, &weights, &x_shift);
                (of_x, moments(&base, &weights, &base_shift), of_x.mean)
            }
        };
        let sums = blocks::map_mut(out, |start, out| {
            let positions = start..start + out.len();
            let (differences, ()) = composite::chunk(&weights, x, &path, positions.clone(), ());
            let middles = match method {
                Method::AumannShapley => both(positions).0,
                Method::LeaveOneOut => {
                    let (mut s, ()) = composite::chunk(&weights, x, &x_shift, positions, ());
                    // m_i less half of the agent's own part in the change of the mean.
                    let half = 0.5 - 0.5 / n;
                    s.iter_mut().zip(differences.iter()).for_each(|(s, d)| *s -= half * d);
                    s
                }
            };
            let mut scale = Scale::by(2.0 / n);
            products(out, &differences, &middles, 0.0, mean, &mut scale);
            Absorb::<T>::total(scale)
        });
        let scaled = merge_tree(sums).unwrap_or_default();
        let (value, baseline_value) = (of_x.variance(), of_base.variance());
        if !(scaled.sum + value + baseline_value).is_finite() {
            return Err(x.explain_non_finite(&path));
        }
        Ok(Outcome::closed_form(value, baseline_value, scaled))
    }

    /// One formula serves both: `factor (s_i - b) (s_i - mean)`.
    fn attribute<T: Real>(
        &self,
        method: Method,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        if let Baseline::PerAgent(rows) = baseline {
            return self.per_agent(method, x, rows, out);
        }
        let (weights, row) = (self.weights.of(x.features())?, first_means(x));
        let shift = Baseline::Common(&row);
        let n = x.present() as f64;
        let from = composite::of_baseline(&weights, baseline, &row);
        let (factor, centre) = method.factors(n, from);
        let (of_x, sums) = if let Some(held) = T::as_f64s(out) {
            let of_x = weighted_sum(x, &shift, &weights, held, &Deviations::default());
            let mean = centre(of_x.mean);
            (of_x, blocks::map_mut(held, |_, part| squares(part, from, mean, factor)))
        } else {
            let of_x = moments(x, &weights, &shift);
            let mean = centre(of_x.mean);
            let sums = blocks::map_mut(out, |start, part| {
                let positions = start..start + part.len();
                let mut scale = Scale::by(factor);
                composite::pieces(&weights, x, &shift, positions, (), |piece, s| {
                    let part = &mut part[piece.start - start..piece.end - start];
                    products(part, s, s, from, mean, &mut scale);
                });
                Absorb::<T>::total(scale)
            });
            (of_x, sums)
        };
        let scaled = merge_tree(sums).unwrap_or_default();
        let value = of_x.variance();
        if !(scaled.sum + value).is_finite() {
            return Err(x.explain_non_finite(baseline));
        }
        Ok(Outcome::closed_form(value, 0.0, scaled))
    }
}

/// Writes `(left_i - from) * (right_i - mean)`, scaled.
fn products<O: Real>(
    out: &mut [O],
    left: &[f64],
    right: &[f64],
    from: f64,
    mean: f64,
    scale: &mut Scale,
) {
    dispatch(
        #[inline(always)]
        || {
            let blocks = left.chunks(BLOCK).zip(right.chunks(BLOCK));
            for (out, (left, right)) in out.chunks_mut(BLOCK).zip(blocks) {
                for ((value, left), right) in out.iter_mut().zip(left).zip(right) {
                    *value = O::from_f64((left - from) * (right - mean));
                }
                scale.absorb(out);
            }
        },
    );
}

/// As [`products`], of one composite held in `out`.
fn squares(out: &mut [f64], from: f64, mean: f64, factor: f64) -> Scaled {
    let mut scale = Scale::by(factor);
    dispatch(
        #[inline(always)]
        || {
            for block in out.chunks_mut(BLOCK) {
                for value in block.iter_mut() {
                    *value = (*value - from) * (*value - mean);
                }
                scale.absorb(block);
            }
        },
    );
    Absorb::<f64>::total(scale)
}

/// Moments of the composites relative to a row.
fn moments<T: Real>(x: &Step<'_, T>, weights: &[f64], shift: &Baseline<'_, T>) -> Moments {
    let states = blocks::map(x.present(), |positions| {
        composite::pieces(weights, x, shift, positions, Deviations::default(), |_, _| ())
    });
    merge_tree(states).unwrap_or_default()
}

impl<T: Real> ValueFunction<T> for Variance {
    fn value(&self, x: &Step<'_, T>) -> Result<f64> {
        let (weights, row) = (self.weights.of(x.features())?, first_means(x));
        let value = moments(x, &weights, &Baseline::Common(&row)).variance();
        if value.is_finite() { Ok(value) } else { Err(x.explain_non_finite(&Baseline::Zero)) }
    }

    fn aumann_shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        self.attribute(Method::AumannShapley, x, baseline, out)
    }

    fn shapley(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        self.attribute(Method::AumannShapley, x, baseline, out)
    }

    fn leave_one_out(
        &self,
        x: &Step<'_, T>,
        baseline: &Baseline<'_, T>,
        out: &mut [T],
    ) -> Result<Outcome> {
        self.attribute(Method::LeaveOneOut, x, baseline, out)
    }

    fn game(&self, x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Result<Box<dyn Game>> {
        Ok(Box::new(VarianceGame::of(&self.weights, x, baseline)?))
    }

    fn mean_function(&self) -> Result<&dyn MeanFunction> {
        Err(Error::NoMeanFunction { function: "variance" })
    }
}
