//! `milepost reminder` and `milepost simulate`: what was planned and what became of it, and what is to come.

use clap::{Args, Subcommand};
use domain::deals::reminder::ops::{ListReminders, list};
use domain::deals::simulate::simulate;
use domain::delivery::outbox::ops as outbox;
use domain::kernel::id::DealId;
use serde_json::json;

use super::deal::Page;
use super::{Answer, Common, Desk, Outcome, read};
use crate::says;

#[derive(Subcommand)]
pub enum Reminder {
    /// List the reminders that were planned and what became of them, the latest first
    List {
        /// Only this deal's
        #[arg(long, value_name = "DEAL", value_parser = read::id::<DealId>)]
        deal: Option<DealId>,
        #[command(flatten)]
        page: Page,
    },
}

#[derive(Args)]
pub struct Simulate {
    /// How many days to look ahead
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(i64).range(1..=366))]
    days: i64,
    /// Only this deal's messages
    #[arg(long, value_name = "DEAL", value_parser = read::id::<DealId>)]
    deal: Option<DealId>,
}

pub fn run(common: &Common, cmd: &Reminder) -> Outcome {
    let desk = Desk::open(common)?;
    let Reminder::List { deal, page } = cmd;
    let wanted = ListReminders { deal_id: *deal, ask: page.ask() };
    let page = desk.read(|cx| list(cx, &wanted))?;
    let mut json = json!({ "reminders": page.items });
    if let Some(cursor) = &page.next_cursor {
        json["next_cursor"] = cursor.as_str().into();
    }
    let text = says::reminder::list(&page.items, page.next_cursor.as_deref(), deal.is_none());
    Ok(Some(Answer::new(text, json)))
}

pub fn ahead(common: &Common, cmd: &Simulate) -> Outcome {
    let desk = Desk::open(common)?;
    let now = desk.host.clock().now();
    let forecasts =
        desk.host.on_this_thread(&desk.who, now, |work| simulate(work, cmd.days, cmd.deal, &|_| ()))?;
    let dispatch = desk.read(outbox::dispatch)?;
    let mut text = says::reminder::forecast(&forecasts, cmd.days);
    if dispatch.held_since.is_some() {
        let held = says::delivery::dispatch(&dispatch);
        text = format!("{held}\nUntil then nothing of what follows is sent.\n\n{text}");
    }
    let json = json!({ "days": cmd.days, "messages": forecasts, "dispatch": dispatch });
    Ok(Some(Answer::new(text, json)))
}
