//! Keys behind a URL. They are fetched in a task of their own: a caller that goes away in the middle must not take the
//! fetch along, or strangers who hang up could keep new keys from ever arriving.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::error::Outage;
use super::fetch::{FetchError, FetchKeys};
use super::jwt::Jwt;
use super::keys::KeySet;

/// Keys older than this are fetched again, while they serve.
const REFRESH_MS: u64 = 5 * 60_000;
/// Between two tries, whatever the tokens ask for.
const RETRY_MS: u64 = 30_000;
/// Keys that could not be fetched again for so long are no longer believed: one of them may have been stolen, and its
/// owner's withdrawal would be what we cannot reach.
const OLDEST_MS: u64 = 60 * 60_000;
/// A token is checked anew so often, so that a key that was withdrawn takes its tokens along.
const RECHECK_MS: u64 = 60_000;
/// An issuer that needs longer is taken for one that does not answer.
const FETCH: Duration = Duration::from_secs(5);

pub(super) struct Remote {
    url: String,
    fetch: Arc<dyn FetchKeys>,
    state: Mutex<State>,
    /// Held while a fetch is under way.
    flight: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    keys: Option<Held>,
    tried_at: Option<u64>,
    problem: Option<String>,
}

#[derive(Clone)]
pub(super) struct Held {
    pub(super) keys: Arc<KeySet>,
    fetched_at: u64,
}

impl Held {
    /// The tick at which a token that these keys vouched for must be checked anew.
    pub(super) fn recheck_at(&self, tick: u64) -> u64 {
        tick.saturating_add(RECHECK_MS).min(self.fetched_at.saturating_add(OLDEST_MS))
    }

    fn age(&self, tick: u64) -> u64 {
        tick.saturating_sub(self.fetched_at)
    }
}

impl Remote {
    pub(super) fn new(url: String, fetch: Arc<dyn FetchKeys>) -> Arc<Self> {
        Arc::new(Self { url, fetch, state: Mutex::default(), flight: Arc::default() })
    }

    /// Keys for this token: those at hand if one of them fits, else what the issuer says now. Where it was asked a moment
    /// ago it is not asked again: whoever calls a key by a name that nobody has heard of then comes too early, or is wrong.
    pub(super) async fn keys_for(self: &Arc<Self>, jwt: &Jwt<'_>, tick: u64) -> Result<Held, Outage> {
        let fitting = self.held(tick).filter(|held| held.keys.find(jwt).is_ok());
        if let Some(held) = fitting {
            if held.age(tick) >= REFRESH_MS {
                self.start(tick);
            }
            return Ok(held);
        }
        self.start(tick);
        // Whoever started it, its end is worth waiting for; where nothing is under way this does not wait.
        drop(self.flight.lock().await);
        self.held(tick).ok_or_else(|| Outage::IssuerKeys(self.state().problem.clone().map(FetchError::new)))
    }

    fn held(&self, tick: u64) -> Option<Held> {
        self.state().keys.clone().filter(|held| held.age(tick) < OLDEST_MS)
    }

    /// Sets out for the keys, if nobody is under way and the last try was not a moment ago.
    fn start(self: &Arc<Self>, tick: u64) {
        let Ok(flight) = Arc::clone(&self.flight).try_lock_owned() else { return };
        let mut state = self.state();
        if state.tried_at.is_some_and(|tried| tick.saturating_sub(tried) < RETRY_MS) {
            return;
        }
        state.tried_at = Some(tick);
        drop(state);
        let remote = Arc::clone(self);
        tokio::spawn(async move {
            let fetched = tokio::time::timeout(FETCH, remote.fetch.fetch(&remote.url)).await;
            remote.landed(fetched.unwrap_or_else(|_| Err(FetchError::new("no answer within 5 seconds"))), tick);
            drop(flight);
        });
    }

    fn landed(&self, fetched: Result<Vec<u8>, FetchError>, tick: u64) {
        let read = fetched
            .map_err(|error| error.message)
            .and_then(|document| KeySet::jwks(&document).map_err(|problem| format!("what was fetched {problem}")));
        let mut state = self.state();
        match read {
            Ok(keys) => {
                state.keys = Some(Held { keys: Arc::new(keys), fetched_at: tick });
                state.problem = None;
            }
            Err(problem) => state.problem = Some(problem),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment or two that stand alone; a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `https`, or `http` to this very machine.
pub(super) fn check_url(url: &str) -> Result<(), &'static str> {
    const PROBLEM: &str = "must begin with `https://`, or with `http://` and name this machine (127.0.0.1, localhost)";
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be a URL without spaces or letters beyond ASCII");
    }
    let authority = |rest: &str| rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().to_owned();
    if let Some(rest) = url.strip_prefix("https://") {
        let authority = authority(rest);
        return if authority.is_empty() || authority.contains('@') { Err(PROBLEM) } else { Ok(()) };
    }
    let authority = authority(url.strip_prefix("http://").ok_or(PROBLEM)?);
    let host = match authority.strip_prefix("[::1]") {
        Some(port) if port.is_empty() || port.starts_with(':') => "localhost",
        _ => authority.split(':').next().unwrap_or_default(),
    };
    if matches!(host, "localhost" | "127.0.0.1") && !authority.contains('@') { Ok(()) } else { Err(PROBLEM) }
}
