//! A message of no consequence, to see whether a way out works. It goes the way of every message, and to nobody outside of
//! the team.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::outbox::{ops::enqueue, view};
use super::template::Templates;
use super::webhook::EndpointStatus;
use super::{Content, NewMessage, Priority, Purpose, To, notify, settings, webhook};
use crate::kernel::id::{EndpointId, MemberId};
use crate::kernel::{ActorKind, Code, Cx, Fault, No, Problem, Refusal};
use crate::people::reach::{self, Channel, Person, Topic};
use crate::workspace::access::{Require, Verb};
use crate::workspace::member::{self, Member};
use crate::workspace::tenant;

/// Who asked has gone home by then.
const OF_USE: SignedDuration = SignedDuration::from_hours(1);
/// What stands for the team's channel.
const TEAM: &str = "team";
/// The longest e-mail address that there can be.
const MOST: usize = 320;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendTest {
    pub channel: Channel,
    /// A member's e-mail address whatever the channel is, `team`, or an endpoint's id. Who asks when left out.
    pub to: Option<String>,
}

/// Puts a test into the outbox, each time another one.
pub fn send(cx: &mut Cx<'_>, cmd: &SendTest) -> Result<view::Delivery, No> {
    cx.require(Verb::ManageDeliveries)?;
    let (to, address) = target(cx, cmd)?;
    let workspace = tenant::store::find(cx)?.map(|workspace| workspace.name).unwrap_or_default();
    let who = cx.actor().name.clone();
    let way = cmd.channel.as_str().replace('_', "-");
    let words = Templates::load()?.render("test", &json!({ "who": who, "workspace": workspace, "way": way }))?;
    let mut content: Content = words.content(cmd.channel);
    if cmd.channel == Channel::Webhook {
        content.data = Some(json!({
            "type": "milepost.test",
            "timestamp": cx.now(),
            "data": { "workspace_id": cx.workspace(), "actor": { "kind": cx.actor().kind, "id": cx.actor().id } },
        }));
    }
    let new = NewMessage {
        occasion: format!("test:{}", cx.mint()),
        topic: Topic::Message,
        purpose: Purpose::Internal,
        channel: cmd.channel,
        to,
        address,
        deal_id: None,
        approval_id: None,
        batch_id: None,
        content,
        priority: Priority::Urgent,
        due_at: cx.now(),
        expires_at: cx.now().checked_add(OF_USE).ok(),
    };
    let queued = enqueue(cx, &[new])?;
    let queued = queued.first().ok_or_else(|| Fault::Corrupt("a message that was not queued".into()))?;
    view::get(cx, queued.id())
}

/// Whom the test is for, and where the channel reaches them.
fn target(cx: &mut Cx<'_>, cmd: &SendTest) -> Result<(To, String), No> {
    let asked = cmd.to.as_deref().map(str::trim);
    if asked.is_some_and(|to| to.chars().count() > MOST) {
        return Err(wrong("to", "is too long to be somebody's address."));
    }
    match (asked, cmd.channel) {
        (Some(TEAM), channel) | (None, channel @ Channel::Console) => team(cx, channel),
        (Some(id), Channel::Webhook) => {
            let id = id
                .parse()
                .map_err(|_| wrong("to", "is no endpoint's id. Copy one that milepost endpoint list shows."))?;
            endpoint(cx, id)
        }
        (None, Channel::Webhook) => {
            Err(wrong("to", "is missing: name an endpoint by its id, as milepost endpoint list shows it."))
        }
        (_, Channel::Console) => Err(wrong("to", "must be team: nobody in particular reads the console.")),
        (Some(email), channel) => {
            let found = member::store::find_by_email(cx, &email.to_lowercase())?;
            member(cx, &found.ok_or_else(nobody)?, channel)
        }
        (None, channel) => {
            let me = cx.actor().id.filter(|_| cx.actor().kind == ActorKind::Member).map(MemberId);
            let me = match me {
                Some(id) => member::store::find(cx, id)?,
                None => None,
            };
            let missing =
                || wrong("to", "is missing: name a member by e-mail address, or team for the team's channel.");
            member(cx, &me.ok_or_else(missing)?, channel)
        }
    }
}

fn member(cx: &mut Cx<'_>, member: &Member, channel: Channel) -> Result<(To, String), No> {
    let (preferences, _) = reach::store::find(cx, Person::Member(member.id))?;
    let address = notify::ops::address(member, &preferences, channel);
    let address = address.ok_or_else(|| {
        let key = if channel == Channel::Sms { "phone" } else { "discord" };
        Refusal::new(
            Code::WrongState,
            format!("{} has said nowhere to be reached by {channel}. Nothing was sent.", member.name),
            format!("Say where, and try again: milepost preferences set {} {key} ...", member.email),
        )
    })?;
    Ok((To::Member(member.id), address))
}

fn team(cx: &mut Cx<'_>, channel: Channel) -> Result<(To, String), No> {
    let place = settings::store::find(cx)?.settings.team_channel.filter(|place| place.channel == channel);
    match (place, channel) {
        (Some(place), _) => Ok((To::Team, place.address)),
        // Anybody who reads the console reads all of it.
        (None, Channel::Console) => Ok((To::Team, TEAM.into())),
        (None, _) => Err(Refusal::new(
            Code::WrongState,
            format!("The team has no channel on {channel}. Nothing was sent."),
            "Name it, and try again: milepost settings delivery set team_channel discord:CHANNEL_ID",
        )
        .into()),
    }
}

fn endpoint(cx: &mut Cx<'_>, id: EndpointId) -> Result<(To, String), No> {
    let found = webhook::store::find(cx, id)?.filter(|endpoint| endpoint.status != EndpointStatus::Removed);
    let endpoint = found.ok_or_else(|| Refusal::not_found("endpoint"))?;
    Ok((To::Endpoint(endpoint.id), endpoint.url))
}

fn wrong(field: &str, sentence: &str) -> No {
    vec![Problem::new(field, sentence)].into()
}

/// The same for everybody outside of the team, known or not.
fn nobody() -> Refusal {
    Refusal::new(
        Code::NotFound,
        "Nobody on the team has this address. Nothing was sent: a test goes to members, to the team's channel and to the \
         team's programs only.",
        "Name a member by e-mail address (milepost admin member list), or team.",
    )
}
