//! `/approve`

use domain::deals::followup::card::row;
use domain::deals::followup::review::{self, Decide};
use domain::deals::followup::sheet;
use domain::deals::followup::view::{ApprovalSheet, LetterSheet};
use domain::kernel::Refusal;
use domain::kernel::page::Ask;
use domain::workspace::approval::ops::{self, ListApprovals};
use domain::workspace::approval::{ApprovalState, Choice};

use super::{Command, not_understood, offered as pick, one_of, text};
use crate::chat::asked::Call;
use crate::chat::caller::Caller;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;
use crate::chat::spec::{Kind, Opt, Verb};

pub fn spec() -> Command {
    let verb = |name, about, options| Verb { name, about, options };
    let approval = || pick("approval", "What waits for a yes: type a part of its title").needed();
    Command {
        name: "approve",
        about: "What waits for a yes",
        options: vec![],
        verbs: vec![
            verb(
                "queue",
                "List what waits, yours first",
                vec![Opt::new("all", "Also what waits for others", Kind::Flag)],
            ),
            verb("show", "Show exactly what would leave, to whom, and decide", vec![approval()]),
            verb(
                "decide",
                "Say yes or no",
                vec![
                    approval(),
                    one_of("choice", "What you say", &["approve", "request_changes", "reject", "abstain"])
                        .needed(),
                    text("why", "What would have to change, or why not", 1_000),
                    text(
                        "despite",
                        "With a yes: why words that state what does not stand in the deal may go out",
                        1_000,
                    ),
                ],
            ),
        ],
    }
}

pub async fn run(caller: &Caller, verb: &str, call: &Call) -> Result<Reply, Refusal> {
    match verb {
        "queue" => {
            let mine = (!call.flag("all")).then_some(caller.who.actor.id).flatten();
            let wanted = ListApprovals {
                waiting_for: mine.map(domain::kernel::id::MemberId),
                ask: Ask { cursor: None, limit: Some(10) },
                ..ListApprovals::default()
            };
            let page = caller.look(move |cx| ops::list(cx, &wanted)).await?;
            Ok(Say::privately(says::queue(&page.items, page.next_cursor.is_some())).into())
        }
        "show" => {
            let id = call.approval()?;
            let sheet = caller.look(move |cx| sheet::approval(cx, id)).await?;
            Ok(shown(&sheet).into())
        }
        "decide" => {
            let choice: Choice = call.text("choice").unwrap_or_default().parse().unwrap_or(Choice::Abstain);
            let cmd = Decide {
                feedback: call.owned("why"),
                despite: call.owned("despite"),
                ..Decide::of(call.approval()?, choice)
            };
            let done = caller.act(move |cx| review::decide(cx, &cmd)).await?;
            Ok(Say::publicly(says::decided(&done, &caller.who.actor.name)).into())
        }
        _ => Ok(not_understood()),
    }
}

/// What waits, whole, with buttons while it does.
pub fn shown(sheet: &ApprovalSheet) -> Say {
    let (head, frame) = says::sheet(sheet);
    let say = Say::privately(head).framed(frame.as_str());
    let say = match &sheet.letter {
        // What does not fit goes along whole.
        Some(letter) if frame.encode_utf16().count() > 4_000 => {
            say.file("letter.txt", says::whole(letter).into_bytes())
        }
        _ => say,
    };
    if sheet.detail.approval.state != ApprovalState::Pending {
        return say;
    }
    let about = &sheet.detail.approval;
    let blocked = sheet.letter.as_ref().is_some_and(LetterSheet::is_blocked);
    say.with(row(about.id, &about.etag(), blocked))
}
