//! Every step of every kind of commit: stopped, refused, cut from power, and again while recovering.

use chattag::writer::{Disk, Store};

use super::life::*;
use super::machine::{Fault, Machine};

/// Checks commit `n` with `fault` at step `k`; says whether there was such a step.
fn fails_at(n: usize, k: usize, fault: Fault) -> Result<bool, String> {
    let (place, machine, done) = disturbed(n, |place| Machine::new(place).with_fault(k, fault));
    let name = |what: String| format!("commit {n}, {fault:?}: {what}");
    check_readers(place.path(), n).map_err(name)?;
    let check = if k % SAMPLE == n { check_done_again } else { check_recovered };
    check(place.path(), n, done).map_err(name)?;
    Ok(machine.n_steps() > k)
}

#[test]
fn a_step_that_fails_leaves_the_old_commit_or_the_new_one() {
    for (n, operation) in LIFE.iter().enumerate() {
        let all = |k: usize| FAULTS.iter().try_fold(false, |some, fault| Ok(fails_at(n, k, *fault)? || some));
        let n_steps = enumerate(all).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(n_steps > 40, "{operation:?} has {n_steps} steps");
    }
}

/// Checks commit `n` with a power cut before step `k`; says whether there was such a step.
fn cut_at(n: usize, k: usize, seed: u64) -> Result<bool, String> {
    let (_place, machine, done) = disturbed(n, |place| Machine::new(place).with_fault(k, Fault::Stop));
    for (i, loss) in losses(seed).into_iter().enumerate() {
        let revived = machine.after_power_cut(loss);
        let check = if k % SAMPLE == i { check_done_again } else { check_recovered };
        check(revived.path(), n, done).map_err(|what| format!("commit {n}, {loss:?}: {what}"))?;
    }
    Ok(machine.n_steps() > k)
}

#[test]
fn a_power_cut_before_any_step_loses_nothing_acknowledged() {
    for n in 0..LIFE.len() {
        for seed in 0..rounds() {
            let cut = |k: usize| cut_at(n, k, seed * 1_000 + k as u64);
            enumerate(cut).unwrap_or_else(|failure| panic!("{failure}"));
        }
    }
}

/// Cuts the power in commit `n` before step `k`, and again at every third step of the recovery.
fn cut_twice(n: usize, k: usize, seed: u64) -> Result<(), String> {
    let (_place, machine, done) = disturbed(n, |place| Machine::new(place).with_fault(k, Fault::Stop));
    let first = machine.after_power_cut(losses(seed)[k % 4]);
    let acknowledged = done || opened(first.path()) > n as u64;
    for again in (seed as usize % 3..).step_by(3) {
        let place = copy_of(first.path());
        let recovering = Machine::new(place.path()).with_fault(again, Fault::Stop);
        let recovered = Store::open_on(&out_of(place.path()), recovering.disk()).map(drop).is_ok();
        let name = |what: String| format!("commit {n}, again at step {again}: {what}");
        check_recovered(place.path(), n, acknowledged).map_err(name)?;
        let revived = recovering.after_power_cut(losses(seed + 7)[again % 4]);
        check_recovered(revived.path(), n, done || (recovered && acknowledged)).map_err(name)?;
        if recovered {
            break;
        }
    }
    Ok(())
}

/// How many commits a process finds that opens a copy.
fn opened(place: &std::path::Path) -> u64 {
    let copy = copy_of(place);
    Store::open_on(&out_of(copy.path()), Disk::default()).map_or(0, |store| store.log().next())
}

#[test]
fn a_second_power_cut_while_recovering_loses_nothing_either() {
    for n in 0..LIFE.len() {
        let (_, machine, _) = disturbed(n, Machine::new);
        let n_steps = machine.n_steps();
        for seed in 0..3 * rounds() {
            let at = |i: usize| (i * 11 + seed as usize * 5) % 11 + i * 11;
            let cut =
                |i: usize| if at(i) < n_steps { cut_twice(n, at(i), seed).map(|()| true) } else { Ok(false) };
            enumerate(cut).unwrap_or_else(|failure| panic!("{failure}"));
        }
    }
}

/// How often seeds are changed: once, or `CHATTAG_FAULT_ROUNDS` times.
fn rounds() -> u64 {
    std::env::var("CHATTAG_FAULT_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

/// Of so many steps, one is followed by doing the operation again.
const SAMPLE: usize = 9;
