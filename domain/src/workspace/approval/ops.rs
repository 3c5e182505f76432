//! Asking, voting, withdrawing, deadlines; listing what waits.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rules::{self, Electorate, Tally};
use super::view::{self, ApprovalDetail, ApprovalView, Named, Round, VoteView};
use super::{Approval, ApprovalState, Choice, Event, NewApproval, OnDeadline, Rule, Vote, store};
use crate::kernel::id::{ApprovalId, MemberId};
use crate::kernel::page::{self, Ask, Page};
use crate::kernel::{ActorKind, Code, Cx, No, Problem, Refusal, Source, Subject, text, time};
use crate::workspace::access::{Require, Verb};
use crate::workspace::member::{self, Member};

fn subject(id: ApprovalId) -> Subject {
    Subject::new("approval", id.0)
}

fn missing() -> Refusal {
    Refusal::not_found("approval")
}

/// Opens an approval for a version of something. One that is open for an earlier version is superseded: its votes do not
/// count for this one.
///
/// Part of other verbs, which say what the subject is and that it is there.
pub fn request(cx: &mut Cx<'_>, new: &NewApproval) -> Result<Approval, No> {
    cx.require(Verb::RequestApproval)?;
    let mut problems = rules::problems(new, &member::store::list(cx)?);
    let title = text::line("title", &new.title, text::TITLE).map_err(|p| problems.push(p)).unwrap_or_default();
    if !problems.is_empty() {
        return Err(problems.into());
    }
    for open in store::hold_open_of(cx, &new.subject_kind, new.subject_id)? {
        let reason = Some(format!("Version {} took its place.", new.subject_version));
        let by = cx.actor().name.clone();
        close(cx, open, ApprovalState::Superseded, &by, reason)?;
    }
    let approval = Approval {
        id: ApprovalId(cx.mint()),
        subject_kind: new.subject_kind.clone(),
        subject_id: new.subject_id,
        subject_version: new.subject_version,
        content_hash: rules::hash(&new.covers),
        covers: new.covers.clone(),
        title,
        requested_by: cx.actor().key(),
        requested_by_name: cx.actor().name.clone(),
        author: new.author,
        stages: new.stages.clone(),
        stage: 0,
        state: ApprovalState::Pending,
        due_at: deadline(cx.now(), new.stages[0].hours),
        opened_at: cx.now(),
        closed_at: None,
        closed_by: None,
        by_rule: false,
        reason: None,
        version: 1,
    };
    if !store::insert(cx, &approval)? {
        return Err(Refusal::new(
            Code::AlreadyExists,
            format!("Version {} of it has its approval. Nothing was changed.", new.subject_version),
            "Read that approval.",
        )
        .into());
    }
    let event = Event::Requested {
        subject_kind: approval.subject_kind.clone(),
        subject_id: approval.subject_id,
        subject_version: approval.subject_version,
        title: approval.title.clone(),
        content_hash: approval.content_hash.clone(),
        stages: approval.stages.len(),
    };
    cx.record(subject(approval.id), &event)?;
    Ok(approval)
}

fn deadline(now: Timestamp, hours: Option<u32>) -> Option<Timestamp> {
    hours.and_then(|hours| now.checked_add(SignedDuration::from_hours(hours.into())).ok())
}

/// Closes an approval that is held and open.
fn close(
    cx: &mut Cx<'_>,
    mut approval: Approval,
    state: ApprovalState,
    by: &str,
    reason: Option<String>,
) -> Result<Approval, No> {
    let reason = reason.filter(|reason| !reason.is_empty());
    let event = Event::Closed {
        before: approval.state,
        after: state,
        by: by.into(),
        reason: reason.clone(),
        content_hash: approval.content_hash.clone(),
    };
    approval.state = state;
    approval.closed_at = Some(cx.now());
    approval.closed_by = Some(by.into());
    approval.reason = reason;
    approval.due_at = None;
    approval.version += 1;
    store::update(cx, &approval)?;
    cx.record(subject(approval.id), &event)?;
    Ok(approval)
}

/// The approval, held; refused when it is closed, saying who closed it.
fn hold_open(cx: &mut Cx<'_>, id: ApprovalId) -> Result<Approval, No> {
    let approval = store::hold(cx, id)?.ok_or_else(missing)?;
    match approval.state {
        ApprovalState::Pending => Ok(approval),
        _ => {
            let zone = member::ops::reading_zone(cx)?;
            Err(closed(&approval, &zone).into())
        }
    }
}

fn closed(a: &Approval, zone: &TimeZone) -> Refusal {
    let by = a.closed_by.as_deref().unwrap_or("somebody");
    let when = a.closed_at.map(|at| time::moment(at, zone)).unwrap_or_default();
    let (what, next) = match a.state {
        ApprovalState::Approved => ("approved", "There is nothing left to decide."),
        ApprovalState::Rejected => ("rejected", "Make a new version if it is still wanted."),
        ApprovalState::ChangesRequested => ("sent back for changes", "Vote on its next version."),
        ApprovalState::Superseded => ("replaced by a newer version", "Read the newer version and vote on that."),
        ApprovalState::Withdrawn => {
            let why = a.reason.as_deref().map_or_else(String::new, |reason| format!(" Reason: {reason}"));
            let sentence = format!("{by} closed it on {when}: it was withdrawn.{why} Your vote was not counted.");
            return Refusal::new(Code::WrongState, sentence, "There is nothing left to decide.");
        }
        ApprovalState::Expired | ApprovalState::Pending => {
            let sentence = format!("Nobody decided in time: {by} closed it on {when}. Your vote was not counted.");
            return Refusal::new(Code::WrongState, sentence, "Make a new version if it is still wanted.");
        }
    };
    let sentence = format!("{by} closed it on {when}: it was {what}. Your vote was not counted.");
    Refusal::new(Code::WrongState, sentence, next)
}

/// What an approver says of an approval.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct CastVote {
    pub id: ApprovalId,
    pub choice: Choice,
    /// What would have to change, or why not. Needed to request changes and to reject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub feedback: Option<String>,
    /// [`Approval::etag`] of what was read; a vote that comes when other words or another stage are asked about does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub etag: Option<String>,
}

/// What came of a vote.
#[derive(Clone, Debug)]
pub struct Voted {
    pub approval: Approval,
    /// Whether this vote closed it; what follows from that is done by whoever owns the subject.
    pub closed: bool,
    /// Whether this vote opened its next stage.
    pub advanced: bool,
}

/// The member who acts in person. Programs never decide, whoever they act for.
fn person(cx: &mut Cx<'_>) -> Result<Member, No> {
    let actor = cx.actor();
    let id = match (actor.kind, actor.id) {
        (ActorKind::Member, Some(id)) if cx.principal().source != Source::Mcp => MemberId(id),
        _ => {
            return Err(Refusal::new(
                Code::Forbidden,
                format!("Only a member decides in person, and {} is none. Nothing was changed.", actor.name),
                "Ask one of those it waits for; at the server's own terminal name the member with --as EMAIL.",
            )
            .into());
        }
    };
    Ok(member::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("member"))?)
}

/// Casts or changes a vote in the open stage. The last vote that is needed closes the stage, and with the last stage the
/// approval, exactly once however many vote at the same moment.
///
/// Part of the verbs of what is approved, which know what follows from a decision.
pub fn vote(cx: &mut Cx<'_>, cast: &CastVote) -> Result<Voted, No> {
    cx.require(Verb::DecideApproval)?;
    let voter = person(cx)?;
    let feedback = text::prose("feedback", cast.feedback.as_deref().unwrap_or_default(), text::REASON)
        .map_err(|problem| vec![problem])?;
    if feedback.is_empty() {
        let needed = match cast.choice {
            Choice::RequestChanges => Some("Say what would have to change."),
            Choice::Reject => Some("Say why not."),
            Choice::Approve | Choice::Abstain => None,
        };
        if let Some(sentence) = needed {
            return Err(vec![Problem::new("feedback", sentence)].into());
        }
    }
    let mut approval = hold_open(cx, cast.id)?;
    if cast.etag.as_ref().is_some_and(|read| *read != approval.etag()) {
        return Err(Refusal::new(
            Code::Stale,
            "Somebody was faster, and what is asked for now is not what you read. Your vote was not counted.",
            "Read the approval again, then vote on what it asks for now.",
        )
        .into());
    }
    let stage = approval.stages[approval.stage].clone();
    if let Some(why) = rules::why_not(&stage, approval.author, &voter) {
        return Err(Refusal::new(
            Code::Forbidden,
            format!("{} has no vote here: {} {why}. Nothing was changed.", voter.name, voter.name),
            "Read the approval to see whom it waits for.",
        )
        .into());
    }
    let vote = Vote {
        stage: approval.stage,
        member: voter.id,
        choice: cast.choice,
        feedback: feedback.clone(),
        cast_at: cx.now(),
    };
    store::put_vote(cx, approval.id, &vote)?;
    let event = Event::Voted {
        stage: approval.stage,
        choice: cast.choice,
        feedback,
        content_hash: approval.content_hash.clone(),
    };
    cx.record(subject(approval.id), &event)?;
    let who = rules::electorate(&stage, approval.author, &member::store::list(cx)?);
    let close_as = |state, reason| Some((state, reason));
    let ending = match rules::tally(stage.rule, &who, &votes_in(cx, &approval)?) {
        Tally::Open(_) => None,
        Tally::Passed if approval.stage + 1 < approval.stages.len() => {
            let approval = advance(cx, approval)?;
            return Ok(Voted { approval, closed: false, advanced: true });
        }
        Tally::Passed => close_as(ApprovalState::Approved, None),
        Tally::Rejected(why) => close_as(ApprovalState::Rejected, Some(why)),
        Tally::ChangesRequested(why) => close_as(ApprovalState::ChangesRequested, Some(why)),
    };
    match ending {
        Some((state, reason)) => {
            let approval = close(cx, approval, state, &voter.name, reason)?;
            Ok(Voted { approval, closed: true, advanced: false })
        }
        None => {
            approval.version += 1;
            store::update(cx, &approval)?;
            Ok(Voted { approval, closed: false, advanced: false })
        }
    }
}

fn advance(cx: &mut Cx<'_>, mut approval: Approval) -> Result<Approval, No> {
    approval.stage += 1;
    approval.due_at = deadline(cx.now(), approval.stages[approval.stage].hours);
    approval.version += 1;
    store::update(cx, &approval)?;
    cx.record(subject(approval.id), &Event::Advanced { stage: approval.stage })?;
    Ok(approval)
}

fn votes_in(cx: &mut Cx<'_>, approval: &Approval) -> Result<Vec<Vote>, No> {
    let votes = store::votes_on(cx, &[approval.id])?;
    Ok(votes.into_iter().map(|(_, vote)| vote).filter(|vote| vote.stage == approval.stage).collect())
}

/// Takes back a request that is open. Who asked may, and who may decide.
pub fn withdraw(cx: &mut Cx<'_>, id: ApprovalId, reason: &str) -> Result<Approval, No> {
    cx.require(Verb::RequestApproval)?;
    let reason = text::line("reason", reason, text::REASON).map_err(|problem| vec![problem])?;
    let approval = hold_open(cx, id)?;
    if approval.requested_by != cx.actor().key() {
        cx.require(Verb::DecideApproval)?;
    }
    let by = cx.actor().name.clone();
    close(cx, approval, ApprovalState::Withdrawn, &by, Some(reason))
}

/// Closes what is open of a subject that is not wanted any more. Part of other verbs.
pub fn withdraw_all(cx: &mut Cx<'_>, kind: &str, subject: Uuid, reason: &str) -> Result<(), No> {
    let by = cx.actor().name.clone();
    for open in store::hold_open_of(cx, kind, subject)? {
        close(cx, open, ApprovalState::Withdrawn, &by, Some(reason.into()))?;
    }
    Ok(())
}

/// Says yes to an open approval because a rule of the workspace does, which is named as who closed it. Part of other verbs.
pub fn approve_by_rule(cx: &mut Cx<'_>, id: ApprovalId, rule: &str) -> Result<Approval, No> {
    let approval = Approval { by_rule: true, ..hold_open(cx, id)? };
    close(cx, approval, ApprovalState::Approved, rule, None)
}

/// Takes back a yes because what was approved is not so any more; `None` when there is no yes. Whatever has not left under
/// it does not leave: the policy asks for an approval that stands. Part of other verbs.
pub fn revoke(cx: &mut Cx<'_>, id: ApprovalId, reason: &str) -> Result<Option<Approval>, No> {
    match store::hold(cx, id)? {
        Some(approval) if approval.state == ApprovalState::Approved => {
            let by = cx.actor().name.clone();
            Ok(Some(close(cx, approval, ApprovalState::Withdrawn, &by, Some(reason.into()))?))
        }
        _ => Ok(None),
    }
}

/// The members who said yes, in any stage.
pub fn who_said_yes(cx: &mut Cx<'_>, id: ApprovalId) -> Result<Vec<MemberId>, No> {
    let votes = store::votes_on(cx, &[id])?;
    Ok(votes.into_iter().filter(|(_, vote)| vote.choice == Choice::Approve).map(|(_, vote)| vote.member).collect())
}

/// What a deadline did.
#[derive(Clone, Debug)]
pub enum Lapse {
    /// These are to be told again.
    Reminded {
        approval: Approval,
        waiting: Vec<MemberId>,
    },
    /// These may decide alone now, and are to be told.
    Escalated {
        approval: Approval,
        to: Vec<MemberId>,
    },
    /// The stage counts as approved and the next one is open.
    Advanced(Approval),
    Closed(Approval),
}

/// Who a deadline's doing is put down to.
pub const DEADLINE: &str = "the deadline";

/// Open approvals whose deadline has passed, the longest overdue first, at most `limit`.
pub fn lapsed(cx: &mut Cx<'_>, limit: i64) -> Result<Vec<ApprovalId>, No> {
    let now = cx.now();
    Ok(store::lapsed(cx, now, limit)?)
}

/// Does what the deadline of the open stage says, when it has passed; `None` when there is nothing to do (any more).
///
/// Part of a loop, and of whoever owns the subject.
pub fn lapse(cx: &mut Cx<'_>, id: ApprovalId) -> Result<Option<Lapse>, No> {
    let now = cx.now();
    let Some(mut approval) = store::hold(cx, id)? else { return Ok(None) };
    if approval.state != ApprovalState::Pending || approval.due_at.is_none_or(|at| at > now) {
        return Ok(None);
    }
    let team = member::store::list(cx)?;
    let stage = approval.stages[approval.stage].clone();
    Ok(Some(match stage.on_deadline {
        OnDeadline::Escalate(to) if stage.escalated_to.is_none() => {
            approval.stages[approval.stage].escalated_to = Some(to);
            let who = rules::electorate(&approval.stages[approval.stage], approval.author, &team);
            let event = Event::Escalated { stage: approval.stage, to };
            again(cx, &mut approval, &event)?;
            Lapse::Escalated { approval, to: who.deciders.into_iter().collect() }
        }
        OnDeadline::Remind | OnDeadline::Escalate(_) => {
            let mut who = rules::electorate(&stage, approval.author, &team);
            if who == Electorate::default() {
                // Whoever it waited for has left the team.
                let hours = stage.hours.unwrap_or(rules::MOST_HOURS);
                let usual = rules::usual(approval.author, stage.also_by, &team, hours);
                who = rules::electorate(&usual, approval.author, &team);
                approval.stages[approval.stage] = usual;
            }
            let event = Event::Reminded { stage: approval.stage };
            again(cx, &mut approval, &event)?;
            let waiting = waited_for(cx, &approval, &who)?.into_iter().collect();
            Lapse::Reminded { approval, waiting }
        }
        OnDeadline::AutoReject => {
            let reason = Some("Nobody decided in time.".to_owned());
            Lapse::Closed(close(cx, approval, ApprovalState::Expired, DEADLINE, reason)?)
        }
        OnDeadline::AutoApprove if approval.stage + 1 < approval.stages.len() => {
            Lapse::Advanced(advance(cx, approval)?)
        }
        OnDeadline::AutoApprove => {
            let reason = Some("Nobody objected in time.".to_owned());
            let approval = Approval { by_rule: true, ..approval };
            Lapse::Closed(close(cx, approval, ApprovalState::Approved, DEADLINE, reason)?)
        }
    }))
}

/// Starts the open stage's hours anew.
fn again(cx: &mut Cx<'_>, approval: &mut Approval, event: &Event) -> Result<(), No> {
    approval.due_at = deadline(cx.now(), approval.stages[approval.stage].hours);
    approval.version += 1;
    store::update(cx, approval)?;
    cx.record(subject(approval.id), event)
}

/// Who has not spoken in the open stage.
fn waited_for(cx: &mut Cx<'_>, approval: &Approval, who: &Electorate) -> Result<BTreeSet<MemberId>, No> {
    let spoken: BTreeSet<MemberId> = votes_in(cx, approval)?.into_iter().map(|vote| vote.member).collect();
    Ok(who.voters.union(&who.deciders).filter(|id| !spoken.contains(id)).copied().collect())
}

/// The members whose word the open stage waits for; nobody when it is closed.
pub fn waiting_for(cx: &mut Cx<'_>, approval: &Approval) -> Result<Vec<Member>, No> {
    if approval.state != ApprovalState::Pending {
        return Ok(Vec::new());
    }
    let team = member::store::list(cx)?;
    let who = rules::electorate(&approval.stages[approval.stage], approval.author, &team);
    let waiting = waited_for(cx, approval, &who)?;
    Ok(team.into_iter().filter(|member| waiting.contains(&member.id)).collect())
}

/// Which approvals.
#[derive(Clone, Debug, Default)]
pub struct ListApprovals {
    /// Pending ones when empty.
    pub state: Vec<ApprovalState>,
    /// Only those that wait for this member.
    pub waiting_for: Option<MemberId>,
    pub subject: Option<(String, Uuid)>,
    pub ask: Ask,
}

/// Open approvals that one look for those that wait for a member reads, and looks that one page takes at most.
const LOOKED_AT: i64 = 200;
const MOST_LOOKS: usize = 10;

/// Approvals, the longest waiting first.
pub fn list(cx: &mut Cx<'_>, wanted: &ListApprovals) -> Result<Page<ApprovalView>, No> {
    cx.require(Verb::ReadApprovals)?;
    let limit = wanted.ask.limit().map_err(|p| vec![p])?;
    let mut after: Option<Uuid> = wanted.ask.after().map_err(|p| vec![p])?;
    let states = match wanted.state.as_slice() {
        [] => vec![ApprovalState::Pending],
        states => states.to_vec(),
    };
    let team = member::store::list(cx)?;
    let subject = wanted.subject.as_ref().map(|(kind, id)| (kind.as_str(), *id));
    let Some(me) = wanted.waiting_for else {
        let rows = store::list(cx, &states, subject, after, limit + 1)?;
        return Ok(Page::cut(with_waiting(cx, &rows, &team)?, limit, |a| a.id.0));
    };
    // Only what is open waits for somebody.
    if !states.contains(&ApprovalState::Pending) {
        return Ok(Page::cut(Vec::new(), limit, |a: &ApprovalView| a.id.0));
    }
    // Whom one waits for is worked out from the team as it is; so a page may take several looks, and may end before it
    // is full.
    let mut found: Vec<ApprovalView> = Vec::new();
    for _ in 0..MOST_LOOKS {
        let rows = store::list(cx, &[ApprovalState::Pending], subject, after, LOOKED_AT)?;
        let more = i64::try_from(rows.len()).is_ok_and(|count| count == LOOKED_AT);
        after = rows.last().map(|last| last.id.0).or(after);
        let seen = with_waiting(cx, &rows, &team)?;
        found.extend(seen.into_iter().filter(|a| a.waiting_for.iter().any(|n| n.id == me)));
        if !more || found.len() > usize::try_from(limit).unwrap_or(0) {
            return Ok(Page::cut(found, limit, |a| a.id.0));
        }
    }
    Ok(Page::after(found, after))
}

/// The approvals that have waited longest, whom each waits for, and how many wait: of all, or of these.
pub fn waiting(
    cx: &mut Cx<'_>,
    these: Option<&[ApprovalId]>,
    most: usize,
) -> Result<(Vec<ApprovalView>, i64), No> {
    cx.require(Verb::ReadApprovals)?;
    let (mut rows, all) = match these {
        Some(ids) => {
            let mut found = store::find_many(cx, ids)?;
            found.retain(|approval| approval.state == ApprovalState::Pending);
            found.sort_by_key(|approval| approval.id);
            let all = i64::try_from(found.len()).unwrap_or(i64::MAX);
            (found, all)
        }
        None => {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            (store::list(cx, &[ApprovalState::Pending], None, None, most)?, store::count_open(cx)?)
        }
    };
    rows.truncate(most);
    let team = member::store::list(cx)?;
    Ok((with_waiting(cx, &rows, &team)?, all))
}

/// An open approval as it is offered to somebody who types its title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suggested {
    pub id: ApprovalId,
    pub title: String,
    /// When the open stage's deadline passes.
    pub due_at: Option<Timestamp>,
    /// Whether it waits for whoever asks.
    pub waits_for_me: bool,
    pub waiting_for: Vec<Named>,
}

/// At most 25 open approvals whose title holds what was typed so far: those that wait for the actor, then the others, each the
/// longest waiting first. Of very many open ones the oldest are looked at.
pub fn suggest(cx: &mut Cx<'_>, typed: &str) -> Result<Vec<Suggested>, No> {
    cx.require(Verb::ReadApprovals)?;
    let typed = text::typed("text", typed).map_err(|p| vec![p])?.unwrap_or_default();
    let rows = store::list(cx, &[ApprovalState::Pending], None, None, LOOKED_AT * 5)?;
    let rows: Vec<Approval> = rows.into_iter().filter(|a| text::rank(&a.title, &typed).is_some()).collect();
    let me = cx.actor().id.filter(|_| cx.actor().kind == ActorKind::Member).map(MemberId);
    let team = member::store::list(cx)?;
    let suggested = |a: ApprovalView| Suggested {
        waits_for_me: a.waiting_for.iter().any(|n| Some(n.id) == me),
        id: a.id,
        title: a.title,
        due_at: a.due_at,
        waiting_for: a.waiting_for,
    };
    let mut found: Vec<Suggested> = with_waiting(cx, &rows, &team)?.into_iter().map(suggested).collect();
    found.sort_by_key(|a| !a.waits_for_me);
    found.truncate(page::OFFERED.into());
    Ok(found)
}

fn with_waiting(cx: &mut Cx<'_>, rows: &[Approval], team: &[Member]) -> Result<Vec<ApprovalView>, No> {
    let ids: Vec<ApprovalId> = rows.iter().map(|a| a.id).collect();
    let votes = store::votes_on(cx, &ids)?;
    let view = |a: &Approval| {
        let spoken =
            |m: &Member| votes.iter().any(|(id, v)| *id == a.id && v.stage == a.stage && v.member == m.id);
        let who = match a.state {
            ApprovalState::Pending => rules::electorate(&a.stages[a.stage], a.author, team),
            _ => Electorate::default(),
        };
        let waiting = team.iter().filter(|m| who.may(m.id) && !spoken(m));
        view::view(a, waiting.map(|m| Named { id: m.id, name: m.name.clone() }).collect())
    };
    Ok(rows.iter().map(view).collect())
}

/// One approval with its votes, whom it waits for, and what was said of every version of its subject.
pub fn get(cx: &mut Cx<'_>, id: ApprovalId) -> Result<ApprovalDetail, No> {
    cx.require(Verb::ReadApprovals)?;
    let approval = store::find(cx, id)?.ok_or_else(missing)?;
    let team = member::store::list(cx)?;
    let all = store::of_subject(cx, &approval.subject_kind, approval.subject_id)?;
    let ids: Vec<ApprovalId> = all.iter().map(|a| a.id).collect();
    let votes = store::votes_on(cx, &ids)?;
    let named = |id: MemberId| Named {
        id,
        name: team.iter().find(|m| m.id == id).map_or_else(|| "a former member".into(), |m| m.name.clone()),
    };
    let of = |wanted: ApprovalId| -> Vec<VoteView> {
        let mine = votes.iter().filter(|(id, _)| *id == wanted);
        mine.map(|(_, v)| VoteView {
            stage: v.stage + 1,
            by: named(v.member),
            choice: v.choice,
            feedback: v.feedback.clone(),
            cast_at: v.cast_at,
        })
        .collect()
    };
    let round = |a: &Approval| Round {
        subject_version: a.subject_version,
        approval_id: a.id,
        state: a.state,
        feedback: of(a.id).into_iter().filter(|vote| !vote.feedback.is_empty()).collect(),
    };
    let rounds = all.iter().map(round).collect();
    let approval = with_waiting(cx, &[approval], &team)?.remove(0);
    Ok(ApprovalDetail { votes: of(id), approval, rounds })
}

/// What a stage's rule asks for, for a person.
pub fn spoken(rule: Rule) -> String {
    match rule {
        Rule::Any => "any one of".into(),
        Rule::Majority => "more than half of".into(),
        Rule::Unanimous => "all of".into(),
        Rule::Quorum(n) => format!("{n} of"),
    }
}
