use super::*;
use crate::deals::example::{date, key_dates, template};
use crate::deals::milestone::rules::due_on;

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn at() -> Timestamp {
    "2026-11-19T19:05:00Z".parse().unwrap()
}

fn due(name: &str, type_: &str, dates: &str) -> (String, Due) {
    let template = template(name);
    let rule = template.rules.iter().find(|rule| rule.type_ == type_).unwrap();
    (rule.title.clone(), due_on(&template.stored(rule), &key_dates(dates)).unwrap())
}

fn by_rule(name: &str, type_: &str, dates: &str) -> String {
    let (title, due) = due(name, type_, dates);
    explain(&title, due.date(), &due.into(), &zone())
}

fn by_hand(due_on: Option<&str>, reason: Option<&str>, instead_of: Option<Due>) -> String {
    let reason = reason.map(str::to_owned);
    let origin = ByHand { by: "Ana Diaz".into(), at: at(), reason, instead_of: instead_of.map(Box::new) };
    explain("Home inspection", due_on.map(date), &Origin::ByHand(origin), &zone())
}

const DATES: &str = "contract 2026-10-14 closing 2026-12-11";

/// Every way in which a milestone can come by its date, as a person reads it.
#[test]
fn every_date_says_where_it_comes_from() {
    let inspection = |dates| Some(due("residential", "inspection", dates).1);
    let sentences = [
        by_rule("residential", "financing_contingency", DATES),
        by_rule("residential", "closing", DATES),
        by_rule("residential", "earnest_money", DATES),
        by_rule("residential", "inspection", "contract 2026-10-14 inspection 2026-10-24"),
        by_rule("residential-business-days", "earnest_money", "contract 2026-11-24 closing 2027-01-29"),
        by_rule("residential-business-days", "earnest_money", "contract 2026-10-12 closing 2027-01-29"),
        by_rule("residential-business-days", "inspection", "contract 2026-10-14 inspection 2026-11-26"),
        by_rule("residential-rolled", "earnest_money", "contract 2026-06-30 closing 2026-09-01"),
        by_rule("residential-rolled", "financing_contingency", "contract 2026-10-14 closing 2026-12-13"),
        by_rule("residential", "inspection", "closing 2026-12-11"),
        by_rule("residential", "closing_prep", "contract 2026-10-14"),
        by_hand(Some("2026-10-26"), Some("the inspector is away"), inspection(DATES)),
        by_hand(Some("2026-10-26"), None, inspection("closing 2026-12-11")),
        by_hand(Some("2026-10-26"), None, None),
        by_hand(None, None, None),
    ];
    insta::assert_snapshot!(sentences.join("\n\n"));
}

#[test]
fn what_was_so_already_says_who_made_it_so() {
    let say = |state| already("Home inspection", &state, &zone());
    let sentences = [
        say(State::Open(OpenState::InProgress)),
        say(State::Completed { at: at(), by: "Ana Diaz".into() }),
        say(State::Waived { at: at(), by: "Ana Diaz".into(), reason: None }),
        say(State::Waived { at: at(), by: "Ana Diaz".into(), reason: Some("cash buyer".into()) }),
    ];
    insta::assert_snapshot!(sentences.join("\n"));
}

#[test]
fn an_origin_survives_storage_whatever_it_is() {
    let (_, dated) = due("residential-rolled", "earnest_money", "contract 2026-06-30");
    let (_, undated) = due("residential", "inspection", "closing 2026-12-11");
    let by_hand = |instead_of| {
        Origin::ByHand(ByHand { by: "Ana Diaz".into(), at: at(), reason: Some("weather".into()), instead_of })
    };
    let origins = [
        Origin::from(dated.clone()),
        undated.clone().into(),
        by_hand(None),
        by_hand(Some(Box::new(dated))),
        by_hand(Some(Box::new(undated))),
    ];
    for origin in &origins {
        let json = serde_json::to_string(origin).unwrap();
        assert_eq!(serde_json::from_str::<Origin>(&json).unwrap(), *origin, "{json}");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&origins[0]).unwrap());
}

#[test]
fn an_origin_has_a_schema_without_references() {
    let schema = serde_json::to_string(&schemars::schema_for!(Origin)).unwrap();
    assert!(!schema.contains("$ref"), "{schema}");
}
