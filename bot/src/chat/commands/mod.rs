//! The commands: one file for each noun. Options are read here, a verb does the work, `says` puts it into words.

pub mod approve;
mod contact;
pub mod deal;
pub mod help;
pub mod milestone;
pub mod remind;
pub mod settings;
pub mod setup;
mod team;
mod today;

use domain::kernel::Refusal;
use domain::people::contact::view as contacts;
use domain::workspace::approval::ops as approvals;
use domain::workspace::member::ops as members;

use super::asked::Call;
use super::caller::Caller;
use super::reply::{Reply, Say};
use super::says;
use super::spec::{Command, Kind, Opt};

/// Everything there is.
pub fn all() -> Vec<Command> {
    vec![
        deal::spec(),
        milestone::spec(),
        approve::spec(),
        remind::spec(),
        contact::spec(),
        team::spec(),
        settings::spec(),
        setup::spec(),
        today::spec(),
        help::spec(),
    ]
}

pub async fn run(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let (noun, verb) = call.path.split_once(' ').unwrap_or((&call.path, ""));
    match noun {
        "deal" => deal::run(caller, verb, call).await,
        "milestone" => milestone::run(caller, verb, call).await,
        "approve" => approve::run(caller, verb, call).await,
        "remind" => remind::run(caller, call).await,
        "contact" => contact::run(caller, verb, call).await,
        "team" => team::run(caller, verb, call).await,
        "settings" => settings::run(caller, verb, call).await,
        "setup" => setup::run(caller, call).await,
        "today" => today::run(caller).await,
        _ => Ok(not_understood()),
    }
}

fn not_understood() -> Reply {
    Say::privately(says::NOT_UNDERSTOOD).into()
}

/// What an option offers to whoever types: names, as far as they may see them. What is chosen is looked at again when the
/// command comes.
pub async fn offer(caller: &Caller, call: &Call, option: &str) -> Result<Reply, Refusal> {
    let typed = call.text(option).unwrap_or_default().to_owned();
    let choices = match option {
        "deal" => deal::offered(caller, call, typed).await?,
        "milestone" => {
            let deal = call.deal().ok();
            // Only what is finished can be reopened, and everything can be explained.
            let open_only = !matches!(call.path.as_str(), "milestone reopen" | "milestone explain");
            let found = caller
                .look(move |cx| domain::deals::milestone::view::suggest(cx, deal, &typed, open_only))
                .await?;
            let name = |m: &domain::deals::milestone::view::Suggested| {
                says::offered_milestone(&m.title, &m.deal_title, m.due_on, m.status)
            };
            found.iter().map(|m| (name(m), m.id.to_string())).collect()
        }
        "approval" => {
            let found = caller.look(move |cx| approvals::suggest(cx, &typed)).await?;
            let waits = |mine: bool| if mine { "waits for you" } else { "waits for others" };
            found.iter().map(|a| (says::offered(&a.title, waits(a.waits_for_me)), a.id.to_string())).collect()
        }
        "contact" => {
            let found = caller.look(move |cx| contacts::suggest(cx, &typed)).await?;
            let state = |out: bool| if out { "wants nothing any more" } else { "contact" };
            let name = |c: &contacts::Listed| says::offered(&c.contact.name, state(c.opted_out_at.is_some()));
            found.iter().map(|c| (name(c), c.contact.id.to_string())).collect()
        }
        "member" => {
            let found = caller.look(move |cx| members::suggest(cx, &typed)).await?;
            found.iter().map(|m| (says::offered(&m.name, m.role.as_str()), m.id.to_string())).collect()
        }
        "date" => deal::offered_dates(caller, call, typed).await?,
        "zone" => settings::offered_zones(&typed),
        _ => Vec::new(),
    };
    Ok(Reply::Choices(choices))
}

fn text(name: &'static str, about: &'static str, most: u32) -> Opt {
    Opt::new(name, about, Kind::Text { most })
}

/// Something that is there already, named while somebody types.
fn offered(name: &'static str, about: &'static str) -> Opt {
    Opt::new(name, about, Kind::Offered)
}

/// The words of an enum as choices.
fn one_of(name: &'static str, about: &'static str, words: &[&'static str]) -> Opt {
    Opt::new(name, about, Kind::OneOf(words.iter().map(|word| (*word, *word)).collect()))
}
