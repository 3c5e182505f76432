//! The tenant: its members, its agents, who may do what, and what waits for their word.

pub mod access;
pub mod agent_server;
pub mod approval;
pub mod member;
pub mod quota;
pub mod tenant;
