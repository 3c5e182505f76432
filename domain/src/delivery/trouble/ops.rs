//! What a dispatcher asks and tells. Bookkeeping between processes: nobody's data change, so nothing stands in a log.

use jiff::{SignedDuration, Timestamp};

use super::{Change, Hold, Standing, What, rules, store};
use crate::kernel::db::{Access, Scope};
use crate::kernel::id::DispatcherId;
use crate::kernel::{Db, Fault, time};

/// More is not looked at: who leaves that much alone has other troubles.
const MOST: i64 = 2_000;

/// What is left alone, and how many of us send.
pub fn look(db: &Db, now: Timestamp) -> Result<Standing, Fault> {
    db.transaction(Scope::Installation, Access::Read, |conn| {
        let holds = store::list(conn, MOST)?;
        let dispatchers = store::seen(conn)?.into_iter().filter(|seen_at| rules::is_live(*seen_at, now)).count();
        Ok(Standing { holds, dispatchers })
    })
}

/// Tells the others what this process learned.
pub fn tell(db: &Db, changes: &[Change], now: Timestamp) -> Result<(), Fault> {
    let now = time::to_micros(now);
    // In one order, so that two who tell the same do not wait for each other in a ring.
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_by(|a, b| a.what().cmp(b.what()));
    db.transaction(Scope::Installation, Access::Write, |conn| {
        for change in changes {
            match change {
                Change::Close { what, wait, last, probe } => {
                    let hold = Hold {
                        what: what.clone(),
                        since: now,
                        closed_at: now,
                        closed_until: time::to_micros(now + rules::bounded(*wait)),
                        last: *last,
                        // One that was opened and is closed again is another one than before.
                        version: now.as_microsecond(),
                    };
                    store::close(conn, &hold, *probe)?;
                }
                Change::Open(what) => store::open(conn, what)?,
            }
        }
        let long_ago = now.checked_sub(rules::LONGEST).unwrap_or(now);
        store::forget(conn, long_ago)
    })
}

/// Whether this process is the one that asks whether the trouble is over. The others wait for what comes of it, for `wait`
/// at most.
pub fn probe(db: &Db, holds: &[(What, i64)], wait: SignedDuration, now: Timestamp) -> Result<bool, Fault> {
    /// Somebody was faster; nothing is to be kept of it.
    enum No {
        Faster,
        Fault(Fault),
    }
    impl From<Fault> for No {
        fn from(fault: Fault) -> Self {
            Self::Fault(fault)
        }
    }
    let now = time::to_micros(now);
    let mut holds: Vec<&(What, i64)> = holds.iter().collect();
    holds.sort();
    let asked = db.transaction(Scope::Installation, Access::Write, |conn| {
        for (what, version) in holds {
            if !store::advance(conn, what, *version, (now, now + rules::bounded(wait)))? {
                return Err(No::Faster);
            }
        }
        Ok(())
    });
    match asked {
        Ok(()) => Ok(true),
        Err(No::Faster) => Ok(false),
        Err(No::Fault(fault)) => Err(fault),
    }
}

/// Says that this process sends.
pub fn attend(db: &Db, id: DispatcherId, now: Timestamp) -> Result<(), Fault> {
    const AN_HOUR: SignedDuration = SignedDuration::from_hours(1);
    let now = time::to_micros(now);
    db.transaction(Scope::Installation, Access::Write, |conn| {
        store::lose(conn, now.checked_sub(AN_HOUR).unwrap_or(now))?;
        store::see(conn, id, now)
    })
}

/// Says that this process sends no more.
pub fn leave(db: &Db, id: DispatcherId) -> Result<(), Fault> {
    db.transaction(Scope::Installation, Access::Write, |conn| store::leave(conn, id))
}
