use std::io::{self, BufRead as _, BufReader, Read};

use super::event::RECORD_BYTES;

/// Reads a segment line by line in bounded memory, whatever is in it.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    offset: u64,
}

/// A line without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// The file ends before the line does.
    Unfinished(&'a [u8]),
    /// No record is that long. What follows of it comes as the next line.
    TooLong,
}

const BUFFER: usize = 256 * 1024;

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER, reader), line: Vec::with_capacity(1024), offset: 0 }
    }

    /// The place where the next line begins.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let most = RECORD_BYTES as u64 + 1;
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        self.offset += read as u64;
        if read == 0 {
            return Ok(None);
        }
        Ok(Some(match self.line.split_last() {
            Some((b'\n', line)) => Line::Whole(line),
            _ if read as u64 == most => Line::TooLong,
            _ => Line::Unfinished(&self.line),
        }))
    }
}
