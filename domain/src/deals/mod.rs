//! Real-estate transactions: key dates, the milestones that follow from them, and what moves when one changes.

pub mod calendar;
pub mod deal;
pub mod followup;
pub mod milestone;
pub mod reminder;
pub mod simulate;

#[cfg(test)]
pub(crate) mod example;
