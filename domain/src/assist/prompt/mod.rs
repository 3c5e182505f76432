//! What a model is asked, and the same job done without one.
//!
//! Each prompt is two files in `prompts/`: the question, and a fallback that writes the letter from the same context. A
//! context is a type of its own, so that a template cannot ask for what nobody gives; `sample()` has an example.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::assist::draft::Urgency;
use crate::assist::draft::letter::Letter;
use crate::kernel::{Fault, text};

/// Instructions of a template at most: a loop over all of a deal's milestones fits many times.
const FUEL: u64 = 200_000;

/// A question that is ready to be asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// Such as `follow_up/completed`.
    pub prompt: &'static str,
    pub version: u32,
    /// Which size of model it asks for.
    pub tier: String,
    pub system: String,
    pub user: String,
    /// The JSON schema of the answer.
    pub schema: Value,
}

/// What a prompt and its fallback are rendered with.
pub trait Context: Serialize + JsonSchema {
    const NAME: &'static str;

    fn sample() -> Self;
}

struct Source {
    name: &'static str,
    question: &'static str,
    fallback: &'static str,
}

/// Every prompt there is.
const CATALOGUE: &[Source] = &[
    Source {
        name: FollowUp::NAME,
        question: include_str!("../../../../prompts/follow_up/completed.md"),
        fallback: include_str!("../../../../prompts/follow_up/completed.fallback.md"),
    },
    Source {
        name: Checklist::NAME,
        question: include_str!("../../../../prompts/checklist/closing_week.md"),
        fallback: include_str!("../../../../prompts/checklist/closing_week.fallback.md"),
    },
];

fn source(name: &str) -> Result<&'static Source, Fault> {
    CATALOGUE.iter().find(|source| source.name == name).ok_or_else(|| broken(name, "there is no such prompt"))
}

fn broken(name: &str, what: impl std::fmt::Display) -> Fault {
    Fault::Corrupt(format!("the prompt {name}: {what}"))
}

/// The lines between the two `---`, and what stands after them.
fn front_matter<'a>(name: &str, file: &'a str) -> Result<(BTreeMap<&'a str, &'a str>, &'a str), Fault> {
    let (head, body) = file
        .strip_prefix("---\n")
        .and_then(|rest| rest.split_once("\n---\n"))
        .ok_or_else(|| broken(name, "has no front matter"))?;
    let pairs = head.lines().filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.trim(), v.trim())).collect();
    Ok((pairs, body))
}

/// Renders a template. A field that the context does not have is an error, and so is a template without end.
fn render(name: &str, template: &str, context: impl Serialize) -> Result<String, Fault> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment
        .render_str(template, minijinja::value::Serde(&context))
        .map_err(|error| broken(name, format!("{error:#}")))
}

/// The question for a context. The data stand between marks that they cannot close.
pub fn question<C: Context>(context: &C) -> Result<Question, Fault> {
    let source = source(C::NAME)?;
    let (head, body) = front_matter(C::NAME, source.question)?;
    let (system, data) = body.split_once("\n# Data\n").ok_or_else(|| broken(C::NAME, "has no part named Data"))?;
    let value = serde_json::to_string_pretty(context).map_err(|error| broken(C::NAME, error))?;
    // What the deal's people wrote cannot end the data early.
    let value = value.replace('<', "\\u003c").replace('>', "\\u003e");
    let version = head.get("version").and_then(|v| v.parse().ok());
    if head.get("schema") != Some(&"letter") {
        return Err(broken(C::NAME, "asks for an answer of no known form"));
    }
    Ok(Question {
        prompt: C::NAME,
        version: version.ok_or_else(|| broken(C::NAME, "has no version"))?,
        tier: head.get("tier").copied().unwrap_or("small").to_owned(),
        system: system.trim_start_matches("# Instructions").trim().to_owned(),
        user: render(C::NAME, data.trim(), minijinja::context! { data => value })?,
        schema: schema_for!(Letter).to_value(),
    })
}

/// The letter as the fallback writes it.
pub fn fallback<C: Context>(context: &C) -> Result<Letter, Fault> {
    let source = source(C::NAME)?;
    let (_, body) = front_matter(C::NAME, source.fallback)?;
    let text = render(C::NAME, body, context)?;
    let (subject, body) = text
        .trim()
        .strip_prefix("Subject: ")
        .and_then(|rest| rest.split_once('\n'))
        .ok_or_else(|| broken(C::NAME, "the fallback starts with no subject"))?;
    Ok(Letter { subject: shortened(subject.trim()), body: body.trim().to_owned() })
}

fn shortened(subject: &str) -> String {
    if subject.chars().count() <= text::TITLE {
        return subject.to_owned();
    }
    let mut short: String = subject.chars().take(text::TITLE - 1).collect();
    short.push('…');
    short
}

/// A step of the deal as a letter shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    pub title: String,
    /// "Friday, December 4, 2026"; none when it needs a date.
    pub on: Option<String>,
    /// "you", "the lender", "everyone".
    pub who: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DealFacts {
    pub address: String,
    /// The side we represent: buyer, seller or both.
    pub side: String,
    pub financing: String,
    pub closing: Option<String>,
    pub days_to_closing: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reader {
    /// buyer, seller, buyer_agent, seller_agent, attorney, lender, inspector, appraiser, title or other.
    pub role: String,
    /// Whether it is the buyer or seller whom we represent.
    pub client: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finished {
    /// The milestone's type, or `custom`.
    pub kind: String,
    pub title: String,
    pub on: String,
    pub due: Option<String>,
    /// 0 when it was in time.
    pub days_late: i64,
}

/// A milestone was completed, and somebody is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FollowUp {
    pub urgency: Urgency,
    pub deal: DealFacts,
    pub recipient: Reader,
    pub done: Finished,
    /// The reader's own next step with a date.
    pub yours: Option<Step>,
    /// The next open steps, the earliest first.
    pub next: Vec<Step>,
    /// How many more there are.
    pub more: usize,
    /// Open steps whose date has passed.
    pub overdue: Vec<Step>,
}

impl Context for FollowUp {
    const NAME: &'static str = "follow_up/completed";

    fn sample() -> Self {
        let step =
            |title: &str, on: &str, who: &str| Step { title: title.into(), on: Some(on.into()), who: who.into() };
        Self {
            urgency: Urgency::Routine,
            deal: DealFacts {
                address: "12 Oak Street, Chicago, IL 60601".into(),
                side: "buyer".into(),
                financing: "conventional".into(),
                closing: Some("Friday, December 11, 2026".into()),
                days_to_closing: 48,
            },
            recipient: Reader { role: "buyer".into(), client: true },
            done: Finished {
                kind: "inspection".into(),
                title: "Home inspection".into(),
                on: "Saturday, October 24, 2026".into(),
                due: Some("Saturday, October 24, 2026".into()),
                days_late: 0,
            },
            yours: Some(step("Repair request deadline", "Tuesday, October 27, 2026", "you")),
            next: vec![
                step("Appraisal ordered", "Saturday, October 24, 2026", "the lender"),
                step("Repair request deadline", "Tuesday, October 27, 2026", "you"),
            ],
            more: 6,
            overdue: Vec::new(),
        }
    }
}

/// The closing is a week away, and a client is to prepare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checklist {
    pub address: String,
    pub closing: String,
    /// buyer or seller.
    pub role: String,
    pub items: Vec<String>,
    /// The client's own open steps.
    pub open: Vec<Step>,
}

impl Checklist {
    /// What a side prepares in its closing week.
    pub fn items_of(role: &str) -> Vec<String> {
        let items: &[&str] = match role {
            "buyer" => &[
                "Certified funds: arrange the wire or cashier's check for the amount on your closing figures.",
                "Photo ID: a valid government-issued photo ID for everyone who signs.",
                "Walkthrough: see the home once more right before the closing, and tell us at once of anything that is not as agreed.",
                "Utilities: have electricity, gas, water and internet put in your name as of the closing date.",
            ],
            _ => &[
                "Vacant and clean: the home empty and swept, as the contract says, before the walkthrough.",
                "Belongings removed: everything that is not part of the sale, also from garage, attic, basement and yard.",
                "Repairs done: every repair that was agreed finished, with receipts at hand.",
                "Keys and remotes: all keys, garage remotes, codes and manuals together and ready to hand over.",
            ],
        };
        items.iter().map(|item| (*item).to_owned()).collect()
    }
}

impl Context for Checklist {
    const NAME: &'static str = "checklist/closing_week";

    fn sample() -> Self {
        Self {
            address: "12 Oak Street, Chicago, IL 60601".into(),
            closing: "Friday, December 11, 2026".into(),
            role: "buyer".into(),
            items: Self::items_of("buyer"),
            open: vec![Step {
                title: "Final walkthrough".into(),
                on: Some("Wednesday, December 9, 2026".into()),
                who: "you".into(),
            }],
        }
    }
}

#[cfg(test)]
mod tests;
