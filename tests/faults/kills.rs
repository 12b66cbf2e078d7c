//! The real program, killed by the real signal at instants that nobody chose.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::archive::nights;
use super::life::{Picture, out_of, picture};
use super::machine::Dice;

/// The commands of a life, commit by commit.
fn commands() -> [Vec<String>; 4] {
    let run = |night: usize| vec!["run".to_owned(), nights()[night].display().to_string()];
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    [run(0), run(1), words("rollback --to 0"), words("gc --keep 1")]
}

fn start(command: &[String], out: &Path) -> Child {
    let program = Command::new(env!("CARGO_BIN_EXE_chattag"))
        .args(command)
        .args(["--out", out.to_str().unwrap(), "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    program.unwrap()
}

/// The pictures before each command and at the end, and how long each command took.
fn undisturbed() -> (Vec<Picture>, Vec<Duration>) {
    let place = crate::fixture::scratch();
    let out = out_of(place.path());
    let (mut pictures, mut durations) = (vec![Picture::new()], Vec::new());
    for command in commands() {
        let started = Instant::now();
        assert!(start(&command, &out).wait().unwrap().success(), "{command:?}");
        durations.push(started.elapsed());
        pictures.push(picture(&out));
    }
    (pictures, durations)
}

#[test]
fn killed_at_any_instant_and_started_again_the_program_gives_the_same_bytes() {
    let (pictures, durations) = undisturbed();
    let place = crate::fixture::scratch();
    let out = out_of(place.path());
    let (mut dice, mut n_killed) = (Dice::new(1), 0);
    for (n, command) in commands().iter().enumerate() {
        for _ in 0..kills() {
            n_killed += usize::from(kill_within(start(command, &out), durations[n], &mut dice));
            let seen = picture(&out);
            let is_known = [n, n + 1].iter().any(|n| shown(&pictures[*n]) == shown(&seen));
            assert!(is_known, "readers see {:?}", shown(&seen));
        }
        let status = start(command, &out).wait().unwrap();
        assert!(status.success(), "{command:?} after kills: {status}");
        assert_eq!(picture(&out), pictures[n + 1], "{command:?} after kills");
    }
    assert!(n_killed * 4 > kills() * commands().len(), "only {n_killed} processes were killed while at work");
}

/// Lets the program work for some part of the time it needs, then kills it; says whether it was at work.
fn kill_within(mut program: Child, duration: Duration, dice: &mut Dice) -> bool {
    std::thread::sleep(duration * dice.below(1_100) as u32 / 1_000);
    let at_work = program.try_wait().unwrap().is_none();
    program.kill().unwrap();
    program.wait().unwrap();
    at_work
}

/// The files of the snapshot that `current` names.
fn shown(picture: &Picture) -> Vec<&Path> {
    let current = picture.get(Path::new("current")).map(String::as_str);
    let is_shown = |path: &&Path| current.is_some_and(|current| path.starts_with(current));
    picture.keys().map(std::path::PathBuf::as_path).filter(is_shown).collect()
}

/// Kills of each command: a few, or `CHATTAG_FAULT_KILLS`.
fn kills() -> usize {
    std::env::var("CHATTAG_FAULT_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(8)
}
