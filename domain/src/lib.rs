//! What Milepost knows and decides: rules, state, storage.
//!
//! Synchronous, with no network and no clock of its own: a verb gets one actor, one instant and one
//! transaction in a [`kernel::Cx`], and nothing it does can wait for anything but the database.

pub mod assist;
pub mod deals;
pub mod delivery;
pub mod insight;
pub mod kernel;
pub mod people;
pub mod workspace;
