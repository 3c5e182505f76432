//! Chat through the real program: an invitation, a code that is typed, a reminder that is worked off, and a token that is wrong.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::fake_discord::{At, Channel, Guild, Shown};
use harness::peers::FakeDiscord;
use harness::{Place, World};
use host::{Clock, Config};
use serde_json::{Value, json};

use super::crash_out::{STEPS, Work, side_by_side};
use super::outage::{Cluster, KEY, within};
use super::process::{Process, milepost_in};
use super::{Running, Terminal, ran, text};

fn with_bot<'a>(command: &'a mut Command, discord: &FakeDiscord, token: &str) -> &'a mut Command {
    command.env("MILEPOST_DISCORD__TOKEN", token).env("MILEPOST_DISCORD__API_URL", discord.url())
}

#[test]
fn without_a_bot_there_is_nobody_to_invite() {
    let t = Terminal::new();
    t.setup("lakeside");
    shows!("chat_without_a_bot", t.run(&["invite"]));
    shows!("chat_list_empty", t.ok(&["chat", "list"]));
}

#[test]
fn a_bot_is_invited_linked_and_worked_with_sqlite() {
    invited_and_worked_with(Place::file());
}

#[test]
fn a_bot_is_invited_linked_and_worked_with_postgres() {
    if let Some(place) = Place::schema() {
        invited_and_worked_with(place);
    }
}

/// A team in a server of its own, and the real program with all that it does. It is ten in the morning.
struct Office {
    world: World,
    home: tempfile::TempDir,
    discord: FakeDiscord,
    guild: Guild,
    channel: Channel,
    olga: At,
    runtime: tokio::runtime::Runtime,
}

impl Office {
    fn open(place: Place) -> Self {
        let world = World::with(place, Place::usual_limits(), Config::default());
        let discord = FakeDiscord::start(&Clock::system());
        let guild = discord.guild("Lakeside Realty");
        let channel = guild.channel("closings");
        let olga = guild.admin("olga").in_channel(&channel);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { world, home: tempfile::tempdir().unwrap(), discord, guild, channel, olga, runtime }
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = milepost_in(&self.world, self.home.path(), &[]);
        with_bot(&mut command, &self.discord, self.discord.token())
            .env("MILEPOST_VAULT__MASTER_KEY", KEY)
            .args(words);
        command.env("MILEPOST_CLOCK__AT", self.world.now().to_string());
        command
    }

    fn serves(&self) -> Running {
        self.serves_with(&mut self.program(&["serve"]))
    }

    fn serves_with(&self, program: &mut Command) -> Running {
        let (server, _) = Running::start(program);
        assert!(within(10, || self.discord.connected() == 1), "the bot does not listen");
        server
    }

    fn asks(&self, path: &str, options: &[(&str, Value)]) -> String {
        self.runtime.block_on(self.olga.slash(path, options)).shown()
    }

    /// Links the server and says where the team reads. Gives what an invitation says.
    fn is_linked(&self) -> Value {
        let invited = ran(&mut self.program(&["invite", "--json"])).json();
        let said = self.asks("/setup", &[("code", invited["code"].clone())]);
        assert!(said.contains("This server is linked. You are **Olga Owens** here."), "{said}");
        let said = self.asks("/setup", &[("channel", json!(self.channel.id))]);
        assert!(said.contains("The team reads in #closings"), "{said}");
        invited
    }

    /// A deal whose first reminder is due: the program posts it by itself.
    fn reminder(&self) -> Shown {
        self.world.create(&harness::deal("12 Oak Street", "contract 2026-10-12 closing 2026-12-11"));
        let posted = within(90, || !self.discord.channel_messages(&self.channel).is_empty());
        assert!(posted, "nothing is posted");
        let card = self.card();
        assert!(card.shown().contains("Earnest money delivery"), "{}", card.shown());
        card
    }

    fn card(&self) -> Shown {
        self.discord.channel_messages(&self.channel)[0].clone()
    }

    fn is_drawn_as_done(&self, by: &str) {
        let done = || self.card().shown().contains(&format!("~~Earnest money delivery~~: done by {by}"));
        assert!(within(30, done), "{}", self.card().shown());
        assert_eq!(self.discord.channel_messages(&self.channel).len(), 1);
    }
}

/// From an invitation to a reminder that is worked off.
fn invited_and_worked_with(place: Place) {
    let office = Office::open(place);
    let server = office.serves();
    let invited = office.is_linked();
    let link = text(&invited["invite"]);
    assert!(link.contains("client_id=1000") && link.contains("scope=bot+applications.commands"), "{link}");
    let card = office.reminder();
    let offered = office.olga.autocomplete("/deal show", &[("deal", json!("oak"))], "deal");
    let offered = office.runtime.block_on(offered);
    let said = office.asks("/deal show", &[("deal", offered[0].value.clone())]);
    assert!(said.contains("Earnest money delivery"), "{said}");
    let said = office.runtime.block_on(office.olga.click(&card, "Done")).shown();
    assert!(said.contains("done. By Olga Owens"), "{said}");
    office.is_drawn_as_done("Olga Owens");

    let listed = ran(&mut office.program(&["chat", "list"])).out;
    assert!(listed.contains("Lakeside Realty") && listed.contains("Olga Owens"), "{listed}");
    assert_eq!(ran(&mut office.program(&["chat", "unlink", &office.guild.id])).code, 0);
    let said = office.asks("/today", &[]);
    assert!(said.contains("not linked to a Milepost workspace"), "{said}");
    assert_eq!(server.terminate(), 0);
    assert!(within(10, || office.discord.connected() == 0), "the bot did not say goodbye");
    assert_eq!(office.discord.mistakes(), [""; 0]);
}

/// Whoever presses while the database is gone reads a sentence in time; nothing is done, and the card still works when it
/// is back.
#[test]
fn whoever_presses_while_the_database_is_gone_reads_that_nothing_was_done() {
    let Some(cluster) = Cluster::start() else { return };
    let office = Office::open(cluster.place());
    let mut program = office.program(&["serve"]);
    let server = office.serves_with(program.env("MILEPOST_DATABASE__WAIT", "2"));
    office.is_linked();
    let card = office.reminder();
    cluster.kill();
    for _ in 0..3 {
        let said = office.runtime.block_on(office.olga.click(&card, "Done"));
        assert!(said.took < Duration::from_secs(1), "{:?}", said.took);
        office
            .runtime
            .block_on(office.discord.until("a sentence", |_| !said.again().shown().contains("(thinking)")));
        let sentence = said.again().shown();
        assert!(sentence.contains("database") && sentence.contains("Nothing was changed"), "{sentence}");
    }
    let offered = office.runtime.block_on(office.olga.types("/deal show", &[("deal", json!("oak"))], "deal"));
    assert!(offered.took < Duration::from_secs(1), "{:?}", offered.took);
    assert_eq!(server.probe("/healthz"), 200);
    assert_eq!(office.card().shown(), card.shown());
    cluster.start_again();
    assert!(within(10, || server.probe("/healthz/readiness") == 200), "not back after ten seconds");
    let said = office.runtime.block_on(office.olga.click(&card, "Done")).shown();
    assert!(said.contains("done. By Olga Owens"), "{said}");
    office.is_drawn_as_done("Olga Owens");
    assert_eq!(server.terminate(), 0);
    assert_eq!(office.discord.mistakes(), [""; 0]);
}

/// A worker that dies at a step of drawing a card anew: the next one draws it, and the channel has one card throughout.
fn dies_while_it_draws(place: Place, step: &str) {
    let office = Office::open(place);
    let server = office.serves();
    office.is_linked();
    office.reminder();
    assert_eq!(server.terminate(), 0);
    // Somebody works it off elsewhere while nobody draws.
    let listed = ran(&mut office.program(&["milestone", "list", "--json"])).json();
    let earnest = listed["milestones"].as_array().unwrap().iter().find(|m| m["title"] == "Earnest money delivery");
    let done = ran(&mut office.program(&["milestone", "complete", &text(&earnest.unwrap()["id"])]));
    assert_eq!(done.code, 0, "{}", done.err);

    let mut worker = office.program(&["serve", "--role", "worker", "--listen", "127.0.0.1:0"]);
    worker.env("MILEPOST_FAILPOINT", format!("{step}=kill")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut worker = Process(worker.spawn().unwrap());
    let mut ended = None;
    let mut died = || {
        ended = worker.0.try_wait().unwrap();
        ended.is_some()
    };
    assert!(within(60, &mut died), "{step}: it lives");
    assert_eq!(ended.and_then(|status| status.signal()), Some(9), "{step}");
    let drawn = usize::from(matches!(step, "dispatch.answered" | "dispatch.settled"));
    assert_eq!(office.discord.count("PATCH /channels/*/messages/*"), drawn, "{step}");

    // What the first had claimed is free again.
    office.world.seconds_pass(120);
    let server = office.serves();
    office.is_drawn_as_done("operator");
    let query = format!(
        "SELECT status AS line FROM messages WHERE workspace_id = '{}' AND edits IS NOT NULL",
        office.world.team.id
    );
    let edits = || office.world.lines(&office.world.team, &query);
    assert!(within(10, || edits() == ["sent"]), "{step}: {:?}", edits());
    assert_eq!(server.terminate(), 0);
    office.world.log_is_whole(&office.world.team);
    assert_eq!(office.discord.mistakes(), [""; 0], "{step}");
}

fn a_dying_worker_leaves_cards_true(place: fn() -> Option<Place>) {
    let cell = |step: &'static str| -> Work {
        Box::new(move || {
            if let Some(place) = place() {
                dies_while_it_draws(place, step)
            }
        })
    };
    side_by_side(STEPS.into_iter().map(cell).collect());
}

#[test]
fn a_worker_that_dies_while_it_draws_a_card_leaves_it_true_sqlite() {
    a_dying_worker_leaves_cards_true(|| Some(Place::file()));
}

#[test]
fn a_worker_that_dies_while_it_draws_a_card_leaves_it_true_postgres() {
    a_dying_worker_leaves_cards_true(Place::schema);
}

#[test]
fn a_wrong_token_is_said_once_and_everything_else_runs() {
    let t = Terminal::new();
    t.setup("lakeside");
    let discord = FakeDiscord::start(&Clock::system());
    let said = t.0.path().join("said.txt");
    let file = std::fs::File::create(&said).unwrap();
    let mut command = t.command(&["serve"]);
    let (server, _) = Running::start(with_bot(&mut command, &discord, "no.such.token").stderr(file));
    let sentence = "Discord does not accept the bot's token, so nobody is answered in chat. Everything else runs.";
    let read = || std::fs::read_to_string(&said).unwrap_or_default();
    assert!(within(10, || read().contains(sentence)), "{}", read());
    assert_eq!(server.probe("/healthz/readiness"), 200);
    t.ok(&["deal", "show", &t.deal()]);
    assert_eq!(server.terminate(), 0);
    assert_eq!(read().matches(sentence).count(), 1, "{}", read());
    assert_eq!(discord.identifies(), 0);
}
