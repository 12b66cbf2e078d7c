//! Compiles a draft: resolves names, fills in defaults, checks everything, numbers the results.
//!
//! Signals of kick rules are hidden: they are numbered with the others, under
//! `rule:<id>`, and no rule can name them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::draft::Draft;
use super::findings::Findings;
use super::fingerprint::Printer;
use super::limits;
use super::list::List;
use super::names::{self, Names};
use super::reader::Text;
use super::rule::{AlertIdx, Exemption, RuleSet, SignalIdx};
use super::signal_def::{Selector, SignalDef};
use super::tree::{Table, Value};
use super::{exempt_file, rule_file, signal_file, tag_file};
use crate::diagnostic::{self, Diagnostic, Place};
use crate::lexicon::{Catalog, LexiconIdx};
use crate::time::Day;

/// Compiles `draft` with the term lists of `catalog`. `today`, when given, is what end dates of
/// exemptions are compared with; decisions never depend on it.
///
/// Returns no rule set when anything is wrong with it; warnings do not count.
pub fn compile(draft: &Draft, catalog: &Catalog, today: Option<Day>) -> (Option<RuleSet>, Vec<Diagnostic>) {
    let findings = Findings::default();
    let rules = compile_all(draft, catalog, today, &findings);
    let findings = findings.into_sorted();
    (rules.filter(|_| !diagnostic::has_errors(&findings)), findings)
}

/// What names mean while one pack is compiled.
pub struct Context<'a> {
    /// Where findings go.
    pub findings: &'a Findings,
    /// The term lists.
    pub catalog: &'a Catalog,
    /// Tags by id.
    pub tags: Names,
    /// Groups by id.
    pub groups: Names,
    /// Signals by id, without the hidden ones.
    pub signals: Names,
    /// The number of each signal among all, by its place in `signals`.
    pub signal_numbers: Vec<u16>,
    /// Rules by id.
    pub rules: Names,
    /// Rules that overlays switch off.
    pub disabled: &'a BTreeSet<String>,
    /// The hidden signals compiled so far.
    pub hidden: RefCell<Vec<SignalDef>>,
    /// What end dates are compared with.
    pub today: Option<Day>,
    hidden_numbers: BTreeMap<String, u16>,
    /// Ids of alerts, sorted.
    alerts: Vec<String>,
    lists: &'a BTreeMap<String, List>,
    used_lexicons: RefCell<BTreeSet<LexiconIdx>>,
}

impl<'a> Context<'a> {
    fn new(
        draft: &'a Draft,
        catalog: &'a Catalog,
        today: Option<Day>,
        findings: &'a Findings,
    ) -> Context<'a> {
        let collect = |kind, tables: &'a [Table]| {
            let ids = tables.iter().filter_map(|table| table.text("id").map(|id| (id, &table.place)));
            Names::collect(kind, ids, &draft.retired, findings)
        };
        let signals = draft.signals.iter().map(|entry| (entry.key.as_str(), &entry.place));
        let (signal_numbers, hidden_numbers) = number_signals(draft);
        collect(("豁免", "exemption"), &draft.exempts);
        Context {
            findings,
            catalog,
            tags: collect(("标签", "tag"), &draft.tags),
            groups: collect(("标签组", "group"), &draft.groups),
            signals: Names::collect(("信号", "signal"), signals, &draft.retired, findings),
            signal_numbers,
            rules: collect(("规则", "rule"), &draft.rules),
            disabled: &draft.disabled,
            hidden: RefCell::default(),
            today,
            hidden_numbers,
            alerts: alert_ids(draft),
            lists: &draft.lists,
            used_lexicons: RefCell::default(),
        }
    }

    /// Returns the number of the hidden signal `id`.
    pub fn hidden_number(&self, id: &str) -> Option<SignalIdx> {
        self.hidden_numbers.get(id).map(|number| SignalIdx(*number))
    }

    /// Resolves the id of an alert; reports one that does not exist (`E003`).
    pub fn alert(&self, name: Text<'_>) -> Option<AlertIdx> {
        let at = self.alerts.binary_search_by(|known| known.as_str().cmp(name.text));
        if at.is_err() {
            let known: Vec<&str> = self.alerts.iter().map(String::as_str).collect();
            names::unknown_name(("告警", "alert"), name, &known, self.findings);
        }
        at.ok().map(|at| AlertIdx(at as u16))
    }

    /// Resolves `lexicon` or `lexicon/category/…` to its terms.
    pub fn selector(&self, name: Text<'_>, flipped: bool) -> Option<Selector> {
        let mut levels = name.text.split('/');
        let id = levels.next().unwrap_or_default();
        let category: Vec<&str> = levels.collect();
        let Some(lexicon) = self.catalog.find(id) else {
            let known: Vec<&str> =
                self.catalog.lexicons().iter().map(|lexicon| lexicon.id.as_str()).collect();
            names::unknown_name(
                ("词表", "lexicon"),
                Text { text: id, place: name.place },
                &known,
                self.findings,
            );
            return None;
        };
        self.used_lexicons.borrow_mut().insert(lexicon);
        let terms = self.catalog.select(lexicon, &category);
        if terms.is_empty() && !category.is_empty() {
            self.report_category(name, lexicon);
        }
        Some(Selector { lexicon, terms, flipped })
    }

    fn report_category(&self, name: Text<'_>, lexicon: LexiconIdx) {
        let (id, wanted) = name.text.split_once('/').unwrap_or((name.text, ""));
        let terms = self.catalog.lexicon(lexicon).terms().iter();
        let known: BTreeSet<String> = terms.map(|term| term.category.join("/")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let kind_zh = format!("词表 {id} 的类别");
        let kind_en = format!("category in lexicon {id}");
        names::unknown_name(
            (&kind_zh, &kind_en),
            Text { text: wanted, place: name.place },
            &known,
            self.findings,
        );
    }

    /// Resolves `allow:<list>` or `deny:<list>`.
    pub fn list(&self, name: Text<'_>) -> Option<&'a List> {
        let list = self.lists.get(name.text);
        if list.is_none() {
            let known: Vec<&str> = self.lists.keys().map(String::as_str).collect();
            names::unknown_name(("名单", "list"), name, &known, self.findings);
        }
        list
    }

    fn report_unused(&self) {
        self.signals.report_unused(self.findings);
        self.tags.report_unused(self.findings);
        let used = self.used_lexicons.borrow();
        for (at, lexicon) in (0..).map(LexiconIdx).zip(self.catalog.lexicons()) {
            if !used.contains(&at) && !OWN_USE.contains(&lexicon.id.as_str()) {
                let file = lexicon.terms().first().map(|term| term.place.file.clone());
                let file = file.unwrap_or_else(|| format!("lexicons/{}.csv", lexicon.id));
                names::unused("词表", "lexicon", &lexicon.id, &Place::new(&file, 0, 0), self.findings);
            }
        }
    }
}

/// Returns the id of the signal that stands for the conditions of kick rule `rule`.
pub fn hidden_id(rule: &str) -> String {
    format!("rule:{rule}")
}

/// Returns the ids of all alerts: that of the rule where the alert has none of its own.
fn alert_ids(draft: &Draft) -> Vec<String> {
    let id = |rule: &Table| {
        let alert = rule.find("alert")?;
        let own = if let Value::Table(table) = &alert.node.value { table.text("id") } else { None };
        own.or_else(|| rule.text("id")).map(str::to_owned)
    };
    let ids: BTreeSet<String> = draft.rules.iter().filter_map(id).collect();
    ids.into_iter().collect()
}

/// Numbers all signals in id order: those of signal files (by their place among themselves)
/// and those of kick rules (by id).
fn number_signals(draft: &Draft) -> (Vec<u16>, BTreeMap<String, u16>) {
    let is_kick = |rule: &&Table| rule.text("shape") == Some("kick");
    let hidden = draft.rules.iter().filter(is_kick).filter_map(|rule| rule.text("id")).map(hidden_id);
    let hidden: BTreeSet<String> = hidden.collect();
    let mut all: BTreeSet<&str> = draft.signals.iter().map(|entry| entry.key.as_str()).collect();
    all.extend(hidden.iter().map(String::as_str));
    let (mut open, mut kick) = (Vec::new(), BTreeMap::new());
    for (number, id) in (0..).zip(all) {
        if hidden.contains(id) {
            kick.insert(id.to_owned(), number);
        } else {
            open.push(number);
        }
    }
    (open, kick)
}

fn compile_all(draft: &Draft, catalog: &Catalog, today: Option<Day>, findings: &Findings) -> Option<RuleSet> {
    let context = Context::new(draft, catalog, today, findings);
    let groups =
        in_order(&context.groups, &draft.groups, |table| tag_file::group(table, &context), |group| &group.id);
    let tags = in_order(&context.tags, &draft.tags, |table| tag_file::tag(table, &context), |tag| &tag.id);
    let rules =
        in_order(&context.rules, &draft.rules, |table| rule_file::rule(table, &context), |rule| &rule.id);
    let signals = compile_signals(draft, &context);
    let exemptions = compile_exemptions(draft, &context);
    check::tests(&draft.tests, &draft.rules, &context);
    for names in [&context.signals, &context.tags, &context.groups] {
        names.report_odd(findings);
    }
    context.report_unused();
    let set = RuleSet {
        pack: draft.pack.clone(),
        rules: rules?,
        signals: signals?,
        tags: tags?,
        groups: groups?,
        exemptions,
        alerts: context.alerts.clone(),
    };
    let set = Printer::new(catalog).print(set);
    check::rules(&set, findings);
    limits::check(&set, &context.tags, findings);
    Some(set)
}

/// Compiles tables and sorts the results by id; `None` unless there is one for each name.
fn in_order<T>(
    names: &Names,
    tables: &[Table],
    compile: impl Fn(&Table) -> Option<T>,
    id: impl Fn(&T) -> &String,
) -> Option<Vec<T>> {
    let mut all: Vec<T> = tables.iter().filter_map(compile).collect();
    all.sort_by(|a, b| id(a).cmp(id(b)));
    (all.len() == names.len()).then_some(all)
}

fn compile_signals(draft: &Draft, context: &Context<'_>) -> Option<Vec<SignalDef>> {
    let mut all: Vec<SignalDef> =
        draft.signals.iter().filter_map(|entry| signal_file::signal(entry, context)).collect();
    all.append(&mut context.hidden.borrow_mut());
    all.sort_by(|a, b| a.id.cmp(&b.id));
    (all.len() == context.signals.len() + context.hidden_numbers.len()).then_some(all)
}

fn compile_exemptions(draft: &Draft, context: &Context<'_>) -> Vec<Exemption> {
    let tables = draft.exempts.iter();
    let mut all: Vec<Exemption> = tables.flat_map(|table| exempt_file::exemptions(table, context)).collect();
    all.sort_by(|a, b| (&a.id, a.until).cmp(&(&b.id, b.until)));
    if all.len() > MAX_EXEMPTIONS {
        let place = draft.exempts.last().map(|table| table.place.clone()).unwrap_or_default();
        let (zh, en) = (
            format!("豁免（按截止日期分开计）最多 {MAX_EXEMPTIONS} 个，现有 {}", all.len()),
            format!("at most {MAX_EXEMPTIONS} exemptions, counted by end date; there are {}", all.len()),
        );
        let finding = Diagnostic::new("E001", place, zh, en);
        context.findings.add(finding.with_help("合并截止日期相同或相近的行", "give rows common end dates"));
    }
    all
}

/// An event has one bit for each.
const MAX_EXEMPTIONS: usize = 64;

/// Lexicons that annotation itself uses.
const OWN_USE: &[&str] = &["negation"];
