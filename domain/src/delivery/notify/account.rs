//! Says whose a Discord account is, and tells them that it was said: what is said with the account counts as theirs.

use serde_json::json;

use super::ops::{Team, tell};
use super::{Telling, Urgency};
use crate::delivery::template::{Templates, first_name};
use crate::kernel::id::MemberId;
use crate::kernel::{ActorKind, Cx, No, Subject};
use crate::people::chat::{Linked, ops};
use crate::people::reach::{Channel, Topic};

/// Links a member as [`ops::link_member`] does, and tells the member.
pub fn link_member(cx: &mut Cx<'_>, id: MemberId, user_id: &str) -> Result<Linked, No> {
    let linked = ops::link_member(cx, id, user_id)?;
    told(
        cx,
        id,
        "A Discord account is yours",
        "What is said with it counts as said by you, votes on letters included.",
    )?;
    Ok(linked)
}

/// Unlinks a member as [`ops::unlink_member`] does, and tells the member.
pub fn unlink_member(cx: &mut Cx<'_>, id: MemberId) -> Result<(), No> {
    ops::unlink_member(cx, id)?;
    told(
        cx,
        id,
        "No Discord account is yours any more",
        "Whoever speaks with the one that was yours is a stranger to the workspace.",
    )
}

fn told(cx: &mut Cx<'_>, id: MemberId, title: &str, what: &str) -> Result<(), No> {
    if cx.actor().kind == ActorKind::Member && cx.actor().id == Some(id.0) {
        return Ok(());
    }
    let team = Team::load(cx)?;
    let Some(member) = team.member(id) else { return Ok(()) };
    let context = json!({
        "name": first_name(&member.name),
        "title": title,
        "why": format!("{} said so. {what}", cx.actor().name),
        "next": "If that is wrong, tell an owner of the workspace at once: the log shows who said it, and when.",
    });
    let words = Templates::load()?.render("alert", &context)?;
    let occasion = format!("alert:account:{id}:{}", cx.mint());
    let telling = Telling {
        member: id,
        topic: Topic::Alert,
        urgency: Urgency::Important,
        words,
        subject: Some(Subject::new("member", id.0)),
        occasion,
        deal_id: None,
        at: cx.now(),
        expires_at: None,
        // Whoever says whose an account is may have an account of their own in mind.
        also: Some(Channel::Email),
        card: None,
    };
    tell(cx, &team, &[telling])?;
    Ok(())
}
