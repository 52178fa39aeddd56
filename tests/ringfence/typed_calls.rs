use ringfence::engine::{CallError, EngineError, RunRequest};
use ringfence::model::{Grants, LimitName, Outcome};
use serde_json::{Value, json};

use crate::support::{ADD, assert_limit, call, engine, guest, limits, load, refusal, run};

async fn echo(function: &str, value: Value) -> Value {
    let program = load(guest("types")).await;
    let request = RunRequest::new(call(function, json!([value])), limits(), Grants::clocks_and_randomness());
    match run(&program, request).await.outcome {
        Outcome::Returned { value } => value.value().unwrap(),
        other => panic!("{function}: {other:?}"),
    }
}

#[tokio::test]
async fn every_type_goes_in_and_comes_out() {
    for (function, values) in [
        ("echo-bool", vec![json!(true), json!(false)]),
        ("echo-s8", vec![json!(-128), json!(127)]),
        ("echo-u8", vec![json!(0), json!(255)]),
        ("echo-s16", vec![json!(-32768), json!(32767)]),
        ("echo-u16", vec![json!(65535)]),
        ("echo-s32", vec![json!(i32::MIN), json!(i32::MAX)]),
        ("echo-u32", vec![json!(u32::MAX)]),
        ("echo-s64", vec![json!(-9007199254740991_i64), json!("-9223372036854775808"), json!("9223372036854775807")]),
        ("echo-u64", vec![json!(9007199254740991_u64), json!("18446744073709551615")]),
        ("echo-f32", vec![json!(0.1), json!(-1.5), json!("NaN"), json!("Infinity")]),
        ("echo-f64", vec![json!(0.1), json!(1e300), json!("-Infinity")]),
        ("echo-char", vec![json!("a"), json!("é"), json!("🦀")]),
        ("echo-string", vec![json!(""), json!("naïve \u{0} 🦀 \"quoted\"")]),
        ("echo-list-u8", vec![json!([]), json!([0, 1, 255])]),
        ("echo-list-string", vec![json!(["a", ""])]),
        ("echo-list-list", vec![json!([[], [1, 2]])]),
        ("echo-tuple", vec![json!([1, "two"])]),
        ("echo-variant", vec![json!("nothing"), json!({"number": 7}), json!({"text": "x"})]),
        ("echo-enum", vec![json!("red")]),
        ("echo-option", vec![json!(null), json!(5)]),
        ("echo-option-option", vec![json!(null), json!({"some": null}), json!({"some": "x"})]),
        ("echo-result", vec![json!({"ok": 1}), json!({"err": "no"})]),
        ("echo-result-empty", vec![json!({"ok": null}), json!({"err": null})]),
        ("echo-flags", vec![json!([]), json!(["read", "write"])]),
    ] {
        for value in values {
            assert_eq!(echo(function, value.clone()).await, value, "{function}");
        }
    }
}

#[tokio::test]
async fn whole_numbers_of_64_bits_lose_nothing() {
    // Read from a number or from text; written as text where a double would round it.
    assert_eq!(echo("echo-u64", json!(18446744073709551615_u64)).await, json!("18446744073709551615"));
    assert_eq!(echo("echo-s64", json!("42")).await, json!(42));
    assert_eq!(echo("echo-u8", json!(2.0)).await, json!(2));
}

#[tokio::test]
async fn what_a_function_takes_and_gives_fits_its_schema() {
    let program = load(guest("types")).await;
    let exports = &program.description().exports;
    for (function, good, bad) in [
        ("echo-u8", json!(255), json!(256)),
        ("echo-s64", json!("-5"), json!("five")),
        ("echo-char", json!("a"), json!("ab")),
        ("echo-list-u8", json!([1]), json!(["1"])),
        ("echo-tuple", json!([1, "two"]), json!([1])),
        ("echo-variant", json!({"number": 7}), json!({"number": "x"})),
        ("echo-enum", json!("red"), json!("mauve")),
        ("echo-option-option", json!({"some": null}), json!("x")),
        ("echo-result", json!({"ok": 1}), json!({"ok": 1, "err": "no"})),
        ("echo-flags", json!(["read"]), json!(["fly"])),
        ("echo-f64", json!("NaN"), json!("nan")),
    ] {
        let export = exports.iter().find(|e| e.name.ends_with(&format!("#{function}"))).unwrap();
        let params = export.params.as_ref().unwrap();
        let name = params["properties"].as_object().unwrap().keys().next().unwrap().clone();
        let schema = jsonschema::validator_for(params).unwrap();
        assert!(schema.is_valid(&json!({ name.clone(): good })), "{function} {params}");
        assert!(!schema.is_valid(&json!({ name.clone(): bad })), "{function} {params}");
        let result = jsonschema::validator_for(export.result.as_ref().unwrap()).unwrap();
        assert!(result.is_valid(&echo(function, good).await), "{function}");
        let request = RunRequest::new(call(function, json!({ name: bad })), limits(), Grants::default());
        assert_eq!(engine().run(&program, request).await.unwrap_err().code(), "bad_argument", "{function}");
    }
}

async fn wrong(function: &str, args: Value) -> (String, String, String) {
    let bytes = if function == "add" { ADD.as_bytes().to_vec() } else { guest("types") };
    let program = load(bytes).await;
    let request = RunRequest::new(call(function, args), limits(), Grants::default());
    match engine().run(&program, request).await {
        Err(EngineError::Call(CallError::Argument { at, expected, found })) => (at, expected, found),
        other => panic!("{function}: {other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_argument_is_told_with_its_place() {
    let (at, expected, found) = wrong("add", json!([1, "x"])).await;
    assert_eq!((at.as_str(), found.as_str()), ("$[1]", "\"x\""));
    assert!(expected.contains("32 bits"));
    assert_eq!(wrong("add", json!({"a": 1})).await.0, "$.b");
    assert_eq!(wrong("add", json!({"a": 1, "b": 2, "c": 3})).await.0, "$.c");
    assert_eq!(wrong("add", json!([1, 2, 3])).await.1, "at most 2 arguments");
    assert_eq!(wrong("add", json!("1")).await.0, "$");
    assert_eq!(wrong("add", json!([1, 1.5])).await.0, "$[1]");
    assert_eq!(wrong("add", json!([1, 2147483648_u32])).await.0, "$[1]");
    assert_eq!(wrong("echo-f32", json!([1e300])).await.0, "$[0]");
    assert_eq!(wrong("echo-u64", json!(["+5"])).await.0, "$[0]");
    assert_eq!(wrong("add", json!([1, 9007199254740993.0])).await.0, "$[1]");
    assert_eq!(wrong("echo-list-list", json!([[[1, 2], [3, "x"]]])).await.0, "$[0][1][1]");
    let (at, expected, _) = wrong("echo-enum", json!(["mauve"])).await;
    assert!(at == "$[0]" && expected.contains("red"), "{expected}");
}

#[tokio::test]
async fn arguments_go_by_order_or_by_name() {
    let program = load(ADD.into()).await;
    for args in [json!([2, 3]), json!({"b": 3, "a": 2})] {
        let report = run(&program, RunRequest::new(call("add", args), limits(), Grants::default())).await;
        assert_eq!(report.outcome, Outcome::Returned { value: 5.into() });
    }
}

#[tokio::test]
async fn functions_with_resources_are_refused_by_name() {
    let program = load(guest("types")).await;
    let foreign: Vec<_> = program.description().exports.iter().filter(|export| export.params.is_none()).collect();
    assert!(!foreign.is_empty());
    for export in foreign {
        let request = RunRequest::new(call(&export.name, json!([])), limits(), Grants::default());
        let error = engine().run(&program, request).await.unwrap_err();
        assert_eq!(error.code(), "not_callable", "{}", export.name);
        assert!(error.to_string().contains("a resource"), "{error}");
    }
}

#[tokio::test]
async fn functions_are_found_by_short_and_by_full_names() {
    let program = load(guest("types")).await;
    let full = program.description().callable().into_iter().find(|name| name.ends_with("#echo-u8")).unwrap();
    let interface = full.split(['/', '@', '#']).nth(1).unwrap();
    for name in ["echo-u8", &full, &format!("{interface}.echo-u8"), &format!("{interface}#echo-u8")] {
        let report = run(&program, RunRequest::new(call(name, json!([8])), limits(), Grants::default())).await;
        assert_eq!(report.outcome, Outcome::Returned { value: 8.into() }, "{name}");
    }
    let request = RunRequest::new(call("missing", json!([])), limits(), Grants::default());
    let error = engine().run(&program, request).await.unwrap_err();
    assert_eq!(error.code(), "no_function");
}

/// A component whose function takes or gives what a few lines can make large.
fn with_types(types: &str, param: &str) -> Vec<u8> {
    format!(
        r#"(component
          (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "f") (param i32 i32)))
          (core instance $i (instantiate $m))
          {types}
          (func (export "f") (param "a" {param})
            (canon lift (core func $i "f") (memory $i "memory") (realloc (func $i "realloc")))))"#
    )
    .into_bytes()
}

/// A type with a name, as records and their like must have one to be used.
fn named(name: &str, ty: &str) -> String {
    format!("(type $of-{name} {ty})(export ${name} \"{name}\" (type $of-{name}))")
}

fn doubled(levels: usize, first: &str) -> String {
    let mut types = named("t0", first);
    for level in 1..=levels {
        let below = level - 1;
        types += &format!("(type $t{level} (tuple $t{below} $t{below}))");
    }
    types
}

/// Written out, a type that is used twice is there twice: 2^17 leaves, or 2^13 with a long name each.
#[tokio::test]
async fn types_that_grow_when_written_out_are_refused() {
    let name = "n".repeat(50_000);
    for (levels, first) in [(17, "(tuple u8)".to_owned()), (13, format!("(record (field \"{name}\" u8))"))] {
        let types = format!("{}(type $l (list $t{levels}))", doubled(levels, &first));
        let refused = refusal(with_types(&types, "$l")).await;
        assert_eq!(refused.code(), "too_demanding", "{refused}");
    }
}

/// The name of an instance is part of the name of each function in it.
#[tokio::test]
async fn names_that_grow_when_written_out_are_refused() {
    let program = |functions: u32, length: usize| {
        let exports: String = (0..functions).map(|n| format!("(export \"f{n}\" (func $f))")).collect();
        let name = "a".repeat(length);
        format!(
            r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f"))) (instance $x {exports}) (export "{name}" (instance $x)))"#
        )
    };
    let refused = refusal(program(1_500, 90_000).into()).await;
    assert_eq!(refused.code(), "too_demanding", "{refused}");
    let taken = load(program(100, 100).into_bytes()).await;
    assert_eq!(taken.description().exports.len(), 100);
}

/// A short text can stand for many values, or for values with long names.
#[tokio::test]
async fn arguments_that_grow_when_read_are_bounded() {
    let (name, options) = ("n".repeat(50_000), (0..500).map(|i| format!("(field \"o{i}\" (option u8))")));
    let options = options.collect::<String>();
    let enums: String = (0..5_000).map(|i| format!("\"e{i}\" ")).collect();
    for (types, item) in [
        (named("l0", &format!("(record (field \"{name}\" (option u8)))")), json!({})),
        (named("l0", &format!("(record {options})")), json!({})),
        (named("l0", "(flags \"a\" \"b\")"), json!(["a", "b", "a", "b"])),
        (named("l0", &format!("(enum {enums})")), json!("e4999")),
        (named("l0", "(tuple u8)"), json!([1])),
    ] {
        let program = load(with_types(&format!("{types}(type $l (list $l0))"), "$l")).await;
        let count = (900_000 / item.to_string().len()).max(1_000);
        let args = Value::Array(vec![Value::Array(vec![item; count])]);
        let mut limits = limits();
        (limits.args_bytes, limits.hostcall_bytes) = (64 << 20, 1 << 20);
        let report = run(&program, RunRequest::new(call("f", args), limits, Grants::default())).await;
        assert_limit(&report, LimitName::HostcallBytes);
        // It was seen early: what was counted is little over the limit.
        assert!(matches!(report.outcome, Outcome::LimitExceeded { used, .. } if used < 2 << 20), "{report:?}");
    }
}

/// No parameters and a result, in a program that is no command: what it returns is its own.
#[tokio::test]
async fn a_result_is_no_exit_code() {
    let text = r#"(component
        (core module $m (memory (export "memory") 1) (data (i32.const 16) "hello")
          (func (export "f") (result i32)
            (i32.store8 (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 16))
            (i32.store (i32.const 8) (i32.const 5)) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func (export "f") (result (result u32 (error string)))
          (canon lift (core func $i "f") (memory $i "memory"))))"#;
    let program = load(text.into()).await;
    let report = run(&program, RunRequest::new(call("f", json!([])), limits(), Grants::default())).await;
    assert_eq!(report.outcome, Outcome::Returned { value: json!({"err": "hello"}).into() });
}

/// Each item is a name among thousands: writing them down takes long, and the deadline holds there as well.
#[tokio::test]
async fn the_deadline_holds_while_a_result_is_written() {
    let cases: String = (0..3_600).map(|n| format!("(case \"c{n}\" u8)")).collect();
    let text = format!(
        r#"(component
        (core module $m (memory (export "memory") 40)
          (func (export "f") (result i32)
            (memory.fill (i32.const 16) (i32.const 0x0e) (i32.const 1600000))
            (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (i32.const 400000)) (i32.const 0)))
        (core instance $i (instantiate $m))
        {}
        (type $list (list $v))
        (func (export "f") (result $list) (canon lift (core func $i "f") (memory $i "memory"))))"#,
        named("v", &format!("(variant {cases})"))
    );
    let program = load(text.into_bytes()).await;
    let mut limits = limits();
    (limits.deadline_ms, limits.hostcall_bytes, limits.result_bytes) = (300, 256 << 20, 64 << 20);
    let report = run(&program, RunRequest::new(call("f", json!([])), limits, Grants::default())).await;
    assert_eq!(report.outcome.kind(), "deadline_exceeded", "{:?}", report.usage);
    assert!(report.usage.cpu_us > 50_000, "what it took is told: {:?}", report.usage);
}
