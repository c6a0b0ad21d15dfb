//! The package's own thread pool.
//!
//! A forked child inherits no worker threads and would wait for ever on its parent's pool, so the
//! pool carries the process it belongs to and is built anew where that differs.

use crate::errors::message;
use arc_swap::ArcSwapOption;
use pyo3::PyErr;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Arc;

struct Owned {
    process: u32,
    pool: ThreadPool,
}

static POOL: ArcSwapOption<Owned> = ArcSwapOption::const_empty();

/// Threads of the pool: 0 lets rayon choose, by `RAYON_NUM_THREADS` or the number of cores.
fn build(threads: usize) -> Result<Arc<Owned>, PyErr> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("aumann-{index}"))
        .build()
        .map_err(|error| message(format!("threads: no pool of {threads} threads: {error}")))?;
    Ok(Arc::new(Owned { process: std::process::id(), pool }))
}

/// The pool of this process. One inherited from the parent process is leaked: ending it would wait
/// for threads that do not exist here.
fn current() -> Result<Arc<Owned>, PyErr> {
    let stale = POOL.load_full();
    if let Some(owned) = &stale
        && owned.process == std::process::id()
    {
        return Ok(Arc::clone(owned));
    }
    // The number of threads asked for outlives the fork.
    let threads = stale.as_ref().map_or(0, |owned| owned.pool.current_num_threads());
    let new = build(threads)?;
    // Where another thread has set one meanwhile, that one stays.
    POOL.compare_and_swap(&stale, Some(Arc::clone(&new)));
    std::mem::forget(stale);
    Ok(POOL.load_full().unwrap_or(new))
}

/// Runs `work` on the pool.
pub(crate) fn install<R: Send>(work: impl FnOnce() -> R + Send) -> Result<R, PyErr> {
    Ok(current()?.pool.install(work))
}

/// Number of threads.
pub(crate) fn threads() -> Result<usize, PyErr> {
    Ok(current()?.pool.current_num_threads())
}

/// Sets the number of threads; `None` lets rayon choose.
pub(crate) fn set_threads(threads: Option<usize>) -> Result<(), PyErr> {
    let old = POOL.swap(Some(build(threads.unwrap_or(0))?));
    if let Some(old) = old
        && old.process != std::process::id()
    {
        std::mem::forget(old);
    }
    Ok(())
}
