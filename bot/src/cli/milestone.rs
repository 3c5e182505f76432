//! `milepost milestone`: the same verbs as every face.

use clap::{Args, Subcommand};
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{
    self, AddMilestone, CompleteMilestone, EditMilestone, ListMilestones, Outcome as Done, WaiveMilestone,
};
use domain::deals::milestone::view::MilestoneView;
use domain::deals::reminder::snooze::{SnoozeMilestone, snooze};
use domain::kernel::id::{DealId, MilestoneId};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::deal::{Once, Page};
use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Milestone {
    /// List milestones by date; without --deal those of all active deals
    List(List),
    /// Say why a milestone is due when it is
    Explain {
        #[arg(value_parser = read::id::<MilestoneId>)]
        id: MilestoneId,
    },
    /// Add a milestone of the team's own to a deal
    Add(Add),
    /// Change a milestone; a date that is set by hand is pinned
    Edit(Box<Edit>),
    /// Record that it is done
    Complete {
        #[command(flatten)]
        of: Of,
        /// What to remember of it
        #[arg(long)]
        note: Option<String>,
    },
    /// Remind the team of it again on another day
    Snooze {
        #[command(flatten)]
        of: Of,
        /// From today, 1 to 14
        #[arg(long, value_name = "N", default_value_t = 1)]
        days: i32,
    },
    /// Do without it; a required one needs a reason
    Waive(Why),
    /// Make a completed or waived one upcoming again
    Reopen(Why),
    /// Keep its date whatever happens to the key dates
    Pin {
        #[command(flatten)]
        why: Why,
        /// Another date to keep
        #[arg(long, value_name = "DATE")]
        on: Option<String>,
    },
    /// Let its rule decide its date again
    Unpin(Of),
    /// Take it away; it stays in the log
    Remove(Why),
}

#[derive(Args)]
pub struct Of {
    /// The milestone
    #[arg(value_parser = read::id::<MilestoneId>)]
    id: MilestoneId,
    /// Refuse when it is no longer at this version
    #[arg(long = "if-version", value_name = "N")]
    version: Option<i64>,
    #[command(flatten)]
    once: Once,
}

#[derive(Args)]
pub struct Why {
    #[command(flatten)]
    of: Of,
    /// Why
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Args)]
pub struct List {
    /// Only this deal's
    #[arg(long, value_name = "DEAL", value_parser = read::id::<DealId>)]
    deal: Option<DealId>,
    /// upcoming, scheduled, in_progress, completed, waived or overdue; repeatable [default: all]
    #[arg(long, value_delimiter = ',', value_parser = read::word::<MilestoneStatus>)]
    status: Vec<MilestoneStatus>,
    /// Due on this day or later
    #[arg(long, value_name = "DATE", value_parser = read::date)]
    due_from: Option<Date>,
    /// Due on this day or earlier
    #[arg(long, value_name = "DATE", value_parser = read::date)]
    due_to: Option<Date>,
    #[command(flatten)]
    page: Page,
}

#[derive(Args)]
pub struct Add {
    /// The deal
    #[arg(value_parser = read::id::<DealId>)]
    deal: DealId,
    #[arg(long)]
    title: String,
    /// YYYY-MM-DD in the deal's zone
    #[arg(long, value_name = "DATE")]
    due: String,
    /// Who answers for it, such as buyer or lender [default: all]
    #[arg(long, value_name = "ROLE")]
    responsible: Option<String>,
    /// Days before the due date [default: 2]
    #[arg(long, value_name = "DAYS")]
    remind: Option<i32>,
    /// It can be waived without a reason
    #[arg(long)]
    optional: bool,
    #[arg(long)]
    notes: Option<String>,
    #[command(flatten)]
    once: Once,
}

#[derive(Args)]
pub struct Edit {
    #[command(flatten)]
    why: Why,
    #[arg(long)]
    title: Option<String>,
    /// A date set by hand; it is pinned
    #[arg(long, value_name = "DATE")]
    due: Option<String>,
    /// How far the work is: upcoming, scheduled or in_progress
    #[arg(long)]
    status: Option<String>,
    /// Who answers for it, such as buyer or lender
    #[arg(long, value_name = "ROLE")]
    responsible: Option<String>,
    /// E-mail address of the member who answers for it; empty for none
    #[arg(long, value_name = "EMAIL")]
    member: Option<String>,
    /// Days before the due date
    #[arg(long, value_name = "DAYS", conflicts_with = "no_reminder")]
    remind: Option<i32>,
    /// Turn reminders off
    #[arg(long)]
    no_reminder: bool,
    #[arg(long)]
    notes: Option<String>,
    /// A link that shows it was done; repeatable, replaces those there are
    #[arg(long, value_name = "LINK")]
    evidence: Vec<String>,
}

pub fn run(common: &Common, cmd: Milestone) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Milestone::List(cmd) => list(&desk, &cmd),
        Milestone::Explain { id } => {
            let why = desk.read(|cx| ops::explain(cx, id))?;
            Ok(Answer::new(&*why.explanation, &why))
        }
        Milestone::Add(cmd) => add(&desk, cmd),
        Milestone::Edit(cmd) => edit(&desk, *cmd),
        Milestone::Complete { of, note } => {
            let cmd = CompleteMilestone { id: of.id, version: of.version, note };
            let done = desk.write_once(of.once.key(), "milestone complete", &cmd, |cx| ops::complete(cx, &cmd))?;
            Ok(told(&desk, done))
        }
        Milestone::Snooze { of, days } => {
            let cmd = SnoozeMilestone { id: of.id, version: of.version, days: Some(days) };
            let done = desk.write_once(of.once.key(), "milestone snooze", &cmd, |cx| snooze(cx, &cmd))?;
            let text = says::milestone::snoozed(&done.value);
            Ok(Answer::new(text, Written::<Value>::beside(done.receipt, json!(done.value))))
        }
        Milestone::Waive(Why { of, reason }) => {
            let cmd = WaiveMilestone { id: of.id, version: of.version, reason };
            let done = desk.write_once(of.once.key(), "milestone waive", &cmd, |cx| ops::waive(cx, &cmd))?;
            Ok(told(&desk, done))
        }
        Milestone::Reopen(Why { of, reason }) => {
            let change = EditMilestone { reopen: Some(true), reason, ..EditMilestone::of(of.id) };
            change_it(&desk, "milestone reopen", &of, change)
        }
        Milestone::Pin { why: Why { of, reason }, on } => {
            let pinned = Some(true).filter(|_| on.is_none());
            let change = EditMilestone { due_on: on, pinned, reason, ..EditMilestone::of(of.id) };
            change_it(&desk, "milestone pin", &of, change)
        }
        Milestone::Unpin(of) => {
            let change = EditMilestone { pinned: Some(false), ..EditMilestone::of(of.id) };
            change_it(&desk, "milestone unpin", &of, change)
        }
        Milestone::Remove(why) => remove(&desk, &why),
    };
    answer.map(Some)
}

fn list(desk: &Desk, cmd: &List) -> Result<Answer, Stop> {
    let wanted = ListMilestones {
        deal_id: cmd.deal,
        status: cmd.status.clone(),
        due_from: cmd.due_from,
        due_to: cmd.due_to,
        ask: cmd.page.ask(),
    };
    let page = desk.read(|cx| ops::list(cx, &wanted))?;
    let mut json = json!({ "milestones": page.items });
    if let Some(cursor) = &page.next_cursor {
        json["next_cursor"] = cursor.as_str().into();
    }
    let text = says::milestone::list(&page.items, page.next_cursor.as_deref(), cmd.deal.is_none());
    Ok(Answer::new(text, json))
}

fn add(desk: &Desk, cmd: Add) -> Result<Answer, Stop> {
    let new = AddMilestone {
        deal_id: cmd.deal,
        title: cmd.title,
        due_on: cmd.due,
        responsible_role: cmd.responsible,
        remind_days_before: cmd.remind,
        required: Some(!cmd.optional),
        notes: cmd.notes,
    };
    let done = desk.write_once(cmd.once.key(), "milestone add", &new, |cx| ops::add(cx, &new))?;
    Ok(told(desk, done))
}

fn edit(desk: &Desk, cmd: Edit) -> Result<Answer, Stop> {
    let Why { of, reason } = cmd.why;
    let change = EditMilestone {
        title: cmd.title,
        due_on: cmd.due,
        status: cmd.status,
        responsible_role: cmd.responsible,
        responsible_member_email: cmd.member,
        remind_days_before: if cmd.no_reminder { Some(-1) } else { cmd.remind },
        notes: cmd.notes,
        evidence: Some(cmd.evidence).filter(|links| !links.is_empty()),
        reason,
        ..EditMilestone::of(of.id)
    };
    change_it(desk, "milestone edit", &of, change)
}

fn change_it(desk: &Desk, verb: &str, of: &Of, change: EditMilestone) -> Result<Answer, Stop> {
    let change = EditMilestone { version: of.version, ..change };
    let done = desk.write_once(of.once.key(), verb, &change, |cx| ops::edit(cx, &change))?;
    Ok(told(desk, done))
}

fn told(desk: &Desk, done: Written<Done>) -> Answer {
    let Done { milestone, already } = done.value;
    let text = already.clone().unwrap_or_else(|| says::milestone::changed(&milestone, desk.today(None)));
    let mut json = Written::<MilestoneView>::beside(done.receipt, json!({ "milestone": milestone }));
    if let Some(note) = already {
        json["note"] = note.into();
    }
    Answer::new(text, json)
}

fn remove(desk: &Desk, why: &Why) -> Result<Answer, Stop> {
    let Why { of, reason } = why;
    let done = desk.write_once(of.once.key(), "milestone remove", &(of.id, of.version, reason), |cx| {
        let gone = ops::get(cx, of.id)?;
        ops::remove(cx, of.id, of.version, reason.as_deref())?;
        Ok(gone)
    })?;
    let text = says::milestone::removed(&done.value);
    let json = Written::<Value>::beside(done.receipt, json!({ "removed": done.value }));
    Ok(Answer::new(text, json))
}
