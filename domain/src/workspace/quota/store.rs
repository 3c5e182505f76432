//! What tokens did, in the database: one row for each token and UTC day on which it changed something.

use std::collections::BTreeMap;

use diesel::prelude::*;
use jiff::civil::Date;

use super::{Kind, Used};
use crate::both;
use crate::kernel::column::On;
use crate::kernel::schema::agent_days;
use crate::kernel::{Cx, Fault};

/// Counts one more of a kind of which there are less than `most`, which is more than nothing, and gives how many there are then;
/// `None` when there are not less. One statement, so that those who ask at once don't all see the same rest.
pub fn add_if_below(
    cx: &mut Cx<'_>,
    holder: &str,
    day: Date,
    kind: Kind,
    most: i64,
) -> Result<Option<i64>, Fault> {
    use diesel::query_dsl::methods::FilterDsl;
    let (changes, proposals) = match kind {
        Kind::Change => (1_i64, 0_i64),
        Kind::Proposal => (0, 1),
    };
    let row = (
        agent_days::workspace_id.eq(cx.workspace()),
        agent_days::holder.eq(holder),
        agent_days::day.eq(On(day)),
        agent_days::changes.eq(changes),
        agent_days::proposals.eq(proposals),
    );
    let key = (agent_days::workspace_id, agent_days::holder, agent_days::day);
    Ok(match kind {
        Kind::Change => both!(cx.conn(), |c| {
            diesel::insert_into(agent_days::table)
                .values(row)
                .on_conflict(key)
                .do_update()
                .set(agent_days::changes.eq(agent_days::changes + 1))
                .filter(agent_days::changes.lt(most))
                .returning(agent_days::changes)
                .get_result(c)
                .optional()
        })?,
        Kind::Proposal => both!(cx.conn(), |c| {
            diesel::insert_into(agent_days::table)
                .values(row)
                .on_conflict(key)
                .do_update()
                .set(agent_days::proposals.eq(agent_days::proposals + 1))
                .filter(agent_days::proposals.lt(most))
                .returning(agent_days::proposals)
                .get_result(c)
                .optional()
        })?,
    })
}

pub fn drop_before(cx: &mut Cx<'_>, holder: &str, day: Date) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::delete(agent_days::table)
            .filter(agent_days::workspace_id.eq(workspace))
            .filter(agent_days::holder.eq(holder))
            .filter(agent_days::day.lt(On(day)))
            .execute(c)
    })?;
    Ok(())
}

pub fn of_day(cx: &mut Cx<'_>, day: Date) -> Result<BTreeMap<String, Used>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(String, i64, i64)> = both!(cx.conn(), |c| {
        agent_days::table
            .filter(agent_days::workspace_id.eq(workspace))
            .filter(agent_days::day.eq(On(day)))
            .select((agent_days::holder, agent_days::changes, agent_days::proposals))
            .load(c)
    })?;
    Ok(rows.into_iter().map(|(holder, changes, proposals)| (holder, Used { changes, proposals })).collect())
}
