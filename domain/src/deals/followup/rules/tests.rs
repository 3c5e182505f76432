use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::assist::prompt;
use crate::deals::deal::{Deal, DealStatus, Financing};
use crate::deals::milestone::template::Template;
use crate::deals::milestone::{ByHand, OpenState, Origin};
use crate::kernel::id::{ContactId, DealId, MemberId, MilestoneId, WorkspaceId};
use crate::workspace::access::Role;
use crate::workspace::member::{Member, MemberStatus};
use crate::workspace::tenant::Workspace;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn noon(date: Date) -> Timestamp {
    format!("{date}T18:00:00Z").parse().unwrap()
}

/// A deal with a milestone of each type and a custom one, a week apart, and a party in every role.
fn file(side: Side, today: &str) -> File {
    let template = Template::built_in("residential").unwrap();
    let mut rules: Vec<(String, String, Responsible)> =
        template.rules.iter().map(|r| (r.type_.clone(), r.title.clone(), r.responsible)).collect();
    rules.push(("custom".into(), "Chimney sweep".into(), Responsible::Seller));
    let start = day("2026-10-17");
    let milestone = |(n, (type_, title, responsible)): (usize, (String, String, Responsible))| {
        let due = start.checked_add(jiff::Span::new().days(n as i64 * 7)).unwrap();
        Milestone {
            id: MilestoneId(Uuid::from_u128(n as u128 + 1)),
            deal_id: DealId(Uuid::nil()),
            type_,
            title,
            due_on: Some(due),
            lapses_at: None,
            state: State::Open(OpenState::Upcoming),
            required: true,
            responsible,
            responsible_member: None,
            remind_days_before: None,
            notify: vec![Responsible::All],
            notes: String::new(),
            evidence: Vec::new(),
            pinned: false,
            rule: None,
            origin: Origin::ByHand(ByHand { by: "x".into(), at: noon(start), reason: None, instead_of: None }),
            created_at: noon(start),
            version: 1,
        }
    };
    let parties = PartyRole::ALL.iter().enumerate().map(|(n, role)| {
        let contact = Contact {
            id: ContactId(Uuid::from_u128(n as u128 + 100)),
            name: format!("Party {role}"),
            email: Some(format!("{role}@example.org")),
            phone: None,
            time_zone: None,
            region: None,
        };
        (*role, contact)
    });
    File {
        deal: Deal {
            chat_channel: None,
            id: DealId(Uuid::nil()),
            title: "12 Oak Street".into(),
            address: "12 Oak Street, Chicago, IL 60601".into(),
            side,
            financing: Financing::Conventional,
            state: Some("IL".into()),
            price_cents: Some(42_500_000),
            time_zone: "America/Chicago".into(),
            owner_id: None,
            status: DealStatus::Active,
            template: "residential".into(),
            template_version: 1,
            key_dates: BTreeMap::from([
                ("contract_date".to_owned(), day("2026-10-14")),
                (CLOSING_DATE.to_owned(), day("2026-12-26")),
            ]),
            created_at: noon(start),
            activated_at: None,
            ended_at: None,
            version: 1,
        },
        milestones: rules.into_iter().enumerate().map(milestone).collect(),
        parties: parties.collect(),
        owner: None,
        workspace: Workspace {
            id: WorkspaceId(Uuid::nil()),
            slug: "lakeside".into(),
            name: "Lakeside Realty".into(),
            time_zone: "America/Chicago".into(),
        },
        today: day(today),
        preferences: Default::default(),
        agreed_to_sms: Default::default(),
    }
}

/// The deal on the day when a milestone is completed, all before it done as well.
fn on_completion(side: Side, n: usize, late: i64) -> File {
    let due = file(side, "2026-10-17").milestones[n].due_on.unwrap();
    let today = due.checked_add(jiff::Span::new().days(late)).unwrap();
    let mut file = file(side, &today.to_string());
    for m in &mut file.milestones[..=n] {
        m.state = State::Completed { at: noon(today), by: "Cora".into() };
    }
    file
}

/// Every type x role x side x in time or late, each text once with everybody who gets it. Each passes the same check as a
/// model's words.
#[test]
fn every_letter_without_a_model_is_whole_and_states_only_what_is_so() {
    let count = file(Side::Buyer, "2026-10-17").milestones.len();
    let mut rendered = 0;
    for n in 0..count {
        let type_ = file(Side::Buyer, "2026-10-17").milestones[n].type_.clone();
        let mut letters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (late, when) in [(0, "in time"), (3, "late")] {
            for side in Side::ALL {
                let file = on_completion(*side, n, late);
                let known = known(&file);
                for role in PartyRole::ALL {
                    let told = follow_up(&file, &file.milestones[n], *role).unwrap();
                    assert_eq!(told.done.days_late, late);
                    let letter = prompt::fallback(&told).unwrap().checked().unwrap();
                    assert_eq!(letter.findings(&known), [], "{}\n{}", letter.subject, letter.body);
                    prompt::question(&told).unwrap();
                    let words = format!("{}\n\n{}", letter.subject, letter.body);
                    assert!(!words.contains("  ") && !words.contains("\n\n\n") && words.len() < 2_000, "{words}");
                    letters.entry(words).or_default().push(format!("{role}, our {side} side, {when}"));
                    rendered += 1;
                }
            }
        }
        let mut all: Vec<(Vec<String>, String)> = letters.into_iter().map(|(words, who)| (who, words)).collect();
        all.sort();
        let all: Vec<String> =
            all.into_iter().map(|(who, words)| format!("# {}\n{words}", who.join("\n# "))).collect();
        insta::assert_snapshot!(format!("letters_about_{type_}"), all.join("\n\n----------\n\n"));
    }
    assert_eq!(rendered, 12 * 10 * 3 * 2);
}

#[test]
fn the_nearer_the_next_date_the_more_urgent() {
    for (next, late, overdue, expected) in [
        (Some(30), 0, 0, Urgency::Routine),
        (None, 0, 0, Urgency::Routine),
        (Some(30), 3, 0, Urgency::Important),
        (Some(7), 0, 0, Urgency::Important),
        (Some(2), 0, 0, Urgency::Urgent),
        (Some(0), 0, 0, Urgency::Urgent),
        (Some(30), 0, 1, Urgency::Urgent),
    ] {
        assert_eq!(urgency(next, late, overdue), expected, "{next:?} {late} {overdue}");
    }
}

#[test]
fn what_is_listed_is_the_deal_as_it_is() {
    let mut file = on_completion(Side::Buyer, 3, 0);
    // Earlier steps that are still open are named as late; later ones that are done are not named at all.
    file.milestones[1].state = State::Open(OpenState::Scheduled);
    file.milestones[4].state = State::Completed { at: noon(file.today), by: "Cora".into() };
    let told = follow_up(&file, &file.milestones[3], PartyRole::Lender).unwrap();
    assert_eq!(told.overdue.iter().map(|s| s.title.as_str()).collect::<Vec<_>>(), ["Home inspection"]);
    assert_eq!(told.next[0].title, "Appraisal complete");
    assert_eq!(told.yours.unwrap().title, "Appraisal complete");
    assert_eq!(told.urgency, Urgency::Urgent);
    let open = &file.milestones[1];
    assert_eq!(follow_up(&file, open, PartyRole::Lender), None, "it is not completed");
}

#[test]
fn a_step_that_is_due_today_is_not_overdue() {
    let mut file = on_completion(Side::Buyer, 3, 0);
    file.milestones[4].due_on = Some(file.today);
    let told = follow_up(&file, &file.milestones[3], PartyRole::Lender).unwrap();
    assert_eq!((told.overdue, told.next[0].title.as_str()), (Vec::new(), "Appraisal ordered"));
}

#[test]
fn a_side_has_those_for_clients_who_are_called_clients() {
    for side in Side::ALL {
        let called: Vec<PartyRole> =
            PartyRole::ALL.iter().copied().filter(|role| is_client(*side, *role)).collect();
        assert_eq!(clients(*side), called, "{side}");
        assert!(!called.is_empty(), "{side}");
    }
}

#[test]
fn the_same_person_twice_in_a_role_is_written_to_once_and_nobody_without_an_address() {
    let mut file = file(Side::Buyer, "2026-10-17");
    let twice = file.parties[0].clone();
    file.parties.push(twice);
    let reached = |file: &File, to: &str| audience(file, to, Topic::FollowUp).recipients;
    assert_eq!(reached(&file, "buyer").len(), 1);
    assert_eq!(reached(&file, &format!("contact:{}", file.parties[0].1.id))[0].name, "Party buyer");
    file.parties.retain(|(role, _)| *role != PartyRole::Lender);
    assert_eq!(reached(&file, "lender"), []);
    assert!(!roles(&[Responsible::All], &file.parties).contains(&PartyRole::Lender));
    assert_eq!(roles(&[Responsible::Buyer, Responsible::Lender], &file.parties), [PartyRole::Buyer]);
}

#[test]
fn a_text_message_goes_only_to_whom_agreed_and_has_no_e_mail_address_or_wants_it_so() {
    let mut file = file(Side::Buyer, "2026-10-17");
    let ann = file.parties[0].1.id;
    let way = |file: &File| {
        let found = audience(file, "buyer", Topic::FollowUp);
        let by = found.recipients.first().map_or("nothing".into(), |to| format!("{} {}", to.channel, to.address));
        format!("{by}, left out {:?}", found.left_out)
    };
    file.parties[0].1.phone = Some("+13125550100".into());
    assert_eq!(way(&file), "email buyer@example.org, left out []");
    file.parties[0].1.email = None;
    assert_eq!(way(&file), r#"nothing, left out [("Party buyer", NoAddress)]"#);
    file.agreed_to_sms.insert(ann);
    assert_eq!(way(&file), "sms +13125550100, left out []");
    file.parties[0].1.email = Some("buyer@example.org".into());
    let mut hers = Preferences { order: vec![Channel::Sms], ..Preferences::default() };
    file.preferences.insert(Person::Contact(ann), hers.clone());
    assert_eq!(way(&file), "sms +13125550100, left out []");
    for channel in [Channel::Email, Channel::Sms] {
        hers.topics.entry(Topic::FollowUp).or_default().insert(channel, crate::people::reach::Mode::Off);
    }
    file.preferences.insert(Person::Contact(ann), hers);
    assert_eq!(way(&file), r#"nothing, left out [("Party buyer", SwitchedOff)]"#);
}

#[test]
fn a_closing_week_is_the_seven_days_before() {
    let closing = day("2026-12-11");
    for (today, expected) in [
        ("2026-12-03", false),
        ("2026-12-04", true),
        ("2026-12-10", true),
        ("2026-12-11", false),
        ("2026-12-12", false),
    ] {
        assert_eq!(is_closing_week(day(today), closing), expected, "{today}");
    }
}

#[test]
fn a_checklist_states_only_what_is_so() {
    for role in [PartyRole::Buyer, PartyRole::Seller] {
        let file = file(Side::Both, "2026-12-20");
        let letter = prompt::fallback(&checklist(&file, role).unwrap()).unwrap();
        assert_eq!(letter.findings(&known(&file)), [], "{}", letter.body);
    }
}

#[test]
fn a_checklist_names_the_readers_own_steps_that_are_still_open() {
    let file = on_completion(Side::Both, 0, 0);
    let named = |role| -> Vec<String> {
        checklist(&file, role).unwrap().open.into_iter().map(|step| step.title).collect()
    };
    let open_of = |role| -> Vec<String> {
        let own = |m: &&Milestone| m.responsible.role() == Some(role);
        file.milestones[1..].iter().filter(own).take(NEXT).map(|m| m.title.clone()).collect()
    };
    assert_eq!(file.milestones[0].responsible, Responsible::Buyer, "the one that is done is the buyer's");
    assert_eq!(named(PartyRole::Buyer), open_of(PartyRole::Buyer));
    assert_eq!(named(PartyRole::Seller), open_of(PartyRole::Seller));
    assert_eq!(named(PartyRole::Seller).last().unwrap(), "Chimney sweep");
}

#[test]
fn a_letter_is_signed_by_the_owner_for_the_workspace() {
    let mut file = file(Side::Buyer, "2026-10-17");
    assert_eq!(signature(&file), "Lakeside Realty");
    file.owner = Some(Member {
        id: MemberId(Uuid::from_u128(1)),
        name: "Cora".into(),
        email: "cora@example.org".into(),
        role: Role::Coordinator,
        time_zone: "America/Chicago".into(),
        status: MemberStatus::Active,
        version: 1,
    });
    assert_eq!(signature(&file), "Cora\nLakeside Realty");
}

#[test]
fn each_day_knows_what_is_due_on_it() {
    let mut file = file(Side::Buyer, "2026-10-17");
    file.milestones[1].due_on = file.milestones[0].due_on;
    file.milestones[2].due_on = None;
    let dates = dated(&file);
    let due: Vec<String> = dates[&day("2026-10-17")].iter().cloned().collect();
    assert_eq!(due, [file.milestones[0].id.to_string(), file.milestones[1].id.to_string()]);
    assert!(dates[&day("2026-12-26")].contains(CLOSING_DATE));
    assert!(!dates.contains_key(&day("2026-10-31")));
}

#[test]
fn an_address_may_be_shortened_as_people_do() {
    let check = |address: &str, expected: &[&str]| {
        assert_eq!(address_parts(address), expected, "{address}");
    };
    let whole = "12 Oak Street, Chicago, IL 60601";
    check(
        whole,
        &["12 Oak Street", "12 Oak Street, Chicago", whole, "12 Oak Street", "Chicago", "IL 60601", "IL", "60601"],
    );
    check("12 Oak Street", &["12 Oak Street", "12 Oak Street"]);
}
