//! Addresses that take nothing, in the database.

use diesel::prelude::*;

use super::GoneAddress;
use crate::both;
use crate::kernel::column::At;
use crate::kernel::id::{GoneAddressId, MessageId};
use crate::kernel::schema::gone_addresses;
use crate::kernel::{Cx, Fault};
use crate::people::reach::Channel;

type Row = (GoneAddressId, Channel, String, String, At, MessageId);

fn gone((id, channel, address, why, since, message_id): Row) -> GoneAddress {
    GoneAddress { id, channel, address, why, since: since.0, message_id }
}

macro_rules! columns {
    () => {
        (
            gone_addresses::id,
            gone_addresses::channel,
            gone_addresses::address,
            gone_addresses::why,
            gone_addresses::since,
            gone_addresses::message_id,
        )
    };
}

/// False when it is known already.
pub fn insert(cx: &mut Cx<'_>, new: &GoneAddress) -> Result<bool, Fault> {
    let row = (
        gone_addresses::workspace_id.eq(cx.workspace()),
        gone_addresses::id.eq(new.id),
        gone_addresses::channel.eq(new.channel),
        gone_addresses::address.eq(&new.address),
        gone_addresses::why.eq(&new.why),
        gone_addresses::since.eq(At(new.since)),
        gone_addresses::message_id.eq(new.message_id),
    );
    let inserted = both!(cx.conn(), |c| {
        diesel::insert_into(gone_addresses::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(inserted == 1)
}

/// Those of these addresses that are gone, by whichever channel.
pub fn among(cx: &mut Cx<'_>, keys: &[String]) -> Result<Vec<GoneAddress>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::new();
    for some in keys.chunks(1_000) {
        let rows: Vec<Row> = both!(cx.conn(), |c| {
            gone_addresses::table
                .filter(gone_addresses::workspace_id.eq(workspace))
                .filter(gone_addresses::channel.eq_any([Channel::Discord, Channel::Email, Channel::Sms]))
                .filter(gone_addresses::address.eq_any(some))
                .select(columns!())
                .load(c)
        })?;
        found.extend(rows.into_iter().map(gone));
    }
    Ok(found)
}

pub fn find(cx: &mut Cx<'_>, id: GoneAddressId) -> Result<Option<GoneAddress>, Fault> {
    let workspace = cx.workspace();
    let row: Option<Row> = both!(cx.conn(), |c| {
        gone_addresses::table.find((workspace, id)).select(columns!()).first(c).optional()
    })?;
    Ok(row.map(gone))
}

/// At most `limit + 1`, newest first.
pub fn list(cx: &mut Cx<'_>, after: Option<GoneAddressId>, limit: i64) -> Result<Vec<GoneAddress>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<Row> = both!(cx.conn(), |c| {
        let mut query = gone_addresses::table
            .filter(gone_addresses::workspace_id.eq(workspace))
            .order(gone_addresses::id.desc())
            .limit(limit + 1)
            .select(columns!())
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(gone_addresses::id.lt(after));
        }
        query.load(c)
    })?;
    Ok(rows.into_iter().map(gone).collect())
}

/// False when somebody was faster.
pub fn delete(cx: &mut Cx<'_>, id: GoneAddressId) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let deleted = both!(cx.conn(), |c| diesel::delete(gone_addresses::table.find((workspace, id))).execute(c))?;
    Ok(deleted == 1)
}
