//! The team, contacts, settings and the link with the server.

use domain::delivery::gone::GoneAddress;
use domain::delivery::settings::TeamChannel;
use domain::delivery::settings::stage::DraftStage;
use domain::kernel::id::MemberId;
use domain::people::chat::Linked;
use domain::people::chat::ops::Redeemed;
use domain::people::contact::view::ContactView;
use domain::people::reach::ops::Shown;
use domain::workspace::member::{Member, MemberStatus};

use super::moment;
use crate::chat::commands::setup::Done;
use crate::chat::reply::plain;

pub fn team(members: &[Member], linked: &[Linked]) -> String {
    let account = |id: MemberId| linked.iter().find(|linked| linked.member == id);
    let mut text = String::new();
    for member in members.iter().filter(|member| member.status == MemberStatus::Active) {
        let account = match account(member.id) {
            Some(linked) => format!("<@{}>", linked.user_id),
            None => "no Discord account".into(),
        };
        text.push_str(&format!("- **{}** {}, {account}\n", plain(&member.name), member.role));
    }
    text
}

pub fn linked(name: &str, user: &str) -> String {
    format!("**{}** is <@{user}> from now on.", plain(name))
}

pub fn unlinked(name: &str) -> String {
    format!("**{}** is linked to no Discord account any more.", plain(name))
}

pub fn redeemed(done: &Redeemed, in_server: bool) -> String {
    let who = format!("You are **{}** here.", plain(&done.name));
    match (done.guild, in_server) {
        (true, _) => format!(
            "This server is linked. {who}\nNext: `/setup channel` says where the team reads reminders, `/team link` who else is \
             who, and `/settings check` what the bot lacks here."
        ),
        (false, true) => format!("{who} `/today` shows what needs your attention."),
        (false, false) => {
            format!("{who} Messages reach you here when you switch them on: `/settings preferences`.")
        }
    }
}

pub fn contact(view: &ContactView) -> String {
    let contact = &view.contact;
    let or_none = |text: &Option<String>| text.as_deref().map_or_else(|| "-".into(), plain);
    let mut text = format!(
        "**{}**\nE-mail: {}\nTelephone: {}\n",
        plain(&contact.name),
        or_none(&contact.email),
        or_none(&contact.phone)
    );
    text.push_str(&format!("Zone: {}\n", plain(&view.zones.names.join(", "))));
    match (view.standing.opted_out_at, view.address_opted_out_at) {
        (Some(at), _) => {
            let via = view.standing.opted_out_via.as_deref().unwrap_or("another way").replace('_', " ");
            text.push_str(&format!(
                "\u{26d4} Wants nothing any more since {} ({via}). Only they can undo it.\n",
                moment(at)
            ));
        }
        (None, Some(at)) => {
            text.push_str(&format!(
                "\u{26d4} This number or address wants nothing any more since {}.\n",
                moment(at)
            ));
        }
        (None, None) => text.push_str("Has not opted out.\n"),
    }
    if let Some(at) = view.standing.taken_over_at {
        let by = view.standing.taken_over_by.as_deref().unwrap_or("somebody");
        text.push_str(&format!("Led by {} since {}: no rule writes to them.\n", plain(by), moment(at)));
    }
    for consent in &view.consents {
        let words = match consent.withdrawn_at {
            None => format!("yes, since {}", moment(consent.given_at)),
            Some(at) => format!("no longer, since {}", moment(at)),
        };
        text.push_str(&format!("Agreed to {}: {words}\n", consent.channel));
    }
    text
}

pub fn opt_out(name: &str) -> String {
    format!(
        "Record that **{}** wants nothing any more, by any way? What waits for them is cancelled, and only they can undo it. Nothing \
         was changed yet.",
        plain(name)
    )
}

/// For the channel, which need not know how somebody is reached.
pub fn opted_out(name: &str, by: &str) -> String {
    format!(
        "**{}** wants nothing any more, by any way. Nothing more is sent to them. Recorded by {}.",
        plain(name),
        plain(by)
    )
}

/// For whoever recorded it.
pub fn opted_out_card(now: &ContactView, already: bool) -> String {
    let first = if already {
        "It was recorded before. Nothing was changed now."
    } else {
        "Done. The channel reads it below, without this, which only you see:"
    };
    format!("{first}\n{}", contact(now))
}

pub fn preferences(shown: &Shown) -> (String, String) {
    let p = &shown.preferences;
    let mut text = String::new();
    for (topic, ways) in &shown.modes {
        let ways: Vec<String> =
            ways.iter().map(|(channel, mode)| format!("{} {mode}", channel.as_str().replace('_', "-"))).collect();
        text.push_str(&format!("**{}**: {}\n", topic.as_str().replace('_', " "), ways.join(", ")));
    }
    match &p.quiet {
        Some(quiet) => {
            text.push_str(&format!("Quiet from {} until {}.\n", plain(&quiet.from), plain(&quiet.until)))
        }
        None => text.push_str("No quiet hours of your own.\n"),
    }
    text.push_str(&format!("Digests come at {}, weekly ones on {}.\n", plain(&p.digest_at), p.digest_on));
    let head = "You are reached so. Change it: `/settings preferences key:reminder.discord value:on`, `key:quiet \
                value:21:00-08:00`, `key:digest_at value:07:30`.";
    (head.into(), text)
}

pub fn zone(zone: &str) -> String {
    format!("You read times in {} from now on.", plain(zone))
}

pub fn set_up(done: &Done) -> String {
    let first = if done.changed { "Done. It is so now:" } else { "It is so:" };
    let parts = ["channel", "threads", "zone", "approvers"].map(|name| set_up_part(name, done));
    format!("{first}\n{}", parts.join("\n"))
}

/// How it is with what one option of `/setup` changes.
pub fn set_up_part(name: &str, Done { stored, zone, approved_before, .. }: &Done) -> String {
    let settings = &stored.settings;
    let on_discord = |team: &&TeamChannel| team.channel == domain::people::reach::Channel::Discord;
    match name {
        "channel" => match &settings.team_channel {
            Some(team) if on_discord(&team) => format!("The team reads in <#{}>.", plain(&team.address)),
            Some(team) => format!("The team reads in {} {}.", team.channel, plain(&team.address)),
            None => "The team reads nowhere yet: `/setup channel`.".into(),
        },
        "threads" => match (settings.deal_threads, settings.team_channel.as_ref().filter(on_discord)) {
            (true, Some(_)) => "Each deal has a thread there.".into(),
            (true, None) => "Each deal has a thread once the team reads in a channel of this server.".into(),
            (false, _) => "Deals have no threads of their own.".into(),
        },
        "zone" => format!("Times of new deals are in {}.", plain(zone)),
        _ => {
            let before = approved_before.as_ref();
            let before = before.map_or_else(String::new, |before| format!(" Before: {}.", approvers(before)));
            format!("Letters are approved by {}.{before}", approvers(&settings.draft_stages))
        }
    }
}

fn approvers(stages: &[DraftStage]) -> String {
    match stages {
        [] => "any owner, admin or coordinator".into(),
        stages => stages.iter().map(|stage| plain(&stage.to_string())).collect::<Vec<_>>().join(", then "),
    }
}

/// What would be lost with the stages that there are. What was asked for besides waits for the same yes.
pub fn other_approvers(now: &[DraftStage], new: &[DraftStage], besides: bool) -> String {
    let besides = if besides { " What you gave besides waits for the same answer." } else { "" };
    format!(
        "Let letters be approved by {} from now on? This replaces all that is set now: {}.\nNothing was changed yet.{besides}",
        approvers(new),
        approvers(now)
    )
}

/// What the bot may do in this channel, and what that means. Of the team's channel: whether it is this one, and why nothing
/// goes there, when nothing does.
pub fn check(missing: &[(&str, &str)], linked: &str, team: Option<(&str, bool, Option<&GoneAddress>)>) -> String {
    let mut text = format!("{linked}\n");
    match team {
        Some((id, true, _)) => text.push_str(&format!("The team reads here, in <#{}>.\n", plain(id))),
        Some((id, false, _)) => {
            text.push_str(&format!("The team reads in <#{}>. Ask there to check that channel.\n", plain(id)))
        }
        None => text.push_str("\u{26a0} The team reads nowhere yet: `/setup channel`.\n"),
    }
    if let Some((id, _, Some(gone))) = team {
        text.push_str(&format!(
            "\u{26d4} Nothing goes to <#{}> since {}: {}\nWhen that is mended: `milepost delivery reopen {}`.\n",
            plain(id),
            moment(gone.since),
            plain(&gone.why),
            gone.id
        ));
    }
    if missing.is_empty() {
        return text + "\u{2705} The bot has every permission that it needs in this channel.";
    }
    for (name, why) in missing {
        text.push_str(&format!("\u{26d4} The bot lacks **{name}** here: {why}\n"));
    }
    text + "Add them in the channel's settings, or invite the bot again with `milepost invite`."
}
