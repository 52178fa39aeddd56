//! Which records raise an alert, for whom, how often, and what it wants.

use ringfence::audit::Record;
use ringfence::audit::alerts::{Alert, AlertSettings, Alerts, Deed};
use serde_json::{Value, json};

pub const START: u64 = 1_770_000_000_000;
pub const KEY: &str = "key_0123456789abcdef0123456789abcdef";

/// A sandbox that was made then.
pub fn made(ms: u64) -> String {
    format!("sbx_{ms:012x}70008000000000000000")
}

/// Feeds records of these times to the rules.
pub fn fed(settings: &AlertSettings, records: &[(u64, Value)]) -> Vec<Alert> {
    let mut alerts = Alerts::new(settings);
    let told = records.iter().enumerate().map(|(seq, (time, fields))| {
        let time = jiff::Timestamp::from_millisecond(i64::try_from(*time).unwrap()).unwrap();
        let mut record = json!({
            "details": {}, "durable": 0, "prev": "0".repeat(64), "seq": seq, "time": format!("{time:.6}"), "v": 1,
        });
        record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let line = serde_json_canonicalizer::to_vec(&record).unwrap();
        alerts.see(&Record::parse(&line).unwrap())
    });
    told.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// The number of the record, the rule and how much it was of each alert.
fn told(records: &[(u64, Value)]) -> Vec<(u64, &'static str, u64)> {
    let all = fed(&AlertSettings::default(), records);
    all.iter().map(|alert| (alert.record, alert.rule.as_str(), alert.count)).collect()
}

fn run(event: &str, sandbox: &str, details: Value) -> Value {
    let mut all = json!({"sandbox": sandbox});
    all.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
    json!({
        "event": event, "tenant": "acme", "principal": "bob", "key": KEY, "details": all,
        "resource": {"id": "run_0123456789abcdef0123456789abcdef", "kind": "run"},
    })
}

fn denied(sandbox: &str, times: u64) -> Value {
    run("command_executed", sandbox, json!({"denials": times, "outcome": "exited", "milliseconds": 3}))
}

fn failed(request: &str) -> Value {
    json!({"event": "act_failed", "tenant": "acme", "principal": "bob", "action": "runs:create", "request": request})
}

fn login(address: &str) -> Value {
    json!({"event": "login_refused", "decision": "denied", "details": {"address": address}})
}

fn created(tenant: &str, principal: &str) -> Value {
    let resource = json!({"id": made(START), "kind": "sandbox"});
    json!({"event": "sandbox_created", "tenant": tenant, "principal": principal, "resource": resource})
}

#[test]
fn more_than_ten_denials_of_a_sandbox_in_a_minute_are_told_once() {
    let (one, other) = (&made(START), &made(START + 1));
    assert_eq!(told(&[(START, denied(one, 10)), (START + 1, denied(other, 10))]), []);
    let many =
        [(0, 4), (30, 6), (50, 1), (51, 500), (109, 1), (110, 1)].map(|(s, n)| (START + s * 1_000, denied(one, n)));
    assert_eq!(told(&many), [(2, "denials", 11), (5, "denials", 503)]);
    let slow: Vec<_> = (0..30).map(|n| (START + n * 10_000, denied(one, 1))).collect();
    assert_eq!(told(&slow), []);
    // Runs without a sandbox are counted together, and what a caller may not ask for is counted for no sandbox.
    let mut alone = denied(one, 6);
    alone["details"].as_object_mut().unwrap().remove("sandbox");
    let all = fed(&AlertSettings::default(), &[(START, alone.clone()), (START, denied(one, 6)), (START, alone)]);
    assert_eq!((all.len(), all[0].count, &all[0].subject), (1, 12, &("principal", "bob".to_owned())));
    let refused = json!({
        "event": "access_denied", "tenant": "acme", "principal": "eve", "resource": {"id": one, "kind": "sandbox"},
    });
    assert_eq!(told(&vec![(START, refused); 50]), []);
}

#[test]
fn any_limit_is_told_of_once_a_minute_in_each_sandbox() {
    let limit =
        |at: u64, of: u64| (START + at * 1_000, run("limit_exceeded", &made(START + of), json!({"limit": "fuel"})));
    let all = [limit(0, 0), limit(1, 0), limit(2, 1), limit(59, 0), limit(60, 0)];
    assert_eq!(told(&all), [(0, "limits", 1), (2, "limits", 1), (4, "limits", 4)]);
}

#[test]
fn more_than_a_hundred_sandboxes_of_a_principal_in_an_hour() {
    let mut all: Vec<_> = (0..100).map(|n| (START + n * 1_000, created("acme", "bob"))).collect();
    all.extend((0..100).map(|n| (START + 100_000 + n, created("other", "bob"))));
    all.extend((0..100).map(|n| (START + 101_000 + n, created("acme", "ann"))));
    assert_eq!(told(&all), []);
    all.push((START + 200_000, created("acme", "bob")));
    let raised = fed(&AlertSettings::default(), &all);
    assert_eq!((raised.len(), raised[0].count, raised[0].subject.1.as_str()), (1, 101, "bob"));
    assert_eq!(raised[0].tenant.as_deref(), Some("acme"));
}

#[test]
fn a_sandbox_that_is_used_when_it_is_older_than_an_hour_and_a_run_that_takes_longer() {
    let (old, hour) = (&made(START), 3_600_000);
    let used = |at: u64| (START + at, run("command_started", old, json!({})));
    let all = [used(1), used(hour), used(hour + 1_000), used(hour + 2_000), used(2 * hour), used(2 * hour + 1_000)];
    assert_eq!(told(&all), [(2, "sessions", 3_601), (5, "sessions", 7_201)]);
    let files = json!({"event": "files_read", "tenant": "acme", "resource": {"id": old, "kind": "sandbox"}});
    let gone = json!({"event": "sandbox_destroyed", "tenant": "acme", "resource": {"id": old, "kind": "sandbox"}});
    assert_eq!(told(&[(START + 2 * hour, gone), (START + 2 * hour, files)]), [(1, "sessions", 7_200)]);
    let mut long = run("command_executed", old, json!({"milliseconds": hour + 1_000, "outcome": "exited"}));
    long["details"].as_object_mut().unwrap().remove("sandbox");
    assert_eq!(told(&[(START, long)]), [(0, "sessions", 3_601)]);
}

#[test]
fn three_starts_in_a_row_that_failed() {
    let ended = |outcome: &str, request: &str| {
        let mut run = run("command_executed", &made(START), json!({"outcome": outcome, "denials": 0}));
        run["request"] = json!(request);
        run
    };
    let all = |records: &[Value]| told(&records.iter().map(|one| (START, one.clone())).collect::<Vec<_>>());
    assert_eq!(all(&[failed("a"), failed("b"), failed("c"), failed("d")]), [(2, "failed_starts", 3)]);
    assert_eq!(all(&[failed("a"), failed("b"), ended("exited", "c"), failed("d"), failed("e")]), []);
    assert_eq!(all(&[failed("a"), failed("b"), created("acme", "bob"), failed("d")]), []);
    assert_eq!(all(&[failed("a"), failed("b"), created("acme", "ann"), failed("d")]), [(3, "failed_starts", 3)]);
    // The end of a run and the answer tell of one start.
    assert_eq!(all(&[ended("failed", "a"), failed("a"), ended("failed", "b"), failed("b")]), []);
    assert_eq!(all(&[ended("failed", "a"), ended("failed", "b"), ended("failed", "c")]), [(2, "failed_starts", 3)]);
    let mut other = failed("c");
    other["action"] = json!("keys:create");
    assert_eq!(all(&[failed("a"), failed("b"), other]), []);
}

#[test]
fn more_than_five_failed_logins_of_an_address_in_a_minute() {
    let of = |addresses: &[&str]| {
        let all: Vec<_> = addresses.iter().map(|address| (START, login(address))).collect();
        fed(&AlertSettings::default(), &all)
    };
    assert_eq!(of(&["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6"]), []);
    let raised = of(&["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"]);
    assert_eq!((raised.len(), raised[0].subject.clone()), (1, ("address", "192.0.2.1".to_owned())));
    let raised = of(&[
        "2001:db8::1",
        "2001:db8::2",
        "2001:db8::3",
        "2001:db8:0:1::",
        "2001:db8::4",
        "2001:db8::5",
        "2001:db8::6",
    ]);
    assert_eq!((raised[0].record, raised[0].subject.1.as_str()), (6, "2001:db8::/64"));
}

#[test]
fn what_is_done_is_done_to_the_sandbox_and_the_key_of_the_record() {
    let flags = |act: &str| {
        let flags = [("audit.alerts.limits.act".to_owned(), act.to_owned())];
        ringfence::config::Settings::load(None, |_| None, &flags).unwrap().audit.alerts
    };
    let deed = |act: &str, record: &Value| fed(&flags(act), &[(START, record.clone())]).remove(0).deed;
    let (tenant, bob) = ("acme".parse().unwrap(), "bob".parse().unwrap());
    let mut record = run("limit_exceeded", &made(START), json!({}));
    assert_eq!(deed("none", &record), Deed::Nothing);
    assert_eq!(deed("stop_sandbox", &record), Deed::StopSandbox(tenant, made(START).parse().unwrap()));
    let tenant: ringfence::model::TenantId = "acme".parse().unwrap();
    let key = Deed::SuspendKey(tenant.clone(), bob, KEY.parse().unwrap());
    assert_eq!(deed("suspend_key", &record), key);
    // A token of ours is called after the key that it was made with; of others we have no key.
    record["key"] = json!(format!("token {KEY}.0123456789abcdef of ringfence:x"));
    assert_eq!(deed("suspend_key", &record), key);
    record["key"] = json!("token 4711 of https://idp.example");
    assert_eq!(deed("suspend_key", &record), Deed::Nothing);
    record["details"] = json!({});
    assert_eq!(deed("stop_sandbox", &record), Deed::Nothing);
}

#[test]
fn what_an_alert_does_raises_no_other() {
    let raised = json!({
        "event": "alert_raised", "tenant": "acme", "principal": "bob", "resource": {"id": made(START), "kind": "sandbox"},
        "details": {"count": 500, "denials": 500, "outcome": "failed", "address": "192.0.2.1"},
    });
    assert_eq!(told(&vec![(START + 7_200_000, raised); 50]), []);
}
