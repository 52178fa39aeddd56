use super::error::RegistryError;
use super::keys::name_something;
use super::start::{About, Registry, covers};
use crate::authz::{Action, Permit};
use crate::identity::{Lineage, TOKEN_SECONDS, TokenAsk, TokenInfo};
use crate::model::{Caller, Credential};

/// Tokens of one key that are revoked, while they would be good otherwise.
const REVOKED: u64 = 1_000;
/// Those of them that may come from holders of tokens: whoever stole one fills up no more with ids that never were, and
/// whoever has the key can still revoke what was stolen.
const BY_TOKENS: u64 = REVOKED / 2;

impl Registry {
    /// A token for the caller himself, for less than he may and for a short time.
    pub fn create_token(
        &self,
        permit: &Permit,
        caller: &Caller,
        ask: TokenAsk,
        now: u64,
    ) -> Result<(String, TokenInfo), RegistryError> {
        covers(permit, Action::TokensCreate, permit.tenant(), permit.tenant().as_str())?;
        name_something(&ask.scopes)?;
        Ok(self.0.tokens.issue(caller, ask, now)?)
    }

    /// From now on it opens nothing, and no token that was made with it. Nothing is kept of tokens that are made, so one
    /// that never was is revoked as well.
    pub async fn revoke_token(
        &self,
        permit: &Permit,
        caller: &Caller,
        token: &Lineage,
        now: u64,
    ) -> Result<(), RegistryError> {
        let (tenant, token, id) = (permit.tenant().clone(), token.clone(), token.id());
        covers(permit, Action::TokensRevoke, &tenant, &id)?;
        let asking = self.asking(permit, caller, now);
        let by_token =
            matches!(&caller.credential, Credential::Token { issuer, .. } if issuer == self.0.tokens.issuer());
        let most = if by_token { BY_TOKENS } else { REVOKED };
        self.change(About::People, move |book| {
            asking.again(book)?;
            let missing = || RegistryError::Missing { kind: "token", name: id.clone() };
            let key = book.key(&tenant, token.key())?.ok_or_else(missing)?;
            let mut dead = key.revoked.is_some();
            for one in token.tokens() {
                dead = dead || book.token_revoked(&one)?;
            }
            if dead {
                return Ok(());
            }
            if book.count_revoked_tokens(&key.id)? >= most {
                let what = if by_token { "come with the key" } else { "revoke the key" };
                let message = format!("{most} tokens of the key are revoked, which is the most for you; {what}");
                return Err(RegistryError::TooMuch(message));
            }
            // When it would have ended by itself at the latest, whatever the settings were when it was made.
            Ok(book.revoke_token(&id, now.saturating_add(TOKEN_SECONDS), now)?)
        })
        .await
    }
}
