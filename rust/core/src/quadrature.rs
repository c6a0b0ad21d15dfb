//! Adaptive Gauss-Kronrod quadrature of a vector-valued function, in a bounded number of points.

use crate::abandon;
use crate::error::{Error, Result};

/// Positive nodes of the 15-point Kronrod rule, largest first; every second one, from the second,
/// belongs to the 7-point Gauss rule. Piessens et al., QUADPACK (1983), routine QK15.
const NODES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
    0.0,
];

/// Kronrod weights of [`NODES`].
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_56,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_89,
    0.209_482_141_084_727_82,
];

/// Gauss weights of every second of [`NODES`].
const GAUSS: [f64; 4] = [
    0.129_484_966_168_869_7,
    0.279_705_391_489_276_64,
    0.381_830_050_505_118_9,
    0.417_959_183_673_469_4,
];

/// Pieces that touch the end of the range of f64 are not halved.
const LEAST: f64 = 1e-290;

/// How far the accepted errors together may exceed the tolerance.
const SLACK: f64 = 100.0;

/// What limits an integration.
pub(crate) struct Limits<'a> {
    /// Error of a component relative to the integral of its magnitude.
    pub(crate) tolerance: f64,
    /// Errors of the components that do not matter.
    pub(crate) negligible: &'a [f64],
    /// Points after which the integral is given up.
    pub(crate) points: usize,
}

/// Two estimates of the integrals of the components, and those of their magnitudes.
struct Estimates {
    kronrod: Vec<f64>,
    gauss: Vec<f64>,
    magnitude: Vec<f64>,
}

/// Integrates `f(t, &mut values)` over t from the first to the last of `ends`, component by
/// component. The pieces between them are halved, level by level, until the Gauss and the Kronrod
/// rule agree to the tolerance of the component's magnitude over the whole range.
///
/// # Errors
/// The first error of `f`; [`Error::RoughPath`] where the points do not suffice.
pub(crate) fn integrate(
    ends: &[f64],
    limits: &Limits<'_>,
    mut f: impl FnMut(f64, &mut [f64]) -> Result<()>,
) -> Result<Vec<f64>> {
    let components = limits.negligible.len();
    let rough = || Error::RoughPath { points: limits.points };
    let mut total = vec![0.0; components];
    let mut accepted = vec![0.0; components];
    let mut errors = vec![0.0; components];
    // Magnitudes over the whole range, as far as the level before knew them.
    let mut known = vec![0.0_f64; components];
    let mut points = 0;
    let mut pieces: Vec<[f64; 2]> = ends.windows(2).map(|piece| [piece[0], piece[1]]).collect();
    while !pieces.is_empty() {
        let mut halves = Vec::new();
        let mut level = accepted.clone();
        for [start, end] in pieces {
            abandon::look();
            points += 15;
            if points > limits.points {
                return Err(rough());
            }
            let estimates = rules(components, start, end, &mut f)?;
            let agrees = (0..components).all(|k| {
                let error = (estimates.kronrod[k] - estimates.gauss[k]).abs();
                let magnitude = known[k].max(accepted[k] + estimates.magnitude[k]);
                error <= limits.negligible[k] + limits.tolerance * magnitude
            });
            level.iter_mut().zip(&estimates.magnitude).for_each(|(sum, more)| *sum += more);
            let middle = 0.5 * (start + end);
            if agrees {
                for k in 0..components {
                    total[k] += estimates.kronrod[k];
                    accepted[k] += estimates.magnitude[k];
                    errors[k] += (estimates.kronrod[k] - estimates.gauss[k]).abs();
                }
            } else if middle <= start || middle >= end || end - start < LEAST {
                return Err(rough());
            } else {
                halves.extend([[start, middle], [middle, end]]);
            }
        }
        known = level;
        pieces = halves;
    }
    // A level that took a peak for much more than it is let too much pass.
    let settled = (0..components)
        .all(|k| errors[k] <= SLACK * (limits.negligible[k] + limits.tolerance * accepted[k]));
    if settled { Ok(total) } else { Err(rough()) }
}

fn rules(
    components: usize,
    start: f64,
    end: f64,
    f: &mut impl FnMut(f64, &mut [f64]) -> Result<()>,
) -> Result<Estimates> {
    let (middle, half) = (0.5 * (start + end), 0.5 * (end - start));
    let zeros = vec![0.0; components];
    let mut sums = Estimates { kronrod: zeros.clone(), gauss: zeros.clone(), magnitude: zeros };
    let mut values = vec![0.0; components];
    for (i, node) in NODES.into_iter().enumerate() {
        let points: &[f64] = if node == 0.0 { &[0.0] } else { &[-node, node] };
        for point in points {
            f(middle + half * point, &mut values)?;
            for (k, value) in values.iter().enumerate() {
                sums.kronrod[k] += half * KRONROD[i] * value;
                sums.magnitude[k] += half * KRONROD[i] * value.abs();
                if i % 2 == 1 {
                    sums.gauss[k] += half * GAUSS[i / 2] * value;
                }
            }
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integrate_one(f: impl Fn(f64) -> f64, points: usize) -> Result<f64> {
        let one = |t: f64, values: &mut [f64]| {
            values[0] = f(t);
            Ok(())
        };
        let limits = Limits { tolerance: 1e-13, negligible: &[0.0], points };
        integrate(&[0.0, 1.0], &limits, one).map(|found| found[0])
    }

    fn integral(f: impl Fn(f64) -> f64) -> f64 {
        // A layer of 1e-60 has 200 octaves.
        integrate_one(f, 30_000).unwrap()
    }

    #[test]
    fn the_rules_are_exact_for_their_degrees() {
        for degree in 0..=22 {
            let mut power = |a: f64, values: &mut [f64]| {
                values[0] = a.powi(degree);
                Ok(())
            };
            let Estimates { kronrod, gauss, .. } = rules(1, 0.0, 1.0, &mut power).unwrap();
            let exact = 1.0 / f64::from(degree + 1);
            assert!((kronrod[0] - exact).abs() < 2e-16, "Kronrod, degree {degree}");
            assert!(degree > 13 || (gauss[0] - exact).abs() < 2e-16, "Gauss, degree {degree}");
        }
    }

    #[test]
    fn sharp_integrands_are_resolved() {
        for p in [1e-6, 1.0, 1e3, 1e12] {
            // The heat of three equal means: 3 p a^2 / (1 + p a^3) integrates to log(1 + p).
            let found = integral(|a| 3.0 * p * a * a / (1.0 + p * a * a * a));
            assert!((found / f64::ln_1p(p) - 1.0).abs() < 1e-13, "{p}: {found}");
        }
        for layer in [1e-8, 1e-16, 1e-60] {
            let found = integral(|t| 1.0 / (layer + t));
            assert!((found / f64::ln_1p(1.0 / layer) - 1.0).abs() < 1e-13, "{layer}: {found}");
        }
        assert!((integral(f64::sqrt) - 2.0 / 3.0).abs() < 1e-13);
    }

    #[test]
    fn powers_of_any_degree_are_resolved_at_their_zero() {
        for degree in [14, 15, 50, 3_000] {
            let found = integral(|t| t.powi(degree));
            assert!((found * f64::from(degree + 1) - 1.0).abs() < 1e-13, "{degree}: {found}");
        }
    }

    #[test]
    fn negligible_errors_are_not_resolved() {
        let points = |negligible| {
            let mut points = 0;
            let noise = |a: f64, values: &mut [f64]| {
                points += 1;
                values[0] = 1e-9 * (1e9 * a).sin();
                Ok(())
            };
            let limits = Limits { tolerance: 1e-13, negligible: &[negligible], points: 9_000 };
            integrate(&[0.0, 1.0], &limits, noise).map(|_| points)
        };
        assert_eq!(points(1e-8), Ok(15));
        assert_eq!(points(0.0), Err(Error::RoughPath { points: 9_000 }));
    }

    #[test]
    fn what_does_not_settle_is_an_error_in_bounded_time() {
        let rough = Err(Error::RoughPath { points: 30_000 });
        assert_eq!(integrate_one(|t| (1.0 / t).sin() / t, 30_000), rough);
        assert_eq!(integrate_one(|t| 1.0 / (t - 0.3), 30_000), rough);
        let noise = |t: f64| t + 1e-6 * (1e9 * t * t).fract();
        assert_eq!(integrate_one(noise, 30_000), rough);
    }

    #[test]
    fn an_error_stops_the_integration() {
        let refuse = |t: f64, _: &mut [f64]| if t > 0.5 { Err(Error::Empty) } else { Ok(()) };
        let limits = Limits { tolerance: 1e-13, negligible: &[0.0], points: 1_000 };
        assert_eq!(integrate(&[0.0, 1.0], &limits, refuse), Err(Error::Empty));
    }
}
