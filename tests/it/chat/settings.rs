//! `/settings`, `/setup` and `/contact`.

use domain::delivery::settings::ops::{EditSettings, edit};
use domain::workspace::access::Role::{Coordinator, Member, Owner};
use harness::{on_both, peopled};
use insta::assert_snapshot;
use serde_json::json;

use super::hall::Hall;

on_both! {
    fn somebody_says_how_they_want_to_hear(world: World) {
        let mut hall = Hall::open(world);
        hall.slash(Member, "/settings preferences", &[]);
        hall.slash(Member, "/settings preferences", &[("key", json!("reminder.discord")), ("value", json!("on"))]);
        hall.slash(Member, "/settings preferences", &[("key", json!("colour")), ("value", json!("red"))]);
        hall.slash(Member, "/settings digest", &[("how", json!("daily")), ("at", json!("07:30"))]);
        let zone = hall.pick(Member, "/settings zone", "zone", "denver");
        hall.slash(Member, "/settings zone", &[("zone", zone)]);
        assert_snapshot!("preferences", hall.transcript());
    }

    fn a_team_says_where_it_reads_and_who_approves(world: World) {
        let mut hall = Hall::open(world);
        hall.slash(Owner, "/settings check", &[]);
        hall.slash(Member, "/setup", &[("approvers", json!("owner"))]);
        let channel = json!(hall.channel.as_ref());
        hall.slash(Owner, "/setup", &[("channel", channel.clone()), ("zone", json!("America/Denver")), ("approvers", json!("coordinator"))]);
        hall.slash(Owner, "/settings check", &[]);
        hall.slash(Owner, "/setup", &[("threads", json!(true))]);
        // View Channel and Send Messages, and nothing else.
        hall.discord.allow(&hall.channel, 1 << 10 | 1 << 11);
        hall.slash(Owner, "/settings check", &[]);
        let said = hall.transcript().replace(channel.as_str().unwrap(), "(channel)");
        assert_snapshot!("setup", said);
    }

    fn stages_of_approval_are_not_replaced_without_a_yes(world: World) {
        let mut hall = Hall::open(world);
        let stages = json!(["2 of role:owner + role:admin within 48h then escalate to owner", "any of role:coordinator"]);
        let set = |hall: &Hall, key: &str, value: serde_json::Value| {
            let set = EditSettings { version: None, set: [(key.to_owned(), value)].into_iter().collect() };
            hall.world.act(&hall.world.team.as_(Owner), |cx| edit(cx, &set)).unwrap();
        };
        set(&hall, "draft_stages", stages);
        let to = |role: &str| vec![("approvers", json!(role))];
        hall.slash(Coordinator, "/setup", &to("coordinator"));
        let asked = hall.slash(Owner, "/setup", &to("admin"));
        hall.click(Owner, &asked, "No");
        hall.slash(Owner, "/setup", &[]);
        // What was shown is not what would be replaced any more.
        let asked = hall.slash(Owner, "/setup", &[("approvers", json!("admin")), ("zone", json!("America/Denver"))]);
        set(&hall, "draft_stages", json!(["all of role:owner"]));
        hall.click(Owner, &asked, "Yes");
        let asked = hall.slash(Owner, "/setup", &to("anyone of these"));
        hall.click(Owner, &asked, "Yes");
        // One word that takes the place of another one needs no question.
        hall.slash(Owner, "/setup", &to("admin"));
        hall.slash(Owner, "/setup", &to("coordinator"));
        assert_snapshot!("approvers", hall.transcript());
    }

    fn somebody_wants_nothing_any_more(world: World) {
        let mut hall = Hall::open(world);
        let deal = peopled("12 Oak Street");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &deal)).unwrap();
        let choices = hall.types(Coordinator, "/contact show", "contact", "");
        let ann = choices[0].value.clone();
        hall.slash(Coordinator, "/contact show", &[("contact", ann.clone())]);
        let asked = hall.slash(Coordinator, "/contact opt-out", &[("contact", ann.clone()), ("via", json!("phone")), ("words", json!("Please stop"))]);
        let recorded = hall.click(Coordinator, &asked, "Yes");
        // How Ann is reached is nothing for the channel.
        let told = recorded.followups[0].shown();
        assert!(told.contains("wants nothing any more") && !told.contains("example.org"), "{told}");
        // What was recorded before is told to nobody else.
        let asked = hall.slash(Owner, "/contact opt-out", &[("contact", ann.clone()), ("via", json!("email"))]);
        let again = hall.click(Owner, &asked, "Yes");
        assert!(again.ephemeral && again.followups.is_empty(), "{}", again.shown());
        hall.slash(Coordinator, "/contact show", &[("contact", ann)]);
        assert_snapshot!("contact", hall.transcript());
    }
}
