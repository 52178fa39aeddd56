use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use reqwest::Response;
use serde_json::Value;

use super::error::ClientError;
use super::http::unreachable;
use super::server::Server;

/// The most that one event may take: a report carries both streams whole.
const EVENT_BYTES: usize = 1 << 30;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: String,
    pub data: Value,
    /// The same as it was sent, where a number may have more digits than a tree holds.
    pub text: String,
}

/// What happens, one thing after the other, until the server has said all.
pub struct Events {
    pieces: BoxStream<'static, reqwest::Result<Bytes>>,
    parser: Parser,
    server: Server,
}

impl Events {
    pub(super) fn new(answer: Response, server: Server) -> Self {
        Self { pieces: answer.bytes_stream().boxed(), parser: Parser::default(), server }
    }

    /// `None` where the stream ends.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some((name, text)) = self.parser.next() {
                let data = serde_json::from_str(&text)
                    .map_err(|_| self.strange(format!("the event `{name}` carries no JSON")))?;
                return Ok(Some(Event { name, data, text }));
            }
            match self.pieces.next().await {
                Some(Ok(piece)) => self.parser.take(&piece),
                Some(Err(error)) => return Err(unreachable(&self.server, error)),
                None => return Ok(None),
            }
            if self.parser.held() > EVENT_BYTES {
                return Err(ClientError::TooMuch { server: self.server.to_string(), most: EVENT_BYTES as u64 });
            }
        }
    }

    fn strange(&self, what: String) -> ClientError {
        ClientError::Strange { server: self.server.to_string(), what }
    }
}

/// Server-sent events, as HTML's standard reads them, without what ours never send (a BOM, a lone CR).
#[derive(Default)]
struct Parser {
    waiting: Vec<u8>,
    /// So much of what waits has no end of a line in it.
    looked_at: usize,
    name: String,
    data: String,
    ready: std::collections::VecDeque<(String, String)>,
}

impl Parser {
    fn held(&self) -> usize {
        self.waiting.len() + self.data.len() + self.name.len()
    }

    fn next(&mut self) -> Option<(String, String)> {
        self.ready.pop_front()
    }

    fn take(&mut self, piece: &[u8]) {
        self.waiting.extend_from_slice(piece);
        let mut begin = 0;
        loop {
            let rest = self.waiting.get(begin..).unwrap_or_default();
            let Some(end) = rest.iter().skip(self.looked_at).position(|b| *b == b'\n') else { break };
            let line = rest.get(..self.looked_at + end).unwrap_or_default();
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
            begin += self.looked_at + end + 1;
            self.looked_at = 0;
            self.line(&line);
        }
        self.waiting.drain(..begin);
        self.looked_at = self.waiting.len();
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            if !data.is_empty() {
                self.ready.push_back((if name.is_empty() { "message".to_owned() } else { name }, data));
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // Numbers are in the data as well; a line that begins with a colon says only that the server is there.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_however_they_are_cut() {
        let text = ": here\n\nevent: stdout\nid: 2\ndata: {\"text\":\"é\"}\n\nevent:done\r\ndata:1\r\ndata: 2\r\n\r\nevent: x\n\n";
        let expected = [("stdout".to_owned(), "{\"text\":\"é\"}".to_owned()), ("done".to_owned(), "1\n2".to_owned())];
        for size in [1, 2, 3, 7, text.len()] {
            let mut parser = Parser::default();
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                parser.take(piece);
                found.extend(std::iter::from_fn(|| parser.next()));
            }
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }
}
