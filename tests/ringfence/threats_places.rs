//! Attacks on what a path and an open folder stand for: moved folders, gaps in files, streams, kernels, loose rules.

use ringfence::fs_policy::{Kind, Level, Policy, Preset, Rule, Rules};
use ringfence::model::{LimitName, Outcome};

use crate::support::{limits, with};
use crate::world::World;

#[tokio::test]
async fn f04_a_folder_that_is_held_open_gets_no_other_rules_by_being_moved() {
    let world = World::new();
    world.put("pub/x", "").put("s/inner/x", "");
    let rules = "/**:write\n/pub/conf/locked:read,priority=1\n/pub/conf/hidden:none,priority=1";
    let said = world.probe(rules, &["keep|s", "mv|s|pub/conf", "mv|s|elsewhere", "kept", "put|locked|mine"]).await;
    assert_eq!(said, ["ok", "PERM", "ok", "ok", "ok"], "where it may go, the rules below are the same");
    assert_eq!(world.read("elsewhere/locked").as_deref(), Some("mine"));
}

#[tokio::test]
async fn f02_an_open_folder_that_was_moved_up_makes_no_link_that_leads_out() {
    let world = World::new();
    world.put("a/b/c/x", "");
    let said = world
        .probe(
            "",
            &["mkdir|a/b/c/d", "keep|a/b/c/d", "mv|a/b/c/d|d", "kept", "sym|../../outside|leak", "sym|../x|fine"],
        )
        .await;
    assert_eq!(said, ["ok", "ok", "ok", "ok", "PERM", "ok"]);
    let said = world.probe("", &["mkdir|a/b/e", "keep|a/b/e/", "mv|a/b|b", "kept", "sym|../../../outside|leak"]).await;
    assert_eq!(said.last().unwrap(), "PERM", "what is in the folder that was moved is counted anew as well");
    world.outside_is_as_it_was();
}

#[tokio::test]
async fn f09_a_gap_in_a_file_counts_as_written() {
    let world = World::new();
    for (operation, used) in [("stride|f|9000000000000|1", 9_000_000_000_001), ("stride|f|4096|200000", 16_777_000)] {
        let report = world.report("", &[operation], with(&[(LimitName::DeadlineMs, 60_000)])).await;
        let Outcome::LimitExceeded { limit: LimitName::WrittenBytes, used: at, .. } = report.outcome else {
            panic!("{report:?}");
        };
        assert!(at >= used, "{at}");
    }
    assert!(std::fs::metadata(world.folder().join("f")).unwrap().len() <= limits().written_bytes);
}

#[tokio::test]
async fn f07_an_exception_for_any_depth_does_not_show_what_is_hidden() {
    let world = World::new();
    world
        .put(".git/refs/heads/secret-plan", "")
        .put("secrets/prod/x", "")
        .put("docs/.env.example", "A=")
        .put(".env", "");
    let rules = "preset agent-safe\n**/.env.example:read,priority=200";
    let said =
        world.probe(rules, &["ls|.", "ls|.git/refs", "stat|secrets", "read|docs/.env.example", "read|.env"]).await;
    assert_eq!(said, ["ok docs", "NOENT", "NOENT", "ok A=", "NOENT"]);
    // An exception that says where leads there, and to nothing else.
    let rules = "preset agent-safe\n/secrets/prod/x:read,priority=200";
    let said = world.probe(rules, &["ls|.", "ls|secrets", "ls|secrets/prod", "ls|.git"]).await;
    assert_eq!(said, ["ok docs,secrets", "ok prod", "ok x", "NOENT"]);
}

#[tokio::test]
async fn f02_a_path_has_one_meaning_however_it_is_written() {
    let world = World::new();
    world.put("data/sub/x", "hi").put("pub/y", "").link("pub/link", "../data");
    let rules = "/pub/link:read\n/data/:read";
    let said = world.probe(rules, &["read|pub/link/sub/x", "read|./pub/link/sub/x", "read|pub/./link/sub/x"]).await;
    assert_eq!(said, ["ok hi", "ok hi", "ok hi"]);
}

#[tokio::test]
async fn f10_windows_into_the_kernel_are_not_even_looked_at() {
    let world = World::new();
    // The root of this machine, with whatever is mounted in it; nothing may be changed.
    let mount = ringfence::engine::Mount::whole("/", "/", Level::Read);
    let mut grants = ringfence::model::Grants::clocks_and_randomness();
    let operations =
        ["stat|proc/1", "readlink|proc/self", "ls|proc/self/fd", "stat|proc", "ls|sys/class", "read|proc/version"];
    grants.args = operations.map(str::to_owned).to_vec();
    let mut request = ringfence::engine::RunRequest::new(crate::support::command(), limits(), grants);
    request.mounts = vec![mount];
    let program = crate::support::load(crate::support::guest("probe")).await;
    let report = crate::support::run(&program, request).await;
    let said = String::from_utf8(report.stdout.bytes).unwrap();
    assert!(said.lines().all(|line| line == "PERM"), "{said}");
    assert_eq!(report.denials.iter().map(|denial| denial.times).sum::<u64>(), 6, "{:?}", report.denials);
    world.outside_is_as_it_was();
}

#[tokio::test]
async fn denials_are_told_once_for_a_path_and_cannot_bury_each_other() {
    let world = World::new();
    world.put("important", "x");
    let mut operations: Vec<String> = (0..200).map(|n| format!("put|junk{n}|x")).collect();
    operations.extend(["read|t\tx", "read|t\tx", "rm|important"].map(str::to_owned));
    let operations: Vec<&str> = operations.iter().map(String::as_str).collect();
    let report = world.report("/important:read", &operations, limits()).await;
    let of = |tried: &str| report.denials.iter().filter(|denial| denial.tried == tried).collect::<Vec<_>>();
    assert_eq!(of("remove").len(), 1, "{:?}", report.denials);
    let tab = of("open");
    assert_eq!((tab.len(), tab[0].times), (1, 2), "{tab:?}");
    assert_eq!(of("open for writing").iter().map(|denial| denial.times).sum::<u64>(), 200);
}

#[test]
fn f12_rules_that_would_be_slow_for_every_name_are_refused() {
    let loose = |n: usize| Rule::new(&format!("**/[!{}]/**/[!x]/**", n % 10), Level::Read, Kind::Glob, 0).unwrap();
    let many: Vec<Rule> = (0..1_000).map(|n| loose(n).in_any_case()).collect();
    assert!(Policy::new(many.clone(), false).is_ok(), "they are ten patterns, written often");
    let different = |n: u32| {
        let c = char::from_u32(0x4e00 + n).unwrap();
        Rule::new(&format!("**/?[!{c}]/**"), Level::Read, Kind::Glob, 0).unwrap()
    };
    let error = Policy::new((0..1_000).map(different).collect(), false).unwrap_err();
    assert!(error.to_string().contains("`[!x]`"), "{error}");
}

#[test]
fn presets_hide_what_people_call_their_secrets_in_any_case() {
    let names = "\
        .env .ENV config/.env.local prod.env Secrets/x .GIT/config a/b/.git/HEAD ID_RSA server.KEY SECRET.json token .token access_token
        github_token my.token accessTokens.json apikey.txt api-keys.json passwords.txt passwd.txt .passwd .vault_pass
        application_default_credentials.json aws_credentials gcp-credentials.json my-credentials.json rootkey.csv
        user_accessKeys.csv app-firebase-adminsdk-x.json serviceAccountKey.json cluster.kubeconfig .boto .s3cfg rclone.conf
        .config/gh/hosts.yml .dockerconfigjson auth.json x.cert x.p7b x.bks x.jceks deploy_key my_rsa private_key.txt
        server.key.bak key.pem.old x.pem~ secret api_secret .git-credentials .bzr/x .jj/x .fish_history .sh_history .mylogin.cnf
        .yarnrc .npmrc .netrc .aws/credentials .ssh/id_ed25519 terraform.tfstate .kube/config db_password credentials.json";
    let code = "\
        src/token.rs src/tokenizer.py lib/secret.rs src/password.go src/keys.py README.md package.json Cargo.lock env.py
        src/crypto/private_key.rs docs/authentication.md git/config.py monkey.txt keyboard.json credentials.py";
    for preset in [Preset::AgentSafe, Preset::Development, Preset::ReadOnly, Preset::ViewOnly] {
        let policy = Rules { preset: Some(preset), rules: Vec::new() }.policy(false).unwrap();
        for depth in ["", "/one", "/one/two/three/four"] {
            for name in names.split_whitespace() {
                assert_eq!(policy.level_of(&format!("{depth}/{name}")), Level::None, "{preset} {depth}/{name}");
            }
            for name in code.split_whitespace() {
                assert_ne!(policy.level_of(&format!("{depth}/{name}")), Level::None, "{preset} {depth}/{name}");
            }
        }
    }
    for pattern in ringfence::fs_policy::secret_patterns() {
        assert!(Rule::new(pattern, Level::None, Kind::Glob, 0).is_ok(), "{pattern}");
    }
}
