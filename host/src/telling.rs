//! Puts what happened into the outbox for the programs that listen.

use domain::delivery::webhook::ops;

use crate::Host;
use crate::channels::Later;
use crate::loops::{Loop, Next, where_needed};

pub struct Telling(Host);

impl Telling {
    pub fn new(host: &Host) -> Self {
        Self(host.clone())
    }

    /// One look at every workspace's log. Gives whether there is more to tell at once.
    pub async fn round(&self) -> bool {
        let all = where_needed(&self.0, "webhooks", ops::is_behind, ops::fan_out).await;
        all.iter().any(|(_, told)| told.more)
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
