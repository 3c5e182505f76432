//! A database that does not answer: whoever asked is told in bounded time, and nothing happens behind their back.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use domain::deals::deal::intake::NewDeal;
use domain::deals::deal::ops::create;
use domain::kernel::db::Limits;
use domain::kernel::idempotency::Key;
use domain::kernel::{Code, Conn, Fault, No};
use harness::{DATES, Place, World, deal, on_both};
use host::Config;

fn config(call_timeout: u64) -> Config {
    let mut config = Config::default();
    config.limits.call_timeout = call_timeout;
    config
}

fn new_deal() -> NewDeal {
    deal("12 Oak Street", DATES)
}

/// Holds what every writer of deals needs, on a connection of its own, until it is dropped.
fn lock(world: &World) -> (domain::kernel::Db, Conn) {
    let other = world.place.open(Place::usual_limits());
    let mut held = other.raw().unwrap();
    match &mut held {
        Conn::Pg(c) => c.batch_execute("BEGIN; LOCK TABLE deals IN ACCESS EXCLUSIVE MODE").unwrap(),
        Conn::Lite(c) => c.batch_execute("BEGIN IMMEDIATE").unwrap(),
    }
    (other, held)
}

fn release((_, mut held): (domain::kernel::Db, Conn)) {
    match &mut held {
        Conn::Pg(c) => c.batch_execute("ROLLBACK").unwrap(),
        Conn::Lite(c) => c.batch_execute("ROLLBACK").unwrap(),
    }
}

on_both! {
    fn a_write_that_waits_for_a_lock_is_refused_and_leaves_nothing(world: World) {
        let before = world.everything(&world.team);
        let hasty = world.host_with(Limits { connections: 2, wait: Duration::from_millis(300) }, config(60));
        let held = lock(&world);
        let cora = world.team.cora();
        let no = world.wait_for(hasty.act(&cora, |cx| create(cx, &new_deal()))).unwrap_err();
        assert_eq!(no.code, Code::Unavailable);
        release(held);
        assert_eq!(world.everything(&world.team), before);
        // The same host goes on as if nothing had been.
        world.wait_for(hasty.act(&cora, |cx| create(cx, &new_deal()))).unwrap();
        world.log_is_whole(&world.team);
    }

    fn a_caller_who_was_sent_away_changes_nothing_later(world: World) {
        let before = world.everything(&world.team);
        // The host gives up after a second; the database would wait for much longer.
        let hasty = world.host_with(Limits { connections: 2, wait: Duration::from_secs(60) }, config(1));
        let held = lock(&world);
        let (cora, key) = (world.team.cora(), Key::parse("k1").unwrap());
        let call = hasty.act_once(&cora, Some(key.clone()), "deal_create", (), |cx| create(cx, &new_deal()));
        // Dropping the runtime waits for the thread that still stands at the lock, so the lock goes first.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let no = runtime.block_on(call).unwrap_err();
        assert_eq!(no.code, Code::Unavailable);
        insta::assert_snapshot!("the_database_did_not_answer", no);
        release(held);
        drop(runtime);
        assert_eq!(world.everything(&world.team), before);
        // The advice of the refusal works: the same key does it now, once.
        let call = hasty.act_once(&cora, Some(key), "deal_create", (), |cx| create(cx, &new_deal()));
        assert!(!world.wait_for(call).unwrap().repeated);
        assert_eq!(world.count(&world.team, "deals"), 1);
    }

    fn work_that_nobody_waits_for_any_more_is_rolled_back(world: World) {
        use std::sync::atomic::{AtomicBool, Ordering};
        let before = world.everything(&world.team);
        let gone = AtomicBool::new(false);
        let outcome = world.work(&world.team.cora(), |work| {
            let work = domain::kernel::Work { abandoned: &gone, ..*work };
            work.write(|cx| {
                let id = create(cx, &new_deal())?;
                gone.store(true, Ordering::Release);
                Ok(id)
            })
        });
        assert!(matches!(outcome, Err(No::Fault(Fault::Abandoned))));
        assert_eq!(world.everything(&world.team), before);
    }

    fn a_verb_that_panics_leaves_nothing_and_blocks_nobody(world: World) {
        let before = world.everything(&world.team);
        let cora = world.team.cora();
        for _ in 0..10 {
            let no = world.wait_for(world.host.act(&cora, |cx| {
                create(cx, &new_deal())?;
                if cx.now() > jiff::Timestamp::UNIX_EPOCH {
                    panic!("in the middle of a verb");
                }
                Ok(())
            }));
            assert_eq!(no.unwrap_err().code, Code::Unavailable);
        }
        assert_eq!(world.everything(&world.team), before);
        world.deal("12 Oak Street");
    }

    fn a_look_cannot_change_anything(world: World) {
        let before = world.everything(&world.team);
        let outcome = world.work(&world.team.cora(), |work| work.read(|cx| create(cx, &new_deal())));
        assert!(matches!(outcome, Err(No::Fault(Fault::Database(_)))), "the database itself refuses");
        assert_eq!(world.everything(&world.team), before);
    }
}
