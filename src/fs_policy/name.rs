use std::borrow::Cow;

/// The pattern of one name, between two slashes: `*` any number of characters, `?` one, `[a-z]` and `[!a-z]` one
/// of a class, `{a,b}` one or the other, `\` takes the next character as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Char(char),
    Any,
    One,
    Class { not: bool, ranges: Vec<(char, char)> },
}

impl Name {
    /// The patterns that a written one stands for, one for each choice of its braces. `None` if it is malformed.
    pub(super) fn parse(text: &str) -> Option<Vec<Name>> {
        let mut done = vec![Vec::new()];
        parse_into(&mut done, text)?;
        Some(done.into_iter().map(Name).collect())
    }

    /// The name itself, if the pattern fits only one.
    pub(super) fn literal(&self) -> Option<String> {
        let char = |part: &Part| if let Part::Char(c) = part { Some(*c) } else { None };
        self.0.iter().map(char).collect()
    }

    /// What comes after the dot, of a pattern like `*.pem`: all names with that ending fit and no others.
    pub(super) fn ending(&self) -> Option<String> {
        match self.0.as_slice() {
            [Part::Any, Part::Char('.'), rest @ ..] if !rest.is_empty() => {
                Name(rest.to_vec()).literal().filter(|ending| !ending.contains('.'))
            }
            _ => None,
        }
    }

    /// The longest run of letters that is in every name that fits.
    pub(super) fn letters(&self) -> String {
        let mut longest = String::new();
        let mut run = String::new();
        for part in self.0.iter().chain([&Part::Any]) {
            match part {
                Part::Char(c) => run.push(*c),
                _ => {
                    if run.len() > longest.len() {
                        longest.clone_from(&run);
                    }
                    run.clear();
                }
            }
        }
        longest
    }

    /// The first and the last byte of every name that fits, where all have the same.
    pub(super) fn ends(&self) -> (Option<u8>, Option<u8>) {
        let byte = |part: Option<&Part>, of: fn(&[u8]) -> Option<&u8>| match part {
            Some(Part::Char(c)) => of(c.encode_utf8(&mut [0; 4]).as_bytes()).copied(),
            _ => None,
        };
        (byte(self.0.first(), <[u8]>::first), byte(self.0.last(), <[u8]>::last))
    }

    pub(super) fn folded(mut self) -> Self {
        for part in &mut self.0 {
            match part {
                Part::Char(c) => *c = fold(*c),
                Part::Class { ranges, .. } => {
                    let lower: Vec<_> = ranges.iter().map(|(low, high)| (fold(*low), fold(*high))).collect();
                    ranges.extend(lower);
                }
                Part::Any | Part::One => {}
            }
        }
        self
    }

    /// Whether a name fits. Only the last `*` is ever tried again, so the work is bounded by the product of both
    /// lengths. What is no UTF-8 is compared in pieces that fit no letter.
    pub(super) fn fits(&self, name: &[u8]) -> bool {
        let name = String::from_utf8_lossy(name);
        let mut rest = name.chars();
        let mut at = 0;
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let here = rest.clone();
            let next = rest.next();
            match (self.0.get(at), next) {
                (None, None) => return true,
                (Some(Part::Any), _) => {
                    rest = here.clone();
                    again = Some((at, here));
                    at += 1;
                    continue;
                }
                (Some(part), Some(c)) if part.fits(c) => {
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((star, mut from)) = again.take() else { return false };
            if from.next().is_none() {
                return false;
            }
            at = star + 1;
            rest = from.clone();
            again = Some((star, from));
        }
    }
}

impl Part {
    fn fits(&self, c: char) -> bool {
        match self {
            Part::Char(own) => *own == c,
            Part::Any => false,
            Part::One => true,
            Part::Class { not, ranges } => *not != ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)),
        }
    }
}

/// A name without its case. Most have none.
pub(super) fn fold_name(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.iter().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(String::from_utf8_lossy(name).chars().map(fold).collect::<String>().into_bytes())
}

pub(super) fn fold(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// More choices than anybody writes.
const CHOICES: usize = 16;

fn parse_into(done: &mut Vec<Vec<Part>>, text: &str) -> Option<()> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let part = match c {
            '*' => Part::Any,
            '?' => Part::One,
            '\\' => Part::Char(chars.next()?),
            '[' => class(&mut chars)?,
            '{' => {
                let (inside, after) = chars.as_str().split_once('}')?;
                if inside.contains('{') {
                    return None;
                }
                let mut all = Vec::new();
                for choice in inside.split(',') {
                    let mut each = done.clone();
                    parse_into(&mut each, choice)?;
                    all.append(&mut each);
                }
                *done = all;
                if done.len() > CHOICES {
                    return None;
                }
                chars = after.chars();
                continue;
            }
            '}' | ']' => return None,
            c => Part::Char(c),
        };
        for each in done.iter_mut() {
            each.push(part.clone());
        }
    }
    Some(())
}

fn class(chars: &mut std::str::Chars<'_>) -> Option<Part> {
    let mut ranges = Vec::new();
    let mut not = false;
    let mut first = true;
    loop {
        let mut c = chars.next()?;
        match c {
            '!' | '^' if first && !not => {
                not = true;
                continue;
            }
            ']' if !first => return Some(Part::Class { not, ranges }),
            '\\' => c = chars.next()?,
            _ => {}
        }
        first = false;
        let mut ahead = chars.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) if high != ']' => {
                *chars = ahead;
                if high < c {
                    return None;
                }
                ranges.push((c, high));
            }
            _ => ranges.push((c, c)),
        }
    }
}
