//! The two floating-point types of the features.

/// A feature's type: `f32` or `f64`. Statistics are `f64` for both.
pub trait Real: Copy + PartialOrd + Send + Sync + std::fmt::Debug + 'static {
    /// Zero, the attribution of an absent agent.
    const ZERO: Self;
    /// Distance from 1 to the next number.
    const EPSILON: f64;
    /// NumPy's name of the type, for messages.
    const NAME: &'static str;
    /// The same number as `f64`; exact.
    fn to_f64(self) -> f64;
    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// The slice itself where the type is `f64`: then outputs can hold intermediate results.
    fn as_f64s(values: &mut [Self]) -> Option<&mut [f64]>;
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const EPSILON: f64 = f64::EPSILON;
    const NAME: &'static str = "float64";
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    fn as_f64s(values: &mut [Self]) -> Option<&mut [f64]> {
        Some(values)
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const EPSILON: f64 = f32::EPSILON as f64;
    const NAME: &'static str = "float32";
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    fn as_f64s(_: &mut [Self]) -> Option<&mut [f64]> {
        None
    }
}
