//! Who has a say in a stage, and what their votes come to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Approver, Choice, NewApproval, OnDeadline, Rule, Stage, Vote};
use crate::kernel::Problem;
use crate::kernel::canonical::{self, hex, sha256};
use crate::kernel::id::MemberId;
use crate::workspace::access::rules::role_allows;
use crate::workspace::access::{Role, Verb};
use crate::workspace::member::{Member, MemberStatus};

/// Stages of one approval at most.
pub const MOST_STAGES: usize = 10;
/// Approvers named in one stage at most.
pub const MOST_APPROVERS: usize = 100;
/// Ninety days.
pub const MOST_HOURS: u32 = 2_160;

/// SHA-256 over the canonical JSON of `["milepost.approval.v1", covers]`, in hex: what a yes is a yes to.
pub fn hash(covers: &[String]) -> String {
    hex(&sha256(&[&canonical::bytes(&json!(["milepost.approval.v1", covers]))]))
}

/// Who has a say in a stage as the team is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Electorate {
    pub voters: BTreeSet<MemberId>,
    /// Those who may decide alone, since the deadline passed.
    pub deciders: BTreeSet<MemberId>,
}

impl Electorate {
    pub fn may(&self, member: MemberId) -> bool {
        self.voters.contains(&member) || self.deciders.contains(&member)
    }
}

/// Active members who are named or have a named role and may decide at all; without the author under four eyes.
pub fn electorate(stage: &Stage, author: Option<MemberId>, team: &[Member]) -> Electorate {
    let may = |m: &&Member| {
        m.status == MemberStatus::Active
            && role_allows(m.role, Verb::DecideApproval)
            && !(stage.four_eyes && wrote(stage, author, m.id))
    };
    let named = |m: &Member| {
        stage.approvers.iter().any(|approver| match approver {
            Approver::Member(id) => *id == m.id,
            Approver::Role(role) => *role == m.role,
        })
    };
    Electorate {
        voters: team.iter().filter(may).filter(|m| named(m)).map(|m| m.id).collect(),
        deciders: team.iter().filter(may).filter(|m| stage.escalated_to == Some(m.role)).map(|m| m.id).collect(),
    }
}

fn wrote(stage: &Stage, author: Option<MemberId>, member: MemberId) -> bool {
    author == Some(member) || stage.also_by.contains(&member)
}

/// Why a member has no say in a stage, as a part of a sentence; `None` when there is one.
pub fn why_not(stage: &Stage, author: Option<MemberId>, voter: &Member) -> Option<String> {
    if electorate(stage, author, std::slice::from_ref(voter)).may(voter.id) {
        return None;
    }
    Some(match () {
        () if voter.status != MemberStatus::Active => "is out of service".into(),
        () if stage.four_eyes && wrote(stage, author, voter.id) => {
            "wrote it, and nobody approves their own words".into()
        }
        () if !role_allows(voter.role, Verb::DecideApproval) => format!("has the role {}", voter.role),
        () => "is none of its approvers".into(),
    })
}

/// What the votes of a stage come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tally {
    /// Waiting for these.
    Open(BTreeSet<MemberId>),
    Passed,
    Rejected(String),
    ChangesRequested(String),
}

/// Counts the votes of one stage. Votes of those who have no say any more do not count.
///
/// Under `majority` and `unanimous` who abstains is not counted at all; under `quorum` an abstention is a vote that
/// cannot be a yes. When all abstain nobody said yes, so the stage fails. Where fewer are left of the team than a quorum
/// wants, all who are left must agree.
pub fn tally(rule: Rule, who: &Electorate, votes: &[Vote]) -> Tally {
    let cast: BTreeMap<MemberId, &Vote> =
        votes.iter().filter(|vote| who.may(vote.member)).map(|vote| (vote.member, vote)).collect();
    // Who may decide alone decides alone; the first of them, should they differ.
    let alone = cast.values().filter(|vote| who.deciders.contains(&vote.member) && vote.choice != Choice::Abstain);
    if let Some(vote) = alone.min_by_key(|vote| vote.cast_at) {
        return decided(vote);
    }
    let of = |choice: Choice| {
        cast.values().filter(|vote| vote.choice == choice && who.voters.contains(&vote.member)).count()
    };
    let (yes, abstained, rejects) = (of(Choice::Approve), of(Choice::Abstain), of(Choice::Reject));
    let no = rejects + of(Choice::RequestChanges);
    let silent: BTreeSet<MemberId> = who.voters.iter().filter(|id| !cast.contains_key(id)).copied().collect();
    let speaking = who.voters.len() - abstained;
    let fails = |why: String| {
        if no > 0 && rejects == 0 { Tally::ChangesRequested(why) } else { Tally::Rejected(why) }
    };
    if let Rule::Any = rule {
        let first = cast.values().filter(|v| v.choice != Choice::Abstain).min_by_key(|v| (v.cast_at, v.member));
        if let Some(vote) = first {
            return decided(vote);
        }
    }
    let (passes, may_pass) = match rule {
        // Nobody who may has said anything else than that they abstain.
        Rule::Any => (false, !silent.is_empty()),
        Rule::Majority => (yes * 2 > speaking, (yes + silent.len()) * 2 > speaking),
        Rule::Unanimous => (yes > 0 && yes == speaking, no == 0 && yes + silent.len() > 0),
        Rule::Quorum(n) => {
            let n = (n as usize).min(who.voters.len()).max(1);
            (yes >= n, yes + silent.len() >= n)
        }
    };
    // Those who may decide alone are waited for as well.
    let open: BTreeSet<MemberId> =
        silent.into_iter().chain(who.deciders.iter().filter(|id| !cast.contains_key(id)).copied()).collect();
    let undecided = who.deciders.iter().any(|id| !cast.contains_key(id));
    match () {
        () if passes => Tally::Passed,
        () if may_pass || (no == 0 && undecided) => Tally::Open(open),
        () if abstained == who.voters.len() => fails("All of its approvers abstained.".into()),
        () => fails(format!("{} can no longer be reached.", goal(rule))),
    }
}

fn decided(vote: &Vote) -> Tally {
    match vote.choice {
        Choice::Approve => Tally::Passed,
        Choice::RequestChanges => Tally::ChangesRequested(vote.feedback.clone()),
        Choice::Reject | Choice::Abstain => Tally::Rejected(vote.feedback.clone()),
    }
}

/// What a stage needs, as the start of a sentence.
pub fn goal(rule: Rule) -> String {
    match rule {
        Rule::Any => "One approval".into(),
        Rule::Majority => "A majority".into(),
        Rule::Unanimous => "A unanimous yes".into(),
        Rule::Quorum(1) => "A quorum of 1 approval".into(),
        Rule::Quorum(n) => format!("A quorum of {n} approvals"),
    }
}

/// Everything that is wrong with what asks to be approved, every field named.
pub fn problems(new: &NewApproval, team: &[Member]) -> Vec<Problem> {
    wrong_stages(&new.stages, new.author, new.risky, team)
}

/// Everything that is wrong with stages for words of this author, in fields `stages` and `stages[0].rule`.
pub fn wrong_stages(stages: &[Stage], author: Option<MemberId>, risky: bool, team: &[Member]) -> Vec<Problem> {
    let mut found = Vec::new();
    if stages.is_empty() || stages.len() > MOST_STAGES {
        found.push(Problem::new("stages", format!("There must be 1 to {MOST_STAGES} stages.")));
    }
    for (i, stage) in stages.iter().enumerate() {
        let field = |name: &str| format!("stages[{i}].{name}");
        if stage.approvers.is_empty() || stage.approvers.len() > MOST_APPROVERS {
            found
                .push(Problem::new(field("approvers"), format!("There must be 1 to {MOST_APPROVERS} approvers.")));
            continue;
        }
        if stage.hours.is_some_and(|hours| !(1..=MOST_HOURS).contains(&hours)) {
            found.push(Problem::new(field("hours"), format!("It must be between 1 and {MOST_HOURS}.")));
        }
        if stage.on_deadline == OnDeadline::AutoApprove && risky {
            found.push(Problem::new(
                field("on_deadline"),
                "A deadline must not say yes to what reaches people outside. Use remind, escalate or auto_reject.",
            ));
        }
        if let OnDeadline::Escalate(role) = stage.on_deadline
            && !role_allows(role, Verb::DecideApproval)
        {
            found.push(Problem::new(field("on_deadline"), format!("The role {role} may not approve.")));
        }
        let (needed, there) = (needed(stage.rule), electorate(stage, author, team).voters.len());
        if needed == 0 {
            found.push(Problem::new(field("rule"), "A quorum needs at least 1."));
        } else if there < needed {
            found.push(Problem::new(
                field("approvers"),
                format!("{} is needed, and {there} of the team may give one.", goal(stage.rule)),
            ));
        }
    }
    found
}

/// How many must be able to say yes for the rule to make sense.
fn needed(rule: Rule) -> usize {
    match rule {
        Rule::Quorum(n) => n as usize,
        Rule::Any | Rule::Majority | Rule::Unanimous => 1,
    }
}

/// One stage in which any of those who coordinate may decide. Where nobody is left but those who wrote earlier words, they
/// may; where nobody but the author could, the author may.
pub fn usual(author: Option<MemberId>, also_by: Vec<MemberId>, team: &[Member], hours: u32) -> Stage {
    let mut stage =
        Stage::of([Role::Owner, Role::Admin, Role::Coordinator].map(Approver::Role).to_vec(), Rule::Any);
    stage.hours = Some(hours);
    stage.also_by = also_by;
    if electorate(&stage, author, team).voters.is_empty() {
        stage.also_by = Vec::new();
    }
    stage.four_eyes = !electorate(&stage, author, team).voters.is_empty();
    stage
}

/// Stages as a workspace set them, made such that this author's words can be decided about by the team as it is: where a
/// quorum is out of reach all who are left must agree; where nobody is left it is [`usual`]. Gives, as sentences, what was
/// changed of what the workspace wanted.
pub fn fitting(
    wanted: &[Stage],
    author: Option<MemberId>,
    also_by: &[MemberId],
    team: &[Member],
    hours: u32,
) -> (Vec<Stage>, Vec<String>) {
    if wanted.is_empty() {
        return (vec![usual(author, also_by.to_vec(), team, hours)], Vec::new());
    }
    let mut notes = Vec::new();
    let fit = |(place, wanted): (usize, &Stage)| {
        let mut stage = Stage { also_by: also_by.to_vec(), ..wanted.clone() };
        let (place, there) = (place + 1, electorate(&stage, author, team).voters.len());
        if there == 0 {
            notes.push(format!(
                "Nobody whom the settings name for stage {place} may decide about these words, so any owner, admin or \
                 coordinator does."
            ));
            let in_place = usual(author, also_by.to_vec(), team, stage.hours.unwrap_or(hours));
            return Stage { on_deadline: stage.on_deadline, ..in_place };
        }
        if there < needed(stage.rule) {
            notes.push(format!(
                "{} is wanted in stage {place}, and {there} of the team may give one: all of them must.",
                goal(stage.rule)
            ));
            stage.rule = Rule::Unanimous;
        }
        stage
    };
    let stages = wanted.iter().enumerate().map(fit).collect();
    (stages, notes)
}

#[cfg(test)]
mod tests;
