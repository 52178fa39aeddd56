use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::audit::{AuditError, Filter, Reader, Record};
use crate::model::RunId;
use crate::sandbox::{EndOnRecord, OnRecord};

/// What the log tells of the ends of runs. It is read from its newest segment back to the one in which the first of them
/// began, once for all: no clock says where that is, since it may have been set back meanwhile.
pub(super) fn ends(reader: &Reader, size: u64, runs: &[RunId]) -> Result<HashMap<RunId, OnRecord>, AuditError> {
    let filter = Filter { resource_kind: Some("run".to_owned()), ..Filter::default() };
    let sought: HashMap<&str, &RunId> = runs.iter().map(|run| (run.as_str(), run)).collect();
    let mut unbegun: HashSet<&RunId> = runs.iter().collect();
    let mut found = HashMap::new();
    let mut end = size;
    for first in reader.segments()?.into_iter().rev() {
        if unbegun.is_empty() {
            break;
        }
        let mut from = first;
        while from < end {
            let page = reader.page(&filter, from, usize::MAX, Some(end))?;
            // They were read once to be found.
            for record in page.lines.iter().filter_map(|line| Record::parse(line.as_bytes()).ok()) {
                let id = record.resource_id.map(|id| id.text()).unwrap_or_default();
                let Some(run) = sought.get(id.as_str()).copied() else { continue };
                match record.event {
                    "command_started" => drop(unbegun.remove(run)),
                    "command_executed" => drop(found.insert(run.clone(), OnRecord::Ended(end_of(&record)))),
                    // One that ended was not lost, whichever is on record first.
                    "command_lost" => drop(found.entry(run.clone()).or_insert(OnRecord::Lost)),
                    _ => {}
                }
            }
            if page.end {
                break;
            }
            from = page.next;
        }
        end = end.min(first);
    }
    Ok(found)
}

fn end_of(record: &Record<'_>) -> EndOnRecord {
    let details: Map<String, Value> = serde_json::from_str(record.details).unwrap_or_default();
    let text = |name: &str| details.get(name).and_then(Value::as_str).map(str::to_owned);
    EndOnRecord {
        record: record.seq,
        outcome: text("outcome").unwrap_or_default(),
        failure: text("failure"),
        milliseconds: details.get("milliseconds").and_then(Value::as_u64).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::disk::RealDisk;
    use crate::audit::{Begin, Event, EventName, Log, LogSettings, signing_keys};

    #[test]
    fn an_end_is_found_in_whichever_segment_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let keys = signing_keys(&dir.path().join("key"), "a.example/log").unwrap();
        let root = dir.path().join("log");
        std::fs::create_dir(&root).unwrap();
        let mut settings = LogSettings::new("a.example/log");
        (settings.begin, settings.segment_bytes) = (Begin::OrCreate, 2_000);
        let (log, _) = Log::open(Box::new(RealDisk::open(&root).unwrap()), &settings, keys).unwrap();
        let runs: Vec<_> = (0..5).map(|_| RunId::random()).collect();
        let [early, late, lost, both, unknown] = runs.as_slice() else { unreachable!() };
        let tell = |name, run: &RunId| {
            let event = Event::new(name).resource("run", run.as_str()).detail("outcome", "exited");
            log.append(&event.detail("milliseconds", 7i64)).wait().unwrap().seq
        };
        let fill = || {
            for _ in 0..20 {
                log.append(&Event::new(EventName::FilesRead)).wait().unwrap();
            }
        };
        for run in &runs {
            tell(EventName::CommandStarted, run);
        }
        let first = tell(EventName::CommandExecuted, early);
        fill();
        let second = tell(EventName::CommandExecuted, both);
        tell(EventName::CommandLost, both);
        tell(EventName::CommandLost, lost);
        fill();
        let third = tell(EventName::CommandExecuted, late);
        tell(EventName::CommandExecuted, &RunId::random());

        let reader = Reader::new(&root);
        assert!(reader.segments().unwrap().len() > 3);
        let size = *log.size().borrow();
        let found = ends(&reader, size, &runs).unwrap();
        let end =
            |record| OnRecord::Ended(EndOnRecord { record, outcome: "exited".into(), failure: None, milliseconds: 7 });
        let expected = [(early, end(first)), (both, end(second)), (late, end(third)), (lost, OnRecord::Lost)];
        assert_eq!(found, expected.into_iter().map(|(run, end)| (run.clone(), end)).collect());
        assert!(!found.contains_key(unknown));
        // What is not there for certain is not told.
        assert!(!ends(&reader, third, &runs).unwrap().contains_key(late));
    }
}
