//! What can be read off the log, and beside it the record of the calls that tools got. All that is read off the log can be
//! rebuilt from events.

pub mod briefing;
pub mod calls;
pub mod changes;
pub mod event_log;
pub mod search;
