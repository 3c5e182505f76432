//! `milepost admin`: workspaces and members.

use clap::{Args, Subcommand};
use domain::deals::reminder::ops::change_member;
use domain::workspace::access::Role;
use domain::workspace::member::ops::{self, AddMember};
use domain::workspace::member::{Member as Stored, MemberStatus};
use domain::workspace::tenant;
use serde_json::{Value, json};

use super::desk::{self, Written};
use super::{Answer, Common, Desk, Outcome, read};
use crate::says;

#[derive(Subcommand)]
pub enum Admin {
    /// The workspaces of this installation
    #[command(subcommand)]
    Workspace(Workspace),
    /// The people of a workspace
    #[command(subcommand)]
    Member(Member),
}

#[derive(Subcommand)]
pub enum Workspace {
    List,
}

#[derive(Subcommand)]
pub enum Member {
    List,
    Add(Add),
    /// Change a member's role, or put the member out of service
    Change(Change),
}

#[derive(Args)]
pub struct Add {
    #[arg(long)]
    name: String,
    #[arg(long)]
    email: String,
    /// owner, admin, coordinator, member or viewer
    #[arg(long, value_parser = read::word::<Role>)]
    role: Role,
    /// IANA time zone [default: the workspace's]
    #[arg(long)]
    zone: Option<String>,
}

#[derive(Args)]
pub struct Change {
    email: String,
    /// owner, admin, coordinator, member or viewer
    #[arg(long, value_parser = read::word::<Role>, required_unless_present = "status")]
    role: Option<Role>,
    /// active or inactive
    #[arg(long, value_parser = read::word::<MemberStatus>)]
    status: Option<MemberStatus>,
}

pub fn run(common: &Common, cmd: &Admin) -> Outcome {
    let answer = match cmd {
        Admin::Workspace(Workspace::List) => {
            let all = tenant::store::directory(desk::open_host(common)?.db())?;
            Answer::new(says::setup::workspaces(&all), json!({ "workspaces": all }))
        }
        Admin::Member(Member::List) => {
            let all = Desk::open(common)?.read(ops::list)?;
            Answer::new(says::setup::members(&all), json!({ "members": all }))
        }
        Admin::Member(Member::Add(cmd)) => {
            let desk = Desk::open(common)?;
            let new = AddMember {
                name: cmd.name.clone(),
                email: cmd.email.clone(),
                role: cmd.role,
                time_zone: cmd.zone.clone().unwrap_or_else(|| desk.workspace.time_zone.clone()),
            };
            told(desk.write(|cx| ops::add(cx, &new))?)
        }
        Admin::Member(Member::Change(cmd)) => {
            let desk = Desk::open(common)?;
            told(desk.write(|cx| {
                let member = ops::find(cx, &cmd.email)?;
                let (role, status) = (cmd.role.unwrap_or(member.role), cmd.status.unwrap_or(member.status));
                change_member(cx, member.id, role, status)
            })?)
        }
    };
    Ok(Some(answer))
}

fn told(done: Written<Stored>) -> Answer {
    let text = says::setup::member(&done.value, done.receipt.is_some());
    Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "member": done.value })))
}
