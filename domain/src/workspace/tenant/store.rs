//! Workspaces in the database.

use diesel::prelude::*;

use super::Workspace;
use crate::both;
use crate::kernel::column::At;
use crate::kernel::db::{Access, Scope};
use crate::kernel::id::WorkspaceId;
use crate::kernel::schema::workspaces;
use crate::kernel::{Conn, Cx, Db, Fault};

type Row = (WorkspaceId, String, String, String);

fn workspace((id, slug, name, time_zone): Row) -> Workspace {
    Workspace { id, slug, name, time_zone }
}

/// Every workspace of this installation, oldest first: names only, nothing of what is in them.
pub fn directory(db: &Db) -> Result<Vec<Workspace>, Fault> {
    db.transaction(Scope::Directory, Access::Read, |conn| {
        let rows: Vec<Row> = both!(conn, |c| {
            workspaces::table
                .order((workspaces::created_at, workspaces::slug))
                .select((workspaces::id, workspaces::slug, workspaces::name, workspaces::time_zone))
                .load(c)
        })?;
        Ok(rows.into_iter().map(workspace).collect())
    })
}

pub fn find(cx: &mut Cx<'_>) -> Result<Option<Workspace>, Fault> {
    let id = cx.workspace();
    let row: Option<Row> = both!(cx.conn(), |c| {
        workspaces::table
            .find(id)
            .select((workspaces::id, workspaces::slug, workspaces::name, workspaces::time_zone))
            .first(c)
            .optional()
    })?;
    Ok(row.map(workspace))
}

/// Holds the workspace's own row until the end of the transaction, for rules over all of its members or deals. Rows
/// that only refer to it go on being written.
pub fn hold(cx: &mut Cx<'_>) -> Result<(), Fault> {
    let id = cx.workspace();
    // The one writer of SQLite holds everything.
    if let Conn::Pg(c) = cx.conn() {
        let _: Option<WorkspaceId> =
            workspaces::table.find(id).select(workspaces::id).for_no_key_update().first(&mut **c).optional()?;
    }
    Ok(())
}

/// False when the slug is taken.
pub fn insert(cx: &mut Cx<'_>, new: &Workspace) -> Result<bool, Fault> {
    let row = (
        workspaces::id.eq(new.id),
        workspaces::slug.eq(&new.slug),
        workspaces::name.eq(&new.name),
        workspaces::time_zone.eq(&new.time_zone),
        workspaces::created_at.eq(At(cx.now())),
        workspaces::version.eq(1_i64),
    );
    let inserted = both!(cx.conn(), |c| {
        diesel::insert_into(workspaces::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(inserted == 1)
}

pub fn set_zone(cx: &mut Cx<'_>, zone: &str) -> Result<(), Fault> {
    let id = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::update(workspaces::table.find(id))
            .set((workspaces::time_zone.eq(zone), workspaces::version.eq(workspaces::version + 1)))
            .execute(c)
    })?;
    Ok(())
}
