//! `milepost briefing`: what needs attention today, and why.

use clap::Args;
use domain::insight::briefing::ops::{AskBriefing, briefing};
use domain::kernel::id::DealId;

use super::{Answer, Common, Desk, Outcome, read};
use crate::says;

#[derive(Args)]
pub struct Briefing {
    /// Only this deal
    #[arg(long, value_name = "DEAL", value_parser = read::id::<DealId>)]
    deal: Option<DealId>,
    /// How many days ahead to look for what is due, 1 to 30 [default: 7]
    #[arg(long, value_name = "N")]
    days: Option<i32>,
}

pub fn run(common: &Common, cmd: &Briefing) -> Outcome {
    let desk = Desk::open(common)?;
    let asked = AskBriefing { deal_id: cmd.deal, days: cmd.days };
    let day = desk.read(|cx| briefing(cx, &asked))?;
    Ok(Some(Answer::new(says::briefing::day(&day), day)))
}
