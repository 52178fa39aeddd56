//! One module for each resource; each handler extracts, gets a permit, calls one method and converts.

use std::str::FromStr;

use super::failures::invalid;
use super::problem::Problem;

pub(super) mod audit;
pub(super) mod backends;
pub(super) mod calls;
pub(super) mod components;
pub(super) mod execute;
pub(super) mod files;
pub(super) mod keys;
pub(super) mod principals;
pub(super) mod rules;
pub(super) mod runs;
pub(super) mod sandboxes;
pub(super) mod service;
pub(super) mod sessions;
pub(super) mod tenants;
pub(super) mod workspaces;

/// What stands in a path. What is no id of its kind is the id of nothing.
fn id<T: FromStr>(text: &str, what: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::missing(what))
}

/// What stands in a query or a body, and must be well-formed there.
fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str, field: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| invalid(field, error.to_string()))
}

/// A label that is asked for.
fn label(text: &str) -> Result<(String, String), Problem> {
    let pair = text.split_once('=').ok_or_else(|| invalid("label", "write name=value"))?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}
