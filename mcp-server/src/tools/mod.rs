//! The tools, a file for each noun. They translate; the verbs behind them decide.

mod deals;
mod drafts;
mod key_dates;
mod milestones;
mod outbound;
mod overview;
mod schedule;

use domain::kernel::{Problem, Refusal};
use jiff::civil::Date;
use rmcp::handler::server::tool::ToolRouter;

use crate::milepost::Milepost;

pub(crate) use key_dates::question;

/// All tools, of every toolset.
pub fn all() -> [ToolRouter<Milepost>; 7] {
    [
        Milepost::deal_tools(),
        Milepost::milestone_tools(),
        Milepost::key_date_tools(),
        Milepost::draft_tools(),
        Milepost::outbound_tools(),
        Milepost::schedule_tools(),
        Milepost::overview_tools(),
    ]
}

/// How much of what happened to one thing is shown at once: an answer is read by a model, which has little room.
const ONE_HISTORY: usize = 20;

/// The last of a list that has the oldest first.
fn newest<T>(mut all: Vec<T>, most: usize) -> Vec<T> {
    all.drain(..all.len().saturating_sub(most));
    all
}

/// Dates of a filter, every wrong one named.
#[derive(Default)]
struct Dates(Vec<Problem>);

impl Dates {
    fn read(&mut self, field: &str, text: Option<&String>) -> Option<Date> {
        let date = domain::kernel::time::parse_date(field, text?);
        date.map_err(|problem| self.0.push(problem)).ok()
    }

    fn done(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::invalid(self.0)) }
    }
}

#[cfg(test)]
mod tests;
