//! `milepost notification`: what a member sees inside the product.

use clap::Subcommand;
use domain::deals::reminder::glance::glance;
use domain::delivery::feed::ops;
use domain::kernel::id::NotificationId;
use serde_json::{Value, json};

use super::deal::Page;
use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, read};
use crate::says;

#[derive(Subcommand)]
pub enum Notification {
    /// List a member's notifications, newest first (with --as EMAIL)
    List {
        /// Only those not read yet
        #[arg(long)]
        unread: bool,
        #[command(flatten)]
        page: Page,
    },
    /// Mark notifications as read
    Read {
        #[arg(value_name = "NOTIFICATION", value_parser = read::id::<NotificationId>, required_unless_present = "all")]
        ids: Vec<NotificationId>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

pub fn run(common: &Common, cmd: Notification) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Notification::List { unread, page } => {
            let ask = page.ask();
            let (feed, sections) = desk.read(|cx| {
                let feed = ops::list(cx, unread, &ask)?;
                let sections = if ask.cursor.is_none() { glance(cx)? } else { Vec::new() };
                Ok((feed, sections))
            })?;
            let page = feed.notifications;
            let listed = says::notification::list(&page.items, feed.unread, page.next_cursor.as_deref());
            let text = says::notification::sections(&sections) + &listed;
            let json = json!({
                "notifications": page.items,
                "unread": feed.unread,
                "sections": sections,
                "next_cursor": page.next_cursor,
            });
            Answer::new(text, json)
        }
        Notification::Read { ids, all } => {
            let ids = (!all).then_some(ids.as_slice());
            let done = desk.write(|cx| ops::mark_read(cx, ids))?;
            let text = says::notification::marked(&done.value);
            Answer::new(text, Written::<Value>::beside(done.receipt, json!(done.value)))
        }
    };
    Ok(Some(answer))
}
