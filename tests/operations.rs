//! Looking after an output directory, as the operator sees it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chattag::writer::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

/// 2026-03-02 10:00 in Shanghai.
const START: i64 = 1_772_416_800_000;

const DAY: i64 = 86_400_000;

/// One customer asks for prices, another complains: each night gives tags and an alert.
const TALK: [&str; 6] =
    ["这个课程多少钱", "有没有优惠", "性价比怎么样", "我要投诉", "质量太差", "你们态度差"];

/// A directory with an archive and an output directory.
struct Desk(TempDir);

impl Desk {
    /// A desk on which `nights` nights were run, each as a commit.
    fn after(nights: i64) -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        fs::create_dir(desk.path("archive")).unwrap();
        fs::write(desk.path("roster.csv"), "成员,角色,群,企业\nlihua,员工,,\n").unwrap();
        for night in 0..nights {
            desk.add_night(night);
            desk.says(0, &["run", "archive", "--out", "out", "--roster", "roster.csv", "--quiet"]);
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn add_night(&self, night: i64) {
        let said = |(i, content): (usize, &&str)| {
            json!({"msgid": format!("{night}_{i}_external"), "action": "send", "from": format!("wmEXAMPLEAAAAAAAAAAAAAAAAAAAA{night:02}{}", i / 3),
                   "tolist": ["lihua"], "roomid": "", "msgtime": START + night * DAY + i as i64 * 600_000,
                   "msgtype": "text", "text": {"content": content}})
        };
        let lines: Vec<Value> = TALK.iter().enumerate().map(said).collect();
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.path(&format!("archive/night-{night}.jsonl")), lines).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_chattag"));
        program.args(arguments).env("CHATTAG_LANG", "en").current_dir(self.0.path()).output().unwrap()
    }

    /// Runs the program, which ends with `code`, and returns what it printed.
    fn says(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, code: i32, arguments: &[&str]) -> Vec<Value> {
        let said = self.says(code, &[arguments, &["--out", "out", "--json"]].concat());
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn commits(&self) -> Vec<Value> {
        self.json(0, &["commits"])
    }

    /// The table files that `current` shows.
    fn shown(&self) -> Vec<PathBuf> {
        let current = self.path("out/current").canonicalize().unwrap();
        let files = walkdir::WalkDir::new(&current).sort_by_file_name().into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.path().strip_prefix(&current).unwrap().to_owned()).collect()
    }
}

impl Desk {
    /// The content of the table files that `current` shows, without the table that numbers commits.
    fn decisions(&self) -> BTreeSet<(PathBuf, Vec<u8>)> {
        let decided = self.shown().into_iter().filter(|file| !file.starts_with("runs"));
        let read =
            |file: PathBuf| (table_and_day(&file), fs::read(self.path("out/current").join(&file)).unwrap());
        decided.map(read).collect()
    }
}

/// The blocks of the handbook that are run as written, in order.
fn blocks() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("<!-- walkthrough -->\n```bash\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0.to_owned()).collect()
}

#[test]
fn the_commands_of_the_handbook_work_as_written() {
    let desk = Desk::after(1);
    desk.add_night(1);
    let program = Path::new(env!("CARGO_BIN_EXE_chattag")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let blocks = blocks();
    assert_eq!(blocks.len(), 6);
    for block in blocks {
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", &block]).env("PATH", &path).env("CHATTAG_LANG", "zh");
        let output = shell.current_dir(desk.0.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{said}{error}");
    }
}

#[test]
fn commits_lists_what_each_commit_read_and_wrote() {
    let desk = Desk::after(2);
    let commits = desk.commits();
    let numbers: Vec<_> = commits.iter().map(|commit| commit["commit"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [1, 0], "the newest first");
    let newest = &commits[0];
    assert_eq!((&newest["action"], &newest["standing"]), (&json!("run"), &json!("newest")));
    assert_eq!((&newest["as_of"], &newest["inputs"]), (&json!("2026-03-04 00:00:00"), &json!(1)));
    assert_eq!(newest["run_id"].as_str().unwrap().len(), 32);
    assert!(newest["rows"]["tag_events"].as_u64().unwrap() > 0, "{newest}");
    assert!(newest["pack_version"].is_string() && newest["state_bytes"].is_u64());
    let table = desk.says(0, &["commits", "--out", "out", "--last", "1"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.lines().nth(1).unwrap().starts_with('▶'), "{table}");
}

#[test]
fn a_rollback_shows_the_earlier_commit_and_lets_later_inputs_be_read_again() {
    let desk = Desk::after(1);
    let first = desk.shown();
    desk.add_night(1);
    desk.says(0, &["run", "archive", "--out", "out", "--roster", "roster.csv", "--quiet"]);
    let second = desk.shown();
    let said = desk.json(0, &["rollback", "--to", "0"]);
    assert_eq!(said, [json!({"commit": 2, "to": 0, "inputs_readable_again": 1})]);
    assert_eq!(desk.shown(), first);
    assert_eq!(desk.commits()[1]["standing"], "out_of_view");
    assert_eq!(desk.json(0, &["rollback", "--to", "0"])[0]["commit"], Value::Null, "nothing changes twice");
    desk.says(0, &["run", "archive", "--out", "out", "--roster", "roster.csv", "--quiet"]);
    let renumbered = |files: Vec<PathBuf>| files.iter().map(|file| table_and_day(file)).collect::<Vec<_>>();
    assert_eq!(renumbered(desk.shown()), renumbered(second.clone()), "the night was read again");
    assert_eq!(desk.json(0, &["rollback", "--to", "1"])[0]["commit"], 4);
    assert_eq!(desk.shown(), second, "a rollback can be taken back");
}

fn table_and_day(file: &Path) -> PathBuf {
    file.parent().unwrap().to_owned()
}

#[test]
fn going_back_and_letting_go_between_nights_changes_no_row() {
    let (plain, kept) = (Desk::after(3), Desk::after(1));
    let tonight = &["run", "archive", "--out", "out", "--roster", "roster.csv", "--quiet"];
    kept.says(0, &["gc", "--keep", "1", "--out", "out"]);
    kept.add_night(1);
    kept.says(0, tonight);
    kept.says(0, &["rollback", "--to", "0", "--out", "out"]);
    kept.says(0, tonight);
    kept.says(0, &["gc", "--keep", "1", "--out", "out"]);
    kept.add_night(2);
    kept.says(0, tonight);
    assert_eq!(kept.decisions(), plain.decisions());
}

#[test]
fn a_rollback_to_what_is_not_there_says_what_is() {
    let desk = Desk::after(1);
    let output = desk.run(&["rollback", "--to", "7", "--out", "out"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("`7` is no commit that can be read: expected one of 0"), "{error}");
    for command in [&["rollback", "--to", "0"][..], &["gc", "--keep", "1"], &["commits"], &["doctor"]] {
        let output = desk.run(&[command, &["--out", "nowhere"]].concat());
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(!desk.path("nowhere").exists(), "{command:?} makes no directory");
    }
}

#[test]
fn gc_frees_space_and_keeps_every_row() {
    let desk = Desk::after(3);
    let shown = desk.shown();
    let planned = desk.json(0, &["gc", "--keep", "1", "--dry-run"]);
    assert_eq!(desk.commits().len(), 3, "a dry run changes nothing");
    let done = desk.json(0, &["gc", "--keep", "1"]);
    assert_eq!((&done[0]["commit"], &done[0]["dropped"]), (&json!(3), &json!([0, 1])));
    assert_eq!((&done[0]["files"], &done[0]["bytes"]), (&planned[0]["files"], &planned[0]["bytes"]));
    assert!(done[0]["files"].as_u64().unwrap() >= 2, "two old tables of standing tags: {done:?}");
    assert_eq!(desk.shown(), shown);
    let snapshots: Vec<_> = fs::read_dir(desk.path("out/snapshots")).unwrap().collect();
    assert_eq!(snapshots.len(), 2, "the newest run and the newest commit");
    assert_eq!(desk.json(0, &["gc", "--keep", "1"])[0]["commit"], Value::Null);
    desk.says(2, &["rollback", "--to", "1", "--out", "out"]);
    assert_eq!(desk.json(0, &["doctor"])[0]["findings"], json!([]));
}

#[test]
fn doctor_tells_damage_from_what_the_next_run_mends() {
    let desk = Desk::after(2);
    let leftover = desk.path("out/data/alerts/dt=2026-03-02/000009-0123456789abcdef.parquet");
    fs::write(&leftover, "half").unwrap();
    fs::create_dir(desk.path("out/tmp/run-2")).unwrap();
    fs::remove_file(desk.path("out/current")).unwrap();
    fs::remove_file(desk.path("out/data/alerts/_delta_log/00000000000000000001.json")).unwrap();
    let kinds = |checkup: &Value| {
        let findings = checkup["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["finding"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&desk.json(0, &["doctor"])[0]), ["view", "view", "leftover", "leftover"]);
    drop(Store::open(&desk.path("out")).unwrap());
    assert!(kinds(&desk.json(0, &["doctor"])[0]).is_empty());
}

#[test]
fn doctor_names_damaged_files_and_the_commit_to_go_back_to() {
    let desk = Desk::after(2);
    let newest = desk.shown().into_iter().find(|file| file.starts_with("current_tags")).unwrap();
    let damaged = desk.path("out/data").join(&newest);
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[40] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    assert_eq!(desk.json(0, &["doctor", "--quick"])[0]["findings"], json!([]), "sizes are as they were");
    let checkup = &desk.json(1, &["doctor"])[0];
    assert_eq!(checkup["findings"][0]["finding"], "changed");
    assert_eq!((&checkup["findings"][0]["commits"], &checkup["newest_whole"]), (&json!([1]), &json!(0)));
    fs::remove_file(&damaged).unwrap();
    desk.says(2, &["run", "archive", "--out", "out", "--quiet"]);
    let advice = desk.says(1, &["doctor", "--out", "out"]);
    assert!(advice.contains("chattag rollback --to 0 --out out"), "{advice}");
    desk.says(0, &["rollback", "--to", "0", "--out", "out"]);
    desk.says(0, &["run", "archive", "--out", "out", "--roster", "roster.csv", "--quiet"]);
    desk.says(0, &["gc", "--keep", "1", "--out", "out"]);
    assert_eq!(desk.json(0, &["doctor"])[0]["findings"], json!([]));
}

#[test]
fn a_held_directory_is_refused_with_75_and_the_holders_name() {
    let desk = Desk::after(1);
    let held = Store::open(&desk.path("out")).unwrap();
    for command in [&["run", "archive"][..], &["rollback", "--to", "0"], &["gc", "--keep", "1"]] {
        let output = desk.run(&[command, &["--out", "out", "--quiet"]].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(75), "{command:?}: {error}");
        let says = [format!("pid {} on ", std::process::id()), ", since 2".into(), "`operations".into()];
        assert!(says.iter().all(|part| error.contains(part)), "{error}");
    }
    assert_eq!(desk.commits().len(), 1, "reading needs no lock");
    let holder = desk.json(0, &["doctor"])[0]["holder"].clone();
    assert!(holder.as_str().unwrap().contains("pid "), "{holder}");
    drop(held);
    assert_eq!(desk.json(0, &["doctor"])[0]["holder"], Value::Null);
}
