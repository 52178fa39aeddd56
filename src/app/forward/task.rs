use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::way::{Failure, Outlet, failed};
use crate::app::following::waited;
use crate::app::log::Audit;
use crate::audit::forward::{Batch, ForwardSettings, Next, Position, Shape, Target};
use crate::audit::{AuditError, Event, EventName, Format};
use crate::telemetry::Telemetry;

/// How long more records are waited for, so that each does not cost a message and two syncs.
const GATHER: Duration = Duration::from_millis(200);
/// Batches before a position is kept.
const ROUND: usize = 8;
/// Between one try and the next: doubled each time, and up to a half of it left out by chance.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// What a stop of the service gives to records that were not sent so far.
const LAST: Duration = Duration::from_secs(5);

/// Sends the log to one target, for ever.
pub(in crate::app) struct Forwarder {
    pub(in crate::app) target: Arc<Target>,
    audit: Audit,
    outlet: Outlet,
    format: Format,
    shape: Shape,
    /// What was handed over, what is kept as taken, and what was kept before that.
    at: Position,
    kept: Position,
    before: Position,
}

/// Looks where each target goes on: a position that is not of this log is refused.
pub(in crate::app) async fn open(
    settings: &[ForwardSettings],
    outlets: Vec<Outlet>,
    audit: &Audit,
) -> anyhow::Result<Vec<Forwarder>> {
    let mut all = Vec::new();
    for (one, outlet) in settings.iter().zip(outlets) {
        let (reader, origin, name) = (Arc::clone(&audit.reader), Arc::clone(&audit.origin), one.name.clone());
        let found = tokio::task::spawn_blocking(move || Position::open(&reader, &origin, &name));
        let at = found.await?.with_context(|| failed(one))?;
        all.push(Forwarder {
            target: Arc::new(Target::new(one, at.next)),
            audit: audit.clone(),
            format: one.format,
            shape: outlet.shape(one.format, &audit.origin),
            outlet,
            at,
            kept: at,
            before: at,
        });
    }
    Ok(all)
}

impl Forwarder {
    /// Until it is told to stop; what is left then is tried once more, and otherwise sent after the next start.
    pub(in crate::app) async fn keep(self, telemetry: Arc<Telemetry>, stop: CancellationToken) {
        let (audit, target) = (self.audit.clone(), Arc::clone(&self.target));
        let enough = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST).await;
        };
        tokio::select! {
            () = self.send_all(&telemetry, &stop) => {}
            () = enough => {}
        }
        let left = audit.log.now().size().borrow().saturating_sub(target.next());
        if left > 0 {
            let forward = &target.name;
            tracing::warn!(
                forward,
                left,
                "the audit log was not forwarded to its end; the rest is sent after the next start"
            );
        }
    }

    async fn send_all(mut self, telemetry: &Telemetry, stop: &CancellationToken) {
        let mut size = self.audit.log.now().size();
        let mut wait = FIRST_WAIT;
        loop {
            let end = *size.borrow_and_update();
            if self.at.next >= end && self.at == self.kept {
                if !self.audit.more(&mut size, GATHER, stop).await {
                    return;
                }
                continue;
            }
            // Whoever is told to stop while he waits to try again does so at once, and not a second time.
            let last = stop.is_cancelled();
            let before = self.kept;
            let done = self.round(end, telemetry).await;
            // It may have taken some, and then no more.
            if done.is_ok() || self.kept != before {
                wait = FIRST_WAIT;
                if self.target.well() {
                    tracing::info!(forward = self.target.name, "the audit log is forwarded again");
                }
            }
            if let Err(failure) = done {
                self.tell(&failure, telemetry);
                if last {
                    return;
                }
                if waited(wait.mul_f64(1.0 - rand::random::<f64>() / 2.0), stop).await {
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    fn tell(&self, Failure { word, why }: &Failure, telemetry: &Telemetry) {
        let forward = &self.target.name;
        telemetry.not_forwarded(forward, word);
        if self.target.failed() {
            let next = self.target.next();
            tracing::error!(forward, next, "the audit log is not forwarded, which is tried again and again: {why}");
        } else {
            tracing::debug!(forward, "the audit log was not forwarded: {why}");
        }
    }

    /// Sends some of what there is, and keeps how far it was taken.
    async fn round(&mut self, end: u64, telemetry: &Telemetry) -> Result<(), Failure> {
        let mut done = self.batches(end, telemetry).await;
        if done.is_ok() {
            done = self.outlet.settle().await;
        }
        if done.is_err() && !self.outlet.answers() {
            // Of what was sent last nobody knows whether it was read, although the connection was still there then.
            self.at = self.before;
        }
        if self.at.next > self.kept.next {
            self.keep_position().await?;
        }
        done
    }

    async fn batches(&mut self, end: u64, telemetry: &Telemetry) -> Result<(), Failure> {
        for _ in 0..ROUND {
            match self.read(end).await? {
                Next::Nothing => break,
                // It was taken, and would only have been sent again.
                Next::Gap(to) if self.at.next < self.kept.next => {
                    self.at = if to.next > self.kept.next { self.kept } else { to };
                }
                // First comes to rest what was sent before.
                Next::Gap(_) if self.at != self.kept => break,
                Next::Gap(to) => self.skip(to, telemetry).await?,
                Next::Batch(batch) => {
                    self.outlet.send(&batch, &self.audit.origin, self.format).await?;
                    let sent = batch.records.end - batch.records.start;
                    telemetry.forwarded(&self.target.name, sent);
                    self.at = batch.to;
                }
            }
        }
        Ok(())
    }

    async fn read(&self, end: u64) -> Result<Next, Failure> {
        let (at, reader, shape) = (self.at, Arc::clone(&self.audit.reader), self.shape.clone());
        let read = tokio::task::spawn_blocking(move || Batch::after(at, &reader, end, &shape)).await;
        read.map_err(|error| Failure::new("log", error))?.map_err(|error| Failure::new("log", error))
    }

    /// Goes on behind records that are gone. That they were not sent is on record first.
    async fn skip(&mut self, to: Position, telemetry: &Telemetry) -> Result<(), Failure> {
        let (forward, first, before) = (&self.target.name, self.at.next, to.next);
        let event = Event::new(EventName::RecordsNotForwarded).detail("target", forward.as_str());
        let event = event.detail("first", first).detail("before", before);
        self.audit.log.append(&event).await.map_err(|error| Failure::new("log", error))?;
        tracing::error!(forward, first, before, "records left the audit log before they were forwarded");
        telemetry.never_forwarded(forward, before - first);
        self.at = to;
        self.keep_position().await?;
        self.before = self.at;
        Ok(())
    }

    async fn keep_position(&mut self) -> Result<(), Failure> {
        let (at, reader, origin) = (self.at, Arc::clone(&self.audit.reader), Arc::clone(&self.audit.origin));
        let name = self.target.name.clone();
        let kept = tokio::task::spawn_blocking(move || at.keep(&reader, &origin, &name)).await;
        kept.map_err(|error| Failure::new("disk", error))?.map_err(|error: AuditError| Failure::new("disk", error))?;
        (self.before, self.kept) = (self.kept, self.at);
        self.target.took(at.next);
        Ok(())
    }
}
