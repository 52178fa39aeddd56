use crate::api::{Client, service, text, together};
use crate::runs::resident;
use crate::{Effort, Figure};

/// What many idle sandboxes cost in memory.
pub fn sandboxes(effort: Effort) -> Vec<Figure> {
    let count = effort.of(10_000);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bytes = runtime.block_on(async {
        let (address, key, _, stop) = service().await;
        let mut client = Client::new(address).await;
        // The first one pays for what is made once.
        let create = text(&address, "/v1/sandboxes", &key, "{\"ttl_seconds\": 86400}");
        client.ask(&create).await;
        let before = resident();
        for _ in 0..count {
            client.ask(&create).await;
        }
        let bytes = resident().saturating_sub(before);
        stop.cancel();
        bytes
    });
    let most = 200 << 20;
    vec![Figure {
        what: "idle sandboxes, all together",
        target: "200 MB for 10,000".into(),
        measured: format!("{:.0} MB for {count}", bytes as f64 / 1e6),
        met: Some(bytes <= most * count / 10_000),
    }]
}

/// Whether the service grows with the runs that it has done.
pub fn million(effort: Effort) -> Vec<Figure> {
    let after = [10_000, 100_000, 500_000, 1_000_000].map(|count| effort.of(count));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sizes = runtime.block_on(async {
        let (address, _, request, stop) = service().await;
        let (mut done, mut sizes) = (0, Vec::new());
        for count in after {
            together(address, &request, count - done).await;
            done = count;
            sizes.push(resident());
        }
        stop.cancel();
        sizes
    });
    let mega = |bytes: usize| bytes as f64 / 1e6;
    vec![Figure {
        what: "resident memory of the service and its clients after many runs",
        target: format!("after {} what it was after {} (10 % more is noise)", after[3], after[0]),
        measured: sizes
            .iter()
            .zip(after)
            .map(|(size, count)| format!("{:.0} MB after {count}", mega(*size)))
            .collect::<Vec<_>>()
            .join(", "),
        met: Some(sizes[3] as f64 <= sizes[0] as f64 * 1.1),
    }]
}
