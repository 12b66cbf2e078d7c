//! Reads `pack.toml`.

use super::draft::{self, LayerChoice, SourceFile};
use super::duration::Duration;
use super::findings::Findings;
use super::reader::{Reader, Text};
use super::rule::{Fingerprint, Pack};
use super::tree::Value;
use crate::diagnostic::{Diagnostic, Place};
use crate::time::{Millis, Zone};

/// Reads the pack file. Without one, or with faults in it, defaults stand in and findings say so.
pub fn read(file: Option<&SourceFile>, findings: &Findings) -> (Pack, Vec<LayerChoice>) {
    let Some(file) = file else {
        let place = Place::new("pack.toml", 0, 0);
        let finding = Diagnostic::new("E003", place, "缺少 pack.toml", "pack.toml is missing");
        findings.add(finding.with_help(
            "新建 pack.toml，写上 format = 1、name、version、timezone",
            "create pack.toml with format = 1, name, version, timezone",
        ));
        return (unnamed(), Vec::new());
    };
    let table = draft::toml(file, findings);
    let reader = Reader::new(&table, findings);
    let pack = read_pack(&reader);
    let layers = read_layers(&reader);
    reader.finish();
    (pack, layers)
}

fn unnamed() -> Pack {
    Pack {
        name: String::new(),
        version: String::new(),
        zone: Zone::shanghai(),
        lateness: Millis::MINUTE.times(10),
        recall_horizon: RECALL_HORIZON,
        reconcile: RECONCILE,
        remember_ids: REMEMBER_IDS,
        fingerprint: Fingerprint::default(),
    }
}

fn read_pack(reader: &Reader<'_>) -> Pack {
    let default = unnamed();
    check_format(reader);
    if let Some(needed) = reader.text("requires_engine") {
        check_engine(needed, reader.findings);
    }
    reader.text("note");
    Pack {
        name: reader.required("name").map_or(default.name, |name| name.text.to_owned()),
        version: reader.required("version").map_or(default.version, |version| version.text.to_owned()),
        zone: reader.text("timezone").map_or(default.zone, |name| zone(name, reader.findings)),
        lateness: elapsed(reader, "lateness").unwrap_or(default.lateness),
        recall_horizon: elapsed(reader, "recall_horizon").unwrap_or(default.recall_horizon),
        reconcile: elapsed(reader, "reconcile").unwrap_or(default.reconcile),
        remember_ids: elapsed(reader, "remember_ids").unwrap_or(default.remember_ids),
        fingerprint: default.fingerprint,
    }
}

fn check_format(reader: &Reader<'_>) {
    match reader.int("format") {
        Some(1) => {}
        Some(_) => reader.findings.report(
            "E001",
            reader.place_of("format"),
            "此版本只读 format = 1",
            "this build reads format = 1",
        ),
        None => reader.missing("format"),
    }
}

fn zone(name: Text<'_>, findings: &Findings) -> Zone {
    Zone::named(name.text).unwrap_or_else(|_| {
        let (zh, en) =
            (format!("不认识的时区 “{}”", name.text), format!("unknown time zone `{}`", name.text));
        let finding = Diagnostic::new("E001", name.place.clone(), zh, en);
        findings.add(finding.with_help("例如 Asia/Shanghai", "such as Asia/Shanghai"));
        Zone::shanghai()
    })
}

/// Reads a span of elapsed time; reports other spans (`E007`).
pub fn elapsed(reader: &Reader<'_>, key: &'static str) -> Option<Millis> {
    match reader.duration(key)? {
        (Duration::Elapsed(span), _) => Some(span),
        (_, place) => {
            let (zh, en) = (format!("`{key}` 只能用流逝时间"), format!("`{key}` takes elapsed time only"));
            let finding = Diagnostic::new("E007", place.clone(), zh, en);
            reader.findings.add(finding.with_help("例如 30s 10m 24h 7d 2w", "such as 30s 10m 24h 7d 2w"));
            None
        }
    }
}

fn read_layers(reader: &Reader<'_>) -> Vec<LayerChoice> {
    let Some(lexicons) = reader.table("lexicons") else { return Vec::new() };
    let mut choices = Vec::new();
    for entry in &lexicons.entries {
        let Value::Table(settings) = &entry.node.value else {
            reader.findings.report("E001", &entry.place, "应为表 [lexicons.<词表>]", "must be a table");
            continue;
        };
        let inner = Reader::new(settings, reader.findings);
        let layers = inner.texts("layers").into_iter().map(|layer| layer.text.to_owned()).collect();
        inner.finish();
        choices.push(LayerChoice { lexicon: entry.key.clone(), layers, place: entry.place.clone() });
    }
    choices
}

fn check_engine(needed: Text<'_>, findings: &Findings) {
    let (zh, en) = match satisfies(needed.text, env!("CARGO_PKG_VERSION")) {
        Some(true) => return,
        Some(false) => (
            format!("需要引擎 {}，此版本是 {}", needed.text, env!("CARGO_PKG_VERSION")),
            format!("needs engine {}, this build is {}", needed.text, env!("CARGO_PKG_VERSION")),
        ),
        None => (
            format!("“{}” 不是版本要求", needed.text),
            format!("`{}` is no version requirement", needed.text),
        ),
    };
    let finding = Diagnostic::new("E001", needed.place.clone(), zh, en);
    findings.add(finding.with_help("例如 \">=0.3, <0.4\"", "such as \">=0.3, <0.4\""));
}

/// Returns whether `version` meets all of `needed`, such as `>=0.3, <0.4`; `None` when that is no requirement.
fn satisfies(needed: &str, version: &str) -> Option<bool> {
    let version = numbers(version)?;
    let mut all = true;
    for part in needed.split(',').map(str::trim) {
        let at = part.find(|c: char| c.is_ascii_digit())?;
        let wanted = numbers(&part[at..])?;
        all &= match part[..at].trim() {
            ">=" => version >= wanted,
            ">" => version > wanted,
            "<=" => version <= wanted,
            "<" => version < wanted,
            "=" | "" => version == wanted,
            _ => return None,
        };
    }
    Some(all)
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut numbers = [0; 3];
    for (at, part) in version.trim().split('.').enumerate() {
        *numbers.get_mut(at)? = part.parse().ok()?;
    }
    Some(numbers)
}

/// How long after a message its recall may come, where the pack does not say: as long as
/// the archive can still be fetched, so that a recall cannot come in a later fetch.
const RECALL_HORIZON: Millis = Millis(5 * Millis::DAY.0);

/// How long a message may be late, where the pack does not say: a weekend and a day.
const RECONCILE: Millis = Millis(3 * Millis::DAY.0);

/// How long ids are remembered, where the pack does not say: longer than an archive can be fetched again.
const REMEMBER_IDS: Millis = Millis(7 * Millis::DAY.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_requirements_are_compared_number_by_number() {
        let cases = [
            (">=0.3, <0.4", Some(true)),
            (">=0.3.1", Some(false)),
            ("<0.10", Some(true)),
            ("=0.3", Some(true)),
            ("0.2", Some(false)),
            ("~0.3", None),
            (">=x", None),
            ("", None),
        ];
        for (needed, expected) in cases {
            assert_eq!(satisfies(needed, "0.3.0"), expected, "{needed}");
        }
    }
}
