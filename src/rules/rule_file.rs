//! Compiles one `[[rule]]`: who, what it looks for, what follows.

use super::compile::Context;
use super::pack_file::elapsed;
use super::reader::{Reader, Text};
use super::rule::{
    AlertIdx, AlertLevel, AlertSpec, Emit, Fingerprint, KickAction, Migrate, RecallPolicy, Rule, Score,
    SignalIdx, Status, TagIdx,
};
use super::shape_file;
use super::tree::Table;
use crate::diagnostic::Diagnostic;
use crate::message::KeyKind;

/// Compiles the rule of `table`; `None` when so much is missing that nothing can run.
pub fn rule(table: &Table, context: &Context<'_>) -> Option<Rule> {
    let reader = Reader::new(table, context.findings);
    let head = head(&reader);
    let shape = shape_file::shape(&reader, context);
    let word = reader.text("shape").map_or("", |shape| shape.text);
    let emit = reader.table("emit").filter(|_| word != "rank").and_then(|table| emit(table, word, context));
    let untag = reader.texts("untag").into_iter().filter_map(|name| tag(name, context)).collect();
    let alert = reader.table("alert").and_then(|table| alert(table, &reader, context));
    let kick = reader.choice("action", ACTIONS);
    check_effects(&reader, kick, &head);
    let recall = reader.choice("recall", RECALLS);
    let migrate = reader.choice("migrate", MIGRATIONS);
    check_shape_effects(&reader, word);
    reader.text("note");
    // The keys of a shape that is not known are not known either: one finding is enough.
    if shape.is_some() || reader.text("shape").is_none_or(|shape| shape_file::is_known(shape.text)) {
        reader.finish();
    }
    let head = head?;
    Some(Rule {
        id: head.id,
        version: head.version,
        title: head.title,
        status: head.status,
        key: head.key,
        shape: shape?,
        recall: recall.unwrap_or(if kick.is_some() { RecallPolicy::Ignore } else { RecallPolicy::Retract }),
        migrate: migrate.unwrap_or_default(),
        migrate_is_written: migrate.is_some(),
        emit,
        untag,
        alert,
        kick,
        fingerprint: Fingerprint::default(),
        state_fingerprint: Fingerprint::default(),
        lexicon_fingerprint: Fingerprint::default(),
        place: table.place.clone(),
    })
}

/// What every rule has.
struct Head {
    id: String,
    version: u32,
    title: String,
    status: Status,
    key: KeyKind,
}

fn head(reader: &Reader<'_>) -> Option<Head> {
    let (id, title) = (reader.required("id"), reader.required("title"));
    let version = required_with(reader, "version", |reader| reader.count("version", 1));
    let status = required_with(reader, "status", |reader| reader.choice("status", STATUSES));
    let key = required_with(reader, "key", |reader| reader.choice("key", KEYS));
    Some(Head {
        id: id?.text.to_owned(),
        version: version?,
        title: title?.text.to_owned(),
        status: status?,
        key: key?,
    })
}

/// Reads `key` with `read`; reports when it is missing.
pub fn required_with<'a, T>(
    reader: &Reader<'a>,
    key: &'static str,
    read: impl FnOnce(&Reader<'a>) -> Option<T>,
) -> Option<T> {
    if reader.node(key).is_none() {
        reader.missing(key);
    }
    read(reader)
}

fn check_effects(reader: &Reader<'_>, kick: Option<KickAction>, head: &Option<Head>) {
    let effects = ["emit", "untag", "alert", "action"];
    if effects.iter().all(|key| reader.node(key).is_none()) {
        let finding = Diagnostic::new(
            "E001",
            reader.place().clone(),
            "规则没有结果: 缺少 emit、untag、[rule.alert] 或 action",
            "the rule has no effect: `emit`, `untag`, `[rule.alert]` or `action` is missing",
        );
        reader
            .findings
            .add(finding.with_help("例如 emit = { tag = \"…\" }", "such as emit = { tag = \"…\" }"));
    }
    let wrong_key = head.as_ref().is_some_and(|head| head.key != KeyKind::RoomMember);
    if kick.is_some() && wrong_key {
        let (zh, en) = ("踢人规则的 key 必须是 room_member", "the key of a kick rule must be room_member");
        reader.findings.report("E001", reader.place_of("key"), zh, en);
    }
}

/// Some shapes cannot lead to everything.
fn check_shape_effects(reader: &Reader<'_>, shape: &str) {
    let bare = shape == "rank" && ["untag", "alert", "action"].iter().any(|key| reader.node(key).is_some());
    let timed = matches!(shape, "combine" | "cycle") && reader.node("action").is_some();
    if bare {
        let (zh, en) =
            ("rank 只打标签，不能 untag、告警或踢人", "a rank assigns tags only: no untag, alert or action");
        reader.findings.report("E001", reader.place(), zh, en);
    } else if timed {
        let (zh, en) =
            ("这种形状没有可判断的消息，不能踢人", "this shape has no message to judge and cannot kick");
        reader.findings.report("E001", reader.place_of("action"), zh, en);
    }
}

/// Resolves the name of a tag.
pub fn tag(name: Text<'_>, context: &Context<'_>) -> Option<TagIdx> {
    context.tags.find(name, context.findings).map(|at| TagIdx(at as u16))
}

fn emit(table: &Table, shape: &str, context: &Context<'_>) -> Option<Emit> {
    let reader = Reader::new(table, context.findings);
    let tag = reader.required("tag").and_then(|name| tag(name, context));
    let score = reader.table("score").map_or(Some(Score::Fixed(1.0)), |table| score(table, shape, context));
    let clear_on = reader.text("clear_on").and_then(|name| signal(name, context));
    reader.finish();
    Some(Emit { tag: tag?, score: score?, clear_on })
}

fn score(table: &Table, shape: &str, context: &Context<'_>) -> Option<Score> {
    let reader = Reader::new(table, context.findings);
    let fixed = reader.number("fixed");
    let half_point = reader.number("half_point");
    let half_life = elapsed(&reader, "half_life");
    let of = reader.text("of");
    let named = ["fixed", "half_point", "of"].iter().filter(|key| reader.node(key).is_some()).count();
    if named != 1 {
        refuse_score(
            &reader,
            "score 要写 half_point、fixed 或 of 其中一个",
            "score needs one of `half_point`, `fixed` and `of`",
        );
    }
    let score = match (fixed, half_point) {
        (Some(fixed), _) if !(0.0..=1.0).contains(&fixed) => {
            refuse_score(&reader, "fixed 应在 0 到 1 之间", "`fixed` must lie from 0 to 1")
        }
        (_, Some(half_point)) if half_point <= 0.0 => {
            refuse_score(&reader, "half_point 必须大于零", "`half_point` must be above zero")
        }
        (Some(_), _) if half_life.is_some() => refuse_score(
            &reader,
            "half_life 只和 half_point 一起用",
            "`half_life` goes with `half_point` only",
        ),
        (Some(fixed), None) => Some(Score::Fixed(fixed)),
        (None, Some(half_point)) => Some(Score::Mass { half_point, half_life }),
        (Some(_), Some(_)) => None,
        (None, None) => of.and_then(|of| given(of, shape, &reader)),
    };
    reader.finish();
    score
}

/// Returns the score that the shape computes, when it computes what `of` says.
fn given(of: Text<'_>, shape: &str, reader: &Reader<'_>) -> Option<Score> {
    if matches!((shape, of.text), ("ratio", "ratio") | ("combine", "min")) {
        return Some(Score::Given);
    }
    refuse_score(
        reader,
        "of 只能是 \"ratio\"（shape = \"ratio\"）或 \"min\"（shape = \"combine\"）",
        "`of` is \"ratio\" for shape = \"ratio\" or \"min\" for shape = \"combine\" only",
    )
}

fn refuse_score(reader: &Reader<'_>, zh: &str, en: &str) -> Option<Score> {
    let finding = Diagnostic::new("E012", reader.place().clone(), zh, en);
    reader.findings.add(finding.with_help(
        "例如 score = { half_point = 5, half_life = \"90d\" } 或 score = { fixed = 1.0 }",
        "such as score = { half_point = 5, half_life = \"90d\" } or score = { fixed = 1.0 }",
    ));
    None
}

fn alert(table: &Table, rule: &Reader<'_>, context: &Context<'_>) -> Option<AlertSpec> {
    let reader = Reader::new(table, context.findings);
    let id = reader.text("id").or_else(|| rule.text("id"));
    let name = reader.required("name");
    let level = required_with(&reader, "level", |reader| reader.choice("level", LEVELS));
    let cooldown = elapsed(&reader, "cooldown");
    let breaks_through = reader.choice("breakthrough", BREAKTHROUGHS).unwrap_or(true);
    let mut inhibited_by: Vec<AlertIdx> =
        reader.texts("inhibit_by").into_iter().filter_map(|name| inhibitor(name, context)).collect();
    inhibited_by.sort_unstable();
    inhibited_by.dedup();
    reader.finish();
    let alert = context.alert(id?)?;
    Some(AlertSpec {
        alert,
        name: name?.text.to_owned(),
        level: level?,
        cooldown,
        breaks_through,
        inhibited_by,
    })
}

/// Resolves `alert:<id>`.
fn inhibitor(name: Text<'_>, context: &Context<'_>) -> Option<AlertIdx> {
    match name.text.strip_prefix("alert:") {
        Some(id) => context.alert(Text { text: id, place: name.place }),
        None => {
            let (zh, en) =
                (format!("“{}” 不是告警引用", name.text), format!("`{}` names no alert", name.text));
            let finding = Diagnostic::new("E001", name.place.clone(), zh, en);
            context
                .findings
                .add(finding.with_help("写成 alert:<规则或告警 id>", "write alert:<rule or alert id>"));
            None
        }
    }
}

/// Resolves the name of a signal.
pub fn signal(name: Text<'_>, context: &Context<'_>) -> Option<SignalIdx> {
    let at = context.signals.find(name, context.findings)?;
    Some(SignalIdx(context.signal_numbers[at]))
}

const STATUSES: &[(&str, Status)] = &[
    ("experimental", Status::Experimental),
    ("test", Status::Test),
    ("stable", Status::Stable),
    ("deprecated", Status::Deprecated),
];

const KEYS: &[(&str, KeyKind)] = &[
    ("customer", KeyKind::Customer),
    ("relation", KeyKind::Relation),
    ("room", KeyKind::Room),
    ("room_member", KeyKind::RoomMember),
    ("staff", KeyKind::Staff),
];

const ACTIONS: &[(&str, KickAction)] = &[
    ("review", KickAction::Review),
    ("warn", KickAction::Warn),
    ("kick", KickAction::Kick),
    ("kick_block", KickAction::KickBlock),
];

const RECALLS: &[(&str, RecallPolicy)] =
    &[("retract", RecallPolicy::Retract), ("ignore", RecallPolicy::Ignore)];

const MIGRATIONS: &[(&str, Migrate)] =
    &[("replay", Migrate::Replay), ("reset", Migrate::Reset), ("keep", Migrate::Keep)];

const BREAKTHROUGHS: &[(&str, bool)] = &[("level", true), ("none", false)];

const LEVELS: &[(&str, AlertLevel)] =
    &[("low", AlertLevel::Low), ("mid", AlertLevel::Mid), ("high", AlertLevel::High)];
