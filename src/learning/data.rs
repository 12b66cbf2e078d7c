//! Reads labelled texts: JSONL or CSV, plain or gzip.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};

use crate::archive::own_words;
use crate::error::Error;
use crate::lexicon;

/// Which fields hold what.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fields {
    /// The text.
    pub text: String,
    /// The label: a number, `true` or `false`; empty: there is none.
    pub label: String,
    /// From which number on the label holds.
    pub at_least: u32,
    /// What figures are reported by.
    pub source: String,
    /// The id.
    pub id: String,
}

/// A text with its label.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// The id, or the line's number.
    pub id: String,
    /// The text without what it quotes: what a run would look at.
    pub text: String,
    /// What figures are reported by; empty when the field is missing.
    pub source: String,
    /// The label holds; `None` when the field is missing or empty.
    pub there: Option<bool>,
}

/// Reads all texts of `path`; lines without a text are left out.
///
/// # Errors
///
/// Returns an error when the file cannot be read or is neither JSONL nor CSV with the text's column.
pub fn read(path: &Path, fields: &Fields) -> Result<Vec<Labelled>, Error> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    let packed = path.extension().is_some_and(|ending| ending == "gz");
    let reader: Box<dyn Read> = if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut reader = BufReader::new(reader);
    let start = reader.fill_buf().map_err(|error| Error::read(path, error))?;
    let is_json = start.trim_ascii_start().starts_with(b"{");
    if is_json { read_json(path, reader, fields) } else { read_csv(path, reader, fields) }
}

fn read_json(path: &Path, reader: impl BufRead, fields: &Fields) -> Result<Vec<Labelled>, Error> {
    let mut texts = Vec::new();
    for (number, line) in (1..).zip(reader.lines()) {
        let line = line.map_err(|error| Error::read(path, error))?;
        if line.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(&line).map_err(|_| {
            Error::argument(
                "line of JSONL",
                &format!("{}:{number}", path.display()),
                "one JSON object a line",
            )
        })?;
        let text = |name: &str| match object.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        texts.push(labelled(number, text, fields));
    }
    Ok(with_text(texts))
}

fn read_csv(path: &Path, mut reader: impl Read, fields: &Fields) -> Result<Vec<Labelled>, Error> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| Error::read(path, error))?;
    let (decoded, _) = lexicon::decode(&bytes);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(decoded.as_bytes());
    let bad = |_| Error::argument("CSV file", &path.display().to_string(), "rows of cells under a header");
    let header = reader.headers().map_err(bad)?.clone();
    let column = |name: &str| header.iter().position(|title| title.trim() == name);
    if column(&fields.text).is_none() {
        let titles = header.iter().collect::<Vec<_>>().join(", ");
        return Err(Error::argument("header", &titles, "a column with the text; name it with --text-field"));
    }
    let mut texts = Vec::new();
    for (number, row) in (2..).zip(reader.records()) {
        let row = row.map_err(bad)?;
        let text = |name: &str| column(name).and_then(|at| row.get(at)).unwrap_or_default().to_owned();
        texts.push(labelled(number, text, fields));
    }
    Ok(with_text(texts))
}

fn labelled(number: usize, text: impl Fn(&str) -> String, fields: &Fields) -> Labelled {
    let id = text(&fields.id);
    Labelled {
        id: if id.is_empty() { number.to_string() } else { id },
        text: text(&fields.text),
        source: text(&fields.source),
        there: holds(text(&fields.label).trim(), fields.at_least),
    }
}

/// Returns whether a label's cell says that it holds.
fn holds(cell: &str, at_least: u32) -> Option<bool> {
    match cell {
        "" => None,
        "true" | "是" => Some(true),
        "false" | "否" => Some(false),
        number => number.parse::<f64>().ok().map(|number| number >= f64::from(at_least)),
    }
}

/// Leaves out empty texts, and of the others what they quote.
fn with_text(mut texts: Vec<Labelled>) -> Vec<Labelled> {
    texts.retain(|labelled| !labelled.text.trim().is_empty());
    for labelled in &mut texts {
        labelled.text = labelled.text[own_words(&labelled.text)].to_owned();
    }
    texts
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn fields() -> Fields {
        let [text, label, source, id] = ["text", "y", "src", "id"].map(str::to_owned);
        Fields { text, label, at_least: 1, source, id }
    }

    fn read_bytes(name: &str, bytes: &[u8]) -> Result<Vec<Labelled>, Error> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        read(&path, &fields())
    }

    #[test]
    fn json_and_csv_plain_and_packed_say_the_same() {
        let json = "{\"text\":\"太贵\",\"y\":2,\"src\":\"a\"}\n\n{\"text\":\"好\",\"y\":false}\n{\"y\":1}\n";
        let csv = "src,text,y\na,太贵,2\n,好,否\n,,1\n";
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(json.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        let files: [(&str, &[u8]); 3] =
            [("x.jsonl", json.as_bytes()), ("x.csv", csv.as_bytes()), ("x.jsonl.gz", &packed)];
        for (name, bytes) in files {
            let texts = read_bytes(name, bytes).unwrap();
            let seen: Vec<_> =
                texts.iter().map(|text| (text.text.as_str(), text.source.as_str(), text.there)).collect();
            assert_eq!(seen, [("太贵", "a", Some(true)), ("好", "", Some(false))], "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (bytes, reason) in [("{\"text\":1", "one JSON object a line"), ("内容,y\n好,1\n", "--text-field")]
        {
            let error = read_bytes("x", bytes.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn what_a_reply_quotes_is_not_what_it_says() {
        let line = r#"{"text":"这是一条引用/回复消息：\n\"小王：\n我要投诉\"\n------\n好的，谢谢","y":0}"#;
        let texts = read_bytes("a.jsonl", line.as_bytes()).unwrap();
        assert_eq!(texts[0].text, "好的，谢谢");
    }
}
