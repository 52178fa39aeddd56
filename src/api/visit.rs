use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::watch;

use super::context::Api;
use super::failures;
use crate::authz::{Action, Ask, Resource, Wants};
use crate::identity::{AuthError, Refusal, Refused};
use crate::model::{Caller, Labels, PrincipalId, TenantId};

/// How long a request may still take that has lost what it stands on: the one that took it away must be answered.
const GRACE: Duration = Duration::from_millis(300);
/// How often it is looked whether a credential has run out.
const LOOK: Duration = Duration::from_secs(1);
/// Permits that one request stands on; a handler asks for one or two.
const PERMITS: usize = 8;

/// What an open request stands on: who asked, and what he was permitted. Rights that change are asked about again, and
/// what does not stand any more ends, whether it waits, reads or streams.
#[derive(Clone, Default)]
pub(super) struct Visit(Arc<Mutex<Standing>>);

#[derive(Default)]
struct Standing {
    caller: Option<Arc<Caller>>,
    permitted: Vec<Question>,
}

/// A question that was answered with a permit.
#[derive(Clone)]
struct Question {
    action: Action,
    tenant: TenantId,
    id: String,
    owner: Option<PrincipalId>,
    labels: Labels,
    wants: Option<Wants>,
}

impl Visit {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn caller(&self, caller: &Arc<Caller>) {
        self.standing().caller = Some(Arc::clone(caller));
    }

    pub(super) fn permitted(&self, action: Action, resource: &Resource<'_>, wants: Option<&Wants>) {
        let mut standing = self.standing();
        if standing.permitted.len() < PERMITS {
            standing.permitted.push(Question {
                action,
                tenant: resource.tenant.clone(),
                id: resource.id.to_owned(),
                owner: resource.owner.cloned(),
                labels: resource.labels.clone(),
                wants: wants.cloned(),
            });
        }
    }

    /// Answers, unless what the request stands on is taken away meanwhile; and the same for a body that comes in parts.
    pub(super) async fn answered(self, api: &Api, answer: impl Future<Output = Response>) -> Response {
        let changes = api.parts().registry.changes();
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = self.clone().withdrawn(api.clone(), changes.clone()) => {
                let refused = Refused { why: Refusal::Revoked, shown: None };
                return failures::auth(&AuthError::Refused(refused)).into_response();
            }
        };
        if self.standing().caller.is_none() || answer.body().size_hint().exact().is_some() {
            return answer;
        }
        let gone = Box::pin(self.withdrawn(api.clone(), changes));
        answer.map(|body| Body::new(Guarded { body, gone: Some(gone) }))
    }

    async fn withdrawn(self, api: Api, mut changes: watch::Receiver<u64>) {
        let mut due = false;
        loop {
            due |= tokio::time::timeout(LOOK, changes.changed()).await.is_ok();
            let caller = self.standing().caller.clone();
            let stands = match caller {
                // Somebody is being looked for, perhaps with what held before.
                None => continue,
                Some(caller) if due => self.stands(&api, &caller),
                Some(caller) => caller.expires.is_none_or(|expires| expires > api.now()),
            };
            due = false;
            if !stands {
                tokio::time::sleep(GRACE).await;
                return;
            }
        }
    }

    /// Whether the caller would be let in now, and permitted the same. One who has asked for nothing yet must be as he
    /// was, since he will ask as that.
    fn stands(&self, api: &Api, before: &Caller) -> bool {
        let Ok(caller) = api.parts().door.again(before, api.now()) else { return false };
        let permitted = self.standing().permitted.clone();
        if permitted.is_empty() {
            return caller == *before;
        }
        permitted.iter().all(|question| {
            let Question { action, tenant, id, owner, labels, wants } = question;
            let resource = Resource { kind: action.kind(), tenant, id, owner: owner.as_ref(), labels };
            let ask = Ask { now: api.now(), wants: wants.as_ref() };
            api.parts().registry.authorizer().decide(&caller, *action, &resource, &ask).is_ok()
        })
    }
}

/// A body that breaks off when its reader may not read it any more: what is cut short must not look whole.
struct Guarded {
    body: Body,
    gone: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
        let Some(gone) = self.gone.as_mut() else { return Poll::Ready(None) };
        if gone.as_mut().poll(context).is_ready() {
            // What it reads from is let go at once.
            self.gone = None;
            self.body = Body::empty();
            return Poll::Ready(Some(Err(axum::Error::new("the right to read this was taken away"))));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}
