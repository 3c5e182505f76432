//! Who of the team hears of drafts and of what was completed, the way each of them wants to.

use serde::Serialize;

use super::card;
use super::facts::File;
use super::review::SUBJECT;
use crate::assist::draft::{Draft, Urgency};
use crate::deals::milestone::State;
use crate::delivery::notify::ops::{Team, take_back, tell};
use crate::delivery::notify::{self, Telling};
use crate::delivery::template::{Templates, Words, first_name};
use crate::kernel::id::{MemberId, MilestoneId};
use crate::kernel::{Cx, No, Subject};
use crate::people::reach::Topic;
use crate::workspace::approval::{Approval, ApprovalState};
use crate::workspace::member::Member;

/// What happened to an approval that members are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Opened,
    /// Nobody may say yes to it as it is.
    Blocked,
    /// Its next stage is open.
    Advanced,
    StillWaits,
    Escalated,
    /// For whoever wrote the words.
    SentBack,
    Rejected,
    /// Nobody decided in time; for whoever wrote the words and whoever answers for the deal.
    Expired,
    /// What was approved is not so any more, and did not leave.
    TakenBack,
    /// Some of it had left.
    TakenBackInPart,
}

impl News {
    fn words(self) -> &'static str {
        match self {
            Self::Opened | Self::Advanced => "waits for your approval",
            Self::Blocked => "needs an edit before it can be approved",
            Self::StillWaits => "still waits for your approval",
            Self::Escalated => "waited too long and is yours to decide",
            Self::SentBack => "was sent back for changes",
            Self::Rejected => "was rejected",
            Self::Expired => "expired: nobody decided in time, and nothing of it was sent",
            Self::TakenBack => "was taken back before it left",
            Self::TakenBackInPart => "was taken back in part",
        }
    }

    /// One message to each for each of these.
    fn occasion(self, cx: &Cx<'_>) -> String {
        match self {
            Self::Opened | Self::Blocked => "opened".into(),
            Self::Advanced => "advanced".into(),
            Self::StillWaits => format!("again:{}", cx.now().as_second()),
            Self::Escalated => "escalated".into(),
            Self::SentBack | Self::Rejected | Self::Expired => "decided".into(),
            Self::TakenBack | Self::TakenBackInPart => "taken_back".into(),
        }
    }

    /// Whoever wants digests hears of it at once all the same.
    fn is_important(self) -> bool {
        matches!(self, Self::Escalated | Self::Expired | Self::TakenBack | Self::TakenBackInPart)
    }

    fn is_decided(self) -> bool {
        !matches!(self, Self::Opened | Self::Blocked | Self::Advanced | Self::StillWaits | Self::Escalated)
    }
}

/// Tells members of a draft's approval.
pub(super) fn of_approval(
    cx: &mut Cx<'_>,
    team: &Team,
    draft: &Draft,
    about: &Approval,
    to: &[MemberId],
    news: News,
) -> Result<(), No> {
    let templates = Templates::load()?;
    let occasion = news.occasion(cx);
    let mut tellings = Vec::with_capacity(to.len());
    for member in to.iter().filter_map(|id| team.member(*id)) {
        let asks = !news.is_decided() && team.preferences(member.id).is_some_and(|said| said.discord.is_some());
        tellings.push(Telling {
            member: member.id,
            topic: Topic::Approval,
            urgency: match draft.urgency {
                Urgency::Urgent => notify::Urgency::Urgent,
                Urgency::Important => notify::Urgency::Important,
                Urgency::Routine if news.is_important() => notify::Urgency::Important,
                Urgency::Routine => notify::Urgency::Routine,
            },
            words: words(&templates, draft, about, member, news)?,
            subject: Some(Subject::new(SUBJECT, draft.id.0)),
            occasion: format!("{}{}:{occasion}:{}", base(draft), about.id, member.id),
            deal_id: Some(draft.deal_id),
            at: cx.now(),
            expires_at: None,
            also: None,
            card: asks.then(|| Box::new(card::of_notice(draft, about))),
        });
    }
    tell(cx, team, &tellings)?;
    Ok(())
}

/// What an approval's notices are said on, up to the approval.
fn base(draft: &Draft) -> String {
    format!("approval:{}:", draft.id)
}

fn words(
    templates: &Templates,
    draft: &Draft,
    about: &Approval,
    member: &Member,
    news: News,
) -> Result<Words, No> {
    #[derive(Serialize)]
    struct Context<'a> {
        name: &'a str,
        what: &'a str,
        title: &'a str,
        feedback: &'a str,
        next: String,
    }
    // Whoever said something of the words before is told that they are others now.
    let is_new = about.subject_version == 1;
    let what = match news {
        News::Opened | News::Advanced if !is_new => "was changed and waits for your approval",
        _ => news.words(),
    };
    let next = match news {
        News::Blocked => format!("Read it with milepost draft show {0}, and edit it.", draft.id),
        News::Rejected => format!("Read what was said with milepost approval show {}.", about.id),
        News::TakenBack | News::TakenBackInPart => {
            format!("See what became of it with milepost draft show {}.", draft.id)
        }
        News::Expired => format!("If it is still wanted, ask anew with milepost draft edit {}.", draft.id),
        News::SentBack => format!("Change it with milepost draft edit {}.", draft.id),
        News::Opened | News::Advanced if !is_new => format!(
            "See what changed with milepost approval show {0}, then vote: milepost --as {1} approval vote {0} --choice approve.",
            about.id, member.email
        ),
        _ => format!(
            "Read it with milepost draft preview {}, then vote: milepost --as {} approval vote {} --choice approve.",
            draft.id, member.email, about.id
        ),
    };
    let speaks = news.is_decided() && !matches!(about.state, ApprovalState::Pending | ApprovalState::Expired);
    let said = about.reason.as_deref().filter(|_| speaks);
    let context = Context {
        name: first_name(&member.name),
        what,
        title: &about.title,
        feedback: said.unwrap_or_default(),
        next,
    };
    Ok(templates.render("approval", &context)?)
}

/// Nobody is asked any more: what of it has not left yet is taken back.
pub(super) fn not_asked_any_more(cx: &mut Cx<'_>, draft: &Draft) -> Result<(), No> {
    take_back(cx, draft.deal_id, Topic::Approval, &base(draft), "It was decided before this was sent.")
}

/// Tells the deal's owner and whoever answers for the milestone that it is completed, but not who completed it.
pub(super) fn of_completion(cx: &mut Cx<'_>, file: &File, id: MilestoneId, drafts: usize) -> Result<(), No> {
    let Some(done) = file.milestones.iter().find(|m| m.id == id) else { return Ok(()) };
    let State::Completed { by, .. } = &done.state else { return Ok(()) };
    let mut told: Vec<MemberId> = file.owner.iter().map(|owner| owner.id).chain(done.responsible_member).collect();
    told.sort_unstable();
    told.dedup();
    told.retain(|member| cx.actor().id != Some(member.0));
    if told.is_empty() {
        return Ok(());
    }
    #[derive(Serialize)]
    struct Context<'a> {
        name: &'a str,
        title: &'a str,
        deal: &'a str,
        by: &'a str,
        drafts: usize,
    }
    let (team, templates) = (Team::load(cx)?, Templates::load()?);
    let mut tellings = Vec::with_capacity(told.len());
    for member in told.into_iter().filter_map(|id| team.member(id)) {
        let name = first_name(&member.name);
        let context = Context { name, title: &done.title, deal: &file.deal.title, by, drafts };
        tellings.push(Telling {
            member: member.id,
            topic: Topic::FollowUp,
            urgency: notify::Urgency::Routine,
            words: templates.render("completed", &context)?,
            subject: Some(Subject::new("milestone", id.0)),
            occasion: format!("follow_up:{id}:member:{}", member.id),
            deal_id: Some(file.deal.id),
            at: cx.now(),
            expires_at: None,
            also: None,
            card: None,
        });
    }
    tell(cx, &team, &tellings)?;
    Ok(())
}
