//! Forms that a press opens, and what comes of them. What somebody typed is not lost: when it is not taken it is kept, and
//! the form opens again as it was filled in; when not even that works, it stands in the answer.

use std::collections::BTreeMap;

use domain::assist::draft::DraftState;
use domain::deals::followup::ops as drafts;
use domain::deals::followup::propose::{self, EditDraft};
use domain::deals::followup::review::Decide;
use domain::deals::followup::sheet;
use domain::deals::followup::view::{ApprovalSheet, VersionView};
use domain::deals::milestone::ops::{self as milestones, WaiveMilestone};
use domain::deals::milestone::view::MilestoneView;
use domain::delivery::card::{Action, Button, Look, Press};
use domain::kernel::id::{ApprovalId, DraftId, MilestoneId};
use domain::kernel::{Code, Cx, No, Refusal};
use domain::people::chat::pending;
use domain::workspace::approval::view::ApprovalView;
use domain::workspace::approval::{ApprovalState, Choice, ops as approvals};
use uuid::Uuid;

use super::caller::Caller;
use super::commands::{approve, milestone};
use super::forms::{self, Purpose, TypedDeal};
use super::presses::{Came, Pending, as_shown, changed_since, is_as_shown, new_deal, vote};
use super::reply::{Form, MOST_FIELD, Reply, Say};
use super::says;

type Fields = BTreeMap<String, String>;

/// Asks why a milestone is not needed.
pub async fn ask_why(caller: &Caller, id: MilestoneId, etag: String) -> Result<Reply, Refusal> {
    let m = caller.look(move |cx| milestones::get(cx, id)).await?;
    Ok(if !is_as_shown(&m, &etag) {
        changed_since(caller, &m).into()
    } else if m.ended_at.is_some() {
        Say::privately(says::as_it_is(&m, caller.today())).into()
    } else {
        Reply::Form(why_not_needed(&m))
    })
}

fn why_not_needed(m: &MilestoneView) -> Form {
    let purpose = Purpose::Waive(m.id.0, m.version.to_string());
    forms::why(&purpose, &format!("Do without {}", m.title), "Why it is not needed", m.required)
}

/// Asks what would have to change, why not, or for other words.
pub async fn ask_words(caller: &Caller, action: Action, id: ApprovalId, etag: String) -> Result<Reply, Refusal> {
    let now = caller.look(move |cx| Now::of(cx, id)).await?;
    let about = now.about();
    if about.id != id || about.state != ApprovalState::Pending || about.etag() != etag {
        return Ok(moved(caller, id).await?.into());
    }
    let (id, draft) = (id.0, now.sheet.letter.as_ref().map(|letter| letter.draft_id));
    Ok(match (action, draft, &now.words) {
        (Action::Changes, ..) => Reply::Form(why(&Purpose::Changes(id, etag))),
        (Action::Reject, ..) => Reply::Form(why(&Purpose::Reject(id, etag))),
        (_, Some(draft), Some(words)) if words.body.encode_utf16().count() > MOST_FIELD => {
            Say::privately(says::too_long_to_edit(&draft.to_string())).into()
        }
        (_, Some(_), Some(words)) => {
            Reply::Form(forms::words(&Purpose::Edit(id, etag), &words.subject, &words.body))
        }
        _ => Say::privately(says::NOT_UNDERSTOOD).into(),
    })
}

fn why(purpose: &Purpose) -> Form {
    match purpose {
        Purpose::Changes(..) => forms::why(purpose, "Request changes", "What would have to change", true),
        _ => forms::why(purpose, "Reject", "Why not", true),
    }
}

/// What is asked for now of what an approval was about: another version of a letter has an approval of its own.
struct Now {
    sheet: ApprovalSheet,
    /// The newest words, when it is a letter.
    words: Option<VersionView>,
}

impl Now {
    fn of(cx: &mut Cx<'_>, id: ApprovalId) -> Result<Self, No> {
        let sheet = sheet::approval(cx, id)?;
        let Some(letter) = &sheet.letter else { return Ok(Self { sheet, words: None }) };
        let draft = drafts::get(cx, letter.draft_id)?.draft;
        let sheet = match draft.approval_id {
            Some(newest) if newest != id => sheet::approval(cx, newest)?,
            _ => sheet,
        };
        Ok(Self { sheet, words: draft.newest })
    }

    fn about(&self) -> &ApprovalView {
        &self.sheet.detail.approval
    }

    /// Whether it can have other words, which also what was sent back and what expired can.
    fn takes_words(&self) -> bool {
        let open = [DraftState::InReview, DraftState::Blocked, DraftState::Expired];
        self.sheet.letter.as_ref().is_some_and(|letter| open.contains(&letter.draft_state))
    }
}

/// What a card or a form was about is not as it was: how it is now, with buttons while it waits.
pub async fn moved(caller: &Caller, id: ApprovalId) -> Result<Say, Refusal> {
    let look = move |cx: &mut Cx<'_>| {
        let was = approvals::get(cx, id)?.approval;
        let now = match was.state {
            ApprovalState::Pending | ApprovalState::Superseded => Some(Now::of(cx, id)?.sheet),
            _ => None,
        };
        Ok((was, now))
    };
    let (was, now) = caller.look(look).await?;
    let words = says::moved_on(&was);
    Ok(match now {
        None => Say::privately(words),
        Some(now) => {
            let shown = approve::shown(&now);
            Say { text: format!("{words}\n{}", shown.text), ..shown }
        }
    })
}

/// Does what a form was filled in for.
pub async fn filled(caller: &Caller, purpose: Purpose, fields: &Fields) -> Result<Reply, Refusal> {
    let typed = |name: &str| fields.get(name).cloned();
    let reason = typed("why").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let came = match purpose.clone() {
        Purpose::NewDeal(known) => return new_deal(caller, TypedDeal::of(&known, fields)).await,
        Purpose::Waive(id, etag) => waive(caller, MilestoneId(id), etag, reason).await,
        Purpose::Changes(id, etag) => vote(caller, decision(id, etag, Choice::RequestChanges, reason)).await,
        Purpose::Reject(id, etag) => vote(caller, decision(id, etag, Choice::Reject, reason)).await,
        Purpose::Edit(id, etag) => reword(caller, ApprovalId(id), etag, typed("subject"), typed("body")).await,
    };
    Ok(match came {
        Ok(Came::Done(say)) => say.into(),
        Ok(Came::Not(say)) => keep(caller, &purpose, fields, say).await.into(),
        // Nothing is kept about what is not there, and where the database does not answer; then the text goes back.
        Err(refusal) if matches!(refusal.code, Code::NotFound | Code::Unavailable) => return Err(refusal),
        Err(refusal) => keep(caller, &purpose, fields, Say::privately(says::refusal(&refusal))).await.into(),
    })
}

fn decision(id: Uuid, etag: String, choice: Choice, feedback: Option<String>) -> Decide {
    Decide { etag: Some(etag), feedback, ..Decide::of(ApprovalId(id), choice) }
}

/// The answer to a form that was not taken. A button opens it again as it was filled in, as long as there is something
/// left to fill it in for; else the text goes back.
async fn keep(caller: &Caller, purpose: &Purpose, fields: &Fields, answer: Say) -> Say {
    let waits = Pending::Filled { form: purpose.id(), fields: fields.clone() };
    let kept = match opened(caller, purpose).await {
        Ok(Ok(_)) => caller.act(move |cx| pending::keep(cx, &waits)).await.ok(),
        Ok(Err(_)) | Err(_) => None,
    };
    match kept {
        Some(id) => {
            let again = Button::new(says::OPEN_AGAIN, Look::Plain, Press::new(Action::Retry, id, ""));
            answer.with(vec![again])
        }
        None => forms::given_back(answer, fields),
    }
}

/// Opens a form again as it was filled in.
pub async fn again(caller: &Caller, form: &str, fields: &Fields) -> Result<Reply, Refusal> {
    let opened = match Purpose::read(form) {
        Some(purpose) => opened(caller, &purpose).await?,
        None => Err(Say::privately(says::OLD_CARD)),
    };
    Ok(match opened {
        Ok(form) => Reply::Form(form.filled(fields)),
        Err(answer) => forms::given_back(answer, fields).into(),
    })
}

/// The form for the same purpose, about the item as it is now; or why there is nothing left to fill in.
async fn opened(caller: &Caller, purpose: &Purpose) -> Result<Result<Form, Say>, Refusal> {
    let id = match purpose {
        Purpose::NewDeal(known) => return Ok(Ok(TypedDeal::of(known, &Fields::new()).form())),
        Purpose::Waive(id, _) => {
            let id = MilestoneId(*id);
            let m = caller.look(move |cx| milestones::get(cx, id)).await?;
            let over = m.ended_at.is_some();
            return Ok(if over {
                Err(Say::privately(says::as_it_is(&m, caller.today())))
            } else {
                Ok(why_not_needed(&m))
            });
        }
        Purpose::Changes(id, _) | Purpose::Reject(id, _) | Purpose::Edit(id, _) => ApprovalId(*id),
    };
    let now = caller.look(move |cx| Now::of(cx, id)).await?;
    let (newest, etag, waits) =
        (now.about().id.0, now.about().etag(), now.about().state == ApprovalState::Pending);
    Ok(match purpose {
        Purpose::Edit(..) if now.takes_words() => Ok(forms::words(&Purpose::Edit(newest, etag), "", "")),
        Purpose::Changes(..) if waits => Ok(why(&Purpose::Changes(newest, etag))),
        Purpose::Reject(..) if waits => Ok(why(&Purpose::Reject(newest, etag))),
        _ => Err(Say::privately(says::moved_on(now.about()))),
    })
}

async fn waive(caller: &Caller, id: MilestoneId, etag: String, reason: Option<String>) -> Result<Came, Refusal> {
    let waive = move |cx: &mut Cx<'_>, version| {
        milestones::waive(cx, &WaiveMilestone { id, version: Some(version), reason: reason.clone() })
    };
    Ok(match as_shown(caller, id, etag, waive).await? {
        Err(now) => Came::Not(changed_since(caller, &now)),
        Ok(done) if done.already.is_some() => Came::Not(milestone::told(&done, caller.today())),
        Ok(done) => Came::Done(milestone::told(&done, caller.today())),
    })
}

/// Other words for a letter, when those that waited are the ones that were in the form.
async fn reword(
    caller: &Caller,
    id: ApprovalId,
    etag: String,
    subject: Option<String>,
    body: Option<String>,
) -> Result<Came, Refusal> {
    let outcome = caller
        .act(move |cx| {
            let asked = approvals::get(cx, id)?.approval;
            let cmd = EditDraft {
                id: DraftId(asked.subject_id),
                version: Some(asked.subject_version),
                subject: subject.clone(),
                body: body.clone(),
            };
            let draft = propose::edit(cx, &cmd)?;
            // The draft is held from here on, so nobody moves its approval. It was at this stage when its place was taken.
            if approvals::get(cx, id)?.approval.etag() != etag {
                return Err(Refusal::new(Code::Stale, says::STAGE_MOVED, says::LOOK_AGAIN).into());
            }
            let newest = match draft.approval_id {
                Some(newest) => Some(approvals::get(cx, newest)?.approval),
                None => None,
            };
            Ok((asked, draft, newest))
        })
        .await;
    match outcome {
        Ok((was, draft, newest)) => {
            let (head, found) = says::reworded(&was, &draft);
            let say = Say::privately(head).framed(found);
            Ok(Came::Done(match newest.filter(|_| draft.state == DraftState::Blocked) {
                Some(newest) => {
                    let edit = Press::new(Action::Edit, newest.id.0, newest.etag());
                    say.with(vec![Button::new("Edit", Look::Plain, edit)])
                }
                None => say,
            }))
        }
        // Somebody was faster: what became of it says more than that it cannot be edited.
        Err(refusal) if refusal.code == Code::Stale => Ok(Came::Not(moved(caller, id).await?)),
        Err(refusal) if refusal.code == Code::WrongState => {
            let about = caller.look(move |cx| Ok(approvals::get(cx, id)?.approval)).await?;
            match about.state {
                ApprovalState::Approved | ApprovalState::Rejected | ApprovalState::Withdrawn => {
                    Ok(Came::Not(Say::privately(says::moved_on(&about))))
                }
                _ => Err(refusal),
            }
        }
        Err(refusal) => Err(refusal),
    }
}
