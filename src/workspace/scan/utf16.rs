//! Text of two bytes a letter, as Windows writes it, for a search that knows one byte a letter.

use std::io::{self, Read};

const MOST_RAW_BYTES: usize = 16 * 1024;

#[derive(Debug, Clone, Copy)]
pub enum Order {
    LowFirst,
    HighFirst,
}

impl Order {
    /// What the mark at the start of the content says.
    pub fn of_mark(mark: [u8; 2]) -> Option<Self> {
        match mark {
            [0xff, 0xfe] => Some(Self::LowFirst),
            [0xfe, 0xff] => Some(Self::HighFirst),
            _ => None,
        }
    }
}

/// Every credential is ASCII: a letter of it is its byte, and any other is a byte that no credential has.
pub struct Narrow<R> {
    content: R,
    order: Order,
    raw: Box<[u8]>,
    /// Of a letter that a read has cut in two.
    half: Option<u8>,
}

impl<R: Read> Narrow<R> {
    pub fn new(content: R, order: Order) -> Self {
        Self { content, order, raw: vec![0; MOST_RAW_BYTES].into(), half: None }
    }
}

impl<R: Read> Read for Narrow<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let most = into.len().saturating_mul(2).min(self.raw.len());
            let Some(raw) = self.raw.get_mut(..most) else { return Ok(0) };
            let read = self.content.read(raw)?;
            if read == 0 {
                return Ok(0);
            }
            let mut narrowed = 0;
            for byte in raw.iter().take(read) {
                match self.half.take() {
                    None => self.half = Some(*byte),
                    Some(first) => {
                        if let Some(place) = into.get_mut(narrowed) {
                            *place = letter(self.order, first, *byte);
                        }
                        narrowed += 1;
                    }
                }
            }
            // Half a letter is not the end.
            if narrowed > 0 {
                return Ok(narrowed);
            }
        }
    }
}

fn letter(order: Order, first: u8, second: u8) -> u8 {
    let (high, low) = match order {
        Order::LowFirst => (second, first),
        Order::HighFirst => (first, second),
    };
    if high == 0 && low.is_ascii() { low } else { 0xff }
}
