//! The help texts are golden files: a change of wording is seen in review.
//!
//! Rewritten by `UPDATE_GOLDEN=1 cargo test --test help`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// (golden file, arguments)
const CASES: &[(&str, &[&str])] = &[
    ("chattag", &["--help"]),
    ("run", &["run", "--help"]),
    ("stream", &["stream", "--help"]),
    ("replay", &["replay", "--help"]),
    ("inspect", &["inspect", "--help"]),
    ("annotate", &["annotate", "--help"]),
    ("check", &["check", "--help"]),
    ("test", &["test", "--help"]),
    ("train", &["train", "--help"]),
    ("distill", &["distill", "--help"]),
    ("calibrate", &["calibrate", "--help"]),
    ("eval", &["eval", "--help"]),
    ("variants", &["variants", "--help"]),
    ("phrases", &["phrases", "--help"]),
    ("commits", &["commits", "--help"]),
    ("rollback", &["rollback", "--help"]),
    ("gc", &["gc", "--help"]),
    ("doctor", &["doctor", "--help"]),
    ("schema", &["schema", "--help"]),
    ("explain", &["explain", "--help"]),
    ("preview", &["preview", "--help"]),
    ("diff", &["diff", "--help"]),
    ("stats", &["stats", "--help"]),
    ("suggest", &["suggest", "--help"]),
    ("import", &["import", "--help"]),
    ("export", &["export", "--help"]),
    ("export_wecom", &["export", "wecom", "--help"]),
    ("fmt", &["fmt", "--help"]),
    ("new", &["new", "--help"]),
    ("pack", &["pack", "--help"]),
    ("audit", &["audit", "--help"]),
    ("completions", &["completions", "--help"]),
];

#[test]
fn help_says_what_the_golden_files_say() {
    for (name, arguments) in CASES {
        let output = Command::new(env!("CARGO_BIN_EXE_chattag"))
            .args(*arguments)
            .env("COLUMNS", "100")
            .env_remove("CHATTAG_LANG")
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}");
        let help = String::from_utf8(output.stdout).unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/help/{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(golden.parent().unwrap()).unwrap();
            fs::write(&golden, &help).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap();
        assert_eq!(help, expected, "tests/golden/help/{name}.txt; UPDATE_GOLDEN=1 rewrites it");
    }
}

#[test]
fn every_command_teaches_by_example() {
    for (name, arguments) in CASES.iter().filter(|(name, _)| *name != "schema") {
        let output = Command::new(env!("CARGO_BIN_EXE_chattag")).args(*arguments).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Examples:") && help.contains("chattag "), "{name}");
    }
}
