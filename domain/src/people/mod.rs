//! People outside of the team.

pub mod contact;
