//! The dispatcher at work, over channels that write down what they were asked.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::delivery::outbox::{Found, Outcome, Report, Trouble, ops};
use domain::delivery::policy::Cleared;
use domain::delivery::{Message, NewMessage, Priority, Status, feed};
use domain::kernel::id::MessageId;
use domain::kernel::page::Ask;
use domain::people::reach::Channel;
use domain::workspace::access::Role;
use harness::{Place, World, accepted, message, not_sent, on_both, unclear};
use host::channels::{self, Later};
use host::dispatch::{Dispatcher, Ways};
use host::{Clock, Config, Host, loops};
use jiff::SignedDuration;

pub type Answer = dyn Fn(&Message) -> Outcome + Send + Sync;

/// A way out that writes down what it was asked and answers as told.
pub struct Fake {
    pub clock: Clock,
    /// When, by seconds of the monotonic clock, and what.
    pub asked: Mutex<Vec<(u64, MessageId, String)>>,
    pub looked_up: Mutex<Vec<MessageId>>,
    pub answer: Box<Answer>,
    pub status: Option<i32>,
    pub trouble: Option<Trouble>,
    /// Called before the look at the clock, as a process that is stopped there would.
    pub before: Box<dyn Fn() + Send + Sync>,
}

impl Fake {
    pub fn new(world: &World, answer: impl Fn(&Message) -> Outcome + Send + Sync + 'static) -> Self {
        Self {
            clock: world.host.clock().clone(),
            asked: Mutex::default(),
            looked_up: Mutex::default(),
            answer: Box::new(answer),
            status: None,
            trouble: None,
            before: Box::new(|| {}),
        }
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub fn asked_at(&self) -> Vec<u64> {
        self.asked.lock().unwrap().iter().map(|(at, ..)| *at).collect()
    }

    pub fn occasions(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(_, _, occasion)| occasion.clone()).collect()
    }
}

impl channels::Channel for Fake {
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report> {
        Box::pin(async move {
            (self.before)();
            let message = cleared.message();
            let report = |outcome| Report {
                message: message.id,
                attempt: cleared.attempt(),
                ended_at: self.clock.now(),
                provider_status: self.status,
                outcome,
                trouble: self.trouble,
            };
            if self.clock.elapsed() >= until {
                return report(Outcome::NotSent { why: "It was too late to write.".into(), retry_after: None });
            }
            let entry = (self.clock.elapsed().as_secs(), message.id, message.occasion.clone());
            self.asked.lock().unwrap().push(entry);
            report((self.answer)(message))
        })
    }

    fn look_up<'a>(&'a self, message: &'a Message) -> Later<'a, Found> {
        Box::pin(async move {
            self.looked_up.lock().unwrap().push(message.id);
            Found::Sent { provider_id: Some("found".into()) }
        })
    }
}

/// A way out to a program that answers when it likes.
struct Slow {
    fake: Arc<Fake>,
    begun: AtomicUsize,
    answers: tokio::sync::Semaphore,
}

impl channels::Channel for Slow {
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report> {
        Box::pin(async move {
            self.begun.fetch_add(1, Ordering::Relaxed);
            self.answers.acquire().await.unwrap().forget();
            self.fake.deliver(cleared, until).await
        })
    }

    fn look_up<'a>(&'a self, message: &'a Message) -> Later<'a, Found> {
        self.fake.look_up(message)
    }
}

/// Every way out is this one.
pub fn ways(fake: &Arc<Fake>) -> Ways {
    let all = [Channel::Discord, Channel::Email, Channel::Sms, Channel::Webhook, Channel::Console];
    all.into_iter().map(|kind| (kind, fake.clone() as Arc<dyn channels::Channel>)).collect()
}

pub fn dispatcher(host: &Host, fake: &Arc<Fake>) -> Dispatcher {
    Dispatcher::new(host, ways(fake))
}

pub fn to_console(world: &World, from: usize, count: usize) -> Vec<NewMessage> {
    let now = world.now();
    (from..from + count).map(|i| message(&format!("n:{i}"), Channel::Console, "", now)).collect()
}

/// Queues sixty lines beside so many messages of a channel that does not answer: the lines leave. Gives how many of the
/// others were begun by then.
fn nothing_waits_for(world: &World, channel: Channel, queued: usize) -> usize {
    let fake = Arc::new(Fake::new(world, |_| accepted()));
    let answers = tokio::sync::Semaphore::new(0);
    let slow = Arc::new(Slow { fake: fake.clone(), begun: AtomicUsize::new(0), answers });
    let mut ways = ways(&fake);
    ways.insert(channel, slow.clone());
    world.enqueue(&world.team, &to_console(world, 0, 60));
    let dispatcher = Dispatcher::new(&world.host, ways);
    let begun = world.wait_for(async {
        dispatcher.tick().await;
        let sent = async {
            while fake.count() < 60 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), sent).await.expect("the others waited");
        let begun = slow.begun.load(Ordering::Relaxed);
        slow.answers.add_permits(queued);
        dispatcher.idle().await;
        begun
    });
    assert_eq!(fake.count(), 60 + queued);
    world.log_is_whole(&world.team);
    begun
}

on_both! {
    fn what_is_due_is_sent_once_and_what_is_not_waits(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let later = NewMessage {
            due_at: world.now() + SignedDuration::from_hours(1),
            ..message("later", Channel::Email, "a@b.example", world.now())
        };
        world.enqueue(&world.team, &[later]);
        for (kind, address) in [
            (Channel::Discord, "1"),
            (Channel::Email, "a@b.example"),
            (Channel::Sms, "+13125550100"),
            (Channel::Webhook, "x"),
            (Channel::Console, "x"),
        ] {
            world.queue(kind.as_str(), kind, address);
        }
        let dispatcher = dispatcher(&world.host, &fake);
        world.wait_for(async {
            dispatcher.round().await;
            dispatcher.round().await;
        });
        let mut sent = fake.occasions();
        sent.sort();
        assert_eq!(sent, ["console", "discord", "email", "sms", "webhook"]);
        world.hours_pass(1);
        world.wait_for(dispatcher.round());
        assert_eq!(fake.occasions().last().unwrap(), "later");
        world.log_is_whole(&world.team);
    }

    fn eight_dispatchers_on_one_database_send_each_message_once(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        world.enqueue(&world.team, &to_console(&world, 0, 300));
        let hosts: Vec<Host> =
            (0..8).map(|_| world.host_with(Place::usual_limits(), Config::default())).collect();
        let all: Vec<Dispatcher> = hosts.iter().map(|host| dispatcher(host, &fake)).collect();
        world.wait_for(async {
            for dispatcher in &all {
                dispatcher.tick().await;
            }
            for dispatcher in &all {
                dispatcher.idle().await;
            }
        });
        let sent = fake.occasions();
        assert_eq!((sent.len(), sent.iter().collect::<HashSet<_>>().len()), (300, 300));
        world.log_is_whole(&world.team);
    }

    fn a_channel_that_is_not_configured_says_which_setting_is_missing(world: World) {
        let id = world.queue("m", Channel::Email, "a@b.example");
        let nothing = Dispatcher::new(&world.host, BTreeMap::new());
        world.wait_for(nothing.round());
        world.wait_for(nothing.round());
        let delivery = world.delivery(id).delivery;
        assert_eq!(delivery.status, Status::Failed);
        assert!(delivery.reason.unwrap().contains("Set [mail] smtp_url and from"));
        let olga = world.team.as_(Role::Owner);
        let feed = world.look(&olga, |cx| feed::ops::list(cx, true, &Ask::default())).unwrap();
        assert_eq!(feed.unread, 1);
        assert_eq!(feed.notifications.items[0].subject_id, Some(id.0));
    }

    fn a_poisonous_message_never_stops_the_others(world: World) {
        let fake = Arc::new(Fake::new(&world, |m| {
            assert!(m.occasion != "n:3", "this one breaks the channel");
            accepted()
        }));
        let ids = world.enqueue(&world.team, &to_console(&world, 0, 20));
        let dispatcher = dispatcher(&world.host, &fake);
        world.wait_for(dispatcher.round());
        for (i, id) in ids.iter().enumerate() {
            assert_eq!(world.status(*id), if i == 3 { Status::Unknown } else { Status::Sent }, "{i}");
        }
    }

    fn a_workspace_with_thousands_overdue_never_starves_another(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        for from in (0..2_000).step_by(500) {
            let new: Vec<NewMessage> = to_console(&world, from, 500)
                .into_iter()
                .map(|m| NewMessage { priority: Priority::Urgent, ..m })
                .collect();
            world.enqueue(&world.team, &new);
        }
        let other = world.found("harbor", "harbor.example");
        let bulk = NewMessage { priority: Priority::Bulk, ..message("alone", Channel::Console, "", world.now()) };
        world.enqueue(&other, &[bulk]);
        let dispatcher = dispatcher(&world.host, &fake);
        world.wait_for(dispatcher.round());
        let sent = fake.occasions();
        assert_eq!(sent.len(), 2_001);
        let place = sent.iter().position(|occasion| occasion == "alone").unwrap();
        assert!(place < 100, "the other workspace waited for {place} messages");
    }

    fn a_mail_server_that_takes_its_time_keeps_nothing_else_waiting(world: World) {
        for i in 0..50 {
            world.queue(&format!("letter:{i}"), Channel::Email, &format!("m{i}@example.org"));
        }
        nothing_waits_for(&world, Channel::Email, 50);
    }

    fn a_program_that_takes_its_time_keeps_nothing_else_waiting(world: World) {
        for i in 0..20 {
            world.queue(&format!("hook:{i}"), Channel::Webhook, "https://example.org/h");
        }
        let begun = nothing_waits_for(&world, Channel::Webhook, 20);
        assert!(begun <= 8, "one program has nearly all slots");
    }

    fn a_process_that_slept_past_its_lease_sends_nothing(world: World) {
        let clock = world.host.clock().clone();
        let slept = Mutex::new(false);
        let fake = Arc::new(Fake {
            before: Box::new(move || {
                if !std::mem::replace(&mut slept.lock().unwrap(), true) {
                    clock.advance(Duration::from_secs(50));
                }
            }),
            ..Fake::new(&world, |_| accepted())
        });
        let id = world.queue("c", Channel::Discord, "1");
        let dispatcher = dispatcher(&world.host, &fake);
        world.wait_for(dispatcher.round());
        assert_eq!((fake.count(), world.status(id)), (0, Status::Queued));
        world.seconds_pass(10);
        world.wait_for(dispatcher.round());
        assert_eq!((fake.count(), world.status(id)), (1, Status::Sent));
    }

    fn work_of_a_dead_process_goes_on_within_a_minute(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let post = world.queue("c", Channel::Discord, "1");
        let hook = world.queue("h", Channel::Webhook, "https://example.org/h");
        // It dies right after its claim.
        world.claim(10);
        let dispatcher = dispatcher(&world.host, &fake);
        for _ in 0..12 {
            world.seconds_pass(5);
            world.wait_for(dispatcher.round());
        }
        assert_eq!((world.status(post), world.status(hook)), (Status::Sent, Status::Sent));
        assert_eq!(fake.count(), 2);
    }

    fn a_post_of_unclear_fate_is_looked_up_and_not_posted_again(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| unclear()));
        let id = world.queue("c", Channel::Discord, "1");
        let dispatcher = dispatcher(&world.host, &fake);
        for _ in 0..150 {
            world.seconds_pass(1);
            world.wait_for(dispatcher.round());
        }
        let asked = fake.asked_at();
        let (first, last) = (asked[0], *asked.last().unwrap());
        assert!(asked.len() > 1 && last - first < 90, "{asked:?}");
        assert_eq!(fake.looked_up.lock().unwrap().as_slice(), [id]);
        let delivery = world.delivery(id).delivery;
        assert_eq!((delivery.status, delivery.provider_id.as_deref()), (Status::Sent, Some("found")));
    }

    fn a_channel_that_says_wait_gets_one_request_for_each_wait(world: World) {
        let fake = Arc::new(Fake {
            status: Some(429),
            ..Fake::new(&world, |_| not_sent(Some(SignedDuration::from_secs(100))))
        });
        for i in 0..20 {
            world.queue(&format!("c:{i}"), Channel::Discord, "1");
        }
        let dispatcher = dispatcher(&world.host, &fake);
        for _ in 0..100 {
            world.seconds_pass(5);
            world.wait_for(dispatcher.round());
        }
        let asked = fake.asked_at();
        assert!(asked.len() >= 4 && asked.windows(2).all(|pair| pair[1] - pair[0] >= 100), "{asked:?}");
    }

    fn a_provider_that_bans_us_is_asked_once_a_minute_then_every_two(world: World) {
        let fake = Arc::new(Fake {
            trouble: Some(Trouble::Provider),
            ..Fake::new(&world, |_| not_sent(None))
        });
        for i in 0..30 {
            world.queue(&format!("c:{i}"), Channel::Discord, &i.to_string());
        }
        let dispatcher = dispatcher(&world.host, &fake);
        for _ in 0..120 {
            world.seconds_pass(5);
            world.wait_for(dispatcher.round());
        }
        let asked = fake.asked_at();
        // The first claim may have had several on their way when the first answer came.
        let after: Vec<u64> = asked.iter().copied().filter(|at| *at > asked[0] + 1).collect();
        assert!(after.len() <= 4, "{asked:?}");
        assert!(after.windows(2).all(|pair| pair[1] - pair[0] >= 100), "{asked:?}");
    }

    fn a_clock_a_day_ahead_holds_everything_until_a_person_resumes(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let dispatcher = dispatcher(&world.host, &fake);
        let due = NewMessage {
            due_at: world.now() + SignedDuration::from_hours(3),
            ..message("m", Channel::Email, "a@b.example", world.now())
        };
        let id = world.enqueue(&world.team, &[due])[0];
        world.wait_for(dispatcher.round());
        world.set_clock(&(world.now() + SignedDuration::from_hours(26)).to_string());
        world.wait_for(dispatcher.round());
        world.wait_for(dispatcher.round());
        assert_eq!((fake.count(), world.status(id)), (0, Status::Queued));
        let feed = world.look(&world.team.as_(Role::Owner), |cx| feed::ops::list(cx, false, &Ask::default())).unwrap();
        let shown: Vec<&str> = feed.notifications.items.iter().map(|n| n.body.as_str()).collect();
        assert!(shown.len() == 1 && shown[0].contains("clock jumped forward by 1560 minutes"), "{shown:?}");
        let jumps = |world: &World| world.events(&world.team).iter().filter(|e| *e == "clock.jumped").count();
        assert_eq!(jumps(&world), 1);
        world.act(&world.team.cora(), ops::resume).unwrap();
        world.wait_for(dispatcher.round());
        assert_eq!(world.status(id), Status::Sent);
        // A process that starts then has nothing to compare with, and holds nothing.
        let fresh = self::dispatcher(&world.host, &fake);
        world.queue("m2", Channel::Email, "a@b.example");
        world.wait_for(fresh.round());
        assert_eq!((fake.count(), jumps(&world)), (2, 1));
    }

    fn a_clock_two_hours_back_stops_nothing_for_longer_than_a_minute(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let dispatcher = dispatcher(&world.host, &fake);
        world.wait_for(dispatcher.round());
        let before = world.queue("before", Channel::Email, "a@b.example");
        let flying = world.queue("flying", Channel::Discord, "1");
        let lost = world.act(&world.machine(&world.team), |cx| {
            ops::claim(cx, &domain::delivery::outbox::Wanted {
                no_channels: vec![Channel::Email], ..domain::delivery::outbox::Wanted::up_to(1)
            })
        }).unwrap();
        assert_eq!(lost.cleared.len(), 1);
        world.set_clock(&(world.now() - SignedDuration::from_hours(2)).to_string());
        for _ in 0..12 {
            world.seconds_pass(5);
            world.wait_for(dispatcher.round());
        }
        assert_eq!((world.status(before), world.status(flying)), (Status::Sent, Status::Sent));
        assert_eq!(fake.occasions().len() + fake.looked_up.lock().unwrap().len(), 2);
    }

    fn a_loop_that_is_poked_sends_at_once_and_stops_in_order(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let new = to_console(&world, 0, 1);
        let who = world.machine(&world.team);
        world.wait_for(async {
            let running = loops::start(&world.host, vec![Arc::new(dispatcher(&world.host, &fake))]);
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.host.act(&who, move |cx| ops::enqueue(cx, &new)).await.unwrap();
            let sent = async {
                while fake.count() == 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            // It would come round by itself after five seconds.
            tokio::time::timeout(Duration::from_secs(4), sent).await.unwrap();
            running.stop(Duration::from_secs(5)).await;
        });
        let stuck = world.lines(&world.team, "SELECT CAST(id AS text) AS line FROM messages WHERE status = 'sending'");
        assert!(stuck.is_empty());
    }
}

#[test]
fn one_failing_workspace_never_stops_the_others() {
    let world = World::new(Place::file());
    let fake = Arc::new(Fake::new(&world, |_| accepted()));
    let other = world.found("harbor", "harbor.example");
    world.queue("m", Channel::Email, "a@b.example");
    // Its settings cannot be read, so no claim of its succeeds.
    world.meddle(
        &other,
        &format!(
            "INSERT INTO delivery_settings (workspace_id, body, version) VALUES ('{}', 'no JSON', 1)",
            other.id
        ),
    );
    world.enqueue(&other, &to_console(&world, 0, 1));
    let dispatcher = dispatcher(&world.host, &fake);
    world.wait_for(dispatcher.round());
    assert_eq!(fake.occasions(), ["m"]);
}
