//! Where a test's database is, and that nothing stays of it.

use std::io::Write;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use domain::kernel::Db;
use domain::kernel::db::Limits;
use tempfile::TempDir;

/// A database of its own: a file in a folder that goes away, or a schema that is dropped at the end.
pub enum Place {
    File(TempDir),
    Schema { server: String, name: String },
}

const SERVER: &str = "MILEPOST_TEST_POSTGRES";
const REQUIRED: &str = "MILEPOST_TEST_POSTGRES_REQUIRED";

impl Place {
    pub fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// A fresh schema on the server that the environment names; `None` when it names none.
    pub fn schema() -> Option<Self> {
        static SAID: Once = Once::new();
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let Ok(server) = std::env::var(SERVER) else {
            assert!(
                std::env::var(REQUIRED).is_err(),
                "{REQUIRED} is set, but {SERVER} names no server: run tests/with-postgres cargo test"
            );
            // Not through `eprintln!`, whose output a passing test swallows.
            SAID.call_once(|| {
                let words = "\n*** SKIPPED: every test on PostgreSQL. Run: tests/with-postgres cargo test\n\n";
                let _ = std::io::stderr().write_all(words.as_bytes());
            });
            return None;
        };
        let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut c = PgConnection::establish(&server).unwrap();
        c.batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
        Some(Self::Schema { server, name })
    }

    /// As `database.url` in the settings; `None` for a file.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::File(_) => None,
            Self::Schema { server, name } => {
                let first = if server.contains('?') { '&' } else { '?' };
                Some(format!("{server}{first}options=-csearch_path%3D{name}"))
            }
        }
    }

    /// Pools on it, with its schema not yet made.
    pub fn open(&self, limits: Limits) -> Db {
        match self {
            Self::File(folder) => Db::open_sqlite(&folder.path().join("milepost.db"), limits).unwrap(),
            Self::Schema { .. } => Db::open_postgres(&self.url().unwrap(), limits).unwrap(),
        }
    }

    /// What the tests' own writers and readers wait for. Generous: a slow machine is no failure.
    pub fn usual_limits() -> Limits {
        Limits { connections: 8, wait: Duration::from_secs(20) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Schema { server, name } = self
            && let Ok(mut c) = PgConnection::establish(server)
        {
            // A test that failed may have left a lock; the cluster goes away in any case.
            let _ = c.batch_execute(&format!("SET lock_timeout='5s'; DROP SCHEMA {name} CASCADE"));
        }
    }
}
