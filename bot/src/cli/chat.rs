//! `milepost invite` and `milepost chat`: the bot's way into a Discord server, and who there is who.

use clap::{Args, Subcommand};
use domain::delivery::notify::account;
use domain::kernel::Refusal;
use domain::people::chat::ops;
use domain::workspace::member::{self, Member};
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop};
use crate::chat::commands::settings::needed;
use crate::chat::wire;
use crate::{says, serve};

/// Print the link that invites the bot, and the code that links the server it comes to
#[derive(Args)]
pub struct Invite {
    /// Who types the code: an owner or admin [default: --as, else the first owner]
    #[arg(long = "for", value_name = "EMAIL")]
    whom: Option<String>,
}

#[derive(Subcommand)]
pub enum Chat {
    /// A code that a member types into Discord (/setup code) to show whose their account is
    Code {
        /// The member's e-mail address
        email: String,
    },
    /// The servers that are linked, and the members whose accounts are known
    List,
    /// What is said in a server reaches the workspace no more
    Unlink {
        /// The server's id, as milepost chat list shows it
        server: String,
    },
    /// A member's account is nobody's any more
    Forget {
        /// The member's e-mail address
        email: String,
    },
}

pub fn invite(common: &Common, cmd: &Invite) -> Outcome {
    let desk = Desk::open(common)?;
    if desk.host.config().discord.token.is_none() {
        return Err(Stop::Failed(says::chat::NO_TOKEN.into()));
    }
    let http = wire::http(&desk.host).map_err(Stop::Failed)?;
    let about = serve::runtime()?.block_on(http.get_current_application_info());
    let about = about.map_err(|error| Stop::Failed(says::chat::not_reached(&wire::words(&error))))?;
    let done = desk.write(|cx| {
        let own = cx.actor().id.map(domain::kernel::id::MemberId);
        let id = match (&cmd.whom, own) {
            (Some(email), _) => member::ops::find(cx, email)?.id,
            (None, Some(own)) => own,
            (None, None) => member::store::first_owner(cx)?.ok_or_else(|| Refusal::not_found("member"))?,
        };
        Ok((ops::make_code(cx, id)?, member::store::find(cx, id)?))
    })?;
    let (code, whom) = done.value;
    let name = whom.map_or_else(String::new, |whom: Member| whom.name);
    let link = format!(
        "https://discord.com/oauth2/authorize?client_id={}&scope=bot+applications.commands&permissions={}",
        about.id,
        needed()
    );
    let text = says::chat::invited(&link, &code, &name);
    let json = json!({ "invite": link, "code": code, "for": name });
    Ok(Some(Answer::new(text, Written::<Value>::beside(done.receipt, json))))
}

pub fn run(common: &Common, cmd: &Chat) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Chat::Code { email } => {
            let done = desk.write(|cx| {
                let whom = member::ops::find(cx, email)?;
                Ok((ops::make_code(cx, whom.id)?, whom.name))
            })?;
            let (code, name) = done.value;
            let json = json!({ "code": code, "for": name });
            Answer::new(says::chat::code(&code, &name), Written::<Value>::beside(done.receipt, json))
        }
        Chat::List => {
            let (guilds, linked, members) = desk.read(|cx| {
                let (guilds, linked) = ops::list(cx)?;
                Ok((guilds, linked, member::ops::list(cx)?))
            })?;
            let text = says::chat::list(&guilds, &linked, &members);
            Answer::new(text, json!({ "servers": guilds, "members": linked }))
        }
        Chat::Unlink { server } => {
            let done = desk.write(|cx| ops::unlink_guild(cx, server))?;
            Answer::new(
                says::chat::UNLINKED,
                Written::<Value>::beside(done.receipt, json!({ "unlinked": server })),
            )
        }
        Chat::Forget { email } => {
            let done = desk.write(|cx| {
                let whom = member::ops::find(cx, email)?;
                account::unlink_member(cx, whom.id)?;
                Ok(whom.name)
            })?;
            let json = json!({ "forgotten": done.value });
            Answer::new(says::chat::forgotten(&done.value), Written::<Value>::beside(done.receipt, json))
        }
    };
    Ok(Some(answer))
}
