//! Approvals.

use domain::deals::followup::review::Decided;
use domain::deals::followup::view::{ApprovalSheet, LetterSheet};
use domain::workspace::approval::ops::spoken;
use domain::workspace::approval::view::{ApprovalDetail, ApprovalView, VoteView};
use domain::workspace::approval::{ApprovalState, OnDeadline, Stage};

use super::{count, indented, moment, next_page, table};

/// A state as people say it. Expired is never said as declined.
pub fn state(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Pending => "pending",
        ApprovalState::Approved => "approved",
        ApprovalState::Rejected => "rejected",
        ApprovalState::ChangesRequested => "sent back for changes",
        ApprovalState::Expired => "expired, nobody decided",
        ApprovalState::Superseded => "replaced by a newer version",
        ApprovalState::Withdrawn => "withdrawn",
    }
}

fn names(approval: &ApprovalView) -> String {
    let names: Vec<&str> = approval.waiting_for.iter().map(|named| named.name.as_str()).collect();
    names.join(", ")
}

pub fn list(approvals: &[ApprovalView], cursor: Option<&str>) -> String {
    if approvals.is_empty() {
        return "No approval matches.".into();
    }
    let rows: Vec<_> = approvals
        .iter()
        .map(|a| {
            vec![
                state(a.state).to_owned(),
                moment(a.opened_at),
                a.title.clone(),
                if a.waiting_for.is_empty() { "-".into() } else { names(a) },
                a.id.to_string(),
            ]
        })
        .collect();
    table(&["STATE", "SINCE", "WHAT", "WAITS FOR", "ID"], &rows) + &next_page(cursor)
}

fn vote(vote: &VoteView) -> String {
    let said = if vote.feedback.is_empty() { String::new() } else { format!(": {}", vote.feedback) };
    let choice = vote.choice.as_str().replace('_', " ");
    format!("{} (stage {}, {}): {choice}{said}\n", vote.by.name, vote.stage, moment(vote.cast_at))
}

/// Everything that somebody needs to decide.
pub fn sheet(sheet: &ApprovalSheet) -> String {
    let ApprovalSheet { detail, letter } = sheet;
    let mut text = about(detail);
    if let Some(letter) = letter {
        text.push_str(&format!("\n{}", what_leaves(letter)));
    }
    text + &said(detail)
}

fn what_leaves(letter: &LetterSheet) -> String {
    let mut text = String::new();
    if !letter.findings.is_empty() {
        text.push_str("Found:\n");
        letter.findings.iter().for_each(|one| text.push_str(&indented(&super::draft::finding(one))));
        text.push('\n');
    }
    match letter.changed.as_deref().map(str::trim_end) {
        None => {}
        Some("") => text.push_str("The words are those of the version before.\n\n"),
        Some(changed) => {
            text.push_str(&format!("What changed from the version before:\n{}\n", indented(changed)));
        }
    }
    if let Some(at) = letter.send_at {
        text.push_str(&format!("To leave: not before {}\n\n", moment(at)));
    }
    let letters = match letter.messages.is_empty() {
        true => "Nobody would get it.\n".to_owned(),
        false => super::draft::letters(&letter.messages),
    };
    text.push_str(&format!("----------\n\n{letters}\n----------\n"));
    if !letter.deliveries.is_empty() {
        let became = super::delivery::became(&letter.deliveries);
        text.push_str(&format!("\nWhat became of it:\n{}", indented(&became)));
    }
    text
}

fn about(detail: &ApprovalDetail) -> String {
    let a = &detail.approval;
    let mut text = format!(
        "{}\nVersion {} of the {} {}, asked for by {} on {}.\n{}.",
        a.title,
        a.subject_version,
        a.subject_kind,
        a.subject_id,
        a.requested_by,
        moment(a.opened_at),
        super::sentence(state(a.state)).trim_end_matches('.')
    );
    if let (Some(by), Some(at)) = (&a.closed_by, a.closed_at) {
        text.push_str(&format!(" Closed by {by} on {}.", moment(at)));
    }
    if let Some(reason) = &a.reason {
        text.push_str(&format!(" Reason: {reason}"));
    }
    if a.state == ApprovalState::Pending {
        let rule = a.stages.get(a.stage - 1).map(|stage| spoken(stage.rule)).unwrap_or_default();
        text.push_str(&format!(" Stage {} of {} needs {rule}: {}.", a.stage, a.stages.len(), names(a)));
        if a.stages.get(a.stage - 1).is_some_and(|stage| !stage.four_eyes) {
            text.push_str(" Nobody else could, so whoever wrote it may decide.");
        }
        if let (Some(due), Some(stage)) = (a.due_at, a.stages.get(a.stage - 1)) {
            text.push_str(&format!(" Deadline: {}; {}.", moment(due), on_deadline(stage)));
        }
    }
    text.push_str(&format!("\nContent: {}\n", a.content_hash));
    text
}

/// What happens when nobody decides in time.
fn on_deadline(stage: &Stage) -> String {
    match stage.on_deadline {
        OnDeadline::Escalate(role) if stage.escalated_to.is_none() => format!("then any {role} may decide alone"),
        OnDeadline::Remind | OnDeadline::Escalate(_) => "then they are told again".into(),
        OnDeadline::AutoApprove => "then it counts as approved".into(),
        OnDeadline::AutoReject => "then it expires".into(),
    }
}

/// The votes, and how to give one.
fn said(detail: &ApprovalDetail) -> String {
    let a = &detail.approval;
    let mut text = String::new();
    if !detail.votes.is_empty() {
        text.push_str("\nVotes:\n");
        detail.votes.iter().for_each(|one| text.push_str(&indented(&vote(one))));
    }
    let earlier = detail.rounds.iter().filter(|round| round.approval_id != a.id && !round.feedback.is_empty());
    for round in earlier {
        text.push_str(&format!("\nSaid of version {} ({}):\n", round.subject_version, state(round.state)));
        round.feedback.iter().for_each(|one| text.push_str(&indented(&vote(one))));
    }
    if a.state == ApprovalState::Pending {
        text.push_str(&format!(
            "\nDecide: milepost --as EMAIL approval vote {} --choice approve (or request-changes, reject)\n",
            a.id
        ));
    }
    text
}

/// What came of a vote.
pub fn decided(done: &Decided) -> String {
    let a = &done.approval;
    match a.state {
        ApprovalState::Pending if a.stages.len() > 1 => {
            format!("Your vote is kept. Stage {} of {} waits for {}.", a.stage, a.stages.len(), names(a))
        }
        ApprovalState::Pending => format!("Your vote is kept. It still waits for {}.", names(a)),
        ApprovalState::Approved => format!(
            "Approved. {} in the outbox, exactly as approved. What becomes of it: milepost draft show {}",
            match count(done.queued.len(), "message") {
                one if done.queued.len() == 1 => format!("{one} is"),
                many => format!("{many} are"),
            },
            done.draft.id
        ),
        ApprovalState::ChangesRequested => format!(
            "The draft is sent back for changes. Nothing is sent. Change it: milepost draft edit {}",
            done.draft.id
        ),
        other => format!("The draft is {}. Nothing is sent.", state(other)),
    }
}
