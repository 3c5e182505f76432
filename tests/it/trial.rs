//! Whether a way out works is tried on the team itself, and by the one way that every message takes.

use domain::delivery::outbox::view::{Delivery, ToKind};
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::delivery::trial::{SendTest, send};
use domain::delivery::webhook::ops::{AddEndpoint, add};
use domain::delivery::webhook::target::Allowed;
use domain::delivery::{Purpose, Status};
use domain::kernel::id::EndpointId;
use domain::kernel::{Code, Principal, Refusal};
use domain::people::reach::{Channel, Person, ops as reach};
use domain::workspace::access::{Grant, Role};
use domain::workspace::member::{self, MemberStatus};
use harness::{World, accepted, on_both, unknown_id};
use host::keys::Keys;
use serde_json::{Map, Value, json};

fn test(world: &World, who: &Principal, channel: Channel, to: Option<&str>) -> Result<Delivery, Refusal> {
    let cmd = SendTest { channel, to: to.map(str::to_owned) };
    world.act(who, |cx| send(cx, &cmd))
}

fn told_where(world: &World, key: &str, value: &str) {
    let cora = Person::Member(world.team.members[&Role::Coordinator].id);
    let mut hers = world.look(&world.team.cora(), |cx| reach::show(cx, cora)).unwrap().preferences;
    reach::put(&mut hers, key, value).unwrap_or_else(|_| panic!("{key}"));
    world.act(&world.team.cora(), |cx| reach::set(cx, cora, &hers, None)).unwrap();
}

fn endpoint(world: &World) -> EndpointId {
    let hook = AddEndpoint {
        url: "https://hooks.example.com/milepost".into(),
        events: vec!["deal.*".into()],
        headers: Default::default(),
    };
    world
        .act(&world.team.as_(Role::Admin), |cx| add(cx, &hook, &Allowed::default(), &Keys::of([7; 32])))
        .unwrap()
        .id
}

on_both! {
    fn a_test_is_decided_tried_and_recorded_like_every_message(world: World) {
        let cora = world.team.cora();
        let queued = test(&world, &cora, Channel::Email, None).unwrap();
        assert_eq!((queued.address.as_str(), queued.to_kind), ("cora@example.com", ToKind::Member));
        assert_eq!((queued.purpose, queued.status), (Purpose::Internal, Status::Queued));
        world.all_end(&accepted());
        let sent = world.delivery(queued.id);
        assert_eq!(sent.delivery.status, Status::Sent);
        assert_eq!((sent.decisions.len(), sent.attempts.len()), (1, 1));
        assert_eq!(sent.attempts[0].decision_id, sent.decisions[0].id);
        assert!(sent.text.contains("a test that Cora Castillo asked for"), "{}", sent.text);
        // Each one is another test.
        assert_ne!(test(&world, &cora, Channel::Email, None).unwrap().id, queued.id);
        world.log_is_whole(&world.team);
    }

    fn each_channel_reaches_the_team_where_it_said(world: World) {
        let owner = world.team.as_(Role::Owner);
        told_where(&world, "phone", "+13125550100");
        told_where(&world, "discord", "112233445566778899");
        let set = Map::from_iter([(
            "team_channel".to_owned(), json!({ "channel": "discord", "address": "998877665544332211" }),
        )]);
        let set = EditSettings { version: None, set };
        world.act(&owner, |cx| edit_settings(cx, &set)).unwrap();
        let endpoint = endpoint(&world).to_string();
        for (channel, to, address) in [
            (Channel::Email, "cora@example.com", "cora@example.com"),
            (Channel::Email, " Cora@Example.com ", "cora@example.com"),
            (Channel::Sms, "cora@example.com", "+13125550100"),
            (Channel::Discord, "cora@example.com", "112233445566778899"),
            (Channel::InApp, "cora@example.com", ""),
            (Channel::Discord, "team", "998877665544332211"),
            (Channel::Console, "team", "team"),
            (Channel::Webhook, &endpoint, "https://hooks.example.com/milepost"),
        ] {
            let queued = test(&world, &owner, channel, Some(to)).unwrap();
            assert_eq!(queued.address, address, "{channel} {to}");
            assert_eq!(queued.purpose, Purpose::Internal);
        }
        let claimed = world.claim(100);
        assert_eq!((claimed.cleared.len(), claimed.done), (7, 1), "what is in-app is shown at once");
        let hook = claimed.cleared.iter().find(|c| c.message().channel == Channel::Webhook).unwrap();
        let data = hook.message().content.data.clone().unwrap();
        assert_eq!((&data["type"], data["timestamp"].is_string()), (&json!("milepost.test"), true));
        assert_eq!(data["data"]["workspace_id"], Value::from(world.team.id.to_string()));
    }

    fn a_test_never_goes_to_a_contact_or_a_stranger(world: World) {
        world.peopled_deal("12 Oak Street");
        let owner = world.team.as_(Role::Owner);
        let known = test(&world, &owner, Channel::Email, Some("ann@example.org")).unwrap_err();
        let never = test(&world, &owner, Channel::Email, Some("nobody@example.org")).unwrap_err();
        assert_eq!((known.code, &known), (Code::NotFound, &never), "it does not say who is a contact");
        assert!(known.sentence.contains("Nothing was sent"), "{known}");
        for (channel, to, field) in [
            (Channel::Email, None, ""),
            (Channel::Webhook, None, "to"),
            (Channel::Webhook, Some("https://example.com/"), "to"),
            (Channel::Console, Some("cora@example.com"), "to"),
            (Channel::Email, Some("+13125550100"), ""),
            (Channel::Sms, Some("cora@example.com"), ""),
            (Channel::Discord, Some("team"), ""),
            (Channel::Email, Some("team"), ""),
            (Channel::Email, Some(&"x".repeat(1_000)), "to"),
            (Channel::Email, Some("a\0b@example.com"), ""),
        ] {
            let who = if to.is_none() { world.team.operator() } else { owner.clone() };
            let no = test(&world, &who, channel, to).unwrap_err();
            let named = no.problems.first().map(|problem| problem.field.as_str()).unwrap_or_default();
            if !field.is_empty() {
                assert_eq!(named, field, "{channel} {to:?}: {no}");
            }
        }
        let gone: String = unknown_id::<EndpointId>().to_string();
        let no = test(&world, &owner, Channel::Webhook, Some(&gone)).unwrap_err();
        assert_eq!(no.code, Code::NotFound);
        assert_eq!(world.count(&world.team, "messages"), 0);
    }

    fn programs_and_lookers_on_send_no_tests(world: World) {
        let agent = world.agent(&world.team, Grant::Admin);
        for who in [agent, world.team.as_(Role::Viewer), world.team.as_(Role::Member)] {
            let no = test(&world, &who, Channel::Email, Some("cora@example.com")).unwrap_err();
            assert_eq!(no.code, Code::Forbidden);
        }
        assert_eq!(world.count(&world.team, "messages"), 0);
    }

    fn the_policy_keeps_a_test_from_a_member_out_of_service(world: World) {
        let (owner, mike) = (world.team.as_(Role::Owner), world.team.members[&Role::Member].id);
        let change = |cx: &mut domain::kernel::Cx<'_>| {
            member::ops::change(cx, mike, Role::Member, MemberStatus::Inactive)
        };
        world.act(&owner, change).unwrap();
        let queued = test(&world, &owner, Channel::Email, Some("mike@example.com")).unwrap();
        world.claim(10);
        assert_eq!(world.status(queued.id), Status::Suppressed);
    }

    fn a_test_that_nobody_took_within_the_hour_is_not_sent_any_more(world: World) {
        let queued = test(&world, &world.team.cora(), Channel::Email, None).unwrap();
        world.hours_pass(2);
        world.all_end(&accepted());
        assert_eq!(world.status(queued.id), Status::Expired);
    }
}
