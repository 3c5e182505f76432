//! Letters that are not so any more before they left: drafts withdrawn, and what was approved taken back.
//!
//! A yes is to words about a deal as it was. When a milestone is reopened or removed, when dates move, when a deal ends, what
//! nobody decided about is withdrawn; of what was approved the messages that have not left are cancelled and the approval is
//! withdrawn, so that nothing of it leaves later either: a message that was just leaving and came back is refused at the
//! gate, and so is one that a person tries again. All of it in the transaction of what changed; the deal is held.

use super::facts::{self, File};
use super::ops::{newest, subject, turn};
use super::review::{self, SUBJECT};
use super::tell::{self, News};
use crate::assist::draft::{Draft, DraftKind, DraftState, Event, Version, store};
use crate::deals::deal::{self, DealStatus, KeyDates};
use crate::deals::followup::rules::CLOSING;
use crate::deals::milestone::Milestone;
use crate::delivery::notify::ops::Team;
use crate::delivery::outbox::ops::cancel_unsent;
use crate::delivery::outbox::waiting::{may_still_leave, of_approvals};
use crate::kernel::id::{DealId, DraftId, MemberId, MessageId, MilestoneId};
use crate::kernel::{Cx, No};
use crate::workspace::approval;

pub(super) const CLOSING_MOVED: &str = "The closing moved.";
pub(crate) const DATES_MOVED: &str = "The dates of the deal moved.";
pub(crate) const MILESTONE_EDITED: &str = "A milestone of the deal was edited.";
pub(crate) const MILESTONE_REMOVED: &str = "A milestone of the deal was removed.";
pub(crate) const DEAL_EDITED: &str = "The deal was edited.";

/// Whether a draft was withdrawn because the deal changed, and not because a person took it back.
pub(super) fn by_itself(draft: &Draft) -> bool {
    let ours = [CLOSING_MOVED, DATES_MOVED, MILESTONE_EDITED, MILESTONE_REMOVED, DEAL_EDITED];
    draft.reason.as_deref().is_some_and(|reason| ours.contains(&reason))
}

/// Nothing is said of a milestone that is not completed any more. Part of reopening and removing it.
pub(crate) fn no_longer_completed(cx: &mut Cx<'_>, id: MilestoneId, why: &str) -> Result<(), No> {
    for draft in store::of_milestone(cx, id, &DraftState::OPEN)? {
        withdraw(cx, draft, why)?;
    }
    for draft in store::of_milestone(cx, id, &[DraftState::Approved])? {
        take_back(cx, draft, why)?;
    }
    Ok(())
}

/// Approved letters that wait and state what is not so any more do not leave. Part of whatever changes a deal.
pub(crate) fn changed(cx: &mut Cx<'_>, id: DealId, why: &str) -> Result<(), No> {
    for (draft, _) in untrue(cx, id, |_| {})? {
        take_back(cx, draft.id, why)?;
    }
    Ok(())
}

/// What [`changed`] would take back if the deal had these key dates and milestones. One sentence each.
pub(crate) fn affected(
    cx: &mut Cx<'_>,
    id: DealId,
    key_dates: &KeyDates,
    milestones: Vec<Milestone>,
) -> Result<Vec<String>, No> {
    let then = |file: &mut File| {
        file.deal.key_dates = key_dates.clone();
        file.milestones = milestones;
    };
    let sentence = |(_, version): (Draft, Version)| {
        let to: Vec<&str> = version.recipients.iter().map(|to| to.name.as_str()).collect();
        let (to, subject) = (to.join(", "), &version.words.subject);
        format!("The letter \"{subject}\" to {to} was approved and has not left: it is taken back.")
    };
    Ok(untrue(cx, id, then)?.into_iter().map(sentence).collect())
}

/// Approved letters that may still leave and state what is not so of the deal as it then is.
fn untrue(cx: &mut Cx<'_>, id: DealId, then: impl FnOnce(&mut File)) -> Result<Vec<(Draft, Version)>, No> {
    let waiting = may_still_leave(cx, id)?;
    let mut found = Vec::new();
    if waiting.is_empty() {
        return Ok(found);
    }
    let mut file = facts::gather(cx, id)?;
    then(&mut file);
    for draft in store::of_deal(cx, id, &[DraftState::Approved])? {
        if !draft.approval_id.is_some_and(|approval| waiting.contains(&approval)) {
            continue;
        }
        if let Some(version) = newest(cx, &draft)?
            && !review::untrue(&version, &file).is_empty()
        {
            found.push((draft, version));
        }
    }
    Ok(found)
}

/// Nothing is sent about a deal that is cancelled. About one that is closed only what says that the closing took place,
/// and letters that somebody approved; not what to prepare for it. Part of ending it.
pub(crate) fn ended(cx: &mut Cx<'_>, id: DealId, status: DealStatus) -> Result<(), No> {
    let why = format!("The deal was {status}.");
    for draft in store::of_deal(cx, id, &DraftState::OPEN)? {
        if status == DealStatus::Cancelled || !is_about_the_closing(cx, &draft)? {
            withdraw(cx, draft.id, &why)?;
        }
    }
    for draft in store::of_deal(cx, id, &[DraftState::Approved])? {
        if status == DealStatus::Cancelled || draft.kind == DraftKind::Checklist {
            take_back(cx, draft.id, &why)?;
        }
    }
    Ok(())
}

fn is_about_the_closing(cx: &mut Cx<'_>, draft: &Draft) -> Result<bool, No> {
    Ok(super::ops::milestone_type(cx, draft)?.is_some_and(|type_| type_ == CLOSING))
}

/// Ends a draft that nobody has decided about, and its approval.
pub(super) fn withdraw(cx: &mut Cx<'_>, id: DraftId, why: &str) -> Result<(), No> {
    let Some(mut draft) = store::hold(cx, id)? else { return Ok(()) };
    if draft.state.is_settled() {
        return Ok(());
    }
    approval::ops::withdraw_all(cx, SUBJECT, id.0, why)?;
    turn(cx, &mut draft, DraftState::Withdrawn, Some(why.into()))
}

/// Takes back what was approved and has not left. What has left stays, and then the draft stays approved and says so.
fn take_back(cx: &mut Cx<'_>, id: DraftId, why: &str) -> Result<(), No> {
    let Some(mut draft) = store::hold(cx, id)? else { return Ok(()) };
    let (DraftState::Approved, Some(yes)) = (draft.state, draft.approval_id) else { return Ok(()) };
    let messages = of_approvals(cx, &[yes])?;
    if !messages.iter().any(|m| m.may_still_leave()) {
        return Ok(());
    }
    let ids: Vec<MessageId> = messages.iter().map(|m| m.id).collect();
    let cancelled = cancel_unsent(cx, &ids, why)?;
    let Some(approval) = approval::ops::revoke(cx, yes, why)? else { return Ok(()) };
    let left = messages.iter().filter(|m| !cancelled.contains(&m.id) && m.may_have_left()).count();
    if left == 0 {
        turn(cx, &mut draft, DraftState::Withdrawn, Some(why.into()))?;
    } else {
        draft.reason = Some(format!(
            "{why} {left} of {} messages had left or was just leaving; the others were taken back.",
            messages.len()
        ));
        store::update(cx, &mut draft)?;
    }
    let event = Event::TakenBack { messages: cancelled.len(), left, reason: why.into() };
    cx.record(subject(draft.id), &event)?;
    let owner = deal::store::find(cx, draft.deal_id)?.and_then(|deal| deal.owner_id);
    let mut told: Vec<MemberId> = approval::ops::who_said_yes(cx, yes)?.into_iter().chain(owner).collect();
    told.sort_unstable();
    told.dedup();
    let news = if left == 0 { News::TakenBack } else { News::TakenBackInPart };
    let team = Team::load(cx)?;
    tell::of_approval(cx, &team, &draft, &approval, &told, news)
}
