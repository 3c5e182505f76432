//! The policy beside a slow and obvious one: a contact's whole history, asked minute by minute.

use std::collections::BTreeSet;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{decide, facts};
use crate::delivery::Purpose;
use crate::delivery::policy::{Reason, Standing, Verdict};
use crate::delivery::settings::rules::Limits;
use crate::people::contact::zones::{ZoneSource, Zones};
use crate::people::reach::{Channel, Mode, Quiet};

#[derive(Clone, Debug)]
enum Move {
    /// Somebody wants to send.
    Ask(Purpose),
    /// The attempt before certainly never left: it counts no more.
    TakeBack,
    OptOut,
    OptIn,
    Inbound,
    TakeOver,
    Release,
    Consent,
    Withdraw,
    SwitchOff,
    SwitchOn,
    /// Nothing between these local hours.
    Quiet(i8, i8),
    NoQuiet,
}

/// What happened to one contact, in full.
struct Story {
    zones: Vec<(String, TimeZone)>,
    sent: Vec<(Purpose, Timestamp)>,
    opted_out: Option<Timestamp>,
    wrote: Option<Timestamp>,
    taken_over: Option<Timestamp>,
    consents: BTreeSet<Channel>,
    mode: Option<Mode>,
    quiet: Option<(i8, i8)>,
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Story {
    fn asleep(&self, at: Timestamp, outreach: bool) -> bool {
        self.zones.iter().any(|(_, zone)| {
            let local = at.to_zoned(zone.clone());
            let own = self.quiet.is_some_and(|(from, until)| {
                // Hour after hour from the first one on, until the last one comes.
                let mut hours = std::iter::successors(Some(from), |hour| Some((hour + 1) % 24));
                hours.by_ref().take_while(|hour| *hour != until).any(|hour| hour == local.hour())
            });
            own || local.hour() < 9 || local.hour() >= 21 || (outreach && local.weekday() == Weekday::Sunday)
        })
    }

    fn within(&self, purpose: Purpose, at: Timestamp, span: SignedDuration) -> usize {
        self.sent.iter().filter(|(of, sent)| *of == purpose && at.duration_since(*sent) < span).count()
    }

    fn must_wait(&self, purpose: Purpose, at: Timestamp) -> bool {
        let most = if purpose == Purpose::Outreach { 1 } else { 6 };
        self.within(purpose, at, DAY) >= most || self.asleep(at, purpose == Purpose::Outreach)
    }

    /// Five within fourteen days after which nothing was heard.
    fn gave_up(&self) -> bool {
        let unanswered: Vec<Timestamp> = self
            .sent
            .iter()
            .filter(|(of, at)| *of == Purpose::Outreach && self.wrote.is_none_or(|wrote| *at > wrote))
            .map(|(_, at)| *at)
            .collect();
        unanswered.windows(5).next_back().is_some_and(|five| five[4].duration_since(five[0]) < DAY * 14)
    }

    /// What has to come out.
    fn expected(&self, purpose: Purpose, now: Timestamp) -> (Verdict, Option<Timestamp>, Option<Reason>) {
        let outreach = purpose == Purpose::Outreach;
        let block = |reason| (Verdict::Block, None, Some(reason));
        if self.opted_out.is_some() {
            return block(Reason::OptedOut);
        }
        if outreach && self.gave_up() {
            return block(Reason::UnansweredSuppression);
        }
        if self.taken_over.is_some() {
            return block(Reason::TakeOver);
        }
        if self.mode == Some(Mode::Off) {
            return block(Reason::SwitchedOff);
        }
        if outreach && !self.consents.contains(&Channel::Email) {
            return block(Reason::NoConsent);
        }
        let mut at = now;
        while self.must_wait(purpose, at) {
            at += MINUTE;
        }
        if at == now { (Verdict::Allow, None, None) } else { (Verdict::Defer, Some(at), None) }
    }

    fn standing(&self) -> Standing {
        let latest = |purpose: Purpose| {
            let times = self.sent.iter().rev().filter(|(of, _)| *of == purpose);
            times.map(|(_, at)| *at).take(24).collect()
        };
        Standing {
            opted_out_at: self.opted_out,
            opted_out_elsewhere: false,
            consents: self.consents.clone(),
            zones: Zones {
                names: self.zones.iter().map(|(name, _)| name.clone()).collect(),
                found_by: ZoneSource::Evidence,
            },
            outreach: latest(Purpose::Outreach),
            transactional: latest(Purpose::Transactional),
            last_inbound_at: self.wrote,
            taken_over_at: self.taken_over,
            mode: self.mode,
            quiet: self
                .quiet
                .map(|(from, until)| Quiet { from: format!("{from:02}:00"), until: format!("{until:02}:00") }),
        }
    }

    fn apply(&mut self, step: &Move, now: Timestamp) {
        match step {
            Move::Ask(_) => {}
            Move::TakeBack => drop(self.sent.pop()),
            Move::OptOut => self.opted_out = Some(now),
            Move::OptIn => self.opted_out = None,
            Move::Inbound => self.wrote = Some(now),
            Move::TakeOver => self.taken_over = Some(now),
            Move::Release => self.taken_over = None,
            Move::Consent => drop(self.consents.insert(Channel::Email)),
            Move::Withdraw => drop(self.consents.remove(&Channel::Email)),
            Move::SwitchOff => self.mode = Some(Mode::Off),
            Move::SwitchOn => self.mode = Some(Mode::On),
            Move::Quiet(from, until) => self.quiet = Some((*from, *until)),
            Move::NoQuiet => self.quiet = None,
        }
    }
}

fn moves() -> impl Strategy<Value = Vec<(i64, Move)>> {
    let step = prop_oneof![
        12 => Just(Move::Ask(Purpose::Outreach)),
        6 => Just(Move::Ask(Purpose::Transactional)),
        1 => Just(Move::TakeBack),
        1 => Just(Move::OptOut),
        2 => Just(Move::OptIn),
        1 => Just(Move::Inbound),
        1 => Just(Move::TakeOver),
        2 => Just(Move::Release),
        2 => Just(Move::Consent),
        1 => Just(Move::Withdraw),
        1 => Just(Move::SwitchOff),
        2 => Just(Move::SwitchOn),
        // What leaves an hour of each day, whichever two of the zones hold: they are up to nine hours apart.
        1 => prop_oneof![(20..24_i8, 8..11_i8), (0..4_i8, 8..11_i8), (12..14_i8, 14..15_i8)]
            .prop_map(|(from, until)| Move::Quiet(from, until)),
        2 => Just(Move::NoQuiet),
    ];
    // Minutes until it happens: often within a day, sometimes a few days.
    let pause = prop_oneof![3 => 0..900_i64, 3 => 1_200..1_700_i64, 1 => 0..10_000_i64];
    prop::collection::vec((pause, step), 1..40)
}

fn zones() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(
        vec!["America/New_York", "America/Chicago", "America/Los_Angeles", "America/Phoenix", "Europe/Berlin"],
        1..=2,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_say_what_a_minute_by_minute_look_says(
        moves in moves(), zones in zones(), start in 0..525_600_i64,
    ) {
        let first: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut now = first + SignedDuration::from_mins(start);
        let zones = zones.iter().map(|name| ((*name).to_owned(), TimeZone::get(name).unwrap())).collect();
        let consents = BTreeSet::from([Channel::Email]);
        let mut story =
            Story { zones, sent: Vec::new(), opted_out: None, wrote: None, taken_over: None, consents, mode: None, quiet: None };
        for (pause, step) in &moves {
            now += SignedDuration::from_mins(*pause);
            story.apply(step, now);
            let Move::Ask(purpose) = step else { continue };
            let decision = decide(&facts(*purpose, story.standing()), &Limits::default(), now);
            let expected = story.expected(*purpose, now);
            prop_assert_eq!((decision.verdict, decision.until), (expected.0, expected.1), "{} at {}", purpose, now);
            if let Some(reason) = expected.2 {
                prop_assert_eq!(decision.codes.first(), Some(&reason));
            }
            if decision.verdict == Verdict::Allow {
                story.sent.push((*purpose, now));
            }
            if let Some(until) = decision.until {
                // What was promised holds, and not a minute earlier.
                let again = decide(&facts(*purpose, story.standing()), &Limits::default(), until);
                prop_assert_eq!(again.verdict, Verdict::Allow);
                let early = decide(&facts(*purpose, story.standing()), &Limits::default(), until - MINUTE);
                prop_assert_eq!(early.until, Some(until));
            }
        }
    }
}
