use super::name::{Name, fold};
use super::rule::{Kind, Rule};

pub(super) const PATTERN_BYTES: usize = 1_024;
const SEGMENTS: usize = 32;
/// More alternatives than this, over all braces of a pattern, are a way to make a matcher large.
const ALTERNATIVES: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("it is empty; the folder itself is /")]
    Empty,
    #[error("it must begin with / (the mounted folder) or **/ (at any depth)")]
    NotRooted,
    #[error("it is longer than {PATTERN_BYTES} bytes")]
    TooLong,
    #[error("it has more than {SEGMENTS} names")]
    TooDeep,
    #[error("it has an empty name (//)")]
    EmptyName,
    #[error("it has a . or .. in it; write the path that is meant")]
    Dots,
    #[error("`**` stands for whole names and must be alone between slashes")]
    StarsInName,
    #[error("its brackets, braces or backslashes do not close, or its braces have more than {ALTERNATIVES} choices")]
    Malformed,
    #[error("a NUL is in no path")]
    Nul,
    #[error("a line ends in it, and rules are kept one on a line; write `?` for that letter")]
    LineBreak,
    #[error("a file has no slash at its end; take `directory` for a folder and all that is in it")]
    FileWithSlash,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Vec<u8>),
    Glob(Name),
    /// `**`: any number of names, none included.
    Any,
}

/// How exactly a pattern says what it means; the greater is the more specific. The order of the fields is the order
/// of the comparison, and `docs/files.md` has it in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Specificity {
    /// It says what the path is called, not only where it is: its last name is not `**`.
    names_it: bool,
    literals: usize,
    globs: usize,
}

/// A rule's pattern, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// More than one where braces offer a choice.
    pub(super) alternatives: Vec<Vec<Segment>>,
    pub(super) specificity: Specificity,
}

impl Pattern {
    /// `folded`: for a file system that takes upper and lower case for the same.
    pub(super) fn of(rule: &Rule, folded: bool) -> Result<Self, PatternError> {
        let text = rule.pattern();
        if text.len() > PATTERN_BYTES {
            return Err(PatternError::TooLong);
        }
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.contains('\0') {
            return Err(PatternError::Nul);
        }
        if text.contains(['\n', '\r']) {
            return Err(PatternError::LineBreak);
        }
        let rooted = match text.strip_prefix('/') {
            Some(rooted) => rooted,
            None if rule.kind() == Kind::Glob && (text == "**" || text.starts_with("**/")) => text,
            None => return Err(PatternError::NotRooted),
        };
        // A slash at the end means the folder with all that is in it.
        let (rooted, folder) = match rooted.strip_suffix('/') {
            Some(rooted) => (rooted, true),
            None => (rooted, false),
        };
        if folder && rule.kind() == Kind::File {
            return Err(PatternError::FileWithSlash);
        }
        let mut alternatives = vec![Vec::new()];
        let mut specificity = Specificity { names_it: true, literals: 0, globs: 0 };
        let names: Vec<&str> = if rooted.is_empty() { Vec::new() } else { rooted.split('/').collect() };
        if names.len() > SEGMENTS {
            return Err(PatternError::TooDeep);
        }
        for name in names {
            let choices = segment(name, rule.kind(), folded)?;
            specificity.names_it = true;
            match choices.as_slice() {
                [Segment::Literal(_)] => specificity.literals += 1,
                [Segment::Any] => specificity.names_it = false,
                _ => specificity.globs += 1,
            }
            alternatives = alternatives
                .iter()
                .flat_map(|before: &Vec<Segment>| {
                    choices.iter().map(|choice| {
                        let mut path = before.clone();
                        // Two in a row say nothing that one does not.
                        if *choice != Segment::Any || path.last() != Some(&Segment::Any) {
                            path.push(choice.clone());
                        }
                        path
                    })
                })
                .collect();
            if alternatives.len() > ALTERNATIVES {
                return Err(PatternError::Malformed);
            }
        }
        if folder || rule.kind() == Kind::Directory {
            for path in &mut alternatives {
                if path.last() != Some(&Segment::Any) {
                    path.push(Segment::Any);
                }
            }
        }
        Ok(Self { alternatives, specificity })
    }
}

fn segment(name: &str, kind: Kind, folded: bool) -> Result<Vec<Segment>, PatternError> {
    match name {
        "" => return Err(PatternError::EmptyName),
        "." | ".." => return Err(PatternError::Dots),
        _ => {}
    }
    let literal = |name: &str| {
        let name: String = if folded { name.chars().map(fold).collect() } else { name.to_owned() };
        Segment::Literal(name.into_bytes())
    };
    if kind != Kind::Glob {
        return Ok(vec![literal(name)]);
    }
    if name == "**" {
        return Ok(vec![Segment::Any]);
    }
    if name.contains("**") {
        return Err(PatternError::StarsInName);
    }
    let choices = Name::parse(name).ok_or(PatternError::Malformed)?;
    Ok(choices
        .into_iter()
        .map(|choice| match choice.literal() {
            Some(name) => literal(&name),
            None if folded => Segment::Glob(choice.folded()),
            None => Segment::Glob(choice),
        })
        .collect())
}
