//! What is looked for, who may find what, and what is shown of a text.

use super::Kind;
use crate::kernel::Problem;
use crate::kernel::search::fold;
use crate::workspace::access::Verb;

/// Words that count; whoever knows more of them finds it by fewer.
const MOST_WORDS: usize = 12;
/// Letters of a text that are shown.
const SHOWN: usize = 160;
/// Letters of them before the first word that was looked for.
const BEFORE: usize = 40;

/// The right without which nobody finds things of a kind.
pub fn right(kind: Kind) -> Verb {
    match kind {
        Kind::Deal | Kind::Milestone => Verb::ReadDeals,
        Kind::Contact => Verb::ReadContacts,
        Kind::Template => Verb::ReadTemplates,
        Kind::Draft => Verb::ReadDrafts,
        Kind::Approval => Verb::ReadApprovals,
        Kind::Delivery => Verb::ReadDeliveries,
    }
}

/// The words of a question, each once.
pub fn words(text: &str) -> Result<Vec<String>, Problem> {
    let mut words: Vec<String> = Vec::new();
    for word in fold::words(text) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() {
        return Err(Problem::new("text", "has no letter and no digit to look for."));
    }
    words.truncate(MOST_WORDS);
    Ok(words)
}

/// Whether a text has them all.
pub fn has_all(text: &str, words: &[String]) -> bool {
    let own = fold::words(text);
    words.iter().all(|word| own.iter().any(|own| own.starts_with(word)))
}

/// A text on one line from a little before the first of these words on; `None` when it has none of them.
pub fn excerpt(text: &str, words: &[String]) -> Option<String> {
    let placed = fold::placed(text);
    let (at, _) = placed.iter().find(|(_, own)| words.iter().any(|word| own.starts_with(word)))?;
    let earliest = text[..at.start].char_indices().rev().nth(BEFORE).map_or(0, |(byte, _)| byte);
    // From the beginning of a word, unless it is that of the text.
    let word = placed.iter().map(|(place, _)| place.start).find(|start| *start >= earliest);
    let start = if earliest == 0 { 0 } else { word.unwrap_or(at.start) };
    Some(cut(&text[start..], start > 0))
}

/// The beginning of a text, on one line.
pub fn beginning(text: &str) -> String {
    cut(text, false)
}

fn cut(text: &str, goes_before: bool) -> String {
    let line = crate::kernel::text::legible(text);
    let mut shown: String = line.chars().take(SHOWN).collect();
    if line.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    if goes_before { format!("…{shown}") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_its_words() {
        assert_eq!(words("Oak oak, CLOS!").unwrap(), ["oak", "clos"]);
        assert_eq!(words(&"a b c d e f g h i j k l m n".repeat(3)).unwrap().len(), 12);
        for nothing in ["", "  ", "?!", "\u{301}"] {
            assert_eq!(words(nothing).unwrap_err().field, "text");
        }
    }

    #[test]
    fn what_is_shown_of_a_text_has_what_was_looked_for() {
        let of = |text: &str, looked_for: &str| excerpt(text, &words(looked_for).unwrap());
        assert_eq!(of("Bring the KEYS\nto Ann", "key").as_deref(), Some("Bring the KEYS to Ann"));
        assert_eq!(of("Bring the keys", "oak"), None);
        let long = format!("{} the keys {}", "before ".repeat(100), "after ".repeat(100));
        let shown = of(&long, "keys").unwrap();
        assert!(
            shown.starts_with("…before") && shown.contains("the keys after") && shown.ends_with('…'),
            "{shown}"
        );
        assert!(shown.chars().count() <= SHOWN + 2, "{shown}");
        assert!(of(&"x".repeat(5_000), "x").unwrap().chars().count() <= SHOWN + 1);
        assert_eq!(of("é".repeat(60).as_str(), "e").unwrap().chars().count(), 60);
    }
}
