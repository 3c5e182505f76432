//! Shows that a telephone number is a member's own: a code goes there, and nothing else does until the member enters it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::delivery::outbox::ops::enqueue;
use crate::delivery::{Content, Message, NewMessage, Priority, Purpose, To};
use crate::kernel::canonical::hex;
use crate::kernel::id::MemberId;
use crate::kernel::{ActorKind, Code, Cx, Fact, No, Problem, Refusal, Subject};
use crate::people::contact::standing;
use crate::people::contact::zones;
use crate::people::reach::ops::Shown;
use crate::people::reach::proof::{self, GOOD_FOR, Proof, Tried};
use crate::people::reach::{self, Channel, Person, Preferences, Topic};
use crate::workspace::access::{Require, Verb};

/// What messages with a code are said on.
const OCCASION: &str = "verify:";

/// Whether its words are for the eyes of its reader alone.
pub fn is_secret(message: &Message) -> bool {
    message.occasion.starts_with(OCCASION)
}

/// What stands where the words of such a message would.
pub const HIDDEN: &str = "(a code that is shown to nobody but its reader)";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    CodeSent {
        channel: Channel,
        #[serde(skip)]
        address: String,
    },
    CodeRefused {
        channel: Channel,
        left: i32,
    },
    Verified {
        channel: Channel,
        #[serde(skip)]
        address: String,
    },
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::CodeSent { .. } => "preferences.code_sent",
            Self::CodeRefused { .. } => "preferences.code_refused",
            Self::Verified { .. } => "preferences.verified",
        }
    }

    fn personal(&self) -> Option<Value> {
        match self {
            Self::CodeSent { address, .. } | Self::Verified { address, .. } => Some(json!({ "address": address })),
            Self::CodeRefused { .. } => None,
        }
    }
}

/// Sets somebody's preferences, as [`reach::ops::set`] does, and sends a code to a number that a member's preferences did
/// not have before.
pub fn set_preferences(
    cx: &mut Cx<'_>,
    person: Person,
    new: &Preferences,
    version: Option<i64>,
) -> Result<Shown, No> {
    let (before, _) = reach::store::find(cx, person)?;
    let shown = reach::ops::set(cx, person, new, version)?;
    if let (Person::Member(id), Some(phone)) = (person, &shown.preferences.phone)
        && before.phone.as_ref() != Some(phone)
        && shown.unverified.contains(&Channel::Sms)
    {
        send_code(cx, id, phone)?;
    }
    Ok(shown)
}

/// Sends another code to one's own number.
pub fn send_again(cx: &mut Cx<'_>) -> Result<Shown, No> {
    let (id, phone) = own_number(cx)?;
    send_code(cx, id, &phone)?;
    reach::ops::show(cx, Person::Member(id))
}

/// What came of entering a code.
#[derive(Clone, Debug)]
pub enum Verified {
    Now(Box<Shown>),
    /// It counts as a try, so it is kept although it is refused.
    Wrong {
        left: i32,
    },
}

impl Verified {
    pub fn or_refuse(self) -> Result<Shown, Refusal> {
        let left = match self {
            Self::Now(shown) => return Ok(*shown),
            Self::Wrong { left } => left,
        };
        Err(Refusal::new(
            Code::Invalid,
            "This is not the code that was sent. The number stays as it is.",
            match left {
                0 => "Ask for another one with milepost preferences verify.".to_owned(),
                left => format!("Look again; tries left: {left}."),
            },
        ))
    }
}

/// Enters the code that was sent to one's own number. From then on messages go there.
pub fn verify(cx: &mut Cx<'_>, code: &str) -> Result<Verified, No> {
    let (id, phone) = own_number(cx)?;
    let code = code.trim();
    if code.len() != DIGITS || !code.bytes().all(|b| b.is_ascii_digit()) {
        return Err(vec![Problem::new("code", format!("is {DIGITS} digits long."))].into());
    }
    let mut known = proof::hold(cx, id, Channel::Sms)?.unwrap_or_else(|| Proof::new(cx, id, Channel::Sms, &phone));
    let tried = known.tried(&phone, code, cx.now())?;
    proof::save(cx, &known)?;
    let subject = Subject::new("member", id.0);
    match tried {
        Tried::Right => {
            cx.record(subject, &Event::Verified { channel: Channel::Sms, address: phone })?;
            Ok(Verified::Now(Box::new(reach::ops::show(cx, Person::Member(id))?)))
        }
        Tried::Wrong { left } => {
            cx.record(subject, &Event::CodeRefused { channel: Channel::Sms, left })?;
            Ok(Verified::Wrong { left })
        }
    }
}

/// The number of the member who acts, while it is not known to be theirs.
fn own_number(cx: &mut Cx<'_>) -> Result<(MemberId, String), No> {
    cx.require(Verb::EditPreferences)?;
    let own = cx.actor().id.filter(|_| cx.actor().kind == ActorKind::Member && !cx.is_program());
    let Some(id) = own.map(MemberId) else {
        return Err(Refusal::new(
            Code::Forbidden,
            "Only the member whose number it is can enter the code. Nothing was changed.",
            "Enter it as that member (--as EMAIL on the server).",
        )
        .into());
    };
    let (preferences, _) = reach::store::find(cx, Person::Member(id))?;
    let missing = proof::of(cx, Person::Member(id))?.missing(&preferences);
    match preferences.phone.filter(|_| missing.contains(&Channel::Sms)) {
        Some(phone) => Ok((id, phone)),
        None => Err(Refusal::new(
            Code::WrongState,
            "There is no number of yours that waits for a code. Nothing was changed.",
            "Name one with milepost preferences set EMAIL phone NUMBER.",
        )
        .into()),
    }
}

const DIGITS: usize = 6;

fn send_code(cx: &mut Cx<'_>, id: MemberId, phone: &str) -> Result<(), No> {
    let Some(whole) = zones::whole_number(phone) else {
        return Err(vec![Problem::new("phone", "is no whole number. Write it as +1 312 555 0100.")].into());
    };
    let numbers = std::collections::BTreeSet::from([whole]);
    if !standing::store::opted_out_addresses(cx, &numbers, &Default::default())?.is_empty() {
        return Err(Refusal::new(
            Code::WrongState,
            "Whoever has this number told us to stop, so no code goes there. Nothing was changed.",
            "Text START from it first, or name another number.",
        )
        .into());
    }
    let number = u64::from_be_bytes(cx.random()) % 10_u64.pow(6);
    let code = format!("{number:0DIGITS$}");
    let known = proof::hold(cx, id, Channel::Sms)?.unwrap_or_else(|| Proof::new(cx, id, Channel::Sms, phone));
    let sent = known.with_code(phone, &code, cx.now())?;
    proof::save(cx, &sent)?;
    let minutes = GOOD_FOR.as_mins();
    let content = Content {
        subject: "Your code".into(),
        text: format!(
            "Your Milepost code is {code}. It is good for {minutes} minutes. If you did not ask for it, ignore this."
        ),
        // The content's hash is shown and logged: without this whoever reads it could find out the code by trying.
        data: Some(json!({ "salt": hex(&cx.random::<16>()) })),
        ..Content::default()
    };
    let message = NewMessage {
        occasion: format!("{OCCASION}{}", cx.mint()),
        topic: Topic::Message,
        purpose: Purpose::Internal,
        channel: Channel::Sms,
        to: To::Member(id),
        address: phone.to_owned(),
        deal_id: None,
        approval_id: None,
        batch_id: None,
        content,
        priority: Priority::Urgent,
        due_at: cx.now(),
        expires_at: Some(cx.now() + GOOD_FOR),
    };
    enqueue(cx, &[message])?;
    let event = Event::CodeSent { channel: Channel::Sms, address: phone.to_owned() };
    cx.record(Subject::new("member", id.0), &event)
}
