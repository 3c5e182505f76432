//! A deal as somebody wrote it down, and every problem with it at once.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{check_key_dates, key_date_field};
use super::{CONTRACT_DATE, Financing, KeyDates, PartyRole, Side};
use crate::deals::milestone::template::STATES;
use crate::kernel::spoken::{self, SpokenDate};
use crate::kernel::{Problem, text, time};
use crate::people::contact::ops::{Person, check as check_person};

pub const MAX_PARTIES: usize = 50;
/// US dollars.
const MAX_PRICE: f64 = 100_000_000_000.0;

/// What every face takes to create a deal. Words and dates are text here, so that every mistake can be named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with the fields of a deal")]
#[schemars(inline)]
pub struct NewDeal {
    /// What the team calls it, such as "12 Oak Street - Smith".
    pub title: String,
    /// The property's address.
    pub address: String,
    /// The side we represent.
    #[schemars(with = "Side")]
    pub side: String,
    #[schemars(with = "Financing")]
    pub financing: String,
    /// The property's state, two capital letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub state: Option<String>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "f64")]
    pub price: Option<f64>,
    /// IANA zone of the property, such as America/Chicago. The workspace's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub time_zone: Option<String>,
    /// Dates YYYY-MM-DD by name: contract_date and closing_date are required; inspection_deadline,
    /// appraisal_contingency_deadline, financing_contingency_deadline and custom names are optional.
    pub key_dates: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parties: Vec<NewParty>,
    /// The template of milestones; `residential` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub template: Option<String>,
    /// E-mail address of the member who owns the deal; the acting member when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub owner_email: Option<String>,
    /// Whether to confirm it at once and generate its milestones; true when left out.
    #[serde(default = "yes")]
    #[schemars(with = "bool")]
    pub activate: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with the fields of a party")]
#[schemars(inline)]
pub struct NewParty {
    #[schemars(with = "PartyRole")]
    pub role: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub time_zone: Option<String>,
}

/// A deal that can be stored, but for its template and owner, which the database knows.
#[derive(Clone, Debug)]
pub struct Checked {
    pub title: String,
    pub address: String,
    pub side: Side,
    pub financing: Financing,
    pub state: Option<String>,
    pub price_cents: Option<i64>,
    pub time_zone: Option<String>,
    pub key_dates: KeyDates,
    pub parties: Vec<(PartyRole, Person)>,
    pub template: String,
    pub owner_email: Option<String>,
    pub activate: bool,
}

/// A key date as somebody says it on `today`. A contract is mostly signed before anybody writes it down; the other dates are
/// still to come.
pub fn said(name: &str, field: &str, text: &str, today: Date) -> Result<SpokenDate, Problem> {
    match name {
        CONTRACT_DATE => spoken::past_date(field, text, today),
        _ => spoken::date(field, text, today),
    }
}

/// Reads a new deal, or names everything that is wrong with it.
pub fn check(new: &NewDeal) -> Result<Checked, Vec<Problem>> {
    let mut problems = Vec::new();
    let title = keep(&mut problems, text::line("title", &new.title, text::TITLE));
    let address = keep(&mut problems, text::line("address", &new.address, 300));
    let side = keep(&mut problems, word("side", &new.side));
    let financing = keep(&mut problems, word("financing", &new.financing));
    let state = new.state.as_deref().map(|text| keep(&mut problems, state("state", text)));
    let price = new.price.map(|price| keep(&mut problems, cents("price", price)));
    if let Some(zone) = &new.time_zone {
        keep(&mut problems, time::parse_zone("time_zone", zone));
    }
    let key_dates = key_dates(&new.key_dates, &mut problems);
    // Who brings no zone probably lives where the property is.
    let region = state.clone().flatten().map(|state| format!("US-{state}"));
    let parties = parties(&new.parties, region.as_deref(), &mut problems);
    let owner_email =
        new.owner_email.as_deref().map(|email| keep(&mut problems, text::email("owner_email", email)));
    match (title, address, side, financing) {
        (Some(title), Some(address), Some(side), Some(financing)) if problems.is_empty() => Ok(Checked {
            title,
            address,
            side,
            financing,
            state: state.flatten(),
            price_cents: price.flatten(),
            time_zone: new.time_zone.clone(),
            key_dates,
            parties,
            template: new.template.clone().unwrap_or_else(|| "residential".into()),
            owner_email: owner_email.flatten(),
            activate: new.activate,
        }),
        _ => Err(problems),
    }
}

fn keep<T>(problems: &mut Vec<Problem>, result: Result<T, Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

/// One of an enum's words.
pub fn word<T: FromStr<Err = String>>(field: &str, text: &str) -> Result<T, Problem> {
    text.trim().parse().map_err(|known| {
        let shown: String = text.chars().take(40).collect();
        Problem::new(field, format!("\"{shown}\" is not known; it {known}"))
    })
}

fn state(field: &str, text: &str) -> Result<String, Problem> {
    let state = text.trim().to_ascii_uppercase();
    if STATES.contains(&state.as_str()) {
        return Ok(state);
    }
    let shown: String = text.chars().take(20).collect();
    Err(Problem::new(field, format!("\"{shown}\" is no US state. Write its two letters, such as IL.")))
}

pub(crate) fn cents(field: &str, dollars: f64) -> Result<i64, Problem> {
    let cents = (dollars * 100.0).round();
    if !(0.0..=MAX_PRICE).contains(&dollars) {
        return Err(Problem::new(field, "must be between 0 and 100,000,000,000 US dollars."));
    }
    if (dollars * 100.0 - cents).abs() > 1e-3 {
        return Err(Problem::new(field, "has fractions of a cent."));
    }
    // In range by the check above.
    Ok(cents as i64)
}

fn key_dates(texts: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> KeyDates {
    let dates: KeyDates = texts
        .iter()
        .filter_map(|(name, text)| {
            Some((name.clone(), keep(problems, time::parse_date(&key_date_field(name), text))?))
        })
        .collect();
    // A date that cannot be read is not also missing.
    let given = |field: &str| texts.keys().any(|name| key_date_field(name) == field);
    let wrong = check_key_dates(&dates).into_iter();
    problems.extend(wrong.filter(|p| !(p.sentence.starts_with("is missing") && given(&p.field))));
    dates
}

/// The dates of a change; an empty text or `null` takes an optional one away.
pub fn date_changes(
    texts: &BTreeMap<String, Option<String>>,
) -> Result<BTreeMap<String, Option<Date>>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut changes = BTreeMap::new();
    for (name, text) in texts {
        let date = match text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => match time::parse_date(&key_date_field(name), text) {
                Ok(date) => Some(date),
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            },
        };
        changes.insert(name.clone(), date);
    }
    if problems.is_empty() { Ok(changes) } else { Err(problems) }
}

fn parties(new: &[NewParty], region: Option<&str>, problems: &mut Vec<Problem>) -> Vec<(PartyRole, Person)> {
    if new.len() > MAX_PARTIES {
        problems.push(Problem::new("parties", format!("must be at most {MAX_PARTIES}; there are {}.", new.len())));
        return Vec::new();
    }
    let mut parties = Vec::new();
    for (i, party) in new.iter().enumerate() {
        let field = format!("parties[{i}]");
        let role = keep(problems, word(&format!("{field}.role"), &party.role));
        let person = check_person(&field, &person(party, region), problems);
        parties.extend(role.map(|role| (role, person)));
    }
    parties
}

fn person(party: &NewParty, region: Option<&str>) -> Person {
    Person {
        name: party.name.clone(),
        email: party.email.clone(),
        phone: party.phone.clone(),
        region: if party.time_zone.is_none() { region.map(str::to_owned) } else { None },
        time_zone: party.time_zone.clone(),
    }
}

/// Reads one more party of a deal in a state.
pub fn party(new: &NewParty, state: Option<&str>) -> Result<(PartyRole, Person), Vec<Problem>> {
    let mut problems = Vec::new();
    let region = state.map(|state| format!("US-{state}"));
    let role = keep(&mut problems, word("role", &new.role));
    let person = check_person("", &person(new, region.as_deref()), &mut problems);
    match role {
        Some(role) if problems.is_empty() => Ok((role, person)),
        _ => Err(problems),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_that_cannot_be_read_does_not_hide_one_that_is_missing() {
        let texts = BTreeMap::from([("contract_date".to_owned(), "2026-13-01".to_owned())]);
        let new = NewDeal { key_dates: texts, ..NewDeal::default() };
        let problems = check(&new).unwrap_err();
        let of = |name: &str| problems.iter().filter(|p| p.field == format!("key_dates.{name}")).count();
        assert_eq!((of("contract_date"), of("closing_date")), (1, 1), "{problems:?}");
    }
}
