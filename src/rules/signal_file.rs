//! Compiles conditions on one message: the tables of signal files and the
//! conditions of kick rules.

use super::business_file;
use super::compile::Context;
use super::reader::{Reader, Text};
use super::rule::Fingerprint;
use super::signal_def::{ModelScore, Near, Selector, SignalDef, Speaker, Words};
use super::tree::{Entry, Table, Value};
use crate::diagnostic::Diagnostic;
use crate::mention::Polarity;
use crate::message::{ChatKind, MessageKind};
use crate::model::Label;

/// Compiles one `[signal.<id>]`.
pub fn signal(entry: &Entry, context: &Context<'_>) -> Option<SignalDef> {
    let Value::Table(table) = &entry.node.value else {
        context.findings.report(
            "E001",
            &entry.place,
            "应为表 [signal.<id>]",
            "must be a table [signal.<id>]",
        );
        return None;
    };
    let reader = Reader::new(table, context.findings);
    let title = reader.text("title").map_or_else(|| entry.key.clone(), |title| title.text.to_owned());
    let mut def = match business_file::conditions(&reader) {
        Some(business) => SignalDef { business: Some(business), ..nothing() },
        None => conditions(&reader, context, Defaults::SIGNAL),
    };
    reader.text("note");
    reader.finish();
    def.id = entry.key.clone();
    def.title = title;
    Some(def)
}

/// What holds where a table says nothing.
#[derive(Clone, Copy)]
pub struct Defaults {
    from: Speaker,
    words: Words,
}

impl Defaults {
    /// Of signals: whoever speaks, in their own words.
    pub const SIGNAL: Defaults = Defaults { from: Speaker::Anyone, words: Words::Own };
    /// Of kick rules: someone from outside, in words typed or passed on.
    pub const KICK: Defaults = Defaults { from: Speaker::ExternalMember, words: Words::OwnAndShared };
}

/// Returns a signal that asks for nothing.
fn nothing() -> SignalDef {
    SignalDef {
        id: String::new(),
        title: String::new(),
        business: None,
        from: Speaker::Anyone,
        chats: Vec::new(),
        kinds: Vec::new(),
        words: Words::Own,
        any: Vec::new(),
        models: Vec::new(),
        polarity: Vec::new(),
        unless_any: Vec::new(),
        near: None,
        host_not_in: None,
        mini_program_not_in: None,
        member_in: None,
        company_in: None,
        fingerprint: Fingerprint::default(),
    }
}

/// Reads the conditions that signals and kick rules share. The id and title stay empty.
pub fn conditions(reader: &Reader<'_>, context: &Context<'_>, defaults: Defaults) -> SignalDef {
    SignalDef {
        from: reader.choice("from", SPEAKERS).unwrap_or(defaults.from),
        chats: sorted(reader.choices("chat", CHATS)),
        kinds: kinds(reader),
        words: reader.choice("words", WORDS).unwrap_or(defaults.words),
        any: selectors(reader, "any", context),
        models: models(reader),
        polarity: sorted(reader.choices("polarity", POLARITIES)),
        unless_any: selectors(reader, "unless_any", context),
        near: reader.table("near").and_then(|table| near(table, context)),
        host_not_in: list(reader, "host_not_in", context).map(hosts),
        mini_program_not_in: list(reader, "mini_program_not_in", context),
        member_in: list(reader, "member_in", context),
        company_in: list(reader, "company_in", context),
        ..nothing()
    }
}

/// Returns whether `def` asks for nothing that sets one message apart from another of the same speaker.
pub fn says_nothing(def: &SignalDef) -> bool {
    let lists = [&def.host_not_in, &def.mini_program_not_in, &def.member_in, &def.company_in];
    def.any.is_empty()
        && def.models.is_empty()
        && def.kinds.is_empty()
        && lists.iter().all(|list| list.is_none())
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all.dedup();
    all
}

fn kinds(reader: &Reader<'_>) -> Vec<MessageKind> {
    let read = |text: Text<'_>| {
        let kind: Result<MessageKind, _> = serde_json::from_value(text.text.into());
        if kind.is_err() {
            let (zh, en) = (
                format!("不认识的消息类型 “{}”", text.text),
                format!("unknown message type `{}`", text.text),
            );
            let finding = Diagnostic::new("E001", text.place.clone(), zh, en);
            reader.findings.add(finding.with_help(
                "用企业微信的类型名，如 text image link weapp file redpacket",
                "use WeCom's names, such as text image link weapp file redpacket",
            ));
        }
        kind.ok()
    };
    sorted(reader.texts("message_type").into_iter().filter_map(read).collect())
}

fn selectors(reader: &Reader<'_>, key: &'static str, context: &Context<'_>) -> Vec<Selector> {
    let mut all: Vec<Selector> = Vec::new();
    for text in reader.texts(key) {
        let (flipped, rest) = match text.text.split_once(':') {
            Some(("lexicon", rest)) => (false, rest),
            Some(("flipped", rest)) => (true, rest),
            Some(("model", _)) => {
                if model_score(text.text).is_none() {
                    report_model(text, context);
                }
                continue;
            }
            _ => {
                report_selector(text, context);
                continue;
            }
        };
        all.extend(context.selector(Text { text: rest, place: text.place }, flipped));
    }
    all.sort_by(|a, b| (a.lexicon, a.flipped, &a.terms).cmp(&(b.lexicon, b.flipped, &b.terms)));
    all.dedup();
    all
}

/// Returns the scores among the conditions of `any`; those that cannot be read are reported with the selectors.
fn models(reader: &Reader<'_>) -> Vec<ModelScore> {
    reader.texts("any").into_iter().filter_map(|text| model_score(text.text)).collect()
}

/// Reads `model:complaint >= 0.7`.
fn model_score(text: &str) -> Option<ModelScore> {
    let (name, at_least) = text.strip_prefix("model:")?.split_once(">=")?;
    let at_least = at_least.trim().parse().ok().filter(|score| (0.0..=1.0).contains(score))?;
    Some(ModelScore { label: Label::named(name.trim())?, at_least })
}

fn report_model(text: Text<'_>, context: &Context<'_>) {
    let (zh, en) =
        (format!("“{}” 不是模型分数条件", text.text), format!("`{}` is no condition on a score", text.text));
    let finding = Diagnostic::new("E001", text.place.clone(), zh, en);
    context.findings.add(finding.with_help(
        "写成 model:<标签> >= 0.7，标签为 complaint、price_interest 或 ad，分数 0 到 1",
        "write model:<label> >= 0.7 with complaint, price_interest or ad and a score from 0 to 1",
    ));
}

fn report_selector(text: Text<'_>, context: &Context<'_>) {
    let (zh, en) = (format!("“{}” 不是词表引用", text.text), format!("`{}` names no lexicon", text.text));
    let finding = Diagnostic::new("E001", text.place.clone(), zh, en);
    context.findings.add(finding.with_help(
        "写成 lexicon:<词表> 或 lexicon:<词表>/<类别>；反向命中写成 flipped:<词表>",
        "write lexicon:<id> or lexicon:<id>/<category>; flipped:<id> for what negation turned round",
    ));
}

fn near(table: &Table, context: &Context<'_>) -> Option<Near> {
    let reader = Reader::new(table, context.findings);
    let lexicon = reader.required("lexicon");
    let chars = reader.count("chars", 0);
    if reader.node("chars").is_none() {
        reader.missing("chars");
    }
    reader.finish();
    let selector = context.selector(lexicon?, false)?;
    Some(Near { selector, chars: chars? })
}

/// Returns the values of the list that `key` names, sorted.
fn list(reader: &Reader<'_>, key: &'static str, context: &Context<'_>) -> Option<Vec<String>> {
    let rows = &context.list(reader.text(key)?)?.rows;
    for row in rows.iter().filter(|row| row.until.is_some()) {
        let (zh, en) = (
            "截止日期目前只对豁免名单（[[exempt]] members）有效",
            "an end date works only in lists that [[exempt]] members names",
        );
        context.findings.add(
            Diagnostic::new("E015", row.place.clone(), zh, en).with_help(
                "删去截止；到期后再删去这一行",
                "remove the date; remove the row when it has passed",
            ),
        );
    }
    Some(sorted(rows.iter().map(|row| row.value.clone()).collect()))
}

/// Brings hosts into the form in which they are compared: lower case, no final dot.
fn hosts(values: Vec<String>) -> Vec<String> {
    let host = |value: String| value.trim_start_matches("*.").trim_end_matches('.').to_lowercase();
    sorted(values.into_iter().map(host).collect())
}

/// How rule files write it.
pub const SPEAKERS: &[(&str, Speaker)] = &[
    ("customer", Speaker::Customer),
    ("staff", Speaker::Staff),
    ("bot", Speaker::Bot),
    ("external_member", Speaker::ExternalMember),
    ("anyone", Speaker::Anyone),
];

const CHATS: &[(&str, ChatKind)] =
    &[("one_to_one", ChatKind::OneToOne), ("group", ChatKind::Group), ("internal", ChatKind::Internal)];

/// How rule files write it.
pub const WORDS: &[(&str, Words)] = &[("own", Words::Own), ("shared", Words::OwnAndShared)];

const POLARITIES: &[(&str, Polarity)] = &[
    ("asserted", Polarity::Asserted),
    ("negated", Polarity::Negated),
    ("questioned", Polarity::Questioned),
    ("hypothetical", Polarity::Hypothetical),
    ("reported", Polarity::Reported),
];
