//! A year of two hundred deals with everything that goes wrong in a year: processes that are killed, hours and days in
//! which nothing runs, clocks that jump, providers that fail or lose their answers, and people who complete, waive, move
//! and give up meanwhile. A slow and obvious model says who had to be told of what; in the end everybody was, once, and
//! what the providers took is what the outbox and the log say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::deals::deal::DealStatus;
use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::deal::ops::end;
use domain::deals::milestone::ops::{EditMilestone, WaiveMilestone, edit, waive};
use domain::deals::milestone::template;
use domain::deals::reminder::ops::attend;
use domain::delivery::Message;
use domain::delivery::outbox::{Found, Outcome, Report, ops};
use domain::delivery::policy::Cleared;
use domain::kernel::cx::Seeded;
use domain::kernel::id::{DealId, MessageId, MilestoneId};
use domain::kernel::{Code, Refusal};
use domain::people::reach::Channel as Kind;
use domain::workspace::access::Role;
use harness::peers::ledger;
use harness::peers::{Arrival, Mark};
use harness::{World, deal, on_both};
use host::Clock;
use host::channels::{Channel, Later};
use host::dispatch::{Dispatcher, Ways};
use host::loops::Next;
use host::sweep::Sweep;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use tokio::runtime::Runtime;

use crate::long_run::Dice;

const DEALS: usize = 200;
const DAYS: i64 = 365;

/// Four dates: with a party who answers and without one, required and not, told on the day and before.
const TEMPLATE: &str = r#"
name = "year"
title = "Four dates"
version = 1
holidays = "us-federal"
[[rules]]
type = "deposit"
title = "Deposit"
reference = "contract_date"
offset = 3
required = true
responsible = "buyer"
remind_days_before = 1
notify = []
[[rules]]
type = "inspection"
title = "Inspection"
reference = "contract_date"
offset = 10
required = false
responsible = "inspector"
remind_days_before = 3
notify = []
[[rules]]
type = "walkthrough"
title = "Walkthrough"
reference = "closing_date"
offset = -1
required = true
responsible = "buyer"
remind_days_before = 2
notify = []
[[rules]]
type = "closing"
title = "Closing"
reference = "closing_date"
offset = 0
required = true
responsible = "all"
remind_days_before = 0
notify = []
"#;

fn chicago() -> TimeZone {
    TimeZone::get("America/Chicago").unwrap()
}

fn local(day: Date, hour: i8) -> Timestamp {
    day.at(hour, 0, 0, 0).to_zoned(chicago()).unwrap().timestamp()
}

fn after(day: Date, days: i64) -> Date {
    day.checked_add(Span::new().days(days)).unwrap()
}

/// All providers in one. What it took it knows by the message's id; a post to chat that comes again under its nonce is
/// the same post.
struct Provider {
    clock: Clock,
    took: Mutex<Vec<(Kind, MessageId, String)>>,
}

impl Provider {
    fn has(&self, id: MessageId) -> bool {
        self.took.lock().unwrap().iter().any(|(_, known, _)| *known == id)
    }

    fn count(&self) -> usize {
        self.took.lock().unwrap().len()
    }

    fn take(&self, message: &Message) {
        if message.channel != Kind::Discord || !self.has(message.id) {
            self.took.lock().unwrap().push((message.channel, message.id, message.occasion.clone()));
        }
    }

    fn arrivals(&self, kind: Kind) -> Vec<Arrival> {
        let took = self.took.lock().unwrap();
        let arrival =
            |id: &MessageId| Arrival { mark: Mark::Id(id.to_string()), to: String::new(), provider_id: None };
        took.iter().filter(|(of, ..)| *of == kind).map(|(_, id, _)| arrival(id)).collect()
    }
}

impl Channel for Provider {
    fn deliver<'a>(&'a self, cleared: Cleared, until: Duration) -> Later<'a, Report> {
        Box::pin(async move {
            let (message, attempt) = (cleared.message(), cleared.attempt());
            // The same in every run, and another at every try.
            let fate = (message.id.0.as_u128() ^ (u128::from(attempt.unsigned_abs()) << 3)) % 40;
            let outcome = if self.clock.elapsed() >= until || fate == 0 {
                Outcome::NotSent { why: "Busy.".into(), retry_after: None }
            } else if fate == 1 {
                Outcome::Unclear { why: "Nothing came back.".into() }
            } else {
                self.take(message);
                match fate {
                    2 => Outcome::Unclear { why: "The answer was lost.".into() },
                    _ => Outcome::Accepted { provider_id: None },
                }
            };
            let (message, ended_at) = (message.id, self.clock.now());
            Report { message, attempt, ended_at, provider_status: None, outcome, trouble: None }
        })
    }

    fn look_up<'a>(&'a self, message: &'a Message) -> Later<'a, Found> {
        Box::pin(
            async move { if self.has(message.id) { Found::Sent { provider_id: None } } else { Found::NotThere } },
        )
    }
}

/// Milestone, kind, recipient and day: one reminder, by its names in the table.
type Key = (String, String, String, String);

/// An open milestone of an active deal.
#[derive(Clone)]
struct Stand {
    deal: DealId,
    due_on: Date,
    lead: Option<i32>,
    required: bool,
    recipients: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Must {
    BeTold,
    BeMissed,
}

/// What must come of what people do, told the long way.
#[derive(Default)]
struct Model {
    stands: BTreeMap<MilestoneId, Stand>,
    expected: BTreeMap<Key, (Must, Timestamp)>,
    /// What is no longer so, since when.
    left: BTreeMap<Key, Timestamp>,
    /// What became untrue and then true again: said once or twice taken back, but never left waiting.
    again: BTreeSet<Key>,
    owner: String,
    path: Vec<String>,
}

impl Model {
    fn reminders(id: MilestoneId, stand: &Stand) -> Vec<Key> {
        let Some(lead) = stand.lead else { return Vec::new() };
        let on = after(stand.due_on, -i64::from(lead)).to_string();
        stand.recipients.iter().map(|to| (id.to_string(), "reminder".to_owned(), to.clone(), on.clone())).collect()
    }

    /// Every key that says what is so now.
    fn true_keys(&self, deal: DealId) -> BTreeSet<Key> {
        let of_deal = self.stands.iter().filter(|(_, stand)| stand.deal == deal);
        of_deal
            .flat_map(|(id, stand)| {
                let later =
                    ["overdue", "escalation.1", "escalation.2"].into_iter().zip([0, 1, 2]).map(|(kind, n)| {
                        let to = if n == 0 { &self.owner } else { &self.path[n - 1] };
                        (id.to_string(), kind.to_owned(), to.clone(), stand.due_on.to_string())
                    });
                Self::reminders(*id, stand).into_iter().chain(later)
            })
            .collect()
    }

    /// A deal is now so.
    fn change(&mut self, deal: DealId, now: Timestamp, stands: BTreeMap<MilestoneId, Stand>) {
        let before = self.true_keys(deal);
        self.stands.retain(|_, stand| stand.deal != deal);
        self.stands.extend(stands);
        let true_now = self.true_keys(deal);
        for key in before.difference(&true_now) {
            self.left.insert(key.clone(), now);
        }
        for key in true_now.difference(&before) {
            if self.left.contains_key(key) {
                self.again.insert(key.clone());
            }
        }
    }

    /// The clock's loop looked at everything at this instant.
    fn look(&mut self, now: Timestamp) {
        let today = local(now.to_zoned(chicago()).date(), 9);
        let mut found: Vec<(Key, Must)> = Vec::new();
        for (id, stand) in &self.stands {
            let lapses = local(after(stand.due_on, 1), 0);
            for key in Self::reminders(*id, stand) {
                let at = local(key.3.parse().unwrap(), 9);
                let at_night = now < today && today < lapses;
                if now >= lapses {
                    found.push((key, Must::BeMissed));
                } else if now >= at && !at_night {
                    found.push((key, Must::BeTold));
                }
            }
            if now >= lapses {
                let key =
                    |kind: &str, to: &String| (id.to_string(), kind.into(), to.clone(), stand.due_on.to_string());
                let mut before = key("overdue", &self.owner);
                found.push((before.clone(), Must::BeTold));
                for (n, to) in (1..).zip(&self.path) {
                    // A day after the step before it, and what a look that comes three times a day may be late.
                    let late = SignedDuration::from_hours(36);
                    if !stand.required || self.expected.get(&before).is_none_or(|(_, at)| now < *at + late) {
                        break;
                    }
                    before = key(&format!("escalation.{n}"), to);
                    found.push((before.clone(), Must::BeTold));
                }
            }
        }
        for (key, must) in found {
            self.expected.entry(key).or_insert((must, now));
        }
    }
}

struct Year<'a> {
    world: &'a World,
    runtime: Runtime,
    dice: Dice,
    provider: Arc<Provider>,
    sweep: Sweep,
    dispatcher: Dispatcher,
    model: Model,
    buyers: BTreeMap<DealId, String>,
    chats: BTreeMap<DealId, String>,
    closings: BTreeMap<DealId, Date>,
    /// Arrivals that were compared with the model when they came.
    seen: usize,
    deal_days: usize,
}

fn ways(provider: &Arc<Provider>) -> Ways {
    let kinds = [Kind::Discord, Kind::Email, Kind::Console];
    kinds.into_iter().map(|kind| (kind, provider.clone() as Arc<dyn Channel>)).collect()
}

impl<'a> Year<'a> {
    fn new(world: &'a World) -> Self {
        let provider = Arc::new(Provider { clock: world.host.clock().clone(), took: Mutex::default() });
        let member = |role| format!("member:{}", world.team.members[&role].id);
        Self {
            world,
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            dice: Dice(Seeded::new(365)),
            sweep: Sweep::new(&world.host),
            dispatcher: Dispatcher::new(&world.host, ways(&provider)),
            provider,
            model: Model {
                owner: member(Role::Coordinator),
                path: vec![member(Role::Admin), member(Role::Owner)],
                ..Model::default()
            },
            buyers: BTreeMap::new(),
            chats: BTreeMap::new(),
            closings: BTreeMap::new(),
            seen: 0,
            deal_days: 0,
        }
    }

    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn today(&self) -> Date {
        self.now().to_zoned(chicago()).date()
    }

    fn pass_until(&self, at: Timestamp) {
        let by = self.now().duration_until(at);
        if by.is_positive() {
            self.world.host.clock().advance(Duration::try_from(by).unwrap());
        }
    }

    /// Another process: it remembers nothing.
    fn restart(&mut self) {
        self.sweep = Sweep::new(&self.world.host);
        self.dispatcher = Dispatcher::new(&self.world.host, ways(&self.provider));
    }

    /// The loops come round once.
    fn round(&self) {
        self.runtime.block_on(async {
            while self.sweep.tick().await != Next::Idle {}
            self.dispatcher.round().await;
        });
    }

    /// The loops come round until what is due has left.
    fn runs(&mut self) {
        self.round();
        self.model.look(self.now());
        for _ in 0..60 {
            self.what_arrived_is_true();
            let soon = self.now() + SignedDuration::from_mins(3);
            let waits = format!(
                "SELECT '' AS line FROM messages WHERE workspace_id = '{}' AND next_at <= '{soon}' LIMIT 1",
                self.world.team.id
            );
            if self.world.lines(&self.world.team, &waits).is_empty() {
                return;
            }
            self.world.seconds_pass(10);
            self.runtime.block_on(self.dispatcher.round());
        }
        panic!("something is due and does not leave");
    }

    /// The first date of every reminder that arrived since is one that holds at this moment.
    fn what_arrived_is_true(&mut self) {
        let took = self.provider.took.lock().unwrap();
        for (_, _, occasion) in took[self.seen..].iter().filter(|(.., occasion)| occasion.starts_with("reminder:"))
        {
            let id: MilestoneId = occasion.split(':').nth(1).unwrap().parse().unwrap();
            let stand = self.model.stands.get(&id).unwrap_or_else(|| panic!("{occasion} says what is over"));
            let on = after(stand.due_on, -i64::from(stand.lead.unwrap())).to_string();
            assert!(occasion.contains(&format!(":{on}:")), "{occasion} says what is no longer so: {on}");
        }
        self.seen = took.len();
    }

    /// A deal as it is now, for the model.
    fn changed(&mut self, id: DealId) {
        let detail = self.world.detail(id);
        let active = detail.deal.status == DealStatus::Active;
        let open = detail.milestones.iter().filter(|m| active && m.ended_at.is_none());
        let stands = open
            .filter_map(|m| {
                let to_buyer = ["buyer", "all"].contains(&m.responsible_role.as_str());
                let first = if to_buyer { &self.buyers[&id] } else { &self.model.owner };
                let stand = Stand {
                    deal: id,
                    due_on: m.due_on?,
                    lead: m.remind_days_before,
                    required: m.required,
                    recipients: BTreeSet::from([first.clone(), self.chats[&id].clone()]),
                };
                Some((m.id, stand))
            })
            .collect();
        let now = self.now();
        self.model.change(id, now, stands);
    }

    fn new_deal(&mut self, n: usize) {
        let (today, world) = (self.today(), self.world);
        let closing = after(today, 45 + self.dice.below(20) as i64);
        let buyer = NewParty {
            role: "buyer".into(),
            name: format!("Ann {n}"),
            email: Some(format!("ann@d{n}.example.org")),
            time_zone: Some("America/Chicago".into()),
            ..NewParty::default()
        };
        let new = deal(&format!("{n} Oak Street"), &format!("contract {today} closing {closing}"));
        let id = world.create(&NewDeal { template: Some("year".into()), parties: vec![buyer], ..new });
        let team = &world.team;
        let contact = world.lines(
            team,
            &format!(
                "SELECT CAST(contact_id AS text) AS line FROM deal_parties \
                 WHERE workspace_id = '{}' AND deal_id = '{id}'",
                team.id
            ),
        );
        self.buyers.insert(id, format!("contact:{}", contact[0]));
        // Every fifth deal has a place of its own in chat.
        let chat = if n.is_multiple_of(5) {
            let place = 1_000_000 + n;
            world.meddle(team, &format!("UPDATE deals SET chat_channel = '{place}' WHERE id = '{id}'"));
            format!("chat:discord:{place}")
        } else {
            "chat:console:team".to_owned()
        };
        self.chats.insert(id, chat);
        self.closings.insert(id, closing);
        self.changed(id);
    }

    /// What people do on a day.
    fn people_work(&mut self) {
        let (world, today) = (self.world, self.today());
        let cora = world.team.cora();
        let active: BTreeSet<DealId> = self.model.stands.values().map(|stand| stand.deal).collect();
        self.deal_days += active.len();
        for id in active {
            let closing = self.closings[&id];
            let given_up = self.dice.below(400) == 0;
            if given_up || today > after(closing, 14) {
                let to = if given_up { DealStatus::Cancelled } else { DealStatus::Closed };
                world.act(&cora, |cx| end(cx, id, to, Some("It ends here.")).map(drop)).unwrap();
                self.changed(id);
                continue;
            }
            if self.dice.below(200) == 0 && today < after(closing, -3) {
                let later = after(closing, 1 + self.dice.below(8) as i64);
                let plan = world.preview(id, &format!("closing {later}"));
                world.apply(plan.plan_token).unwrap();
                self.closings.insert(id, later);
                self.changed(id);
            }
            let near: Vec<MilestoneId> = self
                .model
                .stands
                .iter()
                .filter(|(_, stand)| stand.deal == id && stand.due_on <= after(today, 1))
                .map(|(id, _)| *id)
                .collect();
            for m in near {
                let done: Result<(), Refusal> = match self.dice.below(20) {
                    0..6 => {
                        world.complete(m);
                        Ok(())
                    }
                    6 => {
                        let cmd = WaiveMilestone { id: m, version: None, reason: Some("Not needed.".into()) };
                        world.act(&cora, |cx| waive(cx, &cmd).map(drop))
                    }
                    7 => {
                        let due_on = after(today, self.dice.below(7) as i64 - 1).to_string();
                        let cmd = EditMilestone { due_on: Some(due_on), ..EditMilestone::of(m) };
                        world.act(&cora, |cx| edit(cx, &cmd).map(drop))
                    }
                    _ => continue,
                };
                done.unwrap();
                self.changed(id);
            }
        }
    }

    /// A process is killed at one of its steps, and another one starts.
    fn is_killed(&mut self) {
        let world = self.world;
        match self.dice.below(4) {
            // In the middle of its plans: nothing of them is kept.
            0 => {
                let killed = world.act(&world.team.operator(), |cx| {
                    attend(cx, 64)?;
                    Err::<(), _>(Refusal::new(Code::Unavailable, "Killed.", "Start it again.").into())
                });
                assert!(killed.is_err());
            }
            // Its plans are kept, and it does not come to sending.
            1 => {
                world.act(&world.team.operator(), |cx| attend(cx, 64)).unwrap();
            }
            // It claimed, and sent nothing.
            2 => {
                world.act(&world.team.operator(), |cx| attend(cx, 64)).unwrap();
                world.claim(10);
            }
            // It sent, and wrote nothing down.
            _ => {
                world.act(&world.team.operator(), |cx| attend(cx, 64)).unwrap();
                for cleared in world.claim(10).cleared {
                    let until = world.host.clock().elapsed() + Duration::from_secs(30);
                    self.runtime.block_on(self.provider.deliver(cleared, until));
                }
            }
        }
        self.restart();
    }

    fn jumps(&self, hours: i64) {
        self.world.host.clock().set(self.now() + SignedDuration::from_hours(hours));
    }

    /// The clock runs ahead for some minutes: nothing is planned and nothing leaves until somebody has looked at it.
    fn runs_ahead(&mut self, hours: i64) {
        let records = |year: &Self| year.world.count(&year.world.team, "reminders");
        // So that the loops have seen the right time before.
        self.runs();
        let (sent, known) = (self.provider.count(), records(self));
        self.jumps(hours);
        for _ in 0..3 {
            self.world.seconds_pass(20);
            self.round();
        }
        assert_eq!((self.provider.count(), records(self)), (sent, known));
        self.jumps(-hours);
        self.round();
        self.world.act(&self.world.team.cora(), ops::resume).unwrap();
    }

    /// The clock is behind for some minutes, and somebody sets it right: by then it jumps ahead.
    fn runs_behind(&mut self, hours: i64) {
        self.runs();
        self.jumps(-hours);
        for _ in 0..3 {
            self.world.seconds_pass(20);
            self.round();
        }
        self.jumps(hours);
        self.round();
        self.world.act(&self.world.team.cora(), ops::resume).unwrap();
    }

    fn goes_by(&mut self) {
        let first = self.today();
        // Two hours over nine o'clock, a day and two hours, eight days; each twice.
        let outage = |day: i64, hour: i8, hours: i64| {
            let from = local(after(first, day), hour);
            (from, from + SignedDuration::from_hours(hours))
        };
        let outages = [(33, 8, 2), (61, 8, 26), (107, 17, 8 * 24), (170, 8, 2), (215, 20, 26), (260, 3, 8 * 24)]
            .map(|(day, hour, hours)| outage(day, hour, hours));
        let mut created = 0;
        for day in 0..DAYS {
            let date = after(first, day);
            let afternoon = 10 + self.dice.below(10) as i8;
            let mut instants: Vec<Timestamp> = [0, 9, afternoon].map(|hour| local(date, hour)).to_vec();
            instants
                .extend(outages.iter().map(|(_, end)| *end).filter(|end| end.to_zoned(chicago()).date() == date));
            instants.sort();
            for at in instants {
                self.pass_until(at);
                let now = self.now();
                let down = outages.iter().any(|(from, until)| *from <= now && now < *until);
                if !down {
                    if self.dice.below(12) == 0 {
                        self.is_killed();
                    }
                    self.runs();
                    match day {
                        20 | 150 | 300 if at == local(date, 9) => self.runs_ahead(26),
                        80 | 240 if at == local(date, 9) => self.runs_behind(2),
                        _ => {}
                    }
                }
                if at == local(date, afternoon) {
                    while created < DEALS && created as i64 * (DAYS - 80) <= day * DEALS as i64 {
                        self.new_deal(created);
                        created += 1;
                    }
                    self.people_work();
                }
            }
        }
        // What is still open ends with the year, and its last messages leave.
        let open: BTreeSet<DealId> = self.model.stands.values().map(|stand| stand.deal).collect();
        for id in open {
            let closed = DealStatus::Closed;
            self.world.act(&self.world.team.cora(), |cx| end(cx, id, closed, None).map(drop)).unwrap();
            self.changed(id);
        }
        self.runs();
        assert_eq!(created, DEALS);
        assert!(self.deal_days >= 10_000, "{} deal-days", self.deal_days);
    }

    /// Every reminder that had to be is there once and has its end, and none is there that did not have to be.
    fn everybody_was_told_once(&self) {
        let query = format!(
            "SELECT CAST(r.milestone_id AS text) || ' ' || r.kind || ' ' || r.recipient || ' ' || \
             CAST(r.on_date AS text) || ' ' || r.state || ' ' || coalesce(m.status, '-') || ' ' || \
             coalesce(CAST(r.message_id AS text), '-') AS line \
             FROM reminders r LEFT JOIN messages m ON m.workspace_id = r.workspace_id AND m.id = r.message_id \
             WHERE r.workspace_id = '{}'",
            self.world.team.id
        );
        let mut records: BTreeMap<Key, (String, String)> = BTreeMap::new();
        for line in self.world.lines(&self.world.team, &query) {
            let word: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let [milestone, kind, to, on, state, status, message] = word.try_into().unwrap();
            let came = if state == "queued" { status } else { state };
            let again = records.insert((milestone, kind, to, on), (came, message));
            assert!(again.is_none(), "{line}");
        }
        let mut wrong = Vec::new();
        let mut meant: BTreeSet<&String> = BTreeSet::new();
        for (key, (must, at)) in &self.model.expected {
            let Some((came, message)) = records.get(key) else {
                wrong.push(format!("{key:?} had to {must:?} at {at}, and there is nothing"));
                continue;
            };
            meant.insert(message);
            let told = ["sent", "unknown"].contains(&came.as_str());
            let gone = self
                .model
                .left
                .get(key)
                .is_some_and(|left| at.duration_until(*left) < SignedDuration::from_hours(24));
            let fits = match must {
                _ if self.model.again.contains(key) => true,
                Must::BeTold => told || (gone && came == "cancelled"),
                // It may have shared an earlier message; or somebody's change planned it while nothing ran that sends.
                Must::BeMissed => came == "missed" || came == "expired" || told,
            };
            if !fits {
                wrong.push(format!("{key:?} had to {must:?} at {at}, and it is {came}"));
            }
        }
        for (key, (came, message)) in &records {
            if ["queued", "deferred", "sending", "planned", "digest", "refused"].contains(&came.as_str()) {
                wrong.push(format!("{key:?} is left {came}"));
            }
            // What came before its time came in the message of another one; or was due, and ended before the next look.
            let was_due = |left: &Timestamp| local(key.3.parse().unwrap(), 9) <= *left;
            let ended = self.model.left.get(key).is_some_and(was_due);
            let early = meant.contains(message) || ended || came == "cancelled" || key.1.starts_with("escalation");
            if !self.model.expected.contains_key(key) && !early {
                wrong.push(format!("{key:?} is {came}, and nobody had to be told"));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {}:\n{}",
            wrong.len(),
            records.len(),
            wrong[..wrong.len().min(20)].join("\n")
        );
        let of = |must| self.model.expected.values().filter(|(m, _)| *m == must).count();
        assert!(of(Must::BeTold) > 1_000 && of(Must::BeMissed) > 10, "a story in which little happens");
        assert!(self.model.again.len() * 20 < self.model.expected.len(), "{} came again", self.model.again.len());
    }

    /// Each step of an escalation comes a day after the one before it, or later.
    fn steps_keep_their_distance(&self) {
        let query = format!(
            "SELECT DISTINCT CAST(milestone_id AS text) || ' ' || CAST(due_on AS text) || ' ' || kind || ' ' || \
             CAST(planned_at AS text) AS line FROM reminders WHERE workspace_id = '{}' AND kind <> 'reminder' \
             AND state = 'queued'",
            self.world.team.id
        );
        let mut steps: BTreeMap<String, BTreeMap<String, Timestamp>> = BTreeMap::new();
        for line in self.world.lines(&self.world.team, &query) {
            let word: Vec<&str> = line.splitn(4, ' ').collect();
            // PostgreSQL writes `2026-12-09 15:00:00+00`.
            let at = word[3].replace(' ', "T").trim_end_matches('Z').trim_end_matches("+00").to_owned() + "Z";
            let of = steps.entry(format!("{} {}", word[0], word[1])).or_default();
            of.insert(word[2].to_owned(), at.parse().unwrap());
        }
        let mut escalated = 0;
        for (of, steps) in steps {
            for (first, second) in [("overdue", "escalation.1"), ("escalation.1", "escalation.2")] {
                let Some(second) = steps.get(second) else { continue };
                let first =
                    steps.get(first).unwrap_or_else(|| panic!("{of}: a step came without the one before it"));
                assert!(
                    first.duration_until(*second) >= SignedDuration::from_hours(24),
                    "{of}: {first}, {second}"
                );
                escalated += 1;
            }
        }
        assert!(escalated > 20, "{escalated} steps");
    }
}

on_both! {
    fn in_a_year_of_two_hundred_deals_with_outages_everybody_is_told_once(world: World) {
        let owner = world.team.as_(Role::Owner);
        world.act(&owner, |cx| template::ops::set(cx, TEMPLATE)).unwrap();
        let channel = serde_json::json!({ "channel": "console", "address": "team" });
        crate::reminders::set(&world, "team_channel", channel);
        let mut year = Year::new(&world);
        year.goes_by();
        year.everybody_was_told_once();
        year.steps_keep_their_distance();
        let took: Vec<_> =
            [Kind::Email, Kind::Console, Kind::Discord].map(|kind| (kind, year.provider.arrivals(kind))).to_vec();
        let wrong = ledger::differences(&mut world.db().raw().unwrap(), world.team.id, &took);
        assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(20)].join("\n"));
        world.log_is_whole(&world.team);
    }
}
