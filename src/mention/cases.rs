//! The boundary cases of terms, and properties that hold for any text.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};
use proptest::prelude::*;

use crate::language::{fold, without_separators};
use crate::lexicon::{Catalog, LayerSet, Lexicon, Mode, NegationPolicy, Term, Validity, parse};
use crate::message::{ChatKind, Flags, Message, MessageKind, Part, Role, RoomRole, TextScope};
use crate::time::{Day, Timestamp, Zone};

use super::{Annotator, Layer, Mention, Polarity, Scratch};

/// A customer's message of these own parts, sent on 2024-03-04 at 10:00.
pub(super) fn message<'a>(parts: &[&'a str]) -> Message<'a> {
    let part = |text: &&'a str| Part { scope: TextScope::Own, text: Cow::Borrowed(*text), base_chars: 0 };
    Message {
        corp: Cow::Borrowed(""),
        seq: 1,
        id: Cow::Borrowed("m1"),
        at: Timestamp(1_709_517_600_000),
        kind: MessageKind::Text,
        chat: ChatKind::OneToOne,
        room: None,
        staff: None,
        customer: None,
        speaker: Cow::Borrowed("wm1"),
        role: Role::Customer,
        room_role: RoomRole::Member,
        company: None,
        parts: parts.iter().map(part).collect(),
        links: Default::default(),
        mini_program: None,
        numbers: Default::default(),
        recipients: 1,
        flags: Flags::default(),
    }
}

/// The mentions of one lexicon in a text.
pub(super) fn mentions_of(terms: &[Term], scope: Option<&Lexicon>, text: &str) -> Vec<Mention> {
    annotate(Lexicon::new("case", terms.to_vec()), scope, &message(&[text]))
}

fn annotate(lexicon: Lexicon, scope: Option<&Lexicon>, message: &Message<'_>) -> Vec<Mention> {
    let catalog = Catalog::new(scope.cloned().into_iter().chain([lexicon]).collect());
    let mut mentions = Vec::new();
    Annotator::new(&catalog, &Zone::shanghai()).annotate(message, &mut Scratch::default(), &mut mentions);
    mentions
}

fn negation() -> Lexicon {
    parse("negation.csv", include_bytes!("../../dictionaries/lexicons/negation.csv")).0
}

fn skipping(terms: &[Term]) -> Lexicon {
    let mut lexicon = Lexicon::new("case", terms.to_vec());
    lexicon.set_layers(LayerSet::SKIP);
    lexicon
}

/// Makes terms from `词|变体 !语境 &共现` and a mode.
fn terms(lines: &[&str]) -> Vec<Term> {
    let mut made = Vec::new();
    for (line, n) in lines.iter().zip(1..) {
        let mut words = line.split(' ');
        let mut spellings = words.next().unwrap().split('|').map(str::to_owned);
        let mut term = Term::plain(&format!("t{n}"), &spellings.next().unwrap());
        term.variants = spellings.collect();
        for word in words {
            match word.split_at(1) {
                ("!", context) => term.contexts.push(context.to_owned()),
                ("&", companion) => term.companions.push(companion.to_owned()),
                ("=", "整句") => term.mode = Mode::Whole,
                ("=", "正则") => term.mode = Mode::Regex,
                ("=", "整词") => term.mode = Mode::Word,
                ("=", "丢弃") => term.negation = NegationPolicy::Drop,
                ("=", "反转") => term.negation = NegationPolicy::Flip,
                other => panic!("{other:?}"),
            }
        }
        made.push(term);
    }
    made
}

fn slices<'a>(text: &'a str, mentions: &[Mention]) -> Vec<&'a str> {
    mentions.iter().map(|mention| &text[mention.bytes.start as usize..mention.bytes.end as usize]).collect()
}

/// (case, terms, text, the hits as they stand in the text)
const HITS: &[(&str, &[&str], &str, &[&str])] = &[
    ("T1", &["优惠", "优惠券"], "有优惠券吗", &["优惠券"]),
    ("T2", &["优惠"], "优惠优惠优惠", &["优惠", "优惠", "优惠"]),
    ("T3", &["vip"], "ＶＩＰ多少钱", &["ＶＩＰ"]),
    ("T4", &["优惠"], "ａ优惠", &["优惠"]),
    ("T5", &["满意 =丢弃"], "我不满意", &[]),
    ("T6", &["满意 =反转"], "我不满意", &["满意"]),
    ("T7", &["优惠"], "没有优惠吗", &["优惠"]),
    ("T8", &["优惠 =丢弃"], "有没有优惠", &["优惠"]),
    ("T9", &["便宜 =丢弃"], "能不能便宜点", &["便宜"]),
    ("T10", &["满意 =丢弃"], "不，满意", &["满意"]),
    ("T11", &["满意 =丢弃"], "不是说这个服务满意", &["满意"]),
    ("T12", &["刷单 !防刷单"], "群公告防刷单提醒", &[]),
    ("T13", &["刷单 !防刷单"], "防刷单提醒，刷单加我", &["刷单"]),
    ("T14 with", &["苹果 &钱 &价"], "苹果多少钱", &["苹果"]),
    ("T14 without", &["苹果 &钱 &价"], "苹果真好吃", &[]),
    ("T14 eight characters", &["苹果 &钱"], "钱一二三四五六七苹果", &["苹果"]),
    ("T14 nine characters", &["苹果 &钱"], "钱一二三四五六七八苹果", &[]),
    ("B6", &["刷单 !防刷单"], "防刷单", &[]),
    ("a longer word with another sense", &["贵", "折"], "贵公司的折叠椅贵", &["贵"]),
    ("a term that is such a word", &["贵公司"], "贵公司", &["贵公司"]),
    ("the context wins over the longest", &["优惠券 !优惠券吗", "优惠"], "优惠券吗", &["优惠"]),
    ("variants are the term", &["投诉|举报"], "我要舉報", &["舉報"]),
    ("av in have", &["av"], "have av", &["av"]),
    ("158 in an order number", &["158"], "单号6158233，拨158", &["158"]),
    ("letters beside digits", &["加vx"], "加vx123", &["加vx"]),
    ("emoji code", &["发怒"], "[发怒]他发怒了", &["发怒"]),
    ("emoji code as a term", &["[发怒]"], "好[发怒]", &["[发怒]"]),
    ("a term half inside a code", &["好发"], "好[发怒]", &[]),
    ("whole text", &["1 =整句"], " １ \n", &["１"]),
    ("not the whole text", &["1 =整句"], "1个", &[]),
    ("regex", &["\\d+\\s*折 =正则"], "打８折吧", &["８折"]),
    ("regex in traditional characters", &["優惠\\d+ =正则"], "优惠50", &["优惠50"]),
    ("regex over a sentence end", &["好.*贵 =正则"], "好。贵", &[]),
    ("word", &["卫生 =整词"], "卫生间在哪，卫生很差", &["卫生"]),
    ("word among others", &["卫生 =整词", "在"], "卫生间在哪", &["在"]),
    ("sentence end inside", &["加微信"], "加。微信", &[]),
    ("line end inside", &["加微信"], "加\n微信", &[]),
    ("separators are kept by default", &["加微信"], "加-微-信", &[]),
];

#[test]
fn hits_are_those_of_the_boundary_cases() {
    let scope = negation();
    for (case, lines, text, want) in HITS {
        let found = mentions_of(&terms(lines), Some(&scope), text);
        assert_eq!(slices(text, &found), *want, "{case}: {text}");
    }
}

/// (terms, text, the hits as they stand in the text)
const SKIPPED_HITS: &[(&[&str], &str, &[&str])] = &[
    (&["加v信"], "加-V-信", &["加-V-信"]),
    (&["加微信"], "加 · 微*信", &["加 · 微*信"]),
    (&["加微信"], "加[玫瑰]微信", &["加[玫瑰]微信"]),
    (&["加微信"], "--加微信--", &["加微信"]),
    (&["加微信"], "加----微信", &[]),
    (&["加微信"], "加。微信", &[]),
    (&["加微信"], "加\u{200b}微\u{fe0f}信", &["加\u{200b}微\u{fe0f}信"]),
    (&["刷单 !防刷单"], "防-刷-单", &[]),
    (&["微信", "加微信"], "加-微信", &["微信"]),
    (&["c++"], "c+", &[]),
    (&["app_下载"], "APP-下载", &["APP-下载"]),
    (&["av"], "h a-v e", &["a-v"]),
    (&["av"], "ha-ve", &[]),
];

// Cases T15 and B5.
#[test]
fn separators_are_skipped_where_a_lexicon_asks_for_it() {
    for (lines, text, want) in SKIPPED_HITS {
        let found = annotate(skipping(&terms(lines)), None, &message(&[text]));
        assert_eq!(slices(text, &found), *want, "{text}");
    }
}

/// (term, text, layer)
const LAYERS: &[(&str, &str, Layer)] = &[
    ("优惠", "优惠", Layer::Exact),
    ("優惠|VIP", "優惠", Layer::Exact),
    ("優惠|VIP", "VIP", Layer::Exact),
    ("優惠|VIP", "vip", Layer::Folded),
    ("优惠", "優惠", Layer::Folded),
    ("加微信", "加 微信", Layer::Skipped),
    ("\\d折 =正则", "8折", Layer::Exact),
    ("\\d折 =正则", "８折", Layer::Folded),
];

#[test]
fn the_layer_says_how_far_the_text_was_folded() {
    for (line, text, layer) in LAYERS {
        let found = annotate(skipping(&terms(&[line])), None, &message(&[text]));
        assert_eq!(found.first().map(|mention| mention.layer), Some(*layer), "{text}");
    }
}

/// (term, text, polarity, flipped)
const POLARITIES: &[(&str, &str, Polarity, bool)] = &[
    ("满意", "我很满意", Polarity::Asserted, false),
    ("满意", "我不满意", Polarity::Negated, false),
    ("满意 =反转", "我不满意", Polarity::Asserted, true),
    ("满意 =反转", "没有不满意", Polarity::Asserted, false),
    ("满意", "不错挺满意", Polarity::Asserted, false),
    ("满意 =反转", "满意不满意", Polarity::Questioned, false),
    ("优惠", "没有优惠吗", Polarity::Questioned, false),
    ("优惠", "有无优惠", Polarity::Questioned, false),
    ("贵", "贵不贵", Polarity::Questioned, false),
    ("投诉 =丢弃", "我不得不投诉了", Polarity::Asserted, false),
    ("投诉 =丢弃", "如果不处理就投诉", Polarity::Hypothetical, false),
    ("退款 =丢弃", "退款的话多久到", Polarity::Hypothetical, false),
    ("骗子 =丢弃", "网上有人说是骗子", Polarity::Reported, false),
    ("失望 =丢弃", "歌名叫《失望而归》", Polarity::Reported, false),
    ("退款 =丢弃", "怎么退款", Polarity::Questioned, false),
    ("退款 =丢弃", "凭什么不给我退款", Polarity::Asserted, false),
];

#[test]
fn scope_words_decide_what_a_hit_means() {
    let scope = negation();
    for (line, text, polarity, flipped) in POLARITIES {
        let found = mentions_of(&terms(&[line]), Some(&scope), text);
        let first = found.first().map(|mention| (mention.polarity, mention.flipped));
        assert_eq!(first, Some((*polarity, *flipped)), "{text}");
    }
}

#[test]
fn denied_and_refused_hits_are_dropped_by_policy() {
    // (term, text)
    const CASES: &[(&str, &str)] = &[
        ("退款 =丢弃", "退款就不用了"),
        ("投诉 =丢弃", "我没有投诉过你们"),
        ("优惠", "别给我发优惠了"),
        ("慢 =丢弃", "慢是不慢"),
    ];
    let scope = negation();
    for (line, text) in CASES {
        assert!(mentions_of(&terms(&[line]), Some(&scope), text).is_empty(), "{text}");
    }
}

#[test]
fn a_negator_does_not_reach_over_another_hit() {
    let found = mentions_of(&terms(&["退款", "投诉"]), Some(&negation()), "不退款投诉");
    let polarities: Vec<Polarity> = found.iter().map(|mention| mention.polarity).collect();
    assert_eq!(polarities, [Polarity::Negated, Polarity::Asserted]);
}

#[test]
fn terms_do_not_run_from_part_to_part_and_quotes_are_not_searched() {
    let mut message = message(&["加微", "信", "加微信", "加微信", "加微信"]);
    message.parts[3].scope = TextScope::Quoted;
    message.parts[4].scope = TextScope::Machine;
    let found = annotate(Lexicon::new("case", terms(&["加微信"])), None, &message);
    let parts: Vec<u16> = found.iter().map(|mention| mention.part).collect();
    assert_eq!(parts, [2]);
}

#[test]
fn offsets_are_bytes_of_the_part_and_characters_of_the_stored_text() {
    let mut message = message(&["好的，ＶＩＰ優惠券"]);
    message.parts[0].base_chars = 100;
    let found = annotate(Lexicon::new("case", terms(&["vip", "优惠券"])), None, &message);
    let places: Vec<_> = found.iter().map(|mention| (mention.bytes.clone(), mention.chars.clone())).collect();
    assert_eq!(places, [(9..18, 103..106), (18..27, 106..109)]);
}

#[test]
fn a_term_counts_on_its_own_days() {
    // (first day, first day no more, counts on 2024-03-04)
    let day = |text| Day::parse(text);
    let cases = [
        (day("2024-03-04"), None, true),
        (day("2024-03-05"), None, false),
        (None, day("2024-03-05"), true),
        (None, day("2024-03-04"), false),
    ];
    for (from, until, counts) in cases {
        let term = Term { valid: Validity { from, until }, ..Term::plain("t", "满减") };
        assert_eq!(mentions_of(&[term], None, "满减").len(), usize::from(counts), "{from:?} {until:?}");
    }
}

#[test]
fn only_stretches_with_a_candidate_that_asks_for_it_are_segmented() {
    let catalog = Catalog::new(vec![Lexicon::new("case", terms(&["卫生 =整词", "间"]))]);
    let annotator = Annotator::new(&catalog, &Zone::shanghai());
    let (mut scratch, mut found) = (Scratch::default(), Vec::new());
    for (text, segmented) in [("你好", 0), ("房间", 0), ("卫生不错", 1), ("卫生，卫生", 3), ("你好，卫生", 4)]
    {
        annotator.annotate(&message(&[text]), &mut scratch, &mut found);
        assert_eq!(annotator.segmented(), segmented, "{text}");
    }
}

fn han(min: usize, max: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(prop::sample::select(vec!['甲', '乙', '丙', '丁']), min..=max)
        .prop_map(|chars| chars.into_iter().collect())
}

proptest! {
    #[test]
    fn without_folding_hits_are_those_of_aho_corasick(words in prop::collection::vec(han(1, 4), 1..8), text in han(0, 40)) {
        let terms: Vec<Term> = words.iter().map(|word| Term::plain("t", word)).collect();
        let found = mentions_of(&terms, None, &text);
        let plain = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&words).unwrap();
        let want: Vec<_> = plain.find_iter(&text).map(|hit| hit.start() as u32..hit.end() as u32).collect();
        let got: Vec<_> = found.iter().map(|mention| mention.bytes.clone()).collect();
        prop_assert_eq!(got, want);
    }

    #[test]
    fn every_hit_folds_to_its_term(
        words in prop::collection::vec("[加微信vV优優惠0-9①㎏ -]{1,4}", 1..6),
        text in "[加微信vVＶ优優惠0-9①㎏ \\-·。\\[\\]\u{200b}]{0,40}|\\PC{0,20}",
    ) {
        let terms: Vec<Term> = words.iter().map(|word| Term::plain("t", word)).collect();
        let found = annotate(skipping(&terms), None, &message(&[&text]));
        for mention in &found {
            let slice = text.get(mention.bytes.start as usize..mention.bytes.end as usize);
            let original = slice.expect("on character boundaries");
            let (term, folded) = (fold(&words[mention.term.0 as usize]), fold(original));
            let bare = without_separators(&folded) == without_separators(&term);
            prop_assert!(folded.contains(&term) || mention.layer == Layer::Skipped && bare, "{} {}", folded, term);
            let chars = text[..mention.bytes.start as usize].chars().count() as u32;
            prop_assert_eq!(mention.chars.clone(), chars..chars + original.chars().count() as u32);
        }
    }
}
