//! Not today: what is put off comes again on its day, and nothing is lost by it.

use domain::deals::milestone::ops::{EditMilestone, edit};
use domain::deals::reminder::snooze::{SnoozeMilestone, Snoozed, snooze};
use domain::kernel::id::MilestoneId;
use domain::kernel::{Code, Principal};
use domain::workspace::access::Role;
use harness::{World, on_both};

use crate::cards::{chat, oak_street};
use crate::reminders::recorded;

fn put_off(world: &World, id: MilestoneId, days: i32) -> Snoozed {
    let cmd = SnoozeMilestone { id, version: None, days: Some(days) };
    world.act(&world.team.as_(Role::Member), |cx| snooze(cx, &cmd)).unwrap()
}

/// The clock goes on, and nobody jumps.
fn time_passes_to(world: &World, at: &str) {
    let at: jiff::Timestamp = at.parse().unwrap();
    let wait = at.duration_since(world.now()).unsigned_abs();
    world.host.clock().advance(wait);
}

fn again(world: &World) -> Vec<String> {
    let all = recorded(world, None).into_iter().filter(|r| r.kind == "snoozed");
    all.map(|r| format!("{} to {}: {}", r.milestone, r.to, r.outcome)).collect()
}

on_both! {
    fn a_card_says_who_put_it_off_and_it_comes_again_at_nine(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys"]);
        chat.settles(&world);
        let done = put_off(&world, all[0], 2);
        assert_eq!((done.until.to_string().as_str(), done.beside.as_str()), ("2026-10-16", ""));
        chat.settles(&world);
        let (text, buttons) = chat.reads("77");
        assert!(text.contains("Snoozed by Mike Mbeki until Fri 16 Oct"), "{text}");
        assert_eq!(buttons, ["Done | Snooze 1 d | Waive"]);
        assert!(put_off(&world, all[0], 2).already.is_some());
        // Nine in Chicago.
        time_passes_to(&world, "2026-10-16T13:59:00Z");
        chat.settles(&world);
        assert_eq!(again(&world), [""; 0]);
        time_passes_to(&world, "2026-10-16T14:00:00Z");
        chat.settles(&world);
        let posted = chat.discord.posted();
        let last = posted.last().unwrap().body["content"].as_str().unwrap();
        assert!(last.contains("Keys") && last.contains("overdue"), "{last}");
        assert_eq!(again(&world), ["Keys to Cora Castillo: sent", "Keys to discord 77: sent"]);
        chat.settles(&world);
        assert_eq!(chat.discord.posted().len(), posted.len());
        world.log_is_whole(&world.team);
    }

    fn what_is_done_or_moved_meanwhile_does_not_come_again(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys", "Photos"]);
        chat.settles(&world);
        put_off(&world, all[0], 1);
        put_off(&world, all[1], 1);
        world.complete(all[0]);
        let moved = EditMilestone { due_on: Some("2026-12-01".into()), ..EditMilestone::of(all[1]) };
        world.act(&world.team.cora(), |cx| edit(cx, &moved)).unwrap();
        time_passes_to(&world, "2026-10-15T14:00:00Z");
        chat.settles(&world);
        assert_eq!(again(&world), [""; 0]);
    }

    fn what_was_put_off_shares_a_message_and_a_later_word_takes_the_place_of_the_first(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys", "Photos"]);
        chat.settles(&world);
        put_off(&world, all[0], 1);
        put_off(&world, all[0], 3);
        put_off(&world, all[1], 3);
        time_passes_to(&world, "2026-10-15T14:00:00Z");
        chat.settles(&world);
        assert_eq!(again(&world), [""; 0]);
        let before = chat.discord.posted().len();
        time_passes_to(&world, "2026-10-17T14:00:00Z");
        chat.settles(&world);
        assert_eq!(chat.discord.posted().len(), before + 1);
        assert_eq!(again(&world).len(), 4, "two in the channel, and two of their owner's");
    }

    fn the_escalation_goes_on_and_says_so(world: World) {
        let chat = chat(&world);
        let (_, all) = oak_street(&world, &["Keys"]);
        time_passes_to(&world, "2026-10-16T15:00:00Z");
        chat.settles(&world);
        let done = put_off(&world, all[0], 5);
        assert!(done.beside.contains("escalation goes on"), "{}", done.beside);
        time_passes_to(&world, "2026-10-17T16:00:00Z");
        chat.settles(&world);
        assert!(recorded(&world, None).iter().any(|r| r.kind == "escalation.1"));
    }

    fn what_nobody_is_reminded_of_cannot_be_put_off(world: World) {
        let (_, all) = oak_street(&world, &["Keys"]);
        let mike = world.team.as_(Role::Member);
        let ask = |days, version| SnoozeMilestone { id: all[0], version, days };
        let code = |who: &Principal, cmd: SnoozeMilestone| world.act(who, |cx| snooze(cx, &cmd)).unwrap_err().code;
        assert_eq!(code(&mike, ask(Some(15), None)), Code::Invalid);
        assert_eq!(code(&mike, ask(None, Some(9))), Code::Stale);
        assert_eq!(code(&world.team.as_(Role::Viewer), ask(None, None)), Code::Forbidden);
        let stranger = world.found("harbor", "harbor.example");
        assert_eq!(code(&stranger.as_(Role::Owner), ask(None, None)), Code::NotFound);
        world.complete(all[0]);
        assert_eq!(code(&mike, ask(None, None)), Code::WrongState);
    }
}
