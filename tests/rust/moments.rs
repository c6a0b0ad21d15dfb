//! Sums of samples in fixed point: exact, in any order, and refused rather than wrong.

use aumann_core::{Error, MAX_SAMPLES, Moments, blocks::CHUNK};
use proptest::prelude::*;

fn add(moments: &mut Moments, samples: &[f64]) -> Result<(), Error> {
    moments.add(|players, out| out.copy_from_slice(&samples[players]))
}

/// Moments after so many samples, each of the largest size there is.
fn full(bound: f64, samples: u64, players: usize) -> Moments {
    let (unit, samples_wide) = (1_i64 << 42, u128::from(samples));
    let sums = vec![unit * samples as i64; players];
    Moments::from_parts(bound, samples, sums, vec![samples_wide << 84; players]).unwrap()
}

#[test]
fn estimates_are_mean_and_standard_error() {
    let mut moments = Moments::new(3, 4.0).unwrap();
    let empty = moments.estimate(0);
    assert!(empty.0.is_nan() && empty.1.is_nan());
    add(&mut moments, &[1.0, -4.0, 0.0]).unwrap();
    assert_eq!(moments.estimate(1).0, -4.0);
    assert!(moments.estimate(1).1.is_nan() && moments.spread().error.is_nan());
    add(&mut moments, &[3.0, -4.0, 0.0]).unwrap();
    // Two samples that differ by 2 have a standard deviation of sqrt(2).
    assert_eq!((moments.estimate(0), moments.estimate(1)), ((2.0, 1.0), (-4.0, 0.0)));
    let spread = moments.spread();
    assert_eq!((spread.min, spread.max, spread.error), (-4.0, 2.0, 1.0));
}

proptest! {
    #[test]
    fn samples_add_up_in_any_order(
        rows in prop::collection::vec(prop::array::uniform4(-7.0..7.0_f64), 2..40),
        cut in 0..40_usize,
    ) {
        let of = |rows: &mut dyn Iterator<Item = &[f64; 4]>| {
            let mut moments = Moments::new(4, 7.0).unwrap();
            rows.for_each(|row| add(&mut moments, row).unwrap());
            moments
        };
        let cut = cut.min(rows.len());
        let whole = of(&mut rows.iter());
        let mut parts = of(&mut rows[cut..].iter().rev());
        parts.merge(&of(&mut rows[..cut].iter())).unwrap();
        prop_assert_eq!(&parts, &whole);
        for player in 0..4 {
            let column: Vec<f64> = rows.iter().map(|row| row[player]).collect();
            let n = column.len() as f64;
            let mean = column.iter().sum::<f64>() / n;
            let m2 = column.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
            let (found, error) = whole.estimate(player);
            prop_assert!((found - mean).abs() < 1e-12);
            prop_assert!((error - (m2 / (n - 1.0) / n).sqrt()).abs() < 1e-12);
        }
    }

    #[test]
    fn bounds_of_every_size_keep_twelve_digits(
        exponent in -250.0..308.0_f64,
        share in -1.0..1.0_f64,
    ) {
        let bound = 10.0_f64.powf(exponent);
        let mut moments = Moments::new(2, bound).unwrap();
        add(&mut moments, &[bound * share, bound]).unwrap();
        prop_assert!((moments.estimate(0).0 - bound * share).abs() <= 3e-13 * bound);
        prop_assert!((moments.estimate(1).0 / bound - 1.0).abs() <= 3e-13);
    }
}

#[test]
fn the_ends_of_the_range_are_bounds() {
    for bound in [0.0, 1.1e-286, f64::MAX] {
        let mut moments = Moments::new(1, bound).unwrap();
        for sample in [bound, -bound] {
            add(&mut moments, &[sample]).unwrap();
        }
        assert_eq!(moments.estimate(0).0, 0.0);
        assert!(moments.estimate(0).1 >= 0.0);
    }
    // Samples that small would be rounded to nothing.
    for bound in [f64::NAN, f64::INFINITY, -1.0, 5e-324, 1e-300, f64::MIN_POSITIVE, 1e-286] {
        assert!(matches!(Moments::new(1, bound), Err(Error::Bound { .. })));
    }
}

#[test]
fn samples_beyond_the_bound_are_refused_and_leave_nothing() {
    let n = 2 * CHUNK + 5;
    for (player, wrong) in [(0, f64::NAN), (CHUNK + 3, 8.1), (n - 1, f64::NEG_INFINITY)] {
        let mut moments = Moments::new(n, 8.0).unwrap();
        let mut samples = vec![-8.0; n];
        add(&mut moments, &samples).unwrap();
        let before = moments.clone();
        samples[player] = wrong;
        match add(&mut moments, &samples) {
            Err(Error::Sample { player: found, sample, bound }) => {
                assert_eq!((found, sample.to_bits(), bound), (player, wrong.to_bits(), 8.0));
            }
            other => panic!("{other:?}"),
        }
        assert!(moments == before);
    }
}

#[test]
fn the_largest_sums_stay_exact() {
    let mut moments = full(1.0, MAX_SAMPLES - 1, 2);
    add(&mut moments, &[1.0, -1.0]).unwrap();
    assert_eq!(moments.samples(), MAX_SAMPLES);
    assert_eq!(moments.estimate(0), (1.0, 0.0));
    let n = MAX_SAMPLES as f64;
    let (mean, error) = moments.estimate(1);
    assert_eq!(mean, (n - 2.0) / n);
    // One sample of -1 among n - 1 of 1: sum of squared deviations 4 (n - 1)/n.
    assert!((error * n / 2.0 - 1.0).abs() < 1e-15, "{error}");
    let wanted = Err(Error::TooManySamples { samples: MAX_SAMPLES + 1, most: MAX_SAMPLES });
    assert_eq!(add(&mut moments, &[0.0, 0.0]), wanted);
    assert_eq!(full(1.0, MAX_SAMPLES, 2).merge(&full(1.0, 1, 2)), wanted);
}

#[test]
fn moments_of_other_games_are_refused() {
    let mut moments = full(1.0, 3, 2);
    for other in [full(1.0, 3, 3), full(3.0, 3, 2)] {
        assert!(matches!(moments.merge(&other), Err(Error::OtherMoments { .. })));
    }
    assert!(moments == full(1.0, 3, 2));
    let parts = |samples, sum, square| Moments::from_parts(1.0, samples, vec![sum], vec![square]);
    assert!(parts(2, 3, 5).is_ok());
    for (samples, sum, square) in
        [(0, 1, 1), (2, 3, 4), (2, 3, 2), (1, 1 << 43, 1 << 86), (MAX_SAMPLES + 1, 0, 0)]
    {
        assert!(matches!(parts(samples, sum, square), Err(Error::Moments { .. })), "{sum}");
    }
    assert!(Moments::from_parts(1.0, 1, vec![0], vec![]).is_err());
}

#[test]
fn bytes_give_the_same_moments_back() {
    let mut plain = Moments::new(3, 4.0).unwrap();
    add(&mut plain, &[1.0, -4.0, 0.3]).unwrap();
    add(&mut plain, &[0.5, 2.0, -0.1]).unwrap();
    let mut reused = Moments::of_reused(2, 1.0).unwrap();
    let mut values = [0.0; 64];
    values[..3].copy_from_slice(&[0.25, -1.0, 0.5]);
    reused.add_reused(&[0b011, 0b110], 0..3, &values).unwrap();
    for moments in [Moments::new(0, 0.0).unwrap(), plain, reused, full(f64::MAX, 1 << 20, 2)] {
        let bytes = moments.to_bytes();
        assert_eq!(Moments::from_bytes(&bytes).unwrap(), moments);
        // No bit, missing end or further byte goes unnoticed.
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Moments::from_bytes(&damaged), Err(Error::Bytes { .. })), "{bit}");
        }
        for length in 0..bytes.len() {
            assert!(Moments::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Moments::from_bytes(&[bytes, vec![0]].concat()).is_err());
    }
    assert!(Moments::from_bytes(b"").is_err());
}
