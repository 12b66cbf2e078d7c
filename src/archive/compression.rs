//! Recognises compressed files by their first bytes and unpacks them.

use std::io::{self, BufRead, BufReader, Read};

use serde::Serialize;

/// How a file is packed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip, with any number of members.
    Gzip,
    /// Zstandard, with any number of frames.
    Zstd,
}

impl Compression {
    /// Returns how a file that starts with `bytes` is packed; its name does not matter.
    pub fn of(bytes: &[u8]) -> Compression {
        match bytes {
            [0x1F, 0x8B, ..] => Compression::Gzip,
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Compression::Zstd,
            // Skippable frames may come first.
            [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

/// Unpacks `packed`, having looked at its first bytes, and says how it was packed.
///
/// # Errors
///
/// Fails when the first bytes cannot be read.
pub(crate) fn unpack<'r>(
    packed: impl Read + Send + 'r,
) -> io::Result<(Compression, Box<dyn Read + Send + 'r>)> {
    let mut packed = BufReader::with_capacity(BUFFER_BYTES, packed);
    let compression = Compression::of(packed.fill_buf()?);
    let unpacked: Box<dyn Read + Send + 'r> = match compression {
        Compression::None => Box::new(packed),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed)?),
    };
    Ok((compression, unpacked))
}

const BUFFER_BYTES: usize = 256 << 10;
