//! Where Python inside is not what it is outside: one sentence says so; and what it says is said once, where CPython says it.

use super::{answer, failure, python, request, run, stdout, text};

/// What each of these fails with, and what its sentence has.
const ABSENT: &[(&str, &str, &str)] = &[
    ("import multiprocessing; multiprocessing.Pool(2)", "OSError", "no process can be started"),
    ("from multiprocessing import Pool; Pool()", "OSError", "no process can be started"),
    ("import multiprocessing; multiprocessing.Process(target=print).start()", "OSError", "no process can be started"),
    ("import multiprocessing as m; m.get_context().Queue()", "OSError", "no process can be started"),
    ("import multiprocessing; multiprocessing.Value('i', 0)", "OSError", "no process can be started"),
    ("import concurrent.futures as f; f.ProcessPoolExecutor()", "OSError", "no process can be started"),
    (
        "import concurrent.futures as f; f.ThreadPoolExecutor().submit(print)",
        "RuntimeError",
        "no thread can be started",
    ),
    ("import asyncio; await asyncio.create_subprocess_shell('ls')", "OSError", "no process can be started"),
    ("import asyncio; await asyncio.create_subprocess_exec('ls', '-l')", "OSError", "no process can be started"),
    ("import asyncio; await asyncio.open_connection('localhost', 80)", "OSError", "no connection can be opened"),
    (
        "import asyncio, signal; asyncio.new_event_loop().add_signal_handler(signal.SIGINT, print)",
        "NotImplementedError",
        "no signal arrives",
    ),
    ("import os; os.kill(os.getpid(), 9)", "OSError", "there is no other process"),
    ("import os; os.fork()", "OSError", "no process can be started"),
    ("import os; os.waitpid(-1, 0)", "OSError", "there is no other process"),
    ("import os; os.execv('/bin/ls', ['ls'])", "OSError", "no process can be started"),
    ("import os; os.execlp('ls', 'ls')", "OSError", "no process can be started"),
    ("import os; os.spawnvp(0, 'ls', ['ls'])", "OSError", "no process can be started"),
    ("import os; os.posix_spawnp('ls', ['ls'], {})", "OSError", "no process can be started"),
    ("import os; os.pipe()", "AttributeError", "os.pipe is not available: no pipe can be made"),
    ("import os; os.getuid()", "AttributeError", "os.getuid is not available: there are no users"),
    ("import os; os.chown('nope', 0, 0)", "AttributeError", "there are no users"),
    ("import os; os.get_terminal_size()", "AttributeError", "there is no terminal"),
    ("import shutil; shutil.disk_usage('/')", "OSError", "not told inside the fence"),
    ("import signal; signal.alarm(1)", "AttributeError", "is not available: no signal arrives"),
    ("import signal; signal.setitimer(signal.ITIMER_REAL, 1)", "AttributeError", "is not available: no signal arrives"),
    ("import time; time.tzset()", "AttributeError", "time.tzset is not available: local time is UTC"),
    ("import threading; threading.Timer(1, print).start()", "RuntimeError", "no thread can be started"),
    ("import threading; threading.Event().wait()", "RuntimeError", "this would wait for ever"),
    ("import queue; queue.Queue().get()", "RuntimeError", "this would wait for ever"),
    ("import queue; queue.SimpleQueue().get()", "RuntimeError", "this would wait for ever"),
    ("import concurrent.futures as f; f.Future().result()", "RuntimeError", "this would wait for ever"),
    ("import _thread; _thread.start_new_thread(print, ())", "RuntimeError", "no thread can be started"),
    ("import socket; socket.socket()", "OSError", "no connection can be opened"),
    ("import socket; socket.getaddrinfo('localhost', 80)", "OSError", "no connection can be opened"),
    ("import socket; socket.AF_UNIX", "AttributeError", "no connection can be opened"),
    ("import select; select.epoll()", "AttributeError", "no connection can be opened"),
    (
        "import urllib.request; urllib.request.urlopen('https://localhost')",
        "urllib.error.URLError",
        "no connection can be",
    ),
    (
        "import http.client; http.client.HTTPSConnection('localhost').request('GET', '/')",
        "OSError",
        "no connection can be",
    ),
    ("import ctypes.util", "ModuleNotFoundError", "no native library can be loaded"),
];

#[tokio::test]
async fn what_python_has_not_inside_says_so_in_one_sentence() {
    let mut wrong = Vec::new();
    for (code, name, words) in ABSENT {
        let (found, said, _) = failure(&python(code).await);
        if found != *name || !said.contains(words) || said.contains('\n') || said.contains("Did you mean") {
            wrong.push(format!("{code}: {found}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Who looks before he asks is told that it is not there, and what is misspelt is still that.
    let code = "import os, signal, time\n[hasattr(os, 'getuid'), hasattr(signal, 'alarm'), hasattr(time, 'tzset')]";
    assert_eq!(text(&python(code).await), "[False, False, False]");
    let (_, told) = answer(&python("import os\nos.lisdir('.')").await);
    let traceback = told.error.unwrap().traceback;
    assert!(traceback.ends_with("module 'os' has no attribute 'lisdir'. Did you mean: 'listdir'?\n"), "{traceback}");
}

#[tokio::test]
async fn the_clock_of_the_processor_begins_with_the_run_and_stands_still_in_sleep() {
    let code = "import time\nbegan = time.process_time()\ntime.sleep(0.2)\nslept = time.process_time() - began\n\
                n = sum(range(200_000))\nworked = time.thread_time() - began - slept\n\
                [0 <= began < 5, 0 <= slept < 0.15, worked > 0, 0 <= time.process_time_ns() < 10 ** 10,\n\
                0 <= __import__('os').times().user < 5, time.get_clock_info('thread_time').monotonic]";
    assert_eq!(text(&python(code).await), "[True, True, True, True, True, True]");
}

#[tokio::test]
async fn a_zone_that_the_environment_asks_for_is_told_to_have_no_effect() {
    for (zone, told) in [("Europe/Berlin", true), ("UTC", false), (":Etc/UTC", false)] {
        let mut asked = request(
            "import time, datetime\n[time.tzname, time.localtime(0)[:4], datetime.datetime.now().astimezone().utcoffset()]",
        );
        asked.grants.env = vec![("TZ".into(), zone.into())];
        let report = run("python", asked).await;
        assert_eq!(text(&report), "[('UTC', 'UTC'), (1970, 1, 1, 0), datetime.timedelta(0)]");
        let said = String::from_utf8(report.stderr.bytes.clone()).unwrap();
        assert_eq!(said.contains("has no effect inside the fence, where local time is UTC"), told, "{zone}: {said}");
        assert!(said.lines().count() <= 1, "{said}");
    }
}

#[tokio::test]
async fn what_the_compiler_warns_of_is_said_once() {
    for (code, count) in
        [("\"\\d\" +", 1), ("x = \"\\d\"", 1), ("\"\\d\"", 1), ("x=\"\\d\"", 1), ("print(1 is 1)", 1), ("1 + 1", 0)]
    {
        let report = python(code).await;
        let said = String::from_utf8(report.stderr.bytes.clone()).unwrap();
        assert_eq!(said.matches("SyntaxWarning").count(), count, "{code}: {said}");
    }
}

#[tokio::test]
async fn frames_of_what_drives_a_snippet_are_shown_by_nobody() {
    let code = "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    raise ValueError('x')\nawait f()";
    let (_, told) = answer(&python(code).await);
    let error = told.error.unwrap();
    let frames: Vec<_> = error.traceback.lines().filter(|line| line.starts_with("  File ")).collect();
    let own = ["  File \"<snippet>\", line 5, in <module>", "  File \"<snippet>\", line 4, in f"];
    assert_eq!((frames.as_slice(), error.line), (&own[..], Some(4)), "{}", error.traceback);
    // What the snippet itself asks of asyncio is its own.
    let (_, told) = answer(&python(&code.replace("await f()", "asyncio.run(f())")).await);
    assert!(told.error.unwrap().traceback.contains("asyncio/runners.py"));
    let code = "import logging, traceback\nlogging.getLogger('x').error('%d', 'no number')\ntraceback.print_stack()";
    let said = String::from_utf8(python(code).await.stderr.bytes).unwrap();
    assert!(said.contains("in <module>") && !said.contains("session.py") && !said.contains("app.py"), "{said}");
}

/// The hook had the whole error; what it did not tell is not told in its stead. One that fails is told with what it was to tell.
#[tokio::test]
async fn a_hook_for_uncaught_errors_tells_of_them_in_place_of_the_traceback() {
    let report =
        python("import sys\nsys.excepthook = lambda kind, error, trace: print('hook', kind.__name__)\n1 / 0").await;
    let error = answer(&report).1.error.unwrap();
    assert_eq!((error.name.as_str(), error.traceback.as_str(), error.line), ("ZeroDivisionError", "", Some(3)));
    assert_eq!(stdout(&report), "hook ZeroDivisionError\n");
    let report = python("import sys\ndef hook(*_): raise KeyError('in it')\nsys.excepthook = hook\n1 / 0").await;
    let (code, told) = answer(&report);
    let traceback = told.error.unwrap().traceback;
    assert!(code == 1 && traceback.starts_with("Error in sys.excepthook:\nTraceback"), "{traceback}");
    assert!(traceback.contains("KeyError: 'in it'\n\nOriginal exception was:\nTraceback"), "{traceback}");
    assert!(traceback.ends_with("ZeroDivisionError: division by zero\n"), "{traceback}");
}

/// As CPython tells it, on standard error, and with no effect on how the run ends.
#[tokio::test]
async fn what_fails_at_the_end_is_told_and_changes_no_exit_code() {
    for (code, told) in [
        (
            "import atexit\ndef late(): raise ValueError('late')\natexit.register(late)\nprint('x')",
            "ignored in atexit callback",
        ),
        ("import atexit, sys\natexit.register(lambda: sys.exit(5))\nprint('x')", "SystemExit: 5"),
        ("class A:\n    def __del__(self): raise ValueError('late')\na = A()\nprint('x')", "ValueError: late"),
    ] {
        let report = python(code).await;
        assert_eq!((answer(&report).0, stdout(&report).as_str()), (0, "x\n"), "{code}");
        let said = String::from_utf8(report.stderr.bytes).unwrap();
        assert!(
            said.contains("Exception ignored") && said.contains(told) && !said.contains("session.py"),
            "{code}: {said}"
        );
    }
    let mut asked = request("import atexit\ndef late():\n    while True: pass\natexit.register(late)");
    asked.limits.deadline_ms = 300;
    let report = run("python", asked).await;
    assert_eq!(report.outcome.kind(), "deadline_exceeded", "{report:?}");
    // A value is told as it was before.
    let report =
        python("class A:\n    def __del__(self): print('gone')\n    def __repr__(self): return 'an A'\nA()").await;
    assert_eq!((text(&report).as_str(), stdout(&report).as_str()), ("an A", "gone\n"));
}
