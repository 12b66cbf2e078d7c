//! Which signals and exemptions hold for which message.

use std::borrow::Cow;
use std::path::Path;

use chattag::bundle::{self, Bundle, Options};
use chattag::mention::Scratch;
use chattag::message::*;
use chattag::rules::SourceFile;
use chattag::signal::Event;
use chattag::time::Timestamp;
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
