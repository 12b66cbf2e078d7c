//! What the arguments say about reading archives, resolved once for all commands.

use std::sync::Arc;
use std::time::Duration;

use chattag::archive::table::Columns;
use chattag::archive::{Decryptor, HookLimits, MESSAGE_COLUMNS, PrivateKeys, ReadOptions, Roster};
use chattag::error::Error;
use chattag::time::Zone;

use crate::args::ReadingArgs;

/// Reads roster, column map and keys.
pub fn resolve(args: &ReadingArgs, zone: Zone) -> Result<ReadOptions, Error> {
    let roster = match &args.roster {
        Some(path) => Roster::read(path)?,
        None => Roster::default(),
    };
    let columns = match &args.columns {
        Some(map) => Columns::from_argument(map, MESSAGE_COLUMNS)?,
        None => Columns::automatic(MESSAGE_COLUMNS),
    };
    let max_record_bytes = parse_size(&args.max_record)?;
    let decryptor = decryptor(args, max_record_bytes)?.map(Arc::new);
    Ok(ReadOptions { zone, roster, columns, decryptor, max_record_bytes, ..ReadOptions::default() })
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
