//! Through what people are reached, and about what.

use crate::words;

words! {
    /// The way a message takes.
    pub enum Channel {
        Discord = "discord",
        Email = "email",
        Sms = "sms",
        Webhook = "webhook",
        InApp = "in_app",
        Console = "console",
    }
}

words! {
    /// What a message is about; what a person switches on and off.
    pub enum Topic {
        Reminder = "reminder",
        Overdue = "overdue",
        Escalation = "escalation",
        Digest = "digest",
        FollowUp = "follow_up",
        Checklist = "checklist",
        /// Words that somebody wrote for this one occasion.
        Message = "message",
        /// An approval waits, or was decided.
        Approval = "approval",
        /// Something failed that a member should know of.
        Alert = "alert",
        /// A fact of the log, for another program.
        Event = "event",
    }
}
