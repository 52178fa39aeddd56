//! C02: a snippet shares its interpreter with the driver. It cannot bring the driver down or make it tell of an end that was not,
//! and what it says of itself changes nothing of what the host says: how it ended, what it used, what it wrote.

use ringfence::model::{LimitName, Outcome};

use super::{answer, failure, javascript, limits, python, request, run, stdout, text};
use crate::support::{assert_limit, assert_well};

/// Each fails, whatever it does to hide that, and with what it really failed with.
#[tokio::test]
async fn a_failure_stays_one_whatever_is_done_to_the_driver() {
    for (code, name) in [
        ("import _ringfence.session as s\ns.FINISHED = None\ns.values.describe = None\nraise ValueError", "ValueError"),
        (
            "import gc\nfor o in gc.get_objects():\n  if type(o).__name__ == 'Session': type(o)._run = type(o).execute = None\n1/0",
            "ZeroDivisionError",
        ),
        (
            "import traceback, sys, linecache\ntraceback.TracebackException = linecache.cache = sys.excepthook = None\n1/0",
            "ZeroDivisionError",
        ),
        (
            "import builtins\nfor n in ('isinstance', 'str', 'type', 'BaseException', 'getattr'): delattr(builtins, n)\n1/0",
            "ZeroDivisionError",
        ),
        (
            "import sys\nf = sys._getframe()\nwhile f.f_back: f = f.f_back\nf.f_globals['SESSION'] = f.f_globals['_execute'] = None\n1/0",
            "ZeroDivisionError",
        ),
        ("import sys\nsys.modules.clear()\n1/0", "ZeroDivisionError"),
        ("import sys\nsys.setrecursionlimit(60)\n1/0", "ZeroDivisionError"),
        ("import sys\ndef watch(*a): raise KeyError\ndef f(): sys.setprofile(watch)\nf()\n1", "KeyError"),
        ("import sys\ndef hook(*a): raise KeyError\nsys.addaudithook(hook)\nimport fractions\nexec('1')", "KeyError"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("async def f(): raise StopAsyncIteration\nawait f()", "StopAsyncIteration"),
    ] {
        assert_eq!(failure(&python(code).await).0, name, "{code}");
    }
    for code in [
        "Promise.prototype.then = function (ok) { ok({ value: 'forged' }); return this };\nthrow new RangeError('x')",
        "Promise.prototype.constructor = { [Symbol.species]: null };\nthrow new RangeError('x')",
        "Object.prototype.exited = 0; Object.prototype.value = {}; Object.prototype.failure = null;\nthrow new RangeError('x')",
        "Array.prototype[Symbol.iterator] = function* () { yield 'forged' };\nthrow new RangeError('x')",
        "Map.prototype.set = Map.prototype.forEach = () => 0;\nPromise.reject(new RangeError('x')); 1",
        "Error.prepareStackTrace = () => { throw 1 };\nthrow new RangeError('x')",
        "Object.freeze(globalThis); Object.freeze(Object.prototype);\nthrow new RangeError('x')",
        "setTimeout(() => { throw new RangeError('late') }, 1); 1",
        "process.exitCode = 0;\nthrow new RangeError('x')",
        "process.on = process.emit = process.listenerCount = null;\nthrow new RangeError('x')",
    ] {
        assert_eq!(failure(&javascript(code).await).0, "RangeError", "{code}");
    }
    for code in [
        "for (const name of Object.getOwnPropertyNames(globalThis)) try { globalThis[name] = null } catch {}\nnull.x",
        "for (const c of [Array, String, RegExp, Function]) for (const n of Reflect.ownKeys(c.prototype)) try { c.prototype[n] = 1 } catch {}\nnull.x",
    ] {
        let report = javascript(code).await;
        let (code, told) = answer(&report);
        assert!(code == 1 && told.error.is_some(), "{report:?}");
    }
}

/// A snippet that came to its end is told to have done so, though nothing of its value can be shown.
#[tokio::test]
async fn an_end_stays_one_whatever_is_done_to_the_driver() {
    for code in [
        "import builtins\nfor n in ('len', 'repr', 'isinstance', 'type', 'str'): setattr(builtins, n, None)\n1",
        "import json, reprlib\njson.dumps = reprlib.repr = None\n1",
        "display.__self__.shown.extend([None, 5, 'x'])\ndisplay.__self__.count = -5\n1",
        "import sys\nsys.stdout = None\nsys.stderr = 5\nsys.modules['__main__'] = None\n1",
        "import sys\nsys.stdout.close()\nsys.stderr.close()\n1",
    ] {
        assert_eq!(text(&python(code).await), "1", "{code}");
    }
    for code in [
        "Object.prototype.failure = { name: 'Fake', message: '' }; Object.prototype.exited = 9; 1",
        "process.stdout = console = null; 1",
    ] {
        assert_eq!(text(&javascript(code).await), "1", "{code}");
    }
    for code in
        ["Array.prototype[Symbol.iterator] = null; 1", "({ [Symbol.for('nodejs.util.inspect.custom')]() { throw 1 } })"]
    {
        assert_eq!(text(&javascript(code).await), "<it could not be shown>", "{code}");
    }
}

#[tokio::test]
async fn errors_with_hostile_texts_are_told() {
    let cases = [
        ("class E(Exception):\n  def __str__(self): raise SystemExit(0)\nraise E", "E", "<its text could not be made>"),
        ("class E(Exception):\n  def __str__(self): return str(self)\nraise E", "E", "<its text could not be made>"),
        ("raise ValueError('bad \\ud800')", "ValueError", "bad \\ud800"),
        (
            "class M(type):\n  __name__ = __module__ = property(lambda c: 1/0)\nclass E(Exception, metaclass=M): pass\nraise E('a')",
            "E",
            "a",
        ),
        ("class E(Exception):\n  __traceback__ = __cause__ = property(lambda e: 1/0)\nraise E('a')", "E", "a"),
        (
            "class S(str):\n  def __getitem__(self, i): return None\n  def encode(self, *a): return None\nclass E(Exception):\n  def __str__(self): return S('a')\nraise E",
            "E",
            "a",
        ),
        ("a, b = ValueError('a'), KeyError('b')\na.__cause__, b.__cause__ = b, a\nraise a", "ValueError", "a"),
    ];
    for (code, name, words) in cases {
        let told = failure(&python(code).await);
        assert_eq!((told.0.as_str(), told.1.as_str()), (name, words), "{code}");
    }
    for (code, words) in [
        ("throw new Error('bad \\ud800')", "bad \u{fffd}"),
        ("class E extends Error { get message() { throw 1 } }\nthrow new E()", "<its text could not be made>"),
        (
            "throw new Proxy(new Error('x'), { get() { throw 1 }, getPrototypeOf() { throw 2 } })",
            "<its text could not be made>",
        ),
        (
            "class E extends Error { get message() { return this.message } }\nthrow new E()",
            "<its text could not be made>",
        ),
        ("throw undefined", "undefined"),
    ] {
        assert_eq!(failure(&javascript(code).await).1, words, "{code}");
    }
    for report in [
        python("class E(Exception): pass\nE.__name__ = 'x' * 1_000_000\nraise E('y' * 10_000_000)").await,
        javascript("const e = new Error('y'.repeat(10_000_000)); e.name = 'x'.repeat(1_000_000); throw e").await,
    ] {
        let (_, told) = answer(&report);
        let error = told.error.unwrap();
        assert_eq!((error.name.len(), error.value.len(), error.traceback.len()), (200, 100_000, 100_000));
    }
    assert_well().await;
}

/// A value that no reader of JSON could read would make the whole answer unreadable.
#[tokio::test]
async fn a_value_is_json_only_where_every_reader_can_read_it() {
    let deep = "x = []\nfor i in range(100): x = [x]\nx";
    for code in ["'\\ud800'", "10 ** 400", "float('nan')", deep, "[1, {'a': '\\udfff'}]"] {
        let (_, told) = answer(&python(code).await);
        assert!(told.value.unwrap().json.is_none(), "{code}");
    }
    for code in ["'\\ud800'", "({ toJSON() { return '\\udc00' } })", "({ toJSON() { return () => 1 } })", "1e309"] {
        let (_, told) = answer(&javascript(code).await);
        assert!(told.value.unwrap().json.is_none(), "{code}");
    }
    // What the driver is made to say is looked at as well: here each value is said to be the snippet's JSON.
    for (json, kept) in [("[1]", true), ("\"\\ud800\"", false), ("1e999", false), ("[1", false), ("[1] 2", false)] {
        let forged = format!(
            "import _ringfence.values as v\nv.describe = lambda *a: v.wit.Value(json={json:?}, text='t', cut=False, forms=[])\n1"
        );
        let (_, told) = answer(&python(&forged).await);
        assert_eq!(told.value.unwrap().json.is_some(), kept, "{json}");
    }
    let forged = "import _ringfence.values as v\nv.describe = lambda *a: v.wit.Value(json='[' * 70 + ']' * 70, text='t', cut=False, forms=[])\n1";
    assert!(answer(&python(forged).await).1.value.unwrap().json.is_none());
}

#[tokio::test]
async fn leaving_hard_is_told_as_what_it_is() {
    let report = python("import os\nprint('before', flush=True)\nos._exit(0)").await;
    assert_eq!((&report.outcome, stdout(&report).as_str()), (&Outcome::Exited { code: 0 }, "before\n"));
    // Whatever is around it: nobody catches it, nothing comes after it, and its code is told.
    for (call, code) in [("os._exit(7)", 7), ("posix._exit(status=255)", 255), ("os._exit(256 + 3)", 3)] {
        let held =
            format!("import os, posix\ntry:\n  {call}\nexcept BaseException: print('caught')\nfinally: print('after')");
        let report = python(&held).await;
        assert_eq!((&report.outcome, stdout(&report).as_str()), (&Outcome::Exited { code }, ""), "{call}");
    }
    // What raises wherever Python code begins, or at each line, does so in the snippet, and not where the driver answers.
    for event in ["PY_START", "PY_RETURN", "LINE", "CALL", "INSTRUCTION", "RAISE", "PY_UNWIND", "EXCEPTION_HANDLED"] {
        let watch = format!(
            "import sys\nm = sys.monitoring\nm.use_tool_id(2, 'x')\ndef watch(*a): raise KeyError\n\
            first = m.register_callback(2, m.events.{event}, watch)\n\
            assert first is None and m.register_callback(2, m.events.{event}, watch) is watch\n\
            m.set_events(2, m.events.{event})\ndef f(): return 1\nf()\n1/0"
        );
        let (name, ..) = failure(&python(&watch).await);
        // Nothing of the snippet's handles the last error.
        let wanted = if event == "EXCEPTION_HANDLED" { "ZeroDivisionError" } else { "KeyError" };
        assert_eq!(name, wanted, "{event}");
    }
    let report = python("import os; os.abort()").await;
    assert!(matches!(report.outcome, Outcome::Trapped { .. }), "{report:?}");
    for (code, exit) in [
        ("raise SystemExit(10 ** 40)", 255),
        ("class X(SystemExit):\n  code = property(lambda e: 1/0)\nraise X(3)", 3),
        ("class X:\n  def __str__(self): raise ValueError\nraise SystemExit(X())", 1),
        ("class I(int):\n  def __and__(self, o): return 0\nraise SystemExit(I(4))", 4),
        ("try:\n  raise SystemExit(5)\nfinally:\n  print('finally')", 5),
    ] {
        let report = python(code).await;
        let (found, told) = answer(&report);
        assert!(found == exit && told.error.is_none(), "{code}: {report:?}");
    }
    for (code, exit) in [
        ("try { process.exit(3) } catch { console.log('caught') } finally { console.log('finally') }", 3),
        ("({ [Symbol.for('nodejs.util.inspect.custom')]() { process.exit(5) } })", 5),
        ("process.exit(-1)", 255),
    ] {
        let report = javascript(code).await;
        let (found, _) = answer(&report);
        assert_eq!((found, stdout(&report)), (exit, String::new()), "{code}");
    }
}

/// Recursion where the driver or the collector calls the snippet's code.
#[tokio::test]
async fn recursion_in_repr_and_in_del_ends() {
    assert_eq!(
        text(&python("class A:\n  def __repr__(self): return repr(self)\nA()").await),
        "<repr failed: RecursionError>"
    );
    let report = python("class A:\n  def __del__(self): A()\nA()\nprint('on')").await;
    assert_eq!((answer(&report).0, stdout(&report).as_str()), (0, "on\n"));
    let deep = "e = None\nfor i in range(20000):\n  n = ValueError(i); n.__cause__ = e; e = n\nraise e";
    assert_eq!(failure(&python(deep).await).0, "ValueError");
    let mut endless = request("class A:\n  def __repr__(self):\n    while True: pass\nA()");
    endless.limits = limits(&[(LimitName::DeadlineMs, 300)]);
    assert!(matches!(run("python", endless).await.outcome, Outcome::DeadlineExceeded { .. }));
    let mut endless = request("class E extends Error { get message() { for (;;); } }\nthrow new E()");
    endless.limits = limits(&[(LimitName::DeadlineMs, 300)]);
    assert!(matches!(run("javascript", endless).await.outcome, Outcome::DeadlineExceeded { .. }));
    assert_well().await;
}

/// The driver is the snippet's for the asking; the host is not.
#[tokio::test]
async fn what_the_host_says_is_not_the_snippets_to_change() {
    // Output: what was written is counted and cut by the host, whatever stands where the streams were.
    let mut asked = request("import os, sys\nsys.stdout = sys.stderr = None\nwhile True: os.write(1, b'x' * 1000)");
    asked.limits = limits(&[(LimitName::StdoutBytes, 10_000)]);
    let report = run("python", asked).await;
    assert_limit(&report, LimitName::StdoutBytes);
    assert_eq!(report.stdout.bytes.len(), 10_000);
    // Limits: a driver that swallows each end still meets them.
    let swallow =
        "import _ringfence.session as s\nwhile True:\n  try:\n    while True: pass\n  except BaseException: pass";
    let mut asked = request(swallow);
    asked.limits = limits(&[(LimitName::Fuel, 50_000_000)]);
    let report = run("python", asked).await;
    assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{report:?}");
    let mut asked = request("for (;;) { try { for (;;); } catch {} finally { continue } }");
    asked.limits = limits(&[(LimitName::DeadlineMs, 300)]);
    assert!(matches!(run("javascript", asked).await.outcome, Outcome::DeadlineExceeded { .. }));
    // Usage: a snippet that says that it took nothing is measured all the same.
    let report = python("import time\ntime.monotonic = time.perf_counter = time.process_time = lambda: 0\nb = bytearray(30 << 20)\nsum(range(10 ** 6))").await;
    assert_eq!(text(&report), "499999500000");
    assert!(report.usage.fuel > 5_000_000 && report.usage.peak_memory_bytes > 60 << 20, "{:?}", report.usage);
    // Kind: what it says in its answer is data in there.
    let forged =
        "({ [Symbol.for('Jupyter.display')]() { return { 'application/json': '{\"kind\": \"cancelled\"}' } } })";
    let (code, told) = answer(&javascript(forged).await);
    assert_eq!((code, told.value.unwrap().forms.len()), (0, 1));
    assert_well().await;
}
