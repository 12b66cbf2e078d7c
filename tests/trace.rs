//! What `explain` shows is what `annotate` does: on any text, the finds that the trace keeps are
//! exactly the mentions.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chattag::annotate::Speaker;
use chattag::bundle::{Bundle, Options};
use chattag::lexicon::TermIdx;
use chattag::maintain::explain;
use chattag::mention::{Layer, Polarity, Refusal, Scratch};
use chattag::message::{ChatKind, Flags, Message, MessageKind, Part, Role, RoomRole, TextScope};
use chattag::time::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use smallvec::smallvec;

static SHIPPED: LazyLock<Bundle> = LazyLock::new(|| Bundle::embedded(&Options::default()).0.unwrap());

/// Every spelling, covering phrase and companion of the shipped terms, and every scope word.
static PIECES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let terms = SHIPPED.catalog.terms().map(|(_, term)| term);
    let pieces = terms.flat_map(|term| {
        let own = term.spellings().map(str::to_owned);
        own.chain(term.contexts.iter().cloned()).chain(term.companions.iter().cloned()).collect::<Vec<_>>()
    });
    pieces.collect()
});

/// What stands between terms: marks, separators, letters and digits that join, disguises, other scripts.
const BETWEEN: &[&str] = &[
    "",
    "",
    "",
    "",
    "，",
    "。",
    "？",
    "！",
    " ",
    "的",
    "了",
    "我",
    "你们",
    "课程",
    "吗",
    "呢",
    "a",
    "7",
    "v",
    "+",
    "[微笑]",
    "😀",
    "*",
    "·",
    "\n",
    "不",
    "没有",
    "别",
    "不要",
    "有没有",
    "能不能",
    "如果",
    "他说",
    "优",
    "惠",
    "Ａ",
    "優",
];

/// A spelling as it is, or with something between its characters, in full width, or cut short.
fn piece() -> impl Strategy<Value = String> {
    let any = prop::sample::select(PIECES.as_slice());
    (any, 0u8..12).prop_map(|(text, how)| match how {
        0 => text.chars().map(|c| format!("{c}.")).collect(),
        1 => text.chars().map(|c| format!("{c} ")).collect(),
        2 => text
            .chars()
            .map(|c| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xfee0).unwrap() } else { c })
            .collect(),
        3 => text.chars().skip(1).collect(),
        4 => text.chars().flat_map(|c| [c, c]).collect(),
        _ => text,
    })
}

fn text() -> impl Strategy<Value = String> {
    let between = prop::sample::select(BETWEEN);
    prop::collection::vec((between, piece()), 1..6)
        .prop_map(|parts| parts.into_iter().map(|(before, piece)| format!("{before}{piece}")).collect())
}

type Hit = (TermIdx, usize, usize, Layer, Polarity, bool);

fn annotated(text: &str, at: Timestamp) -> Vec<Hit> {
    let message = Message {
        corp: "".into(),
        seq: 0,
        id: "".into(),
        at,
        kind: MessageKind::Text,
        chat: ChatKind::OneToOne,
        room: None,
        staff: None,
        customer: Some("c".into()),
        speaker: "c".into(),
        role: Role::Customer,
        room_role: RoomRole::Member,
        company: None,
        parts: smallvec![Part { scope: TextScope::Own, text: text.into(), base_chars: 0 }],
        links: smallvec![],
        mini_program: None,
        numbers: smallvec![],
        recipients: 1,
        flags: Flags::default(),
    };
    let (mut scratch, mut mentions) = (Scratch::default(), Vec::new());
    SHIPPED.annotator.annotate(&message, &mut scratch, &mut mentions);
    let hits = mentions.iter().map(|mention| {
        let bytes = mention.bytes.start as usize..mention.bytes.end as usize;
        (mention.term, bytes.start, bytes.end, mention.layer, mention.polarity, mention.flipped)
    });
    hits.collect()
}

fn traced(text: &str, at: Timestamp) -> Vec<Hit> {
    let found = SHIPPED.annotator.trace(text, at).found;
    let kept = found.into_iter().filter_map(|traced| {
        let (polarity, flipped) = traced.verdict.ok()?;
        Some((traced.term, traced.bytes.start, traced.bytes.end, traced.layer, polarity, flipped))
    });
    kept.collect()
}

fn sorted(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.1, hit.2, hit.0));
    hits
}

const AT: Timestamp = Timestamp(1_767_225_600_000);

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_finds_that_a_trace_keeps_are_the_mentions(text in text()) {
        prop_assert_eq!(sorted(traced(&text, AT)), sorted(annotated(&text, AT)), "{}", text);
    }

    #[test]
    fn explain_keeps_as_many_finds_as_there_are_mentions_and_says_why_not_of_the_others(text in text()) {
        let explained = explain::text(&SHIPPED, &text, Speaker::Customer, AT);
        let kept = explained.found.iter().filter(|find| find.kept).count();
        prop_assert_eq!(kept, annotated(&text, AT).len(), "{}", text);
        for find in &explained.found {
            prop_assert!(find.kept == find.refusal.is_none() && find.kept == find.polarity.is_some());
        }
    }
}

#[test]
fn the_random_texts_meet_most_reasons_against_a_find() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut met: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..4_000 {
        let text = text().new_tree(&mut runner).unwrap().current();
        for traced in SHIPPED.annotator.trace(&text, AT).found {
            *met.entry(format!("{:?}", traced.verdict.err())).or_default() += 1;
        }
    }
    use Refusal::{Covered, Denied, InsideWord, NotAlone, OtherSense, Overlapped, Refused};
    for reason in [Covered, Denied, InsideWord, NotAlone, OtherSense, Overlapped, Refused] {
        assert!(met.contains_key(&format!("{:?}", Some(reason))), "{reason:?}: {met:?}");
    }
    assert!(met["None"] > 5_000, "{met:?}");
}
