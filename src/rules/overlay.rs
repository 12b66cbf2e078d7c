//! Applies overlays: `packs/<name>.toml`.
//!
//! They are applied along the chain of `extends`, the base first, and in the
//! order in which they were asked for. Two overlays that change the same thing
//! are an error: neither could know of the other.

use std::collections::BTreeMap;

use super::draft::{self, Draft, SourceFile};
use super::findings::Findings;
use super::reader::{Reader, Text, meant_en, meant_zh};
use super::test_def;
use super::tree::{Entry, Table};
use crate::diagnostic::{Diagnostic, Place};

/// A change of a term list.
#[derive(Clone, Debug, PartialEq)]
pub struct TermEdit {
    /// The lexicon.
    pub lexicon: String,
    /// What changes.
    pub change: TermChange,
    /// Where it is written.
    pub place: Place,
}

/// What an overlay may change in a term list.
#[derive(Clone, Debug, PartialEq)]
pub enum TermChange {
    /// More terms.
    Append {
        /// The terms.
        terms: Vec<String>,
        /// Their category; `None`: that of the list's first term.
        category: Option<String>,
    },
    /// Longer texts in which a term does not count.
    ExcludeContext {
        /// The term as written in the list.
        term: String,
        /// The longer texts.
        contexts: Vec<String>,
    },
}

/// An overlay in use.
pub(super) struct Overlay {
    /// Its name, that of its file.
    pub name: String,
    table: Table,
}

/// Returns the overlays in use, each after the one it extends.
pub(super) fn chain(
    files: &[&SourceFile],
    packs: &[String],
    base: &str,
    findings: &Findings,
) -> Vec<Overlay> {
    let mut chain = Vec::new();
    for pack in packs {
        let from = Place::new(&format!("packs/{pack}.toml"), 0, 0);
        enlist(pack, &from, files, base, &mut chain, 0, findings);
    }
    chain
}

/// Adds the overlay `name`, and before it the one it extends.
fn enlist(
    name: &str,
    asked_at: &Place,
    files: &[&SourceFile],
    base: &str,
    chain: &mut Vec<Overlay>,
    depth: usize,
    findings: &Findings,
) {
    if chain.iter().any(|overlay| overlay.name == name) {
        return;
    }
    let path = format!("packs/{name}.toml");
    let Some(file) = files.iter().find(|file| file.path == path) else {
        return missing_pack(name, asked_at, files, base, findings);
    };
    let table = draft::toml(file, findings);
    if let Some(extends) = Reader::new(&table, findings).required("extends").filter(|text| text.text != base)
    {
        if depth > MAX_CHAIN || extends.text == name {
            findings.report("E003", extends.place, "extends 成环", "`extends` leads back to itself");
            return;
        }
        enlist(extends.text, extends.place, files, base, chain, depth + 1, findings);
    }
    chain.push(Overlay { name: name.to_owned(), table });
}

fn missing_pack(name: &str, at: &Place, files: &[&SourceFile], base: &str, findings: &Findings) {
    let stem = |path: &'_ str| path.strip_prefix("packs/")?.strip_suffix(".toml").map(str::to_owned);
    let is_pack = |stem: &String| !stem.contains('/');
    let mut known: Vec<String> = files.iter().filter_map(|file| stem(&file.path)).filter(is_pack).collect();
    known.push(base.to_owned());
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let (zh, en) = (
        format!("行业包 “{name}” 不存在{}", meant_zh(name, &known)),
        format!("there is no pack `{name}`{}", meant_en(name, &known)),
    );
    findings.add(
        Diagnostic::new("E003", at.clone(), zh, en)
            .with_help(format!("现有: {}", known.join(" ")), format!("there are: {}", known.join(" "))),
    );
}

/// Applies the overlays in order.
pub(super) fn apply(draft: &mut Draft, chain: Vec<Overlay>, findings: &Findings) {
    let mut changes = Changes { draft, made: BTreeMap::new(), findings };
    for overlay in &chain {
        changes.apply(overlay);
    }
}

/// What overlays have changed so far, and where.
struct Changes<'a> {
    draft: &'a mut Draft,
    made: BTreeMap<(String, String), Place>,
    findings: &'a Findings,
}

impl Changes<'_> {
    fn apply(&mut self, overlay: &Overlay) {
        let reader = Reader::new(&overlay.table, self.findings);
        for key in ["extends", "title", "note"] {
            reader.text(key);
        }
        if let Some(table) = reader.table("overlay") {
            let inner = Reader::new(table, self.findings);
            inner.texts("disable").into_iter().for_each(|id| self.disable(id));
            inner.tables("replace").into_iter().for_each(|table| self.replace(table));
            inner.tables("append_terms").into_iter().for_each(|table| self.append_terms(table));
            inner.tables("exclude_context").into_iter().for_each(|table| self.exclude_context(table));
            inner.finish();
        }
        let tests = reader.tables("test");
        self.draft.tests.extend(tests.into_iter().filter_map(|test| test_def::read(test, self.findings)));
        reader.finish();
    }

    /// Returns whether this is the first overlay to change `key` of `subject`; reports it otherwise.
    fn first_change(&mut self, subject: &str, key: &str, place: &Place) -> bool {
        let earlier = self.made.insert((subject.to_owned(), key.to_owned()), place.clone());
        if let Some(earlier) = &earlier {
            let (zh, en) = (
                format!("“{subject}” 的 `{key}` 已在 {earlier} 改过"),
                format!("`{key}` of `{subject}` is already changed at {earlier}"),
            );
            let finding = Diagnostic::new("E002", place.clone(), zh, en);
            self.findings.add(finding.with_help("只保留一处", "keep one of the two"));
        }
        earlier.is_none()
    }

    fn disable(&mut self, id: Text<'_>) {
        if self.rule_at(id).is_none() || !self.first_change(id.text, "disable", id.place) {
            return;
        }
        self.draft.disabled.insert(id.text.to_owned());
        self.draft.rules.retain(|rule| rule.text("id") != Some(id.text));
        self.draft.tests.retain(|test| test.rules.iter().all(|rule| rule.text != id.text));
    }

    fn replace(&mut self, table: &Table) {
        let reader = Reader::new(table, self.findings);
        let (rule, set) = (reader.required("rule"), reader.table("set"));
        reader.finish();
        let (Some(rule), Some(set)) = (rule, set) else { return };
        let Some(at) = self.rule_at(rule) else { return };
        self.draft.tests.retain(|test| test.rules.iter().all(|tested| tested.text != rule.text));
        for entry in &set.entries {
            self.set(at, rule.text, entry);
        }
    }

    fn set(&mut self, at: usize, rule: &str, entry: &Entry) {
        if entry.key == "id" {
            let (zh, en) = ("规则的 id 不能替换", "the id of a rule cannot be replaced");
            self.findings.report("E001", &entry.place, zh, en);
        } else if self.first_change(rule, &entry.key, &entry.place) {
            self.draft.rules[at].set(entry.clone());
        }
    }

    fn rule_at(&self, id: Text<'_>) -> Option<usize> {
        let at = self.draft.rules.iter().position(|rule| rule.text("id") == Some(id.text));
        if at.is_none() {
            let known: Vec<&str> = self.draft.rules.iter().filter_map(|rule| rule.text("id")).collect();
            let (zh, en) = (
                format!("规则 “{}” 不存在{}", id.text, meant_zh(id.text, &known)),
                format!("there is no rule `{}`{}", id.text, meant_en(id.text, &known)),
            );
            self.findings.report("E003", id.place, zh, en);
        }
        at
    }

    fn append_terms(&mut self, table: &Table) {
        let reader = Reader::new(table, self.findings);
        let lexicon = reader.required("lexicon");
        let terms = owned(reader.texts("terms"));
        if terms.is_empty() {
            reader.missing("terms");
        }
        let category = reader.text("category").map(|category| category.text.to_owned());
        reader.text("reason");
        reader.finish();
        if let Some(lexicon) = lexicon {
            self.edit(lexicon, TermChange::Append { terms, category });
        }
    }

    fn exclude_context(&mut self, table: &Table) {
        let reader = Reader::new(table, self.findings);
        let (lexicon, term) = (reader.required("lexicon"), reader.required("term"));
        let contexts = owned(reader.texts("contexts"));
        if contexts.is_empty() {
            reader.missing("contexts");
        }
        reader.required("reason");
        reader.finish();
        let (Some(lexicon), Some(term)) = (lexicon, term) else { return };
        let subject = format!("lexicon:{}", lexicon.text);
        if self.first_change(&subject, &format!("exclude_context {}", term.text), term.place) {
            self.edit(lexicon, TermChange::ExcludeContext { term: term.text.to_owned(), contexts });
        }
    }

    fn edit(&mut self, lexicon: Text<'_>, change: TermChange) {
        let (lexicon, place) = (lexicon.text.to_owned(), lexicon.place.clone());
        self.draft.term_edits.push(TermEdit { lexicon, change, place });
    }
}

fn owned(texts: Vec<Text<'_>>) -> Vec<String> {
    texts.into_iter().map(|text| text.text.to_owned()).collect()
}

/// Most overlays in one chain; more can only be a loop.
const MAX_CHAIN: usize = 16;
