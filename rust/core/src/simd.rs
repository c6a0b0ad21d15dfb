//! Runtime choice of the instruction set.
//!
//! One source, compiled once per level. Rust contracts no `a * b + c`, and every sum has a constant
//! number of lanes, so all levels give the same bits.

use std::sync::OnceLock;

/// Environment variable that lowers the level: `portable`, `avx2` or `avx512`.
pub const ENVIRONMENT: &str = "AUMANN_SIMD";

/// An instruction set that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the target guarantees: SSE2 on x86-64, NEON on 64-bit Arm.
    Portable,
    /// 256-bit registers.
    Avx2,
    /// 512-bit registers.
    Avx512,
}

impl Level {
    const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The level's name in [`ENVIRONMENT`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn supported() -> Level {
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw");
    if avx512 {
        Level::Avx512
    } else if is_x86_feature_detected!("avx2") {
        Level::Avx2
    } else {
        Level::Portable
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn supported() -> Level {
    Level::Portable
}

/// Every level that this processor can run, lowest first.
#[must_use]
pub fn available() -> Vec<Level> {
    let best = supported();
    Level::ALL.into_iter().filter(|&level| level <= best).collect()
}

fn requested() -> Result<Option<Level>, String> {
    let Ok(name) = std::env::var(ENVIRONMENT) else { return Ok(None) };
    if name.is_empty() {
        return Ok(None);
    }
    let names: Vec<_> = available().iter().map(|level| level.name()).collect();
    available().into_iter().find(|level| level.name() == name).map(Some).ok_or_else(|| {
        format!("{ENVIRONMENT}={name}: one of {} is wanted on this processor", names.join(", "))
    })
}

/// Checks [`ENVIRONMENT`].
///
/// # Errors
/// A message that names the levels this processor has, where the variable holds anything else.
pub fn check_environment() -> Result<(), String> {
    requested().map(|_| ())
}

/// The level in use: the processor's best, or the one that [`ENVIRONMENT`] asks for.
#[must_use]
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| requested().ok().flatten().unwrap_or_else(supported))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<R>(kernel: impl FnOnce() -> R) -> R {
    kernel()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2")]
fn avx512<R>(kernel: impl FnOnce() -> R) -> R {
    kernel()
}

/// Runs a kernel compiled for the level in use. The closure and all it calls must be
/// `#[inline(always)]`, or the callee keeps the portable instruction set.
#[inline]
pub(crate) fn dispatch<R>(kernel: impl FnOnce() -> R) -> R {
    dispatch_at(level(), kernel)
}

#[inline]
fn dispatch_at<R>(level: Level, kernel: impl FnOnce() -> R) -> R {
    match level {
        // SAFETY: `level` is at most `supported()`, which has found these features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(kernel) },
        _ => kernel(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_gives_the_same_bits() {
        let x: Vec<f64> = (0..10_007).map(|i| (f64::from(i) * 0.37).sin() * 1e3).collect();
        let sum = |level| {
            dispatch_at(level, || {
                let mut lanes = [0.0; 16];
                for chunk in x.as_chunks::<16>().0 {
                    for l in 0..16 {
                        lanes[l] += chunk[l] * 1.000_1 + 0.3;
                    }
                }
                lanes.map(f64::to_bits)
            })
        };
        let reference = sum(Level::Portable);
        for level in available() {
            assert_eq!(sum(level), reference, "{level:?}");
        }
    }

    #[test]
    fn the_level_in_use_is_available() {
        assert!(available().contains(&level()));
    }
}
