//! From words to a yes or a no, and from a yes to exactly those bytes in the outbox.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{self, File};
use super::ops::{milestone_type, missing, newest, seen, subject, turn};
use super::tell::News;
use super::view::{DraftView, Rendered};
use super::{card, moved, rules, tell};
use crate::assist::draft::check::{Finding, FindingKind};
use crate::assist::draft::letter::Words;
use crate::assist::draft::{Draft, DraftKind, DraftState, Event, Urgency, Version, WrittenBy, store};
use crate::deals::deal::{self, DealStatus};
use crate::deals::reminder::store::titled_by_agents;
use crate::delivery::notify::ops::Team;
use crate::delivery::settings::stage::{DraftStage, USUAL_HOURS};
use crate::delivery::{NewMessage, Priority, Purpose, To, outbox, policy, settings};
use crate::kernel::id::{ApprovalId, BatchId, DraftId, MemberId, MessageId, MilestoneId};
use crate::kernel::way::Way;
use crate::kernel::{Code, Cx, Fault, No, Problem, Refusal, text, time};
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval::ops::{CastVote, DEADLINE, Lapse};
use crate::workspace::approval::view::ApprovalView;
use crate::workspace::approval::{self, Approval, ApprovalState, Choice, NewApproval, Stage};
use crate::workspace::member::Member;

/// What approvals of drafts are about.
pub const SUBJECT: &str = "draft";

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
    let letters = rendered(&version);
    let risks = risks(&letters);
    let seen_by_people =
        risks.iter().map(|risk| format!("The words speak of {risk}. Only a person lets that pass."));
    version.findings.extend(seen_by_people.map(|why| rules::note(FindingKind::Risk, &why, false)));
    let rule = unasked(cx, draft, file, &version, &letters)?;
    if let Unasked::No { why: Some(why) } = &rule {
        version.findings.push(rules::note(FindingKind::Risk, why, false));
    }
    let team = Team::load(cx)?;
    let also_by = earlier_authors(cx, draft, &version, author)?;
    let (stages, changed) = stages(cx, author, &also_by, &team)?;
    version.findings.extend(changed.iter().map(|why| rules::note(FindingKind::Approval, why, false)));
    let covers: Vec<String> = letters.into_iter().map(|message| message.content_hash).collect();
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
            stages,
            risky: true,
        },
    )?;
    draft.approval_id = Some(asked.id);
    let blocked = version.findings.iter().any(|finding| finding.blocks);
    let state = if blocked { DraftState::Blocked } else { DraftState::InReview };
    turn(cx, draft, state, None)?;
    if let (Unasked::By { rule }, DraftState::InReview) = (rule, draft.state) {
        let approved = approval::ops::approve_by_rule(cx, asked.id, &rule)?;
        send(cx, draft, &version, &approved)?;
    } else {
        let waiting = approval::ops::waiting_for(cx, &asked)?.into_iter().map(|m| m.id).collect::<Vec<_>>();
        let news = if blocked { News::Blocked } else { News::Opened };
        tell::of_approval(cx, &team, draft, &asked, &waiting, news)?;
        card::of_approval(cx, &team, draft, &version, &asked)?;
    }
    Ok(version)
}

/// The stages that the workspace wants, as far as the team can keep to them; and what of them it cannot.
fn stages(
    cx: &mut Cx<'_>,
    author: Option<MemberId>,
    also_by: &[MemberId],
    team: &Team,
) -> Result<(Vec<Stage>, Vec<String>), No> {
    let settings = settings::store::find(cx)?.settings;
    let wanted: Vec<Stage> = settings.draft_stages.iter().map(DraftStage::stage).collect();
    let active: Vec<Member> = team.all().into_iter().cloned().collect();
    Ok(approval::rules::fitting(&wanted, author, also_by, &active, USUAL_HOURS))
}

/// The members who wrote an earlier version of which something still stands: its subject, or a line of its body. Whoever edits
/// last, they approve their own words no more than before.
fn earlier_authors(
    cx: &mut Cx<'_>,
    draft: &Draft,
    version: &Version,
    author: Option<MemberId>,
) -> Result<Vec<MemberId>, No> {
    let lines = |words: &Words| -> BTreeSet<String> {
        let lines = words.body.lines().chain([words.subject.as_str()]).map(str::trim);
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let now = lines(&version.words);
    let earlier = store::versions(cx, &[draft.id])?;
    let stands = |number: i32| {
        let then = earlier.iter().find(|(_, version)| version.number == number);
        then.is_some_and(|(_, then)| !lines(&then.words).is_disjoint(&now))
    };
    let asked = approval::store::of_subject(cx, SUBJECT, draft.id.0)?;
    let standing = asked.iter().filter(|approval| stands(approval.subject_version));
    let wrote: BTreeSet<MemberId> = standing.filter_map(|approval| approval.author).collect();
    Ok(wrote.into_iter().filter(|member| Some(*member) != author).collect())
}

/// Whether a draft goes out without anybody's word.
enum Unasked {
    By {
        rule: String,
    },
    /// Why a rule that the workspace made does not apply, when it made one.
    No {
        why: Option<String>,
    },
}

/// The workspace may list types of milestones whose follow-ups leave by that rule. It is a rule for our own words about
/// facts that people keep: never for what the policy calls risky, never for words that a program wrote, and for a model's
/// words only where the workspace says that as well.
fn unasked(
    cx: &mut Cx<'_>,
    draft: &Draft,
    file: &File,
    version: &Version,
    letters: &[Rendered],
) -> Result<Unasked, No> {
    let no = Ok(Unasked::No { why: None });
    let ours = matches!(version.source, WrittenBy::Template | WrittenBy::Model);
    if draft.kind != DraftKind::FollowUp || !ours {
        return no;
    }
    let Some(type_) = milestone_type(cx, draft)? else { return no };
    let settings = settings::store::find(cx)?.settings;
    if !settings.unapproved_follow_ups.contains(&type_) {
        return no;
    }
    let rule = format!("the setting unapproved_follow_ups ({type_})");
    let why = if !risks(letters).is_empty() {
        Some("they speak of what a person must look at".to_owned())
    } else if version.source == WrittenBy::Model && !settings.unapproved_model_words {
        Some("a model wrote them, and the setting unapproved_model_words is off".to_owned())
    } else {
        by_programs(cx, file, version, letters)?
    };
    Ok(match why {
        Some(why) => Unasked::No { why: Some(format!("These words do not leave by {rule}: {why}.")) },
        None => Unasked::By { rule },
    })
}

/// What a program wrote and a letter may show. A model may say a title in other words, so to it every title counts.
fn by_programs(
    cx: &mut Cx<'_>,
    file: &File,
    version: &Version,
    letters: &[Rendered],
) -> Result<Option<String>, No> {
    // Who made the deal gave it its parties as well.
    if deal::store::worded_by_programs(cx, &[file.deal.id])?.contains_key(&file.deal.id) {
        return Ok(Some("a program wrote the deal's title or address, and no member has confirmed it".into()));
    }
    let ids: Vec<MilestoneId> = file.milestones.iter().map(|m| m.id).collect();
    let titled = titled_by_agents(cx, &ids)?;
    let shown = |title: &str| {
        version.source == WrittenBy::Model || letters.iter().any(|letter| letter.content.text.contains(title))
    };
    let found = file.milestones.iter().find(|m| titled.contains(&m.id) && shown(&m.title));
    Ok(found.map(|m| format!("a program wrote the title \"{}\"", m.title)))
}

/// What makes letters risky, each once.
fn risks(letters: &[Rendered]) -> Vec<String> {
    let texts = letters.iter().map(|letter| format!("{}\n{}", letter.content.subject, letter.content.text));
    let mut found: Vec<String> = Vec::new();
    for risk in texts.flat_map(|text| policy::rules::risks(&text)) {
        if !found.contains(&risk) {
            found.push(risk);
        }
    }
    found
}

pub(super) fn rendered(version: &Version) -> Vec<Rendered> {
    let each = version.recipients.iter().map(|recipient| {
        let content = version.words.to(recipient);
        let content_hash = content.hash(recipient.channel, &recipient.address);
        Rendered { recipient: recipient.clone(), content, content_hash, policy: None, sms: None }
    });
    each.collect()
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
    /// With a yes: not before this instant, within 7 days. At once, or when the draft says, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub send_at: Option<Timestamp>,
    /// The etag of the approval that was read. A vote that comes when another stage is open does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub etag: Option<String>,
}

impl Decide {
    /// A vote without words.
    pub fn of(approval_id: ApprovalId, choice: Choice) -> Self {
        Self { approval_id, choice, feedback: None, despite: None, send_at: None, etag: None }
    }
}

/// An instant at which somebody wants a letter to leave: not in the past, and within the days in which it is of use.
pub(super) fn leaves_at(cx: &Cx<'_>, at: Option<Timestamp>) -> Result<Option<Timestamp>, No> {
    let Some(at) = at.map(time::to_micros) else { return Ok(None) };
    let wrong = |sentence: String| Err(vec![Problem::new("send_at", sentence)].into());
    if at < cx.now() {
        return wrong("is in the past. Leave it out to send as soon as it is approved.".into());
    }
    if at > cx.now() + useful() {
        return wrong(format!("is more than {USEFUL_DAYS} days from now, when a letter is of no use any more."));
    }
    Ok(Some(at))
}

fn useful() -> SignedDuration {
    SignedDuration::from_hours(24 * USEFUL_DAYS)
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
    let send_at = leaves_at(cx, cmd.send_at)?;
    if send_at.is_some() && cmd.choice != Choice::Approve {
        return Err(vec![Problem::new("send_at", "goes with a yes only.")].into());
    }
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
    let (feedback, etag) = (cmd.feedback.clone(), cmd.etag.clone());
    let cast = CastVote { id: cmd.approval_id, choice: cmd.choice, feedback, etag };
    let voted = approval::ops::vote(cx, &cast)?;
    if send_at.is_some() && send_at != draft.send_at {
        let event = Event::Timed { before: draft.send_at, after: send_at };
        draft.send_at = send_at;
        store::update(cx, &mut draft)?;
        cx.record(subject(draft.id), &event)?;
    }
    let mut queued = Vec::new();
    if voted.closed {
        let version =
            version.ok_or_else(|| Fault::Corrupt(format!("draft {} has no words to decide about", draft.id)))?;
        let team = Team::load(cx)?;
        queued = follow(cx, &team, &mut draft, &version, &voted.approval)?;
    } else if voted.advanced {
        let team = Team::load(cx)?;
        let waiting =
            approval::ops::waiting_for(cx, &voted.approval)?.into_iter().map(|m| m.id).collect::<Vec<_>>();
        tell::of_approval(cx, &team, &draft, &voted.approval, &waiting, News::Advanced)?;
        if let Some(version) = newest(cx, &draft)? {
            card::of_approval(cx, &team, &draft, &version, &voted.approval)?;
        }
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
    let untrue = untrue(version, &file);
    if !untrue.is_empty() {
        return Err(Refusal::new(
            Code::Stale,
            format!(
                "The deal changed since these words were written, and they state what is not so any more: {}. Your \
                 vote was not counted.",
                untrue.join(", ")
            ),
            "Edit the draft, then vote on its new version.",
        )
        .into());
    }
    let then: Vec<&Finding> = version.findings.iter().filter(|finding| finding.blocks).collect();
    if then.is_empty() {
        return Ok(());
    }
    let own = rules::may_pass_despite(version.source, version.recipients.len());
    let despite = despite.map(|why| text::prose("despite", why, text::REASON)).transpose().map_err(|p| vec![p])?;
    match despite.filter(|why| own && !why.is_empty()) {
        Some(reason) => {
            let findings = then.iter().map(|f| f.text.clone()).collect();
            let event = Event::Overridden { version: version.number, findings, reason };
            cx.record(subject(draft.id), &event)
        }
        None => {
            let no = |next: &str| {
                let found = quoted(&then);
                let sentence = format!(
                    "These words state what does not stand in the deal: {found}. Your vote was not counted."
                );
                Refusal::new(Code::WrongState, sentence, next)
            };
            Err(match own {
                true => Way::Despite
                    .on_from(no("Edit the draft, or approve it with the reason why it may say so."))
                    .into(),
                false => no("Edit the draft, then vote on its new version.").into(),
            })
        }
    }
}

/// What the words state that was so when they were written and is not so any more; empty for words that still hold.
pub(super) fn untrue(version: &Version, file: &File) -> Vec<String> {
    let known = rules::known(file);
    let now = version.words.letter().findings(&known);
    let same = |a: &Finding, b: &Finding| (a.kind, &a.part, a.start, a.end) == (b.kind, &b.part, b.start, b.end);
    let then: Vec<&Finding> = version.findings.iter().filter(|finding| finding.blocks).collect();
    let stale: Vec<&Finding> = now.iter().filter(|f| !then.iter().any(|known| same(known, f))).collect();
    let moved = version.words.moved(&known, &rules::dated(file));
    let moved = moved.iter().map(|date| format!("something was on {} and is not now", rules::spoken(*date)));
    (!stale.is_empty()).then(|| quoted(&stale)).into_iter().chain(moved).collect()
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
fn follow(
    cx: &mut Cx<'_>,
    team: &Team,
    draft: &mut Draft,
    version: &Version,
    closed: &Approval,
) -> Result<Vec<MessageId>, No> {
    let to = match closed.state {
        ApprovalState::Approved => return send(cx, draft, version, closed),
        ApprovalState::Rejected => DraftState::Rejected,
        ApprovalState::ChangesRequested => DraftState::Blocked,
        ApprovalState::Expired => DraftState::Expired,
        ApprovalState::Withdrawn => DraftState::Withdrawn,
        ApprovalState::Pending | ApprovalState::Superseded => return Ok(Vec::new()),
    };
    turn(cx, draft, to, closed.reason.clone())?;
    let news = match closed.state {
        ApprovalState::ChangesRequested => News::SentBack,
        ApprovalState::Rejected => News::Rejected,
        ApprovalState::Expired => News::Expired,
        _ => return Ok(Vec::new()),
    };
    let mut told: Vec<MemberId> = closed.author.into_iter().collect();
    if news == News::Expired {
        // A letter that nobody decided about is missed by whoever answers for the deal.
        let deal = deal::store::find(cx, draft.deal_id)?;
        let owner = deal.and_then(|deal| deal.owner_id).filter(|owner| !told.contains(owner));
        told.extend(owner);
    }
    tell::of_approval(cx, team, draft, closed, &told, news)?;
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
    if draft.batch_id.is_none() {
        draft.batch_id = Some(BatchId(cx.mint()));
    }
    let messages = messages(draft, version, Some(yes.id), draft.send_at.map_or(now, |at| at.max(now)));
    let queued = outbox::ops::enqueue(cx, &messages)?;
    turn(cx, draft, DraftState::Approved, yes.closed_by.as_ref().map(|by| format!("Approved by {by}.")))?;
    Ok(queued.into_iter().map(outbox::Enqueued::id).collect())
}

/// The messages that a version amounts to, one for each recipient.
pub(super) fn messages(
    draft: &Draft,
    version: &Version,
    approval_id: Option<ApprovalId>,
    due_at: Timestamp,
) -> Vec<NewMessage> {
    let priority = if draft.urgency == Urgency::Urgent { Priority::Urgent } else { Priority::Usual };
    let message = |letter: Rendered| NewMessage {
        occasion: format!("draft:{}:{}:{}", draft.id, version.number, letter.recipient.contact_id),
        topic: rules::topic(draft.kind),
        purpose: Purpose::Transactional,
        channel: letter.recipient.channel,
        to: To::Contact(letter.recipient.contact_id),
        address: letter.recipient.address,
        deal_id: Some(draft.deal_id),
        approval_id,
        batch_id: draft.batch_id,
        content: letter.content,
        priority,
        due_at,
        expires_at: due_at.checked_add(useful()).ok(),
    };
    rendered(version).into_iter().map(message).collect()
}

/// Does what the deadlines that have passed say. Gives how many there were. Part of a loop.
pub fn deadlines(cx: &mut Cx<'_>) -> Result<usize, No> {
    cx.require(Verb::RequestApproval)?;
    let mut ids = approval::ops::lapsed(cx, DEADLINES)?;
    // Always in the same order, so that two who do this at once wait instead of locking each other out.
    ids.sort_unstable();
    if ids.is_empty() {
        return Ok(0);
    }
    let team = Team::load(cx)?;
    let mut count = 0;
    for id in ids {
        let Some(about) = approval::store::find(cx, id)?.filter(|about| about.subject_kind == SUBJECT) else {
            continue;
        };
        let Some(mut draft) = store::hold(cx, DraftId(about.subject_id))? else { continue };
        let Some(lapse) = approval::ops::lapse(cx, id)? else { continue };
        count += 1;
        match lapse {
            Lapse::Reminded { approval, waiting } => {
                tell::of_approval(cx, &team, &draft, &approval, &waiting, News::StillWaits)?;
            }
            Lapse::Escalated { approval, to } => {
                tell::of_approval(cx, &team, &draft, &approval, &to, News::Escalated)?;
            }
            Lapse::Advanced(approval) => {
                let next =
                    approval::ops::waiting_for(cx, &approval)?.into_iter().map(|m| m.id).collect::<Vec<_>>();
                tell::of_approval(cx, &team, &draft, &approval, &next, News::Advanced)?;
                if let Some(version) = newest(cx, &draft)? {
                    card::of_approval(cx, &team, &draft, &version, &approval)?;
                }
            }
            Lapse::Closed(approval) => {
                let version = newest(cx, &draft)?.ok_or_else(|| {
                    Fault::Corrupt(format!("draft {}: {DEADLINE} passed without words", draft.id))
                })?;
                follow(cx, &team, &mut draft, &version, &approval)?;
            }
        }
    }
    Ok(count)
}
