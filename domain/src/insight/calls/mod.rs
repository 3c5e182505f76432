//! Which tools programs called, with what token, and what came of it.

pub mod ops;
pub mod store;

use schemars::JsonSchema;
use serde::Serialize;

use crate::kernel::call::CallRow;
use crate::kernel::column::instant_text;
use crate::kernel::id::{CorrelationId, IdentityId, TokenId};

use super::event_log::Entry;

/// A call that ended, to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub row: CallRow,
    /// Whether its tool changes nothing, so that no change can have written it down before.
    pub only_looks: bool,
}

/// One call as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CallView {
    /// The correlation id of what the call changed.
    pub id: CorrelationId,
    pub at: String,
    pub actor: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    /// The token with which it was made. Neither this nor an identity: an agent on the server's own machine.
    pub token_id: Option<TokenId>,
    /// The linked identity whose access token it was made with.
    pub identity_id: Option<IdentityId>,
    pub source: String,
    pub tool: String,
    /// SHA-256 of the arguments in their canonical form.
    pub arguments_hash: String,
    /// What the program named the call by, as JSON.
    pub request_id: String,
    pub changed: bool,
    /// `ok`, the code of a refusal, `input_required`, `begun` when it goes on by itself, `no_such_tool`, `error`, or `cut_off`
    /// when nobody waited for the answer. `None` when how it ended was not written down.
    pub outcome: Option<String>,
    pub duration_ms: Option<i64>,
}

impl From<CallRow> for CallView {
    fn from(row: CallRow) -> Self {
        Self {
            id: row.id,
            at: instant_text(row.at.0),
            actor: row.actor_name,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id.map(|id| id.to_string()),
            token_id: row.token_id,
            identity_id: row.identity_id,
            source: row.source,
            tool: row.tool,
            arguments_hash: row.arguments_hash,
            request_id: row.request_id,
            changed: row.changed,
            outcome: row.outcome,
            duration_ms: row.duration_ms,
        }
    }
}

/// A call, and the events that it left in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    pub call: CallView,
    pub events: Vec<Entry>,
}
