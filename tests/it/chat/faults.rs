//! What goes wrong with the line to Discord, and with the database behind it.

use std::sync::Arc;
use std::time::Duration;

use bot::chat::{Chat, gateway, wire};
use diesel::connection::SimpleConnection;
use domain::kernel::Conn;
use domain::kernel::db::Limits;
use domain::workspace::access::Role::{Coordinator, Owner};
use harness::peers::{Fault, How};
use harness::{Place, on_both};
use host::chat::{Attended, Seat};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::hall::Hall;

/// Holds everything that anybody needs to change something, and on PostgreSQL what is needed to be recognised too.
pub fn freeze(hall: &Hall) -> (domain::kernel::Db, Conn) {
    hold(hall, "members")
}

/// Holds what is needed to say that one listens.
fn hold_the_seat(hall: &Hall) -> (domain::kernel::Db, Conn) {
    hold(hall, "gateways")
}

/// Holds a table on PostgreSQL; on SQLite, all that is written.
fn hold(hall: &Hall, table: &str) -> (domain::kernel::Db, Conn) {
    let other = hall.world.place.open(Place::usual_limits());
    let mut held = other.raw().unwrap();
    match &mut held {
        Conn::Pg(c) => c.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).unwrap(),
        Conn::Lite(c) => c.batch_execute("BEGIN IMMEDIATE").unwrap(),
    }
    (other, held)
}

on_both! {
    fn whoever_asks_while_the_database_is_stuck_reads_a_sentence(world: World) {
        let limits = Limits { wait: Duration::from_secs(60), ..Place::usual_limits() };
        let mut hall = Hall::patient(world, limits, 2).linked();
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let milestone = hall.pick(Coordinator, "/milestone complete", "milestone", "inspection");
        let held = freeze(&hall);
        let said = hall.wait(hall.at(Coordinator).slash("/milestone complete", &[("milestone", milestone.clone())]));
        assert!(said.took < Duration::from_secs(1), "{:?}", said.took);
        hall.wait(hall.discord.until("a sentence comes", |_| said.again().shown().contains("did not answer in time")));
        // Whoever types is not kept waiting either.
        let typed = hall.wait(hall.at(Coordinator).types("/deal show", &[("deal", json!("oak"))], "deal"));
        assert!(typed.took < Duration::from_secs(1), "{:?}", typed.took);
        drop(held);
        let said = hall.slash(Coordinator, "/milestone complete", &[("milestone", milestone)]);
        assert!(said.shown().contains("done"), "{}", said.shown());
    }

    fn the_bot_comes_back_whatever_the_gateway_does(world: World) {
        let mut hall = Hall::open(world);
        let ask = |hall: &mut Hall| {
            let said = hall.slash(Coordinator, "/today", &[]);
            assert!(said.shown().contains("Nothing needs your attention"), "{}", said.shown());
        };
        ask(&mut hall);
        let (identifies, resumes) = (hall.discord.identifies(), hall.discord.resumes());
        hall.discord.drop_connections();
        hall.wait(hall.discord.until("it resumes", |discord| discord.resumes() > resumes));
        ask(&mut hall);
        hall.discord.reconnect_please();
        hall.wait(hall.discord.until("it resumes again", |discord| discord.resumes() > resumes + 1));
        ask(&mut hall);
        hall.discord.invalid_session(false);
        hall.wait(hall.discord.until("it begins anew", |discord| discord.identifies() > identifies));
        hall.wait(hall.discord.until("it is there", |discord| discord.connected() > 0));
        ask(&mut hall);
    }

    fn a_question_that_is_told_of_twice_is_answered_once(world: World) {
        let mut hall = Hall::open(world);
        hall.slash(Coordinator, "/today", &[]);
        let answers = hall.discord.count("POST /interactions/*/*/callback");
        hall.discord.replay_last_interaction();
        hall.slash(Coordinator, "/help", &[]);
        assert_eq!(hall.discord.count("POST /interactions/*/*/callback"), answers + 1);
    }

    fn an_answer_that_breaks_on_its_way_is_given_again(world: World) {
        let mut hall = Hall::open(world);
        let new = harness::deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11");
        hall.world.act(&hall.world.team.cora(), |cx| domain::deals::deal::ops::create(cx, &new)).unwrap();
        let first = "POST /interactions/*/*/callback";
        for fault in [Fault::status(502), Fault::status(503).though_taken()] {
            hall.discord.fail_next(first, fault);
            let said = hall.slash(Coordinator, "/today", &[]);
            assert!(said.shown().contains("Earnest money delivery"), "{}", said.shown());
        }
        // What was promised first and comes later, as a picture does.
        let deal = hall.pick(Coordinator, "/deal show", "deal", "oak");
        let later = "PATCH /webhooks/*/*/messages/@original";
        let broken = [
            Fault::status(502),
            Fault::status(500).though_taken(),
            Fault::slow_down(Some("0")),
            Fault::after_taking(How::Reset),
            Fault::after_taking(How::CutBody),
        ];
        for fault in broken {
            let before = hall.discord.count(later);
            hall.discord.fail_next(later, fault);
            let said =
                hall.slash(Coordinator, "/deal timeline", &[("deal", deal.clone()), ("picture", json!(true))]);
            assert!(said.shown().contains(".png"), "{}", said.shown());
            hall.wait(hall.discord.until("it is said again", |discord| discord.count(later) >= before + 2));
        }
    }

    fn a_wrong_token_ends_listening_with_one_sentence(world: World) {
        let hall = Hall::open(world);
        let mut config = host::Config::default();
        config.discord.token = Some("another.bot.token".to_owned().into());
        config.discord.api_url = hall.discord.url();
        let host = hall.world.host_with(Place::usual_limits(), config);
        let mut hall = hall;
        hall.stop();
        let chat = Chat::new(&host, Arc::new(wire::http(&host).unwrap()));
        // It ends by itself; nobody tells it to.
        let listening = gateway::listen(host, chat, gateway::Unknown::default(), CancellationToken::new());
        hall.wait(async { tokio::time::timeout(Duration::from_secs(10), listening).await }).expect("it goes on trying");
    }

    fn intents_that_are_not_allowed_end_it_too(world: World) {
        let mut hall = Hall::open(world);
        hall.stop();
        hall.discord.refuse_intents(1);
        let listening =
            gateway::listen(hall.host.clone(), hall.chat.clone(), gateway::Unknown::default(), CancellationToken::new());
        hall.wait(async { tokio::time::timeout(Duration::from_secs(10), listening).await }).expect("it goes on trying");
    }

    fn one_of_two_processes_listens_and_the_other_takes_over(world: World) {
        let mut hall = Hall::open(world);
        assert_eq!(hall.discord.connected(), 1);
        let close = CancellationToken::new();
        let other = hall.runtime.spawn(gateway::listen(
            hall.host.clone(), hall.chat.clone(), hall.unknown.clone(), close.clone(),
        ));
        hall.slash(Owner, "/help", &[]);
        assert_eq!(hall.discord.connected(), 1);
        // The first one leaves in order, and the other is there within seconds.
        hall.stop();
        hall.wait(hall.discord.until("the other listens", |discord| discord.connected() == 1));
        let said = hall.slash(Coordinator, "/today", &[]);
        assert!(said.shown().contains("Nothing needs your attention"), "{}", said.shown());
        close.cancel();
        hall.wait(other).unwrap();
    }

    fn who_says_nothing_for_half_a_minute_has_lost_the_seat(world: World) {
        let (mut first, mut second) = (Seat::new(&world.host), Seat::new(&world.host));
        assert_eq!(world.wait_for(first.attend()), Attended::Ours);
        assert_eq!(world.wait_for(second.attend()), Attended::Theirs);
        world.seconds_pass(25);
        assert_eq!(world.wait_for(second.attend()), Attended::Theirs);
        // One word is enough to keep it, however late it comes; until it comes, nothing is done.
        assert!(!first.word().is_fresh());
        assert_eq!(world.wait_for(first.attend()), Attended::Ours);
        assert!(first.word().is_fresh());
        world.seconds_pass(25);
        assert_eq!(world.wait_for(second.attend()), Attended::Theirs);
        world.seconds_pass(31);
        assert_eq!(world.wait_for(second.attend()), Attended::Ours);
        assert_eq!(world.wait_for(first.attend()), Attended::Theirs);
        world.wait_for(second.leave());
        assert_eq!(world.wait_for(first.attend()), Attended::Ours);
    }

    fn whoever_asks_while_nobody_can_say_who_listens_reads_a_sentence(world: World) {
        let limits = Limits { wait: Duration::from_secs(60), ..Place::usual_limits() };
        let mut hall = Hall::patient(world, limits, 2).linked();
        let held = hold_the_seat(&hall);
        hall.world.seconds_pass(25);
        let said = hall.wait(hall.at(Coordinator).slash("/today", &[]));
        assert!(said.shown().contains("The database cannot be reached"), "{}", said.shown());
        assert!(said.took > Duration::from_secs(1), "another process, if there is one, answers first: {:?}", said.took);
        let typed = hall.wait(hall.at(Coordinator).types("/deal show", &[("deal", json!("oak"))], "deal"));
        assert!(typed.took < Duration::from_secs(3), "{:?}", typed.took);
        assert_eq!(hall.discord.connected(), 1);
        drop(held);
        // As soon as it has said again that it listens.
        let answered = (0..20).any(|_| hall.slash(Coordinator, "/today", &[]).shown().contains("Nothing needs your attention"));
        assert!(answered, "it goes on saying that it cannot");
        assert_eq!(hall.discord.identifies(), 1);
    }

    fn a_press_on_a_card_of_another_version_explains_itself(world: World) {
        let mut hall = Hall::open(world);
        let message = hall.slash(Coordinator, "/team list", &[]);
        for press in ["mp:0:done:1", "mp:2:done:01900000000070008000000000000001:4", "poll:yes", "mp:1:form:x"] {
            let said = hall.wait(hall.at(Coordinator).click_custom(&message, press));
            assert!(said.shown().contains("from another version of Milepost"), "{}", said.shown());
        }
    }
}
