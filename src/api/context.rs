use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, HeaderValue, header};
use tokio_util::sync::CancellationToken;

use super::failures;
use super::held::{Bodies, InMemory};
use super::problem::Problem;
use super::recorder::Recorder;
use super::settings::HttpSettings;
use super::shares::{Share, Shares};
use super::visit::Visit;
use crate::audit::forward::Target;
use crate::audit::{Detail, EventName, Reader, Standing};
use crate::authz::{Action, Ask, Denied, Permit, Resource, ResourceKind, Wants};
use crate::identity::{AuthError, Authenticator, Directory, Offered};
use crate::model::{Caller, Labels, PrincipalId, RequestId, TenantId};
use crate::registry::Registry;
use crate::runtimes::Shelf;
use crate::sandbox::Hall;
use crate::telemetry::Telemetry;

/// What the API stands on.
pub struct Parts {
    pub hall: Hall,
    pub registry: Registry,
    pub door: Arc<Authenticator<Arc<dyn Directory>>>,
    pub http: HttpSettings,
    pub telemetry: Arc<Telemetry>,
    pub audit: Arc<Standing>,
    pub audit_reader: Arc<Reader>,
    /// The language runtimes of this host.
    pub runtimes: Arc<Shelf>,
    /// Where the audit log is sent as well.
    pub forwards: Vec<Arc<Target>>,
    /// Whether the store answers, asked by `readyz`.
    pub store_answers: Box<dyn Fn() -> bool + Send + Sync>,
}

pub(super) struct Inner {
    parts: Parts,
    began: Instant,
    pub(super) requests: Arc<Shares>,
    pub(super) streams: Arc<Shares>,
    bodies: Arc<Bodies>,
    pub(super) recorder: Recorder,
}

/// The API of one service. Cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

impl Api {
    pub fn new(parts: Parts) -> Self {
        let requests = Shares::new(parts.http.requests, "requests at work");
        let streams = Shares::new(parts.http.streams, "event streams open");
        let bodies = Bodies::new(&parts.http);
        let telemetry = Arc::clone(&parts.telemetry);
        parts.hall.on_end(move |run| {
            let fuel = run.report.as_ref().map_or(0, |report| report.usage.fuel);
            telemetry.run_ended(run.outcome().unwrap_or("failed"), fuel);
        });
        let recorder = Recorder::new(Arc::clone(&parts.audit), Arc::clone(&parts.audit_reader));
        Self(Arc::new(Inner { parts, began: Instant::now(), requests, streams, bodies, recorder }))
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0.parts
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    /// Seconds since 1970, by the clock by which sandboxes expire as well.
    pub(super) fn now(&self) -> u64 {
        self.0.parts.hall.now() / 1_000
    }

    fn tick(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A caller who is known, and what he may be asked about.
pub(super) struct Who {
    pub(super) api: Api,
    /// As he was let in.
    pub(super) caller: Arc<Caller>,
    current: Mutex<Current>,
    /// Of the requests at work that his tenant may have.
    _share: Share,
    visit: Visit,
}

/// A caller as he was when rights had changed so often.
struct Current {
    changed: u64,
    caller: Arc<Caller>,
}

impl FromRequestParts<Api> for Who {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, api: &Api) -> Result<Self, Problem> {
        let address =
            head.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::from([0, 0, 0, 0]), |at| at.0.ip());
        let offered = offered(&head.headers)?;
        let now = api.now();
        // Before he is looked up: then a change in between is asked about once too often, not missed.
        let changed = api.parts().registry.changed();
        match api.parts().door.authenticate(offered, address, now, api.tick()).await {
            Ok(caller) => {
                let share = api.inner().requests.share(&caller.tenant)?;
                let visit = head.extensions.get::<Visit>().cloned().unwrap_or_default();
                visit.caller(&caller);
                let span = tracing::Span::current();
                span.record("principal", caller.principal.as_str()).record("tenant", caller.tenant.as_str());
                let current = Mutex::new(Current { changed, caller: Arc::clone(&caller) });
                Ok(Self { api: api.clone(), caller, current, visit, _share: share })
            }
            Err(error) => {
                api.parts().telemetry.refused_login(error.reason());
                record(address, &error);
                if let AuthError::Refused(refused) = &error {
                    let visit = head.extensions.get::<Visit>().cloned().unwrap_or_default();
                    let shown = refused.shown.as_deref();
                    api.inner().recorder.no_login(visit.request(), address, error.reason(), shown).await;
                }
                Err(failures::auth(&error))
            }
        }
    }
}

/// Who failed is on record, and whoever is limited is counted: he must not fill the log as well.
fn record(address: IpAddr, error: &AuthError) {
    if matches!(error, AuthError::TooManyAttempts { .. }) {
        tracing::debug!(%address, reason = error.reason(), "nobody was looked for");
    } else {
        tracing::info!(%address, reason = error.reason(), credential = error.shown(), "nobody was let in");
    }
}

/// A header that may be there once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut all = headers.get_all(name).iter();
    let first = all.next();
    match all.next() {
        None => Ok(first),
        Some(_) => Err(Problem::bad("bad_header", format!("{name} is there twice; send it once")).at(name)),
    }
}

/// The credential of a request. One that is given twice is none: who knows which of them somebody else looked at.
fn offered(headers: &HeaderMap) -> Result<Offered<'_>, Problem> {
    let one = |name: &str| -> Result<Option<&str>, Problem> {
        Ok(only(headers, name)?.map(|value| value.to_str().unwrap_or("\u{fffd}")))
    };
    let bearer = one(header::AUTHORIZATION.as_str())?.map(|value| match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        // Another scheme is a credential that we cannot read, not none.
        _ => "\u{fffd}",
    });
    Ok(Offered { api_key: one("x-api-key")?, bearer })
}

const NO_LABELS: &Labels = &Labels::new();

/// Something that is asked about, borrowed from what was found.
pub(super) struct Object<'a> {
    pub(super) id: &'a str,
    pub(super) owner: Option<&'a PrincipalId>,
    pub(super) labels: &'a Labels,
}

impl<'a> Object<'a> {
    pub(super) fn owned(id: &'a str, owner: &'a PrincipalId, labels: &'a Labels) -> Self {
        Self { id, owner: Some(owner), labels }
    }

    pub(super) fn plain(id: &'a str) -> Self {
        Self { id, owner: None, labels: NO_LABELS }
    }
}

impl Who {
    pub(super) fn hall(&self) -> &Hall {
        &self.api.parts().hall
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.api.parts().registry
    }

    pub(super) fn http(&self) -> &HttpSettings {
        &self.api.parts().http
    }

    pub(super) fn now(&self) -> u64 {
        self.api.now()
    }

    pub(super) fn tenant(&self) -> &TenantId {
        &self.caller.tenant
    }

    /// For what this caller's request is about to have in memory.
    pub(super) fn in_memory(&self) -> InMemory {
        self.api.inner().bodies.of(self.tenant())
    }

    /// The most that a body may take there.
    pub(super) fn most_in_memory(&self, most: u64) -> u64 {
        let http = self.http();
        most.min(http.upload_bytes).min(http.bodies_bytes).min(http.tenant_bodies_bytes)
    }

    /// Who he is now. Much may have happened since he was let in: his body may have come slowly.
    fn current(&self) -> Result<Arc<Caller>, Problem> {
        let changed = self.registry().changed();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.changed != changed {
            let caller = self.api.parts().door.again(&self.caller, self.now());
            *current = Current { changed, caller: Arc::new(caller.map_err(|error| failures::auth(&error))?) };
        }
        Ok(Arc::clone(&current.caller))
    }

    async fn decide(&self, action: Action, resource: &Resource<'_>, wants: Option<&Wants>) -> Result<Permit, Problem> {
        let permit = self.not_denied(action, resource, wants).await?;
        let deed = self.visit.deed().clone();
        if let Some(most) = self.registry().ceilings(self.tenant()) {
            self.api.inner().recorder.room(&self.caller, action, &deed, most.audit_bytes_per_minute)?;
        }
        self.api.inner().recorder.permitted(&self.caller, self.visit.request(), &permit, &deed).await?;
        self.visit.permitted(&permit);
        Ok(permit)
    }

    /// A denial is on record before it is told.
    async fn not_denied(
        &self,
        action: Action,
        resource: &Resource<'_>,
        wants: Option<&Wants>,
    ) -> Result<Permit, Problem> {
        let denied = match self.decided(action, resource, wants)? {
            Ok(permit) => return Ok(permit),
            Err(denied) => denied,
        };
        let (about, why) = ((resource.kind.as_str(), resource.id), (denied.reason.as_str(), &*denied.policies));
        self.api.inner().recorder.denied(&self.caller, self.visit.request(), action, about, why).await;
        Err(failures::denied(&denied, resource.kind))
    }

    fn decided(
        &self,
        action: Action,
        resource: &Resource<'_>,
        wants: Option<&Wants>,
    ) -> Result<Result<Permit, Denied>, Problem> {
        let ask = Ask { now: self.now(), wants };
        Ok(self.registry().authorizer().decide(&*self.current()?, action, resource, &ask))
    }

    /// Told when this request loses what it stands on, and not when only its connection is lost.
    pub(super) fn withdrawal(&self) -> CancellationToken {
        self.visit.withdrawal()
    }

    /// The id of the request.
    pub(super) fn request(&self) -> &RequestId {
        self.visit.request()
    }

    /// What was made, by its id.
    pub(super) fn made(&self, kind: &'static str, id: impl ToString) {
        self.visit.deed().made = Some((kind, id.to_string()));
    }

    /// A fact for the record of what was done.
    pub(super) fn fact(&self, name: &'static str, fact: impl Into<Detail>) {
        self.visit.deed().details.push((name, fact.into()));
    }

    /// What is done has another name than what is permitted. Said before that is asked, the log has it before it is done.
    pub(super) fn did(&self, name: EventName) {
        self.visit.deed().name = Some(name);
    }

    /// Does what is permitted to its end and puts it on record, whoever waits for it: of what a caller does who leaves in the
    /// middle it is known what came of it.
    pub(super) async fn whole<T: Send + 'static, F>(self, act: impl FnOnce(Self) -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let (api, hall, visit) = (self.api.clone(), self.hall().clone(), self.visit.clone());
        visit.goes_on();
        hall.goes_on(visit.whole(api, act(self))).await?
    }

    /// May he do this to an object of his tenant?
    pub(super) async fn permit(&self, action: Action, object: &Object<'_>) -> Result<Permit, Problem> {
        let Object { id, owner, labels } = *object;
        let resource = Resource { kind: action.kind(), tenant: self.tenant(), id, owner, labels };
        self.decide(action, &resource, None).await
    }

    /// May he still, of an object as it is now? It stands on record already that he might.
    pub(super) async fn still(&self, action: Action, object: &Object<'_>) -> Result<Permit, Problem> {
        let Object { id, owner, labels } = *object;
        let resource = Resource { kind: action.kind(), tenant: self.tenant(), id, owner, labels };
        self.not_denied(action, &resource, None).await
    }

    /// The same for a question on which nothing follows; asked of many rows, and so `apart`.
    pub(super) fn could(&self, action: Action, object: &Object<'_>) -> bool {
        let Object { id, owner, labels } = *object;
        let resource = Resource { kind: action.kind(), tenant: self.tenant(), id, owner, labels };
        matches!(self.decided(action, &resource, None), Ok(Ok(_)))
    }

    /// May he make something in his tenant, that will be his?
    pub(super) async fn permit_new(&self, action: Action, wants: Option<&Wants>) -> Result<Permit, Problem> {
        self.permit_for(action, &self.caller.principal, wants).await
    }

    /// The same of something that will be somebody's.
    pub(super) async fn permit_for(
        &self,
        action: Action,
        whom: &PrincipalId,
        wants: Option<&Wants>,
    ) -> Result<Permit, Problem> {
        let (tenant, kind) = (self.tenant(), ResourceKind::Tenant);
        let resource = Resource { kind, tenant, id: tenant.as_str(), owner: Some(whom), labels: NO_LABELS };
        self.decide(action, &resource, wants).await
    }

    /// May he do this to a run or sandbox, for which he asks so much?
    pub(super) async fn permit_wanting(
        &self,
        action: Action,
        object: &Object<'_>,
        wants: &Wants,
    ) -> Result<Permit, Problem> {
        let Object { id, owner, labels } = *object;
        let resource = Resource { kind: action.kind(), tenant: self.tenant(), id, owner, labels };
        self.decide(action, &resource, Some(wants)).await
    }

    /// May he do this to a tenant, his own or another?
    pub(super) async fn permit_tenant(&self, action: Action, tenant: &TenantId) -> Result<Permit, Problem> {
        let resource =
            Resource { kind: ResourceKind::Tenant, tenant, id: tenant.as_str(), owner: None, labels: NO_LABELS };
        self.decide(action, &resource, None).await
    }

    /// The same for a question on which nothing follows.
    pub(super) fn could_tenant(&self, action: Action, tenant: &TenantId) -> bool {
        let (kind, id) = (ResourceKind::Tenant, tenant.as_str());
        matches!(self.decided(action, &Resource { kind, tenant, id, owner: None, labels: NO_LABELS }, None), Ok(Ok(_)))
    }

    /// May he ask about the service itself?
    pub(super) async fn permit_service(&self) -> Result<Permit, Problem> {
        let house: TenantId = crate::authz::HOUSE.parse().map_err(|_| Problem::missing("service"))?;
        let (kind, id) = (ResourceKind::Service, "service");
        let resource = Resource { kind, tenant: &house, id, owner: None, labels: NO_LABELS };
        self.decide(Action::ServiceRead, &resource, None).await
    }
}
