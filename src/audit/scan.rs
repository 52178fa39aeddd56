use std::fmt;

use super::text::is_forbidden;

/// What is wrong with a line that should be a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRecord {
    NotUtf8,
    /// No JSON, or not the JSON of a record.
    NotARecord,
    /// JSON, but not as RFC 8785 writes it.
    NotCanonical,
    UnknownField,
    DuplicateField,
    MissingField,
    /// A value that this field cannot have.
    BadValue,
    /// A character that a writer would have escaped.
    BadText,
    TooLong,
    UnknownVersion,
}

impl BadRecord {
    pub const fn code(self) -> &'static str {
        match self {
            BadRecord::NotUtf8 => "not_utf8",
            BadRecord::NotARecord => "not_a_record",
            BadRecord::NotCanonical => "not_canonical",
            BadRecord::UnknownField => "unknown_field",
            BadRecord::DuplicateField => "duplicate_field",
            BadRecord::MissingField => "missing_field",
            BadRecord::BadValue => "bad_value",
            BadRecord::BadText => "bad_text",
            BadRecord::TooLong => "too_long",
            BadRecord::UnknownVersion => "unknown_version",
        }
    }
}

impl std::error::Error for BadRecord {}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a line of the log is no record as it was written: {}", self.code())
    }
}

/// Text as it stands between its quotes: only quotes and backslashes are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoted<'a>(pub(super) &'a str);

impl Quoted<'_> {
    /// The text itself.
    pub fn text(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        let mut escaped = false;
        for c in self.0.chars() {
            escaped = c == '\\' && !escaped;
            if !escaped {
                out.push(c);
            }
        }
        out
    }

    /// As it stands in the line.
    pub const fn raw(&self) -> &str {
        self.0
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        if self.0.contains('\\') || other.0.contains('\\') {
            return self.text().cmp(&other.text());
        }
        self.0.cmp(other.0)
    }

    pub fn is(&self, text: &str) -> bool {
        if self.0.contains('\\') { self.text() == text } else { self.0 == text }
    }
}

/// Reads canonical JSON of the kind that records are made of: texts, whole numbers, flags, lists, maps.
/// It goes over each byte once.
pub(super) struct Scan<'a> {
    line: &'a str,
    at: usize,
}

type Scanned<T> = Result<T, BadRecord>;

impl<'a> Scan<'a> {
    pub(super) const fn new(line: &'a str) -> Self {
        Self { line, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    /// What would be JSON if it were not for white space is told apart from what is none.
    pub(super) fn wrong(&self) -> BadRecord {
        match self.peek() {
            Some(b' ' | b'\t' | b'\r' | b'\n') => BadRecord::NotCanonical,
            _ => BadRecord::NotARecord,
        }
    }

    pub(super) fn expect(&mut self, byte: u8) -> Scanned<()> {
        if self.peek() != Some(byte) {
            return Err(self.wrong());
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn end(&self) -> Scanned<()> {
        if self.at == self.line.len() { Ok(()) } else { Err(self.wrong()) }
    }

    pub(super) fn text(&mut self) -> Scanned<Quoted<'a>> {
        self.expect(b'"')?;
        let start = self.at;
        let rest = self.line.as_bytes().get(start..).unwrap_or_default();
        let mut bytes = rest.iter().enumerate();
        let mut wide = false;
        while let Some((n, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.at = start + n + 1;
                    let text = self.line.get(start..start + n).ok_or(BadRecord::NotARecord)?;
                    if wide && text.chars().any(is_forbidden) {
                        return Err(BadRecord::BadText);
                    }
                    return Ok(Quoted(text));
                }
                b'\\' => match bytes.next() {
                    Some((_, b'"' | b'\\')) => {}
                    // Each is JSON for a character that is written as it is, or not at all.
                    Some((_, b'/' | b'u')) => return Err(BadRecord::NotCanonical),
                    Some((_, b'b' | b'f' | b'n' | b'r' | b't')) => return Err(BadRecord::BadText),
                    _ => return Err(BadRecord::NotARecord),
                },
                0..=0x1f => return Err(BadRecord::NotARecord),
                0x7f => return Err(BadRecord::BadText),
                0x80.. => wide = true,
                _ => {}
            }
        }
        Err(BadRecord::NotARecord)
    }

    /// A whole number that every reader of JSON reads alike.
    pub(super) fn number(&mut self) -> Scanned<i64> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
        }
        let digits = self.at;
        let mut value: i64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value * 10 + i64::from(digit - b'0');
            if value > super::detail::LARGEST_NUMBER {
                return Err(BadRecord::BadValue);
            }
            self.at += 1;
        }
        if self.at == digits {
            self.at = start;
            return Err(self.wrong());
        }
        let leading_zero = self.line.as_bytes().get(digits) == Some(&b'0') && (negative || self.at > digits + 1);
        if leading_zero || matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(BadRecord::NotCanonical);
        }
        Ok(if negative { -value } else { value })
    }

    /// Goes over any value and gives what it went over.
    pub(super) fn value(&mut self, depth: usize) -> Scanned<&'a str> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => drop(self.text()?),
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => return Err(BadRecord::BadValue),
            Some(b'-' | b'0'..=b'9') => drop(self.number()?),
            _ => return Err(self.wrong()),
        }
        self.line.get(start..self.at).ok_or(BadRecord::NotARecord)
    }

    pub(super) fn word(&mut self, word: &str) -> Scanned<()> {
        word.bytes().try_for_each(|byte| self.expect(byte))
    }

    /// The depth that the writer keeps to, the map of all details itself, and room for a later version.
    const DEPTH: usize = 8;

    fn map(&mut self, depth: usize) -> Scanned<()> {
        if depth == Self::DEPTH {
            return Err(BadRecord::BadValue);
        }
        self.expect(b'{')?;
        let mut last: Option<Quoted<'a>> = None;
        while self.peek() != Some(b'}') {
            if last.is_some() {
                self.expect(b',')?;
            }
            let key = self.text()?;
            if !key.0.is_ascii() {
                return Err(BadRecord::BadText);
            }
            match last.map(|last| last.order(&key)) {
                Some(std::cmp::Ordering::Equal) => return Err(BadRecord::DuplicateField),
                Some(std::cmp::Ordering::Greater) => return Err(BadRecord::NotCanonical),
                _ => {}
            }
            last = Some(key);
            self.expect(b':')?;
            self.value(depth + 1)?;
        }
        self.expect(b'}')
    }

    fn list(&mut self, depth: usize) -> Scanned<()> {
        if depth == Self::DEPTH {
            return Err(BadRecord::BadValue);
        }
        self.expect(b'[')?;
        let mut first = true;
        while self.peek() != Some(b']') {
            if !first {
                self.expect(b',')?;
            }
            first = false;
            self.value(depth + 1)?;
        }
        self.expect(b']')
    }

    /// Each text of a list of texts.
    pub(super) fn texts(&mut self) -> Scanned<&'a str> {
        let start = self.at;
        self.expect(b'[')?;
        let mut first = true;
        while first || self.peek() != Some(b']') {
            if !first {
                self.expect(b',')?;
            }
            first = false;
            self.text()?;
        }
        self.expect(b']')?;
        self.line.get(start..self.at).ok_or(BadRecord::NotARecord)
    }
}
