//! What models cost, in the database: one row for each workspace and UTC day on which one was asked.

use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;
use jiff::civil::Date;

use crate::both;
use crate::kernel::column::On;
use crate::kernel::schema::model_days;
use crate::kernel::{Cx, Fault};

pub fn spent(cx: &mut Cx<'_>, day: Date) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    let found: Option<i64> = both!(cx.conn(), |c| {
        model_days::table.find((workspace, On(day))).select(model_days::tokens).first(c).optional()
    })?;
    Ok(found.unwrap_or(0))
}

/// Adds tokens to a day of which less than `below` are spent, which is more than nothing; false when there are not. One
/// statement, so that those who ask at once don't all see the same rest.
pub fn add_if_below(cx: &mut Cx<'_>, day: Date, tokens: i64, below: i64) -> Result<bool, Fault> {
    let row =
        (model_days::workspace_id.eq(cx.workspace()), model_days::day.eq(On(day)), model_days::tokens.eq(tokens));
    let added = both!(cx.conn(), |c| {
        diesel::insert_into(model_days::table)
            .values(row)
            .on_conflict((model_days::workspace_id, model_days::day))
            .do_update()
            .set(model_days::tokens.eq(model_days::tokens + tokens))
            .filter(model_days::tokens.lt(below))
            .execute(c)
    })?;
    Ok(added == 1)
}

/// Puts what something did cost in the place of what was taken for it.
pub fn correct(cx: &mut Cx<'_>, day: Date, taken: i64, cost: i64) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::update(model_days::table.find((workspace, On(day))))
            .set(model_days::tokens.eq(model_days::tokens - taken + cost))
            .execute(c)
    })?;
    Ok(())
}
