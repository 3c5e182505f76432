//! Words of people's and agents' own: proposing a letter, editing one, taking one back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{self, File};
use super::ops::{missing, new_draft, newest, seen, subject, withdraw_held};
use super::review::{self, quoted};
use super::rules;
use super::view::DraftView;
use crate::assist::draft::check::{Finding, FindingKind};
use crate::assist::draft::letter::{Letter, Words};
use crate::assist::draft::{Draft, DraftKind, DraftState, Event, Recipient, Version, WrittenBy, store};
use crate::deals::deal::{self, DealStatus, PartyRole};
use crate::kernel::id::{ContactId, DealId, DraftId, MemberId};
use crate::kernel::{ActorKind, Code, Cx, No, Problem, Refusal, text};
use crate::people::reach::Channel;
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
}

/// Puts a letter up for approval. Nothing is sent before a person says yes.
///
/// Words that state what does not stand in the deal are refused when a program wrote them, and flagged when a person did.
pub fn propose(cx: &mut Cx<'_>, cmd: &ProposeDraft) -> Result<DraftView, No> {
    cx.require(Verb::ProposeDraft)?;
    let letter = Letter { subject: cmd.subject.clone(), body: cmd.body.clone() }.checked()?;
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
    let recipients = recipients(&file, &to);
    if recipients.is_empty() {
        let field = if cmd.role.is_some() { "role" } else { "contact_id" };
        return Err(vec![Problem::new(field, "is nobody on this deal who has an e-mail address.")].into());
    }
    let mut draft = new_draft(cx, String::new(), DraftKind::Message, deal.id, to.clone());
    draft.occasion = format!("message:{}", draft.id);
    // It never waits for a writer.
    draft.state = DraftState::InReview;
    let version = version(cx, &file, &draft, letter, recipients)?;
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
/// worked out anew.
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
    let Some(before) = before.filter(|_| matches!(draft.state, DraftState::InReview | DraftState::Blocked)) else {
        return Err(not_now(&draft).into());
    };
    let letter = Letter {
        subject: cmd.subject.clone().unwrap_or(before.words.subject),
        body: cmd.body.clone().unwrap_or(before.words.body),
    };
    let letter = letter.checked()?;
    let file = facts::gather(cx, draft.deal_id)?;
    let recipients = recipients(&file, &draft.recipient_role);
    let version = version(cx, &file, &draft, letter, recipients)?;
    let author = author(cx);
    review::open(cx, &mut draft, &file, version, author, None)?;
    seen(cx, &draft)
}

fn not_now(draft: &Draft) -> Refusal {
    let (what, next) = match draft.state {
        DraftState::Waiting | DraftState::Writing => {
            ("is being written", "Try again in a minute, when its words are there.")
        }
        DraftState::Approved => ("is approved and on its way", "Propose another message instead."),
        DraftState::Rejected => ("is rejected", "Propose another message instead."),
        DraftState::Expired => ("has expired", "Propose another message instead."),
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
    withdraw_held(cx, id, &reason)?;
    let draft = store::find(cx, id)?.ok_or_else(missing)?;
    seen(cx, &draft)
}

/// Those whom a draft is for, as the deal has them now.
fn recipients(file: &File, to: &str) -> Vec<Recipient> {
    if let Ok(role) = to.parse::<PartyRole>() {
        return rules::recipients(file, role);
    }
    let wanted = to.strip_prefix("contact:").and_then(|id| id.parse::<ContactId>().ok());
    let party = file.parties.iter().find(|(_, contact)| Some(contact.id) == wanted);
    party.and_then(|(_, contact)| rules::recipient(contact)).into_iter().collect()
}

fn author(cx: &Cx<'_>) -> Option<MemberId> {
    cx.actor().id.filter(|_| cx.actor().kind == ActorKind::Member).map(MemberId)
}

fn version(
    cx: &Cx<'_>,
    file: &File,
    draft: &Draft,
    letter: Letter,
    recipients: Vec<Recipient>,
) -> Result<Version, No> {
    let mut findings = letter.findings(&rules::known(file));
    if cx.is_program() && !findings.is_empty() {
        let problem = |f: &Finding| {
            let sentence = format!("bytes {} to {} say {}.", f.start, f.end, quoted(&[f]));
            Problem::new(f.part.clone(), sentence)
        };
        return Err(findings.iter().map(problem).collect::<Vec<_>>().into());
    }
    if recipients.is_empty() {
        findings.push(Finding {
            kind: FindingKind::Recipient,
            part: String::new(),
            start: 0,
            end: 0,
            text: String::new(),
            why: "Nobody it is for has an e-mail address. Add one (milepost contact edit), then edit the draft."
                .into(),
            blocks: true,
        });
    }
    Ok(Version {
        number: draft.current + 1,
        channel: Channel::Email,
        recipients,
        words: Words::of(letter, &rules::signature(file), rules::dated(file)),
        content_hash: String::new(),
        source: if cx.is_program() { WrittenBy::Agent } else { WrittenBy::Member },
        findings,
        made_by: cx.actor().name.clone(),
        made_at: cx.now(),
    })
}
