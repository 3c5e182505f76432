//! People outside of the team.

pub mod contact;
pub mod reach;
