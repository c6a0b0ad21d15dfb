//! Coalitions of the heat. Those of few players, which are enumerated, depend on their members alone
//! and not on who joined before: sums of the features are kept as a tree over the players, in twice
//! the precision of f64, and nobody is ever subtracted from them.

use super::block::log_ratio;
use super::game::HeatGame;
use super::heat;
use crate::double::Double;
use crate::error::{Error, Result};
use crate::features::{Baseline, Step};
use crate::game::Coalition;
use crate::product::Wide;
use crate::real::Real;

/// Features of all players where they are few: at the baseline and at x.
pub(super) struct Few {
    /// Player by player.
    base: Vec<f64>,
    x: Vec<f64>,
    features: usize,
    /// One over the number of players to the power of features.
    share: Wide,
}

impl Few {
    pub(super) fn of<T: Real>(x: &Step<'_, T>, baseline: &Baseline<'_, T>) -> Self {
        let (agents, d) = (x.present_agents(), x.features().features());
        let row = baseline.row(d);
        let (mut of_x, mut of_base) = (Vec::new(), Vec::new());
        let mut value = [T::ZERO];
        for agent in &agents {
            for (k, common) in row.iter().enumerate() {
                x.features().gather(k, &[*agent], &mut value);
                of_x.push(value[0].to_f64());
                of_base.push(match baseline {
                    Baseline::PerAgent(rows) => {
                        rows.gather(k, &[*agent], &mut value);
                        value[0].to_f64()
                    }
                    _ => *common,
                });
            }
        }
        let share = Wide::ONE.over(Wide::new(agents.len() as f64).power(d));
        Self { base: of_base, x: of_x, features: d, share }
    }

    /// The empty coalition.
    pub(super) fn empty(&self) -> Sums<'_> {
        let d = self.features;
        let leaves = (self.base.len() / d).next_power_of_two();
        let mut tree = vec![Double::default(); 2 * leaves * d];
        for (sum, value) in tree[leaves * d..].iter_mut().zip(&self.base) {
            *sum = Double::new(*value);
        }
        for node in (1..leaves).rev() {
            add(&mut tree, node, d);
        }
        let mut sums = Sums { few: self, tree, product: Wide::ONE, count: 0 };
        sums.product = sums.root();
        sums
    }
}

/// Forms a node of the tree from the two below it.
fn add(tree: &mut [Double], node: usize, d: usize) {
    for k in 0..d {
        tree[node * d + k] = tree[2 * node * d + k].plus(tree[(2 * node + 1) * d + k]);
    }
}

/// A coalition of few players.
pub(super) struct Sums<'a> {
    few: &'a Few,
    /// The features of nodes, the first of which is the sum of all, and those of 2 i and 2 i + 1 are
    /// added up to that of i.
    tree: Vec<Double>,
    product: Wide,
    count: usize,
}

impl Sums<'_> {
    /// The product of the means.
    fn root(&self) -> Wide {
        let d = self.few.features;
        Wide::product(&self.tree[d..2 * d]).times(self.few.share)
    }

    /// Puts a player where `from` has it; returns the change of the value.
    fn put(&mut self, player: usize, from: &[f64], count: usize) -> Result<f64> {
        let d = self.few.features;
        let mut node = self.tree.len() / d / 2 + player;
        for (sum, value) in self.tree[node * d..].iter_mut().zip(&from[player * d..][..d]) {
            *sum = Double::new(*value);
        }
        while node > 1 {
            node /= 2;
            add(&mut self.tree, node, d);
        }
        self.count = count;
        let product = self.root();
        let before = std::mem::replace(&mut self.product, product);
        let change = before.log_change(self.product);
        if change.is_nan() {
            let product = self.product.to_f64();
            return Err(Error::HeatDomainOfCoalition { product, members: self.count });
        }
        Ok(change)
    }
}

impl Coalition for Sums<'_> {
    fn add(&mut self, player: usize) -> Result<f64> {
        self.put(player, &self.few.x, self.count + 1)
    }

    fn remove(&mut self, player: usize) -> Result<f64> {
        self.put(player, &self.few.base, self.count - 1)
    }

    fn value(&self) -> Result<f64> {
        Ok(self.product.ln_1p())
    }
}

/// A coalition of any number of players: the means move by a player's part of them.
pub(super) struct Members<'a> {
    game: &'a HeatGame,
    means: Vec<f64>,
    count: usize,
}

impl<'a> Members<'a> {
    pub(super) fn none_of(game: &'a HeatGame) -> Self {
        Self { game, means: game.start.clone(), count: 0 }
    }

    /// Moves the means by a player's part times `sign`; returns the change of the value.
    fn go(&mut self, player: usize, sign: f64, count: usize) -> Result<f64> {
        let d = self.means.len();
        let (mut change, mut product, mut after) = (0.0, 1.0, 1.0);
        let row = &self.game.payload[player * d..][..d];
        for (mean, part) in self.means.iter_mut().zip(row) {
            let next = *mean + sign * part;
            change = change * next + product * (sign * part);
            product *= *mean;
            after *= next;
            *mean = next;
        }
        self.count = count;
        let marginal = log_ratio(change, product, after);
        if marginal.is_finite() {
            Ok(marginal)
        } else {
            Err(Error::HeatDomainOfCoalition { product: after, members: self.count })
        }
    }
}

impl Coalition for Members<'_> {
    fn add(&mut self, player: usize) -> Result<f64> {
        self.go(player, 1.0, self.count + 1)
    }

    fn remove(&mut self, player: usize) -> Result<f64> {
        self.go(player, -1.0, self.count - 1)
    }

    fn value(&self) -> Result<f64> {
        heat(&self.means.iter().map(|&mean| Double::new(mean)).collect::<Vec<_>>(), 1.0)
    }
}
