//! Asking the policy without sending, and looking back at what it decided.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::store::{self, Asked, Known, Whom};
use super::view::{DecisionView, PolicyView, Replay};
use super::{Approved, Facts, rules};
use crate::delivery::{Content, NewMessage, Purpose, To, outbox};
use crate::kernel::id::{ContactId, DecisionId, MessageId};
use crate::kernel::{Cx, No, Problem, Refusal, text, time};
use crate::people::contact::{self, Contact};
use crate::people::reach::{Channel, Topic};
use crate::workspace::access::{Require, Verb};

/// What somebody thinks of sending. The recipient is one of `contact_id`, `email` and `phone`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct PreviewPolicy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ContactId")]
    pub contact_id: Option<ContactId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub phone: Option<String>,
    pub channel: Channel,
    pub purpose: Purpose,
    /// `message` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Topic")]
    pub topic: Option<Topic>,
    /// The words, when there are any yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub text: Option<String>,
    /// When it would be sent; now when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Option<Timestamp>,
}

/// What the policy would say. Nothing is stored, nothing is sent, and the answer can be another one when it is.
pub fn preview(cx: &mut Cx<'_>, cmd: &PreviewPolicy) -> Result<PolicyView, No> {
    cx.require(Verb::PreviewPolicy)?;
    if cmd.purpose == Purpose::Internal {
        return Err(vec![Problem::new(
            "purpose",
            "internal messages go to members and are allowed at any hour; ask about outreach or transactional.",
        )]
        .into());
    }
    let words = cmd.text.as_deref().map(|words| text::prose("text", words, text::NOTES)).transpose();
    let content = words.map_err(|p| vec![p])?.map(|text| Content { text, ..Content::default() });
    let (whom, address) = recipient(cx, cmd)?;
    let at = time::to_micros(cmd.at.unwrap_or(cx.now()));
    let asked = Asked {
        purpose: cmd.purpose,
        topic: cmd.topic.unwrap_or(Topic::Message),
        channel: cmd.channel,
        to: whom,
        address: &address,
        content: content.as_ref().map(|content| (content, "")),
        approval: None,
    };
    let known = Known::load(cx, &[asked], &[], false)?;
    let mut facts = known.facts(&asked)?;
    facts.approved = Approved::Later;
    Ok(PolicyView::of(rules::decide(&facts, &known.limits, at), at))
}

/// What the policy would say at an instant of messages that wait for a yes, as if a person had given it to exactly these;
/// each as if it were the only one. Nothing is stored.
///
/// Part of other verbs, which ask for the right to show it.
pub fn foresee(cx: &mut Cx<'_>, messages: &[NewMessage], at: Timestamp) -> Result<Vec<PolicyView>, No> {
    let asked: Vec<Asked<'_>> = messages
        .iter()
        .map(|m| Asked {
            purpose: m.purpose,
            topic: m.topic,
            channel: m.channel,
            to: Whom::To(m.to),
            address: &m.address,
            content: Some((&m.content, "")),
            approval: None,
        })
        .collect();
    let known = Known::load(cx, &asked, &[], false)?;
    let foresee = |asked: &Asked<'_>| {
        let approved = Approved::Given { state: "approved".into(), covers: true, by_rule: None };
        let facts = Facts { approved, ..known.facts(asked)? };
        Ok(PolicyView::of(rules::decide(&facts, &known.limits, at), at))
    };
    asked.iter().map(foresee).collect()
}

fn recipient(cx: &mut Cx<'_>, cmd: &PreviewPolicy) -> Result<(Whom, String), No> {
    match (cmd.contact_id, &cmd.email, &cmd.phone) {
        (Some(id), None, None) => {
            let contact = contact::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("contact"))?;
            let address = own_address(&contact, cmd.channel);
            Ok((Whom::To(To::Contact(contact.id)), address))
        }
        (None, Some(email), None) => {
            let email = text::email("email", email).map_err(|p| vec![p])?;
            Ok((somebody(cx, None, Some(&email))?, of_channel(cmd.channel, Channel::Email, email)))
        }
        (None, None, Some(phone)) => {
            let phone = text::phone("phone", phone).map_err(|p| vec![p])?;
            Ok((somebody(cx, Some(&phone), None)?, of_channel(cmd.channel, Channel::Sms, phone)))
        }
        _ => {
            Err(vec![Problem::new("contact_id", "name the recipient by one of contact_id, email and phone.")]
                .into())
        }
    }
}

/// The contact known longest who has it.
fn somebody(cx: &mut Cx<'_>, phone: Option<&str>, email: Option<&str>) -> Result<Whom, No> {
    let known = contact::store::sharing(cx, phone, email)?.into_iter().next();
    Ok(known.map_or(Whom::Stranger, |contact| Whom::To(To::Contact(contact.id))))
}

fn own_address(contact: &Contact, channel: Channel) -> String {
    match channel {
        Channel::Email => contact.email.clone().unwrap_or_default(),
        Channel::Sms => contact.phone.clone().unwrap_or_default(),
        _ => String::new(),
    }
}

/// An e-mail address says nothing of where a text message would go.
fn of_channel(asked: Channel, given: Channel, address: String) -> String {
    if asked == given { address } else { String::new() }
}

/// Every decision about a message, the first first.
pub fn decisions_of(cx: &mut Cx<'_>, message: MessageId) -> Result<Vec<DecisionView>, No> {
    cx.require(Verb::ReadDeliveries)?;
    outbox::store::find(cx, message)?.ok_or_else(|| Refusal::not_found("message"))?;
    let rows = store::of_message(cx, message)?;
    Ok(rows.iter().map(DecisionView::of).collect::<Result<_, _>>()?)
}

/// Decides once more from what was stored with a decision, and compares.
pub fn replay(cx: &mut Cx<'_>, id: DecisionId) -> Result<Replay, No> {
    cx.require(Verb::ReadDeliveries)?;
    let row = store::find(cx, id)?.ok_or_else(|| Refusal::not_found("decision"))?;
    let stored = DecisionView::of(&row)?;
    let (facts, limits) = row.grounds()?;
    let again = PolicyView::of(rules::decide(&facts, &limits, row.at.0), row.at.0);
    let same = again == stored.policy;
    Ok(Replay { stored, again, same })
}
