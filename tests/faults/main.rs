//! Faults at every step: what readers see and what the next process makes of it.
//!
//! `machine` simulates the disk, `life` is the undisturbed life that everything is compared with, `steps`
//! goes through all steps of all kinds of commits, `planted` proves that mistakes are found, `runs` does the
//! same with whole runs, and `kills` takes the real program and the real signal. `long.py` is the long form.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod archive;
#[path = "../writer/fixture.rs"]
#[allow(dead_code, reason = "shared with the tests of tables")]
mod fixture;
mod kills;
mod life;
mod machine;
mod planted;
mod runs;
mod steps;
