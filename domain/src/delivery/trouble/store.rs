//! Holds and live dispatchers in the database.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use jiff::{SignedDuration, Timestamp};

use super::{Hold, What, rules};
use crate::both;
use crate::kernel::column::{At, Timestamptz};
use crate::kernel::id::DispatcherId;
use crate::kernel::schema::{dispatchers, provider_holds};
use crate::kernel::{Conn, Fault};

type Row = (String, At, At, At, Option<i64>, i64);

/// What is left alone, at most so many: what is closed for longest first.
pub(super) fn list(conn: &mut Conn, limit: i64) -> Result<Vec<Hold>, Fault> {
    let rows: Vec<Row> = both!(conn, |c| {
        provider_holds::table
            .order((provider_holds::closed_until.desc(), provider_holds::what))
            .limit(limit)
            .select((
                provider_holds::what,
                provider_holds::since,
                provider_holds::closed_at,
                provider_holds::closed_until,
                provider_holds::last_ms,
                provider_holds::version,
            ))
            .load(c)
    })?;
    let hold = |(what, since, closed_at, closed_until, last, version): Row| Hold {
        what: What::from(what.as_str()),
        since: since.0,
        closed_at: closed_at.0,
        closed_until: closed_until.0,
        last: last.map(SignedDuration::from_millis),
        version,
    };
    Ok(rows.into_iter().map(hold).collect())
}

/// Closes it, or leaves it closed for longer. With `probe` what was said before counts no more.
pub(super) fn close(conn: &mut Conn, hold: &Hold, probe: bool) -> Result<(), Fault> {
    // Two may learn it at once, each by a request that had left before; the longer wait holds. What is further away than
    // any wait stems from a clock that has gone back since.
    const LONGER: &str = "CASE WHEN provider_holds.closed_until > excluded.closed_until \
                          AND provider_holds.closed_until <= $6 THEN provider_holds.closed_until \
                          ELSE excluded.closed_until END";
    const SLOWER: &str = "CASE WHEN coalesce(provider_holds.last_ms, 0) > coalesce(excluded.last_ms, 0) \
                          THEN provider_holds.last_ms ELSE excluded.last_ms END";
    let (until, last) = if probe { ("excluded.closed_until", "excluded.last_ms") } else { (LONGER, SLOWER) };
    let query = format!(
        "INSERT INTO provider_holds (what, since, closed_at, closed_until, last_ms, version) \
         VALUES ($1, $2, $2, $3, $4, $5) \
         ON CONFLICT (what) DO UPDATE SET closed_at = excluded.closed_at, closed_until = {until}, last_ms = {last}, \
         version = provider_holds.version + 1"
    );
    let last = hold.last.map(|last| i64::try_from(last.as_millis()).unwrap_or(i64::MAX));
    let furthest = hold.closed_at.checked_add(rules::LONGEST).unwrap_or(hold.closed_at);
    both!(conn, |c| {
        let asked = diesel::sql_query(&query)
            .bind::<Text, _>(hold.what.to_string())
            .bind::<Timestamptz, _>(At(hold.closed_at))
            .bind::<Timestamptz, _>(At(hold.closed_until))
            .bind::<Nullable<BigInt>, _>(last)
            .bind::<BigInt, _>(hold.version);
        if probe { asked.execute(c) } else { asked.bind::<Timestamptz, _>(At(furthest)).execute(c) }
    })?;
    Ok(())
}

/// Takes the next question for whoever still knows it as it is. False when somebody was faster.
pub(super) fn advance(
    conn: &mut Conn,
    what: &What,
    version: i64,
    (at, until): (Timestamp, Timestamp),
) -> Result<bool, Fault> {
    let what = what.to_string();
    let changed = both!(conn, |c| {
        diesel::update(provider_holds::table.find(&what))
            .filter(provider_holds::version.eq(version))
            .set((
                provider_holds::closed_at.eq(At(at)),
                provider_holds::closed_until.eq(At(until)),
                provider_holds::version.eq(version + 1),
            ))
            .execute(c)
    })?;
    Ok(changed == 1)
}

pub(super) fn open(conn: &mut Conn, what: &What) -> Result<(), Fault> {
    let what = what.to_string();
    both!(conn, |c| diesel::delete(provider_holds::table.find(&what)).execute(c))?;
    Ok(())
}

/// Forgets what nobody has asked for since an instant.
pub(super) fn forget(conn: &mut Conn, before: Timestamp) -> Result<(), Fault> {
    both!(conn, |c| {
        diesel::delete(provider_holds::table.filter(provider_holds::closed_until.lt(At(before)))).execute(c)
    })?;
    Ok(())
}

/// When each dispatcher last said that it sends.
pub(super) fn seen(conn: &mut Conn) -> Result<Vec<Timestamp>, Fault> {
    let rows: Vec<At> = both!(conn, |c| dispatchers::table.select(dispatchers::seen_at).load(c))?;
    Ok(rows.into_iter().map(|at| at.0).collect())
}

pub(super) fn see(conn: &mut Conn, id: DispatcherId, now: Timestamp) -> Result<(), Fault> {
    both!(conn, |c| {
        diesel::insert_into(dispatchers::table)
            .values((dispatchers::id.eq(id), dispatchers::seen_at.eq(At(now))))
            .on_conflict(dispatchers::id)
            .do_update()
            .set(dispatchers::seen_at.eq(At(now)))
            .execute(c)
    })?;
    Ok(())
}

pub(super) fn leave(conn: &mut Conn, id: DispatcherId) -> Result<(), Fault> {
    both!(conn, |c| diesel::delete(dispatchers::table.find(id)).execute(c))?;
    Ok(())
}

/// Takes out those that did not say so since an instant.
pub(super) fn lose(conn: &mut Conn, before: Timestamp) -> Result<(), Fault> {
    both!(conn, |c| diesel::delete(dispatchers::table.filter(dispatchers::seen_at.lt(At(before)))).execute(c))?;
    Ok(())
}
