//! What every slice stands on: the unit of work, the database, ids, time, events and the two kinds of no.
//! The kernel is ignorant of the trade.

pub mod column;
pub mod error;
pub mod id;

pub use error::{Code, Fault, No, Problem, Refusal};
