use jiff::civil::date;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::deals::milestone::rules::lapses_at;
use crate::people::reach::Channel;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id(n: u128) -> MilestoneId {
    MilestoneId(Uuid::from_u128(n))
}

fn member(n: u128) -> Recipient {
    Recipient::Member(MemberId(Uuid::from_u128(n)))
}

/// A milestone of a deal in Chicago that one member is reminded of.
fn item(n: u128, due_on: Date, lead: i32) -> Item {
    Item {
        id: id(n),
        due_on,
        lapses_at: lapses_at(due_on, &zone("America/Chicago")),
        lead: Some(lead),
        required: true,
        by_agent: false,
        recipients: vec![member(1)],
        snoozed_until: None,
    }
}

fn planned(items: &[Item], now: &str, settled: HashMap<Key, Option<Timestamp>>) -> Plan {
    let escalation = Escalation { after: SignedDuration::from_hours(24), path: vec![vec![]] };
    plan(&Facts {
        now: instant(now),
        zone: zone("America/Chicago"),
        owner: Some(MemberId(Uuid::from_u128(1))),
        items,
        settled,
        escalation: &escalation,
    })
}

/// The zones of the matrix, with a day on which their clocks go forward and one on which they go back, where they do.
const ZONES: [(&str, &str, &str); 14] = [
    ("America/New_York", "2027-03-14", "2027-11-07"),
    ("America/Chicago", "2027-03-14", "2027-11-07"),
    ("America/Denver", "2027-03-14", "2027-11-07"),
    ("America/Phoenix", "2027-03-14", "2027-11-07"),
    ("America/Los_Angeles", "2027-03-14", "2027-11-07"),
    ("America/Anchorage", "2027-03-14", "2027-11-07"),
    ("Pacific/Honolulu", "2027-03-14", "2027-11-07"),
    ("America/St_Johns", "2027-03-14", "2027-11-07"),
    ("America/Santiago", "2027-09-05", "2027-04-04"),
    ("Europe/London", "2027-03-28", "2027-10-31"),
    ("Europe/Berlin", "2027-03-28", "2027-10-31"),
    ("Asia/Kolkata", "2027-03-28", "2027-10-31"),
    ("Australia/Lord_Howe", "2027-10-03", "2027-04-04"),
    ("Pacific/Auckland", "2027-09-26", "2027-04-04"),
];

#[test]
fn nine_is_nine_in_every_zone_around_both_changes_of_the_clocks() {
    for (name, forward, back) in ZONES {
        let zone = zone(name);
        for change in [forward, back] {
            let change: Date = change.parse().unwrap();
            for day in [change.yesterday().unwrap(), change, change.tomorrow().unwrap()] {
                let at = nine(day, &zone);
                let local = at.to_zoned(zone.clone());
                assert_eq!(local.datetime(), day.at(9, 0, 0, 0), "{name} {day}");
                // One minute before it waits, at nine it goes out, and it is looked at before either.
                let lapse = lapses_at(day.tomorrow().unwrap(), &zone);
                let before = at - SignedDuration::from_mins(1);
                assert_eq!(when(at, lapse, &zone, before), When::Later(at), "{name} {day}");
                assert_eq!(when(at, lapse, &zone, at), When::Now, "{name} {day}");
                let look = first_look(day.tomorrow().ok(), Some(1), Some(lapse)).unwrap();
                assert!(look < at, "{name} {day}: first look {look}, due {at}");
            }
        }
    }
}

#[test]
fn nine_in_a_gap_is_the_end_of_the_gap_and_in_a_fold_the_first() {
    // Samoa left out the whole of 30 December 2011; Kwajalein the whole of 21 August 1993.
    let apia = zone("Pacific/Apia");
    assert_eq!(nine(date(2011, 12, 30), &apia).to_zoned(apia).datetime(), date(2011, 12, 31).at(9, 0, 0, 0));
    // A zone by rule whose clocks go back over nine o'clock.
    let fold = TimeZone::posix("AAA3BBB2,M3.2.0/9,M11.1.0/9:30").unwrap();
    let day = date(2027, 11, 7);
    let both = fold.to_ambiguous_zoned(day.at(9, 0, 0, 0));
    assert!(both.is_ambiguous());
    assert_eq!(nine(day, &fold), both.earlier().unwrap().timestamp());
    let gap = nine(date(2027, 3, 14), &fold).to_zoned(fold.clone());
    assert_eq!(gap.datetime(), date(2027, 3, 14).at(10, 0, 0, 0));
}

#[test]
fn a_reminder_whose_time_passed_goes_out_at_once_but_not_at_night() {
    let chicago = zone("America/Chicago");
    let lapse = lapses_at(date(2026, 12, 11), &chicago);
    let at = nine(date(2026, 12, 9), &chicago);
    let check = |now: &str, expected: &str| {
        let said = match when(at, lapse, &chicago, instant(now)) {
            When::Now => "now".to_owned(),
            When::TooLate => "too late".to_owned(),
            When::Later(at) => at.to_zoned(chicago.clone()).strftime("%a %H:%M").to_string(),
        };
        assert_eq!(said, expected, "{now}");
    };
    check("2026-12-09T14:59:59Z", "Wed 09:00");
    check("2026-12-09T15:00:00Z", "now");
    check("2026-12-10T04:00:00Z", "now");
    // Three in the morning: a server that comes up then waits for nine.
    check("2026-12-10T09:00:00Z", "Thu 09:00");
    check("2026-12-11T09:00:00Z", "Fri 09:00");
    check("2026-12-12T05:59:59Z", "now");
    check("2026-12-12T06:00:00Z", "too late");
}

#[test]
fn who_would_be_woken_until_the_day_is_over_is_told_at_night() {
    // It is nine in Samara when the day ends in New York: waiting for it would be too late.
    let (samara, at) = (zone("Europe/Samara"), instant("2026-12-11T05:00:00Z"));
    let lapse = lapses_at(date(2026, 12, 11), &zone("America/New_York"));
    assert_eq!(nine(date(2026, 12, 12), &samara), lapse);
    assert_eq!(when(at, lapse, &samara, instant("2026-12-12T04:00:00Z")), When::Now);
}

#[test]
fn an_owner_far_to_the_west_is_reminded_before_the_day_is_over() {
    let (auckland, honolulu) = (zone("Pacific/Auckland"), zone("Pacific/Honolulu"));
    let day = date(2026, 12, 11);
    let lapse = lapses_at(day, &auckland);
    let at = remind_at(day, lapse, &honolulu);
    assert!(at < lapse);
    assert_eq!(at.to_zoned(honolulu).datetime(), date(2026, 12, 10).at(9, 0, 0, 0));
    assert!(first_look(Some(day), Some(0), Some(lapse)).unwrap() < at);
    // Everybody else on the day itself.
    assert_eq!(remind_at(day, lapse, &auckland), nine(day, &auckland));
}

#[test]
fn the_clock_looks_shortly_before_the_day_of_the_reminder_and_when_the_due_day_is_over() {
    let day = date(2026, 12, 11);
    let lapse = lapses_at(day, &zone("America/Chicago"));
    let check = |due_on, lead, lapses_at, expected: Option<&str>| {
        assert_eq!(first_look(due_on, lead, lapses_at), expected.map(instant), "{due_on:?} {lead:?}");
    };
    check(Some(day), Some(2), Some(lapse), Some("2026-12-07T22:00:00Z"));
    check(Some(day), Some(0), Some(lapse), Some("2026-12-09T22:00:00Z"));
    check(Some(day), None, Some(lapse), Some("2026-12-12T06:00:00Z"));
    check(None, None, None, None);
}

#[test]
fn who_answers_for_a_milestone_is_reminded_and_the_team_hears_of_it() {
    let contact = |n: u128| ContactId(Uuid::from_u128(n));
    let parties =
        [(PartyRole::Buyer, contact(11)), (PartyRole::Seller, contact(12)), (PartyRole::Buyer, contact(13))];
    let chat = Recipient::Chat(Channel::Discord, "112233445566778899".into());
    let owner = Some(MemberId(Uuid::from_u128(1)));
    let check = |responsible, member: Option<u128>, owner, chat: Option<&Recipient>, expected: &[&str]| {
        let member = member.map(|n| MemberId(Uuid::from_u128(n)));
        let told: Vec<String> = recipients(responsible, member, &parties, owner, chat)
            .iter()
            .map(|recipient| match recipient {
                Recipient::Member(id) => format!("member {}", id.0.as_u128()),
                Recipient::Contact(id) => format!("contact {}", id.0.as_u128()),
                Recipient::Chat(..) => "chat".into(),
            })
            .collect();
        assert_eq!(told, expected, "{responsible} {member:?}");
    };
    check(Responsible::Buyer, None, owner, None, &["contact 11", "contact 13", "member 1"]);
    check(Responsible::Buyer, None, owner, Some(&chat), &["contact 11", "contact 13", "chat"]);
    check(Responsible::All, None, owner, None, &["contact 11", "contact 12", "contact 13", "member 1"]);
    // A member who answers for it is told instead of the parties; nobody is told twice.
    check(Responsible::Buyer, Some(2), owner, None, &["member 2", "member 1"]);
    check(Responsible::Buyer, Some(1), owner, None, &["member 1"]);
    // Nobody has the role: the owner is told.
    check(Responsible::Lender, None, owner, Some(&chat), &["member 1", "chat"]);
    check(Responsible::Lender, None, None, None, &[]);
}

#[test]
fn a_milestone_has_one_reminder_for_each_who_is_told_and_none_when_they_are_off() {
    let told = Item { recipients: vec![member(1), member(2)], ..item(1, date(2026, 12, 11), 2) };
    let key = |recipient| Key { milestone: id(1), kind: Kind::Reminder, recipient, on: date(2026, 12, 9) };
    assert_eq!(told.keys(), [key(member(1)), key(member(2))]);
    assert_eq!(Item { lead: None, ..told }.keys(), []);
}

#[test]
fn a_milestone_due_tomorrow_reminds_today_and_one_due_in_ten_days_does_not() {
    let items = [item(1, date(2026, 10, 15), 2), item(2, date(2026, 10, 24), 2)];
    let plan = planned(&items, "2026-10-14T15:00:00Z", HashMap::new());
    assert_eq!(plan.groups.len(), 1);
    assert_eq!(plan.groups[0].items, [(id(1), date(2026, 10, 13))]);
    // The other is looked at shortly before its day begins anywhere.
    assert_eq!(plan.looks[1], (id(2), Some(instant("2026-10-20T22:00:00Z"))));
}

#[test]
fn what_was_put_off_is_said_again_at_nine_of_its_day_and_to_no_contact() {
    let contact = Recipient::Contact(ContactId(Uuid::from_u128(9)));
    let on = date(2026, 12, 10);
    let off = Item {
        lead: None,
        snoozed_until: Some(on),
        recipients: vec![contact, member(1)],
        ..item(1, date(2026, 12, 11), 2)
    };
    let early = planned(std::slice::from_ref(&off), "2026-12-10T14:59:00Z", HashMap::new());
    assert_eq!((early.groups.len(), early.looks[0].1), (0, Some(instant("2026-12-10T15:00:00Z"))));
    let plan = planned(std::slice::from_ref(&off), "2026-12-10T15:00:00Z", HashMap::new());
    let group = Group {
        recipient: member(1),
        kind: Kind::Snoozed,
        items: vec![(id(1), on)],
        at: instant("2026-12-10T15:00:00Z"),
    };
    assert_eq!(plan.groups, [group]);
    let key = Key { milestone: id(1), kind: Kind::Snoozed, recipient: member(1), on };
    let told = HashMap::from([(key, Some(instant("2026-12-10T15:00:00Z")))]);
    assert_eq!(planned(&[off], "2026-12-10T15:00:01Z", told).groups, []);
}

#[test]
fn due_days_within_three_days_share_a_message() {
    let items = [item(1, date(2026, 12, 11), 2), item(2, date(2026, 12, 13), 2), item(3, date(2026, 12, 14), 2)];
    let plan = planned(&items, "2026-12-09T15:00:00Z", HashMap::new());
    assert_eq!(plan.groups.len(), 1);
    assert_eq!(plan.groups[0].items, [(id(1), date(2026, 12, 9)), (id(2), date(2026, 12, 11))]);
}

#[test]
fn what_an_agent_wrote_is_kept_from_contacts_and_shown_to_the_team() {
    let contact = Recipient::Contact(ContactId(Uuid::from_u128(9)));
    let written =
        Item { by_agent: true, recipients: vec![contact.clone(), member(1)], ..item(1, date(2026, 12, 11), 2) };
    let plan = planned(&[written], "2026-12-09T15:00:00Z", HashMap::new());
    assert_eq!(plan.withheld.iter().map(|key| &key.recipient).collect::<Vec<_>>(), [&contact]);
    assert_eq!(plan.groups.iter().map(|group| &group.recipient).collect::<Vec<_>>(), [&member(1)]);
}

#[test]
fn what_an_agent_wrote_is_not_slipped_into_a_contacts_other_message() {
    let contact = Recipient::Contact(ContactId(Uuid::from_u128(9)));
    let due = Item { recipients: vec![contact.clone()], ..item(1, date(2026, 12, 11), 2) };
    let later = Item { by_agent: true, recipients: vec![contact.clone()], ..item(2, date(2026, 12, 12), 2) };
    let plan = planned(&[due, later], "2026-12-09T15:00:00Z", HashMap::new());
    assert_eq!(plan.groups.len(), 1);
    assert_eq!(plan.groups[0].items, [(id(1), date(2026, 12, 9))]);
    // Its own time comes tomorrow.
    assert_eq!((plan.withheld, plan.looks[1]), (vec![], (id(2), Some(instant("2026-12-10T15:00:00Z")))));
}

/// What is told, and when, of one overdue milestone of Friday 11 December to whom the steps name: an admin, somebody who
/// has left, the owner. The clock begins at `from`, and then looks when a look is wanted; each message leaves so many
/// hours after it was planned.
fn escalates(from: &str, hours_to_leave: i64) -> Vec<String> {
    let (admin, owner) = (MemberId(Uuid::from_u128(2)), MemberId(Uuid::from_u128(1)));
    let escalation =
        Escalation { after: SignedDuration::from_hours(24), path: vec![vec![admin], vec![], vec![owner]] };
    let optional = Item { required: false, ..item(2, date(2026, 12, 11), 2) };
    let items = [Item { lead: None, ..item(1, date(2026, 12, 11), 2) }, Item { lead: None, ..optional }];
    let mut settled: HashMap<Key, Option<Timestamp>> = HashMap::new();
    let mut leaving: Vec<(Key, Timestamp)> = Vec::new();
    let mut told = Vec::new();
    let mut now = instant(from);
    loop {
        settled.extend(leaving.iter().filter(|(_, at)| *at <= now).map(|(key, at)| (key.clone(), Some(*at))));
        let plan = plan(&Facts {
            now,
            zone: zone("America/Chicago"),
            owner: Some(owner),
            items: &items,
            settled: settled.clone(),
            escalation: &escalation,
        });
        for group in &plan.groups {
            let whom = if group.recipient == member(2) { "admin" } else { "owner" };
            told.push(format!("{now} {} of {} to the {whom}", group.kind, group.items.len()));
            for (milestone, on) in &group.items {
                let (kind, recipient) = (group.kind, group.recipient.clone());
                let key = Key { milestone: *milestone, kind, recipient, on: *on };
                assert_eq!(settled.insert(key.clone(), None), None, "twice");
                leaving.push((key, now + SignedDuration::from_hours(hours_to_leave)));
            }
        }
        match plan.looks.iter().filter_map(|(_, at)| *at).min() {
            Some(next) => {
                assert!(next > now, "a look that does not advance");
                now = next;
            }
            None => return told,
        }
    }
}

#[test]
fn an_overdue_milestone_is_told_once_and_escalates_step_by_step() {
    assert_eq!(
        escalates("2026-12-11T12:00:00Z", 0),
        [
            "2026-12-12T06:00:00Z overdue of 2 to the owner",
            "2026-12-13T06:00:00Z escalation.1 of 1 to the admin",
            "2026-12-15T06:00:00Z escalation.3 of 1 to the owner",
        ]
    );
}

#[test]
fn after_a_downtime_the_steps_come_one_at_a_time_from_when_the_owner_was_told() {
    assert_eq!(
        escalates("2026-12-19T18:00:00Z", 0),
        [
            "2026-12-19T18:00:00Z overdue of 2 to the owner",
            "2026-12-20T18:00:00Z escalation.1 of 1 to the admin",
            "2026-12-22T18:00:00Z escalation.3 of 1 to the owner",
        ]
    );
}

#[test]
fn a_notice_that_has_not_left_is_not_escalated() {
    assert_eq!(
        escalates("2026-12-12T06:00:00Z", 100),
        [
            "2026-12-12T06:00:00Z overdue of 2 to the owner",
            "2026-12-17T10:00:00Z escalation.1 of 1 to the admin",
            "2026-12-23T14:00:00Z escalation.3 of 1 to the owner",
        ]
    );
}

#[test]
fn no_clock_of_these_years_skips_or_repeats_nine_in_the_morning() {
    // Since 1970 only islands that changed sides of the date line skipped a nine o'clock, with the whole of its day, the
    // last of them in 2011, and no clock had one twice. So a fold over nine is told with a zone made up by a rule, above.
    let (from, until) = (instant("2020-01-01T00:00:00Z"), instant("2036-01-01T00:00:00Z"));
    for name in jiff::tz::db().available() {
        let Ok(zone) = TimeZone::get(name.as_str()) else { continue };
        for change in zone.following(from).take_while(|change| change.timestamp() < until) {
            let day = change.timestamp().to_zoned(zone.clone()).date();
            for day in [day.yesterday().unwrap(), day, day.tomorrow().unwrap()] {
                assert!(!zone.to_ambiguous_zoned(day.at(9, 0, 0, 0)).is_ambiguous(), "{name} {day}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    // Whatever is due when, with looks at any instants: every reminder is in exactly one message or missed, never both,
    // and no message spans more than three days.
    #[test]
    fn each_reminder_is_in_exactly_one_message(
        days in prop::collection::vec((0i32..40, 0i32..12, 1u128..3), 1..14),
        steps in prop::collection::vec(1i64..400, 0..40),
    ) {
        let first = date(2026, 11, 1);
        let items: Vec<Item> = days
            .iter()
            .enumerate()
            .map(|(n, (day, lead, who))| {
                let due = first.checked_add(Span::new().days(*day)).unwrap();
                Item { recipients: vec![member(*who)], ..item(n as u128 + 10, due, *lead) }
            })
            .collect();
        let mut settled: HashMap<Key, Option<Timestamp>> = HashMap::new();
        let mut now = instant("2026-10-01T00:00:00Z");
        let mut steps = steps.into_iter();
        loop {
            let text = now.to_string();
            let plan = planned(&items, &text, settled.clone());
            for group in plan.groups.iter().filter(|group| group.kind == Kind::Reminder) {
                let dues: Vec<Date> =
                    group.items.iter().map(|(id, _)| items.iter().find(|i| i.id == *id).unwrap().due_on).collect();
                let (least, most) = (dues.iter().min().unwrap(), dues.iter().max().unwrap());
                prop_assert!(least.until(*most).unwrap().get_days() <= 2);
            }
            let reminded = plan.groups.iter().flat_map(|group| {
                group.items.iter().map(|(milestone, on)| Key {
                    milestone: *milestone,
                    kind: group.kind,
                    recipient: group.recipient.clone(),
                    on: *on,
                })
            });
            for key in reminded.chain(plan.missed.iter().cloned()) {
                prop_assert!(settled.insert(key.clone(), Some(now)).is_none(), "twice: {key:?}");
            }
            let next = plan.looks.iter().filter_map(|(_, at)| *at).min();
            // An outage of some hours, or as soon as there is something to look at.
            match (next, steps.next()) {
                (None, _) => break,
                (Some(at), None) => { prop_assert!(at > now, "a look that does not advance"); now = at }
                (Some(at), Some(hours)) => now = at.max(now + SignedDuration::from_hours(hours)),
            }
        }
        for item in &items {
            for key in item.keys() {
                prop_assert!(settled.contains_key(&key), "lost: {key:?}");
            }
        }
    }
}
