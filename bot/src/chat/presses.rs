//! What a press of a button does, and what comes of a form. Everything is looked at anew: who presses, what they may do, and
//! whether the item is still as the card says.

use std::collections::BTreeMap;

use domain::deals::deal::intake::NewDeal;
use domain::deals::deal::key_dates::{self, Applied};
use domain::deals::deal::ops::{self as deals, Moved};
use domain::deals::deal::{DealStatus, view};
use domain::deals::followup::review::{self, Decide};
use domain::deals::followup::sheet;
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{
    self as milestones, AddMilestone, CompleteMilestone, EditMilestone, ListMilestones,
};
use domain::deals::milestone::view::MilestoneView;
use domain::deals::reminder::card::row;
use domain::deals::reminder::snooze::{SnoozeMilestone, snooze as put_off};
use domain::delivery::card::{Action, Button, Look, MOST_ROWS, Press, Unread};
use domain::kernel::id::{ApprovalId, DealId, MilestoneId, PlanId};
use domain::kernel::page::Ask;
use domain::kernel::{Code, Cx, No, Refusal};
use domain::people::chat::pending;
use domain::people::contact::standing::ops::{self as standing, OptOut};
use domain::people::contact::view as contacts;
use domain::workspace::approval::{ApprovalState, Choice, ops as approvals};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::asked::What;
use super::caller::Caller;
use super::commands::remind::Again;
use super::commands::setup::SetUp;
use super::commands::{approve, deal, milestone};
use super::filling;
use super::forms::{self, Purpose, TypedDeal};
use super::reply::{Reply, Say, plain};
use super::says;

/// What waits for a yes of whoever asked for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pending {
    NewDeal {
        typed: TypedDeal,
        new: Box<NewDeal>,
    },
    /// What was typed and could not be read.
    Typed(TypedDeal),
    /// A form that was not taken: what stood in it when it was sent.
    Filled {
        form: String,
        fields: BTreeMap<String, String>,
    },
    Add(AddMilestone),
    Edit(EditMilestone),
    End {
        deal: DealId,
        to: DealStatus,
        reason: Option<String>,
    },
    OptOut(OptOut),
    Remind(Again),
    SetUp(SetUp),
}

pub async fn press(caller: &Caller) -> Result<Reply, Refusal> {
    match &caller.asked.what {
        What::Press(id) => match id.parse::<Press>() {
            Ok(press) => pressed(caller, press).await,
            Err(Unread::OtherVersion | Unread::NotOurs) => Ok(Say::privately(says::OLD_CARD).into()),
        },
        What::Form(id, fields) => match Purpose::read(id) {
            Some(purpose) => filling::filled(caller, purpose, fields).await,
            None => Ok(forms::given_back(Say::privately(says::OLD_CARD), fields).into()),
        },
        _ => Ok(Say::privately(says::NOT_UNDERSTOOD).into()),
    }
}

async fn pressed(caller: &Caller, press: Press) -> Result<Reply, Refusal> {
    let Press { action, id, etag } = press;
    match action {
        Action::Done => done(caller, MilestoneId(id), etag).await,
        Action::Waive => filling::ask_why(caller, MilestoneId(id), etag).await,
        Action::Snooze => snooze(caller, MilestoneId(id), etag).await,
        Action::Open => open(caller, DealId(id)).await,
        Action::Approve => approve_it(caller, ApprovalId(id), etag).await,
        Action::Changes | Action::Reject | Action::Edit => {
            filling::ask_words(caller, action, ApprovalId(id), etag).await
        }
        Action::Read => {
            let sheet = caller.look(move |cx| sheet::approval(cx, ApprovalId(id))).await?;
            Ok(approve::shown(&sheet).into())
        }
        Action::Apply | Action::Undo => plan(caller, action, PlanId(id)).await,
        Action::Confirm => confirmed(caller, id).await,
        Action::Discard => {
            caller.act(move |cx| pending::leave(cx, id)).await?;
            Ok(Reply::Replace(Say::privately(says::DISCARDED), None))
        }
        Action::Retry => {
            let kept: Pending = caller.look(move |cx| pending::look(cx, id)).await?;
            match kept {
                Pending::Typed(typed) | Pending::NewDeal { typed, .. } => Ok(Reply::Form(typed.form())),
                Pending::Filled { form, fields } => filling::again(caller, &form, &fields).await,
                _ => Ok(Say::privately(says::OLD_CARD).into()),
            }
        }
    }
}

/// Does something about a milestone as a card or a form showed it, and about no other version; else gives it as it is now. Of
/// what is over the verb itself says who was first.
pub(super) async fn as_shown<T, F>(
    caller: &Caller,
    id: MilestoneId,
    etag: String,
    mut verb: F,
) -> Result<Result<T, MilestoneView>, Refusal>
where
    T: Send + 'static,
    F: FnMut(&mut Cx<'_>, i64) -> Result<T, No> + Send + 'static,
{
    let outcome = caller
        .act(move |cx| {
            let now = milestones::get(cx, id)?;
            if !is_as_shown(&now, &etag) {
                return Ok(Err(now));
            }
            // Somebody may change it until the verb holds it, so the verb is told of the version too.
            verb(cx, now.version).map(Ok)
        })
        .await;
    match outcome {
        Err(refusal) if refusal.code == Code::Stale => {
            caller.look(move |cx| milestones::get(cx, id)).await.map(Err)
        }
        outcome => outcome,
    }
}

pub(super) fn is_as_shown(now: &MilestoneView, etag: &str) -> bool {
    now.ended_at.is_some() || etag.is_empty() || now.version.to_string() == etag
}

/// A milestone that is not as its card says, with buttons that fit.
pub(super) fn changed_since(caller: &Caller, now: &MilestoneView) -> Say {
    let say = Say::privately(says::changed_since(now, caller.today()));
    if now.ended_at.is_some() { say } else { say.with(row(now.id, now.version, None)) }
}

/// A card that all see says by itself what became of it, so only whoever pressed is answered. What was pressed where nobody
/// else looks is told to the channel.
fn answered(caller: &Caller, words: String, changed: bool) -> Say {
    let on_a_card = caller.asked.pressed.as_ref().is_some_and(|message| !message.private);
    Say::told(words, changed && !on_a_card)
}

async fn done(caller: &Caller, id: MilestoneId, etag: String) -> Result<Reply, Refusal> {
    let complete = move |cx: &mut Cx<'_>, version| {
        milestones::complete(cx, &CompleteMilestone { id, version: Some(version), note: None })
    };
    Ok(match as_shown(caller, id, etag, complete).await? {
        Err(now) => changed_since(caller, &now).into(),
        Ok(done) => answered(caller, says::milestone(&done, caller.today()), done.already.is_none()).into(),
    })
}

async fn snooze(caller: &Caller, id: MilestoneId, etag: String) -> Result<Reply, Refusal> {
    let tomorrow = move |cx: &mut Cx<'_>, version| {
        put_off(cx, &SnoozeMilestone { id, version: Some(version), days: Some(1) })
    };
    Ok(match as_shown(caller, id, etag, tomorrow).await? {
        Err(now) => changed_since(caller, &now).into(),
        Ok(snoozed) => answered(caller, says::snoozed(&snoozed), snoozed.already.is_none()).into(),
    })
}

/// Everything that is open on a deal, with buttons for what comes first.
async fn open(caller: &Caller, id: DealId) -> Result<Reply, Refusal> {
    let wanted = ListMilestones {
        deal_id: Some(id),
        status: MilestoneStatus::ALL
            .iter()
            .copied()
            .filter(|status| !matches!(status, MilestoneStatus::Completed | MilestoneStatus::Waived))
            .collect(),
        due_from: None,
        due_to: None,
        ask: Ask { cursor: None, limit: Some(20) },
    };
    let (title, page) =
        caller.look(move |cx| Ok((view::get(cx, id)?.deal.title, milestones::list(cx, &wanted)?))).await?;
    let words = says::milestones(&page.items, false, page.next_cursor.is_some(), caller.today());
    let mut say = Say::privately(format!("**{}**", plain(&title))).framed(words);
    for m in page.items.iter().take(MOST_ROWS) {
        say = say.with(row(m.id, m.version, Some(&m.title)));
    }
    Ok(say.into())
}

async fn approve_it(caller: &Caller, id: ApprovalId, etag: String) -> Result<Reply, Refusal> {
    let cmd = Decide { etag: Some(etag), ..Decide::of(id, Choice::Approve) };
    Ok(vote(caller, cmd).await?.into())
}

/// What came of something that was asked for about an item as it was on a card or in a form.
pub(super) enum Came {
    Done(Say),
    /// Nothing was done: it is another one by now.
    Not(Say),
}

impl From<Came> for Reply {
    fn from(came: Came) -> Self {
        let (Came::Done(say) | Came::Not(say)) = came;
        say.into()
    }
}

/// Votes, when what waits is what the card shows. Of many presses at once one closes the approval; the others read who did.
pub(super) async fn vote(caller: &Caller, cmd: Decide) -> Result<Came, Refusal> {
    let (id, shown) = (cmd.approval_id, cmd.etag.clone());
    let refusal = match caller.act(move |cx| review::decide(cx, &cmd)).await {
        Ok(decided) => {
            return Ok(Came::Done(Say::privately(says::decided(&decided, &caller.who.actor.name))));
        }
        Err(refusal) => refusal,
    };
    if !matches!(refusal.code, Code::Stale | Code::WrongState) {
        return Err(refusal);
    }
    // What became of the card says more than that it is old.
    let now = caller.look(move |cx| Ok(approvals::get(cx, id)?.approval)).await?;
    match now.state == ApprovalState::Pending && Some(now.etag()) == shown {
        true => Err(refusal),
        false => Ok(Came::Not(filling::moved(caller, id).await?)),
    }
}

/// Makes a plan of new key dates, or takes one back.
async fn plan(caller: &Caller, action: Action, id: PlanId) -> Result<Reply, Refusal> {
    let (title, done) = caller
        .act(move |cx| {
            let done = key_dates::apply(cx, id)?;
            let deal = match &done {
                Applied::Now { deal_id, .. } | Applied::Already { deal_id } => *deal_id,
                Applied::Stale { fresh } => fresh.deal_id,
            };
            Ok((view::get(cx, deal)?.deal.title, done))
        })
        .await?;
    let by = &caller.who.actor.name;
    let words = says::applied(&title, &done, by, action == Action::Undo);
    Ok(match &done {
        Applied::Now { undo_token, undo, .. } => {
            let button = Button::new("Undo", Look::Plain, Press::new(Action::Undo, undo_token.0, ""));
            let told = Say::publicly(words).with(vec![button]);
            match &caller.asked.pressed {
                // What the channel read of the change stays there, with what became of it.
                Some(record) if *undo && !record.private => {
                    let now = caller.host.clock().now();
                    Reply::Replace(Say::publicly(says::taken_back(&record.text, by, now)), Some(told))
                }
                _ => instead(told),
            }
        }
        Applied::Already { .. } => Say::privately(words).into(),
        Applied::Stale { fresh } => Reply::Replace(deal::shown(fresh, &words), None),
    })
}

/// Does what somebody asked for and has now confirmed; once.
async fn confirmed(caller: &Caller, id: Uuid) -> Result<Reply, Refusal> {
    let today = caller.today();
    let by = caller.who.actor.name.clone();
    caller
        .act(move |cx| {
            let by = by.as_str();
            Ok(match pending::take::<Pending>(cx, id)? {
                Pending::NewDeal { new, .. } => {
                    let deal = deals::create(cx, &new)?;
                    instead(Say::publicly(says::created(&view::get(cx, deal)?, by, today)))
                }
                Pending::Typed(_) | Pending::Filled { .. } => return Err(nothing_to_confirm().into()),
                Pending::Add(new) => instead(milestone::told(&milestones::add(cx, &new)?, today)),
                Pending::Edit(change) => instead(milestone::told(&milestones::edit(cx, &change)?, today)),
                Pending::End { deal, to, reason } => {
                    let moved = match to {
                        DealStatus::Active => deals::confirm(cx, deal)?,
                        to => deals::end(cx, deal, to, reason.as_deref())?,
                    };
                    let already = matches!(moved, Moved::Already);
                    instead(Say::told(says::ended(&view::get(cx, deal)?, by, already), !already))
                }
                Pending::OptOut(cmd) => opted_out(cx, &cmd, by)?,
                Pending::Remind(again) => {
                    let done = again.put_off(cx)?;
                    instead(Say::told(says::snoozed(&done), done.already.is_none()))
                }
                Pending::SetUp(wanted) => instead(Say::privately(says::set_up(&wanted.carry_out(cx)?))),
            })
        })
        .await
}

/// In the place of a question that was answered: what the channel is told stands below it.
fn instead(said: Say) -> Reply {
    if said.private {
        return Reply::Replace(said, None);
    }
    Reply::Replace(Say::privately(says::SEE_BELOW), Some(said))
}

/// The channel learns that somebody wants nothing any more; how they are reached is for whoever recorded it.
fn opted_out(cx: &mut Cx<'_>, cmd: &OptOut, by: &str) -> Result<Reply, No> {
    let already = contacts::get(cx, cmd.contact_id)?.standing.opted_out_at.is_some();
    let now = standing::opt_out(cx, cmd)?;
    let channel = (!already).then(|| Say::publicly(says::opted_out(&now.contact.name, by)));
    Ok(Reply::Replace(Say::privately(says::opted_out_card(&now, already)), channel))
}

/// What was only typed waits for its form, not for a yes.
fn nothing_to_confirm() -> Refusal {
    Refusal::new(
        Code::WrongState,
        "This was typed and not taken yet, so there is nothing to confirm. Nothing was changed.",
        "Open its form again.",
    )
}

pub(super) async fn new_deal(caller: &Caller, typed: TypedDeal) -> Result<Reply, Refusal> {
    let today = caller.today();
    let read = typed.read(today).and_then(|read| domain::deals::deal::intake::check(&read.new).map(|_| read));
    let kept = match &read {
        Ok(read) => Pending::NewDeal { typed, new: Box::new(read.new.clone()) },
        Err(_) => Pending::Typed(typed),
    };
    let id = caller
        .act(move |cx| {
            use domain::workspace::access::{Require, Verb};
            cx.require(Verb::CreateDeal)?;
            pending::keep(cx, &kept)
        })
        .await?;
    let again = Button::new("Change it", Look::Plain, Press::new(Action::Retry, id, ""));
    Ok(match read {
        Ok(read) => {
            let (head, frame) = says::new_deal(&read, today);
            let create = Button::new("Create", Look::Good, Press::new(Action::Confirm, id, ""));
            let leave = Button::new("Leave it", Look::Plain, Press::new(Action::Discard, id, ""));
            Say::privately(head).framed(frame).with(vec![create, again, leave]).into()
        }
        Err(problems) => Say::privately(says::wrong_deal(&problems)).with(vec![again]).into(),
    })
}
