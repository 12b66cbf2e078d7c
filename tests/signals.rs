//! Which signals and exemptions hold for which message.

use std::borrow::Cow;
use std::path::Path;

use chattag::bundle::{self, Bundle, Options};
use chattag::lexicon::{Catalog, Lexicon, NegationPolicy, Term, Validity, parse};
use chattag::mention::{Annotator, Mention, Scratch};
use chattag::message::*;
use chattag::rules::SourceFile;
use chattag::signal::Event;
use chattag::time::{Day, Timestamp, Zone};
use smallvec::{SmallVec, smallvec};

const SIGNALS: &str = r#"
[signal.own_words]
any = ["lexicon:discount"]

[signal.passed_on]
any = ["lexicon:discount"]
words = "shared"

[signal.asked]
any = ["lexicon:discount"]
polarity = ["questioned"]

[signal.turned_round]
any = ["flipped:complaint"]

[signal.near_price]
any = ["lexicon:price_question"]
near = { lexicon = "course_noun", chars = 2 }

[signal.by_customer]
from = "customer"

[signal.by_staff]
from = "staff"

[signal.by_bot]
from = "bot"

[signal.by_member]
from = "external_member"

[signal.foreign_host]
host_not_in = "allow:web_hosts"

[signal.foreign_program]
mini_program_not_in = "allow:web_hosts"

[signal.listed_member]
member_in = "deny:members"

[signal.image_in_group]
chat = "group"
message_type = ["image"]
"#;

fn bundle() -> Bundle {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/base");
    let mut files = bundle::files_in(&dir).expect("the fixture is there");
    files.push(SourceFile { path: "signals/table.toml".into(), bytes: SIGNALS.into() });
    files.push(SourceFile {
        path: "deny/members.csv".into(), bytes: "value,reason\n讲师甲,广告\n".into()
    });
    Bundle::from_files(&files, &Options::default()).0.expect("no errors")
}

fn typed(text: &str) -> Message<'_> {
    Message {
        corp: Cow::Borrowed(""),
        seq: 1,
        id: Cow::Borrowed("m1"),
        at: Timestamp(1_709_258_400_000),
        kind: MessageKind::Text,
        chat: ChatKind::OneToOne,
        room: None,
        staff: Some(Cow::Borrowed("客服")),
        customer: Some(Cow::Borrowed("客户")),
        speaker: Cow::Borrowed("客户"),
        role: Role::Customer,
        room_role: RoomRole::Member,
        company: None,
        parts: smallvec![Part { scope: TextScope::Own, text: Cow::Borrowed(text), base_chars: 0 }],
        links: SmallVec::new(),
        mini_program: None,
        numbers: SmallVec::new(),
        recipients: 1,
        flags: Flags::default(),
    }
}

fn scoped(scope: TextScope, text: &str) -> Message<'_> {
    let mut message = typed(text);
    message.parts[0].scope = scope;
    message
}

fn two_parts<'a>(first: &'a str, second: &'a str) -> Message<'a> {
    let mut message = typed(first);
    message.parts.push(Part { scope: TextScope::Own, text: Cow::Borrowed(second), base_chars: 0 });
    message
}

fn linked(link: &str) -> Message<'_> {
    let mut message = typed("");
    message.links.push(Cow::Borrowed(link));
    message
}

fn spoken(role: Role, chat: ChatKind) -> Message<'static> {
    Message { role, chat, ..typed("") }
}

fn evaluated(bundle: &Bundle, message: &Message<'_>) -> Event {
    let (mut mentions, mut event) = (Vec::new(), Event::default());
    bundle.annotator.annotate(message, &mut Scratch::default(), &mut mentions);
    bundle.evaluator.evaluate(message, &mentions, &bundle.catalog, &mut event);
    event
}

/// Returns the signals of the table above that hold.
fn holding(bundle: &Bundle, message: &Message<'_>) -> Vec<String> {
    let event = evaluated(bundle, message);
    assert!(event.signals.is_sorted_by_key(|sign| sign.signal), "signals come in order");
    let ids = event.signals.iter().map(|sign| bundle.rules.signals[usize::from(sign.signal.0)].id.clone());
    ids.filter(|id| SIGNALS.contains(&format!("[signal.{id}]"))).collect()
}

#[test]
fn a_signal_holds_when_all_its_conditions_do() {
    let by = "by_customer";
    let cases: Vec<(&str, Message<'_>, Vec<&str>)> = vec![
        ("own", typed("打折"), vec![by, "own_words", "passed_on"]),
        ("asked", typed("打折吗？"), vec!["asked", by, "own_words", "passed_on"]),
        ("shared", scoped(TextScope::Shared, "打折"), vec![by, "passed_on"]),
        ("quoted", scoped(TextScope::Quoted, "打折"), vec![by]),
        ("machine", scoped(TextScope::Machine, "打折"), vec![by]),
        ("flipped", typed("并不满意"), vec![by, "turned_round"]),
        ("not flipped", typed("满意"), vec![by]),
        ("near", typed("课程的多少钱"), vec![by, "near_price"]),
        ("two between", typed("课程它的多少钱"), vec![by, "near_price"]),
        ("three between", typed("课程的价是多少钱"), vec![by]),
        ("near, after", typed("多少钱的课程"), vec![by, "near_price"]),
        ("other part", two_parts("课程", "多少钱"), vec![by]),
        ("staff", spoken(Role::Staff, ChatKind::OneToOne), vec!["by_staff"]),
        ("bot", spoken(Role::Bot, ChatKind::Group), vec!["by_bot"]),
        ("member", spoken(Role::Customer, ChatKind::Group), vec![by, "by_member"]),
        ("B4 host", linked("https://example.com/x"), vec![by]),
        ("B4 sub-domain", linked("https://m.EXAMPLE.com./x"), vec![by]),
        ("B4 other host", linked("https://notexample.com"), vec![by, "foreign_host"]),
        ("B4 prefix", linked("https://example.com.evil.cn"), vec![by, "foreign_host"]),
        ("host in text", typed("上www.evil.cn看"), vec![by, "foreign_host"]),
        ("shared host, own words asked", scoped(TextScope::Shared, "www.evil.cn"), vec![by]),
        (
            "program",
            Message { mini_program: Some(Cow::Borrowed("wx1")), ..typed("") },
            vec![by, "foreign_program"],
        ),
        (
            "listed program",
            Message { mini_program: Some(Cow::Borrowed("example.com")), ..typed("") },
            vec![by],
        ),
        ("list", Message { speaker: Cow::Borrowed("讲师甲"), ..typed("") }, vec![by, "listed_member"]),
        (
            "image",
            Message { kind: MessageKind::Image, ..spoken(Role::Bot, ChatKind::Group) },
            vec!["by_bot", "image_in_group"],
        ),
    ];
    let bundle = bundle();
    for (name, message, expected) in cases {
        assert_eq!(holding(&bundle, &message), expected, "{name}");
    }
}

#[test]
fn a_hit_shows_the_original_text_only_where_it_differs_from_the_term() {
    let bundle = bundle();
    let event = evaluated(&bundle, &typed("打折，特惠"));
    let id = |at: u16| bundle.rules.signals[usize::from(at)].id.as_str();
    let sign = event.signals.iter().find(|sign| id(sign.signal.0) == "own_words").expect("it holds");
    let surfaces: Vec<Option<&str>> = event.hits_of(sign).iter().map(|hit| hit.surface.as_deref()).collect();
    assert_eq!(surfaces, [None, Some("特惠")]);
    assert_eq!((event.hits_of(sign)[1].start, event.hits_of(sign)[1].end), (3, 5));
}

#[test]
fn exemptions_hold_by_role_and_by_list_until_the_local_midnight_of_their_end() {
    // B1, B2, X21. (speaker, role, role in the group, time in Shanghai, exemption)
    let cases: &[(&str, Role, RoomRole, &str, Option<&str>)] = &[
        ("甲", Role::Customer, RoomRole::Member, "2024-03-01 10:00", None),
        ("甲", Role::Customer, RoomRole::Owner, "2024-03-01 10:00", Some("ex_owner")),
        ("甲", Role::Customer, RoomRole::Admin, "2024-03-01 10:00", Some("ex_owner")),
        ("甲", Role::Staff, RoomRole::Member, "2024-03-01 10:00", Some("ex_owner")),
        ("甲", Role::Bot, RoomRole::Member, "2024-03-01 10:00", None),
        ("讲师甲", Role::Customer, RoomRole::Member, "2025-06-29 23:59:59.999", Some("ex_partner")),
        ("讲师甲", Role::Customer, RoomRole::Member, "2025-06-30 00:00", None),
        ("讲师乙", Role::Customer, RoomRole::Member, "2024-04-30 23:59:59.999", Some("ex_partner")),
        ("讲师乙", Role::Customer, RoomRole::Member, "2024-05-01 00:00", None),
    ];
    let bundle = bundle();
    for (speaker, role, room_role, at, expected) in cases {
        let at = bundle.rules.pack.zone.parse_local(at).expect("a time");
        let message = Message {
            speaker: Cow::Borrowed(*speaker),
            room_role: *room_role,
            at,
            ..spoken(*role, ChatKind::Group)
        };
        let bits = evaluated(&bundle, &message).exemptions;
        let found =
            (0..64).find(|bit| bits & (1 << bit) != 0).map(|bit| bundle.rules.exemptions[bit].id.as_str());
        assert_eq!(found, *expected, "{speaker} {role:?} {room_role:?}");
    }
}

/// The hits of one term list in a text: its terms, each with what follows `=` as its way with negation, `!` its
/// covering phrase, `&` its companion.
fn hits(terms: &[&str], text: &str) -> Vec<(String, u32, u32, bool)> {
    let made = terms.iter().zip(1..).map(|(line, n)| {
        let mut words = line.split(' ');
        let mut term = Term::plain(&format!("t{n}"), words.next().expect("a term"));
        for word in words {
            match word.split_at(1) {
                ("!", context) => term.contexts.push(context.to_owned()),
                ("&", companion) => term.companions.push(companion.to_owned()),
                ("=", "drop") => term.negation = NegationPolicy::Drop,
                ("=", "flip") => term.negation = NegationPolicy::Flip,
                other => panic!("{other:?}"),
            }
        }
        term
    });
    let scope = parse("negation.csv", include_bytes!("../dictionaries/lexicons/negation.csv")).0;
    let catalog = Catalog::new(vec![scope, Lexicon::new("case", made.collect())]);
    let mut found = Vec::new();
    let annotator = Annotator::new(&catalog, &Zone::shanghai());
    annotator.annotate(&typed(text), &mut Scratch::default(), &mut found);
    let shown =
        |one: &Mention| (catalog.term(one.term).text.clone(), one.chars.start, one.chars.end, one.flipped);
    found.iter().map(shown).collect()
}

/// Number of the sentence, terms, text, hits: term, first character, one past the last, turned round.
type WordCase = (u32, &'static [&'static str], &'static str, &'static [(&'static str, u32, u32, bool)]);

const WORD_CASES: &[WordCase] = &[
    // 13: folded by width, case and script; offsets are those of the text as sent.
    (13, &["vip优惠"], "😀ＶＩＰ優惠！", &[("vip优惠", 1, 6, false)]),
    // 14: leftmost-longest and without overlap inside one list; repeats count.
    (
        14,
        &["优惠", "优惠券", "券后"],
        "优惠券后优惠优惠",
        &[("优惠券", 0, 3, false), ("优惠", 4, 6, false), ("优惠", 6, 8, false)],
    ),
    // 15: a hit that its context covers is dropped, another one stays.
    (15, &["刷单 !防刷单"], "防刷单提醒，刷单加我", &[("刷单", 6, 8, false)]),
    (15, &["刷单 !防刷单"], "防一防刷单", &[]),
    // 16: a companion within eight characters on either side.
    (16, &["苹果 &钱"], "钱一二三四五六七苹果", &[("苹果", 8, 10, false)]),
    (16, &["苹果 &钱"], "苹果一二三四五六七钱", &[("苹果", 0, 2, false)]),
    (16, &["苹果 &钱"], "钱一二三四五六七八苹果", &[]),
    // 17: ignored, dropped or flipped; punctuation ends the scope; a question is no negation.
    (17, &["满意"], "我不满意", &[("满意", 2, 4, false)]),
    (17, &["满意 =drop"], "我不满意", &[]),
    (17, &["满意 =flip"], "我不满意", &[("满意", 2, 4, true)]),
    (17, &["满意 =drop"], "不，满意", &[("满意", 2, 4, false)]),
    (17, &["优惠 =drop"], "有没有优惠", &[("优惠", 3, 5, false)]),
    (17, &["满意 =drop"], "不错，挺满意", &[("满意", 4, 6, false)]),
];

#[test]
fn semantics_13_to_17_what_is_a_hit_and_what_is_none() {
    for (number, terms, text, expected) in WORD_CASES {
        let expected =
            expected.iter().map(|(term, first, end, flipped)| ((*term).to_owned(), *first, *end, *flipped));
        assert_eq!(hits(terms, text), expected.collect::<Vec<_>>(), "{number}: {text}");
    }
}

#[test]
fn semantic_14_lists_do_not_see_each_other() {
    let list = |id: &str, text: &str| Lexicon::new(id, vec![Term::plain(id, text)]);
    let catalog = Catalog::new(vec![list("a", "优惠"), list("b", "优惠券")]);
    let mut found = Vec::new();
    let annotator = Annotator::new(&catalog, &Zone::shanghai());
    annotator.annotate(&typed("优惠券"), &mut Scratch::default(), &mut found);
    assert_eq!(found.len(), 2, "each list has its own hit");
}

#[test]
fn semantic_16_a_companion_in_another_part_is_none() {
    let mut term = Term::plain("t", "苹果");
    term.companions.push("钱".to_owned());
    let catalog = Catalog::new(vec![Lexicon::new("case", vec![term])]);
    let annotator = Annotator::new(&catalog, &Zone::shanghai());
    let mut found = Vec::new();
    for (message, n) in [(typed("苹果多少钱"), 1), (two_parts("苹果", "多少钱"), 0)] {
        annotator.annotate(&message, &mut Scratch::default(), &mut found);
        assert_eq!(found.len(), n);
    }
}

#[test]
fn semantic_18_a_term_counts_from_its_first_day_until_the_midnight_of_its_end() {
    let zone = Zone::shanghai();
    let valid = Validity { from: Day::parse("2024-10-20"), until: Day::parse("2024-11-15") };
    let term = Term { valid, ..Term::plain("t", "满减") };
    let catalog = Catalog::new(vec![Lexicon::new("case", vec![term])]);
    let annotator = Annotator::new(&catalog, &zone);
    let mut found = Vec::new();
    for (at, n) in [
        ("2024-10-19 23:59:59.999", 0),
        ("2024-10-20 00:00", 1),
        ("2024-11-14 23:59:59.999", 1),
        ("2024-11-15 00:00", 0),
    ] {
        let at_that_time = Message { at: zone.parse_local(at).expect("a time"), ..typed("有满减吗") };
        annotator.annotate(&at_that_time, &mut Scratch::default(), &mut found);
        assert_eq!(found.len(), n, "{at}");
    }
}

#[test]
fn semantic_19_a_signal_depends_on_its_message_alone() {
    let bundle = bundle();
    let (asked, silent) = (typed("打折吗？打折吗？"), typed("好的"));
    let first = evaluated(&bundle, &asked);
    let sign =
        first.sign(bundle.rules.signals.iter().position(|one| one.id == "asked").map(number).expect("one"));
    assert_eq!(first.hits_of(sign.expect("it is true")).len(), 2, "a signal carries its hits");
    let (mut mentions, mut event, mut scratch) = (Vec::new(), Event::default(), Scratch::default());
    for message in [&silent, &asked, &silent, &asked] {
        bundle.annotator.annotate(message, &mut scratch, &mut mentions);
        bundle.evaluator.evaluate(message, &mentions, &bundle.catalog, &mut event);
    }
    assert_eq!(format!("{event:?}"), format!("{first:?}"), "whatever came before");
}

fn number(place: usize) -> chattag::rules::SignalIdx {
    chattag::rules::SignalIdx(u16::try_from(place).expect("few signals"))
}
