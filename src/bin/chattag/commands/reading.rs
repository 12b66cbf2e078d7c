//! What the arguments say about reading archives, resolved once for all commands.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chattag::archive::table::Columns;
use chattag::archive::{Decryptor, HookLimits, MESSAGE_COLUMNS, PrivateKeys, ReadOptions, Roster};
use chattag::diagnostic;
use chattag::error::Error;
use chattag::time::Zone;

use crate::args::ReadingArgs;
use crate::console::Console;

/// Reads roster, column map and keys. Says on standard error which rows of the roster cannot be used.
pub fn resolve(args: &ReadingArgs, zone: Zone, console: &Console) -> Result<ReadOptions, Error> {
    let roster =
        args.roster.as_deref().map(|path| read_roster(path, console)).transpose()?.unwrap_or_default();
    let columns = match &args.columns {
        Some(map) => Columns::from_argument(map, MESSAGE_COLUMNS)?,
        None => Columns::automatic(MESSAGE_COLUMNS),
    };
    let max_record_bytes = parse_size(&args.max_record)?;
    let decryptor = decryptor(args, max_record_bytes)?.map(Arc::new);
    Ok(ReadOptions { zone, roster, columns, decryptor, max_record_bytes, ..ReadOptions::default() })
}

/// Reads the roster at `path`; one without a member column is an error, since everybody would count as a customer.
fn read_roster(path: &Path, console: &Console) -> Result<Roster, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::read(path, source))?;
    let (roster, findings) = Roster::parse(&path.display().to_string(), &bytes);
    if diagnostic::has_errors(&findings) {
        return Err(Error::unusable(path, findings));
    }
    findings.iter().for_each(|finding| eprintln!("{}", finding.render(console.language())));
    Ok(roster)
}

fn decryptor(args: &ReadingArgs, answer_bytes: usize) -> Result<Option<Decryptor>, Error> {
    let keys = PrivateKeys::from_arguments(&args.private_keys)?;
    if keys.is_empty() && args.decryptor.is_none() {
        return Ok(None);
    }
    let limits = HookLimits { timeout: Duration::from_secs(args.decryptor_timeout.max(1)), answer_bytes };
    Ok(Some(Decryptor::new(keys, args.decryptor.clone(), limits)))
}

/// Reads `256M`, `1G`, `65536`.
pub fn parse_size(text: &str) -> Result<usize, Error> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => Some(0),
        "K" | "KB" | "KIB" => Some(10),
        "M" | "MB" | "MIB" => Some(20),
        "G" | "GB" | "GIB" => Some(30),
        _ => None,
    };
    let size = shift.zip(digits.parse::<usize>().ok()).and_then(|(shift, n)| n.checked_mul(1 << shift));
    size.filter(|size| *size > 0)
        .ok_or_else(|| Error::argument("size", text, "bytes, or a number with K, M or G"))
}
