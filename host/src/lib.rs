//! What a process needs around the domain: configuration, clock, randomness, threads, logs.

pub mod agents;
mod breaker;
pub mod calls;
pub mod channels;
pub mod chat;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod doors;
pub mod drafting;
pub mod egress;
pub mod following;
mod installation;
mod jumps;
pub mod keys;
pub mod logs;
pub mod loops;
pub mod model;
pub mod oidc;
mod pace;
mod pacing;
pub mod picture;
mod random;
mod run;
pub mod sweep;
pub mod telling;

pub use clock::Clock;
pub use config::Config;
pub use run::{DATABASE_FILE, Host, Parts};
