//! Every finding about dictionaries, as a maintainer reads it.
//!
//! Each directory of `tests/golden/rules` holds files laid over the fixture pack
//! (`X.append` adds to X, `X.replace` holds `from|to`, `X.remove` takes X away, `PACKS` names
//! overlays) and `findings.out`. `BASE` compares with the fixture as the version before, `TODAY` is the
//! day that end dates are compared with, `archive.jsonl` a sample archive, `roster.csv` a roster. Rewrite the
//! expected findings with `UPDATE_GOLDEN=1 cargo test --test golden_rules`, and read the change.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use chattag::archive::{ReadOptions, Roster};
use chattag::batch::{Progress, RehearsalOptions};
use chattag::bundle::{self, Bundle, Options};
use chattag::diagnostic::{self, CODES, Diagnostic, Language};
use chattag::maintain::gold::Gold;
use chattag::maintain::{against, lint, stats};
use chattag::rules::SourceFile;
use chattag::time::Day;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn fixture() -> Vec<SourceFile> {
    bundle::files_in(&root().join("fixtures/packs/base")).unwrap()
}

fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("golden/rules")).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// Files of a case that are no dictionaries.
const BESIDE: &[&str] = &["findings.out", "PACKS", "BASE", "TODAY", "archive.jsonl", "roster.csv"];

fn lay_over(files: &mut Vec<SourceFile>, layer: SourceFile) {
    let (path, how) = match layer.path.rsplit_once('.') {
        Some((path, how @ ("append" | "replace" | "remove"))) => (path.to_owned(), how),
        _ => (layer.path.clone(), ""),
    };
    if how == "remove" {
        return files.retain(|file| file.path != path);
    }
    let Some(file) = files.iter_mut().find(|file| file.path == path) else { return files.push(layer) };
    match how {
        "append" => file.bytes.extend(layer.bytes),
        "replace" => {
            let edit = String::from_utf8(layer.bytes).unwrap();
            let (from, to) = edit.trim_end().split_once('|').unwrap();
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            assert!(text.contains(from), "{path}: {from}");
            file.bytes = text.replace(from, to).into_bytes();
        }
        _ => file.bytes = layer.bytes,
    }
}

/// The dictionaries of a case, and the overlays in use.
fn dictionaries(case: &Path) -> (Vec<SourceFile>, Options) {
    let (mut files, mut options) = (fixture(), Options::default());
    for layer in bundle::files_in(case).unwrap() {
        if layer.path == "PACKS" {
            let names = String::from_utf8(layer.bytes).unwrap();
            options.packs.extend(names.split_whitespace().map(str::to_owned));
        } else if layer.path == "TODAY" {
            options.today = Day::parse(std::str::from_utf8(&layer.bytes).unwrap().trim());
        } else if !BESIDE.contains(&layer.path.as_str()) {
            lay_over(&mut files, layer);
        }
    }
    (files, options)
}

fn findings(case: &Path) -> Vec<Diagnostic> {
    if let Ok(roster) = std::fs::read(case.join("roster.csv")) {
        return Roster::parse("roster.csv", &roster).1;
    }
    let (files, options) = dictionaries(case);
    let (bundle, mut findings) = Bundle::from_files(&files, &options);
    if let Some(bundle) = &bundle {
        let gold = Gold::read(&files, bundle, &mut findings);
        if case.join("BASE").exists() {
            let base = Bundle::from_files(&fixture(), &Options::default()).0.unwrap();
            findings.extend(against::findings(&base, bundle));
        }
        if case.join("archive.jsonl").exists() {
            findings.extend(measured(&case.join("archive.jsonl"), bundle, &gold));
        }
        findings.extend(lint::findings(bundle));
        diagnostic::sort(&mut findings);
    }
    findings
}

fn measured(archive: &Path, bundle: &Bundle, gold: &Gold) -> Vec<Diagnostic> {
    let options = RehearsalOptions {
        archives: vec![archive.to_string_lossy().into_owned()],
        read: ReadOptions::default(),
        as_of: None,
        jobs: Some(2),
        memory: 16 << 20,
    };
    let measured = stats::measure(bundle, &options, Some(gold), &Progress::default()).unwrap();
    let mut findings = stats::findings(&measured, &stats::Thresholds::default());
    findings.extend(against::windows_beyond(bundle, measured.days));
    findings
}

fn rendered(findings: &[Diagnostic]) -> String {
    let both = [Language::Chinese, Language::English];
    findings.iter().flat_map(|finding| both.map(|language| finding.render(language) + "\n")).collect()
}

#[test]
fn findings_read_as_they_did() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for case in cases() {
        let (out, found) = (case.join("findings.out"), rendered(&findings(&case)));
        if update {
            std::fs::write(&out, &found).unwrap();
        }
        let wanted = std::fs::read_to_string(&out).unwrap_or_default();
        assert_eq!(found, wanted, "{}", case.display());
    }
}

/// The codes that a case is named after: `w402_w403_roster` shows two.
fn codes_of(case: &Path) -> Vec<&'static str> {
    let name = case.file_name().unwrap().to_string_lossy().to_uppercase();
    let words: Vec<&str> = name.split('_').collect();
    CODES.iter().map(|code| code.code).filter(|code| words.contains(code)).collect()
}

#[test]
fn each_case_shows_the_codes_it_is_named_after() {
    for case in cases() {
        let found = findings(&case);
        let codes: BTreeSet<&str> = found.iter().map(|finding| finding.code).collect();
        for code in codes_of(&case) {
            assert!(codes.contains(code), "{}: {}", case.display(), rendered(&found));
        }
        assert!(!found.is_empty(), "{}", case.display());
    }
}

#[test]
fn every_finding_names_its_place_and_most_say_what_to_type() {
    let (mut n, mut advised) = (0, 0);
    for case in cases() {
        for finding in findings(&case) {
            assert!(!finding.place.file.is_empty(), "{}: {finding:?}", case.display());
            assert!(!finding.zh.is_empty() && !finding.en.is_empty(), "{finding:?}");
            n += 1;
            advised += usize::from(!finding.help_zh.is_empty() && !finding.help_en.is_empty());
        }
    }
    assert!(cases().len() >= 40 && advised * 10 >= n * 9, "{advised} of {n}");
}

/// The codes written anywhere in the sources, as `"E001"`.
fn codes_in_sources(directory: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_in_sources(&path, codes);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("codes.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let quoted = text.split('"').filter(|word| word.len() == 4 && word.starts_with(['E', 'W', 'N']));
            codes.extend(quoted.filter(|word| word[1..].parse::<u16>().is_ok()).map(str::to_owned));
        }
    }
}

#[test]
fn every_code_is_listed_once_used_and_shown() {
    let mut used = BTreeSet::new();
    codes_in_sources(&root().join("../src"), &mut used);
    let listed: BTreeSet<String> = CODES.iter().map(|code| code.code.to_owned()).collect();
    assert_eq!(listed.len(), CODES.len(), "a code is listed twice");
    assert_eq!(used, listed, "codes of the sources and of src/diagnostic/codes.rs");
    let shown: BTreeSet<&str> = cases().iter().flat_map(|case| codes_of(case)).collect();
    let missing: Vec<&str> =
        CODES.iter().map(|code| code.code).filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no case in tests/golden/rules shows {missing:?}");
}

#[test]
fn the_page_of_diagnostics_is_made_from_the_list() {
    let examples = |code: &str| -> Vec<String> {
        let shows = |case: &&PathBuf| codes_of(case).contains(&code);
        let name =
            |case: &PathBuf| format!("tests/golden/rules/{}", case.file_name().unwrap().to_string_lossy());
        cases().iter().filter(shows).take(3).map(name).collect()
    };
    let page = diagnostic::markdown(examples);
    let path = root().join("../docs/diagnostics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, page, "UPDATE_DOCS=1 cargo test --test golden_rules rewrites docs/diagnostics.md");
}

fn write_all(directory: &Path, files: &[SourceFile]) {
    for file in files {
        let path = directory.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
}

/// `chattag check` with the options that the files of a case ask for.
fn check(case: &Path, place: &Path) -> Command {
    let (files, options) = dictionaries(case);
    write_all(&place.join("dict"), &files);
    let mut command = Command::new(env!("CARGO_BIN_EXE_chattag"));
    command.args(["check", "--lang", "zh", "--deny", "warnings", "--dict"]).arg(place.join("dict"));
    for pack in &options.packs {
        command.args(["--pack", pack]);
    }
    if case.join("BASE").exists() {
        write_all(&place.join("base"), &fixture());
        command.arg("--base").arg(place.join("base"));
    }
    for (file, option) in [("archive.jsonl", "--archive"), ("roster.csv", "--roster")] {
        if case.join(file).exists() {
            command.arg(option).arg(case.join(file));
        }
    }
    if let Some(today) = options.today {
        command.args(["--as-of", &today.to_iso()]);
    }
    command
}

#[test]
fn the_command_says_the_same_and_ends_with_the_documented_code() {
    for case in cases() {
        let place = tempfile::tempdir().unwrap();
        let output = check(&case, place.path()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap().replace(&format!("{}/", case.display()), "");
        let found = findings(&case);
        // Beside the findings of the case: what has ended by the day on which the tests run.
        let blocks = said.lines().any(|line| line.starts_with("错误 E") || line.starts_with("警告 W"));
        assert_eq!(output.status.code(), Some(i32::from(blocks)), "{}: {said}", case.display());
        for finding in &found {
            assert!(said.contains(&finding.render(Language::Chinese)), "{}: {said}", case.display());
        }
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{}", case.display());
    }
}
