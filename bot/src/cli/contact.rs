//! `milepost contact`: people outside the team, and how they stand with us.

use clap::{Args, Subcommand};
use domain::deals::deal::parties;
use domain::kernel::id::ContactId;
use domain::kernel::{Cx, No, Refusal};
use domain::people::contact::ops::EditContact;
use domain::people::contact::standing::Via;
use domain::people::contact::standing::ops::{self, OptOut, SetConsent};
use domain::people::contact::view::{self, ContactView, ListContacts};
use domain::people::reach::Channel;
use serde_json::{Value, json};

use super::deal::Page;
use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Contact {
    /// List contacts by name
    List(List),
    /// Mend a name, an address or a number. What waits for an old address is taken back and comes to the new one
    Edit(Edit),
    /// Show who it is, what they agreed to, and whether they want to hear from us
    Show(Who),
    /// Record that they want nothing any more; only they can undo it
    OptOut {
        #[command(flatten)]
        who: Who,
        /// How they said so: phone, in_person, email, sms, discord, letter or link
        #[arg(long, value_parser = read::word::<Via>)]
        via: Via,
        /// What they said
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Record a consent to a channel, or its end
    Consent {
        #[command(flatten)]
        who: Who,
        /// email, sms or discord
        #[arg(long, value_parser = read::word::<Channel>)]
        channel: Channel,
        /// What shows it, such as a signed form and its date
        #[arg(long, required_unless_present = "withdraw", default_value = "", hide_default_value = true)]
        evidence: String,
        /// They agree no longer
        #[arg(long)]
        withdraw: bool,
    },
    /// Lead the conversation in person: no rule writes to them until it is handed back
    TakeOver(Who),
    /// Hand the conversation back to the rules
    Release(Who),
}

#[derive(Args)]
pub struct Who {
    /// The contact's id, e-mail address or telephone number
    who: String,
}

#[derive(Args)]
pub struct List {
    /// Part of the name, the e-mail address or the telephone number
    #[arg(long)]
    text: Option<String>,
    /// Only those who opted out: yes; only those who did not: no
    #[arg(long, value_name = "YES|NO", value_parser = read::yes_or_no)]
    opted_out: Option<bool>,
    #[command(flatten)]
    page: Page,
}

#[derive(Args)]
pub struct Edit {
    #[command(flatten)]
    who: Who,
    #[arg(long)]
    name: Option<String>,
    /// An empty one takes the address away
    #[arg(long)]
    email: Option<String>,
    /// An empty one takes the number away
    #[arg(long)]
    phone: Option<String>,
    /// IANA time zone, such as America/Chicago
    #[arg(long)]
    zone: Option<String>,
    /// A US state such as US-IL, or a country's two letters
    #[arg(long)]
    region: Option<String>,
    /// Refuse when the contact is no longer at this version
    #[arg(long = "if-version", value_name = "N")]
    version: Option<i64>,
}

pub fn run(common: &Common, cmd: Contact) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Contact::Show(who) => {
            let found = desk.read(|cx| {
                let id = named(cx, &who.who)?;
                view::get(cx, id)
            })?;
            Answer::new(says::contact::show(&found), found)
        }
        Contact::List(cmd) => {
            let wanted = ListContacts { text: cmd.text, opted_out: cmd.opted_out, ask: cmd.page.ask() };
            let page = desk.read(|cx| view::list(cx, &wanted))?;
            let mut json = json!({ "contacts": page.items });
            if let Some(cursor) = &page.next_cursor {
                json["next_cursor"] = cursor.as_str().into();
            }
            Answer::new(says::contact::list(&page.items, page.next_cursor.as_deref()), json)
        }
        Contact::Edit(cmd) => told(&desk, "changed", |cx| {
            let edit = EditContact {
                version: cmd.version,
                name: cmd.name.clone(),
                email: cmd.email.clone(),
                phone: cmd.phone.clone(),
                time_zone: cmd.zone.clone(),
                region: cmd.region.clone(),
                ..EditContact::of(named(cx, &cmd.who.who)?)
            };
            parties::edit_contact(cx, &edit)
        })?,
        Contact::OptOut { who, via, why } => told(&desk, "opted out", |cx| {
            let contact_id = named(cx, &who.who)?;
            ops::opt_out(cx, &OptOut { contact_id, via, why: why.clone() })
        })?,
        Contact::Consent { who, channel, evidence, withdraw } => told(&desk, "recorded", |cx| {
            let contact_id = named(cx, &who.who)?;
            parties::set_consent(
                cx,
                &SetConsent { contact_id, channel, given: !withdraw, evidence: evidence.clone() },
            )
        })?,
        Contact::TakeOver(who) => told(&desk, "taken over", |cx| {
            let id = named(cx, &who.who)?;
            ops::take_over(cx, id)
        })?,
        Contact::Release(who) => told(&desk, "handed back", |cx| {
            let id = named(cx, &who.who)?;
            ops::release(cx, id)
        })?,
    };
    Ok(Some(answer))
}

fn told(desk: &Desk, what: &str, f: impl FnMut(&mut Cx<'_>) -> Result<ContactView, No>) -> Result<Answer, Stop> {
    let done = desk.write(f)?;
    let text = says::contact::changed(&done.value, what, done.receipt.is_some());
    Ok(Answer::new(text, Written::<Value>::beside(done.receipt, json!(done.value))))
}

/// An id as it is written.
pub fn contact_id(text: &str) -> Option<ContactId> {
    text.trim().parse().ok()
}

/// The contact that somebody means. Several with one number are told apart by their ids.
pub fn named(cx: &mut Cx<'_>, who: &str) -> Result<ContactId, No> {
    if let Some(id) = contact_id(who) {
        return Ok(id);
    }
    let found = view::find(cx, who)?;
    match found.as_slice() {
        [] => Err(Refusal::not_found("contact").into()),
        [only] => Ok(only.id),
        several => Err(says::contact::several(several).into()),
    }
}
