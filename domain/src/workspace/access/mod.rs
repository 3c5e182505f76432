//! Who may do what, and how a program proves who it is.

pub mod identity;
pub mod ops;
pub mod rules;
pub mod store;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::id::{AgentId, MemberId, TokenId};
use crate::kernel::{Code, Cx, Fact, No, Refusal};
use crate::words;

words! {
    pub enum Role {
        Owner = "owner",
        Admin = "admin",
        Coordinator = "coordinator",
        Member = "member",
        Viewer = "viewer",
    }
}

words! {
    /// What a token leaves of its holder's powers. Each includes those before it.
    pub enum Grant { Read = "read", Propose = "propose", Write = "write", Admin = "admin" }
}

words! {
    /// What a token is for: `pat` acts as a member, `mcp` as an agent.
    pub enum TokenKind { Member = "pat", Agent = "mcp" }
}

words! {
    /// Everything that can be asked of the product. Append only: the position is the bit in a principal's powers.
    pub enum Verb {
        ReadDeals = "deal.read",
        CreateDeal = "deal.create",
        EditDeal = "deal.edit",
        ConfirmDeal = "deal.confirm",
        EndDeal = "deal.end",
        ImportDeals = "deal.import",
        PreviewKeyDates = "key_dates.preview",
        ApplyKeyDates = "key_dates.apply",
        AddMilestone = "milestone.add",
        EditMilestone = "milestone.edit",
        CompleteMilestone = "milestone.complete",
        WaiveMilestone = "milestone.waive",
        RemoveMilestone = "milestone.remove",
        ReadTemplates = "template.read",
        ManageTemplates = "template.manage",
        ReadContacts = "contact.read",
        EditContacts = "contact.edit",
        ReadTeam = "team.read",
        ManageMembers = "member.manage",
        ReadTokens = "token.read",
        ManageTokens = "token.manage",
        ReadAudit = "audit.read",
        ManageWorkspace = "workspace.manage",
        ReadApprovals = "approval.read",
        RequestApproval = "approval.request",
        DecideApproval = "approval.decide",
        ReadDeliveries = "delivery.read",
        ManageDeliveries = "delivery.manage",
        EditDeliverySettings = "delivery.settings",
        PreviewPolicy = "policy.preview",
        ManageEndpoints = "endpoint.manage",
        ReadNotifications = "notification.read",
        EditPreferences = "preferences.edit",
        RecordOptOut = "contact.opt_out",
        ReadDrafts = "draft.read",
        ProposeDraft = "draft.propose",
        UseAgentServers = "agent_server.use",
        ManageAgentServers = "agent_server.manage",
    }
}

/// Asks whether the actor may do something.
pub trait Require {
    /// Refuses, naming what the actor is and whom to ask.
    fn require(&self, verb: Verb) -> Result<(), No>;
}

impl Require for Cx<'_> {
    fn require(&self, verb: Verb) -> Result<(), No> {
        if rules::allows(self.principal().powers, verb) {
            return Ok(());
        }
        Err(Refusal::new(
            Code::Forbidden,
            format!(
                "This needs the right {verb}, which {} does not have. Nothing was changed.",
                self.principal().standing
            ),
            "Ask an owner or admin of the workspace for it.",
        )
        .into())
    }
}

/// A key for programs. The secret itself is shown once and never kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    pub id: TokenId,
    pub kind: TokenKind,
    pub holder: Holder,
    pub label: String,
    /// Its last four characters, to tell tokens apart.
    pub hint: String,
    pub scope: Grant,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    Member(MemberId),
    Agent(AgentId),
}

/// What happens to identities of programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    AgentAdded {
        name: String,
    },
    TokenCreated {
        kind: TokenKind,
        label: String,
        hint: String,
        scope: Grant,
        expires_at: Option<Timestamp>,
    },
    TokenRevoked {
        label: String,
        hint: String,
    },
    IdentityLinked {
        agent: String,
        issuer: String,
        scope: Grant,
        #[serde(skip)]
        subject: String,
    },
    IdentityUnlinked {
        agent: String,
        issuer: String,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::AgentAdded { .. } => "agent.added",
            Self::TokenCreated { .. } => "token.created",
            Self::TokenRevoked { .. } => "token.revoked",
            Self::IdentityLinked { .. } => "identity.linked",
            Self::IdentityUnlinked { .. } => "identity.unlinked",
        }
    }

    /// What a provider calls somebody is often an address.
    fn personal(&self) -> Option<Value> {
        match self {
            Self::IdentityLinked { subject, .. } => Some(json!({ "subject": subject })),
            _ => None,
        }
    }
}
