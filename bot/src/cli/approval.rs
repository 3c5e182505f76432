//! `milepost approval`: what waits for a yes. Deciding is for members: name one with `--as`.

use clap::{Args, Subcommand};
use domain::deals::followup::review::{Decide, decide};
use domain::deals::followup::sheet;
use domain::kernel::id::{ApprovalId, MemberId};
use domain::workspace::approval::ops::{self, ListApprovals};
use domain::workspace::approval::{ApprovalState, Choice};
use jiff::Timestamp;
use serde_json::json;

use super::deal::Page;
use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Approval {
    /// List approvals, the longest waiting first; without --state those that are pending
    List(List),
    /// Show an approval: exactly what would leave and to whom, what was found, its votes, whom it waits for
    Show {
        #[arg(value_parser = read::id::<ApprovalId>)]
        id: ApprovalId,
    },
    /// Say yes or no as the member named with --as
    Vote(Vote),
}

#[derive(Args)]
pub struct List {
    /// pending, approved, rejected, changes_requested, expired, superseded or withdrawn; repeatable
    #[arg(long, value_delimiter = ',', value_parser = read::word::<ApprovalState>)]
    state: Vec<ApprovalState>,
    /// Only those that wait for the member named with --as
    #[arg(long)]
    mine: bool,
    #[command(flatten)]
    page: Page,
}

#[derive(Args)]
pub struct Vote {
    #[arg(value_parser = read::id::<ApprovalId>)]
    id: ApprovalId,
    /// approve, request-changes, reject or abstain
    #[arg(long, value_parser = choice)]
    choice: Choice,
    /// What would have to change, or why not; needed to request changes and to reject
    #[arg(long)]
    reason: Option<String>,
    /// Why words that state what does not stand in the deal may go out all the same
    #[arg(long, value_name = "REASON")]
    despite: Option<String>,
    /// With a yes: not before this instant, within 7 days, such as 2026-12-04T15:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = read::instant)]
    send_at: Option<Timestamp>,
}

fn choice(text: &str) -> Result<Choice, String> {
    text.replace('-', "_").parse().map_err(|_| "it must be approve, request-changes, reject or abstain.".into())
}

pub fn run(common: &Common, cmd: Approval) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Approval::List(cmd) => list(&desk, common, &cmd),
        Approval::Show { id } => {
            let sheet = desk.read(|cx| sheet::approval(cx, id))?;
            Ok(Answer::new(says::approval::sheet(&sheet), &sheet))
        }
        Approval::Vote(cmd) => {
            let cast = Decide {
                approval_id: cmd.id,
                choice: cmd.choice,
                feedback: cmd.reason,
                despite: cmd.despite,
                send_at: cmd.send_at,
                etag: None,
            };
            let done = desk.write(|cx| decide(cx, &cast))?;
            let text = says::approval::decided(&done.value);
            Ok(Answer::new(text, Written::<()>::beside(done.receipt, &done.value)))
        }
    };
    answer.map(Some)
}

fn list(desk: &Desk, common: &Common, cmd: &List) -> Result<Answer, Stop> {
    if cmd.mine && common.acting.is_none() {
        return Err(Stop::Usage("--mine needs the member: name one with --as EMAIL.".into()));
    }
    let me = desk.who.actor.id.map(MemberId).filter(|_| cmd.mine);
    let wanted = ListApprovals { state: cmd.state.clone(), waiting_for: me, subject: None, ask: cmd.page.ask() };
    let page = desk.read(|cx| ops::list(cx, &wanted))?;
    let mut json = json!({ "approvals": page.items });
    if let Some(cursor) = &page.next_cursor {
        json["next_cursor"] = cursor.as_str().into();
    }
    Ok(Answer::new(says::approval::list(&page.items, page.next_cursor.as_deref()), json))
}
