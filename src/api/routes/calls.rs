use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::context::{Api, Object, Who};
use super::super::failures;
use super::super::problem::Problem;
use super::super::query::Path;
use super::super::strict;
use super::super::types::AnswerBody;
use super::id;
use super::runs::{Request, found};
use crate::authz::{Action, Ask, Resource, Wants};
use crate::model::{CallId, Caller, Labels, SandboxId};
use crate::sandbox::{Answered, By, ComponentRecord, NotAllowed, Rights, RunAsk, ToolBy};

pub(in crate::api) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(answer))
}

/// Answer a call of a tool
///
/// A run that was given a function of its caller tells of each call by an event `tool_call`, and waits for this until its
/// time is over. With `result`, any JSON, the call gives that; with `error` it fails in the code. 409 `run_over` and 404
/// `no_call` say that nobody waits any more.
#[utoipa::path(
    post, path = "/v1/runs/{id}/calls/{call}", tag = "runs", request_body = AnswerBody,
    params(("id" = String, Path), ("call" = String, Path, description = "As the event has it")),
    responses((status = 204), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
async fn answer(
    who: Who,
    State(api): State<Api>,
    Path((run, call)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let (text, _in_memory) = Request::json(&who, &api, &headers, body).await?;
    let answer = strict::read::<AnswerBody>(&text)?.answer()?;
    let (run, permit) = found(&who, &run, Action::RunsAnswer).await?;
    let call: CallId = id(&call, "call")?;
    let (caller, request) = (Caller::clone(&who.caller), Some(who.request().clone()));
    let by = Box::new(By { caller, policies: permit.policies().to_vec(), request });
    who.hall().answer(&permit, &run.id, &call, Answered { answer, by })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for whoever asked for a run, as he is and as the rules are at that moment.
pub(super) struct Standing {
    api: Api,
    caller: Arc<Caller>,
    /// The sandbox that the run is in, by the right to which it stands.
    sandbox: Option<SandboxId>,
}

impl Standing {
    pub(super) fn of(who: &Who, sandbox: Option<SandboxId>) -> Arc<dyn Rights> {
        Arc::new(Self { api: who.api.clone(), caller: Arc::clone(&who.caller), sandbox })
    }
}

impl Rights for Standing {
    fn again(&self, wants: &Wants, component: Option<&ComponentRecord>) -> Result<Vec<String>, NotAllowed> {
        let now = self.api.now();
        let caller = self.api.parts().door.again(&self.caller, now).map_err(|error| {
            let problem = failures::auth(&error);
            let (code, message) = ("bad_credential", format!("whoever asked for this run: {}", problem.detail()));
            NotAllowed { code, message, reason: problem.code().to_owned(), policies: Vec::new() }
        })?;
        let none = Labels::new();
        let gone = || NotAllowed {
            code: "denied",
            message: "the sandbox of the run is gone".to_owned(),
            reason: "gone".to_owned(),
            policies: Vec::new(),
        };
        let sandbox = match &self.sandbox {
            Some(id) => {
                let known = self.api.parts().hall.known_sandbox(&caller.tenant, id).ok().flatten();
                Some(known.ok_or_else(gone)?)
            }
            None => None,
        };
        let decide = |action: Action, id: &str, (owner, labels), wants: Option<&Wants>| {
            let resource = Resource { kind: action.kind(), tenant: &caller.tenant, id, owner: Some(owner), labels };
            let decided =
                self.api.parts().registry.authorizer().decide(&caller, action, &resource, &Ask { now, wants });
            decided.map_err(|denied| NotAllowed {
                code: "denied",
                message: denied.to_string(),
                reason: denied.reason.as_str().to_owned(),
                policies: denied.policies,
            })
        };
        let run = match &sandbox {
            None => decide(Action::RunsCreate, caller.tenant.as_str(), (&caller.principal, &none), Some(wants))?,
            Some(sandbox) => {
                let of = (&sandbox.owner, &sandbox.labels);
                decide(Action::SandboxesRun, sandbox.id.as_str(), of, Some(wants))?
            }
        };
        if let Some(ComponentRecord { digest, owner, labels, .. }) = component {
            decide(Action::ComponentsRead, &digest.to_string(), (owner, labels), None)?;
        }
        Ok(run.policies().to_vec())
    }
}

/// What a run is given must be what its caller may see.
pub(super) async fn seen(who: &Who, ask: &RunAsk) -> Result<(), Problem> {
    for tool in &ask.tools {
        let ToolBy::Component { digest, .. } = &tool.by else { continue };
        let missing = || crate::sandbox::SandboxError::NoComponent(digest.to_string());
        let known = who.hall().known(who.tenant(), *digest)?.ok_or_else(missing)?;
        let id = digest.to_string();
        who.permit(Action::ComponentsRead, &Object::owned(&id, &known.owner, &known.labels)).await?;
    }
    Ok(())
}
