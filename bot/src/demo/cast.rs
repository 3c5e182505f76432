//! The brokerage of the sample: its people, and who of them does what.

use std::path::Path;

use domain::deals::milestone::Responsible;
use domain::deals::milestone::template::{self, DateRule, Template};
use domain::kernel::id::WorkspaceId;
use domain::kernel::{Principal, Refusal, Source, time};
use domain::workspace::access::{Role, ops as access};
use domain::workspace::member::{self, Member, ops::AddMember};
use domain::workspace::tenant::{self, Workspace};
use host::Host;

use super::clockwork::Clockwork;
use super::deals;
use super::stage::Stage;
use crate::cli::Stop;

pub const ZONE: &str = "America/Chicago";
/// When the brokerage began to use Milepost. Days from today.
const BEGINNING: i32 = -75;
/// The brokerage's own template: the residential one, and the review of the association's documents.
pub const CONDO: &str = "residential-condo";

/// Those who act.
pub struct Team {
    pub owner: Principal,
    pub marcus: Principal,
    pub priya: Principal,
    pub tom: Principal,
}

/// Founds the sample workspace and plays everything that happened in it until now. What was sent stands in the file
/// `messages`.
pub fn perform(host: &Host, messages: &Path) -> Result<Workspace, Stop> {
    let stage = Stage::new(host, time::zone(ZONE));
    let start = stage.at(BEGINNING, 9);
    let workspace = WorkspaceId(host.mint());
    let operator = crate::cli::operator(workspace);
    let person = |name: &str, email: &str, role| AddMember {
        name: name.into(),
        email: email.into(),
        role,
        time_zone: ZONE.into(),
    };
    let others = [
        person("Marcus Bell", "marcus@lakeside.example.com", Role::Admin),
        person("Priya Nair", "priya@lakeside.example.com", Role::Coordinator),
        person("Tom Becker", "tom@lakeside.example.com", Role::Coordinator),
        person("Elena Ruiz", "elena@lakeside.example.com", Role::Viewer),
    ];
    let found = tenant::ops::Found {
        slug: super::SLUG.into(),
        name: "Lakeside Realty".into(),
        time_zone: ZONE.into(),
        owner_name: "Dana Whitaker".into(),
        owner_email: "dana@lakeside.example.com".into(),
    };
    let condo = condo()?;
    let founded = host.on_this_thread(&operator, start, |work| {
        work.write(|cx| {
            let (workspace, owner) = tenant::ops::found(cx, &found)?;
            let mut members = vec![owner];
            for person in &others {
                members.push(member::ops::add(cx, person)?);
            }
            template::ops::set(cx, &condo)?;
            Ok((workspace, members))
        })
    })?;
    let (workspace, members) = founded.value;
    let acting = |name: &str| -> Result<Principal, Refusal> {
        let found: Option<&Member> = members.iter().find(|member| member.name == name);
        let member = found.ok_or_else(|| Refusal::not_found("member"))?;
        Ok(access::member_principal(member, workspace.id, Source::Web))
    };
    let team = Team {
        owner: acting("Dana Whitaker")?,
        marcus: acting("Marcus Bell")?,
        priya: acting("Priya Nair")?,
        tom: acting("Tom Becker")?,
    };
    let mut stage = stage;
    deals::script(&mut stage, &team);
    let clockwork = Clockwork::new(host, workspace.id, team, messages)?;
    stage.perform(BEGINNING, &clockwork)?;
    Ok(workspace)
}

fn condo() -> Result<String, Refusal> {
    let broken = || Refusal::not_found("template");
    let mut condo = Template::built_in("residential").ok_or_else(broken)?.clone();
    condo.name = CONDO.into();
    condo.title = "Residential purchase in an association".into();
    condo.rules.push(DateRule {
        type_: "hoa_documents".into(),
        title: "Association documents reviewed".into(),
        reference: "hoa_review_deadline".into(),
        offset: 0,
        fallback: None,
        days: Default::default(),
        roll: Default::default(),
        required: true,
        financing: Vec::new(),
        states: Vec::new(),
        sides: Vec::new(),
        responsible: Responsible::Attorney,
        remind_days_before: Some(3),
        notify: vec![Responsible::Buyer, Responsible::BuyerAgent],
    });
    condo.to_toml().map_err(|_| broken())
}
