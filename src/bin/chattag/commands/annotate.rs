//! `chattag annotate`: texts in, one JSON line out per text.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use chattag::annotate::{AdHocTerm, Speaker, Text, TextAnnotator};
use chattag::error::Error;
use chattag::telling::Said;
use chattag::{diagnostic, lexicon};
use serde_json::{Map, Value};

use crate::Status;
use crate::args::{AnnotateArgs, SpeakerArg, TextFormat};
use crate::console::Console;

/// Annotates all texts of the input, in order.
pub fn run(args: &AnnotateArgs, console: &Console) -> anyhow::Result<Status> {
    let bundle = super::load_sound(&args.dictionaries, console)?;
    let speaker = match args.role {
        SpeakerArg::Customer => Speaker::Customer,
        SpeakerArg::Staff => Speaker::Staff,
        SpeakerArg::Member => Speaker::Member,
    };
    let at = args.at.as_deref().map(|text| super::local_time(text, &bundle.rules.pack.zone)).transpose()?;
    let annotator = TextAnnotator::new(&bundle, speaker, at.unwrap_or_else(super::this_instant));
    let annotator = match &args.lexicon {
        Some(path) => annotator.with_lexicon(read_lexicon(path)?),
        None => annotator,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut input = open(&args.input)?;
    let format = resolve_format(args, input.fill_buf()?);
    let mut texts = texts(args, format, input)?;
    loop {
        let batch = texts.by_ref().take(BATCH).collect::<anyhow::Result<Vec<Text>>>()?;
        if batch.is_empty() {
            break;
        }
        for annotation in annotator.annotate_all(&batch) {
            serde_json::to_writer(&mut out, &annotation)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(Status::Fine)
}

/// Reads the only term list to use; its errors stop the command.
fn read_lexicon(path: &Path) -> anyhow::Result<lexicon::Lexicon> {
    let bytes = super::read_file(path)?;
    let (lexicon, findings) = lexicon::parse(&path.to_string_lossy(), &bytes);
    if diagnostic::has_errors(&findings) {
        return Err(Error::unusable(path, findings).into());
    }
    Ok(lexicon)
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = File::open(path).map_err(|source| Error::read(path, source))?;
    Ok(Box::new(BufReader::new(file)))
}

/// The format asked for; else by the file's name; else JSONL when the input begins with `{`.
fn resolve_format(args: &AnnotateArgs, start: &[u8]) -> TextFormat {
    let extension = args.input.extension().and_then(|extension| extension.to_str());
    match (args.format, extension) {
        (Some(format), _) => format,
        (None, Some("csv")) => TextFormat::Csv,
        (None, Some("jsonl" | "ndjson")) => TextFormat::Jsonl,
        _ if start.trim_ascii_start().starts_with(b"{") => TextFormat::Jsonl,
        _ => TextFormat::Text,
    }
}

type Texts<'a> = Box<dyn Iterator<Item = anyhow::Result<Text>> + 'a>;

fn texts<'a>(
    args: &'a AnnotateArgs,
    format: TextFormat,
    input: Box<dyn BufRead>,
) -> anyhow::Result<Texts<'a>> {
    match format {
        TextFormat::Text => Ok(Box::new(input.lines().enumerate().map(|(number, line)| {
            let text = line.map_err(|error| at_line(number + 1, error))?;
            Ok(Text { id: (number + 1).to_string(), text, terms: None })
        }))),
        TextFormat::Jsonl => Ok(Box::new(numbered_lines(input).map(move |(number, line)| {
            Ok(json_text(args, number, &line?).map_err(|error| at_line(number, error))?)
        }))),
        TextFormat::Csv => csv_texts(args, input),
    }
}

/// Says in which line of the input it went wrong.
fn at_line(number: usize, cause: impl Into<anyhow::Error>) -> Said {
    let line = Said::new(format!("第 {number} 行"), format!("line {number}"));
    match cause.into().downcast::<Said>() {
        Ok(said) => line.because(said),
        Err(other) => line.because(other),
    }
}

/// Lines that are not blank, with their numbers from 1.
fn numbered_lines(input: Box<dyn BufRead>) -> impl Iterator<Item = (usize, std::io::Result<String>)> {
    let lines = input.lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.filter(|(_, line)| !line.as_ref().is_ok_and(|line| line.trim().is_empty()))
}

fn json_text(args: &AnnotateArgs, number: usize, line: &str) -> anyhow::Result<Text> {
    let object: Map<String, Value> =
        serde_json::from_str(line.trim_start_matches('\u{feff}')).map_err(|error| {
            Said::new("应为一行一个 JSON 对象", "expected one JSON object a line").because(error)
        })?;
    let Some(Value::String(text)) = object.get(&args.text_field) else {
        let field = &args.text_field;
        return Err(super::said(
            format!("没有文本字段 `{field}`：用 --text-field 指明"),
            format!("no text field `{field}`: name it with --text-field"),
        ));
    };
    let id = match object.get(&args.id_field) {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Null) | None => number.to_string(),
        Some(other) => other.to_string(),
    };
    let terms = args.terms_field.as_ref().map(|field| ad_hoc_terms(object.get(field), field)).transpose()?;
    Ok(Text { id, text: text.clone(), terms })
}

/// Reads `["词", {"term": "词", "unless": ["更长的词"]}]`.
fn ad_hoc_terms(value: Option<&Value>, field: &str) -> anyhow::Result<Vec<AdHocTerm>> {
    let Some(Value::Array(items)) = value else {
        const SHAPE: &str = "[\"词\", {\"term\": \"词\", \"unless\": […]}]";
        return Err(super::said(
            format!("字段 `{field}` 不是词条的数组：应为 {SHAPE}"),
            format!("field `{field}` is no list of terms: expected {SHAPE}"),
        ));
    };
    Ok(items.iter().filter_map(ad_hoc_term).collect())
}

/// A term, or something to detect (`{"detector": "phone"}`); `None` for anything else.
fn ad_hoc_term(item: &Value) -> Option<AdHocTerm> {
    if let Value::String(term) = item {
        return Some(AdHocTerm { term: term.clone(), ..AdHocTerm::default() });
    }
    let detector = item.get("detector").and_then(Value::as_str);
    let named = item.get("term").and_then(Value::as_str).or(detector)?;
    let detector = detector.and_then(lexicon::Detector::named);
    let term = named.to_owned();
    let unless = item.get("unless").and_then(Value::as_array).into_iter().flatten();
    let negation = match item.get("neg").and_then(Value::as_str) {
        Some("flip") => lexicon::NegationPolicy::Flip,
        Some("drop") => lexicon::NegationPolicy::Drop,
        _ => lexicon::NegationPolicy::Ignore,
    };
    Some(AdHocTerm {
        term,
        detector,
        negation,
        unless: unless.filter_map(|phrase| phrase.as_str().map(str::to_owned)).collect(),
    })
}

fn csv_texts<'a>(args: &'a AnnotateArgs, mut input: Box<dyn BufRead>) -> anyhow::Result<Texts<'a>> {
    if args.terms_field.is_some() {
        return Err(super::said("--terms-field 只能用于 JSONL 输入", "--terms-field needs JSONL input"));
    }
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let (decoded, _) = lexicon::decode(&bytes);
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).from_reader(std::io::Cursor::new(decoded.into_owned()));
    let header = reader.headers()?.clone();
    let Some(text_at) = header.iter().position(|name| name == args.text_field) else {
        let names = header.iter().collect::<Vec<_>>().join(", ");
        let field = &args.text_field;
        return Err(super::said(
            format!("没有列 `{field}`：有 {names}；用 --text-field 指明"),
            format!("no column `{field}`: the columns are {names}; name one with --text-field"),
        ));
    };
    let id_at = header.iter().position(|name| name == args.id_field);
    Ok(Box::new(reader.into_records().enumerate().map(move |(number, record)| {
        let record = record.map_err(|error| {
            let row = number + 1;
            Said::new(format!("第 {row} 行"), format!("row {row}")).because(error)
        })?;
        let id = id_at.and_then(|at| record.get(at)).map_or_else(|| (number + 1).to_string(), str::to_owned);
        Ok(Text { id, text: record.get(text_at).unwrap_or_default().to_owned(), terms: None })
    })))
}

/// Texts annotated together: enough for all threads, little enough to answer soon.
const BATCH: usize = 4_096;
