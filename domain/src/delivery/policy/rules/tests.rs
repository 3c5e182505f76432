mod reference;

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::decide;
use crate::delivery::Purpose;
use crate::delivery::policy::{Approved, Decision, Facts, Reason, Recipient, Rule, Standing, Verdict};
use crate::delivery::settings::rules::Limits;
use crate::kernel::time::TimeOfDay;
use crate::people::contact::zones::{ZoneSource, Zones};
use crate::people::reach::{Channel, Mode, Quiet, Topic};

const CHICAGO: &str = "America/Chicago";

fn zones(names: &[&str], found_by: ZoneSource) -> Zones {
    Zones { names: names.iter().map(|name| (*name).to_owned()).collect(), found_by }
}

/// A contact in Chicago who agreed to everything.
fn somebody() -> Standing {
    Standing {
        opted_out_at: None,
        opted_out_elsewhere: false,
        consents: BTreeSet::from([Channel::Email, Channel::Sms, Channel::Discord]),
        zones: zones(&[CHICAGO], ZoneSource::Stated),
        outreach: Vec::new(),
        transactional: Vec::new(),
        last_inbound_at: None,
        taken_over_at: None,
        mode: None,
        quiet: None,
    }
}

/// An e-mail that nothing stands in the way of.
fn facts(purpose: Purpose, standing: Standing) -> Facts {
    Facts {
        purpose,
        topic: Topic::Reminder,
        channel: Channel::Email,
        automated: true,
        recipient: Recipient::Contact(Box::new(standing)),
        address_problem: None,
        risks: Vec::new(),
        approved: Approved::Unasked,
        quota_full_until: None,
    }
}

/// "Sat 22:00" in the week of Monday 12 October 2026, in Chicago.
fn at(moment: &str) -> Timestamp {
    let (day, time) = moment.split_once(' ').unwrap();
    let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let place = days.iter().position(|known| *known == day).unwrap();
    let date = date(2026, 10, 12 + i8::try_from(place).unwrap());
    time.parse::<TimeOfDay>().unwrap().instant(date, &TimeZone::get(CHICAGO).unwrap()).unwrap()
}

fn name(code: Reason, decision: &Decision) -> &'static str {
    let blackout = decision.trace.iter().any(|s| s.rule == Rule::BlackoutDay && s.code.is_some());
    match code {
        Reason::QuietHours if blackout => "blackout",
        Reason::QuietHours => "quiet hours",
        Reason::SundayHold => "Sunday",
        Reason::FrequencyCap => "cap",
        Reason::Quota => "quota",
        other => other.as_str(),
    }
}

/// "send", "hold until Mon 09:00: quiet hours, Sunday", "no: OPTED_OUT"
fn words(decision: &Decision) -> String {
    let codes: Vec<&str> = decision.codes.iter().map(|code| name(*code, decision)).collect();
    match (decision.verdict, decision.until) {
        (Verdict::Allow, None) => "send".into(),
        (Verdict::Defer, Some(until)) => {
            let until = until.to_zoned(TimeZone::get(CHICAGO).unwrap()).strftime("%a %H:%M").to_string();
            format!("hold until {until}: {}", codes.join(", "))
        }
        (Verdict::Block, None) => {
            let codes: Vec<&str> = decision.codes.iter().map(|code| code.as_str()).collect();
            format!("no: {}", codes.join(", "))
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_with(limits: &Limits, facts: &Facts, now: &str, expected: &str) -> Decision {
    let decision = decide(facts, limits, at(now));
    assert_eq!(words(&decision), expected, "{now}");
    assert_eq!(decision.next.is_empty(), decision.verdict == Verdict::Allow);
    for step in &decision.trace {
        assert_eq!(step.until.is_some(), step.verdict == Verdict::Defer, "{now} {}", step.rule);
    }
    if decision.verdict == Verdict::Defer {
        assert_eq!(decision.until, decision.trace.iter().filter_map(|step| step.until).max(), "{now}");
    }
    decision
}

/// Outreach to a contact in Chicago of whom nothing else is known.
#[track_caller]
fn check(now: &str, expected: &str) {
    check_with(&Limits::default(), &facts(Purpose::Outreach, somebody()), now, expected);
}

/// The same of a message about a deal.
#[track_caller]
fn check_transactional(now: &str, expected: &str) {
    check_with(&Limits::default(), &facts(Purpose::Transactional, somebody()), now, expected);
}

#[test]
fn outreach_leaves_by_day_and_not_on_sunday() {
    check("Wed 09:00", "send");
    check("Wed 20:59", "send");
    check("Wed 21:00", "hold until Thu 09:00: quiet hours");
    check("Wed 23:59", "hold until Thu 09:00: quiet hours");
    check("Thu 00:00", "hold until Thu 09:00: quiet hours");
    check("Thu 08:59", "hold until Thu 09:00: quiet hours");
    check("Fri 21:00", "hold until Sat 09:00: quiet hours");
    check("Sat 20:59", "send");
    check("Sun 12:00", "hold until Mon 09:00: Sunday");
    check("Sun 00:00", "hold until Mon 09:00: quiet hours, Sunday");
}

#[test]
fn saturday_night_waits_for_monday() {
    check("Sat 22:00", "hold until Mon 09:00: quiet hours, Sunday");
}

#[test]
fn a_message_about_a_deal_waits_for_the_morning_only() {
    check_transactional("Sat 22:00", "hold until Sun 09:00: quiet hours");
    check_transactional("Sun 12:00", "send");
    check_transactional("Sun 21:00", "hold until Mon 09:00: quiet hours");
}

#[test]
fn the_team_is_told_at_any_hour() {
    let to = |recipient| Facts { recipient, ..facts(Purpose::Internal, somebody()) };
    let limits = Limits { messages_per_day: Some(0), ..Limits::default() };
    check_with(&limits, &to(Recipient::Member { active: true }), "Sun 03:00", "send");
    check_with(&limits, &to(Recipient::Team), "Sun 03:00", "send");
    check_with(&limits, &to(Recipient::Endpoint { active: true }), "Sun 03:00", "send");
    check_with(&limits, &to(Recipient::Member { active: false }), "Wed 12:00", "no: BAD_ADDRESS");
    check_with(&limits, &to(Recipient::Endpoint { active: false }), "Wed 12:00", "no: BAD_ADDRESS");
    let outreach = Facts { purpose: Purpose::Outreach, ..to(Recipient::Team) };
    check_with(&limits, &outreach, "Wed 12:00", "no: BAD_ADDRESS");
    let internal = facts(Purpose::Internal, somebody());
    check_with(&Limits::default(), &internal, "Wed 12:00", "no: BAD_ADDRESS");
}

#[test]
fn who_opted_out_gets_nothing() {
    let standing = Standing { opted_out_at: Some(at("Mon 10:00")), ..somebody() };
    for purpose in [Purpose::Outreach, Purpose::Transactional] {
        check_with(&Limits::default(), &facts(purpose, standing.clone()), "Wed 12:00", "no: OPTED_OUT");
        check_with(&Limits::default(), &facts(purpose, standing.clone()), "Wed 22:00", "no: OPTED_OUT");
    }
}

#[test]
fn one_outreach_message_in_a_day_and_a_few_about_a_deal() {
    let limits = Limits::default();
    let after = |times: &[&str]| times.iter().map(|time| at(time)).collect::<Vec<_>>();
    let outreach = |times: &[&str]| facts(Purpose::Outreach, Standing { outreach: after(times), ..somebody() });
    check_with(&limits, &outreach(&["Tue 12:00"]), "Wed 12:00", "send");
    check_with(&limits, &outreach(&["Tue 12:01"]), "Wed 12:00", "hold until Wed 12:01: cap");
    check_with(&limits, &outreach(&["Sat 20:00"]), "Sat 20:30", "hold until Mon 09:00: cap, Sunday");
    check_with(&limits, &outreach(&["Sat 20:00"]), "Sat 22:30", "hold until Mon 09:00: cap, quiet hours, Sunday");
    // Transactional messages do not count against outreach, nor the other way round.
    let mixed = Standing { outreach: after(&["Wed 10:00"]), transactional: after(&["Wed 10:00"]), ..somebody() };
    check_with(&limits, &facts(Purpose::Transactional, mixed), "Wed 12:00", "send");
    let tight = Limits { transactional_per_day: 2, ..Limits::default() };
    let about =
        |times: &[&str]| facts(Purpose::Transactional, Standing { transactional: after(times), ..somebody() });
    check_with(&tight, &about(&["Wed 11:00"]), "Wed 12:00", "send");
    check_with(&tight, &about(&["Wed 11:00", "Tue 15:00"]), "Wed 12:00", "hold until Wed 15:00: cap");
    check_with(&tight, &about(&["Wed 11:00", "Wed 10:00"]), "Wed 12:00", "hold until Thu 10:00: cap");
}

#[test]
fn five_without_an_answer_are_enough() {
    let limits = Limits::default();
    let days_ago = |days: &[i64]| -> Vec<Timestamp> {
        days.iter().map(|day| at("Wed 12:00") - SignedDuration::from_hours(24 * day)).collect()
    };
    let check = |days: &[i64], wrote: Option<i64>, expected: &str| {
        let last_inbound_at = wrote.map(|day| days_ago(&[day])[0] + SignedDuration::from_mins(1));
        let standing = Standing { outreach: days_ago(days), last_inbound_at, ..somebody() };
        check_with(&limits, &facts(Purpose::Outreach, standing.clone()), "Wed 12:00", expected);
        check_with(&limits, &facts(Purpose::Transactional, standing), "Wed 12:00", "send");
    };
    check(&[1, 2, 3, 4], None, "send");
    check(&[1, 2, 3, 4, 5], None, "no: UNANSWERED_SUPPRESSION");
    check(&[1, 4, 7, 10, 13], None, "no: UNANSWERED_SUPPRESSION");
    check(&[1, 4, 7, 10, 15], None, "send");
    // It does not wear off: only the contact's writing ends it.
    check(&[101, 102, 103, 104, 105], None, "no: UNANSWERED_SUPPRESSION");
    check(&[1, 2, 3, 4, 5], Some(0), "send");
    check(&[1, 2, 3, 4, 5], Some(3), "send");
    check(&[1, 2, 3, 4, 5, 6, 7], Some(6), "no: UNANSWERED_SUPPRESSION");
    // What left in the very instant in which the contact wrote is answered.
    let wrote = Some(days_ago(&[5])[0]);
    let standing = Standing { outreach: days_ago(&[1, 2, 3, 4, 5]), last_inbound_at: wrote, ..somebody() };
    check_with(&limits, &facts(Purpose::Outreach, standing), "Wed 12:00", "send");
    // Those of the last two weeks are counted aloud.
    let standing = Standing { outreach: days_ago(&[1, 2, 13, 14]), ..somebody() };
    let decision = check_with(&limits, &facts(Purpose::Outreach, standing), "Wed 12:00", "send");
    let step = decision.trace.iter().find(|step| step.rule == Rule::Unanswered).unwrap();
    assert_eq!(step.sentence, "3 of at most 5 unanswered outreach messages.");
}

#[test]
fn only_what_a_person_writes_for_the_occasion_is_not_sent_by_a_rule() {
    let by_hand: Vec<&Topic> = Topic::ALL.iter().filter(|topic| !super::is_automated(**topic)).collect();
    assert_eq!(by_hand, [&Topic::Message]);
}

#[test]
fn what_a_rule_sends_stops_when_a_person_leads() {
    let led = Standing { taken_over_at: Some(at("Mon 10:00")), ..somebody() };
    let automatic = facts(Purpose::Transactional, led);
    let approved = Approved::Given { state: "approved".into(), covers: true, by_rule: None };
    let by_hand = Facts { automated: false, topic: Topic::Message, approved, ..automatic.clone() };
    check_with(&Limits::default(), &automatic, "Wed 12:00", "no: TAKE_OVER");
    check_with(&Limits::default(), &by_hand, "Wed 12:00", "send");
}

#[test]
fn risky_words_need_a_look() {
    let risky =
        Facts { risks: vec!["instructions for a wire".into()], ..facts(Purpose::Transactional, somebody()) };
    check_with(&Limits::default(), &risky, "Wed 12:00", "no: STRATEGY_REVIEW_REQUIRED");
    let given = |state: &str, covers| Approved::Given { state: state.into(), covers, by_rule: None };
    let looked_at = Facts { approved: given("approved", true), ..risky.clone() };
    check_with(&Limits::default(), &looked_at, "Wed 12:00", "send");
    let by_rule = Some("the setting unapproved_follow_ups (inspection)".into());
    let unseen = Approved::Given { state: "approved".into(), covers: true, by_rule };
    let unseen = Facts { approved: unseen, ..risky.clone() };
    check_with(&Limits::default(), &unseen, "Wed 12:00", "no: STRATEGY_REVIEW_REQUIRED");
    let other = Facts { approved: given("approved", false), ..risky };
    check_with(&Limits::default(), &other, "Wed 12:00", "no: STRATEGY_REVIEW_REQUIRED, NOT_APPROVED");
}

#[test]
fn consent_is_asked_for_where_it_is_needed() {
    let check = |purpose, channel, expected: &str| {
        let silent = Standing { consents: BTreeSet::new(), ..somebody() };
        let asked = Facts { channel, ..facts(purpose, silent.clone()) };
        check_with(&Limits::default(), &asked, "Wed 12:00", expected);
        let agreed = Standing { consents: BTreeSet::from([channel]), ..silent };
        check_with(&Limits::default(), &Facts { channel, ..facts(purpose, agreed) }, "Wed 12:00", "send");
    };
    check(Purpose::Outreach, Channel::Email, "no: NO_CONSENT");
    check(Purpose::Outreach, Channel::Sms, "no: NO_CONSENT");
    check(Purpose::Outreach, Channel::Discord, "no: NO_CONSENT");
    check(Purpose::Transactional, Channel::Email, "send");
    check(Purpose::Transactional, Channel::Sms, "no: NO_CONSENT");
    check(Purpose::Transactional, Channel::Discord, "no: NO_CONSENT");
}

#[test]
fn nobody_in_any_zone_where_the_contact_may_be_is_woken() {
    let coasts = ["America/New_York", "America/Los_Angeles"];
    let may_be = |found_by| Standing { zones: zones(&coasts, found_by), ..somebody() };
    let evidence = facts(Purpose::Transactional, may_be(ZoneSource::Evidence));
    let limits = Limits::default();
    // 09:00 in Los Angeles is 11:00 in Chicago; 21:00 in New York is 20:00 there.
    check_with(&limits, &evidence, "Wed 10:59", "hold until Wed 11:00: quiet hours");
    check_with(&limits, &evidence, "Wed 11:00", "send");
    check_with(&limits, &evidence, "Wed 19:59", "send");
    check_with(&limits, &evidence, "Wed 20:00", "hold until Thu 11:00: quiet hours");
    let outreach = facts(Purpose::Outreach, may_be(ZoneSource::Evidence));
    check_with(&limits, &outreach, "Sat 20:00", "hold until Mon 11:00: quiet hours, Sunday");
    // Nothing known at all: outreach does not guess, a message about a deal takes the strictest window.
    check_with(&limits, &facts(Purpose::Outreach, may_be(ZoneSource::Country)), "Wed 12:00", "no: UNKNOWN_ZONE");
    check_with(&limits, &facts(Purpose::Transactional, may_be(ZoneSource::Country)), "Wed 12:00", "send");
    let country = facts(Purpose::Transactional, may_be(ZoneSource::Country));
    check_with(&limits, &country, "Wed 20:30", "hold until Thu 11:00: quiet hours");
}

#[test]
fn zones_that_never_share_an_hour_of_the_day_get_nothing() {
    let apart = Standing { zones: zones(&["Asia/Tokyo", "America/New_York"], ZoneSource::Evidence), ..somebody() };
    let limits = Limits { quiet_from: TimeOfDay::at(18, 0), ..Limits::default() };
    let decision = check_with(&limits, &facts(Purpose::Transactional, apart), "Wed 12:00", "no: UNKNOWN_ZONE");
    assert!(decision.why.contains("There is no hour"), "{}", decision.why);
    let step = decision.trace.iter().find(|step| step.code == Some(Reason::UnknownZone)).unwrap();
    assert_eq!(step.inputs, json!({ "zones": ["Asia/Tokyo", "America/New_York"] }));
}

#[test]
fn words_that_need_an_approval_wait_for_no_other() {
    for topic in Topic::ALL {
        let asks = |approved| {
            let automated = super::is_automated(*topic);
            Facts { topic: *topic, approved, automated, ..facts(Purpose::Transactional, somebody()) }
        };
        let needed = matches!(topic, Topic::FollowUp | Topic::Checklist | Topic::Message);
        let limits = Limits::default();
        let unasked = if needed { "no: NOT_APPROVED" } else { "send" };
        check_with(&limits, &asks(Approved::Unasked), "Wed 12:00", unasked);
        let given = |state: &str, covers| asks(Approved::Given { state: state.into(), covers, by_rule: None });
        check_with(&limits, &given("approved", true), "Wed 12:00", "send");
        for state in ["pending", "rejected", "expired", "superseded", "withdrawn", "changes_requested"] {
            check_with(&limits, &given(state, true), "Wed 12:00", "no: NOT_APPROVED");
        }
        check_with(&limits, &given("approved", false), "Wed 12:00", "no: NOT_APPROVED");
    }
}

#[test]
fn an_address_that_the_channel_cannot_reach_is_said() {
    let check = |channel, address: &str, good: bool| {
        assert_eq!(super::address_problem(channel, address).is_none(), good, "{channel} {address}");
    };
    check(Channel::Email, "ann@example.org", true);
    check(Channel::Email, "ann", false);
    check(Channel::Email, "", false);
    check(Channel::Sms, "+13125550100", true);
    check(Channel::Sms, "3125550100", true);
    check(Channel::Sms, "5550100", false);
    check(Channel::Discord, "77/9001", true);
    check(Channel::Discord, "77/", false);
    check(Channel::Discord, "112233445566778899", true);
    check(Channel::Discord, "#general", false);
    check(Channel::InApp, "", true);
    let wrong =
        Facts { address_problem: Some("It is no address.".into()), ..facts(Purpose::Outreach, somebody()) };
    check_with(&Limits::default(), &wrong, "Wed 12:00", "no: BAD_ADDRESS");
    let webhook = Facts { channel: Channel::Webhook, ..facts(Purpose::Transactional, somebody()) };
    check_with(&Limits::default(), &webhook, "Wed 12:00", "no: BAD_ADDRESS");
}

#[test]
fn a_workspace_can_be_stricter() {
    let outreach = facts(Purpose::Outreach, somebody());
    let about = facts(Purpose::Transactional, somebody());
    let hours =
        Limits { quiet_from: TimeOfDay::at(18, 0), quiet_until: TimeOfDay::at(10, 30), ..Limits::default() };
    check_with(&hours, &outreach, "Wed 10:00", "hold until Wed 10:30: quiet hours");
    check_with(&hours, &outreach, "Sat 18:00", "hold until Mon 10:30: quiet hours, Sunday");
    let saturdays = Limits { hold_saturdays: true, ..Limits::default() };
    check_with(&saturdays, &outreach, "Fri 21:30", "hold until Mon 09:00: quiet hours, Sunday");
    check_with(&saturdays, &about, "Sat 12:00", "send");
    let both = Limits { hold_transactional: true, ..saturdays };
    check_with(&both, &about, "Sat 12:00", "hold until Mon 09:00: Sunday");
    let blackout =
        Limits { blackout_days: BTreeSet::from([date(2026, 10, 14), date(2026, 10, 15)]), ..Limits::default() };
    check_with(&blackout, &outreach, "Wed 12:00", "hold until Fri 09:00: blackout");
    check_with(&blackout, &about, "Wed 12:00", "send");
    let none = Limits { messages_per_day: Some(0), ..Limits::default() };
    check_with(&none, &about, "Wed 12:00", "no: QUOTA");
    let some = Limits { messages_per_day: Some(5), ..Limits::default() };
    check_with(&some, &about, "Wed 12:00", "send");
    let full = Facts { quota_full_until: Some(at("Wed 15:00")), ..about };
    check_with(&some, &full, "Wed 12:00", "hold until Wed 15:00: quota");
    // What could leave after more than a year never leaves.
    let year = at("Wed 12:00") + SignedDuration::from_hours(24 * 366);
    let far = |until| Facts { quota_full_until: Some(until), ..facts(Purpose::Transactional, somebody()) };
    check_with(&some, &far(year), "Wed 12:00", "hold until Fri 12:00: quota");
    check_with(&some, &far(year + SignedDuration::from_mins(1)), "Wed 12:00", "no: UNKNOWN_ZONE");
    let late = Facts { quota_full_until: Some(at("Sat 21:30")), ..outreach };
    check_with(&some, &late, "Sat 12:00", "hold until Mon 09:00: quiet hours, Sunday, quota");
}

/// The days on which a zone changed its clock within three years, and how its neighbours stand.
fn changes(zone: &TimeZone) -> Vec<Date> {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let end = start + SignedDuration::from_hours(24 * 365 * 3);
    zone.following(start)
        .take_while(|change| change.timestamp() < end)
        .map(|change| change.timestamp().to_zoned(zone.clone()).date())
        .collect()
}

#[test]
fn nine_is_nine_on_the_wall_whatever_the_clock_did_that_night() {
    let mut seen = 0;
    for name in [
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Los_Angeles",
        "America/Anchorage",
        "America/Adak",
        "America/Halifax",
        "America/St_Johns",
        "Europe/London",
        "Europe/Berlin",
        "Africa/Casablanca",
        "Asia/Beirut",
        "Australia/Sydney",
        "Australia/Lord_Howe",
        "Pacific/Auckland",
        "Pacific/Chatham",
        "America/Santiago",
        "Asia/Jerusalem",
    ] {
        let zone = TimeZone::get(name).unwrap();
        let changes = changes(&zone);
        assert!(changes.len() >= 2, "{name}");
        let standing = Standing { zones: zones(&[name], ZoneSource::Stated), ..somebody() };
        let about = facts(Purpose::Transactional, standing);
        for day in changes {
            seen += 1;
            let on = |day: Date, time: TimeOfDay| time.instant(day, &zone).unwrap();
            let nine = on(day, TimeOfDay::at(9, 0));
            assert_eq!(nine.to_zoned(zone.clone()).strftime("%H:%M").to_string(), "09:00", "{name} {day}");
            let evening = on(day.yesterday().unwrap(), TimeOfDay::at(21, 0));
            let mut now = evening;
            while now < nine {
                let decision = decide(&about, &Limits::default(), now);
                assert_eq!(decision.until, Some(nine), "{name} {now}");
                now += SignedDuration::from_mins(10);
            }
            let minute = SignedDuration::from_mins(1);
            for open in [nine, evening - minute, on(day, TimeOfDay::at(20, 59))] {
                assert_eq!(decide(&about, &Limits::default(), open).verdict, Verdict::Allow, "{name} {open}");
            }
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn a_cap_counts_hours_and_not_what_the_wall_shows() {
    // The night of 31 October 2026 has 25 hours in Chicago.
    let sent: Timestamp = "2026-10-31T17:00:00Z".parse().unwrap();
    let limits = Limits { outreach_every_hours: 48, ..Limits::default() };
    let standing = Standing { outreach: vec![sent], ..somebody() };
    let decision = decide(&facts(Purpose::Outreach, standing), &limits, sent + SignedDuration::from_hours(1));
    assert_eq!(decision.until, Some(sent + SignedDuration::from_hours(48)));
    assert_eq!(decision.codes, [Reason::FrequencyCap]);
}

fn quiet(from: &str, until: &str) -> Quiet {
    Quiet { from: from.into(), until: until.into() }
}

#[test]
fn what_a_contact_said_holds_back_and_lets_nothing_through() {
    let said = |mode| facts(Purpose::Transactional, Standing { mode, ..somebody() });
    let same = Limits::default();
    check_with(&same, &said(Some(Mode::Off)), "Wed 12:00", "no: SWITCHED_OFF");
    check_with(&same, &said(Some(Mode::On)), "Wed 12:00", "send");
    check_with(&same, &said(Some(Mode::On)), "Wed 22:00", "hold until Thu 09:00: quiet hours");
    let hours =
        |from, until| facts(Purpose::Transactional, Standing { quiet: Some(quiet(from, until)), ..somebody() });
    check_with(&same, &hours("20:00", "10:30"), "Wed 10:00", "hold until Wed 10:30: quiet hours");
    check_with(&same, &hours("20:00", "10:30"), "Wed 20:00", "hold until Thu 10:30: quiet hours");
    check_with(&same, &hours("12:00", "14:00"), "Wed 13:59", "hold until Wed 14:00: quiet hours");
    check_with(&same, &hours("12:00", "14:00"), "Wed 14:00", "send");
    // Shorter than the floor, or no hours at all: the floor holds.
    check_with(&same, &hours("23:00", "06:00"), "Wed 22:00", "hold until Thu 09:00: quiet hours");
    check_with(&same, &hours("12:00", "12:00"), "Wed 12:00", "send");
}

#[test]
fn a_decision_from_before_contacts_were_asked_comes_out_as_it_was() {
    let now = at("Wed 12:00");
    let mut stored = serde_json::to_value(facts(Purpose::Outreach, somebody())).unwrap();
    let standing = &mut stored["recipient"]["contact"];
    assert!(standing.get("mode").is_none() && standing.get("quiet").is_none());
    standing["last_inbound_at"] = serde_json::Value::Null;
    let read: Facts = serde_json::from_value(stored).unwrap();
    let rules: Vec<Rule> = decide(&read, &Limits::default(), now).trace.iter().map(|step| step.rule).collect();
    assert!(!rules.contains(&Rule::Preference) && !rules.contains(&Rule::OwnQuietHours), "{rules:?}");
}

#[test]
fn every_refusal_says_what_happened_and_what_to_do() {
    let moment = at("Sat 22:00");
    let mut table = String::new();
    for purpose in [Purpose::Outreach, Purpose::Transactional] {
        for (title, facts, limits) in cases(purpose) {
            let decision = decide(&facts, &limits, moment);
            let until = decision.until.map_or_else(String::new, |at| format!(" until {at}"));
            table.push_str(&format!("{purpose}, {title}: {}{until}\n  {}\n", decision.verdict, decision.why));
            if !decision.next.is_empty() {
                table.push_str(&format!("  {}\n", decision.next));
            }
            for step in &decision.trace {
                let code = step.code.map_or_else(String::new, |code| format!(" {code}"));
                table.push_str(&format!("    {:<14}{}{code}\n", step.rule.as_str(), step.verdict));
            }
        }
    }
    insta::assert_snapshot!(table);
}

/// The rules that hold a message back for a while, when they do and when they do not.
#[test]
fn every_rule_that_waits_says_what_it_looked_at() {
    let limits = Limits {
        blackout_days: BTreeSet::from([date(2026, 10, 17)]),
        messages_per_day: Some(10),
        transactional_per_day: 2,
        ..Limits::default()
    };
    let saturdays = Limits { hold_saturdays: true, hold_transactional: true, ..limits.clone() };
    let (noon, earlier) = (at("Sat 12:00"), at("Sat 08:00"));
    let written = |zones: &[&str]| Standing {
        outreach: vec![noon, earlier],
        transactional: vec![noon, earlier, earlier],
        zones: self::zones(zones, ZoneSource::Evidence),
        ..somebody()
    };
    let full = |purpose, standing| Facts { quota_full_until: Some(at("Sun 10:00")), ..facts(purpose, standing) };
    let two = ["America/Chicago", "America/Denver"];
    let many = ["America/Chicago", "America/Denver", "America/Phoenix", "America/Boise"];
    let mut table = String::new();
    for (title, facts, limits, now) in [
        ("by day", facts(Purpose::Outreach, somebody()), &limits, "Wed 12:00"),
        ("by day, about a deal", facts(Purpose::Transactional, somebody()), &saturdays, "Wed 12:00"),
        ("on a Saturday night", full(Purpose::Outreach, written(&[CHICAGO])), &limits, "Sat 22:00"),
        ("on a held Saturday night", full(Purpose::Transactional, written(&two)), &saturdays, "Sat 22:00"),
        ("in the dark of Sunday", full(Purpose::Outreach, written(&many)), &limits, "Sun 03:00"),
    ] {
        table.push_str(&format!("{title}\n"));
        let waits = [Rule::FrequencyCap, Rule::QuietHours, Rule::SundayHold, Rule::BlackoutDay, Rule::Quota];
        for step in decide(&facts, limits, at(now)).trace.iter().filter(|step| waits.contains(&step.rule)) {
            let until = step.until.map_or_else(String::new, |at| format!(" until {at}"));
            table.push_str(&format!(
                "  {}: {}{until}. {}\n    {}\n",
                step.rule, step.verdict, step.sentence, step.inputs
            ));
        }
    }
    insta::assert_snapshot!(table);
}

/// One case a rule, late on a Saturday.
fn cases(purpose: Purpose) -> Vec<(&'static str, Facts, Limits)> {
    let usual = || facts(purpose, somebody());
    let with = |change: &dyn Fn(&mut Standing)| {
        let mut standing = somebody();
        change(&mut standing);
        facts(purpose, standing)
    };
    let earlier = at("Sat 12:00");
    let same = Limits::default;
    vec![
        ("nothing special", usual(), same()),
        ("opted out", with(&|s| s.opted_out_at = Some(earlier)), same()),
        (
            "opted out by another",
            with(&|s| (s.opted_out_at, s.opted_out_elsewhere) = (Some(earlier), true)),
            same(),
        ),
        ("cap", with(&|s| (s.outreach, s.transactional) = (vec![earlier], vec![earlier; 6])), same()),
        (
            "unanswered",
            with(&|s| s.outreach = (1..6).map(|n| earlier - SignedDuration::from_hours(24 * n)).collect()),
            same(),
        ),
        ("taken over", with(&|s| s.taken_over_at = Some(earlier)), same()),
        ("switched off", with(&|s| s.mode = Some(Mode::Off)), same()),
        ("own quiet hours", with(&|s| s.quiet = Some(quiet("20:00", "10:00"))), same()),
        ("risky", Facts { risks: vec!["an account number".into()], ..usual() }, same()),
        ("no consent to text messages", Facts { channel: Channel::Sms, ..with(&|s| s.consents.clear()) }, same()),
        ("no consent to e-mail", with(&|s| s.consents.clear()), same()),
        (
            "two zones",
            with(&|s| s.zones = zones(&["America/Chicago", "America/Denver"], ZoneSource::Evidence)),
            same(),
        ),
        (
            "no zone",
            with(&|s| s.zones = zones(&["America/Chicago", "America/Denver"], ZoneSource::Country)),
            same(),
        ),
        (
            "wrong address",
            Facts { address_problem: Some("The address is no e-mail address.".into()), ..usual() },
            same(),
        ),
        (
            "quota",
            Facts { quota_full_until: Some(at("Sun 10:00")), ..usual() },
            Limits { messages_per_day: Some(10), ..same() },
        ),
        ("no quota", usual(), Limits { messages_per_day: Some(0), ..same() }),
        ("blackout", usual(), Limits { blackout_days: BTreeSet::from([date(2026, 10, 17)]), ..same() }),
        ("not approved", Facts { topic: Topic::FollowUp, ..usual() }, same()),
        (
            "other words approved",
            Facts {
                topic: Topic::FollowUp,
                approved: Approved::Given { state: "approved".into(), covers: false, by_rule: None },
                ..usual()
            },
            same(),
        ),
        ("words not written yet", Facts { topic: Topic::FollowUp, approved: Approved::Later, ..usual() }, same()),
    ]
}
