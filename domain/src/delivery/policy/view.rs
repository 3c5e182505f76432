//! Decisions as the faces show them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::DecisionRow;
use super::{Decision, Reason, Step, Verdict, rules};
use crate::kernel::Fault;
use crate::kernel::id::{DecisionId, MessageId};

/// What the policy says, or would say, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct PolicyView {
    pub verdict: Verdict,
    /// For which instant.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What stands in the way, in the order of the rules.
    pub codes: Vec<Reason>,
    /// When it would be allowed; there exactly when it is deferred.
    #[schemars(with = "Option<String>")]
    pub next_allowed_at: Option<Timestamp>,
    pub sentence: String,
    /// The safe next action. Empty when it is allowed.
    pub next: String,
    /// Every rule that applies, with what it looked at.
    pub rule_trace: Vec<Step>,
}

impl PolicyView {
    pub fn of(decision: Decision, at: Timestamp) -> Self {
        Self {
            verdict: decision.verdict,
            at,
            codes: decision.codes,
            next_allowed_at: decision.until,
            sentence: decision.why,
            next: decision.next,
            rule_trace: decision.trace,
        }
    }
}

/// A decision that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DecisionView {
    pub id: DecisionId,
    pub message_id: MessageId,
    /// Which version of the rules decided.
    pub engine: i32,
    pub content_hash: String,
    #[serde(flatten)]
    pub policy: PolicyView,
}

impl DecisionView {
    pub(super) fn of(row: &DecisionRow) -> Result<Self, Fault> {
        let decision = rules::conclude(row.trace()?, row.until.map(|at| at.0));
        if decision.verdict != row.verdict || decision.codes.first() != row.code.as_ref() {
            return Err(Fault::Corrupt(format!("decision {} and its trace differ", row.id)));
        }
        Ok(Self {
            id: row.id,
            message_id: row.message_id,
            engine: row.engine,
            content_hash: row.content_hash.clone(),
            policy: PolicyView::of(decision, row.at.0),
        })
    }
}

/// A stored decision beside what the rules say today of the same facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Replay {
    pub stored: DecisionView,
    pub again: PolicyView,
    /// Whether both say the same, word for word.
    pub same: bool,
}
