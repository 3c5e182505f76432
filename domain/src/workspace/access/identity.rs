//! Agents who bring an access token of a provider instead of a token of ours: which subject there is which agent here.
//!
//! The provider says who somebody is, an admin of the workspace says which agent that is. A subject that nobody linked is
//! nobody, however good its token.

use jiff::Timestamp;
use serde::Serialize;

use super::ops::{self, Recognised};
use super::store::{self, IdentityRow};
use super::{Event, Grant, Require, Verb};
use crate::kernel::id::{AgentId, IdentityId};
use crate::kernel::{Code, Credential, Cx, Db, No, Principal, Refusal, Source, Subject, text};
use crate::workspace::tenant;

/// What a provider names somebody by, at most.
pub const MOST_SUBJECT: usize = 255;
const MOST_ISSUER: usize = 500;

/// A subject of a provider, and which agent it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    pub id: IdentityId,
    pub agent_id: AgentId,
    pub agent: String,
    pub issuer: String,
    pub subject: String,
    /// The most that it may do, whatever its token says.
    pub scope: Grant,
    pub linked_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub struct LinkIdentity {
    /// An agent by its name; it is added when there is none.
    pub agent: String,
    pub issuer: String,
    pub subject: String,
    pub scope: Grant,
}

/// Says which agent a subject is. One subject is one agent.
pub fn link(cx: &mut Cx<'_>, cmd: &LinkIdentity) -> Result<Identity, No> {
    cx.require(Verb::ManageTokens)?;
    let issuer = text::line("issuer", &cmd.issuer, MOST_ISSUER).map_err(|p| vec![p])?;
    let subject = text::line("subject", &cmd.subject, MOST_SUBJECT).map_err(|p| vec![p])?;
    let agent_id = ops::agent_named(cx, &cmd.agent)?;
    let row = IdentityRow {
        workspace_id: cx.workspace(),
        id: IdentityId(cx.mint()),
        agent_id,
        issuer,
        subject,
        scope: cmd.scope,
        linked_at: cx.now().into(),
        ended_at: None,
        last_used_at: None,
    };
    if !store::insert_identity(cx, &row)? {
        return Err(Refusal::new(
            Code::AlreadyExists,
            "This subject is linked to an agent of this workspace already. Nothing was changed.",
            "Look with milepost agent list; milepost agent unlink ends the link.",
        )
        .into());
    }
    let identity = shown(cx, row)?;
    let event = Event::IdentityLinked {
        agent: identity.agent.clone(),
        issuer: identity.issuer.clone(),
        scope: identity.scope,
        subject: identity.subject.clone(),
    };
    cx.record(Subject::new("identity", identity.id.0), &event)?;
    Ok(identity)
}

/// The links that stand, the oldest first.
pub fn list(cx: &mut Cx<'_>) -> Result<Vec<Identity>, No> {
    cx.require(Verb::ReadTokens)?;
    let rows = store::list_identities(cx)?;
    rows.into_iter().map(|row| shown(cx, row)).collect()
}

/// Takes effect with the next request, however long the provider's token is good.
pub fn unlink(cx: &mut Cx<'_>, id: IdentityId) -> Result<Identity, No> {
    cx.require(Verb::ManageTokens)?;
    let row = store::end_identity(cx, id)?.ok_or_else(|| Refusal::not_found("identity"))?;
    let identity = shown(cx, row)?;
    let event = Event::IdentityUnlinked { agent: identity.agent.clone(), issuer: identity.issuer.clone() };
    cx.record(Subject::new("identity", id.0), &event)?;
    Ok(identity)
}

fn shown(cx: &mut Cx<'_>, row: IdentityRow) -> Result<Identity, No> {
    let agent = store::find_agent(cx, row.agent_id)?.ok_or_else(|| Refusal::not_found("agent"))?;
    Ok(Identity {
        id: row.id,
        agent_id: row.agent_id,
        agent,
        issuer: row.issuer,
        subject: row.subject,
        scope: row.scope,
        linked_at: row.linked_at.0,
        last_used_at: row.last_used_at.map(|at| at.0),
    })
}

/// What a verified access token says of whoever brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub issuer: String,
    pub subject: String,
    /// The workspace's short name or id. Without it the installation's only workspace is meant.
    pub workspace: Option<String>,
    /// `None` when none of its scopes is one of ours.
    pub scope: Option<Grant>,
}

/// Who brings this token. Every kind of not being known gets the answer of a wrong token; a known one without a scope of ours is
/// refused as forbidden.
pub fn recognise(db: &Db, claimed: &Claimed, source: Source, now: Timestamp) -> Result<Recognised, No> {
    let all = tenant::store::directory(db)?;
    let workspace = match (&claimed.workspace, all.as_slice()) {
        (None, [only]) => Some(only.id),
        (None, _) => None,
        (Some(named), all) => {
            all.iter().find(|one| one.slug == *named || one.id.to_string() == *named).map(|one| one.id)
        }
    };
    let workspace = workspace.ok_or_else(ops::unknown)?;
    let found = ops::look_in(db, workspace, now, |cx| {
        let Some(row) = store::find_identity(cx, &claimed.issuer, &claimed.subject)? else { return Ok(None) };
        let agent = store::find_agent(cx, row.agent_id)?;
        Ok(agent.map(|agent| (row, agent)))
    })?;
    let (row, agent) = found.ok_or_else(ops::unknown)?;
    let scope = claimed.scope.ok_or_else(no_scope)?.min(row.scope);
    let principal = Principal {
        credential: Credential::Identity(row.id),
        standing: format!("an access token that may {scope}"),
        ..ops::agent_principal(workspace, row.agent_id, agent, scope, source)
    };
    let used = ops::is_use_due(row.last_used_at, now).then_some(principal.credential);
    Ok(Recognised { principal, used })
}

fn no_scope() -> Refusal {
    Refusal::new(
        Code::Forbidden,
        "This access token has no scope for Milepost. Nothing was done.",
        "Ask the provider for milepost:read, milepost:propose, milepost:write or milepost:admin.",
    )
}
