//! Which of the layers that commits add one by one are written anew with the next: those of the state, of ids, and
//! the parts of `current_tags`.

/// Takes off the newest layers that are at most twice as large as all that is newer. `layers` begin with the
/// oldest; `rows` says how large one is, none for one that stays whatever comes. `n_new` is the size of what comes.
pub fn take_folded<T>(layers: &mut Vec<T>, n_new: u64, rows: impl Fn(&T) -> Option<u64>) -> Vec<T> {
    let (mut n_rows, mut keep) = (n_new, layers.len());
    while let Some(next) = keep.checked_sub(1)
        && let Some(size) = rows(&layers[next]).filter(|size| *size <= n_rows * FOLD)
    {
        (n_rows, keep) = (n_rows + size, next);
    }
    layers.split_off(keep)
}

/// With 2, n rows lie in about log2(n) layers at most, and a row is rewritten about as often.
const FOLD: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_fold_while_they_are_not_twice_as_large_as_what_is_newer() {
        // (sizes, new rows, sizes that stay)
        const CASES: &[(&[u64], u64, &[u64])] = &[
            (&[], 5, &[]),
            (&[100, 10], 5, &[100]),
            (&[100, 11], 5, &[100, 11]),
            (&[30, 10], 5, &[]),
            (&[31, 10], 5, &[31]),
            (&[100], 0, &[100]),
        ];
        for (sizes, new, stay) in CASES {
            let mut layers = sizes.to_vec();
            let folded = take_folded(&mut layers, *new, |size| Some(*size));
            assert_eq!((&layers[..], &folded[..]), (*stay, &sizes[stay.len()..]), "{sizes:?} {new}");
        }
        let mut kept = vec![1, 1, 1];
        assert_eq!(take_folded(&mut kept, 9, |_| None), [0; 0]);
    }
}
