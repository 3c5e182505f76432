//! `/contact`

use domain::delivery::card::Look;
use domain::kernel::Refusal;
use domain::people::chat::pending;
use domain::people::contact::standing::Via;
use domain::people::contact::standing::ops::OptOut;
use domain::people::contact::view;

use super::deal::confirm;
use super::{Command, not_understood, offered as pick, one_of, text};
use crate::chat::asked::Call;
use crate::chat::caller::Caller;
use crate::chat::presses::Pending;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;
use crate::chat::spec::Verb;

pub fn spec() -> Command {
    let verb = |name, about, options| Verb { name, about, options };
    let contact = || pick("contact", "Who: type a part of the name").needed();
    Command {
        name: "contact",
        about: "People outside the team, and whether they want to hear from us",
        options: vec![],
        verbs: vec![
            verb("show", "Show who it is, what they agreed to, and whether they opted out", vec![contact()]),
            verb(
                "opt-out",
                "Record that they want nothing any more; only they can undo it",
                vec![
                    contact(),
                    one_of(
                        "via",
                        "How they said so",
                        &["phone", "in_person", "email", "sms", "discord", "letter"],
                    )
                    .needed(),
                    text("words", "What they said", 500),
                ],
            ),
        ],
    }
}

pub async fn run(caller: &Caller, verb: &str, call: &Call) -> Result<Reply, Refusal> {
    let id = call.contact()?;
    match verb {
        "show" => {
            let found = caller.look(move |cx| view::get(cx, id)).await?;
            Ok(Say::privately(says::contact(&found)).into())
        }
        "opt-out" => {
            let via: Via = call.text("via").unwrap_or_default().parse().unwrap_or(Via::Phone);
            let cmd = OptOut { contact_id: id, via, why: call.owned("words").unwrap_or_default() };
            let (name, kept) = caller
                .act(move |cx| {
                    let name = view::get(cx, id)?.contact.name;
                    Ok((name, pending::keep(cx, &Pending::OptOut(cmd.clone()))?))
                })
                .await?;
            Ok(Say::privately(says::opt_out(&name)).with(confirm(kept, Look::Bad)).into())
        }
        _ => Ok(not_understood()),
    }
}
