//! A number that tells one input from another, so that samples of different games are not mixed.

use crate::blocks::{self, BLOCK};
use crate::features::{Baseline, Features, Step};
use crate::real::Real;

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit depends on every bit.
fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

/// What a value at a place of a table adds to the fingerprint. Terms are added up, in any order.
fn term(table: u64, place: u64, value: f64) -> u64 {
    let place = mix(place.wrapping_add(table << 56).wrapping_add(0x9E37_79B9_7F4A_7C15));
    mix(place ^ (value + 0.0).to_bits())
}

fn of_rows<T: Real>(table: u64, x: &Step<'_, T>, rows: &Features<'_, T>) -> u64 {
    let d = rows.features();
    let parts = blocks::map(x.present(), |positions| {
        let (mut sum, mut column) = (0_u64, [T::ZERO; BLOCK]);
        x.for_each_block(positions, |agents, positions| {
            for feature in 0..d {
                rows.gather(feature, agents, &mut column[..agents.len()]);
                for (value, position) in column.iter().zip(positions.clone()) {
                    let place = (position * d + feature) as u64;
                    sum = sum.wrapping_add(term(table, place, value.to_f64()));
                }
            }
        });
        sum
    });
    parts.into_iter().fold(0, u64::wrapping_add)
}

/// A number of the features of the present agents, in their order, and of their baseline. Inputs
/// that differ have different ones but for a chance of 2^-64. One pass over both.
pub fn fingerprint<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> u64 {
    let shape = mix((x.present() as u64) << 16 ^ x.features().features() as u64);
    let base = match baseline {
        Baseline::PerAgent(rows) => of_rows(2, x, rows),
        _ => {
            let row = baseline.row(x.features().features());
            let terms = row.iter().zip(0..).map(|(&value, place)| term(1, place, value));
            terms.fold(0, u64::wrapping_add)
        }
    };
    shape.wrapping_add(of_rows(0, x, x.features())).wrapping_add(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_that_differ_have_different_fingerprints() {
        let n = 40_000;
        let data: Vec<f64> = (0..2 * n).map(|i| f64::from(i % 7)).collect();
        let of = |data: &[f64], baseline: &Baseline<'_, f64>| {
            fingerprint(&Step::new(Features::rows(data, 2).unwrap()).unwrap(), baseline)
        };
        let mut swapped = data.clone();
        swapped.swap(6, 20_009);
        let mut columns = [Vec::new(), Vec::new()];
        data.iter().zip(0..).for_each(|(v, i)| columns[i % 2].push(*v));
        let views = Features::columns(columns.iter().map(Vec::as_slice).collect()).unwrap();
        let same = fingerprint(&Step::new(views).unwrap(), &Baseline::Zero);
        assert_eq!(of(&data, &Baseline::Zero), same);
        let rows = Baseline::PerAgent(Features::rows(&data, 2).unwrap());
        let found = [
            same,
            of(&swapped, &Baseline::Zero),
            of(&data, &Baseline::Common(&[0.0, 1.0])),
            of(&data, &Baseline::Common(&[1.0, 0.0])),
            of(&data, &rows),
            of(&swapped, &rows),
            of(&data[..2 * n as usize - 2], &Baseline::Zero),
        ];
        for (i, one) in found.iter().enumerate() {
            assert!(found[..i].iter().all(|other| other != one), "{i}");
        }
    }
}
