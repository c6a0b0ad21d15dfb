//! Enumerated values against the definitions, for games of this crate and of a user's own.

use aumann_core::{
    Baseline, Coalition, Descriptor, Enumeration, Error, Features, Game, MAX_ENUMERATED, Result,
    Step, from_descriptor, leave_one_out_of,
};

/// A game given by the value of every coalition.
struct Listed(Vec<f64>);

struct Members<'a> {
    values: &'a [f64],
    members: usize,
}

impl Game for Listed {
    fn players(&self) -> usize {
        self.0.len().trailing_zeros() as usize
    }
    fn empty(&self) -> Box<dyn Coalition + '_> {
        Box::new(Members { values: &self.0, members: 0 })
    }
    fn bound(&self) -> f64 {
        f64::MAX
    }
    // Other methods as provided.
}

impl Members<'_> {
    fn turn(&mut self, player: usize) -> Result<f64> {
        let before = self.values[self.members];
        self.members ^= 1 << player;
        Ok(self.values[self.members] - before)
    }
}

impl Coalition for Members<'_> {
    fn add(&mut self, player: usize) -> Result<f64> {
        assert_eq!(self.members >> player & 1, 0, "player {player} is a member");
        self.turn(player)
    }
    fn remove(&mut self, player: usize) -> Result<f64> {
        assert_eq!(self.members >> player & 1, 1, "player {player} is no member");
        self.turn(player)
    }
    fn value(&self) -> Result<f64> {
        Ok(self.values[self.members])
    }
}

/// Reproducible numbers in [-1, 1).
fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 10) as f64 / (1_u64 << 53) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// The mean, over all orders of the players, of what each adds to those before it.
fn by_orders(values: &[f64], players: usize) -> Vec<f64> {
    fn go(values: &[f64], members: usize, left: &mut Vec<usize>, sums: &mut [f64]) -> f64 {
        let mut orders = 0.0;
        for place in 0..left.len() {
            let player = left.swap_remove(place);
            let with = members | 1 << player;
            let after = go(values, with, left, sums);
            sums[player] += after * (values[with] - values[members]);
            orders += after;
            left.push(player);
            let last = left.len() - 1;
            left.swap(place, last);
        }
        if left.is_empty() { 1.0 } else { orders }
    }
    let mut sums = vec![0.0; players];
    let orders = go(values, 0, &mut (0..players).collect(), &mut sums);
    sums.into_iter().map(|sum| sum / orders).collect()
}

fn close(found: &[f64], wanted: &[f64], tolerance: f64) {
    for (player, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() <= tolerance, "player {player}: {a} {b}");
    }
}

#[test]
fn values_are_means_over_orders_and_coalitions() {
    for players in 1..=7 {
        let values = numbers(1 << players, players as u64);
        let sums = Enumeration::of(&Listed(values.clone())).unwrap();
        close(&sums.shapley(), &by_orders(&values, players), 1e-14);

        let banzhaf: Vec<f64> = (0..players)
            .map(|player| {
                let others = (0..1_usize << players).filter(|members| members >> player & 1 == 0);
                let gains = others.map(|members| values[members | 1 << player] - values[members]);
                gains.sum::<f64>() / f64::from(1 << (players - 1))
            })
            .collect();
        close(&sums.banzhaf(), &banzhaf, 1e-14);

        let mut left_out = vec![0.0; players];
        leave_one_out_of(&Listed(values.clone()), &mut left_out).unwrap();
        let all = values.len() - 1;
        let wanted: Vec<f64> =
            (0..players).map(|player| values[all] - values[all ^ 1 << player]).collect();
        close(&left_out, &wanted, 1e-14);

        let mut by_hand = Enumeration::new(players).unwrap();
        (1..values.len()).for_each(|c| by_hand.add(c as u32, values[c] - values[0]));
        close(&by_hand.shapley(), &sums.shapley(), 1e-14);
    }
}

/// Unanimity games: only coalitions that hold all of a set are worth something, and its members
/// share it: 1/k each as Shapley value, 2^(1 - k) as Banzhaf value.
#[test]
fn unanimity_is_shared() {
    for (players, set) in [(11, 0b1_0110), (12, 0b111), (17, 0x1_0101), (19, 0x7_FFFF)] {
        let values = (0..1_u32 << players).map(|c| f64::from(u8::from(c & set == set)));
        let sums = Enumeration::of(&Listed(values.collect())).unwrap();
        let size = set.count_ones();
        let share = |value: f64| -> Vec<f64> {
            (0..players).map(|i| if set >> i & 1 == 1 { value } else { 0.0 }).collect()
        };
        close(&sums.shapley(), &share(1.0 / f64::from(size)), 1e-13);
        close(&sums.banzhaf(), &share(0.5_f64.powi(size as i32 - 1)), 1e-13);
    }
}

#[test]
fn value_functions_are_efficient_and_exact() {
    let (n, d) = (13, 3);
    let x: Vec<f64> = numbers(n * d, 5).iter().map(|v| 2.0 + v).collect();
    let b: Vec<f64> = numbers(n * d, 6).iter().map(|v| (3.0 * v).round() / 4.0 + 1.0).collect();
    let step = Step::new(Features::rows(&x, d).unwrap()).unwrap();
    let base = Baseline::PerAgent(Features::rows(&b, d).unwrap());
    for name in aumann_core::value_function::NAMES {
        let function = from_descriptor::<f64>(&Descriptor { name, weights: None }).unwrap();
        let game = function.game(&step, &base).unwrap();
        let sums = Enumeration::of(game.as_ref()).unwrap();
        let value = |coalition: u32| {
            let from = |i: usize| if coalition >> i & 1 == 1 { &x } else { &b };
            let rows: Vec<f64> =
                (0..n).flat_map(|i| from(i)[i * d..(i + 1) * d].to_vec()).collect();
            function.value(&Step::new(Features::rows(&rows, d).unwrap()).unwrap()).unwrap()
        };
        let values: Vec<f64> = (0..1 << n).map(value).collect();
        let wanted = Enumeration::of(&Listed(values.clone())).unwrap();
        close(&sums.shapley(), &wanted.shapley(), 1e-13);
        close(&sums.banzhaf(), &wanted.banzhaf(), 1e-13);
        let total = values[values.len() - 1] - values[0];
        assert!((sums.shapley().iter().sum::<f64>() - total).abs() < 1e-12, "{name}");
        assert!((game.value().unwrap() - values[values.len() - 1]).abs() < 1e-12);
        assert!((game.baseline_value().unwrap() - values[0]).abs() < 1e-12);
        let mut left_out = vec![0.0; n];
        leave_one_out_of(game.as_ref(), &mut left_out).unwrap();
        let all = values.len() - 1;
        let one_out: Vec<f64> = (0..n).map(|i| values[all] - values[all ^ 1 << i]).collect();
        close(&left_out, &one_out, 1e-13);
    }
}

#[test]
fn threads_leave_no_trace() {
    let values = numbers(1 << 17, 3);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Enumeration::of(&Listed(values.clone())).unwrap().shapley())
    };
    let one = with(1);
    assert!([2, 3, 8].into_iter().all(|threads| with(threads) == one));
}

#[test]
fn an_offset_costs_no_digits() {
    let values = numbers(1 << 16, 8);
    let near = Enumeration::of(&Listed(values.clone())).unwrap().shapley();
    // A power of two: the values keep their differences to 2^-33.
    let far = values.iter().map(|v| (v * 1e9).round() / 1e9 + 1_048_576.0).collect();
    close(&Enumeration::of(&Listed(far)).unwrap().shapley(), &near, 1e-9);
}

#[test]
fn what_cannot_be_enumerated_is_refused() {
    let most = MAX_ENUMERATED;
    let wanted = Error::TooManyPlayers { players: most + 1, most };
    assert_eq!(Enumeration::new(most + 1).err(), Some(wanted));
    assert!(Enumeration::new(most).is_ok());
    assert_eq!(Enumeration::new(0).err(), Some(Error::Empty));
    let mut values = numbers(32, 1);
    values[21] = f64::NAN;
    let refused = Enumeration::of(&Listed(values.clone()));
    assert!(matches!(refused, Err(Error::Sample { .. })));
    values[31] = f64::INFINITY;
    let mut out = [0.0; 5];
    assert!(leave_one_out_of(&Listed(values), &mut out).is_err());
    assert!(leave_one_out_of(&Listed(numbers(8, 1)), &mut out).is_err());
}
