//! Forms: what stands in each, and what people write into it.

use std::collections::BTreeMap;

use domain::deals::deal::PartyRole;
use domain::deals::deal::intake::{self, NewDeal, NewParty};
use domain::delivery::card::VERSION;
use domain::kernel::{Problem, spoken};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::reply::{Field, Form, MOST_FIELD, Say, plain};
use super::says;

/// What a form was opened for. It comes back with the form: `mp:<version>:form:<what>:<id>:<etag>`, the version that of cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The side, the financing and the state of a new deal, such as `buyer.conventional.IL`.
    NewDeal(String),
    /// Why a milestone is waived, and as of which version of it.
    Waive(Uuid, String),
    /// What would have to change, why not, or the words themselves: of an approval.
    Changes(Uuid, String),
    Reject(Uuid, String),
    Edit(Uuid, String),
}

fn begins() -> String {
    format!("mp:{VERSION}:form:")
}

impl Purpose {
    pub fn id(&self) -> String {
        let begins = begins();
        let of = |what: &str, id: &Uuid, etag: &str| format!("{begins}{what}:{}:{etag}", id.simple());
        match self {
            Self::NewDeal(known) => format!("{begins}deal::{known}"),
            Self::Waive(id, etag) => of("waive", id, etag),
            Self::Changes(id, etag) => of("changes", id, etag),
            Self::Reject(id, etag) => of("reject", id, etag),
            Self::Edit(id, etag) => of("edit", id, etag),
        }
    }

    /// `None` for what another version of the product opened, and for what is none of ours.
    pub fn read(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix(&begins())?.splitn(3, ':');
        let (what, id, rest) = (parts.next()?, parts.next()?, parts.next()?.to_owned());
        let id = || Uuid::try_parse(id).ok();
        Some(match what {
            "deal" => Self::NewDeal(rest),
            "waive" => Self::Waive(id()?, rest),
            "changes" => Self::Changes(id()?, rest),
            "reject" => Self::Reject(id()?, rest),
            "edit" => Self::Edit(id()?, rest),
            _ => return None,
        })
    }
}

/// A new deal as somebody typed it. Kept until it is right, so that nobody types it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedDeal {
    /// Side, financing and state, as chosen with the command.
    pub known: String,
    pub title: String,
    pub address: String,
    pub contract: String,
    pub closing: String,
    pub more: String,
}

/// What was made of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadDeal {
    pub new: NewDeal,
    /// Other days that were perhaps meant, by key date.
    pub also: BTreeMap<String, Date>,
}

impl TypedDeal {
    pub fn of(known: &str, fields: &BTreeMap<String, String>) -> Self {
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        Self {
            known: known.to_owned(),
            title: field("title"),
            address: field("address"),
            contract: field("contract"),
            closing: field("closing"),
            more: field("more"),
        }
    }

    pub fn form(&self) -> Form {
        Form {
            id: Purpose::NewDeal(self.known.clone()).id(),
            title: "A new deal".into(),
            fields: vec![
                Field::line("title", "What the team calls it", 200)
                    .hint("12 Oak Street - Smith")
                    .filled(&self.title),
                Field::line("address", "Address", 300)
                    .hint("12 Oak Street, Chicago, IL 60601")
                    .filled(&self.address),
                Field::line("contract", "Contract date", spoken::MOST)
                    .hint("nov 3, yesterday, 2026-11-03")
                    .filled(&self.contract),
                Field::line("closing", "Closing date", spoken::MOST)
                    .hint("dec 12, in 6 weeks")
                    .filled(&self.closing),
                Field::prose("more", "Other dates and people, each on a line", MOST_FIELD)
                    .hint("inspection: nov 13\nbuyer: Ann Lee, ann@example.com, 312 555 0100")
                    .filled(&self.more)
                    .optional(),
            ],
        }
    }

    /// What was typed as a deal, its dates read as of `today`, and every problem at once.
    pub fn read(&self, today: Date) -> Result<ReadDeal, Vec<Problem>> {
        let (mut problems, mut also) = (Vec::new(), BTreeMap::new());
        let mut known = self.known.split('.');
        let mut word = || known.next().unwrap_or_default().to_owned();
        let (side, financing, state) = (word(), word(), word());
        let mut new = NewDeal {
            title: self.title.clone(),
            address: self.address.clone(),
            side,
            financing,
            state: Some(state).filter(|state| !state.is_empty()),
            activate: true,
            ..NewDeal::default()
        };
        let mut date = |name: &str, field: &str, text: &str, problems: &mut Vec<Problem>| match intake::said(
            name, field, text, today,
        ) {
            Ok(read) => {
                new.key_dates.insert(name.to_owned(), read.date.to_string());
                also.insert(name.to_owned(), read.also);
            }
            Err(problem) => problems.push(problem),
        };
        date("contract_date", "contract date", &self.contract, &mut problems);
        date("closing_date", "closing date", &self.closing, &mut problems);
        for line in self.more.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let Some((name, rest)) = line.split_once(':') else {
                let shown: String = line.chars().take(60).collect();
                problems.push(Problem::new(
                    shown,
                    "has no colon. Write such as inspection: nov 13, or buyer: Ann Lee.",
                ));
                continue;
            };
            let word = name.trim().to_lowercase().replace("'s", "").replace("\u{2019}s", "").replace(' ', "_");
            match word.parse::<PartyRole>() {
                Ok(role) => new.parties.push(person(role, rest)),
                Err(_) => date(&key_date(&word), name.trim(), rest.trim(), &mut problems),
            }
        }
        let also = also.into_iter().filter_map(|(name, also)| Some((name, also?))).collect();
        if problems.is_empty() { Ok(ReadDeal { new, also }) } else { Err(problems) }
    }
}

/// "inspection" as people say it, and any other name as it is.
fn key_date(word: &str) -> String {
    match word {
        "inspection" => "inspection_deadline".into(),
        "appraisal" | "financing" => format!("{word}_contingency_deadline"),
        "contract" | "closing" => format!("{word}_date"),
        other => other.to_owned(),
    }
}

/// "Ann Lee, ann@example.com, 312 555 0100": what holds an @ is an address, what has digits a number.
fn person(role: PartyRole, text: &str) -> NewParty {
    let mut party = NewParty { role: role.to_string(), ..NewParty::default() };
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        if part.contains('@') {
            party.email = Some(part.to_owned());
        } else if part.bytes().filter(u8::is_ascii_digit).count() >= 7 {
            party.phone = Some(part.to_owned());
        } else if party.name.is_empty() {
            party.name = part.to_owned();
        } else {
            party.name = format!("{}, {part}", party.name);
        }
    }
    party
}

/// Asks for a sentence or two.
pub fn why(purpose: &Purpose, title: &str, label: &'static str, needed: bool) -> Form {
    let field = Field::prose("why", label, 1_000);
    let field = if needed { field } else { field.optional() };
    Form { id: purpose.id(), title: title.into(), fields: vec![field] }
}

/// A letter's words, to be changed.
pub fn words(purpose: &Purpose, subject: &str, body: &str) -> Form {
    Form {
        id: purpose.id(),
        title: "Change the words".into(),
        fields: vec![
            Field::line("subject", "Subject", 200).filled(subject),
            Field::prose("body", "Text; the signature follows by itself", MOST_FIELD).filled(body),
        ],
    }
}

/// What fits into an answer so that it can be read there; more than that goes along as a file.
const SHORT: usize = 1_000;

/// The answer to a form that could be neither taken nor kept: what somebody typed goes back to them.
pub fn given_back(answer: Say, fields: &BTreeMap<String, String>) -> Say {
    let mut typed: Vec<(&String, &String)> = fields.iter().filter(|(_, text)| !text.trim().is_empty()).collect();
    typed.sort_by_key(|(_, text)| text.len());
    let whole = match typed.as_slice() {
        [] => return answer,
        [(_, text)] => (*text).clone(),
        many => many.iter().map(|(name, text)| format!("{name}: {text}")).collect::<Vec<_>>().join("\n\n"),
    };
    let text = format!("{}\n{}", answer.text, says::GIVEN_BACK);
    let answer = Say { text, private: true, frame: None, file: None, ..answer };
    match whole.chars().count() {
        0..=SHORT => answer.framed(plain(&whole)),
        _ => answer.file("what-you-typed.txt", whole.into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use domain::delivery::card::{Action, Press};

    use super::*;

    #[test]
    fn a_form_knows_what_it_was_opened_for() {
        let id = Uuid::from_u128(7);
        for purpose in [
            Purpose::NewDeal("buyer.conventional.IL".into()),
            Purpose::Waive(id, "3".into()),
            Purpose::Changes(id, "3fa9b2c1.0".into()),
            Purpose::Reject(id, String::new()),
            Purpose::Edit(id, "3fa9b2c1.1".into()),
        ] {
            let text = purpose.id();
            assert!(text.len() <= 100, "{text}");
            assert_eq!(Purpose::read(&text), Some(purpose));
        }
        let (ours, old) = (begins(), "mp:0:form:deal::x".to_owned());
        for text in [String::new(), ours.clone(), format!("{ours}burn:1:2"), old, format!("{ours}waive:x:1")] {
            assert_eq!(Purpose::read(&text), None, "{text}");
        }
        // What stands in buttons is no form, and is of the same version.
        let press = Press::new(Action::Done, id, 3).to_string();
        assert_eq!((Purpose::read(&press), press.split(":done").next()), (None, ours.strip_suffix(":form:")));
    }

    fn typed(more: &str) -> Result<ReadDeal, Vec<Problem>> {
        let typed = TypedDeal {
            known: "buyer.cash.".into(),
            title: "12 Oak".into(),
            address: "12 Oak Street".into(),
            contract: "2026-10-14".into(),
            closing: "dec 11".into(),
            more: more.into(),
        };
        typed.read("2026-10-14".parse().unwrap())
    }

    #[test]
    fn dates_and_people_are_read_as_they_are_typed() {
        let ReadDeal { new, .. } = typed(
            "Inspection: oct 24\n\nbuyer: Ann Lee, ann@example.com, +1 312 555 0100\nSeller's agent: Bo, Jr.",
        )
        .unwrap();
        assert_eq!(new.key_dates["closing_date"], "2026-12-11");
        assert_eq!(new.key_dates["inspection_deadline"], "2026-10-24");
        assert_eq!(new.state, None);
        assert_eq!(new.parties[0].email.as_deref(), Some("ann@example.com"));
        assert_eq!(new.parties[0].phone.as_deref(), Some("+1 312 555 0100"));
        assert_eq!(new.parties[0].name, "Ann Lee");
    }

    #[test]
    fn every_line_that_cannot_be_read_is_named() {
        let problems = typed("no colon\nwalkthrough: soon").unwrap_err();
        assert_eq!(problems.len(), 2, "{problems:?}");
    }
}
