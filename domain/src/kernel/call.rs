//! One call of a tool: who called what, with what, and what came of it.
//!
//! What is read is written down afterwards, many calls at once. What changes something is written down by the change
//! itself, in the same transaction: there is no event of a tool call without the row of the call, whose id is the event's
//! correlation id. Bookkeeping beside the log: a row leaves no fact of its own.

use diesel::prelude::*;
use jiff::Timestamp;

use crate::both;
use crate::kernel::actor::{Credential, Principal};
use crate::kernel::column::At;
use crate::kernel::event::AnyId;
use crate::kernel::id::{CorrelationId, IdentityId, TokenId, WorkspaceId};
use crate::kernel::schema::tool_calls;
use crate::kernel::{Conn, Fault};

/// A call as it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub id: CorrelationId,
    pub at: Timestamp,
    pub tool: String,
    /// SHA-256 of the arguments in their canonical form.
    pub arguments_hash: String,
    /// What the caller's program names the call by, as JSON.
    pub request_id: String,
}

/// A row of the record of calls.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = tool_calls)]
#[diesel(treat_none_as_default_value = false)]
pub struct CallRow {
    pub workspace_id: WorkspaceId,
    pub id: CorrelationId,
    pub at: At,
    pub actor_kind: String,
    pub actor_id: Option<AnyId>,
    pub actor_name: String,
    pub token_id: Option<TokenId>,
    pub identity_id: Option<IdentityId>,
    pub source: String,
    pub tool: String,
    pub arguments_hash: String,
    pub request_id: String,
    /// Whether events in the log carry its id.
    pub changed: bool,
    /// `None` while it is under way, and when how it ended could not be written down.
    pub outcome: Option<String>,
    pub duration_ms: Option<i64>,
}

impl CallRow {
    pub fn begun(who: &Principal, call: &Call) -> Self {
        Self {
            workspace_id: who.workspace,
            id: call.id,
            at: At(call.at),
            actor_kind: who.actor.kind.to_string(),
            actor_id: who.actor.id.map(AnyId),
            actor_name: who.actor.name.clone(),
            token_id: match who.credential {
                Credential::Token(id) => Some(id),
                Credential::None | Credential::Identity(_) => None,
            },
            identity_id: match who.credential {
                Credential::Identity(id) => Some(id),
                Credential::None | Credential::Token(_) => None,
            },
            source: who.source.to_string(),
            tool: call.tool.clone(),
            arguments_hash: call.arguments_hash.clone(),
            request_id: call.request_id.clone(),
            changed: false,
            outcome: None,
            duration_ms: None,
        }
    }
}

/// Writes down within a change that this call makes it.
pub(crate) fn note_change(conn: &mut Conn, who: &Principal, call: &Call) -> Result<(), Fault> {
    let row = CallRow { changed: true, ..CallRow::begun(who, call) };
    both!(conn, |c| {
        diesel::insert_into(tool_calls::table)
            .values(row)
            // A call of two changes, or one that was cut off and written down before its change was made.
            .on_conflict((tool_calls::workspace_id, tool_calls::id))
            .do_update()
            .set(tool_calls::changed.eq(true))
            .execute(c)
    })?;
    Ok(())
}
