//! What a snippet of Python leaves behind when it ends, and what of ours it finds when it begins.

use ringfence::fs_policy::{Level, Policy};
use ringfence::model::Report;

use super::{answer, mount, python, request, run, text};

async fn in_folder(folder: &std::path::Path, code: &str) -> Report {
    let mut asked = request(code);
    asked.mounts = vec![mount(folder, Policy::all(Level::Write))];
    run("python", asked).await
}

#[tokio::test]
async fn files_that_nobody_closes_are_written_out() {
    for (code, exit) in [
        ("f = open('a.txt', 'w')\nf.write('hello')", 0),
        ("import pathlib\nf = pathlib.Path('a.txt').open('w')\nprint('hello', end='', file=f)", 0),
        ("import os\nf = os.fdopen(os.open('a.txt', os.O_CREAT | os.O_WRONLY), 'w')\nf.write('hello')", 0),
        ("class Kept: pass\nkept = Kept()\nkept.f = open('a.txt', 'wb')\nkept.f.write(b'hello')", 0),
        ("f = open('a.txt', 'w')\nf.write('hello')\nraise SystemExit(3)", 3),
        ("f = open('a.txt', 'w')\nf.write('hello')\n1 / 0", 1),
        ("import builtins\nf = open('a.txt', 'w')\nf.write('hello')\nbuiltins.BaseException = None", 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let report = in_folder(folder.path(), code).await;
        assert_eq!(answer(&report).0, exit, "{code}: {report:?}");
        assert_eq!(std::fs::read_to_string(folder.path().join("a.txt")).unwrap(), "hello", "{code}");
    }
}

#[tokio::test]
async fn frames_of_a_module_of_the_snippets_are_its_own_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("runtime")).unwrap();
    std::fs::write(folder.path().join("runtime/app.py"), "def go():\n    return 1 / 0\n").unwrap();
    let code = "import runpy\nrunpy.run_path('/workspace/runtime/app.py')['go']()";
    let traceback = answer(&in_folder(folder.path(), code).await).1.error.unwrap().traceback;
    assert!(traceback.contains("/workspace/runtime/app.py\", line 2, in go"), "{traceback}");
}

/// SQLite has a generator of its own, whose state is in the image.
#[tokio::test]
async fn sqlite_draws_anew_in_each_run() {
    let code = "import sqlite3\nsqlite3.connect(':memory:').execute('select random(), hex(randomblob(8))').fetchone()";
    let (one, two) = (text(&python(code).await), text(&python(code).await));
    let numbers = |text: &str| text.split(", ").map(str::to_owned).collect::<Vec<_>>();
    for (one, two) in numbers(&one).iter().zip(numbers(&two)) {
        assert_ne!(*one, two);
    }
    let ordered = "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('create table t (n)')\n\
                   c.executemany('insert into t values (?)', [(n,) for n in range(50)])\n\
                   rows = [n for n, in c.execute('select n from t order by random()')]\n\
                   [sorted(rows) == list(range(50)), rows == list(range(50))]";
    assert_eq!(text(&python(ordered).await), "[True, False]");
}

#[tokio::test]
async fn a_record_of_the_log_counts_from_the_start_of_the_run() {
    let code = "import logging\n0 <= logging.LogRecord('a', 1, 'b', 1, 'c', None, None).relativeCreated < 60000";
    assert_eq!(text(&python(code).await), "True");
}
