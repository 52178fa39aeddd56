//! What JavaScript has of Node that no snippet of the corpus can show: what is not here, what a module gives, what comes in.

use ringfence::engine::{Entry, Stdin};
use ringfence::fs_policy::Rules;
use ringfence::model::Report;

use super::{answer, failure, javascript, mount, request, run, stdout, text};

/// Nothing of languages, zones and options is taken and then ignored.
#[tokio::test]
async fn what_is_asked_of_locales_and_is_not_here_is_an_error_that_names_it() {
    for (code, name, word) in [
        (
            "(1.5).toLocaleString('ja-JP')",
            "RangeError",
            "the locale ja-JP is not in this runtime: there are en-US, en-GB",
        ),
        ("new Date(0).toLocaleDateString('es')", "RangeError", "the locale es is not"),
        ("'a'.localeCompare('b', 'da')", "RangeError", "the locale da is not"),
        ("'i'.toLocaleUpperCase('tr')", "RangeError", "the locale tr is not"),
        ("new Intl.PluralRules('ru')", "RangeError", "the locale ru is not"),
        ("new Intl.NumberFormat('en-US-u-nu-thai')", "RangeError", "the locale en-US-u-nu-thai is not"),
        ("new Date(0).toLocaleString('en-US', {timeZone: 'Mars/Olympus'})", "RangeError", "Mars/Olympus"),
        ("new Intl.DateTimeFormat('en', {calendar: 'islamic'})", "RangeError", "calendar: 'islamic' is not"),
        ("new Intl.DateTimeFormat('en', {era: 'short'})", "TypeError", "era"),
        ("new Intl.DateTimeFormat('en').formatRange(0, 1)", "TypeError", "formatRange is not in this runtime"),
        ("new Intl.NumberFormat('en', {style: 'unit', unit: 'liter'})", "RangeError", "style: 'unit' is not"),
        (
            "new Intl.NumberFormat('de', {notation: 'compact'})",
            "TypeError",
            "in de is not in this runtime: there it is in English",
        ),
        ("new Intl.NumberFormat('en', {roundingMode: 'floor'})", "RangeError", "roundingMode: 'floor' is not"),
        (
            "(5).toLocaleString('en', {style: 'currency', currency: 'EUR', currencyDisplay: 'name'})",
            "RangeError",
            "'name' is not",
        ),
        ("new Intl.Segmenter('en', {granularity: 'word'})", "RangeError", "granularity: 'word' is not"),
        ("new Intl.DisplayNames('en', {type: 'region'})", "TypeError", "Intl.DisplayNames is not"),
    ] {
        let (found, words, _) = failure(&javascript(code).await);
        assert!(found == name && words.contains(word), "{code}: {found}: {words}");
    }
    let code = "[Intl.supportedValuesOf('timeZone').includes('Europe/Berlin'), Intl.supportedValuesOf('calendar'), Intl.NumberFormat.supportedLocalesOf(['ja', 'de-DE'])]";
    assert_eq!(text(&javascript(code).await), "[ true, [ 'gregory' ], [ 'de-DE' ] ]");
}

#[tokio::test]
async fn what_there_is_not_of_node_says_so_however_it_is_asked_for() {
    for (module, word) in [
        ("child_process", "no process can be started"),
        ("node:cluster", "no process can be started"),
        ("worker_threads", "no thread can be started"),
        ("node:http", "no connection can be opened"),
        ("dns/promises", "no connection can be opened"),
        ("vm", "one world of code"),
        ("node:test", "no runner of tests"),
        ("lodash", "nothing can be installed inside the fence"),
    ] {
        for code in
            [format!("require('{module}')"), format!("import it from '{module}'"), format!("await import('{module}')")]
        {
            let (_, words, _) = failure(&javascript(&code).await);
            assert!(words.contains(word), "{code}: {words}");
        }
    }
    for (code, word) in [
        ("import { nothing } from 'fs'", "does not provide an export named 'nothing'"),
        ("require('crypto').createCipheriv('aes-256-cbc', 'k', 'iv')", "crypto.createCipheriv is not in this runtime"),
        ("require('crypto').createHash('blake2b512')", "'blake2b512' is not in this runtime"),
        ("require('zlib').brotliCompressSync('x')", "zlib.brotliCompressSync is not in this runtime"),
        ("require('fs').openSync('x')", "files are read and written whole"),
        ("require('fs').watch('/')", "nothing outside of the snippet changes its files"),
        ("await require('fs/promises').chmod('x', 1)", "fs.chmod is not in this runtime"),
        ("new WebSocket('ws://x')", "no connection can be opened"),
        ("new Response('x')", "no connection can be opened"),
        ("process.kill(1)", "there are no other processes"),
        ("new TextDecoder('shift_jis')", "encoding is not supported"),
        ("require('util').parseArgs({})", "util.parseArgs is not in this runtime"),
    ] {
        let (_, words, _) = failure(&javascript(code).await);
        assert!(words.contains(word), "{code}: {words}");
    }
}

/// `export default` is an expression: it is the value where no later one is.
#[tokio::test]
async fn a_snippet_may_export_as_a_module_does() {
    for (code, value) in [
        ("export default 5", "5"),
        ("export default { a: 1 };\nexport const b = 2;", "{ a: 1 }"),
        ("export default 5; export const b = 2; b + 5", "7"),
        ("export default function () { return 1 }", "[Function (anonymous)]"),
        ("export default function twice(n) { return n * 2 }\ntwice(4)", "8"),
        ("export default class {}", "[class (anonymous)]"),
        ("const a = 1, b = 2; export { a, b as c };\na + b", "3"),
        ("export { join } from 'path'; export * from 'fs';\n1", "1"),
        ("'export default 6'; // export default 7", "'export default 6'"),
        ("import.meta.filename.endsWith('/<snippet>') && import.meta.url.startsWith('file:///')", "true"),
    ] {
        assert_eq!(text(&javascript(code).await), value, "{code}");
    }
}

/// A folder with modules, one of which the rules hide, and one that they only show.
async fn beside_modules(filename: &str, code: &str) -> Report {
    let folder = tempfile::tempdir().unwrap();
    for (name, code) in [
        ("m.mjs", "export default 1; export const n = 2; export let count = 0; export const add = () => ++count"),
        ("c.cjs", "exports.a = 1"),
        ("d.json", "{\"a\": 1}"),
        ("secret.mjs", "export default 'secret'"),
        ("shown.mjs", "export default 'a name that is seen'"),
    ] {
        std::fs::write(folder.path().join(name), code).unwrap();
    }
    let rules = ["/**:write", "/secret.mjs:none", "/shown.mjs:view"];
    let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    let mut asked = request(code);
    if let Entry::Snippet(snippet) = &mut asked.entry {
        snippet.filename = filename.to_owned();
    }
    let policy = Rules { preset: None, rules }.policy(false).unwrap();
    asked.mounts = vec![mount(folder.path(), policy)];
    run("javascript", asked).await
}

/// What a snippet imports by a relative name is beside it, whatever it is called itself.
#[tokio::test]
async fn a_snippet_imports_the_files_of_its_folder() {
    for filename in ["", "x.mjs", "dir/x.mjs", "/dir/x.js"] {
        for (code, value) in [
            ("import d, { n } from './m.mjs'; [d, n]", "[ 1, 2 ]"),
            ("import { add } from './m.mjs'; add(); (await import('../workspace/./m.mjs')).count", "1"),
            ("(await import('file:///workspace/m.mjs')).n + (await eval('import(`./m.mjs`)')).n", "4"),
            ("import c, { a } from './c.cjs'; [a, c === require('./c.cjs')]", "[ 1, true ]"),
            ("import d from './d.json' with { type: 'json' }; d", "{ a: 1 }"),
            ("import d from './d.json' assert { type: 'json' }; d", "{ a: 1 }"),
            ("require('fs').mkdirSync('sub'); process.chdir('sub'); (await import('./m.mjs')).n", "2"),
            (
                "import { createRequire } from 'module'; const require = createRequire(import.meta.url); (await import('fs')).existsSync('c.cjs')",
                "true",
            ),
        ] {
            assert_eq!(text(&beside_modules(filename, code).await), value, "{filename}: {code}");
        }
    }
    let (name, words, _) = failure(&beside_modules("", "import d from './d.json'").await);
    assert!(name == "TypeError" && words.contains("needs an import attribute of type \"json\""), "{words}");
}

#[tokio::test]
async fn a_module_that_may_not_be_read_is_as_one_that_is_not_there() {
    let told = async |file: &str| {
        let report = beside_modules("", &format!("await import('./{file}')")).await;
        answer(&report).1.error.unwrap().traceback.replace(file, "FILE")
    };
    let hidden = told("secret.mjs").await;
    assert_eq!((&hidden, &hidden), (&told("shown.mjs").await, &told("absent.mjs").await));
    let words = "Error: Cannot find module '/workspace/FILE' imported from /workspace/<snippet>";
    assert!(hidden.starts_with(words) && hidden.contains("code: 'ERR_MODULE_NOT_FOUND'"), "{hidden}");
}

/// Later snippets of a session, and what earlier ones left, find the same module.
#[tokio::test]
async fn all_calls_of_a_session_import_from_one_folder() {
    let (house, sandbox) = super::sessions::house(&[]).await;
    let id = super::sessions::session(&house, "javascript", &sandbox).await;
    let first = "require('fs').writeFileSync('m.mjs', 'let n = 0; export const add = () => ++n'); const again = () => import('./m.mjs'); (await again()).add()";
    for (code, value) in [(first, 1), ("import { add } from './m.mjs'; add()", 2), ("(await again()).add()", 3)] {
        let run = super::sessions::call(&house, &id, code).await;
        assert_eq!(super::sessions::value(&run), &value, "{code}");
    }
}

#[tokio::test]
async fn input_arrives_as_streams_and_lines_have_it() {
    let given = async |code: &str| {
        let mut asked = request(code);
        asked.stdin = Stdin::Bytes("one\ntwo\r\nthree".into());
        run("javascript", asked).await
    };
    for code in [
        "let all = ''; for await (const chunk of process.stdin) all += chunk; all.split(/\\r?\\n/).join()",
        "process.stdin.setEncoding('utf8'); let all = ''; process.stdin.on('data', (d) => { all += d }); await new Promise((done) => process.stdin.on('end', done)); all.split(/\\r?\\n/).join()",
        "const lines = []; for await (const line of require('readline').createInterface({ input: process.stdin })) lines.push(line); lines.join()",
        "const lines = [], rl = require('readline').createInterface({ input: process.stdin }); rl.on('line', (line) => lines.push(line)); await new Promise((done) => rl.on('close', done)); lines.join()",
        "const rl = require('readline/promises').createInterface({ input: process.stdin }); [await rl.question(''), await rl.question(''), await rl.question('')].join()",
        "require('fs').readFileSync(0, 'utf8').split(/\\r?\\n/).join()",
    ] {
        assert_eq!(text(&given(code).await), "'one,two,three'", "{code}");
    }
}

/// Each call of a session is a program that comes to its end: its code is its own, what listens stays.
#[tokio::test]
async fn what_listens_for_an_end_hears_of_each_call() {
    let (house, sandbox) = super::sessions::house(&[]).await;
    let id = super::sessions::session(&house, "javascript", &sandbox).await;
    let path = format!("/v1/sessions/{id}/execute");
    let call = async |code: &str| house.post(&house.admin, &path, serde_json::json!({"code": code})).await.is(200);
    let first = call("process.on('exit', (code) => console.log('over', code)); process.exitCode = 3; 1").await;
    assert_eq!((&first["stdout"]["text"], &first["outcome"]["code"]), (&"over 3\n".into(), &3.into()));
    let second = call("2").await;
    assert_eq!((&second["stdout"]["text"], &second["outcome"]["code"]), (&"over 0\n".into(), &0.into()));
}

#[tokio::test]
async fn packed_bytes_that_are_wrong_or_too_many_are_errors() {
    for (code, word) in [
        ("require('zlib').gunzipSync(require('zlib').gzipSync('hello').subarray(0, 12))", "unexpected end of file"),
        (
            "const b = require('zlib').gzipSync('hello'); b[b.length - 6] ^= 1; require('zlib').gunzipSync(b)",
            "incorrect data check",
        ),
        (
            "require('zlib').inflateSync(require('zlib').deflateSync(Buffer.alloc(5000)), { maxOutputLength: 100 })",
            "larger than maxOutputLength",
        ),
        // A bomb: 300 MB of nothing do not fit, and are refused.
        (
            "const z = require('zlib'); const one = z.gzipSync(Buffer.alloc(1 << 20)); z.gunzipSync(Buffer.concat(Array(300).fill(one)))",
            "memory",
        ),
    ] {
        let (_, words, _) = failure(&javascript(code).await);
        assert!(words.contains(word), "{code}: {words}");
    }
    let report = javascript("console.log(require('zlib').gunzipSync(Buffer.concat([1, 2].map((n) => require('zlib').gzipSync('part ' + n)))).toString())").await;
    assert_eq!((answer(&report).0, stdout(&report).as_str()), (0, "part 1part 2\n"));
}

/// What an error knows beside its words is told with it, as Node tells it.
#[tokio::test]
async fn an_error_that_nobody_catches_tells_what_else_it_knows() {
    let code =
        "throw Object.assign(new TypeError('x'), { code: 'E_X', deep: { a: [1] }, 'a-b': 2, get bad() { return 3 } })";
    let told = answer(&javascript(code).await).1.error.unwrap();
    assert_eq!((told.name.as_str(), told.value.as_str()), ("TypeError", "x"));
    let end = " {\n  code: 'E_X',\n  deep: { a: [ 1 ] },\n  'a-b': 2,\n  bad: 3\n}\n";
    assert!(told.traceback.ends_with(end), "{}", told.traceback);
    // One that cannot be read does not hide the error.
    let code = "const error = new Error('y'); Object.defineProperty(error, 'z', { enumerable: true, get() { throw 1 } }); throw error";
    let told = answer(&javascript(code).await).1.error.unwrap();
    assert!(told.traceback.starts_with("Error: y\n    at "), "{}", told.traceback);
}
