//! Trouble with a provider, as it is remembered when processes die and when several send.

use std::sync::Arc;
use std::time::Duration;

use domain::delivery::gone;
use domain::delivery::outbox::{Outcome, ops};
use domain::delivery::{NewMessage, Status, feed};
use domain::kernel::Code;
use domain::kernel::page::Ask;
use domain::people::reach::Channel;
use domain::workspace::access::Role;
use harness::peers::{FakeDiscord, Fault};
use harness::{Place, World, accepted, message, on_both};
use host::dispatch::Dispatcher;
use host::{Clock, Config, Host, channels};
use jiff::SignedDuration;

use crate::dispatch::{Fake, dispatcher};

/// A process that starts now, with Discord as its settings name it.
pub fn process(world: &World, discord: &FakeDiscord) -> Dispatcher {
    let mut config = Config::default();
    config.discord.token = Some(discord.token().to_owned().into());
    config.discord.api_url = discord.url();
    let host = world.host_with(Place::usual_limits(), config);
    Dispatcher::new(&host, channels::open(&host).unwrap())
}

/// One more process on this database, with ways out of the test's own.
fn another(world: &World, fake: &Arc<Fake>) -> Dispatcher {
    let host: Host = world.host_with(Place::usual_limits(), Config::default());
    dispatcher(&host, fake)
}

fn all_at_once(world: &World, all: &[&Dispatcher]) {
    world.wait_for(async {
        for dispatcher in all {
            dispatcher.tick().await;
        }
        for dispatcher in all {
            dispatcher.idle().await;
        }
    });
}

/// Posts that Discord was asked to take. Whose server a channel is in is asked once by each process, and waits for nothing.
fn tried(discord: &FakeDiscord) -> usize {
    discord.count("POST /channels/*/messages")
}

/// What everybody does for so many seconds; the seconds at which Discord was asked to take a post.
fn seconds_of(world: &World, discord: &FakeDiscord, all: &[&Dispatcher], seconds: u64, step: u64) -> Vec<u64> {
    let mut asked = Vec::new();
    for second in (0..seconds).step_by(step as usize) {
        let before = tried(discord);
        all_at_once(world, all);
        asked.extend(std::iter::repeat_n(second, tried(discord) - before));
        world.seconds_pass(step);
    }
    asked
}

on_both! {
    fn a_wait_is_kept_by_the_process_that_comes_after(world: World) {
        let discord = FakeDiscord::start(world.host.clock());
        discord.always("/channels/77/", Fault::slow_down(Some("1336")));
        world.queue("first", Channel::Discord, "77");
        let before = process(&world, &discord);
        world.wait_for(before.round());
        assert_eq!(discord.asked().len(), 1);
        drop(before);
        // Also for another workspace, whose messages leave by the same bot.
        let other = world.found("harbor", "harbor.example");
        world.enqueue(&other, &[message("theirs", Channel::Discord, "77", world.now())]);
        world.queue("second", Channel::Discord, "77");
        let after = process(&world, &discord);
        assert_eq!(seconds_of(&world, &discord, &[&after], 1_336, 8), [] as [u64; 0]);
        assert_eq!(seconds_of(&world, &discord, &[&after], 1_336, 8).len(), 1, "one question for each wait");
        discord.well();
        seconds_of(&world, &discord, &[&after], 1_400, 20);
        assert_eq!(discord.posted().len(), 3);
        world.log_is_whole(&world.team);
    }

    fn when_a_wait_is_over_one_of_several_processes_asks(world: World) {
        let discord = FakeDiscord::start(world.host.clock());
        discord.always("/channels/77/", Fault::slow_down(Some("100")));
        let other = world.found("harbor", "harbor.example");
        for team in [&world.team, &other] {
            world.enqueue(team, &[message("one", Channel::Discord, "77", world.now())]);
        }
        let all: Vec<Dispatcher> = (0..4).map(|_| process(&world, &discord)).collect();
        let all: Vec<&Dispatcher> = all.iter().collect();
        world.wait_for(all[0].round());
        let first = tried(&discord);
        // Two workspaces may each have had one on its way when the first answer came.
        assert!(first <= 2);
        let asked = seconds_of(&world, &discord, &all, 420, 5);
        assert!(asked.len() >= 3 && asked.windows(2).all(|pair| pair[1] - pair[0] >= 100), "{asked:?}");
    }

    fn a_ban_is_asked_about_by_one_process_after_one_minute_then_after_two(world: World) {
        let discord = FakeDiscord::start(world.host.clock());
        discord.always("/channels/", Fault::ban_page());
        for i in 0..30 {
            world.queue(&format!("c:{i}"), Channel::Discord, &(100 + i).to_string());
        }
        world.wait_for(process(&world, &discord).round());
        let (one, two) = (process(&world, &discord), process(&world, &discord));
        let asked = seconds_of(&world, &discord, &[&one, &two], 430, 5);
        assert_eq!(asked, [60, 180, 420]);
        discord.well();
        seconds_of(&world, &discord, &[&one, &two], 600, 5);
        assert_eq!(discord.posted().len(), 30);
    }

    fn who_looks_after_deliveries_hears_once_of_a_provider_that_stays_closed(world: World) {
        let discord = FakeDiscord::start(world.host.clock());
        discord.always("/channels/", Fault::ban_page());
        let other = world.found("harbor", "harbor.example");
        world.queue("one", Channel::Discord, "77");
        let process = process(&world, &discord);
        seconds_of(&world, &discord, &[&process], 1_800, 30);
        let told = |team: &harness::Team, role: Role| {
            let feed = world.look(&team.as_(role), |cx| feed::ops::list(cx, true, &Ask::default())).unwrap();
            feed.notifications.items.into_iter().map(|item| item.title).collect::<Vec<_>>()
        };
        for role in [Role::Owner, Role::Coordinator] {
            assert_eq!(told(&world.team, role), ["Messages wait: the provider of the channel discord takes nothing"]);
        }
        assert_eq!(told(&world.team, Role::Member), [""; 0]);
        assert_eq!(told(&other, Role::Owner), [""; 0], "nothing of theirs waits");
    }

    fn a_clock_that_goes_back_makes_no_wait_longer(world: World) {
        let discord = FakeDiscord::start(world.host.clock());
        discord.next(Fault::slow_down(Some("1336")));
        world.queue("first", Channel::Discord, "77");
        let running = process(&world, &discord);
        world.wait_for(running.round());
        world.set_clock(&(world.now() - SignedDuration::from_hours(2)).to_string());
        world.queue("second", Channel::Discord, "77");
        let fresh = process(&world, &discord);
        assert_eq!(seconds_of(&world, &discord, &[&fresh], 1_330, 10), [] as [u64; 0]);
        seconds_of(&world, &discord, &[&running, &fresh], 60, 10);
        assert_eq!(discord.posted().len(), 2);
    }

    fn a_channel_that_is_closed_to_the_bot_is_not_asked_again_until_somebody_opens_it(world: World) {
        let discord = FakeDiscord::start(world.host.clock());
        discord.lock_out("77");
        let first = world.queue("first", Channel::Discord, "77");
        world.wait_for(process(&world, &discord).round());
        assert_eq!((discord.asked().len(), world.status(first)), (1, Status::Failed));

        let second = world.queue("second", Channel::Discord, "77");
        let elsewhere = world.queue("elsewhere", Channel::Discord, "78");
        let after = process(&world, &discord);
        seconds_of(&world, &discord, &[&after], 400, 20);
        assert_eq!((discord.asked().len(), world.status(elsewhere)), (2, Status::Sent));
        let refused = world.delivery(second);
        assert_eq!(refused.delivery.status, Status::Suppressed);
        assert_eq!(refused.decisions[0].code.as_deref(), Some("BAD_ADDRESS"));
        let why = refused.delivery.reason.unwrap();
        let cora = world.team.cora();
        let known = world.look(&cora, |cx| gone::ops::list(cx, &Ask::default())).unwrap().items;
        assert_eq!((known.len(), known[0].address.as_str()), (1, "77"));
        assert!(known[0].why.contains("Missing Access"), "{}", known[0].why);
        assert!(why.contains(&format!("milepost delivery reopen {}", known[0].id)), "{why}");
        let olga = world.team.as_(Role::Owner);
        let told = world.look(&olga, |cx| feed::ops::list(cx, true, &Ask::default())).unwrap();
        assert_eq!(told.unread, 2, "the owner hears of both");

        // Another workspace knows nothing of it, and finds it out by itself.
        let other = world.found("harbor", "harbor.example");
        let theirs = world.enqueue(&other, &[message("theirs", Channel::Discord, "77", world.now())])[0];
        let stranger = other.as_(Role::Owner);
        assert!(world.look(&stranger, |cx| gone::ops::list(cx, &Ask::default())).unwrap().items.is_empty());
        let id = known[0].id;
        let no = world.act(&stranger, |cx| gone::ops::reopen(cx, id)).unwrap_err();
        let nobodys = world.act(&stranger, |cx| gone::ops::reopen(cx, harness::unknown_id())).unwrap_err();
        assert_eq!(no, nobodys);
        world.wait_for(after.round());
        assert_eq!(discord.asked().len(), 3);
        let theirs = world.look(&stranger, |cx| domain::delivery::outbox::view::get(cx, theirs)).unwrap();
        assert_eq!(theirs.status, Status::Failed);

        // A person lets the bot in, opens it, and sends again what had not gone.
        assert_eq!(world.act(&world.team.as_(Role::Member), |cx| gone::ops::reopen(cx, id)).unwrap_err().code, Code::Forbidden);
        world.act(&cora, |cx| gone::ops::reopen(cx, id)).unwrap();
        for id in [first, second] {
            world.act(&cora, |cx| ops::replay(cx, id)).unwrap();
        }
        discord.let_in("77");
        seconds_of(&world, &discord, &[&after], 10, 1);
        assert_eq!((world.status(first), world.status(second)), (Status::Sent, Status::Sent));
        world.log_is_whole(&world.team);
    }

    fn one_address_that_is_gone_stops_no_other_at_its_domain(world: World) {
        let fake = Arc::new(Fake::new(&world, |m| match m.address.as_str() {
            "Ann@example.org" => Outcome::Refused { why: "550 5.1.1 nobody here".into(), gone: true },
            _ => accepted(),
        }));
        let dispatcher = dispatcher(&world.host, &fake);
        let ann = world.queue("ann", Channel::Email, "Ann@example.org");
        world.wait_for(dispatcher.round());
        let bob = world.queue("bob", Channel::Email, "bob@example.org");
        let again = world.queue("again", Channel::Email, "ann@example.org");
        world.wait_for(dispatcher.round());
        assert_eq!(
            [ann, bob, again].map(|id| world.status(id)),
            [Status::Failed, Status::Sent, Status::Suppressed]
        );
        assert_eq!(fake.count(), 2);
    }

    fn a_bounce_that_somebody_read_closes_its_address(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let dispatcher = dispatcher(&world.host, &fake);
        let [full, wrong] = ["full", "wrong"].map(|o| world.queue(o, Channel::Email, "ann@example.org"));
        world.wait_for(dispatcher.round());
        let cora = world.team.cora();
        // A full mailbox is a good address.
        let said = world.act(&cora, |cx| ops::bounced(cx, full, "452 4.2.2 mailbox full", true)).unwrap();
        assert_eq!(said.status, Status::Failed);
        let more = world.queue("more", Channel::Email, "ann@example.org");
        world.wait_for(dispatcher.round());
        assert_eq!(world.status(more), Status::Sent);
        for _ in 0..2 {
            world.act(&cora, |cx| ops::bounced(cx, wrong, "550 5.1.1 no such user", false)).unwrap();
        }
        assert!(world.delivery(wrong).delivery.reason.unwrap().contains("came back, says Cora Castillo: 550 5.1.1"));
        let next = world.queue("next", Channel::Email, "ann@example.org");
        world.wait_for(dispatcher.round());
        assert_eq!((world.status(next), fake.count()), (Status::Suppressed, 3));
        let gone = world.events(&world.team).iter().filter(|event| *event == "address.gone").count();
        assert_eq!(gone, 1);
        let no = world.act(&cora, |cx| ops::bounced(cx, next, "x", false)).unwrap_err();
        assert_eq!(no.code, Code::WrongState);
        let shown = world.queue("shown", Channel::Console, "");
        assert_eq!(world.act(&cora, |cx| ops::bounced(cx, shown, "x", false)).unwrap_err().code, Code::WrongState);
        let mike = world.team.as_(Role::Member);
        assert_eq!(world.act(&mike, |cx| ops::bounced(cx, full, "x", false)).unwrap_err().code, Code::Forbidden);
        world.log_is_whole(&world.team);
    }

    fn two_processes_keep_to_one_rate(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let new: Vec<NewMessage> = (0..68)
            .map(|i| message(&format!("c:{i}"), Channel::Discord, &(100 + i).to_string(), world.now()))
            .collect();
        world.enqueue(&world.team, &new);
        let all = [another(&world, &fake), another(&world, &fake)];
        let clock = Clock::system();
        all_at_once(&world, &[&all[0], &all[1]]);
        assert_eq!(fake.count(), 68);
        // 40 a second after the first ones, by how much time really passed; each for itself they would take 0.65 s.
        let took = clock.elapsed();
        assert!(took >= Duration::from_secs(1), "{took:?}");
    }

    fn a_process_that_stopped_is_no_longer_counted(world: World) {
        let fake = Arc::new(Fake::new(&world, |_| accepted()));
        let count = |world: &World| {
            domain::delivery::trouble::ops::look(world.db(), world.now()).unwrap().dispatchers
        };
        let (one, two) = (another(&world, &fake), another(&world, &fake));
        for (i, dispatcher) in [&one, &two].into_iter().enumerate() {
            world.queue(&format!("c:{i}"), Channel::Email, "a@b.example");
            world.wait_for(dispatcher.round());
        }
        assert_eq!(count(&world), 2);
        world.wait_for(host::loops::Loop::close(&one, Duration::from_secs(1)));
        assert_eq!(count(&world), 1);
        // One that was killed said nothing.
        drop(two);
        world.seconds_pass(21);
        assert_eq!(count(&world), 0);
    }
}
