//! `milepost send-test`: whether a way out works, tried on the team itself.

use std::time::Duration;

use clap::Args;
use domain::delivery::Status;
use domain::delivery::outbox::ops::dispatch;
use domain::delivery::outbox::view::{self, Delivery, Detail};
use domain::delivery::trial;
use domain::kernel::id::MessageId;
use domain::people::reach::Channel;
use serde_json::json;

use super::deal::Once;
use super::delivery::names;
use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

/// How often the outbox is looked at while somebody waits.
const LOOK: Duration = Duration::from_millis(250);
const LOOKS_PER_SECOND: u32 = 4;

#[derive(Args)]
pub struct SendTest {
    /// email, sms, discord, in_app, webhook or console
    #[arg(long, value_parser = read::word::<Channel>)]
    channel: Channel,
    /// A member's e-mail address, "team" for the team's channel, or an endpoint's id [default: the member named with --as]
    #[arg(long, value_name = "WHOM")]
    to: Option<String>,
    /// How many seconds to wait for the outcome
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=300))]
    wait: u32,
    #[command(flatten)]
    once: Once,
}

pub fn run(common: &Common, cmd: SendTest) -> Outcome {
    let desk = Desk::open(common)?;
    let new = trial::SendTest { channel: cmd.channel, to: cmd.to };
    let done = desk.write_once(cmd.once.key(), "send-test", &new, |cx| trial::send(cx, &new))?;
    let dispatch = desk.read(dispatch)?;
    let looks = if dispatch.held_since.is_some() { 0 } else { cmd.wait * LOOKS_PER_SECOND };
    let found = outcome(&desk, done.value.id, looks)?;
    let text = says::delivery::tested(&found, &names(&desk), &dispatch, looks / LOOKS_PER_SECOND);
    match found.delivery.status {
        Status::Failed
        | Status::Dead
        | Status::Suppressed
        | Status::Cancelled
        | Status::Expired
        | Status::Unknown => Err(Stop::Failed(text)),
        _ => Ok(Some(Answer::new(
            text,
            Written::<Delivery>::beside(done.receipt, json!({ "delivery": found.delivery })),
        ))),
    }
}

/// How the message stands once it is settled, or after so many looks.
fn outcome(desk: &Desk, id: MessageId, looks: u32) -> Result<Detail, Stop> {
    for _ in 0..looks {
        let found = desk.read(|cx| view::detail(cx, id))?;
        if found.delivery.status.is_settled() {
            return Ok(found);
        }
        std::thread::park_timeout(LOOK);
    }
    desk.read(|cx| view::detail(cx, id))
}
