//! The rules.

use super::{Decision, Verdict};

pub fn decide() -> Decision {
    Decision { verdict: Verdict::Allow, until: None, trace: Vec::new() }
}
