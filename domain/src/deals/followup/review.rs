//! From words to a yes or a no, and from a yes to exactly those bytes in the outbox.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::facts::{self, File};
use super::ops::{in_app, milestone_type, missing, newest, rendered, seen, subject, turn};
use super::view::DraftView;
use super::{moved, rules};
use crate::assist::draft::check::Finding;
use crate::assist::draft::{Draft, DraftKind, DraftState, Event, Urgency, Version, WrittenBy, store};
use crate::deals::deal::{self, DealStatus};
use crate::delivery::{Content, NewMessage, Priority, Purpose, To, outbox, settings};
use crate::kernel::id::{ApprovalId, DraftId, MemberId, MessageId};
use crate::kernel::{Code, Cx, Fault, No, Refusal, text};
use crate::people::reach::Topic;
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval::ops::{CastVote, DEADLINE, Lapse};
use crate::workspace::approval::view::ApprovalView;
use crate::workspace::approval::{self, Approval, ApprovalState, Choice, NewApproval};
use crate::workspace::member;

/// What approvals of drafts are about.
pub const SUBJECT: &str = "draft";

/// Hours until approvers of a draft are told again.
const REVIEW_HOURS: u32 = 24;
/// After how many days an approved letter is of no use any more.
const USEFUL_DAYS: i64 = 7;
/// Approvals that one round of deadlines looks at.
const DEADLINES: i64 = 200;

/// Keeps a version, opens its approval and tells those who are to decide. With findings that block it says so: no vote says
/// yes to it as it is.
pub(super) fn open(
    cx: &mut Cx<'_>,
    draft: &mut Draft,
    file: &File,
    mut version: Version,
    author: Option<MemberId>,
    instead_of_model: Option<String>,
) -> Result<Version, No> {
    let covers: Vec<String> = rendered(&version).into_iter().map(|message| message.content_hash).collect();
    version.content_hash = approval::rules::hash(&covers);
    store::insert_version(cx, draft.id, &version)?;
    let event = Event::Written {
        version: version.number,
        source: version.source,
        content_hash: version.content_hash.clone(),
        recipients: version.recipients.len(),
        findings: version.findings.len(),
        instead_of_model,
    };
    cx.record(subject(draft.id), &event)?;
    draft.current = version.number;
    let team = member::store::list(cx)?;
    let to = draft.recipient_role.replace('_', " ");
    let to = if to.starts_with("contact:") { "one party".into() } else { format!("the {to}") };
    let mut title = format!("{} (to {to}, {})", version.words.subject, file.deal.title);
    if title.chars().count() > text::TITLE {
        title = title.chars().take(text::TITLE - 1).chain(['…']).collect();
    }
    let asked = approval::ops::request(
        cx,
        &NewApproval {
            subject_kind: SUBJECT.into(),
            subject_id: draft.id.0,
            subject_version: version.number,
            title,
            covers,
            author,
            stages: vec![approval::rules::usual(author, &team, REVIEW_HOURS)],
            risky: true,
        },
    )?;
    draft.approval_id = Some(asked.id);
    let blocked = version.findings.iter().any(|finding| finding.blocks);
    let state = if blocked { DraftState::Blocked } else { DraftState::InReview };
    turn(cx, draft, state, None)?;
    if let Some(rule) = unasked(cx, draft, &version)? {
        let approved = approval::ops::approve_by_rule(cx, asked.id, &rule)?;
        send(cx, draft, &version, &approved)?;
    } else {
        let waiting = approval::ops::waiting_for(cx, &asked)?.into_iter().map(|m| m.id).collect::<Vec<_>>();
        let what = if blocked { "needs an edit before it can be approved" } else { "waits for your approval" };
        tell(cx, draft, &asked, &waiting, "opened", what)?;
    }
    Ok(version)
}

/// The rule under which a draft goes out without anybody's word, when the workspace made one for its milestone's type.
fn unasked(cx: &mut Cx<'_>, draft: &Draft, version: &Version) -> Result<Option<String>, No> {
    let ours = matches!(version.source, WrittenBy::Template | WrittenBy::Model);
    if draft.kind != DraftKind::FollowUp || draft.state != DraftState::InReview || !ours {
        return Ok(None);
    }
    let Some(type_) = milestone_type(cx, draft)? else { return Ok(None) };
    let listed = settings::store::find(cx)?.settings.unapproved_follow_ups.contains(&type_);
    Ok(listed.then(|| format!("the setting unapproved_follow_ups ({type_})")))
}

fn tell(
    cx: &mut Cx<'_>,
    draft: &Draft,
    about: &Approval,
    to: &[MemberId],
    occasion: &str,
    what: &str,
) -> Result<(), No> {
    let mut title = format!("Draft {what}: {}", about.title);
    if title.chars().count() > text::TITLE {
        title = title.chars().take(text::TITLE - 1).chain(['…']).collect();
    }
    let content = Content {
        subject: title,
        text: about.title.clone(),
        data: Some(json!({
            "subject": { "kind": SUBJECT, "id": draft.id },
            "approval_id": about.id,
            "urgency": draft.urgency,
        })),
        ..Content::default()
    };
    let messages: Vec<NewMessage> = to
        .iter()
        .map(|member| NewMessage {
            deal_id: Some(draft.deal_id),
            ..in_app(
                cx,
                format!("approval:{}:{occasion}:{member}", about.id),
                Topic::Approval,
                *member,
                content.clone(),
            )
        })
        .collect();
    outbox::ops::enqueue(cx, &messages)?;
    Ok(())
}

/// An approver's word on a draft.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Decide {
    /// The approval of the version that was read.
    pub approval_id: ApprovalId,
    pub choice: Choice,
    /// What would have to change, or why not. Needed to request changes and to reject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub feedback: Option<String>,
    /// Why a person's own words may go out in spite of what was found in them. Recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub despite: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Decided {
    pub draft: DraftView,
    pub approval: ApprovalView,
    /// The messages that are in the outbox now.
    pub queued: Vec<MessageId>,
}

/// Votes on a draft. The vote that closes the approval queues exactly the approved bytes, or ends the draft, in the same
/// transaction.
///
/// A yes is refused when the deal has changed so that the words state what is not so any more.
pub fn decide(cx: &mut Cx<'_>, cmd: &Decide) -> Result<Decided, No> {
    cx.require(Verb::DecideApproval)?;
    let missing_approval = || Refusal::not_found("approval");
    let about = approval::store::find(cx, cmd.approval_id)?.ok_or_else(missing_approval)?;
    if about.subject_kind != SUBJECT {
        return Err(missing_approval().into());
    }
    // Everybody holds the deal, then the draft, then its approval: a vote and an edit wait for each other in one order.
    let found = store::find(cx, DraftId(about.subject_id))?.ok_or_else(missing)?;
    let deal = deal::store::hold(cx, found.deal_id)?.ok_or_else(missing)?;
    let mut draft = store::hold(cx, found.id)?.ok_or_else(missing)?;
    let version = match draft.approval_id {
        Some(current) if current == cmd.approval_id => newest(cx, &draft)?,
        _ => None,
    };
    if cmd.choice == Choice::Approve
        && !draft.state.is_settled()
        && let Some(version) = &version
    {
        if deal.status == DealStatus::Cancelled {
            return Err(Refusal::new(
                Code::WrongState,
                "The deal is cancelled, so nothing is sent about it. Your vote was not counted.",
                "Reject the draft, or leave it.",
            )
            .into());
        }
        may_pass(cx, &draft, version, cmd.despite.as_deref())?;
    }
    let cast = CastVote { id: cmd.approval_id, choice: cmd.choice, feedback: cmd.feedback.clone() };
    let voted = approval::ops::vote(cx, &cast)?;
    let mut queued = Vec::new();
    if voted.closed {
        let version =
            version.ok_or_else(|| Fault::Corrupt(format!("draft {} has no words to decide about", draft.id)))?;
        queued = follow(cx, &mut draft, &version, &voted.approval)?;
    } else if voted.advanced {
        let waiting =
            approval::ops::waiting_for(cx, &voted.approval)?.into_iter().map(|m| m.id).collect::<Vec<_>>();
        tell(cx, &draft, &voted.approval, &waiting, "advanced", "waits for your approval")?;
    }
    let waiting = approval::ops::waiting_for(cx, &voted.approval)?;
    let waiting = waiting.into_iter().map(|m| approval::view::Named { id: m.id, name: m.name }).collect();
    Ok(Decided { draft: seen(cx, &draft)?, approval: approval::view::view(&voted.approval, waiting), queued })
}

/// Refuses a yes to words that state what does not stand in the deal, unless they are a person's own and the approver says
/// why they may.
fn may_pass(cx: &mut Cx<'_>, draft: &Draft, version: &Version, despite: Option<&str>) -> Result<(), No> {
    let file = facts::gather(cx, draft.deal_id)?;
    let elsewhere = moved::elsewhere(&file, version);
    if !elsewhere.is_empty() {
        let names: Vec<&str> = elsewhere.iter().map(|to| to.name.as_str()).collect();
        return Err(Refusal::new(
            Code::Stale,
            format!(
                "{} is not reached at this address any more, or is not on the deal. Your vote was not counted.",
                names.join(", ")
            ),
            "Edit the draft, which works out anew who gets it, then vote on its new version.",
        )
        .into());
    }
    let known = rules::known(&file);
    let now = version.words.letter().findings(&known);
    let same = |a: &Finding, b: &Finding| (a.kind, &a.part, a.start, a.end) == (b.kind, &b.part, b.start, b.end);
    let then: Vec<&Finding> = version.findings.iter().filter(|finding| finding.blocks).collect();
    let stale: Vec<&Finding> = now.iter().filter(|f| !then.iter().any(|known| same(known, f))).collect();
    let moved = version.words.moved(&known, &rules::dated(&file));
    if !stale.is_empty() || !moved.is_empty() {
        let moved = moved.iter().map(|date| format!("something was on {} and is not now", rules::spoken(*date)));
        let what: Vec<String> = (!stale.is_empty()).then(|| quoted(&stale)).into_iter().chain(moved).collect();
        return Err(Refusal::new(
            Code::Stale,
            format!(
                "The deal changed since these words were written, and they state what is not so any more: {}. Your \
                 vote was not counted.",
                what.join(", ")
            ),
            "Edit the draft, then vote on its new version.",
        )
        .into());
    }
    if then.is_empty() {
        return Ok(());
    }
    let own = matches!(version.source, WrittenBy::Member) && !version.recipients.is_empty();
    let despite = despite.map(|why| text::prose("despite", why, text::REASON)).transpose().map_err(|p| vec![p])?;
    match despite.filter(|why| own && !why.is_empty()) {
        Some(reason) => {
            let findings = then.iter().map(|f| f.text.clone()).collect();
            let event = Event::Overridden { version: version.number, findings, reason };
            cx.record(subject(draft.id), &event)
        }
        None => Err(Refusal::new(
            Code::WrongState,
            format!(
                "These words state what does not stand in the deal: {}. Your vote was not counted.",
                quoted(&then)
            ),
            if own {
                "Edit the draft, or approve it with the reason why it may say so (despite)."
            } else {
                "Edit the draft, then vote on its new version."
            },
        )
        .into()),
    }
}

/// `"December 12" (No date of the deal is on this day.)`, joined.
pub(super) fn quoted(findings: &[&Finding]) -> String {
    let one = |f: &&Finding| match f.text.as_str() {
        "" => f.why.trim_end_matches('.').to_owned(),
        text => format!("\"{text}\" ({})", f.why.trim_end_matches('.')),
    };
    findings.iter().take(5).map(one).collect::<Vec<_>>().join(", ")
}

/// Does what follows from an approval that is closed.
fn follow(cx: &mut Cx<'_>, draft: &mut Draft, version: &Version, closed: &Approval) -> Result<Vec<MessageId>, No> {
    let to = match closed.state {
        ApprovalState::Approved => return send(cx, draft, version, closed),
        ApprovalState::Rejected => DraftState::Rejected,
        ApprovalState::ChangesRequested => DraftState::Blocked,
        ApprovalState::Expired => DraftState::Expired,
        ApprovalState::Withdrawn => DraftState::Withdrawn,
        ApprovalState::Pending | ApprovalState::Superseded => return Ok(Vec::new()),
    };
    turn(cx, draft, to, closed.reason.clone())?;
    if let (ApprovalState::ChangesRequested | ApprovalState::Rejected, Some(author)) =
        (closed.state, closed.author)
    {
        let what = if to == DraftState::Blocked { "was sent back for changes" } else { "was rejected" };
        tell(cx, draft, closed, &[author], "decided", what)?;
    }
    Ok(Vec::new())
}

/// Puts the approved bytes into the outbox, one message for each recipient.
fn send(cx: &mut Cx<'_>, draft: &mut Draft, version: &Version, yes: &Approval) -> Result<Vec<MessageId>, No> {
    let letters = rendered(version);
    let covers: Vec<String> = letters.iter().map(|message| message.content_hash.clone()).collect();
    if covers != yes.covers || approval::rules::hash(&covers) != yes.content_hash {
        return Err(
            Fault::Corrupt(format!("draft {}: what was approved is not what would be sent", draft.id)).into()
        );
    }
    let now = cx.now();
    let topic = match draft.kind {
        DraftKind::FollowUp => Topic::FollowUp,
        DraftKind::Checklist => Topic::Checklist,
        DraftKind::Message => Topic::Message,
    };
    let priority = if draft.urgency == Urgency::Urgent { Priority::Urgent } else { Priority::Usual };
    let messages: Vec<NewMessage> = letters
        .into_iter()
        .map(|letter| NewMessage {
            occasion: format!("draft:{}:{}:{}", draft.id, version.number, letter.recipient.contact_id),
            topic,
            purpose: Purpose::Transactional,
            channel: version.channel,
            to: To::Contact(letter.recipient.contact_id),
            address: letter.recipient.address,
            deal_id: Some(draft.deal_id),
            approval_id: Some(yes.id),
            batch_id: None,
            content: letter.content,
            priority,
            due_at: now,
            expires_at: now.checked_add(SignedDuration::from_hours(24 * USEFUL_DAYS)).ok(),
        })
        .collect();
    let queued = outbox::ops::enqueue(cx, &messages)?;
    turn(cx, draft, DraftState::Approved, yes.closed_by.as_ref().map(|by| format!("Approved by {by}.")))?;
    Ok(queued.into_iter().map(outbox::Enqueued::id).collect())
}

/// Does what the deadlines that have passed say. Gives how many there were. Part of a loop.
pub fn deadlines(cx: &mut Cx<'_>) -> Result<usize, No> {
    cx.require(Verb::RequestApproval)?;
    let mut ids = approval::ops::lapsed(cx, DEADLINES)?;
    // Always in the same order, so that two who do this at once wait instead of locking each other out.
    ids.sort_unstable();
    let mut count = 0;
    for id in ids {
        let Some(about) = approval::store::find(cx, id)?.filter(|about| about.subject_kind == SUBJECT) else {
            continue;
        };
        let Some(mut draft) = store::hold(cx, DraftId(about.subject_id))? else { continue };
        let Some(lapse) = approval::ops::lapse(cx, id)? else { continue };
        count += 1;
        let on = cx.now().as_second();
        match lapse {
            Lapse::Reminded { approval, waiting } => {
                tell(cx, &draft, &approval, &waiting, &format!("again:{on}"), "still waits for your approval")?;
            }
            Lapse::Escalated { approval, to } => {
                tell(cx, &draft, &approval, &to, "escalated", "waited too long and is yours to decide")?;
            }
            Lapse::Advanced(approval) => {
                let next =
                    approval::ops::waiting_for(cx, &approval)?.into_iter().map(|m| m.id).collect::<Vec<_>>();
                tell(cx, &draft, &approval, &next, "advanced", "waits for your approval")?;
            }
            Lapse::Closed(approval) => {
                let version = newest(cx, &draft)?.ok_or_else(|| {
                    Fault::Corrupt(format!("draft {}: {DEADLINE} passed without words", draft.id))
                })?;
                follow(cx, &mut draft, &version, &approval)?;
            }
        }
    }
    Ok(count)
}
