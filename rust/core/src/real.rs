//! The two floating-point types of the features.

/// A feature's type: `f32` or `f64`. Statistics are `f64` for both.
pub trait Real: Copy + PartialOrd + Send + Sync + std::fmt::Debug + 'static {
    /// Zero, the attribution of an absent agent.
    const ZERO: Self;
    /// NumPy's name of the type, for messages.
    const NAME: &'static str;
    /// The same number as `f64`; exact.
    fn to_f64(self) -> f64;
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const NAME: &'static str = "float64";
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const NAME: &'static str = "float32";
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
}
