//! The right person is told at the right time, once.

use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, WaiveMilestone, add, edit, remove, waive};
use domain::deals::reminder::ops::{Attended, ListReminders, attend, list};
use domain::deals::reminder::view::ReminderView;
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::page::Ask;
use domain::people::reach;
use domain::workspace::access::{Grant, Role};
use harness::{DATES, World, deal, on_both};

/// What the loop does: looks until nothing is due.
pub fn sweep(world: &World) -> Attended {
    let mut sum = Attended::default();
    loop {
        let done = world.act(&world.team.operator(), |cx| attend(cx, 64)).unwrap();
        sum.deals += done.deals;
        sum.messages += done.messages;
        sum.unsent += done.unsent;
        sum.withdrawn += done.withdrawn;
        if done.deals == 0 {
            return sum;
        }
    }
}

/// A deal with a buyer who has an address and a lender who has none.
pub fn oak_street() -> NewDeal {
    let party = |role: &str, name: &str, email: Option<&str>| NewParty {
        role: role.into(),
        name: name.into(),
        email: email.map(str::to_owned),
        ..NewParty::default()
    };
    let parties = vec![
        party("buyer", "Ann Lee", Some("ann@example.org")),
        party("lender", "Len Lender", None),
        party("buyer_agent", "Bea Agent", Some("bea@example.org")),
        party("inspector", "Ines Inspector", Some("ines@example.org")),
        party("title", "Tia Title", Some("tia@example.org")),
    ];
    NewDeal { parties, ..deal("12 Oak Street", DATES) }
}

pub fn recorded(world: &World, deal_id: Option<DealId>) -> Vec<ReminderView> {
    let mut all = Vec::new();
    let mut cursor = None;
    loop {
        let cmd = ListReminders { deal_id, ask: Ask { cursor, limit: Some(100) } };
        let page = world.look(&world.team.cora(), |cx| list(cx, &cmd)).unwrap();
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

fn told(world: &World) -> Vec<String> {
    recorded(world, None)
        .into_iter()
        .map(|r| format!("{} {} -> {}: {} ({})", r.kind, r.milestone, r.to, r.outcome, r.due_on))
        .collect()
}

/// Channel, recipient's address, subject and state of each message, oldest first.
pub fn messages(world: &World) -> Vec<String> {
    let query = format!(
        "SELECT channel || ' ' || address || ' ' || status || ' ' || occasion AS line FROM messages
         WHERE workspace_id = '{}' ORDER BY created_at, occasion",
        world.team.id
    );
    world.lines(&world.team, &query)
}

/// The dispatcher's part, as far as these stories need it: everything that waits is sent.
fn all_is_sent(world: &World) {
    let now = domain::kernel::column::instant_text(world.now());
    world.meddle(
        &world.team,
        &format!(
            "UPDATE messages SET status = 'sent', next_at = NULL, settled_at = '{now}'
             WHERE status IN ('queued', 'deferred') AND due_at <= '{now}'"
        ),
    );
}

/// Waives all milestones but those of one type.
pub fn only_reminds(world: &World, deal_id: DealId, type_: &str) -> MilestoneId {
    quiet_but(world, deal_id, type_);
    world.milestone(deal_id, type_).id
}

pub fn quiet_but(world: &World, deal_id: DealId, type_: &str) {
    for m in world.detail(deal_id).milestones {
        if m.type_ != type_ {
            let cmd = WaiveMilestone { id: m.id, version: None, reason: Some("not part of this story".into()) };
            world.act(&world.team.cora(), |cx| waive(cx, &cmd)).unwrap();
        }
    }
}

pub fn set(world: &World, key: &str, value: serde_json::Value) {
    let set = serde_json::Map::from_iter([(key.to_owned(), value)]);
    let cmd = EditSettings { version: None, set };
    world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &cmd)).unwrap();
}

on_both! {
    fn the_responsible_party_and_the_team_are_told_at_nine(world: World) {
        let id = world.create(&oak_street());
        let walkthrough = only_reminds(&world, id, "final_walkthrough");
        let due = world.milestone(id, "final_walkthrough").due_on.unwrap();
        assert_eq!(due.to_string(), "2026-12-09");
        set(&world, "team_channel", serde_json::json!({ "channel": "discord", "address": "123456789012345678" }));
        world.set_clock("2026-12-07T14:59:59Z");
        sweep(&world);
        assert_eq!(told(&world), [""; 0]);
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        let said = told(&world);
        assert!(said.contains(&"reminder Final walkthrough -> discord 123456789012345678: waiting (2026-12-09)".into()), "{said:?}");
        assert!(said.contains(&"reminder Final walkthrough -> Ann Lee: waiting (2026-12-09)".into()), "{said:?}");
        assert_eq!(said.len(), 2);
        assert_eq!(
            messages(&world)[1],
            format!("email ann@example.org queued reminder:{walkthrough}:contact:{}:2026-12-07:email", contact(&world, "Ann Lee"))
        );
        // However often it is looked at.
        let before = world.everything(&world.team);
        assert_eq!(sweep(&world).messages, 0);
        assert_eq!(world.everything(&world.team), before);
        all_is_sent(&world);
        assert!(told(&world).iter().all(|line| line.contains(": sent")), "{:?}", told(&world));
        let text = world.lines(&world.team, &format!(
            "SELECT content AS line FROM messages WHERE workspace_id = '{}' AND channel = 'email'", world.team.id));
        let content: serde_json::Value = serde_json::from_str(&text[0]).unwrap();
        insta::assert_snapshot!("a_reminder_by_email", content["text"].as_str().unwrap());
    }

    fn who_cannot_be_reached_is_told_to_the_owner(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "financing_contingency");
        world.set_clock("2026-11-29T15:00:00Z");
        sweep(&world);
        let said = recorded(&world, Some(id));
        let refused: Vec<_> = said.iter().filter(|r| r.outcome.as_str() == "refused").collect();
        assert_eq!(refused.len(), 1, "{said:?}");
        assert_eq!(refused[0].to, "Len Lender");
        assert!(refused[0].reason.as_ref().unwrap().starts_with("BAD_ADDRESS: Len Lender has no e-mail address"));
        let alerts: Vec<String> = messages(&world).into_iter().filter(|m| m.contains("unreached:")).collect();
        assert_eq!(alerts.len(), 1);
        sweep(&world);
        assert_eq!(messages(&world).into_iter().filter(|m| m.contains("unreached:")).count(), 1);
    }

    fn what_is_due_within_three_days_is_one_message(world: World) {
        let id = world.create(&oak_street());
        world.set_clock("2026-12-08T15:00:00Z");
        sweep(&world);
        let said = recorded(&world, Some(id));
        let to_ann: Vec<_> = said.iter().filter(|r| r.to == "Ann Lee" && r.due_on.to_string() .as_str() > "2026-12-08").collect();
        let ids: std::collections::BTreeSet<_> = to_ann.iter().map(|r| r.message_id).collect();
        assert!(to_ann.len() >= 2, "{said:?}");
        assert_eq!(ids.len(), 1, "one message: {to_ann:?}");
    }

    fn moving_the_date_cancels_what_was_not_sent_and_reminds_anew(world: World) {
        let id = world.create(&oak_street());
        let walkthrough = only_reminds(&world, id, "final_walkthrough");
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        let plan = world.preview(id, "closing 2026-12-18");
        assert!(plan.messages_affected.iter().any(|line| line.contains("Final walkthrough") && line.contains("Ann Lee")), "{:?}", plan.messages_affected);
        world.apply(plan.plan_token).unwrap();
        assert!(told(&world).iter().all(|line| line.contains(": cancelled")), "{:?}", told(&world));
        let why = recorded(&world, Some(id))[0].reason.clone().unwrap();
        assert_eq!(why, "The milestone moved from 2026-12-09 to 2026-12-16 before it was sent.");
        sweep(&world);
        world.set_clock("2026-12-14T15:00:00Z");
        sweep(&world);
        let again = told(&world);
        assert_eq!(again.iter().filter(|line| line.contains("waiting (2026-12-16)")).count(), 2, "{again:?}");
        all_is_sent(&world);
        // Back to the first date: its reminders were never sent, so they are sent now, under a name of their own.
        let cmd = EditMilestone { due_on: Some("2026-12-15".into()), ..EditMilestone::of(walkthrough) };
        world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
        sweep(&world);
        assert_eq!(told(&world).iter().filter(|line| line.contains("waiting (2026-12-15)")).count(), 2);
        let back = EditMilestone { due_on: Some("2026-12-16".into()), ..EditMilestone::of(walkthrough) };
        world.act(&world.team.cora(), |cx| edit(cx, &back)).unwrap();
        sweep(&world);
        // What was sent for that date is not sent again.
        assert_eq!(told(&world).iter().filter(|line| line.contains("(2026-12-16)")).count(), 2);
        assert!(messages(&world).iter().all(|m| !m.contains("queued")), "{:?}", messages(&world));
    }

    fn an_item_that_leaves_a_grouped_message_takes_no_other_with_it(world: World) {
        let id = world.create(&oak_street());
        world.set_clock("2026-12-08T15:00:00Z");
        sweep(&world);
        let before: Vec<_> = recorded(&world, Some(id)).into_iter()
            .filter(|r| r.to == "Ann Lee" && r.kind == "reminder" && r.outcome.as_str() == "waiting").collect();
        assert!(before.len() >= 2, "{before:?}");
        world.complete(before[0].milestone_id);
        let after: Vec<_> = recorded(&world, Some(id)).into_iter()
            .filter(|r| r.to == "Ann Lee" && r.kind == "reminder").collect();
        for r in &after {
            let was = before.iter().any(|b| b.milestone_id == r.milestone_id);
            if r.milestone_id == before[0].milestone_id {
                assert_eq!(r.outcome.as_str(), "cancelled");
            } else if was {
                assert!(["waiting", "planned"].contains(&r.outcome.as_str()), "{r:?}");
            }
        }
        world.set_clock("2026-12-10T15:00:00Z");
        sweep(&world);
        let open: Vec<String> = recorded(&world, Some(id)).into_iter().filter(|r| r.outcome.as_str() == "planned").map(|r| r.milestone).collect();
        assert_eq!(open, [""; 0], "nothing waits past its time");
        all_is_sent(&world);
    }

    fn what_is_done_with_or_ended_sends_nothing(world: World) {
        let cora = world.team.cora();
        let [done, waived, removed, closed] = std::array::from_fn(|n| {
            let mut new = deal(&format!("{n} Elm Street"), DATES);
            new.parties = oak_street().parties;
            world.create(&new)
        });
        for id in [done, waived, removed] {
            only_reminds(&world, id, "final_walkthrough");
        }
        world.set_clock("2026-12-08T15:00:00Z");
        sweep(&world);
        world.complete(world.milestone(done, "final_walkthrough").id);
        let id = world.milestone(waived, "final_walkthrough").id;
        world.act(&cora, |cx| waive(cx, &WaiveMilestone { id, version: None, reason: Some("seen".into()) })).unwrap();
        let id = world.milestone(removed, "final_walkthrough").id;
        world.act(&world.team.as_(Role::Admin), |cx| remove(cx, id, None, None)).unwrap();
        let end = EditDeal { status: Some("cancelled".into()), ..EditDeal::of(closed) };
        world.act(&cora, |cx| edit_deal(cx, &end)).unwrap();
        let waiting = |of: DealId| recorded(&world, Some(of)).into_iter().filter(|r| r.kind == "reminder" && r.outcome.as_str() == "waiting").count();
        for id in [done, waived, removed, closed] {
            assert_eq!(waiting(id), 0, "{:?}", recorded(&world, Some(id)));
        }
        world.set_clock("2026-12-20T15:00:00Z");
        sweep(&world);
        for id in [done, waived, removed] {
            assert_eq!(waiting(id), 0);
        }
        assert!(world.lines(&world.team, &format!(
            "SELECT CAST(count(*) AS TEXT) AS line FROM milestones WHERE workspace_id = '{}' AND deal_id = '{closed}' AND attend_at IS NOT NULL", world.team.id)) == ["0"]);
    }

    fn an_overdue_milestone_is_told_to_the_owner_and_escalates(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "final_walkthrough");
        set(&world, "overdue_email", true.into());
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        all_is_sent(&world);
        world.set_clock("2026-12-10T06:00:00Z");
        sweep(&world);
        let overdue: Vec<String> = messages(&world).into_iter().filter(|m| m.contains(" overdue:")).collect();
        assert_eq!(overdue.len(), 2, "in-app and e-mail: {overdue:?}");
        assert!(overdue.iter().any(|m| m.starts_with("email cora@example.com")), "{overdue:?}");
        assert!(world.events(&world.team).contains(&"milestone.overdue".to_owned()));
        for _ in 0..12 {
            all_is_sent(&world);
            world.hours_pass(24);
            sweep(&world);
        }
        let steps: Vec<String> = told(&world).into_iter().filter(|line| line.starts_with("escalation")).collect();
        assert_eq!(steps, [
            "escalation.1 Final walkthrough -> Adam Adler: sent (2026-12-09)",
            "escalation.2 Final walkthrough -> Olga Owens: sent (2026-12-09)",
        ]);
    }

    fn after_an_outage_what_is_useful_is_sent_once_and_the_rest_is_missed(world: World) {
        let id = world.create(&oak_street());
        // Nothing ran from October to the morning of the closing.
        world.set_clock("2026-12-11T16:00:00Z");
        sweep(&world);
        let said = recorded(&world, Some(id));
        let of = |outcome: &str, kind: &str| said.iter().filter(|r| r.outcome.as_str() == outcome && r.kind == kind).count();
        assert!(of("missed", "reminder") > 10, "{said:?}");
        assert!(of("waiting", "reminder") > 0);
        let missed: Vec<_> = said.iter().filter(|r| r.outcome.as_str() == "missed").collect();
        assert!(missed.iter().all(|r| r.due_on.to_string() .as_str() < "2026-12-11" && r.reason.is_some()));
        let overdue: std::collections::BTreeSet<_> = said.iter().filter(|r| r.kind == "overdue").map(|r| r.message_id).collect();
        assert_eq!(overdue.len(), 1, "one notice for all of a deal");
        let before = world.everything(&world.team);
        sweep(&world);
        assert_eq!(world.everything(&world.team), before);
    }

    fn a_milestone_that_comes_late_is_reminded_of_at_once(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        sweep(&world);
        let late = AddMilestone {
            deal_id: id, title: "Keys".into(), due_on: "2026-10-15".into(), responsible_role: Some("buyer".into()),
            remind_days_before: Some(5), required: None, notes: None,
        };
        world.act(&world.team.cora(), |cx| add(cx, &late)).unwrap();
        let gone = AddMilestone { due_on: "2026-10-12".into(), title: "Gone".into(), ..late.clone() };
        world.act(&world.team.cora(), |cx| add(cx, &gone)).unwrap();
        sweep(&world);
        let said = told(&world);
        assert!(said.contains(&"reminder Keys -> Ann Lee: waiting (2026-10-15)".into()), "{said:?}");
        assert!(said.contains(&"reminder Gone -> Ann Lee: missed (2026-10-12)".into()), "{said:?}");
    }

    fn words_of_an_agent_go_to_the_team_and_not_to_a_contact(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        let agent = world.agent(&world.team, Grant::Write);
        let cmd = AddMilestone {
            deal_id: id, title: "@everyone wire the money".into(), due_on: "2026-10-16".into(),
            responsible_role: Some("buyer".into()), remind_days_before: Some(2), required: None, notes: None,
        };
        world.act(&agent, |cx| add(cx, &cmd)).unwrap();
        sweep(&world);
        let said = recorded(&world, Some(id));
        let ann = said.iter().find(|r| r.to == "Ann Lee").unwrap();
        assert_eq!(ann.outcome.as_str(), "refused");
        assert!(ann.reason.as_ref().unwrap().starts_with("AGENT_WORDS"));
        assert!(messages(&world).iter().all(|m| !m.contains("ann@example.org")));
        let team = said.iter().find(|r| r.to == "Cora Castillo").unwrap();
        assert_eq!(team.outcome.as_str(), "waiting");
    }

    fn a_members_preferences_decide_how_a_reminder_comes(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        let cora = world.team.cora();
        let me = reach::Person::Member(world.team.members[&Role::Coordinator].id);
        let mut mine = reach::Preferences::default();
        for (key, value) in [("reminder.in_app", "off"), ("reminder.email", "daily"), ("digest_at", "07:30")] {
            reach::ops::put(&mut mine, key, value).unwrap_or_else(|_| panic!("{key}"));
        }
        world.act(&cora, |cx| reach::ops::set(cx, me, &mine, None)).unwrap();
        let keys = AddMilestone {
            deal_id: id, title: "Keys".into(), due_on: "2026-10-16".into(), responsible_role: None,
            remind_days_before: Some(2), required: None, notes: None,
        };
        let keys = world.act(&cora, |cx| add(cx, &keys)).unwrap().milestone;
        let cmd = EditMilestone { responsible_member_email: Some("cora@example.com".into()), ..EditMilestone::of(keys.id) };
        world.act(&cora, |cx| edit(cx, &cmd)).unwrap();
        sweep(&world);
        assert_eq!(told(&world), ["reminder Keys -> Cora Castillo: digest (2026-10-16)"]);
        world.set_clock("2026-10-15T12:30:00Z");
        let queued = world.act(&world.team.operator(), |cx| {
            domain::delivery::notify::ops::digests(cx, &mut domain::deals::reminder::ops::sections)
        }).unwrap();
        assert!(queued >= 1);
        assert_eq!(told(&world), ["reminder Keys -> Cora Castillo: waiting (2026-10-16)"]);
        let digest: Vec<String> = messages(&world).into_iter().filter(|m| m.contains(" digest:") && m.starts_with("email")).collect();
        assert_eq!(digest.len(), 1, "{:?}", messages(&world));
        let again = world.act(&world.team.operator(), |cx| {
            domain::delivery::notify::ops::digests(cx, &mut domain::deals::reminder::ops::sections)
        }).unwrap();
        assert_eq!(again, 0);
        // Others may not set Cora's; an admin may.
        assert!(world.act(&world.team.as_(Role::Member), |cx| reach::ops::set(cx, me, &mine, None)).is_err());
        world.act(&world.team.as_(Role::Admin), |cx| reach::ops::set(cx, me, &reach::Preferences::default(), None)).unwrap();
    }

    fn eight_sweepers_at_once_tell_everybody_once(world: World) {
        for n in 0..40 {
            let mut new = oak_street();
            new.title = format!("{n} Oak Street");
            world.create(&new);
        }
        world.set_clock("2026-12-08T15:00:00Z");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..6 {
                        world.act(&world.team.operator(), |cx| attend(cx, 8)).unwrap();
                    }
                });
            }
        });
        sweep(&world);
        let occasions = messages(&world);
        let unique: std::collections::BTreeSet<&String> = occasions.iter().collect();
        assert_eq!(unique.len(), occasions.len());
        let per_deal = recorded(&world, None).len() / 40;
        assert_eq!(recorded(&world, None).len(), per_deal * 40);
        let one = World::new(harness::Place::file());
        one.create(&oak_street());
        one.set_clock("2026-12-08T15:00:00Z");
        sweep(&one);
        assert_eq!(recorded(&one, None).len(), per_deal, "as many as one sweeper makes");
        world.log_is_whole(&world.team);
    }
}

pub fn contact(world: &World, name: &str) -> String {
    let query = format!(
        "SELECT CAST(id AS TEXT) AS line FROM contacts WHERE workspace_id = '{}' AND name = '{name}'",
        world.team.id
    );
    world.lines(&world.team, &query)[0].clone()
}
