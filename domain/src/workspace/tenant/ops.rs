//! Founding a workspace, and changing it.

use super::{Event, Workspace, store};
use crate::kernel::event::Change;
use crate::kernel::{Code, Cx, No, Problem, Refusal, Subject, search, text, time};
use crate::workspace::access::{Require, Role, Verb};
use crate::workspace::member::{self, Member, ops::AddMember};

#[derive(Clone, Debug)]
pub struct Found {
    pub slug: String,
    pub name: String,
    pub time_zone: String,
    pub owner_name: String,
    pub owner_email: String,
}

/// Makes the workspace that `cx` is in, with its first owner.
pub fn found(cx: &mut Cx<'_>, cmd: &Found) -> Result<(Workspace, Member), No> {
    cx.require(Verb::ManageWorkspace)?;
    let mut problems = Vec::new();
    let slug_ok = (1..=40).contains(&cmd.slug.len())
        && cmd.slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !slug_ok {
        problems.push(Problem::new("slug", "must be 1 to 40 lower-case letters, digits and dashes."));
    }
    let name = text::line("name", &cmd.name, text::NAME).map_err(|p| problems.push(p)).unwrap_or_default();
    if let Err(problem) = time::parse_zone("time_zone", &cmd.time_zone) {
        problems.push(problem);
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let new = Workspace { id: cx.workspace(), slug: cmd.slug.clone(), name, time_zone: cmd.time_zone.clone() };
    if !store::insert(cx, &new)? {
        return Err(Refusal::new(
            Code::AlreadyExists,
            format!("slug: there is a workspace {} already. Nothing was changed.", new.slug),
            "Choose another slug.",
        )
        .into());
    }
    // Nothing is in it yet, so everything of it is in the index.
    search::note_form(cx)?;
    cx.record(
        Subject::new("workspace", new.id.0),
        &Event::Created { slug: new.slug.clone(), name: new.name.clone(), time_zone: new.time_zone.clone() },
    )?;
    let owner = AddMember {
        name: cmd.owner_name.clone(),
        email: cmd.owner_email.clone(),
        role: Role::Owner,
        time_zone: cmd.time_zone.clone(),
    };
    let owner = member::ops::add(cx, &owner)?;
    Ok((new, owner))
}

/// Sets the zone of deals that say none and of whoever joins. Deals that are there keep theirs.
pub fn set_zone(cx: &mut Cx<'_>, zone: &str) -> Result<Workspace, No> {
    cx.require(Verb::ManageWorkspace)?;
    time::parse_zone("time_zone", zone).map_err(|problem| vec![problem])?;
    let before = store::find(cx)?.ok_or_else(|| Refusal::not_found("workspace"))?;
    if before.time_zone == zone {
        return Ok(before);
    }
    store::set_zone(cx, zone)?;
    let after = Workspace { time_zone: zone.to_owned(), ..before.clone() };
    let told = |workspace: &Workspace| serde_json::json!({ "time_zone": workspace.time_zone });
    let change = Change::between(&told(&before), &told(&after));
    cx.record(Subject::new("workspace", after.id.0), &Event::Changed(change))?;
    Ok(after)
}
