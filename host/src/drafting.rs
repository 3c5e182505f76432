//! The loop that writes what waits to be written, and keeps the deadlines of approvals.

use std::sync::Arc;

use domain::deals::followup::ops::{Answer, Assignment, accept, begin, checklists};
use domain::deals::followup::review::deadlines;
use domain::kernel::id::WorkspaceId;
use domain::kernel::{Principal, Refusal, Source};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::Host;
use crate::channels::Later;
use crate::loops::{Loop, Next};
use crate::model::Model;

/// Who the log names for what this loop does.
const NAME: &str = "drafting";
/// Drafts of one workspace that are written in a round, at once.
const AT_ONCE: usize = 4;

/// Safe on all replicas at once: a draft is taken in the database before anybody writes it.
#[derive(Clone)]
pub struct Drafting {
    host: Host,
    /// Without one the templates write.
    model: Option<Arc<Model>>,
}

impl Drafting {
    pub fn new(host: &Host, model: Option<Model>) -> Self {
        Self { host: host.clone(), model: model.map(Arc::new) }
    }

    /// One round over all workspaces. One that fails does not stop the others.
    pub async fn tick(&self) -> Next {
        let workspaces = match self.host.directory().await {
            Ok(workspaces) => workspaces,
            Err(no) => {
                warn!("The list of workspaces could not be read: {}", no.sentence);
                return Next::Idle;
            }
        };
        let mut next = Next::Idle;
        for workspace in workspaces {
            match self.round(workspace.id).await {
                Ok(0) => {}
                Ok(_) => next = Next::Soon,
                Err(no) => {
                    warn!(workspace.id = %workspace.id, "Drafts were left for the next round: {}", no.sentence)
                }
            }
        }
        next
    }

    /// Gives how much there was to do.
    async fn round(&self, workspace: WorkspaceId) -> Result<usize, Refusal> {
        let who = self.host.operator(workspace, NAME, Source::System);
        let mut done = self.host.by_the_clock(&who, checklists).await?;
        done += self.host.by_the_clock(&who, deadlines).await?;
        let mut writing = JoinSet::new();
        for _ in 0..AT_ONCE {
            let Some(assignment) = self.host.act(&who, begin).await?.value else { break };
            done += 1;
            let (this, who) = (self.clone(), who.clone());
            writing.spawn(async move { this.write(&who, assignment).await });
        }
        while let Some(written) = writing.join_next().await {
            if let Ok(Err(no)) = written {
                // Its time runs out, and then somebody takes it again.
                warn!(workspace.id = %workspace, "A draft was not kept: {}", no.sentence);
            }
        }
        Ok(done)
    }

    async fn write(&self, who: &Principal, assignment: Assignment) -> Result<(), Refusal> {
        let answer = self.words(&assignment).await;
        self.host.act(who, move |cx| accept(cx, &assignment, &answer)).await?;
        Ok(())
    }

    async fn words(&self, assignment: &Assignment) -> Answer {
        let Some(model) = &self.model else { return Answer::Template { instead_of_model: None } };
        match model.ask(&assignment.question).await {
            Ok(letter) => Answer::Model { letter, model: model.name().to_owned() },
            Err(why) => {
                info!(draft.id = %assignment.draft, "The template writes a draft: {why}");
                Answer::Template { instead_of_model: Some(why) }
            }
        }
    }
}

impl Loop for Drafting {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tick<'a>(&'a self) -> Later<'a, Next> {
        Box::pin(Drafting::tick(self))
    }
}
