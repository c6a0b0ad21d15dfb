//! What can be wrong with an input, with the numbers needed to find it.

use std::fmt;

/// Result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a computation was refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A step, or its set of present agents, is empty.
    Empty,
    /// An argument's length does not fit the features.
    Shape {
        /// The argument.
        argument: &'static str,
        /// What was counted.
        what: &'static str,
        /// The count that came.
        got: usize,
        /// The count that was wanted.
        wanted: usize,
    },
    /// A feature or a baseline is NaN or infinite.
    NonFinite {
        /// `x`, `baseline` or `weights`.
        argument: &'static str,
        /// The offending value.
        value: f64,
        /// Index of the agent; none where one row serves all agents.
        agent: Option<usize>,
        /// Index of the feature.
        feature: usize,
    },
    /// All inputs are finite, but a result exceeds the range of the type.
    Overflow {
        /// NumPy's name of the type.
        real: &'static str,
    },
    /// The heat's logarithm was asked for at a product of means of -1 or less.
    HeatDomain {
        /// The product of the feature means.
        product: f64,
        /// Path parameter at which it was met: 1 is x, 0 the baseline.
        path: f64,
    },
    /// Whoever waits for the result wants it no more.
    Interrupted,
    /// There is not enough memory.
    OutOfMemory {
        /// What could not be had.
        bytes: usize,
    },
    /// More agents with distinct composites of x and baseline than indices can hold.
    TooManyDistinct {
        /// The count that came.
        got: usize,
        /// The largest count.
        most: usize,
    },
    /// The heat's logarithm was asked for at such a product within a coalition.
    HeatDomainOfCoalition {
        /// The product of the feature means.
        product: f64,
        /// Number of agents in the coalition; the others stand at their baseline.
        members: usize,
    },
    /// A game's bound on its marginal contributions is none.
    Bound {
        /// The bound that came.
        bound: f64,
    },
    /// A game gave a marginal contribution that is NaN or beyond its bound.
    Sample {
        /// The player.
        player: usize,
        /// The sample of its marginal contribution.
        sample: f64,
        /// The game's bound.
        bound: f64,
    },
    /// More players than can be enumerated.
    TooManyPlayers {
        /// Number of players.
        players: usize,
        /// Largest number.
        most: usize,
    },
    /// A game gave a coalition a value that is NaN or out of the range it had stated.
    CoalitionValue {
        /// The value, less the middle of the range.
        value: f64,
        /// Half the width of the range.
        bound: f64,
    },
    /// More samples than can be added up exactly.
    TooManySamples {
        /// Number of samples.
        samples: u64,
        /// Largest number.
        most: u64,
    },
    /// Sums and sums of squares that no samples have.
    Moments {
        /// Number of players.
        players: usize,
        /// Number of samples.
        samples: u64,
    },
    /// Bytes that are no moments.
    Bytes {
        /// What they are instead.
        what: &'static str,
    },
    /// A sample is not to be drawn or merged twice.
    SampleDrawn {
        /// Its seed.
        seed: u64,
        /// Its number.
        sample: u64,
    },
    /// Samples of different games are not to be merged.
    OtherGame {
        /// What differs.
        what: &'static str,
    },
    /// Moments of different games are not to be merged.
    OtherMoments {
        /// Players and quantum of the moments that came.
        got: (usize, f64),
        /// Those of the moments they were to join.
        wanted: (usize, f64),
    },
    /// No value function has this name.
    UnknownValueFunction {
        /// The name that came.
        name: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// The value function takes no weights.
    NoWeights {
        /// The value function.
        name: &'static str,
    },
    /// There is no closed form of this value of the value function.
    NoClosedForm {
        /// The value function.
        function: &'static str,
        /// The method.
        method: &'static str,
    },
    /// The value function is not one of the feature means.
    NoMeanFunction {
        /// The value function.
        function: &'static str,
    },
    /// The mean-field expansion has no such order.
    ExpansionOrder {
        /// The order that came.
        order: usize,
    },
    /// An integral along the path that does not settle.
    RoughPath {
        /// Points on the path that were not enough.
        points: usize,
    },
    /// More features than the mean-field expansion takes.
    ExpansionFeatures {
        /// Number of features.
        features: usize,
        /// The order.
        order: usize,
        /// The largest number of features at this order.
        most: usize,
    },
    /// A product of feature means that samples of the heat do not reach.
    HeatRange {
        /// The logarithm to base 10 of the largest product in a coalition.
        power: f64,
    },
    /// The heat's logarithm was asked for at a product of means of -1 or less, met where one agent
    /// stands at its baseline.
    HeatDomainWithout {
        /// The product of the feature means.
        product: f64,
        /// The agent.
        agent: usize,
    },
    /// An error at one of several steps.
    AtStep {
        /// Index of the step.
        step: usize,
        /// What went wrong there.
        error: Box<Error>,
    },
}

impl Error {
    /// The same error, located at a step.
    #[must_use]
    pub fn at_step(self, step: usize) -> Self {
        Self::AtStep { step, error: Box::new(self) }
    }

    /// The same error about features that are a baseline's.
    pub(crate) fn of_baseline(self) -> Self {
        match self {
            Self::NonFinite { value, agent, feature, .. } => {
                Self::NonFinite { argument: "baseline", value, agent, feature }
            }
            other => other,
        }
    }

    /// The same error about the means of a coalition of this many agents.
    pub(crate) fn in_coalition(self, members: usize) -> Self {
        match self {
            Self::HeatDomain { product, .. } => Self::HeatDomainOfCoalition { product, members },
            other => other,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, step: Option<usize>) -> fmt::Result {
        let place = step.map(|t| format!("step {t}, ")).unwrap_or_default();
        let at = step.map(|t| format!(" at step {t}")).unwrap_or_default();
        match self {
            Self::Empty => write!(f, "x: no agents{at}, at least one is wanted"),
            Self::Shape { argument, what, got, wanted } => {
                write!(f, "{argument}: {got} {what}{at}, {wanted} wanted")
            }
            Self::NonFinite { argument, value, agent, feature } => {
                let agent = agent.map(|i| format!("agent {i}, ")).unwrap_or_default();
                let value = if value.is_nan() { "NaN".to_owned() } else { value.to_string() };
                write!(
                    f,
                    "{argument}: {value} at {place}{agent}feature {feature}, \
                     finite numbers are wanted"
                )
            }
            Self::Overflow { real } => {
                write!(f, "x: the composites or attributions{at} exceed the range of {real}")
            }
            Self::Interrupted => write!(f, "interrupted{at}"),
            Self::OutOfMemory { bytes } => {
                write!(f, "{bytes} bytes of working memory could not be allocated{at}")
            }
            Self::HeatDomain { product, path } => write!(
                f,
                "x: heat is log(1 + product of the feature means), but the product is \
                 {}{at} (path parameter {path}), more than -1 is wanted",
                Short(*product)
            ),
            Self::TooManyDistinct { got, most } => write!(
                f,
                "baseline: {got} distinct pairs of baseline and composite{at}, at most {most} are \
                 wanted for a baseline per agent"
            ),
            Self::HeatDomainOfCoalition { product, members } => write!(
                f,
                "x: heat is log(1 + product of the feature means), but the product is {} in a \
                 coalition of {members} agents, the others at their baseline{at}, more than -1 is \
                 wanted",
                Short(*product)
            ),
            Self::Bound { bound } => write!(
                f,
                "game: a bound of {}, 0 or a finite number from 1.1e-286 on that no marginal \
                 contribution exceeds in magnitude is wanted",
                Short(*bound)
            ),
            Self::Sample { player, sample, bound } => write!(
                f,
                "game: player {player} has a marginal contribution of {}{at}, at most {} in \
                 magnitude is wanted",
                Short(*sample),
                Short(*bound)
            ),
            Self::TooManyPlayers { players, most } => write!(
                f,
                "players: {players} of them{at}, at most {most} are wanted to enumerate all \
                 coalitions"
            ),
            Self::CoalitionValue { value, bound } => write!(
                f,
                "game: a coalition has a value {} from the middle of the range{at}, at most {} in \
                 magnitude is wanted",
                Short(*value),
                Short(*bound)
            ),
            Self::TooManySamples { samples, most } => {
                write!(f, "samples: {samples} of them, at most {most} are wanted")
            }
            Self::Moments { players, samples } => write!(
                f,
                "moments: not those of {samples} samples of {players} players{at}, sums and sums of \
                 squares as they were given out are wanted"
            ),
            Self::Bytes { what } => {
                write!(
                    f,
                    "moments: bytes {what}, those of moments as they were given out are wanted"
                )
            }
            Self::SampleDrawn { seed, sample } => write!(
                f,
                "samples: number {sample} of seed {seed} has been drawn{at}, other samples are wanted"
            ),
            Self::OtherGame { what } => {
                write!(f, "merge: the {what} differs{at}, samples of the same game are wanted")
            }
            Self::OtherMoments { got, wanted } => write!(
                f,
                "merge: {} players and a quantum of {:e}{at}, {} players and {:e} are wanted: the \
                 samples of one game",
                got.0, got.1, wanted.0, wanted.1
            ),
            Self::UnknownValueFunction { name, known } => {
                write!(f, "value_function: {name:?}, one of {} is wanted", known.join(", "))
            }
            Self::NoClosedForm { function, method } => {
                write!(f, "method: {method} of {function} has no closed form")
            }
            Self::NoMeanFunction { function } => write!(
                f,
                "method: {function} is no function of the feature means, which the mean-field \
                 expansion wants"
            ),
            Self::ExpansionOrder { order } => {
                write!(f, "order: {order}, 0, 1 or 2 is wanted")
            }
            Self::RoughPath { points } => write!(
                f,
                "x: the integral along the path from the baseline{at} has not settled after {points} \
                 points; the value function is too steep there (heat: where 1 + product of the \
                 feature means comes near 0)"
            ),
            Self::ExpansionFeatures { features, order, most } => write!(
                f,
                "method: a mean-field expansion of order {order} takes at most {most} features, x \
                 has {features}{at}; PermutationSampling or CoalitionSampling take any number"
            ),
            Self::HeatRange { power } => write!(
                f,
                "x: the product of the feature means is up to 10^{power:.0} in a coalition{at}; \
                 sampled heat wants products below 10^300 (AumannShapley and LeaveOneOut take any)"
            ),
            Self::HeatDomainWithout { product, agent } => write!(
                f,
                "x: heat is log(1 + product of the feature means), but without agent {agent}{at} \
                 the product is {}, more than -1 is wanted",
                Short(*product)
            ),
            Self::NoWeights { name } => write!(f, "weights: {name} takes none"),
            Self::AtStep { step, error } => error.write(f, Some(*step)),
        }
    }
}

/// A number of any size in few characters: `Display` writes 1e300 with all its zeros.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number) = self;
        if *number == 0.0 || !number.is_finite() || (1e-5..1e16).contains(&number.abs()) {
            write!(f, "{number}")
        } else {
            write!(f, "{number:e}")
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_size_are_short() {
        let error = Error::Sample { player: 3, sample: -1.5e300, bound: 1e-300 };
        let wanted = "game: player 3 has a marginal contribution of -1.5e300, at most 1e-300 in \
                      magnitude is wanted";
        assert_eq!(error.to_string(), wanted);
        for (number, text) in [(-1.0, "-1"), (0.0, "0"), (0.25, "0.25"), (f64::NAN, "NaN")] {
            assert_eq!(Short(number).to_string(), text);
        }
    }
}
