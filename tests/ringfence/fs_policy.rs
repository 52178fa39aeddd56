//! The rules for paths: what the docs promise, and a matcher that is plainly right against the one that is fast.

use proptest::prelude::*;
use ringfence::fs_policy::{Kind, Level, Policy, PolicyError, Preset, RULES, Rule, Rules, RulesError, TEXT_BYTES};

fn rules(text: &str) -> Policy {
    text.parse::<Rules>().unwrap_or_else(|error| panic!("{error}")).policy(false).unwrap()
}

#[track_caller]
fn check(policy: &Policy, levels: &[(&str, Level)]) {
    for (path, level) in levels {
        assert_eq!(policy.level_of(path), *level, "{path}: {:?}", policy.explain(path).unwrap());
    }
}

#[test]
fn what_no_rule_names_is_hidden() {
    check(&rules(""), &[("/", Level::None), ("/a", Level::None)]);
    check(&rules("/data/**:read"), &[("/data", Level::Read), ("/data/a/b", Level::Read), ("/other", Level::None)]);
    check(&rules("/data/*:read"), &[("/data", Level::None), ("/data/a", Level::Read), ("/data/a/b", Level::None)]);
}

#[test]
fn patterns_are_read_as_the_page_says() {
    let policy = rules(
        "/?x/[a-c]:read\n/{one,two}/*.t?t:view\n/lit\\*eral:write\n**/deep/**/end:read\n/not/[!a-c]:read\n/a/**/:write",
    );
    check(
        &policy,
        &[
            ("/éx/b", Level::Read),
            ("/éx/d", Level::None),
            ("/xx/ab", Level::None),
            ("/one/a.txt", Level::View),
            ("/two/.t-t", Level::View),
            ("/three/a.txt", Level::None),
            ("/lit*eral", Level::Write),
            ("/literal", Level::None),
            ("/deep/end", Level::Read),
            ("/x/deep/y/z/end", Level::Read),
            ("/not/d", Level::Read),
            ("/not/a", Level::None),
            ("/a", Level::Write),
            ("/a/b/c", Level::Write),
        ],
    );
}

#[test]
fn the_order_is_priority_then_type_then_specificity_then_strictness() {
    check(&rules("/a:read,file\n/**:none,priority=1"), &[("/a", Level::None)]);
    check(&rules("/a:read,file\n/a:none,directory"), &[("/a", Level::Read), ("/a/b", Level::None)]);
    check(&rules("/a:read,directory\n/a/b:none"), &[("/a/b", Level::Read)]);
    check(&rules("/**:write\n**/.git/:none"), &[("/x/.git/config", Level::None), ("/x/.gitignore", Level::Write)]);
    check(&rules("/data/**:write\n**/.env:none"), &[("/data/x/.env", Level::None)]);
    check(&rules("/a/b/**:read\n/a/**:none"), &[("/a/b/c", Level::Read), ("/a/c", Level::None)]);
    check(&rules("/*/b:read\n/a/*:none"), &[("/a/b", Level::None)]);
    check(&rules("/a/*:none\n/*/b:read"), &[("/a/b", Level::None)]);
    // In a file or a directory rule nothing is a wildcard.
    check(&rules("/a*:read,file"), &[("/a*", Level::Read), ("/ab", Level::None)]);
}

#[test]
fn folders_on_the_way_can_be_passed_and_no_others() {
    let policy =
        rules("/a/b/c.txt:read\n/secret/**:none\n**/*.md:view\n/walled/**:none,priority=5\n/walled/in/x:read,file");
    let passable = |path: &str| policy.explain(path).unwrap().passable;
    assert!(passable("/") && passable("/a") && passable("/a/b"));
    // Any folder may lead to a page, but for those where hiding is stronger than showing.
    assert!(passable("/other/place"));
    assert!(!passable("/walled") && !passable("/walled/in"));
    let narrow = rules("/a/b/c.txt:read");
    assert!(
        narrow.explain("/a/b").unwrap().passable
            && !narrow.explain("/a/c").unwrap().passable
            && !narrow.explain("/b").unwrap().passable
    );
}

#[test]
fn case_is_folded_where_the_file_system_folds_it() {
    let folded = "/**:read\n**/.ENV:none\n/[A-C]x:view".parse::<Rules>().unwrap().policy(true).unwrap();
    check(&folded, &[("/.env", Level::None), ("/.Env", Level::None), ("/bX", Level::View)]);
    check(&rules("/**:read\n**/.ENV:none"), &[("/.env", Level::Read), ("/.ENV", Level::None)]);
}

#[test]
fn what_does_not_parse_is_told_with_its_line() {
    for (text, line, words) in [
        ("/a:read\n/b:wrong", 2, "none, view, read or write"),
        ("\n# words\nnonsense", 3, "PATTERN:LEVEL"),
        ("/a:read,folder", 1, "directory"),
        ("a/b:read", 1, "must begin with /"),
        ("/a//b:read", 1, "empty name"),
        ("/a/../b:read", 1, ".."),
        ("/a**:read", 1, "whole names"),
        ("/[a:read", 1, "close"),
        ("preset nothing", 1, "agent-safe"),
        ("preset read-only\npreset view-only", 2, "second preset"),
    ] {
        let error = text.parse::<Rules>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("line {line}: ")) && error.contains(words), "{text:?}: {error}");
    }
    let loose = |n: u32| format!("**/?[!{}]/**:read\n", char::from_u32(0x4e00 + n).unwrap());
    let loose = format!("# {}\n/a:read\n{}", "loose", (0..300).map(loose).collect::<String>());
    assert_eq!(loose.parse::<Rules>().unwrap_err(), RulesError::Policy { line: 203, reason: PolicyError::TooLoose });
    let long = format!("/a:read\n{}\n/b:read\n", "#".repeat(TEXT_BYTES));
    assert_eq!(long.parse::<Rules>().unwrap_err(), RulesError::TooLong { line: 2 });
    assert_eq!(Rules::from_bytes(b"/a:read\n/b:read\n/\xff:read").unwrap_err(), RulesError::NotText { line: 3 });
    let many = "/a:read\n".repeat(RULES + 1);
    assert_eq!(many.parse::<Rules>().unwrap_err(), RulesError::TooMany { line: RULES + 1 });
}

/// F12: a million rules, patterns that explode, contradictions.
#[test]
fn f12_rules_that_would_be_slow_are_refused() {
    assert!("/a:read\n".repeat(1_000_000).parse::<Rules>().is_err());
    assert!(format!("/{}:read", "{a,b}".repeat(20)).parse::<Rule>().is_err());
    assert!(format!("/{}:read", "a/".repeat(100)).parse::<Rule>().is_err());
    assert!(format!("/{}:read", "a".repeat(2_000)).parse::<Rule>().is_err());
    // As large as they may be, and a name that almost fits each of them.
    let text: String = (0..RULES).map(|n| format!("**/*a*a*a*a*a*a*a*a*{n}:read\n")).collect();
    let policy = rules(&text);
    let path = format!("/{}", format!("{}/", "a".repeat(250)).repeat(10));
    assert_eq!(policy.level_of(&path), Level::None);
    let wide: String = (0..RULES).map(|n| format!("/{{a,b,c,d,e,f,g,h}}{n}{}:read\n", "/x?".repeat(30))).collect();
    let all: Vec<Rule> = wide.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(Policy::new(all, false).unwrap_err(), PolicyError::TooLarge);
    // Which line is the first too many: what stands before it is taken.
    let Err(RulesError::Policy { line, reason: PolicyError::TooLarge }) = wide.parse::<Rules>() else { panic!() };
    let before = |lines: usize| wide.lines().take(lines).map(|line| format!("{line}\n")).collect::<String>();
    assert!(before(line - 1).parse::<Rules>().is_ok() && before(line).parse::<Rules>().is_err(), "{line}");
}

/// At least what AgentFense's presets of the same names hide, at any depth, and what they let through.
#[test]
fn presets_hide_secrets_at_any_depth() {
    for preset in Preset::ALL {
        let policy = Rules { preset: Some(preset), rules: Vec::new() }.policy(false).unwrap();
        let (code, out) = match preset {
            Preset::AgentSafe => (Level::Read, Level::Write),
            Preset::ReadOnly => (Level::Read, Level::Read),
            Preset::Development | Preset::FullAccess => (Level::Write, Level::Write),
            Preset::ViewOnly => (Level::View, Level::View),
        };
        check(&policy, &[("/", code), ("/src/main.rs", code), ("/output/a/b", out), ("/tmp/x", out), ("/output", out)]);
        check(&policy, &[("/environment.md", code), ("/src/keyboard.rs", code), ("/docs/git.md", code)]);
        let hidden = if preset == Preset::FullAccess { Level::Write } else { Level::None };
        for name in [
            ".env",
            ".env.local",
            ".envrc",
            ".environment",
            "prod.env",
            "secrets",
            "secrets/a/b",
            ".git",
            ".git/config",
            ".git/x/y",
            "server.key",
            "cert.pem",
            "x.p12",
            "id_rsa",
            "id_ed25519.pub",
            ".ssh/config",
            ".aws/credentials",
            "credentials",
            "credentials.json",
            ".npmrc",
            ".netrc",
            ".kube/config",
            "my-service-account.json",
            "app-secrets.yaml",
            "terraform.tfstate",
            "access_token.txt",
            ".git-credentials",
            ".config/gcloud/x",
            ".docker/config.json",
        ] {
            for path in [format!("/{name}"), format!("/deep/er/{name}"), format!("/output/{name}")] {
                assert_eq!(policy.level_of(&path), hidden, "{preset}: {path}");
            }
        }
    }
}

#[test]
fn own_rules_come_on_top_of_a_preset_and_secrets_need_a_priority() {
    let policy = rules("preset agent-safe\n/src/**:write\n/.env.example:read,priority=200\n/output/**:none");
    check(
        &policy,
        &[
            ("/src/main.rs", Level::Write),
            ("/src/.env", Level::None),
            ("/.env.example", Level::Read),
            ("/output/x", Level::None),
            ("/readme", Level::Read),
        ],
    );
}

#[test]
fn an_explanation_names_the_winner_and_those_it_beat() {
    let policy = rules("preset agent-safe\n/src/**:write\n/src/*.rs:read,priority=3");
    let told = policy.explain("src//main.rs/").unwrap();
    assert_eq!((told.path.as_str(), told.level), ("/src/main.rs", Level::Read));
    assert_eq!(told.winner.unwrap().to_string(), "/src/*.rs:read,priority=3");
    let beaten: Vec<_> = told.beaten.iter().map(|heard| (heard.rule.to_string(), heard.because)).collect();
    assert_eq!(
        beaten,
        [("/src/**:write".to_owned(), "a lower priority"), ("/**:read,priority=-100".to_owned(), "a lower priority")]
    );
    assert!(rules("/a:read").explain("/b").unwrap().winner.is_none());
    // What is in a folder that is hidden in particular is hidden by that.
    let policy = rules("preset agent-safe\n**/*.md:read,priority=200");
    let told = policy.explain("/.git/x.md").unwrap();
    assert_eq!((told.level, told.passable), (Level::None, false));
    assert_eq!(told.winner.unwrap().pattern(), "**/.git/");
    assert_eq!(told.beaten[0].rule.to_string(), "**/*.md:read,priority=200");
    assert!(told.beaten[0].because.contains("leads nowhere"), "{:?}", told.beaten[0]);
    assert_eq!(policy.explain("/docs/x.md").unwrap().level, Level::Read);
}

#[test]
fn a_rule_is_written_as_it_is_read() {
    for text in ["/data/**:read", "/a:none,file", "/a b:c:write,directory,priority=-7", "**/*.{a,b}:view"] {
        assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
    }
    let json = r#"{"pattern":"/a","level":"read","type":"file","priority":2}"#;
    let rule: Rule = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&rule).unwrap(), json);
    assert!(serde_json::from_str::<Rule>(r#"{"pattern":"a","level":"read"}"#).is_err());
    assert!(serde_json::from_str::<Rule>(r#"{"pattern":"/a","level":"read","kind":"file"}"#).is_err());
}

/// What the page says, in the plainest way: each rule tried alone by recursion, then the strongest taken.
mod plain {
    use super::{Kind, Level, Rule};

    fn expand(pattern: &str) -> Vec<String> {
        match pattern.split_once('{') {
            None => vec![pattern.to_owned()],
            Some((before, rest)) => {
                let (inside, after) = rest.split_once('}').unwrap();
                inside.split(',').flat_map(|choice| expand(&format!("{before}{choice}{after}"))).collect()
            }
        }
    }

    fn name_fits(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                name_fits(rest, name) || matches!(name, [_, after @ ..] if name_fits(pattern, after))
            }
            (['?', rest @ ..], [_, after @ ..]) => name_fits(rest, after),
            (['[', rest @ ..], [c, after @ ..]) => {
                let end = rest.iter().position(|c| *c == ']').unwrap();
                rest[..end].contains(c) && name_fits(&rest[end + 1..], after)
            }
            ([own, rest @ ..], [c, after @ ..]) => own == c && name_fits(rest, after),
            _ => false,
        }
    }

    fn path_fits(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            (["**", rest @ ..], _) => {
                path_fits(rest, path) || matches!(path, [_, after @ ..] if path_fits(pattern, after))
            }
            ([own, rest @ ..], [name, after @ ..]) => {
                let chars = |text: &str| text.chars().collect::<Vec<_>>();
                name_fits(&chars(own), &chars(name)) && path_fits(rest, after)
            }
            _ => false,
        }
    }

    fn split(path: &str) -> Vec<&str> {
        path.split('/').filter(|name| !name.is_empty()).collect()
    }

    fn fits(rule: &Rule, path: &str) -> bool {
        let path = split(path);
        match rule.kind() {
            Kind::File => split(rule.pattern()) == path,
            Kind::Directory => path.starts_with(&split(rule.pattern())),
            Kind::Glob => expand(rule.pattern()).iter().any(|pattern| {
                let mut names = split(pattern);
                if pattern.ends_with('/') && pattern.len() > 1 {
                    names.push("**");
                }
                path_fits(&names, &path)
            }),
        }
    }

    fn specificity(rule: &Rule) -> (bool, usize, usize) {
        let names = split(rule.pattern());
        let wild = |name: &&&str| rule.kind() == Kind::Glob && name.contains(['*', '?', '[', '{']);
        let stars = |name: &&&str| rule.kind() == Kind::Glob && **name == "**";
        let last = rule.kind() != Kind::Glob || names.last() != Some(&"**");
        (last, names.iter().filter(|n| !wild(n)).count(), names.iter().filter(|n| wild(n) && !stars(n)).count())
    }

    pub fn level(rules: &[Rule], path: &str) -> Level {
        let fitting = rules.iter().filter(|rule| fits(rule, path));
        let strongest = fitting.max_by_key(|rule| {
            let kind = match rule.kind() {
                Kind::File => 2,
                Kind::Directory => 1,
                Kind::Glob => 0,
            };
            (rule.priority(), kind, specificity(rule), std::cmp::Reverse(rule.level()))
        });
        strongest.map_or(Level::None, Rule::level)
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let literal = prop::sample::select(vec!["a", "b", "ab", ".env", "x.pem", "a.b.pem"]);
    let glob = prop::sample::select(vec![
        "a", "b", "ab", "*", "?", "**", "*.pem", "*.b.pem", "[ab]", "{a,ab}", "a*", "*b", ".e?v", "{a,**}", "*a*b*",
        "x.*",
    ]);
    let level = prop::sample::select(Level::ALL.to_vec());
    let path = |name: prop::sample::Select<&'static str>| prop::collection::vec(name, 0..5);
    let slash = prop::bool::ANY;
    (path(literal), path(glob), level, 0..3, -1..2, slash).prop_filter_map(
        "a pattern that parses",
        |(literal, glob, level, kind, priority, slash)| {
            let (kind, names) = match kind {
                0 => (Kind::File, literal),
                1 => (Kind::Directory, literal),
                _ => (Kind::Glob, glob),
            };
            let end = if slash && kind == Kind::Glob && !names.is_empty() { "/" } else { "" };
            Rule::new(&format!("/{}{end}", names.join("/")), level, kind, priority).ok()
        },
    )
}

fn any_path() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "ab", "aab", ".env", "x.pem", "a.b.pem", "c"]), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_fast_matcher_says_what_the_plain_one_says(
        rules in prop::collection::vec(any_rule(), 0..12),
        paths in prop::collection::vec(any_path(), 1..12),
    ) {
        let policy = Policy::new(rules.clone(), false).unwrap();
        let backwards = Policy::new(rules.iter().rev().cloned().collect(), false).unwrap();
        for path in &paths {
            let path = format!("/{}", path.join("/"));
            let level = plain::level(&rules, &path);
            prop_assert_eq!(policy.level_of(&path), level, "{} in {:?}", &path, rules);
            prop_assert_eq!(backwards.level_of(&path), level, "{} backwards in {:?}", &path, rules);
        }
    }

    /// What can be seen can be reached, and what is said to be uniform is.
    #[test]
    fn the_way_to_what_can_be_seen_is_open(
        rules in prop::collection::vec(any_rule(), 0..8),
        paths in prop::collection::vec(any_path(), 1..30),
    ) {
        let policy = Policy::new(rules.clone(), false).unwrap();
        for path in &paths {
            let level = policy.level_of(&path.join("/"));
            for end in 0..path.len() {
                let folder = path[..end].join("/");
                let told = policy.explain(&folder).unwrap();
                // An exception for any depth leads into nothing that is hidden in particular.
                let own = policy.explain(&path.join("/")).unwrap();
                let own = if own.level == Level::None { own.beaten.first().map(|heard| heard.rule.clone()) } else { own.winner };
                let loose = own.is_some_and(|rule| rule.pattern().contains("**"));
                let meant = told.winner.is_some_and(|rule| rule.level() == Level::None && rule.pattern() != "/**");
                let open = told.level > Level::None || told.passable;
                prop_assert!(level == Level::None || open || (loose && meant), "{} hides {:?} in {:?}", folder, path, rules);
                let spot = path[..end].iter().fold(policy.root(), |spot, name| policy.step(&spot, name.as_bytes()));
                if policy.is_uniform(&spot) {
                    prop_assert_eq!(level, policy.level(&spot), "{} is not uniform: {:?} in {:?}", folder, path, rules);
                }
            }
        }
    }
}
