//! Every command and every button with an id of another team: the answer is that of an id that nothing has, byte for byte.
//! The list of commands is the product's own, so one that is new is in here by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use bot::chat::asked::Given;
use bot::chat::caller::Caller;
use bot::chat::spec::{Kind, Opt};
use bot::chat::{Asked, Call, What, commands, presses};
use domain::delivery::card::{Action, Press};
use domain::kernel::{Principal, Source};
use domain::workspace::access::Role;
use domain::workspace::access::ops::member_principal;
use harness::{Team, World, on_both, unknown_id};
use jiff::tz::TimeZone;
use uuid::Uuid;

fn caller(world: &World, who: &Principal, what: What) -> Caller {
    let asked = Asked {
        id: world.host.mint().to_string(),
        token: "token".into(),
        application: "1000".into(),
        guild: None,
        channel: "1".into(),
        user: "12345".into(),
        what,
        pressed: None,
    };
    Caller { host: world.host.clone(), who: who.clone(), zone: TimeZone::UTC, asked: Arc::new(asked) }
}

fn owner(team: &Team) -> Principal {
    member_principal(&team.members[&Role::Owner], team.id, Source::Chat)
}

/// What the other team has: an id for each kind of thing that an option names.
fn theirs(world: &World, other: &Team) -> BTreeMap<&'static str, Uuid> {
    let cora = other.cora();
    let deal =
        world.act(&cora, |cx| domain::deals::deal::ops::create(cx, &harness::peopled("9 Elm Street"))).unwrap();
    let detail = world.look(&cora, |cx| domain::deals::deal::view::get(cx, deal)).unwrap();
    let inspection = detail.milestones.iter().find(|m| m.type_ == "inspection").unwrap().id;
    let done = domain::deals::milestone::ops::CompleteMilestone { id: inspection, version: None, note: None };
    world.act(&cora, |cx| domain::deals::milestone::ops::complete(cx, &done)).unwrap();
    let machine = world.machine(other);
    while let Some(assignment) = world.act(&machine, domain::deals::followup::ops::begin).unwrap() {
        let words = domain::deals::followup::ops::Answer::Template { instead_of_model: None };
        world.act(&machine, |cx| domain::deals::followup::ops::accept(cx, &assignment, &words)).unwrap();
    }
    let approvals = world.look(&cora, |cx| {
        domain::workspace::approval::ops::list(cx, &domain::workspace::approval::ops::ListApprovals::default())
    });
    let milestone = detail.milestones.iter().find(|m| m.type_ != "inspection").unwrap().id;
    BTreeMap::from([
        ("deal", deal.0),
        ("milestone", milestone.0),
        ("approval", approvals.unwrap().items[0].id.0),
        ("contact", detail.parties[0].contact.id.0),
        ("member", other.members[&Role::Member].id.0),
    ])
}

/// Something that fits an option which names nothing.
fn usual(option: &Opt) -> Option<Given> {
    Some(match (&option.kind, option.name) {
        (_, "date") => Given::Text("closing_date".into()),
        (_, "zone") => Given::Text("America/Chicago".into()),
        (_, "due" | "to" | "when") => Given::Text("tomorrow".into()),
        (Kind::OneOf(words), _) => Given::Text(words[0].1.into()),
        (Kind::Person, _) => Given::Named("123456789".into()),
        (Kind::Text { .. }, _) => Given::Text("words".into()),
        _ => return None,
    })
}

on_both! {
    fn no_command_says_anything_of_another_teams_things(world: World) {
        let other = world.found("hillside", "hillside.example");
        let theirs = theirs(&world, &other);
        let me = owner(&world.team);
        let nothing: Uuid = unknown_id::<domain::kernel::id::DealId>().0;
        let mut tried = 0;
        for command in commands::all() {
            for verb in &command.verbs {
                tried += compare(&world, &me, &format!("{} {}", command.name, verb.name), &verb.options, &theirs, nothing);
            }
            tried += compare(&world, &me, command.name, &command.options, &theirs, nothing);
        }
        assert!(tried >= 20, "{tried}");
    }

    fn no_button_says_anything_of_another_teams_things(world: World) {
        let other = world.found("hillside", "hillside.example");
        let theirs = theirs(&world, &other);
        let me = owner(&world.team);
        let nothing: Uuid = unknown_id::<domain::kernel::id::DealId>().0;
        let said = |what: What| {
            let caller = caller(&world, &me, what);
            match world.wait_for(presses::press(&caller)) {
                Ok(reply) => reply.first().to_string(),
                Err(refusal) => refusal.to_string(),
            }
        };
        for id in theirs.values() {
            for action in Action::ALL {
                let press = |id: Uuid| said(What::Press(Press::new(*action, id, "1").to_string()));
                assert_eq!(press(*id), press(nothing), "{action}");
            }
            for form in ["waive", "changes", "reject", "edit"] {
                let fields = || BTreeMap::from([("why".to_owned(), "x".to_owned())]);
                let send = |id: Uuid| said(What::Form(format!("mp:1:form:{form}:{}:1", id.simple()), fields()));
                assert_eq!(send(*id), send(nothing), "{form}");
            }
        }
    }
}

/// How many of a command's options name something.
fn compare(
    world: &World,
    me: &Principal,
    path: &str,
    options: &[Opt],
    theirs: &BTreeMap<&'static str, Uuid>,
    nothing: Uuid,
) -> usize {
    let mut tried = 0;
    for named in options.iter().filter(|option| theirs.contains_key(option.name)) {
        let said = |id: Uuid| {
            let mut call = Call { path: path.to_owned(), options: BTreeMap::new() };
            for option in options {
                let given = match option.name == named.name {
                    true => Some(Given::Text(id.to_string())),
                    false => usual(option),
                };
                call.options.extend(given.map(|given| (option.name.to_owned(), given)));
            }
            let caller = caller(world, me, What::Command(call.clone()));
            match world.wait_for(commands::run(&caller, &call)) {
                Ok(reply) => panic!("/{path} answered an id of another team: {}", reply.first()),
                Err(refusal) => refusal.to_string(),
            }
        };
        assert_eq!(said(theirs[named.name]), said(nothing), "/{path} {}", named.name);
        tried += 1;
    }
    tried
}
