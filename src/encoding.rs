//! Decides how the bytes of a file encode text, and turns them into UTF-8.
//!
//! A byte order mark decides; else UTF-8; else GB18030, which spreadsheets on
//! Chinese Windows save. GB18030 is not tried first, since more than half of all
//! Chinese words in UTF-8 are valid in it too. [`decode`] has the whole file of a
//! maintainer before it and asks for strict UTF-8; [`Transcoder`] reads an archive
//! piece by piece and forgives UTF-8 some damage.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};
use serde::Serialize;

/// How a file encodes its text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TextEncoding {
    /// UTF-8, without a byte order mark.
    #[default]
    Utf8,
    /// UTF-8 with a byte order mark, as spreadsheets need it.
    Utf8Bom,
    /// UTF-16, with a byte order mark.
    Utf16,
    /// GB18030, with GBK and GB2312 in it.
    Gb18030,
}

impl TextEncoding {
    /// Returns the name that people know.
    pub fn name(self) -> &'static str {
        match self {
            TextEncoding::Utf8 => "UTF-8",
            TextEncoding::Utf8Bom => "UTF-8 (BOM)",
            TextEncoding::Utf16 => "UTF-16",
            TextEncoding::Gb18030 => "GB18030",
        }
    }
}

/// Returns the text without its byte order mark, and what encoding was decided on.
/// Bytes that are wrong in it become U+FFFD.
pub fn decode(bytes: &[u8]) -> (Cow<'_, str>, TextEncoding) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let text = encoding.decode_without_bom_handling(&bytes[mark..]).0;
        let utf16 = encoding == UTF_16BE || encoding != UTF_8;
        return (text, if utf16 { TextEncoding::Utf16 } else { TextEncoding::Utf8Bom });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), TextEncoding::Utf8),
        Err(_) => (GB18030.decode_without_bom_handling(bytes).0, TextEncoding::Gb18030),
    }
}

/// Reads text in any encoding as UTF-8, without its byte order mark.
///
/// Text that is ASCII so far decides nothing; the first piece with other bytes does.
/// Bytes that are wrong in the encoding become U+FFFD.
pub struct Transcoder<R> {
    source: R,
    /// Bytes read and not decoded yet.
    input: Vec<u8>,
    source_ended: bool,
    decoder: Option<Decoder>,
    encoding: Option<TextEncoding>,
    output: Vec<u8>,
    /// Bytes of `output` handed out already.
    handed: usize,
    ended: bool,
}

impl<R: Read> Transcoder<R> {
    /// Reads `source`, whose encoding its first bytes tell.
    pub fn new(source: R) -> Transcoder<R> {
        Transcoder {
            source,
            input: Vec::new(),
            source_ended: false,
            decoder: None,
            encoding: None,
            output: Vec::new(),
            handed: 0,
            ended: false,
        }
    }

    /// Returns the encoding as far as the bytes read tell.
    pub fn encoding(&self) -> TextEncoding {
        self.encoding.unwrap_or_default()
    }

    /// Fills `output` with the next piece.
    fn advance(&mut self) -> io::Result<()> {
        self.output.clear();
        self.handed = 0;
        while self.output.is_empty() && !self.ended {
            self.read_on()?;
            let ready = self.decide();
            self.decode_input(ready);
            self.ended = self.source_ended && self.input.is_empty();
        }
        Ok(())
    }

    fn read_on(&mut self) -> io::Result<()> {
        let read = (&mut self.source).take(PIECE_BYTES as u64).read_to_end(&mut self.input)?;
        self.source_ended = read < PIECE_BYTES;
        Ok(())
    }

    /// Chooses the encoding if the input tells it; returns how many bytes of the input can be decoded.
    fn decide(&mut self) -> usize {
        if self.decoder.is_some() {
            return self.input.len();
        }
        let choice = match Encoding::for_bom(&self.input) {
            Some((encoding, mark)) if self.encoding.is_none() => {
                self.input.drain(..mark);
                Some((encoding, with_mark(encoding)))
            }
            _ => utf16_without_mark(&self.input)
                .filter(|_| self.encoding.is_none())
                .map(|encoding| (encoding, TextEncoding::Utf16))
                .or_else(|| self.guess()),
        };
        match choice {
            Some((encoding, name)) => {
                self.encoding = Some(name);
                self.decoder = Some(encoding.new_decoder_without_bom_handling());
                self.input.len()
            }
            None => {
                self.encoding = Some(TextEncoding::Utf8);
                ascii_len(&self.input)
            }
        }
    }

    fn guess(&self) -> Option<(&'static Encoding, TextEncoding)> {
        let strange = self.input.len() - ascii_len(&self.input);
        if strange == 0 || (strange < LONGEST_CHARACTER && !self.source_ended) {
            return None;
        }
        Some(if is_mostly_utf8(&self.input) {
            (UTF_8, TextEncoding::Utf8)
        } else {
            (GB18030, TextEncoding::Gb18030)
        })
    }

    fn decode_input(&mut self, ready: usize) {
        let Some(decoder) = &mut self.decoder else {
            self.output.extend(self.input.drain(..ready));
            return;
        };
        let room = decoder.max_utf8_buffer_length(ready).unwrap_or(ready * 3 + 16);
        self.output.resize(room, 0);
        let (result, _, written, _) =
            decoder.decode_to_utf8(&self.input[..ready], &mut self.output, self.source_ended);
        debug_assert_eq!(result, CoderResult::InputEmpty, "the room was asked for");
        self.output.truncate(written);
        self.input.clear();
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.handed == self.output.len() {
            self.advance()?;
        }
        let piece = &self.output[self.handed..];
        let len = piece.len().min(buffer.len());
        buffer[..len].copy_from_slice(&piece[..len]);
        self.handed += len;
        Ok(len)
    }
}

/// Returns whether `bytes` begin text in UTF-16: with its byte order mark, or with letters of ASCII in it.
pub fn is_utf16(bytes: &[u8]) -> bool {
    let marked = matches!(Encoding::for_bom(bytes), Some((encoding, _)) if encoding != UTF_8);
    marked || utf16_without_mark(bytes).is_some()
}

/// Programs on Windows leave the mark out at times: JSON and most headers begin with ASCII.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t');
    match bytes.first_chunk()? {
        [first, 0, second, 0] if plain(first) && plain(second) => Some(UTF_16LE),
        [0, first, 0, second] if plain(first) && plain(second) => Some(UTF_16BE),
        _ => None,
    }
}

/// Returns whether `bytes`, the beginning of a file, are text in GB18030 and in nothing else: a few damaged
/// bytes in UTF-8 are not enough.
pub fn is_gb18030(bytes: &[u8]) -> bool {
    if std::str::from_utf8(bytes).is_ok() || is_mostly_utf8(bytes) {
        return false;
    }
    let mut text = String::with_capacity(bytes.len() * 2);
    // The last character may be cut in two.
    let (_, _, damaged) =
        GB18030.new_decoder_without_bom_handling().decode_to_string(bytes, &mut text, false);
    let is_chinese =
        |c: &char| matches!(c, '\u{3000}'..='\u{303f}' | '\u{4e00}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}');
    let (chinese, foreign) =
        (text.chars().filter(is_chinese).count(), text.chars().filter(|c| !c.is_ascii()).count());
    !damaged && chinese >= FEWEST_CHINESE && chinese * 2 > foreign
}

fn with_mark(encoding: &'static Encoding) -> TextEncoding {
    if encoding == UTF_16LE || encoding == UTF_16BE { TextEncoding::Utf16 } else { TextEncoding::Utf8Bom }
}

fn ascii_len(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len())
}

/// Returns whether the bytes beyond ASCII are characters of UTF-8, but for a few cut or foreign ones.
/// Of GB18030 read as UTF-8 more than half is damage.
fn is_mostly_utf8(bytes: &[u8]) -> bool {
    let (mut characters, mut damages) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        characters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        damages += usize::from(!chunk.invalid().is_empty());
    }
    damages * 2 <= characters
}

/// Fewer characters may be damage that happens to look like text.
const FEWEST_CHINESE: usize = 4;

/// Read and decoded at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Fewer strange bytes than this may be one character cut in two.
const LONGEST_CHARACTER: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_then_utf8_then_gb18030_decides() {
        // (bytes, text, encoding)
        let utf16: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("优惠".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let gb = GB18030.encode("优惠，打折").0.into_owned();
        let cases: [(&[u8], &str, TextEncoding); 5] = [
            (b"", "", TextEncoding::Utf8),
            ("优惠".as_bytes(), "优惠", TextEncoding::Utf8),
            ("\u{feff}优惠".as_bytes(), "优惠", TextEncoding::Utf8Bom),
            (&utf16, "优惠", TextEncoding::Utf16),
            (&gb, "优惠，打折", TextEncoding::Gb18030),
        ];
        for (bytes, text, encoding) in cases {
            assert_eq!(decode(bytes), (Cow::Borrowed(text), encoding), "{text}");
        }
    }

    /// The text and its encoding, read in pieces of `piece` bytes.
    fn transcoded(bytes: &[u8], piece: usize) -> (String, TextEncoding) {
        let mut reader = Transcoder::new(bytes);
        let (mut text, mut buffer) = (Vec::new(), vec![0; piece]);
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            text.extend_from_slice(&buffer[..read]);
        }
        (String::from_utf8(text).expect("always UTF-8"), reader.encoding())
    }

    #[test]
    fn archives_in_every_encoding_are_read_piece_by_piece() {
        let text = "发件人,内容\n甲,多少钱😀\n".to_owned() + &"a,b\n".repeat(30_000) + "乙,便宜点\n";
        let utf16 = |text: &str, mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect()
        };
        let late = "a,b\n".repeat(40_000) + "甲,多少钱\n";
        let cases: Vec<(Vec<u8>, &str, TextEncoding)> = vec![
            (Vec::new(), "", TextEncoding::Utf8),
            (b"plain".to_vec(), "plain", TextEncoding::Utf8),
            (text.clone().into_bytes(), &text, TextEncoding::Utf8),
            (format!("\u{feff}{text}").into_bytes(), &text, TextEncoding::Utf8Bom),
            (GB18030.encode(&text).0.into_owned(), &text, TextEncoding::Gb18030),
            (GB18030.encode(&late).0.into_owned(), &late, TextEncoding::Gb18030),
            (late.clone().into_bytes(), &late, TextEncoding::Utf8),
            (utf16(&text, [0xff, 0xfe], u16::to_le_bytes), &text, TextEncoding::Utf16),
            (utf16(&text, [0xfe, 0xff], u16::to_be_bytes), &text, TextEncoding::Utf16),
        ];
        for (bytes, text, encoding) in cases {
            for piece in [1, 7, 100_000] {
                let (read, found) = transcoded(&bytes, piece);
                assert!(read == text, "{encoding:?}, pieces of {piece}");
                assert_eq!(found, encoding);
            }
        }
    }

    #[test]
    fn text_without_a_mark_is_told_by_its_beginning() {
        let json = "{\"text\":\"多少钱，便宜点\"}\n";
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { json.encode_utf16().flat_map(bytes).collect() };
        let gb = GB18030.encode(json).0.into_owned();
        let mut damaged = "{\"text\":\"好\"}".as_bytes().to_vec();
        damaged[10] = 0xff;
        for (bytes, is_16, is_gb) in [
            (utf16(u16::to_le_bytes), true, false),
            (utf16(u16::to_be_bytes), true, false),
            (gb.clone(), false, true),
            (gb[..gb.len() - 5].to_vec(), false, true),
            (json.as_bytes().to_vec(), false, false),
            (damaged, false, false),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe\x80".to_vec(), false, false),
            (Vec::new(), false, false),
        ] {
            assert_eq!(
                (is_utf16(&bytes), is_gb18030(&bytes)),
                (is_16, is_gb),
                "{}",
                String::from_utf8_lossy(&bytes)
            );
            if is_16 {
                assert_eq!(transcoded(&bytes, 7), (json.to_owned(), TextEncoding::Utf16));
            }
        }
    }

    #[test]
    fn a_few_damaged_bytes_do_not_turn_utf8_into_another_encoding() {
        let mut bytes = "多少钱，便宜点，有没有优惠呢".as_bytes().to_vec();
        bytes[3] = 0xff;
        let (text, encoding) = transcoded(&bytes, 64);
        assert_eq!(encoding, TextEncoding::Utf8);
        assert!(text.starts_with("多\u{fffd}"), "{text}");
    }
}
