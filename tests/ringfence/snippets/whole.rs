//! What is written or read at once is all of it, however little the host moves at a time.

use ringfence::fs_policy::{Level, Policy};
use ringfence::model::LimitName;

use super::{answer, mount, request, run};
use crate::support::assert_limit;

#[tokio::test]
async fn what_is_printed_at_once_arrives_whole_or_reaches_the_limit() {
    for (language, print) in [
        ("python", "print('x' * COUNT)"),
        ("python", "import sys; _ = sys.stdout.write('x' * COUNT); _ = sys.stdout.buffer.write(b'\\n')"),
        ("python", "import os; _ = os.write(1, b'x' * COUNT + b'\\n')"),
        ("javascript", "console.log('x'.repeat(COUNT))"),
    ] {
        for count in [65_535, 65_536, 65_537, 200_000, 900_000] {
            let mut asked = request(&print.replace("COUNT", &count.to_string()));
            asked.limits.stdout_bytes = 1_000_000;
            let report = run(language, asked).await;
            assert_eq!(answer(&report).0, 0, "{report:?}");
            assert_eq!(report.stdout.bytes.len(), count + 1, "{print} of {count}");
        }
        let mut asked = request(&print.replace("COUNT", "2000000"));
        asked.limits.stdout_bytes = 1_000_000;
        assert_limit(&run(language, asked).await, LimitName::StdoutBytes);
    }
}

#[tokio::test]
async fn descriptors_and_files_without_a_buffer_move_all_that_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let code = "import os
file = os.open('a', os.O_RDWR | os.O_CREAT)
print(os.write(file, b'q' * 300_000), os.lseek(file, 0, 0), len(os.read(file, 300_000)), len(os.read(file, 5)))
with open('b', 'wb', buffering=0) as raw: print(raw.write(memoryview(b'z' * 300_000)), type(raw).__name__)
with open('b', 'rb', buffering=0) as raw: print(len(raw.read(250_000)), len(raw.read()), raw.read(1))";
    let mut asked = request(code);
    asked.mounts = vec![mount(folder.path(), Policy::all(Level::Write))];
    let report = run("python", asked).await;
    let said = String::from_utf8_lossy(&report.stdout.bytes);
    assert_eq!(said, "300000 0 300000 0\n300000 FileIO\n250000 50000 b''\n", "{report:?}");
}
