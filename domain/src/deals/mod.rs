//! Real-estate transactions: key dates, the milestones that follow from them, and what moves when one changes.

pub mod calendar;
pub mod deal;
pub mod followup;
pub mod milestone;
pub mod picture;
pub mod posted;
pub mod reminder;
pub mod simulate;
mod thread;

#[cfg(test)]
pub(crate) mod example;
