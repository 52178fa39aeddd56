use ringfence::engine::{Kind, Refusal};
use ringfence::model::{Digest, Outcome};
use serde_json::json;

use crate::support::{ADD, guest, limits, load, refusal, run_call, run_command};

#[tokio::test]
async fn components_and_modules_run_as_text_and_as_binary() {
    for bytes in [ADD.as_bytes().to_vec(), wat::parse_str(ADD).unwrap()] {
        let report = run_call(bytes, "add", json!([40, 2]), limits()).await;
        assert_eq!(report.outcome, Outcome::Returned { value: 42.into() });
    }
    let module = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const 9))))"#;
    for bytes in [module.as_bytes().to_vec(), wat::parse_str(module).unwrap()] {
        let report = run_command(bytes, &[], limits()).await;
        assert_eq!(report.outcome, Outcome::Exited { code: 9 });
    }
}

#[tokio::test]
async fn a_program_is_described_without_running_it() {
    let bytes = guest("hello");
    let program = load(bytes.clone()).await;
    let about = program.description();
    assert_eq!((about.kind, about.text, about.command), (Kind::CommandModule, false, true));
    assert_eq!(about.digest, Digest::of(&bytes));
    assert!(about.imports.iter().any(|i| i.name.starts_with("wasi:cli/environment") && i.grant == "args, env"));

    let program = load(guest("types")).await;
    assert_eq!(program.description().kind, Kind::ReactorModule);
    assert!(!program.description().command);
    assert_eq!(load(ADD.into()).await.description().kind, Kind::Component);
    assert!(load(ADD.into()).await.description().text);
}

#[tokio::test]
async fn imports_that_no_host_of_ours_offers_say_what_does() {
    for (module, word) in [("env", "Emscripten"), ("gojs", "wasip1"), ("__wbindgen_placeholder__", "wasip2")] {
        let text = format!(r#"(module (import "{module}" "f" (func)) (func (export "_start")))"#);
        match refusal(text.into()).await {
            Refusal::Imports { imports } => assert!(imports[0].reason.contains(word), "{imports:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_preview_1_import_of_another_type_is_refused() {
    let text = r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i64))) (memory (export "memory") 1)
        (func (export "_start")))"#;
    assert_eq!(refusal(text.into()).await.code(), "invalid");
    let text = r#"(module (import "wasi_snapshot_preview1" "fd_teleport" (func)) (memory (export "memory") 1)
        (func (export "_start")))"#;
    assert_eq!(refusal(text.into()).await.code(), "imports");
}

#[tokio::test]
async fn python_and_javascript_components_run() {
    let about = load(guest("python")).await;
    assert!(!about.description().callable().is_empty());
    let about = load(guest("javascript")).await;
    assert!(!about.description().callable().is_empty());
}

#[tokio::test]
async fn a_tool_speaks_the_contract_of_ours() {
    let report = run_call(guest("wordcount"), "describe", json!([]), limits()).await;
    assert!(
        matches!(&report.outcome, Outcome::Returned { value } if value.value().unwrap().get("name").is_some()),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_module_without_memory_runs() {
    for text in [
        "(module (func (export \"_start\")))",
        "(module (table 1 funcref) (global i32 (i32.const 1)) (func (export \"_start\")))",
    ] {
        let report = run_command(text.into(), &[], limits()).await;
        assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
    }
}
