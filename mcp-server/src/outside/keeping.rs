//! Looks now and then whether the servers of other agents that were started answer, and still have the tools that were
//! approved. What was stopped is let go.

use std::time::Duration;

use domain::kernel::{Principal, Source};
use domain::workspace::agent_server::{Standing, ops};
use host::channels::Later;
use host::loops::{Loop, Next};
use tracing::warn;

use super::Outside;

/// How often each is asked.
const EVERY: Duration = Duration::from_secs(60);

pub struct Keeping(Outside);

impl Keeping {
    pub fn new(outside: Outside) -> Self {
        Self(outside)
    }

    /// One look at all of them.
    pub async fn round(&self) {
        let outside = &self.0;
        if outside.host.config().servers.is_empty() {
            return;
        }
        // A database that does not answer was logged where it was asked.
        let Ok(workspaces) = outside.host.directory().await else { return };
        for workspace in workspaces {
            let who = outside.host.operator(workspace.id, "agent servers", Source::System);
            let named = outside.named(&workspace.slug);
            let wanted = named.clone();
            let Ok(known) = outside.host.look(&who, move |cx| ops::list(cx, &wanted)).await else { continue };
            for server in known {
                if server.standing == Standing::Stopped {
                    outside.close(&outside.held(workspace.id, &server.name)).await;
                } else {
                    self.look_at(&who, &server.name, server.standing).await;
                }
            }
        }
    }

    async fn look_at(&self, who: &Principal, name: &str, was: Standing) {
        let held = self.0.held(who.workspace, name);
        if self.0.not_left_alone(name, &held).is_err() {
            return;
        }
        match self.0.check(who, name).await {
            Ok(now) if now.standing != was && now.standing == Standing::Changed => {
                warn!(
                    "The tools of {name} are not those that were approved; it is not called until somebody approves them"
                );
            }
            Ok(_) => {}
            Err(refusal) => warn!("{}", refusal.sentence),
        }
    }
}

impl Loop for Keeping {
    fn name(&self) -> &'static str {
        "agent servers"
    }

    fn tick<'a>(&'a self) -> Later<'a, Next> {
        Box::pin(async move {
            self.round().await;
            Next::NotBefore(EVERY)
        })
    }
}
