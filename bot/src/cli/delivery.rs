//! `milepost delivery`: what was sent, what was not, and what a person does about it.

use clap::{Args, Subcommand};
use domain::delivery::outbox::view::{self, ListDeliveries};
use domain::delivery::outbox::{Resolution, ops};
use domain::delivery::{Status, gone};
use domain::kernel::id::{ContactId, DealId, GoneAddressId, MessageId};
use domain::people::reach::{Channel, Topic};
use domain::workspace::member;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::deal::Page;
use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, read};
use crate::says;

#[derive(Subcommand)]
pub enum Delivery {
    /// List messages, newest first
    List(List),
    /// Show a message with its attempts and what the policy said
    Show(Of),
    /// Take back a message that has not left
    Cancel {
        #[command(flatten)]
        of: Of,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Try one again that failed, died, expired or was refused for its address
    Replay(Of),
    /// Say what became of one that may or may not have arrived
    Resolve(Resolve),
    /// Give a message that waits another time
    Reschedule {
        #[command(flatten)]
        of: Of,
        /// When, such as 2026-12-04T15:00:00Z
        #[arg(long, value_name = "INSTANT", value_parser = read::instant)]
        at: Timestamp,
    },
    /// Say that a message came back, as its bounce in the mailbox tells
    Bounced(Bounced),
    /// List the addresses that take nothing any more
    Gone {
        #[command(flatten)]
        page: Page,
    },
    /// Let messages leave for such an address again
    Reopen {
        /// The address, as delivery gone names it
        #[arg(value_name = "ID", value_parser = read::id::<GoneAddressId>)]
        id: GoneAddressId,
    },
    /// Let nothing leave the workspace until somebody resumes
    Hold {
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Let messages leave again
    Resume,
}

#[derive(Args)]
pub struct Of {
    /// The message
    #[arg(value_name = "MESSAGE", value_parser = read::id::<MessageId>)]
    id: MessageId,
}

#[derive(Args)]
pub struct Resolve {
    #[command(flatten)]
    of: Of,
    /// It arrived
    #[arg(long, required_unless_present = "send_again", conflicts_with = "send_again")]
    as_sent: bool,
    /// It did not arrive; send it again
    #[arg(long)]
    send_again: bool,
}

#[derive(Args)]
pub struct Bounced {
    #[command(flatten)]
    of: Of,
    /// What the bounce says, such as "550 5.1.1 no such user"
    #[arg(long)]
    reason: String,
    /// The address itself is good, such as when a mailbox was full
    #[arg(long)]
    only_this: bool,
}

#[derive(Args)]
pub struct List {
    /// Such as failed, dead, unknown or queued; repeatable [default: all]
    #[arg(long, value_delimiter = ',', value_parser = read::word::<Status>)]
    status: Vec<Status>,
    /// Only about this deal
    #[arg(long, value_name = "DEAL", value_parser = read::id::<DealId>)]
    deal: Option<DealId>,
    /// Only to this contact
    #[arg(long, value_name = "CONTACT", value_parser = read::id::<ContactId>)]
    contact: Option<ContactId>,
    /// Only to this member
    #[arg(long, value_name = "EMAIL")]
    member: Option<String>,
    /// discord, email, sms, webhook, in_app or console
    #[arg(long, value_parser = read::word::<Channel>)]
    channel: Option<Channel>,
    /// What it is about, such as reminder or follow_up
    #[arg(long, value_parser = read::word::<Topic>)]
    topic: Option<Topic>,
    #[command(flatten)]
    page: Page,
}

pub fn run(common: &Common, cmd: Delivery) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Delivery::List(cmd) => list(&desk, cmd)?,
        Delivery::Show(Of { id }) => {
            let detail = desk.read(|cx| view::detail(cx, id))?;
            Answer::new(says::delivery::detail(&detail, &names(&desk)), json!(detail))
        }
        Delivery::Cancel { of, reason } => {
            told(&desk, desk.write(|cx| ops::cancel(cx, of.id, reason.as_deref()))?)
        }
        Delivery::Replay(of) => told(&desk, desk.write(|cx| ops::replay(cx, of.id))?),
        Delivery::Resolve(cmd) => {
            let how = if cmd.as_sent { Resolution::Sent } else { Resolution::SendAgain };
            told(&desk, desk.write(|cx| ops::resolve(cx, cmd.of.id, how))?)
        }
        Delivery::Reschedule { of, at } => told(&desk, desk.write(|cx| ops::reschedule(cx, of.id, at))?),
        Delivery::Bounced(cmd) => {
            told(&desk, desk.write(|cx| ops::bounced(cx, cmd.of.id, &cmd.reason, cmd.only_this))?)
        }
        Delivery::Gone { page } => {
            let page = desk.read(|cx| gone::ops::list(cx, &page.ask()))?;
            let text = says::delivery::gone(&page.items, page.next_cursor.as_deref());
            Answer::new(text, json!({ "addresses": page.items, "next_cursor": page.next_cursor }))
        }
        Delivery::Reopen { id } => {
            let done = desk.write(|cx| gone::ops::reopen(cx, id))?;
            let text = says::delivery::reopened(&done.value);
            Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "address": done.value })))
        }
        Delivery::Hold { reason } => held(desk.write(|cx| ops::hold(cx, &reason))?),
        Delivery::Resume => held(desk.write(ops::resume)?),
    };
    Ok(Some(answer))
}

fn list(desk: &Desk, cmd: List) -> Result<Answer, super::Stop> {
    let member_id = cmd.member.as_deref().map(|email| desk.member(email)).transpose()?.map(|m| m.id);
    let wanted = ListDeliveries {
        status: cmd.status,
        deal_id: cmd.deal,
        contact_id: cmd.contact,
        member_id,
        channel: cmd.channel,
        topic: cmd.topic,
    };
    let ask = cmd.page.ask();
    let (page, dispatch) = desk.read(|cx| Ok((view::list(cx, &wanted, &ask)?, ops::dispatch(cx)?)))?;
    let text = says::delivery::list(&page.items, page.next_cursor.as_deref(), &dispatch, &names(desk));
    let json = json!({ "deliveries": page.items, "next_cursor": page.next_cursor, "dispatch": dispatch });
    Ok(Answer::new(text, json))
}

/// The members by name. Who may not read them sees what kind of recipient it is.
fn names(desk: &Desk) -> says::delivery::Names {
    let members = desk.read(member::ops::list).unwrap_or_default();
    members.into_iter().map(|member| (member.id, member.name)).collect()
}

fn told(desk: &Desk, done: Written<view::Delivery>) -> Answer {
    let text = says::delivery::changed(&done.value, &names(desk));
    Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "delivery": done.value })))
}

fn held(done: Written<ops::Dispatch>) -> Answer {
    let text = says::delivery::dispatch(&done.value);
    Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "dispatch": done.value })))
}
