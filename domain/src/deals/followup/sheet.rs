//! What somebody looks at before saying yes: exactly what each recipient gets, and what the policy would say of it.

use jiff::Timestamp;
use similar::{ChangeTag, TextDiff};

use super::ops::{missing, newest, seen};
use super::review::{self, SUBJECT, messages, rendered};
use super::view::{ApprovalSheet, DraftPreview, LetterSheet, Rendered};
use crate::assist::draft::{Draft, DraftState, Version, store};
use crate::deals::deal;
use crate::delivery::outbox::rules::masked;
use crate::delivery::sms::Bill;
use crate::delivery::{outbox, policy, settings};
use crate::kernel::id::{ApprovalId, DraftId};
use crate::kernel::{Cx, Fault, No};
use crate::people::reach::Channel;
use crate::workspace::access::{Require, Verb};
use crate::workspace::approval::{self, ApprovalState};

/// What each recipient would get of the newest words, and what the policy would say when it leaves: at `at`, else when the
/// draft says, else now.
pub fn preview(cx: &mut Cx<'_>, id: DraftId, at: Option<Timestamp>) -> Result<DraftPreview, No> {
    cx.require(Verb::ReadDrafts)?;
    let draft = store::find(cx, id)?.ok_or_else(missing)?;
    let send_at = review::leaves_at(cx, at)?.or(draft.send_at);
    let messages = match newest(cx, &draft)? {
        Some(version) => foreseen(cx, &draft, &version, send_at)?,
        None => Vec::new(),
    };
    Ok(DraftPreview { draft: seen(cx, &draft)?, send_at, messages })
}

/// An approval with what it is about, its votes, and what became of what was approved.
pub fn approval(cx: &mut Cx<'_>, id: ApprovalId) -> Result<ApprovalSheet, No> {
    let detail = approval::ops::get(cx, id)?;
    let letter = match detail.approval.subject_kind.as_str() {
        SUBJECT => Some(letter(cx, id, &detail)?),
        _ => None,
    };
    Ok(ApprovalSheet { detail, letter })
}

fn letter(cx: &mut Cx<'_>, id: ApprovalId, about: &approval::view::ApprovalDetail) -> Result<LetterSheet, No> {
    cx.require(Verb::ReadDrafts)?;
    let draft = store::find(cx, DraftId(about.approval.subject_id))?.ok_or_else(missing)?;
    let number = about.approval.subject_version;
    let versions: Vec<Version> = store::versions(cx, &[draft.id])?.into_iter().map(|(_, v)| v).collect();
    let before = versions.iter().filter(|v| v.number < number).max_by_key(|v| v.number).cloned();
    let version = versions.into_iter().find(|v| v.number == number);
    let version =
        version.ok_or_else(|| Fault::Corrupt(format!("approval {id} is about words that are not there")))?;
    let titles = deal::store::titles(cx, &[draft.deal_id])?;
    let messages = match about.approval.state {
        ApprovalState::Pending => foreseen(cx, &draft, &version, draft.send_at)?,
        _ => as_shown(cx, rendered(&version))?,
    };
    Ok(LetterSheet {
        draft_id: draft.id,
        draft_state: draft.state,
        deal_id: draft.deal_id,
        deal_title: titles.get(&draft.deal_id).cloned().unwrap_or_default(),
        version: version.number,
        changed: before.map(|before| difference(&before, &version)),
        source: version.source,
        made_by: version.made_by,
        findings: version.findings,
        send_at: draft.send_at,
        messages,
        deliveries: outbox::view::of_approvals(cx, &[id])?,
    })
}

/// What changed from one version's words to another's, as people read it in a diff.
fn difference(before: &Version, after: &Version) -> String {
    let text =
        |v: &Version| format!("{}\n\n{}\n{}\n", v.words.subject, v.words.body.trim_end(), v.words.signature);
    let mut lines = String::new();
    for change in TextDiff::from_lines(&text(before), &text(after)).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        lines.push(sign);
        lines.push(' ');
        lines.push_str(change.value());
    }
    lines
}

/// With the policy's word as it would be if a person had said yes.
pub(super) fn foreseen(
    cx: &mut Cx<'_>,
    draft: &Draft,
    version: &Version,
    send_at: Option<Timestamp>,
) -> Result<Vec<Rendered>, No> {
    let mut letters = rendered(version);
    if matches!(draft.state, DraftState::InReview | DraftState::Blocked) {
        let at = send_at.map_or(cx.now(), |at| at.max(cx.now()));
        let said = policy::ops::foresee(cx, &messages(draft, version, None, at), at)?;
        for (letter, said) in letters.iter_mut().zip(said) {
            letter.policy = Some(said.into());
        }
    }
    as_shown(cx, letters)
}

/// With what texts take. Programs see addresses masked.
fn as_shown(cx: &mut Cx<'_>, mut letters: Vec<Rendered>) -> Result<Vec<Rendered>, No> {
    if letters.iter().any(|letter| letter.recipient.channel == Channel::Sms) {
        let price = settings::store::find(cx)?.settings.sms_segment_price;
        for letter in letters.iter_mut().filter(|letter| letter.recipient.channel == Channel::Sms) {
            letter.sms = Some(Bill::of(&letter.content.text, price.as_ref()));
        }
    }
    if cx.is_program() {
        for letter in &mut letters {
            letter.recipient.address = masked(letter.recipient.channel, &letter.recipient.address);
        }
    }
    Ok(letters)
}
