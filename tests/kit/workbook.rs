//! Writes the smallest workbooks that spreadsheet programs open.

use std::io::{Cursor, Write};

use serde_json::Value;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Returns the bytes of a workbook: numbers stay numbers, all else becomes text; null is an empty cell.
pub fn workbook(sheets: &[(&str, Vec<Vec<Value>>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut part = |name: &str, body: String| {
        zip.start_file(name, SimpleFileOptions::default()).expect("memory takes everything");
        zip.write_all(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{body}").as_bytes())
            .expect("memory takes everything");
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    part(
        "[Content_Types].xml",
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"xml\" \
         ContentType=\"application/xml\"/></Types>"
            .into(),
    );
    part(
        "_rels/.rels",
        format!(
            "<Relationships xmlns=\"{relations}\"><Relationship Id=\"r1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    let numbered = || sheets.iter().zip(1..);
    let listed: String = numbered()
        .map(|((name, _), n)| format!("<sheet name=\"{name}\" sheetId=\"{n}\" r:id=\"r{n}\"/>"))
        .collect();
    part(
        "xl/workbook.xml",
        format!("<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets>{listed}</sheets></workbook>"),
    );
    let targets: String = numbered()
        .map(|(_, n)| {
            format!(
                "<Relationship Id=\"r{n}\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>"
            )
        })
        .collect();
    part(
        "xl/_rels/workbook.xml.rels",
        format!("<Relationships xmlns=\"{relations}\">{targets}</Relationships>"),
    );
    for ((_, rows), n) in numbered() {
        let rows: String = rows.iter().zip(1..).map(|(cells, row)| row_xml(cells, row)).collect();
        part(
            &format!("xl/worksheets/sheet{n}.xml"),
            format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
        );
    }
    zip.finish().expect("memory takes everything").into_inner()
}

fn row_xml(cells: &[Value], row: u32) -> String {
    let cells: String =
        cells.iter().zip(b'A'..).map(|(cell, column)| cell_xml(cell, column as char, row)).collect();
    format!("<row r=\"{row}\">{cells}</row>")
}

fn cell_xml(cell: &Value, column: char, row: u32) -> String {
    match cell {
        Value::Null => String::new(),
        Value::Number(number) => format!("<c r=\"{column}{row}\"><v>{number}</v></c>"),
        other => {
            let text = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            format!(
                "<c r=\"{column}{row}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>"
            )
        }
    }
}
