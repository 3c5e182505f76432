//! The link with Discord, as the terminal says it.

use domain::people::chat::{Guild, Linked};
use domain::workspace::member::Member;

use super::{moment, table};

pub const NO_TOKEN: &str = "No Discord token is configured, so there is no bot to invite. Nothing was changed. Make an application at \
                            https://discord.com/developers/applications, set its bot's token as [discord] token \
                            (MILEPOST_DISCORD__TOKEN), then ask again.";
pub const UNLINKED: &str = "The server is linked no more: what is said there reaches the workspace no more. Reminders for its channels \
                            still go there until the settings name others (settings delivery set team_channel).";

pub fn not_reached(why: &str) -> String {
    format!(
        "Who the bot is could not be asked: {why}. Nothing was changed. Look at discord.token and discord.api_url, then ask again."
    )
}

pub fn invited(link: &str, code: &str, name: &str) -> String {
    format!(
        "1. Invite the bot to your Discord server:\n   {link}\n2. In a channel of that server {name} types:\n   /setup code:{code}\n   \
         That links the server to the workspace, and {name} to their Discord account. The code is good once, for a day.\n3. Say \
         where the team reads reminders: /setup channel:#your-channel\n4. Link the others there: /team link\n"
    )
}

pub fn code(code: &str, name: &str) -> String {
    format!(
        "{name} types this into Discord, in the team's server or to the bot itself:\n  /setup code:{code}\nIt is good once, for a day."
    )
}

pub fn list(guilds: &[Guild], linked: &[Linked], members: &[Member]) -> String {
    let mut text = match guilds {
        [] => "No Discord server is linked. Link one with: milepost invite\n".to_owned(),
        guilds => {
            let rows: Vec<_> =
                guilds.iter().map(|g| vec![g.name.clone(), g.id.clone(), moment(g.linked_at)]).collect();
            table(&["SERVER", "ID", "SINCE"], &rows)
        }
    };
    if !linked.is_empty() {
        let name = |one: &Linked| {
            members.iter().find(|m| m.id == one.member).map_or_else(String::new, |m| m.name.clone())
        };
        let rows: Vec<_> =
            linked.iter().map(|one| vec![name(one), one.user_id.clone(), one.how.clone()]).collect();
        text.push_str(&format!("\n{}", table(&["MEMBER", "DISCORD ACCOUNT", "KNOWN BY"], &rows)));
    }
    text
}

pub fn forgotten(name: &str) -> String {
    format!("{name} is linked to no Discord account any more. Messages to the account end too.")
}
