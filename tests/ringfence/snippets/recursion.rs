//! What goes deep inside of the interpreter itself is an error of the language, or simply works, and the run goes on. CPython watches
//! one of the two stacks that it has here; `guests/stack.py` sees to it that this one is full first.

use ringfence::model::{LimitName, Preset};

use super::{python, request, run, sessions, text};
use crate::support::assert_limit;

/// Preparation, and what is tried then: each goes deeper than any stack.
const DEEP: [(&str, &str); 24] = [
    ("import json", "json.loads('[' * 10000)"),
    ("import json", "json.loads('{\"a\":' * 100000)"),
    ("import json\nx = nested(lambda x: [x])", "json.dumps(x)"),
    ("x = nested(lambda x: [x])", "repr(x)"),
    ("x = nested(lambda x: {1: x})", "repr(x)"),
    ("x = nested(lambda x: list[x])", "repr(x)"),
    ("x, y = nested(lambda x: [x]), nested(lambda x: [x])", "x == y"),
    ("x, y = nested(lambda x: (x,)), nested(lambda x: (x,))", "x < y"),
    ("x, y = nested(lambda x: {1: x}), nested(lambda x: {1: x})", "x == y"),
    ("import pickle\nx = nested(lambda x: [x])", "pickle.dumps(x)"),
    ("import copy\nx = nested(lambda x: [x])", "copy.deepcopy(x)"),
    ("x = nested(lambda x: (x,), int)", "isinstance('a', x)"),
    ("import ast", "ast.parse('1' + '+1' * 20000)"),
    ("import ast", "ast.literal_eval('1+' * 20000 + '1')"),
    ("", "compile('a' + '.b' * 20000, 'x', 'exec')"),
    ("", "compile('a' + '()' * 20000, 'x', 'exec')"),
    ("import re", "re.compile('(' * 5000 + ')' * 5000)"),
    ("class A: pass\nA.__call__ = A()", "A()()"),
    ("class A:\n  def __repr__(self): return repr(self)", "repr(A())"),
    ("class A:\n  def __eq__(self, other): return [self] == [other]", "A() == A()"),
    ("class A:\n  def __lt__(self, other): return sorted([A(), A()])", "A() < A()"),
    ("def f(x): return list(map(f, [x]))", "f(1)"),
    ("import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return list(map(f, [x]))", "f(1)"),
    (
        "import sys\nsys.setrecursionlimit(10 ** 9)\nclass A:\n  def __getattr__(self, name): return getattr(self, name)",
        "A().x",
    ),
];
const NESTED: &str = "def nested(around, x=None):\n  for _ in range(20000): x = around(x)\n  return x\n";

fn tried(prepare: &str, what: &str) -> String {
    format!(
        "{NESTED}{prepare}\ntry:\n  {what}\n  said = 'nothing'\nexcept RecursionError: said = 'RecursionError'\n[said, sum([1, 2])]"
    )
}

#[tokio::test]
async fn what_goes_too_deep_is_an_error_of_the_language_under_the_limits_of_each_preset() {
    for preset in Preset::ALL {
        for (prepare, what) in DEEP {
            // As in the preset, but for the time: other tests run beside this one.
            let mut asked = request(&tried(prepare, what));
            asked.limits = preset.limits();
            asked.limits.set(LimitName::DeadlineMs, 60_000);
            let said = text(&run("python", asked).await);
            assert_eq!(said, "['RecursionError', 3]", "{}: {prepare}: {what}", preset.as_str());
        }
    }
}

/// As native Python frees them: not by going as deep as they are long.
#[tokio::test]
async fn long_chains_are_freed() {
    for chain in [
        "[x]",
        "(x,)",
        "{1: x}",
        "{1: [x]}",
        "N(x)",
        "Slim(x)",
        "Ends(x)",
        "N(x).m",
        "begun(x)",
        "(lambda x: lambda: x)(x)",
        "functools.partial(print, x)",
        "itertools.chain([x])",
        "collections.deque([x])",
        "caused(x)",
    ] {
        let code = format!(
            "import functools, itertools, collections\n\
             class N:\n  def __init__(self, x): self.x = x\n  def m(self): pass\n\
             class Slim:\n  __slots__ = ('x', '__weakref__')\n  def __init__(self, x): self.x = x\n\
             class Ends(N):\n  def __del__(self): pass\n\
             def begun(x):\n  def g(): yield x\n  made = g(); next(made); return made\n\
             def caused(x):\n  made = ValueError(); made.__cause__ = x; return made\n\
             x = None\nfor _ in range(20000): x = {chain}\n\
             del x\n'freed'"
        );
        for preset in Preset::ALL {
            let mut asked = request(&code);
            asked.limits = preset.limits();
            asked.limits.set(LimitName::DeadlineMs, 60_000);
            assert_eq!(text(&run("python", asked).await), "'freed'", "{}: {chain}", preset.as_str());
        }
    }
    let million = "x = None\nfor _ in range(1000000): x = [x]\ndel x\n'freed'";
    assert_eq!(text(&python(million).await), "'freed'");
}

/// What people nest is far from where it ends.
#[tokio::test]
async fn what_is_nested_less_deep_works() {
    let code = format!(
        "import json, pickle, ast\n{NESTED}\n\
         x = json.loads('[' * 1000 + ']' * 1000)\n\
         class A:\n  def __init__(self, n): self.n = n\n  def __repr__(self): return repr(A(self.n - 1)) if self.n else 'end'\n\
         def f(n): return list(map(f, [n - 1])) if n else 'end'\n\
         [json.dumps(x) == repr(x), x == pickle.loads(pickle.dumps(x)), repr(A(200)), len(f(400)), len(ast.parse('1' + '+1' * 500).body)]"
    );
    assert_eq!(text(&python(&code).await), "[True, True, 'end', 1, 1]");
}

#[tokio::test]
async fn a_session_goes_on_after_it() {
    let (house, sandbox) = sessions::house(&[]).await;
    let one = sessions::session(&house, "python", &sandbox).await;
    for turn in 1..4 {
        let run = sessions::call(&house, &one, &format!("kept = {turn}\n{}", tried(DEEP[3].0, DEEP[3].1))).await;
        assert_eq!(sessions::value(&run), &serde_json::json!(["RecursionError", 3]), "{turn}");
        sessions::call(&house, &one, "x = None\nfor _ in range(50000): x = [x]\ndel x").await;
        assert_eq!(sessions::value(&sessions::call(&house, &one, "kept").await), &serde_json::json!(turn));
    }
}

/// CPython does not ask everywhere how deep it is: where native Python falls over its stack, the run ends by its limit.
#[tokio::test]
async fn a_stack_that_nobody_watches_ends_the_run() {
    let report =
        python("import itertools\nx = iter([1])\nfor _ in range(500000): x = itertools.chain(x)\nnext(x)").await;
    assert_limit(&report, LimitName::StackBytes);
    let chain = "x = ()\nfor _ in range(500000): x = (x,)\nhash(x)";
    assert_limit(&python(chain).await, LimitName::StackBytes);
}
