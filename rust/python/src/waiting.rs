//! Long work of the core: the interpreter is released, and Ctrl-C is looked for while it lasts.
//!
//! Work on the pool is waited for by the calling thread, which looks; work on the calling thread
//! looks itself, when the core asks whether to go on. Signals reach Python's main thread alone.

use crate::errors::guard;
use crate::pool;
use aumann_core::Result;
use aumann_core::abandon::{Watch, Watched, caught};
use pyo3::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// How long Ctrl-C may wait to be seen.
const SLICE: Duration = Duration::from_millis(100);

/// Python's signals, looked for by the thread that called.
struct Signals {
    caller: ThreadId,
    start: Instant,
    /// Milliseconds from the start to the last look.
    looked: AtomicU64,
    stopped: AtomicBool,
    error: Mutex<Option<PyErr>>,
}

impl Signals {
    fn new() -> Self {
        Self {
            caller: thread::current().id(),
            start: Instant::now(),
            looked: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            error: Mutex::new(None),
        }
    }

    /// Runs Python's signal handlers; what they raise stops the work.
    fn look(&self) {
        self.looked.store(self.start.elapsed().as_millis() as u64, Relaxed);
        if let Err(error) = Python::attach(|py| py.check_signals()) {
            self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.stopped.store(true, Relaxed);
        }
    }

    fn raised(&self) -> Option<PyErr> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Watch for Signals {
    fn stopped(&self) -> bool {
        if thread::current().id() == self.caller {
            let looked = Duration::from_millis(self.looked.load(Relaxed));
            if self.start.elapsed() >= looked + SLICE {
                self.look();
            }
        }
        self.stopped.load(Relaxed)
    }
}

/// Runs the core without the interpreter; on the pool if the work is large.
pub(crate) fn detached<R: Send>(
    py: Python<'_>,
    large: bool,
    work: impl FnOnce() -> Result<R> + Send,
) -> PyResult<Result<R>> {
    let signals = Arc::new(Signals::new());
    let watched = Watched::by(Arc::clone(&signals) as Arc<dyn Watch>);
    let work = || guard(|| caught(|| watched.over(work)));
    let found = py.detach(|| match large {
        true => pool::wait(work, SLICE, || signals.look())?,
        false => work(),
    });
    signals.raised().map_or(found, Err)
}
