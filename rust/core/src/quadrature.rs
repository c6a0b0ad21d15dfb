//! Adaptive Gauss-Kronrod quadrature of a small vector-valued function on an interval from 0.

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

/// Halvings after which an interval is taken as it is. Intervals that touch 0 can be halved this
/// often, as integrands with a layer there need; others end where their middle is one of their ends.
const MAX_DEPTH: u32 = 300;

/// Two estimates of the integrals of the components, and those of their magnitudes.
struct Estimates {
    kronrod: Vec<f64>,
    gauss: Vec<f64>,
    magnitude: Vec<f64>,
}

/// Integrates `f(t, &mut values)` over t in `[0, end]`, component by component, halving intervals
/// until the Gauss and the Kronrod rule agree to `tolerance` of the component's magnitude, or to its
/// own of `negligible`, errors that do not matter.
///
/// # Errors
/// The first error of `f`.
pub(crate) fn integrate<E>(
    negligible: &[f64],
    end: f64,
    tolerance: f64,
    mut f: impl FnMut(f64, &mut [f64]) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    let components = negligible.len();
    let mut total = vec![0.0; components];
    let mut accepted = vec![0.0; components];
    let mut intervals = vec![(0.0, end, 0)];
    while let Some((start, end, depth)) = intervals.pop() {
        let estimates = rules(components, start, end, &mut f)?;
        let agrees = (0..components).all(|k| {
            let error = (estimates.kronrod[k] - estimates.gauss[k]).abs();
            error <= negligible[k] + tolerance * (accepted[k] + estimates.magnitude[k])
        });
        let middle = 0.5 * (start + end);
        if agrees || depth == MAX_DEPTH || middle <= start || middle >= end {
            for k in 0..components {
                total[k] += estimates.kronrod[k];
                accepted[k] += estimates.magnitude[k];
            }
        } else {
            // The later half first, so that intervals are added in order from the left.
            intervals.push((middle, end, depth + 1));
            intervals.push((start, middle, depth + 1));
        }
    }
    Ok(total)
}

fn rules<E>(
    components: usize,
    start: f64,
    end: f64,
    f: &mut impl FnMut(f64, &mut [f64]) -> Result<(), E>,
) -> Result<Estimates, E> {
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
    use std::convert::Infallible;

    fn integral(f: impl Fn(f64) -> f64) -> f64 {
        let one = |a: f64, values: &mut [f64]| {
            values[0] = f(a);
            Ok::<_, Infallible>(())
        };
        integrate(&[0.0], 1.0, 1e-13, one).unwrap()[0]
    }

    #[test]
    fn the_rules_are_exact_for_their_degrees() {
        for degree in 0..=22 {
            let mut power = |a: f64, values: &mut [f64]| {
                values[0] = a.powi(degree);
                Ok::<_, Infallible>(())
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
    fn negligible_errors_are_not_resolved() {
        let points = |negligible| {
            let mut points = 0;
            let noise = |a: f64, values: &mut [f64]| {
                points += 1;
                values[0] = 1e-9 * (1e9 * a).sin();
                if points < 100_000 { Ok(()) } else { Err(()) }
            };
            integrate(&[negligible], 1.0, 1e-13, noise).map(|_| points)
        };
        assert_eq!(points(1e-8), Ok(15));
        assert!(points(0.0).is_err());
    }

    #[test]
    fn an_error_stops_the_integration() {
        let refuse = |a: f64, _: &mut [f64]| if a > 0.5 { Err("half") } else { Ok(()) };
        assert_eq!(integrate(&[0.0], 1.0, 1e-13, refuse), Err("half"));
    }
}
