//! Contacts in the database.

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use super::{Contact, zones};
use crate::both;
use crate::kernel::column::{At, lower};
use crate::kernel::id::{ContactId, WorkspaceId};
use crate::kernel::schema::{contact_standings, contacts};
use crate::kernel::search::{self, Document, Place};
use crate::kernel::text::like;
use crate::kernel::{Conn, Cx, Fault};

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

/// How often what is known of a contact was changed, counted from 1.
pub fn version(cx: &mut Cx<'_>, id: ContactId) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| contacts::table.find((workspace, id)).select(contacts::version).first(c))?)
}

/// The contact and its version, held until the end of the transaction.
pub fn hold(cx: &mut Cx<'_>, id: ContactId) -> Result<Option<(Contact, i64)>, Fault> {
    let workspace = cx.workspace();
    // The one writer of SQLite holds everything.
    if let Conn::Pg(c) = cx.conn() {
        let held: Option<ContactId> = contacts::table
            .find((workspace, id))
            .select(contacts::id)
            .for_no_key_update()
            .first(&mut **c)
            .optional()?;
        if held.is_none() {
            return Ok(None);
        }
    }
    let row: Option<ContactRow> = both!(cx.conn(), |c| {
        contacts::table.find((workspace, id)).select(ContactRow::as_select()).first(c).optional()
    })?;
    Ok(row.map(|row| (row.version, row)).map(|(version, row)| (row.into(), version)))
}

/// Writes what can change of a contact and raises its version by one; false when another contact has the e-mail address.
/// The contact must be held.
pub fn update(cx: &mut Cx<'_>, contact: &Contact) -> Result<bool, Fault> {
    use diesel::result::{DatabaseErrorKind, Error};
    let workspace = cx.workspace();
    let done = both!(cx.conn(), |c| {
        diesel::update(contacts::table.find((workspace, contact.id)))
            .set((
                contacts::name.eq(&contact.name),
                contacts::email.eq(&contact.email),
                contacts::phone.eq(&contact.phone),
                contacts::time_zone.eq(&contact.time_zone),
                contacts::region.eq(&contact.region),
                contacts::version.eq(contacts::version + 1),
            ))
            .execute(c)
    });
    match done {
        Ok(_) => {
            search::put(cx, &[document(contact)])?;
            Ok(true)
        }
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Which contacts, by name.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Part of the name, the e-mail address or the telephone number, whatever the case of its ASCII letters.
    pub text: Option<String>,
    /// Those of whose name a word begins with the text before the others. Such a list has no next page.
    pub words_first: bool,
    /// Only those who opted out by themselves, or only those who did not.
    pub opted_out: Option<bool>,
    pub after: Option<(String, ContactId)>,
    pub limit: i64,
}

/// At most `limit + 1` contacts in the order of their names, and since when each wants nothing any more.
pub fn list(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<Vec<(Contact, Option<At>)>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(ContactRow, Option<At>)> = both!(cx.conn(), |c| {
        let mut query = contacts::table
            .left_join(
                contact_standings::table.on(contact_standings::workspace_id
                    .eq(contacts::workspace_id)
                    .and(contact_standings::contact_id.eq(contacts::id))),
            )
            .filter(contacts::workspace_id.eq(workspace))
            .select((ContactRow::as_select(), contact_standings::opted_out_at.nullable()))
            .order((contacts::name, contacts::id))
            .limit(wanted.limit + 1)
            .into_boxed();
        if let Some((name, id)) = &wanted.after {
            query = query
                .filter(contacts::name.ge(name.clone()))
                .filter(contacts::name.gt(name.clone()).or(contacts::id.gt(*id)));
        }
        if let Some(pattern) = wanted.text.as_deref().map(like) {
            query = query.filter(
                lower(contacts::name)
                    .like(lower(pattern.clone()))
                    .escape('\\')
                    .or(contacts::email
                        .is_not_null()
                        .and(lower(contacts::email.assume_not_null()).like(lower(pattern.clone())).escape('\\')))
                    .or(contacts::phone
                        .is_not_null()
                        .and(contacts::phone.assume_not_null().like(pattern.clone()).escape('\\'))),
            );
        }
        if let Some(part) = wanted.text.as_deref().filter(|_| wanted.words_first) {
            let name = lower(" ".into_sql::<Text>().concat(contacts::name));
            let begins_so = name.like(lower(like(&format!(" {part}")))).escape('\\');
            let rank = case_when(begins_so, 0.into_sql::<Integer>()).otherwise(1.into_sql::<Integer>());
            query = query.order((rank, contacts::name, contacts::id));
        }
        match wanted.opted_out {
            None => {}
            Some(true) => query = query.filter(contact_standings::opted_out_at.is_not_null()),
            Some(false) => query = query.filter(contact_standings::opted_out_at.is_null()),
        }
        query.load(c)
    })?;
    Ok(rows.into_iter().map(|(row, at)| (row.into(), at)).collect())
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
    let contact = Contact::from(row.clone());
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(contacts::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    if new == 1 {
        search::put_new(cx, &[document(&contact)])?;
    }
    Ok(new == 1)
}

/// What somebody is found by: the name. Addresses are asked for whole, of [`sharing`].
pub fn document(contact: &Contact) -> Document {
    let (title, text) = (contact.name.clone(), String::new());
    Document { kind: "contact", id: contact.id.0, place: Place::First, title, text }
}
