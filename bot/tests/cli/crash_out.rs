//! The process dies while messages are on their way: at every named step, on every channel, on both databases. Whatever
//! it had got done, the next process brings every message to its one end, and nobody is told twice.
//!
//! Each cell is a small world of its own: a database, a provider that keeps a ledger, three messages. Where the channel
//! reaches contacts, the first is for one, so that all that the policy asks about contacts stands in the way of the kill;
//! it was held overnight, and leaves with the others. The worker is the real program, killed at the step; then the clock
//! is moved on and it is started again, until nothing is left to do. Then the provider's ledger, the outbox and the log of
//! facts must agree.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::deals::deal::DealStatus;
use domain::deals::deal::intake::NewParty;
use domain::deals::deal::ops::end;
use domain::delivery::outbox::ops::is_anything_due;
use domain::delivery::policy::ops::decisions_of;
use domain::delivery::policy::{Reason, Rule, Verdict};
use domain::delivery::trouble::{ops as held, rules};
use domain::delivery::webhook::ops::{AddEndpoint, add};
use domain::delivery::{Content, NewMessage, Priority, Purpose, Status, To};
use domain::kernel::id::{ContactId, EndpointId, MessageId};
use domain::people::contact::standing::ops::{SetConsent, set_consent};
use domain::people::contact::view::find;
use domain::people::reach::{Channel, Topic};
use domain::workspace::access::Role;
use harness::peers::{
    Answer, Arrival, FakeDiscord, FakeTwilio, Fault, How, Mark, SmtpFault, SmtpPeer, SmtpRules, WebhookSink,
    ledger,
};
use harness::{DATES, Place, World, deal};
use host::keys::Keys;
use host::{Clock, Config};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tempfile::TempDir;

use crate::outage::KEY;
use crate::process::{Process, milepost_in};

/// Texts of which none is part of another, and that no channel has to escape.
const TEXTS: [&str; 3] = ["The inspection is on alpha", "The appraisal is on beta", "The closing is on gamma"];
/// Thursday 15 October 2026, 10:00 in Chicago.
const START: &str = "2026-10-15T15:00:00Z";
/// 22:00 in Chicago, when no contact is written to.
const NIGHT_BEFORE: &str = "2026-10-15T03:00:00Z";
const MEMBER_NUMBER: &str = "+13125550130";
const CONTACT_NUMBER: &str = "+13125550177";
const CONTACT_EMAIL: &str = "ann@example.org";

/// Waits a little for another process.
#[allow(clippy::disallowed_methods, reason = "another process has to get on")]
fn pause() {
    std::thread::sleep(Duration::from_millis(15));
}

/// Looks again and again, for a generous while.
fn in_time(mut done: impl FnMut() -> bool) -> bool {
    for _ in 0..2_500 {
        if done() {
            return true;
        }
        pause();
    }
    false
}

/// The provider of the cell's channel.
enum Peer {
    Discord(FakeDiscord),
    Sms(FakeTwilio),
    Email(SmtpPeer),
    Webhook(WebhookSink, EndpointId),
    Console(PathBuf),
    InApp,
}

impl Peer {
    fn arrivals(&self) -> Vec<Arrival> {
        match self {
            Self::Discord(discord) => discord.arrivals(),
            Self::Sms(twilio) => twilio.arrivals(),
            Self::Email(smtp) => smtp.arrivals(),
            Self::Webhook(sink, _) => sink.arrivals(),
            Self::Console(file) => {
                let shown = std::fs::read_to_string(file).unwrap_or_default();
                TEXTS
                    .into_iter()
                    .flat_map(|text| std::iter::repeat_n(text, shown.matches(text).count()))
                    .map(|text| Arrival { mark: Mark::Text(text.into()), to: String::new(), provider_id: None })
                    .collect()
            }
            Self::InApp => Vec::new(),
        }
    }

    /// What it was asked that no provider would take.
    fn mistakes(&self) -> Vec<String> {
        match self {
            Self::Discord(discord) => discord.mistakes(),
            Self::Sms(twilio) => twilio.mistakes(),
            Self::Email(_) | Self::Webhook(..) | Self::Console(_) | Self::InApp => Vec::new(),
        }
    }
}

/// A contact in Chicago who agreed to e-mails and text messages. Her deal is over, so that nothing else is planned.
fn contact(world: &World) -> ContactId {
    let mut new = deal("12 Oak Street", DATES);
    new.parties = vec![NewParty {
        role: "buyer".into(),
        name: "Ann Lee".into(),
        email: Some(CONTACT_EMAIL.into()),
        phone: Some(CONTACT_NUMBER.into()),
        time_zone: Some("America/Chicago".into()),
    }];
    let over = world.create(&new);
    let cora = world.team.cora();
    let contact_id = world.look(&cora, |cx| find(cx, CONTACT_EMAIL)).unwrap()[0].id;
    for channel in [Channel::Email, Channel::Sms] {
        let agrees = SetConsent { contact_id, channel, given: true, evidence: "a form".into() };
        world.act(&cora, |cx| set_consent(cx, &agrees)).unwrap();
    }
    world.act(&cora, |cx| end(cx, over, DealStatus::Cancelled, Some("Fell through"))).unwrap();
    contact_id
}

struct Cell {
    channel: Channel,
    world: World,
    peer: Peer,
    /// What the provider lives by.
    clock: Clock,
    now: Timestamp,
    messages: Vec<MessageId>,
    home: TempDir,
}

impl Cell {
    /// `None` where the channel's provider is not installed.
    fn new(place: Place, channel: Channel) -> Option<Self> {
        let world = World::with(place, Place::usual_limits(), Config::default());
        let now: Timestamp = START.parse().unwrap();
        let clock = Clock::standing_at(now);
        let home = tempfile::tempdir().unwrap();
        let peer = match channel {
            Channel::Discord => {
                let discord = FakeDiscord::start(&clock);
                // An empty channel is one in which the bot may not read.
                discord.chatter(&clock, "77", "Good morning");
                Peer::Discord(discord)
            }
            Channel::Sms => Peer::Sms(FakeTwilio::start()),
            Channel::Email => Peer::Email(SmtpPeer::start(&SmtpRules::default())?),
            Channel::Webhook => {
                let sink = WebhookSink::start();
                let mut config = Config::default();
                config.webhooks.allow_private = vec![sink.address().to_string()];
                let cmd = AddEndpoint {
                    url: sink.url(),
                    // Nothing of what happens here is told; the messages of the cell are all there is.
                    events: vec!["token.created".into()],
                    headers: BTreeMap::new(),
                };
                let owner = world.team.as_(Role::Owner);
                let endpoint =
                    world.act(&owner, |cx| add(cx, &cmd, &config.webhooks.allowed(), &Keys::of([7; 32]))).unwrap();
                Peer::Webhook(sink, endpoint.id)
            }
            Channel::Console => Peer::Console(home.path().join("console.txt")),
            Channel::InApp => Peer::InApp,
        };
        let mut cell = Self { channel, world, peer, clock, now, messages: Vec::new(), home };
        let mut new: Vec<NewMessage> = TEXTS.iter().enumerate().map(|(n, text)| cell.message(n, text)).collect();
        if cell.reaches_contacts() {
            let first = cell.to_contact(new.remove(0));
            cell.world.set_clock(NIGHT_BEFORE);
            cell.messages = cell.world.enqueue(&cell.world.team, &[first]);
            cell.world.claim(1);
            assert_eq!(cell.ends(), [Status::Deferred], "{cell}: nothing goes to a contact at night");
        }
        cell.world.set_clock(START);
        cell.messages.extend(cell.world.enqueue(&cell.world.team, &new));
        Some(cell)
    }

    fn reaches_contacts(&self) -> bool {
        matches!(self.channel, Channel::Email | Channel::Sms)
    }

    /// What is not internal, but part of the contact's deal, and due at night.
    fn to_contact(&self, usual: NewMessage) -> NewMessage {
        let address = if self.channel == Channel::Sms { CONTACT_NUMBER } else { CONTACT_EMAIL };
        NewMessage {
            topic: Topic::Reminder,
            purpose: Purpose::Transactional,
            to: To::Contact(contact(&self.world)),
            address: address.into(),
            due_at: NIGHT_BEFORE.parse().unwrap(),
            ..usual
        }
    }

    fn message(&self, n: usize, text: &str) -> NewMessage {
        let member = To::Member(self.world.team.members[&Role::Member].id);
        let (to, address) = match &self.peer {
            Peer::Discord(_) => (To::Team, "77".to_owned()),
            Peer::Sms(_) => (member, MEMBER_NUMBER.to_owned()),
            Peer::Email(_) => (member, "mike@example.com".to_owned()),
            Peer::Webhook(sink, id) => (To::Endpoint(*id), sink.url()),
            Peer::Console(_) => (To::Team, String::new()),
            Peer::InApp => (member, String::new()),
        };
        let data = matches!(to, To::Endpoint(_)).then(|| json!({ "type": "test", "data": { "text": text } }));
        NewMessage {
            occasion: format!("crash:{n}"),
            topic: Topic::Message,
            purpose: Purpose::Internal,
            channel: self.channel,
            to,
            address,
            deal_id: None,
            approval_id: None,
            batch_id: None,
            content: Content { subject: "A date".into(), text: text.into(), data, ..Content::default() },
            priority: Priority::Usual,
            due_at: self.now,
            expires_at: None,
        }
    }

    /// The real program as a worker, with the clock standing at the cell's instant.
    fn worker(&self, failpoint: Option<&str>) -> Process {
        let mut command = milepost_in(&self.world, self.home.path(), &[]);
        command.args(["serve", "--role", "worker", "--listen", "127.0.0.1:0", "--json"]);
        command.env("MILEPOST_CLOCK__AT", self.now.to_string());
        command.env("MILEPOST_VAULT__MASTER_KEY", KEY);
        match &self.peer {
            Peer::Discord(discord) => {
                command.env("MILEPOST_DISCORD__TOKEN", discord.token());
                command.env("MILEPOST_DISCORD__API_URL", discord.url());
            }
            Peer::Sms(twilio) => {
                command.env("MILEPOST_SMS__API_URL", twilio.url());
                command.env("MILEPOST_SMS__ACCOUNT_SID", twilio.account());
                command.env("MILEPOST_SMS__AUTH_TOKEN", twilio.token());
                // An environment variable that looks like a number would be read as one.
                command.env("MILEPOST_SMS__FROM", "MG00000000000000000000000000000001");
            }
            Peer::Email(smtp) => {
                command.env("MILEPOST_MAIL__SMTP_URL", format!("smtp://127.0.0.1:{}?tls=none", smtp.port()));
                command.env("MILEPOST_MAIL__FROM", "Milepost <milepost@example.com>");
                // The link by which a contact ends our letters begins so.
                command.env("MILEPOST_HTTP__PUBLIC_URL", "https://milepost.example.com");
            }
            Peer::Webhook(sink, _) => {
                command.env("MILEPOST_WEBHOOKS__ALLOW_PRIVATE", sink.address().to_string());
            }
            Peer::Console(file) => {
                command.env("MILEPOST_CONSOLE__FILE", file);
            }
            Peer::InApp => {}
        }
        if let Some(failpoint) = failpoint {
            command.env("MILEPOST_FAILPOINT", failpoint);
        }
        let said = std::fs::File::options().create(true).append(true).open(self.home.path().join("said")).unwrap();
        let up = std::fs::File::create(self.home.path().join("up")).unwrap();
        command.stdin(Stdio::null()).stdout(up).stderr(said);
        Process(command.spawn().unwrap())
    }

    /// Whether the last worker has said that it runs: on a busy machine it takes its time.
    fn is_up(&self) -> bool {
        std::fs::metadata(self.home.path().join("up")).is_ok_and(|file| file.len() > 0)
    }

    fn count(&self, of: &str) -> usize {
        let query = format!(
            "SELECT CAST(count(*) AS text) AS line FROM messages WHERE workspace_id = '{}' AND {of}",
            self.world.team.id
        );
        self.world.lines(&self.world.team, &query)[0].parse().unwrap()
    }

    /// Whether at this instant there is nothing to send and nothing under way.
    fn is_quiet(&self) -> bool {
        let machine = self.world.machine(&self.world.team);
        !self.world.look(&machine, is_anything_due).unwrap() && self.count("status = 'sending'") == 0
    }

    /// Starts a worker that is to die at a step. Whether it did; otherwise nothing was left for it to do.
    fn dies_at(&self, step: &str) -> bool {
        let mut worker = self.worker(Some(&format!("{step}=kill")));
        let (mut died, mut quiet) = (false, 0);
        let ended = in_time(|| {
            let ended = worker.0.try_wait().unwrap();
            assert!(
                ended.is_none_or(|status| status.signal() == Some(9)),
                "{self}: it ended by itself ({ended:?}). {}",
                self.told()
            );
            died = ended.is_some();
            // The last thing that it does may be to die.
            quiet += usize::from(self.is_quiet());
            died || quiet > 20
        });
        assert!(ended, "{self}: neither dead at {step} nor done. {}", self.told());
        died
    }

    fn time_passes(&mut self, by: SignedDuration) {
        self.now += by;
        self.clock.advance(by.unsigned_abs());
        self.world.host.clock().set(self.now);
    }

    /// Workers at later and later instants, until every message has its end.
    fn goes_on(&mut self, first: SignedDuration) {
        self.time_passes(first);
        for _ in 0..24 {
            {
                let mut worker = self.worker(None);
                let (mut before, mut still) = (String::new(), 0);
                let idle = in_time(|| {
                    if let Some(status) = worker.0.try_wait().unwrap() {
                        panic!("{self}: {status}. {}", self.told());
                    }
                    let now = self.told();
                    still = if now == before && self.is_up() { still + 1 } else { 0 };
                    before = now;
                    // What is due and is not sent waits for a provider that takes nothing at the moment, or for a
                    // disk that takes its time.
                    let waits = still > 150 && self.count("status = 'sending'") == 0;
                    self.is_quiet() || (waits && self.left_alone() > SignedDuration::ZERO)
                });
                assert!(idle, "{self}: no end of work. {}", self.told());
            }
            if self.count("next_at IS NOT NULL") == 0 {
                return;
            }
            self.time_passes(self.until_next());
        }
        panic!("{self}: no end in 24 rounds. {}", self.told());
    }

    /// What there is to know when something is not as it should be.
    fn told(&self) -> String {
        let said = std::fs::read_to_string(self.home.path().join("said")).unwrap_or_default();
        let query = format!(
            "SELECT channel || ' ' || status || ' ' || attempts || ' ' || coalesce(CAST(next_at AS text), '') || ' ' \
             || coalesce(reason, '') AS line FROM messages WHERE workspace_id = '{}'",
            self.world.team.id
        );
        let rows = self.world.lines(&self.world.team, &query).join("\n");
        format!("It is {}, and the messages are:\n{rows}\nThe workers said:\n{said}", self.now)
    }

    /// How long until somebody looks at the first message that waits, and may ask its provider.
    fn until_next(&self) -> SignedDuration {
        let waits = self.messages.iter().filter_map(|id| self.world.delivery(*id).delivery.next_at).min();
        let next = waits.unwrap_or(self.now);
        self.now.duration_until(next).max(self.left_alone()) + SignedDuration::from_secs(1)
    }

    /// For how long some provider is not asked.
    fn left_alone(&self) -> SignedDuration {
        let holds = held::look(self.world.db(), self.now).unwrap().holds;
        holds.iter().map(|hold| rules::left(hold, self.now)).min().unwrap_or_default()
    }

    fn ends(&self) -> Vec<Status> {
        self.messages.iter().map(|id| self.world.delivery(*id).delivery.status).collect()
    }

    fn how_many(&self, status: Status) -> usize {
        self.ends().iter().filter(|end| **end == status).count()
    }

    /// The three ledgers agree, and the provider was asked for nothing that it would not take.
    fn agrees(&self) {
        let took = match &self.peer {
            Peer::InApp => Vec::new(),
            peer => vec![(self.channel, peer.arrivals())],
        };
        let mut conn = self.world.db().raw().unwrap();
        let wrong = ledger::differences(&mut conn, self.world.team.id, &took);
        drop(conn);
        assert!(wrong.is_empty(), "{self}: {}\n{}", wrong.join("\n"), self.told());
        assert_eq!(self.peer.mistakes(), Vec::<String>::new(), "{self}");
        self.world.log_is_whole(&self.world.team);
        if self.reaches_contacts() {
            self.asked_for_the_contact();
        }
        if let Peer::Webhook(sink, endpoint) = &self.peer {
            let keys = Keys::of(host::keys::parse(KEY).unwrap());
            let secret = keys.endpoint_secret(self.world.team.id, *endpoint, 1);
            for asked in sink.asked() {
                let at: i64 = asked.header("webhook-timestamp").unwrap().parse().unwrap();
                let wrong = sink.wrong_with(&asked, secrecy::ExposeSecret::expose_secret(&secret), at);
                assert_eq!(wrong, None, "{self}");
            }
        }
    }

    /// The policy held the contact's message in the night, and allowed it by all the rules about contacts whenever it was
    /// tried; what arrived says how to end such letters, and what members got does not.
    fn asked_for_the_contact(&self) {
        let cora = self.world.team.cora();
        let decisions = self.world.look(&cora, |cx| decisions_of(cx, self.messages[0])).unwrap();
        let (night, tries) = decisions.split_first().unwrap();
        assert_eq!(night.policy.codes, [Reason::QuietHours], "{self}");
        assert!(!tries.is_empty(), "{self}");
        for tried in tries {
            let trace = &tried.policy.rule_trace;
            assert_eq!(tried.policy.verdict, Verdict::Allow, "{self}: {trace:#?}");
            let rules: Vec<Rule> = trace.iter().map(|step| step.rule).collect();
            for rule in [Rule::OptOut, Rule::FrequencyCap, Rule::QuietHours, Rule::Consent, Rule::Zone] {
                assert!(rules.contains(&rule), "{self}: {rules:?}");
            }
        }
        if let Peer::Email(smtp) = &self.peer {
            for mail in smtp.mails() {
                let link = mail.header("List-Unsubscribe").unwrap_or_default();
                let right = link.starts_with("<https://milepost.example.com/hooks/unsubscribe/");
                assert_eq!(right, mail.to == [CONTACT_EMAIL], "{self}: {mail:?}");
            }
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = if self.world.db().is_postgres() { "PostgreSQL" } else { "SQLite" };
        write!(f, "{} on {database}", self.channel)
    }
}

/// Within the time in which Discord knows a nonce again, and long after it.
const SOON: SignedDuration = SignedDuration::from_secs(50);
const LATE: SignedDuration = SignedDuration::from_mins(10);

fn crash(place: Place, channel: Channel, step: &str, later: SignedDuration) {
    let Some(mut cell) = Cell::new(place, channel) else { return };
    let died = cell.dies_at(step);
    // What is shown in the product is shown where it is claimed; it never leaves.
    let leaves = channel != Channel::InApp;
    let name = format!("{cell}, {step}, {later:#}");
    assert!(died || (!leaves && step.starts_with("dispatch.")), "{name}: it lived");
    let took_before = cell.peer.arrivals().len();
    cell.goes_on(later);
    cell.agrees();
    let (sent, unknown) = (cell.how_many(Status::Sent), cell.how_many(Status::Unknown));
    assert_eq!(sent + unknown, TEXTS.len(), "{name}: {:?}", cell.ends());
    let forgets = matches!(channel, Channel::Email | Channel::Sms | Channel::Console);
    if !forgets {
        assert_eq!(unknown, 0, "{name}: {:?}", cell.ends());
    }
    match step {
        // The claim is not on disk, so nothing has left, and everything is sent as if nothing had been.
        "write.begun" | "events.appended" | "commit.before" => {
            assert_eq!((took_before, sent), (0, TEXTS.len()), "{name}");
        }
        "dispatch.claimed" => {
            assert_eq!(took_before, 0, "{name}");
            assert_eq!(unknown, if forgets { TEXTS.len() } else { 0 }, "{name}");
        }
        "dispatch.writing" if forgets => assert!(unknown >= 1, "{name}"),
        "dispatch.answered" if leaves => {
            assert!(took_before >= 1, "{name}");
            assert!(!forgets || unknown >= 1, "{name}");
        }
        "dispatch.settled" if leaves => assert!(took_before >= 1 && sent >= 1, "{name}"),
        _ => {}
    }
    if let Peer::Discord(discord) = &cell.peer {
        let posts = discord.asked().iter().filter(|asked| asked.method == "POST").count();
        let asks = discord.asked().iter().filter(|asked| asked.method == "GET").count();
        // The same nonce, while Discord knows it; later it is asked first.
        let again = usize::from(step == "dispatch.answered" && later == SOON);
        let looks = later == LATE && matches!(step, "dispatch.claimed" | "dispatch.writing" | "dispatch.answered");
        assert_eq!(posts, TEXTS.len() + again, "{name}");
        assert!(step == "commit.after" || asks == usize::from(looks), "{name}: asked {asks} times");
    }
}

const CHANNELS: [Channel; 6] =
    [Channel::Discord, Channel::Email, Channel::Sms, Channel::Webhook, Channel::Console, Channel::InApp];
/// The steps that a dispatch reaches.
pub const STEPS: [&str; 8] = [
    "write.begun",
    "events.appended",
    "commit.before",
    "commit.after",
    "dispatch.claimed",
    "dispatch.writing",
    "dispatch.answered",
    "dispatch.settled",
];

pub type Work = Box<dyn FnOnce() + Send>;

/// Several cells at a time: most of each is waiting.
pub fn side_by_side(cells: Vec<Work>) {
    let cells: Vec<Mutex<Option<Work>>> = cells.into_iter().map(|cell| Mutex::new(Some(cell))).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let cell = cell.lock().unwrap().take();
                    cell.unwrap()();
                }
            });
        }
    });
}

fn matrix(place: fn() -> Option<Place>) {
    let mut cells: Vec<Work> = Vec::new();
    for channel in CHANNELS {
        for step in STEPS {
            let laters: &[SignedDuration] = if channel == Channel::Discord { &[SOON, LATE] } else { &[SOON] };
            for later in laters.iter().copied() {
                let Some(place) = place() else { return };
                cells.push(Box::new(move || crash(place, channel, step, later)));
            }
        }
    }
    side_by_side(cells);
}

#[test]
fn a_process_that_dies_at_any_step_tells_nobody_twice_sqlite() {
    matrix(|| Some(Place::file()));
}

#[test]
fn a_process_that_dies_at_any_step_tells_nobody_twice_postgres() {
    matrix(Place::schema);
}

/// Every first conversation goes wrong in one way; `n` messages end `so`, and people got `got`.
struct Trouble {
    name: &'static str,
    channel: Channel,
    tell: fn(&Cell),
    ends: Status,
    got: usize,
}

fn discord(cell: &Cell) -> &FakeDiscord {
    match &cell.peer {
        Peer::Discord(discord) => discord,
        _ => panic!("{cell} is not Discord"),
    }
}

fn twilio(cell: &Cell) -> &FakeTwilio {
    match &cell.peer {
        Peer::Sms(twilio) => twilio,
        _ => panic!("{cell} is not Twilio"),
    }
}

fn smtp(cell: &Cell) -> &SmtpPeer {
    match &cell.peer {
        Peer::Email(smtp) => smtp,
        _ => panic!("{cell} is no mail server"),
    }
}

fn sink(cell: &Cell) -> &WebhookSink {
    match &cell.peer {
        Peer::Webhook(sink, _) => sink,
        _ => panic!("{cell} is no webhook"),
    }
}

const TROUBLES: &[Trouble] = &[
    Trouble {
        name: "500",
        channel: Channel::Discord,
        tell: |c| discord(c).next(Fault::status(500)),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "502 though taken",
        channel: Channel::Discord,
        tell: |c| discord(c).next(Fault::status(502).though_taken()),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "reset after taking",
        channel: Channel::Discord,
        tell: |c| discord(c).next(Fault::after_taking(How::Reset)),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "reset in mid-body",
        channel: Channel::Discord,
        tell: |c| discord(c).next(Fault::after_taking(How::ResetMidBody)),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "200 with a cut body",
        channel: Channel::Discord,
        tell: |c| discord(c).next(Fault::after_taking(How::CutBody)),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "429",
        channel: Channel::Discord,
        tell: |c| discord(c).next(Fault::slow_down(Some("1336"))),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "a ban page",
        channel: Channel::Discord,
        tell: |c| discord(c).next(Fault::ban_page()),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "a deleted channel",
        channel: Channel::Discord,
        tell: |c| discord(c).delete_channel("77"),
        ends: Status::Failed,
        got: 0,
    },
    Trouble {
        name: "500 though taken",
        channel: Channel::Sms,
        tell: |c| twilio(c).always("/", Fault::status(500).though_taken()),
        ends: Status::Unknown,
        got: 3,
    },
    Trouble {
        name: "reset after taking",
        channel: Channel::Sms,
        tell: |c| twilio(c).always("/", Fault::after_taking(How::Reset)),
        ends: Status::Unknown,
        got: 3,
    },
    Trouble {
        name: "429",
        channel: Channel::Sms,
        tell: |c| twilio(c).next(Fault::slow_down(None)),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "a number that said STOP",
        channel: Channel::Sms,
        tell: |c| [MEMBER_NUMBER, CONTACT_NUMBER].into_iter().for_each(|number| twilio(c).stop(number)),
        ends: Status::Failed,
        got: 0,
    },
    Trouble {
        name: "a bounce",
        channel: Channel::Email,
        tell: |c| smtp(c).always(SmtpFault::BounceRecipient),
        ends: Status::Failed,
        got: 0,
    },
    Trouble {
        name: "a server that defers",
        channel: Channel::Email,
        tell: |c| smtp(c).next(SmtpFault::DeferRecipient),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "gone after DATA, not taken",
        channel: Channel::Email,
        tell: |c| smtp(c).always(SmtpFault::DropAtData),
        ends: Status::Unknown,
        got: 0,
    },
    Trouble {
        name: "gone after DATA, taken",
        channel: Channel::Email,
        tell: |c| smtp(c).always(SmtpFault::TakeAndDrop),
        ends: Status::Unknown,
        got: 3,
    },
    Trouble {
        name: "refused after DATA",
        channel: Channel::Email,
        tell: |c| smtp(c).always(SmtpFault::BounceBody),
        ends: Status::Failed,
        got: 0,
    },
    Trouble {
        name: "500",
        channel: Channel::Webhook,
        tell: |c| sink(c).next(Fault::status(500)),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "301",
        channel: Channel::Webhook,
        tell: |c| sink(c).next(Fault::says(Answer::empty(301).with("location", "http://127.0.0.1:1/"))),
        ends: Status::Sent,
        got: 3,
    },
    Trouble {
        name: "410",
        channel: Channel::Webhook,
        tell: |c| sink(c).always("/", Fault::status(410)),
        ends: Status::Failed,
        got: 0,
    },
    Trouble {
        name: "a body without end",
        channel: Channel::Webhook,
        tell: |c| sink(c).next(Fault::after_taking(How::Endless(1 << 30))),
        ends: Status::Sent,
        got: 3,
    },
];

fn trouble(place: Place, trouble: &Trouble) {
    let Some(mut cell) = Cell::new(place, trouble.channel) else { return };
    (trouble.tell)(&cell);
    cell.goes_on(SignedDuration::ZERO);
    let name = format!("{cell}, {}", trouble.name);
    assert_eq!(cell.ends(), vec![trouble.ends; TEXTS.len()], "{name}");
    assert_eq!(cell.peer.arrivals().len(), trouble.got, "{name}");
    cell.agrees();
}

#[test]
fn a_provider_in_trouble_gets_each_message_once_or_it_is_said_to_be_unknown() {
    let cell = |t: &'static Trouble| -> Work { Box::new(move || trouble(Place::file(), t)) };
    side_by_side(TROUBLES.iter().map(cell).collect());
}

#[test]
fn a_provider_in_trouble_gets_each_message_once_or_it_is_said_to_be_unknown_on_postgresql() {
    let cell = |t: &'static Trouble| -> Work {
        Box::new(move || {
            if let Some(place) = Place::schema() {
                trouble(place, t);
            }
        })
    };
    side_by_side(TROUBLES.iter().map(cell).collect());
}
