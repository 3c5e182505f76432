use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::deals::calendar::count_calendar_days;
use crate::deals::deal::rules::generate;
use crate::deals::deal::{Financing, Side};
use crate::deals::example::{date, key_date_name, key_dates, template};
use crate::deals::milestone::rules::Terms;
use crate::deals::milestone::{ByHand, OpenState};

fn at() -> Timestamp {
    "2026-11-20T15:30:00Z".parse().unwrap()
}

/// What the verb does with a plan, without its database.
fn apply_to(plan: &Cascade, dates: &mut KeyDates, milestones: &mut [Dated]) {
    dates.clone_from(&plan.after);
    let planned = plan.planned();
    for milestone in milestones {
        if let Some((due_on, origin)) = planned.get(&milestone.id) {
            milestone.due_on = *due_on;
            milestone.origin = (*origin).clone();
        }
    }
}

fn by_hand(instead_of: Option<Due>) -> Origin {
    Origin::ByHand(ByHand { by: "Ana Diaz".into(), at: at(), reason: None, instead_of: instead_of.map(Box::new) })
}

const TERMS: Terms<'_> = Terms { side: Side::Buyer, financing: Financing::Conventional, state: "NC" };

fn milestones(template_name: &str, dates: &KeyDates) -> Vec<Dated> {
    let made = generate(template(template_name), TERMS, dates).unwrap();
    made.into_iter()
        .zip(1..)
        .map(|(made, number)| Dated {
            id: MilestoneId(Uuid::from_u128(number)),
            title: made.title,
            state: State::Open(OpenState::Upcoming),
            pinned: false,
            due_on: made.due_on,
            origin: made.origin,
            rule: Some(made.rule),
        })
        .collect()
}

fn custom(due_on: &str) -> Dated {
    Dated {
        id: MilestoneId(Uuid::from_u128(100)),
        title: "Move the piano".into(),
        state: State::Open(OpenState::Scheduled),
        pinned: true,
        due_on: Some(date(due_on)),
        origin: by_hand(None),
        rule: None,
    }
}

fn find<'a>(milestones: &'a mut [Dated], title: &str) -> &'a mut Dated {
    milestones.iter_mut().find(|milestone| milestone.title == title).unwrap()
}

fn pin(milestone: &mut Dated, due_on: &str) {
    milestone.origin = by_hand(Some(match milestone.origin.clone() {
        Origin::Rule(derivation) => Due::On(derivation),
        Origin::NeedsDate(undated) => Due::NeedsDate(undated),
        Origin::ByHand(_) => panic!("pinned already"),
    }));
    milestone.pinned = true;
    milestone.due_on = Some(date(due_on));
}

/// "closing 2026-12-18 inspection -": a dash removes the date.
fn changes(text: &str) -> BTreeMap<String, Option<Date>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.chunks(2).map(|pair| (key_date_name(pair[0]), (pair[1] != "-").then(|| date(pair[1])))).collect()
}

/// The plan as somebody would read it aloud.
fn told(plan: &Result<Cascade, Vec<Problem>>) -> String {
    let plan = match plan {
        Ok(plan) => plan,
        Err(problems) => {
            let lines: Vec<String> =
                problems.iter().map(|problem| format!("{}: {}", problem.field, problem.sentence)).collect();
            return lines.join("\n");
        }
    };
    let say = |date: Option<Date>| date.map_or("no date".to_owned(), |date| date.to_string());
    let flags = |flags: &[Flag]| flags.iter().map(|flag| format!(" [{flag}]")).collect::<String>();
    let mut lines = Vec::new();
    for moved in &plan.changes {
        lines.push(format!("{}: {} -> {}{}", moved.title, say(moved.old), say(moved.new), flags(&moved.flags)));
    }
    for same in &plan.refreshed {
        lines.push(format!("{}: still {}, for another reason", same.title, say(same.due_on)));
    }
    for kept in &plan.kept {
        let would_be = say(kept.would_be);
        lines.push(format!("{}: kept {}, {}; would be {would_be}", kept.title, say(kept.due_on), kept.why));
    }
    for conflict in &plan.conflicts {
        lines.push(format!("{}: stays {}{}", conflict.title, conflict.due_on, flags(&conflict.flags)));
    }
    lines.join("\n")
}

const DATES: &str = "contract 2026-10-14 closing 2026-12-11";
const TODAY: &str = "2026-11-01";

/// What a change does to a residential deal on which nothing has been touched yet.
#[track_caller]
fn check(change: &str, expected: &[&str]) {
    check_from(DATES, change, expected);
}

#[track_caller]
fn check_from(dates: &str, change: &str, expected: &[&str]) {
    let dates = key_dates(dates);
    let plan = cascade(&dates, &changes(change), &milestones("residential", &dates), date(TODAY));
    assert_eq!(told(&plan), expected.join("\n"), "{change}");
}

#[test]
fn moving_the_closing_moves_what_is_counted_back_from_it() {
    check(
        "closing 2026-12-18",
        &[
            "Financing contingency: 2026-12-04 -> 2026-12-11",
            "Closing preparation: 2026-12-04 -> 2026-12-11",
            "Final walkthrough: 2026-12-09 -> 2026-12-16",
            "Closing day: 2026-12-11 -> 2026-12-18",
        ],
    );
}

#[test]
fn a_closing_pulled_forward_is_flagged_where_it_hurts() {
    check(
        "closing 2026-11-03",
        &[
            "Financing contingency: 2026-12-04 -> 2026-10-27 [needs_attention]",
            "Closing preparation: 2026-12-04 -> 2026-10-27 [needs_attention]",
            "Final walkthrough: 2026-12-09 -> 2026-11-01",
            "Closing day: 2026-12-11 -> 2026-11-03",
            "Appraisal complete: stays 2026-11-04 [after_closing]",
            "Title search complete: stays 2026-11-04 [after_closing]",
        ],
    );
    check(
        "closing 2026-10-15",
        &[
            "Financing contingency: 2026-12-04 -> 2026-10-08 [needs_attention] [before_contract]",
            "Closing preparation: 2026-12-04 -> 2026-10-08 [needs_attention] [before_contract]",
            "Final walkthrough: 2026-12-09 -> 2026-10-13 [needs_attention] [before_contract]",
            "Closing day: 2026-12-11 -> 2026-10-15 [needs_attention]",
            "Earnest money delivery: stays 2026-10-17 [after_closing]",
            "Home inspection: stays 2026-10-24 [after_closing]",
            "Wood infestation report: stays 2026-10-28 [after_closing]",
            "Repair request deadline: stays 2026-10-27 [after_closing]",
            "Appraisal ordered: stays 2026-10-24 [after_closing]",
            "Appraisal complete: stays 2026-11-04 [after_closing]",
            "Title search complete: stays 2026-11-04 [after_closing]",
        ],
    );
}

#[test]
fn setting_a_deadline_takes_over_from_the_fallback_and_removing_it_gives_it_back() {
    check(
        "financing 2026-11-30 inspection 2026-11-02",
        &[
            "Home inspection: 2026-10-24 -> 2026-11-02",
            "Repair request deadline: 2026-10-27 -> 2026-11-05",
            "Financing contingency: 2026-12-04 -> 2026-11-30",
        ],
    );
    check_from(
        "contract 2026-10-14 closing 2026-12-11 financing 2026-11-30",
        "financing -",
        &["Financing contingency: 2026-11-30 -> 2026-12-04"],
    );
}

#[test]
fn a_deadline_set_to_the_day_of_the_fallback_moves_nothing_but_the_reason() {
    check("financing 2026-12-04", &["Financing contingency: still 2026-12-04, for another reason"]);
    check(
        "financing 2026-12-04 survey_date 2026-11-05",
        &["Financing contingency: still 2026-12-04, for another reason"],
    );
}

#[test]
fn what_hangs_on_an_explicit_deadline_does_not_follow_the_closing() {
    check_from(
        "contract 2026-10-14 closing 2026-12-11 financing 2026-11-30",
        "closing 2026-12-18",
        &[
            "Closing preparation: 2026-12-04 -> 2026-12-11",
            "Final walkthrough: 2026-12-09 -> 2026-12-16",
            "Closing day: 2026-12-11 -> 2026-12-18",
        ],
    );
}

#[test]
fn a_date_of_our_own_moves_nothing_that_does_not_count_from_it() {
    check("survey_date 2026-11-05", &[]);
}

#[test]
fn what_cannot_be_changed_so_is_a_problem() {
    check(
        "closing 2026-12-11",
        &["key_dates: these are already the dates: closing_date is Friday 11 December 2026."],
    );
    check("", &["key_dates: name at least one date to change."]);
    check("closing -", &["key_dates.closing_date: is missing; every deal has one."]);
    check("survey_date -", &["key_dates.survey_date: is not set, so it cannot be removed."]);
    check(
        "closing 2026-10-13",
        &["key_dates.closing_date: Tuesday 13 October 2026 is before contract_date, Wednesday 14 October 2026."],
    );
    check("closing 2091-01-01", &["key_dates.closing_date: must be 2000-01-01 to 2090-12-31; it is 2091-01-01."]);
    check(
        "Survey 2026-11-05",
        &["key_dates.Survey: must be called by a letter a-z, then up to 59 of the characters a-z, 0-9 and _."],
    );
}

#[test]
fn what_is_done_or_pinned_keeps_its_date_and_is_told() {
    let dates = key_dates(DATES);
    let mut milestones = milestones("residential", &dates);
    milestones.push(custom("2026-12-20"));
    find(&mut milestones, "Closing preparation").state = State::Completed { at: at(), by: "Ana Diaz".into() };
    find(&mut milestones, "Final walkthrough").state =
        State::Waived { at: at(), by: "Ana Diaz".into(), reason: None };
    pin(find(&mut milestones, "Financing contingency"), "2026-12-02");
    pin(find(&mut milestones, "Home inspection"), "2026-10-30");
    let plan = cascade(&dates, &changes("closing 2026-12-18"), &milestones, date(TODAY));
    assert_eq!(
        told(&plan),
        "Closing day: 2026-12-11 -> 2026-12-18\n\
         Financing contingency: kept 2026-12-02, pinned; would be 2026-12-11\n\
         Closing preparation: kept 2026-12-04, completed; would be 2026-12-11\n\
         Final walkthrough: kept 2026-12-09, waived; would be 2026-12-16"
    );
    let earlier = cascade(&dates, &changes("closing 2026-11-30"), &milestones, date(TODAY));
    assert_eq!(
        told(&earlier),
        "Closing day: 2026-12-11 -> 2026-11-30\n\
         Financing contingency: kept 2026-12-02, pinned; would be 2026-11-23\n\
         Closing preparation: kept 2026-12-04, completed; would be 2026-11-23\n\
         Final walkthrough: kept 2026-12-09, waived; would be 2026-11-28\n\
         Financing contingency: stays 2026-12-02 [after_closing]"
    );
}

#[test]
fn removing_the_only_date_to_count_from_leaves_a_milestone_that_needs_one() {
    let dates = key_dates("contract 2026-10-14 closing 2026-12-11 inspection 2026-10-24");
    let mut milestones = milestones("residential", &dates);
    milestones.retain(|milestone| milestone.title == "Home inspection");
    if let Some(stored) = &mut milestones[0].rule {
        stored.rule.fallback = None;
    }
    let plan = cascade(&dates, &changes("inspection -"), &milestones, date(TODAY)).unwrap();
    assert_eq!(plan.changes[0].flags, [Flag::NeedsDate]);
    assert!(matches!(plan.changes[0].origin_after, Origin::NeedsDate(_)));
    assert_eq!(told(&Ok(plan.clone())), "Home inspection: 2026-10-24 -> no date [needs_date]");
    assert_eq!(told(&Ok(plan.inverse(date(TODAY)))), "Home inspection: no date -> 2026-10-24 [needs_attention]");
}

#[test]
fn setting_the_date_that_was_missing_gives_a_milestone_its_date() {
    let dates = key_dates(DATES);
    let mut milestones = milestones("residential", &dates);
    milestones.truncate(1);
    if let Some(stored) = &mut milestones[0].rule {
        stored.rule.reference = "survey_date".into();
        let due = due_on(stored, &dates).unwrap();
        (milestones[0].due_on, milestones[0].origin) = (due.date(), due.into());
    }
    let plan = cascade(&dates, &changes("survey_date 2026-11-10"), &milestones, date(TODAY));
    assert_eq!(told(&plan), "Earnest money delivery: no date -> 2026-11-13");
}

#[test]
fn what_counts_from_another_date_stays_even_if_its_rule_would_give_another_day_by_now() {
    let dates = key_dates(DATES);
    let mut milestones = milestones("residential", &dates);
    milestones.retain(|milestone| milestone.title == "Title search complete");
    // As newer holiday data would: the stored date is no longer what the rule gives.
    milestones[0].due_on = Some(date("2026-11-06"));
    let plan = cascade(&dates, &changes("closing 2026-12-18"), &milestones, date(TODAY));
    assert_eq!(told(&plan), "");
    let plan = cascade(&dates, &changes("contract 2026-10-15"), &milestones, date(TODAY));
    assert_eq!(told(&plan), "Title search complete: 2026-11-06 -> 2026-11-05");
}

#[test]
fn a_plan_no_longer_fits_when_the_deal_moved_on() {
    let dates = key_dates(DATES);
    let milestones = milestones("residential", &dates);
    let plan = cascade(&dates, &changes("closing 2026-12-18"), &milestones, date(TODAY)).unwrap();
    assert!(plan.still_fits(&dates, &milestones));
    assert!(!plan.still_fits(&key_dates("contract 2026-10-14 closing 2026-12-12"), &milestones));
    let with = |change: fn(&mut Dated)| {
        let mut moved_on = milestones.clone();
        change(find(&mut moved_on, "Closing preparation"));
        plan.still_fits(&dates, &moved_on)
    };
    assert!(!with(|milestone| milestone.state = State::Completed { at: at(), by: "Ana Diaz".into() }));
    assert!(!with(|milestone| milestone.pinned = true));
    assert!(!with(|milestone| milestone.due_on = None));
    assert!(with(|milestone| milestone.title = "Prepare the closing".into()));
    assert!(!plan.still_fits(&dates, &milestones[..8]));
}

#[test]
fn a_plan_has_a_schema_without_references() {
    let schema = serde_json::to_string(&schemars::schema_for!(Cascade)).unwrap();
    assert!(!schema.contains("$ref"), "{schema}");
}

const NAMES: [&str; 6] = ["contract", "closing", "inspection", "appraisal", "financing", "survey_date"];

prop_compose! {
    /// Key dates within some four months of each other, anywhere in the years that a deal can have.
    fn any_dates()(
        start in 0..33_000i32,
        closing in 0..120i32,
        optional in prop::collection::vec(prop::option::of(0..120i32), 4),
    ) -> KeyDates {
        let day = |ahead| count_calendar_days(date("2000-01-01"), start + ahead).unwrap();
        let optional = NAMES[2..].iter().zip(optional).filter_map(|(name, ahead)| Some((*name, day(ahead?))));
        [("contract", day(0)), ("closing", day(closing))]
            .into_iter()
            .chain(optional)
            .map(|(name, date)| (key_date_name(name), date))
            .collect()
    }
}

prop_compose! {
    /// A deal on which some things were done already.
    fn any_deal()(
        dates in any_dates(),
        template in 0..3usize,
        done in prop::collection::vec(0..8u8, 11),
        shift in -20..20i32,
    ) -> (KeyDates, Vec<Dated>) {
        let name = &crate::deals::milestone::template::Template::built_ins()[template].name;
        let mut milestones = milestones(name, &dates);
        for (milestone, done) in milestones.iter_mut().zip(done) {
            match done {
                0 => milestone.state = State::Completed { at: at(), by: "Ana Diaz".into() },
                1 => milestone.state = State::Waived { at: at(), by: "Ana Diaz".into(), reason: None },
                2 => {
                    let due_on = milestone.due_on.and_then(|due| count_calendar_days(due, shift).ok()).unwrap();
                    pin(milestone, &due_on.to_string());
                }
                3 => milestone.state = State::Open(OpenState::InProgress),
                _ => {}
            }
        }
        let closing = dates["closing_date"];
        milestones.push(custom(&closing.to_string()));
        (dates, milestones)
    }
}

prop_compose! {
    /// A deal and a change of one to three of its dates, some of which are removed.
    fn any_change()(
        (dates, milestones) in any_deal(),
        picked in prop::collection::vec((0..6usize, prop::option::weighted(0.8, -60..60i32)), 1..4),
    ) -> (KeyDates, Vec<Dated>, BTreeMap<String, Option<Date>>) {
        let changes = picked
            .into_iter()
            .map(|(name, shift)| {
                let name = key_date_name(NAMES[name]);
                let from = dates.get(&name).copied().unwrap_or(dates["closing_date"]);
                (name, shift.and_then(|shift| count_calendar_days(from, shift).ok()))
            })
            .collect();
        (dates, milestones, changes)
    }
}

proptest! {
    #[test]
    fn a_cascade_does_what_it_says_and_can_be_taken_back((dates, milestones, changes) in any_change()) {
        let today = dates["contract_date"];
        let Ok(plan) = cascade(&dates, &changes, &milestones, today) else { return Ok(()) };
        prop_assert!(plan.still_fits(&dates, &milestones));
        let (mut new_dates, mut moved) = (dates.clone(), milestones.clone());
        apply_to(&plan, &mut new_dates, &mut moved);

        for (old, new) in milestones.iter().zip(&moved) {
            let settled = !old.state.is_open() || old.pinned || old.rule.is_none();
            if settled {
                prop_assert_eq!(old, new, "what is done or pinned never moves");
            } else {
                let fresh = due_on(new.rule.as_ref().unwrap(), &new_dates).unwrap();
                prop_assert_eq!(new.due_on, fresh.date(), "{}", new.title);
                prop_assert_eq!(&new.origin, &Origin::from(fresh), "{}", new.title);
            }
        }

        let again: BTreeMap<_, _> = changes.iter().filter(|(_, date)| date.is_some()).map(|(n, d)| (n.clone(), *d)).collect();
        let problems = cascade(&new_dates, &again, &moved, today).unwrap_err();
        prop_assert_eq!(problems.len(), 1);
        prop_assert_eq!(&problems[0].field, "key_dates");

        let inverse = plan.inverse(today);
        prop_assert!(inverse.still_fits(&new_dates, &moved));
        prop_assert_eq!(&inverse.inverse(today).changes, &plan.changes);
        apply_to(&inverse, &mut new_dates, &mut moved);
        prop_assert_eq!(new_dates, dates);
        prop_assert_eq!(moved, milestones);

        let json = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Cascade>(&json).unwrap(), plan);
    }

    #[test]
    fn an_untouched_deal_ends_up_as_if_it_had_been_made_with_the_new_dates(before in any_dates(), after in any_dates()) {
        let made = milestones("residential-business-days", &before);
        let changes: BTreeMap<String, Option<Date>> = before
            .keys()
            .map(|name| (name.clone(), None))
            .chain(after.iter().map(|(name, date)| (name.clone(), Some(*date))))
            .collect();
        let Ok(plan) = cascade(&before, &changes, &made, date(TODAY)) else { return Ok(()) };
        let (mut dates, mut moved) = (before, made);
        apply_to(&plan, &mut dates, &mut moved);
        prop_assert_eq!(&dates, &after);
        prop_assert_eq!(moved, milestones("residential-business-days", &after));
    }
}
