//! Contacts in the database.

use diesel::prelude::*;

use super::{Contact, zones};
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
    pub region: Option<String>,
}

impl From<ContactRow> for Contact {
    fn from(row: ContactRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            email: row.email,
            phone: row.phone,
            time_zone: row.time_zone,
            region: row.region,
        }
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

/// Contacts by their ids; those that are not here are left out.
pub fn of_ids(cx: &mut Cx<'_>, ids: &[ContactId]) -> Result<Vec<Contact>, Fault> {
    let workspace = cx.workspace();
    let mut found = Vec::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        let rows: Vec<ContactRow> = both!(cx.conn(), |c| {
            contacts::table
                .filter(contacts::workspace_id.eq(workspace))
                .filter(contacts::id.eq_any(some))
                .select(ContactRow::as_select())
                .load(c)
        })?;
        found.extend(rows.into_iter().map(Contact::from));
    }
    Ok(found)
}

/// Everybody who has this number, however it is spelled, or this address; the one known longest first.
pub fn sharing(cx: &mut Cx<'_>, phone: Option<&str>, email: Option<&str>) -> Result<Vec<Contact>, Fault> {
    let workspace = cx.workspace();
    let phones = phone.map(zones::spellings).unwrap_or_default();
    let emails: Vec<String> = email.iter().map(|email| email.to_lowercase()).collect();
    let rows: Vec<ContactRow> = both!(cx.conn(), |c| {
        contacts::table
            .filter(contacts::workspace_id.eq(workspace))
            .filter(
                contacts::phone
                    .assume_not_null()
                    .eq_any(&phones)
                    .and(contacts::phone.is_not_null())
                    .or(contacts::email.assume_not_null().eq_any(&emails).and(contacts::email.is_not_null())),
            )
            .order(contacts::id)
            .limit(1_000)
            .select(ContactRow::as_select())
            .load(c)
    })?;
    Ok(rows.into_iter().map(Contact::from).collect())
}

/// False when there is a contact with this address: another writer was faster.
pub fn insert(cx: &mut Cx<'_>, row: ContactRow) -> Result<bool, Fault> {
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(contacts::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(new == 1)
}
