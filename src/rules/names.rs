//! Resolves names: which signals, tags, lexicons and lists exist, and which are used.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::findings::Findings;
use super::reader::{Text, meant_en, meant_zh};
use super::spelling;
use crate::diagnostic::{Diagnostic, Place};

/// The ids of one kind, in id order; an id's number is its place.
pub struct Names {
    zh: &'static str,
    en: &'static str,
    ids: Vec<String>,
    places: Vec<Place>,
    used: RefCell<BTreeSet<usize>>,
}

impl Names {
    /// Collects ids. Reports an id given twice or on the `retired` list (`E002`).
    pub fn collect<'a>(
        (zh, en): (&'static str, &'static str),
        ids: impl Iterator<Item = (&'a str, &'a Place)>,
        retired: &BTreeSet<String>,
        findings: &Findings,
    ) -> Names {
        let mut all: Vec<(&str, &Place)> = ids.collect();
        all.sort();
        for pair in all.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            duplicate(zh, en, pair[1], pair[0].1, findings);
        }
        all.dedup_by(|b, a| a.0 == b.0);
        for (id, place) in all.iter().filter(|(id, _)| retired.contains(*id)) {
            let (zh, en) = (format!("{zh} id “{id}” 已停用，不能再用"), format!("{en} id `{id}` is retired"));
            findings.add(
                Diagnostic::new("E002", (*place).clone(), zh, en).with_help("换一个新的 id", "take a new id"),
            );
        }
        let (ids, places) = all.into_iter().map(|(id, place)| (id.to_owned(), place.clone())).unzip();
        Names { zh, en, ids, places, used: RefCell::default() }
    }

    /// Returns the number of `id` without counting that as a use.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.ids.binary_search_by(|known| known.as_str().cmp(id)).ok()
    }

    /// Returns the number of the id `name`, which is thereby used; reports a name that does not exist (`E003`).
    pub fn find(&self, name: Text<'_>, findings: &Findings) -> Option<usize> {
        let at = self.resolve(name, findings)?;
        self.used.borrow_mut().insert(at);
        Some(at)
    }

    /// Returns the number of the id `name`, which does not count as a use; reports a name that does
    /// not exist (`E003`).
    pub fn resolve(&self, name: Text<'_>, findings: &Findings) -> Option<usize> {
        let at = self.position(name.text);
        if at.is_none() {
            let known: Vec<&str> = self.ids.iter().map(String::as_str).collect();
            unknown_name((self.zh, self.en), name, &known, findings);
        }
        at
    }

    /// Returns where the id of this number is written.
    pub fn place_of(&self, number: usize) -> &Place {
        &self.places[number]
    }

    /// Returns how many ids there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Reports each id that is no plain word (`W116`): ids go into columns, file names and command lines.
    pub fn report_odd(&self, findings: &Findings) {
        for (id, place) in self.ids.iter().zip(&self.places).filter(|(id, _)| !is_plain(id)) {
            let (zh, en) = (
                format!("{} id “{id}” 不合命名规则", self.zh),
                format!("{} id `{id}` is oddly named", self.en),
            );
            let finding = Diagnostic::new("W116", place.clone(), zh, en);
            findings.add(finding.with_help(
                "小写字母开头，只用小写字母、数字、下划线，最多 40 个字符",
                "begin with a lower-case letter; lower-case letters, digits, underscores; at most 40 characters",
            ));
        }
    }

    /// Reports each id that nobody asked for (`W111`).
    pub fn report_unused(&self, findings: &Findings) {
        let used = self.used.borrow();
        for at in (0..self.ids.len()).filter(|at| !used.contains(at)) {
            unused(self.zh, self.en, &self.ids[at], &self.places[at], findings);
        }
    }
}

/// Returns whether `id` begins with a lower-case letter and goes on with such letters, digits and underscores,
/// at most 40 of them.
pub fn is_plain(id: &str) -> bool {
    is_plain_word(id) && id.len() <= 40
}

/// Does not ask how long it is.
pub fn is_plain_word(id: &str) -> bool {
    let body = id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    body && id.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Reports a name that does not exist (`E003`).
pub fn unknown_name((zh, en): (&str, &str), name: Text<'_>, known: &[&str], findings: &Findings) {
    let written = name.text;
    let finding = Diagnostic::new(
        "E003",
        name.place.clone(),
        format!("{zh} “{written}” 不存在{}", meant_zh(written, known)),
        format!("there is no {en} `{written}`{}", meant_en(written, known)),
    );
    findings.add(match spelling::closest(written, known.iter().copied()) {
        Some(word) => finding.with_help(format!("写成 “{word}”"), format!("write `{word}`")),
        None => finding.with_help(format!("先定义这个{zh}"), format!("define this {en} first")),
    });
}

/// Reports something that is defined and never used (`W111`).
pub fn unused(zh: &str, en: &str, id: &str, place: &Place, findings: &Findings) {
    let finding = Diagnostic::new(
        "W111",
        place.clone(),
        format!("{zh} “{id}” 没有被用到"),
        format!("{en} `{id}` is never used"),
    );
    findings.add(finding.with_help("删去它，或在规则里用上它", "remove it, or use it in a rule"));
}

fn duplicate(zh: &str, en: &str, second: (&str, &Place), first: &Place, findings: &Findings) {
    let (id, place) = second;
    let finding = Diagnostic::new(
        "E002",
        place.clone(),
        format!("{zh} id “{id}” 重复，已在 {first} 定义"),
        format!("{en} id `{id}` is already defined at {first}"),
    );
    findings.add(finding.with_help("换一个 id", "take another id"));
}
