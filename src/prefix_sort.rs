//! Sorts large values by a few of their bits.
//!
//! What a sort moves about most of its time are numbers of 16 bytes; each value is moved once.

use std::cmp::Ordering;

/// Sorts `values` by `compare`, in which a value before another has no greater `prefix`. Equal values end up in any order.
pub fn sort_by_prefix<T: Copy>(
    values: &mut Vec<T>,
    prefix: impl Fn(&T) -> u64,
    mut compare: impl FnMut(&T, &T) -> Ordering,
) {
    let mut places: Vec<(u64, u32)> = values.iter().map(prefix).zip(0..).collect();
    places.sort_unstable();
    let mut sorted: Vec<T> = places.iter().map(|(_, at)| values[*at as usize]).collect();
    let mut rest = &mut sorted[..];
    for same in places.chunk_by(|a, b| a.0 == b.0) {
        let (of_prefix, later) = rest.split_at_mut(same.len());
        if same.len() > 1 {
            of_prefix.sort_unstable_by(&mut compare);
        }
        rest = later;
    }
    *values = sorted;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_are_in_order(mut values: Vec<(u8, u64)>) {
            let mut expected = values.clone();
            expected.sort_unstable();
            sort_by_prefix(&mut values, |value| u64::from(value.0), Ord::cmp);
            prop_assert_eq!(values, expected);
        }
    }
}
