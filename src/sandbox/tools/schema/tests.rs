use serde_json::{Value, json};

use super::{Schema, Wrong};

fn read(schema: &Value) -> Result<Schema, String> {
    Schema::read(&schema.to_string())
}

fn of(properties: &Value) -> Schema {
    read(&json!({"type": "object", "properties": properties, "additionalProperties": false})).unwrap()
}

#[test]
fn what_fits_is_taken_and_all_else_is_told_with_its_place() {
    let schema = of(&json!({
        "q": {"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[a-z]+$"},
        "n": {"type": ["integer", "null"], "minimum": 0, "exclusiveMaximum": 10, "multipleOf": 2},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": true, "maxItems": 2},
        "pair": {"prefixItems": [{"type": "number"}], "items": false},
        "any": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["x"]}]},
        "one": {"oneOf": [{"type": "number"}, {"type": "integer"}]},
        "not": {"not": {"const": 1}},
    }));
    let good = json!({"q": "abc", "n": 4.0, "tags": ["a", "b"], "pair": [0.5], "any": {"x": 1}, "one": 0.5, "not": 2});
    assert_eq!(schema.check(&good, 1_000), Ok(()));
    assert_eq!(schema.check(&json!({"n": null, "any": "x"}), 1_000), Ok(()));
    for (bad, at) in [
        (json!([]), "$: expected object, found array"),
        (json!({"q": 1}), "$.q: expected string, found number"),
        (json!({"q": ""}), "$.q: there are 0 characters, and 1 are the least"),
        (json!({"q": "abcdef"}), "$.q: there are 6 characters, and 5 are the most"),
        (json!({"q": "A"}), "$.q: it does not match ^[a-z]+$"),
        (json!({"n": 1.5}), "$.n: expected integer or null, found number"),
        (json!({"n": -2}), "$.n: it is less than 0"),
        (json!({"n": 10}), "$.n: it is not less than 10"),
        (json!({"n": 3}), "$.n: it is no multiple of 2"),
        (json!({"tags": ["a", "c"]}), "$.tags[1]: expected one of \"a\", \"b\""),
        (json!({"tags": ["a", "a"]}), "$.tags[1]: it is there twice"),
        (json!({"pair": [1, 2]}), "$.pair[1]: nothing may stand here"),
        (json!({"any": {}}), "$.any: it is none of those that it may be"),
        (json!({"one": 1}), "$.one: it must be exactly one of those that it may be"),
        (json!({"not": 1.0}), "$.not: it is what it must not be"),
        (json!({"more": 1}), "$.more: it is not known; there are: q, n, tags, pair, any, one, not"),
    ] {
        assert_eq!(schema.check(&bad, 1_000), Err(Wrong::Unfit(at.to_owned())), "{bad}");
    }
}

#[test]
fn what_cannot_be_checked_is_refused_with_its_place() {
    let deep = (0..40).fold(json!({}), |inner, _| json!({"items": inner}));
    for (schema, at) in [
        (json!({"type": "array"}), "the input of a tool is an object"),
        (json!({"type": "object", "if": {}}), "$.if: this word is not checked here"),
        (json!({"type": "object", "properties": {"a": {"unevaluatedProperties": false}}}), "$.properties.a.uneval"),
        (json!({"type": "object", "properties": {"a": {"type": "text"}}}), "$.properties.a.type: this is not"),
        (json!({"type": "object", "properties": {"a": 1}}), "$.properties.a: a schema is"),
        (json!({"type": "object", "properties": {"a": {"$ref": "https://example.org/a"}}}), "$.properties.a.$ref"),
        (json!({"type": "object", "properties": {"a": {"pattern": "(?=a)"}}}), "$.properties.a.pattern: the pattern"),
        (json!({"type": "object", "properties": {"a": {"pattern": "(a{500}){500}"}}}), "$.properties.a.pattern: the"),
        (json!({"type": "object", "properties": {"a": deep}}), "$.properties.a.items"),
        (json!({"type": "object", "enum": [{}]}), "$.enum"),
    ] {
        let error = read(&schema).unwrap_err();
        assert!(error.starts_with(at), "{error}");
    }
}

/// C07: neither a schema that leads into itself nor one of choices in choices costs more than was allowed.
#[test]
fn c07_a_hostile_schema_costs_no_more_than_the_steps_that_it_has() {
    let circle = json!({"type": "object", "allOf": [{"$ref": "#"}]});
    let told = read(&circle).unwrap().check(&json!({}), 100_000);
    assert_eq!(
        told,
        Err(Wrong::Unfit("$: it is deeper than is checked, or the schema of the tool goes around in circles".into()))
    );
    let mut names = serde_json::Map::new();
    for n in 0..30 {
        let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
        names.insert(format!("d{n}"), json!({"anyOf": [next, next]}));
    }
    names.insert("d30".into(), json!(false));
    let choices = json!({"type": "object", "$defs": names, "properties": {"a": {"$ref": "#/$defs/d0"}}});
    assert_eq!(read(&choices).unwrap().check(&json!({"a": 1}), 100_000), Err(Wrong::Unfinished));
    let slow = of(&json!({"a": {"pattern": "^(a|aa|aaa)*(a|b|ab)*$"}}));
    assert_eq!(slow.check(&json!({"a": "a".repeat(100_000)}), 100_000), Err(Wrong::Unfinished));
    let tree = read(&json!({
        "type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}, "additionalProperties": false
    }));
    let tree = tree.unwrap();
    assert_eq!(tree.check(&json!({"left": {"right": {}}, "right": {}}), 1_000), Ok(()));
    assert!(matches!(tree.check(&json!({"left": {"up": {}}}), 1_000), Err(Wrong::Unfit(_))));
}

/// Whatever both read, they judge alike: each of these schemas, of each of these values.
#[test]
fn it_judges_as_the_library_for_all_of_json_schema_does() {
    let schemas = [
        json!({"type": "string"}),
        json!({"type": ["integer", "null"]}),
        json!({"type": "number", "minimum": 1, "maximum": 3}),
        json!({"exclusiveMinimum": 1, "exclusiveMaximum": 2.5}),
        json!({"multipleOf": 0.5}),
        json!({"enum": [1, "a", null, true]}),
        json!({"const": 2.0}),
        json!({"minLength": 2, "maxLength": 3}),
        json!({"pattern": "^a+$"}),
        json!({"minItems": 1, "maxItems": 2, "items": {"type": "integer"}}),
        json!({"prefixItems": [{"type": "string"}], "items": false}),
        json!({"uniqueItems": true}),
        json!({"properties": {"a": {"type": "integer"}}, "additionalProperties": false}),
        json!({"required": ["a"], "additionalProperties": {"type": "string"}}),
        json!({"minProperties": 1, "maxProperties": 1}),
        json!({"anyOf": [{"type": "string"}, {"minimum": 2}]}),
        json!({"oneOf": [{"type": "number"}, {"minimum": 2}]}),
        json!({"allOf": [{"type": "number"}, {"minimum": 2}], "not": {"const": 3}}),
        json!({"not": {"type": "object"}}),
        json!(true),
        json!(false),
        json!({"$ref": "#/$defs/named"}),
        json!({"$ref": "#/$defs/tree", "type": "object"}),
    ];
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(2),
        json!(2.0),
        json!(2.25),
        json!(3),
        json!(-1),
        json!(1e30),
        json!(""),
        json!("a"),
        json!("aa"),
        json!("\u{e9}\u{e9}"),
        json!("aaaa"),
        json!([]),
        json!([1]),
        json!([1, 2]),
        json!([1, 1]),
        json!(["a"]),
        json!(["a", 1]),
        json!([1, 2, 3]),
        json!({}),
        json!({"a": 1}),
        json!({"a": "x"}),
        json!({"b": "x"}),
        json!({"a": 1, "b": 2}),
        json!({"next": {"next": {}}}),
        json!({"next": {"other": 1}}),
    ];
    let mut fits = 0;
    for inner in &schemas {
        let schema = json!({
            "type": "object", "properties": {"v": inner},
            "$defs": {
                "named": {"type": "integer", "minimum": 1},
                "tree": {"properties": {"next": {"$ref": "#/$defs/tree"}}, "additionalProperties": false},
            },
        });
        let (ours, theirs) = (read(&schema).unwrap(), jsonschema::validator_for(&schema).unwrap());
        for value in &values {
            let value = json!({"v": value});
            let fit = ours.check(&value, 1_000).is_ok();
            assert_eq!(fit, theirs.is_valid(&value), "{inner} {value}");
            fits += usize::from(fit);
        }
    }
    assert!(fits > 200, "{fits}");
}
