//! Recognising a caller, and giving out and taking back tokens.

use jiff::{SignedDuration, Timestamp};

use super::store::{self, TokenRow};
use super::{Event, Grant, Holder, Require, Token, TokenKind, Verb, rules};
use crate::kernel::column::At;
use crate::kernel::id::{AgentId, MemberId, TokenId};
use crate::kernel::{
    Actor, ActorKind, Code, Credential, Cx, Db, Fault, No, Principal, Problem, Refusal, Source, Subject, Work,
    text,
};
use crate::workspace::member::{self, MemberStatus};

/// How often a token's last use is written down. Minutes.
const NOTICE_USE_MINUTES: i64 = 5;

/// A recognised caller. `used` is set when the last use of what they brought is due to be written down with [`note_use`].
pub struct Recognised {
    pub principal: Principal,
    pub used: Option<Credential>,
}

/// Who holds this token. Every kind of wrong token gets the same answer.
pub fn authenticate(db: &Db, token: &str, source: Source, now: Timestamp) -> Result<Recognised, No> {
    if !rules::is_token(token) {
        return Err(unknown().into());
    }
    let row = store::find_by_hash(db, &rules::hash_token(token))?.ok_or_else(unknown)?;
    if row.revoked_at.is_some() || row.expires_at.is_some_and(|at| at.0 <= now) {
        return Err(unknown().into());
    }
    let principal =
        Principal { credential: Credential::Token(row.id), ..holder_principal(db, &row, source, now)? };
    let used = is_use_due(row.last_used_at, now).then_some(principal.credential);
    Ok(Recognised { principal, used })
}

pub(super) fn is_use_due(last: Option<At>, now: Timestamp) -> bool {
    last.is_none_or(|at| at.0 + SignedDuration::from_mins(NOTICE_USE_MINUTES) <= now)
}

fn holder_principal(db: &Db, row: &TokenRow, source: Source, now: Timestamp) -> Result<Principal, No> {
    let token = row.token()?;
    let found = look_in(db, row.workspace_id, now, |cx| match token.holder {
        Holder::Member(id) => {
            let Some(found) = member::store::find(cx, id)?.filter(|m| m.status == MemberStatus::Active) else {
                return Ok(None);
            };
            let mut principal = member_principal(&found, row.workspace_id, source);
            principal.powers = rules::member_powers(found.role, Some(token.scope));
            principal.standing = format!("the role {} with a token of scope {}", found.role, token.scope);
            Ok(Some(principal))
        }
        Holder::Agent(id) => {
            let name = store::find_agent(cx, id)?;
            Ok(name.map(|name| agent_principal(row.workspace_id, id, name, token.scope, source)))
        }
    })?;
    Ok(found.ok_or_else(unknown)?)
}

/// A look into a workspace for somebody who is not recognised yet, and may therefore do nothing.
pub fn look_in<T>(
    db: &Db,
    workspace: crate::kernel::id::WorkspaceId,
    now: Timestamp,
    f: impl FnOnce(&mut Cx<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let nobody = Principal {
        workspace,
        actor: Actor::system("access"),
        source: Source::System,
        powers: 0,
        standing: String::new(),
        credential: Credential::None,
        call: None,
    };
    let look = Work {
        db,
        principal: &nobody,
        now,
        randomness: &NoRandomness,
        correlation: crate::kernel::id::CorrelationId(uuid::Uuid::nil()),
        abandoned: &std::sync::atomic::AtomicBool::new(false),
    };
    match look.read(|cx| Ok(f(cx)?)) {
        Ok(found) => Ok(found),
        Err(No::Fault(fault)) => Err(fault),
        Err(No::Refusal(refusal)) => {
            Err(Fault::Corrupt(format!("a look that asks for nothing was refused: {refusal}")))
        }
    }
}

pub(super) fn agent_principal(
    workspace: crate::kernel::id::WorkspaceId,
    id: AgentId,
    name: String,
    scope: Grant,
    source: Source,
) -> Principal {
    Principal {
        workspace,
        actor: Actor { kind: ActorKind::Agent, id: Some(id.0), name },
        source,
        powers: rules::agent_powers(scope),
        standing: format!("a token of scope {scope}"),
        credential: Credential::None,
        call: None,
    }
}

/// An agent that the operator starts on this machine, without a token. It has a name and no id: nothing of it is
/// stored.
pub fn local_agent(
    workspace: crate::kernel::id::WorkspaceId,
    name: &str,
    scope: Grant,
    source: Source,
) -> Principal {
    Principal {
        workspace,
        actor: Actor { kind: ActorKind::Agent, id: None, name: name.to_owned() },
        source,
        powers: rules::agent_powers(scope),
        standing: format!("a local agent of scope {scope}"),
        credential: Credential::None,
        call: None,
    }
}

/// A member acting in person, with all that the role allows.
pub fn member_principal(
    member: &member::Member,
    workspace: crate::kernel::id::WorkspaceId,
    source: Source,
) -> Principal {
    Principal {
        workspace,
        actor: Actor { kind: ActorKind::Member, id: Some(member.id.0), name: member.name.clone() },
        source,
        powers: rules::member_powers(member.role, None),
        standing: format!("the role {}", member.role),
        credential: Credential::None,
        call: None,
    }
}

/// A contact who wrote to us or opened a link of their own. They may speak for themselves and do nothing else.
pub fn contact_principal(
    workspace: crate::kernel::id::WorkspaceId,
    id: crate::kernel::id::ContactId,
    name: &str,
    source: Source,
) -> Principal {
    Principal {
        workspace,
        actor: Actor { kind: ActorKind::Contact, id: Some(id.0), name: name.to_owned() },
        source,
        powers: 0,
        standing: "a contact".into(),
        credential: Credential::None,
        call: None,
    }
}

/// The one who sits at the server's own terminal, or the product itself.
pub fn operator(workspace: crate::kernel::id::WorkspaceId, name: &str, source: Source) -> Principal {
    Principal {
        workspace,
        actor: Actor::system(name),
        source,
        powers: rules::ALL_POWERS,
        standing: "the operator".into(),
        credential: Credential::None,
        call: None,
    }
}

/// The one answer to every kind of token that opens nothing.
pub fn unknown() -> Refusal {
    Refusal::new(
        Code::Unauthenticated,
        "This token is not known here, or it has expired or was revoked. Nothing was changed.",
        "Ask an admin of the workspace for a new one (milepost token create).",
    )
}

struct NoRandomness;

impl crate::kernel::Randomness for NoRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// Writes down that a token was used. Bookkeeping: it leaves no fact in the log.
pub fn note_use(cx: &mut Cx<'_>, used: Credential) -> Result<(), No> {
    let now = cx.now();
    match used {
        Credential::None => {}
        Credential::Token(id) => store::touch(cx, id, now)?,
        Credential::Identity(id) => store::touch_identity(cx, id, now)?,
    }
    Ok(())
}

/// For whom a token is made.
#[derive(Clone, Debug)]
pub enum For {
    Member(MemberId),
    /// An agent by its name; it is added when there is none.
    Agent(String),
}

#[derive(Clone, Debug)]
pub struct CreateToken {
    pub holder: For,
    pub label: String,
    pub scope: Grant,
    /// Days from now, 1 to 3,650; `None` never expires.
    pub days: Option<i64>,
}

/// A new token and its secret, which is shown this once.
pub fn create_token(cx: &mut Cx<'_>, cmd: &CreateToken) -> Result<(Token, String), No> {
    cx.require(Verb::ManageTokens)?;
    let label = text::line("label", &cmd.label, text::NAME).map_err(|p| vec![p])?;
    if cmd.days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return Err(vec![Problem::new("days", "must be between 1 and 3650.")].into());
    }
    let (kind, member_id, agent_id) = match &cmd.holder {
        For::Member(id) => {
            member::store::find(cx, *id)?.ok_or_else(|| Refusal::not_found("member"))?;
            (TokenKind::Member, Some(*id), None)
        }
        For::Agent(name) => (TokenKind::Agent, None, Some(agent_named(cx, name)?)),
    };
    let secret = rules::format_token(kind, &cx.random());
    let expires_at = cmd.days.map(|days| cx.now() + SignedDuration::from_hours(24 * days));
    let row = TokenRow {
        workspace_id: cx.workspace(),
        id: TokenId(cx.mint()),
        kind,
        member_id,
        agent_id,
        label,
        secret_hash: rules::hash_token(&secret),
        hint: secret[secret.len() - 4..].to_owned(),
        scopes: cmd.scope,
        created_at: cx.now().into(),
        expires_at: expires_at.map(Into::into),
        revoked_at: None,
        last_used_at: None,
    };
    store::insert_token(cx, &row)?;
    let event = Event::TokenCreated {
        kind,
        label: row.label.clone(),
        hint: row.hint.clone(),
        scope: row.scopes,
        expires_at,
    };
    cx.record(Subject::new("token", row.id.0), &event)?;
    Ok((row.token()?, secret))
}

pub(super) fn agent_named(cx: &mut Cx<'_>, name: &str) -> Result<AgentId, No> {
    let name = text::line("agent", name, text::NAME).map_err(|p| vec![p])?;
    if let Some(id) = store::find_agent_by_name(cx, &name)? {
        return Ok(id);
    }
    let id = AgentId(cx.mint());
    if !store::insert_agent(cx, id, &name)? {
        return Ok(store::find_agent_by_name(cx, &name)?.ok_or_else(|| Refusal::not_found("agent"))?);
    }
    cx.record(Subject::new("agent", id.0), &Event::AgentAdded { name })?;
    Ok(id)
}

pub fn list_tokens(cx: &mut Cx<'_>) -> Result<Vec<Token>, No> {
    cx.require(Verb::ReadTokens)?;
    let rows = store::list_tokens(cx)?;
    Ok(rows.iter().map(TokenRow::token).collect::<Result<_, _>>()?)
}

/// The agents of the workspace, by id.
pub fn agents(cx: &mut Cx<'_>) -> Result<Vec<(AgentId, String)>, No> {
    cx.require(Verb::ReadTokens)?;
    Ok(store::list_agents(cx)?)
}

/// Takes effect with the next request: nothing keeps a token's answer.
pub fn revoke_token(cx: &mut Cx<'_>, id: TokenId) -> Result<Token, No> {
    cx.require(Verb::ManageTokens)?;
    let row = store::revoke(cx, id)?.ok_or_else(|| Refusal::not_found("token"))?;
    cx.record(
        Subject::new("token", id.0),
        &Event::TokenRevoked { label: row.label.clone(), hint: row.hint.clone() },
    )?;
    Ok(row.token()?)
}
