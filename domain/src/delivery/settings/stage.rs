//! A step on the way to a yes, as a workspace sets it: one line that reads as it is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Whom;
use crate::workspace::access::Role;
use crate::workspace::approval::{Approver, OnDeadline, Rule, Stage};

/// Hours until approvers of a draft are told again, where nobody set others.
pub const USUAL_HOURS: u32 = 24;
const EXAMPLE: &str = "2 of role:owner + role:admin within 48h then escalate to owner";

/// Who may speak, what counts as a yes, and what their silence means. Written `RULE of WHOM + WHOM within HOURSh then WHAT`:
/// the rule is `any`, `majority`, `all` or a number; whom [`Whom`] has; what happens is `remind`, `escalate to ROLE` or
/// `expire`. Without the last parts those who are waited for are told again each day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftStage {
    pub rule: Rule,
    pub approvers: Vec<Whom>,
    pub hours: u32,
    pub on_deadline: OnDeadline,
}

impl DraftStage {
    /// Somebody of a role says yes, and is told again each day.
    pub fn any_of(role: Role) -> Self {
        Self {
            rule: Rule::Any,
            approvers: vec![Whom::Role(role)],
            hours: USUAL_HOURS,
            on_deadline: OnDeadline::Remind,
        }
    }

    /// The same for an approval, under four eyes.
    pub fn stage(&self) -> Stage {
        let approver = |whom: &Whom| match whom {
            Whom::Role(role) => Approver::Role(*role),
            Whom::Member(id) => Approver::Member(*id),
        };
        let mut stage = Stage::of(self.approvers.iter().map(approver).collect(), self.rule);
        stage.hours = Some(self.hours);
        stage.on_deadline = self.on_deadline;
        stage
    }
}

impl fmt::Display for DraftStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Rule::Any => f.write_str("any of ")?,
            Rule::Majority => f.write_str("majority of ")?,
            Rule::Unanimous => f.write_str("all of ")?,
            Rule::Quorum(n) => write!(f, "{n} of ")?,
        }
        for (place, whom) in self.approvers.iter().enumerate() {
            let plus = if place == 0 { "" } else { " + " };
            write!(f, "{plus}{whom}")?;
        }
        write!(f, " within {}h then ", self.hours)?;
        match self.on_deadline {
            OnDeadline::Remind => f.write_str("remind"),
            OnDeadline::Escalate(role) => write!(f, "escalate to {role}"),
            OnDeadline::AutoApprove => f.write_str("approve"),
            OnDeadline::AutoReject => f.write_str("expire"),
        }
    }
}

impl FromStr for DraftStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: String| format!("{what}. Write a stage like: {EXAMPLE}");
        let (rule, rest) = text.trim().split_once(" of ").ok_or_else(|| {
            wrong("does not say how many of whom (any, majority, all, or a number, then of)".into())
        })?;
        let (rest, then) = rest.split_once(" then ").map_or((rest, "remind"), |(rest, then)| (rest, then.trim()));
        let (whom, within) = rest.split_once(" within ").map_or((rest, None), |(whom, hours)| (whom, Some(hours)));
        let rule = match rule.trim() {
            "any" => Rule::Any,
            "majority" => Rule::Majority,
            "all" => Rule::Unanimous,
            number => Rule::Quorum(number.parse().map_err(|_| {
                wrong(format!("begins with \"{}\", which is none of any, majority, all or a number", few(number)))
            })?),
        };
        let approvers: Result<Vec<Whom>, String> = whom
            .split('+')
            .map(|one| one.trim().parse::<Whom>().map_err(|why| wrong(format!("\"{}\" {why}", few(one)))))
            .collect();
        let hours = within.map_or(Ok(USUAL_HOURS), |hours| {
            let number = hours.trim().strip_suffix('h').and_then(|number| number.trim().parse().ok());
            number.ok_or_else(|| wrong(format!("\"{}\" is no number of hours such as 48h", few(hours))))
        })?;
        let on_deadline = match then.split_once("escalate to ") {
            Some(("", role)) => OnDeadline::Escalate(
                role.trim().parse::<Role>().map_err(|why| wrong(format!("\"{}\" {why}", few(role))))?,
            ),
            _ => match then {
                "remind" => OnDeadline::Remind,
                "expire" => OnDeadline::AutoReject,
                "approve" => {
                    return Err(
                        "lets time say yes, and only people do. Use then remind, then escalate to ROLE or \
                                then expire"
                            .into(),
                    );
                }
                other => {
                    return Err(wrong(format!(
                        "ends with \"{}\", which is no remind, escalate to ROLE or expire",
                        few(other)
                    )));
                }
            },
        };
        Ok(Self { rule, approvers: approvers?, hours, on_deadline })
    }
}

/// As much of somebody's words as an answer repeats.
fn few(text: &str) -> String {
    text.trim().chars().take(40).collect()
}

impl Serialize for DraftStage {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DraftStage {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_reads_as_it_is_written() {
        let check = |text: &str, full: &str| {
            let stage: DraftStage = text.parse().unwrap();
            assert_eq!(stage.to_string(), full);
            assert_eq!(full.parse(), Ok(stage));
        };
        check("any of role:coordinator", "any of role:coordinator within 24h then remind");
        assert_eq!("any of role:admin".parse(), Ok(DraftStage::any_of(Role::Admin)));
        check(
            " 2 of role:owner+role:admin within 48 h then expire",
            "2 of role:owner + role:admin within 48h then expire",
        );
        check(
            "majority of role:admin within 4h then escalate to owner",
            "majority of role:admin within 4h then escalate to owner",
        );
        let member = "all of member:0190b5c0-0000-7000-8000-000000000001 within 24h then remind";
        check(member, member);
    }

    #[test]
    fn what_is_no_stage_is_refused_by_what_is_wrong_with_it() {
        let wrong = |text: &str| text.parse::<DraftStage>().unwrap_err();
        assert!(wrong("role:owner").starts_with("does not say how many of whom"));
        assert!(wrong("some of role:owner").starts_with("begins with \"some\""));
        assert!(wrong("any of Ann").starts_with("\"Ann\" is nobody on a team."));
        assert!(wrong("any of role:owner within a day").starts_with("\"a day\" is no number of hours"));
        assert!(wrong("any of role:owner within 4h then shrug").starts_with("ends with \"shrug\""));
        assert!(
            wrong("any of role:owner within 4h then approve")
                .starts_with("lets time say yes, and only people do.")
        );
    }
}
