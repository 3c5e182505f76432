//! What can be read off the log. Everything here can be rebuilt from events.

pub mod event_log;
