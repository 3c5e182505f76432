//! A text as the words by which it is found: lower case, without diacritics, split at all that is no letter and no digit.

use std::ops::Range;

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Letters of a word that count.
const LONGEST: usize = 40;

/// The words of a text as they are found, in their order.
pub fn words(text: &str) -> Vec<String> {
    placed(text).into_iter().map(|(_, word)| word).collect()
}

/// The same, each with where it stands in the text.
pub fn placed(text: &str) -> Vec<(Range<usize>, String)> {
    let mut all = Vec::new();
    let mut from = None;
    // A mark belongs to the letter before it.
    let belongs = |c: char| c.is_alphanumeric() || is_mark(c);
    for (at, c) in text.char_indices() {
        match (from, belongs(c)) {
            (None, true) => from = Some(at),
            (Some(start), false) => {
                keep(&mut all, text, start..at);
                from = None;
            }
            _ => {}
        }
    }
    if let Some(start) = from {
        keep(&mut all, text, start..text.len());
    }
    all
}

fn keep(all: &mut Vec<(Range<usize>, String)>, text: &str, place: Range<usize>) {
    let word = fold(&text[place.clone()]);
    if !word.is_empty() {
        all.push((place, word));
    }
}

fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.chars().take(LONGEST).map(|c| c.to_ascii_lowercase()).collect();
    }
    let apart = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(word.chars());
    let mut folded = String::new();
    for c in apart.filter(|c| !is_mark(*c)).flat_map(char::to_lowercase) {
        match plain(c) {
            Some(letters) => folded.push_str(letters),
            // A letter in upper case may come apart into one in lower case and a mark.
            None if c.is_alphanumeric() => folded.push(c),
            None => {}
        }
    }
    folded.chars().take(LONGEST).collect()
}

/// Letters that are one of the alphabet with a stroke, or two in one, and that no decomposition takes apart.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'þ' => "th",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        _ => return None,
    })
}

/// The blocks of combining marks.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_its_words() {
        let check = |text: &str, found: &[&str]| assert_eq!(words(text), found, "{text}");
        check("12 Oak Street: closing", &["12", "oak", "street", "closing"]);
        check("  O'Brien & Söhne GmbH, 12b ", &["o", "brien", "sohne", "gmbh", "12b"]);
        check("Ångström ÉCOLE naïve façade", &["angstrom", "ecole", "naive", "facade"]);
        // The same letters, composed and apart.
        check("caf\u{e9} cafe\u{301}", &["cafe", "cafe"]);
        check("Łódź Straße Øre Þing İstanbul", &["lodz", "strasse", "ore", "thing", "istanbul"]);
        check("Привет МИР ёж", &["привет", "мир", "еж"]);
        check("ﬁnancing ① Ｏａｋ", &["financing", "1", "oak"]);
        check("final_walkthrough", &["final", "walkthrough"]);
        check("$450,000.50", &["450", "000", "50"]);
        check("", &[]);
        check("--- !? \u{301}", &[]);
        check(&"x".repeat(1_000), &[&"x".repeat(40)]);
    }

    #[test]
    fn a_word_says_where_it_stands() {
        let text = "Den Schlüssel: übergeben";
        for (place, word) in placed(text) {
            assert_eq!(words(&text[place]), [word]);
        }
        assert_eq!(placed("é, b")[1].0, 4..5);
    }

    #[test]
    fn a_folded_word_folds_to_itself() {
        for text in ["Ångström", "ﬁ", "İ", "ẞ", "ŉ", "½", "№", "㎏", "ǅ", "ΰ", "각"] {
            for word in words(text) {
                assert_eq!(words(&word), std::slice::from_ref(&word), "{text}");
            }
        }
    }
}
