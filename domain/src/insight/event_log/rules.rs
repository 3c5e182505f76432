//! Whether a sequence of rows is the log that was written.

use super::{Break, Verdict};
use crate::kernel::event::{EventRow, chain_next, chain_start};
use crate::kernel::id::WorkspaceId;

/// Walks the log in order. Rows are given to [`Walk::step`]; [`Walk::end`] compares with the head.
pub struct Walk {
    next: i64,
    chain: String,
    found: Option<Break>,
}

impl Walk {
    pub fn begin(workspace: WorkspaceId) -> Self {
        Self { next: 1, chain: chain_start(workspace), found: None }
    }

    /// Takes the row that stands next in the table. False when the walk need not go on.
    pub fn step(&mut self, row: &EventRow) -> bool {
        let wrong = if row.seq != self.next {
            Some((self.next, format!("event {} is missing; the next row has the number {}.", self.next, row.seq)))
        } else if row.expected_leaf().ok().as_ref() != Some(&row.leaf) || !row.is_canonical() {
            Some((
                row.seq,
                "its content does not have the hash that was written with it: it was altered.".to_owned(),
            ))
        } else if chain_next(&self.chain, &row.leaf) != row.chain {
            Some((
                row.seq,
                "it does not follow from the event before it: rows were exchanged or rewritten.".to_owned(),
            ))
        } else if row.personal.is_some() && row.expected_personal_hash() != row.personal_hash {
            Some((row.seq, "its personal data do not have the hash that was written with them.".to_owned()))
        } else {
            None
        };
        if let Some((sequence, what)) = wrong {
            self.found = Some(Break { sequence, what });
            return false;
        }
        self.next += 1;
        self.chain.clone_from(&row.chain);
        true
    }

    /// `head` is the number and chain value of the last event as the head row has them. Every workspace has one: its
    /// founding is an event.
    pub fn end(self, head: Option<(i64, String)>) -> Verdict {
        let events = self.next - 1;
        let found = self.found.or_else(|| {
            let Some((last, chain)) = head else {
                return Some(Break { sequence: self.next, what: "the head of the log is missing.".to_owned() });
            };
            if last > events {
                Some(Break {
                    sequence: self.next,
                    what: format!(
                        "the log ends at {events}, but {last} events were written: its end was cut off."
                    ),
                })
            } else if last < events || chain != self.chain {
                Some(Break {
                    sequence: events,
                    what: "the head does not belong to this log: one of them was replaced.".to_owned(),
                })
            } else {
                None
            }
        });
        Verdict { events, head: self.chain, first_break: found }
    }
}
