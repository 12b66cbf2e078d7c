//! Gathers the files of a pack, with its overlays applied, before names are resolved.
//!
//! The order of files does not matter: they are read in path order. An overlay
//! is a file `packs/<name>.toml` and, beside it, a directory `packs/<name>/` with
//! the same layout as the pack itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::list::{self, List};
use super::overlay::{self, TermEdit};
use super::pack_file;
use super::reader::Reader;
use super::rule::Pack;
use super::test_def;
use super::tree::{self, Entry, Table, Value};
use crate::diagnostic::{Diagnostic, Place};
use crate::lexicon;

/// One file of a dictionary directory.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path relative to the directory, with `/`.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A pack as written, overlays applied.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What `pack.toml` says; its fingerprint comes with compilation.
    pub pack: Pack,
    /// The overlays in use, in the order in which they are applied.
    pub packs: Vec<String>,
    /// Folding layers asked for, by lexicon id.
    pub layers: Vec<LayerChoice>,
    /// What overlays change in term lists.
    pub term_edits: Vec<TermEdit>,
    /// The tests of all rule files.
    pub tests: Vec<test_def::RuleTest>,
    pub(super) tags: Vec<Table>,
    pub(super) groups: Vec<Table>,
    pub(super) signals: Vec<Entry>,
    pub(super) rules: Vec<Table>,
    pub(super) exempts: Vec<Table>,
    pub(super) lists: BTreeMap<String, List>,
    pub(super) retired: BTreeSet<String>,
    pub(super) disabled: BTreeSet<String>,
}

/// Folding layers asked for in `pack.toml`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LayerChoice {
    /// The lexicon.
    pub lexicon: String,
    /// Names of layers, such as `skip`.
    pub layers: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

/// Reads all files but the term lists; `packs` names the overlays in use, in order.
/// Never fails: what cannot be used is left out and reported.
pub fn read(files: &[SourceFile], packs: &[String]) -> (Draft, Vec<Diagnostic>) {
    let findings = Findings::default();
    let draft = read_files(files, packs, &findings);
    (draft, findings.into_sorted())
}

/// Returns the term lists among `files` that are in use, in path order.
pub fn lexicon_files<'a>(files: &'a [SourceFile], packs: &[String]) -> Vec<&'a SourceFile> {
    let in_use = |file: &&SourceFile| {
        local_path(&file.path, packs)
            .is_some_and(|path| path.starts_with("lexicons/") && path.ends_with(".csv"))
    };
    sorted(files).into_iter().filter(in_use).collect()
}

fn sorted(files: &[SourceFile]) -> Vec<&SourceFile> {
    let mut files: Vec<&SourceFile> = files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Returns the path within the pack or within the directory of an overlay in use.
fn local_path<'a>(path: &'a str, packs: &[String]) -> Option<&'a str> {
    let Some(rest) = path.strip_prefix("packs/") else { return Some(path) };
    let (pack, local) = rest.split_once('/')?;
    packs.iter().any(|used| used == pack).then_some(local)
}

fn read_files(files: &[SourceFile], packs: &[String], findings: &Findings) -> Draft {
    let files = sorted(files);
    let (pack, layers) =
        pack_file::read(files.iter().find(|file| file.path == "pack.toml").copied(), findings);
    let mut draft = Draft {
        pack,
        packs: Vec::new(),
        layers,
        term_edits: Vec::new(),
        tests: Vec::new(),
        tags: Vec::new(),
        groups: Vec::new(),
        signals: Vec::new(),
        rules: Vec::new(),
        exempts: Vec::new(),
        lists: BTreeMap::new(),
        retired: BTreeSet::new(),
        disabled: BTreeSet::new(),
    };
    let chain = overlay::chain(&files, packs, &draft.pack.name, findings);
    let used: Vec<String> = chain.iter().map(|overlay| overlay.name.clone()).collect();
    for file in &files {
        if let Some(path) = local_path(&file.path, &used) {
            draft.read_file(path, file, findings);
        }
    }
    overlay::apply(&mut draft, chain, findings);
    draft.packs = used;
    draft
}

impl Draft {
    fn read_file(&mut self, local: &str, file: &SourceFile, findings: &Findings) {
        let topic = local.rsplit('/').next().unwrap_or(local);
        let topic = topic.split('.').next().unwrap_or(topic);
        match (local.split('/').next().unwrap_or(local), local.rsplit('.').next()) {
            ("tags.toml", _) => self.read_tags(&toml(file, findings), findings),
            ("signals", Some("toml")) => self.read_signals(&toml(file, findings), findings),
            ("rules", Some("toml")) => self.read_rules(&toml(file, findings), findings),
            ("allow" | "deny", Some("csv")) => {
                let side = if local.starts_with("allow") { "allow" } else { "deny" };
                let rows = list::parse(file, findings).rows;
                self.lists.entry(format!("{side}:{topic}")).or_default().rows.extend(rows);
            }
            ("retired.txt", _) => {
                let text = text(file, findings);
                let ids = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
                self.retired.extend(ids.filter(|id| !id.is_empty()).map(str::to_owned));
            }
            _ => {}
        }
    }

    fn read_tags(&mut self, table: &Table, findings: &Findings) {
        let reader = Reader::new(table, findings);
        self.tags.extend(reader.tables("tag").into_iter().cloned());
        self.groups.extend(reader.tables("group").into_iter().cloned());
        reader.finish();
    }

    fn read_signals(&mut self, table: &Table, findings: &Findings) {
        let reader = Reader::new(table, findings);
        if let Some(signals) = reader.table("signal") {
            self.signals.extend(signals.entries.iter().cloned());
        }
        reader.finish();
    }

    fn read_rules(&mut self, table: &Table, findings: &Findings) {
        let reader = Reader::new(table, findings);
        self.rules.extend(reader.tables("rule").into_iter().cloned());
        self.exempts.extend(reader.tables("exempt").into_iter().cloned());
        self.tests
            .extend(reader.tables("test").into_iter().filter_map(|test| test_def::read(test, findings)));
        reader.finish();
    }
}

/// Returns the text of a file of the pack; reports bytes that have no place in it (`E014`).
pub(super) fn text<'a>(file: &'a SourceFile, findings: &Findings) -> Cow<'a, str> {
    lexicon::check_bytes(&file.path, &file.bytes).into_iter().for_each(|finding| findings.add(finding));
    lexicon::decode(&file.bytes).0
}

/// Reads a TOML file of the pack.
pub(super) fn toml(file: &SourceFile, findings: &Findings) -> Table {
    let text = text(file, findings);
    let mut table = tree::parse(&file.path, &text, findings);
    place_headers(&mut table);
    table
}

/// Gives each table its header's place where the parser left it at its first key.
fn place_headers(table: &mut Table) {
    for entry in &mut table.entries {
        if let Value::Table(inner) = &mut entry.node.value {
            inner.place = entry.node.place.clone();
        }
    }
}
