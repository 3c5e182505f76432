//! `/today`

use domain::deals::reminder::glance;
use domain::kernel::Refusal;

use crate::chat::caller::Caller;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;
use crate::chat::spec::Command;

pub fn spec() -> Command {
    Command {
        name: "today",
        about: "What needs your attention: due, overdue, waiting for you",
        verbs: vec![],
        options: vec![],
    }
}

pub async fn run(caller: &Caller) -> Result<Reply, Refusal> {
    let sections = caller.look(glance::glance).await?;
    Ok(Say::privately(says::today(&sections)).into())
}
