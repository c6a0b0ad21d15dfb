//! Views of the features of one step, and of the agents present in it.

use crate::blocks::{BLOCK, CHUNK};
use crate::error::{Error, Result};
use crate::memory;
use crate::real::Real;
use std::ops::Range;

/// Features in a layout that none of the direct loops read: any strides, any storage.
pub trait Gather<T>: Sync {
    /// Number of agents.
    fn agents(&self) -> usize;
    /// Number of features.
    fn features(&self) -> usize;
    /// Writes one feature of the given agents to `out`, which has their length.
    fn gather(&self, feature: usize, agents: &[usize], out: &mut [T]);
}

/// The features of one step, n agents times d features, read in place.
#[derive(Clone)]
pub enum Features<'a, T> {
    /// C order: the features of an agent are neighbours.
    Rows {
        /// n times d values.
        data: &'a [T],
        /// d.
        features: usize,
    },
    /// Fortran order or separate columns: one slice of n values per feature.
    Columns(Vec<&'a [T]>),
    /// Anything else.
    Gather(&'a dyn Gather<T>),
}

impl<'a, T: Real> Features<'a, T> {
    /// Features in C order.
    ///
    /// # Errors
    /// [`Error::Shape`] where the length is no multiple of the number of features.
    pub fn rows(data: &'a [T], features: usize) -> Result<Self> {
        if features == 0 || !data.len().is_multiple_of(features) {
            return Err(Error::Shape {
                argument: "x",
                what: "features",
                got: features,
                wanted: data.len().max(1),
            });
        }
        Ok(Self::Rows { data, features })
    }

    /// Features in separate columns.
    ///
    /// # Errors
    /// [`Error::Shape`] where the columns differ in length, [`Error::Empty`] where there are none.
    pub fn columns(columns: Vec<&'a [T]>) -> Result<Self> {
        let wanted = columns.first().ok_or(Error::Empty)?.len();
        match columns.iter().find(|column| column.len() != wanted) {
            Some(column) => Err(Error::Shape {
                argument: "x",
                what: "agents in a column",
                got: column.len(),
                wanted,
            }),
            None => Ok(Self::Columns(columns)),
        }
    }

    /// Number of agents, absent ones included.
    #[must_use]
    pub fn agents(&self) -> usize {
        match self {
            Self::Rows { data, features } => data.len() / features,
            Self::Columns(columns) => columns[0].len(),
            Self::Gather(source) => source.agents(),
        }
    }

    /// Number of features.
    #[must_use]
    pub fn features(&self) -> usize {
        match self {
            Self::Rows { features, .. } => *features,
            Self::Columns(columns) => columns.len(),
            Self::Gather(source) => source.features(),
        }
    }

    /// Writes one feature of the given agents to `out`.
    pub(crate) fn gather(&self, feature: usize, agents: &[usize], out: &mut [T]) {
        match self {
            Self::Rows { data, features } => {
                for (value, &agent) in out.iter_mut().zip(agents) {
                    *value = data[agent * features + feature];
                }
            }
            Self::Columns(columns) => {
                let column = columns[feature];
                for (value, &agent) in out.iter_mut().zip(agents) {
                    *value = column[agent];
                }
            }
            Self::Gather(source) => source.gather(feature, agents, out),
        }
    }
}

/// Agents present in a step.
#[derive(Clone)]
struct Presence<'a> {
    mask: &'a [bool],
    /// Index of the first present agent of every chunk.
    starts: Vec<usize>,
    count: usize,
}

impl<'a> Presence<'a> {
    fn new(mask: &'a [bool]) -> Self {
        let (mut starts, mut count) = (Vec::new(), 0);
        // Whole blocks are counted at once; only the block where a chunk begins is read singly.
        for (block, part) in mask.chunks(BLOCK).enumerate() {
            let present = part.iter().filter(|&&present| present).count();
            let next = starts.len() * CHUNK;
            if count + present > next {
                let mut offsets = (0..part.len()).filter(|&offset| part[offset]);
                starts.extend(offsets.nth(next - count).map(|offset| block * BLOCK + offset));
            }
            count += present;
        }
        Self { mask, starts, count }
    }
}

/// One step: features, and who is present. Every loop of the core runs over **positions**, the
/// ranks of the present agents in index order, so that an absent agent leaves no trace in any bit.
pub struct Step<'a, T> {
    features: Features<'a, T>,
    presence: Option<Presence<'a>>,
}

impl<'a, T: Real> Step<'a, T> {
    /// A step in which every agent is present.
    ///
    /// # Errors
    /// [`Error::Empty`] without agents or features.
    pub fn new(features: Features<'a, T>) -> Result<Self> {
        Self::with_presence(features, None)
    }

    /// A step with a mask of the agents present.
    ///
    /// # Errors
    /// [`Error::Empty`] without features or present agents, [`Error::Shape`] where the mask has
    /// another length than the features.
    pub fn with_presence(features: Features<'a, T>, mask: Option<&'a [bool]>) -> Result<Self> {
        if let Some(mask) = mask
            && mask.len() != features.agents()
        {
            return Err(Error::Shape {
                argument: "presence",
                what: "agents",
                got: mask.len(),
                wanted: features.agents(),
            });
        }
        let everyone = |mask: &&[bool]| mask.iter().all(|&present| present);
        let presence = mask.filter(|mask| !everyone(mask)).map(Presence::new);
        let step = Self { features, presence };
        if step.present() == 0 || step.features.features() == 0 {
            return Err(Error::Empty);
        }
        Ok(step)
    }

    /// Number of agents, absent ones included.
    #[must_use]
    pub fn agents(&self) -> usize {
        self.features.agents()
    }

    /// Number of agents present: the n of the value functions.
    #[must_use]
    pub fn present(&self) -> usize {
        self.presence.as_ref().map_or_else(|| self.features.agents(), |presence| presence.count)
    }

    /// The features of all agents.
    #[must_use]
    pub fn features(&self) -> &Features<'a, T> {
        &self.features
    }

    /// The same agents with other features, of as many agents.
    pub(crate) fn with_features(&self, features: Features<'a, T>) -> Self {
        Self { features, presence: self.presence.clone() }
    }

    /// Whether positions and agent indices are the same numbers.
    #[must_use]
    pub fn everyone_is_present(&self) -> bool {
        self.presence.is_none()
    }

    /// Calls `work` with the agent indices of one block of positions after another. `positions`
    /// starts at a chunk if agents are absent.
    pub(crate) fn for_each_block(
        &self,
        positions: Range<usize>,
        mut work: impl FnMut(&[usize], Range<usize>),
    ) {
        debug_assert!(self.presence.is_none() || positions.start.is_multiple_of(CHUNK));
        let mut indices = [0_usize; BLOCK];
        let mut next = match &self.presence {
            None => positions.start,
            Some(presence) => presence.starts[positions.start / CHUNK],
        };
        let mut start = positions.start;
        while start < positions.end {
            let length = BLOCK.min(positions.end - start);
            for index in &mut indices[..length] {
                if let Some(presence) = &self.presence {
                    while !presence.mask[next] {
                        next += 1;
                    }
                }
                *index = next;
                next += 1;
            }
            work(&indices[..length], start..start + length);
            start += length;
        }
    }

    /// The present agents, ascending.
    pub(crate) fn present_agents(&self) -> Vec<usize> {
        let mut agents = Vec::new();
        memory::reserve(&mut agents, self.present());
        match &self.presence {
            None => agents.extend(0..self.agents()),
            Some(presence) => {
                agents.extend((0..self.agents()).filter(|&agent| presence.mask[agent]));
            }
        }
        agents
    }

    /// Spreads the values of the positions, which fill the front of `out`, over the agents; absent
    /// agents get zero.
    pub(crate) fn expand<V: Real>(&self, out: &mut [V]) {
        let Some(presence) = &self.presence else { return };
        let mut position = presence.count;
        for agent in (0..out.len()).rev() {
            out[agent] = if presence.mask[agent] {
                position -= 1;
                out[position]
            } else {
                V::ZERO
            };
        }
    }

    /// The first NaN or infinity among the features of the present agents; if there is none, an
    /// intermediate result has left the range of the type.
    pub(crate) fn explain_non_finite(&self, baseline: &Baseline<'_, T>) -> Error {
        let mut found = self.find_non_finite("x", &self.features);
        if found.is_none()
            && let Baseline::PerAgent(rows) = baseline
        {
            found = self.find_non_finite("baseline", rows);
        }
        found.unwrap_or(Error::Overflow { real: T::NAME })
    }

    fn find_non_finite(&self, argument: &'static str, rows: &Features<'_, T>) -> Option<Error> {
        let features = rows.features();
        let mut buffer = vec![T::ZERO; BLOCK * features];
        for chunk in 0..self.present().div_ceil(CHUNK) {
            let mut found = None;
            let end = self.present().min((chunk + 1) * CHUNK);
            self.for_each_block(chunk * CHUNK..end, |agents, _| {
                for feature in 0..features {
                    let column = &mut buffer[feature * BLOCK..][..agents.len()];
                    rows.gather(feature, agents, column);
                }
                for (j, &agent) in agents.iter().enumerate() {
                    for feature in 0..features {
                        let value = buffer[feature * BLOCK + j].to_f64();
                        if found.is_none() && !value.is_finite() {
                            let agent = Some(agent);
                            found = Some(Error::NonFinite { argument, value, agent, feature });
                        }
                    }
                }
            });
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// Where the path starts.
#[derive(Clone)]
pub enum Baseline<'a, T> {
    /// All features zero.
    Zero,
    /// One row of d features for all agents.
    Common(&'a [f64]),
    /// One row per agent.
    PerAgent(Features<'a, T>),
}

impl<T: Real> Baseline<'_, T> {
    /// Checks a baseline against the features of its step.
    ///
    /// # Errors
    /// [`Error::Shape`] where it does not fit, [`Error::NonFinite`] where a common baseline is not
    /// finite (a per-agent one is checked while it is read).
    pub fn check(&self, x: &Features<'_, T>) -> Result<()> {
        let fits = |what, got, wanted| {
            let argument = "baseline";
            if got == wanted { Ok(()) } else { Err(Error::Shape { argument, what, got, wanted }) }
        };
        match self {
            Self::Zero => Ok(()),
            Self::Common(row) => {
                fits("features", row.len(), x.features())?;
                match row.iter().position(|value| !value.is_finite()) {
                    Some(feature) => Err(Error::NonFinite {
                        argument: "baseline",
                        value: row[feature],
                        agent: None,
                        feature,
                    }),
                    None => Ok(()),
                }
            }
            Self::PerAgent(rows) => {
                fits("agents", rows.agents(), x.agents())?;
                fits("features", rows.features(), x.features())
            }
        }
    }

    /// The common row; zeros without one.
    pub(crate) fn row(&self, features: usize) -> Vec<f64> {
        match self {
            Self::Common(row) => row.to_vec(),
            _ => vec![0.0; features],
        }
    }
}
