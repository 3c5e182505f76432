//! The team's channel hears once a day what lies before it, when somebody wants that.

use domain::deals::reminder::team_digest::team_digest;
use domain::delivery::settings::ops::{EditSettings, edit};
use domain::workspace::access::Role;
use harness::{World, on_both};
use serde_json::{Value, json};

use crate::cards::oak_street;

fn wants(world: &World, set: Value) {
    let set = EditSettings { version: None, set: set.as_object().unwrap().clone() };
    world.act(&world.team.as_(Role::Admin), |cx| edit(cx, &set)).unwrap();
}

fn said(world: &World) -> usize {
    world.act(&world.machine(&world.team), team_digest).unwrap()
}

fn texts(world: &World) -> Vec<String> {
    world.lines(
        &world.team,
        &format!(
            "SELECT content AS line FROM messages WHERE workspace_id = '{}' AND occasion LIKE 'team_digest:%' ORDER BY occasion",
            world.team.id
        ),
    )
}

on_both! {
    fn the_day_is_told_once_however_many_ask_and_not_without_anybodys_wish(world: World) {
        oak_street(&world, &["Keys"]);
        wants(&world, json!({ "team_channel": { "channel": "discord", "address": "77" } }));
        world.set_clock("2026-10-15T13:00:00Z");
        assert_eq!(said(&world), 0);
        wants(&world, json!({ "team_digest": "daily", "team_digest_at": "08:30" }));
        assert_eq!(said(&world), 0, "it is eight");
        world.set_clock("2026-10-15T13:30:00Z");
        let all: usize = std::thread::scope(|threads| {
            let running: Vec<_> = (0..4).map(|_| threads.spawn(|| said(&world))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!((all, said(&world)), (1, 0));
        let texts = texts(&world);
        assert!(texts[0].contains("Due today") && texts[0].contains("12 Oak Street: Keys (Thu 15 Oct)"), "{}", texts[0]);
        world.log_is_whole(&world.team);
    }

    fn two_deals_with_one_title_have_a_line_each(world: World) {
        oak_street(&world, &["Keys"]);
        oak_street(&world, &["Photos"]);
        wants(&world, json!({ "team_channel": { "channel": "discord", "address": "77" }, "team_digest": "daily" }));
        world.set_clock("2026-10-15T13:30:00Z");
        assert_eq!(said(&world), 1);
        let text = &texts(&world)[0];
        for line in ["12 Oak Street: Keys (Thu 15 Oct)", "12 Oak Street: Photos (Thu 15 Oct)"] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    fn monday_tells_of_the_week_and_a_day_with_nothing_of_nothing(world: World) {
        oak_street(&world, &["Keys", "A", "B", "C", "D"]);
        wants(&world, json!({ "team_channel": { "channel": "discord", "address": "77" }, "team_digest": "both" }));
        world.set_clock("2026-10-12T13:00:00Z");
        assert_eq!(said(&world), 1);
        assert!(texts(&world)[0].contains("Due this week") && texts(&world)[0].contains("and 2 more"), "{:?}", texts(&world));
        // Tuesday: nothing is due.
        world.set_clock("2026-10-13T13:00:00Z");
        assert_eq!(said(&world), 0);
        wants(&world, json!({ "team_digest": "weekly" }));
        world.set_clock("2026-10-16T13:00:00Z");
        assert_eq!(said(&world), 0);
        wants(&world, json!({ "team_digest": "daily" }));
        assert_eq!(said(&world), 1);
        assert!(texts(&world)[1].contains("Overdue"), "{:?}", texts(&world));
        // Late in the day nobody needs it any more.
        world.set_clock("2026-10-17T20:00:00Z");
        assert_eq!(said(&world), 0);
    }
}
