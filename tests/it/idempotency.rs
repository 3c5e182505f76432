//! The same key, the same answer, and the thing done once.

use std::sync::Barrier;

use domain::deals::deal::intake::NewDeal;
use domain::deals::deal::ops::create;
use domain::deals::milestone::ops::{CompleteMilestone, complete};
use domain::kernel::id::DealId;
use domain::kernel::idempotency::{Answer, KEPT_HOURS, Key};
use domain::kernel::{Code, No, Principal, Refusal};
use domain::workspace::access::{Grant, Role};
use harness::{DATES, World, deal, on_both};

fn once(world: &World, who: &Principal, key: &str, new: &NewDeal) -> Result<Answer<DealId>, Refusal> {
    let key = Key::parse(key).unwrap();
    let outcome = world.work(who, |work| work.write_once(Some(&key), "deal_create", new, |cx| create(cx, new)));
    outcome.map_err(|no| match no {
        No::Refusal(refusal) => *refusal,
        No::Fault(fault) => panic!("a fault: {fault}"),
    })
}

on_both! {
    fn a_repeated_call_gets_the_first_answer_and_makes_no_second_deal(world: World) {
        let (cora, new) = (world.team.cora(), deal("12 Oak Street", DATES));
        let first = once(&world, &cora, "k1", &new).unwrap();
        let before = world.everything(&world.team);
        world.hours_pass(5);
        let again = once(&world, &cora, "k1", &new).unwrap();
        assert_eq!((again.value, &again.receipts), (first.value, &first.receipts));
        assert_eq!((first.repeated, again.repeated), (false, true));
        assert_eq!(world.everything(&world.team), before);
    }

    fn a_key_that_was_used_for_something_else_is_refused(world: World) {
        let (cora, new) = (world.team.cora(), deal("12 Oak Street", DATES));
        let made = once(&world, &cora, "k1", &new).unwrap();
        let before = world.everything(&world.team);
        let no = once(&world, &cora, "k1", &deal("14 Oak Street", DATES)).unwrap_err();
        assert_eq!(no.code, Code::KeyReused);
        let id = world.milestone(made.value, "inspection").id;
        let cmd = CompleteMilestone { id, version: None, note: None };
        let key = Key::parse("k1").unwrap();
        let other = world.work(&cora, |work| {
            work.write_once(Some(&key), "milestone_complete", &cmd, |cx| complete(cx, &cmd))
        });
        assert!(matches!(other, Err(No::Refusal(no)) if no.code == Code::KeyReused));
        assert_eq!(world.everything(&world.team), before);
    }

    fn a_refused_call_leaves_its_key_free(world: World) {
        let (cora, mut new) = (world.team.cora(), deal("12 Oak Street", DATES));
        new.financing = "gold".into();
        assert_eq!(once(&world, &cora, "k1", &new).unwrap_err().code, Code::Invalid);
        assert_eq!(world.count(&world.team, "idempotency_keys"), 0);
        new.financing = "cash".into();
        assert!(!once(&world, &cora, "k1", &new).unwrap().repeated);
    }

    fn a_key_belongs_to_one_actor_in_one_workspace(world: World) {
        let twin = world.found("harbor", "harbor.example");
        let new = deal("12 Oak Street", DATES);
        let agent = world.agent(&world.team, Grant::Write);
        let mut made = Vec::new();
        for who in [world.team.cora(), world.team.as_(Role::Owner), agent, twin.cora()] {
            let answer = once(&world, &who, "k1", &new).unwrap();
            assert!(!answer.repeated, "{}", who.actor.name);
            made.push(answer.value);
        }
        made.dedup();
        assert_eq!((made.len(), world.count(&world.team, "deals"), world.count(&twin, "deals")), (4, 3, 1));
    }

    fn a_key_is_forgotten_after_a_week(world: World) {
        let (cora, new) = (world.team.cora(), deal("12 Oak Street", DATES));
        once(&world, &cora, "k1", &new).unwrap();
        world.hours_pass(KEPT_HOURS as u64 + 1);
        assert!(!once(&world, &cora, "k1", &new).unwrap().repeated);
        assert_eq!(world.count(&world.team, "idempotency_keys"), 1);
    }

    fn sixteen_calls_at_once_with_one_key_make_one_deal(world: World) {
        let (cora, new) = (world.team.cora(), deal("12 Oak Street", DATES));
        let start = Barrier::new(16);
        let answers: Vec<Answer<DealId>> = std::thread::scope(|threads| {
            let call = || {
                start.wait();
                once(&world, &cora, "k1", &new).unwrap()
            };
            let running: Vec<_> = (0..16).map(|_| threads.spawn(call)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
        assert!(answers.iter().all(|answer| answer.value == answers[0].value && answer.receipts == answers[0].receipts));
        assert_eq!(world.count(&world.team, "deals"), 1);
        world.log_is_whole(&world.team);
    }

    fn a_host_answers_a_repeated_call_in_the_same_words(world: World) {
        let (cora, new) = (world.team.cora(), deal("12 Oak Street", DATES));
        let call = || {
            let (key, new) = (Key::parse("k1").unwrap(), new.clone());
            world.host.act_once(&cora, Some(key), "deal_create", new.clone(), move |cx| create(cx, &new))
        };
        let (first, again) = world.wait_for(async { (call().await.unwrap(), call().await.unwrap()) });
        assert_eq!((first.value, first.receipts), (again.value, again.receipts));
        assert_eq!((first.repeated, again.repeated), (false, true));
        let free = || {
            let new = new.clone();
            world.host.act_once(&cora, None, "deal_create", (), move |cx| create(cx, &new))
        };
        let (one, two) = world.wait_for(async { (free().await.unwrap(), free().await.unwrap()) });
        assert_ne!(one.value, two.value);
    }
}
