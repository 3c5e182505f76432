//! Settings in the database: one row for a workspace, none while nobody said anything.

use diesel::prelude::*;

use super::{Settings, Stored};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::schema::delivery_settings;
use crate::kernel::{Conn, Cx, Fault};

type Row = (String, Option<At>, Option<String>, i64, bool);

fn stored((body, held_since, held_why, version, clock_in_doubt): Row) -> Result<Stored, Fault> {
    let settings = serde_json::from_str(&body)
        .map_err(|error| Fault::Corrupt(format!("the settings of delivery: {error}")))?;
    Ok(Stored { settings, held_since: held_since.map(|at| at.0), held_why, clock_in_doubt, version })
}

fn nobody_said_anything() -> Stored {
    Stored { settings: Settings::default(), held_since: None, held_why: None, clock_in_doubt: false, version: 0 }
}

/// The settings that hold, with what is held.
pub fn find(cx: &mut Cx<'_>) -> Result<Stored, Fault> {
    let workspace = cx.workspace();
    let row: Option<Row> = both!(cx.conn(), |c| {
        delivery_settings::table
            .find(workspace)
            .select((
                delivery_settings::body,
                delivery_settings::held_since,
                delivery_settings::held_why,
                delivery_settings::version,
                delivery_settings::clock_in_doubt,
            ))
            .first(c)
            .optional()
    })?;
    row.map_or_else(|| Ok(nobody_said_anything()), stored)
}

/// The same, held until the end of the transaction where there is a row.
pub fn hold(cx: &mut Cx<'_>) -> Result<Stored, Fault> {
    let workspace = cx.workspace();
    // The one writer of SQLite holds everything.
    let Conn::Pg(c) = cx.conn() else { return find(cx) };
    let row: Option<Row> = delivery_settings::table
        .find(workspace)
        .select((
            delivery_settings::body,
            delivery_settings::held_since,
            delivery_settings::held_why,
            delivery_settings::version,
            delivery_settings::clock_in_doubt,
        ))
        .for_update()
        .first(&mut **c)
        .optional()?;
    row.map_or_else(|| Ok(nobody_said_anything()), stored)
}

/// Writes the document over the version that was read; false when somebody was faster. What is held stays held.
pub fn save(cx: &mut Cx<'_>, settings: &Settings, read: i64) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let body = serde_json::to_string(settings).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let changed = both!(cx.conn(), |c| {
        diesel::update(delivery_settings::table.find(workspace))
            .filter(delivery_settings::version.eq(read))
            .set((delivery_settings::body.eq(&body), delivery_settings::version.eq(read + 1)))
            .execute(c)
    })?;
    if changed == 1 || read != 0 {
        return Ok(changed == 1);
    }
    let new = (
        delivery_settings::workspace_id.eq(workspace),
        delivery_settings::body.eq(body),
        delivery_settings::version.eq(1_i64),
    );
    let added = both!(cx.conn(), |c| {
        diesel::insert_into(delivery_settings::table).values(new).on_conflict_do_nothing().execute(c)
    })?;
    Ok(added == 1)
}
