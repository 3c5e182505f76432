//! What is to come, from the same code that does it; nothing of a rehearsal is kept.

use domain::deals::simulate::{Forecast, Verdict, simulate};
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::kernel::Principal;
use domain::people::reach::{Channel, Topic};
use domain::workspace::access::Role;
use harness::{World, on_both};
use serde_json::json;

fn rehearsed(world: &World, who: &Principal, days: i64) -> Vec<Forecast> {
    world.work(who, |work| simulate(work, days, None, &|_| ())).unwrap_or_else(|_| panic!("it runs"))
}

on_both! {
    fn a_rehearsal_shows_digests_with_what_they_will_say(world: World) {
        world.peopled_deal("12 Oak Street");
        let forecasts = rehearsed(&world, &world.team.cora(), 30);
        let digests: Vec<_> = forecasts.iter().filter(|f| f.topic == Topic::Digest && f.to == "Cora Castillo").collect();
        assert!(!digests.is_empty());
        for digest in &digests {
            assert!(digest.text.contains("12 Oak Street"), "{digest:?}");
        }
        assert_eq!(world.count(&world.team, "messages"), 0);
    }

    fn a_rehearsal_shows_whom_the_checklists_of_the_closing_week_will_ask_for_a_yes(world: World) {
        // It closes on 11 December.
        let deal = world.peopled_deal("12 Oak Street");
        // Whoever may read deliveries may look, also without the right to write letters.
        let asked = |day: &str| -> Vec<(String, String)> {
            let forecasts = rehearsed(&world, &world.team.as_(Role::Viewer), 60);
            let asked = forecasts.iter().filter(|f| f.topic == Topic::Approval && f.channel == Some(Channel::InApp));
            let asked: Vec<&Forecast> = asked.collect();
            assert!(asked.iter().all(|f| f.at.to_string().starts_with(day) && f.deal_id == Some(deal)), "{asked:?}");
            assert!(asked.iter().all(|f| f.why == ["It waits for a yes; nobody votes in a rehearsal"]));
            let mut told: Vec<_> = asked.iter().map(|f| (f.to.clone(), f.subject.clone())).collect();
            told.sort();
            told
        };
        let before = asked("2026-12-04");
        assert_eq!(before.len(), 3, "one checklist for the buyer, shown to three approvers once: {before:?}");
        assert!(world.drafts(deal).is_empty());
        // And so it comes.
        world.set_clock("2026-12-04T06:00:00Z");
        world.act(&world.machine(&world.team), domain::deals::followup::ops::checklists).unwrap();
        assert_eq!(world.write_drafts().len(), 1);
        assert_eq!(asked("2026-12-04"), before);
    }

    fn a_letter_that_no_person_has_to_approve_stands_in_a_rehearsal_before_it_is_written(world: World) {
        let set = json!({ "unapproved_follow_ups": ["inspection"] });
        let cmd = EditSettings { version: None, set: set.as_object().unwrap().clone() };
        world.act(&world.team.as_(Role::Admin), |cx| edit_settings(cx, &cmd)).unwrap();
        let deal = world.peopled_deal("12 Oak Street");
        world.complete(world.milestone(deal, "inspection").id);
        let forecasts = rehearsed(&world, &world.team.cora(), 1);
        let letters = forecasts.iter().filter(|f| f.topic == Topic::FollowUp && f.channel == Some(Channel::Email));
        let to: Vec<&str> = letters.filter(|f| f.verdict == Verdict::Sent).map(|f| f.to.as_str()).collect();
        assert!(to.contains(&"Ann Lee"), "{forecasts:#?}");
        assert_eq!(world.count(&world.team, "draft_versions"), 0);
    }
}
