//! Workspaces and members.

use domain::workspace::member::Member;
use domain::workspace::tenant::Workspace;

use super::table;

pub fn founded(workspace: &Workspace, owner: &Member, secret: &str) -> String {
    format!(
        "Founded {} ({}, {}) with {} <{}> as its owner.\n\n\
         The owner's token, shown this once:\n  {secret}\n\n\
         Next:\n  milepost serve\n  milepost import deals deals.csv --dry-run\n  \
         milepost token create --agent NAME --scope write\n",
        workspace.name, workspace.slug, workspace.time_zone, owner.name, owner.email
    )
}

pub fn workspaces(all: &[Workspace]) -> String {
    if all.is_empty() {
        return super::NO_WORKSPACE.into();
    }
    let rows: Vec<_> =
        all.iter().map(|w| vec![w.slug.clone(), w.name.clone(), w.time_zone.clone(), w.id.to_string()]).collect();
    table(&["SLUG", "NAME", "ZONE", "ID"], &rows)
}

pub fn members(all: &[Member]) -> String {
    let rows: Vec<_> = all
        .iter()
        .map(|m| {
            vec![m.name.clone(), m.email.clone(), m.role.to_string(), m.status.to_string(), m.time_zone.clone()]
        })
        .collect();
    table(&["NAME", "E-MAIL", "ROLE", "STATUS", "ZONE"], &rows)
}

pub fn member(member: &Member, changed: bool) -> String {
    let so = if changed { "is now" } else { "is already" };
    format!("{} <{}> {so} {} ({}).", member.name, member.email, member.role, member.status)
}
