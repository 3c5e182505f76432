//! The real program under a clock that is moved from outside, by libfaketime: hours back, a day ahead, on the days when
//! clocks change, on a leap day. Time as such goes on as it is.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use domain::deals::milestone::ops::{AddMilestone, WaiveMilestone, add, waive};
use domain::delivery::Status;
use domain::delivery::settings::ops::{EditSettings, edit as edit_settings};
use domain::kernel::id::{MessageId, MilestoneId};
use domain::people::reach::Channel;
use domain::workspace::access::Role;
use harness::peers::{Arrival, Mark, ledger};
use harness::{Place, World, message};
use host::{Clock, Config};
use jiff::{SignedDuration, Timestamp};

use crate::outage::{KEY, pause, within};
use crate::process::{Process, milepost_in};

/// The library that moves clocks; says so where it is not installed, and fails where it must be.
fn mover() -> Option<PathBuf> {
    const REQUIRED: &str = "MILEPOST_TEST_FAKETIME_REQUIRED";
    let library = |folder: PathBuf| Some(folder.join("faketime/libfaketimeMT.so.1")).filter(|file| file.exists());
    let folders = std::fs::read_dir("/usr/lib").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    let found = folders.chain([PathBuf::from("/usr/lib")]).find_map(library);
    assert!(found.is_some() || std::env::var(REQUIRED).is_err(), "{REQUIRED} is set, but libfaketime is missing");
    if found.is_none() {
        let words = "\n*** SKIPPED: the real program while its clock jumps. Debian: apt-get install faketime\n\n";
        let _ = std::io::stderr().write_all(words.as_bytes());
    }
    found
}

/// A worker whose clock is moved, and the file that its messages go to.
struct Scene {
    world: World,
    mover: PathBuf,
    home: tempfile::TempDir,
    system: Clock,
}

impl Scene {
    fn new(mover: PathBuf, place: Place) -> Self {
        let world = World::with(place, Place::usual_limits(), Config::default());
        let scene = Self { world, mover, home: tempfile::tempdir().unwrap(), system: Clock::system() };
        let place = serde_json::json!({ "channel": "console", "address": "team" });
        let set = serde_json::Map::from_iter([("team_channel".to_owned(), place)]);
        let cmd = EditSettings { version: None, set };
        scene.world.act(&scene.world.team.as_(Role::Admin), |cx| edit_settings(cx, &cmd)).unwrap();
        scene
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// From now on it is this late, for the worker and for the people who use it.
    fn it_is(&self, at: Timestamp) {
        let ahead = self.system.now().duration_until(at).as_secs();
        // Never half a file.
        std::fs::write(self.file("moving"), format!("{ahead:+}\n")).unwrap();
        std::fs::rename(self.file("moving"), self.file("moved")).unwrap();
        self.world.host.clock().set(at);
    }

    fn program(&self) -> Command {
        let mut command = milepost_in(&self.world, self.home.path(), &[]);
        command.env("MILEPOST_VAULT__MASTER_KEY", KEY);
        command.env("MILEPOST_CONSOLE__FILE", self.file("console.txt"));
        command.stdin(Stdio::null());
        command
    }

    fn worker(&self) -> Process {
        let mut command = self.program();
        command.args(["serve", "--role", "worker", "--listen", "127.0.0.1:0"]);
        command.env("LD_PRELOAD", &self.mover).env("FAKETIME_TIMESTAMP_FILE", self.file("moved"));
        command.env("FAKETIME_NO_CACHE", "1").env("NO_FAKE_STAT", "1");
        command.env("DONT_FAKE_MONOTONIC", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let said = std::fs::File::options().create(true).append(true).open(self.file("said")).unwrap();
        Process(command.stdout(Stdio::null()).stderr(said).spawn().unwrap())
    }

    fn queue(&self, occasion: &str, due_at: Timestamp) -> MessageId {
        self.world.enqueue(&self.world.team, &[message(occasion, Channel::Console, "team", due_at)])[0]
    }

    fn all_sent(&self, messages: &[MessageId]) -> bool {
        messages.iter().all(|id| self.world.status(*id) == Status::Sent)
    }

    fn jumps_noticed(&self) -> usize {
        self.read("said").matches("The wall clock jumped").count()
    }

    fn events(&self, name: &str) -> usize {
        self.world.events(&self.world.team).iter().filter(|event| *event == name).count()
    }

    /// A deal with one date, of which the team is reminded a day before.
    fn one_date(&self, title: &str, due_on: &str) -> MilestoneId {
        let cora = self.world.team.cora();
        let deal_id = self.world.deal(&format!("{title} Street"));
        for m in self.world.detail(deal_id).milestones {
            let cmd = WaiveMilestone { id: m.id, version: None, reason: Some("Not part of this story.".into()) };
            self.world.act(&cora, |cx| waive(cx, &cmd)).unwrap();
        }
        let new = AddMilestone {
            deal_id,
            title: title.into(),
            due_on: due_on.into(),
            responsible_role: None,
            remind_days_before: Some(1),
            required: None,
            notes: None,
        };
        self.world.act(&cora, |cx| add(cx, &new)).unwrap().milestone.id
    }
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn a_clock_that_is_moved(place: Option<Place>) {
    let (Some(mover), Some(place)) = (mover(), place) else { return };
    let scene = Scene::new(mover, place);
    let start: Timestamp = "2027-05-12T15:00:00Z".parse().unwrap();
    scene.it_is(start);
    let mut worker = scene.worker();
    let mut sent = vec![scene.queue("one", start)];
    assert!(within(40, || scene.all_sent(&sent)), "nothing leaves at all. {}", scene.read("said"));

    // Two hours back: what is due by then leaves within a minute, and what left stays so.
    scene.it_is(start - hours(2));
    assert!(within(20, || scene.jumps_noticed() == 1), "{}", scene.read("said"));
    sent.push(scene.queue("two", start - hours(2)));
    assert!(within(60, || scene.all_sent(&sent)), "it stands still. {}", scene.read("said"));
    assert_eq!((scene.events("clock.jumped"), scene.events("dispatch.held")), (1, 0));

    // A day ahead: what would be due by then does not leave, and no reminder of the day is planned or missed.
    let keys = scene.one_date("Keys", "2027-05-13");
    let waiting: Vec<MessageId> = ["three", "four", "five"]
        .into_iter()
        .zip([1, 9, 20])
        .map(|(name, later)| scene.queue(name, start - hours(2) + hours(later)))
        .collect();
    scene.it_is(start + hours(24));
    assert!(within(20, || scene.events("dispatch.held") == 1), "{}", scene.read("said"));
    pause(Duration::from_secs(12));
    assert!(waiting.iter().all(|id| scene.world.status(*id) == Status::Queued), "it left without a word");
    assert_eq!(scene.world.count(&scene.world.team, "reminders"), 0);
    assert!(worker.0.try_wait().unwrap().is_none());

    // Somebody has looked at the clock.
    let resumed = scene.program().args(["delivery", "resume"]).output().unwrap();
    assert!(resumed.status.success(), "{resumed:?}");
    sent.extend(waiting);
    assert!(within(60, || scene.all_sent(&sent)), "it stays held. {}", scene.read("said"));
    let reminded = || scene.world.count(&scene.world.team, "reminders") == 2;
    assert!(within(60, reminded), "nobody was reminded of {keys}");
    let waits = "SELECT '' AS line FROM messages WHERE next_at IS NOT NULL";
    assert!(within(60, || scene.world.lines(&scene.world.team, waits).is_empty()));
    assert_eq!((scene.events("clock.jumped"), scene.jumps_noticed()), (2, 2));
    drop(worker);

    let console = scene.read("console.txt");
    // Each block begins with `+-- console to team (reminder, ID) INSTANT`.
    let heads = console.lines().filter(|line| line.starts_with("+-- console"));
    let arrivals = heads.map(|head| {
        let id = head.split_once(", ").and_then(|(_, rest)| rest.split_once(')')).unwrap().0;
        Arrival { mark: Mark::Id(id.to_owned()), to: String::new(), provider_id: None }
    });
    let took = [(Channel::Console, arrivals.collect())];
    let wrong = ledger::differences(&mut scene.world.db().raw().unwrap(), scene.world.team.id, &took);
    assert!(wrong.is_empty(), "{}\n{console}", wrong.join("\n"));
    scene.world.log_is_whole(&scene.world.team);
}

fn days_that_are_unlike_others(place: Option<Place>) {
    let (Some(mover), Some(place)) = (mover(), place) else { return };
    let scene = Scene::new(mover, place);
    // In Chicago clocks go back on 1 November 2026 and forward on 14 March 2027; 2028 has a 29 February.
    for (title, due_on, nine) in [
        ("Alpha", "2026-11-02", "2026-11-01T15:00:00Z"),
        ("Beta", "2027-03-15", "2027-03-14T14:00:00Z"),
        ("Gamma", "2028-03-01", "2028-02-29T15:00:00Z"),
    ] {
        let nine: Timestamp = nine.parse().unwrap();
        scene.it_is(nine - hours(20));
        let id = scene.one_date(title, due_on);
        scene.it_is(nine - SignedDuration::from_secs(10));
        let worker = scene.worker();
        let query = format!(
            "SELECT CAST(settled_at AS text) AS line FROM messages WHERE workspace_id = '{}' AND status = 'sent' \
             AND occasion LIKE 'reminder:{id}:chat:%'",
            scene.world.team.id
        );
        let left = || scene.world.lines(&scene.world.team, &query);
        assert!(within(70, || !left().is_empty()), "no reminder left for {due_on}. {}", scene.read("said"));
        drop(worker);
        // PostgreSQL writes `2026-12-09 15:00:00+00`.
        let at = left()[0].replace(' ', "T").trim_end_matches('Z').trim_end_matches("+00").to_owned() + "Z";
        let late = nine.duration_until(at.parse().unwrap());
        assert!((0..60).contains(&late.as_secs()), "{late} after nine on {due_on}");
        let subject = format!("| {title} is due");
        assert_eq!(scene.read("console.txt").matches(&subject).count(), 1, "{}", scene.read("console.txt"));
    }
    assert_eq!((scene.events("dispatch.held"), scene.jumps_noticed()), (0, 0), "{}", scene.read("said"));
}

#[test]
fn a_clock_that_is_moved_back_and_ahead_doubles_nothing_and_stops_nothing_for_long_sqlite() {
    a_clock_that_is_moved(Some(Place::file()));
}

#[test]
fn a_clock_that_is_moved_back_and_ahead_doubles_nothing_and_stops_nothing_for_long_postgres() {
    a_clock_that_is_moved(Place::schema());
}

#[test]
fn on_days_when_clocks_change_and_on_a_leap_day_a_reminder_leaves_at_nine_once_sqlite() {
    days_that_are_unlike_others(Some(Place::file()));
}

#[test]
fn on_days_when_clocks_change_and_on_a_leap_day_a_reminder_leaves_at_nine_once_postgres() {
    days_that_are_unlike_others(Place::schema());
}
