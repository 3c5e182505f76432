//! Tokens, agents, and who they are elsewhere, in the database.

use diesel::prelude::*;
use jiff::Timestamp;

use super::{Grant, Holder, Token, TokenKind};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::db::{Access, Scope};
use crate::kernel::id::{AgentId, IdentityId, MemberId, TokenId, WorkspaceId};
use crate::kernel::schema::{agent_identities, agents, api_tokens};
use crate::kernel::{Cx, Db, Fault};

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_tokens)]
#[diesel(treat_none_as_default_value = false)]
pub struct TokenRow {
    pub workspace_id: WorkspaceId,
    pub id: TokenId,
    pub kind: TokenKind,
    pub member_id: Option<MemberId>,
    pub agent_id: Option<AgentId>,
    pub label: String,
    pub secret_hash: String,
    pub hint: String,
    pub scopes: Grant,
    pub created_at: At,
    pub expires_at: Option<At>,
    pub revoked_at: Option<At>,
    pub last_used_at: Option<At>,
}

impl TokenRow {
    pub fn token(&self) -> Result<Token, Fault> {
        let holder = match (self.member_id, self.agent_id) {
            (Some(id), None) => Holder::Member(id),
            (None, Some(id)) => Holder::Agent(id),
            _ => return Err(Fault::Corrupt(format!("token {} has no one holder", self.id))),
        };
        Ok(Token {
            id: self.id,
            kind: self.kind,
            holder,
            label: self.label.clone(),
            hint: self.hint.clone(),
            scope: self.scopes,
            created_at: self.created_at.0,
            expires_at: self.expires_at.map(|at| at.0),
            revoked_at: self.revoked_at.map(|at| at.0),
            last_used_at: self.last_used_at.map(|at| at.0),
        })
    }
}

/// The one token with this hash, in whatever workspace.
pub fn find_by_hash(db: &Db, hash: &str) -> Result<Option<TokenRow>, Fault> {
    db.transaction(Scope::TokenHash(hash), Access::Read, |conn| {
        let found = both!(conn, |c| {
            api_tokens::table
                .filter(api_tokens::secret_hash.eq(hash))
                .select(TokenRow::as_select())
                .first(c)
                .optional()
        })?;
        Ok(found)
    })
}

pub fn insert_token(cx: &mut Cx<'_>, row: &TokenRow) -> Result<(), Fault> {
    both!(cx.conn(), |c| diesel::insert_into(api_tokens::table).values(row.clone()).execute(c))?;
    Ok(())
}

pub fn list_tokens(cx: &mut Cx<'_>) -> Result<Vec<TokenRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        api_tokens::table
            .filter(api_tokens::workspace_id.eq(workspace))
            .order(api_tokens::id)
            .select(TokenRow::as_select())
            .load(c)
    })?)
}

/// Marks it revoked; false when there is none or it already was.
pub fn revoke(cx: &mut Cx<'_>, id: TokenId) -> Result<Option<TokenRow>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    Ok(both!(cx.conn(), |c| {
        diesel::update(api_tokens::table.find((workspace, id)))
            .filter(api_tokens::revoked_at.is_null())
            .set(api_tokens::revoked_at.eq(now))
            .returning(TokenRow::as_returning())
            .get_result(c)
            .optional()
    })?)
}

pub fn touch(cx: &mut Cx<'_>, id: TokenId, at: Timestamp) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::update(api_tokens::table.find((workspace, id))).set(api_tokens::last_used_at.eq(At(at))).execute(c)
    })?;
    Ok(())
}

pub fn find_agent(cx: &mut Cx<'_>, id: AgentId) -> Result<Option<String>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| agents::table.find((workspace, id)).select(agents::name).first(c).optional())?)
}

pub fn find_agent_by_name(cx: &mut Cx<'_>, name: &str) -> Result<Option<AgentId>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        agents::table
            .filter(agents::workspace_id.eq(workspace))
            .filter(agents::name.eq(name))
            .select(agents::id)
            .first(c)
            .optional()
    })?)
}

pub fn list_agents(cx: &mut Cx<'_>) -> Result<Vec<(AgentId, String)>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        agents::table
            .filter(agents::workspace_id.eq(workspace))
            .order(agents::id)
            .select((agents::id, agents::name))
            .load(c)
    })?)
}

/// False when there is one of this name: another writer was faster.
pub fn insert_agent(cx: &mut Cx<'_>, id: AgentId, name: &str) -> Result<bool, Fault> {
    let row = (
        agents::workspace_id.eq(cx.workspace()),
        agents::id.eq(id),
        agents::name.eq(name),
        agents::created_at.eq(At(cx.now())),
    );
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(agents::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(new == 1)
}

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = agent_identities)]
#[diesel(treat_none_as_default_value = false)]
pub struct IdentityRow {
    pub workspace_id: WorkspaceId,
    pub id: IdentityId,
    pub agent_id: AgentId,
    pub issuer: String,
    pub subject: String,
    pub scope: Grant,
    pub linked_at: At,
    pub ended_at: Option<At>,
    pub last_used_at: Option<At>,
}

/// False when the subject is linked already.
pub fn insert_identity(cx: &mut Cx<'_>, row: &IdentityRow) -> Result<bool, Fault> {
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(agent_identities::table).values(row.clone()).on_conflict_do_nothing().execute(c)
    })?;
    Ok(new == 1)
}

/// Those that did not end, the oldest first.
pub fn list_identities(cx: &mut Cx<'_>) -> Result<Vec<IdentityRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        agent_identities::table
            .filter(agent_identities::workspace_id.eq(workspace))
            .filter(agent_identities::ended_at.is_null())
            .order(agent_identities::id)
            .select(IdentityRow::as_select())
            .load(c)
    })?)
}

/// The subject's link in this workspace, if it did not end.
pub fn find_identity(cx: &mut Cx<'_>, issuer: &str, subject: &str) -> Result<Option<IdentityRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        agent_identities::table
            .filter(agent_identities::workspace_id.eq(workspace))
            .filter(agent_identities::issuer.eq(issuer))
            .filter(agent_identities::subject.eq(subject))
            .filter(agent_identities::ended_at.is_null())
            .select(IdentityRow::as_select())
            .first(c)
            .optional()
    })?)
}

/// Ends a link; `None` when there is none or it already ended.
pub fn end_identity(cx: &mut Cx<'_>, id: IdentityId) -> Result<Option<IdentityRow>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    Ok(both!(cx.conn(), |c| {
        diesel::update(agent_identities::table.find((workspace, id)))
            .filter(agent_identities::ended_at.is_null())
            .set(agent_identities::ended_at.eq(now))
            .returning(IdentityRow::as_returning())
            .get_result(c)
            .optional()
    })?)
}

pub fn touch_identity(cx: &mut Cx<'_>, id: IdentityId, at: Timestamp) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::update(agent_identities::table.find((workspace, id)))
            .set(agent_identities::last_used_at.eq(At(at)))
            .execute(c)
    })?;
    Ok(())
}
