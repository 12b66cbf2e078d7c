//! The JSON Schemas of the TOML files against the parser: the same keys, and every shipped file is valid.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::path::Path;

use chattag::bundle::{self, Bundle, Options};
use chattag::maintain::schema;
use chattag::rules::SourceFile;
use serde_json::Value;

const HEAD: &str = "id = \"probe\"\nversion = 1\ntitle = \"t\"\nstatus = \"test\"\nkey = \"customer\"\n";

/// (schema, where its keys stand, file, text with the key `zzz` in that table)
fn probes() -> Vec<(&'static str, String, &'static str, String)> {
    let rule = |shape: &str, at: usize, keys: &str| {
        let text = format!("[[rule]]\n{HEAD}shape = \"{shape}\"\nzzz = 1\n{keys}\n");
        ("rules", format!("/properties/rule/items/oneOf/{at}"), "rules/x.toml", text)
    };
    let inner = |pointer: &str, table: &str| {
        let text = format!("[[rule]]\n{HEAD}shape = \"match\"\nsignal = \"complaint\"\n{table}\n");
        let pointer = format!("/properties/rule/items/oneOf/0/properties/{pointer}");
        ("rules", pointer, "rules/x.toml", text)
    };
    let one = |name, pointer: &str, file, text: &str| (name, pointer.to_owned(), file, text.to_owned());
    vec![
        one("pack", "", "pack.toml", "zzz = 1\nformat = 1\nname = \"fixture\"\nversion = \"1.0.0\"\n"),
        one("tags", "/properties/tag/items", "tags.toml", "[[tag]]\nid = \"x\"\npath = \"x\"\nzzz = 1\n"),
        one(
            "tags",
            "/properties/group/items",
            "tags.toml",
            "[[group]]\nid = \"x\"\nexclusive = \"none\"\nzzz = 1\n",
        ),
        one("tags", "", "tags.toml", "zzz = 1\n"),
        one(
            "signals",
            "/properties/signal/additionalProperties/oneOf/0",
            "signals/x.toml",
            "[signal.x]\nzzz = 1\n",
        ),
        one(
            "signals",
            "/properties/signal/additionalProperties/oneOf/1",
            "signals/x.toml",
            "[signal.x]\nkind = \"order\"\nzzz = 1\n",
        ),
        one("signals", "", "signals/x.toml", "zzz = 1\n"),
        rule("match", 0, ""),
        rule("count", 1, "within = \"session\"\ngap = \"2h\""),
        rule("sequence", 2, ""),
        rule("absence", 3, ""),
        rule("kick", 4, ""),
        rule("streak", 5, ""),
        rule("ratio", 6, "within = \"session\"\ngap = \"2h\""),
        rule("cycle", 7, ""),
        rule("rank", 8, ""),
        rule("combine", 9, ""),
        inner("emit", "emit = { tag = \"high_care\", zzz = 1 }"),
        inner("emit/properties/score", "emit = { tag = \"high_care\", score = { fixed = 1.0, zzz = 1 } }"),
        inner("alert", "[rule.alert]\nname = \"a\"\nlevel = \"low\"\nzzz = 1"),
        one("rules", "", "rules/x.toml", "zzz = 1\n"),
        one(
            "rules",
            "/properties/exempt/items",
            "rules/x.toml",
            "[[exempt]]\nid = \"x\"\nreason = \"r\"\nzzz = 1\n",
        ),
        one(
            "rules",
            "/properties/test/items",
            "rules/x.toml",
            "[[test]]\nname = \"n\"\nrule = \"discount_count\"\ntimeline = []\nexpect = []\nzzz = 1\n",
        ),
        one("overlay", "", "packs/shop.toml", "extends = \"fixture\"\nzzz = 1\n"),
        one(
            "overlay",
            "/properties/overlay",
            "packs/shop.toml",
            "extends = \"fixture\"\n[overlay]\nzzz = 1\n",
        ),
        one(
            "overlay",
            "/properties/overlay/properties/replace/items",
            "packs/shop.toml",
            "extends = \"fixture\"\n[[overlay.replace]]\nrule = \"discount_count\"\nset = {}\nzzz = 1\n",
        ),
        one(
            "overlay",
            "/properties/overlay/properties/append_terms/items",
            "packs/shop.toml",
            "extends = \"fixture\"\n[[overlay.append_terms]]\nlexicon = \"ads\"\nterms = [\"x\"]\nzzz = 1\n",
        ),
        one(
            "overlay",
            "/properties/overlay/properties/exclude_context/items",
            "packs/shop.toml",
            "extends = \"fixture\"\n[[overlay.exclude_context]]\nlexicon = \"ads\"\nterm = \"刷单\"\ncontexts = [\"防刷单\"]\nreason = \"r\"\nzzz = 1\n",
        ),
    ]
}

/// The keys that the parser says it knows in the table that holds `zzz`.
fn known_keys(file: &str, text: &str) -> BTreeSet<String> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/packs/base");
    let mut files = bundle::files_in(&fixture).unwrap();
    files.retain(|known| known.path != file);
    files.push(SourceFile { path: file.to_owned(), bytes: text.as_bytes().to_vec() });
    let packs = if file.starts_with("packs/") { vec!["shop".to_owned()] } else { Vec::new() };
    let (_, findings) = Bundle::from_files(&files, &Options { packs, today: None });
    let said = findings.iter().find(|finding| finding.en.starts_with("unknown key `zzz`"));
    let said = said.unwrap_or_else(|| panic!("{file} {text}: {findings:#?}"));
    let keys = said.help_en.strip_prefix("the keys known here: ").unwrap();
    keys.split(' ').map(str::to_owned).collect()
}

#[test]
fn schemas_and_parser_know_the_same_keys() {
    for (name, pointer, file, text) in probes() {
        let schema: Value = serde_json::from_str(schema::named(name).unwrap()).unwrap();
        let table = schema.pointer(&pointer).unwrap_or_else(|| panic!("{name} {pointer}"));
        let listed: BTreeSet<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(listed, known_keys(file, &text), "docs/schemas/{name}.schema.json {pointer}");
        assert_eq!(table["additionalProperties"], false, "{name} {pointer}");
    }
}

#[test]
fn every_shipped_file_is_valid() {
    let kinds = [("pack.toml", "pack"), ("tags.toml", "tags"), ("signals/", "signals"), ("rules/", "rules")];
    let mut n = 0;
    for file in bundle::embedded_files().iter().filter(|file| file.path.ends_with(".toml")) {
        let local = match file.path.strip_prefix("packs/") {
            Some(rest) => rest.split_once('/').map_or("overlay", |(_, local)| local),
            None => &file.path,
        };
        let kind =
            kinds.iter().find(|(start, _)| local.starts_with(start)).map_or("overlay", |(_, kind)| kind);
        let value: toml::Value = toml::from_str(std::str::from_utf8(&file.bytes).unwrap()).unwrap();
        let schema: Value = serde_json::from_str(schema::named(kind).unwrap()).unwrap();
        let faults = faults(&schema, &serde_json::to_value(value).unwrap(), &file.path);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        n += 1;
    }
    assert!(n >= 15, "{n} files");
}

#[test]
fn wrong_files_are_not_valid() {
    // (schema, file)
    const CASES: &[(&str, &str)] = &[
        ("rules", "[[rule]]\nid = \"x\"\n"),
        (
            "rules",
            "[[rule]]\nid = \"abc\"\nversion = 0\ntitle = \"t\"\nstatus = \"test\"\nkey = \"customer\"\nshape = \"match\"\nsignal = \"s\"\n",
        ),
        ("tags", "[[tag]]\nid = \"x\"\n"),
        ("tags", "[[tag]]\nid = \"x\"\npath = \"x\"\nttl = \"soon\"\n"),
        ("signals", "[signal.x]\nfrom = \"nobody\"\n"),
        ("pack", "format = 2\nname = \"x\"\nversion = \"1.0.0\"\n"),
        ("overlay", "[overlay]\n"),
        ("roles", "[role.sales]\ntitle = \"销售\"\n"),
    ];
    for (kind, text) in CASES {
        let value = serde_json::to_value(toml::from_str::<toml::Value>(text).unwrap()).unwrap();
        let schema: Value = serde_json::from_str(schema::named(kind).unwrap()).unwrap();
        assert!(!faults(&schema, &value, "").is_empty(), "{kind}: {text}");
    }
}

/// What of the schema does not hold: the part of JSON Schema that these files use.
fn faults(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for key in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[key].as_array()
            && !choices.iter().any(|choice| self::faults(choice, value, at).is_empty())
        {
            faults.push(format!("{at}: fits none of {key}: {value}"));
        }
    }
    let typed = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !typed {
        faults.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        faults.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
        && !regex::Regex::new(pattern).unwrap().is_match(text)
    {
        faults.push(format!("{at}: {text} does not match {pattern}"));
    }
    let number = value.as_f64();
    let below = number.zip(schema["minimum"].as_f64()).is_some_and(|(number, least)| number < least);
    let above = number.zip(schema["maximum"].as_f64()).is_some_and(|(number, most)| number > most);
    if below || above {
        faults.push(format!("{at}: {value} is out of range"));
    }
    if let Some(items) = value.as_array().filter(|_| schema["items"].is_object()) {
        let of = |(n, item)| self::faults(&schema["items"], item, &format!("{at}[{n}]"));
        faults.extend(items.iter().enumerate().flat_map(of));
    }
    if let Some(entries) = value.as_object() {
        for required in schema["required"].as_array().into_iter().flatten() {
            if !entries.contains_key(required.as_str().unwrap()) {
                faults.push(format!("{at}: {required} is missing"));
            }
        }
        for (key, entry) in entries {
            let place = format!("{at}/{key}");
            match (schema["properties"].get(key), &schema["additionalProperties"]) {
                (Some(property), _) => faults.extend(self::faults(property, entry, &place)),
                (None, Value::Bool(false)) => faults.push(format!("{place}: unknown key")),
                (None, rest) if rest.is_object() => faults.extend(self::faults(rest, entry, &place)),
                _ => {}
            }
        }
    }
    faults
}
