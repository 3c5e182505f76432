//! The two kinds of no: a [`Refusal`] is for the person who asked, a [`Fault`] is ours.

use serde::{Deserialize, Serialize};

use crate::kernel::db;
use crate::kernel::way::Way;

/// Why something was refused, as a stable word that programs may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The input is wrong; `problems` names each field.
    Invalid,
    /// There is no such thing here. Another workspace's id gets exactly this answer.
    NotFound,
    /// The actor's role or the token's scopes do not allow it.
    Forbidden,
    /// There is no valid token.
    Unauthenticated,
    /// It changed since it was read or previewed.
    Stale,
    /// It is in a state that does not allow this.
    WrongState,
    /// A person was asked first, and said no.
    Declined,
    /// Something with this name or key is already there.
    AlreadyExists,
    /// The idempotency key was used before, with another body.
    KeyReused,
    /// Too many calls in too short a time.
    TooManyRequests,
    /// It did not get through this time; nothing is known to be wrong with the request.
    Unavailable,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::Unauthenticated => "unauthenticated",
            Self::Stale => "stale",
            Self::WrongState => "wrong_state",
            Self::Declined => "declined",
            Self::AlreadyExists => "already_exists",
            Self::KeyReused => "key_reused",
            Self::TooManyRequests => "too_many_requests",
            Self::Unavailable => "unavailable",
        }
    }
}

/// One thing that is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Problem {
    /// The field as the caller spells it, such as `key_dates.closing_date`.
    pub field: String,
    /// What is wrong and what would be right, as one sentence.
    pub sentence: String,
}

impl Problem {
    /// Control characters that came in with the input are shown as U+FFFD: a terminal or a log must not obey them.
    pub fn new(field: impl Into<String>, sentence: impl Into<String>) -> Self {
        let shown = |text: String| match text.contains(char::is_control) {
            true => text.replace(char::is_control, "\u{fffd}"),
            false => text,
        };
        Self { field: shown(field.into()), sentence: shown(sentence.into()) }
    }
}

const RETRY_AFTER: &str = "retry_after_seconds";

/// A no for the person who asked: what happened, what was not changed, what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: Code,
    pub sentence: String,
    /// What to do next: a tool or command to call, or a person to ask.
    pub next: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// What a program can go on with, such as a fresh preview in place of a stale one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// The way on that `next` speaks of, which each face spells as it is called there.
    #[serde(skip)]
    pub way: Option<Way>,
}

impl Refusal {
    pub fn new(code: Code, sentence: impl Into<String>, next: impl Into<String>) -> Self {
        let (sentence, next) = (sentence.into(), next.into());
        Self { code, sentence, next, problems: Vec::new(), details: None, way: None }
    }

    /// The same words whether the thing never existed, was removed, or belongs to another workspace.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!("There is no such {what} in this workspace. Nothing was changed."),
            format!("List the {what}s to find the right id."),
        )
    }

    /// Every problem at once. `problems` must not be empty.
    pub fn invalid(problems: Vec<Problem>) -> Self {
        let mut sentence = String::new();
        for problem in problems.iter().take(5) {
            sentence.push_str(&format!("{}: {} ", problem.field, problem.sentence));
        }
        if problems.len() > 5 {
            sentence.push_str(&format!("And {} more problems. ", problems.len() - 5));
        }
        sentence.push_str("Nothing was changed.");
        Self { problems, ..Self::new(Code::Invalid, sentence, "Correct the named fields and try again.") }
    }

    /// Too much was asked for in a time. It may be asked for again after so many seconds, which programs find in `details`.
    pub fn too_many(sentence: impl Into<String>, next: impl Into<String>, seconds: u64) -> Self {
        let details = Some(serde_json::json!({ RETRY_AFTER: seconds }));
        Self { details, ..Self::new(Code::TooManyRequests, sentence, next) }
    }

    /// The seconds after which it may be asked for again, where that is what stands in the way.
    pub fn retry_after(&self) -> Option<u64> {
        self.details.as_ref()?.get(RETRY_AFTER)?.as_u64()
    }

    pub fn stale(what: &str, yours: i64, current: i64) -> Self {
        Self::new(
            Code::Stale,
            format!(
                "The {what} changed since you read it (your version {yours}, now {current}). Nothing was changed."
            ),
            format!("Read the {what} again and repeat the change on its current version."),
        )
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.sentence, self.next)
    }
}

/// Something that is ours to mend. Logged once, at the edge; its details are never shown to who asked.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the database refused a statement: {0}")]
    Database(#[from] diesel::result::Error),
    #[error("no database connection could be had: {0}")]
    NoConnection(String),
    #[error("the database cannot be opened: {0}")]
    Open(String),
    /// A row that contradicts itself, such as `completed` without a time.
    #[error("stored data contradict themselves: {0}")]
    Corrupt(String),
    #[error("the schema could not be migrated: {0}")]
    Migration(String),
    #[error("the caller stopped waiting before the commit; the change was rolled back")]
    Abandoned,
    #[error("stopped at the step {0}")]
    Step(&'static str),
}

impl Fault {
    /// Whether the database had no time for us, and nothing to object.
    pub fn is_busy(&self) -> bool {
        match self {
            Self::NoConnection(_) => true,
            Self::Database(error) => db::is_busy(error),
            _ => false,
        }
    }
}

/// Why a verb did nothing.
#[derive(Debug)]
pub enum No {
    Refusal(Box<Refusal>),
    Fault(Fault),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(Box::new(refusal))
    }
}

impl From<Fault> for No {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<diesel::result::Error> for No {
    fn from(error: diesel::result::Error) -> Self {
        Self::Fault(Fault::Database(error))
    }
}

impl From<Vec<Problem>> for No {
    fn from(problems: Vec<Problem>) -> Self {
        Refusal::invalid(problems).into()
    }
}
