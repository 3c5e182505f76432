//! What waits for a digest, in the database.

use diesel::prelude::*;

use super::Dropped;
use crate::both;
use crate::kernel::column::At;
use crate::kernel::id::{DealId, MemberId, MessageId};
use crate::kernel::schema::{digest_items, messages};
use crate::kernel::{Cx, Fault};
use crate::people::reach::Topic;

/// A line that waits for its member's digest.
#[derive(Clone, Debug)]
pub struct Item {
    pub occasion: String,
    pub member: MemberId,
    pub topic: Topic,
    pub deal_id: Option<DealId>,
    pub line: String,
    pub due_at: jiff::Timestamp,
    pub expires_at: Option<jiff::Timestamp>,
}

/// Adds items; one for each occasion.
pub fn add(cx: &mut Cx<'_>, items: &[Item]) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    for item in items {
        let row = (
            digest_items::workspace_id.eq(workspace),
            digest_items::occasion.eq(&item.occasion),
            digest_items::member_id.eq(item.member),
            digest_items::kind.eq(item.topic),
            digest_items::deal_id.eq(item.deal_id),
            digest_items::line.eq(&item.line),
            digest_items::due_at.eq(At(item.due_at)),
            digest_items::expires_at.eq(item.expires_at.map(At)),
            digest_items::created_at.eq(now),
        );
        both!(cx.conn(), |c| {
            diesel::insert_into(digest_items::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
    }
    Ok(())
}

/// Takes items back that stand in no message yet. Gives the occasions that were taken back.
pub fn take_back(cx: &mut Cx<'_>, occasions: &[String]) -> Result<Vec<String>, Fault> {
    let workspace = cx.workspace();
    let mut gone = Vec::new();
    for some in occasions.chunks(1_000) {
        gone.extend(both!(cx.conn(), |c| {
            diesel::delete(digest_items::table)
                .filter(digest_items::workspace_id.eq(workspace))
                .filter(digest_items::occasion.eq_any(some))
                .filter(digest_items::message_id.is_null())
                .filter(digest_items::dropped.is_null())
                .returning(digest_items::occasion)
                .get_results::<String>(c)
        })?);
    }
    Ok(gone)
}

/// The occasions of a deal's items of a topic that stand in no message yet.
pub fn waiting_about(cx: &mut Cx<'_>, deal: DealId, topic: Topic) -> Result<Vec<String>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        digest_items::table
            .filter(digest_items::workspace_id.eq(workspace))
            .filter(digest_items::deal_id.eq(deal))
            .filter(digest_items::kind.eq(topic))
            .filter(digest_items::message_id.is_null())
            .filter(digest_items::dropped.is_null())
            .select(digest_items::occasion)
            .load(c)
    })?)
}

/// Who has items that are due, in or out of service.
pub fn waiting(cx: &mut Cx<'_>, limit: i64) -> Result<Vec<MemberId>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    Ok(both!(cx.conn(), |c| {
        digest_items::table
            .filter(digest_items::workspace_id.eq(workspace))
            .filter(digest_items::message_id.is_null())
            .filter(digest_items::dropped.is_null())
            .filter(digest_items::due_at.le(now))
            .select(digest_items::member_id)
            .distinct()
            .order(digest_items::member_id)
            .limit(limit)
            .load(c)
    })?)
}

/// An item as its digest takes it.
#[derive(Clone, Debug, Queryable)]
pub struct Due {
    pub occasion: String,
    pub topic: Topic,
    pub line: String,
    pub deal_id: Option<DealId>,
    expires_at: Option<At>,
}

impl Due {
    pub fn is_expired(&self, now: jiff::Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at.0 <= now)
    }
}

/// A member's items that are due, held on PostgreSQL so that one digest takes them.
pub fn due(cx: &mut Cx<'_>, member: MemberId) -> Result<Vec<Due>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let due = digest_items::table
        .filter(digest_items::workspace_id.eq(workspace))
        .filter(digest_items::member_id.eq(member))
        .filter(digest_items::message_id.is_null())
        .filter(digest_items::dropped.is_null())
        .filter(digest_items::due_at.le(now))
        .order((digest_items::created_at, digest_items::occasion))
        .select((
            digest_items::occasion,
            digest_items::kind,
            digest_items::line,
            digest_items::deal_id,
            digest_items::expires_at,
        ));
    Ok(match cx.conn() {
        crate::kernel::Conn::Pg(c) => due.for_update().skip_locked().load(&mut **c)?,
        crate::kernel::Conn::Lite(c) => due.load(&mut **c)?,
    })
}

/// Notes that these stand in no digest.
pub fn drop_items(cx: &mut Cx<'_>, occasions: &[String], why: Dropped) -> Result<(), Fault> {
    let workspace = cx.workspace();
    for some in occasions.chunks(1_000) {
        both!(cx.conn(), |c| {
            diesel::update(digest_items::table)
                .filter(digest_items::workspace_id.eq(workspace))
                .filter(digest_items::occasion.eq_any(some))
                .set(digest_items::dropped.eq(why))
                .execute(c)
        })?;
    }
    Ok(())
}

pub fn put_into(cx: &mut Cx<'_>, occasions: &[String], message: MessageId) -> Result<(), Fault> {
    let workspace = cx.workspace();
    for some in occasions.chunks(1_000) {
        both!(cx.conn(), |c| {
            diesel::update(digest_items::table)
                .filter(digest_items::workspace_id.eq(workspace))
                .filter(digest_items::occasion.eq_any(some))
                .set(digest_items::message_id.eq(message))
                .execute(c)
        })?;
    }
    Ok(())
}

/// Which of these occasions have messages that begin with them: `<occasion>:<channel>`.
pub fn said(cx: &mut Cx<'_>, occasions: &[String]) -> Result<Vec<String>, Fault> {
    let workspace = cx.workspace();
    let full: Vec<String> = occasions
        .iter()
        .flat_map(|o| crate::people::reach::Channel::ALL.iter().map(move |channel| format!("{o}:{channel}")))
        .collect();
    let mut found = Vec::new();
    for some in full.chunks(1_000) {
        found.extend(both!(cx.conn(), |c| {
            messages::table
                .filter(messages::workspace_id.eq(workspace))
                .filter(messages::occasion.eq_any(some))
                .select(messages::occasion)
                .load::<String>(c)
        })?);
    }
    let mut found: Vec<String> =
        found.iter().filter_map(|o| o.rsplit_once(':')).map(|(base, _)| base.to_owned()).collect();
    found.sort();
    found.dedup();
    Ok(found)
}
