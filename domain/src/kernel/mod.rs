//! What every slice stands on: the unit of work, the database, ids, time, events and the two kinds of no.
//! The kernel is ignorant of the trade.

pub mod actor;
pub mod call;
pub mod canonical;
pub mod column;
pub mod cx;
pub mod db;
pub mod error;
pub mod event;
pub mod id;
pub mod id_order;
pub mod idempotency;
pub mod installation;
pub mod migrate;
pub mod page;
pub mod schema;
pub mod search;
pub mod shape;
pub mod spoken;
pub mod step;
pub mod strict;
pub mod text;
pub mod time;
pub mod way;

pub use actor::{Actor, ActorKind, Credential, Principal, Source};
pub use cx::{Cx, Done, Randomness, Rehearsal, Work};
pub use db::{Conn, Db};
pub use error::{Code, Fault, No, Problem, Refusal};
pub use event::{Fact, Receipt, Subject};
