use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::context::Api;
use super::failures;
use super::problem::Problem;
use super::recorder::{Deed, is_change};
use crate::authz::{Action, Permit};
use crate::identity::{AuthError, Refusal, Refused};
use crate::model::{Caller, RequestId};

/// How long a request may still take that has lost what it stands on, if it can have taken it away itself: that one must
/// be answered. All others end at once.
const GRACE: Duration = Duration::from_millis(300);
/// How often it is looked whether a credential has run out.
const LOOK: Duration = Duration::from_secs(1);
/// Permits that one request stands on; a handler asks for one or two.
const PERMITS: usize = 8;

/// What an open request stands on: who asked, and what he was permitted. Rights that change are asked about again, and
/// what does not stand any more ends, whether it waits, reads or streams.
#[derive(Clone)]
pub(super) struct Visit {
    request: RequestId,
    standing: Arc<Mutex<Standing>>,
}

impl Default for Visit {
    fn default() -> Self {
        Self { request: RequestId::random(), standing: Arc::default() }
    }
}

#[derive(Default)]
struct Standing {
    caller: Option<Arc<Caller>>,
    permitted: Vec<Permit>,
    deed: Deed,
    /// What comes of it is put on record by a task of its own.
    goes_on: bool,
    /// Cancelled with the request when it loses what it stands on.
    withdrawal: Option<CancellationToken>,
}

/// What a request says of what it did, while it says it.
pub(super) struct Telling<'a>(MutexGuard<'a, Standing>);

impl Deref for Telling<'_> {
    type Target = Deed;

    fn deref(&self) -> &Deed {
        &self.0.deed
    }
}

impl DerefMut for Telling<'_> {
    fn deref_mut(&mut self) -> &mut Deed {
        &mut self.0.deed
    }
}

impl Visit {
    pub(super) fn request(&self) -> &RequestId {
        &self.request
    }

    pub(super) fn deed(&self) -> Telling<'_> {
        Telling(self.standing())
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn caller(&self, caller: &Arc<Caller>) {
        self.standing().caller = Some(Arc::clone(caller));
    }

    pub(super) fn permitted(&self, permit: &Permit) {
        let mut standing = self.standing();
        if standing.permitted.len() < PERMITS {
            standing.permitted.push(permit.clone());
        }
    }

    /// Told when the request loses what it stands on, and not when only its connection is lost.
    pub(super) fn withdrawal(&self) -> CancellationToken {
        self.standing().withdrawal.get_or_insert_with(CancellationToken::new).clone()
    }

    /// Answers, unless what the request stands on is taken away meanwhile; and the same for a body that comes in parts.
    pub(super) async fn answered(self, api: &Api, answer: impl Future<Output = Response>) -> Response {
        let changes = api.parts().registry.changes();
        let refuse = || {
            let refused = Refused { why: Refusal::Revoked, shown: None };
            failures::auth(&AuthError::Refused(refused)).into_response()
        };
        let mut unanswered = Unanswered { visit: &self, api, is_open: true, goes_on: false };
        let mut gone = Box::pin(self.clone().withdrawn(api.clone(), changes.clone()));
        let answer = tokio::select! {
            // In this order: whoever was told that a right is taken away sees nothing come of it any more.
            biased;
            () = &mut gone => return refuse(),
            answer = answer => answer,
        };
        let answer = self.recorded(api, answer).await;
        unanswered.is_open = false;
        drop(unanswered);
        // What was read is not told to whom lost the right to it while that was recorded; what was done is done.
        if !self.takes_away() && gone.now_or_never().is_some() {
            return refuse();
        }
        if self.standing().caller.is_none() || answer.body().size_hint().exact().is_some() {
            return answer;
        }
        let gone = Box::pin(self.withdrawn(api.clone(), changes));
        answer.map(|body| Body::new(Guarded { body, gone: Some(gone) }))
    }

    /// What was done is recorded before anybody hears of it.
    async fn recorded(&self, api: &Api, answer: Response) -> Response {
        if self.standing().goes_on {
            return answer;
        }
        let refused = answer.extensions().get::<Problem>().map(refusal);
        match self.put_on_record(api, refused).await {
            Ok(()) => answer,
            Err(problem) => problem.into_response(),
        }
    }

    async fn put_on_record(&self, api: &Api, refused: Option<(StatusCode, String)>) -> Result<(), Problem> {
        let (Some(caller), recorder) = (self.standing().caller.clone(), &api.inner().recorder) else { return Ok(()) };
        for (permit, deed) in self.deeds() {
            match &refused {
                Some((status, code)) => {
                    recorder.failed(&caller, &self.request, &permit, &deed, (*status, code)).await;
                }
                None => recorder.done(&caller, &self.request, &permit, &deed).await?,
            }
        }
        Ok(())
    }

    /// From here on it is done by a task that goes on without whoever asked.
    pub(super) fn goes_on(&self) {
        self.standing().goes_on = true;
    }

    /// That task.
    pub(super) async fn whole<T>(self, api: Api, act: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        let mut unanswered = Unanswered { visit: &self, api: &api, is_open: true, goes_on: true };
        let done = act.await;
        let recorded = self.put_on_record(&api, done.as_ref().err().map(refusal)).await;
        unanswered.is_open = false;
        drop(unanswered);
        recorded.and(done)
    }

    /// What was permitted. What the request says of what it did is said of the first change, or of the first of all.
    fn deeds(&self) -> Vec<(Permit, Deed)> {
        let standing = self.standing();
        let of = standing.permitted.iter().position(|permit| is_change(permit.action())).unwrap_or(0);
        let deed = |at: usize| if at == of { standing.deed.clone() } else { Deed::default() };
        standing.permitted.iter().enumerate().map(|(at, permit)| (permit.clone(), deed(at))).collect()
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
                if self.takes_away() {
                    tokio::time::sleep(GRACE).await;
                }
                if let Some(withdrawal) = &self.standing().withdrawal {
                    withdrawal.cancel();
                }
                return;
            }
        }
    }

    /// Whether it may have changed rights itself. Nothing is gained by being let go on for a while: a change asks for its
    /// caller anew.
    fn takes_away(&self) -> bool {
        use Action as A;
        self.standing().permitted.iter().any(|permit| {
            matches!(
                permit.action(),
                A::KeysRevoke
                    | A::TokensRevoke
                    | A::PrincipalsCreate
                    | A::PrincipalsUpdate
                    | A::PrincipalsDelete
                    | A::RolesCreate
                    | A::RolesDelete
                    | A::PoliciesCreate
                    | A::PoliciesDelete
                    | A::TenantsUpdate
            )
        })
    }

    /// Whether the caller would be let in now, and permitted the same. What he has not asked for yet he will ask for as
    /// who he is then.
    fn stands(&self, api: &Api, before: &Caller) -> bool {
        let now = api.now();
        let Ok(caller) = api.parts().door.again(before, now) else { return false };
        let permitted = self.standing().permitted.clone();
        permitted.iter().all(|permit| api.parts().registry.authorizer().again(permit, &caller, now).is_ok())
    }
}

fn refusal(problem: &Problem) -> (StatusCode, String) {
    (problem.status(), problem.code().to_owned())
}

/// A request that may end before it is answered.
struct Unanswered<'a> {
    visit: &'a Visit,
    api: &'a Api,
    is_open: bool,
    /// Of the task that goes on without whoever asked.
    goes_on: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        let (caller, goes_on) = {
            let standing = self.visit.standing();
            (standing.caller.clone(), standing.goes_on)
        };
        let Some(caller) = caller.filter(|_| self.is_open && self.goes_on == goes_on) else { return };
        for (permit, deed) in self.visit.deeds() {
            self.api.inner().recorder.unanswered(&caller, &self.visit.request, &permit, &deed);
        }
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
