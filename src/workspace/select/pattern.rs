//! A line of an ignore file, rewritten so that the glob library reads it as git does.
//!
//! The library differs from git where it matters for what is uploaded: it takes `{a,b}` for a choice, lets `[^x]` match
//! a slash, knows neither `[[:digit:]]` nor escapes in brackets, and trims more than spaces from the end of a line.

/// `None` for lines that match nothing: empty ones, comments, and brackets that hold no character.
pub fn as_glob(line: &str) -> Option<String> {
    let line = trimmed(line.strip_suffix('\r').unwrap_or(line));
    if line.starts_with('#') {
        return None;
    }
    let (bang, rest) = line.strip_prefix('!').map_or(("", line), |rest| ("!", rest));
    let (rest, slash_at_end) = rest.strip_suffix('/').map_or((rest, ""), |rest| (rest, "/"));
    let (lead, body) = match rest.strip_prefix('/') {
        Some(body) => ("/", body),
        // Both said outright: the slashes in brackets that come and go below would mislead the library.
        None if rest.contains('/') => ("/", rest),
        None => ("**/", rest),
    };
    if body.is_empty() {
        return None;
    }
    Some(format!("{bang}{lead}{}{slash_at_end}", glob(body)?))
}

/// Git drops spaces at the end, and only spaces, unless a backslash is before them.
fn trimmed(line: &str) -> &str {
    let kept = line.trim_end_matches(' ');
    let backslashes = kept.chars().rev().take_while(|c| *c == '\\').count();
    if backslashes % 2 == 1 && kept.len() < line.len() { line.get(..=kept.len()).unwrap_or(line) } else { kept }
}

fn glob(body: &str) -> Option<String> {
    let mut glob = String::with_capacity(body.len() + 8);
    let mut rest = body.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(escaped) => push_literal(&mut glob, escaped),
                // In git a backslash at the end matches nothing.
                None => return None,
            },
            '*' | '?' => glob.push(c),
            '[' => {
                let (set, after) = Set::parse(rest.as_str())?;
                set.write(&mut glob)?;
                rest = after.chars();
            }
            literal => push_literal(&mut glob, literal),
        }
    }
    Some(glob)
}

fn push_literal(glob: &mut String, c: char) {
    if c.is_whitespace() {
        // In brackets, so that the library does not trim it from the end.
        glob.extend(['[', c, ']']);
    } else {
        if c.is_ascii_punctuation() && !matches!(c, '/' | '.' | '-' | '_') {
            glob.push('\\');
        }
        glob.push(c);
    }
}

/// The characters in brackets.
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Set {
    /// Reads what follows `[`, with git's rules; `None` if it never ends or names an unknown class.
    fn parse(text: &str) -> Option<(Set, &str)> {
        let (negated, mut rest) = text.strip_prefix(['!', '^']).map_or((false, text), |rest| (true, rest));
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            if let (false, Some(after)) = (first, rest.strip_prefix(']')) {
                return Some((Set { negated, ranges }, after));
            }
            first = false;
            if let Some((name, after)) = rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
                ranges.extend(class(name)?);
                rest = after;
                continue;
            }
            let (low, after) = one(rest)?;
            match after.strip_prefix('-').filter(|after| !after.starts_with(']')) {
                Some(after) => {
                    let (high, after) = one(after)?;
                    ranges.push((low, high));
                    rest = after;
                }
                None => {
                    ranges.push((low, low));
                    rest = after;
                }
            }
        }
    }

    /// Writes the set in the library's syntax, which knows no escapes in brackets: `]` must come first, `-` last, and
    /// neither `!` nor `^` at the start.
    fn write(&self, glob: &mut String) -> Option<()> {
        let (mut plain, mut special) = (String::new(), Vec::new());
        for (low, high) in &self.ranges {
            let mut low = *low;
            let mut pieces = Vec::new();
            // Cut at the special characters, so that none of them is the end of a range.
            for c in ['!', '-', '/', ']', '^'] {
                if low <= c && c <= *high {
                    pieces.extend(before(c).filter(|end| low <= *end).map(|end| (low, end)));
                    special.push(c);
                    low = after(c)?;
                }
            }
            if low <= *high {
                pieces.push((low, *high));
            }
            for (low, high) in pieces {
                plain.extend(if low == high { vec![low] } else { vec![low, '-', high] });
            }
        }
        // No bracket matches a slash in git.
        special.retain(|c| *c != '/');
        special.sort_unstable();
        special.dedup();
        if self.negated {
            let close = if special.contains(&']') { "]" } else { "" };
            let dash = if special.contains(&'-') { "-" } else { "" };
            let marks: String = special.iter().filter(|c| matches!(c, '!' | '^')).collect();
            glob.push_str(&format!("[!{close}/{marks}{plain}{dash}]"));
            return Some(());
        }
        let mut choices: Vec<String> = special.iter().map(|c| format!("\\{c}")).collect();
        if !plain.is_empty() {
            choices.push(format!("[{plain}]"));
        }
        match choices.as_slice() {
            [] => return None,
            [only] => glob.push_str(only),
            several => glob.push_str(&format!("{{{}}}", several.join(","))),
        }
        Some(())
    }
}

fn before(c: char) -> Option<char> {
    char::from_u32(u32::from(c).checked_sub(1)?)
}

fn after(c: char) -> Option<char> {
    char::from_u32(u32::from(c).checked_add(1)?)
}

/// One character, possibly escaped.
fn one(text: &str) -> Option<(char, &str)> {
    let mut chars = text.strip_prefix('\\').unwrap_or(text).chars();
    let c = chars.next()?;
    Some((c, chars.as_str()))
}

fn class(name: &str) -> Option<Vec<(char, char)>> {
    Some(match name {
        "alnum" => vec![('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => vec![('A', 'Z'), ('a', 'z')],
        "blank" => vec![(' ', ' '), ('\t', '\t')],
        "cntrl" => vec![('\u{1}', '\u{1f}'), ('\u{7f}', '\u{7f}')],
        "digit" => vec![('0', '9')],
        "graph" => vec![('!', '~')],
        "lower" => vec![('a', 'z')],
        "print" => vec![(' ', '~')],
        "punct" => vec![('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => vec![(' ', ' '), ('\t', '\r')],
        "upper" => vec![('A', 'Z')],
        "xdigit" => vec![('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}
