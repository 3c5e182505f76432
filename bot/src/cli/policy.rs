//! `milepost policy`: what may be sent, and why.

use clap::{Args, Subcommand};
use domain::delivery::Purpose;
use domain::delivery::policy::ops::{self, PreviewPolicy};
use domain::kernel::id::{DecisionId, MessageId};
use domain::kernel::{Cx, No};
use domain::people::contact::view;
use domain::people::reach::{Channel, Topic};
use jiff::Timestamp;
use serde_json::json;

use super::contact::contact_id;
use super::{Answer, Common, Desk, Outcome, read};
use crate::says;

#[derive(Subcommand)]
pub enum Policy {
    /// Say whether something could be sent to somebody, when, and why; nothing is sent
    Preview(Preview),
    /// Show every decision about a message
    Decisions {
        #[arg(value_parser = read::id::<MessageId>)]
        message: MessageId,
    },
    /// Decide once more from what was stored with a decision, and compare
    Replay {
        #[arg(value_parser = read::id::<DecisionId>)]
        decision: DecisionId,
    },
}

#[derive(Args)]
pub struct Preview {
    /// The contact's id, e-mail address or telephone number; it need not be a contact yet
    who: String,
    /// email, sms or discord
    #[arg(long, value_parser = read::word::<Channel>)]
    channel: Channel,
    /// outreach or transactional
    #[arg(long, value_parser = read::word::<Purpose>)]
    purpose: Purpose,
    /// reminder, follow_up, checklist, message, ... [default: message]
    #[arg(long, value_parser = read::word::<Topic>)]
    topic: Option<Topic>,
    /// The words, when there are any yet
    #[arg(long)]
    text: Option<String>,
    /// When it would be sent, such as 2026-10-17T22:00:00-05:00 [default: now]
    #[arg(long, value_name = "INSTANT")]
    at: Option<Timestamp>,
}

pub fn run(common: &Common, cmd: &Policy) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Policy::Preview(cmd) => {
            let view = desk.read(|cx| {
                let asked = asked(cx, cmd)?;
                ops::preview(cx, &asked)
            })?;
            Answer::new(says::policy::preview(&view), view)
        }
        Policy::Decisions { message } => {
            let all = desk.read(|cx| ops::decisions_of(cx, *message))?;
            Answer::new(says::policy::decisions(&all), json!({ "decisions": all }))
        }
        Policy::Replay { decision } => {
            let replay = desk.read(|cx| ops::replay(cx, *decision))?;
            Answer::new(says::policy::replay(&replay), replay)
        }
    };
    Ok(Some(answer))
}

/// A contact that is known by the address is asked about as a whole, so that the channel finds its own address.
fn asked(cx: &mut Cx<'_>, cmd: &Preview) -> Result<PreviewPolicy, No> {
    let who = cmd.who.trim();
    let contact_id = match contact_id(who) {
        Some(id) => Some(id),
        None => match view::find(cx, who)?.as_slice() {
            [only] => Some(only.id),
            _ => None,
        },
    };
    let (email, phone) = match contact_id {
        Some(_) => (None, None),
        None if who.contains('@') => (Some(who.to_owned()), None),
        None => (None, Some(who.to_owned())),
    };
    let (channel, purpose, topic) = (cmd.channel, cmd.purpose, cmd.topic);
    Ok(PreviewPolicy { contact_id, email, phone, channel, purpose, topic, text: cmd.text.clone(), at: cmd.at })
}
