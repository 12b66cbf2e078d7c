//! Finds what has a form instead of a wording: numbers to call, ids, addresses.
//!
//! Works on the folded text without invisible characters. Digits may be written in any style and with up to
//! three separators between them, as people do who do not want to be found; a longer number, a code with letters
//! or a masked number is none. Runs only where digits, letters or `@` are there.

mod account;
mod address;
mod digits;

use std::ops::Range;

use memchr::memmem::Finder;

use crate::language::{CharFlags, FoldedText, flags_of};
use crate::lexicon::{Catalog, Detector, LexiconIdx, LexiconSet, Mode, TermIdx};

use account::Accounts;
use address::Addresses;

/// All terms of mode 识别, compiled.
pub(super) struct Detectors {
    terms: Vec<DetectorTerm>,
    accounts: Accounts,
    addresses: Addresses,
    /// What a mobile number in Chinese numerals begins with.
    ones: [Finder<'static>; 3],
}

struct DetectorTerm {
    lexicon: LexiconIdx,
    term: TermIdx,
    detector: Detector,
    /// Numbers and addresses that are no hits, such as the company's own; only what is not a separator.
    excluded: Vec<String>,
}

/// The buffers one thread reuses from text to text.
#[derive(Default)]
pub(super) struct Buffers {
    clean: String,
    /// For each byte of `clean` and its end: where it stands in the folded text.
    origins: Vec<u32>,
    digits: digits::Row,
    found: Vec<Range<usize>>,
}

/// Something found, in bytes of the folded text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Detected {
    pub(super) lexicon: LexiconIdx,
    pub(super) term: TermIdx,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Detectors {
    /// Compiles the enabled terms of mode 识别; a name that is none was reported by the lexicon check.
    pub(super) fn new(catalog: &Catalog) -> Detectors {
        let on = catalog.terms().filter(|(_, term)| term.enabled && term.mode == Mode::Detector);
        let terms = on.filter_map(|(idx, term)| {
            let detector = Detector::named(&term.text)?;
            let excluded = term.contexts.iter().map(|text| bare(&crate::language::fold(text))).collect();
            Some(DetectorTerm { lexicon: catalog.lexicon_of(idx), term: idx, detector, excluded })
        });
        let (accounts, addresses) = (Accounts::default(), Addresses::default());
        Detectors {
            terms: terms.collect(), accounts, addresses, ones: ["一", "么", "壹"].map(Finder::new)
        }
    }

    /// Appends what the text holds for the lexicons that are wanted.
    pub(super) fn find(
        &self,
        folded: &FoldedText,
        wanted: &LexiconSet,
        buffers: &mut Buffers,
        out: &mut Vec<Detected>,
    ) {
        let asked =
            |term: &&DetectorTerm| wanted.contains(term.lexicon) && self.is_worth(term.detector, folded);
        if !self.terms.iter().any(|term| asked(&term)) {
            return;
        }
        buffers.read(folded.text());
        for term in self.terms.iter().filter(asked) {
            buffers.found.clear();
            self.run(term.detector, buffers);
            for found in &buffers.found {
                if term.excluded.contains(&bare(&buffers.clean[found.clone()])) {
                    continue;
                }
                let (start, end) = (buffers.origins[found.start], buffers.origins[found.end]);
                out.push(Detected { lexicon: term.lexicon, term: term.term, start, end });
            }
        }
    }

    /// Returns whether the text has what the detector cannot do without; cheap, and false for most texts.
    fn is_worth(&self, detector: Detector, folded: &FoldedText) -> bool {
        let has = |flags| folded.flags().intersects(flags);
        match detector {
            Detector::BankCard | Detector::IdCard | Detector::Qq => has(CharFlags::DIGIT),
            Detector::WechatId | Detector::Url | Detector::Email => has(CharFlags::LATIN),
            Detector::Phone => has(CharFlags::DIGIT) || self.may_speak(folded.text()),
        }
    }

    /// Returns whether a mobile number may be written in Chinese numerals, of three bytes each.
    fn may_speak(&self, text: &str) -> bool {
        text.len() >= 3 * digits::MOBILE_DIGITS
            && self.ones.iter().any(|one| one.find(text.as_bytes()).is_some())
            && SPOKEN.iter().any(|start| text.contains(start))
    }

    fn run(&self, detector: Detector, buffers: &mut Buffers) {
        let Buffers { clean, digits, found, .. } = buffers;
        match detector {
            Detector::Phone => digits::phones(clean, digits, found),
            Detector::BankCard => digits::bank_cards(clean, digits, found),
            Detector::IdCard => digits::id_cards(clean, digits, found),
            Detector::Qq => self.accounts.qq(clean, found),
            Detector::WechatId => self.accounts.wechat(clean, found),
            Detector::Url => self.addresses.urls(clean, found),
            Detector::Email => self.addresses.emails(clean, found),
        }
    }
}

impl Buffers {
    /// Replaces the contents by the text without what nobody sees.
    fn read(&mut self, text: &str) {
        self.clean.clear();
        self.origins.clear();
        for (at, c) in text.char_indices() {
            if !flags_of(c).intersects(CharFlags::SKIP) {
                self.clean.push(c);
                self.origins.extend((at..at + c.len_utf8()).map(|at| at as u32));
            }
        }
        self.origins.push(self.origins.last().map_or(0, |last| last + 1));
        self.digits.read(&self.clean);
    }
}

/// How mobile numbers begin when they are written in Chinese numerals.
const SPOKEN: [&str; 12] =
    ["一三", "一四", "一五", "一六", "一七", "一八", "一九", "么三", "么五", "么八", "壹叁", "壹捌"];

/// Returns the letters, digits and Chinese characters only.
fn bare(text: &str) -> String {
    let told = CharFlags::DIGIT | CharFlags::LATIN | CharFlags::HAN;
    text.chars().filter(|c| flags_of(*c).intersects(told)).collect()
}

#[cfg(test)]
mod tests {
    use crate::language::fold_into;
    use crate::lexicon::{Lexicon, Term};

    use super::*;

    /// What `detector` finds in `text`, as written.
    fn found(detector: &str, text: &str, excluded: &[&str]) -> Vec<String> {
        let contexts = excluded.iter().map(|text| (*text).to_owned()).collect();
        let term = Term { mode: Mode::Detector, contexts, ..Term::plain("d", detector) };
        let catalog = Catalog::new(vec![Lexicon::new("x", vec![term])]);
        let (mut folded, mut out) = (FoldedText::default(), Vec::new());
        fold_into(text, &mut folded);
        let wanted = LexiconSet::first(1);
        Detectors::new(&catalog).find(&folded, &wanted, &mut Buffers::default(), &mut out);
        let original =
            |found: &Detected| text[folded.original(found.start as usize..found.end as usize)].to_owned();
        out.iter().map(original).collect()
    }

    #[test]
    fn what_has_the_form_is_found_and_what_only_looks_like_it_is_not() {
        // (detector, text, found)
        const CASES: &[(&str, &str, &[&str])] = &[
            ("手机号", "打138 0000 1111找我", &["138 0000 1111"]),
            ("手机号", "一三八零零零零一一一一", &["一三八零零零零一一一一"]),
            ("手机号", "+86-139-0000-1111", &["+86-139-0000-1111"]),
            ("手机号", "运单202513800001111", &[]),
            ("手机号", "尾号138****1111", &[]),
            ("手机号", "138，0000，1111", &[]),
            ("QQ号", "加q：123456", &["123456"]),
            ("QQ号", "QQ糖12345箱", &[]),
            ("微信号", "加vx abc_123 领", &["abc_123"]),
            ("微信号", "微信更新到version8", &[]),
            ("网址", "看www.example.com/a吧", &["www.example.com/a"]),
            ("网址", "上example点com", &["example点com"]),
            ("网址", "用ASP.NET写的，9.9包邮", &[]),
            ("邮箱", "发到a.b@example.com", &["a.b@example.com"]),
            ("邮箱", "5斤@10元", &[]),
            ("银行卡号", "打到6222 0200 0000 0000 008", &[]),
            ("银行卡号", "卡号4111 1111 1111 1111", &["4111 1111 1111 1111"]),
            ("银行卡号", "单号94111111111111111123", &[]),
            ("身份证号", "证件11010519491231002x", &["11010519491231002x"]),
            ("身份证号", "证件110105194912310021", &[]),
        ];
        for (detector, text, want) in CASES {
            assert_eq!(found(detector, text, &[]), *want, "{detector} {text}");
        }
    }

    #[test]
    fn what_the_list_excludes_is_no_hit_however_it_is_written() {
        assert!(found("手机号", "打138-0000-1111", &["13800001111"]).is_empty());
        assert!(found("网址", "www.example.com", &["www.example.com"]).is_empty());
        assert_eq!(found("手机号", "打138-0000-1112", &["13800001111"]).len(), 1);
    }
}
