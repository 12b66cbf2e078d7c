//! `chattag explain`: what each stage makes of a text, or how a customer came by a tag.
#![allow(clippy::print_stdout, reason = "the explanation is this command's output")]

use chattag::annotate::Speaker;
use chattag::batch::Progress as Watch;
use chattag::bundle::Bundle;
use chattag::maintain::explain::{
    self, FindExplained, KeyExplained, Move, Question, Step, StepSignal, TextExplained,
};
use chattag::mention::Refusal;
use chattag::message::KeyKind;
use chattag::time::{Timestamp, Zone};
use chattag::timeline::Progress;

use crate::Status;
use crate::args::{ExplainArgs, SpeakerArg};
use crate::console::Console;

/// Explains the text, or the customer.
pub fn run(args: &ExplainArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let zone = bundle.rules.pack.zone.clone();
    let at = args.at.as_deref().map(|text| super::local_time(text, &zone)).transpose()?;
    match (&args.text, &args.customer) {
        (_, Some(customer)) => explain_key(args, customer, bundle, at, console),
        (Some(text), None) => explain_text(args, text, &bundle, at, console),
        (None, None) => Err(super::said(
            "写上一句话，或用 --customer 指明客户",
            "name a text, or a customer with --customer",
        )),
    }
}

fn explain_text(
    args: &ExplainArgs,
    text: &str,
    bundle: &Bundle,
    at: Option<Timestamp>,
    console: &Console,
) -> anyhow::Result<Status> {
    let speaker = match args.role {
        SpeakerArg::Customer => Speaker::Customer,
        SpeakerArg::Staff => Speaker::Staff,
        SpeakerArg::Member => Speaker::Member,
    };
    let at = at.unwrap_or_else(super::this_instant);
    let explained = explain::text(bundle, text, speaker, at);
    match args.json {
        true => println!("{}", serde_json::to_string(&explained)?),
        false => print!("{}", describe_text(&explained, console)),
    }
    Ok(Status::Fine)
}

fn describe_text(explained: &TextExplained, console: &Console) -> String {
    let pick = |zh: &'static str, en: &'static str| console.pick(zh, en);
    let none = || pick("（无）", "(none)").to_owned();
    let mut text = format!("{}  {}\n", pick("折叠后", "folded "), explained.folded);
    text.push_str(&format!("{}    {}\n", pick("分词", "words"), explained.segments.join(" / ")));
    text.push_str(&format!("{}\n", pick("候选", "found")));
    for find in &explained.found {
        text.push_str(&describe_find(find, console));
    }
    if explained.found.is_empty() {
        text.push_str(&format!("  {}\n", none()));
    }
    let signals = if explained.signals.is_empty() { none() } else { explained.signals.join(", ") };
    text.push_str(&format!("{}    {signals}\n", pick("信号", "signals")));
    text.push_str(&format!("{}\n", pick("规则", "rules")));
    for rule in &explained.rules {
        let score = match rule.score {
            Some(score) => format!("{} {score:.6}", pick("一句就算，分数", "fires on this text, score")),
            None => pick("要看这位客户的其他消息", "depends on the customer's other messages").to_owned(),
        };
        text.push_str(&format!(
            "  {} “{}” ← {}  → {}  ({score})\n",
            rule.rule,
            rule.title,
            rule.signals.join(", "),
            rule.leads_to
        ));
    }
    if explained.rules.is_empty() {
        text.push_str(&format!("  {}\n", none()));
    }
    text
}

fn describe_find(find: &FindExplained, console: &Console) -> String {
    let what = format!("“{}”@{} [{}/{} {}]", find.surface, find.start, find.lexicon, find.term_id, find.term);
    let said = match find.refusal {
        None => {
            let polarity = find
                .polarity
                .map(|polarity| serde_json::json!(polarity).as_str().unwrap_or_default().to_owned());
            let flipped = if find.flipped { console.pick("，反转", ", flipped") } else { "" };
            format!(
                "{} {}{flipped}  {} {}",
                console.pick("算，", "kept,"),
                polarity.unwrap_or_default(),
                console.pick("权重", "weight"),
                find.weight
            )
        }
        Some(refusal) => {
            let (zh, en) = why(refusal);
            let by = find.by.as_ref().map_or_else(String::new, |by| format!(" “{by}”"));
            format!("{} {}{by}", console.pick("不算，", "refused,"), console.pick(zh, en))
        }
    };
    format!("  {} {what}  {said}\n", if find.kept { "✓" } else { "✗" })
}

fn why(refusal: Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::NotInForce => ("不在生效日期内", "not in force on that day"),
        Refusal::NotAlone => (
            "只是一串字母数字、表情码或整句的一部分",
            "only a part of a run of letters, an emoji code, or the text",
        ),
        Refusal::Covered => ("被排除语境覆盖", "covered by a context"),
        Refusal::WithoutCompany => {
            ("八个字以内没有必须共现的词", "none of its companions within eight characters")
        }
        Refusal::InsideWord => ("首尾不在词的边界上", "its ends are no word boundaries"),
        Refusal::Overlapped => ("让位给同一词表里的词", "another term of the list takes its place:"),
        Refusal::OtherSense => ("是另一个意思的词的一部分（别义）", "a part of a word with another sense"),
        Refusal::Denied => ("被否定，且该词的“否定”是丢弃", "denied, and the term drops denials"),
        Refusal::Refused => ("说话人谢绝", "the speaker wants nothing of it"),
    }
}

fn explain_key(
    args: &ExplainArgs,
    customer: &str,
    bundle: Bundle,
    at: Option<Timestamp>,
    console: &Console,
) -> anyhow::Result<Status> {
    if let Some(tag) = &args.tag
        && !bundle.rules.tags.iter().any(|known| known.id == *tag)
    {
        return Err(super::unknown(("标签", "tag"), tag));
    }
    if let Some(rule) = &args.rule
        && !bundle.rules.rules.iter().any(|known| known.id == *rule)
    {
        return Err(super::unknown(("规则", "rule"), rule));
    }
    let zone = bundle.rules.pack.zone.clone();
    let options = super::rehearsal(&args.archive, &args.sample, super::MEMORY, &zone, console)?;
    let question =
        Question { customer: customer.to_owned(), tag: args.tag.clone(), rule: args.rule.clone(), until: at };
    let explained = explain::key(bundle, &question, &options, &Watch::default())?;
    match args.json {
        true => println!("{}", serde_json::to_string(&explained)?),
        false if explained.is_empty() => println!(
            "{}",
            console.pick("存档里没有这位客户的消息", "the archive holds no message of this customer")
        ),
        false => explained.iter().for_each(|key| print!("{}", describe_key(key, &zone, console))),
    }
    Ok(if explained.is_empty() { Status::Findings } else { Status::Fine })
}

fn describe_key(key: &KeyExplained, zone: &Zone, console: &Console) -> String {
    let whose = [&key.key.customer, &key.key.staff, &key.key.room];
    let whose: Vec<&str> = whose.into_iter().map(|id| &**id).filter(|id| !id.is_empty()).collect();
    let mut text = format!("{}\n", whose.join(" · "));
    if key.key.kind == KeyKind::Staff {
        text.push_str(console.pick(
            "  这是员工的编号，只有按员工计的规则看它；要看客户，请填客户的编号（wm… 或 wo…）\n",
            "  this is an employee: only rules keyed by staff look at the id; for a customer, give the customer's (wm… or wo…)\n",
        ));
    }
    for rule in &key.rules {
        let (fp, lexicons) = (&rule.fingerprint[..8], &rule.lexicon_fingerprint[..8]);
        text.push_str(&format!(
            "  {} {}@{} (fp {fp}…, {} {lexicons}…)\n",
            console.pick("规则", "rule"),
            rule.rule,
            rule.version,
            console.pick("词表", "lists")
        ));
    }
    if key.steps.is_empty() {
        text.push_str(console.pick("  没有任何进展\n", "  nothing moved\n"));
    }
    key.steps.iter().for_each(|step| text.push_str(&describe_step(step, zone, console)));
    text
}

fn describe_step(step: &Step, zone: &Zone, console: &Console) -> String {
    let said = match step.message.is_empty() {
        true => console.pick("（到时间）", "(timer)").to_owned(),
        false => format!("{} “{}”", step.message, step.text),
    };
    let mut text = format!("  {} {said}\n", step.at);
    for StepSignal { signal, found } in &step.signals {
        text.push_str(&format!("      {signal} [{}]\n", found.join(", ")));
    }
    for Move { rule, before, after } in &step.moves {
        text.push_str(&format!(
            "      {rule}: {} → {}\n",
            progress(before, zone, console),
            progress(after, zone, console)
        ));
    }
    for decided in &step.decisions {
        let score = decided
            .score
            .map_or_else(String::new, |score| format!("  {} {score:.6}", console.pick("分数", "score")));
        let level = decided.level.as_ref().map_or_else(String::new, |level| format!(" {level}"));
        let until = decided
            .expires_at
            .as_ref()
            .map_or_else(String::new, |at| format!("  {} {at}", console.pick("到", "until")));
        text.push_str(&format!("    ⇒ {}{score}{level}{until}\n", decided.what));
    }
    text
}

fn progress(progress: &Progress, zone: &Zone, console: &Console) -> String {
    match progress {
        Progress::Idle => console.pick("空", "nothing").to_owned(),
        Progress::Counting { total, at_least } => format!("{total}/{at_least}"),
        Progress::Steps { found, of, since } => {
            format!(
                "{} {found}/{of} ({} {})",
                console.pick("步骤", "step"),
                console.pick("起点", "since"),
                zone.format(*since)
            )
        }
        Progress::Waiting { until, .. } => {
            format!("{} {}", console.pick("计时到", "clock until"), zone.format(*until))
        }
        Progress::Busy => console.pick("进行中", "busy").to_owned(),
    }
}
