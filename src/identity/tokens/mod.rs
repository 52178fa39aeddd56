//! JSON web tokens: reading them, trusting them, making them. Whose token it is follows from `iss` and `aud`; from
//! there on, everything that decides (key, algorithms, type, times) is what was set for that issuer, and the token
//! can only fit or fail. Signatures are checked by `jsonwebtoken`; its reading of claims is not used, because it has a
//! clock of its own, takes the last of two equal names, and lets pass what is absent.

mod claims;
mod fetch;
mod issuers;
mod json;
mod jwt;
mod keys;
mod lineage;
mod maker;
mod pem;
mod remote;
mod times;

pub use fetch::{FetchError, FetchKeys, Fetching, JWKS_BYTES};
pub(super) use issuers::{By, Issuers, Verified};
pub(super) use jwt::Jwt;
pub use jwt::TOKEN_BYTES;
pub use lineage::Lineage;
pub use maker::{OWN_TYPE, SigningKey, TokenAsk, TokenError, TokenInfo, TokenMaker};
