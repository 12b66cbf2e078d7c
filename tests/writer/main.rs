//! The output directory as its readers see it: tables, bytes, commits, crashes.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod carried;
mod commits;
mod fixture;
mod layout;
mod tables;
