//! Tools as code sees them: functions with signatures, checks and errors of the language.

use std::sync::{Arc, Mutex};

use ringfence::engine::{RunRequest, ToolAnswer, ToolDescription, ToolFailure, Tools};
use ringfence::model::LimitName;
use serde_json::{Value, json};

use super::{failure, limits, request, run, stdout, text};
use crate::support::assert_limit;

/// Answers with what it was asked, fails on demand, and remembers.
#[derive(Default)]
struct Desk(Mutex<Vec<(String, Value)>>);

impl Tools for Desk {
    fn available(&self) -> Vec<ToolDescription> {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["q"],
            "properties": {"q": {"type": "string"}, "max-results": {"type": "integer"}}
        });
        let tool = |name: &str, schema: Value| ToolDescription {
            name: name.into(),
            about: format!("does {name}"),
            input_schema: schema.to_string(),
        };
        vec![tool("search", schema), tool("get-all", json!({"type": "object"}))]
    }

    fn call(&self, name: String, input: String) -> ToolAnswer {
        let input: Value = serde_json::from_str(&input).unwrap();
        self.0.lock().unwrap().push((name.clone(), input.clone()));
        let answer = match input["q"].as_str() {
            Some("fail") => Err(ToolFailure { code: "gone".into(), message: "no such page".into(), retry: true }),
            Some("much") => Ok(json!("x".repeat(20_000)).to_string()),
            _ => Ok(json!({"tool": name, "got": input}).to_string()),
        };
        Box::pin(async { answer })
    }
}

fn with_tools(code: &str, set: &[(LimitName, u64)]) -> (RunRequest, Arc<Desk>) {
    let desk = Arc::new(Desk::default());
    let mut asked = request(code);
    (asked.limits, asked.tools) = (limits(set), Some(Arc::clone(&desk) as Arc<dyn Tools>));
    (asked, desk)
}

const PYTHON: &str = r#"
import inspect, json
from ringfence import tools, ToolError
print(inspect.signature(tools.search), tools.search.__doc__, dir(tools))
print(json.dumps([tools.search("a", max_results=3), tools.search(q="b"), tools["get-all"](x=1), tools.get_all(**{"max-results": 2})]))
for wrong in [lambda: tools.search(1), lambda: tools.search(), lambda: tools.search("a", more=1), lambda: tools.nothing]:
    try:
        wrong()
    except (TypeError, AttributeError) as error:
        print(type(error).__name__, error)
try:
    tools.search("fail")
except ToolError as error:
    print(error.code, error.message, error.retry)
"#;

const JAVASCRIPT: &str = r#"
import { tools, ToolError } from "ringfence";
console.log(tools.search.about, Object.keys(tools).join());
console.log(JSON.stringify([tools.search({ q: "a", maxResults: 3 }), tools.search({ q: "b", max_results: 1 }), tools.getAll({ x: 1 })]));
for (const wrong of [() => tools.search({ q: 1 }), () => tools.search(), () => tools.search({ q: "a", more: 1 }), () => tools.nothing]) {
  try { wrong(); } catch (error) { console.log(error.name, error.message); }
}
try { tools.search({ q: "fail" }); } catch (error) { console.log(error instanceof ToolError, error.code, error.message, error.retry); }
"#;

#[tokio::test]
async fn code_calls_tools_as_functions_of_its_language() {
    let (asked, desk) = with_tools(PYTHON, &[]);
    let report = run("python", asked).await;
    text(&report);
    let printed = stdout(&report);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[0], "(q: str, max_results: int = Ellipsis) does search ['get_all', 'search']");
    let got: Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(got[0], json!({"tool": "search", "got": {"q": "a", "max-results": 3}}));
    assert_eq!((&got[1]["got"], &got[2]), (&json!({"q": "b"}), &json!({"tool": "get-all", "got": {"x": 1}})));
    assert_eq!(got[3]["got"], json!({"max-results": 2}));
    assert_eq!(lines[2], "TypeError search: q must be string, not int");
    assert!(lines[3].contains("missing a required argument: 'q'"), "{printed}");
    assert!(lines[4].contains("unexpected keyword argument 'more'"), "{printed}");
    assert_eq!(lines[5], "AttributeError no tool is called 'nothing'; there are: get_all, search");
    assert_eq!(lines[6], "gone no such page True");
    // Of the mistakes nothing left the guest.
    assert_eq!((desk.0.lock().unwrap().len(), report.usage.tool_calls), (5, 5));

    let (asked, desk) = with_tools(JAVASCRIPT, &[]);
    let report = run("javascript", asked).await;
    text(&report);
    let printed = stdout(&report);
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines[0], "does search search,get_all");
    let got: Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!(got[0]["got"], json!({"q": "a", "max-results": 3}));
    assert_eq!((&got[1]["got"], &got[2]["tool"]), (&json!({"q": "b", "max-results": 1}), &json!("get-all")));
    assert_eq!(lines[2], "TypeError search: q must be string, not number");
    assert_eq!(lines[3], "TypeError search: q is missing");
    assert_eq!(lines[4], "TypeError search: more is not known; there are: q, max-results");
    assert_eq!(lines[5], "TypeError no tool is called nothing; there are: search, get_all");
    assert_eq!(lines[6], "true gone no such page true");
    assert_eq!((desk.0.lock().unwrap().len(), report.usage.tool_calls), (4, 4));
}

#[tokio::test]
async fn c07_calls_without_end_reach_their_limit_and_too_much_of_an_answer_is_refused() {
    for (language, code) in [
        ("python", "from ringfence import tools\nwhile True:\n  try: tools.search('a')\n  except Exception: pass"),
        ("javascript", "for (;;) { try { tools.search({ q: 'a' }) } catch {} }"),
    ] {
        let (asked, desk) = with_tools(code, &[(LimitName::ToolCalls, 20)]);
        let report = run(language, asked).await;
        assert_limit(&report, LimitName::ToolCalls);
        assert_eq!((desk.0.lock().unwrap().len(), report.usage.tool_calls), (20, 20), "{language}");
    }
    let much = "from ringfence import tools\ntools.search('much')";
    let (asked, _) = with_tools(much, &[(LimitName::HostcallBytes, 10_000)]);
    let (name, words, _) = failure(&run("python", asked).await);
    assert_eq!(name, "ringfence.tools.ToolError");
    assert!(words.contains("hostcall_bytes allows") && words.ends_with("[too_large]"), "{words}");
    // Huge arguments end the run before they are taken in.
    let huge = "from ringfence import tools\ntools.get_all(x='y' * 5_000_000)";
    let (asked, desk) = with_tools(huge, &[(LimitName::HostcallBytes, 1 << 20)]);
    assert_limit(&run("python", asked).await, LimitName::HostcallBytes);
    assert!(desk.0.lock().unwrap().is_empty());
    // A run that was given none is told so each time.
    let (name, words, _) = failure(&run("python", request("from ringfence import tools\ntools.search('a')")).await);
    assert_eq!((name.as_str(), words.as_str()), ("AttributeError", "no tool is called 'search'; there are: none"));
}

/// Schemas as they are found elsewhere; answers with what it was asked.
struct Found;

impl Tools for Found {
    fn available(&self) -> Vec<ToolDescription> {
        let tool = |name: &str, schema: Value| ToolDescription {
            name: name.into(),
            about: format!("does {name}"),
            input_schema: schema.to_string(),
        };
        let mail = json!({
            "type": "object", "additionalProperties": false, "required": ["from"],
            "properties": {"from": {"type": ["string", "null"]}, "class": {}, "self": {}, "name": {}, "more": {}}
        });
        let query = json!({
            "type": "object", "additionalProperties": false, "required": ["$filter"],
            "properties": {"$filter": {"type": "integer"}, "maxResults": {"type": "integer"}}
        });
        let twins = json!({
            "type": "object", "properties": {"max-results": {}, "max_results": {}}, "additionalProperties": {"type": "string"}
        });
        vec![tool("mail", mail), tool("getAll", query), tool("get-one", twins), tool("open", json!({"type": "object"}))]
    }

    fn call(&self, _: String, input: String) -> ToolAnswer {
        Box::pin(async { Ok(input) })
    }
}

const SCHEMAS: &str = r#"
import inspect, json
from ringfence import tools
print(inspect.signature(tools.mail), "|", tools.get_all, "|", tools.mail.about, dir(tools))
print(json.dumps([
    tools.mail(from_="a", class_=1, self=2, name=3, more=4),
    tools.mail(**{"from": None}),
    tools.mail("a"),
    tools.get_all(**{"$filter": 3.0, "maxResults": 1}),
    tools.getAll(max_results=1, **{"$filter": 3}),
    tools["get-all"](**{"$filter": 3, "max-results": 1}),
    tools.getOne(max_results=1),
    tools.get_one(maxResults=1, other="x"),
    tools["get_one"](**{"max-results": 1, "max_results": 2}),
    tools.open(self=1, name=2, args=3, **{"$x": 4}),
]))
for wrong in [
    lambda: tools.mail(), lambda: tools.mail("a", other=1), lambda: tools.mail("a", **{"from": "b"}), lambda: tools.mail(1),
    lambda: tools.get_all(), lambda: tools.get_all(**{"$filter": 3.5}), lambda: tools.open(1),
]:
    try:
        print(wrong())
    except TypeError as error:
        print(error)
"#;

#[tokio::test]
async fn python_calls_tools_whatever_their_names_and_schemas() {
    let mut asked = request(SCHEMAS);
    asked.tools = Some(Arc::new(Found) as Arc<dyn Tools>);
    let report = run("python", asked).await;
    text(&report);
    let printed = stdout(&report);
    let lines: Vec<_> = printed.lines().collect();
    let mail = "(from_: str | None, class_=Ellipsis, self=Ellipsis, name=Ellipsis, more=Ellipsis)";
    let get_all = "getAll(maxResults: int = Ellipsis, **more)";
    let names = "['getAll', 'get_one', 'mail', 'open']";
    let first = format!("{mail} | <tool {get_all}: does getAll (by **{{…}} also: $filter)> | does mail {names}");
    assert_eq!(lines[0], first);
    let got: Value = serde_json::from_str(lines[1]).unwrap();
    let expected = json!([
        {"from": "a", "class": 1, "self": 2, "name": 3, "more": 4},
        {"from": null},
        {"from": "a"},
        {"$filter": 3.0, "maxResults": 1},
        {"$filter": 3, "maxResults": 1},
        {"$filter": 3, "maxResults": 1},
        {"max_results": 1},
        {"max_results": 1, "other": "x"},
        {"max-results": 1, "max_results": 2},
        {"self": 1, "name": 2, "args": 3, "$x": 4},
    ]);
    assert_eq!(got, expected);
    assert_eq!(lines[2], format!("mail{mail}: missing a required argument: 'from'"));
    assert_eq!(lines[3], format!("mail{mail}: got an unexpected keyword argument 'other'"));
    assert_eq!(lines[4], format!("mail{mail}: multiple values for argument 'from'"));
    assert_eq!(lines[5], "mail: from must be string or null, not int");
    assert_eq!(lines[6], format!("{get_all}: missing a required argument: '$filter'"));
    assert_eq!(lines[7], "getAll: $filter must be integer, not float");
    assert_eq!(lines[8], "open(**more): too many positional arguments");
    assert_eq!(lines.len(), 9, "{printed}");
}
