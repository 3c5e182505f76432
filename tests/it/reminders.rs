//! The right person is told at the right time, once.

use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::deal::ops::{EditDeal, edit as edit_deal};
use domain::deals::milestone::ops::{AddMilestone, EditMilestone, WaiveMilestone, add, edit, remove, waive};
use domain::deals::reminder::ops::{Attended, ListReminders, attend, list};
use domain::deals::reminder::view::ReminderView;
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::page::Ask;
use domain::people::contact::standing::ops::{SetConsent, set_consent};
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

/// The channels of the reminders whose words say so.
fn saying(world: &World, words: &str) -> Vec<String> {
    world.lines(&world.team, &format!(
        "SELECT channel AS line FROM messages WHERE workspace_id = '{}' AND occasion LIKE 'reminder:%' AND content LIKE '%{words}%'", world.team.id))
}

/// Each reason that the log gives for a reminder that is not sent, once.
fn unsent_for(world: &World) -> Vec<String> {
    let noted = world.lines(&world.team, &format!(
        "SELECT data AS line FROM events WHERE workspace_id = '{}' AND event = 'milestone.not_reminded' ORDER BY seq", world.team.id));
    let reason = |data: &String| {
        serde_json::from_str::<serde_json::Value>(data).unwrap()["reason"].as_str().unwrap().to_owned()
    };
    let mut reasons: Vec<String> = noted.iter().map(reason).collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

pub fn quiet_but(world: &World, deal_id: DealId, type_: &str) {
    for m in world.detail(deal_id).milestones {
        if m.type_ != type_ {
            let cmd = WaiveMilestone { id: m.id, version: None, reason: Some("not part of this story".into()) };
            world.act(&world.team.cora(), |cx| waive(cx, &cmd)).unwrap();
        }
    }
}

fn add_for_the_buyer(world: &World, deal_id: DealId, title: &str, due_on: &str) {
    let cmd = AddMilestone {
        deal_id,
        title: title.into(),
        due_on: due_on.into(),
        responsible_role: Some("buyer".into()),
        remind_days_before: Some(2),
        required: None,
        notes: None,
    };
    world.act(&world.team.cora(), |cx| add(cx, &cmd)).unwrap();
}

/// What Ann, the buyer, is sent about something; empty when nothing.
fn said_to_ann(world: &World, what: &str) -> String {
    let query = format!(
        "SELECT content AS line FROM messages WHERE workspace_id = '{}' AND address = 'ann@example.org' AND content LIKE \
         '%{what}%'",
        world.team.id
    );
    world.lines(&world.team, &query).concat()
}

pub fn set(world: &World, key: &str, value: serde_json::Value) {
    let set = serde_json::Map::from_iter([(key.to_owned(), value)]);
    let cmd = EditSettings { version: None, set };
    world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &cmd)).unwrap();
}

on_both! {
    fn the_list_begins_with_the_latest_and_misses_nothing_page_by_page(world: World) {
        set(&world, "team_channel", serde_json::json!({ "channel": "discord", "address": "123456789012345678" }));
        for title in ["12 Oak Street", "14 Elm Street"] {
            world.create(&NewDeal { title: title.into(), ..oak_street() });
        }
        for day in ["2026-10-20", "2026-11-25", "2026-12-09"] {
            world.set_clock(&format!("{day}T15:00:00Z"));
            sweep(&world);
        }
        let all = recorded(&world, None);
        let instants: Vec<_> = all.iter().map(|r| r.at).collect();
        assert!(instants.is_sorted_by(|a, b| a >= b), "{instants:?}");
        assert!(instants.iter().collect::<std::collections::BTreeSet<_>>().len() < all.len(), "many at one instant");
        for limit in [1, 3] {
            let mut seen = Vec::new();
            let mut ask = Ask { cursor: None, limit: Some(limit) };
            loop {
                let cmd = ListReminders { deal_id: None, ask: ask.clone() };
                let page = world.look(&world.team.cora(), |cx| list(cx, &cmd)).unwrap();
                assert!(page.items.len() <= usize::try_from(limit).unwrap());
                seen.extend(page.items);
                ask.cursor = page.next_cursor;
                if ask.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "in pages of {limit}");
        }
        let one = recorded(&world, Some(all[0].deal_id));
        let of_it: Vec<_> = all.iter().filter(|r| r.deal_id == all[0].deal_id).cloned().collect();
        assert_eq!(one, of_it);
    }

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
        assert_eq!(sweep(&world).messages, 2);
        let said = told(&world);
        assert!(said.contains(&"reminder Final walkthrough -> discord 123456789012345678: waiting (2026-12-09)".into()), "{said:?}");
        assert!(said.contains(&"reminder Final walkthrough -> Ann Lee: waiting (2026-12-09)".into()), "{said:?}");
        assert_eq!(said.len(), 2);
        assert_eq!(
            messages(&world)[1],
            format!("email ann@example.org queued reminder:{walkthrough}:contact:{}:2026-12-07:email", contact(&world, "Ann Lee"))
        );
        // Each is of use until the due day is over.
        let lapse = domain::kernel::column::instant_text("2026-12-10T06:00:00Z".parse().unwrap());
        assert_eq!(world.lines(&world.team, &format!(
            "SELECT channel AS line FROM messages WHERE workspace_id = '{}' AND expires_at = '{lapse}' ORDER BY channel", world.team.id)),
            ["discord", "email"]);
        assert_eq!(saying(&world, "An agent wrote"), [""; 0]);
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
        assert_eq!(sweep(&world).unsent, 1);
        let said = recorded(&world, Some(id));
        let refused: Vec<_> = said.iter().filter(|r| r.outcome.as_str() == "refused").collect();
        assert_eq!(refused.len(), 1, "{said:?}");
        assert_eq!(refused[0].to, "Len Lender");
        assert!(refused[0].reason.as_ref().unwrap().starts_with("BAD_ADDRESS: Len Lender has no e-mail address"));
        // The log has the code alone, and nobody's name.
        assert_eq!(unsent_for(&world), ["BAD_ADDRESS"]);
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

    fn a_date_that_comes_back_is_reminded_of_again_under_a_name_of_its_own(world: World) {
        let id = world.create(&oak_street());
        let walkthrough = only_reminds(&world, id, "final_walkthrough");
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        for due_on in ["2026-12-16", "2026-12-09", "2026-12-16", "2026-12-09"] {
            let cmd = EditMilestone { due_on: Some(due_on.into()), ..EditMilestone::of(walkthrough) };
            world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
            sweep(&world);
        }
        let ann = contact(&world, "Ann Lee");
        let queued: Vec<String> = messages(&world).into_iter().filter(|m| m.contains("ann@example.org queued")).collect();
        assert_eq!(queued, [format!("email ann@example.org queued reminder:{walkthrough}:contact:{ann}:2026-12-07:3:email")]);
        all_is_sent(&world);
        assert!(told(&world).iter().all(|line| line.contains(": sent (2026-12-09)")), "{:?}", told(&world));
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
        assert!(messages(&world).iter().all(|m| !m.starts_with("email cora@")), "{:?}", messages(&world));
        let noted = |world: &World| world.events(&world.team).iter().filter(|name| *name == "milestone.overdue").count();
        assert_eq!(noted(&world), 0);
        world.set_clock("2026-12-10T06:00:00Z");
        sweep(&world);
        let overdue: Vec<String> = messages(&world).into_iter().filter(|m| m.contains(" overdue:")).collect();
        assert_eq!(overdue.len(), 2, "in-app and e-mail: {overdue:?}");
        assert!(overdue.iter().any(|m| m.starts_with("email cora@example.com")), "{overdue:?}");
        assert_eq!(noted(&world), 1);
        for _ in 0..12 {
            all_is_sent(&world);
            world.hours_pass(24);
            sweep(&world);
        }
        let steps: Vec<String> = told(&world).into_iter().filter(|line| line.starts_with("escalation")).collect();
        assert_eq!(steps, [
            "escalation.2 Final walkthrough -> Olga Owens: sent (2026-12-09)",
            "escalation.1 Final walkthrough -> Adam Adler: sent (2026-12-09)",
        ]);
    }

    fn after_an_outage_what_is_useful_is_sent_once_and_the_rest_is_missed(world: World) {
        let id = world.create(&oak_street());
        // Nothing ran from October to the morning of the closing.
        world.set_clock("2026-12-11T16:00:00Z");
        let unsent = sweep(&world).unsent;
        let said = recorded(&world, Some(id));
        assert_eq!(unsent, said.iter().filter(|r| ["missed", "refused"].contains(&r.outcome.as_str())).count());
        let of = |outcome: &str, kind: &str| said.iter().filter(|r| r.outcome.as_str() == outcome && r.kind == kind).count();
        assert!(of("missed", "reminder") > 10, "{said:?}");
        assert!(of("waiting", "reminder") > 0);
        let missed: Vec<_> = said.iter().filter(|r| r.outcome.as_str() == "missed").collect();
        assert!(missed.iter().all(|r| r.due_on.to_string() .as_str() < "2026-12-11" && r.reason.is_some()));
        assert!(unsent_for(&world).contains(missed[0].reason.as_ref().unwrap()), "{:?}", unsent_for(&world));
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

    fn nobody_on_a_deal_that_a_program_made_is_written_to_until_a_member_confirms_it(world: World) {
        let owner = &world.team.members[&Role::Owner];
        let over_mcp = domain::workspace::access::ops::member_principal(owner, world.team.id, domain::kernel::Source::Mcp);
        for (n, program) in [world.agent(&world.team, Grant::Write), over_mcp].iter().enumerate() {
            let new = NewDeal { title: format!("Deal {n}: wire to Bob"), ..oak_street() };
            let id = world.act(program, |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
            quiet_but(&world, id, "none");
            let keys = format!("Keys {n}");
            add_for_the_buyer(&world, id, &keys, "2026-10-16");
            sweep(&world);
            let of = |world: &World| recorded(world, Some(id)).into_iter().find(|r| r.to == "Ann Lee").unwrap();
            assert_eq!(of(&world).outcome.as_str(), "refused");
            assert!(of(&world).reason.unwrap().starts_with("UNCONFIRMED"));
            assert_eq!(said_to_ann(&world, &keys), "");
            world.act(program, |cx| domain::deals::deal::ops::confirm(cx, id)).unwrap();
            sweep(&world);
            assert_eq!(said_to_ann(&world, &keys), "", "a program confirms nothing");
            world.act(&world.team.cora(), |cx| domain::deals::deal::ops::confirm(cx, id)).unwrap();
            sweep(&world);
            assert_eq!(of(&world).outcome.as_str(), "waiting");
            assert!(said_to_ann(&world, &keys).contains("wire to Bob"), "a member has read it");
        }
    }

    fn a_contact_reads_a_title_or_address_that_a_program_gave_a_deal_only_when_a_member_confirmed_it(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        let agent = world.agent(&world.team, Grant::Write);
        let title = EditDeal { title: Some("Wire to Bob now".into()), ..EditDeal::of(id) };
        let address = EditDeal { address: Some("Call 555 0100 at once".into()), ..EditDeal::of(id) };
        world.act(&agent, |cx| edit_deal(cx, &title)).unwrap();
        add_for_the_buyer(&world, id, "Keys", "2026-10-16");
        sweep(&world);
        let ann = said_to_ann(&world, "Keys");
        assert!(ann.contains("A date of 12 Oak Street") && !ann.contains("Bob"), "{ann}");
        world.act(&agent, |cx| edit_deal(cx, &address)).unwrap();
        world.act(&agent, |cx| edit_deal(cx, &title)).unwrap();
        add_for_the_buyer(&world, id, "Codes", "2026-10-16");
        sweep(&world);
        let ann = said_to_ann(&world, "Codes");
        assert!(ann.contains("your real estate transaction") && !ann.contains("Bob") && !ann.contains("555"), "{ann}");
        world.act(&world.team.cora(), |cx| edit_deal(cx, &title)).unwrap();
        add_for_the_buyer(&world, id, "Papers", "2026-10-16");
        sweep(&world);
        let ann = said_to_ann(&world, "Papers");
        assert!(ann.contains("Wire to Bob now") && !ann.contains("555"), "{ann}");
    }

    fn a_title_that_a_member_confirms_is_sent_after_all(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        let agent = world.agent(&world.team, Grant::Write);
        let cmd = AddMilestone {
            deal_id: id, title: "Chimney".into(), due_on: "2026-10-16".into(),
            responsible_role: Some("buyer".into()), remind_days_before: Some(2), required: None, notes: None,
        };
        let added = world.act(&agent, |cx| add(cx, &cmd)).unwrap().milestone;
        sweep(&world);
        assert_eq!(said_to_ann(&world, "Chimney"), "");
        let same = EditMilestone { title: Some("Chimney".into()), ..EditMilestone::of(added.id) };
        world.act(&world.team.cora(), |cx| edit(cx, &same)).unwrap();
        sweep(&world);
        assert!(said_to_ann(&world, "Chimney").contains("Chimney is due"));
    }

    fn the_team_reads_which_of_the_titles_an_agent_wrote(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        set(&world, "team_channel", serde_json::json!({ "channel": "discord", "address": "123456789012345678" }));
        let agent = world.agent(&world.team, Grant::Write);
        world.act(&agent, |cx| add(cx, &keys(id, "2026-10-16", 2))).unwrap();
        world.act(&world.team.cora(), |cx| add(cx, &AddMilestone { title: "Meter".into(), ..keys(id, "2026-10-16", 2) })).unwrap();
        sweep(&world);
        let note = "An agent wrote this title, so that the responsible party was not sent it.";
        assert_eq!(saying(&world, note), ["discord"]);
        assert_eq!(saying(&world, &format!("{note}%{note}")), [""; 0], "not of the other");
        assert_eq!(saying(&world, &format!("Keys%{note}%Meter")).len() + saying(&world, &format!("Meter%Keys%{note}")).len(), 1);
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
            domain::delivery::notify::ops::digests(cx, &mut domain::deals::reminder::glance::sections)
        }).unwrap();
        assert!(queued >= 1);
        assert_eq!(told(&world), ["reminder Keys -> Cora Castillo: waiting (2026-10-16)"]);
        let digest: Vec<String> = messages(&world).into_iter().filter(|m| m.contains(" digest:") && m.starts_with("email")).collect();
        assert_eq!(digest.len(), 1, "{:?}", messages(&world));
        let text = world.lines(&world.team, &format!(
            "SELECT content AS line FROM messages WHERE workspace_id = '{}' AND occasion LIKE 'digest:%' AND channel = 'email'", world.team.id));
        assert!(text[0].contains("Due in the next three days") && text[0].contains("Keys of 12 Oak Street: Friday 16 October"), "{text:?}");
        let again = world.act(&world.team.operator(), |cx| {
            domain::delivery::notify::ops::digests(cx, &mut domain::deals::reminder::glance::sections)
        }).unwrap();
        assert_eq!(again, 0);
        // Others may not set Cora's; an admin may.
        assert!(world.act(&world.team.as_(Role::Member), |cx| reach::ops::set(cx, me, &mine, None)).is_err());
        world.act(&world.team.as_(Role::Admin), |cx| reach::ops::set(cx, me, &reach::Preferences::default(), None)).unwrap();
    }

    fn who_no_longer_answers_for_a_milestone_is_not_reminded_of_it(world: World) {
        let id = world.create(&oak_street());
        let walkthrough = only_reminds(&world, id, "final_walkthrough");
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        let cmd = EditMilestone { responsible_role: Some("inspector".into()), ..EditMilestone::of(walkthrough) };
        world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
        sweep(&world);
        let said = told(&world);
        for line in [
            "reminder Final walkthrough -> Ann Lee: cancelled (2026-12-09)",
            "reminder Final walkthrough -> Ines Inspector: waiting (2026-12-09)",
            "reminder Final walkthrough -> Cora Castillo: waiting (2026-12-09)",
        ] {
            assert!(said.contains(&line.to_owned()), "{said:?}");
        }
        let ann = recorded(&world, Some(id)).into_iter().find(|r| r.to == "Ann Lee").unwrap();
        assert_eq!(ann.reason.unwrap(), "Its reminder or who is reminded changed before it was sent.");
    }

    fn an_overdue_notice_stays_until_the_date_moves(world: World) {
        let id = world.create(&oak_street());
        let walkthrough = only_reminds(&world, id, "final_walkthrough");
        world.set_clock("2026-12-10T06:00:00Z");
        sweep(&world);
        let waits = "overdue Final walkthrough -> Cora Castillo: waiting (2026-12-09)".to_owned();
        assert!(told(&world).contains(&waits), "{:?}", told(&world));
        let cmd = EditMilestone { notes: Some("The key is under the mat.".into()), ..EditMilestone::of(walkthrough) };
        world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
        world.act(&world.team.cora(), |cx| add(cx, &keys(id, "2026-12-20", 2))).unwrap();
        sweep(&world);
        assert!(told(&world).contains(&waits), "{:?}", told(&world));
        let cmd = EditMilestone { due_on: Some("2026-12-21".into()), ..EditMilestone::of(walkthrough) };
        world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
        let overdue = recorded(&world, Some(id)).into_iter().find(|r| r.kind == "overdue").unwrap();
        assert_eq!(overdue.outcome.as_str(), "cancelled");
        assert_eq!(overdue.reason.unwrap(), "The milestone moved from 2026-12-09 to 2026-12-21 before it was sent.");
    }

    fn what_was_in_a_message_that_was_taken_back_waits_for_its_own_time(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        let new = |title: &str, due_on: &str| AddMilestone { title: title.into(), ..keys(id, due_on, 2) };
        let cora = world.team.cora();
        let first = world.act(&cora, |cx| add(cx, &new("Meter", "2026-12-09"))).unwrap().milestone;
        let second = world.act(&cora, |cx| add(cx, &new("Keys", "2026-12-11"))).unwrap().milestone;
        // Another message waits all the while.
        let sign = AddMilestone { title: "Sign".into(), ..keys(id, "2026-12-27", 20) };
        world.act(&cora, |cx| add(cx, &sign)).unwrap();
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        let of_keys = |world: &World| -> Vec<String> {
            told(world).into_iter().filter(|line| line.contains("Keys -> Ann Lee")).collect()
        };
        assert_eq!(of_keys(&world), ["reminder Keys -> Ann Lee: waiting (2026-12-11)"]);
        world.complete(first.id);
        assert_eq!(of_keys(&world), ["reminder Keys -> Ann Lee: planned (2026-12-11)"]);
        let cmd = EditMilestone { notes: Some("Under the mat.".into()), ..EditMilestone::of(second.id) };
        world.act(&cora, |cx| edit(cx, &cmd)).unwrap();
        sweep(&world);
        assert_eq!(of_keys(&world), ["reminder Keys -> Ann Lee: planned (2026-12-11)"]);
        world.complete(second.id);
        assert_eq!(of_keys(&world), ["reminder Keys -> Ann Lee: cancelled (2026-12-11)"]);
    }

    fn a_line_of_a_digest_is_taken_back_when_its_milestone_is_done(world: World) {
        let id = world.create(&oak_street());
        quiet_but(&world, id, "none");
        let cora = world.team.cora();
        let me = reach::Person::Member(world.team.members[&Role::Coordinator].id);
        let mut mine = reach::Preferences::default();
        for (key, value) in [("reminder.in_app", "off"), ("reminder.email", "daily")] {
            reach::ops::put(&mut mine, key, value).unwrap_or_else(|_| panic!("{key}"));
        }
        world.act(&cora, |cx| reach::ops::set(cx, me, &mine, None)).unwrap();
        let new = AddMilestone { responsible_role: None, ..keys(id, "2026-12-09", 2) };
        let keys = world.act(&cora, |cx| add(cx, &new)).unwrap().milestone;
        let cmd = EditMilestone { responsible_member_email: Some("cora@example.com".into()), ..EditMilestone::of(keys.id) };
        world.act(&cora, |cx| edit(cx, &cmd)).unwrap();
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        assert_eq!(told(&world), ["reminder Keys -> Cora Castillo: digest (2026-12-09)"]);
        world.complete(keys.id);
        assert_eq!(told(&world), ["reminder Keys -> Cora Castillo: cancelled (2026-12-09)"]);
    }

    fn a_preview_names_the_reminders_that_would_come_on_another_day(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "final_walkthrough");
        assert_eq!(
            world.preview(id, "closing 2026-12-18").messages_affected,
            ["The reminder of Final walkthrough that is to come on Monday 7 December 2026 is planned anew for Monday 14 \
              December 2026."]
        );
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        all_is_sent(&world);
        assert_eq!(world.preview(id, "closing 2026-12-18").messages_affected, [""; 0]);
        // A deal that is not under way reminds nobody.
        let draft = world.create(&NewDeal { activate: false, ..oak_street() });
        assert_eq!(world.preview(draft, "closing 2026-12-18").messages_affected, [""; 0]);
    }

    fn who_agreed_to_text_messages_is_reminded_by_one(world: World) {
        let with_phone = |name: &str, phone: &str| NewParty {
            role: "buyer".into(), name: name.into(), phone: Some(phone.into()), ..NewParty::default()
        };
        let parties = vec![with_phone("Ann Lee", "+13125550100"), with_phone("Ben Lee", "+13125550101")];
        let id = world.create(&NewDeal { parties, ..oak_street() });
        only_reminds(&world, id, "final_walkthrough");
        let contact_id = contact(&world, "Ann Lee").parse().unwrap();
        let cmd = SetConsent { contact_id, channel: reach::Channel::Sms, given: true, evidence: "a form".into() };
        world.act(&world.team.cora(), |cx| set_consent(cx, &cmd)).unwrap();
        world.set_clock("2026-12-07T15:00:00Z");
        sweep(&world);
        let said = told(&world);
        assert!(said.contains(&"reminder Final walkthrough -> Ann Lee: waiting (2026-12-09)".into()), "{said:?}");
        assert!(said.contains(&"reminder Final walkthrough -> Ben Lee: refused (2026-12-09)".into()), "{said:?}");
        let texts: Vec<String> = messages(&world).into_iter().filter(|m| m.starts_with("sms")).collect();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].starts_with("sms +13125550100 queued"), "{texts:?}");
    }

    fn a_deal_that_nobody_owns_is_looked_after_by_the_owner_of_the_workspace(world: World) {
        let id = world.create(&oak_street());
        only_reminds(&world, id, "final_walkthrough");
        world.meddle(&world.team, &format!("UPDATE deals SET owner_id = NULL WHERE id = '{id}'"));
        world.set_clock("2026-12-07T15:00:00Z");
        assert_eq!(world.act(&world.team.operator(), |cx| attend(cx, 8)).unwrap().deals, 1);
        let said = told(&world);
        assert!(said.contains(&"reminder Final walkthrough -> Olga Owens: waiting (2026-12-09)".into()), "{said:?}");
        assert_eq!(said.len(), 2, "{said:?}");
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

/// A milestone of the buyer's.
fn keys(deal_id: DealId, due_on: &str, remind_days_before: i32) -> AddMilestone {
    AddMilestone {
        deal_id,
        title: "Keys".into(),
        due_on: due_on.into(),
        responsible_role: Some("buyer".into()),
        remind_days_before: Some(remind_days_before),
        required: None,
        notes: None,
    }
}

pub fn contact(world: &World, name: &str) -> String {
    let query = format!(
        "SELECT CAST(id AS TEXT) AS line FROM contacts WHERE workspace_id = '{}' AND name = '{name}'",
        world.team.id
    );
    world.lines(&world.team, &query)[0].clone()
}
