//! Words of guests and callers, made harmless: one line, no control of a terminal, no end.

/// Text that no reader of the log should meet raw: it moves a cursor, ends a line, or hides and turns other text.
pub(super) fn is_forbidden(c: char) -> bool {
    matches!(
        u32::from(c),
        0..=0x1f
            | 0x7f..=0x9f
            | 0xad
            | 0x61c
            | 0x180e
            | 0x200b..=0x200f
            | 0x2028..=0x202e
            | 0x2060..=0x206f
            | 0xfeff
            | 0xfff9..=0xffff
            | 0xe0000..=0xe0fff
    )
}

/// Escapes and cuts: `\` is written twice, what is forbidden as `\u{1b}`, and what is left out is counted in bytes.
pub fn clean(text: &str, most_bytes: usize) -> String {
    // Nearly all text is of this kind.
    if text.len() <= most_bytes && text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().min(most_bytes));
    take(&mut out, text, text.len(), most_bytes);
    out
}

/// As `clean`, for bytes that may be no text: each byte that is none is written as `\x{ff}`.
pub fn clean_bytes(bytes: &[u8], most_bytes: usize) -> String {
    let mut out = String::new();
    let mut left = bytes.len();
    for chunk in bytes.utf8_chunks() {
        if !take(&mut out, chunk.valid(), left, most_bytes) {
            return out;
        }
        left -= chunk.valid().len();
        for byte in chunk.invalid() {
            if !put(&mut out, &format!("\\x{{{byte:02x}}}"), left, most_bytes) {
                return out;
            }
            left -= 1;
        }
    }
    out
}

/// Whether all of it was taken; `left` counts what is there from the first byte of `text` on.
fn take(out: &mut String, text: &str, left: usize, most_bytes: usize) -> bool {
    for (at, c) in text.char_indices() {
        let left = left - at;
        let mut bytes = [0; 4];
        let taken = match c {
            '\\' => put(out, "\\\\", left, most_bytes),
            c if is_forbidden(c) => put(out, &format!("\\u{{{:x}}}", u32::from(c)), left, most_bytes),
            c => put(out, c.encode_utf8(&mut bytes), left, most_bytes),
        };
        if !taken {
            return false;
        }
    }
    true
}

fn put(out: &mut String, piece: &str, left: usize, most_bytes: usize) -> bool {
    // The note about what is missing has its place kept.
    if out.len() + piece.len() + CUT_NOTE <= most_bytes
        || (left <= piece.len() && out.len() + piece.len() <= most_bytes)
    {
        out.push_str(piece);
        return true;
    }
    out.push_str(&format!("…(+{left})"));
    false
}

/// `…(+` and twenty digits and `)`.
const CUT_NOTE: usize = 3 + 2 + 20 + 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_terminal_or_ends_a_line_is_written_out() {
        assert_eq!(clean("a\nb\x1b[2J\u{202e}\\n", 200), "a\\u{a}b\\u{1b}[2J\\u{202e}\\\\n");
        assert_eq!(clean_bytes(b"ok\xff\xc3", 200), "ok\\x{ff}\\x{c3}");
        assert_eq!(clean("grüße 漢字 🦀", 200), "grüße 漢字 🦀");
    }

    #[test]
    fn what_is_too_long_is_cut_and_counted() {
        let long = "x".repeat(10_000_000);
        let cut = clean(&long, 100);
        assert!(cut.len() <= 100 && cut.ends_with(&format!("…(+{})", 10_000_000 - 74)), "{cut}");
        assert!(clean_bytes(&[0xff; 1_000_000], 100).len() <= 100);
        assert!(clean("\u{1b}".repeat(1000).as_str(), 100).len() <= 100);
    }
}
