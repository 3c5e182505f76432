//! Lets cards in chat follow what they are about.

use domain::deals::posted::{follow, is_any_behind};
use domain::kernel::Source;
use tracing::info;

use crate::Host;
use crate::channels::Later;
use crate::loops::{Loop, Next};

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
        let host = &self.0;
        // A database that does not answer was logged where it was asked.
        let Ok(workspaces) = host.directory().await else { return false };
        let mut more = false;
        for workspace in workspaces {
            let who = host.operator(workspace.id, "cards", Source::System);
            if !matches!(host.look(&who, is_any_behind).await, Ok(true)) {
                continue;
            }
            // What fails in one workspace keeps no other waiting.
            if let Ok(done) = host.act(&who, |cx| follow(cx, AT_ONCE)).await {
                more |= done.value.more;
                if done.value.drawn > 0 {
                    info!(workspace = %workspace.id, cards = done.value.drawn, "Drew cards anew");
                }
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
