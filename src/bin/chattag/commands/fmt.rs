//! `chattag fmt`: tidies the files of a dictionary directory.
#![allow(clippy::print_stdout, reason = "the files are this command's output")]

use chattag::bundle;
use chattag::maintain::tidy::tidy;

use crate::Status;
use crate::args::FmtArgs;
use crate::console::Console;

/// Tidies, or only says what would change.
pub fn run(args: &FmtArgs, console: &Console) -> anyhow::Result<Status> {
    let tidied = tidy(&bundle::files_in(&args.dict)?);
    if !args.check {
        for file in &tidied {
            super::write_file(&args.dict.join(&file.path), &file.bytes)?;
        }
    }
    let paths: Vec<&str> = tidied.iter().map(|file| file.path.as_str()).collect();
    if args.json {
        println!("{}", serde_json::json!({ "changed": paths, "written": !args.check }));
    } else {
        paths.iter().for_each(|path| println!("{path}"));
        println!("{} {}", paths.len(), console.pick("个文件整理过", "files tidied"));
    }
    Ok(if args.check && !paths.is_empty() { Status::Findings } else { Status::Fine })
}
