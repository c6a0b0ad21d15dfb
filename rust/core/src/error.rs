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
    /// Two agents whose composites are ordered one way and whose baselines the other way.
    NotComonotone {
        /// The agent with the smaller composite.
        lower: usize,
        /// The agent with the larger composite and the smaller baseline.
        upper: usize,
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
    /// Derivatives of a function of the means that cannot be integrated along the path.
    RoughDerivatives {
        /// Points on the path that were tried.
        points: usize,
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
            Self::HeatDomain { product, path } => write!(
                f,
                "x: heat is log(1 + product of the feature means), but the product is \
                 {product}{at} (path parameter {path}), more than -1 is wanted"
            ),
            Self::NotComonotone { lower, upper } => write!(
                f,
                "baseline: not ordered as the composites{at}: agent {upper} has a larger composite \
                 than agent {lower} in x and a smaller one in the baseline; the closed form of the \
                 Gini mean difference wants baselines in the order of x"
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
            Self::RoughDerivatives { points } => write!(
                f,
                "method: the derivatives by the feature means{at} are too rough for the mean-field \
                 expansion, {points} points on the path were not enough"
            ),
            Self::HeatDomainWithout { product, agent } => write!(
                f,
                "x: heat is log(1 + product of the feature means), but without agent {agent}{at} \
                 the product is {product}, more than -1 is wanted"
            ),
            Self::NoWeights { name } => write!(f, "weights: {name} takes none"),
            Self::AtStep { step, error } => error.write(f, Some(*step)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, None)
    }
}

impl std::error::Error for Error {}
