//! What reminders say. Facts in, words out.

use jiff::civil::Date;
use serde::Serialize;

use super::Kind;
use super::store::{DealFacts, MilestoneFacts};
use crate::deals::deal::PartyRole;
use crate::deals::deal::store::ByProgram;
use crate::deals::milestone::explain::long;
use crate::delivery::template::{Templates, Words, first_name};
use crate::kernel::Fault;
use crate::people::contact::Contact;
use crate::workspace::member::Member;

/// Everything that the templates of reminders, overdue notices and escalations may say.
#[derive(Serialize)]
struct Context {
    deal: String,
    deal_short: String,
    address: String,
    /// The first name of the recipient; empty in chat.
    name: String,
    /// Whether a party of the deal reads it.
    contact: bool,
    owner: String,
    items: Vec<Item>,
    /// Whether anything of it is still to be done.
    open: bool,
}

#[derive(Serialize)]
struct Item {
    title: String,
    short: String,
    /// "Friday 11 December 2026"
    due: String,
    /// "today", "tomorrow", or nothing.
    near: &'static str,
    /// "tomorrow, Friday 11 December"
    when: String,
    /// "Fri 11 Dec"
    brief: String,
    /// "the buyer (Ann Lee)"
    responsible: String,
    note: String,
    /// What stands in place of its line: on a card, what became of it.
    instead: String,
}

/// What is in a message, and who reads it.
pub struct Says<'a> {
    pub deal: &'a DealFacts,
    pub owner: Option<&'a Member>,
    pub parties: &'a [(PartyRole, Contact)],
    /// The full name of the recipient; `None` in chat.
    pub name: Option<&'a str>,
    pub contact: bool,
    /// Which of the deal's words a program wrote: contacts are not sent these.
    pub by_program: ByProgram,
    /// The day on which it is read, where the deal is.
    pub today: Date,
    pub items: Vec<Said<'a>>,
}

/// One milestone in a message.
pub struct Said<'a> {
    pub milestone: &'a MilestoneFacts,
    pub due_on: Date,
    pub member: Option<&'a Member>,
    pub note: Option<String>,
    /// What became of it since, where it is said in place of its date.
    pub instead: Option<String>,
    pub over: bool,
}

impl<'a> Said<'a> {
    pub fn of(
        milestone: &'a MilestoneFacts,
        due_on: Date,
        member: Option<&'a Member>,
        note: Option<String>,
    ) -> Self {
        Self { milestone, due_on, member, note, instead: None, over: false }
    }
}

pub fn message(templates: &Templates, kind: Kind, says: &Says<'_>) -> Result<Words, Fault> {
    let items = says.items.iter().map(|Said { milestone: m, due_on, member, note, instead, .. }| {
        let due_on = *due_on;
        let near = near(due_on, says.today);
        let day = due_on.strftime("%A %-d %B").to_string();
        Item {
            title: m.title.clone(),
            short: clip(&m.title, 30),
            due: long(due_on),
            near,
            when: if near.is_empty() { day } else { format!("{near}, {day}") },
            brief: due_on.strftime("%a %-d %b").to_string(),
            responsible: responsible(m, *member, says.parties),
            note: note.clone().unwrap_or_default(),
            instead: instead.clone().unwrap_or_default(),
        }
    });
    let (deal, address) = named(says);
    let context = Context {
        deal_short: clip(&deal, 30),
        deal,
        address,
        name: says.name.map(first_name).unwrap_or_default().to_owned(),
        contact: says.contact,
        owner: says.owner.map_or_else(|| "the team".to_owned(), |owner| owner.name.clone()),
        items: items.collect(),
        open: says.items.iter().any(|said| !said.over),
    };
    let name = match kind {
        Kind::Reminder | Kind::Snoozed => "reminder",
        Kind::Overdue => "overdue",
        Kind::Escalation(_) => "escalation",
    };
    templates.render(name, &context)
}

/// The deal's title and address as the reader may see them. In place of what a program wrote and nobody has confirmed a
/// contact reads a phrase of ours.
fn named(says: &Says<'_>) -> (String, String) {
    let ByProgram { title, address, .. } = if says.contact { says.by_program } else { ByProgram::default() };
    let place = if address { String::new() } else { says.deal.address.clone() };
    let name = match (title, address) {
        (false, _) => says.deal.title.clone(),
        (true, false) => place.clone(),
        (true, true) => "your real estate transaction".into(),
    };
    (name, place)
}

/// Tells a deal's owner that somebody was not reminded.
pub fn unreached(
    templates: &Templates,
    deal: &DealFacts,
    owner: &Member,
    who: &str,
    titles: &[String],
    why: &Why,
) -> Result<Words, Fault> {
    #[derive(Serialize)]
    struct Unreached<'a> {
        deal: &'a str,
        deal_short: String,
        name: String,
        who: &'a str,
        titles: &'a [String],
        why: String,
        next: String,
    }
    let context = Unreached {
        deal: &deal.title,
        deal_short: clip(&deal.title, 30),
        name: first_name(&owner.name).to_owned(),
        who,
        titles,
        why: why.sentence(who),
        next: why.next(who),
    };
    templates.render("unreached", &context)
}

/// The codes of what is sent after all once a member has confirmed the words.
pub const AGENT_WORDS: &str = "AGENT_WORDS";
pub const UNCONFIRMED: &str = "UNCONFIRMED";

/// Why a contact is not sent a reminder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    NoAddress,
    SwitchedOff,
    ByAgent,
    /// A program made the deal and said who is on it.
    Unconfirmed,
}

impl Why {
    /// The reason as it is recorded: a code, and a sentence.
    pub fn recorded(self, who: &str) -> String {
        let code = match self {
            Self::NoAddress => "BAD_ADDRESS",
            Self::SwitchedOff => "SWITCHED_OFF",
            Self::ByAgent => AGENT_WORDS,
            Self::Unconfirmed => UNCONFIRMED,
        };
        format!("{code}: {}", self.sentence(who))
    }

    fn sentence(self, who: &str) -> String {
        match self {
            Self::NoAddress => format!("{who} has no e-mail address here, and has not agreed to text messages."),
            Self::SwitchedOff => format!("{who} does not want reminders."),
            Self::ByAgent => "An agent wrote the title, and contacts are not sent words of an agent.".into(),
            Self::Unconfirmed => {
                "A program made this deal and said who is on it, and no member has confirmed it, so nobody is written to.".into()
            }
        }
    }

    fn next(self, who: &str) -> String {
        match self {
            Self::NoAddress => {
                format!(
                    "Add an e-mail address of {who} (milepost contact edit), or record the consent to text messages \
                     (milepost contact consent): then it is sent while its day is not over. Or call {who}."
                )
            }
            Self::SwitchedOff => format!("Call {who} if it matters."),
            Self::Unconfirmed => {
                format!("Look at the deal and its people, and confirm it if they are right, or call {who}.")
            }
            Self::ByAgent => format!("Read the title and set it yourself if {who} may read it, or call {who}."),
        }
    }
}

/// The note beside a milestone whose title an agent wrote, for the team.
pub fn by_agent(to_contacts: bool) -> String {
    let not = if to_contacts { ", so that the responsible party was not sent it" } else { "" };
    format!("An agent wrote this title{not}.")
}

/// Beside a milestone in an escalation: whose notice came before, and the day on which it left, where that is known.
pub fn told(notice: Option<(&str, Option<Date>)>) -> String {
    match notice {
        Some((who, Some(day))) => format!("{who} was told on {}.", long(day)),
        Some((who, None)) => format!("It is not known that the notice to {who} arrived."),
        None => "Nobody was told before.".into(),
    }
}

fn near(due_on: Date, today: Date) -> &'static str {
    if due_on == today {
        "today"
    } else if today.tomorrow().is_ok_and(|tomorrow| tomorrow == due_on) {
        "tomorrow"
    } else {
        ""
    }
}

fn responsible(m: &MilestoneFacts, member: Option<&Member>, parties: &[(PartyRole, Contact)]) -> String {
    if let Some(member) = member {
        return member.name.clone();
    }
    let Some(role) = m.responsible_role.role() else { return "everybody".into() };
    let spoken = match role {
        PartyRole::Title => "title company".to_owned(),
        PartyRole::Other => "other party".to_owned(),
        role => role.as_str().replace("_agent", "'s agent"),
    };
    let names: Vec<&str> = parties.iter().filter(|(of, _)| *of == role).map(|(_, c)| c.name.as_str()).collect();
    match names.as_slice() {
        [] => format!("the {spoken}"),
        names => format!("the {spoken} ({})", names.join(", ")),
    }
}

/// At most so many characters, cut at a word where there is one.
pub(super) fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most - 2).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{whole}..")
}
