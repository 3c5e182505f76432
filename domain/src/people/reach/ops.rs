//! Showing and setting how somebody wants to be reached.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::proof::{self, Proofs};
use super::{Channel, Event, Mode, Person, Preferences, Topic, rules, store};
use crate::kernel::event::Change;
use crate::kernel::{ActorKind, Code, Cx, No, Problem, Refusal, Source, Subject, text};
use crate::people::contact;
use crate::workspace::access::{Require, Verb};
use crate::workspace::member;

/// What somebody's preferences are, with what is as usual written out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub name: String,
    /// `member` or `contact`.
    pub kind: String,
    pub preferences: Preferences,
    /// Every topic and channel, as it is now.
    pub modes: Vec<(Topic, Vec<(Channel, Mode)>)>,
    /// Where nothing is sent yet: nobody has shown that the address is the member's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<Channel>,
    pub version: i64,
}

pub fn show(cx: &mut Cx<'_>, person: Person) -> Result<Shown, No> {
    cx.require(match person {
        Person::Member(_) => Verb::ReadTeam,
        Person::Contact(_) => Verb::ReadContacts,
    })?;
    let name = name(cx, person)?;
    let (preferences, version) = store::find(cx, person)?;
    let proofs = proof::of(cx, person)?;
    Ok(shown(person, name, preferences, version, &proofs))
}

fn shown(person: Person, name: String, preferences: Preferences, version: i64, proofs: &Proofs) -> Shown {
    let (topics, channels) = rules::known_to(person);
    let told = |topic: Topic| channels.iter().map(|c| (*c, preferences.mode(person, topic, *c))).collect();
    let unverified = proofs.missing(&preferences).into_iter().filter(|_| matches!(person, Person::Member(_)));
    Shown {
        name,
        kind: person.kind().into(),
        modes: topics.iter().map(|topic| (*topic, told(*topic))).collect(),
        unverified: unverified.collect(),
        preferences,
        version,
    }
}

fn name(cx: &mut Cx<'_>, person: Person) -> Result<String, No> {
    match person {
        Person::Member(id) => Ok(member::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("member"))?.name),
        Person::Contact(id) => {
            Ok(contact::store::find(cx, id)?.ok_or_else(|| Refusal::not_found("contact"))?.name)
        }
    }
}

/// Replaces somebody's preferences: one's own, or with the right to manage members anybody's. A contact's are set by
/// whoever may edit contacts.
pub fn set(cx: &mut Cx<'_>, person: Person, new: &Preferences, version: Option<i64>) -> Result<Shown, No> {
    cx.require(Verb::EditPreferences)?;
    match person {
        Person::Member(id) => {
            let own = cx.actor().kind == ActorKind::Member && cx.actor().id == Some(id.0);
            if !own {
                cx.require(Verb::ManageMembers)?;
            }
        }
        Person::Contact(_) => cx.require(Verb::EditContacts)?,
    }
    let name = name(cx, person)?;
    let (before, current) = store::find(cx, person)?;
    let new = check(person, &before, new)?;
    if let Some(yours) = version.filter(|yours| *yours != current) {
        return Err(Refusal::stale("preferences", yours, current).into());
    }
    if new == before {
        let proofs = proof::of(cx, person)?;
        return Ok(shown(person, name, new, current, &proofs));
    }
    if !store::save(cx, person, &new, current)? {
        return Err(Refusal::stale("preferences", current, current + 1).into());
    }
    let told = |p: &Preferences| {
        json!({ "topics": p.topics, "quiet": p.quiet, "digest_at": p.digest_at, "digest_on": p.digest_on,
                "order": p.order })
    };
    let event = Event::Changed {
        change: Change::between(&told(&before), &told(&new)),
        personal: json!({ "discord": new.discord, "phone": new.phone }),
    };
    cx.record(Subject::new(person.kind(), person.id()), &event)?;
    if let (Person::Member(id), Some(address)) = (person, &new.discord)
        && new.discord != before.discord
        && cx.principal().source == Source::CommandLine
    {
        // Whoever sits at the server's own terminal is believed; elsewhere the chat's own linking shows whose it is.
        proof::believe(cx, id, Channel::Discord, address, "terminal")?;
    }
    let proofs = proof::of(cx, person)?;
    Ok(shown(person, name, new, current + 1, &proofs))
}

fn check(person: Person, before: &Preferences, new: &Preferences) -> Result<Preferences, No> {
    let mut checked = new.clone();
    let mut problems = match person {
        Person::Member(_) => Vec::new(),
        Person::Contact(_) => rules::without_meaning(before, new),
    };
    let mut time = |field: &str, text: &str| {
        if rules::clock(text).is_none() {
            problems.push(Problem::new(field, "is no time of day. Write it as HH:MM, such as 08:00."));
        }
    };
    time("digest_at", &new.digest_at);
    if let Some(quiet) = &new.quiet {
        time("quiet.from", &quiet.from);
        time("quiet.until", &quiet.until);
    }
    for (topic, ways) in &new.topics {
        for (channel, mode) in ways {
            let field = format!("topics.{topic}.{channel}");
            if matches!((person, channel), (Person::Member(_), Channel::Webhook | Channel::Console)) {
                problems
                    .push(Problem::new(&field, "is no way to reach a person. Use in_app, email, sms or discord."));
            }
            if mode.is_digest() && matches!(person, Person::Contact(_)) {
                problems.push(Problem::new(&field, "can be on or off: digests are for members."));
            }
            let nowhere = match channel {
                Channel::Sms => new.phone.is_none().then_some("phone"),
                Channel::Discord => new.discord.is_none().then_some("discord"),
                _ => None,
            };
            if let (Person::Member(_), true, Some(address)) = (person, *mode != Mode::Off, nowhere) {
                let sentence = format!("reaches nobody: there is no address for it. Set {address} as well.");
                problems.push(Problem::new(&field, sentence));
            }
            if *topic == Topic::Digest && *mode == Mode::On {
                problems.push(Problem::new(&field, "must say how often: hourly, daily or weekly, or off."));
            }
        }
    }
    let mut seen = Vec::new();
    for channel in &new.order {
        if seen.contains(channel) {
            problems.push(Problem::new("order", format!("names {channel} twice.")));
        }
        seen.push(*channel);
    }
    if let Some(phone) = &new.phone {
        match text::phone("phone", phone) {
            Ok(phone) => checked.phone = Some(phone),
            Err(problem) => problems.push(problem),
        }
    }
    if let Some(id) = &new.discord
        && (!(5..=25).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_digit()))
    {
        problems.push(Problem::new("discord", "is no Discord user id. Copy it from Discord: digits only."));
    }
    if problems.is_empty() { Ok(checked) } else { Err(problems.into()) }
}

/// Reads one `KEY` and `VALUE` as people write them: `reminder.email daily`, `quiet 21:00-08:00`, `digest_at 07:30`,
/// `digest_on monday`, `order email,sms`, `phone +13125550100`, `discord 1234567890`. An empty value takes it away.
pub fn put(preferences: &mut Preferences, key: &str, value: &str) -> Result<(), No> {
    let wrong = |sentence: String| No::from(vec![Problem::new(key, sentence)]);
    let given = (!value.is_empty()).then(|| value.to_owned());
    match key {
        "digest_at" => preferences.digest_at = given.unwrap_or_else(|| Preferences::default().digest_at),
        "digest_on" => preferences.digest_on = value.parse().map_err(wrong)?,
        "phone" => preferences.phone = given,
        "discord" => preferences.discord = given,
        "quiet" => {
            preferences.quiet = match value.split_once('-') {
                _ if value.is_empty() => None,
                Some((from, until)) => Some(super::Quiet { from: from.into(), until: until.into() }),
                None => return Err(wrong("must be two times of day, such as 21:00-08:00.".into())),
            }
        }
        "order" => {
            let read = value.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::parse);
            preferences.order = read.collect::<Result<_, String>>().map_err(wrong)?;
        }
        _ => {
            let Some((topic, channel)) = key.split_once('.') else {
                let sentence = "is no preference. Write TOPIC.CHANNEL (such as reminder.email), quiet, digest_at, \
                                digest_on, order, phone or discord.";
                return Err(wrong(sentence.into()));
            };
            let (topic, channel): (Topic, Channel) =
                (topic.parse().map_err(wrong)?, channel.parse().map_err(wrong)?);
            let ways = preferences.topics.entry(topic).or_default();
            match value {
                "" => drop(ways.remove(&channel)),
                mode => drop(ways.insert(channel, mode.parse().map_err(wrong)?)),
            }
        }
    }
    Ok(())
}

/// The person whom somebody means by a member's or contact's e-mail address, or by a contact's telephone number or id.
pub fn named(cx: &mut Cx<'_>, who: &str) -> Result<Person, No> {
    cx.require(Verb::ReadTeam)?;
    let who = who.trim();
    if let Some(member) = member::store::find_by_email(cx, &who.to_lowercase())? {
        return Ok(Person::Member(member.id));
    }
    cx.require(Verb::ReadContacts)?;
    let found = match who.parse() {
        Ok(id) => contact::store::find(cx, id)?.into_iter().collect(),
        Err(_) => contact::view::find(cx, who)?,
    };
    match found.as_slice() {
        [only] => Ok(Person::Contact(only.id)),
        [] => Err(Refusal::new(
            Code::NotFound,
            "There is no member or contact with this address or number in this workspace. Nothing was changed.",
            "Name a member's or contact's e-mail address, or a contact's telephone number or id.",
        )
        .into()),
        several => {
            let names: Vec<String> = several.iter().take(5).map(|c| format!("{} ({})", c.name, c.id)).collect();
            let sentence = format!("Several contacts have this: {}. Nothing was changed.", names.join(", "));
            Err(Refusal::new(Code::Invalid, sentence, "Name the one you mean by its id.").into())
        }
    }
}
