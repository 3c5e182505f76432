//! `/settings`

use domain::delivery::notify::verify;
use domain::delivery::{gone, settings};
use domain::kernel::{Refusal, id::MemberId};
use domain::people::chat::ops as chat;
use domain::people::reach::{Channel, Person, ops};
use domain::workspace::member;

use super::{Command, not_understood, offered as pick, one_of, text};
use crate::chat::asked::Call;
use crate::chat::caller::Caller;
use crate::chat::reply::{Reply, Say, plain};
use crate::chat::says;
use crate::chat::spec::Verb;

pub fn spec() -> Command {
    let verb = |name, about, options| Verb { name, about, options };
    Command {
        name: "settings",
        about: "How you hear of what, and what the bot lacks",
        options: vec![],
        verbs: vec![
            verb(
                "zone",
                "The zone in which you read times",
                vec![pick("zone", "Such as America/Chicago").needed()],
            ),
            verb(
                "preferences",
                "Show how you hear of what, or change one thing of it",
                vec![
                    text("key", "Such as reminder.discord, quiet, digest_at, order", 60),
                    text("value", "Such as on, off, daily, 21:00-08:00; leave it out for what is usual", 60),
                ],
            ),
            verb(
                "digest",
                "When your digest comes here",
                vec![
                    one_of("how", "How often", &["daily", "weekly", "hourly", "off"]).needed(),
                    text("at", "A time of day, such as 07:30", 5),
                ],
            ),
            verb("check", "Say what the bot lacks in this channel", vec![]),
        ],
    }
}

pub async fn run(caller: &Caller, verb: &str, call: &Call) -> Result<Reply, Refusal> {
    match verb {
        "zone" => {
            let zone = call.owned("zone").unwrap_or_default();
            let me = caller.act(move |cx| member::ops::set_own_zone(cx, zone.trim())).await?;
            Ok(Say::privately(says::zone(&me.time_zone)).into())
        }
        "preferences" => match call.owned("key") {
            None => change(caller, Vec::new()).await,
            Some(key) => change(caller, vec![(key, call.owned("value").unwrap_or_default())]).await,
        },
        "digest" => {
            let mut pairs = vec![("digest.discord".to_owned(), call.owned("how").unwrap_or_default())];
            pairs.extend(call.owned("at").map(|at| ("digest_at".to_owned(), at)));
            change(caller, pairs).await
        }
        "check" => check(caller).await,
        _ => Ok(not_understood()),
    }
}

async fn change(caller: &Caller, pairs: Vec<(String, String)>) -> Result<Reply, Refusal> {
    let me = caller.who.actor.id.map(MemberId).ok_or_else(|| Refusal::not_found("member"))?;
    let person = Person::Member(me);
    let shown = if pairs.is_empty() {
        caller.look(move |cx| ops::show(cx, person)).await?
    } else {
        caller
            .act(move |cx| {
                let mut new = ops::show(cx, person)?.preferences;
                for (key, value) in &pairs {
                    ops::put(&mut new, key.trim(), value.trim())?;
                }
                verify::set_preferences(cx, person, &new, None)
            })
            .await?
    };
    let (head, frame) = says::preferences(&shown);
    Ok(Say::privately(head).framed(frame).into())
}

/// What the bot needs in a channel, each with what fails without it.
const NEEDED: [(u64, &str, &str); 7] = [
    (1 << 10, "View Channel", "it cannot post reminders and approvals."),
    (1 << 11, "Send Messages", "it cannot post reminders and approvals."),
    (1 << 14, "Embed Links", "the text of letters is not shown."),
    (1 << 15, "Attach Files", "it cannot send pictures of timelines."),
    (
        1 << 16,
        "Read Message History",
        "after a crash it cannot see whether a message arrived, and a person has to say so.",
    ),
    (1 << 35, "Create Public Threads", "it cannot open a thread for a deal."),
    (1 << 38, "Send Messages in Threads", "it cannot post into the threads of deals."),
];
const ADMINISTRATOR: u64 = 1 << 3;

/// All of it together, for an invitation.
pub fn needed() -> u64 {
    NEEDED.iter().fold(0, |bits, (bit, ..)| bits | bit)
}

async fn check(caller: &Caller) -> Result<Reply, Refusal> {
    let (team, closed, guilds) = caller
        .look(|cx| {
            let team = settings::ops::get(cx)?.settings.team_channel;
            let team = team.filter(|team| team.channel == Channel::Discord).map(|team| team.address);
            let closed = match &team {
                Some(address) => gone::ops::of(cx, Channel::Discord, address)?,
                None => None,
            };
            Ok((team, closed, chat::list(cx)?.0))
        })
        .await?;
    let Some(guild) = &caller.asked.guild else {
        return Ok(Say::privately(
            "Ask this in a channel of your server: there are no permissions to check here.",
        )
        .into());
    };
    let lacks = |bit: u64| guild.ours & ADMINISTRATOR == 0 && guild.ours & bit == 0;
    let missing: Vec<(&str, &str)> =
        NEEDED.iter().filter(|(bit, ..)| lacks(*bit)).map(|(_, name, why)| (*name, *why)).collect();
    let named = guilds.iter().find(|one| one.id == guild.id).map_or("this server", |one| one.name.as_str());
    let linked = format!("\u{2705} **{}** is linked to your workspace.", plain(named));
    let here = team.as_deref() == Some(caller.asked.channel.as_str());
    let place = team.as_deref().map(|team| (team, here, closed.as_ref()));
    Ok(Say::privately(says::check(&missing, &linked, place)).into())
}

/// Zones whose names hold what was typed; those of the United States when nothing was.
pub fn offered_zones(typed: &str) -> Vec<(String, String)> {
    const USUAL: [&str; 7] = [
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Phoenix",
        "America/Los_Angeles",
        "America/Anchorage",
        "Pacific/Honolulu",
    ];
    let typed = typed.trim().to_lowercase().replace(' ', "_");
    let all: Vec<String> = match typed.is_empty() {
        true => USUAL.iter().map(|name| (*name).to_owned()).collect(),
        false => jiff::tz::db()
            .available()
            .map(|name| name.to_string())
            .filter(|name| name.to_lowercase().contains(&typed))
            .take(25)
            .collect(),
    };
    all.into_iter().map(|name| (name.replace('_', " "), name)).collect()
}
