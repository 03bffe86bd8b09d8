//! Room that a thread keeps for what it copies: a step allocates nothing.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use super::panel::Aligned;

/// Bytes that a thread keeps at most; what is copied into them comes from a cache of level 2 again.
const MOST: usize = 1 << 20;

/// As much as lies on a line of the cache.
type Line = MaybeUninit<Aligned<[u8; 64]>>;

thread_local! {
    static KEPT: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// The room of this thread, which gets it back afterwards.
#[derive(Debug)]
pub(super) struct Room(Vec<Line>);

impl Room {
    /// Room for `count` values, or for as many as [`MOST`] holds, at least one; none where there is no memory for it.
    pub(super) fn take<T: Copy>(count: usize) -> Option<Self> {
        let count = count.min((MOST / size_of::<T>()).max(1));
        let lines = (count * size_of::<T>()).div_ceil(size_of::<Line>());
        let mut kept = KEPT.take();
        kept.clear();
        kept.try_reserve_exact(lines).ok()?;
        kept.resize_with(lines, MaybeUninit::uninit);
        Some(Self(kept))
    }

    /// As many values as there is room for.
    pub(super) fn values<T: Copy>(&mut self) -> &mut [MaybeUninit<T>] {
        const { assert!(align_of::<T>() <= align_of::<Line>()) };
        let count = self.0.len() * size_of::<Line>() / size_of::<T>();
        let start = self.0.as_mut_ptr().cast::<MaybeUninit<T>>();
        // SAFETY: the lines hold so many, of no stricter alignment, and whatever bits there are are a `MaybeUninit`.
        unsafe { std::slice::from_raw_parts_mut(start, count) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        KEPT.set(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_what_is_asked_for_or_some_of_it() {
        type Value = [f64; 4096];
        type Large = [u8; MOST + 1];
        for (count, found) in [(1, 1), (3, 3), (1000, MOST / size_of::<Value>()), (2, 2)] {
            assert_eq!(
                Room::take::<Value>(count).unwrap().values::<Value>().len(),
                found
            );
        }
        // What is larger is one, and what is taken twice is two.
        let mut first = Room::take::<Large>(2).unwrap();
        let mut second = Room::take::<Large>(2).unwrap();
        first.values::<u8>()[0].write(1);
        second.values::<u8>()[0].write(2);
        assert_eq!(first.values::<Large>().len(), 1);
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        assert!(Room::take::<[u64; 1 << 57]>(1).is_none());
    }
}
