//! Preferences in the database.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{Person, Preferences};
use crate::both;
use crate::kernel::event::AnyId;
use crate::kernel::id::{ContactId, MemberId};
use crate::kernel::schema::preferences;
use crate::kernel::{Cx, Fault};

/// Those of some people; who said nothing is not among them.
pub fn of(cx: &mut Cx<'_>, people: &[Person]) -> Result<HashMap<Person, Preferences>, Fault> {
    let workspace = cx.workspace();
    let mut found = HashMap::new();
    for some in people.chunks(1_000) {
        let ids: Vec<AnyId> = some.iter().map(|person| AnyId(person.id())).collect();
        let rows: Vec<(String, AnyId, String)> = both!(cx.conn(), |c| {
            preferences::table
                .filter(preferences::workspace_id.eq(workspace))
                .filter(preferences::person_kind.eq_any(["member", "contact"]))
                .filter(preferences::person_id.eq_any(ids))
                .select((preferences::person_kind, preferences::person_id, preferences::body))
                .load(c)
        })?;
        for (kind, id, body) in rows {
            let person =
                if kind == "member" { Person::Member(MemberId(id.0)) } else { Person::Contact(ContactId(id.0)) };
            let read = serde_json::from_str(&body);
            found.insert(person, read.map_err(|e| Fault::Corrupt(format!("preferences of {id}: {e}")))?);
        }
    }
    Ok(found)
}

/// One person's, with their version; version 0 when nothing was said yet.
pub fn find(cx: &mut Cx<'_>, person: Person) -> Result<(Preferences, i64), Fault> {
    let workspace = cx.workspace();
    let row: Option<(String, i64)> = both!(cx.conn(), |c| {
        preferences::table
            .find((workspace, person.kind(), AnyId(person.id())))
            .select((preferences::body, preferences::version))
            .first(c)
            .optional()
    })?;
    match row {
        None => Ok((Preferences::default(), 0)),
        Some((body, version)) => {
            let read = serde_json::from_str(&body);
            Ok((read.map_err(|e| Fault::Corrupt(format!("preferences of {}: {e}", person.id())))?, version))
        }
    }
}

/// Writes over version `before`; false when somebody was faster.
pub fn save(cx: &mut Cx<'_>, person: Person, new: &Preferences, before: i64) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let body = serde_json::to_string(new).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let changed = if before == 0 {
        let row = (
            preferences::workspace_id.eq(workspace),
            preferences::person_kind.eq(person.kind()),
            preferences::person_id.eq(AnyId(person.id())),
            preferences::body.eq(body),
            preferences::version.eq(1_i64),
        );
        both!(cx.conn(), |c| {
            diesel::insert_into(preferences::table).values(row).on_conflict_do_nothing().execute(c)
        })?
    } else {
        both!(cx.conn(), |c| {
            diesel::update(preferences::table.find((workspace, person.kind(), AnyId(person.id()))))
                .filter(preferences::version.eq(before))
                .set((preferences::body.eq(body), preferences::version.eq(before + 1)))
                .execute(c)
        })?
    };
    Ok(changed == 1)
}
