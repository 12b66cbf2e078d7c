//! Every finding about rule files, as a maintainer reads it.
//!
//! Each directory of `tests/golden/rules` holds files laid over the fixture pack
//! (`X.append` adds to X, `X.replace` holds `from|to`, `PACKS` names overlays)
//! and `findings.out`. Rewrite the latter with
//! `CHATTAG_UPDATE_GOLDEN=1 cargo test --test golden_rules`, and read the change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chattag::bundle::{self, Bundle, Options};
use chattag::diagnostic::Language;
use chattag::rules::SourceFile;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn cases() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("golden/rules")).expect("the directory is there");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    cases.sort();
    cases
}

fn lay_over(files: &mut Vec<SourceFile>, layer: SourceFile) {
    let (path, how) = match layer.path.rsplit_once('.') {
        Some((path, "append")) => (path.to_owned(), "append"),
        Some((path, "replace")) => (path.to_owned(), "replace"),
        _ => (layer.path.clone(), ""),
    };
    let Some(file) = files.iter_mut().find(|file| file.path == path) else { return files.push(layer) };
    match how {
        "append" => file.bytes.extend(layer.bytes),
        "replace" => {
            let edit = String::from_utf8(layer.bytes).expect("UTF-8");
            let (from, to) = edit.trim_end().split_once('|').expect("from|to");
            let text = String::from_utf8_lossy(&file.bytes).into_owned();
            assert!(text.contains(from), "{path}: {from}");
            file.bytes = text.replace(from, to).into_bytes();
        }
        _ => file.bytes = layer.bytes,
    }
}

fn findings(case: &Path) -> String {
    let mut files = bundle::files_in(&root().join("fixtures/packs/base")).expect("the fixture is there");
    let mut options = Options::default();
    for layer in bundle::files_in(case).expect("readable") {
        match layer.path.as_str() {
            "findings.out" => {}
            "PACKS" => options
                .packs
                .extend(String::from_utf8_lossy(&layer.bytes).split_whitespace().map(str::to_owned)),
            _ => lay_over(&mut files, layer),
        }
    }
    let (_, findings) = Bundle::from_files(&files, &options);
    let both = [Language::Chinese, Language::English];
    let lines = findings.iter().flat_map(|finding| both.map(|language| finding.render(language) + "\n"));
    lines.collect()
}

#[test]
fn findings_read_as_they_did() {
    let update = std::env::var_os("CHATTAG_UPDATE_GOLDEN").is_some();
    for case in cases() {
        let (out, found) = (case.join("findings.out"), findings(&case));
        if update {
            std::fs::write(&out, &found).expect("writable");
        }
        let wanted = std::fs::read_to_string(&out).unwrap_or_default();
        assert_eq!(found, wanted, "{}", case.display());
    }
}

#[test]
fn each_case_shows_the_code_it_is_named_after() {
    for case in cases() {
        let name = case.file_name().expect("a name").to_string_lossy().to_uppercase();
        let code = name.split('_').next().expect("a first word");
        let found = findings(&case);
        let codes: BTreeSet<&str> = found.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        assert!(codes.contains(code) || (code == "OVERLAY" && codes.contains("E002")), "{name}: {found}");
    }
}
