//! `/deal`

use std::collections::BTreeMap;

use domain::deals::deal::key_dates::{self, ChangeKeyDates};
use domain::deals::deal::view::{self, ListDeals};
use domain::deals::deal::{DealStatus, Financing, Side, intake};
use domain::deals::picture;
use domain::delivery::card::{Action, Button, Look, Press};
use domain::kernel::Refusal;
use domain::kernel::page::Ask;
use domain::people::chat::pending;

use super::{Command, Opt, not_understood, offered as pick, one_of, text};
use crate::chat::asked::Call;
use crate::chat::caller::Caller;
use crate::chat::forms::TypedDeal;
use crate::chat::presses::Pending;
use crate::chat::reply::{Reply, Say, plain};
use crate::chat::says;
use crate::chat::spec::{Kind, Verb};

pub fn spec() -> Command {
    let words = |all: &[&'static str]| all.to_vec();
    let sides: Vec<&str> = Side::ALL.iter().map(|side| side.as_str()).collect();
    let financing: Vec<&str> = Financing::ALL.iter().map(|word| word.as_str()).collect();
    let verb = |name, about, options| Verb { name, about, options };
    let deal = || pick("deal", "Which deal: type a part of its title or address").needed();
    Command {
        name: "deal",
        about: "Deals and their key dates",
        options: vec![],
        verbs: vec![
            verb(
                "new",
                "Fill in a new deal; it is shown before it is created",
                vec![
                    one_of("side", "The side we represent", &words(&sides)).needed(),
                    one_of("financing", "How it is paid", &words(&financing)).needed(),
                    text("state", "The property's state, two letters such as IL", 2),
                ],
            ),
            verb(
                "list",
                "List deals, those that close first at the front",
                vec![
                    text("text", "Part of the title or address", 100),
                    one_of(
                        "status",
                        "Drafts and active ones when left out",
                        &["draft", "active", "closed", "cancelled"],
                    ),
                ],
            ),
            verb("show", "Show a deal with everything on it", vec![deal()]),
            verb(
                "timeline",
                "Show a deal's dates in order",
                vec![deal(), Opt::new("picture", "As a picture", Kind::Flag)],
            ),
            verb(
                "reschedule",
                "Show what a change of a key date moves, and make it when you say so",
                vec![
                    deal(),
                    pick("date", "Which key date, such as closing date").needed(),
                    text("to", "The new date: dec 12, next friday, in 3 days; none takes it away", 100).needed(),
                ],
            ),
            verb("undo", "Take back the last change of a deal's key dates", vec![deal()]),
            verb("confirm", "Make a draft active and its milestones with it", vec![deal()]),
            verb("close", "Close a deal", vec![deal()]),
            verb("cancel", "Cancel a deal", vec![deal(), text("reason", "Why", 500)]),
        ],
    }
}

pub async fn run(caller: &Caller, verb: &str, call: &Call) -> Result<Reply, Refusal> {
    match verb {
        "new" => {
            let of = |name: &str| call.text(name).unwrap_or_default().to_owned();
            let state = of("state").to_uppercase().replace(['.', ':'], "");
            let typed = TypedDeal {
                known: format!("{}.{}.{}", of("side"), of("financing"), state.trim()),
                contract: "today".into(),
                ..TypedDeal::default()
            };
            Ok(Reply::Form(typed.form()))
        }
        "list" => list(caller, call).await,
        "show" => {
            let id = call.deal()?;
            let detail = caller.look(move |cx| view::get(cx, id)).await?;
            let (head, frame) = says::deal(&detail, caller.today());
            Ok(Say::privately(head).framed(frame).into())
        }
        "timeline" => timeline(caller, call).await,
        "reschedule" => reschedule(caller, call).await,
        "undo" => {
            let id = call.deal()?;
            let (title, plan) = caller
                .look(move |cx| Ok((view::get(cx, id)?.deal.title, key_dates::latest_undo(cx, id)?)))
                .await?;
            let Some(plan) = plan else { return Ok(Say::privately(says::NO_UNDO).into()) };
            let press = |action| Press::new(action, plan.0, "");
            let question = format!(
                "Take back the last change of the dates of **{}**? Nothing was changed yet.",
                plain(&title)
            );
            Ok(Say::privately(question)
                .with(vec![
                    Button::new("Take it back", Look::Good, press(Action::Undo)),
                    Button::new("Leave it", Look::Plain, press(Action::Discard)),
                ])
                .into())
        }
        "confirm" => end(caller, call, DealStatus::Active, "Make **{}** active, with its milestones?").await,
        "close" => end(caller, call, DealStatus::Closed, "Close **{}**? What is still open on it ends.").await,
        "cancel" => {
            end(caller, call, DealStatus::Cancelled, "Cancel **{}**? What is still open on it ends.").await
        }
        _ => Ok(not_understood()),
    }
}

async fn list(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let status = call.text("status").and_then(|word| word.parse().ok());
    let wanted = ListDeals {
        status: status.into_iter().collect(),
        text: call.owned("text"),
        ask: Ask { cursor: None, limit: Some(15) },
        ..ListDeals::default()
    };
    let page = caller.look(move |cx| view::list(cx, &wanted)).await?;
    Ok(Say::privately(says::deals(&page.items, page.next_cursor.is_some(), caller.today())).into())
}

async fn timeline(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let id = call.deal()?;
    let detail = caller.look(move |cx| view::get(cx, id)).await?;
    let today = domain::kernel::time::today(
        caller.host.clock().now(),
        &domain::kernel::time::zone(&detail.deal.time_zone),
    );
    let (head, frame) = says::timeline(&detail, today);
    if !call.flag("picture") {
        return Ok(Say::privately(head).framed(frame).into());
    }
    let drawn = tokio::task::spawn_blocking(move || host::picture::png(&picture::svg(&detail, today))).await;
    let why = match drawn {
        Ok(Ok(png)) => return Ok(Say::privately(head).file("timeline.png", png).into()),
        Ok(Err(why)) => why,
        Err(panic) => panic.to_string(),
    };
    // The words say the same.
    tracing::error!("A timeline could not be drawn: {why}");
    Ok(Say::privately(head).framed(frame).into())
}

async fn reschedule(caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let deal_id = call.deal()?;
    let name = call.text("date").unwrap_or_default().trim().to_lowercase().replace(' ', "_");
    let to = call.text("to").unwrap_or_default().trim();
    let (on, echo) = match to.to_lowercase().as_str() {
        "none" | "" => (None, format!("{}: **none**", plain(&says::named(&name)))),
        _ => {
            let read = intake::said(&name, "to", to, caller.today())
                .map_err(|problem| Refusal::invalid(vec![problem]))?;
            let said = says::echo(&read, caller.today());
            (Some(read.date.to_string()), format!("{}: {said}", plain(&says::named(&name))))
        }
    };
    let change = ChangeKeyDates { deal_id, key_dates: BTreeMap::from([(name, on)]) };
    let preview = caller.act(move |cx| key_dates::preview(cx, &change)).await?;
    Ok(shown(&preview, &echo).into())
}

/// A plan, with buttons that make it or leave it.
pub fn shown(preview: &key_dates::Preview, echo: &str) -> Say {
    let (head, frame) = says::preview(preview);
    let press = |action| Press::new(action, preview.plan_token.0, "");
    Say::privately(format!("{head}\n{echo}")).framed(frame).with(vec![
        Button::new("Make this change", Look::Good, press(Action::Apply)),
        Button::new("Leave it", Look::Plain, press(Action::Discard)),
    ])
}

async fn end(caller: &Caller, call: &Call, to: DealStatus, question: &str) -> Result<Reply, Refusal> {
    let id = call.deal()?;
    let reason = call.owned("reason");
    let (title, kept) = caller
        .act(move |cx| {
            let title = view::get(cx, id)?.deal.title;
            let kept = pending::keep(cx, &Pending::End { deal: id, to, reason: reason.clone() })?;
            Ok((title, kept))
        })
        .await?;
    let question = format!("{} Nothing was changed yet.", question.replace("{}", &plain(&title)));
    Ok(Say::privately(question)
        .with(confirm(kept, if to == DealStatus::Cancelled { Look::Bad } else { Look::Good }))
        .into())
}

/// Yes or no, to something that waits to be confirmed.
pub fn confirm(kept: uuid::Uuid, look: Look) -> Vec<Button> {
    vec![
        Button::new("Yes", look, Press::new(Action::Confirm, kept, "")),
        Button::new("No", Look::Plain, Press::new(Action::Discard, kept, "")),
    ]
}

pub async fn offered(caller: &Caller, call: &Call, typed: String) -> Result<Vec<(String, String)>, Refusal> {
    let status = match call.path.as_str() {
        "deal confirm" => vec![DealStatus::Draft],
        "deal close" | "milestone add" => vec![DealStatus::Active],
        "deal undo" | "deal reschedule" | "deal cancel" => vec![DealStatus::Draft, DealStatus::Active],
        // What is over can be looked at by its name.
        _ if !typed.trim().is_empty() => DealStatus::ALL.to_vec(),
        _ => vec![DealStatus::Draft, DealStatus::Active],
    };
    let found = caller.look(move |cx| view::suggest(cx, &typed, &status)).await?;
    let name = |deal: &view::Suggested| says::offered_deal(&deal.title, deal.status.as_str(), deal.closing_on);
    Ok(found.iter().map(|deal| (name(deal), deal.id.to_string())).collect())
}

/// The key dates of the deal that was chosen, and those that a deal may have.
pub async fn offered_dates(caller: &Caller, call: &Call, typed: String) -> Result<Vec<(String, String)>, Refusal> {
    let Ok(id) = call.deal() else { return Ok(Vec::new()) };
    let has = caller.look(move |cx| Ok(view::get(cx, id)?.deal.key_dates)).await?;
    let mut all: Vec<(String, String)> =
        has.iter().map(|(name, on)| (says::offered(&says::named(name), &says::day(*on)), name.clone())).collect();
    for name in domain::deals::deal::KNOWN_DATES {
        if !has.contains_key(name) {
            all.push((says::offered(&says::named(name), "not set"), name.to_owned()));
        }
    }
    let typed = typed.to_lowercase();
    all.retain(|(shown, _)| shown.to_lowercase().contains(&typed));
    if all.is_empty() && !typed.trim().is_empty() {
        all.push((says::offered(&typed, "a new date of this deal"), typed.trim().replace(' ', "_")));
    }
    Ok(all)
}
