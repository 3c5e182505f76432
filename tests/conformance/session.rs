//! What a client of the protocol before 2026-07-28 has set for its session.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};

use rmcp::model::LoggingLevel;

#[derive(Default)]
struct Set {
    level: Option<LoggingLevel>,
    watched: HashSet<String>,
}

#[derive(Default)]
pub struct Session(Mutex<Set>);

impl Session {
    fn set(&self) -> MutexGuard<'_, Set> {
        self.0.lock().expect("nobody panics while holding it")
    }

    pub fn set_level(&self, level: LoggingLevel) {
        self.set().level = Some(level);
    }

    /// What is written to the log as information: everything, until the client says that it wants less.
    pub fn wants_information(&self) -> bool {
        matches!(self.set().level, None | Some(LoggingLevel::Debug | LoggingLevel::Info))
    }

    pub fn watch(&self, uri: String) {
        self.set().watched.insert(uri);
    }

    pub fn unwatch(&self, uri: &str) {
        self.set().watched.remove(uri);
    }

    pub fn watches(&self, uri: &str) -> bool {
        self.set().watched.contains(uri)
    }
}
