//! The unit of work: one actor, one instant, one transaction, and what happened in it.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::kernel::actor::{Actor, Principal};
use crate::kernel::db::{Access, Conn, Db, Scope, may_pass};
use crate::kernel::event::{self, Fact, Pending, Receipt, Subject};
use crate::kernel::id::{CorrelationId, EventId, WorkspaceId};
use crate::kernel::{Fault, No, call, step, time};

/// Where random bytes come from: the system's source, or a seed in tests.
pub trait Randomness: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

/// Everything a verb is given from outside.
pub struct Work<'a> {
    pub db: &'a Db,
    pub principal: &'a Principal,
    pub now: Timestamp,
    pub randomness: &'a dyn Randomness,
    pub correlation: CorrelationId,
    /// Set when nobody waits for the answer any more; what isn't committed by then is rolled back.
    pub abandoned: &'a AtomicBool,
}

/// A value, and what the log says of how it came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    pub value: T,
    pub receipts: Vec<Receipt>,
}

const TRIES: u32 = 5;

impl Work<'_> {
    /// One transaction that may change things. `f` runs again when the database asks for it, so it must be repeatable.
    pub fn write<T>(&self, mut f: impl FnMut(&mut Cx<'_>) -> Result<T, No>) -> Result<Done<T>, No> {
        self.write_answering(|cx| {
            let value = f(cx)?;
            let receipts = cx.append()?;
            Ok(Done { value, receipts })
        })
    }

    /// As [`Self::write`], for work that appends its facts by itself because its answer holds the receipts.
    pub(crate) fn write_answering<T>(&self, mut f: impl FnMut(&mut Cx<'_>) -> Result<T, No>) -> Result<T, No> {
        let mut tries = 1;
        loop {
            let scope = Scope::Workspace(self.principal.workspace);
            let outcome = self.db.transaction(scope, Access::Write, |conn| {
                step::reach("write.begun")?;
                let mut cx = self.cx(conn);
                let value = f(&mut cx)?;
                cx.append()?;
                step::reach("commit.before")?;
                if self.abandoned.load(Ordering::Acquire) {
                    return Err(No::Fault(Fault::Abandoned));
                }
                Ok(value)
            });
            match outcome {
                Err(No::Fault(Fault::Database(error))) if may_pass(&error) && tries < TRIES => {
                    tries += 1;
                    self.pause(tries);
                }
                Ok(value) => {
                    step::reach("commit.after")?;
                    return Ok(value);
                }
                other => return other,
            }
        }
    }

    /// One consistent look. Nothing can be changed through it: the database itself refuses.
    pub fn read<T>(&self, f: impl FnOnce(&mut Cx<'_>) -> Result<T, No>) -> Result<T, No> {
        let scope = Scope::Workspace(self.principal.workspace);
        self.db.transaction(scope, Access::Read, |conn| f(&mut self.cx(conn)))
    }

    /// What would happen: whatever `f` does, at instants of its choice, nothing of it is kept. On SQLite it works on a
    /// copy, so that nobody waits for it; on PostgreSQL in a transaction that is rolled back, which holds what it writes
    /// until then. Facts that are noted are not appended to the log.
    pub fn rehearse<T>(&self, f: impl FnOnce(&mut Rehearsal<'_>) -> Result<T, No>) -> Result<T, No> {
        let copy = self.db.copy(self.mint())?;
        let db = copy.as_ref().map_or(self.db, |copy| copy.db());
        db.rolled_back(Scope::Workspace(self.principal.workspace), |conn| f(&mut Rehearsal { work: self, conn }))
    }

    fn mint(&self) -> Uuid {
        mint(self.now, 0, self.randomness)
    }

    fn cx<'c>(&'c self, conn: &'c mut Conn) -> Cx<'c> {
        self.cx_at(conn, self.principal, self.now)
    }

    fn cx_at<'c>(&'c self, conn: &'c mut Conn, principal: &'c Principal, now: Timestamp) -> Cx<'c> {
        Cx {
            conn,
            principal,
            now: time::to_micros(now),
            randomness: self.randomness,
            correlation: self.correlation,
            minted: 0,
            pending: Vec::new(),
            receipts: Vec::new(),
        }
    }

    /// Waits 2 to 50 ms, at random, so that those who collided don't collide again.
    #[expect(clippy::disallowed_methods, reason = "a collision of transactions tells nobody when it is over")]
    fn pause(&self, tries: u32) {
        let mut byte = [0];
        self.randomness.fill(&mut byte);
        let most = 10 * u64::from(tries);
        std::thread::sleep(std::time::Duration::from_millis(2 + u64::from(byte[0]) % most));
    }
}

/// A world in which nothing is kept: see [`Work::rehearse`].
pub struct Rehearsal<'a> {
    work: &'a Work<'a>,
    conn: &'a mut Conn,
}

impl Rehearsal<'_> {
    pub fn now(&self) -> Timestamp {
        self.work.now
    }

    /// Runs a verb as it would run at an instant, over what was done before in this rehearsal.
    pub fn at<T>(&mut self, now: Timestamp, f: impl FnOnce(&mut Cx<'_>) -> Result<T, No>) -> Result<T, No> {
        f(&mut self.work.cx_at(self.conn, self.work.principal, now))
    }

    /// The same in the name of somebody else of the workspace: what a rehearsal shows is done by others than its reader.
    pub fn by<T>(
        &mut self,
        who: &Principal,
        now: Timestamp,
        f: impl FnOnce(&mut Cx<'_>) -> Result<T, No>,
    ) -> Result<T, No> {
        if who.workspace != self.work.principal.workspace {
            return Err(Fault::Corrupt("a rehearsal in the name of somebody of another workspace".into()).into());
        }
        f(&mut self.work.cx_at(self.conn, who, now))
    }
}

/// What a verb works with. There is no other way to change anything.
pub struct Cx<'a> {
    conn: &'a mut Conn,
    principal: &'a Principal,
    now: Timestamp,
    randomness: &'a dyn Randomness,
    correlation: CorrelationId,
    minted: u64,
    pending: Vec<Pending>,
    receipts: Vec<Receipt>,
}

impl Cx<'_> {
    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    pub fn principal(&self) -> &Principal {
        self.principal
    }

    pub fn actor(&self) -> &Actor {
        &self.principal.actor
    }

    pub fn workspace(&self) -> WorkspaceId {
        self.principal.workspace
    }

    /// As [`Principal::is_program`].
    pub fn is_program(&self) -> bool {
        self.principal.is_program()
    }

    /// The instant of this work, the same from its first line to its last. Microseconds.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    pub fn correlation(&self) -> CorrelationId {
        self.correlation
    }

    /// A new id, later in order than every one that this work made before.
    pub fn mint(&mut self) -> Uuid {
        self.minted += 1;
        mint(self.now, self.minted, self.randomness)
    }

    /// Random bytes, for secrets and salts.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.randomness.fill(&mut bytes);
        bytes
    }

    /// Notes what happened. It stands in the log when, and only when, this transaction commits.
    pub fn record(&mut self, subject: Subject, fact: &impl Fact) -> Result<(), No> {
        let value = serde_json::to_value(fact).map_err(|error| Fault::Corrupt(error.to_string()))?;
        // An enum's payload stands under its variant's name; the event's name says that already.
        let data = match value {
            Value::Object(map) if map.len() == 1 => map.into_iter().next().map(|(_, v)| v).unwrap_or_default(),
            Value::String(_) => Value::Object(serde_json::Map::new()),
            other => other,
        };
        let id = EventId(self.mint());
        let salt = self.random();
        self.pending.push(Pending { id, subject, name: fact.name(), data, personal: fact.personal(), salt });
        Ok(())
    }

    /// The names of what happened in this work so far and is not in the log yet.
    pub fn noted(&self) -> impl Iterator<Item = &'static str> {
        self.pending.iter().map(|fact| fact.name)
    }

    /// Writes the noted facts to the log and returns all receipts of this work so far.
    pub(crate) fn append(&mut self) -> Result<Vec<Receipt>, Fault> {
        let pending = std::mem::take(&mut self.pending);
        if let Some(call) = self.principal.call.as_ref().filter(|_| !pending.is_empty()) {
            call::note_change(self.conn, self.principal, call)?;
        }
        let new = event::append(self.conn, self.principal, self.correlation, self.now, &pending)?;
        self.receipts.extend(new);
        step::reach("events.appended")?;
        Ok(self.receipts.clone())
    }
}

/// A version 7 UUID: 48 bits of milliseconds, a counter within the work, 62 random bits.
pub fn mint(now: Timestamp, counter: u64, randomness: &dyn Randomness) -> Uuid {
    let mut random = [0; 10];
    randomness.fill(&mut random);
    // Twelve bits hold the counter; what it overflows into moves the time on, so that order is kept.
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0) + (counter >> 12);
    random[0] = ((counter >> 8) & 0x0f) as u8;
    random[1] = (counter & 0xff) as u8;
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Random bytes from a seed, the same on every run (SplitMix64). For tests and samples only.
pub struct Seeded(std::sync::atomic::AtomicU64);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(std::sync::atomic::AtomicU64::new(seed))
    }
}

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let step = 0x9e37_79b9_7f4a_7c15_u64;
            let mut z = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_in_one_work_are_in_order_and_apart() {
        let now: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
        let seeded = Seeded::new(7);
        let ids: Vec<Uuid> = (1..=20_000).map(|n| mint(now, n, &seeded)).collect();
        assert!(ids.is_sorted());
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(ids[0].get_version_num(), 7);
    }
}
