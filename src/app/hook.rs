use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::service::now;
use crate::audit::alerts::{Alert, WebhookSettings};
use crate::egress::Webhook;
use crate::telemetry::Telemetry;

/// Between one try and the next: doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where alerts are sent, if anywhere; what a start would refuse of it.
pub(super) fn webhook(settings: &WebhookSettings) -> anyhow::Result<Option<Webhook>> {
    let failed = "audit.alerts.webhook";
    let (url, file) = match (&settings.url, &settings.key_file) {
        (Some(url), Some(file)) => (url, file),
        (None, None) => return Ok(None),
        _ => bail!("{failed}: url and key_file go together; name both"),
    };
    let key = Zeroizing::new(fs::read(file).with_context(|| format!("{failed}.key_file: {}", file.display()))?);
    Ok(Some(Webhook::new(url, without_end(&key), settings.private).context(failed)?))
}

/// A key as it is in a file: one line end after it is not part of it.
pub(super) fn without_end(key: &[u8]) -> &[u8] {
    key.strip_suffix(b"\n").map_or(key, |key| key.strip_suffix(b"\r").unwrap_or(key))
}

/// One alert, as it is sent. Whoever gets it twice knows it by its id.
pub(super) fn body(alert: &Alert, origin: &str) -> String {
    let (kind, id) = &alert.subject;
    let rule = alert.rule.as_str();
    let body = json!({
        "id": format!("{origin}/{}/{rule}", alert.record),
        "log": origin,
        "rule": rule,
        "severity": alert.severity.as_str(),
        "subject": {"kind": kind, "id": id},
        "count": alert.count,
        "more_than": alert.more_than,
        "window_s": alert.window_s,
        "act": alert.deed.as_str(),
        "record": alert.record,
        "time": alert.time,
        "tenant": alert.tenant,
        "principal": alert.principal,
        "key": alert.key,
        "request": alert.request,
    });
    body.to_string()
}

/// Sends what waits, one after the other and each until it is taken, or was tried often enough.
pub(super) async fn send(hook: Webhook, mut waiting: mpsc::Receiver<String>, tries: u32, telemetry: Arc<Telemetry>) {
    while let Some(body) = waiting.recv().await {
        let mut wait = FIRST_WAIT;
        for left in (0..tries).rev() {
            let Err(why) = hook.post(&body, now()).await else {
                telemetry.alert_sent("sent");
                break;
            };
            if left == 0 {
                tracing::error!("an alert was not taken {tries} times, and is not sent any more: {why}");
                telemetry.alert_sent("given_up");
                break;
            }
            tracing::warn!("an alert was not taken, it is sent again in {wait:?}: {why}");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}
