//! The workspace itself.

pub mod ops;
pub mod store;

use serde::{Deserialize, Serialize};

use crate::kernel::Fact;
use crate::kernel::event::Change;
use crate::kernel::id::WorkspaceId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Workspace {
    pub id: WorkspaceId,
    /// Its short name on the command line.
    pub slug: String,
    pub name: String,
    pub time_zone: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Created { slug: String, name: String, time_zone: String },
    Changed(Change),
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "workspace.created",
            Self::Changed(_) => "workspace.changed",
        }
    }
}
