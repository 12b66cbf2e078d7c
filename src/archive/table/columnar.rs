//! Parquet and Arrow IPC, batch by batch.

use std::io::{BufReader, Cursor, Read, Seek};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Float64Type, Int64Type, SchemaRef, TimeUnit, TimestampMillisecondType,
    UInt64Type,
};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use serde_json::{Map, Value};

use super::{Columns, Input, Row, Sheet, TableKind, Visit, cell, damaged};
use crate::archive::record::RecordFault;

/// An open columnar table.
pub struct Columnar {
    batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
}

impl Columnar {
    /// Opens a table; its header is its schema.
    pub fn open(
        kind: TableKind,
        input: Input<'_>,
        columns: &Columns,
    ) -> Result<(Sheet, Columnar), RecordFault> {
        let (schema, batches) = match (kind, input) {
            (TableKind::Parquet, Input::File(file)) => parquet(file)?,
            (TableKind::Parquet, Input::Memory(bytes)) => parquet(Bytes::from(bytes))?,
            (_, Input::File(file)) => ipc(BufReader::new(file))?,
            (_, Input::Memory(bytes)) => ipc(Cursor::new(bytes))?,
            (_, Input::Stream(_)) => return Err(damaged("a columnar file must be read from any place")),
        };
        let header: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let fields = columns.fields_of(&header);
        Ok((Sheet { name: String::new(), header, fields, header_row: 0 }, Columnar { batches }))
    }

    /// Reads all rows.
    pub fn read(&mut self, sheet: &Sheet, visit: &mut Visit<'_>) -> Result<(), RecordFault> {
        let mut number = 0;
        for batch in &mut self.batches {
            let batch = batch.map_err(|_| damaged("a batch cannot be read"))?;
            let columns: Vec<ArrayRef> = batch.columns().iter().map(plain).collect();
            for at in 0..batch.num_rows() {
                number += 1;
                let mut cells: Vec<Value> = columns.iter().map(|column| value_at(column, at)).collect();
                cells.resize(sheet.header.len(), Value::Null);
                if visit(Ok(Row { number, cells })).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

type Opened = (SchemaRef, Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>);

fn parquet(source: impl ChunkReader + 'static) -> Result<Opened, RecordFault> {
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(source).map_err(|_| damaged("its footer cannot be read"))?;
    let schema = builder.schema().clone();
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|_| damaged("it cannot be read"))?;
    Ok((schema, Box::new(reader)))
}

fn ipc(mut source: impl Read + Seek + Send + 'static) -> Result<Opened, RecordFault> {
    let mut magic = [0; 6];
    let file = source.read_exact(&mut magic).is_ok() && &magic == b"ARROW1";
    source.rewind().map_err(|error| damaged(error.kind()))?;
    if file {
        let reader = FileReader::try_new(source, None).map_err(|_| damaged("its footer cannot be read"))?;
        return Ok((reader.schema(), Box::new(reader)));
    }
    let reader = StreamReader::try_new(source, None).map_err(|_| damaged("its schema cannot be read"))?;
    Ok((reader.schema(), Box::new(reader)))
}

/// Returns the column in one of the few types that [`value_at`] reads; a type that has no such form stays.
fn plain(column: &ArrayRef) -> ArrayRef {
    let to = match column.data_type() {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => DataType::Int64,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => DataType::UInt64,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::Utf8View
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => DataType::Utf8,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => DataType::Utf8,
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        _ => return column.clone(),
    };
    let cast = arrow::compute::cast(column, &to).unwrap_or_else(|_| column.clone());
    // Values of a dictionary have a type of their own to be made plain.
    if matches!(column.data_type(), DataType::Dictionary(..)) { plain(&cast) } else { cast }
}

fn value_at(column: &ArrayRef, at: usize) -> Value {
    if column.is_null(at) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Utf8 => cell::text(column.as_string::<i32>().value(at)),
        DataType::Int64 => Value::from(column.as_primitive::<Int64Type>().value(at)),
        DataType::UInt64 => Value::from(column.as_primitive::<UInt64Type>().value(at)),
        DataType::Float64 => cell::number(column.as_primitive::<Float64Type>().value(at)),
        DataType::Boolean => Value::from(column.as_boolean().value(at)),
        DataType::Date32 => cell::day(column.as_primitive::<Date32Type>().value(at)),
        DataType::Date64 => cell::local(column.as_primitive::<Date64Type>().value(at)),
        DataType::Timestamp(TimeUnit::Millisecond, zone) => {
            let at = column.as_primitive::<TimestampMillisecondType>().value(at);
            if zone.is_some() { Value::from(at) } else { cell::local(at) }
        }
        DataType::List(_) => items(&column.as_list::<i32>().value(at)),
        DataType::LargeList(_) => items(&column.as_list::<i64>().value(at)),
        DataType::Struct(_) => object(column, at),
        _ => Value::Null,
    }
}

fn items(values: &ArrayRef) -> Value {
    let values = plain(values);
    Value::Array((0..values.len()).map(|at| value_at(&values, at)).collect())
}

fn object(column: &ArrayRef, at: usize) -> Value {
    let structure = column.as_struct();
    let fields = structure.column_names().into_iter().zip(structure.columns());
    let fields = fields.map(|(name, values)| (name.to_owned(), value_at(&plain(&values.slice(at, 1)), 0)));
    Value::Object(fields.collect::<Map<String, Value>>())
}

/// Small batches: a row may be a message with a long text.
const BATCH_ROWS: usize = 1_024;
