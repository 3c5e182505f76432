use jiff::civil::Date;
use serde_json::json;

use super::*;
use crate::deals::example::{date, key_dates};

const DATES: &str =
    "contract 2026-10-14 inspection 2026-10-26 appraisal 2026-11-13 financing 2026-11-20 closing 2026-12-11";

/// "inspection 2026-10-26 completed inspector": a milestone in words; `-` when it needs a date.
fn milestone(words: &str, title: &str) -> MilestoneView {
    let words: Vec<&str> = words.split(' ').collect();
    let due_on: Option<Date> = words[0].parse().ok();
    serde_json::from_value(json!({
        "id": "01900000-0000-7000-8000-000000000001",
        "deal_id": "01900000-0000-7000-8000-000000000002",
        "deal_title": "",
        "type": "custom",
        "title": title,
        "due_on": due_on,
        "status": words[1],
        "required": true,
        "responsible_role": words[2],
        "remind_days_before": 3,
        "source": { "kind": "rule", "fallback": false, "rolled": [], "skipped": [], "absent": [] },
        "pinned": false,
        "version": 1,
    }))
    .unwrap()
}

fn deal(title: &str, dates: &str, milestones: &[(&str, &str)]) -> Detail {
    let deal = serde_json::from_value(json!({
        "id": "01900000-0000-7000-8000-000000000002",
        "title": title,
        "address": format!("{title}, Chicago, IL 60601"),
        "status": if milestones.is_empty() { "draft" } else { "active" },
        "side": "buyer",
        "financing": "conventional",
        "time_zone": "America/Chicago",
        "key_dates": key_dates(dates),
        "template": "residential",
        "template_version": 1,
        "created_at": "2026-10-14T15:00:00Z",
        "version": 1,
    }));
    let milestones = milestones.iter().map(|(words, title)| milestone(words, title)).collect();
    Detail { deal: deal.unwrap(), parties: Vec::new(), milestones, next_milestone: None, overdue: Vec::new() }
}

/// A usual purchase.
fn usual(today: [&str; 11]) -> Detail {
    let titles = [
        ("2026-10-16", "buyer", "Earnest money deposited"),
        ("2026-10-26", "inspector", "Inspection completed"),
        ("2026-10-28", "buyer_agent", "Inspection response sent"),
        ("2026-11-02", "attorney", "Attorney review"),
        ("2026-11-06", "lender", "Loan application submitted"),
        ("2026-11-13", "appraiser", "Appraisal received"),
        ("2026-11-20", "lender", "Financing contingency removed"),
        ("2026-11-30", "title", "Title commitment reviewed"),
        ("2026-12-08", "lender", "Clear to close"),
        ("2026-12-10", "all", "Final walk-through"),
        ("-", "seller", "Possession"),
    ];
    let words: Vec<String> =
        titles.iter().zip(today).map(|((on, role, _), status)| format!("{on} {status} {role}")).collect();
    let milestones: Vec<(&str, &str)> =
        words.iter().zip(titles).map(|(words, (.., title))| (words.as_str(), title)).collect();
    deal("12 Oak Street - Ann Lee", DATES, &milestones)
}

fn begun() -> Detail {
    let (done, up) = ("completed", "upcoming");
    usual([done, done, done, "waived", "in_progress", "scheduled", up, up, up, up, up])
}

fn late() -> Detail {
    let (done, late, up) = ("completed", "overdue", "upcoming");
    usual([done, done, late, "waived", done, late, late, up, up, up, up])
}

fn crowded() -> Detail {
    let words: Vec<String> = (0..57)
        .map(|i| {
            let on = date("2026-10-14").checked_add(jiff::Span::new().days(i)).unwrap();
            format!("{on} {} buyer_agent", if i < 12 { "completed" } else { "upcoming" })
        })
        .collect();
    let milestones: Vec<(&str, &str)> = words
        .iter()
        .map(|words| (words.as_str(), "A step that has a title of quite some length, as they have"))
        .collect();
    deal("A deal with very many steps", DATES, &milestones)
}

const NAUGHTY: [&str; 8] = [
    "</text><script>alert(1)</script>",
    "\" onload=\"alert(1)",
    "a & b < c > d 'e' \"f\"",
    "invoice \u{202e}gpj.exe \u{200b}\u{feff}",
    "Z\u{34f}\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}algo",
    "\u{5de5}\u{4e8b}\u{306e}\u{691c}\u{67fb} \u{1f3e0} \u{645}\u{631}\u{62d}\u{628}\u{627}",
    "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM",
    "{{ 7 * 7 }} \u{7}\r\n two lines",
];

fn naughty() -> Detail {
    let milestones: Vec<(&str, &str)> =
        NAUGHTY.iter().map(|title| ("2026-11-13 upcoming other", *title)).collect();
    let mut detail = deal(&NAUGHTY.join(" "), DATES, &milestones);
    for name in NAUGHTY {
        detail.deal.key_dates.insert(name.into(), date("2026-11-14"));
    }
    detail.deal.address = NAUGHTY[0].into();
    detail
}

#[test]
fn a_deal_under_way_as_a_picture() {
    insta::assert_snapshot!(svg(&begun(), date("2026-11-04")));
}

#[test]
fn a_deal_that_is_late_as_a_picture() {
    insta::assert_snapshot!(svg(&late(), date("2026-11-23")));
}

#[test]
fn a_draft_without_milestones_as_a_picture() {
    insta::assert_snapshot!(svg(
        &deal("12 Oak Street", "contract 2026-10-14 closing 2026-12-11", &[]),
        date("2026-10-14")
    ));
}

#[test]
fn naughty_words_as_a_picture() {
    let picture = svg(&naughty(), date("2026-11-04"));
    for bad in ["<script", "onload=\"", "\u{202e}", "\u{200b}", "\u{7}", "\u{304}"] {
        assert!(!picture.contains(bad), "{bad:?}");
    }
    insta::assert_snapshot!(picture);
}

#[test]
fn of_very_many_milestones_those_that_are_open_have_rows() {
    let picture = svg(&crowded(), date("2026-11-04"));
    assert_eq!(picture.matches("role=\"listitem\"").count(), MOST_ROWS);
    assert!(picture.contains("and 17 more milestones"));
    // The twelve that are done gave their rows to others.
    assert!(!picture.contains(">done</text>"));
    let height = picture.split("height=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(height.parse::<u32>().unwrap() < 2_000, "{height}");
}

#[test]
fn the_same_facts_are_the_same_picture_wherever_the_dates_lie() {
    for dates in [
        DATES,
        "contract 2026-10-14 closing 2026-10-14",
        "contract 2026-10-14 closing 2036-12-11",
        "contract 1900-01-01 closing 2199-12-31",
        "contract 2026-12-30 closing 2027-01-02",
    ] {
        for today in ["2026-11-04", "1950-01-01", "2199-12-31", "9999-12-31", "0001-01-01"] {
            let detail = deal("12 Oak Street", dates, &[("2026-11-13 upcoming buyer", "Appraisal")]);
            let picture = svg(&detail, date(today));
            assert_eq!(picture, svg(&detail, date(today)));
            assert!(!picture.contains("NaN") && !picture.contains("inf"), "{dates} on {today}");
            assert!(picture.len() < 100_000, "{}", picture.len());
        }
    }
}

#[test]
fn a_text_is_cut_where_its_place_ends() {
    let check = |text: &str, most: f64, cut: &str| assert_eq!(clipped(text, 10.0, most), cut);
    check("Inspection", 100.0, "Inspection");
    check("Inspection of the roof", 60.0, "Inspectio…");
    check("MMMM", 20.0, "M…");
    check("", 20.0, "");
    check("two\nlines", 100.0, "two lines");
}
