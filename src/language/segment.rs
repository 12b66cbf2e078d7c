//! Cuts text into words, for the terms that must stand on word boundaries.
//!
//! jieba without its guessing model, with our terms in its dictionary. Loading the
//! dictionary takes a good part of a second and segmenting is several times dearer
//! than matching, so both happen at the first need only.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use jieba_rs::Jieba;

/// Cuts text into words. Shared by reference; the dictionary is loaded at the first use.
#[derive(Default)]
pub struct Segmenter {
    jieba: OnceLock<Jieba>,
    words: Vec<String>,
    segmented: AtomicU64,
}

impl std::fmt::Debug for Segmenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segmenter").field("words", &self.words.len()).finish_non_exhaustive()
    }
}

impl Segmenter {
    /// Makes a segmenter that also knows `words`, which are folded. Cheap: loads nothing.
    pub fn new(words: Vec<String>) -> Segmenter {
        Segmenter { words, ..Segmenter::default() }
    }

    /// Replaces `ends` by the byte offsets at which the words of the folded `text` end, in order.
    pub fn word_ends(&self, text: &str, ends: &mut Vec<u32>) {
        self.segmented.fetch_add(1, Ordering::Relaxed);
        ends.clear();
        let words = self.jieba.get_or_init(|| self.load()).cut(text, false);
        ends.extend(words.iter().map(|word| word.byte_end as u32));
    }

    /// Returns how many texts were segmented so far.
    pub fn segmented(&self) -> u64 {
        self.segmented.load(Ordering::Relaxed)
    }

    fn load(&self) -> Jieba {
        let mut jieba = Jieba::new();
        for word in &self.words {
            jieba.add_word(word, None, None);
        }
        jieba
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_terms_are_words_and_texts_are_counted() {
        let segmenter = Segmenter::new(vec!["拼团价".to_owned()]);
        assert_eq!(segmenter.segmented(), 0);
        let mut ends = Vec::new();
        segmenter.word_ends("拼团价多少", &mut ends);
        assert_eq!(ends, [9, 15]);
        assert_eq!(segmenter.segmented(), 1);
    }
}
