use std::time::Duration;

use serde_json::Value;

use super::audit_source::line_of;
use crate::audit::Record;
use crate::client::{Call, Client, ClientError, Events};

const TAIL: &[&str] = &["v1", "audit", "tail"];
/// How often it is tried to go on where a server ended it, before anything more has come; the waits are doubled.
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Records of a server as they come. Where the connection ends it goes on after the last one that came.
pub(super) struct Watching<'a> {
    client: &'a Client,
    events: Events,
    /// The first record of all, which none comes before.
    waiting: Option<Value>,
    seen: Option<u64>,
    tried: u32,
}

impl<'a> Watching<'a> {
    /// From now on, or from a record on.
    pub(super) async fn begin(client: &'a Client, from: Option<u64>) -> Result<Self, ClientError> {
        let seen = from.map(|from| from.checked_sub(1));
        let waiting = match seen {
            Some(None) => Some(client.json(Call::get(&["v1", "audit", "events", "0"]), None).await?),
            _ => None,
        };
        let seen = seen.map(Option::unwrap_or_default);
        let events = client.watch(Call::get(TAIL), seen).await?;
        Ok(Self { client, events, waiting, seen, tried: 0 })
    }

    pub(super) async fn next(&mut self) -> Result<String, ClientError> {
        if let Some(first) = self.waiting.take() {
            return line_of(self.client, &first);
        }
        loop {
            let server = || self.client.server().to_string();
            let why = match self.events.next().await {
                Ok(Some(event)) => {
                    let line = line_of(self.client, &event.data)?;
                    (self.tried, self.seen) = (0, Record::parse(line.as_bytes()).map(|record| record.seq).ok());
                    return Ok(line);
                }
                Ok(None) => ClientError::Unreachable { server: server(), reason: "it ended the stream".to_owned() },
                Err(error @ ClientError::Unreachable { .. }) => error,
                Err(error) => return Err(error),
            };
            self.again(why).await?;
        }
    }

    /// Where nothing came so far nobody knows after what to go on.
    async fn again(&mut self, mut why: ClientError) -> Result<(), ClientError> {
        while self.tried < TRIES && self.seen.is_some() {
            tokio::time::sleep(FIRST_WAIT * 2_u32.saturating_pow(self.tried)).await;
            self.tried += 1;
            match self.client.watch(Call::get(TAIL), self.seen).await {
                Ok(events) => {
                    self.events = events;
                    return Ok(());
                }
                Err(error) if error.is_callers() => return Err(error),
                Err(error) => why = error,
            }
        }
        Err(why)
    }
}
