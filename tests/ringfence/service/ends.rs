//! What a start makes of runs that have no end in the store.

use serde_json::json;

use super::House;
use super::proven::events;
use crate::sandbox::RUNNING;

#[tokio::test]
async fn a_run_whose_end_is_on_record_is_not_said_to_be_lost() {
    let mut house = House::new().await;
    let key = house.admin.clone();
    let hello = house.submit(&key, "hello").await;
    let body = json!({"component": hello, "command": ["you"], "async": true});
    let id = house.post(&key, "/v1/runs", body).await.is(202)["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{id}");
    while house.get(&key, &path).await.is(200)["state"] != "ended" {}
    house.stop().await;
    // As a kill between the record of the end and its row leaves it; and one of which nothing more is known.
    let store = rusqlite::Connection::open(house.dir.path().join("data/ringfence.db")).unwrap();
    let unknown = format!("run_{}", "0".repeat(32));
    let left = format!(
        "UPDATE runs SET {RUNNING}; CREATE TEMP TABLE lost AS SELECT * FROM runs; UPDATE lost SET id = '{unknown}';
         INSERT INTO runs SELECT * FROM lost;"
    );
    store.execute_batch(&left).unwrap();
    let house = house.again(&[]).await;

    let ended = events(&house, &key, "event=command_executed").await.pop().unwrap();
    let told = house.get(&key, &path).await.is(200);
    assert_eq!((&told["state"], &told["failure"]["code"]), (&json!("ended"), &json!("answer_lost")));
    let message = told["failure"]["message"].as_str().unwrap();
    assert!(message.contains("`exited`") && message.contains(&format!("record {} ", ended["seq"])), "{message}");
    let lost = house.get(&key, &format!("/v1/runs/{unknown}")).await.is(200);
    assert_eq!(lost["failure"]["code"], "service_stopped");
    let about: Vec<_> = events(&house, &key, "event=command_lost").await;
    let about: Vec<_> = about.iter().map(|one| one["resource"]["id"].as_str().unwrap()).collect();
    assert_eq!(about, [unknown.as_str()]);

    // Killed between that record and the row, it is not recorded again.
    store.execute_batch(&format!("UPDATE runs SET {RUNNING} WHERE id = '{unknown}'")).unwrap();
    let house = house.again(&[]).await;
    assert_eq!(house.get(&key, &format!("/v1/runs/{unknown}")).await.is(200)["failure"]["code"], "service_stopped");
    assert_eq!(events(&house, &key, "event=command_lost").await.len(), 1);
}
