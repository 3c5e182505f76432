//! `/team`

use domain::delivery::notify::account;
use domain::kernel::Refusal;
use domain::people::chat::ops;
use domain::workspace::member;

use super::{Command, not_understood, offered as pick};
use crate::chat::asked::Call;
use crate::chat::caller::Caller;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;
use crate::chat::spec::{Kind, Opt, Verb};

pub fn spec() -> Command {
    let verb = |name, about, options| Verb { name, about, options };
    let member = || pick("member", "Who on the team: type a part of the name").needed();
    Command {
        name: "team",
        about: "Who is on the team, and who is who here",
        options: vec![],
        verbs: vec![
            verb("list", "List the team with their Discord accounts", vec![]),
            verb(
                "link",
                "Say which Discord account is a member's; for admins",
                vec![member(), Opt::new("account", "The member's account here", Kind::Person).needed()],
            ),
            verb("unlink", "A member's account is nobody's any more", vec![member()]),
        ],
    }
}

pub async fn run(caller: &Caller, verb: &str, call: &Call) -> Result<Reply, Refusal> {
    match verb {
        "list" => {
            let (members, linked) = caller.look(|cx| Ok((member::ops::list(cx)?, ops::list(cx)?.1))).await?;
            Ok(Say::privately(says::team(&members, &linked)).into())
        }
        "link" => {
            let (id, user) = (call.member()?, call.owned("account").unwrap_or_default());
            let shown = user.clone();
            let name = caller
                .act(move |cx| {
                    account::link_member(cx, id, &user)?;
                    Ok(member::store::find(cx, id)?.map_or_else(String::new, |member| member.name))
                })
                .await?;
            Ok(Say::privately(says::linked(&name, &shown)).into())
        }
        "unlink" => {
            let id = call.member()?;
            let name = caller
                .act(move |cx| {
                    account::unlink_member(cx, id)?;
                    Ok(member::store::find(cx, id)?.map_or_else(String::new, |member| member.name))
                })
                .await?;
            Ok(Say::privately(says::unlinked(&name)).into())
        }
        _ => Ok(not_understood()),
    }
}
