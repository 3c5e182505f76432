//! People: outside of the team, and how everybody is reached.

pub mod chat;
pub mod contact;
pub mod reach;
