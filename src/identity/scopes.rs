//! Scopes cut a credential down to some actions: `*`, `runs:*` or `runs:create`.

const SCOPE_CHARS: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no scope: write `*`, `runs:*` or `runs:create`, in a-z, 0-9, `-` and `_`, with 64 characters at most")]
pub struct BadScope;

pub fn check_scope(scope: &str) -> Result<(), BadScope> {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    let good = match scope.split_once(':') {
        None => scope == "*",
        Some((kind, action)) => word(kind) && (action == "*" || word(action)),
    };
    if good && scope.len() <= SCOPE_CHARS { Ok(()) } else { Err(BadScope) }
}

/// Whether whoever has these scopes has this one too; `None` has all.
pub fn covers(have: Option<&[String]>, want: &str) -> bool {
    let Some(have) = have else { return true };
    let kind = want.split_once(':').map(|(kind, _)| kind);
    have.iter().any(|scope| {
        let whole_kind = scope.strip_suffix(":*");
        scope == "*" || scope == want || (kind.is_some() && whole_kind == kind)
    })
}
