//! Drafts.

use domain::assist::draft::check::Finding;
use domain::assist::draft::{DraftState, WrittenBy};
use domain::deals::followup::view::{DraftDetail, DraftPreview, DraftView, Foresight, Rendered, VersionView};
use domain::delivery::policy::Verdict;
use domain::people::reach::Channel;

use super::{count, indented, moment, next_page, table};

/// A state as people say it.
pub fn state(state: DraftState) -> &'static str {
    match state {
        DraftState::Waiting => "waiting to be written",
        DraftState::Writing => "being written",
        DraftState::Blocked => "BLOCKED",
        DraftState::InReview => "in review",
        DraftState::Approved => "approved",
        DraftState::Rejected => "rejected",
        DraftState::Expired => "expired, nobody decided",
        DraftState::Withdrawn => "withdrawn",
    }
}

fn to(role: &str) -> String {
    if role.starts_with("contact:") { "one party".into() } else { role.replace('_', " ") }
}

pub fn list(drafts: &[DraftView], cursor: Option<&str>) -> String {
    if drafts.is_empty() {
        return "No draft matches.".into();
    }
    let rows: Vec<_> = drafts
        .iter()
        .map(|draft| {
            vec![
                state(draft.state).to_owned(),
                draft.urgency.to_string(),
                to(&draft.recipient_role),
                draft.newest.as_ref().map_or_else(|| "-".into(), |v| v.subject.clone()),
                draft.deal_title.clone(),
                draft.id.to_string(),
            ]
        })
        .collect();
    table(&["STATE", "URGENCY", "TO", "SUBJECT", "DEAL", "ID"], &rows) + &next_page(cursor)
}

pub fn finding(finding: &Finding) -> String {
    let mark = if finding.blocks { "!" } else { "-" };
    match finding.text.as_str() {
        "" => format!("{mark} {}\n", finding.why),
        text => format!("{mark} {} \"{text}\" in the {}: {}\n", finding.kind, finding.part, finding.why),
    }
}

fn words(version: &VersionView) -> String {
    let who: Vec<String> = version.recipients.iter().map(|r| format!("{} <{}>", r.name, r.address)).collect();
    let who = if who.is_empty() { "nobody".into() } else { who.join(", ") };
    let mut text = format!(
        "Version {} by {} ({}), {}\nTo: {who}\nSubject: {}\n\n{}\n{}",
        version.version,
        version.made_by,
        match version.source {
            WrittenBy::Member => "by hand".to_owned(),
            other => format!("from the {other}"),
        },
        moment(version.made_at),
        version.subject,
        indented(&version.body),
        indented(&version.signature)
    );
    if !version.findings.is_empty() {
        text.push_str("\nFound:\n");
        version.findings.iter().for_each(|one| text.push_str(&indented(&finding(one))));
    }
    text
}

pub fn detail(detail: &DraftDetail) -> String {
    let draft = &detail.draft;
    let mut text = format!(
        "{} to {} of {}: {}, {}.\n",
        super::capital(&draft.kind.as_str().replace('_', " ")),
        to(&draft.recipient_role),
        draft.deal_title,
        state(draft.state),
        draft.urgency
    );
    if let Some(reason) = &detail.reason {
        text.push_str(&format!("{}\n", super::sentence(reason)));
    }
    if let Some(id) = draft.approval_id {
        text.push_str(&format!("Approval: {id}\n"));
    }
    if let Some(id) = detail.batch_id {
        text.push_str(&format!("Batch: {id}\n"));
    }
    text.push_str(&leaves(detail.send_at));
    match &draft.newest {
        Some(version) => text.push_str(&format!("\n{}", words(version))),
        None => text.push_str("\nNobody has written it yet.\n"),
    }
    if !detail.messages.is_empty() {
        let became = super::delivery::became(&detail.messages);
        text.push_str(&format!("\nWhat became of it:\n{}", indented(&became)));
    }
    if detail.versions.len() > 1 {
        text.push_str(&format!("\n{} in all.\n", count(detail.versions.len(), "version")));
    }
    text.push_str(&next(draft));
    text
}

pub fn preview(preview: &DraftPreview) -> String {
    if preview.messages.is_empty() {
        return "There is nothing that anybody would get: the draft has no words, or nobody to go to.".into();
    }
    leaves(preview.send_at) + &letters(&preview.messages)
}

/// When it is to leave, when somebody said so.
fn leaves(send_at: Option<jiff::Timestamp>) -> String {
    send_at.map_or_else(String::new, |at| format!("To leave: not before {}\n", moment(at)))
}

/// Exactly what each recipient gets, and what the policy would say of it.
pub fn letters(letters: &[Rendered]) -> String {
    letters.iter().map(letter).collect::<Vec<_>>().join("\n----------\n\n")
}

fn letter(m: &Rendered) -> String {
    let by = if m.recipient.channel == Channel::Sms { "By text message to" } else { "To" };
    let mut text = format!("{by}: {} <{}>\n", m.recipient.name, m.recipient.address);
    if m.recipient.channel != Channel::Sms {
        text.push_str(&format!("Subject: {}\n", m.content.subject));
    }
    text.push_str(&format!("Hash: {}\n", m.content_hash));
    if let Some(bill) = &m.sms {
        text.push_str(&format!("Text message: {bill}\n"));
    }
    if let Some(policy) = &m.policy {
        text.push_str(&format!("Policy, once approved, on {}: {}\n", moment(policy.at), foreseen(policy)));
    }
    text.push_str(&format!("\n{}\n", m.content.text));
    for file in &m.content.attachments {
        text.push_str(&format!("\nWith it goes {}:\n{}", file.name, indented(&file.text.replace("\r\n", "\n"))));
    }
    text
}

fn foreseen(policy: &Foresight) -> String {
    match (policy.verdict, policy.next_allowed_at) {
        (Verdict::Allow, _) => "it leaves.".into(),
        (Verdict::Defer, Some(until)) => format!("it waits until {}. {}", moment(until), policy.sentence),
        _ => format!("it does not leave. {} {}", policy.sentence, policy.next),
    }
}

/// The state read back after a change.
pub fn changed(draft: &DraftView) -> String {
    let mut text = format!("The draft {} to {} is {}.", draft.id, to(&draft.recipient_role), state(draft.state));
    if let Some(version) = &draft.newest {
        text.push_str(&format!(" Version {}: {}.", version.version, version.subject));
        if draft.state == DraftState::Blocked {
            text.push_str(" Nothing is sent. What keeps it back:\n");
            version.findings.iter().for_each(|one| text.push_str(&indented(&finding(one))));
        }
    }
    match draft.state {
        DraftState::InReview => text.push_str(" Nothing is sent before a member approves it."),
        DraftState::Withdrawn => text.push_str(" Nothing of it is sent."),
        _ => {}
    }
    text.push_str(&next(draft));
    text
}

/// What somebody does about it now.
fn next(draft: &DraftView) -> String {
    let id = draft.id;
    match (draft.state, draft.approval_id) {
        (DraftState::Waiting, _) => "\nA running server writes it; or now: milepost draft write".into(),
        (DraftState::Blocked, _) if draft.newest.as_ref().is_some_and(|version| version.recipients.is_empty()) => {
            let deal = draft.deal_id;
            format!("\nWho is on the deal, with which address: milepost deal show {deal}\n")
        }
        (DraftState::Blocked, _) => format!("\nChange it: milepost draft edit {id} --subject ... --body ...\n"),
        (DraftState::InReview, Some(approval)) => format!(
            "\nWhat each recipient would get: milepost draft preview {id}\n\
             Decide: milepost --as EMAIL approval vote {approval} --choice approve (or request-changes, reject)\n"
        ),
        _ => String::new(),
    }
}

pub fn written(drafts: &[DraftView]) -> String {
    if drafts.is_empty() {
        return "No draft waits to be written.".into();
    }
    let mut text =
        format!("{} written. Nothing is sent before a member approves it.\n", count(drafts.len(), "draft"));
    text.push_str(&list(drafts, None));
    if drafts.iter().any(|draft| draft.state == DraftState::Blocked) {
        text.push_str("\nWhat keeps a blocked one back: milepost draft show ID\n");
    }
    text + "\nTo decide about them: milepost approval list\n"
}
