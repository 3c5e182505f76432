//! Members in the database.

use diesel::prelude::*;

use super::{Member, MemberStatus};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::id::{MemberId, WorkspaceId};
use crate::kernel::schema::members;
use crate::kernel::{Cx, Fault};
use crate::workspace::access::Role;

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = members)]
pub struct MemberRow {
    pub workspace_id: WorkspaceId,
    pub id: MemberId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub time_zone: String,
    pub status: MemberStatus,
    pub created_at: At,
    pub version: i64,
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            email: row.email,
            role: row.role,
            time_zone: row.time_zone,
            status: row.status,
            version: row.version,
        }
    }
}

pub fn find(cx: &mut Cx<'_>, id: MemberId) -> Result<Option<Member>, Fault> {
    let workspace = cx.workspace();
    let row = both!(cx.conn(), |c| {
        members::table.find((workspace, id)).select(MemberRow::as_select()).first(c).optional()
    })?;
    Ok(row.map(Into::into))
}

pub fn find_by_email(cx: &mut Cx<'_>, email: &str) -> Result<Option<Member>, Fault> {
    if email.contains('\0') {
        // PostgreSQL takes no such text, and nobody has such an address.
        return Ok(None);
    }
    let workspace = cx.workspace();
    let row = both!(cx.conn(), |c| {
        members::table
            .filter(members::workspace_id.eq(workspace))
            .filter(members::email.eq(email))
            .select(MemberRow::as_select())
            .first(c)
            .optional()
    })?;
    Ok(row.map(Into::into))
}

/// The active owner who has been there longest.
pub fn first_owner(cx: &mut Cx<'_>) -> Result<Option<MemberId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        members::table
            .filter(members::workspace_id.eq(workspace))
            .filter(members::role.eq(Role::Owner))
            .filter(members::status.eq(MemberStatus::Active))
            .order(members::id)
            .select(members::id)
            .first(c)
            .optional()
    })?)
}

pub fn list(cx: &mut Cx<'_>) -> Result<Vec<Member>, Fault> {
    let workspace = cx.workspace();
    let rows = both!(cx.conn(), |c| {
        members::table
            .filter(members::workspace_id.eq(workspace))
            .order(members::id)
            .select(MemberRow::as_select())
            .load(c)
    })?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// False when somebody has this address already.
pub fn insert(cx: &mut Cx<'_>, row: MemberRow) -> Result<bool, Fault> {
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(members::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(new == 1)
}

pub fn update(cx: &mut Cx<'_>, id: MemberId, role: Role, status: MemberStatus) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::update(members::table.find((workspace, id)))
            .set((members::role.eq(role), members::status.eq(status), members::version.eq(members::version + 1)))
            .execute(c)
    })?;
    Ok(())
}

pub fn set_zone(cx: &mut Cx<'_>, id: MemberId, zone: &str) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::update(members::table.find((workspace, id)))
            .set((members::time_zone.eq(zone), members::version.eq(members::version + 1)))
            .execute(c)
    })?;
    Ok(())
}
