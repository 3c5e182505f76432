//! Deals in a line.

use std::collections::BTreeMap;
use std::str::FromStr;

use domain::deals::deal::intake::NewDeal;

/// "contract 2026-10-14 closing 2026-12-11": the well-known dates by their first word, others by their whole name.
pub fn key_dates(text: &str) -> BTreeMap<String, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let name = |word: &str| match word {
        "contract" | "closing" => format!("{word}_date"),
        "inspection" => "inspection_deadline".into(),
        "appraisal" | "financing" => format!("{word}_contingency_deadline"),
        other => other.into(),
    };
    words.chunks(2).map(|pair| (name(pair[0]), pair[1].to_owned())).collect()
}

/// A conventional purchase in Chicago, active at once.
pub fn deal(title: &str, dates: &str) -> NewDeal {
    NewDeal {
        title: title.into(),
        address: format!("{title}, Chicago, IL 60601"),
        side: "buyer".into(),
        financing: "conventional".into(),
        state: Some("IL".into()),
        key_dates: key_dates(dates),
        activate: true,
        ..NewDeal::default()
    }
}

/// An id that nothing has.
pub fn unknown_id<T: FromStr<Err: std::fmt::Debug>>() -> T {
    "01900000-0000-7000-8000-00000000dead".parse().unwrap()
}
