//! What becomes of a message when it is claimed, tried and reported on, and when it is tried again.

use jiff::{SignedDuration, Timestamp};

use super::{Found, Outcome, Resolution, Said};
use crate::delivery::thread::Thread;
use crate::delivery::{Message, Status, To};
use crate::kernel::{Code, Refusal};
use crate::people::reach::Channel;

/// For how long a claim holds. After it another dispatcher may take the message over.
pub const LEASE: SignedDuration = SignedDuration::from_secs(45);
/// How long before its lease ends a dispatcher writes nothing any more.
const MARGIN: SignedDuration = SignedDuration::from_secs(10);
/// How long after its first byte a Discord message is sent again with the same nonce. Their window is undocumented;
/// "a few minutes" was measured, so this is well inside.
pub const NONCE_WINDOW: SignedDuration = SignedDuration::from_secs(75);
/// The last moment, counted from the first byte, at which such a repetition may still be written.
const NONCE_LAST: SignedDuration = SignedDuration::from_secs(90);
/// How long bytes may be under way before the provider has taken them: as long as an answer is waited for.
const UNDER_WAY: SignedDuration = SignedDuration::from_secs(30);
/// A provider that asks for a longer wait is asked again after this one.
const LONGEST_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// Jitter is in thousandths: 0 to 999.
pub const JITTER: u32 = 1_000;
const MOST_REASON: usize = 1_000;

/// How often a message is tried before it is dead. A replay gives as many again.
pub fn tries(channel: Channel) -> i32 {
    match channel {
        Channel::Webhook => 10,
        Channel::Console | Channel::InApp => 5,
        Channel::Discord | Channel::Email | Channel::Sms => 14,
    }
}

/// Which try of its round an attempt is, from 1.
fn nth(channel: Channel, attempt: i32) -> i32 {
    (attempt.max(1) - 1) % tries(channel) + 1
}

/// How long to wait after the n-th try of a round. `retry_after` is the provider's wish; one that is not positive is none.
///
/// Without a wish: 5 s, doubling, an hour at most, a fifth more or less; for webhooks the schedule of Standard Webhooks,
/// which spans three days.
pub fn wait(channel: Channel, nth: i32, retry_after: Option<SignedDuration>, jitter: u32) -> SignedDuration {
    let part = i64::from(jitter.min(JITTER));
    if let Some(asked) = retry_after.filter(SignedDuration::is_positive) {
        let asked = asked.min(LONGEST_RETRY_AFTER);
        let more = (asked.as_millis() / 10).min(5_000) as i64;
        return asked + SignedDuration::from_millis(more * part / i64::from(JITTER));
    }
    let nth = nth.max(1) as usize - 1;
    let seconds = match channel {
        Channel::Webhook => {
            const HOUR: i64 = 3_600;
            const STEPS: [i64; 9] =
                [5, 300, 1_800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
            STEPS[nth.min(STEPS.len() - 1)]
        }
        _ => (5 << nth.min(10)).min(3_600),
    };
    SignedDuration::from_millis(seconds * (800 + 400 * part / i64::from(JITTER)))
}

/// Whether what may have arrived may be sent again: the second time changes nothing for whoever gets it.
fn may_repeat(m: &Message) -> bool {
    m.edits.is_some() || matches!(m.channel, Channel::Webhook | Channel::InApp)
}

/// For how long from the claim on the message's bytes may leave. Zero or less: not at all.
pub fn time_to_write(m: &Message, now: Timestamp) -> SignedDuration {
    let lease = LEASE - MARGIN;
    match m.first_write_at {
        Some(first) if m.channel == Channel::Discord && !may_repeat(m) => {
            lease.min(now.duration_until(first + NONCE_LAST))
        }
        _ => lease,
    }
}

/// What to do with a message that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// To the policy, and then out.
    Send,
    /// Ask the provider whether it has it.
    LookUp,
    /// Ask the provider then: what it does not have now may still be on its way to it.
    NotBefore(Timestamp),
    End(Status, String),
}

/// A message with a first write behind it may have arrived: what then depends on whether its channel knows repetitions.
pub fn on_claim(m: &Message, now: Timestamp, resend_unclear: bool) -> Claim {
    let expired = m.expires_at.is_some_and(|at| at <= now);
    if m.channel == Channel::InApp && !matches!(m.to, To::Member(_)) {
        let why = "A message inside the product needs a member to be shown to. Nothing was shown.";
        return Claim::End(Status::Failed, why.into());
    }
    if let Some(first) = m.first_write_at.filter(|_| !may_repeat(m)) {
        match m.channel {
            // After the clock went back nobody can say how old the first write is.
            Channel::Discord if first <= now && first.duration_until(now) < NONCE_WINDOW && !expired => {
                return Claim::Send;
            }
            Channel::Discord if first <= now && now < first + NONCE_LAST + UNDER_WAY => {
                return Claim::NotBefore(first + NONCE_LAST + UNDER_WAY);
            }
            Channel::Discord => return Claim::LookUp,
            Channel::Email | Channel::Sms | Channel::Console if !resend_unclear || expired => {
                let why = format!("The process that sent it did not come back. {NOT_KNOWN}");
                return Claim::End(Status::Unknown, why);
            }
            Channel::Email | Channel::Sms | Channel::Console | Channel::Webhook | Channel::InApp => {}
        }
    }
    if expired {
        let why = "It could not be sent while it was of use, so it was not sent.";
        return Claim::End(Status::Expired, why.into());
    }
    Claim::Send
}

const NOT_KNOWN: &str = "Whether the message arrived is not known, so it was not sent again. Look at the recipient's \
                         side, then say what it is: milepost delivery resolve.";

/// What else counts when a report comes in.
#[derive(Clone, Copy, Debug)]
pub struct Ground {
    pub now: Timestamp,
    /// Whether this attempt was the first that may have written anything: when it certainly did not, nobody did.
    pub first: bool,
    pub resend_unclear: bool,
    pub jitter: u32,
}

/// The message after the attempt under way has ended so.
pub fn after(m: &Message, outcome: &Outcome, ground: &Ground) -> Message {
    let now = ground.now;
    let nth = nth(m.channel, m.attempts);
    let last = nth == tries(m.channel);
    match outcome {
        Outcome::Accepted { provider_id } => {
            Message { provider_id: provider_id.clone(), ..settled(m, Status::Sent, None, now) }
        }
        Outcome::Refused { why, .. } => {
            let m = if ground.first { untouched(m) } else { m.clone() };
            unsent(&m, Status::Failed, shown(why), now)
        }
        Outcome::NotSent { why, retry_after } => {
            let m = if ground.first { untouched(m) } else { m.clone() };
            again_or(&m, Status::Dead, shown(why), last, wait(m.channel, nth, *retry_after, ground.jitter), now)
        }
        Outcome::Unclear { why } => {
            let why = shown(why);
            match m.channel {
                _ if may_repeat(m) => {
                    again_or(m, Status::Dead, why, last, wait(m.channel, nth, None, ground.jitter), now)
                }
                // Soon, with the same nonce: the window for it is short.
                Channel::Discord => {
                    again_or(m, Status::Unknown, why, last, wait(m.channel, 1, None, ground.jitter), now)
                }
                _ if ground.resend_unclear => {
                    again_or(m, Status::Unknown, why, last, wait(m.channel, nth, None, ground.jitter), now)
                }
                _ => settled(m, Status::Unknown, Some(format!("{} {NOT_KNOWN}", sentence(&why))), now),
            }
        }
    }
}

/// What its thread refused is said in the channel of the thread, when it is certain that nothing of it arrived; `None` for
/// what is to end as [`after`] says.
pub fn into_channel(m: &Message, outcome: &Outcome, ground: &Ground) -> Option<Message> {
    let Outcome::Refused { why, .. } = outcome else { return None };
    let stands_alone = m.channel == Channel::Discord && m.to == To::Team && m.edits.is_none();
    let thread = Thread::of(&m.address).filter(|_| stands_alone && ground.first)?;
    let address = thread.channel.to_owned();
    let why = format!("Its thread did not take it, so it goes into the channel. {}", shown(why));
    Some(Message {
        destination: format!("{}:{address}", m.channel),
        content_hash: m.content.hash(m.channel, &address),
        address,
        ..waiting(&untouched(m), Status::Queued, ground.now, Some(why))
    })
}

/// The message after its provider was asked for it.
pub fn after_look_up(m: &Message, found: &Found, now: Timestamp) -> Message {
    match found {
        Found::Sent { provider_id } => {
            Message { provider_id: provider_id.clone(), ..settled(m, Status::Sent, None, now) }
        }
        Found::NotThere => {
            let why = "The provider does not have it, so it is sent again.";
            waiting(&untouched(m), Status::Queued, now, Some(why.into()))
        }
        Found::CannotTell { why } => {
            settled(m, Status::Unknown, Some(format!("{} {NOT_KNOWN}", sentence(&shown(why)))), now)
        }
    }
}

fn again_or(m: &Message, end: Status, why: String, last: bool, wait: SignedDuration, now: Timestamp) -> Message {
    if !last {
        return waiting(m, Status::Queued, now + wait, Some(why));
    }
    let tries = tries(m.channel);
    unsent(m, end, format!("{} It was tried {tries} times.", sentence(&why)), now)
}

/// Nothing of it has left.
fn untouched(m: &Message) -> Message {
    Message { first_write_at: None, counted_at: None, ..m.clone() }
}

pub fn waiting(m: &Message, status: Status, at: Timestamp, reason: Option<String>) -> Message {
    Message {
        status,
        reason,
        next_at: Some(at),
        lease_until: None,
        settled_at: None,
        version: m.version + 1,
        ..m.clone()
    }
}

pub fn settled(m: &Message, status: Status, reason: Option<String>, now: Timestamp) -> Message {
    Message {
        status,
        reason,
        next_at: None,
        lease_until: None,
        settled_at: Some(now),
        version: m.version + 1,
        ..m.clone()
    }
}

/// An end that says it was not sent. When an earlier attempt may have arrived all the same, that is not known.
pub fn unsent(m: &Message, status: Status, why: String, now: Timestamp) -> Message {
    let may_have_arrived = m.first_write_at.is_some() && !may_repeat(m);
    if may_have_arrived {
        let why = format!("{} {NOT_KNOWN}", sentence(&why));
        return settled(m, Status::Unknown, Some(why), now);
    }
    settled(m, status, Some(sentence(&why)), now)
}

/// The message under way with a new attempt.
pub fn sending(m: &Message, now: Timestamp) -> Message {
    let counts = matches!(m.to, To::Contact(_));
    Message {
        status: Status::Sending,
        reason: None,
        next_at: Some(now + LEASE),
        lease_until: Some(now + LEASE),
        attempts: m.attempts + 1,
        first_write_at: m.first_write_at.or(Some(now)),
        counted_at: m.counted_at.or(counts.then_some(now)),
        version: m.version + 1,
        ..m.clone()
    }
}

/// The message while its provider is asked for it.
pub fn looked_up(m: &Message, now: Timestamp) -> Message {
    Message {
        status: Status::Sending,
        next_at: Some(now + LEASE),
        lease_until: Some(now + LEASE),
        version: m.version + 1,
        ..m.clone()
    }
}

/// Which attempt a provider speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Whether no later one has begun.
    pub last: bool,
    /// Whether it was the first that may have written anything.
    pub first: bool,
    /// Whether it is known that the provider took it.
    pub taken: bool,
}

/// The message after its provider told more of it; `None` when that is no news.
///
/// A provider may tell before its answer has arrived here, and of a message of which nobody knows whether it arrived: its
/// word settles both. What waits to be sent once more is not sent when an earlier attempt arrived after all. Only the
/// last attempt can fail, and it never fails once it was delivered.
pub fn heard(m: &Message, said: &Said, of: &Spoken, now: Timestamp) -> Option<Message> {
    let far = match m.status {
        Status::Queued | Status::Deferred | Status::Sending | Status::Unknown => 0,
        Status::Sent => 1,
        Status::Delivered => 2,
        Status::Read => 3,
        _ => return None,
    };
    // What was sent has its evidence in the attempt.
    let evidence = |what: &str| (far == 0).then(|| format!("The provider reported that {what}."));
    let (status, reason) = match said {
        Said::Taken if far == 0 && !of.taken => (Status::Sent, evidence("it took the message")),
        Said::Delivered if far < 2 => (Status::Delivered, evidence("it was delivered")),
        Said::Read if far < 3 => (Status::Read, evidence("it was read")),
        Said::Failed { why } | Said::OptedOut { why }
            if far < 2 && of.last && !matches!(m.status, Status::Queued | Status::Deferred) =>
        {
            let why = format!("The provider reported that it could not deliver it: {}", shown(why));
            if of.first {
                (Status::Failed, Some(why))
            } else if m.status == Status::Unknown {
                return None;
            } else {
                (
                    Status::Unknown,
                    Some(format!("{} An earlier attempt may have arrived. {NOT_KNOWN}", sentence(&why))),
                )
            }
        }
        _ => return None,
    };
    Some(Message { settled_at: m.settled_at.or(Some(now)), ..settled(m, status, reason, now) })
}

/// A person takes back what has not left; `None` when that was done before.
pub fn cancel(m: &Message, why: String, now: Timestamp) -> Result<Option<Message>, Refusal> {
    match m.status {
        Status::Queued | Status::Deferred => Ok(Some(unsent(m, Status::Cancelled, why, now))),
        Status::Cancelled => Ok(None),
        Status::Sending => Err(Refusal::new(
            Code::WrongState,
            "The message is being sent at this moment. Nothing was changed.",
            "Look at it again in a minute.",
        )),
        other => Err(Refusal::new(
            Code::WrongState,
            format!("The message is {other}, so there is nothing left to cancel. Nothing was changed."),
            "Look at what became of it (milepost delivery show).",
        )),
    }
}

/// A person read that a message came back; `None` when that was known before.
pub fn bounced(m: &Message, why: &str, by: &str, now: Timestamp) -> Result<Option<Message>, Refusal> {
    match m.status {
        Status::Sent | Status::Delivered | Status::Unknown => {
            let why = sentence(&format!("It came back, says {by}: {why}"));
            Ok(Some(settled(m, Status::Failed, Some(why), now)))
        }
        Status::Failed => Ok(None),
        other => Err(Refusal::new(
            Code::WrongState,
            format!("The message is {other}, so it cannot have come back. Nothing was changed."),
            "List those that were sent with milepost delivery list --status sent.",
        )),
    }
}

/// A person wants one that failed to be tried again. One that was refused for its address alone is looked at anew as well:
/// the address may be good by now.
pub fn replay(m: &Message, for_address: bool, by: &str, now: Timestamp) -> Result<Message, Refusal> {
    match m.status {
        Status::Failed | Status::Dead | Status::Expired => {
            Ok(once_more(m, now, format!("Sent again at the word of {by}.")))
        }
        Status::Suppressed if for_address => Ok(once_more(m, now, format!("Looked at anew at the word of {by}."))),
        Status::Unknown => Err(Refusal::new(
            Code::WrongState,
            "Nobody knows whether this message arrived, so sending it again may double it. Nothing was changed.",
            "Look at the recipient's side, then say what it is: milepost delivery resolve ID --as-sent or --send-again.",
        )),
        Status::Suppressed => Err(Refusal::new(
            Code::WrongState,
            "The policy refused this message, and nobody can overrule it. Nothing was changed.",
            "See why (milepost delivery show), mend the cause, and write a new message.",
        )),
        other => Err(Refusal::new(
            Code::WrongState,
            format!(
                "The message is {other}; only failed, dead and expired ones are replayed. Nothing was changed."
            ),
            "List those with milepost delivery list --status failed,dead,expired.",
        )),
    }
}

/// A program that listens again is told what it missed, under the ids that it would have seen; `None` for what it was told,
/// what it will be told by itself, and what a person took back.
pub fn told_again(m: &Message, now: Timestamp) -> Option<Message> {
    let missed = matches!(m.status, Status::Failed | Status::Dead | Status::Suppressed);
    (missed && m.channel == Channel::Webhook)
        .then(|| once_more(m, now, "Sent again, because its endpoint listens again.".into()))
}

/// A person's word on one of which nobody knows whether it arrived.
pub fn resolve(m: &Message, how: Resolution, by: &str, now: Timestamp) -> Result<Message, Refusal> {
    if m.status != Status::Unknown {
        return Err(Refusal::new(
            Code::WrongState,
            format!("The message is {}, so there is nothing to resolve. Nothing was changed.", m.status),
            "List those that wait for a word with milepost delivery list --status unknown.",
        ));
    }
    Ok(match how {
        Resolution::Sent => settled(m, Status::Sent, Some(format!("It arrived, says {by}.")), now),
        Resolution::SendAgain => once_more(m, now, format!("It did not arrive, says {by}; sent again.")),
    })
}

/// A person who wants it now knows that it is still of use.
fn once_more(m: &Message, now: Timestamp, why: String) -> Message {
    let expires_at = m.expires_at.filter(|at| *at > now);
    Message { expires_at, provider_id: None, ..waiting(&untouched(m), Status::Queued, now, Some(why)) }
}

/// A person sets another instant for one that waits.
pub fn reschedule(m: &Message, at: Timestamp) -> Result<Message, Refusal> {
    match m.status {
        Status::Queued | Status::Deferred => {
            Ok(Message { due_at: at, ..waiting(m, Status::Queued, at, m.reason.clone()) })
        }
        other => Err(Refusal::new(
            Code::WrongState,
            format!("The message is {other}; only one that waits can be given another time. Nothing was changed."),
            "Look at what became of it (milepost delivery show).",
        )),
    }
}

/// When a message goes on after the clock went back, having read `was` when it reads `now`; `None` when it stays.
///
/// What is due by the calendar keeps its instant. What was due at once, or waited for another try, waited by the old
/// clock: it waits what is left of that, and no message in flight holds its lease for longer than a lease is.
pub fn after_clock_went_back(m: &Message, was: Timestamp, now: Timestamp) -> Option<Message> {
    let next = m.next_at.filter(|at| *at > now)?;
    let moved = |at| Message { next_at: Some(at), version: m.version + 1, ..m.clone() };
    match m.status {
        Status::Sending if next > now + LEASE => {
            Some(Message { lease_until: Some(now + LEASE), ..moved(now + LEASE) })
        }
        Status::Queued if m.attempts == 0 && m.due_at > m.created_at => None,
        Status::Queued if m.attempts == 0 => (m.created_at > now).then(|| moved(now)),
        Status::Queued => {
            let left = was.duration_until(next).clamp(SignedDuration::ZERO, LONGEST_RETRY_AFTER);
            (now + left < next).then(|| moved(now + left))
        }
        _ => None,
    }
}

/// Words from outside, as they are kept: one line, bounded, nothing that steers a terminal.
pub fn shown(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_REASON).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// An address as a program sees it: enough to tell it from others, not enough to use it.
pub fn masked(channel: Channel, address: &str) -> String {
    match channel {
        Channel::Email => match address.split_once('@') {
            Some((name, domain)) => format!("{}***@{domain}", name.chars().next().unwrap_or('*')),
            None => "***".into(),
        },
        Channel::Sms => {
            let tail: Vec<char> = address.chars().rev().take(2).collect();
            format!("***{}", tail.into_iter().rev().collect::<String>())
        }
        Channel::Webhook => {
            let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            format!("{}/***", host.rsplit('@').next().unwrap_or_default())
        }
        Channel::Discord | Channel::InApp | Channel::Console => address.to_owned(),
    }
}

#[cfg(test)]
mod endings;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{Content, Purpose};
    use crate::kernel::id::{MessageId, WorkspaceId};
    use crate::people::reach::Topic;

    pub fn now() -> Timestamp {
        "2026-10-14T15:00:00Z".parse().unwrap()
    }

    /// Under way, with its first byte perhaps gone so many seconds ago.
    pub fn flying(channel: Channel, seconds: i64) -> Message {
        let now = now();
        Message {
            workspace: WorkspaceId(uuid::Uuid::nil()),
            id: MessageId(uuid::Uuid::nil()),
            occasion: "o".into(),
            topic: Topic::Reminder,
            purpose: Purpose::Internal,
            channel,
            to: To::Team,
            address: "a".into(),
            destination: "a".into(),
            deal_id: None,
            approval_id: None,
            batch_id: None,
            content: Content::default(),
            content_hash: String::new(),
            priority: 1,
            due_at: now,
            expires_at: None,
            status: Status::Sending,
            reason: None,
            next_at: Some(now),
            lease_until: Some(now),
            attempts: 1,
            first_write_at: Some(now - SignedDuration::from_secs(seconds)),
            counted_at: None,
            provider_id: None,
            settled_at: None,
            created_at: now - SignedDuration::from_secs(seconds),
            version: 1,
            edits: None,
        }
    }

    #[test]
    fn a_stale_claim_is_taken_over_by_what_its_channel_can_bear() {
        let check = |channel, seconds, resend, expected: &str| {
            let said = match on_claim(&flying(channel, seconds), now(), resend) {
                Claim::Send => "send".to_owned(),
                Claim::LookUp => "look up".into(),
                Claim::NotBefore(at) => format!("look up in {} s", now().duration_until(at).as_secs()),
                Claim::End(status, _) => status.to_string(),
            };
            assert_eq!(said, expected, "{channel} after {seconds} s");
        };
        check(Channel::Discord, 45, false, "send");
        check(Channel::Discord, 74, false, "send");
        check(Channel::Discord, 75, false, "look up in 45 s");
        check(Channel::Discord, 119, false, "look up in 1 s");
        check(Channel::Discord, 120, false, "look up");
        check(Channel::Discord, 100_000, true, "look up");
        // The clock went back: how old the first byte is cannot be told.
        check(Channel::Discord, -7_200, false, "look up");
        check(Channel::Webhook, 45, false, "send");
        check(Channel::Webhook, 100_000, false, "send");
        for channel in [Channel::Email, Channel::Sms, Channel::Console] {
            check(channel, 45, false, "unknown");
            check(channel, 45, true, "send");
        }
    }

    #[test]
    fn only_what_certainly_stands_in_no_thread_goes_into_the_channel() {
        let refused = Outcome::Refused { why: "No.".into(), gone: true };
        let at = |address: &str| Message { address: address.into(), ..flying(Channel::Discord, 1) };
        let ground = |first| Ground { now: now(), first, resend_unclear: false, jitter: 0 };
        let moved = |m: &Message, first| into_channel(m, &refused, &ground(first)).map(|m| m.destination);
        assert_eq!(moved(&at("77/9001"), true).as_deref(), Some("discord:77"));
        let next = into_channel(&at("77/9001"), &refused, &ground(true)).unwrap();
        assert_eq!((next.address.as_str(), next.status, next.first_write_at), ("77", Status::Queued, None));
        assert_eq!(next.content_hash, next.content.hash(Channel::Discord, "77"));
        // An earlier attempt may have arrived in the thread.
        assert_eq!(moved(&at("77/9001"), false), None);
        assert_eq!(moved(&at("77"), true), None);
        assert_eq!(moved(&Message { edits: Some(next.id), ..at("77/9001") }, true), None);
        let unclear = Outcome::Unclear { why: "?".into() };
        assert_eq!(into_channel(&at("77/9001"), &unclear, &ground(true)), None);
    }

    #[test]
    fn a_repetition_is_written_inside_the_window_or_not_at_all() {
        let check = |channel, seconds, expected| {
            assert_eq!(time_to_write(&flying(channel, seconds), now()).as_secs(), expected, "{channel} {seconds}");
        };
        check(Channel::Discord, 0, 35);
        check(Channel::Discord, 50, 35);
        check(Channel::Discord, 74, 16);
        check(Channel::Discord, 95, -5);
        check(Channel::Email, 10_000, 35);
    }

    #[test]
    fn waits_grow_and_a_servers_wish_is_honoured_for_a_day_at_most() {
        let check = |channel, nth, asked: Option<i64>, least: i64, most: i64| {
            for jitter in [0, 500, 999] {
                let waited = wait(channel, nth, asked.map(SignedDuration::from_secs), jitter).as_millis();
                let range = i128::from(least) * 1_000..=i128::from(most) * 1_000;
                assert!(range.contains(&waited), "{channel} {nth} {asked:?}: {waited} ms");
            }
        };
        check(Channel::Email, 1, None, 4, 6);
        check(Channel::Email, 4, None, 32, 48);
        check(Channel::Discord, 14, None, 2_880, 4_320);
        check(Channel::Discord, i32::MAX, None, 2_880, 4_320);
        check(Channel::Webhook, 2, None, 240, 360);
        check(Channel::Webhook, 9, None, 69_120, 103_680);
        check(Channel::Discord, 1, Some(1), 1, 2);
        check(Channel::Discord, 1, Some(1_336), 1_336, 1_341);
        check(Channel::Discord, 1, Some(0), 4, 6);
        check(Channel::Discord, 1, Some(-1), 4, 6);
        check(Channel::Discord, 1, Some(i64::MIN), 4, 6);
        check(Channel::Sms, 1, Some(i64::MAX), 86_400, 86_405);
    }

    #[test]
    fn what_may_have_arrived_is_never_said_to_be_unsent() {
        let no = Outcome::Refused { why: "closed".into(), gone: false };
        let busy = Outcome::NotSent { why: "busy".into(), retry_after: None };
        let check = |channel, attempts, outcome: &Outcome, first, expected| {
            let message = Message { attempts, ..flying(channel, 10) };
            let ground = Ground { now: now(), first, resend_unclear: false, jitter: 0 };
            assert_eq!(after(&message, outcome, &ground).status, expected, "{channel} {outcome:?}");
        };
        check(Channel::Email, 1, &no, true, Status::Failed);
        check(Channel::Discord, 2, &no, false, Status::Unknown);
        check(Channel::Webhook, 2, &no, false, Status::Failed);
        check(Channel::Email, 14, &busy, true, Status::Dead);
        check(Channel::Discord, 14, &busy, false, Status::Unknown);
        check(Channel::Webhook, 10, &busy, false, Status::Dead);
        check(Channel::Email, 15, &busy, true, Status::Queued);
        assert_eq!(unsent(&flying(Channel::Sms, 1), Status::Cancelled, "x".into(), now()).status, Status::Unknown);
    }

    #[test]
    fn an_edit_is_sent_again_whenever_it_is_unclear_and_never_looked_up_or_unknown() {
        let edit = Message { edits: Some(MessageId(uuid::Uuid::nil())), ..flying(Channel::Discord, 1_000) };
        assert_eq!(on_claim(&edit, now(), false), Claim::Send);
        assert_eq!(time_to_write(&edit, now()), LEASE - MARGIN);
        let ground = Ground { now: now(), first: false, resend_unclear: false, jitter: 500 };
        let unclear = Outcome::Unclear { why: "The connection broke".into() };
        assert_eq!(after(&edit, &unclear, &ground).status, Status::Queued);
        let last = Message { attempts: tries(Channel::Discord), ..edit.clone() };
        assert_eq!(after(&last, &unclear, &ground).status, Status::Dead);
        let late = Message { expires_at: Some(now()), ..edit.clone() };
        assert!(matches!(on_claim(&late, now(), false), Claim::End(Status::Expired, _)));
        assert_eq!(unsent(&edit, Status::Cancelled, "Later".into(), now()).status, Status::Cancelled);
    }

    #[test]
    fn words_of_a_provider_steer_no_terminal() {
        assert_eq!(shown("550\r\n\u{1b}[31mNo\0 such  user"), "550 [31mNo such user");
        assert_eq!(shown(&"x".repeat(5_000)).len(), 1_000);
        assert_eq!(masked(Channel::Email, "ann@example.org"), "a***@example.org");
        assert_eq!(masked(Channel::Email, "nonsense"), "***");
        assert_eq!(masked(Channel::Sms, "7"), "***7");
    }
}
