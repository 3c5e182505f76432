//! How a command ends: with an answer, or with a no of one of three kinds.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use domain::kernel::way::spelled;
use domain::kernel::{Code, Fault, Refusal};
use serde::Serialize;
use serde_json::{Value, json};

use crate::says;

/// The same facts for a person and for a program.
pub struct Answer {
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn new(text: impl Into<String>, json: impl Serialize) -> Self {
        Self { text: text.into(), json: serde_json::to_value(json).unwrap_or(Value::Null) }
    }
}

/// `None` when the command has printed its answer by itself.
pub type Outcome = Result<Option<Answer>, Stop>;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub enum Stop {
    /// Something did not work: code 1.
    Failed(String),
    /// The arguments do not make sense together: code 2.
    Usage(String),
    /// A rule said no: code 3.
    Refused(Box<Refusal>),
    /// The same, with more to show to a person than the refusal's own words.
    Shown(Box<Refusal>, String),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        let refusal = spelled(refusal, says::way);
        match refusal.code {
            Code::Unavailable => Self::Failed(refusal.to_string()),
            _ => Self::Refused(Box::new(refusal)),
        }
    }
}

impl From<Fault> for Stop {
    /// At the terminal sits who runs the server: the details are theirs to see.
    fn from(fault: Fault) -> Self {
        Self::Failed(says::sentence(&fault.to_string()))
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(says::sentence(&error.to_string()))
    }
}

impl Stop {
    fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) | Self::Shown(..) => 3,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Failed(sentence) => json!({ "code": "failed", "sentence": sentence }),
            Self::Usage(sentence) => json!({ "code": "usage", "sentence": sentence }),
            Self::Refused(refusal) | Self::Shown(refusal, _) => {
                serde_json::to_value(refusal).unwrap_or(Value::Null)
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Failed(sentence) | Self::Usage(sentence) => sentence.clone(),
            Self::Refused(refusal) => says::refusal(refusal),
            Self::Shown(_, text) => text.clone(),
        }
    }
}

/// Answers go to standard output, everything else to standard error.
pub fn print(outcome: Outcome, as_json: bool) -> ExitCode {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
    match outcome {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(answer)) => {
            let words = if as_json { pretty(&answer.json) } else { answer.text };
            match write_line(&mut std::io::stdout().lock(), &words) {
                Ok(()) => ExitCode::SUCCESS,
                // Who reads has seen enough, as `head` does.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Err(stop) => {
            let words = if as_json { pretty(&stop.json()) } else { stop.text() };
            // There is nowhere left to complain to.
            let _ = write_line(&mut std::io::stderr().lock(), &words);
            ExitCode::from(stop.code())
        }
    }
}

fn write_line(to: &mut impl Write, words: &str) -> std::io::Result<()> {
    to.write_all(words.trim_end_matches('\n').as_bytes())?;
    to.write_all(b"\n")?;
    to.flush()
}
