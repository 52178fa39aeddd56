//! What a snippet of Python leaves behind when it ends, and what of ours it finds when it begins.

use ringfence::fs_policy::{Level, Policy};
use ringfence::model::Report;

use super::{answer, failure, mount, python, request, run, stdout, text};

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
        ("import io\nfiles = {'a': io.TextIOWrapper(open('a.txt', 'wb'))}\nn = files['a'].write('hello')", 0),
        ("import io\nfiles = [io.BufferedWriter(io.FileIO('a.txt', 'w'))]\nn = files[0].write(b'hello')", 0),
        ("import io\ndef f(to=[io.TextIOWrapper(open('a.txt', 'wb'))]): to[0].write('hello')\nf()", 0),
        ("f = open('a.txt', 'w')\nclass Last:\n    def __del__(self): f.write('hello')\nlast = Last()", 0),
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

/// The driver has names of its own, which begin with an underscore and with ours.
#[tokio::test]
async fn no_name_that_a_snippet_may_want_for_a_module_is_the_drivers() {
    let names = ["app", "runtime", "wit_world", "bundle", "wire", "session", "values", "world"];
    for name in names {
        let (kind, words, _) = failure(&python(&format!("import {name}")).await);
        assert_eq!((kind.as_str(), words), ("ModuleNotFoundError", format!("No module named '{name}'")));
    }
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::write(folder.path().join(format!("{name}.py")), format!("whose = 'the snippet, {name}'\n")).unwrap();
    }
    let code = format!("import {}\n[m.whose for m in ({},)]", names.join(", "), names.join(", "));
    let wanted: Vec<_> = names.iter().map(|name| format!("'the snippet, {name}'")).collect();
    assert_eq!(text(&in_folder(folder.path(), &code).await), format!("[{}]", wanted.join(", ")));
    // Nor is there one among what is imported already, whatever it is called.
    let code = "import sys\nstd = {*sys.stdlib_module_names, '__main__', '__mp_main__', 'ringfence', 'componentize_py_types', 'componentize_py_runtime'}\n\
                sorted({m.partition('.')[0] for m in sys.modules} - std)";
    let found = text(&python(code).await);
    assert_eq!(found, "['_ringfence', '_ringfence_app', '_ringfence_world', '_sysconfigdata__wasi_wasm32-wasi']");
}

/// What the library draws from, by itself or for others; none of it is of the image.
#[tokio::test]
async fn each_start_draws_its_own_of_everything() {
    let code = "import os, random, secrets, tempfile, uuid, email.utils\n\
                '|'.join(map(str, [random.random(), random.Random().random(), random.SystemRandom().random(), \
                random.sample(range(10 ** 9), 2), secrets.token_hex(8), secrets.randbits(64), os.urandom(8).hex(), uuid.uuid1().node, \
                uuid.uuid4(), uuid.uuid7(), next(tempfile._get_candidate_names()), email.utils.make_msgid(domain='a')]))";
    let (one, two) = (text(&python(code).await), text(&python(code).await));
    let parts = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(parts(&one).len(), 12, "{one}");
    for (one, two) in parts(&one).iter().zip(parts(&two)) {
        assert_ne!(*one, two);
    }
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

/// To look for finalizers is bounded, whatever links to whatever, and asks no class of the snippet's.
#[tokio::test]
async fn the_end_of_large_and_of_strange_data_is_the_end_of_the_run() {
    let large = "import collections, datetime\nnow = datetime.datetime(2024, 1, 1)\n\
        nodes = [[n] for n in range(4000)]\n\
        for n, node in enumerate(nodes): node.append([nodes[n - 1], nodes[(n + 1) % 4000]])\n\
        nodes[3].append(collections.Counter())\nrows = [{'a': n, 'b': [n]} for n in range(100000)]\nlen(nodes)";
    let report = python(large).await;
    assert_eq!(text(&report), "4000");
    let without =
        python(&large.replace("now = datetime.datetime(2024, 1, 1)", "").replace("collections.Counter()", "1")).await;
    assert_eq!(text(&without), "4000");
    assert!(report.usage.fuel < without.usage.fuel + 1_500_000_000, "{} {}", report.usage.fuel, without.usage.fuel);
    let strange = "class Kind(type):\n    def __eq__(self, other): raise ValueError\n\
        class Odd(metaclass=Kind): pass\n\
        class Told:\n    def __init__(self, n): self.n = n\n    def __del__(self): print('end of', self.n, globals().pop('second', None))\n\
        odd, first, second, third, __fourth = Odd(), [Told(1)], [Told(2)], [Told(3)], Told(4)\n\
        inner = {'odd': Odd()}";
    let report = python(strange).await;
    let mut lines: Vec<_> = stdout(&report).lines().map(|line| line[..8].to_owned()).collect();
    lines.sort();
    assert_eq!(lines, ["end of 1", "end of 2", "end of 3", "end of 4"], "{report:?}");
}

/// What a finalizer holds it has whole, and what the snippet only looked at is left as it is.
#[tokio::test]
async fn finalizers_at_the_end_find_what_they_hold() {
    let code = "import json, os, sys\nnotes = []\n\
        class Worker:\n    def __init__(self, n): self.n, self.out = n, notes\n\
        \x20   def __del__(self): print(self.n, json.dumps(self.out), notes, len(table['plain']), len(sys.path) >= 0)\n\
        table = {'plain': [[1, 2], {'deep': (3,)}], 'worker': Worker(7)}\nworkers = [Worker(n) for n in range(2)]\n\
        for worker in workers: notes.append({'n': worker.n})\n\
        del worker\nlooked, modules, inner, space = vars(sys), sys.modules, vars(json), vars(os)\n'ended'";
    let report = python(code).await;
    assert_eq!(text(&report), "'ended'");
    let mut lines: Vec<_> = stdout(&report).lines().map(str::to_owned).collect();
    lines.sort();
    let held = r#"[{"n": 0}, {"n": 1}] [{'n': 0}, {'n': 1}] 2 True"#;
    assert_eq!(lines, [0, 1, 7].map(|n| format!("{n} {held}")));
}

/// As where a process ends: each finds what the snippet had, wherever it is held.
#[tokio::test]
async fn finalizers_at_the_end_are_found_wherever_they_are_held() {
    let told = "import collections, logging, re, sys\nlogging.basicConfig(stream=sys.stdout, level=20, format='%(message)s')\n\
        logger, count, word = logging.getLogger('x'), collections.Counter('aab'), re.compile('a')\n\
        class Told:\n    def __init__(self, name): self.name = name\n\
        \x20   def __del__(self): logger.info('%s %s %s', self.name, count['a'], word.findall('aa'))\n\
        def waiting():\n    try: yield\n    finally: logger.info('%s %s %s', 'generator', count['a'], word.findall('aa'))\n\
        def holding(thing): return lambda: thing\n\
        class Pool: all = [Told('list of a class')]\nPool.one = Told('class')\n\
        def f(of=Told('default')): pass\nf.kept = Told('function')\nheld = holding(Told('closure'))\n\
        it = waiting(); next(it); inner = holding(it); del it\nbound = [Told('method')].append\n\
        last = Told('variable')\n'ended'";
    let report = python(told).await;
    assert_eq!(text(&report), "'ended'");
    let mut lines: Vec<_> = stdout(&report).lines().map(str::to_owned).collect();
    lines.sort();
    let names = ["class", "closure", "default", "function", "generator", "list of a class", "method", "variable"];
    assert_eq!(lines, names.map(|name| format!("{name} 2 ['a', 'a']")), "{report:?}");
}

#[tokio::test]
async fn a_mark_of_utf_8_is_no_part_of_the_code() {
    assert_eq!(text(&python("\u{feff}x = 1\nx + 1").await), "2");
    assert_eq!(failure(&python("\u{feff}1 / 0").await).2, Some(1));
}
