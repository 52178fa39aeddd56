//! Cedar's parser calls itself for each bracket and has no bound: 2 KB of `(` overflow the stack and end the process.
//! Its validator gives up in silence where the stack runs short, and takes what it did not look at as valid; for nested
//! `if` its time doubles with each. So a text is looked at before Cedar sees it, by a scan that is linear and shallow.

/// How deep brackets may nest in one policy, how often it may chain (operators, brackets, clauses), and how many `if`
/// it may have. Far above what people write, and far below what 1 MiB of stack can take.
const DEPTH: usize = 20;
const LINKS: usize = 400;
const IFS: usize = 8;

/// The offset at which a text becomes too complicated, and what is too many there.
pub(super) fn exceeded(text: &str) -> Option<(usize, String)> {
    let mut count = Count::default();
    Words(text.char_indices().peekable()).find_map(|(offset, word)| Some((offset, count.take(word)?)))
}

#[derive(Default)]
struct Count {
    depth: usize,
    links: usize,
    ifs: usize,
}

impl Count {
    fn take(&mut self, word: Word) -> Option<String> {
        match word {
            Word::Open => {
                self.depth += 1;
                self.links += 1;
            }
            Word::Close => self.depth = self.depth.saturating_sub(1),
            Word::Link => self.links += 1,
            Word::If => self.ifs += 1,
            // Between two brackets a `;` ends nothing, so it must not start the count anew.
            Word::End if self.depth == 0 => *self = Self::default(),
            Word::End => {}
        }
        if self.depth > DEPTH {
            return Some(format!("brackets nest deeper than {DEPTH}"));
        }
        if self.links > LINKS {
            return Some(format!("more than {LINKS} operators and brackets in one policy; split it"));
        }
        (self.ifs > IFS).then(|| format!("more than {IFS} `if` in one policy; split it"))
    }
}

enum Word {
    Open,
    Close,
    Link,
    If,
    End,
}

struct Words<'a>(std::iter::Peekable<std::str::CharIndices<'a>>);

impl Iterator for Words<'_> {
    type Item = (usize, Word);

    fn next(&mut self) -> Option<(usize, Word)> {
        loop {
            let (offset, c) = self.0.next()?;
            let word = match c {
                '"' => {
                    self.skip_string();
                    continue;
                }
                '/' if self.0.next_if(|(_, c)| *c == '/').is_some() => {
                    while self.0.next_if(|(_, c)| !matches!(c, '\n' | '\r')).is_some() {}
                    continue;
                }
                'a'..='z' | 'A'..='Z' | '_' => match self.identifier(c).as_str() {
                    "if" => Word::If,
                    "when" | "unless" | "in" | "has" | "like" | "is" => Word::Link,
                    _ => continue,
                },
                '(' | '[' | '{' => Word::Open,
                ')' | ']' | '}' => Word::Close,
                ';' => Word::End,
                c if c.is_ascii_punctuation() && !matches!(c, ',' | ':') => Word::Link,
                _ => continue,
            };
            return Some((offset, word));
        }
    }
}

impl Words<'_> {
    /// An escaped end of line is no part of a string for Cedar, which stops there with an error; so the string ends here.
    fn skip_string(&mut self) {
        while let Some((_, c)) = self.0.next() {
            let newline = c == '\\' && self.0.next().is_some_and(|(_, escaped)| escaped == '\n');
            if c == '"' || newline {
                return;
            }
        }
    }

    /// Only words as short as those that are looked for are kept.
    fn identifier(&mut self, first: char) -> String {
        let mut word = String::from(first);
        while let Some((_, c)) = self.0.next_if(|(_, c)| c.is_ascii_alphanumeric() || *c == '_') {
            if word.len() < 8 {
                word.push(c);
            }
        }
        word
    }
}
