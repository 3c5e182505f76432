//! The rules that turn a deal's key dates into its milestones: data files that ship with the product, and those that a
//! workspace brings.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Responsible, StoredRule};
use crate::deals::calendar::{Days, HolidayCalendar, Roll};
use crate::deals::deal::rules::{is_key_date_name, outside_text};
use crate::deals::deal::{Financing, Side};
use crate::kernel::Problem;

pub mod ops;
mod parse;

/// A named, versioned list of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Template {
    /// 1 to 60 of a-z, 0-9, `_` and `-`.
    pub name: String,
    pub title: String,
    /// From 1; raised with every change.
    pub version: i32,
    /// The id of the holiday calendar that business days and rolling go by.
    pub holidays: String,
    pub rules: Vec<DateRule>,
}

/// How one milestone gets its date, whom it is for, and on which deals it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DateRule {
    /// 1 to 60 of a-z, 0-9, `_` and `-`; unique in its template.
    #[serde(rename = "type")]
    pub type_: String,
    pub title: String,
    /// The name of the key date to count from.
    pub reference: String,
    /// Days after the reference; negative before it.
    pub offset: i32,
    /// Counted from when the reference is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    #[serde(default)]
    pub days: Days,
    #[serde(default)]
    pub roll: Roll,
    /// A milestone that is not required can be waived without a reason, and its lapse does not escalate.
    pub required: bool,
    /// Only on deals financed so; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub financing: Vec<Financing>,
    /// Only in these states, by their two letters; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// Only when we represent this side; empty means all. A deal on which we represent both matches any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Side>,
    pub responsible: Responsible,
    /// How many days before the due date a reminder goes out; `None` for no reminder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_days_before: Option<i32>,
    /// Who hears of its completion.
    #[serde(default)]
    pub notify: Vec<Responsible>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Fallback {
    pub reference: String,
    pub offset: i32,
}

/// The two letters of every state, the District of Columbia and the inhabited territories.
pub const STATES: &[&str] = &[
    "AL", "AK", "AS", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "GU", "HI", "ID", "IL", "IN", "IA",
    "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MP", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY",
    "NC", "ND", "OH", "OK", "OR", "PA", "PR", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "VI", "WA", "WV",
    "WI", "WY",
];

pub const MAX_OFFSET: i32 = 1000;
pub const MAX_RULES: usize = 200;

static BUILT_IN: LazyLock<Vec<Template>> = LazyLock::new(|| {
    [
        include_str!("../../../data/templates/residential.toml"),
        include_str!("../../../data/templates/residential-business-days.toml"),
        include_str!("../../../data/templates/residential-rolled.toml"),
    ]
    .into_iter()
    .filter_map(|text| Template::parse(text).ok())
    .collect()
});

impl Template {
    /// The templates that ship with the product; `residential` is the first.
    pub fn built_ins() -> &'static [Self] {
        &BUILT_IN
    }

    pub fn built_in(name: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|template| template.name == name)
    }

    /// Reads a template from TOML. Every problem is reported at once, by field (`rules[3].offset`) and line.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        parse::template(text)
    }

    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// The rule as it is kept with a milestone that it makes.
    pub fn stored(&self, rule: &DateRule) -> StoredRule {
        StoredRule {
            template: self.name.clone(),
            template_version: self.version,
            holidays: self.holidays.clone(),
            rule: rule.clone(),
        }
    }

    /// What is wrong with a template that did not come through [`Template::parse`]. Empty when it can be used.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut no = |field: &str, sentence: String| problems.push(Problem::new(field, sentence));
        if !is_word(&self.name) {
            no("name", WORD.into());
        }
        if let Some(sentence) = outside_text(&self.title, 200) {
            no("title", sentence);
        }
        if self.version < 1 {
            no("version", "must be 1 or more.".into());
        }
        if HolidayCalendar::named(&self.holidays).is_err() {
            no("holidays", format!("must be one of {}.", HolidayCalendar::NAMES.join(", ")));
        }
        if self.rules.is_empty() || self.rules.len() > MAX_RULES {
            no("rules", format!("must be 1 to {MAX_RULES} rules; there are {}.", self.rules.len()));
        }
        let mut types = BTreeSet::new();
        for (index, rule) in self.rules.iter().enumerate().take(MAX_RULES) {
            for problem in rule.check() {
                no(&format!("rules[{index}].{}", problem.field), problem.sentence);
            }
            if !types.insert(&rule.type_) {
                no(&format!("rules[{index}].type"), "must be unique; an earlier rule has the same type.".into());
            }
        }
        problems
    }
}

const WORD: &str = "must be 1 to 60 of the characters a-z, 0-9, _ and -.";
const KEY_DATE_NAME: &str =
    "must be the name of a key date: a letter a-z, then up to 59 of the characters a-z, 0-9 and _.";

impl DateRule {
    /// Fields as they are called inside the rule, such as `offset`.
    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut no = |field: &str, sentence: String| problems.push(Problem::new(field, sentence));
        if !is_word(&self.type_) {
            no("type", WORD.into());
        }
        if let Some(sentence) = outside_text(&self.title, 200) {
            no("title", sentence);
        }
        let mut from = |field: &str, reference: &str, offset: i32| {
            if !is_key_date_name(reference) {
                no(&format!("{field}reference"), KEY_DATE_NAME.into());
            }
            if !(-MAX_OFFSET..=MAX_OFFSET).contains(&offset) {
                no(&format!("{field}offset"), format!("must be -{MAX_OFFSET} to {MAX_OFFSET} days."));
            }
        };
        from("", &self.reference, self.offset);
        if let Some(fallback) = &self.fallback {
            from("fallback.", &fallback.reference, fallback.offset);
            if fallback.reference == self.reference {
                no("fallback.reference", "must be another key date than the reference it stands in for.".into());
            }
        }
        for (index, state) in self.states.iter().enumerate() {
            if !STATES.contains(&state.as_str()) {
                no(
                    &format!("states[{index}]"),
                    "must be the two capital letters of a US state, DC, PR, GU, VI, AS or MP.".into(),
                );
            }
        }
        if self.remind_days_before.is_some_and(|days| !(0..=365).contains(&days)) {
            no("remind_days_before", "must be 0 to 365 days.".into());
        }
        if has_twins(&self.financing) {
            no("financing", "must name each type once.".into());
        }
        if has_twins(&self.states) {
            no("states", "must name each state once.".into());
        }
        if has_twins(&self.sides) {
            no("sides", "must name each side once.".into());
        }
        if has_twins(&self.notify) {
            no("notify", "must name each role once.".into());
        }
        problems
    }
}

fn has_twins<T: Ord>(items: &[T]) -> bool {
    items.iter().collect::<BTreeSet<_>>().len() < items.len()
}

fn is_word(text: &str) -> bool {
    (1..=60).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests;
