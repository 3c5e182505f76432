//! `milepost draft`: letters that wait for somebody's yes.

use clap::{Args, Subcommand};
use domain::assist::draft::DraftState;
use domain::deals::followup::ops::{self, Answer as Words, ListDrafts, accept, begin};
use domain::deals::followup::propose::{EditDraft, ProposeDraft, edit, propose, withdraw};
use domain::deals::followup::sheet;
use domain::deals::followup::view::DraftView;
use domain::kernel::id::{ContactId, DealId, DraftId};
use jiff::Timestamp;
use serde_json::json;

use super::deal::{Once, Page};
use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Draft {
    /// List drafts, the newest first; without --state those that are not settled
    List(List),
    /// Show a draft: its words, who gets it, what was found in it, what became of it
    Show {
        #[arg(value_parser = read::id::<DraftId>)]
        id: DraftId,
    },
    /// Show what each recipient would get, and what the policy would say of it
    Preview {
        #[arg(value_parser = read::id::<DraftId>)]
        id: DraftId,
        /// As if it were to leave then, such as 2026-12-04T15:00:00Z
        #[arg(long, value_name = "INSTANT", value_parser = read::instant)]
        at: Option<Timestamp>,
    },
    /// Change its words; that is a new version, which is approved anew
    Edit(Edit),
    /// Put a letter to a party of a deal up for approval
    Propose(Propose),
    /// Take back a draft that nobody has decided about
    Withdraw {
        #[arg(value_parser = read::id::<DraftId>)]
        id: DraftId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Write the drafts that wait, now and with the templates; a running server does so by itself
    Write,
}

#[derive(Args)]
pub struct List {
    /// Only this deal's
    #[arg(long, value_name = "DEAL", value_parser = read::id::<DealId>)]
    deal: Option<DealId>,
    /// waiting, writing, blocked, in_review, approved, rejected, expired or withdrawn; repeatable
    #[arg(long, value_delimiter = ',', value_parser = read::word::<DraftState>)]
    state: Vec<DraftState>,
    #[command(flatten)]
    page: Page,
}

#[derive(Args)]
pub struct Edit {
    #[arg(value_parser = read::id::<DraftId>)]
    id: DraftId,
    /// Refuse when its words are no longer this version
    #[arg(long = "if-version", value_name = "N")]
    version: Option<i32>,
    #[arg(long)]
    subject: Option<String>,
    /// Plain text without greeting and signature
    #[arg(long)]
    body: Option<String>,
    #[command(flatten)]
    once: Once,
}

#[derive(Args)]
pub struct Propose {
    /// The deal
    #[arg(value_parser = read::id::<DealId>)]
    deal: DealId,
    /// Everybody with this role on the deal, such as buyer or lender
    #[arg(long, required_unless_present = "contact", conflicts_with = "contact")]
    role: Option<String>,
    /// One party of the deal
    #[arg(long, value_parser = read::id::<ContactId>)]
    contact: Option<ContactId>,
    #[arg(long)]
    subject: String,
    /// Plain text without greeting and signature
    #[arg(long)]
    body: String,
    /// Not before this instant, within 7 days, such as 2026-12-04T15:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = read::instant)]
    send_at: Option<Timestamp>,
    #[command(flatten)]
    once: Once,
}

pub fn run(common: &Common, cmd: Draft) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Draft::List(cmd) => list(&desk, &cmd),
        Draft::Show { id } => {
            let detail = desk.read(|cx| ops::get(cx, id))?;
            Ok(Answer::new(says::draft::detail(&detail), &detail))
        }
        Draft::Preview { id, at } => {
            let preview = desk.read(|cx| sheet::preview(cx, id, at))?;
            Ok(Answer::new(says::draft::preview(&preview), &preview))
        }
        Draft::Edit(cmd) => {
            let change = EditDraft { id: cmd.id, version: cmd.version, subject: cmd.subject, body: cmd.body };
            let done = desk.write_once(cmd.once.key(), "draft edit", &change, |cx| edit(cx, &change))?;
            Ok(told(done))
        }
        Draft::Propose(cmd) => {
            let new = ProposeDraft {
                deal_id: cmd.deal,
                role: cmd.role,
                contact_id: cmd.contact,
                subject: cmd.subject,
                body: cmd.body,
                send_at: cmd.send_at,
            };
            let done = desk.write_once(cmd.once.key(), "draft propose", &new, |cx| propose(cx, &new))?;
            Ok(told(done))
        }
        Draft::Withdraw { id, reason } => Ok(told(desk.write(|cx| withdraw(cx, id, &reason))?)),
        Draft::Write => write(&desk),
    };
    answer.map(Some)
}

fn list(desk: &Desk, cmd: &List) -> Result<Answer, Stop> {
    let ask = cmd.page.ask();
    let wanted = ListDrafts { deal_id: cmd.deal, state: cmd.state.clone(), cursor: ask.cursor, limit: ask.limit };
    let page = desk.read(|cx| ops::list(cx, &wanted))?;
    let mut json = json!({ "drafts": page.items });
    if let Some(cursor) = &page.next_cursor {
        json["next_cursor"] = cursor.as_str().into();
    }
    Ok(Answer::new(says::draft::list(&page.items, page.next_cursor.as_deref()), json))
}

fn told(done: Written<DraftView>) -> Answer {
    let text = says::draft::changed(&done.value);
    Answer::new(text, Written::<DraftView>::beside(done.receipt, json!({ "draft": done.value })))
}

fn write(desk: &Desk) -> Result<Answer, Stop> {
    let mut written = Vec::new();
    while let Some(assignment) = desk.write(begin)?.value {
        let words = Words::Template { instead_of_model: None };
        written.extend(desk.write(|cx| accept(cx, &assignment, &words))?.value);
    }
    Ok(Answer::new(says::draft::written(&written), json!({ "drafts": written })))
}
