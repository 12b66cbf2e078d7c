//! BLAKE3 of a file from its blocks, hashed apart and in any order.
//!
//! A block that starts at a multiple of its own size, a power of two, is a
//! subtree of the file's hash tree: its chaining value is all that is kept.

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// Hashes the block that starts at `offset` of a file with more than one block.
pub(crate) fn of_block(offset: u64, bytes: &[u8]) -> ChainingValue {
    Hasher::new().set_input_offset(offset).update(bytes).finalize_non_root()
}

/// Combines the blocks of a file, in order; there must be at least two.
///
/// # Panics
///
/// Panics when there are fewer.
pub(crate) fn of_blocks(blocks: &[ChainingValue]) -> [u8; 32] {
    let (left, right) = blocks.split_at(left_len(blocks.len()));
    *merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash).as_bytes()
}

fn subtree(blocks: &[ChainingValue]) -> ChainingValue {
    match blocks {
        [block] => *block,
        _ => {
            let (left, right) = blocks.split_at(left_len(blocks.len()));
            merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
        }
    }
}

/// Returns the greatest power of two below `len`: how many blocks the left subtree has.
fn left_len(len: usize) -> usize {
    len.next_power_of_two() / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_of_a_file_hash_to_the_hash_of_the_file() {
        let bytes: Vec<u8> = (0..40_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for block in [1_024, 2_048, 4_096] {
            for len in [block + 1, 2 * block, 5 * block, 5 * block + 17, 8 * block] {
                let file = &bytes[..len];
                let blocks: Vec<_> = file
                    .chunks(block)
                    .enumerate()
                    .map(|(n, bytes)| of_block((n * block) as u64, bytes))
                    .collect();
                assert_eq!(of_blocks(&blocks), *blake3::hash(file).as_bytes(), "{len} in {block}");
            }
        }
    }
}
