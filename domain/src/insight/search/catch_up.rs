//! What was there before the index was: put into it once, when a program starts that has the index.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use uuid::Uuid;

use super::Kind;
use crate::assist::draft;
use crate::both;
use crate::deals::deal;
use crate::deals::milestone::{self, template};
use crate::delivery::outbox;
use crate::kernel::event::AnyId;
use crate::kernel::id::{ApprovalId, ContactId, DealId, DraftId, MessageId, MilestoneId};
use crate::kernel::schema::{approvals, contacts, deals, drafts, messages, milestones, search_documents};
use crate::kernel::search::{self, Document};
use crate::kernel::{Cx, Fault, No, Work};
use crate::people::contact;
use crate::workspace::approval;

/// Things of one transaction: others who write do not wait for long.
const BATCH: i64 = 500;

/// Puts what is missing of a workspace into the index, and gives how much that was. Where everything is in it, one look. Safe to
/// run by several programs at once, while others write, and after it was killed at any line.
pub fn catch_up(work: &Work<'_>) -> Result<usize, No> {
    let form = work.read(|cx| Ok(search::form(cx)?))?;
    if form == Some(search::FORM) {
        return Ok(0);
    }
    if form.is_some() {
        work.write(|cx| Ok(search::clear(cx)?))?;
    }
    let mut added = 0;
    for kind in Kind::ALL {
        let mut after = Uuid::nil();
        loop {
            let (ids, last) = work.write(|cx| batch(cx, *kind, after))?.value;
            added += ids;
            match last {
                Some(last) => after = last,
                None => break,
            }
        }
    }
    work.write(|cx| Ok(search::note_form(cx)?))?;
    Ok(added)
}

/// Puts the next things of a kind into the index that are not in it: how many, and the last that was looked at.
fn batch(cx: &mut Cx<'_>, kind: Kind, after: Uuid) -> Result<(usize, Option<Uuid>), No> {
    if kind == Kind::Template {
        // There are few, and they have names instead of ids.
        let all: Vec<Document> = template::ops::own(cx)?.iter().map(template::ops::document).collect();
        search::put_missing(cx, &all)?;
        return Ok((all.len(), None));
    }
    let ids = missing(cx, kind, after)?;
    let documents = documents(cx, kind, &ids)?;
    search::put_missing(cx, &documents)?;
    Ok((documents.len(), ids.last().copied()))
}

/// The next things of a kind that are not in the index, in order of their ids.
fn missing(cx: &mut Cx<'_>, kind: Kind, after: Uuid) -> Result<Vec<Uuid>, Fault> {
    let (workspace, after) = (cx.workspace(), AnyId(after));
    macro_rules! of {
        ($table:ident $(, $filter:expr)?) => {
            both!(cx.conn(), |c| {
                $table::table
                    .filter($table::workspace_id.eq(workspace))
                    .filter($table::id.gt(after))
                    $(.filter($filter))?
                    .filter(not(exists(
                        search_documents::table
                            .filter(search_documents::workspace_id.eq(workspace))
                            .filter(search_documents::kind.eq(kind.as_str()))
                            .filter(search_documents::subject_id.eq($table::id)),
                    )))
                    .order($table::id)
                    .limit(BATCH)
                    .select($table::id)
                    .load::<AnyId>(c)
            })?
        };
    }
    let ids = match kind {
        Kind::Deal => of!(deals),
        Kind::Milestone => of!(milestones, milestones::removed_at.is_null()),
        Kind::Contact => of!(contacts),
        Kind::Draft => of!(drafts, drafts::current.gt(0)),
        Kind::Approval => of!(approvals),
        Kind::Delivery => of!(messages, messages::edits.is_null()),
        Kind::Template => Vec::new(),
    };
    Ok(ids.into_iter().map(|id| id.0).collect())
}

/// What things are found by. Some messages are found by nobody.
fn documents(cx: &mut Cx<'_>, kind: Kind, ids: &[Uuid]) -> Result<Vec<Document>, Fault> {
    let ids = ids.iter().copied();
    Ok(match kind {
        Kind::Deal => {
            let found = deal::store::find_many(cx, &ids.map(DealId).collect::<Vec<_>>())?;
            found.iter().map(deal::store::document).collect()
        }
        Kind::Milestone => {
            let found = milestone::store::find_many(cx, &ids.map(MilestoneId).collect::<Vec<_>>())?;
            let titles = deal::store::titles(cx, &found.iter().map(|m| m.deal_id).collect::<Vec<_>>())?;
            let title = |m: &milestone::Milestone| titles.get(&m.deal_id).map_or("", String::as_str).to_owned();
            found.iter().map(|m| milestone::store::document(m, &title(m))).collect()
        }
        Kind::Contact => {
            let found = contact::store::of_ids(cx, &ids.map(ContactId).collect::<Vec<_>>())?;
            found.iter().map(contact::store::document).collect()
        }
        Kind::Draft => {
            let found = draft::store::written(cx, &ids.map(DraftId).collect::<Vec<_>>())?;
            found.iter().map(|(draft, newest)| draft::store::document(draft.id, &newest.words)).collect()
        }
        Kind::Approval => {
            let found = approval::store::find_many(cx, &ids.map(ApprovalId).collect::<Vec<_>>())?;
            found.iter().map(approval::store::document).collect()
        }
        Kind::Delivery => {
            let found = outbox::store::find_all(cx, &ids.map(MessageId).collect::<Vec<_>>())?;
            found.iter().filter_map(outbox::store::document).collect()
        }
        Kind::Template => Vec::new(),
    })
}
