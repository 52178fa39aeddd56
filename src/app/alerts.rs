use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::following::{AGAIN, waited};
use super::hook;
use super::log::Audit;
use super::service::now;
use crate::audit::alerts::{Alert, AlertSettings, Alerts, Deed};
use crate::audit::{AuditError, Event, EventName, Filter, Page, Receipt, Record};
use crate::egress::Webhook;
use crate::registry::Registry;
use crate::sandbox::Hall;
use crate::telemetry::Telemetry;

/// Records that are read at a time, and how long is waited for more of them: whoever writes is not kept busy with us.
const AT_ONCE: usize = 1_000;
const GATHER: Duration = Duration::from_millis(50);
/// What a stop of the service gives to alerts that still wait to be sent.
const LAST: Duration = Duration::from_secs(5);

/// Reads each record when it is durable, in their order, and says and does what the rules want of it. It reads the files,
/// as anybody may: whoever writes never waits for it.
pub(super) struct Watch {
    audit: Audit,
    hall: Hall,
    registry: Registry,
    telemetry: Arc<Telemetry>,
    alerts: Alerts,
    to_send: Option<mpsc::Sender<String>>,
    sending: Option<JoinHandle<()>>,
    /// The next record; what was there before this service is known to those who ran it.
    from: u64,
}

/// What the watch has to do with.
pub(super) struct Around {
    pub(super) audit: Audit,
    pub(super) hall: Hall,
    pub(super) registry: Registry,
    pub(super) telemetry: Arc<Telemetry>,
}

impl Watch {
    /// From the record `from` on.
    pub(super) fn new(settings: &AlertSettings, hook: Option<Webhook>, around: Around, from: u64) -> Self {
        let Around { audit, hall, registry, telemetry } = around;
        let (tries, room) = (settings.webhook.tries, usize::try_from(settings.webhook.queue).unwrap_or(usize::MAX));
        let (to_send, sending) = match hook {
            None => (None, None),
            Some(webhook) => {
                let (to_send, waiting) = mpsc::channel(room);
                let sending = tokio::spawn(hook::send(webhook, waiting, tries, Arc::clone(&telemetry)));
                (Some(to_send), Some(sending))
            }
        };
        Self { audit, hall, registry, telemetry, alerts: Alerts::new(settings), to_send, sending, from }
    }

    /// Until it is told to stop and has seen all that there is.
    pub(super) async fn keep(mut self, stop: CancellationToken) {
        let mut size = self.audit.log.now().size();
        loop {
            let end = *size.borrow_and_update();
            if self.from < end {
                match self.page(end).await {
                    Ok(page) => self.take(page, end, &stop).await,
                    Err(error) => {
                        tracing::error!("alerts are behind, the audit log cannot be read: {error}");
                        if !waited(AGAIN, &stop).await {
                            break;
                        }
                    }
                }
            } else if !self.audit.more(&mut size, GATHER, &stop).await {
                break;
            }
        }
        drop(self.to_send.take());
        if let Some(mut sending) = self.sending.take()
            && tokio::time::timeout(LAST, &mut sending).await.is_err()
        {
            tracing::error!("alerts were not sent before the end");
            sending.abort();
        }
    }

    async fn page(&self, end: u64) -> anyhow::Result<Page> {
        let (reader, from) = (Arc::clone(&self.audit.reader), self.from);
        let read = move || reader.page(&Filter::default(), from, AT_ONCE, Some(end));
        Ok(tokio::task::spawn_blocking(read).await??)
    }

    async fn take(&mut self, page: Page, end: u64, stop: &CancellationToken) {
        for line in &page.lines {
            let told = match Record::parse(line.as_bytes()) {
                Ok(record) => self.alerts.see(&record),
                Err(_) => Vec::new(),
            };
            for alert in told {
                self.raise(&alert, stop).await;
            }
        }
        self.from = if page.end { end } else { page.next };
    }

    /// Told at once, and acted upon when it is on record.
    async fn raise(&self, alert: &Alert, stop: &CancellationToken) {
        let (rule, severity, (kind, id)) = (alert.rule.as_str(), alert.severity.as_str(), &alert.subject);
        let (count, record, act) = (alert.count, alert.record, alert.deed.as_str());
        tracing::warn!(rule, severity, kind, id, count, record, act, tenant = alert.tenant, "alert");
        self.telemetry.alert(rule, severity);
        if let Some(to_send) = &self.to_send
            && let Err(TrySendError::Full(_)) = to_send.try_send(hook::body(alert, &self.audit.origin))
        {
            tracing::error!(rule, record, "an alert is not sent: too many wait");
            self.telemetry.alert_sent("left_out");
        }
        match self.kept(&alert.event(), stop).await {
            Ok(receipt) => self.act(alert, receipt.seq, stop).await,
            Err(error) => tracing::error!(rule, record, "an alert is not on record, nothing is done about it: {error}"),
        }
    }

    /// Where the log takes nothing there are no new records either, so we can wait for it.
    async fn kept(&self, event: &Event, stop: &CancellationToken) -> Result<Receipt, AuditError> {
        loop {
            match self.audit.log.append(event).await {
                Err(_) if waited(AGAIN, stop).await => {}
                kept => return kept,
            }
        }
    }

    async fn act(&self, alert: &Alert, seq: u64, stop: &CancellationToken) {
        let (tenant, kind, id, done) = match &alert.deed {
            Deed::Nothing => return,
            Deed::StopSandbox(tenant, id) => {
                let done = self.hall.stop_unasked(tenant, id).await;
                let done = done.map(|()| Event::new(EventName::SandboxUpdated).detail("stopped", true));
                (tenant, "sandbox", id.as_str(), done.map_err(|error| (error.code(), error.to_string())))
            }
            Deed::SuspendKey(tenant, of, id) => {
                let done = self.registry.suspend_key(tenant, of, id, now()).await;
                let done = match done {
                    // It was revoked meanwhile, by us perhaps.
                    Ok(false) => return,
                    Ok(true) => Ok(Event::new(EventName::KeySuspended).detail("for", of.as_str())),
                    Err(error) => Err((error.code(), error.to_string())),
                };
                (tenant, "key", id.as_str(), done)
            }
        };
        let event = match done {
            Ok(event) => event,
            Err((code, why)) => {
                tracing::error!(kind, id, "what an alert wants was not done: {why}");
                Event::new(EventName::ActFailed).detail("code", code)
            }
        };
        let event = event.tenant(tenant.as_str()).resource(kind, id).detail("alert", seq);
        if let Err(error) = self.kept(&event, stop).await {
            tracing::error!(kind, id, "what an alert did is not on record: {error}");
        }
    }
}
