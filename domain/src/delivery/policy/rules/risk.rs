//! Words that nobody should get from a machine unseen: most of what thieves write in the name of an agent.

/// Pairs of a phrase in lower case and what it is.
const PHRASES: &[(&str, &str)] = &[
    ("routing number", "a bank's routing number"),
    ("account number", "an account number"),
    ("wire instructions", "instructions for a wire"),
    ("wiring instructions", "instructions for a wire"),
    ("wire transfer instructions", "instructions for a wire"),
    ("new bank details", "changed bank details"),
    ("updated bank details", "changed bank details"),
    ("swift code", "a bank's code"),
    ("iban", "a bank account"),
    ("social security number", "a social security number"),
    ("ssn", "a social security number"),
    ("password", "a password"),
    ("gift card", "a gift card"),
    ("bitcoin", "a payment that cannot be taken back"),
    ("cryptocurrency", "a payment that cannot be taken back"),
    ("@everyone", "a mention of everybody"),
    ("@here", "a mention of everybody"),
    ("guaranteed return", "a promise of money"),
    ("legal advice", "legal advice"),
];

/// What makes a text risky, in the order of the list; empty for nearly every text.
pub fn risks(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let mut found: Vec<String> = Vec::new();
    for (phrase, what) in PHRASES {
        if has_words(&text, phrase) && !found.iter().any(|known| known == what) {
            found.push((*what).to_owned());
        }
    }
    if has_social_security_number(&text) && !found.iter().any(|known| known == "a social security number") {
        found.push("a social security number".into());
    }
    found
}

/// Whether a phrase stands in a text as words of its own.
fn has_words(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        let after = text[at + phrase.len()..].chars().next();
        // A plural is the same word.
        let after = after.is_none_or(|c| !c.is_alphanumeric() || c == 's');
        before && after
    })
}

/// `123-45-6789`, and no longer run of digits around it.
fn has_social_security_number(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(11).enumerate().any(|(at, window)| {
        let shaped =
            window.iter().enumerate().all(|(i, b)| if i == 3 || i == 6 { *b == b'-' } else { b.is_ascii_digit() });
        let edge = |b: Option<&u8>| b.is_none_or(|b| !b.is_ascii_digit() && *b != b'-');
        shaped && edge(at.checked_sub(1).and_then(|i| bytes.get(i))) && edge(bytes.get(at + 11))
    })
}

#[cfg(test)]
mod tests {
    use super::risks;

    #[test]
    fn what_thieves_write_is_seen_and_what_agents_write_is_not() {
        let check = |text: &str, expected: &[&str]| assert_eq!(risks(text), expected, "{text}");
        check("Our WIRING INSTRUCTIONS have changed", &["instructions for a wire"]);
        check("Send the account numbers and your SSN", &["an account number", "a social security number"]);
        check("It is 123-45-6789.", &["a social security number"]);
        check("My SSN is 123-45-6789.", &["a social security number"]);
        check("Password: 123-45-6789", &["a password", "a social security number"]);
        check("@everyone look", &["a mention of everybody"]);
        check("Please confirm the wire with the title company by phone.", &[]);
        check("Order 1123-45-67890 for 12 Oak Street is due Friday.", &[]);
        check("Order 123-45-67890 is due Friday.", &[]);
        check("Order 1123-45-6789 is due Friday.", &[]);
        check("The caribanean house has passwordless locks", &[]);
        check("Your inspection is on Wed 21 Oct.", &[]);
    }
}
