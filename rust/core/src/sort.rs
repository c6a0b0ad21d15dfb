//! Sorting that is given up when nobody waits for it any more.

use crate::abandon::Watched;
use crate::blocks;
use rayon::prelude::*;

/// Bytes of the values of which one is watched at: a power of two.
const STRETCH: usize = 1 << 16;

/// Sorts values, on all threads where there are several chunks of them; equal ones are alike.
pub(crate) fn sort<T: Ord + Send>(values: &mut [T]) {
    if blocks::chunks(values.len()) <= 1 {
        values.sort_unstable();
        return;
    }
    let watched = Watched::current();
    values.par_sort_unstable_by(|a, b| {
        // Sorting passes over all of a part again and again, so one value in a stretch of memory
        // comes by every few milliseconds, and where it lies costs less to ask than a clock.
        if std::ptr::from_ref(a).addr() % STRETCH < size_of::<T>() {
            watched.look();
        }
        a.cmp(b)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abandon::{Watch, caught};
    use crate::blocks::CHUNK;
    use crate::error::Error;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// Stops when it has been asked so often.
    struct After(AtomicUsize);

    impl Watch for After {
        fn stopped(&self) -> bool {
            self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err()
        }
    }

    #[test]
    fn sorts_and_is_given_up_half_way() {
        let values = |n: usize| (0..n).map(|i| ((i * 7_919) % 50_021, i)).collect::<Vec<_>>();
        for n in [0, 1, CHUNK, CHUNK + 1, 20 * CHUNK + 5] {
            let mut sorted = values(n);
            sort(&mut sorted);
            let mut wanted = values(n);
            wanted.sort_by_key(|&(value, _)| value);
            assert!(sorted == wanted);
        }
        let asked = Arc::new(After(AtomicUsize::new(usize::MAX)));
        let sorted = |watch: &Arc<After>| {
            let watch = Watched::by(Arc::clone(watch) as Arc<dyn Watch>);
            let sorted = || {
                sort(&mut values(20 * CHUNK));
                Ok(())
            };
            caught(|| watch.over(sorted))
        };
        assert_eq!(sorted(&asked), Ok(()));
        let looks = usize::MAX - asked.0.load(Relaxed);
        // Once in a stretch, on every pass over it.
        assert!(looks > 2 * 20 * CHUNK * 16 / STRETCH, "{looks}");
        let half = Arc::new(After(AtomicUsize::new(looks / 2)));
        assert_eq!(sorted(&half), Err(Error::Interrupted));
    }
}
