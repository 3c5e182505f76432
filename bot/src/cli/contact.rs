//! `milepost contact`: people outside the team, and how they stand with us.

use clap::{Args, Subcommand};
use domain::kernel::id::ContactId;
use domain::kernel::{Cx, No, Refusal};
use domain::people::contact::standing::Via;
use domain::people::contact::standing::ops::{self, OptOut, SetConsent};
use domain::people::contact::view::{self, ContactView};
use domain::people::reach::Channel;
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Contact {
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
        Contact::OptOut { who, via, why } => told(&desk, "opted out", |cx| {
            let contact_id = named(cx, &who.who)?;
            ops::opt_out(cx, &OptOut { contact_id, via, why: why.clone() })
        })?,
        Contact::Consent { who, channel, evidence, withdraw } => told(&desk, "recorded", |cx| {
            let contact_id = named(cx, &who.who)?;
            ops::set_consent(cx, &SetConsent { contact_id, channel, given: !withdraw, evidence: evidence.clone() })
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
fn named(cx: &mut Cx<'_>, who: &str) -> Result<ContactId, No> {
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
