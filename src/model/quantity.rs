/// Why a quantity of bytes could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("`{0}` is not a size: write a whole number of bytes, or one with KiB, MiB or GiB (64MiB)")]
    Unreadable(String),
    #[error("`{0}` is larger than any size can be")]
    TooLarge(String),
}

const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
    ("", 1),
];

/// Reads `65536`, `64KiB`, `64 MiB`, `1GB`.
pub fn parse_bytes(text: &str) -> Result<u64, QuantityError> {
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(trimmed.len());
    let (digits, unit) = trimmed.split_at(split);
    let unreadable = || QuantityError::Unreadable(text.to_owned());
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim())).ok_or_else(unreadable)?;
    let digits = digits.replace('_', "");
    if digits.is_empty() {
        return Err(unreadable());
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*factor))
        .ok_or_else(|| QuantityError::TooLarge(text.to_owned()))
}

/// Writes a number of bytes as a person would: exactly, with the largest unit that divides it.
pub fn show_bytes(bytes: u64) -> String {
    for (unit, factor) in [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes >= factor && bytes.is_multiple_of(factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        for (text, bytes) in [
            ("0", 0),
            ("65536", 65536),
            ("64KiB", 65536),
            ("64 mib", 64 << 20),
            ("1GB", 1_000_000_000),
            ("1_000", 1000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "MiB", "-1", "1.5MiB", "64 parsecs", "99999999999999999999", "18446744073709551615GiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_shown_size_reads_back_as_itself() {
        for bytes in [0, 1, 1023, 1024, 65536, 1 << 30, (1 << 30) + 1, u64::MAX] {
            assert_eq!(parse_bytes(&show_bytes(bytes)), Ok(bytes));
        }
    }
}
