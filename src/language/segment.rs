//! Cuts text into words, for the terms that must stand on word boundaries.
//!
//! jieba without its guessing model, with our terms in its dictionary. Loading the
//! dictionary takes a good part of a second and segmenting is several times dearer
//! than matching, so both happen at the first need only.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jieba_rs::Jieba;

/// Cuts text into words. Shared by reference or by clones, which load the dictionary once for all of them, at the
/// first use.
#[derive(Clone, Default)]
pub struct Segmenter {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    jieba: OnceLock<Jieba>,
    words: Vec<String>,
    segmented: AtomicU64,
}

impl std::fmt::Debug for Segmenter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segmenter").field("words", &self.shared.words.len()).finish_non_exhaustive()
    }
}

impl Segmenter {
    /// Makes a segmenter that also knows `words`, which are folded. Cheap: loads nothing.
    pub fn new(words: Vec<String>) -> Segmenter {
        Segmenter { shared: Arc::new(Shared { words, ..Shared::default() }) }
    }

    /// Replaces `ends` by the byte offsets at which the words of the folded `text` end, in order.
    pub fn word_ends(&self, text: &str, ends: &mut Vec<u32>) {
        self.shared.segmented.fetch_add(1, Ordering::Relaxed);
        ends.clear();
        let words = self.jieba().cut(text, false);
        ends.extend(words.iter().map(|word| word.byte_end as u32));
    }

    /// Does what [`Segmenter::word_ends`] does for the stretch around `place` that words do not reach out of, and returns
    /// the stretch. Its start is a word boundary too.
    pub fn word_ends_around(&self, text: &str, place: Range<usize>, ends: &mut Vec<u32>) -> Range<usize> {
        let start = text[..place.start].rfind(parts_words).map_or(0, |at| at + char_len(text, at));
        let end = text[place.end..].find(parts_words).map_or(text.len(), |at| place.end + at);
        self.word_ends(&text[start..end], ends);
        ends.iter_mut().for_each(|at| *at += start as u32);
        start..end
    }

    /// Loads the dictionary now: who has to answer at once must not wait for it at the first text that needs it.
    pub fn warm_up(&self) {
        self.jieba();
    }

    fn jieba(&self) -> &Jieba {
        self.shared.jieba.get_or_init(|| self.shared.load())
    }

    /// Returns how often the dictionary has seen `word`; 0 for what is no word.
    pub fn frequency(&self, word: &str) -> usize {
        let jieba = self.jieba();
        if jieba.has_word(word) { jieba.suggest_freq(word) } else { 0 }
    }

    /// Returns whether `word` is a word that is used daily, not one that only dictionaries know.
    pub fn is_daily(&self, word: &str) -> bool {
        self.frequency(word) > RARE
    }

    /// Returns how often a text, or a stretch of one, was segmented so far.
    pub fn segmented(&self) -> u64 {
        self.shared.segmented.load(Ordering::Relaxed)
    }
}

/// A dictionary that was loaded before a segmenter asked for it.
static READY: Mutex<Option<Jieba>> = Mutex::new(None);

/// Loads the dictionary for the first segmenter that needs one: who knows that texts will come can let it
/// happen while something else keeps only one core at work.
pub fn load_dictionary() {
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    ready.get_or_insert_with(Jieba::new);
}

impl Shared {
    fn load(&self) -> Jieba {
        let ready = READY.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut jieba = ready.unwrap_or_default();
        for word in &self.words {
            jieba.add_word(word, None, None);
        }
        jieba
    }
}

/// Returns whether no word reaches over a character, to jieba: it cuts the runs between those that are no Chinese characters,
/// ASCII letters or digits and none of `+#&._%-` each by itself. Only the common ones of these, and no line ends, which
/// jieba leaves whole where they are two characters.
fn parts_words(c: char) -> bool {
    match c {
        '\r' | '\n' | '+' | '#' | '&' | '.' | '_' | '%' | '-' => false,
        _ => {
            c.is_ascii() && !c.is_ascii_alphanumeric()
                || matches!(c, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}')
        }
    }
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// Words that the dictionary has seen no oftener than this are none in daily use.
const RARE: usize = 20;

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

    #[test]
    fn a_stretch_is_cut_as_it_is_within_its_text() {
        const TEXTS: &[&str] = &[
            "你好，这个课程多少钱？能便宜点吗",
            "mac-mini 2.5%的价格,第3版\r\n买一送一 a+b",
            "，，我要退款！！（不是换货）。",
            "《价格表》…… 半价🙂优惠～",
            "x",
        ];
        let segmenter = Segmenter::default();
        let (mut of_text, mut of_stretch) = (Vec::new(), Vec::new());
        for text in TEXTS {
            segmenter.word_ends(text, &mut of_text);
            let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            for start in &starts {
                let end = start + char_len(text, *start);
                let stretch = segmenter.word_ends_around(text, *start..end, &mut of_stretch);
                let within =
                    of_text.iter().filter(|at| stretch.start < **at as usize && **at as usize <= stretch.end);
                assert!(within.eq(&of_stretch), "{text} {stretch:?}");
                let is_start = |at: usize| at == 0 || of_text.contains(&(at as u32));
                assert!(is_start(stretch.start), "{text} {stretch:?}");
            }
        }
    }
}
