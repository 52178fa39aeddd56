use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::callers::Callers;
use super::directory::Directory;
use super::error::{AuthError, Outage, Refusal, Refused, SettingsError, Stop};
use super::guesses::Guesses;
use super::key::{self, KeyPrefix, Pepper};
use super::offered::{Given, Offered};
use super::settings::IdentitySettings;
use super::tokens::{FetchKeys, Issuers, Jwt, TokenMaker};
use super::versions::{Stamp, Versions};
use super::warm::{Known, Warm};
use crate::model::Caller;

/// What this area cannot do itself.
pub struct Outside<'a> {
    /// Reads the files that the settings name, while the authenticator is made.
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    pub fetch: Arc<dyn FetchKeys>,
}

impl Outside<'_> {
    /// What an authenticator would refuse of the settings, and of the files that they name; nothing is fetched.
    pub fn check(&self, settings: &IdentitySettings) -> Result<(), SettingsError> {
        settings.check()?;
        Issuers::check(&settings.tokens.issuers, self.read, &self.fetch)
    }
}

/// Knows callers by what they offer.
pub struct Authenticator<D> {
    directory: D,
    pepper: Pepper,
    issuers: Issuers,
    guesses: Guesses,
    warm: Warm,
    versions: Versions,
}

/// Where and when somebody asks.
#[derive(Clone, Copy)]
struct At {
    address: IpAddr,
    now: u64,
    tick: u64,
}

/// Who it is, and what is kept besides.
struct Checked {
    caller: Caller,
    recheck_at: u64,
    last_used: u64,
}

/// A refusal with what may be shown of the credential.
type Told = (Stop, Option<String>);

impl<D: Directory> Authenticator<D> {
    pub fn new(
        settings: &IdentitySettings,
        directory: D,
        pepper: Pepper,
        maker: Arc<TokenMaker>,
        outside: &Outside<'_>,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self {
            directory,
            pepper,
            issuers: Issuers::new(&settings.tokens.issuers, maker, outside.read, &outside.fetch)?,
            guesses: Guesses::new(settings.guesses.clone()),
            warm: Warm::new(settings.warm_credentials),
            versions: Versions::new(),
        })
    }

    /// Who is calling. `now` is seconds since 1970; `tick` is milliseconds of a clock that never goes back.
    ///
    /// It waits only for keys of issuers that must be fetched; a key, and whatever is warm, never waits. It must run
    /// in a tokio runtime with timers if an issuer has a `jwks_url`.
    pub async fn authenticate(
        &self,
        offered: Offered<'_>,
        address: IpAddr,
        now: u64,
        tick: u64,
    ) -> Result<Arc<Caller>, AuthError> {
        let at = At { address, now, tick };
        let (text, prefix) = match offered.read() {
            Given::Nothing => return Err(AuthError::Missing),
            Given::Unreadable(why) => {
                self.may_try(at, None)?;
                return Err(self.refused(at, None, (why.into(), None)));
            }
            Given::Token(text) if text.len() > super::TOKEN_BYTES => {
                self.may_try(at, None)?;
                return Err(self.refused(at, None, (Refusal::TooLong.into(), None)));
            }
            Given::Key(text, prefix) => (text, Some(prefix)),
            Given::Token(text) => (text, None),
        };
        let hash = self.pepper.hash(text);
        let stamp = self.versions.stamp(&self.directory, tick).map_err(|error| AuthError::Unavailable(error.into()))?;
        let seen = self.warm.get(&hash);
        if let Some(known) = seen.as_ref().filter(|known| known.is_fresh(stamp, tick)) {
            return self.admit(known, &hash, at, prefix);
        }
        // What was good a moment ago is no guess. It is looked at again, because something has changed, but its owner
        // does not stand behind whoever guesses from the same address. So one hash comes before the limit, and for a
        // source that is limited nothing else: no look-up, no reading, no signature.
        if seen.is_none() {
            self.may_try(at, prefix)?;
        }
        let checked = match prefix {
            Some(prefix) => self.check_key(text, &prefix, &hash, at),
            None => self.check_token(text, at).await,
        };
        match checked {
            Ok(checked) => {
                let known = self.keep(checked, seen.as_deref(), stamp, hash);
                self.admit(&known, &hash, at, prefix)
            }
            Err(told) => {
                self.warm.drop_one(&hash);
                Err(self.refused(at, prefix, told))
            }
        }
    }

    /// Who a caller is now, who was let in before and has something open: as he would be if he came again. It counts as
    /// no attempt.
    pub fn again(&self, caller: &Caller, now: u64) -> Result<Caller, AuthError> {
        self.again_by(&self.directory, caller, now)
    }

    /// The same by what another directory says of him, that knows of a change before ours does.
    pub fn again_by(
        &self,
        directory: &(impl Directory + ?Sized),
        caller: &Caller,
        now: u64,
    ) -> Result<Caller, AuthError> {
        let callers = Callers { directory, address: caller.address, now };
        let strangers = |issuer: &str| self.issuers.lets_strangers_in(issuer);
        callers.again(caller, self.issuers.own_name(), strangers).map_err(|stop| match stop {
            Stop::Refused(why) | Stop::Unheard(why) => AuthError::Refused(Refused { why, shown: None }),
            Stop::Unavailable(outage) => AuthError::Unavailable(outage),
        })
    }

    /// Everything is checked anew from now on: call it after a change that was made in this process. Changes by other
    /// processes are seen within a second without it.
    pub fn forget_all(&self) {
        self.versions.forget_all();
    }

    /// Credentials that are warm or were.
    pub fn warm_credentials(&self) -> u64 {
        self.warm.len()
    }

    /// Sources and prefixes of which failures are remembered.
    pub fn tracked_failures(&self) -> (usize, usize) {
        self.guesses.tracked()
    }

    fn check_key(&self, text: &str, prefix: &KeyPrefix, hash: &[u8; 32], at: At) -> Result<Checked, Told> {
        let told = |stop: Stop| (stop, Some(format!("rf_{prefix}")));
        if !key::is_whole(text) {
            return Err(told(Refusal::Mistyped.into()));
        }
        let (caller, last_used) = self.callers(at).by_key(prefix, hash).map_err(told)?;
        Ok(Checked { caller, recheck_at: u64::MAX, last_used })
    }

    async fn check_token(&self, text: &str, at: At) -> Result<Checked, Told> {
        let jwt = Jwt::read(text).map_err(|why| (why.into(), None))?;
        let told = |stop: Stop| (stop, jwt.shown());
        let verified = self.issuers.verify(&jwt, at.now, at.tick).await.map_err(told)?;
        let caller = self.callers(at).by_token(&verified).map_err(told)?;
        Ok(Checked { caller, recheck_at: verified.recheck_at, last_used: 0 })
    }

    fn callers(&self, at: At) -> Callers<'_, D> {
        Callers { directory: &self.directory, address: at.address, now: at.now }
    }

    fn keep(&self, checked: Checked, seen: Option<&Known>, stamp: Stamp, hash: [u8; 32]) -> Arc<Known> {
        // The directory may write last uses down later than we tell them.
        let told = seen.map_or(0, |seen| seen.touched.load(Relaxed));
        let known = Arc::new(Known {
            caller: Arc::new(checked.caller),
            stamp,
            recheck_at: checked.recheck_at,
            touched: AtomicU64::new(checked.last_used.max(told)),
        });
        self.warm.put(hash, Arc::clone(&known));
        known
    }

    fn admit(
        &self,
        known: &Known,
        hash: &[u8; 32],
        at: At,
        prefix: Option<KeyPrefix>,
    ) -> Result<Arc<Caller>, AuthError> {
        known.admit(&self.directory, at.address, at.now).map_err(|why| {
            self.warm.drop_one(hash);
            let shown = prefix.map(|prefix| format!("rf_{prefix}"));
            self.refused(at, prefix, (why.into(), shown))
        })
    }

    fn may_try(&self, at: At, prefix: Option<KeyPrefix>) -> Result<(), AuthError> {
        match self.guesses.wait_s(at.address, prefix, at.tick) {
            None => Ok(()),
            Some(retry_after_s) => Err(AuthError::TooManyAttempts { retry_after_s }),
        }
    }

    /// What could not be checked counts as no failure: nobody was wrong. But whoever goes on with it is told to wait.
    fn refused(&self, at: At, prefix: Option<KeyPrefix>, (stop, shown): Told) -> AuthError {
        match stop {
            Stop::Unavailable(Outage::Directory(error)) => AuthError::Unavailable(error.into()),
            Stop::Unavailable(outage) => match self.guesses.unanswered(at.address, at.tick) {
                None => AuthError::Unavailable(outage),
                Some(retry_after_s) => AuthError::TooManyAttempts { retry_after_s },
            },
            // Nor is it one where the key that signed may be so new that nobody has heard of it: else a change of keys would
            // close the door to all that comes from there.
            Stop::Unheard(why) => match self.guesses.unanswered(at.address, at.tick) {
                None => AuthError::Refused(Refused { why, shown }),
                Some(retry_after_s) => AuthError::TooManyAttempts { retry_after_s },
            },
            Stop::Refused(why) => {
                self.guesses.failed(at.address, prefix, at.tick);
                AuthError::Refused(Refused { why, shown })
            }
        }
    }
}
