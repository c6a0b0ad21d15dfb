//! Work that is given up from deep inside: whoever waits for it wants it no more, or memory has run
//! out.
//!
//! Parallel loops have no result half-way, so both unwind, without a panic's message, to the public
//! function that was called, which returns the error ([`caught`]).
//!
//! A [`Watch`] is found by the thread that works under it. Tasks may run on any thread, also on one
//! that waits for something else, so a loop takes [`Watched::current`] along to its tasks.

use crate::error::{Error, Result};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Whoever waits for long work.
pub trait Watch: Send + Sync {
    /// Whether the work is to stop. Asked from any thread, some thousand times a second.
    fn stopped(&self) -> bool;
}

/// What is thrown.
struct GivenUp(Error);

thread_local! {
    static CURRENT: RefCell<Watched> = const { RefCell::new(Watched(None)) };
}

/// The watch over a piece of work, if there is one. The work gives up with [`Error::Interrupted`]
/// soon after the watch says so.
///
/// # Examples
/// ```
/// use aumann_core::{Error, abandon};
/// use std::sync::Arc;
///
/// struct Stop;
/// impl abandon::Watch for Stop {
///     fn stopped(&self) -> bool {
///         true
///     }
/// }
///
/// let endless = || -> aumann_core::Result<()> {
///     loop {
///         abandon::look();
///     }
/// };
/// let watched = abandon::Watched::by(Arc::new(Stop));
/// assert_eq!(abandon::caught(|| watched.over(endless)), Err(Error::Interrupted));
/// ```
#[derive(Clone)]
pub struct Watched(Option<Arc<dyn Watch>>);

/// Puts back the watch of a thread, also when unwinding.
struct Restore(Watched);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, &mut self.0));
    }
}

impl Watched {
    /// By someone who waits.
    pub fn by(watch: Arc<dyn Watch>) -> Self {
        Self(Some(watch))
    }

    /// By nobody: work that is to be finished.
    pub(crate) fn by_nobody() -> Self {
        Self(None)
    }

    /// What the calling thread works under.
    #[must_use]
    pub fn current() -> Self {
        CURRENT.with_borrow(Self::clone)
    }

    /// Runs `work` under it, on this thread.
    pub fn over<R>(&self, work: impl FnOnce() -> R) -> R {
        let _restore = Restore(CURRENT.replace(self.clone()));
        work()
    }

    /// Gives the work up if it is to stop.
    pub fn look(&self) {
        if self.0.as_ref().is_some_and(|watch| watch.stopped()) {
            give_up(Error::Interrupted);
        }
    }
}

/// Gives up the work of the calling thread if its watch says so: for long loops on one thread, which
/// look every few milliseconds.
pub fn look() {
    Watched::current().look();
}

/// Leaves everything up to [`caught`].
pub(crate) fn give_up(error: Error) -> ! {
    resume_unwind(Box::new(GivenUp(error)))
}

/// Runs `work`; where it is given up, the error.
///
/// # Errors
/// Those of `work`, [`Error::Interrupted`], [`Error::OutOfMemory`].
pub fn caught<R>(work: impl FnOnce() -> Result<R>) -> Result<R> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|cause| match cause.downcast() {
        Ok(given_up) => {
            let GivenUp(error) = *given_up;
            Err(error)
        }
        Err(cause) => resume_unwind(cause),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::{self, CHUNK};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Stops when it has been asked so often.
    struct After(AtomicUsize);

    impl Watch for After {
        fn stopped(&self) -> bool {
            self.0.fetch_update(Relaxed, Relaxed, |left| Some(left.saturating_sub(1))) == Ok(0)
        }
    }

    fn after(times: usize) -> Watched {
        Watched::by(Arc::new(After(AtomicUsize::new(times))))
    }

    #[test]
    fn chunks_are_given_up_and_other_work_is_not() {
        let chunks = 64;
        let done = AtomicUsize::new(0);
        let work = || {
            blocks::map(chunks * CHUNK, |_| done.fetch_add(1, Relaxed));
            Ok(())
        };
        assert_eq!(caught(|| after(5).over(work)), Err(Error::Interrupted));
        assert!(done.load(Relaxed) < chunks);
        assert_eq!(caught(work), Ok(()));
        assert_eq!(caught(|| after(chunks).over(work)), Ok(()));
    }

    #[test]
    fn a_watch_ends_with_its_work() {
        let looking = || {
            look();
            Ok(())
        };
        let stopped = || caught(looking).is_err();
        assert!(!stopped());
        assert_eq!(after(9).over(|| (after(0).over(stopped), stopped())), (true, false));
        assert!(caught(|| after(0).over(looking)).is_err());
        assert!(!stopped());
    }

    #[test]
    fn panics_are_not_errors() {
        let panics = catch_unwind(|| caught(|| -> Result<()> { panic!("a defect") }));
        assert_eq!(*panics.unwrap_err().downcast_ref::<&str>().unwrap(), "a defect");
    }
}
