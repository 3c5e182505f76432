//! The two ways in which a question comes, and how fast it is answered.

use std::time::Duration;

use bot::chat::endpoint;
use domain::deals::deal::ops::create;
use domain::workspace::access::Role::{Coordinator, Owner};
use harness::fake_discord::FakeDiscord;
use harness::on_both;
use serde_json::json;

use super::hall::Hall;

/// Where Discord calls the bot, on a port of its own.
fn endpoint(hall: &Hall) -> String {
    let routes = endpoint::routes(hall.chat.clone(), &hall.discord.public_key(), hall.host.clock()).unwrap();
    let listener = hall.wait(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/discord/interactions", listener.local_addr().unwrap());
    hall.runtime.spawn(async move { axum::serve(listener, routes).await });
    url
}

on_both! {
    fn a_call_from_discord_is_answered_as_what_comes_by_the_gateway(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| create(cx, &new)).unwrap();
        let tour = |hall: &mut Hall| {
            let deal = hall.pick(Coordinator, "/deal show", "deal", "oak");
            hall.slash(Coordinator, "/deal show", &[("deal", deal.clone())]);
            hall.slash(Coordinator, "/deal timeline", &[("deal", deal.clone()), ("picture", json!(true))]);
            let asked = hall.slash(Coordinator, "/deal cancel", &[("deal", deal)]);
            hall.click(Coordinator, &asked, "No");
            let form = [("side", json!("buyer")), ("financing", json!("cash"))];
            hall.slash(Coordinator, "/deal new", &form);
            hall.transcript()
        };
        let by_gateway = tour(&mut hall);
        let url = endpoint(&hall);
        hall.discord.deliver_to(&url);
        // A ping, and one whose signature is wrong, as Discord tries when somebody saves the address.
        hall.wait(hall.discord.check_endpoint()).unwrap();
        assert_eq!(tour(&mut hall), by_gateway);
    }

    fn two_hundred_questions_at_once_are_answered_within_a_second(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| create(cx, &new)).unwrap();
        let deal = hall.pick(Coordinator, "/deal show", "deal", "oak");
        let at = hall.at(Coordinator);
        let asked = (0..200).map(|_| at.slash("/deal show", &[("deal", deal.clone())])).collect();
        let said = hall.wait(FakeDiscord::at_once(asked));
        let mut took: Vec<Duration> = said.iter().map(|said| said.took).collect();
        took.sort();
        println!("first answers: p50 {:?}, p95 {:?}, slowest {:?}", took[100], took[190], took[199]);
        for one in said {
            assert!(one.again().shown().contains("12 Oak Street"), "{}", one.shown());
        }
    }

    fn discord_is_told_of_the_commands_when_they_changed(world: World) {
        let mut hall = Hall::empty(world);
        hall.wait(hall.discord.until("the commands are known", |discord| discord.command_puts() == 1));
        assert_eq!(hall.discord.commands(None).len(), 10);
        hall.stop();
        hall.listen();
        assert_eq!(hall.discord.command_puts(), 1);
        hall.slash(Owner, "/help", &[]);
    }
}
