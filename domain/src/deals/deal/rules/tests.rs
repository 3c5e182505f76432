use super::*;
use crate::deals::deal::{Financing, Side};
use crate::deals::example::{key_dates, template};

fn problems(dates: &KeyDates) -> String {
    let lines: Vec<String> =
        check_key_dates(dates).iter().map(|problem| format!("{}: {}", problem.field, problem.sentence)).collect();
    lines.join("\n")
}

#[track_caller]
fn check(dates: &str, expected: &str) {
    assert_eq!(problems(&key_dates(dates)), expected, "{dates}");
}

#[test]
fn a_deal_needs_a_contract_and_a_closing_in_order() {
    check("contract 2026-10-14 closing 2026-12-11", "");
    check("contract 2026-10-14 closing 2026-10-14", "");
    check("contract 2000-01-01 closing 2090-12-31 walk_through_2 2026-11-01", "");
    check("closing 2026-12-11", "key_dates.contract_date: is missing; every deal has one.");
    check("contract 2026-12-11", "key_dates.closing_date: is missing; every deal has one.");
    check(
        "contract 2026-12-11 closing 2026-12-10",
        "key_dates.closing_date: Thursday 10 December 2026 is before contract_date, Friday 11 December 2026.",
    );
    check(
        "contract 1999-12-31 closing 2026-12-11",
        "key_dates.contract_date: must be 2000-01-01 to 2090-12-31; it is 1999-12-31.",
    );
    check(
        "contract 2026-10-14 closing 2091-01-01",
        "key_dates.closing_date: must be 2000-01-01 to 2090-12-31; it is 2091-01-01.",
    );
    check(
        "contract 2026-10-14 closing 2026-12-11 Survey 2026-11-01",
        "key_dates.Survey: must be called by a letter a-z, then up to 59 of the characters a-z, 0-9 and _.",
    );
}

#[test]
fn a_key_date_is_called_by_a_short_plain_name() {
    for name in ["a", "survey_date", "survey2", &"a".repeat(60)] {
        assert!(is_key_date_name(name), "{name}");
    }
    for name in ["", "_a", "2nd", "Survey", "survey-date", "survey date", "überfällig", "a.b", &"a".repeat(61)] {
        assert!(!is_key_date_name(name), "{name}");
    }
}

#[test]
fn a_deal_has_at_most_forty_key_dates() {
    let mut dates = key_dates("contract 2026-10-14 closing 2026-12-11");
    for index in 2..MAX_KEY_DATES {
        dates.insert(format!("custom_{index}"), date(2026, 11, 1));
    }
    assert_eq!(problems(&dates), "");
    dates.insert("one_more".into(), date(2026, 11, 1));
    assert_eq!(problems(&dates), "key_dates: must be at most 40 dates; there are 41.");
}

/// Every status by every action, with the whole answer.
#[test]
fn a_deal_goes_from_draft_to_its_end_and_not_back() {
    let mut grid = String::new();
    for status in DealStatus::ALL {
        grid.push_str(&format!("{status}\n"));
        for (action, moving) in
            [("confirm", confirm(*status)), ("close", close(*status, 3)), ("cancel", cancel(*status, 3))]
        {
            let answer = match moving {
                Ok(Moving::Now { status, open_milestones }) => format!("now {status}, {open_milestones} open"),
                Ok(Moving::Already(status)) => format!("{status} already"),
                Err(refusal) => format!("{}: {refusal}", refusal.code.as_str()),
            };
            grid.push_str(&format!("  {action}: {answer}\n"));
        }
    }
    insta::assert_snapshot!(grid);
}

fn types(template: &Template, side: Side, financing: Financing) -> Vec<String> {
    let terms = Terms { side, financing, state: "NC" };
    let made = generate(template, terms, &key_dates("contract 2026-10-14 closing 2026-12-11")).unwrap();
    made.into_iter().map(|made| made.rule.rule.type_).collect()
}

#[test]
fn cash_makes_no_appraisal_and_no_financing_milestone() {
    for template in Template::built_ins() {
        for side in Side::ALL {
            assert_eq!(
                types(template, *side, Financing::Cash),
                [
                    "earnest_money",
                    "inspection",
                    "wood_infestation",
                    "repair_request",
                    "title_search",
                    "closing_prep",
                    "final_walkthrough",
                    "closing",
                ]
            );
        }
    }
}

#[test]
fn every_other_financing_makes_all_eleven_on_every_side() {
    for template in Template::built_ins() {
        for financing in Financing::ALL.iter().filter(|financing| **financing != Financing::Cash) {
            for side in Side::ALL {
                assert_eq!(types(template, *side, *financing).len(), 11, "{} {financing} {side}", template.name);
            }
        }
    }
}

#[test]
fn what_a_cash_deal_goes_without_is_told() {
    let terms = Terms { side: Side::Buyer, financing: Financing::Cash, state: "NC" };
    let whys: Vec<String> = template("residential").rules.iter().filter_map(|rule| why_not(rule, terms)).collect();
    assert_eq!(
        whys,
        [
            "Appraisal ordered is for conventional, fha, va or usda financing; this deal's is cash.",
            "Appraisal complete is for conventional, fha, va or usda financing; this deal's is cash.",
            "Financing contingency is for conventional, fha, va or usda financing; this deal's is cash.",
        ]
    );
}

#[test]
fn a_milestone_without_a_date_to_count_from_is_made_undated() {
    let mut template = template("residential").clone();
    template.rules.retain(|rule| rule.type_ == "inspection");
    if let Some(rule) = template.rules.first_mut() {
        rule.fallback = None;
    }
    let terms = Terms { side: Side::Buyer, financing: Financing::Cash, state: "NC" };
    let made = generate(&template, terms, &key_dates("contract 2026-10-14 closing 2026-12-11")).unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].due_on, None);
    let Origin::NeedsDate(undated) = &made[0].origin else { panic!("{:?}", made[0].origin) };
    assert_eq!(undated.absent, ["inspection_deadline"]);
    assert!(made[0].required);
}

#[test]
fn a_date_that_leaves_the_calendar_is_a_problem_of_the_key_date_it_counts_from() {
    let terms = Terms { side: Side::Buyer, financing: Financing::Cash, state: "NC" };
    let dates = key_dates("contract 2026-10-14 closing 2101-01-02 inspection 2101-01-01");
    let problems = generate(template("residential-rolled"), terms, &dates).unwrap_err();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(problems[0].field, "key_dates.inspection_deadline");
    assert_eq!(
        problems[0].sentence,
        "Home inspection gets no date from it. The date leaves the years that the holiday calendar us-federal covers \
         (1990-01-01 to 2100-12-31)."
    );
}

#[test]
fn no_rule_within_its_bounds_leaves_the_calendar() {
    let mut template = template("residential-business-days").clone();
    for offset in [-1000, 1000] {
        for rule in &mut template.rules {
            (rule.offset, rule.fallback) = (offset, None);
        }
        let terms = Terms { side: Side::Both, financing: Financing::Fha, state: "NC" };
        for day in [FIRST_DATE, LAST_DATE] {
            let dates: KeyDates = ["contract", "closing", "inspection", "appraisal", "financing"]
                .into_iter()
                .map(|word| (crate::deals::example::key_date_name(word), day))
                .collect();
            assert_eq!(generate(&template, terms, &dates).map(|made| made.len()), Ok(11));
        }
    }
}
