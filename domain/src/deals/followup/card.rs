//! A draft that asks for a yes, where the team talks: what it says, to whom it goes, and the buttons to decide.

use serde::{Deserialize, Serialize};

use super::review::SUBJECT;
use super::sheet::foreseen;
use super::view::{Foresight, Rendered};
use crate::assist::draft::{Draft, DraftState, Version, store};
use crate::deals::{deal, thread};
use crate::delivery::card::{Action, Button, Card, Look, Press};
use crate::delivery::cards::drawn::place;
use crate::delivery::cards::ops::{Held, close, post, redraw};
use crate::delivery::cards::{self, Drawn, Face, Posting, Span};
use crate::delivery::notify::ops::Team;
use crate::delivery::outbox::rules::masked;
use crate::delivery::policy::Verdict;
use crate::delivery::template::Templates;
use crate::delivery::{NewMessage, Priority, Purpose, To};
use crate::kernel::id::{ApprovalId, DealId, DraftId, MemberId};
use crate::kernel::{Cx, Fault, No, time};
use crate::people::reach::{Channel, Topic};
use crate::workspace::approval::{self, Approval, ApprovalState, Choice};

/// Characters of a letter that a card shows; the rest is behind a button.
const MOST_TEXT: usize = 900;
const MOST_LINES: usize = 5;
const MOST_FINDINGS: usize = 4;

/// What a card of an approval rests on, to draw it again. What was foreseen is said as it was when it was posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shows {
    draft: DraftId,
    stage: usize,
    what: String,
    body: String,
    /// Nobody may say yes to it as it is.
    blocked: bool,
}

/// Posts the card of an approval's open stage where the team talks about the deal, once; nowhere when that is not chat.
pub(super) fn of_approval(
    cx: &mut Cx<'_>,
    team: &Team,
    draft: &Draft,
    version: &Version,
    about: &Approval,
) -> Result<(), No> {
    let Some(deal) = deal::store::find(cx, draft.deal_id)? else { return Ok(()) };
    let Some(place) = thread::place(cx, &deal)? else { return Ok(()) };
    let zone = deal.zone();
    let shows = Shows {
        draft: draft.id,
        stage: about.stage,
        what: format!("Version {} of a letter of {}", version.number, deal.title),
        body: body(&foreseen(cx, draft, version, draft.send_at)?, version, &zone),
        blocked: draft.state == DraftState::Blocked,
    };
    let waiting = approval::ops::waiting_for(cx, about)?;
    let called = waiting.iter().filter_map(|m| team.preferences(m.id)?.discord.clone()).collect();
    let face = face(cx, &Templates::load()?, about, &shows)?;
    let mut content = crate::delivery::Content { subject: face.subject.clone(), ..Default::default() };
    face.drawn.onto(&mut content, &zone);
    place.note_on(&mut content);
    let message = NewMessage {
        occasion: format!("approval_card:{}:{}", about.id, about.stage),
        topic: Topic::Approval,
        purpose: Purpose::Internal,
        channel: Channel::Discord,
        to: To::Team,
        address: place.address,
        deal_id: Some(draft.deal_id),
        approval_id: None,
        batch_id: None,
        content,
        priority: Priority::Urgent,
        due_at: cx.now(),
        expires_at: None,
    };
    let posting = Posting {
        card: Card { rows: face.rows, mentions: called },
        kind: cards::Kind::Approval,
        subject: about.id.0,
        as_of: about.version,
        shows: serde_json::to_value(&shows).map_err(|error| Fault::Corrupt(error.to_string()))?,
    };
    post(cx, &[(message, Some(posting))])?;
    Ok(())
}

/// To whom it goes and when, what was found in it, and its words as far as they fit.
fn body(letters: &[Rendered], version: &Version, zone: &jiff::tz::TimeZone) -> String {
    let mut lines: Vec<String> = letters
        .iter()
        .take(MOST_LINES)
        .map(|letter| {
            let to = &letter.recipient;
            let by = to.channel.as_str().replace('_', " ");
            let when =
                letter.policy.as_ref().map_or_else(String::new, |said| format!(": {}", foretold(said, zone)));
            format!("To {} by {by} ({}){when}", to.name, masked(to.channel, &to.address))
        })
        .collect();
    if letters.len() > MOST_LINES {
        lines.push(format!("and {} more", letters.len() - MOST_LINES));
    }
    let findings = version.findings.iter().take(MOST_FINDINGS).map(|finding| match finding.text.as_str() {
        "" => format!("- {}", finding.why),
        text => format!("- \"{text}\": {}", finding.why),
    });
    let findings: Vec<String> = findings.collect();
    if !findings.is_empty() {
        lines.push("What was found in it:".into());
        lines.extend(findings);
    }
    if let Some(first) = letters.first() {
        let text = format!("{}\n\n{}", first.content.subject, first.content.text.trim());
        lines.push(String::new());
        lines.push(match text.chars().count() {
            0..=MOST_TEXT => text,
            _ => format!("{}\u{2026}", text.chars().take(MOST_TEXT).collect::<String>().trim_end()),
        });
    }
    lines.join("\n")
}

/// The policy's word in one line.
fn foretold(said: &Foresight, zone: &jiff::tz::TimeZone) -> String {
    match (said.verdict, said.next_allowed_at) {
        (Verdict::Allow, _) => "would be sent now".into(),
        (Verdict::Defer, Some(until)) => {
            format!("held until {} because: {}", time::moment(until, zone), said.sentence)
        }
        _ => format!("would not be sent: {}", said.sentence),
    }
}

/// What a card says of an approval as it stands.
fn face(cx: &mut Cx<'_>, templates: &Templates, about: &Approval, shows: &Shows) -> Result<Face, No> {
    let mut standing = Drawn::default();
    let open = about.state == ApprovalState::Pending && about.stage == shows.stage;
    let by = about.closed_by.as_deref().unwrap_or("somebody");
    match about.state {
        ApprovalState::Pending if open => {
            let whom: Vec<String> = approval::ops::waiting_for(cx, about)?.into_iter().map(|m| m.name).collect();
            let rule = approval::ops::spoken(about.stages[about.stage].rule);
            let what = if shows.blocked { "needs an edit before" } else { "waits for" };
            match whom.as_slice() {
                [] => standing.push(&format!("It {what} a yes.")),
                whom => standing.push(&format!("It {what} a yes of {rule}: {}.", whom.join(", "))),
            };
            let said = approval::store::votes_on(cx, &[about.id])?;
            for (_, vote) in said.into_iter().filter(|(_, vote)| vote.stage == about.stage) {
                let name = member_name(cx, vote.member)?;
                let said = match vote.choice {
                    Choice::Approve => "said yes",
                    Choice::RequestChanges => "asked for changes",
                    Choice::Reject => "said no",
                    Choice::Abstain => "leaves it to the others",
                };
                standing.push(&format!(" {name} {said}."));
            }
            if let Some(due_at) = about.due_at {
                standing.push(" By ").span(Span::When(due_at)).push(".");
            }
        }
        ApprovalState::Pending => {
            standing.push("\u{2705} This stage said yes; the next one is asked.");
        }
        ApprovalState::Approved => {
            standing.push(&format!("\u{2705} Approved by {by}"));
        }
        ApprovalState::Rejected => {
            standing.push(&format!("\u{274c} Rejected by {by}"));
        }
        ApprovalState::ChangesRequested => {
            standing.push(&format!("\u{270f} {by} asked for changes"));
        }
        ApprovalState::Expired => {
            standing.push("Expired: nobody decided in time, and nothing of it was sent");
        }
        ApprovalState::Superseded => {
            standing.push("Another version took its place");
        }
        ApprovalState::Withdrawn => {
            standing.push(&format!("Withdrawn by {by}"));
        }
    }
    if let Some(at) = about.closed_at {
        standing.push(", ").span(Span::Ago(at));
        let speaks = !matches!(about.state, ApprovalState::Approved | ApprovalState::Expired);
        match about.reason.as_deref().filter(|_| speaks) {
            Some(reason) => standing.push(&format!(": {reason}")),
            None => standing.push("."),
        };
    }
    #[derive(Serialize)]
    struct Context<'a> {
        title: &'a str,
        what: &'a str,
        standing: String,
        body: &'a str,
    }
    let context = Context { title: &about.title, what: &shows.what, standing: place(0), body: &shows.body };
    let words = templates.render("approval_card", &context)?;
    let content = words.content(Channel::Discord);
    Ok(Face {
        subject: content.subject,
        drawn: Drawn::fill(&content.text, &[standing]),
        rows: if open { rows(about, shows.blocked) } else { Vec::new() },
        // A yes may be taken back until all of it has left.
        over: !open && about.state != ApprovalState::Approved,
    })
}

fn member_name(cx: &mut Cx<'_>, id: MemberId) -> Result<String, No> {
    let found = crate::workspace::member::store::find(cx, id)?;
    Ok(found.map_or_else(|| "A former member".into(), |member| member.name))
}

/// What can be decided about an approval right where it is read, as it was shown. Nobody says yes in passing to words that
/// something was found in.
pub fn row(id: ApprovalId, etag: &str, blocked: bool) -> Vec<Button> {
    let press = |action| Press::new(action, id.0, etag);
    let mut row = Vec::new();
    if !blocked {
        row.push(Button::new("Approve", Look::Good, press(Action::Approve)));
    }
    row.push(Button::new("Edit", Look::Plain, press(Action::Edit)));
    row.push(Button::new("Request changes", Look::Plain, press(Action::Changes)));
    row.push(Button::new("Reject", Look::Bad, press(Action::Reject)));
    row
}

/// The same where only the beginning of the words is shown.
fn rows(about: &Approval, blocked: bool) -> Vec<Vec<Button>> {
    let mut row = row(about.id, &about.etag(), blocked);
    row.push(Button::new("Read all", Look::Plain, Press::new(Action::Read, about.id.0, about.etag())));
    vec![row]
}

/// What a member who is asked for a yes has beside the words, where they read in chat.
pub(super) fn of_notice(draft: &Draft, about: &Approval) -> Posting {
    let blocked = draft.state == DraftState::Blocked;
    Posting {
        card: Card { rows: rows(about, blocked), mentions: Vec::new() },
        kind: cards::Kind::Approval,
        subject: about.id.0,
        as_of: about.version,
        shows: serde_json::json!({
            "draft": draft.id, "stage": about.stage, "what": "", "body": "", "blocked": blocked,
        }),
    }
}

/// Draws cards of approvals anew. Gives how many changed.
pub(in crate::deals) fn draw(cx: &mut Cx<'_>, held: &[Held]) -> Result<usize, No> {
    if held.is_empty() {
        return Ok(0);
    }
    let templates = Templates::load()?;
    let mut changed = 0;
    for held in held {
        let about = approval::store::find(cx, ApprovalId(held.card.subject))?;
        let shows: Shows = serde_json::from_value(held.card.shows.clone())
            .map_err(|error| Fault::Corrupt(format!("card {}: {error}", held.card.message_id)))?;
        let Some(about) = about.filter(|about| about.subject_kind == SUBJECT) else {
            close(cx, held)?;
            continue;
        };
        let zone = match store::find(cx, shows.draft)? {
            Some(draft) => zone_of(cx, draft.deal_id)?,
            None => jiff::tz::TimeZone::UTC,
        };
        let face = face(cx, &templates, &about, &shows)?;
        changed += usize::from(redraw(cx, held, about.version, &face, &zone)?);
    }
    Ok(changed)
}

fn zone_of(cx: &mut Cx<'_>, deal: DealId) -> Result<jiff::tz::TimeZone, No> {
    Ok(deal::store::find(cx, deal)?.map_or(jiff::tz::TimeZone::UTC, |deal| deal.zone()))
}
