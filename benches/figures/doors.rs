use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::authz::{Action, Ask, Authorizer, Resource, ResourceKind, Wants};
use ringfence::egress::IssuerKeys;
use ringfence::identity::{
    Authenticator, Directory, IdentitySettings, Offered, Outside, Pepper, SigningKey, TokenMaker,
};
use ringfence::model::Labels;
use ringfence::registry::{Door, Registry};
use ringfence::store::Store;

use crate::{Effort, Figure, micros, percentile};

/// Who calls and whether he may, as each request asks it, with what is known kept warm: the parts of the service, without
/// HTTP around them.
pub fn who_and_may_he(effort: Effort) -> Vec<Figure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut samples = runtime.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("db")).unwrap();
        let settings = IdentitySettings::default();
        let signing = SigningKey::ed25519(&[7; 32]).unwrap();
        let maker = Arc::new(TokenMaker::new("bench", signing, settings.tokens.clone()).unwrap());
        let directory: Arc<dyn Directory> = Arc::new(store.clone());
        let read = |path: &std::path::Path| std::fs::read(path);
        let outside = Outside { read: &read, fetch: Arc::new(IssuerKeys::new(false).unwrap()) };
        let door = Authenticator::new(&settings, directory, Pepper::new([1; 32]), Arc::clone(&maker), &outside);
        let door = Arc::new(door.unwrap());
        let forgets: Arc<dyn Door> = Arc::clone(&door) as Arc<dyn Door>;
        let pepper = Arc::new(Pepper::new([1; 32]));
        let registry =
            Registry::new(Arc::new(store.clone()), Arc::new(Authorizer::new().unwrap()), forgets, pepper, maker);
        let now = 1_800_000_000;
        let key = registry.first(now).await.unwrap().unwrap().key;
        registry.load().unwrap();
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let wants =
            Wants { fuel: 1 << 30, memory_bytes: 1 << 26, deadline_ms: 1_000, network: false, backend: "wasm".into() };
        let mut samples = Vec::new();
        for turn in 0..effort.of(20_000) {
            let began = Instant::now();
            let offered = Offered { api_key: Some(key.expose()), bearer: None };
            let caller = door.authenticate(offered, address, now, turn as u64).await.unwrap();
            let resource = Resource {
                kind: ResourceKind::Tenant,
                tenant: &caller.tenant,
                id: caller.tenant.as_str(),
                owner: Some(&caller.principal),
                labels: &Labels::new(),
            };
            let ask = Ask { now, wants: Some(&wants) };
            let permit = registry.authorizer().decide(&caller, Action::RunsCreate, &resource, &ask);
            samples.push(began.elapsed());
            assert!(permit.is_ok());
        }
        samples
    });
    let (p50, p99) = (percentile(&mut samples, 50), percentile(&mut samples, 99));
    vec![Figure {
        what: "an API key and the policy for a run, both warm",
        target: "p50 60 µs".into(),
        measured: format!("p50 {:.1} µs, p99 {:.1} µs", micros(p50), micros(p99)),
        met: Some(p50 <= Duration::from_micros(60)),
    }]
}
