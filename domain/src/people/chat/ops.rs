//! Recognising who speaks, and linking servers and people.

use jiff::Timestamp;

use super::store;
use super::{CODE_GOOD_FOR, Event, Guild, Known, Linked, Speaker, code, hash};
use crate::kernel::event::Change;
use crate::kernel::id::{MemberId, WorkspaceId};
use crate::kernel::{
    ActorKind, Code, Cx, Db, Fault, No, Principal, Problem, Refusal, Source, Subject, text, time,
};
use crate::people::reach::{self, Channel, Person, proof};
use crate::workspace::access::ops::{look_in, member_principal};
use crate::workspace::access::{Require, Verb};
use crate::workspace::member::{self, Member, MemberStatus};

/// How an account is known when an admin said whose it is.
const BY_ADMIN: &str = "admin";

/// Who says something: somebody with a Discord account, in a server or (with `None`) in direct messages.
pub fn recognise(db: &Db, guild: Option<&str>, user: &str, now: Timestamp) -> Result<Known, Fault> {
    let Some(guild) = guild else {
        let mut all = Vec::new();
        for (workspace, member, how) in store::everywhere(db, user)? {
            if all.iter().all(|known: &Speaker| known.who.workspace != workspace) {
                let speaker = active(db, workspace, member, now)?;
                all.extend(
                    speaker.map(|speaker| Speaker { said_so: how.as_deref() != Some(BY_ADMIN), ..speaker }),
                );
            }
        }
        return Ok(if all.is_empty() { Known::NotLinked } else { Known::Member(all) });
    };
    let Some(workspace) = store::workspace_of(db, guild)? else { return Ok(Known::NotLinked) };
    let found = look_in(db, workspace, now, |cx| {
        let Some(linked) = store::linked(cx, Some(user))?.into_iter().next() else { return Ok(None) };
        member::store::find(cx, linked.member)
    })?;
    Ok(match found.filter(|member| member.status == MemberStatus::Active) {
        Some(member) => Known::Member(vec![speaker(&member, workspace)]),
        None => Known::Stranger,
    })
}

fn speaker(member: &Member, workspace: WorkspaceId) -> Speaker {
    Speaker {
        who: member_principal(member, workspace, Source::Chat),
        zone: time::zone(&member.time_zone),
        said_so: true,
    }
}

fn active(db: &Db, workspace: WorkspaceId, id: MemberId, now: Timestamp) -> Result<Option<Speaker>, Fault> {
    let found = look_in(db, workspace, now, |cx| member::store::find(cx, id))?;
    let active = found.filter(|member| member.status == MemberStatus::Active);
    Ok(active.map(|member| speaker(&member, workspace)))
}

/// A new code for a member, for themselves or by whoever may manage members. It takes the place of the one before.
pub fn make_code(cx: &mut Cx<'_>, id: MemberId) -> Result<String, No> {
    if !is_own(cx, id) {
        cx.require(Verb::ManageMembers)?;
    }
    let member = member::store::find(cx, id)?.filter(|member| member.status == MemberStatus::Active);
    let member = member.ok_or_else(|| Refusal::not_found("member"))?;
    let code = code(&cx.random());
    store::put_code(cx, &hash(&code), member.id, cx.now() + CODE_GOOD_FOR)?;
    cx.record(Subject::new("member", id.0), &Event::CodeMade {})?;
    Ok(code)
}

fn is_own(cx: &Cx<'_>, id: MemberId) -> bool {
    cx.actor().kind == ActorKind::Member && cx.actor().id == Some(id.0)
}

/// Whoever the code was given to, in whatever workspace; `None` for every kind of wrong code.
pub fn holder(db: &Db, code: &str, now: Timestamp) -> Result<Option<Principal>, Fault> {
    match store::whose(db, &hash(code), now)? {
        Some((workspace, member)) => Ok(active(db, workspace, member, now)?.map(|speaker| speaker.who)),
        None => Ok(None),
    }
}

/// A code typed into chat.
#[derive(Clone, Debug)]
pub struct Redeem {
    pub code: String,
    /// The Discord account that typed it, as Discord says.
    pub user_id: String,
    /// The server it was typed in.
    pub guild: Option<TypedIn>,
}

#[derive(Clone, Debug)]
pub struct TypedIn {
    pub id: String,
    pub name: String,
    /// Whether Discord lets whoever typed it manage the server.
    pub manages: bool,
}

/// What a code did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    pub name: String,
    /// Whether it linked the server too, which was linked to nothing before.
    pub guild: bool,
}

/// Uses a code, as the member it was given to ([`holder`]): links the account to the member, and the server to the workspace
/// when it is linked to none and the member runs the workspace.
pub fn redeem(cx: &mut Cx<'_>, cmd: &Redeem) -> Result<Redeemed, No> {
    let me = cx.actor().id.map(MemberId).ok_or_else(|| Refusal::not_found("member"))?;
    let member = member::store::find(cx, me)?.ok_or_else(|| Refusal::not_found("member"))?;
    if !store::take_code(cx, &hash(&cmd.code))? {
        return Err(wrong_code().into());
    }
    let mut linked = false;
    if let Some(typed) = &cmd.guild {
        let here = store::guilds(cx)?.iter().any(|guild| guild.id == typed.id);
        if !here {
            cx.require(Verb::ManageMembers)?;
            if !typed.manages {
                return Err(Refusal::new(
                    Code::Forbidden,
                    "Only somebody who manages this Discord server links it. Nothing was changed.",
                    "Ask for the permission Manage Server here, or let somebody who has it type a code of their own.",
                )
                .into());
            }
            let guild = Guild { id: typed.id.clone(), name: name_of(&typed.name), linked_at: cx.now() };
            if !store::link_guild(cx, &guild)? {
                return Err(Refusal::new(
                    Code::AlreadyExists,
                    "This Discord server is linked to another workspace. Nothing was changed.",
                    "Use a server of your own, or let an admin of that workspace unlink this one (milepost chat unlink).",
                )
                .into());
            }
            let workspace = cx.workspace();
            let event = Event::GuildLinked { guild_id: guild.id, name: guild.name };
            cx.record(Subject::new("workspace", workspace.0), &event)?;
            linked = true;
        }
    }
    link(cx, me, &cmd.user_id, "code")?;
    Ok(Redeemed { name: member.name, guild: linked })
}

/// What a server is called, as far as it can be shown in a line.
fn name_of(name: &str) -> String {
    text::line("name", name, text::NAME).unwrap_or_else(|_| "a Discord server".into())
}

/// The answer to every kind of wrong code.
pub fn wrong_code() -> Refusal {
    Refusal::new(
        Code::Invalid,
        "This code is not known, was used, or is older than a day. Nothing was changed.",
        "Ask an admin of your workspace for a new one: milepost invite, or milepost chat code EMAIL.",
    )
}

/// Says whose a Discord account is. For whoever may manage members; the id comes from Discord itself, not from typing. What
/// is known already is not said anew over people's heads: it is unlinked first.
///
/// Part of [`crate::delivery::notify::account::link_member`], which tells the member.
pub fn link_member(cx: &mut Cx<'_>, id: MemberId, user_id: &str) -> Result<Linked, No> {
    cx.require(Verb::ManageMembers)?;
    let name = member::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("member"))?.name;
    for known in store::linked(cx, None)? {
        let taken = match (known.member == id, known.user_id == user_id) {
            (true, false) => format!("{name} is linked to another Discord account."),
            (false, true) => "This Discord account is linked to another member.".into(),
            _ => continue,
        };
        return Err(Refusal::new(
            Code::WrongState,
            format!("{taken} Nothing was changed."),
            "Unlink it first (/team unlink, or milepost chat forget); the member is told of both.",
        )
        .into());
    }
    link(cx, id, user_id, BY_ADMIN)?;
    Ok(Linked { member: id, user_id: user_id.into(), how: BY_ADMIN.into() })
}

/// One account is one member, and one member has one account.
fn link(cx: &mut Cx<'_>, id: MemberId, user_id: &str, how: &str) -> Result<(), No> {
    if !is_account(user_id) {
        return Err(vec![Problem::new("user", "is no Discord account.")].into());
    }
    store::forget_account(cx, user_id, Some(id))?;
    proof::believe(cx, id, Channel::Discord, user_id, how)?;
    let person = Person::Member(id);
    let (before, version) = reach::store::find(cx, person)?;
    if before.discord.as_deref() != Some(user_id) {
        let after = reach::Preferences { discord: Some(user_id.to_owned()), ..before };
        if !reach::store::save(cx, person, &after, version)? {
            return Err(Refusal::stale("preferences", version, version + 1).into());
        }
        let personal = serde_json::json!({ "discord": after.discord });
        let change = Change::default();
        cx.record(Subject::new("member", id.0), &reach::Event::Changed { change, personal })?;
    }
    let event = Event::MemberLinked { how: how.into(), user_id: user_id.into() };
    cx.record(Subject::new("member", id.0), &event)
}

fn is_account(user_id: &str) -> bool {
    (5..=25).contains(&user_id.len()) && user_id.bytes().all(|b| b.is_ascii_digit())
}

/// Whoever speaks with the member's account is a stranger from now on. Messages that go to the account end too.
///
/// Part of [`crate::delivery::notify::account::unlink_member`], which tells the member.
pub fn unlink_member(cx: &mut Cx<'_>, id: MemberId) -> Result<(), No> {
    if !is_own(cx, id) {
        cx.require(Verb::ManageMembers)?;
    }
    member::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("member"))?;
    let Some(linked) = store::linked(cx, None)?.into_iter().find(|linked| linked.member == id) else {
        return Err(Refusal::new(
            Code::WrongState,
            "This member is linked to no Discord account. Nothing was changed.",
            "List the team to see who is.",
        )
        .into());
    };
    store::forget_account(cx, &linked.user_id, None)?;
    cx.record(Subject::new("member", id.0), &Event::MemberUnlinked {})
}

/// What is said in the server reaches the workspace no more.
pub fn unlink_guild(cx: &mut Cx<'_>, guild: &str) -> Result<(), No> {
    cx.require(Verb::ManageMembers)?;
    if !store::unlink_guild(cx, guild)? {
        return Err(Refusal::not_found("server").into());
    }
    let workspace = cx.workspace();
    cx.record(Subject::new("workspace", workspace.0), &Event::GuildUnlinked { guild_id: guild.into() })
}

/// The servers of the workspace, and the members whose accounts are known.
pub fn list(cx: &mut Cx<'_>) -> Result<(Vec<Guild>, Vec<Linked>), No> {
    cx.require(Verb::ReadTeam)?;
    Ok((store::guilds(cx)?, store::linked(cx, None)?))
}
