//! Which of the installation's processes listens to chat. Bookkeeping between processes: nothing of it stands in a log.
//!
//! Of several processes that listened, each would hear everything that is said. So one holds the gateway and says so every
//! few seconds; the others watch. No clock of theirs has to agree: whoever sees nothing new said for a while by its own
//! monotonic clock takes over, and whoever could not say it for a shorter while has stopped by then.

use diesel::prelude::*;
use uuid::Uuid;

use crate::both;
use crate::kernel::db::{Access, Scope};
use crate::kernel::schema::gateways;
use crate::kernel::{Conn, Db, Fault};

/// The only one there is.
const NAME: &str = "discord";

/// Who holds it, as of which word of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Held {
    /// `None` when nobody does: whoever comes may take it at once.
    pub by: Option<Uuid>,
    /// One more with each word of any holder.
    pub version: i64,
}

pub fn look(db: &Db) -> Result<Held, Fault> {
    db.transaction(Scope::Installation, Access::Read, |conn| Ok(stored(conn)?.unwrap_or_default()))
}

/// Takes it, or says that one still has it, over what was seen; `None` when somebody was faster.
pub fn take(db: &Db, seen: Held, me: Uuid) -> Result<Option<Held>, Fault> {
    write(db, seen, Some(me))
}

/// Lets go of it, so that another one takes it at once.
pub fn leave(db: &Db, seen: Held) -> Result<(), Fault> {
    write(db, seen, None).map(drop)
}

fn write(db: &Db, seen: Held, by: Option<Uuid>) -> Result<Option<Held>, Fault> {
    let next = Held { by, version: seen.version + 1 };
    let holder = by.map(crate::kernel::event::AnyId);
    let done = db.transaction(Scope::Installation, Access::Write, |conn| {
        if seen.version == 0 {
            let row = (gateways::name.eq(NAME), gateways::holder.eq(holder), gateways::version.eq(next.version));
            return Ok::<_, Fault>(both!(conn, |c| {
                diesel::insert_into(gateways::table).values(row).on_conflict_do_nothing().execute(c)
            })?);
        }
        Ok(both!(conn, |c| {
            diesel::update(gateways::table.find(NAME))
                .filter(gateways::version.eq(seen.version))
                .set((gateways::holder.eq(holder), gateways::version.eq(next.version)))
                .execute(c)
        })?)
    })?;
    Ok((done == 1).then_some(next))
}

fn stored(conn: &mut Conn) -> Result<Option<Held>, Fault> {
    let row: Option<(Option<crate::kernel::event::AnyId>, i64)> = both!(conn, |c| {
        gateways::table.find(NAME).select((gateways::holder, gateways::version)).first(c).optional()
    })?;
    Ok(row.map(|(by, version)| Held { by: by.map(|id| id.0), version }))
}

/// The hash of the commands that the provider was last told of.
pub fn commands_hash(db: &Db) -> Result<Option<String>, Fault> {
    db.transaction(Scope::Installation, Access::Read, |conn| {
        let row: Option<Option<String>> =
            both!(conn, |c| gateways::table.find(NAME).select(gateways::commands_hash).first(c).optional())?;
        Ok(row.flatten())
    })
}

/// Notes what the provider was told of, for whoever holds the gateway next.
pub fn note_commands(db: &Db, hash: &str) -> Result<(), Fault> {
    db.transaction(Scope::Installation, Access::Write, |conn| {
        both!(conn, |c| {
            diesel::update(gateways::table.find(NAME)).set(gateways::commands_hash.eq(hash)).execute(c)
        })?;
        Ok(())
    })
}
