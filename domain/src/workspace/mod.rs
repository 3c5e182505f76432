//! The tenant: its members, its agents, and who may do what.

pub mod access;
pub mod member;
pub mod tenant;
