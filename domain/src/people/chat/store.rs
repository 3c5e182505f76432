//! Links in the database.

use diesel::prelude::*;
use jiff::Timestamp;

use super::{Guild, Linked};
use crate::both;
use crate::kernel::column::At;
use crate::kernel::db::{Access, Scope};
use crate::kernel::id::{MemberId, WorkspaceId};
use crate::kernel::schema::{address_proofs, chat_codes, chat_guilds};
use crate::kernel::{Cx, Db, Fault};
use crate::people::reach::Channel;

/// The workspace that a server is linked to, whatever workspace that is.
pub fn workspace_of(db: &Db, guild: &str) -> Result<Option<WorkspaceId>, Fault> {
    db.transaction(Scope::Chat(&format!("guild:{guild}")), Access::Read, |conn| {
        Ok(both!(conn, |c| {
            chat_guilds::table.find(guild).select(chat_guilds::workspace_id).first(c).optional()
        })?)
    })
}

/// Where an account is known and how, oldest workspace first, in whatever workspaces.
pub fn everywhere(db: &Db, user: &str) -> Result<Vec<(WorkspaceId, MemberId, Option<String>)>, Fault> {
    db.transaction(Scope::Chat(&format!("user:{user}")), Access::Read, |conn| {
        Ok(both!(conn, |c| {
            address_proofs::table
                .filter(address_proofs::channel.eq(Channel::Discord.as_str()))
                .filter(address_proofs::address.eq(user))
                .filter(
                    address_proofs::verified_how.is_not_null().and(address_proofs::verified_how.ne(CARRIED_OVER)),
                )
                .order((address_proofs::workspace_id, address_proofs::verified_at.desc()))
                .select((address_proofs::workspace_id, address_proofs::member_id, address_proofs::verified_how))
                .limit(20)
                .load(c)
        })?)
    })
}

/// An id that somebody wrote down before anybody asked whose it is: messages go there, and that is all.
const CARRIED_OVER: &str = "migrated";

/// Whose a code is, in whatever workspace, while it is good.
pub fn whose(db: &Db, hash: &str, now: Timestamp) -> Result<Option<(WorkspaceId, MemberId)>, Fault> {
    let found: Option<(WorkspaceId, MemberId, At)> =
        db.transaction(Scope::Chat(&format!("code:{hash}")), Access::Read, |conn| {
            Ok::<_, Fault>(both!(conn, |c| {
                chat_codes::table
                    .filter(chat_codes::code_hash.eq(hash))
                    .select((chat_codes::workspace_id, chat_codes::member_id, chat_codes::expires_at))
                    .first(c)
                    .optional()
            })?)
        })?;
    Ok(found.filter(|(.., expires_at)| now < expires_at.0).map(|(workspace, member, _)| (workspace, member)))
}

/// Keeps a code; those that the member was given before, and those that are too old, go.
pub fn put_code(cx: &mut Cx<'_>, hash: &str, member: MemberId, expires_at: Timestamp) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    let row = (
        chat_codes::code_hash.eq(hash),
        chat_codes::workspace_id.eq(workspace),
        chat_codes::member_id.eq(member),
        chat_codes::expires_at.eq(At(expires_at)),
    );
    both!(cx.conn(), |c| {
        diesel::delete(chat_codes::table.filter(chat_codes::workspace_id.eq(workspace)))
            .filter(chat_codes::member_id.eq(member).or(chat_codes::expires_at.le(now)))
            .execute(c)?;
        diesel::insert_into(chat_codes::table).values(row).execute(c)
    })?;
    Ok(())
}

/// Uses a code up. False when somebody was faster.
pub fn take_code(cx: &mut Cx<'_>, hash: &str) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let taken = both!(cx.conn(), |c| diesel::delete(chat_codes::table.find((workspace, hash))).execute(c))?;
    Ok(taken == 1)
}

/// False when the server is linked already, here or elsewhere.
pub fn link_guild(cx: &mut Cx<'_>, guild: &Guild) -> Result<bool, Fault> {
    let row = (
        chat_guilds::guild_id.eq(&guild.id),
        chat_guilds::workspace_id.eq(cx.workspace()),
        chat_guilds::name.eq(&guild.name),
        chat_guilds::linked_at.eq(At(guild.linked_at)),
    );
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(chat_guilds::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(new == 1)
}

pub fn unlink_guild(cx: &mut Cx<'_>, guild: &str) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let gone = both!(cx.conn(), |c| {
        diesel::delete(chat_guilds::table.find(guild)).filter(chat_guilds::workspace_id.eq(workspace)).execute(c)
    })?;
    Ok(gone == 1)
}

/// Oldest first.
pub fn guilds(cx: &mut Cx<'_>) -> Result<Vec<Guild>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(String, String, At)> = both!(cx.conn(), |c| {
        chat_guilds::table
            .filter(chat_guilds::workspace_id.eq(workspace))
            .order((chat_guilds::linked_at, chat_guilds::guild_id))
            .select((chat_guilds::guild_id, chat_guilds::name, chat_guilds::linked_at))
            .load(c)
    })?;
    Ok(rows.into_iter().map(|(id, name, at)| Guild { id, name, linked_at: at.0 }).collect())
}

/// The members whose accounts are known; of one account when it is named.
pub fn linked(cx: &mut Cx<'_>, user: Option<&str>) -> Result<Vec<Linked>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(MemberId, String, Option<String>)> = both!(cx.conn(), |c| {
        let mut query = address_proofs::table
            .filter(address_proofs::workspace_id.eq(workspace))
            .filter(address_proofs::channel.eq(Channel::Discord.as_str()))
            .filter(address_proofs::verified_how.is_not_null().and(address_proofs::verified_how.ne(CARRIED_OVER)))
            .order((address_proofs::verified_at.desc(), address_proofs::member_id))
            .select((address_proofs::member_id, address_proofs::address, address_proofs::verified_how))
            .into_boxed();
        if let Some(user) = user {
            query = query.filter(address_proofs::address.eq(user));
        }
        query.load(c)
    })?;
    let linked =
        |(member, user_id, how): (_, _, Option<String>)| Linked { member, user_id, how: how.unwrap_or_default() };
    Ok(rows.into_iter().map(linked).collect())
}

/// Nobody is known by this account any more, but for `but`.
pub fn forget_account(cx: &mut Cx<'_>, user: &str, but: Option<MemberId>) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let never: Option<At> = None;
    let nothing: Option<String> = None;
    both!(cx.conn(), |c| {
        let mut gone = diesel::update(address_proofs::table)
            .filter(address_proofs::workspace_id.eq(workspace))
            .filter(address_proofs::channel.eq(Channel::Discord.as_str()))
            .filter(address_proofs::address.eq(user))
            .set((
                address_proofs::verified_at.eq(never),
                address_proofs::verified_how.eq(nothing),
                address_proofs::version.eq(address_proofs::version + 1),
            ))
            .into_boxed();
        if let Some(but) = but {
            gone = gone.filter(address_proofs::member_id.ne(but));
        }
        gone.execute(c)
    })?;
    Ok(())
}
