//! A dated promise inside a deal, the reason for its date, and what we do when it slips.

use crate::words;

words! {
    /// What is stored. Whether an open milestone is overdue depends on the clock and is never stored as a status.
    pub enum MilestoneState {
        Upcoming = "upcoming",
        Scheduled = "scheduled",
        InProgress = "in_progress",
        Completed = "completed",
        Waived = "waived",
    }
}

words! {
    /// What is shown: the stored state, or `overdue` for an open milestone whose due day has ended in the deal's zone.
    pub enum MilestoneStatus {
        Upcoming = "upcoming",
        Scheduled = "scheduled",
        InProgress = "in_progress",
        Completed = "completed",
        Waived = "waived",
        Overdue = "overdue",
    }
}
