//! Chunk-sized buffers that a thread uses again: fresh ones would cost more in page faults than the
//! work on them.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

thread_local! {
    static IDLE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// Numbers of no particular value, to be overwritten.
pub(crate) struct Buffer(Vec<f64>);

impl Buffer {
    pub(crate) fn of(length: usize) -> Self {
        let idle = IDLE.try_with(|idle| idle.borrow_mut().pop()).ok().flatten();
        let mut values = idle.unwrap_or_default();
        values.resize(length, 0.0);
        Self(values)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.0);
        // A thread that is ending keeps nothing.
        let _ = IDLE.try_with(|idle| idle.borrow_mut().push(values));
    }
}

impl Deref for Buffer {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.0
    }
}
