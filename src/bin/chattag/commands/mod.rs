//! One file per command.

pub mod annotate;
pub mod check;
pub mod inspect;
mod reading;
pub mod run;
pub mod schema;
mod summary;
pub mod test;

use chattag::bundle::{Bundle, Options};
use chattag::diagnostic::{self, Diagnostic};

use crate::args::DictionaryArgs;
use crate::console::Console;

/// Compiles the dictionaries that the arguments name and returns them with all findings.
fn load(args: &DictionaryArgs) -> anyhow::Result<(Option<Bundle>, Vec<Diagnostic>)> {
    let options = Options { packs: args.packs.clone(), today: None };
    match &args.dict {
        Some(directory) => Ok(Bundle::from_dir(directory, &options)?),
        None => Ok(Bundle::embedded(&options)),
    }
}

/// Compiles the dictionaries; findings other than errors are left to `check`.
fn load_sound(args: &DictionaryArgs, _console: &Console) -> anyhow::Result<Bundle> {
    match load(args)? {
        (Some(bundle), findings) if !diagnostic::has_errors(&findings) => Ok(bundle),
        (_, findings) => Err(chattag::error::Error::dictionaries(findings).into()),
    }
}
