//! Lets cards in chat follow what they are about.

use domain::deals::posted::{follow, is_any_behind};
use tracing::info;

use crate::Host;
use crate::channels::Later;
use crate::loops::{Loop, Next, where_needed};

/// Cards that one transaction looks at.
const AT_ONCE: i64 = 50;

/// Safe on all replicas at once: a card is held in the database while it is looked at.
pub struct Following(Host);

impl Following {
    pub fn new(host: &Host) -> Self {
        Self(host.clone())
    }

    /// One look in every workspace. Gives whether there may be more to draw at once.
    pub async fn round(&self) -> bool {
        let mut more = false;
        for (workspace, done) in where_needed(&self.0, "cards", is_any_behind, |cx| follow(cx, AT_ONCE)).await {
            more |= done.more;
            if done.drawn > 0 {
                info!(workspace = %workspace, cards = done.drawn, "Drew cards anew");
            }
        }
        more
    }
}

impl Loop for Following {
    fn name(&self) -> &'static str {
        "cards"
    }

    fn tick<'a>(&'a self) -> Later<'a, Next> {
        Box::pin(async move { if self.round().await { Next::Soon } else { Next::Idle } })
    }
}
