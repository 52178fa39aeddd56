use super::super::scan::Quoted;

/// What stands in a table. Only texts can be somebody else's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Text(String),
    Number(u64),
    /// A time of a record, whose shape was checked.
    Time(String),
}

/// The most bytes of a text in a table. Records that no writer of ours made can hold longer ones.
const TEXT_BYTES: usize = 256;

/// Cut, with a note of how many bytes are missing.
pub(super) fn short(text: &str) -> String {
    if text.len() <= TEXT_BYTES {
        return text.to_owned();
    }
    let kept = text.floor_char_boundary(TEXT_BYTES);
    format!("{}…(+{})", text.get(..kept).unwrap_or_default(), text.len() - kept)
}

pub(super) fn text_of(quoted: Option<Quoted<'_>>) -> String {
    quoted.map(|quoted| short(&quoted.text())).unwrap_or_default()
}
