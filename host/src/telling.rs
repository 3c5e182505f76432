//! Puts what happened into the outbox for the programs that listen.

use domain::delivery::webhook::ops;
use domain::kernel::Source;

use crate::Host;
use crate::channels::Later;
use crate::loops::{Loop, Next};

pub struct Telling(Host);

impl Telling {
    pub fn new(host: &Host) -> Self {
        Self(host.clone())
    }

    /// One look at every workspace's log. Gives whether there is more to tell at once.
    pub async fn round(&self) -> bool {
        let host = &self.0;
        // A database that does not answer was logged where it was asked.
        let Ok(workspaces) = host.directory().await else { return false };
        let mut more = false;
        for workspace in workspaces {
            let who = host.operator(workspace.id, "webhooks", Source::System);
            if !matches!(host.look(&who, ops::is_behind).await, Ok(true)) {
                continue;
            }
            // What fails in one workspace keeps no other waiting.
            if let Ok(told) = host.act(&who, ops::fan_out).await {
                more |= told.value.more;
            }
        }
        more
    }
}

impl Loop for Telling {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn tick<'a>(&'a self) -> Later<'a, Next> {
        Box::pin(async move { if self.round().await { Next::Soon } else { Next::Idle } })
    }
}
