//! Brings a database to the schema of this program, one at a time however many programs start at once.

use std::fs::File;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::kernel::{Conn, Db, Fault, step};

pub const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
pub const POSTGRES: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

/// A number of our own, so that no other program on the same server waits for us.
const LOCK: &str = "7302116508921141";

/// Applies what is missing and returns the names of what was applied.
///
/// Refuses a database that a newer program has written.
pub fn migrate(db: &Db) -> Result<Vec<String>, Fault> {
    let _held = match db.file() {
        Some(file) => Some(lock_file(&file.with_extension("migrating"))?),
        None => None,
    };
    match db.raw()? {
        Conn::Lite(mut c) => up(&mut *c, SQLITE),
        Conn::Pg(mut c) => {
            // Waiting for another replica's migration is no stuck statement. The connection goes back to the pool,
            // so its bounds are set again: whoever gets it next must not wait for ever.
            let [statement, lock] = ["statement_timeout", "lock_timeout"].map(|name| bound(&mut c, name));
            let (statement, lock) = (statement?, lock?);
            c.batch_execute(&format!(
                "SET statement_timeout=0; SET lock_timeout=0; SELECT pg_advisory_lock({LOCK})"
            ))?;
            let outcome = up(&mut *c, POSTGRES);
            c.batch_execute(&format!(
                "SELECT pg_advisory_unlock({LOCK}); SET statement_timeout='{statement}'; SET lock_timeout='{lock}'"
            ))?;
            outcome
        }
    }
}

/// A setting of the session, such as `5s`.
fn bound(c: &mut PgConnection, name: &str) -> QueryResult<String> {
    let shown = diesel::dsl::sql::<diesel::sql_types::Text>(&format!("current_setting('{name}')"));
    diesel::select(shown).get_result(c)
}

/// The names of what has not been applied.
pub fn pending(db: &Db) -> Result<Vec<String>, Fault> {
    match db.raw()? {
        Conn::Lite(mut c) => missing(&mut *c, SQLITE),
        Conn::Pg(mut c) => missing(&mut *c, POSTGRES),
    }
}

fn lock_file(path: &std::path::Path) -> Result<File, Fault> {
    let failed = |error: std::io::Error| Fault::Open(format!("{} cannot be locked: {error}", path.display()));
    let file = File::create(path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

fn up<C, DB>(c: &mut C, source: EmbeddedMigrations) -> Result<Vec<String>, Fault>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known = names::<DB>(&source)?;
    let applied = c.applied_migrations().map_err(failed)?;
    let newer: Vec<String> = applied
        .iter()
        .map(MigrationVersion::to_string)
        .filter(|v| !known.iter().any(|k| k.starts_with(v)))
        .collect();
    if !newer.is_empty() {
        return Err(Fault::Migration(format!(
            "this database was written by a newer Milepost (it has {}, which this one does not know). Nothing was \
             changed. Start the newer version, or restore a backup made by this one",
            newer.join(", ")
        )));
    }
    step::reach("migration.before")?;
    let done = c.run_pending_migrations(source).map_err(failed)?;
    Ok(done.iter().map(MigrationVersion::to_string).collect())
}

fn missing<C, DB>(c: &mut C, source: EmbeddedMigrations) -> Result<Vec<String>, Fault>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let found = c.pending_migrations(source).map_err(failed)?;
    Ok(found.iter().map(|m| m.name().to_string()).collect())
}

fn names<DB>(source: &EmbeddedMigrations) -> Result<Vec<String>, Fault>
where
    DB: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let all: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(failed)?;
    // A version is the name's stamp without dashes.
    Ok(all.iter().map(|m| m.name().version().to_string()).collect())
}

fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Fault {
    Fault::Migration(error.to_string())
}
