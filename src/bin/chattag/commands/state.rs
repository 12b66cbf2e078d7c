//! How much each rule can remember of one key: what `chattag check --state` prints.
#![allow(clippy::print_stdout, reason = "the list is part of this command's output")]

use chattag::diagnostic::Language;
use chattag::rules::RuleSet;
use chattag::time::Millis;
use chattag::timeline::{self, Bound};
use serde_json::json;

use crate::console::Console;

/// Prints one line per rule, in id order.
pub fn print(set: &RuleSet, as_json: bool, console: &Console) -> anyhow::Result<()> {
    for rule in &set.rules {
        let bound = timeline::bound(rule, set);
        if as_json {
            let line = json!({
                "rule": rule.id,
                "key": rule.key,
                "entries": bound.fixed,
                "one_more_per_event_within_ms": bound.per_event_within.map(|span| span.0),
            });
            println!("{}", serde_json::to_string(&line)?);
        } else {
            println!("{}", line(&rule.id, bound, console.language()));
        }
    }
    Ok(())
}

fn line(id: &str, bound: Bound, language: Language) -> String {
    let within = bound.per_event_within.map(|span| shown(span, language));
    match (language, within) {
        (Language::Chinese, None) => format!("状态 {id}: 每个对象最多 {} 项", bound.fixed),
        (Language::Chinese, Some(span)) => {
            format!("状态 {id}: 每个对象最多 {} 项，另加{span}每个事件一项", bound.fixed)
        }
        (Language::English, None) => format!("state {id}: {} entries per key at most", bound.fixed),
        (Language::English, Some(span)) => {
            format!("state {id}: {} entries per key at most, and one per event {span}", bound.fixed)
        }
    }
}

fn shown(span: Millis, language: Language) -> String {
    let days = span.0.div_euclid(Millis::DAY.0);
    match (language, days) {
        (Language::Chinese, 100_000..) => "本次会话里".to_owned(),
        (Language::English, 100_000..) => "of the session".to_owned(),
        (Language::Chinese, 0) => format!(" {} 分钟内", span.0 / Millis::MINUTE.0),
        (Language::English, 0) => format!("within {} minutes", span.0 / Millis::MINUTE.0),
        (Language::Chinese, _) => format!(" {days} 天内"),
        (Language::English, _) => format!("within {days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_reads_as_a_sentence() {
        let fixed = Bound { fixed: 3, per_event_within: None };
        let open = Bound { fixed: 33, per_event_within: Some(Millis::DAY.times(5)) };
        assert_eq!(line("a", fixed, Language::Chinese), "状态 a: 每个对象最多 3 项");
        assert_eq!(line("a", open, Language::Chinese), "状态 a: 每个对象最多 33 项，另加 5 天内每个事件一项");
        assert_eq!(
            line("a", open, Language::English),
            "state a: 33 entries per key at most, and one per event within 5 days"
        );
    }
}
