use super::Desk;
use super::desk::fails;

/// What is copied is the store that `serve` would open with the same settings, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_the_folder_that_the_settings_name() {
    let desk = Desk::new().await;
    let data = desk.house.dir.path().join("data").display().to_string();
    desk.house.person("backed-up", &["viewer"]).await;
    let file = desk.file("ringfence.toml", format!("data_dir = '{data}'\n")).display().to_string();
    let set = format!("data_dir={data}");
    for (number, named) in [["--config", &file], ["--set", &set], ["--data-dir", &data]].into_iter().enumerate() {
        let folder = format!("copy-{number}");
        std::fs::create_dir(desk.path(&folder)).unwrap();
        let to = format!("{folder}/ringfence.db");
        let output = desk.here(&[&["backup", "--json", "--to", &to], &named[..]].concat());
        assert!(output.status.success(), "{output:?}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["data_dir"], data, "{told}");
        let known = ["policy", "explain", "runs:read", "--principal", "backed-up", "--data", &folder];
        assert!(desk.here(&known).status.success(), "the copy is of another store");
    }
    let mut command = desk.command(&["backup", "--to", "by-variable.db"]);
    command.env("RINGFENCE_CONFIG", &file);
    let output = desk.fed(command, b"");
    assert!(String::from_utf8(output.stdout).unwrap().contains(&data));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_makes_no_store_where_there_is_none() {
    let desk = Desk::new().await;
    std::fs::create_dir(desk.path("empty")).unwrap();
    fails(&desk.here(&["backup", "--data-dir", "empty", "--to", "copy.db"]), 118, "empty holds no store");
    assert!(!desk.path("copy.db").exists());
    assert_eq!(std::fs::read_dir(desk.path("empty")).unwrap().count(), 0);
}
