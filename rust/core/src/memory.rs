//! Memory that grows with the number of agents. Where there is not enough, the work is given up
//! with an error instead of ending the program.

use crate::abandon::give_up;
use crate::error::Error;
use bytemuck::Zeroable;

fn lacking<T>(length: usize) -> ! {
    give_up(Error::OutOfMemory { bytes: length.saturating_mul(size_of::<T>()) })
}

/// Zeros, in pages that come into being when they are first written to.
///
/// Where there is no memory for them the work is given up: see [`crate::abandon::caught`].
#[must_use]
pub fn zeros<T: Zeroable>(length: usize) -> Vec<T> {
    bytemuck::allocation::try_zeroed_vec(length).unwrap_or_else(|()| lacking::<T>(length))
}

/// Room for so many more.
pub(crate) fn reserve<T>(values: &mut Vec<T>, more: usize) {
    if values.try_reserve_exact(more).is_err() {
        lacking::<T>(values.len().saturating_add(more));
    }
}

/// Makes values so many, the new ones being copies of one.
pub(crate) fn resize<T: Clone>(values: &mut Vec<T>, length: usize, value: T) {
    reserve(values, length.saturating_sub(values.len()));
    values.resize(length, value);
}

/// Adds a value at the end.
pub(crate) fn push<T>(values: &mut Vec<T>, value: T) {
    if values.len() == values.capacity() {
        reserve(values, values.len().max(4));
    }
    values.push(value);
}

/// The items.
pub(crate) fn collect<T>(items: impl ExactSizeIterator<Item = T>) -> Vec<T> {
    let mut values = Vec::new();
    reserve(&mut values, items.len());
    values.extend(items);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abandon::caught;

    #[test]
    fn what_there_is_no_memory_for_is_an_error() {
        let length = usize::MAX / 64;
        let lacking = Err(Error::OutOfMemory { bytes: 8 * length });
        assert_eq!(caught(|| Ok(zeros::<u64>(length).len())), lacking);
        assert_eq!(caught(|| Ok(collect((0..length).map(|i| i as u64)).len())), lacking);
        let resized = || {
            let mut values = vec![1_u64];
            resize(&mut values, length, 2);
            Ok(values.len())
        };
        assert_eq!(caught(resized), lacking);
        let mut values = zeros(2);
        resize(&mut values, 3, 7);
        (8..18).for_each(|value| push(&mut values, value));
        assert_eq!(values, [0, 0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]);
    }
}
