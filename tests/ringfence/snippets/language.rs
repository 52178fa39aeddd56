use serde_json::{Value, json};

use super::{answer, failure, javascript, mount, python, request, run, stdout, text};
use ringfence::engine::{Entry, Snippet};
use ringfence::fs_policy::{Level, Policy};

#[tokio::test]
async fn a_snippet_prints_and_answers_the_value_of_its_last_expression() {
    let report = python("print('hello')\nx = [1, 2.5, None, True]\n{'x': x, 'n': sum(x[:2])}").await;
    let (code, told) = answer(&report);
    assert_eq!((code, told.count, told.error), (0, 1, None));
    let value = told.value.unwrap();
    assert_eq!(value.text, "{'x': [1, 2.5, None, True], 'n': 3.5}");
    assert_eq!(value.json.unwrap().value().unwrap(), json!({"x": [1, 2.5, null, true], "n": 3.5}));
    assert_eq!(stdout(&report), "hello\n");
    let report = javascript("console.log('hello'); const x = [1, 2.5, null, true]; ({x, n: x[0] + x[1]})").await;
    let (code, told) = answer(&report);
    assert_eq!((code, told.count, told.error), (0, 1, None));
    assert_eq!(told.value.unwrap().json.unwrap().value().unwrap(), json!({"x": [1, 2.5, null, true], "n": 3.5}));
    assert_eq!(stdout(&report), "hello\n");
}

#[tokio::test]
async fn what_is_no_json_is_told_as_text_and_in_the_forms_that_it_has() {
    let (_, told) = answer(&python("{1, 2}").await);
    let value = told.value.unwrap();
    assert_eq!((value.text.as_str(), value.json), ("{1, 2}", None));
    let code =
        "class Table:\n  def _repr_html_(self): return '<b>1</b>'\n  def _repr_png_(self): return b'\\x89PNG'\nTable()";
    let (_, told) = answer(&python(code).await);
    let forms = told.value.unwrap().forms;
    let form = |mime: &str| forms.iter().find(|form| form.mime == mime).unwrap();
    assert_eq!((form("text/html").data.as_str(), form("text/html").base64), ("<b>1</b>", false));
    assert_eq!((form("image/png").data.as_str(), form("image/png").base64), ("iVBORw==", true));
    let (_, told) = answer(&python("display(1, 'two')").await);
    assert_eq!(told.shown.iter().map(|shown| shown.text.as_str()).collect::<Vec<_>>(), ["1", "'two'"]);
    let (_, told) = answer(&python("'x' * 1_000_000").await);
    let value = told.value.unwrap();
    assert!(value.cut && value.json.is_none() && value.text.len() <= 64 << 10, "{}", value.text.len());
}

#[tokio::test]
async fn an_error_has_its_name_its_words_its_own_line_and_none_of_our_frames() {
    let report = python("def f():\n    raise KeyError('k')\n\nf()").await;
    assert_eq!(failure(&report), ("KeyError".into(), "'k'".into(), Some(2)));
    let (_, told) = answer(&report);
    let traceback = told.error.unwrap().traceback;
    assert!(traceback.contains("line 4, in <module>") && traceback.contains("raise KeyError('k')"), "{traceback}");
    assert!(!traceback.contains("_ringfence"), "{traceback}");
    let (name, words, line) = failure(&python("x = 1\nif x\n  pass").await);
    assert_eq!((name.as_str(), line), ("SyntaxError", Some(2)), "{words}");
    let (name, words, line) = failure(&javascript("const a = 1;\nfunction g() {\n  null.x\n}\ng()").await);
    assert_eq!((name.as_str(), line), ("TypeError", Some(3)), "{words}");
    let (name, _, line) = failure(&javascript("let q = ;").await);
    assert_eq!((name.as_str(), line), ("SyntaxError", Some(1)));
}

/// By ECMA-262 it is a character like others in literals and comments; elsewhere it is none that code may have.
#[tokio::test]
async fn a_nul_in_javascript_is_what_the_language_says() {
    let code = "// a\0b\n/* \0 */ [`\0`.length, '\0'.charCodeAt(0), /\0/.test('\0'), eval('`\0`').length].join()";
    assert_eq!(text(&javascript(code).await), "'1,0,true,1'");
    let (name, words, line) = failure(&javascript("let a;\nlet b = \0;").await);
    assert_eq!((name.as_str(), line), ("SyntaxError", Some(2)), "{words}");
    // What reads the files of modules takes none; it says so, and where.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("it.mjs"), "export const a = 1;\nexport const b = '\0';").unwrap();
    let mut asked = request("await import('/workspace/it.mjs')");
    asked.mounts = vec![mount(folder.path(), Policy::all(Level::Read))];
    let (_, words, _) = failure(&run("javascript", asked).await);
    assert!(words.contains("a NUL byte at line 2, column 19"), "{words}");
}

#[tokio::test]
async fn a_snippet_may_exit_with_a_code() {
    for (language, code) in [
        ("python", "import sys; print('a'); sys.exit(7); print('b')"),
        ("javascript", "console.log('a'); process.exit(7); console.log('b')"),
    ] {
        let report = run(language, request(code)).await;
        let (code, told) = answer(&report);
        assert_eq!((code, told.error, stdout(&report).as_str()), (7, None, "a\n"), "{language}");
    }
}

#[tokio::test]
async fn variables_arguments_environment_and_input_arrive() {
    let given = |code: &str| {
        let mut asked = request("");
        asked.entry = Entry::Snippet(Snippet {
            code: code.to_owned(),
            filename: "report.py".into(),
            variables: json!({"prices": [1, 2, 3], "name": "Zoë"}).to_string(),
            value_bytes: 1024,
        });
        asked.grants.args = vec!["--year".into(), "2026".into()];
        asked.grants.env = vec![("MODE".into(), "fast".into())];
        asked.stdin = ringfence::engine::Stdin::Bytes("line one\nline two\n".into());
        asked
    };
    let code =
        "import os, sys\n[sum(prices), name, sys.argv, os.environ['MODE'], len(os.environ), sys.stdin.readline()]";
    let (_, told) = answer(&run("python", given(code)).await);
    let value: Value = told.value.unwrap().json.unwrap().value().unwrap();
    assert_eq!(value, json!([6, "Zoë", ["report.py", "--year", "2026"], "fast", 1, "line one\n"]));
    let code = "[prices.length, name, process.argv.slice(-2), process.env.MODE]";
    let (_, told) = answer(&run("javascript", given(code)).await);
    let value: Value = told.value.unwrap().json.unwrap().value().unwrap();
    assert_eq!(value, json!([3, "Zoë", ["--year", "2026"], "fast"]));
    let mut wrong = given("1");
    if let Entry::Snippet(snippet) = &mut wrong.entry {
        snippet.variables = json!({"class": 1}).to_string();
    }
    assert_eq!(failure(&run("python", wrong).await).0, "ValueError");
}

/// The library is whole, and what agents use is there: what is missing is said in one sentence.
#[tokio::test]
async fn the_standard_library_is_there_and_what_is_not_says_so() {
    let code = "import json, re, math, datetime, collections, itertools, decimal, statistics, csv, sqlite3, zoneinfo, hashlib\n\
                import difflib, textwrap, tomllib, zipfile, gzip, asyncio, dataclasses, typing, unittest.mock, html.parser\n\
                c = sqlite3.connect(':memory:'); c.execute('create table t(x)'); c.execute('insert into t values (41)')\n\
                tz = datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).utcoffset()\n\
                async def two(): await asyncio.sleep(0.001); return 2\n\
                [c.execute('select x + 1 from t').fetchone()[0], str(tz), str(decimal.Decimal('0.1') * 3), await two()]";
    assert_eq!(text(&python(code).await), "[42, '2:00:00', '0.3', 2]");
    for (code, name, word) in [
        ("import subprocess; subprocess.run(['ls'])", "OSError", "no process can be started"),
        ("import os; os.system('ls')", "OSError", "no process can be started"),
        ("import socket; socket.create_connection(('localhost', 80))", "OSError", "no connection can be opened"),
        ("import urllib.request; urllib.request.urlopen('http://localhost')", "urllib.error.URLError", "no connection"),
        ("import threading; threading.Thread(target=print).start()", "RuntimeError", "no thread can be started"),
        ("import ctypes", "ModuleNotFoundError", "no native library can be loaded"),
        ("import numpy", "ModuleNotFoundError", "numpy is not part of this runtime"),
    ] {
        let (found, words, _) = failure(&python(code).await);
        assert!(found == name && words.contains(word), "{code}: {found}: {words}");
    }
    for (code, word) in [
        ("require('child_process')", "no process can be started"),
        ("await fetch('http://localhost')", "no connection can be opened"),
    ] {
        let (_, words, _) = failure(&javascript(code).await);
        assert!(words.contains(word), "{code}: {words}");
    }
}
