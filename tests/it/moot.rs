//! What is no longer so does not come again, and what has become possible comes.

use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::deal::parties::{set_consent, set_preferences};
use domain::deals::milestone::ops::{EditMilestone, WaiveMilestone, edit, waive};
use domain::deals::reminder::ops::change_settings;
use domain::deals::simulate::simulate;
use domain::delivery::Status;
use domain::delivery::notify::ops::digests;
use domain::delivery::outbox::ops;
use domain::delivery::settings::ops::EditSettings;
use domain::kernel::id::{ContactId, MessageId, MilestoneId};
use domain::people::contact::standing::ops::SetConsent;
use domain::people::reach::{self, Channel, Person, Preferences};
use domain::workspace::access::{Grant, Role};
use harness::{World, accepted, not_sent, on_both};
use jiff::SignedDuration;
use serde_json::json;

use super::reminders::{contact, messages, oak_street, only_reminds, recorded, sweep};

const MORNING: &str = "2026-12-07T15:00:00Z";

/// A deal whose one reminder to its buyer is due, of what is due in two days.
fn reminded(world: &World, new: &NewDeal) -> MilestoneId {
    let deal = world.create(new);
    let milestone = only_reminds(world, deal, "final_walkthrough");
    world.set_clock(MORNING);
    sweep(world);
    milestone
}

fn buyer(email: Option<&str>, phone: Option<&str>) -> NewDeal {
    let (email, phone) = (email.map(str::to_owned), phone.map(str::to_owned));
    let ann = NewParty { role: "buyer".into(), name: "Ann Lee".into(), email, phone, ..NewParty::default() };
    NewDeal { parties: vec![ann], ..oak_street() }
}

fn ann(world: &World) -> ContactId {
    contact(world, "Ann Lee").parse().unwrap()
}

fn agrees_to_texts(world: &World) {
    let cmd = SetConsent { contact_id: ann(world), channel: Channel::Sms, given: true, evidence: "a form".into() };
    world.act(&world.team.cora(), |cx| set_consent(cx, &cmd)).unwrap();
}

/// The message to Ann by this channel.
fn to_ann(world: &World, channel: Channel) -> Option<(MessageId, Status)> {
    let query = format!(
        "SELECT CAST(id AS text) AS line FROM messages WHERE channel = '{channel}' AND contact_id = '{}'",
        ann(world)
    );
    let id: MessageId = world.lines(&world.team, &query).first()?.parse().unwrap();
    Some((id, world.status(id)))
}

fn waived(world: &World, id: MilestoneId) {
    let cmd = WaiveMilestone { id, version: None, reason: Some("It is not needed".into()) };
    world.act(&world.team.cora(), |cx| waive(cx, &cmd)).unwrap();
}

fn set(world: &World, key: &str, value: serde_json::Value) {
    let cmd = EditSettings { version: None, set: serde_json::Map::from_iter([(key.to_owned(), value)]) };
    world.act(&world.team.as_(Role::Admin), |cx| change_settings(cx, &cmd)).unwrap();
}

on_both! {
    fn a_reminder_that_was_leaving_when_its_milestone_ended_does_not_leave_later(world: World) {
        let milestone = reminded(&world, &buyer(Some("ann@example.org"), None));
        let claimed = world.claim(100);
        waived(&world, milestone);
        let reports: Vec<_> =
            claimed.cleared.iter().map(|c| harness::report(c, world.now(), not_sent(None))).collect();
        assert!(!reports.is_empty());
        world.settle(&reports);
        world.hours_pass(2);
        assert!(world.claim(100).cleared.iter().all(|c| c.message().address != "ann@example.org"));
        assert_eq!(to_ann(&world, Channel::Email).unwrap().1, Status::Expired);
    }

    fn a_reminder_that_comes_back_takes_no_other_way_once_its_milestone_has_ended(world: World) {
        let new = buyer(Some("ann@example.org"), Some("+13125550100"));
        let milestone = reminded(&world, &new);
        agrees_to_texts(&world);
        world.all_end(&accepted());
        let (letter, _) = to_ann(&world, Channel::Email).unwrap();
        waived(&world, milestone);
        world.act(&world.team.cora(), |cx| ops::bounced(cx, letter, "550 5.1.1", false)).unwrap();
        assert_eq!((world.status(letter), to_ann(&world, Channel::Sms)), (Status::Failed, None));
    }

    fn a_reminder_that_comes_back_in_time_takes_the_next_way(world: World) {
        let new = buyer(Some("ann@example.org"), Some("+13125550100"));
        reminded(&world, &new);
        agrees_to_texts(&world);
        world.all_end(&accepted());
        let (letter, _) = to_ann(&world, Channel::Email).unwrap();
        world.act(&world.team.cora(), |cx| ops::bounced(cx, letter, "550 5.1.1", false)).unwrap();
        assert_eq!(to_ann(&world, Channel::Sms).unwrap().1, Status::Queued);
    }

    fn once_the_contact_agrees_to_texts_the_reminder_that_could_not_be_sent_comes(world: World) {
        reminded(&world, &buyer(None, Some("+13125550100")));
        assert_eq!(to_ann(&world, Channel::Sms), None);
        agrees_to_texts(&world);
        sweep(&world);
        assert_eq!(to_ann(&world, Channel::Sms).unwrap().1, Status::Queued);
    }

    fn once_the_contact_wants_reminders_again_the_one_that_was_switched_off_comes(world: World) {
        let new = buyer(Some("ann@example.org"), None);
        world.create(&new);
        let prefers = |pairs: &[(&str, &str)]| {
            let mut said = Preferences::default();
            for (key, value) in pairs {
                reach::ops::put(&mut said, key, value).unwrap_or_else(|_| panic!("{key}"));
            }
            let person = Person::Contact(ann(&world));
            world.act(&world.team.cora(), |cx| set_preferences(cx, person, &said, None)).unwrap();
        };
        prefers(&[("reminder.email", "off")]);
        world.set_clock(MORNING);
        sweep(&world);
        assert_eq!(to_ann(&world, Channel::Email), None);
        prefers(&[]);
        sweep(&world);
        assert_eq!(to_ann(&world, Channel::Email).unwrap().1, Status::Queued);
    }

    fn what_waits_for_contacts_is_taken_back_when_the_team_wants_to_remind_them_no_more(world: World) {
        reminded(&world, &buyer(Some("ann@example.org"), None));
        assert_eq!(to_ann(&world, Channel::Email).unwrap().1, Status::Queued);
        set(&world, "reminders_to_contacts", json!(false));
        sweep(&world);
        assert_eq!(to_ann(&world, Channel::Email).unwrap().1, Status::Cancelled);
    }

    fn who_is_put_on_the_path_hears_of_what_is_overdue_already(world: World) {
        set(&world, "escalation_path", json!([]));
        reminded(&world, &oak_street());
        let escalated = |world: &World| recorded(world, None).iter().filter(|r| r.kind.starts_with("escalation")).count();
        for _ in 0..5 {
            world.hours_pass(24);
            sweep(&world);
            world.all_end(&accepted());
        }
        assert_eq!(escalated(&world), 0);
        set(&world, "escalation_path", json!(["role:admin"]));
        sweep(&world);
        assert_eq!(escalated(&world), 1);
    }

    fn who_wants_a_digest_on_one_channel_gets_it_beside_what_another_tells_at_once(world: World) {
        let mut said = Preferences::default();
        reach::ops::put(&mut said, "overdue.email", "daily").unwrap_or_else(|_| panic!("overdue.email"));
        reach::ops::put(&mut said, "reminder.email", "daily").unwrap_or_else(|_| panic!("reminder.email"));
        let cora = Person::Member(world.team.members[&Role::Coordinator].id);
        world.act(&world.team.cora(), |cx| set_preferences(cx, cora, &said, None)).unwrap();
        // With nobody on the deal, its owner answers for what is due.
        let nobody = NewDeal { parties: Vec::new(), ..oak_street() };
        let kept = reminded(&world, &nobody);
        let deal = recorded(&world, None)[0].deal_id;
        let at_once = |world: &World| messages(world).iter().filter(|m| m.starts_with("in_app") && m.contains(" reminder:")).count();
        assert_eq!((at_once(&world), world.count(&world.team, "digest_items")), (1, 1), "{:?}", messages(&world));
        world.set_clock("2026-12-08T14:00:00Z");
        world.act(&world.team.operator(), |cx| digests(cx, &mut domain::deals::reminder::glance::sections)).unwrap();
        let digest = messages(&world).into_iter().find(|m| m.starts_with("email cora@example.com") && m.contains(" digest:"));
        assert!(digest.is_some(), "{:?}", messages(&world));
        let text = world.lines(&world.team, "SELECT content AS line FROM messages WHERE kind = 'digest' AND channel = 'email'");
        assert!(text[0].contains("Final walkthrough"), "{text:?}");
        assert_eq!(world.detail(deal).milestones.iter().filter(|m| m.id == kept).count(), 1);
    }

    fn a_line_beside_what_was_told_at_once_goes_when_its_milestone_ends(world: World) {
        let mut said = Preferences::default();
        reach::ops::put(&mut said, "reminder.email", "daily").unwrap_or_else(|_| panic!("reminder.email"));
        let cora = Person::Member(world.team.members[&Role::Coordinator].id);
        world.act(&world.team.cora(), |cx| set_preferences(cx, cora, &said, None)).unwrap();
        let milestone = reminded(&world, &NewDeal { parties: Vec::new(), ..oak_street() });
        world.all_end(&accepted());
        assert_eq!(world.count(&world.team, "digest_items"), 1);
        waived(&world, milestone);
        assert_eq!(world.count(&world.team, "digest_items"), 0);
        let reminders: Vec<String> = recorded(&world, None).iter().map(|r| r.outcome.to_string()).collect();
        assert_eq!(reminders, ["sent"], "what was told stays told");
    }

    fn a_reminder_that_waits_says_what_the_milestone_and_the_deal_are_called_by_then(world: World) {
        // Nine in Chicago is in the quiet hours of Hawaii.
        let mut new = buyer(Some("ann@example.org"), None);
        new.parties[0].time_zone = Some("Pacific/Honolulu".into());
        let milestone = reminded(&world, &new);
        world.claim(100);
        assert_eq!(to_ann(&world, Channel::Email).unwrap().1, Status::Deferred);
        let title = Some("Last look at the house".to_owned());
        let edited = EditMilestone { title, ..EditMilestone::of(milestone) };
        world.act(&world.team.cora(), |cx| edit(cx, &edited)).unwrap();
        let deal = recorded(&world, None)[0].deal_id;
        let moved = EditDeal { address: Some("14 Oak Street, Chicago, IL 60601".into()), ..EditDeal::of(deal) };
        world.act(&world.team.cora(), |cx| edit_deal(cx, &moved)).unwrap();
        sweep(&world);
        world.hours_pass(12);
        let said: Vec<String> = world.claim(100).cleared.iter().map(|c| c.message()).filter(|m| m.address == "ann@example.org")
            .map(|m| m.content.text.clone()).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("Last look at the house") && said[0].contains("14 Oak Street"), "{said:?}");
    }

    fn a_title_that_an_agent_gives_a_reminder_that_waits_reaches_no_contact(world: World) {
        let mut new = buyer(Some("ann@example.org"), None);
        new.parties[0].time_zone = Some("Pacific/Honolulu".into());
        let milestone = reminded(&world, &new);
        world.claim(100);
        let (title, due_on) = (Some("Wire the money to Steve".to_owned()), Some("2026-12-08".to_owned()));
        let edited = EditMilestone { title, due_on, ..EditMilestone::of(milestone) };
        let agent = world.agent(&world.team, Grant::Write);
        world.act(&agent, |cx| edit(cx, &edited)).unwrap();
        sweep(&world);
        world.hours_pass(12);
        assert!(world.claim(100).cleared.iter().all(|c| c.message().address != "ann@example.org"));
    }

    fn a_rehearsal_ends_while_messages_are_in_flight(world: World) {
        reminded(&world, &oak_street());
        assert!(!world.claim(100).cleared.is_empty());
        let run = world.work(&world.team.cora(), |work| simulate(work, 90, None, &|_| ()));
        assert!(!run.unwrap_or_else(|_| panic!("it runs")).is_empty());
    }

    fn a_jump_that_several_servers_saw_is_told_once(world: World) {
        let machine = world.machine(&world.team);
        for _ in 0..3 {
            world.act(&machine, |cx| ops::clock_jumped(cx, SignedDuration::from_hours(26))).unwrap();
        }
        world.claim(100);
        assert_eq!(world.count(&world.team, "notifications"), 3, "Cora, Adam and Olga");
    }
}
