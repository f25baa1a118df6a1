//! Comma-separated values: one example a line, with or without a header, one column of labels.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use ::csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use super::Options;
use super::error::{DataError, clean, nearest, show};
use super::input::{self, Input, malformed};
use super::part::{Labels, Part, label_from_text};

/// A line may not be longer, so that a file without line ends does not fill the memory.
const LONGEST_LINE: u64 = 16 << 20;
/// The most classes that labels may name.
const MOST_CLASSES: usize = 65_536;

/// Reads a file of examples.
pub(super) fn read(path: &Path, options: &Options) -> Result<Part, DataError> {
    let mut lines = Lines::open(path)?;
    if !lines.next()? {
        return Err(DataError::Empty { file: show(path), what: "only blank lines" });
    }
    let layout = Layout::of(&lines.record, options.label.as_deref(), path)?;
    let mut values: Vec<f32> = Vec::new();
    let mut labels = Interned::default();
    let mut more = if layout.header.is_some() { lines.next()? } else { true };
    let mut rows = 0;
    while more {
        layout.read(&lines, &mut values, &mut labels)?;
        rows += 1;
        let needed = 4 * values.len() as u64;
        if needed > options.max_bytes {
            let (file, cap) = (show(path), options.max_bytes);
            return Err(DataError::TooLarge { file, needed, cap });
        }
        more = lines.next()?;
    }
    if rows == 0 {
        return Err(DataError::Empty { file: show(path), what: "a header and no line after it" });
    }
    Ok(Part {
        file: path.into(),
        rows,
        columns: values.len() / rows,
        values,
        bytes: false,
        image: None,
        labels: layout.label.map(|_| Labels { ids: labels.ids, names: Some(labels.names) }),
    })
}

/// The lines of a file, one at a time.
struct Lines<'a> {
    path: &'a Path,
    reader: Reader<Guard>,
    /// Bytes read since the last line was complete.
    pending: Rc<Cell<u64>>,
    record: ByteRecord,
}

impl<'a> Lines<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let pending = Rc::new(Cell::new(0));
        let guard = Guard { input: Input::open(path)?, pending: Rc::clone(&pending), ended: false };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(guard);
        Ok(Self { path, reader, pending, record: ByteRecord::new() })
    }

    /// Goes to the next line that is not blank; false at the end.
    fn next(&mut self) -> Result<bool, DataError> {
        loop {
            self.pending.set(0);
            let read = self.reader.read_byte_record(&mut self.record);
            let read = read.map_err(|error| input::unreadable(self.path, &error))?;
            let blank = self.record.len() == 1 && self.record[0].trim_ascii().is_empty();
            if !read || !blank {
                return Ok(read);
            }
        }
    }

    /// The line's number, counted from 1. The record's own position is before blank lines.
    fn number(&self) -> u64 {
        self.reader.position().line().saturating_sub(1)
    }
}

/// Fails where a line is too long, and ends the last line if the file does not.
struct Guard {
    input: Input,
    pending: Rc<Cell<u64>>,
    ended: bool,
}

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.pending.set(self.pending.get() + read as u64);
        if self.pending.get() > LONGEST_LINE {
            let mib = LONGEST_LINE >> 20;
            return Err(io::Error::other(format!("a line is longer than {mib} MiB; is it text?")));
        }
        if read == 0 && !self.ended && !buffer.is_empty() {
            self.ended = true;
            buffer[0] = b'\n';
            return Ok(1);
        }
        Ok(read)
    }
}

/// What the columns are.
struct Layout {
    header: Option<Vec<String>>,
    width: usize,
    label: Option<usize>,
}

impl Layout {
    /// Reads the first line. It is a header if a cell outside the label column is no number.
    fn of(first: &ByteRecord, label: Option<&str>, path: &Path) -> Result<Self, DataError> {
        let width = first.len();
        if matches!(first.get(0), Some([0xff, 0xfe, ..] | [0xfe, 0xff, ..])) {
            let advice = "save the file as UTF-8";
            return Err(malformed(path, "the encoding", "UTF-16", "UTF-8", advice));
        }
        let cells: Vec<String> =
            first.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
        let place = label.and_then(|label| position(label, width));
        let number = |cell: &String| cell.parse::<f32>().is_ok();
        let header = cells.iter().enumerate().any(|(i, cell)| Some(i) != place && !number(cell));
        let named = label.and_then(|label| cells.iter().position(|cell| header && cell == label));
        if let (Some(label), None) = (label, named.or(place)) {
            return Err(DataError::UnknownLabel {
                file: show(path),
                label: clean(label),
                suggestion: nearest(label, cells.iter().filter(|_| header).map(String::as_str)),
                columns: if header {
                    format!("its columns: {}", clean(&cells.join(", ")))
                } else {
                    format!("it has no header; give a position from 0 to {}", width - 1)
                },
            });
        }
        let label = named.or(place);
        if width == usize::from(label.is_some()) {
            return Err(DataError::Empty { file: show(path), what: "no column beside the labels" });
        }
        Ok(Self { header: header.then_some(cells), width, label })
    }

    /// Reads a line of data.
    fn read(
        &self,
        lines: &Lines<'_>,
        values: &mut Vec<f32>,
        labels: &mut Interned,
    ) -> Result<(), DataError> {
        let line = lines.number();
        if lines.record.len() != self.width {
            return Err(malformed(
                lines.path,
                format!("the number of cells in line {line}"),
                lines.record.len().to_string(),
                format!("{}, as in the first line", self.width),
                "separate cells by commas, and complete or remove the line",
            ));
        }
        for (index, cell) in lines.record.iter().enumerate() {
            let text = std::str::from_utf8(cell).map_or("", str::trim);
            let wanted = if self.label == Some(index) {
                if labels.push(text) {
                    continue;
                }
                "a class: a word, or a whole number from 0 to 65535"
            } else {
                match text.parse::<f32>() {
                    Ok(value) if value.is_finite() => {
                        values.push(value);
                        continue;
                    }
                    _ => "a finite number (if this is the label column, say so)",
                }
            };
            let name = self.header.as_ref().map(|header| format!(", '{}'", clean(&header[index])));
            return Err(DataError::Cell {
                file: show(lines.path),
                place: format!(
                    "line {line}, column {index} (counted from 0{})",
                    name.unwrap_or_default()
                ),
                found: format!("'{}'", clean(&String::from_utf8_lossy(cell))),
                wanted,
            });
        }
        Ok(())
    }
}

/// The column that a position means.
fn position(label: &str, width: usize) -> Option<usize> {
    let place: i64 = label.trim().parse().ok()?;
    let width = i64::try_from(width).ok()?;
    let place = if place < 0 { place + width } else { place };
    (0..width).contains(&place).then_some(place as usize)
}

/// Labels as text, each distinct one kept once.
#[derive(Default)]
struct Interned {
    ids: Vec<u32>,
    names: Vec<String>,
    places: HashMap<String, u32>,
}

impl Interned {
    /// False if the text is no class: empty, a number that is none, or one class too many.
    fn push(&mut self, text: &str) -> bool {
        if let Some(&id) = self.places.get(text) {
            self.ids.push(id);
            return true;
        }
        let number = text.parse::<f64>().is_ok();
        let bad_number = number && label_from_text(text).is_none();
        if text.is_empty() || bad_number || self.names.len() == MOST_CLASSES {
            return false;
        }
        let id = self.names.len() as u32;
        self.names.push(text.to_owned());
        self.places.insert(text.to_owned(), id);
        self.ids.push(id);
        true
    }
}
