//! Reads arguments. What is wrong with one is said before anything is opened.

use std::str::FromStr;

use domain::deals::deal::intake::NewParty;
use domain::kernel::time;
use jiff::Timestamp;
use jiff::civil::Date;

/// An id, as lists and `--json` show it.
pub fn id<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| {
        "it is no id. Copy a whole one from a list, such as 01a2b3c4-5d6e-7f80-9a1b-2c3d4e5f6071.".to_owned()
    })
}

pub fn date(text: &str) -> Result<Date, String> {
    time::parse_date("", text).map_err(|problem| problem.sentence)
}

/// An instant, as RFC 3339 writes it.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "it is no instant. Write it as 2026-12-04T15:00:00Z.".to_owned())
}

/// A word of an enum; the error lists the words that are known.
pub fn word<T: FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|known| format!("it {known}"))
}

pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("write yes or no.".into()),
    }
}

/// `NAME=VALUE`; the value may be empty.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or("write it as NAME=YYYY-MM-DD, such as closing_date=2027-03-31.")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// `role=buyer,name=Ann Lee,email=ann@example.com`. A piece without `=` belongs to the value before it, so that names
/// may hold commas.
pub fn party(text: &str) -> Result<NewParty, String> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for piece in text.split(',') {
        match (piece.split_once('='), fields.last_mut()) {
            (Some((name, value)), _) => fields.push((name.trim(), value.trim().to_owned())),
            (None, Some((_, value))) => *value = format!("{value},{piece}"),
            (None, None) => return Err(PARTY.into()),
        }
    }
    let mut party = NewParty::default();
    for (name, value) in fields {
        match name {
            "role" => party.role = value,
            "name" => party.name = value,
            "email" => party.email = Some(value),
            "phone" => party.phone = Some(value),
            "zone" | "time_zone" => party.time_zone = Some(value),
            other => return Err(format!("{other} is no part of a party. {PARTY}")),
        }
    }
    Ok(party)
}

const PARTY: &str = "write it as role=buyer,name=Ann Lee,email=ann@example.com,phone=+1 312 555 0100,zone=America/Chicago; \
                     role and name are needed.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_read_with_commas_in_its_name() {
        let read = party("role=attorney,name=Lee, Park & Co,email=office@example.com").unwrap();
        assert_eq!((read.role.as_str(), read.name.as_str()), ("attorney", "Lee, Park & Co"));
        assert_eq!(read.email.as_deref(), Some("office@example.com"));
        assert!(party("Ann Lee").unwrap_err().contains("role=buyer"));
        assert!(party("role=buyer,colour=red").unwrap_err().contains("colour"));
    }

    #[test]
    fn wrong_arguments_say_what_would_be_right() {
        assert!(date("12/04/2026").unwrap_err().contains("YYYY-MM-DD"));
        assert!(pair("closing_date").unwrap_err().contains("NAME="));
        assert_eq!(pair("inspection_deadline=").unwrap(), ("inspection_deadline".into(), String::new()));
        assert!(id::<domain::kernel::id::DealId>("12").unwrap_err().contains("whole"));
    }
}
