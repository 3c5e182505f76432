use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::deals::calendar::PassedDay;
use crate::deals::deal::KeyDates;
use crate::deals::example::{date, key_date_name, key_dates, template};
use crate::deals::milestone::Responsible;
use crate::deals::milestone::template::DateRule;

/// "residential/inspection" is a rule that ships; "contract -2 business previous" is one of our own, by the federal
/// holidays, or by none when the word "none" follows.
fn rule(text: &str) -> StoredRule {
    if let Some((name, type_)) = text.split_once('/') {
        let template = template(name);
        return template.stored(template.rules.iter().find(|rule| rule.type_ == type_).unwrap());
    }
    let words: Vec<&str> = text.split(' ').collect();
    StoredRule {
        template: "ours".into(),
        template_version: 7,
        holidays: words.get(4).copied().unwrap_or("us-federal").into(),
        rule: DateRule {
            type_: "own".into(),
            title: "Our own".into(),
            reference: key_date_name(words[0]),
            offset: words[1].parse().unwrap(),
            fallback: None,
            days: words[2].parse().unwrap(),
            roll: words[3].parse().unwrap(),
            required: true,
            financing: Vec::new(),
            states: Vec::new(),
            sides: Vec::new(),
            responsible: Responsible::All,
            remind_days_before: None,
            notify: Vec::new(),
        },
    }
}

fn said(due: Result<Due, NoDate>) -> String {
    let derivation = match due {
        Ok(Due::On(derivation)) => derivation,
        Ok(Due::NeedsDate(undated)) => return format!("needs {}", undated.absent.join(", ")),
        Err(no_date) => return no_date.to_string(),
    };
    let mut said = derivation.due_on.to_string();
    for (what, days) in [("skipping", &derivation.skipped), ("rolled off", &derivation.rolled)] {
        if !days.is_empty() {
            let names: Vec<&str> = days.iter().map(|day| day.why.as_str()).collect();
            said.push_str(&format!(" {what} {}", names.join(", ")));
        }
    }
    said
}

/// What the rule says about the key dates. The expected dates were worked out by another program, from another copy of
/// the holidays.
#[track_caller]
fn check(rule_text: &str, dates: &str, expected: &str) {
    assert_eq!(said(due_on(&rule(rule_text), &key_dates(dates))), expected, "{rule_text} on {dates}");
}

#[test]
fn every_row_of_the_residential_table_with_only_the_required_dates() {
    check("residential/earnest_money", "contract 2026-10-14 closing 2026-12-11", "2026-10-17");
    check("residential/inspection", "contract 2026-10-14 closing 2026-12-11", "2026-10-24");
    check("residential/wood_infestation", "contract 2026-10-14 closing 2026-12-11", "2026-10-28");
    check("residential/repair_request", "contract 2026-10-14 closing 2026-12-11", "2026-10-27");
    check("residential/appraisal_ordered", "contract 2026-10-14 closing 2026-12-11", "2026-10-24");
    check("residential/appraisal_complete", "contract 2026-10-14 closing 2026-12-11", "2026-11-04");
    check("residential/financing_contingency", "contract 2026-10-14 closing 2026-12-11", "2026-12-04");
    check("residential/title_search", "contract 2026-10-14 closing 2026-12-11", "2026-11-04");
    check("residential/closing_prep", "contract 2026-10-14 closing 2026-12-11", "2026-12-04");
    check("residential/final_walkthrough", "contract 2026-10-14 closing 2026-12-11", "2026-12-09");
    check("residential/closing", "contract 2026-10-14 closing 2026-12-11", "2026-12-11");
}

#[test]
fn an_explicit_deadline_wins_over_the_fallback_weekend_or_not() {
    let dates =
        "contract 2026-10-14 closing 2026-12-11 inspection 2026-10-24 appraisal 2026-11-14 financing 2026-12-05";
    check("residential/inspection", dates, "2026-10-24");
    check("residential/repair_request", dates, "2026-10-27");
    check("residential/appraisal_complete", dates, "2026-11-14");
    check("residential/financing_contingency", dates, "2026-12-05");
}

#[test]
fn a_date_that_is_absent_is_never_guessed() {
    check("residential/inspection", "closing 2026-12-11", "needs inspection_deadline, contract_date");
    check("residential/earnest_money", "closing 2026-12-11", "needs contract_date");
    check(
        "residential/financing_contingency",
        "contract 2026-10-14",
        "needs financing_contingency_deadline, closing_date",
    );
    check("residential/financing_contingency", "contract 2026-10-14 financing 2026-11-20", "2026-11-20");
    check("residential/inspection", "inspection 2026-10-20", "2026-10-20");
    check("residential/repair_request", "closing 2026-12-11", "needs inspection_deadline, contract_date");
    check("survey_date -2 calendar none", "contract 2026-10-14 closing 2026-12-11", "needs survey_date");
    check(
        "survey_date -2 calendar none",
        "contract 2026-10-14 closing 2026-12-11 survey_date 2026-11-03",
        "2026-11-01",
    );
}

#[test]
fn leap_days_and_year_ends() {
    check("residential/earnest_money", "contract 2028-02-26 closing 2030-01-01", "2028-02-29");
    check("residential/earnest_money", "contract 2027-02-26 closing 2030-01-01", "2027-03-01");
    check("residential/earnest_money", "contract 2028-02-29 closing 2030-01-01", "2028-03-03");
    check("residential/earnest_money", "contract 2026-12-30 closing 2030-01-01", "2027-01-02");
    check("residential/final_walkthrough", "contract 2028-01-01 closing 2028-03-01", "2028-02-28");
    check("residential/final_walkthrough", "contract 2027-01-01 closing 2027-03-01", "2027-02-27");
    check("residential/closing_prep", "contract 2026-12-01 closing 2027-01-05", "2026-12-29");
    check("contract +1 calendar none", "contract 2000-02-28", "2000-02-29");
    check("contract +366 calendar none", "contract 2028-01-01", "2029-01-01");
    check("contract -1 calendar none", "contract 2000-01-01", "1999-12-31");
    check("contract +1000 calendar none", "contract 2090-12-31", "2093-09-26");
}

#[test]
fn short_periods_in_business_days() {
    check("residential-business-days/earnest_money", "contract 2026-10-12 closing 2027-03-31", "2026-10-15");
    check(
        "residential-business-days/earnest_money",
        "contract 2026-10-14 closing 2027-03-31",
        "2026-10-19 skipping Saturday, Sunday",
    );
    check(
        "residential-business-days/earnest_money",
        "contract 2026-10-15 closing 2027-03-31",
        "2026-10-20 skipping Saturday, Sunday",
    );
    check(
        "residential-business-days/earnest_money",
        "contract 2026-10-16 closing 2027-03-31",
        "2026-10-21 skipping Saturday, Sunday",
    );
    check(
        "residential-business-days/earnest_money",
        "contract 2026-10-17 closing 2027-03-31",
        "2026-10-21 skipping Sunday",
    );
    check("residential-business-days/earnest_money", "contract 2026-10-18 closing 2027-03-31", "2026-10-21");
    check(
        "residential-business-days/earnest_money",
        "contract 2026-11-24 closing 2027-03-31",
        "2026-11-30 skipping Thanksgiving Day, Saturday, Sunday",
    );
    check(
        "residential-business-days/earnest_money",
        "contract 2026-12-23 closing 2027-03-31",
        "2026-12-29 skipping Christmas Day, Saturday, Sunday",
    );
    check(
        "residential-business-days/earnest_money",
        "contract 2026-12-30 closing 2027-03-31",
        "2027-01-05 skipping New Year's Day, Saturday, Sunday",
    );
    check(
        "residential-business-days/inspection",
        "contract 2026-10-14 closing 2026-12-11",
        "2026-10-28 skipping Saturday, Sunday, Saturday, Sunday",
    );
    check(
        "residential-business-days/inspection",
        "contract 2026-10-14 closing 2026-12-11 inspection 2026-10-24",
        "2026-10-26 rolled off Saturday, Sunday",
    );
    check(
        "residential-business-days/inspection",
        "contract 2026-10-14 closing 2026-12-11 inspection 2026-11-26",
        "2026-11-27 rolled off Thanksgiving Day",
    );
    check(
        "residential-business-days/repair_request",
        "contract 2026-10-14 closing 2026-12-11 inspection 2026-11-20",
        "2026-11-25 skipping Saturday, Sunday",
    );
    check(
        "residential-business-days/repair_request",
        "contract 2026-10-14 closing 2026-12-11",
        "2026-11-02 skipping Saturday, Sunday, Saturday, Sunday, Saturday, Sunday",
    );
    check(
        "residential-business-days/appraisal_ordered",
        "contract 2026-11-20 closing 2027-01-29",
        "2026-12-07 skipping Saturday, Sunday, Thanksgiving Day, Saturday, Sunday, Saturday, Sunday",
    );
    check(
        "residential-business-days/wood_infestation",
        "contract 2026-10-17 closing 2026-12-11",
        "2026-11-02 rolled off Saturday, Sunday",
    );
    check("residential-business-days/closing", "contract 2026-10-14 closing 2026-12-25", "2026-12-25");
}

#[test]
fn rolling_off_weekends_and_holidays() {
    check(
        "residential-rolled/earnest_money",
        "contract 2026-10-14 closing 2026-12-11",
        "2026-10-19 rolled off Saturday, Sunday",
    );
    check(
        "residential-rolled/earnest_money",
        "contract 2026-10-15 closing 2026-12-11",
        "2026-10-19 rolled off Sunday",
    );
    check(
        "residential-rolled/earnest_money",
        "contract 2026-10-09 closing 2026-12-11",
        "2026-10-13 rolled off Columbus Day",
    );
    check(
        "residential-rolled/earnest_money",
        "contract 2026-06-30 closing 2026-09-01",
        "2026-07-06 rolled off Independence Day (observed), Saturday and Independence Day, Sunday",
    );
    check(
        "residential-rolled/title_search",
        "contract 2026-11-05 closing 2027-01-11",
        "2026-11-27 rolled off Thanksgiving Day",
    );
    check(
        "residential-rolled/final_walkthrough",
        "contract 2026-10-14 closing 2026-11-30",
        "2026-11-27 rolled off Saturday",
    );
    check(
        "residential-rolled/final_walkthrough",
        "contract 2026-10-14 closing 2026-11-28",
        "2026-11-25 rolled off Thanksgiving Day",
    );
    check(
        "residential-rolled/final_walkthrough",
        "contract 2026-05-01 closing 2026-07-06",
        "2026-07-02 rolled off Saturday and Independence Day, Independence Day (observed)",
    );
    check(
        "residential-rolled/closing_prep",
        "contract 2026-10-14 closing 2027-01-08",
        "2026-12-31 rolled off New Year's Day",
    );
    check(
        "residential-rolled/financing_contingency",
        "contract 2026-10-14 closing 2026-12-12",
        "2026-12-04 rolled off Saturday",
    );
    check(
        "residential-rolled/financing_contingency",
        "contract 2026-10-14 closing 2026-12-11 financing 2026-12-06",
        "2026-12-04 rolled off Sunday, Saturday",
    );
    check("residential-rolled/closing", "contract 2026-10-14 closing 2026-12-12", "2026-12-12");
}

#[test]
fn counting_conventions_at_their_edges() {
    check("contract +0 business none", "contract 2026-11-28", "2026-11-28");
    check("contract +0 business next", "contract 2026-11-28", "2026-11-30 rolled off Saturday, Sunday");
    check("contract +0 business previous", "contract 2026-11-29", "2026-11-27 rolled off Sunday, Saturday");
    check("contract +1 business none", "contract 2026-11-27", "2026-11-30 skipping Saturday, Sunday");
    check("contract +1 business none", "contract 2026-11-28", "2026-11-30 skipping Sunday");
    check("contract -1 business none", "contract 2026-11-30", "2026-11-27 skipping Sunday, Saturday");
    check("contract -1 business none", "contract 2026-11-29", "2026-11-27 skipping Saturday");
    check(
        "contract -3 business none",
        "contract 2026-11-30",
        "2026-11-24 skipping Sunday, Saturday, Thanksgiving Day",
    );
    check("contract +1 business none none", "contract 2026-11-25", "2026-11-26");
    check("contract +0 calendar next none", "contract 2026-12-25", "2026-12-25");
    check("contract +0 calendar next none", "contract 2026-12-26", "2026-12-28 rolled off Saturday, Sunday");
    check(
        "contract +0 calendar next",
        "contract 2021-12-31",
        "2022-01-03 rolled off New Year's Day (observed), Saturday and New Year's Day, Sunday",
    );
    check(
        "contract +0 calendar previous",
        "contract 2021-12-25",
        "2021-12-23 rolled off Saturday and Christmas Day, Christmas Day (observed)",
    );
    check(
        "contract +1 business none",
        "contract 2022-12-31",
        "2023-01-03 skipping Sunday and New Year's Day, New Year's Day (observed)",
    );
    check(
        "contract -5 business none",
        "contract 2027-01-04",
        "2026-12-24 skipping Sunday, Saturday, New Year's Day, Sunday, Saturday, Christmas Day",
    );
    check(
        "contract +2 business none",
        "contract 2021-06-17",
        "2021-06-22 skipping Juneteenth National Independence Day (observed), Saturday and Juneteenth National Independence Day, Sunday",
    );
    check("contract +1 business none", "contract 2020-06-18", "2020-06-19");
}

#[track_caller]
fn check_lapse(due_on: &str, zone: &str, expected: &str) {
    let lapse = lapses_at(date(due_on), &TimeZone::get(zone).unwrap());
    assert_eq!(lapse.to_string(), expected, "the end of {due_on} in {zone}");
}

#[test]
fn a_due_day_is_over_when_the_next_one_starts_in_the_deals_zone() {
    check_lapse("2026-10-30", "America/New_York", "2026-10-31T04:00:00Z");
    // The night the clocks go forward, after midnight.
    check_lapse("2026-03-07", "America/New_York", "2026-03-08T05:00:00Z");
    // A day of 23 hours.
    check_lapse("2026-03-08", "America/New_York", "2026-03-09T04:00:00Z");
    check_lapse("2026-10-31", "America/New_York", "2026-11-01T04:00:00Z");
    // A day of 25 hours.
    check_lapse("2026-11-01", "America/New_York", "2026-11-02T05:00:00Z");
    check_lapse("2026-12-31", "America/Chicago", "2027-01-01T06:00:00Z");
    check_lapse("2026-03-08", "America/Denver", "2026-03-09T06:00:00Z");
    // Arizona stays on standard time.
    check_lapse("2026-03-08", "America/Phoenix", "2026-03-09T07:00:00Z");
    check_lapse("2026-11-01", "America/Los_Angeles", "2026-11-02T08:00:00Z");
    check_lapse("2026-11-01", "America/Anchorage", "2026-11-02T09:00:00Z");
    check_lapse("2026-07-04", "Pacific/Honolulu", "2026-07-05T10:00:00Z");
    check_lapse("2026-07-04", "America/Puerto_Rico", "2026-07-05T04:00:00Z");
    check_lapse("2026-07-04", "Pacific/Guam", "2026-07-04T14:00:00Z");
    check_lapse("2026-07-04", "Pacific/Pago_Pago", "2026-07-05T11:00:00Z");
    check_lapse("2028-02-28", "America/New_York", "2028-02-29T05:00:00Z");
    check_lapse("2028-02-29", "America/New_York", "2028-03-01T05:00:00Z");
    // There is no midnight: the next day starts at 01:00.
    check_lapse("2026-03-07", "America/Havana", "2026-03-08T05:00:00Z");
    // Midnight comes twice: the first one counts.
    check_lapse("2026-10-31", "America/Havana", "2026-11-01T04:00:00Z");
    check_lapse("2026-11-01", "America/Havana", "2026-11-02T05:00:00Z");
    // No midnight.
    check_lapse("2026-04-23", "Africa/Cairo", "2026-04-23T22:00:00Z");
    // No midnight.
    check_lapse("2026-09-05", "America/Santiago", "2026-09-06T04:00:00Z");
    // 23:00 to midnight comes twice: both hours belong to the day.
    check_lapse("2026-04-04", "America/Santiago", "2026-04-05T04:00:00Z");
    // The next day was left out altogether.
    check_lapse("2011-12-29", "Pacific/Apia", "2011-12-30T10:00:00Z");
}

#[test]
fn the_ends_of_time_have_an_answer_too() {
    let zone = TimeZone::get("Pacific/Pago_Pago").unwrap();
    assert_eq!(lapses_at(Date::MAX, &zone), Timestamp::MAX);
    assert_eq!(lapses_at(Date::MIN, &TimeZone::fixed(jiff::tz::offset(14))), Timestamp::MIN);
}

#[test]
fn a_fallback_names_the_date_that_is_absent() {
    let due =
        due_on(&rule("residential/financing_contingency"), &key_dates("contract 2026-10-14 closing 2026-12-11"));
    let Ok(Due::On(derivation)) = due else { panic!("{due:?}") };
    assert!(derivation.fallback);
    assert_eq!(derivation.absent.as_deref(), Some("financing_contingency_deadline"));
    assert_eq!(derivation.reference, Reference { name: "closing_date".into(), date: date("2026-12-11") });
    assert_eq!(derivation.offset, -7);
}

#[test]
fn a_derivation_keeps_each_passed_day_by_date_and_where_counting_ended() {
    let due = due_on(&rule("contract +1 calendar next"), &key_dates("contract 2026-11-27"));
    let Ok(Due::On(derivation)) = due else { panic!("{due:?}") };
    assert_eq!(derivation.counted_to, date("2026-11-28"));
    assert_eq!(
        derivation.rolled,
        [
            PassedDay { date: date("2026-11-28"), why: "Saturday".into() },
            PassedDay { date: date("2026-11-29"), why: "Sunday".into() },
        ]
    );
    assert_eq!(derivation.due_on, date("2026-11-30"));
    assert_eq!(derivation.holidays.calendar, "us-federal");
}

#[test]
fn a_date_outside_of_the_calendar_is_refused_not_guessed() {
    let covers =
        "The date leaves the years that the holiday calendar us-federal covers (1990-01-01 to 2100-12-31).";
    check("contract +1 business none", "contract 2100-12-31", covers);
    check("contract +1000 calendar next", "contract 2099-12-31", covers);
    check("contract -2147483648 business none", "contract 2026-10-14", covers);
    check(
        "contract +2147483647 calendar none",
        "contract 2026-10-14",
        "2147483647 days from 2026-10-14 is no date that can be written down.",
    );
    check(
        "contract +1 calendar none mars",
        "contract 2026-10-14",
        "There is no holiday calendar called \"mars\"; the known ones are us-federal, none.",
    );
}

/// Which rules make a milestone, for every kind of deal.
#[test]
fn each_rule_is_for_the_deals_it_names() {
    let everywhere = rule("contract +1 calendar none").rule;
    let rules = [
        ("any deal", everywhere.clone()),
        ("financed", DateRule { financing: vec![Financing::Fha, Financing::Va], ..everywhere.clone() }),
        ("buyer's side", DateRule { sides: vec![Side::Buyer], ..everywhere.clone() }),
        ("seller's side", DateRule { sides: vec![Side::Seller], ..everywhere.clone() }),
        ("Carolinas", DateRule { states: vec!["NC".into(), "SC".into()], ..everywhere }),
    ];
    let mut grid = String::new();
    for financing in Financing::ALL {
        for side in Side::ALL {
            for state in ["NC", "GA"] {
                let terms = Terms { side: *side, financing: *financing, state };
                let names = rules.iter().filter(|(_, rule)| why_not(rule, terms).is_none()).map(|(name, _)| *name);
                let names = names.collect::<Vec<_>>().join(", ");
                grid.push_str(&format!("{financing:12} {side:6} {state}: {names}\n"));
            }
        }
    }
    insta::assert_snapshot!(grid);
}

#[test]
fn a_rule_that_is_left_out_says_why() {
    let why = |change: fn(&mut DateRule), side, financing, state| {
        let mut rule = rule("contract +1 calendar none").rule;
        change(&mut rule);
        why_not(&rule, Terms { side, financing, state }).unwrap()
    };
    assert_eq!(
        why(|rule| rule.financing = vec![Financing::Fha, Financing::Va], Side::Buyer, Financing::Cash, "NC"),
        "Our own is for fha or va financing; this deal's is cash."
    );
    assert_eq!(
        why(|rule| rule.states = vec!["GA".into(), "NC".into(), "SC".into()], Side::Buyer, Financing::Cash, "TX"),
        "Our own is for properties in GA, NC or SC; this one is in TX."
    );
    assert_eq!(
        why(|rule| rule.sides = vec![Side::Buyer], Side::Seller, Financing::Cash, "NC"),
        "Our own is for the buyer side; we represent the seller."
    );
}

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn every_state() -> Vec<State> {
    let at: Timestamp = "2026-11-20T15:30:00Z".parse().unwrap();
    let mut states: Vec<State> = OpenState::ALL.iter().map(|open| State::Open(*open)).collect();
    states.push(State::Completed { at, by: "Ana Diaz".into() });
    states.push(State::Waived { at, by: "Ben Okafor".into(), reason: None });
    states.push(State::Waived { at, by: "Ben Okafor".into(), reason: Some("cash buyer".into()) });
    states
}

fn stepped(step: Result<Step, Refusal>) -> String {
    match step {
        Ok(Step::Now(state)) => format!("now {state:?}"),
        Ok(Step::Already(state)) => format!("already {state:?}"),
        Err(refusal) => format!("{}: {refusal}", refusal.code.as_str()),
    }
}

/// Every state by every action, with the whole answer.
#[test]
fn any_milestone_can_be_worked_on_in_any_order() {
    let waiver = |required, reason| Waiver { required, reason, by: "Cy Lee", at: noon() };
    let mut grid = String::new();
    for state in every_state() {
        grid.push_str(&format!("{state:?}\n"));
        let mut add = |action: &str, step| grid.push_str(&format!("  {action}: {}\n", stepped(step)));
        add("complete", complete(&state, "Cy Lee", noon()));
        add("waive, required, no reason", waive(&state, waiver(true, None)));
        add("waive, required, blank reason", waive(&state, waiver(true, Some(" \t"))));
        add("waive, required, reason", waive(&state, waiver(true, Some(" not needed "))));
        add("waive, optional, no reason", waive(&state, waiver(false, None)));
        add("waive, optional, reason", waive(&state, waiver(false, Some("not needed"))));
        add("reopen", Ok(reopen(&state)));
        for open in OpenState::ALL {
            add(&format!("set to {open}"), set_open_state(&state, *open));
        }
    }
    insta::assert_snapshot!(grid);
}

#[test]
fn a_reason_can_be_long_but_not_endless() {
    let open = State::Open(OpenState::Upcoming);
    let waiver = |reason| Waiver { required: true, reason: Some(reason), by: "Cy Lee", at: noon() };
    let (long, too_long) = ("é".repeat(MAX_REASON), "é".repeat(MAX_REASON + 1));
    assert!(waive(&open, waiver(&long)).is_ok());
    let refusal = waive(&open, waiver(&too_long)).unwrap_err();
    assert_eq!(refusal.problems, [Problem::new("reason", "must be at most 1000 characters.")]);
}

#[test]
fn only_an_open_milestone_is_overdue_and_only_when_its_day_is_over() {
    let lapse = noon();
    let before = lapse - jiff::SignedDuration::from_nanos(1);
    let shown = |state: &State, lapse, now| status(state, lapse, now).as_str();
    for state in every_state() {
        let stored = state.word().as_str();
        assert_eq!(shown(&state, Some(lapse), before), stored);
        assert_eq!(shown(&state, None, Timestamp::MAX), stored);
        assert_eq!(shown(&state, Some(lapse), lapse), if state.is_open() { "overdue" } else { stored });
    }
}

#[test]
fn a_state_with_its_evidence_survives_storage() {
    for state in every_state() {
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state, "{json}");
    }
}

proptest! {
    #[test]
    fn no_key_date_and_no_offset_makes_a_rule_fail_badly(
        year in -9999..=9999i16, month in 1..=12i8, day in 1..=28i8, offset: i32, business: bool, roll in 0..3usize,
    ) {
        let mut stored = rule("contract +1 calendar none");
        stored.rule.offset = offset;
        stored.rule.days = if business { Days::Business } else { Days::Calendar };
        stored.rule.roll = crate::deals::calendar::Roll::ALL[roll];
        let contract = jiff::civil::date(year, month, day);
        let dates = KeyDates::from([("contract_date".to_owned(), contract)]);
        if let Ok(due) = due_on(&stored, &dates) {
            prop_assert!(due.date().is_some());
            lapses_at(due.date().unwrap(), &TimeZone::get("America/New_York").unwrap());
        }
    }
}
