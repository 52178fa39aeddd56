//! What a tenant may keep, however it is brought.

use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use futures_util::future::join_all;
use ringfence::workspace::archive::{TarWriter, ZipWriter};
use serde_json::json;

use super::House;

const MIB: u64 = 1 << 20;

/// Bytes of all files below a folder, each once however many names it has.
fn on_disk(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fn walk(folder: &Path, seen: &mut std::collections::HashMap<u64, u64>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else { continue };
            if meta.is_dir() {
                walk(&entry.path(), seen);
            } else {
                seen.insert(meta.ino(), meta.len());
            }
        }
    }
    let mut seen = std::collections::HashMap::new();
    walk(folder, &mut seen);
    seen.values().sum()
}

/// Bytes that hardly get smaller when they are compressed.
fn noise(bytes: u64, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(bytes as usize).collect()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    for (path, content) in files {
        tar.file(path, false, content.len() as u64, &mut &content[..]).unwrap();
    }
    tar.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        zip.file(path, false, content.len() as u64, &mut &content[..]).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn an_archive_is_charged_by_what_comes_out_of_it() {
    let house = House::new().await;
    let key = &house.tenant_with("packed", &[("storage_bytes", 4 * MIB)]).await;
    // Small when packed, and no bomb.
    let wide: Vec<u8> = noise(64 << 10, 1).iter().flat_map(|byte| [*byte; 40]).collect();
    let large = zip(&[("a", &wide), ("b", &wide), ("c", &wide)]);
    assert!((large.len() as u64) < MIB, "{}", large.len());
    for path in ["/v1/workspaces/w".to_owned(), format!("{}/archive", house.sandbox(key).await)] {
        let refused = house.put(key, &path, large.clone()).await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "storage_full"), "{path}");
    }
    let left = on_disk(&house.folder_of("packed"));
    assert!(left < MIB, "{left} bytes of what was refused are there still");
    house.put(key, "/v1/workspaces/w", zip(&[("a", &wide[..MIB as usize])])).await.is(201);
    // What is given back can be had again, at once.
    for _ in 0..3 {
        house.delete(key, "/v1/workspaces/w").await.is(204);
        house.put(key, "/v1/workspaces/w", zip(&[("a", &wide[..2 * MIB as usize])])).await.is(201);
    }
}

#[tokio::test]
async fn many_at_once_keep_no_more_than_one_after_the_other() {
    let house = House::new().await;
    let key = &house.tenant_with("many", &[("storage_bytes", 20 * MIB)]).await;
    let sandboxes = join_all((0..12).map(|_| house.sandbox(key))).await;
    let content = noise(3 * MIB, 7);
    let archive = tar(&[("f", &content)]);
    let mut paths: Vec<(String, Vec<u8>)> = Vec::new();
    for (n, sandbox) in sandboxes.iter().enumerate() {
        paths.push((format!("{sandbox}/archive"), archive.clone()));
        paths.push((format!("{sandbox}/files?path=g"), content.clone()));
        paths.push((format!("/v1/workspaces/w{n}"), archive.clone()));
    }
    let replies = join_all(paths.iter().map(|(path, body)| house.put(key, path, body.clone()))).await;
    assert!(replies.iter().all(|reply| matches!(reply.status, 201 | 204 | 429)), "{replies:?}");
    let kept = on_disk(&house.folder_of("many"));
    assert!(kept <= 20 * MIB, "{kept} bytes are there");
    // Nothing that was refused is held against him: it fills up to the last that fits, and no further.
    for (path, body) in &paths {
        let reply = house.put(key, path, body.clone()).await;
        assert!(matches!(reply.status, 201 | 204 | 409 | 429), "{reply:?}");
    }
    let kept = on_disk(&house.folder_of("many"));
    assert!((15 * MIB..=20 * MIB).contains(&kept), "{kept} bytes are there");
}

#[tokio::test]
async fn what_is_removed_or_replaced_is_given_back_at_once() {
    let house = House::new().await;
    let key = &house.tenant_with("again", &[("storage_bytes", MIB)]).await;
    let sandbox = house.sandbox(key).await;
    let file = |name: &str| format!("{sandbox}/files?path={name}");
    let most = noise(MIB * 3 / 8, 3);
    for _ in 0..4 {
        house.put(key, &file("f"), most.clone()).await.is(204);
    }
    house.put(key, &file("g"), most.clone()).await.is(204);
    assert_eq!(house.put(key, &file("h"), most.clone()).await.code(), "storage_full");
    house.delete(key, &file("f")).await.is(204);
    house.put(key, &file("h"), most.clone()).await.is(204);
    house.post(key, &format!("{sandbox}/discard"), json!({})).await.is(204);
    for name in ["f", "g"] {
        house.put(key, &file(name), most.clone()).await.is(204);
    }
    // Who has no room left may fetch what he has.
    let archive = House::send(house.ask("GET", &format!("{sandbox}/archive")).header("x-api-key", key)).await;
    assert_eq!((archive.status, archive.bytes.len() as u64 > MIB * 3 / 4), (200, true));
    let read = house.get(key, &file("f")).await;
    assert_eq!((&read.headers["content-length"], read.bytes == most), (&most.len().to_string().parse().unwrap(), true));
    house.delete(key, &sandbox).await.is(204);
    let other = house.sandbox(key).await;
    for name in ["f", "g"] {
        house.put(key, &format!("{other}/files?path={name}"), most.clone()).await.is(204);
    }
}

/// How many bytes more may be kept.
async fn left(house: &House, key: &str, sandbox: &str) -> u64 {
    let path = format!("{sandbox}/files?path=probe");
    let (mut fits, mut too_many) = (0, MIB);
    while too_many - fits > 1 {
        let middle = (fits + too_many) / 2;
        match house.put(key, &path, vec![0; middle as usize]).await.status {
            204 => fits = middle,
            429 => too_many = middle,
            other => panic!("{other}"),
        }
        House::send(house.ask("DELETE", &path).header("x-api-key", key)).await;
    }
    fits
}

#[tokio::test]
async fn a_restart_counts_what_was_counted_before_it() {
    let house = House::new().await;
    let key = house.tenant_with("same", &[("storage_bytes", MIB)]).await;
    let sandbox = house.sandbox(&key).await;
    let before = left(&house, &key, &sandbox).await;
    let wat = r#"(module (func (export "_start")))"#;
    House::send(house.ask("POST", "/v1/components").header("x-api-key", &key).body(wat)).await.is(201);
    house.put(&key, "/v1/workspaces/w", tar(&[("a/f", &noise(9_999, 1)), ("b", b"b")])).await.is(201);
    let of = house.post(&key, "/v1/sandboxes", json!({"workspace": "w"})).await.is(201);
    let second = house.post(&key, "/v1/sandboxes", json!({"workspace": "w"})).await.is(201);
    let at = |sandbox: &serde_json::Value| format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
    // The second began from what no workspace holds any more, and keeps it.
    house.put(&key, &format!("{}/files?path=a/f", at(&of)), noise(5_555, 2)).await.is(204);
    house.post(&key, &format!("{}/apply", at(&of)), json!({})).await.is(200);
    house.put(&key, &format!("{}/files?path=new/one", at(&second)), noise(777, 2)).await.is(204);
    assert_eq!(house.get(&key, &format!("{}/files?path=a/f", at(&second))).await.bytes.len(), 9_999);
    let after = left(&house, &key, &sandbox).await;
    let charged = wat.len() as u64 + 9_999 + 1 + 5_555 + 1 + 5_555 + 777;
    assert!(before - after >= charged && before - after < charged + 2_000, "{} for {charged}", before - after);
    let house = house.again(&[]).await;
    assert_eq!(left(&house, &key, &sandbox).await, after);
    house.delete(&key, &at(&second)).await.is(204);
    let freed = left(&house, &key, &sandbox).await - after;
    assert!((777 + 9_999..777 + 9_999 + 2_000).contains(&freed), "{freed}");
}

#[tokio::test]
async fn runs_at_once_write_no_more_than_there_is_room() {
    let house = House::new().await;
    let key = &house.tenant_with("runs", &[("storage_bytes", 9 * MIB), ("storage_files", 40)]).await;
    let probe = house.submit(key, "probe").await;
    let taken = house.get(key, &format!("/v1/components/{probe}")).await.is(200)["bytes"].as_u64().unwrap();
    assert!(taken < 3 * MIB);
    let sandboxes = join_all((0..6).map(|_| house.sandbox(key))).await;
    let run = async |sandbox: &String, command: Vec<String>| {
        let reply = house.post(key, &format!("{sandbox}/runs"), json!({"component": probe, "command": command})).await;
        reply.is(200)
    };
    let write = || ["put|a|x", "size|a|1500000", "put|b|x", "size|b|1500000"].map(str::to_owned).to_vec();
    let ends = join_all(sandboxes.iter().map(|sandbox| run(sandbox, write()))).await;
    let sizes: u64 = sandboxes_bytes(&house);
    assert!(sizes <= 9 * MIB - taken, "{sizes}");
    let limit = |end: &serde_json::Value| end["outcome"]["limit"] == json!("written_bytes");
    assert!(ends.iter().filter(|end| limit(end)).count() >= 3, "{ends:?}");
    for sandbox in &sandboxes {
        run(sandbox, vec!["rm|a".into(), "rm|b".into()]).await;
    }
    // What guests removed is given back, before the next run is told that there is none.
    assert_eq!(run(&sandboxes[0], write()).await["outcome"]["kind"], "exited");
    // And names are counted as well.
    let names = (0..60).map(|n| format!("mkdir|d{n}")).collect();
    let end = run(&sandboxes[1], names).await;
    assert_eq!(end["outcome"]["limit"], "files_created", "{end}");
    let refused = house.put(key, &format!("{}/files?path=more", sandboxes[2]), "x").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_files"));
}

fn sandboxes_bytes(house: &House) -> u64 {
    on_disk(&house.folder_of("runs").join("drafts"))
}

#[tokio::test]
async fn empty_files_are_counted_too() {
    let house = House::new().await;
    let key = &house.tenant_with("names", &[("storage_files", 100)]).await;
    let sandbox = house.sandbox(key).await;
    let many: Vec<String> = (100..220).map(|n| format!("f{n}")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    for path in ["/v1/workspaces/w".to_owned(), format!("{sandbox}/archive")] {
        assert_eq!(house.put(key, &path, tar(&many)).await.code(), "too_many_files", "{path}");
    }
    assert_eq!(
        house.get(key, &format!("{sandbox}/entries")).await.is(200)["entries"],
        json!([]),
        "nothing was unpacked"
    );
    let puts = (0..120).map(|n| {
        let path = format!("{sandbox}/files?path=d/{n}");
        let house = &house;
        async move { house.put(key, &path, "").await.status }
    });
    let made = join_all(puts).await.into_iter().filter(|status| *status == 204).count();
    assert!(made <= 99, "{made}");
    house.put(key, "/v1/workspaces/w", tar(&many[..60])).await.code();
    house.delete(key, &sandbox).await.is(204);
    house.put(key, "/v1/workspaces/w", tar(&many[..60])).await.is(201);
    let of = house.post(key, "/v1/sandboxes", json!({"workspace": "w"})).await;
    assert_eq!(of.code(), "too_many_files", "each sandbox has these names again");
    house.delete(key, "/v1/workspaces/w").await.is(204);
    house.put(key, "/v1/workspaces/w", tar(&many[..40])).await.is(201);
    let of = house.post(key, "/v1/sandboxes", json!({"workspace": "w"})).await.is(201);
    let of = format!("/v1/sandboxes/{}", of["id"].as_str().unwrap());
    for (name, _) in &many[..40] {
        house.delete(key, &format!("{of}/files?path={name}")).await.is(204);
    }
    // What was removed and filled by others does not come back beyond the ceiling.
    let other = house.sandbox(key).await;
    house.put(key, &format!("{other}/archive"), tar(&many[..50])).await.is(204);
    assert_eq!(house.post(key, &format!("{of}/discard"), json!({})).await.code(), "too_many_files");
    house.delete(key, &other).await.is(204);
    house.post(key, &format!("{of}/discard"), json!({})).await.is(204);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_counted_writes_nothing_and_holds_up_nobody() {
    let mut house = House::new().await;
    let bad = house.tenant_with("bad", &[]).await;
    let good = house.tenant_with("good", &[]).await;
    let (hurt, fine) = (house.sandbox(&bad).await, house.sandbox(&good).await);
    house.stop().await;
    let drafts = house.folder_of("bad").join("drafts");
    std::fs::rename(&drafts, drafts.with_file_name("away")).unwrap();
    std::fs::File::create(&drafts).unwrap().write_all(b"no folder").unwrap();
    let house = house.again(&[]).await;
    let refused = house.put(&bad, &format!("{hurt}/files?path=f"), "x").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "storage_uncounted"));
    assert!(refused.headers.contains_key("retry-after"));
    house.put(&good, &format!("{fine}/files?path=f"), "x").await.is(204);
    std::fs::remove_file(&drafts).unwrap();
    std::fs::rename(drafts.with_file_name("away"), &drafts).unwrap();
    house.put(&bad, &format!("{hurt}/files?path=f"), "x").await.is(204);
}

#[tokio::test]
pub async fn the_history_of_a_tenant_is_bounded_and_the_oldest_go_first() {
    let house = House::with(&[("runs.history_runs", "5"), ("runs.history_bytes", "50000")]).await;
    let key = &house.admin;
    let hello = house.submit(key, "hello").await;
    let run = async |retry: &str, name: &str| {
        let body = json!({"component": hello, "command": [name]});
        let request = house.ask("POST", "/v1/runs").header("x-api-key", key).header("idempotency-key", retry);
        House::send(request.json(&body)).await.is(200)["id"].as_str().unwrap().to_owned()
    };
    let listed = async || {
        let page = house.get(key, "/v1/runs").await.is(200);
        page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut ids = Vec::new();
    for n in 0..8 {
        ids.push(run(&format!("k{n}"), "small").await);
    }
    let mut newest = ids.split_off(3);
    newest.reverse();
    assert_eq!(listed().await, newest);
    assert_eq!(run("k7", "small").await, newest[0], "one that is there is answered again");
    assert_ne!(run("k0", "small").await, ids[0], "one that is gone is not");
    // One large answer takes the place of many small ones, and never its own.
    let large = run("large", &"x".repeat(49_500)).await;
    let all = listed().await;
    assert!(all.len() < 5 && all[0] == large, "{all:?}");
    let larger = run("larger", &"x".repeat(49_600)).await;
    assert_eq!(listed().await, [larger]);
    assert_eq!(house.get(key, &format!("/v1/runs/{large}")).await.code(), "not_found");
}

#[tokio::test]
async fn what_is_on_its_way_has_no_name_and_lies_with_its_tenant() {
    let house = House::new().await;
    let key = &house.tenant_with("way", &[]).await;
    let sandbox = house.sandbox(key).await;
    let tmp = house.folder_of("way").join("tmp");
    assert_eq!(std::fs::metadata(&tmp).unwrap().permissions().mode() & 0o777, 0o700);
    let (body, held) = super::bodies::half(vec![b'x'; 1 << 20]);
    let path = format!("{sandbox}/files?path=f");
    let sending = house.ask("PUT", &path).header("x-api-key", key).body(body).send();
    let looking = async {
        let open = || {
            std::fs::read_dir("/proc/self/fd").unwrap().flatten().any(|fd| {
                std::fs::read_link(fd.path()).is_ok_and(|to| {
                    to.starts_with(&tmp) && std::fs::metadata(fd.path()).is_ok_and(|meta| meta.len() > 100_000)
                })
            })
        };
        let began = std::time::Instant::now();
        while !open() {
            crate::support::still_patient(began);
            tokio::task::yield_now().await;
        }
        assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0);
        assert_eq!(house.get(key, &path).await.code(), "no_file", "half of a file is none");
        held.send(()).unwrap();
    };
    let (sent, ()) = tokio::join!(sending, looking);
    assert_eq!(sent.unwrap().status(), 204);
    assert_eq!(house.get(key, &path).await.bytes.len(), 2 << 20);
    assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0);
    // What another version, or a file system without nameless files, left goes at the next start.
    std::fs::write(tmp.join("left"), "x").unwrap();
    let house = house.again(&[]).await;
    house.put(key, &path, "x").await.is(204);
    assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0);
}

#[tokio::test]
async fn empty_workspaces_are_counted_and_listed_page_by_page() {
    let house = House::new().await;
    // Ten, and the empty tree that they share.
    let key = &house.tenant_with("empty", &[("storage_files", 11)]).await;
    let put = async |n: u32| house.put(key, &format!("/v1/workspaces/w{n}"), "").await;
    for n in 0..10 {
        put(n).await.is(201);
    }
    assert_eq!(put(10).await.code(), "too_many_files");
    house.delete(key, "/v1/workspaces/w0").await.is(204);
    put(10).await.is(201);
    let (mut names, mut pages, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = house.get(key, &format!("/v1/workspaces?limit=4{cursor}")).await.is(200);
        names.extend(page["workspaces"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, ["w1", "w10", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9"]);
    assert_eq!(pages, 3);
    for (bad, field) in [("limit=0", "limit"), ("limit=101", "limit"), ("cursor=NO", "cursor")] {
        let refused = house.get(key, &format!("/v1/workspaces?{bad}")).await;
        assert_eq!((refused.status, &refused.json()["field"]), (422, &json!(field)), "{bad}");
    }
}
