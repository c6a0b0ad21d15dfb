//! Random numbers by counter: Philox4x64-10 of Salmon et al., Parallel Random Numbers: As Easy as
//! 1, 2, 3 (2011), the generator that NumPy calls `Philox`.
//!
//! A number depends on the seed, on what it is for, on the step, on the sample and on its place in
//! the sample, never on the thread that asks or on what was drawn before. Samples can therefore be
//! drawn in any order, side by side, and later runs can go on where earlier ones ended.

const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];
const ROUNDS: usize = 10;

/// What random numbers are for: the registry of streams. Numbers of different purposes are
/// independent of each other. A purpose keeps its number for ever, as results depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Buckets of a random order.
    Buckets = 0,
    /// The order within a bucket.
    Slots = 1,
    /// Members of coalitions.
    Coalitions = 2,
}

/// Which sample is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// Whoever repeats it gets the same samples.
    pub seed: u64,
    /// Index of the step.
    pub step: u32,
    /// Number of the sample.
    pub sample: u64,
}

impl Draw {
    /// Its random numbers for a purpose.
    #[must_use]
    pub fn stream(self, purpose: Purpose) -> Stream {
        Stream::new(self.seed, purpose, self.step, self.sample)
    }
}

/// The random numbers of one sample for one purpose.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    key: [u64; 2],
    sample: u64,
}

impl Stream {
    /// The numbers of `sample` at `step`.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, step: u32, sample: u64) -> Self {
        Self { key: [seed, (purpose as u64) << 32 | u64::from(step)], sample }
    }

    /// The four words at a place. `lane` splits a sample into sequences of their own.
    #[inline(always)]
    #[must_use]
    pub fn words(&self, lane: u64, index: u64) -> [u64; 4] {
        philox([[index, lane, self.sample, 0]], self.key)[0]
    }

    /// The words at a place and the next.
    #[inline(always)]
    pub(crate) fn two_blocks(&self, lane: u64, index: u64) -> [[u64; 4]; 2] {
        philox([index, index.wrapping_add(1)].map(|index| [index, lane, self.sample, 0]), self.key)
    }
}

/// Four random words for each of some counters and a key. One counter alone waits for its
/// multiplications, so neighbours are worked on in turns.
#[inline(always)]
fn philox<const N: usize>(mut counters: [[u64; 4]; N], mut key: [u64; 2]) -> [[u64; 4]; N] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        for [a, b, c, d] in &mut counters {
            let first = u128::from(*a) * u128::from(MULTIPLIERS[0]);
            let second = u128::from(*c) * u128::from(MULTIPLIERS[1]);
            let high = |product: u128| (product >> 64) as u64;
            (*a, *c) = (high(second) ^ *b ^ key[0], high(first) ^ *d ^ key[1]);
            (*b, *d) = (second as u64, first as u64);
        }
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_authors() {
        // Known answers of the reference implementation (Random123, kat_vectors).
        let zero = philox([[0; 4]], [0; 2])[0];
        assert_eq!(
            zero,
            [0x1655_4d9e_ca36_314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b]
        );
        let ones = philox([[u64::MAX; 4]], [u64::MAX; 2])[0];
        assert_eq!(
            ones,
            [0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0]
        );
    }
}
