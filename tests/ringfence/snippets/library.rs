//! CPython's own tests: what `docs/compatibility.md` says of a module is what comes of it (`tests/compat`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ringfence::engine::{Entry, Snippet};
use ringfence::fs_policy::{Policy, Rules};
use ringfence::model::LimitName;

use super::{answer, limits, mount, request, run};

/// The quick ones of the list; `make compat` runs all.
const SAMPLE: [&str; 27] = [
    "test_csv",
    "test_sqlite3.dbapi",
    "test_copy",
    "test_heapq",
    "test_bisect",
    "test_textwrap",
    "test_string",
    "test_html",
    "test_pprint",
    "test_calendar",
    "test_base64",
    "test_binascii",
    "test_operator",
    "test_tuple",
    "test_sort",
    "test_iter",
    "test_userdict",
    "test_with",
    "test_scope",
    "test_ipaddress",
    "test_patma",
    "test_fractions",
    "test_hmac",
    "test_secrets",
    "test_urlparse",
    "test_collections",
    "test_re",
];

pub(super) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where `tests/compat/*.py --fetch` put the tests of a language.
pub(super) fn tools(name: &str) -> PathBuf {
    let tools = std::env::var_os("RINGFENCE_TOOLS_DIR").map(PathBuf::from);
    let tools =
        tools.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/ringfence/tools"));
    let library = tools.join(name);
    assert!(library.join("ready").exists(), "{} is not there: run `make compat-tests`", library.display());
    library
}

/// Passed, skipped and failed tests of each module, as the page says.
fn told() -> BTreeMap<String, [usize; 3]> {
    let page = std::fs::read_to_string(here("docs/compatibility.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let counts: Vec<usize> = cells.iter().skip(1).filter_map(|cell| cell.parse().ok()).collect();
        let name = cells[0].trim_matches('`');
        (name.starts_with("test_") && counts.len() == 3).then(|| (name.to_owned(), [counts[0], counts[1], counts[2]]))
    };
    page.lines().filter_map(row).collect()
}

pub(super) fn policy(rule: &str) -> Policy {
    Rules { preset: None, rules: vec![rule.parse().unwrap()] }.policy(false).unwrap()
}

async fn counted(module: &str) -> [usize; 3] {
    let room = tempfile::tempdir().unwrap();
    let mut asked = request("");
    asked.entry = Entry::Snippet(Snippet {
        code: std::fs::read_to_string(here("tests/compat/cpython.py")).unwrap(),
        filename: "cpython.py".into(),
        variables: String::new(),
        value_bytes: 8 << 20,
    });
    asked.grants.args = vec![module.into()];
    let mut rooms = mount(room.path(), policy("/**:write"));
    rooms.guest = "/tmp".into();
    asked.mounts = vec![mount(&tools("cpython-tests"), policy("/**:read")), rooms];
    asked.limits = limits(&[
        (LimitName::DeadlineMs, 120_000),
        (LimitName::Fuel, 1_000_000_000_000),
        (LimitName::MemoryBytes, 512 << 20),
        (LimitName::ResultBytes, 16 << 20),
        (LimitName::HostcallBytes, 64 << 20),
    ]);
    let report = run("python", asked).await;
    let (_, told) = answer(&report);
    assert_eq!(told.error, None, "{module}: {report:?}");
    let results: BTreeMap<String, (String, String)> = match told.value.unwrap().json {
        Some(json) => serde_json::from_value(json.value().unwrap()).unwrap(),
        None => panic!("{module}: no results"),
    };
    ["passed", "skipped", "failed"].map(|kind| results.values().filter(|(found, _)| found == kind).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_of_cpythons_own_tests_goes_on_passing() {
    let told = told();
    let mut wrong = Vec::new();
    for module in SAMPLE {
        let found = counted(module).await;
        if told.get(module) != Some(&found) {
            wrong.push(format!("{module}: {found:?} passed, skipped and failed; the page says {:?}", told.get(module)));
        }
    }
    assert!(wrong.is_empty(), "`make compat` writes the page anew:\n{}", wrong.join("\n"));
    let passed: usize = told.values().map(|counts| counts[0]).sum();
    assert!(passed > 5000, "{passed}");
}
