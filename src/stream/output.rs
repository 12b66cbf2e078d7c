//! What leaves a stream at once: decisions, records that came too late, records that cannot be read.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::decider::Late;
use crate::archive::FileReport;
use crate::batch::collect::Fault;
use crate::time::Timestamp;
use crate::verdict::Row;
use crate::writer::{Context, JsonLines, instant, write_line};

/// The lines of a stream on their way to `out`.
pub struct Output<'o> {
    out: &'o mut (dyn Write + Send),
    lines: JsonLines,
    buffer: Vec<u8>,
}

impl<'o> Output<'o> {
    /// Writes to `out`.
    pub fn new(out: &'o mut (dyn Write + Send)) -> Output<'o> {
        Output { out, lines: JsonLines::default(), buffer: Vec::new() }
    }

    /// Writes decisions in the order of their time. The rows of one key come in the order they were decided.
    pub fn decisions(&mut self, rows: &mut [Row], context: &Context<'_>) {
        rows.sort_by_key(|row| row.at);
        self.lines.write(rows, context, &mut self.buffer);
    }

    /// Writes records that came too late.
    pub fn late(&mut self, late: &[Late], file: &FileReport) {
        for record in late {
            let columns = json!({
                "corp": record.corp,
                "msgid": record.id,
                "at": instant(record.at),
                "watermark": instant(record.watermark),
                "file": file.path.to_string_lossy(),
            });
            self.line("late", columns);
        }
    }

    /// Writes what is known of records that cannot be read; their text is not among it.
    pub fn quarantine(&mut self, faults: &[Fault], file: &FileReport) {
        for fault in faults {
            let columns = json!({
                "file": file.path.to_string_lossy(),
                "line": file.line_of(&fault.origin),
                "offset": fault.origin.offset,
                "code": fault.code,
                "detail": fault.detail,
            });
            self.line("quarantine", columns);
        }
    }

    /// Sends off what was written.
    ///
    /// # Errors
    ///
    /// Whoever reads it went away.
    pub fn flush(&mut self, watermark: Option<Timestamp>) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.lines.forget_before(watermark.unwrap_or(Timestamp::MIN));
        self.out.flush()
    }

    fn line(&mut self, table: &str, columns: Value) {
        if let Value::Object(columns) = columns {
            write_line(table, columns.into_iter().collect::<Map<_, _>>(), &mut self.buffer);
        }
    }
}
