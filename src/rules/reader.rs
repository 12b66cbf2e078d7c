//! Reads one table of a rule file key by key and reports every key nobody asked for.
//!
//! Each method names a key; what was asked for is what the table may hold, so
//! the list of known keys cannot fall behind the code. Call [`Reader::finish`] last.

use std::cell::RefCell;

use super::duration::{Duration, Fault};
use super::findings::Findings;
use super::spelling;
use super::tree::{Node, Table, Value};
use crate::diagnostic::{Diagnostic, Place};

/// A text and its place.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// What is written.
    pub text: &'a str,
    /// Where.
    pub place: &'a Place,
}

/// One table being read.
pub struct Reader<'a> {
    table: &'a Table,
    known: RefCell<Vec<&'static str>>,
    /// Where findings go.
    pub findings: &'a Findings,
}

impl<'a> Reader<'a> {
    /// Begins to read `table`.
    pub fn new(table: &'a Table, findings: &'a Findings) -> Reader<'a> {
        Reader { table, known: RefCell::default(), findings }
    }

    /// Returns where the table begins.
    pub fn place(&self) -> &'a Place {
        &self.table.place
    }

    /// Returns the place of `key`, or of the table when the key is missing.
    pub fn place_of(&self, key: &str) -> &'a Place {
        self.table.find(key).map_or(&self.table.place, |entry| &entry.node.place)
    }

    /// Returns the value of `key`, whatever it is.
    pub fn node(&self, key: &'static str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key);
        self.table.find(key).map(|entry| &entry.node)
    }

    /// Returns the text of `key`.
    pub fn text(&self, key: &'static str) -> Option<Text<'a>> {
        let node = self.node(key)?;
        text_of(node).or_else(|| self.mismatch(key, node, "文字（放在双引号里）", "text in double quotes"))
    }

    /// Returns the text of `key`; reports when it is missing or empty.
    pub fn required(&self, key: &'static str) -> Option<Text<'a>> {
        let text = self.text(key);
        if self.table.find(key).is_none() {
            self.missing(key);
        }
        let text = text?;
        if text.text.trim().is_empty() {
            self.findings.report(
                "E001",
                text.place,
                format!("`{key}` 不能为空"),
                format!("`{key}` is empty"),
            );
            return None;
        }
        Some(text)
    }

    /// Reports that `key` is missing.
    pub fn missing(&self, key: &str) {
        let finding = Diagnostic::new(
            "E001",
            self.table.place.clone(),
            format!("缺少 `{key}`"),
            format!("`{key}` is missing"),
        );
        self.findings.add(finding.with_help(format!("加一行 {key} = …"), format!("add a line `{key} = …`")));
    }

    /// Returns the texts of `key`: a list of texts, or one text.
    pub fn texts(&self, key: &'static str) -> Vec<Text<'a>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let read = |item: &'a Node| {
            text_of(item)
                .or_else(|| self.mismatch(key, item, "文字列表，如 [\"a\", \"b\"]", "a list of texts"))
        };
        items.iter().filter_map(read).collect()
    }

    /// Returns the whole number of `key`.
    pub fn int(&self, key: &'static str) -> Option<i64> {
        let node = self.node(key)?;
        match node.value {
            Value::Int(number) => Some(number),
            _ => self.mismatch(key, node, "整数", "a whole number"),
        }
    }

    /// Returns the whole number of `key` when it lies from `min` to `u32::MAX`; reports others.
    pub fn count(&self, key: &'static str, min: u32) -> Option<u32> {
        let number = self.int(key)?;
        let checked = u32::try_from(number).ok().filter(|n| *n >= min);
        checked.or_else(|| {
            let (zh, en) = (
                format!("`{key}` 必须是不小于 {min} 的整数"),
                format!("`{key}` must be a whole number of {min} or more"),
            );
            self.findings.report("E001", self.place_of(key), zh, en);
            None
        })
    }

    /// Returns the number of `key`, whole or not; never infinite or NaN.
    pub fn number(&self, key: &'static str) -> Option<f64> {
        let node = self.node(key)?;
        match node.value {
            Value::Int(number) => Some(number as f64),
            Value::Float(number) if number.is_finite() => Some(number),
            _ => self.mismatch(key, node, "数字", "a number"),
        }
    }

    /// Returns the flag of `key`.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        match node.value {
            Value::Bool(flag) => Some(flag),
            _ => self.mismatch(key, node, "true 或 false", "true or false"),
        }
    }

    /// Returns the table of `key`.
    pub fn table(&self, key: &'static str) -> Option<&'a Table> {
        let node = self.node(key)?;
        match &node.value {
            Value::Table(table) => Some(table),
            _ => self.mismatch(key, node, "表，如 { … }", "a table, such as `{ … }`"),
        }
    }

    /// Returns the tables of `key`, written as `[[key]]`.
    pub fn tables(&self, key: &'static str) -> Vec<&'a Table> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.mismatch::<()>(key, node, "[[ ]] 形式的表", "tables written with [[ ]]");
            return Vec::new();
        };
        let read = |item: &'a Node| match &item.value {
            Value::Table(table) => Some(table),
            _ => self.mismatch(key, item, "[[ ]] 形式的表", "tables written with [[ ]]"),
        };
        items.iter().filter_map(read).collect()
    }

    /// Returns what the text of `key` stands for, by the table `words`.
    pub fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.text(key).and_then(|text| choose(key, text, words, self.findings))
    }

    /// Returns what the texts of `key` stand for.
    pub fn choices<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Vec<T> {
        self.texts(key).into_iter().filter_map(|text| choose(key, text, words, self.findings)).collect()
    }

    /// Returns the span of `key`, and its place.
    pub fn duration(&self, key: &'static str) -> Option<(Duration, &'a Place)> {
        let text = self.text(key)?;
        match Duration::parse(text.text) {
            Ok(duration) => Some((duration, text.place)),
            Err(fault) => {
                self.findings.add(duration_fault(fault, text));
                None
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        let known = self.known.into_inner();
        for entry in self.table.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            self.findings.add(unknown_key(&entry.key, &entry.place, &known));
        }
    }

    fn mismatch<T>(&self, key: &str, node: &Node, zh: &str, en: &str) -> Option<T> {
        let (zh, en) = (format!("`{key}` 应为{zh}"), format!("`{key}` must be {en}"));
        self.findings.report("E001", &node.place, zh, en);
        None
    }
}

/// Returns what `text` stands for by the table `words`; reports a text that is not in it.
pub fn choose<T: Copy>(key: &str, text: Text<'_>, words: &[(&str, T)], findings: &Findings) -> Option<T> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.text) {
        return Some(*value);
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let finding = Diagnostic::new(
        "E001",
        text.place.clone(),
        format!("`{key}` 不认识 “{}”{}", text.text, meant_zh(text.text, &all)),
        format!("`{key}` does not know `{}`{}", text.text, meant_en(text.text, &all)),
    );
    findings
        .add(finding.with_help(format!("可选: {}", all.join(" | ")), format!("one of: {}", all.join(" | "))));
    None
}

/// Returns `，是否为 “x”？` when one of `known` may be meant.
pub fn meant_zh(written: &str, known: &[&str]) -> String {
    spelling::closest(written, known.iter().copied())
        .map_or_else(String::new, |word| format!("，是否为 “{word}”？"))
}

/// Returns `, did you mean x?` when one of `known` may be meant.
pub fn meant_en(written: &str, known: &[&str]) -> String {
    spelling::closest(written, known.iter().copied())
        .map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

/// Returns the finding about a span that cannot be read.
pub fn duration_fault(fault: Fault, text: Text<'_>) -> Diagnostic {
    let written = text.text;
    let (zh, en) = match fault {
        Fault::Ambiguous => (
            format!("“{written}” 有歧义: 是分钟还是月？"),
            format!("`{written}` is ambiguous: minutes or months?"),
        ),
        Fault::NotPositive => (format!("“{written}” 必须大于零"), format!("`{written}` must be above zero")),
        Fault::TooLong => {
            (format!("“{written}” 超过一百年"), format!("`{written}` is more than a hundred years"))
        }
        Fault::Unknown => (format!("“{written}” 不是时长"), format!("`{written}` is no span of time")),
    };
    Diagnostic::new("E007", text.place.clone(), zh, en).with_help(
        "写法: 30s 10m 24h 7d 2w（流逝时间） 3nd 1nw 1nm（自然日、周、月） 3mo 1y（日历月、年）",
        "write 30s 10m 24h 7d 2w (elapsed), 3nd 1nw 1nm (natural days, weeks, months), 3mo 1y (calendar)",
    )
}

fn text_of(node: &Node) -> Option<Text<'_>> {
    match &node.value {
        Value::Text(text) => Some(Text { text, place: &node.place }),
        _ => None,
    }
}

fn unknown_key(key: &str, place: &Place, known: &[&str]) -> Diagnostic {
    let finding = Diagnostic::new(
        "E001",
        place.clone(),
        format!("不认识的键 `{key}`{}", meant_zh(key, known)),
        format!("unknown key `{key}`{}", meant_en(key, known)),
    );
    if let Some((_, zh, en)) = OLD_KEYS.iter().find(|(old, _, _)| *old == key) {
        return finding.with_help(*zh, *en);
    }
    let mut known: Vec<&str> = known.to_vec();
    known.sort_unstable();
    known.dedup();
    finding.with_help(
        format!("这里可用的键: {}", known.join(" ")),
        format!("the keys known here: {}", known.join(" ")),
    )
}

/// Keys of earlier drafts of the format, with what took their place.
const OLD_KEYS: &[(&str, &str, &str)] = &[(
    "noise",
    "在 pack.toml 的 [lexicons.<词表>] 里写 layers = [\"skip\"]，整个词表都会跳过字间的分隔符",
    "write layers = [\"skip\"] under [lexicons.<id>] in pack.toml: the whole lexicon then skips separators",
)];
