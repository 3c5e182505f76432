//! Servers of other agents whose tools this workspace uses.
//!
//! Where they are stands in the settings, which only whoever runs the installation writes: a program that is started, or an
//! address that is called. Which of their tools are good, people say: a list of tools is approved by its hash, and a word
//! that changes in it afterwards stops its use until somebody approves it again.

pub mod ops;
mod rules;
mod store;

pub use rules::{fold, hash};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::Fact;
use crate::words;

/// Tools of one server at most, and bytes that their list may take.
pub const MOST_TOOLS: usize = 200;
pub const MOST_BYTES: usize = 256 << 10;

words! {
    pub enum Standing {
        /// Somebody stopped it, or nobody started it yet.
        Stopped = "stopped",
        /// It was started, and it is not known yet which tools it has.
        Unseen = "unseen",
        /// Nobody has approved its tools.
        Unapproved = "unapproved",
        /// Its tools are not those that were approved.
        Changed = "changed",
        Ready = "ready",
    }
}

words! {
    /// How a call of another agent's tool ended.
    pub enum CallOutcome {
        Answered = "answered",
        /// The tool itself says that it failed.
        ToolFailed = "tool_failed",
        /// Nothing left: it was not reached.
        NotSent = "not_sent",
        /// It may or may not have been done.
        Unclear = "unclear",
    }
}

/// A tool of another agent, as its server described it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Tool {
    pub name: String,
    /// What its server says of it: another agent's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether doing it twice is as good as once, as its server says.
    pub repeatable: bool,
    /// SHA-256 over all that its server says of it.
    pub digest: String,
}

/// A list of tools at some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Tools {
    /// SHA-256 over the digests of all.
    pub hash: String,
    /// By name.
    pub tools: Vec<Tool>,
    #[schemars(with = "String")]
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentServer {
    pub name: String,
    pub started: bool,
    pub approved: Option<(Tools, String)>,
    pub found: Option<Tools>,
    pub health: Health,
    pub version: i64,
}

/// When it answered, and when it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Health {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub answered_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub failed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub why: Option<String>,
    /// How often it failed since it answered last.
    pub failures: i32,
}

/// What changed between two lists of tools, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Difference {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// A server as every face shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct AgentServerView {
    pub name: String,
    pub standing: Standing,
    /// The tools as the server gave them last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Tools")]
    pub found: Option<Tools>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub approved_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub approved_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub approved_at: Option<Timestamp>,
    /// How the tools differ from those that were approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Difference")]
    pub difference: Option<Difference>,
    pub health: Health,
}

/// A call that was made, for the log. What was said and answered stands in it as hashes alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    pub server: String,
    pub tool: String,
    pub arguments_hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_hash: Option<String>,
    pub outcome: CallOutcome,
    pub took_ms: i64,
    /// The server in whose place it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Started { name: String },
    Stopped { name: String },
    ToolsChanged { name: String, hash: String, difference: Difference },
    ToolsApproved { name: String, hash: String, difference: Difference },
    Called(Called),
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "agent_server.started",
            Self::Stopped { .. } => "agent_server.stopped",
            Self::ToolsChanged { .. } => "agent_server.tools_changed",
            Self::ToolsApproved { .. } => "agent_server.tools_approved",
            Self::Called(_) => "agent_server.called",
        }
    }
}
