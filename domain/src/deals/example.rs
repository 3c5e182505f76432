//! Deals in one line, for tests.

use jiff::civil::Date;

use super::deal::KeyDates;
use super::milestone::template::Template;

pub(crate) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// "contract 2026-10-14 closing 2026-12-11": the well-known dates by their first word, others by their whole name.
pub(crate) fn key_dates(text: &str) -> KeyDates {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.chunks(2).map(|pair| (key_date_name(pair[0]), date(pair[1]))).collect()
}

pub(crate) fn key_date_name(word: &str) -> String {
    match word {
        "contract" => "contract_date",
        "closing" => "closing_date",
        "inspection" => "inspection_deadline",
        "appraisal" => "appraisal_contingency_deadline",
        "financing" => "financing_contingency_deadline",
        other => other,
    }
    .into()
}

pub(crate) fn template(name: &str) -> &'static Template {
    Template::built_in(name).unwrap()
}
