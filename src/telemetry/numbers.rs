use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    /// As the route is written, never as the path was asked.
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Word {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Raised {
    rule: &'static str,
    severity: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sent {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Forward {
    /// As the configuration calls it.
    target: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotForwarded {
    target: String,
    reason: &'static str,
}

/// All counters of a service.
pub struct Telemetry {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Histogram,
    refused: Family<Word, Counter>,
    runs: Family<Ended, Counter>,
    fuel: Counter,
    running: Gauge,
    stuck: Gauge,
    connections: Gauge,
    alerts: Family<Raised, Counter>,
    alerts_sent: Family<Sent, Counter>,
    forwarded: Family<Forward, Counter>,
    never_forwarded: Family<Forward, Counter>,
    not_forwarded: Family<NotForwarded, Counter>,
    forward_behind: Family<Forward, Gauge>,
    forward_late: Family<Forward, Gauge>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Telemetry {
    pub fn new() -> Self {
        let mut all = Self {
            registry: Registry::with_prefix("ringfence"),
            requests: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.000_05, 2.0, 20)),
            refused: Family::default(),
            runs: Family::default(),
            fuel: Counter::default(),
            running: Gauge::default(),
            stuck: Gauge::default(),
            connections: Gauge::default(),
            alerts: Family::default(),
            alerts_sent: Family::default(),
            forwarded: Family::default(),
            never_forwarded: Family::default(),
            not_forwarded: Family::default(),
            forward_behind: Family::default(),
            forward_late: Family::default(),
        };
        let registry = &mut all.registry;
        registry.register("requests", "Requests answered", all.requests.clone());
        registry.register("request_seconds", "How long requests took", all.seconds.clone());
        registry.register("refused_logins", "Credentials that opened nothing", all.refused.clone());
        registry.register("runs", "Runs that ended, by outcome", all.runs.clone());
        registry.register("fuel", "Fuel that runs spent", all.fuel.clone());
        registry.register("running", "Runs at work", all.running.clone());
        let help = "Sandboxes whose time is over and that could not be cleared so far";
        registry.register("sandboxes_stuck", help, all.stuck.clone());
        registry.register("connections", "Connections open", all.connections.clone());
        registry.register("alerts", "Alerts that were raised", all.alerts.clone());
        let help =
            "What became of alerts that were to be sent: sent, given_up (tried too often), left_out (too many wait)";
        registry.register("alerts_sent", help, all.alerts_sent.clone());
        all.register_forwarding();
        all
    }

    fn register_forwarding(&mut self) {
        let registry = &mut self.registry;
        let help = "Records of the audit log that were sent, those that were sent again too";
        registry.register("forwarded_records", help, self.forwarded.clone());
        let help = "Records that left the audit log before they were sent";
        registry.register("forward_lost_records", help, self.never_forwarded.clone());
        let help = "Tries that failed: refused (by the answer), unreachable, disk, log";
        registry.register("forward_failures", help, self.not_forwarded.clone());
        let help = "Records of the audit log that a target has not got yet";
        registry.register("forward_behind_records", help, self.forward_behind.clone());
        let help = "Whether a target has taken nothing for longer than its patience";
        registry.register("forward_late", help, self.forward_late.clone());
    }

    pub fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = Request { method, route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub fn refused_login(&self, reason: &'static str) {
        self.refused.get_or_create(&Word { reason }).inc();
    }

    pub fn run_ended(&self, outcome: &str, fuel: u64) {
        self.runs.get_or_create(&Ended { outcome: outcome.to_owned() }).inc();
        self.fuel.inc_by(fuel);
    }

    pub fn running(&self, now: u64) {
        self.running.set(i64::try_from(now).unwrap_or(i64::MAX));
    }

    pub fn stuck(&self, now: u64) {
        self.stuck.set(i64::try_from(now).unwrap_or(i64::MAX));
    }

    pub fn connected(&self, more: i64) {
        self.connections.inc_by(more);
    }

    pub fn alert(&self, rule: &'static str, severity: &'static str) {
        self.alerts.get_or_create(&Raised { rule, severity }).inc();
    }

    pub fn alert_sent(&self, result: &'static str) {
        self.alerts_sent.get_or_create(&Sent { result }).inc();
    }

    pub fn forwarded(&self, target: &str, records: u64) {
        self.forwarded.get_or_create(&Forward { target: target.to_owned() }).inc_by(records);
    }

    pub fn never_forwarded(&self, target: &str, records: u64) {
        self.never_forwarded.get_or_create(&Forward { target: target.to_owned() }).inc_by(records);
    }

    pub fn not_forwarded(&self, target: &str, reason: &'static str) {
        self.not_forwarded.get_or_create(&NotForwarded { target: target.to_owned(), reason }).inc();
    }

    /// How it stands with a target.
    pub fn forwarding(&self, target: &str, behind: u64, late: bool) {
        let of = Forward { target: target.to_owned() };
        self.forward_behind.get_or_create(&of).set(i64::try_from(behind).unwrap_or(i64::MAX));
        self.forward_late.get_or_create(&of).set(late.into());
    }

    /// As Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
