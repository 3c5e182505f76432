//! Contacts in the database.

use diesel::prelude::*;

use super::Contact;
use crate::both;
use crate::kernel::column::At;
use crate::kernel::id::{ContactId, WorkspaceId};
use crate::kernel::schema::contacts;
use crate::kernel::{Cx, Fault};

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = contacts)]
#[diesel(treat_none_as_default_value = false)]
pub struct ContactRow {
    pub workspace_id: WorkspaceId,
    pub id: ContactId,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub time_zone: Option<String>,
    pub created_at: At,
    pub version: i64,
}

impl From<ContactRow> for Contact {
    fn from(row: ContactRow) -> Self {
        Self { id: row.id, name: row.name, email: row.email, phone: row.phone, time_zone: row.time_zone }
    }
}

pub fn find(cx: &mut Cx<'_>, id: ContactId) -> Result<Option<Contact>, Fault> {
    let workspace = cx.workspace();
    let row = both!(cx.conn(), |c| {
        contacts::table.find((workspace, id)).select(ContactRow::as_select()).first(c).optional()
    })?;
    Ok(row.map(Into::into))
}

pub fn find_by_email(cx: &mut Cx<'_>, email: &str) -> Result<Option<Contact>, Fault> {
    let workspace = cx.workspace();
    let row = both!(cx.conn(), |c| {
        contacts::table
            .filter(contacts::workspace_id.eq(workspace))
            .filter(contacts::email.eq(email))
            .select(ContactRow::as_select())
            .first(c)
            .optional()
    })?;
    Ok(row.map(Into::into))
}

/// False when there is a contact with this address: another writer was faster.
pub fn insert(cx: &mut Cx<'_>, row: ContactRow) -> Result<bool, Fault> {
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(contacts::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(new == 1)
}
