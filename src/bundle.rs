//! Puts a dictionary directory together: term lists, rules, signals, and the
//! machines that run them.
//!
//! An edge: it reads files. What it reads is the directory's text, once.

mod naming;

use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use walkdir::WalkDir;

use crate::diagnostic::{self, Diagnostic, Place};
use crate::error::Error;
use crate::lexicon::{self, Catalog, LayerSet, Lexicon, Term};
use crate::mention::Annotator;
use crate::model::{Models, Scorer};
use crate::rules::{self, Draft, Fingerprint, RuleSet, SourceFile, TermChange, TermEdit};
use crate::scenario::Scenario;
use crate::signal::Evaluator;
use crate::time::Day;

/// The dictionaries that are part of the program.
static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/dictionaries");

/// The models that are part of the program.
static MODELS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/models");

/// Everything one run needs to know; built once, shared by all threads.
pub struct Bundle {
    /// Rules, signals, tags.
    pub rules: Arc<RuleSet>,
    /// The term lists.
    pub catalog: Catalog,
    /// Finds mentions.
    pub annotator: Annotator,
    /// Scores messages; those that are part of the program.
    pub models: Arc<Models>,
    /// Evaluates signals.
    pub evaluator: Evaluator,
    /// The tests of the rule files.
    pub scenarios: Vec<Scenario>,
    /// Hash over all of it; the pack's.
    pub fingerprint: Fingerprint,
}

/// How a bundle is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Overlays in use, in order, such as `education`.
    pub packs: Vec<String>,
    /// What end dates of exemptions are compared with in warnings; decisions never depend on it.
    pub today: Option<Day>,
}

impl Bundle {
    /// Makes a bundle of the shipped dictionaries.
    pub fn embedded(options: &Options) -> (Option<Bundle>, Vec<Diagnostic>) {
        Bundle::from_files(&embedded_files(), options)
    }

    /// Makes a bundle of the dictionary directory `dir`.
    ///
    /// # Errors
    ///
    /// Returns an error when the directory or a file in it cannot be read.
    pub fn from_dir(dir: &Path, options: &Options) -> Result<(Option<Bundle>, Vec<Diagnostic>), Error> {
        Ok(Bundle::from_files(&files_in(dir)?, options))
    }

    /// Makes a bundle of files. Returns none when any finding is an error.
    pub fn from_files(files: &[SourceFile], options: &Options) -> (Option<Bundle>, Vec<Diagnostic>) {
        let (draft, mut findings) = rules::read(files, &options.packs);
        findings.extend(naming::findings(files));
        let catalog = Catalog::new(read_lexicons(files, &draft, &mut findings));
        findings.extend(lexicon::check(&catalog));
        let (rules, found) = rules::compile(&draft, &catalog, options.today);
        findings.extend(found);
        let scenarios: Vec<Scenario> = draft
            .tests
            .iter()
            .filter_map(|test| Scenario::read(test, &draft.pack.zone, &mut findings))
            .collect();
        diagnostic::sort(&mut findings);
        findings.dedup();
        let usable = rules.filter(|_| !diagnostic::has_errors(&findings));
        (usable.map(|rules| Bundle::new(rules, catalog, scenarios)), findings)
    }

    fn new(rules: RuleSet, catalog: Catalog, scenarios: Vec<Scenario>) -> Bundle {
        let models = Arc::new(embedded_models());
        Bundle {
            annotator: Annotator::new(&catalog, &rules.pack.zone),
            evaluator: Evaluator::new(&rules, &catalog).with_models(models.clone()),
            models,
            fingerprint: rules.pack.fingerprint,
            rules: Arc::new(rules),
            catalog,
            scenarios,
        }
    }
}

/// Returns the shipped models; a file that is no model is left out.
pub fn embedded_models() -> Models {
    let mut models = Models::default();
    let files = MODELS.files().filter(|file| file.path().extension().is_some_and(|ending| ending == "model"));
    for scorer in files.filter_map(|file| Scorer::read(file.contents()).ok()) {
        models.insert(scorer);
    }
    models
}

/// Returns the files of the shipped dictionaries.
pub fn embedded_files() -> Vec<SourceFile> {
    let mut files = Vec::new();
    collect_embedded(&SHIPPED, &mut files);
    files
}

fn collect_embedded(dir: &Dir<'_>, files: &mut Vec<SourceFile>) {
    let read = |file: &include_dir::File<'_>| SourceFile {
        path: slashed(file.path()),
        bytes: file.contents().to_vec(),
    };
    files.extend(dir.files().map(read));
    dir.dirs().for_each(|dir| collect_embedded(dir, files));
}

/// Reads the files under `dir`, without hidden ones.
///
/// # Errors
///
/// Returns an error when the directory or a file in it cannot be read.
pub fn files_in(dir: &Path) -> Result<Vec<SourceFile>, Error> {
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    };
    if dir.is_file() {
        return Err(Error::read(dir, std::io::ErrorKind::NotADirectory.into()));
    }
    let mut files = Vec::new();
    for entry in WalkDir::new(dir).sort_by_file_name().into_iter().filter_entry(visible) {
        let entry = entry.map_err(|error| Error::read(dir, error.into()))?;
        if entry.file_type().is_file() {
            let bytes = std::fs::read(entry.path()).map_err(|error| Error::read(entry.path(), error))?;
            let path = slashed(entry.path().strip_prefix(dir).unwrap_or(entry.path()));
            files.push(SourceFile { path, bytes });
        }
    }
    Ok(files)
}

fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// Reads the term lists in use, as overlays change them, with the layers the pack asks for.
fn read_lexicons(files: &[SourceFile], draft: &Draft, findings: &mut Vec<Diagnostic>) -> Vec<Lexicon> {
    let mut lexicons: Vec<Lexicon> = Vec::new();
    for file in rules::lexicon_files(files, &draft.packs) {
        let (lexicon, found) = lexicon::parse(&file.path, &file.bytes);
        findings.extend(found);
        if lexicons.iter().any(|known| known.id == lexicon.id) {
            let (zh, en) =
                (format!("词表 “{}” 重复", lexicon.id), format!("lexicon `{}` exists twice", lexicon.id));
            let finding = Diagnostic::new("E002", Place::new(&file.path, 0, 0), zh, en);
            findings.push(finding.with_help(
                "换一个文件名；要增加词条，用 [[overlay.append_terms]]",
                "rename the file; to add terms, use [[overlay.append_terms]]",
            ));
        } else {
            lexicons.push(lexicon);
        }
    }
    for edit in &draft.term_edits {
        apply_edit(edit, &mut lexicons, findings);
    }
    for choice in &draft.layers {
        match lexicons.iter_mut().find(|lexicon| lexicon.id == choice.lexicon) {
            Some(lexicon) => lexicon.set_layers(layers(&choice.layers, &choice.place, findings)),
            None => findings.push(no_lexicon(&choice.lexicon, &choice.place)),
        }
    }
    lexicons
}

fn no_lexicon(id: &str, place: &Place) -> Diagnostic {
    let (zh, en) = (format!("词表 “{id}” 不存在"), format!("there is no lexicon `{id}`"));
    let help = (format!("新建 lexicons/{id}.csv"), format!("create lexicons/{id}.csv"));
    Diagnostic::new("E003", place.clone(), zh, en).with_help(help.0, help.1)
}

fn layers(names: &[String], place: &Place, findings: &mut Vec<Diagnostic>) -> LayerSet {
    let mut set = LayerSet::default();
    for name in names {
        match LayerSet::named(name) {
            Some(layer) => set = set.with(layer),
            None => {
                let (zh, en) = (format!("不认识的层 “{name}”"), format!("unknown layer `{name}`"));
                let finding = Diagnostic::new("E001", place.clone(), zh, en);
                findings.push(finding.with_help(
                    "可选: skip | repeat | digits | variant | word",
                    "one of: skip | repeat | digits | variant | word",
                ));
            }
        }
    }
    set
}

/// Makes a lexicon anew with what an overlay changes in it.
fn apply_edit(edit: &TermEdit, lexicons: &mut [Lexicon], findings: &mut Vec<Diagnostic>) {
    let Some(lexicon) = lexicons.iter_mut().find(|lexicon| lexicon.id == edit.lexicon) else {
        return findings.push(no_lexicon(&edit.lexicon, &edit.place));
    };
    let mut terms = lexicon.terms().to_vec();
    match &edit.change {
        TermChange::Append { terms: added, category } => {
            append(&mut terms, added, category.as_deref(), &edit.place)
        }
        TermChange::ExcludeContext { term, contexts } => {
            let Some(changed) = terms.iter_mut().find(|known| known.text == *term) else {
                return findings.push(no_term(&edit.lexicon, term, &edit.place));
            };
            findings.extend(lexicon::check_context(changed, contexts, &edit.place));
            changed.contexts.extend(contexts.iter().cloned());
        }
    }
    *lexicon = Lexicon::new(&edit.lexicon, terms);
}

fn append(terms: &mut Vec<Term>, added: &[String], category: Option<&str>, place: &Place) {
    let category: Vec<String> = match category {
        Some(category) => category.split('/').map(str::to_owned).collect(),
        None => terms.first().map(|term| term.category.clone()).unwrap_or_default(),
    };
    for text in added {
        let code = format!("{}:{text}", place.file);
        terms.push(Term { category: category.clone(), place: place.clone(), ..Term::plain(&code, text) });
    }
}

fn no_term(lexicon: &str, term: &str, place: &Place) -> Diagnostic {
    let (zh, en) =
        (format!("词表 “{lexicon}” 没有词条 “{term}”"), format!("lexicon `{lexicon}` has no term `{term}`"));
    Diagnostic::new("E003", place.clone(), zh, en)
        .with_help("写词条列里的原文", "write the term as in the list's term column")
}
