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
    /// From here to the end of the file there are only so many line ends: space that was taken ahead.
    Space(u64),
}

/// The file that is written to grows by about so much at once, filled with line ends up to a whole block: a sync of what
/// is then written over them has no size to make last as well.
pub(super) const AHEAD: u64 = 256 * 1024;
pub(super) const BLOCK: u64 = 4096;

const BUFFER: usize = 256 * 1024;

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self::at(reader, 0)
    }

    /// What is read begins at this place of the file.
    pub(super) fn at(reader: R, offset: u64) -> Self {
        Self { reader: BufReader::with_capacity(BUFFER, reader), line: Vec::with_capacity(1024), offset }
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
        if self.line == b"\n" {
            let (more, ends) = self.line_ends()?;
            self.offset += more;
            return Ok(Some(if ends { Line::Space(more + 1) } else { Line::Whole(b"") }));
        }
        Ok(Some(match self.line.split_last() {
            Some((b'\n', line)) => Line::Whole(line),
            _ if read as u64 == most => Line::TooLong,
            _ => Line::Unfinished(&self.line),
        }))
    }

    /// Passes over line ends; says how many there were, and whether nothing else follows.
    fn line_ends(&mut self) -> io::Result<(u64, bool)> {
        let mut passed = 0;
        loop {
            let there = self.reader.fill_buf()?;
            let ends = there.iter().take_while(|byte| **byte == b'\n').count();
            let (at_end, other) = (there.is_empty(), ends < there.len());
            self.reader.consume(ends);
            passed += ends as u64;
            if at_end || other {
                return Ok((passed, at_end));
            }
        }
    }
}
