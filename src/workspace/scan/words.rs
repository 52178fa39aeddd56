//! Are there words in a text? Two measures: how long its letters stay of one kind, and which letters follow which.

/// Five letters without a vowel are no word, and no usual short form.
const MOST_CONSONANTS: u32 = 4;

/// Of the pairs of letters in random text a third is usual in words (one text in twenty has more than 55 of 100), of
/// those in the names and words of source code nine in ten (one text in five hundred has fewer than 55 of 100).
const MOST_USUAL_PERCENT: u32 = 55;
/// With fewer pairs the share says nothing.
const LEAST_PAIRS: u32 = 6;

/// For each letter from `a` the letters that follow it in nine of ten pairs of the words in source code and its prose;
/// counted over 4500 files of Rust, Python and JavaScript packages.
const FOLLOWERS: [&[u8]; 26] = [
    b"bcdgilmnprstuvy",
    b"aeilorsu",
    b"acehiklorstu",
    b"adeilorsu",
    b"abcdefgilmnpqrstvwx",
    b"aefilorsu",
    b"aehinrs",
    b"aeiot",
    b"abcdefglmnoprstvz",
    b"",
    b"eis",
    b"adeilopstuy",
    b"abeimopsu",
    b"acdefgiklnostuv",
    b"bcdfgilmnoprstuvw",
    b"aehiloprstu",
    b"u",
    b"acdegilmnorstuy",
    b"acehilopstuy",
    b"acehilorstuy",
    b"abcefilmnprst",
    b"aei",
    b"aeio",
    b"ept",
    b"ps",
    b"e",
];

/// Whether letters, digits and cases change as seldom as in names.
pub fn has_long_runs(text: &[u8], least_run: f64) -> bool {
    let (mut letters, mut runs, mut run, mut consonants) = (0u32, 0u32, 0u32, 0u32);
    let mut last = b' ';
    for byte in text {
        if byte.is_ascii_alphanumeric() {
            letters += 1;
            // `Capital` is one run, `ABc` is two.
            let goes_on =
                same_class(last, *byte) || (last.is_ascii_uppercase() && byte.is_ascii_lowercase() && run == 1);
            run = if goes_on { run + 1 } else { 1 };
            runs += u32::from(!goes_on);
        }
        let consonant = byte.is_ascii_alphabetic() && !b"aeiouyAEIOUY".contains(byte);
        consonants = if consonant && run > 1 { consonants + 1 } else { u32::from(consonant) };
        if consonants > MOST_CONSONANTS {
            return false;
        }
        last = *byte;
    }
    runs == 0 || f64::from(letters) / f64::from(runs) >= least_run
}

fn same_class(a: u8, b: u8) -> bool {
    (a.is_ascii_lowercase() && b.is_ascii_lowercase())
        || (a.is_ascii_uppercase() && b.is_ascii_uppercase())
        || (a.is_ascii_digit() && b.is_ascii_digit())
}

/// Whether the letters follow each other as in no word. Never of a text with few letters side by side.
pub fn has_random_letters(text: &[u8]) -> bool {
    let (mut pairs, mut usual) = (0u32, 0u32);
    for (first, second) in text.iter().zip(text.iter().skip(1)) {
        // Between the words of `camelCase` any letters meet.
        let in_a_word = !(first.is_ascii_lowercase() && second.is_ascii_uppercase());
        if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() && in_a_word {
            pairs += 1;
            let place = usize::from(first.to_ascii_lowercase() - b'a');
            let after = FOLLOWERS.get(place).copied().unwrap_or_default();
            usual += u32::from(after.contains(&second.to_ascii_lowercase()));
        }
    }
    pairs >= LEAST_PAIRS && usual * 100 <= pairs * MOST_USUAL_PERCENT
}
