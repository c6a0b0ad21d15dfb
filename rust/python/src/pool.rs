//! The package's own thread pool.
//!
//! A forked child inherits no worker threads and would wait for ever on its parent's pool, so the
//! pool carries the process it belongs to and is built anew where that differs.
//!
//! How many threads it has is ruled by [`set_threads`], else by the first environment variable of
//! [`VARIABLES`] that holds a number, else by the number of cores.

use crate::errors::message;
use arc_swap::ArcSwapOption;
use pyo3::PyErr;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// More threads than any machine runs at once: as a number asked for a slip of the pen, refused
/// before they are made.
pub(crate) const MAX_THREADS: usize = 1_024;

/// Who may say how many threads there are; launchers of many processes set the last.
const VARIABLES: [&str; 3] = ["AUMANN_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"];

struct Owned {
    process: u32,
    pool: ThreadPool,
}

static POOL: ArcSwapOption<Owned> = ArcSwapOption::const_empty();

/// The number of threads in a variable's text: a positive integer, of OpenMP's lists the first, and
/// no more than [`MAX_THREADS`].
fn number(text: &str) -> Option<usize> {
    let digits = text.split(',').next()?.trim();
    let only_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Digits beyond any integer are more than enough.
    let threads = only_digits.then(|| digits.parse().unwrap_or(MAX_THREADS))?;
    (threads > 0).then_some(threads.min(MAX_THREADS))
}

/// The number of threads where none was set.
fn by_environment() -> usize {
    let variables = VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    variables.filter_map(|text| number(&text)).next().unwrap_or_else(cores)
}

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
    let threads =
        stale.as_ref().map_or_else(by_environment, |owned| owned.pool.current_num_threads());
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

/// Runs `work` on the pool while this thread waits; calls `look` after every `slice` of time.
pub(crate) fn wait<R: Send>(
    work: impl FnOnce() -> R + Send,
    slice: Duration,
    look: impl Fn(),
) -> Result<R, PyErr> {
    let owned = current()?;
    let (sender, receiver) = channel();
    let found = owned.pool.in_place_scope(|scope| {
        scope.spawn(move |_| _ = sender.send(work()));
        loop {
            match receiver.recv_timeout(slice) {
                Err(RecvTimeoutError::Timeout) => look(),
                found => return found,
            }
        }
    });
    found.map_err(|_| message("threads: the work ended without a result"))
}

/// Number of threads.
pub(crate) fn threads() -> Result<usize, PyErr> {
    Ok(current()?.pool.current_num_threads())
}

/// Sets the number of threads; `None` leaves it to the environment.
pub(crate) fn set_threads(threads: Option<usize>) -> Result<(), PyErr> {
    let old = POOL.swap(Some(build(threads.unwrap_or_else(by_environment))?));
    if let Some(old) = old
        && old.process != std::process::id()
    {
        std::mem::forget(old);
    }
    Ok(())
}
