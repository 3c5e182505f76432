//! Words of people's and agents' own: proposing a letter, editing one, taking one back.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{self, File};
use super::ops::{missing, new_draft, newest, seen, subject};
use super::review::{self, quoted};
use super::view::DraftView;
use super::{rules, take_back};
use crate::assist::draft::check::Finding;
use crate::assist::draft::letter::Letter;
use crate::assist::draft::{Draft, DraftKind, DraftState, Event, Version, WrittenBy, store};
use crate::deals::deal::{self, CLOSING_DATE, DealStatus, PartyRole};
use crate::deals::milestone::State;
use crate::kernel::id::{BatchId, ContactId, DealId, DraftId, MemberId};
use crate::kernel::{ActorKind, Code, Cx, No, Problem, Refusal, text};
use crate::people::reach::Topic;
use crate::workspace::access::{Require, Verb};

/// A letter to a party of a deal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ProposeDraft {
    pub deal_id: DealId,
    /// Everybody with this role on the deal. Either this or `contact_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PartyRole")]
    pub role: Option<String>,
    /// One party of the deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ContactId")]
    pub contact_id: Option<ContactId>,
    /// One line, at most 200 characters.
    pub subject: String,
    /// Plain text without greeting and signature; those are added for each recipient.
    pub body: String,
    /// Not before this instant, within 7 days; at once after the approval when left out. Whoever approves may set another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub send_at: Option<Timestamp>,
}

/// Puts a letter up for approval. Nothing is sent before a person says yes.
///
/// Words that state what does not stand in the deal are refused when a program wrote them, and flagged when a person did.
pub fn propose(cx: &mut Cx<'_>, cmd: &ProposeDraft) -> Result<DraftView, No> {
    cx.require(Verb::ProposeDraft)?;
    let letter = Letter { subject: cmd.subject.clone(), body: cmd.body.clone() }.checked()?;
    let send_at = review::leaves_at(cx, cmd.send_at)?;
    let deal = deal::store::hold(cx, cmd.deal_id)?.ok_or_else(|| Refusal::not_found("deal"))?;
    if deal.status == DealStatus::Cancelled {
        return Err(Refusal::new(
            Code::WrongState,
            "The deal is cancelled, so nothing is sent about it. Nothing was changed.",
            "Write to the people concerned by yourself if something is left to say.",
        )
        .into());
    }
    let to = match (&cmd.role, cmd.contact_id) {
        (Some(role), None) => deal::intake::word::<PartyRole>("role", role).map_err(|p| vec![p])?.to_string(),
        (None, Some(contact)) => format!("contact:{contact}"),
        _ => return Err(vec![Problem::new("role", "Name either a role or a contact_id, not both.")].into()),
    };
    let file = facts::gather(cx, deal.id)?;
    if rules::audience(&file, &to, Topic::Message).recipients.is_empty() {
        let field = if cmd.role.is_some() { "role" } else { "contact_id" };
        let sentence = "is nobody on this deal who has an e-mail address or has agreed to text messages.";
        return Err(vec![Problem::new(field, sentence)].into());
    }
    let mut draft = new_draft(cx, String::new(), DraftKind::Message, deal.id, to.clone());
    draft.occasion = format!("message:{}", draft.id);
    // It never waits for a writer.
    draft.state = DraftState::InReview;
    draft.batch_id = Some(BatchId(cx.mint()));
    draft.send_at = send_at;
    let version = version(cx, &file, &draft, letter)?;
    store::insert(cx, std::slice::from_ref(&draft))?;
    let event = Event::Begun { deal_id: deal.id, kind: draft.kind, milestone_id: None, recipient_role: to };
    cx.record(subject(draft.id), &event)?;
    let author = author(cx);
    review::open(cx, &mut draft, &file, version, author, None)?;
    seen(cx, &draft)
}

/// Other words for a draft.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct EditDraft {
    pub id: DraftId,
    /// The version of the words that you read; refused when there is a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32")]
    pub version: Option<i32>,
    /// Stays when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub subject: Option<String>,
    /// Stays when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub body: Option<String>,
}

/// Makes a new version with an approval of its own: votes on the one before do not count for it. Recipients and signature are
/// worked out anew. What expired is asked for anew in this way, in the same words or others.
pub fn edit(cx: &mut Cx<'_>, cmd: &EditDraft) -> Result<DraftView, No> {
    cx.require(Verb::ProposeDraft)?;
    let found = store::find(cx, cmd.id)?.ok_or_else(missing)?;
    deal::store::hold(cx, found.deal_id)?.ok_or_else(missing)?;
    let mut draft = store::hold(cx, cmd.id)?.ok_or_else(missing)?;
    let before = newest(cx, &draft)?;
    if let (Some(yours), Some(now)) = (cmd.version, &before)
        && yours != now.number
    {
        return Err(Refusal::stale("draft", yours.into(), now.number.into()).into());
    }
    let open = matches!(draft.state, DraftState::InReview | DraftState::Blocked | DraftState::Expired);
    let Some(before) = before.filter(|_| open) else {
        return Err(not_now(&draft).into());
    };
    let file = facts::gather(cx, draft.deal_id)?;
    if draft.state == DraftState::Expired {
        still_wanted(&file, &draft)?;
    }
    let letter = Letter {
        subject: cmd.subject.clone().unwrap_or(before.words.subject),
        body: cmd.body.clone().unwrap_or(before.words.body),
    };
    let letter = letter.checked()?;
    let version = version(cx, &file, &draft, letter)?;
    let author = author(cx);
    review::open(cx, &mut draft, &file, version, author, None)?;
    seen(cx, &draft)
}

/// What expired is not taken back when its reason goes, so it is looked at here.
fn still_wanted(file: &File, draft: &Draft) -> Result<(), Refusal> {
    let status = file.deal.status;
    let done = file.milestones.iter().find(|m| Some(m.id) == draft.milestone_id);
    let closing = file.deal.key_dates.get(CLOSING_DATE).map(ToString::to_string).unwrap_or_default();
    let of_closing = draft.occasion.strip_prefix("checklist:").and_then(|rest| rest.split(':').nth(1));
    let gone = match draft.kind {
        _ if status == DealStatus::Cancelled => "The deal is cancelled.",
        DraftKind::FollowUp if !done.is_some_and(|m| matches!(m.state, State::Completed { .. })) => {
            "Its milestone is not completed."
        }
        DraftKind::Checklist if status != DealStatus::Active => "The deal is not active.",
        DraftKind::Checklist if of_closing.is_some_and(|on| on != closing) => "The closing date is another one.",
        DraftKind::FollowUp | DraftKind::Checklist | DraftKind::Message => return Ok(()),
    };
    Err(Refusal::new(
        Code::WrongState,
        format!("The draft has expired, and it is not wanted any more: {gone} Nothing was changed."),
        "Propose another message if something is left to say.",
    ))
}

fn not_now(draft: &Draft) -> Refusal {
    let (what, next) = match draft.state {
        DraftState::Waiting | DraftState::Writing => {
            ("is being written", "Try again in a minute, when its words are there.")
        }
        DraftState::Approved => ("is approved and on its way", "Propose another message instead."),
        DraftState::Rejected => ("is rejected", "Propose another message instead."),
        DraftState::Expired => ("has expired", "Edit it to ask anew."),
        DraftState::Withdrawn => ("is withdrawn", "Propose another message instead."),
        DraftState::InReview | DraftState::Blocked => ("has no words", "Try again in a minute."),
    };
    Refusal::new(Code::WrongState, format!("The draft {what}. Nothing was changed."), next)
}

/// Takes back a draft that nobody has decided about.
pub fn withdraw(cx: &mut Cx<'_>, id: DraftId, reason: &str) -> Result<DraftView, No> {
    cx.require(Verb::ProposeDraft)?;
    let reason = text::line("reason", reason, text::REASON).map_err(|problem| vec![problem])?;
    let found = store::find(cx, id)?.ok_or_else(missing)?;
    deal::store::hold(cx, found.deal_id)?.ok_or_else(missing)?;
    let draft = store::hold(cx, id)?.ok_or_else(missing)?;
    if draft.state.is_settled() {
        return Err(not_now(&draft).into());
    }
    if cx.is_program() {
        return Err(Refusal::new(
            Code::Forbidden,
            "Taking back a draft is a person's decision. Nothing was changed.",
            "Ask one of its approvers to reject it.",
        )
        .into());
    }
    take_back::withdraw(cx, id, &reason)?;
    let draft = store::find(cx, id)?.ok_or_else(missing)?;
    seen(cx, &draft)
}

fn author(cx: &Cx<'_>) -> Option<MemberId> {
    cx.actor().id.filter(|_| cx.actor().kind == ActorKind::Member).map(MemberId)
}

fn version(cx: &Cx<'_>, file: &File, draft: &Draft, letter: Letter) -> Result<Version, No> {
    let mut findings = letter.findings(&rules::known(file));
    if cx.is_program() && !findings.is_empty() {
        let problem = |f: &Finding| {
            let sentence = format!("bytes {} to {} say {}.", f.start, f.end, quoted(&[f]));
            Problem::new(f.part.clone(), sentence)
        };
        return Err(findings.iter().map(problem).collect::<Vec<_>>().into());
    }
    let words = rules::words(file, draft, letter, cx.now());
    let audience = rules::audience(file, &draft.recipient_role, rules::topic(draft.kind));
    findings.extend(rules::audience_findings(&audience, &draft.recipient_role, &words));
    Ok(Version {
        number: draft.current + 1,
        recipients: audience.recipients,
        words,
        content_hash: String::new(),
        source: if cx.is_program() { WrittenBy::Agent } else { WrittenBy::Member },
        findings,
        made_by: cx.actor().name.clone(),
        made_at: cx.now(),
    })
}
