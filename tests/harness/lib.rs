//! A small world to tell stories in: a fresh database, a clock that moves only when told, a brokerage with a member of
//! each role.
//!
//! Each story runs on SQLite and on PostgreSQL. The second needs a server: `tests/with-postgres cargo test` starts a
//! throw-away one. Without it those stories are skipped, which one line per process says; where they must not be
//! skipped, `MILEPOST_TEST_POSTGRES_REQUIRED=1` makes them fail. Stories that send e-mail need a mail server, which
//! `tests/with-smtp` installs once; the same holds for them and `MILEPOST_TEST_SMTP_REQUIRED=1`. Those in which other
//! people's MCP clients talk to us run under `tests/with-clients`, which sets `MILEPOST_TEST_CLIENTS_REQUIRED=1`.

mod agents;
mod behind;
mod clients;
mod conformance;
mod drafts;
pub mod fake_discord;
mod lossy;
mod outbound;
pub mod peers;
mod place;
mod samples;
mod steps;
mod wire;
mod world;

pub use agents::{Agent, Answer, Era};
pub use behind::{OF_THE_INSTALLATION, lines, lines_of};
pub use clients::Clients;
pub use conformance::Verdict;
pub use drafts::{party, peopled};
pub use lossy::Lossy;
pub use outbound::{accepted, message, not_sent, report, unclear};
pub use place::Place;
pub use samples::{deal, key_dates, unknown_id};
pub use steps::{DATES, change};
pub use wire::{Reply, Wire};
pub use world::{Team, World};

/// Tells each story once on each database: `sqlite::<sentence>` and `postgres::<sentence>`.
#[macro_export]
macro_rules! on_both {
    ($($(#[$meta:meta])* fn $sentence:ident($world:ident: World) $body:block)+) => {
        $($(#[$meta])* fn $sentence($world: $crate::World) $body)+

        mod sqlite {
            $(#[test] fn $sentence() { super::$sentence($crate::World::new($crate::Place::file())) })+
        }

        mod postgres {
            $(#[test] fn $sentence() {
                if let Some(place) = $crate::Place::schema() {
                    super::$sentence($crate::World::new(place));
                }
            })+
        }
    };
}
