//! The database did it, and its answer got lost: what was asked for happens once, and is written down once.

use std::sync::Arc;

use domain::deals::deal::ops::create;
use domain::delivery::Status;
use domain::kernel::cx::Seeded;
use domain::kernel::idempotency::Key;
use domain::kernel::{Code, Db};
use domain::people::reach::Channel;
use harness::{DATES, Lossy, Place, World, accepted, deal};
use host::{Config, Host, Parts};

use crate::dispatch::{Fake, dispatcher};

/// A world on PostgreSQL, and a replica that reaches it through a door that loses answers.
fn story() -> Option<(World, Lossy, Host)> {
    let world = World::new(Place::schema()?);
    let door = Lossy::before(&world.place)?;
    let parts = Parts {
        db: Db::open_postgres(door.url(), Place::usual_limits()).unwrap(),
        clock: world.host.clock().clone(),
        randomness: Box::new(Seeded::new(7)),
        config: Config::default(),
    };
    Some((world, door, Host::of(parts)))
}

#[test]
fn whichever_answer_of_the_database_is_lost_everything_is_sent_once_or_said_to_be_unknown_postgres() {
    let Some((world, door, host)) = story() else { return };
    let (mut claims, mut lost_ends, mut lost) = (0, 0, 0);
    for nth in 1..=6 {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let post = world.queue(&format!("post {nth}"), Channel::Discord, "1");
        let hook = world.queue(&format!("hook {nth}"), Channel::Webhook, "https://example.org/h");
        let mail = world.queue(&format!("mail {nth}"), Channel::Email, "a@b.example");
        let dispatcher = dispatcher(&host, &fake);
        door.lose(nth);
        world.wait_for(dispatcher.round());
        let lost_now = i64::from(door.has_lost());
        lost += lost_now;
        let at_once = fake.count();
        // Whoever does not know what it claimed is taken over.
        world.a_lease_passes();
        world.wait_for(dispatcher.round());
        world.wait_for(dispatcher.round());
        let times = |of: &str| fake.occasions().iter().filter(|o| o.starts_with(of)).count();
        assert_eq!((world.status(post), times("post")), (Status::Sent, 1), "answer {nth}");
        assert_eq!((world.status(hook), times("hook")), (Status::Sent, 1), "answer {nth}");
        match (at_once, world.status(mail)) {
            // Nobody can know whether the one who claimed it had sent it.
            (0, Status::Unknown) => claims += 1,
            // What a dispatcher does before it claims; the next round claims.
            (0, Status::Sent) => {}
            (3, Status::Sent) => lost_ends += lost_now,
            other => panic!("answer {nth}: {other:?}"),
        }
        assert!(times("mail") <= 1, "answer {nth}");
        for id in [post, hook, mail] {
            let ends = world.delivery(id).attempts;
            assert!(ends.iter().all(|attempt| attempt.outcome.is_some()), "answer {nth}: {ends:?}");
        }
    }
    assert_eq!(claims, 1, "the claim is one of them");
    assert!(lost_ends >= 1, "{lost} were lost, and {lost_ends} of them after a send");
    world.log_is_whole(&world.team);
}

#[test]
fn a_call_whose_answer_was_lost_is_repeated_and_done_once_postgres() {
    let Some((world, door, host)) = story() else { return };
    let (cora, new) = (world.team.cora(), deal("12 Oak Street", DATES));
    let call = || {
        let (key, new) = (Key::parse("k1").unwrap(), new.clone());
        host.act_once(&cora, Some(key), "deal_create", new.clone(), move |cx| create(cx, &new))
    };
    door.lose(1);
    assert_eq!(world.wait_for(call()).unwrap_err().code, Code::Unavailable);
    assert!(door.has_lost());
    let answer = world.wait_for(call()).unwrap();
    assert!(answer.repeated, "the first one did it");
    assert_eq!(world.count(&world.team, "deals"), 1);
    world.log_is_whole(&world.team);
}
