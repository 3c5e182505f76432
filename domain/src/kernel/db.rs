//! The database: embedded SQLite or PostgreSQL behind one type, and the only place where a transaction begins.
//!
//! An expression is written once and checked for both: `both!(cx.conn(), |c| table.filter(..).load(c))`.
//!
//! | | SQLite | PostgreSQL |
//! |---|---|---|
//! | write | one connection, `BEGIN IMMEDIATE`, `synchronous=FULL` | `READ COMMITTED` with row locks; retried when it deadlocks |
//! | read  | a pool with `query_only` | `REPEATABLE READ`, `READ ONLY` |
//! | tenancy | every query names the workspace | that, and row-level security under a role that owns nothing |

use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool, PooledConnection};

use crate::kernel::Fault;
use crate::kernel::id::WorkspaceId;

/// The role under which every statement of the product runs on PostgreSQL. It owns nothing.
pub const APP_ROLE: &str = "milepost_app";

pub enum Conn {
    Pg(PooledConnection<ConnectionManager<PgConnection>>),
    Lite(PooledConnection<ConnectionManager<SqliteConnection>>),
}

/// Writes a Diesel expression once and compiles it for each database.
#[macro_export]
macro_rules! both {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::kernel::Conn::Pg(pooled) => {
                let $c: &mut diesel::PgConnection = &mut *pooled;
                $body
            }
            $crate::kernel::Conn::Lite(pooled) => {
                let $c: &mut diesel::SqliteConnection = &mut *pooled;
                $body
            }
        }
    };
}

/// What a transaction may see.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// The rows of one workspace.
    Workspace(WorkspaceId),
    /// The one token with this hash: how a caller is recognised before its workspace is known.
    TokenHash(&'a str),
    /// Of what chat is linked to, the one `guild:`, `user:` or `code:` that is named here: how somebody who says something
    /// to the bot is recognised before the workspace is known.
    Chat(&'a str),
    /// The list of workspaces, and nothing in them.
    Directory,
    /// The installation itself: its row, and what its dispatchers tell each other of providers. Nothing of any workspace.
    Installation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

enum Pools {
    Pg(Pool<ConnectionManager<PgConnection>>),
    Lite {
        writer: Pool<ConnectionManager<SqliteConnection>>,
        readers: Pool<ConnectionManager<SqliteConnection>>,
        file: PathBuf,
    },
}

/// Open pools on one database. Cheap to share behind an `Arc`.
pub struct Db {
    pools: Pools,
}

/// Bounds on how much is open and how long a caller waits for it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub connections: u32,
    /// How long to wait for a free connection, for a lock, and (on PostgreSQL) for one statement.
    pub wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 8, wait: Duration::from_secs(5) }
    }
}

#[derive(Debug)]
struct LiteSetup {
    wait: Duration,
    reader: bool,
}

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for LiteSetup {
    fn on_acquire(&self, c: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        // The busy timeout comes first: switching to WAL needs a lock itself.
        let mut setup = format!(
            "PRAGMA busy_timeout={};PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;\
             PRAGMA trusted_schema=OFF;PRAGMA cache_size=-2000;",
            self.wait.as_millis()
        );
        if self.reader {
            setup.push_str("PRAGMA query_only=ON;");
        }
        c.batch_execute(&setup).map_err(diesel::r2d2::Error::QueryError)
    }
}

#[derive(Debug)]
struct PgSetup {
    wait: Duration,
}

impl CustomizeConnection<PgConnection, diesel::r2d2::Error> for PgSetup {
    fn on_acquire(&self, c: &mut PgConnection) -> Result<(), diesel::r2d2::Error> {
        let wait = self.wait.as_millis();
        c.batch_execute(&format!(
            "SET statement_timeout={};SET lock_timeout={wait};SET idle_in_transaction_session_timeout={};\
             SET timezone='UTC'",
            wait * 2,
            wait * 6
        ))
        .map_err(diesel::r2d2::Error::QueryError)
    }
}

impl Db {
    /// Opens the file, creating it and its folder when absent. Does not migrate.
    pub fn open_sqlite(file: &Path, limits: Limits) -> Result<Self, Fault> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| {
                Fault::Open(format!("the folder {} cannot be made: {error}", folder.display()))
            })?;
        }
        let url = file.to_string_lossy().into_owned();
        let pool = |most: u32, reader: bool| {
            Pool::builder()
                .max_size(most)
                .min_idle(Some(u32::from(!reader)))
                .test_on_check_out(false)
                .connection_timeout(limits.wait)
                .connection_customizer(Box::new(LiteSetup { wait: limits.wait, reader }))
                .build(ConnectionManager::new(url.as_str()))
                .map_err(|error| Fault::Open(error.to_string()))
        };
        let writer = pool(1, false)?;
        let readers = pool(limits.connections, true)?;
        Ok(Self { pools: Pools::Lite { writer, readers, file: file.to_owned() } })
    }

    /// Opens pools on `postgres://...`. Does not migrate.
    ///
    /// Client-side bounds are added to the address where it has none: a server that was cut off is noticed in seconds.
    pub fn open_postgres(url: &str, limits: Limits) -> Result<Self, Fault> {
        let pool = Pool::builder()
            .max_size(limits.connections)
            .min_idle(Some(1))
            .test_on_check_out(true)
            .connection_timeout(limits.wait)
            .connection_customizer(Box::new(PgSetup { wait: limits.wait }))
            .build(ConnectionManager::new(bounded(url)))
            .map_err(|error| Fault::Open(error.to_string()))?;
        Ok(Self { pools: Pools::Pg(pool) })
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Pg(_))
    }

    /// The file of an embedded database.
    pub fn file(&self) -> Option<&Path> {
        match &self.pools {
            Pools::Lite { file, .. } => Some(file),
            Pools::Pg(_) => None,
        }
    }

    /// A connection outside of any transaction, for migrations, health and tests that look behind the product's back.
    pub fn raw(&self) -> Result<Conn, Fault> {
        self.conn(Access::Write)
    }

    fn conn(&self, access: Access) -> Result<Conn, Fault> {
        let none = |error: diesel::r2d2::PoolError| Fault::NoConnection(error.to_string());
        match (&self.pools, access) {
            (Pools::Pg(pool), _) => Ok(Conn::Pg(pool.get().map_err(none)?)),
            (Pools::Lite { writer, .. }, Access::Write) => Ok(Conn::Lite(writer.get().map_err(none)?)),
            (Pools::Lite { readers, .. }, Access::Read) => Ok(Conn::Lite(readers.get().map_err(none)?)),
        }
    }

    /// Runs `f` in one transaction that sees only `scope`: committed when it gives `Ok`, rolled back otherwise.
    ///
    /// This is the one transaction helper. Product code reaches it through [`super::Work`].
    pub(crate) fn transaction<T, E: From<Fault>>(
        &self,
        scope: Scope<'_>,
        access: Access,
        f: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = self.conn(access)?;
        begin(&mut conn, scope, access)?;
        match f(&mut conn) {
            Ok(value) => {
                commit(&mut conn).map_err(Fault::from)?;
                Ok(value)
            }
            Err(error) => {
                // The first error is the one worth telling; a connection that can't roll back leaves the pool.
                let _ = both!(&mut conn, |c| AnsiTransactionManager::rollback_transaction(c));
                Err(error)
            }
        }
    }

    /// As [`Self::transaction`] for writing, but never committed.
    pub(crate) fn rolled_back<T, E: From<Fault>>(
        &self,
        scope: Scope<'_>,
        f: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        struct Back<O>(O);
        impl<T, E: From<Fault>> From<Fault> for Back<Result<T, E>> {
            fn from(fault: Fault) -> Self {
                Self(Err(fault.into()))
            }
        }
        let never: Result<std::convert::Infallible, Back<Result<T, E>>> =
            self.transaction(scope, Access::Write, |conn| Err(Back(f(conn))));
        match never {
            Err(Back(outcome)) => outcome,
            Ok(never) => match never {},
        }
    }

    /// A copy of an embedded database as it is now, in a file of its own beside it; `None` for PostgreSQL.
    pub(crate) fn copy(&self, id: uuid::Uuid) -> Result<Option<Copy>, Fault> {
        let Pools::Lite { file, .. } = &self.pools else { return Ok(None) };
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".rehearsal-{id}"));
        let gone = Gone(PathBuf::from(name));
        let text = gone.0.to_string_lossy().into_owned();
        // A connection of its own: those of the pools are for others.
        let mut c = SqliteConnection::establish(&file.to_string_lossy())
            .map_err(|error| Fault::Open(error.to_string()))?;
        c.batch_execute("PRAGMA busy_timeout=5000")?;
        diesel::sql_query("VACUUM INTO ?").bind::<diesel::sql_types::Text, _>(&text).execute(&mut c)?;
        let db = Self::open_sqlite(&gone.0, Limits { connections: 1, ..Limits::default() })?;
        Ok(Some(Copy { db, _gone: gone }))
    }

    /// Answers when the database does.
    pub fn ping(&self) -> Result<(), Fault> {
        let mut conn = self.conn(Access::Read)?;
        // What names no table is answered by SQLite without a look at its file.
        let question = if self.is_postgres() { "SELECT 1" } else { "SELECT count(*) FROM sqlite_schema" };
        both!(&mut conn, |c| diesel::sql_query(question).execute(c))?;
        Ok(())
    }
}

/// A copy of a database. Its file goes away with it.
pub(crate) struct Copy {
    // Dropped in this order: the pools close before their file goes.
    db: Db,
    _gone: Gone,
}

impl Copy {
    pub fn db(&self) -> &Db {
        &self.db
    }
}

struct Gone(PathBuf);

impl Drop for Gone {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(end);
            let _ = std::fs::remove_file(name);
        }
    }
}

fn begin(conn: &mut Conn, scope: Scope<'_>, access: Access) -> Result<(), Fault> {
    match conn {
        Conn::Lite(c) => {
            let begin = if access == Access::Write { "BEGIN IMMEDIATE" } else { "BEGIN" };
            AnsiTransactionManager::begin_transaction_sql(&mut **c, begin)?;
        }
        Conn::Pg(c) => {
            // A look of several statements sees one state, as it does on SQLite: an auditor who walks the log while
            // it grows must not find its head ahead of it.
            let begin = match access {
                Access::Write => "BEGIN",
                Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            };
            AnsiTransactionManager::begin_transaction_sql(&mut **c, begin)?;
            let (mut workspace, mut token, mut chat) = (String::new(), "", "");
            let (mut directory, mut installation) = ("off", "off");
            match scope {
                Scope::Workspace(id) => workspace = id.to_string(),
                Scope::TokenHash(hash) => token = hash,
                Scope::Chat(named) => chat = named,
                Scope::Directory => directory = "on",
                Scope::Installation => installation = "on",
            }
            // The `true` is SET LOCAL: all of it ends with the transaction.
            let scoped = diesel::sql_query(
                "SELECT set_config('role', $1, true), set_config('milepost.workspace', $2, true), \
                 set_config('milepost.token_hash', $3, true), set_config('milepost.directory', $4, true), \
                 set_config('milepost.installation', $5, true), set_config('milepost.chat', $6, true)",
            )
            .bind::<diesel::sql_types::Text, _>(APP_ROLE)
            .bind::<diesel::sql_types::Text, _>(workspace)
            .bind::<diesel::sql_types::Text, _>(token)
            .bind::<diesel::sql_types::Text, _>(directory)
            .bind::<diesel::sql_types::Text, _>(installation)
            .bind::<diesel::sql_types::Text, _>(chat)
            .execute(&mut **c);
            if let Err(error) = scoped {
                let _ = AnsiTransactionManager::rollback_transaction(&mut **c);
                return Err(error.into());
            }
        }
    }
    Ok(())
}

fn commit(conn: &mut Conn) -> QueryResult<()> {
    both!(conn, |c| AnsiTransactionManager::commit_transaction(c))
}

/// Whether the same work may well succeed when it is done again at once.
pub fn may_pass(error: &diesel::result::Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error};
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        // Deadlocks and a busy file arrive as an unknown kind; only their words tell.
        Error::DatabaseError(DatabaseErrorKind::Unknown, info) => {
            let words = info.message();
            words.contains("deadlock detected")
                || words.contains("database is locked")
                || words.contains("is busy")
        }
        _ => false,
    }
}

/// Whether somebody else had what was needed for longer than anybody waits.
pub fn is_busy(error: &diesel::result::Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error};
    let words = match error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, info) => info.message(),
        _ => "",
    };
    let timeout = ["lock timeout", "statement timeout", "locking protocol"].iter().any(|why| words.contains(why));
    timeout || may_pass(error)
}

fn bounded(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in [
        ("connect_timeout", "5"),
        ("tcp_user_timeout", "10000"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
        ("application_name", "milepost"),
    ] {
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{name}={value}"));
        }
    }
    url
}
