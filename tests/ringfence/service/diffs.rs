//! What a diff takes, however much differs and however slowly it is read.

use std::fs::File;
use std::time::{Duration, Instant};

use ringfence::workspace::archive::TarWriter;

use super::House;

/// Files of so many bytes that each take six as JSON.
fn dense(files: &[usize]) -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    for (n, bytes) in files.iter().enumerate() {
        tar.file(&format!("f{n}"), false, *bytes as u64, &mut &vec![1; *bytes][..]).unwrap();
    }
    tar.finish().unwrap()
}

#[tokio::test]
async fn a_diff_has_room_for_so_much_text_and_says_what_is_left_out() {
    let house = House::new().await;
    let key = &house.admin;
    let sandbox = house.sandbox(key).await;
    house.put(key, &format!("{sandbox}/archive"), dense(&[1_000_000; 5])).await.is(204);
    let reply = house.get(key, &format!("{sandbox}/diff")).await;
    assert!(reply.bytes.len() < 17 << 20, "{} bytes", reply.bytes.len());
    let told = reply.is(200);
    assert_eq!(told["truncated"], true);
    let changes = told["changes"].as_array().unwrap();
    let of = |n: usize| (changes[n]["diff"].is_string(), changes[n]["truncated"].is_boolean());
    let all: Vec<_> = (0..changes.len()).map(of).collect();
    assert_eq!(all, [(true, false), (true, false), (false, true), (false, true), (false, true)]);
    house.delete(key, &format!("{sandbox}/files?path=f4")).await.is(204);
    house.delete(key, &format!("{sandbox}/files?path=f3")).await.is(204);
    house.delete(key, &format!("{sandbox}/files?path=f2")).await.is(204);
    assert!(house.get(key, &format!("{sandbox}/diff")).await.is(200).get("truncated").is_none());
}

/// The request is over when the head is sent, and its place given back. The answer is in memory still.
#[tokio::test]
async fn a_diff_that_is_not_taken_counts_until_it_is() {
    let house = House::with(&[("http.tenant_bodies_bytes", "33554432")]).await;
    let key = &house.admin;
    let sandbox = house.sandbox(key).await;
    // More than the kernel takes for a reader that does not read.
    house.put(key, &format!("{sandbox}/archive"), dense(&[1_000_000, 1_000_000, 500_000])).await.is(204);
    let slow = house.ask("GET", &format!("{sandbox}/diff")).header("x-api-key", key).send().await.unwrap();
    assert_eq!(slow.status(), 200);
    let refused = house.get(key, &format!("{sandbox}/diff")).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_bytes"));
    let taken = slow.bytes().await.unwrap();
    assert!(taken.len() > 15_000_000);
    let mut again = house.get(key, &format!("{sandbox}/diff")).await;
    for _ in 0..500 {
        if again.status == 200 {
            break;
        }
        again = house.get(key, &format!("{sandbox}/diff")).await;
    }
    assert_eq!(again.bytes, taken);
}

/// Turns of the scheduler until something is so, or for too long.
async fn comes_to_be(so: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !so() {
        if began.elapsed() > Duration::from_secs(60) {
            return false;
        }
        tokio::task::yield_now().await;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_that_nobody_waits_for_is_given_up() {
    let house = House::new().await;
    let key = &house.admin;
    let sandbox = house.sandbox(key).await;
    let drafts = house.dir.path().join("data/drafts");
    let endless = drafts.read_dir().unwrap().next().unwrap().unwrap().path().join("files/endless");
    let file = File::create(&endless).unwrap();
    // Nothing on the disk, and hours to read.
    file.set_len(1 << 42).unwrap();
    let ours = 1;
    let open = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        files.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to == endless)).count()
    };
    let mut asking = Box::pin(house.ask("GET", &format!("{sandbox}/diff")).header("x-api-key", key).send());
    tokio::select! {
        biased;
        _ = &mut asking => panic!("it cannot be over"),
        begun = comes_to_be(|| open() > ours) => assert!(begun),
    }
    drop(asking);
    let given_up = comes_to_be(|| open() == ours).await;
    // Else it would be read to its end first.
    file.set_len(0).unwrap();
    assert!(given_up);
}
