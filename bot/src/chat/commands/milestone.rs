//! `/milestone`

use domain::deals::deal;
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{
    self, AddMilestone, CompleteMilestone, EditMilestone, ListMilestones, Outcome, WaiveMilestone,
};
use domain::delivery::card::Look;
use domain::kernel::page::Ask;
use domain::kernel::{Refusal, spoken};
use domain::people::chat::pending;
use jiff::civil::Date;

use super::deal::confirm;
use super::{Command, Opt, not_understood, offered as pick, one_of, text};
use crate::chat::asked::Call;
use crate::chat::caller::Caller;
use crate::chat::presses::Pending;
use crate::chat::reply::{Reply, Say, plain};
use crate::chat::says;
use crate::chat::spec::{Kind, Verb};

pub fn spec() -> Command {
    let verb = |name, about, options| Verb { name, about, options };
    let milestone = || pick("milestone", "Which milestone: type a part of its name").needed();
    let on = |needed: bool| {
        let opt = pick("deal", "Which deal: type a part of its title or address");
        if needed { opt.needed() } else { opt }
    };
    let remind = || Opt::new("remind", "Days before the due date, 0 to 365", Kind::Number { least: 0, most: 365 });
    let states: Vec<&str> = MilestoneStatus::ALL.iter().map(|status| status.as_str()).collect();
    Command {
        name: "milestone",
        about: "What has to be done, and until when",
        options: vec![],
        verbs: vec![
            verb(
                "list",
                "List milestones by date; without a deal those of all active ones",
                vec![on(false), one_of("status", "All that are open when left out", &states)],
            ),
            verb(
                "add",
                "Add a milestone of the team's own; shown before it is added",
                vec![
                    on(true),
                    text("title", "What has to be done", 200).needed(),
                    text("due", "Until when: dec 12, next friday, in 3 days", 100).needed(),
                    remind(),
                ],
            ),
            verb(
                "edit",
                "Change a milestone; a date that you set is pinned. Shown before it is changed",
                vec![
                    milestone(),
                    text("due", "Another date: dec 12, next friday, in 3 days", 100),
                    text("title", "Another name", 200),
                    one_of("status", "How far it is", &["upcoming", "scheduled", "in_progress"]),
                    text("responsible", "Who answers for it, such as buyer or lender", 40),
                    remind(),
                    text("reason", "Why", 500),
                ],
            ),
            verb(
                "complete",
                "Record that it is done",
                vec![milestone(), text("note", "What to remember of it", 1_000)],
            ),
            verb(
                "waive",
                "Do without it; a required one needs a reason",
                vec![milestone(), text("reason", "Why", 500)],
            ),
            verb(
                "reopen",
                "Make a completed or waived one upcoming again",
                vec![milestone(), text("reason", "Why", 500)],
            ),
            verb("explain", "Say why it is due when it is", vec![milestone()]),
        ],
    }
}

pub async fn run(caller: &Caller, verb: &str, call: &Call) -> Result<Reply, Refusal> {
    match verb {
        "list" => list(caller, call).await,
        "add" => add(caller, call).await,
        "edit" => edit(caller, call).await,
        "complete" => {
            let cmd = CompleteMilestone { id: call.milestone()?, version: None, note: call.owned("note") };
            Ok(told(&caller.act(move |cx| ops::complete(cx, &cmd)).await?, caller.today()).into())
        }
        "waive" => {
            let cmd = WaiveMilestone { id: call.milestone()?, version: None, reason: call.owned("reason") };
            Ok(told(&caller.act(move |cx| ops::waive(cx, &cmd)).await?, caller.today()).into())
        }
        "reopen" => {
            let (id, reason) = (call.milestone()?, call.owned("reason"));
            let cmd = EditMilestone { reopen: Some(true), reason, ..EditMilestone::of(id) };
            Ok(told(&caller.act(move |cx| ops::edit(cx, &cmd)).await?, caller.today()).into())
        }
        "explain" => {
            let id = call.milestone()?;
            let why = caller.look(move |cx| ops::explain(cx, id)).await?;
            let head = says::as_it_is(&why.milestone, caller.today());
            Ok(Say::privately(head).framed(plain(&why.explanation)).into())
        }
        _ => Ok(not_understood()),
    }
}

pub fn told(done: &Outcome, today: Date) -> Say {
    Say::told(says::milestone(done, today), done.already.is_none())
}

async fn list(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let deal_id = call.text("deal").map(|_| call.deal()).transpose()?;
    let status = match call.text("status").and_then(|word| word.parse().ok()) {
        Some(one) => vec![one],
        None => {
            let over = [MilestoneStatus::Completed, MilestoneStatus::Waived];
            MilestoneStatus::ALL.iter().copied().filter(|status| !over.contains(status)).collect()
        }
    };
    let wanted = ListMilestones {
        deal_id,
        status,
        due_from: None,
        due_to: None,
        ask: Ask { cursor: None, limit: Some(20) },
    };
    let page = caller.look(move |cx| ops::list(cx, &wanted)).await?;
    let words = says::milestones(&page.items, deal_id.is_none(), page.next_cursor.is_some(), caller.today());
    Ok(Say::privately("Milestones").framed(words).into())
}

async fn add(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let today = caller.today();
    let due = call.text("due").unwrap_or_default();
    let read = spoken::date("due", due, today).map_err(|problem| Refusal::invalid(vec![problem]))?;
    let new = AddMilestone {
        deal_id: call.deal()?,
        title: call.owned("title").unwrap_or_default(),
        due_on: read.date.to_string(),
        responsible_role: None,
        remind_days_before: call.number("remind").and_then(|days| i32::try_from(days).ok()),
        required: None,
        notes: None,
    };
    let (title, deal_id) = (new.title.clone(), new.deal_id);
    let (deal, kept) = caller
        .act(move |cx| {
            let deal = deal::view::get(cx, deal_id)?.deal.title;
            Ok((deal, pending::keep(cx, &Pending::Add(new.clone()))?))
        })
        .await?;
    let question = says::add(&title, &deal, &says::echo(&read, today));
    Ok(Say::privately(question).with(confirm(kept, Look::Good)).into())
}

async fn edit(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let today = caller.today();
    let mut changes = Vec::new();
    let mut cmd = EditMilestone { reason: call.owned("reason"), ..EditMilestone::of(call.milestone()?) };
    if let Some(due) = call.text("due") {
        let read = spoken::date("due", due, today).map_err(|problem| Refusal::invalid(vec![problem]))?;
        changes.push(format!("- due {}", says::echo(&read, today)));
        cmd.due_on = Some(read.date.to_string());
    }
    for (name, field) in
        [("title", &mut cmd.title), ("status", &mut cmd.status), ("responsible", &mut cmd.responsible_role)]
    {
        *field = call.owned(name);
        changes.extend(call.text(name).map(|value| format!("- {name}: **{}**", plain(value))));
    }
    cmd.remind_days_before = call.number("remind").and_then(|days| i32::try_from(days).ok());
    changes.extend(call.number("remind").map(|days| {
        let days = usize::try_from(days).unwrap_or_default();
        format!("- reminder: **{} before**", says::count(days, "day"))
    }));
    if changes.is_empty() {
        return Ok(Say::privately("Nothing to change was given. Nothing was changed.").into());
    }
    let (now, kept) = caller
        .act(move |cx| {
            let now = ops::get(cx, cmd.id)?;
            let cmd = EditMilestone { version: Some(now.version), ..cmd.clone() };
            Ok((now, pending::keep(cx, &Pending::Edit(cmd))?))
        })
        .await?;
    Ok(Say::privately(says::edit(&now, &changes)).with(confirm(kept, Look::Good)).into())
}
