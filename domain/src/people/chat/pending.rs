//! What somebody asked for in chat and has yet to confirm: kept until they do, for a day. Bookkeeping: nobody's data change.

use diesel::prelude::*;
use jiff::SignedDuration;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::both;
use crate::kernel::column::At;
use crate::kernel::event::AnyId;
use crate::kernel::id::MemberId;
use crate::kernel::schema::chat_pending;
use crate::kernel::{Code, Cx, Fault, No, Refusal};

/// For how long it can be confirmed.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How much of one person is kept; the oldest gives way.
const MOST: usize = 50;

/// Keeps what the member who acts asked for. The id stands in the button that confirms it.
pub fn keep(cx: &mut Cx<'_>, asked: &impl Serialize) -> Result<Uuid, No> {
    let (workspace, me) = (cx.workspace(), me(cx)?);
    let id = cx.mint();
    let body = serde_json::to_string(asked).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let until = At(cx.now() + KEPT);
    drop_old(cx)?;
    both!(cx.conn(), |c| {
        let own: Vec<AnyId> = chat_pending::table
            .filter(chat_pending::workspace_id.eq(workspace))
            .filter(chat_pending::member_id.eq(me))
            .order(chat_pending::id.desc())
            .select(chat_pending::id)
            .load(c)?;
        if let Some(old) = own.get(MOST - 1) {
            diesel::delete(chat_pending::table)
                .filter(chat_pending::workspace_id.eq(workspace))
                .filter(chat_pending::member_id.eq(me))
                .filter(chat_pending::id.le(*old))
                .execute(c)?;
        }
        diesel::insert_into(chat_pending::table)
            .values((
                chat_pending::workspace_id.eq(workspace),
                chat_pending::id.eq(AnyId(id)),
                chat_pending::member_id.eq(me),
                chat_pending::body.eq(&body),
                chat_pending::expires_at.eq(until),
            ))
            .execute(c)
    })?;
    Ok(id)
}

/// What the member who acts asked for; that of others is not there.
pub fn look<T: DeserializeOwned>(cx: &mut Cx<'_>, id: Uuid) -> Result<T, No> {
    let (workspace, me, now) = (cx.workspace(), me(cx)?, At(cx.now()));
    let body: Option<String> = both!(cx.conn(), |c| {
        chat_pending::table
            .find((workspace, AnyId(id)))
            .filter(chat_pending::member_id.eq(me))
            .filter(chat_pending::expires_at.gt(now))
            .select(chat_pending::body)
            .first(c)
            .optional()
    })?;
    let body = body.ok_or_else(gone)?;
    // Another version of the product may have kept it.
    serde_json::from_str(&body).map_err(|_| gone().into())
}

/// The same, used up: whoever confirms twice finds it gone the second time.
pub fn take<T: DeserializeOwned>(cx: &mut Cx<'_>, id: Uuid) -> Result<T, No> {
    let found = look(cx, id)?;
    let workspace = cx.workspace();
    let taken = both!(cx.conn(), |c| diesel::delete(chat_pending::table.find((workspace, AnyId(id)))).execute(c))?;
    if taken == 1 { Ok(found) } else { Err(gone().into()) }
}

/// What nobody confirms any more is dropped: it may hold what people typed about their clients.
pub fn leave(cx: &mut Cx<'_>, id: Uuid) -> Result<(), No> {
    let (workspace, me) = (cx.workspace(), me(cx)?);
    both!(cx.conn(), |c| {
        diesel::delete(chat_pending::table.find((workspace, AnyId(id))))
            .filter(chat_pending::member_id.eq(me))
            .execute(c)
    })?;
    Ok(())
}

/// Whether something is kept that is too old to be confirmed. A look, for those who do not want to write to learn that.
pub fn is_any_old(cx: &mut Cx<'_>) -> Result<bool, No> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let old = chat_pending::table
        .filter(chat_pending::workspace_id.eq(workspace))
        .filter(chat_pending::expires_at.le(now));
    Ok(both!(cx.conn(), |c| diesel::select(diesel::dsl::exists(old)).get_result(c))?)
}

/// Drops what is too old to be confirmed.
pub fn drop_old(cx: &mut Cx<'_>) -> Result<(), No> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    both!(cx.conn(), |c| {
        diesel::delete(chat_pending::table)
            .filter(chat_pending::workspace_id.eq(workspace))
            .filter(chat_pending::expires_at.le(now))
            .execute(c)
    })?;
    Ok(())
}

fn me(cx: &Cx<'_>) -> Result<MemberId, Refusal> {
    cx.actor().id.map(MemberId).ok_or_else(|| Refusal::not_found("member"))
}

fn gone() -> Refusal {
    Refusal::new(
        Code::NotFound,
        "This was confirmed before, or was asked for more than a day ago, or by somebody else. Nothing was changed now.",
        "Ask for it again.",
    )
}
