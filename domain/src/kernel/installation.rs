//! What holds for the whole installation, whatever workspaces there are: which key its secrets belong to.
//!
//! The key itself is nowhere in the database; its id is, from the first start with one on, so that nobody goes on with another one.

use diesel::prelude::*;
use jiff::Timestamp;

use crate::both;
use crate::kernel::column::At;
use crate::kernel::db::{Access, Scope};
use crate::kernel::schema::installation;
use crate::kernel::{Conn, Db, Fault};

/// The only row.
const ONE: i32 = 1;

/// The id of the key that this database belongs to; `None` while no key was ever at hand.
pub fn key_id(db: &Db) -> Result<Option<String>, Fault> {
    db.transaction(Scope::Installation, Access::Read, stored)
}

/// Notes the key's id when there is none yet, and gives the one that stands: whoever is second finds the first one's.
pub fn note_key_id(db: &Db, id: &str, now: Timestamp) -> Result<String, Fault> {
    db.transaction(Scope::Installation, Access::Write, |conn| {
        let row = (installation::one.eq(ONE), installation::key_id.eq(id), installation::key_since.eq(At(now)));
        both!(&mut *conn, |c| {
            diesel::insert_into(installation::table).values(row).on_conflict_do_nothing().execute(c)
        })?;
        stored(conn)?.ok_or_else(|| Fault::Corrupt("the key's id is neither new nor known".into()))
    })
}

fn stored(conn: &mut Conn) -> Result<Option<String>, Fault> {
    Ok(both!(conn, |c| installation::table.find(ONE).select(installation::key_id).first(c).optional())?)
}
