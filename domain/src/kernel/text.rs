//! Text from outside: bounded, free of what can't be stored or would deceive a reader.

use crate::kernel::Problem;

pub const TITLE: usize = 200;
pub const NAME: usize = 120;
pub const REASON: usize = 1_000;
pub const NOTES: usize = 10_000;

/// One line of text, trimmed: 1 to `most` characters.
pub fn line(field: &str, text: &str, most: usize) -> Result<String, Problem> {
    let text = checked(field, text, most, false)?;
    if text.is_empty() {
        return Err(Problem::new(field, "is empty. It needs at least one character."));
    }
    Ok(text)
}

/// Text with line breaks, trimmed: 0 to `most` characters.
pub fn prose(field: &str, text: &str, most: usize) -> Result<String, Problem> {
    checked(field, text, most, true)
}

fn checked(field: &str, text: &str, most: usize, line_breaks: bool) -> Result<String, Problem> {
    let text = text.trim();
    // Counting stops soon after the limit: a megabyte is refused without being walked.
    if text.chars().take(most + 1).count() > most {
        return Err(Problem::new(field, format!("is longer than {most} characters.")));
    }
    for c in text.chars() {
        if c == '\0' {
            return Err(Problem::new(field, "contains a NUL character. Remove it."));
        }
        if c.is_control() && !(line_breaks && (c == '\n' || c == '\t' || c == '\r')) {
            return Err(Problem::new(
                field,
                format!("contains the control character U+{:04X}. Remove it.", c as u32),
            ));
        }
        if deceives(c) {
            return Err(Problem::new(
                field,
                format!(
                    "contains the invisible character U+{:04X}, which can disguise text. Remove it.",
                    c as u32
                ),
            ));
        }
    }
    Ok(text.to_owned())
}

/// Bidirectional controls and tag characters: they show one thing and say another.
fn deceives(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// What nobody sees, or what shows one thing and says another: left out where a text is drawn.
pub fn is_hidden(c: char) -> bool {
    deceives(c)
        || matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{206f}')
}

/// A text on one line, without what is hidden in it.
pub fn legible(text: &str) -> String {
    let seen: String = text.chars().map(|c| if c.is_control() || is_hidden(c) { ' ' } else { c }).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An e-mail address, in lower case.
pub fn email(field: &str, text: &str) -> Result<String, Problem> {
    let text = line(field, text, 254)?.to_lowercase();
    if email_address::EmailAddress::is_valid(&text) && text.split_once('@').is_some_and(|(_, d)| d.contains('.')) {
        Ok(text)
    } else {
        Err(Problem::new(field, "is no e-mail address. Write it as name@example.com."))
    }
}

/// A telephone number as written: digits, spaces and `+-().`, with 7 to 15 digits. Kept as digits with a leading `+` if given.
pub fn phone(field: &str, text: &str) -> Result<String, Problem> {
    let text = line(field, text, 40)?;
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if !text.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c)) || !(7..=15).contains(&digits.len()) {
        return Err(Problem::new(field, "is no telephone number. Write it as +1 312 555 0100."));
    }
    Ok(if text.starts_with('+') { format!("+{digits}") } else { digits })
}

/// A web address that may be kept as evidence.
pub fn link(field: &str, text: &str) -> Result<String, Problem> {
    let text = line(field, text, 2_000)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !text.contains(char::is_whitespace) => Ok(text),
        _ => Err(Problem::new(field, "is no link. Write it as https://example.com/page.")),
    }
}

/// What somebody typed of a name so far, trimmed; `None` when it is nothing yet. At most 100 characters.
pub fn typed(field: &str, text: &str) -> Result<Option<String>, Problem> {
    let text = checked(field, text, 100, false)?;
    Ok((!text.is_empty()).then_some(text))
}

/// How much of a name what was typed is: 0 when a word of it begins so, 1 when it is within a word, `None` when it is not in it.
pub fn rank(name: &str, typed: &str) -> Option<u8> {
    let (name, typed) = (name.to_lowercase(), typed.to_lowercase());
    let first = name.match_indices(&typed).map(|(at, _)| at == 0 || name[..at].ends_with(' '));
    first.reduce(|one, other| one || other).map(|begins| if begins { 0 } else { 1 })
}

/// A pattern of SQL's `LIKE` for texts that hold this one, with `\\` as its escape.
pub fn like(part: &str) -> String {
    format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_stored_or_would_deceive_is_named() {
        let check = |text: &str, wrong: &str| {
            let problem = line("title", text, TITLE).unwrap_err();
            assert!(problem.sentence.contains(wrong), "{}", problem.sentence);
        };
        check("  ", "empty");
        check("a\0b", "NUL");
        check("a\u{7}b", "U+0007");
        check("two\nlines", "U+000A");
        check("invoice \u{202e}gpj.exe", "U+202E");
        check(&"x".repeat(1_000_000), "longer than 200");
        assert_eq!(line("title", " 12 Oak Street ", TITLE).unwrap(), "12 Oak Street");
        assert_eq!(line("title", &"é".repeat(200), TITLE).unwrap().chars().count(), 200);
    }

    #[test]
    fn what_was_typed_is_found_at_the_beginning_of_a_word_or_within_one() {
        let check =
            |name: &str, typed: &str, found: Option<u8>| assert_eq!(rank(name, typed), found, "{typed} in {name}");
        check("12 Oak Street", "12", Some(0));
        check("12 Oak Street", "oak st", Some(0));
        check("12 Oak Street", "ak", Some(1));
        check("Noakes Oak", "oak", Some(0));
        check("12 Oak Street", "elm", None);
        check("\u{c9}mile Zola", "\u{e9}mi", Some(0));
        check("100%", "%", Some(1));
        assert_eq!(typed("text", "  "), Ok(None));
        assert_eq!(typed("text", " oak "), Ok(Some("oak".into())));
        assert!(typed("text", "a\0b").is_err() && typed("text", &"x".repeat(101)).is_err());
    }

    #[test]
    fn addresses_and_numbers_are_read_as_people_write_them() {
        assert_eq!(email("email", " Jane@Example.com ").unwrap(), "jane@example.com");
        assert!(email("email", "jane@localhost").is_err());
        assert!(email("email", "jane").is_err());
        assert_eq!(phone("phone", "+1 (312) 555-0100").unwrap(), "+13125550100");
        assert!(phone("phone", "call me").is_err());
        assert!(link("evidence", "javascript:alert(1)").is_err());
    }
}
