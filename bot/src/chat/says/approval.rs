//! Approvals.

use domain::assist::draft::DraftState;
use domain::assist::draft::check::Finding;
use domain::deals::followup::review::Decided;
use domain::deals::followup::view::{ApprovalSheet, DraftView, LetterSheet, Rendered};
use domain::delivery::policy::Verdict;
use domain::people::reach::Channel;
use domain::workspace::approval::ApprovalState;
use domain::workspace::approval::ops::spoken;
use domain::workspace::approval::view::ApprovalView;

use super::{count, moment};
use crate::chat::reply::plain;
use crate::says::approval::state;

fn names(approval: &ApprovalView) -> String {
    let names: Vec<String> = approval.waiting_for.iter().map(|named| plain(&named.name)).collect();
    if names.is_empty() { "nobody".into() } else { names.join(", ") }
}

pub fn queue(approvals: &[ApprovalView], more: bool) -> String {
    if approvals.is_empty() {
        return "Nothing waits for a yes.".into();
    }
    let line = |a: &ApprovalView| {
        let by = a.due_at.map_or_else(String::new, |at| format!(", until {}", moment(at)));
        format!("- **{}** waits for {}{by}\n", plain(&a.title), names(a))
    };
    let mut text: String = approvals.iter().map(line).collect();
    if more {
        text.push_str("There are more.\n");
    }
    text + "Read and decide: `/approve show`"
}

/// Everything that somebody needs to decide: what it is about, and exactly what would leave.
pub fn sheet(sheet: &ApprovalSheet) -> (String, String) {
    let a = &sheet.detail.approval;
    let mut head = format!("**{}**\nVersion {}, {}.", plain(&a.title), a.subject_version, state(a.state));
    if let (Some(by), Some(at)) = (&a.closed_by, a.closed_at) {
        head.push_str(&format!(" By {} {}.", plain(by), moment(at)));
    }
    if let Some(reason) = &a.reason {
        head.push_str(&format!(" {}", plain(reason)));
    }
    if a.state == ApprovalState::Pending {
        let rule = a.stages.get(a.stage - 1).map(|stage| spoken(stage.rule)).unwrap_or_default();
        head.push_str(&format!(" Stage {} of {} needs {rule}: {}.", a.stage, a.stages.len(), names(a)));
        if let Some(at) = a.due_at {
            head.push_str(&format!(" Until {}.", moment(at)));
        }
    }
    if let Some(letter) =
        sheet.letter.as_ref().filter(|letter| letter.is_blocked() && a.state == ApprovalState::Pending)
    {
        let way = way_out(letter.may_pass_despite(), !letter.messages.is_empty());
        head.push_str(&format!("\n\u{26d4} Nobody can say yes to it as it is. {way}"));
    }
    for vote in &sheet.detail.votes {
        let said = if vote.feedback.is_empty() { String::new() } else { format!(": {}", plain(&vote.feedback)) };
        head.push_str(&format!("\n{}: {}{said}", plain(&vote.by.name), vote.choice.as_str().replace('_', " ")));
    }
    (head, sheet.letter.as_ref().map(leaves).unwrap_or_default())
}

/// Exactly what would leave, to whom, by which way, and what the policy would say.
fn leaves(letter: &LetterSheet) -> String {
    let mut text = format!("Deal: {}\n", plain(&letter.deal_title));
    letter.findings.iter().for_each(|one| text.push_str(&finding(one)));
    if let Some(at) = letter.send_at {
        text.push_str(&format!("To leave: not before {}\n", moment(at)));
    }
    if letter.messages.is_empty() {
        text.push_str("Nobody would get it.\n");
    }
    letter.messages.iter().for_each(|message| text.push_str(&rendered(message)));
    text
}

fn finding(one: &Finding) -> String {
    let mark = if one.blocks { "\u{26d4}" } else { "\u{26a0}" };
    let words = if one.text.is_empty() { String::new() } else { format!(" \"{}\"", plain(&one.text)) };
    format!("{mark}{words} {}\n", plain(&one.why))
}

/// What somebody does about words that nobody can say yes to as they are.
fn way_out(may_pass_despite: bool, reaches_somebody: bool) -> &'static str {
    match (may_pass_despite, reaches_somebody) {
        (_, false) => "`/deal show` says who is on the deal. Edit it again when somebody can be written to.",
        (true, true) => {
            "Edit it; or an approver says why it may go out all the same: `/approve decide` with `despite`."
        }
        (false, true) => "Edit it, then it asks for a yes anew.",
    }
}

fn rendered(m: &Rendered) -> String {
    let way = if m.recipient.channel == Channel::Sms { "Text message" } else { "E-mail" };
    let mut text = format!("\n**{way} to {}** {}\n", plain(&m.recipient.name), plain(&m.recipient.address));
    if let Some(policy) = &m.policy {
        let verdict = match (policy.verdict, policy.next_allowed_at) {
            (Verdict::Allow, _) => "it leaves once it is approved".to_owned(),
            (Verdict::Defer, Some(at)) => format!("it waits until {}. {}", moment(at), plain(&policy.sentence)),
            _ => format!("it does not leave. {} {}", plain(&policy.sentence), plain(&policy.next)),
        };
        text.push_str(&format!("Policy: {verdict}\n"));
    }
    if m.recipient.channel != Channel::Sms {
        text.push_str(&format!("Subject: {}\n", plain(&m.content.subject)));
    }
    text.push_str(&format!("{}\n", plain(&m.content.text)));
    if !m.content.attachments.is_empty() {
        let files: Vec<String> = m.content.attachments.iter().map(|file| plain(&file.name)).collect();
        text.push_str(&format!("With it: {}\n", files.join(", ")));
    }
    text
}

/// The same letters of the letter, whole, as a file for whoever wants to read every line.
pub fn whole(letter: &LetterSheet) -> String {
    crate::says::draft::letters(&letter.messages)
}

/// What came of a vote.
pub fn decided(done: &Decided, by: &str) -> String {
    let a = &done.approval;
    let title = plain(&a.title);
    match a.state {
        ApprovalState::Pending => format!("Your vote on **{title}** is kept. It waits for {}.", names(a)),
        ApprovalState::Approved => format!(
            "**{title}** is approved by {}. {} in the outbox, exactly as approved.",
            plain(by),
            match count(done.queued.len(), "message") {
                one if done.queued.len() == 1 => format!("{one} is"),
                many => format!("{many} are"),
            }
        ),
        ApprovalState::ChangesRequested => {
            format!("**{title}** is sent back for changes by {}. Nothing is sent.", plain(by))
        }
        other => format!("**{title}** is {}. Nothing is sent.", state(other)),
    }
}

/// A press on a card that asks for other words than those that wait now, or that waits no more.
pub fn moved_on(a: &ApprovalView) -> String {
    let title = plain(&a.title);
    let mut text =
        format!("**{title}** is not as it was on this card, so nothing was done. It is {}", state(a.state));
    if let Some(by) = &a.closed_by {
        text.push_str(&format!(" by {}", plain(by)));
    }
    if let Some(at) = a.closed_at {
        text.push_str(&format!(" {}", moment(at)));
    }
    if a.state == ApprovalState::Pending {
        text.push_str(&format!(", in stage {}", a.stage));
    }
    text.push('.');
    text
}

pub const STAGE_MOVED: &str = "Somebody voted since you opened the form. Nothing was changed.";
pub const LOOK_AGAIN: &str = "Read it as it is now, then decide whether it still needs other words.";

/// What came of other words for a letter: what is asked for now, and below it what was found when that keeps it back.
pub fn reworded(was: &ApprovalView, draft: &DraftView) -> (String, String) {
    let version = draft.newest.as_ref();
    let mut text =
        format!("**{}** has version {} now", plain(&was.title), version.map_or(0, |words| words.version));
    let found = match version.filter(|_| draft.state == DraftState::Blocked) {
        None => {
            text.push_str(". It asks for a yes of its own; votes on the words before do not count for it.");
            String::new()
        }
        Some(words) => {
            let way = way_out(words.may_pass_despite(), !words.recipients.is_empty());
            text.push_str(&format!(
                ", and nobody can say yes to it as it is. What keeps it back stands below. {way}"
            ));
            words.findings.iter().map(finding).collect()
        }
    };
    if let (ApprovalState::ChangesRequested, Some(by)) = (was.state, &was.closed_by) {
        let why = was.reason.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "\nWhile you wrote, {} asked for changes: {}",
            plain(by),
            plain(&super::sentence(why))
        ));
    }
    (text, found)
}

pub fn too_long_to_edit(draft: &str) -> String {
    format!(
        "This letter is longer than a form takes. Nothing was changed.\nChange it at the terminal: `milepost draft edit {draft}`, or request changes."
    )
}
