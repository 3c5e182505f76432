//! Who acts, from where, and what they may do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::call::Call;
use crate::kernel::id::{IdentityId, TokenId, WorkspaceId};
use crate::words;

words! {
    pub enum ActorKind { Member = "member", Agent = "agent", System = "system", Contact = "contact" }
}

words! {
    /// The face through which it came.
    pub enum Source {
        CommandLine = "command_line",
        Mcp = "mcp",
        Rest = "rest",
        Chat = "chat",
        Web = "web",
        System = "system",
    }
}

/// Who did it. The name is kept as it was at the time, so that history reads the same after a rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    pub id: Option<Uuid>,
    pub name: String,
}

impl Actor {
    pub fn system(name: &str) -> Self {
        Self { kind: ActorKind::System, id: None, name: name.to_owned() }
    }

    /// What tells this actor from every other one in the workspace.
    pub fn key(&self) -> String {
        match self.id {
            Some(id) => format!("{}:{id}", self.kind),
            None => format!("{}:{}", self.kind, self.name),
        }
    }
}

/// With what a caller showed who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nothing that is kept: whoever sits at the server's terminal, what runs by itself, an account in chat.
    #[default]
    None,
    Token(TokenId),
    /// An access token of the provider that the settings name.
    Identity(IdentityId),
}

impl std::fmt::Display for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::Identity(id) => write!(f, "identity:{id}"),
        }
    }
}

/// An actor in a workspace with the powers that its role and its token leave it.
///
/// Only `workspace::access` fills in `powers`; a verb asks through `cx.require`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub workspace: WorkspaceId,
    pub actor: Actor,
    pub source: Source,
    /// One bit a verb, in the order of `workspace::access::Verb::ALL`.
    pub powers: u64,
    /// What the refusal of a verb says about whom to ask, such as `role viewer` or `scope read`.
    pub standing: String,
    pub credential: Credential,
    /// The call of a tool that this is done in. Everything that it changes carries its id.
    pub call: Option<Arc<Call>>,
}

impl Principal {
    /// What tells this caller from every other one whose calls are counted: the token where there is one, else the actor.
    pub fn holder(&self) -> String {
        match self.credential {
            Credential::None => self.actor.key(),
            shown => shown.to_string(),
        }
    }

    /// Whether a model may be reading: an agent acts, or a member's token came through the agents' protocol. Such a
    /// caller is shown no address whole, what it writes is held to the facts, and what it changes is counted.
    pub fn is_program(&self) -> bool {
        self.actor.kind == ActorKind::Agent || self.source == Source::Mcp
    }
}
