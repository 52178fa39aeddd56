use std::error::Error as _;
use std::fmt::Display;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::Uri;
use axum::http::request::Parts as Head;
use serde::de::DeserializeOwned;

use super::context::{Api, Who};
use super::failures::invalid;
use super::problem::Problem;
use super::strict;

/// What stands after the `?`: nothing twice and nothing unknown, and what is wrong is told by name.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Api> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, _: &Api) -> Result<Self, Problem> {
        pairs(&head.uri)?;
        let read = axum::extract::Query::<T>::try_from_uri(&head.uri);
        read.map(|query| Self(query.0)).map_err(|rejection| {
            let mut causes = std::iter::successors(rejection.source(), |cause| (*cause).source());
            match causes.find_map(|cause| cause.downcast_ref::<Told>()) {
                Some(error) => wrong(error.inner(), &error.path().to_string()),
                None => Problem::bad("bad_query", "the query cannot be read; write name=value, with & between them"),
            }
        })
    }
}

/// What a query that does not fit is told with.
type Told = serde_path_to_error::Error<serde::de::value::Error>;

fn wrong(error: &impl Display, path: &str) -> Problem {
    let said = error.to_string();
    let problem = Problem::bad("bad_query", advised(&said));
    match strict::place(&said, path) {
        Some(field) => problem.at(field),
        None => problem,
    }
}

/// What the standard library says of numbers tells nobody what to write.
fn advised(said: &str) -> &str {
    match said {
        "invalid digit found in string" | "cannot parse integer from empty string" => "write a whole number in digits",
        "number too large to fit in target type" => "write a smaller number",
        "provided string was not `true` or `false`" => "write true or false",
        said => said,
    }
}

/// Looked through once before it is read: a name that comes twice means one thing to us and another to somebody else.
fn pairs(uri: &Uri) -> Result<(), Problem> {
    let Ok(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri) else { return Ok(()) };
    let mut seen = std::collections::HashSet::new();
    for (name, value) in &pairs.0 {
        if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
            return Err(Problem::bad("bad_query", "write UTF-8, percent-encoded").at(name.as_str()));
        }
        if !seen.insert(name) {
            return Err(Problem::bad("bad_query", format!("`{name}` is there twice")).at(name.as_str()));
        }
    }
    Ok(())
}

/// What stands in the path.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Api> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, api: &Api) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(head, api).await;
        match read {
            Ok(path) => Ok(Self(path.0)),
            Err(rejection) => Err(unreadable(&rejection, head, api).await),
        }
    }
}

async fn unreadable(rejection: &PathRejection, head: &mut Head, api: &Api) -> Problem {
    let problem = Problem::bad("bad_path", "write UTF-8, percent-encoded");
    let PathRejection::FailedToDeserializePathParams(_) = rejection else { return problem };
    match RawPathParams::from_request_parts(head, api).await {
        Ok(params) => match params.iter().next() {
            Some((name, _)) => problem.at(name),
            None => problem,
        },
        // Which of them it was is not said.
        Err(_) => problem.at("path"),
    }
}

/// How many objects a page is to have: what was asked, if that is not more than there is.
pub(super) fn page(limit: Option<u32>, who: &Who) -> Result<u32, Problem> {
    within(limit, who.http().page)
}

pub(super) fn within(limit: Option<u32>, most: u32) -> Result<u32, Problem> {
    match limit.unwrap_or(most) {
        asked if (1..=most).contains(&asked) => Ok(asked),
        asked => Err(invalid("limit", format!("{asked} is not 1 to {most}"))),
    }
}

/// A time, wherever somebody writes one.
pub(super) fn time(text: &str, field: &str) -> Result<jiff::Timestamp, Problem> {
    let advice = "write a time as RFC 3339 does, with its zone: 2026-01-31T12:00:00Z";
    text.parse().map_err(|_| invalid(field, advice))
}
