//! Adding members and changing what they may do.

use jiff::tz::TimeZone;

use super::store::{self, MemberRow};
use super::{Event, Member, MemberStatus};
use crate::kernel::event::Change;
use crate::kernel::id::MemberId;
use crate::kernel::{ActorKind, Code, Cx, Fault, No, Refusal, Subject, page, text, time};
use crate::workspace::access::{Require, Role, Verb};
use crate::workspace::tenant;

#[derive(Clone, Debug)]
pub struct AddMember {
    pub name: String,
    pub email: String,
    pub role: Role,
    pub time_zone: String,
}

pub fn add(cx: &mut Cx<'_>, cmd: &AddMember) -> Result<Member, No> {
    cx.require(Verb::ManageMembers)?;
    let mut problems = Vec::new();
    let name = text::line("name", &cmd.name, text::NAME).map_err(|p| problems.push(p)).unwrap_or_default();
    let email = text::email("email", &cmd.email).map_err(|p| problems.push(p)).unwrap_or_default();
    if let Err(problem) = time::parse_zone("time_zone", &cmd.time_zone) {
        problems.push(problem);
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let row = MemberRow {
        workspace_id: cx.workspace(),
        id: MemberId(cx.mint()),
        name,
        email,
        role: cmd.role,
        time_zone: cmd.time_zone.clone(),
        status: MemberStatus::Active,
        created_at: cx.now().into(),
        version: 1,
    };
    if !store::insert(cx, row.clone())? {
        return Err(Refusal::new(
            Code::AlreadyExists,
            format!("email: {} belongs to a member already. Nothing was changed.", row.email),
            "Change that member's role instead.",
        )
        .into());
    }
    let member = Member::from(row);
    let event = Event::Added {
        role: member.role,
        time_zone: member.time_zone.clone(),
        name: member.name.clone(),
        email: member.email.clone(),
    };
    cx.record(Subject::new("member", member.id.0), &event)?;
    Ok(member)
}

/// Changes a member's role or puts the member out of service. The last active owner stays one.
pub fn change(cx: &mut Cx<'_>, id: MemberId, role: Role, status: MemberStatus) -> Result<Member, No> {
    cx.require(Verb::ManageMembers)?;
    // Two owners who demote each other at the same moment must not both succeed.
    tenant::store::hold(cx)?;
    let before = store::find(cx, id)?.ok_or_else(|| Refusal::not_found("member"))?;
    let owns = |m: &Member| m.role == Role::Owner && m.status == MemberStatus::Active;
    let after = Member { role, status, version: before.version + 1, ..before.clone() };
    if owns(&before) && !owns(&after) && store::list(cx)?.iter().filter(|m| owns(m)).count() == 1 {
        return Err(Refusal::new(
            Code::WrongState,
            format!("{} is the workspace's last owner. Nothing was changed.", before.name),
            "Make somebody else an owner first.",
        )
        .into());
    }
    if before.role == role && before.status == status {
        return Ok(before);
    }
    store::update(cx, id, role, status)?;
    let was = serde_json::json!({ "role": before.role, "status": before.status });
    let is = serde_json::json!({ "role": role, "status": status });
    cx.record(Subject::new("member", id.0), &Event::Changed(Change::between(&was, &is)))?;
    Ok(after)
}

/// Sets the zone in which the member who acts reads times. What is due in a deal is due in the deal's zone all the same.
pub fn set_own_zone(cx: &mut Cx<'_>, zone: &str) -> Result<Member, No> {
    cx.require(Verb::EditPreferences)?;
    let me = cx.actor().id.filter(|_| cx.actor().kind == ActorKind::Member);
    let id = me.map(MemberId).ok_or_else(|| Refusal::not_found("member"))?;
    time::parse_zone("time_zone", zone).map_err(|problem| vec![problem])?;
    let before = store::find(cx, id)?.ok_or_else(|| Refusal::not_found("member"))?;
    if before.time_zone == zone {
        return Ok(before);
    }
    store::set_zone(cx, id, zone)?;
    let after = Member { time_zone: zone.to_owned(), version: before.version + 1, ..before.clone() };
    let told = |member: &Member| serde_json::json!({ "time_zone": member.time_zone });
    cx.record(Subject::new("member", id.0), &Event::Changed(Change::between(&told(&before), &told(&after))))?;
    Ok(after)
}

pub fn list(cx: &mut Cx<'_>) -> Result<Vec<Member>, No> {
    cx.require(Verb::ReadTeam)?;
    Ok(store::list(cx)?)
}

/// At most 25 active members for what was typed so far: those of whose name a word begins with it, then those whose name or
/// e-mail address holds it elsewhere, each by name.
pub fn suggest(cx: &mut Cx<'_>, typed: &str) -> Result<Vec<Member>, No> {
    cx.require(Verb::ReadTeam)?;
    let typed = text::typed("text", typed).map_err(|p| vec![p])?.unwrap_or_default();
    let rank = |m: &Member| text::rank(&m.name, &typed).or_else(|| text::rank(&m.email, &typed).map(|_| 1));
    let active = store::list(cx)?.into_iter().filter(|m| m.status == MemberStatus::Active);
    let mut found: Vec<(u8, Member)> = active.filter_map(|m| Some((rank(&m)?, m))).collect();
    found.sort_by(|(one, a), (other, b)| (one, &a.name, a.id).cmp(&(other, &b.name, b.id)));
    Ok(found.into_iter().map(|(_, m)| m).take(page::OFFERED.into()).collect())
}

/// A member by e-mail address.
pub fn find(cx: &mut Cx<'_>, email: &str) -> Result<Member, No> {
    cx.require(Verb::ReadTeam)?;
    let found = store::find_by_email(cx, &email.trim().to_lowercase())?;
    Ok(found.ok_or_else(|| Refusal::not_found("member"))?)
}

/// The zone in which the actor reads times: a member's own, else the workspace's.
pub fn reading_zone(cx: &mut Cx<'_>) -> Result<TimeZone, Fault> {
    let me = cx.actor().id.filter(|_| cx.actor().kind == ActorKind::Member);
    let own = match me {
        Some(id) => store::find(cx, MemberId(id))?.map(|member| member.time_zone),
        None => None,
    };
    let name = match own {
        Some(own) => Some(own),
        None => tenant::store::find(cx)?.map(|workspace| workspace.time_zone),
    };
    Ok(time::zone(name.as_deref().unwrap_or("UTC")))
}
