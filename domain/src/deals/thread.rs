//! A thread for each deal in the team's channel, where the workspace wants that: what chat hears of the deal stands in it.
//!
//! A thread begins with a message of ours in the channel, one for each deal and channel. Until that stands there, and where
//! threads are not possible, everything is said in the channel itself.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::json;

use super::deal::{self, CLOSING_DATE, Deal, DealStatus};
use super::milestone::explain::long;
use crate::delivery::card::{Action, Button, Card, Look, Press};
use crate::delivery::cards::ops::{Held, close, post, redraw};
use crate::delivery::cards::{self, Drawn, Face, Posting};
use crate::delivery::outbox::ops::{cancel_unsent, enqueue};
use crate::delivery::settings::{self, Settings};
use crate::delivery::template::Templates;
use crate::delivery::thread::{self, Opening};
use crate::delivery::{Content, NewMessage, Priority, Purpose, To};
use crate::kernel::id::{DealId, MemberId};
use crate::kernel::{Cx, No};
use crate::people::reach::{Channel, Topic};
use crate::workspace::member;

/// Of a card's `shows`, that it is the first message of a thread.
const KIND: &str = "thread";

/// Where chat hears of a deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub address: String,
    /// Of the thread that it is.
    name: Option<String>,
}

impl Place {
    /// A channel, and no thread in it.
    pub fn channel(address: impl Into<String>) -> Self {
        Self { address: address.into(), name: None }
    }

    /// What is to be known of the place to write this into it.
    pub fn note_on(&self, content: &mut Content) {
        if let Some(name) = &self.name {
            thread::named(content, name);
        }
    }
}

/// The channel in which a deal has a thread; `None` when it has none.
pub(super) fn wanted<'a>(settings: &'a Settings, own: Option<&str>) -> Option<&'a str> {
    let team = settings.team_channel.as_ref().filter(|team| team.channel == Channel::Discord)?;
    (settings.deal_threads && own.is_none()).then_some(team.address.as_str())
}

/// The threads of these deals, as far as they can be written into by now. Those of active deals that have none yet are begun,
/// however many ask for that.
///
/// Part of what is said in chat about deals that have no channel of their own.
pub(super) fn open(cx: &mut Cx<'_>, settings: &Settings, deals: &[DealId]) -> Result<HashMap<DealId, Place>, No> {
    let none = HashMap::new();
    let Some(channel) = wanted(settings, None).filter(|_| !deals.is_empty()) else { return Ok(none) };
    if thread::are_closed(cx, channel)? {
        return Ok(none);
    }
    let found = deal::store::find_many(cx, deals)?;
    let occasions: Vec<String> = found.iter().map(|deal| begins(deal.id, channel)).collect();
    let known = thread::openings(cx, &occasions)?;
    let (mut open, mut new) = (HashMap::new(), Vec::new());
    for (deal, occasion) in found.iter().zip(occasions) {
        match known.get(&occasion) {
            Some(Opening { address: Some(address), .. }) => {
                let place = Place { address: address.clone(), name: Some(thread::name(&deal.title)) };
                open.insert(deal.id, place);
            }
            Some(_) => {}
            None if deal.status == DealStatus::Active => new.push((deal, occasion)),
            None => {}
        }
    }
    begin(cx, channel, &new)?;
    Ok(open)
}

/// The same of one deal: its own channel, its thread, or where the team reads on Discord.
pub(super) fn place(cx: &mut Cx<'_>, deal: &Deal) -> Result<Option<Place>, No> {
    if let Some(own) = &deal.chat_channel {
        return Ok(Some(Place::channel(own)));
    }
    let settings = settings::store::find(cx)?.settings;
    let thread = open(cx, &settings, &[deal.id])?.remove(&deal.id);
    let team = settings.team_channel.filter(|team| team.channel == Channel::Discord);
    Ok(thread.or(team.map(|team| Place::channel(team.address))))
}

/// A deal became active.
pub(super) fn activated(cx: &mut Cx<'_>, deal: &Deal) -> Result<(), No> {
    let settings = settings::store::find(cx)?.settings;
    if wanted(&settings, deal.chat_channel.as_deref()).is_some() {
        open(cx, &settings, &[deal.id])?;
    }
    Ok(())
}

/// A deal was closed or cancelled: its thread has a last word and is left alone. One that has not begun does not begin.
pub(super) fn ended(cx: &mut Cx<'_>, deal: &Deal) -> Result<(), No> {
    let settings = settings::store::find(cx)?.settings;
    let Some(channel) = wanted(&settings, deal.chat_channel.as_deref()) else { return Ok(()) };
    let occasion = begins(deal.id, channel);
    let Some(opening) = thread::openings(cx, std::slice::from_ref(&occasion))?.remove(&occasion) else {
        return Ok(());
    };
    let Some(address) = opening.address else {
        cancel_unsent(cx, &[opening.id], "The deal ended before its thread began.")?;
        return Ok(());
    };
    if thread::are_closed(cx, channel)? {
        return Ok(());
    }
    let mut content = Content {
        subject: format!("{} is {}", deal.title, deal.status),
        text: "Nothing is left to do here.".into(),
        ..Content::default()
    };
    thread::named(&mut content, &thread::name(&deal.title));
    let message =
        NewMessage { content, ..message(cx, deal.id, format!("thread_ends:{}:{channel}", deal.id), address) };
    enqueue(cx, &[message])?;
    Ok(())
}

/// On what a thread begins. One for each deal and channel.
fn begins(deal: DealId, channel: &str) -> String {
    format!("thread:{deal}:{channel}")
}

fn begin(cx: &mut Cx<'_>, channel: &str, deals: &[(&Deal, String)]) -> Result<(), No> {
    if deals.is_empty() {
        return Ok(());
    }
    let templates = Templates::load()?;
    let mut new = Vec::with_capacity(deals.len());
    for (deal, occasion) in deals {
        let face = face(cx, &templates, deal)?;
        let mut message = message(cx, deal.id, occasion.clone(), channel.to_owned());
        message.content.subject = face.subject;
        face.drawn.onto(&mut message.content, &deal.zone());
        let posting = Posting {
            card: Card { rows: face.rows, mentions: Vec::new() },
            kind: cards::Kind::Deal,
            subject: deal.id.0,
            as_of: deal.version,
            shows: json!({ "kind": KIND, cards::STAYS: true }),
        };
        new.push((message, Some(posting)));
    }
    post(cx, &new)?;
    Ok(())
}

fn message(cx: &Cx<'_>, deal: DealId, occasion: String, address: String) -> NewMessage {
    NewMessage {
        occasion,
        topic: Topic::Message,
        purpose: Purpose::Internal,
        channel: Channel::Discord,
        to: To::Team,
        address,
        deal_id: Some(deal),
        approval_id: None,
        batch_id: None,
        content: Content::default(),
        // Before what is said because of the same thing, so that it stands above it.
        priority: Priority::Urgent,
        due_at: cx.now(),
        expires_at: None,
    }
}

/// What the first message of a deal's thread says by now.
fn face(cx: &mut Cx<'_>, templates: &Templates, deal: &Deal) -> Result<Face, No> {
    #[derive(Serialize)]
    struct Context<'a> {
        title: &'a str,
        address: &'a str,
        closing: String,
        owner: String,
        standing: String,
    }
    let over = deal.status != DealStatus::Active;
    let address = deal.address.trim();
    let context = Context {
        title: &deal.title,
        address: if address == deal.title.trim() { "" } else { address },
        closing: deal.key_dates.get(CLOSING_DATE).map_or_else(String::new, |on| long(*on)),
        owner: owner(cx, deal.owner_id)?,
        standing: match over {
            true => format!("The deal is {}.", deal.status),
            false => "What there is to say of this deal stands in its thread.".into(),
        },
    };
    let content = templates.render("thread", &context)?.content(Channel::Discord);
    let press = Press::new(Action::Open, deal.id.0, "");
    Ok(Face {
        subject: content.subject,
        drawn: Drawn::fill(&content.text, &[]),
        rows: if over { Vec::new() } else { vec![vec![Button::new("What is open", Look::Plain, press)]] },
        over,
    })
}

fn owner(cx: &mut Cx<'_>, id: Option<MemberId>) -> Result<String, No> {
    let Some(id) = id else { return Ok(String::new()) };
    Ok(member::store::find(cx, id)?.map(|member| member.name).unwrap_or_default())
}

/// Draws those of these cards anew that are the first message of a thread. Gives how many changed, and the others.
pub(super) fn draw<'h>(cx: &mut Cx<'_>, held: &'h [Held]) -> Result<(usize, Vec<&'h Held>), No> {
    let (ours, others): (Vec<&Held>, Vec<&Held>) = held.iter().partition(|held| held.card.shows["kind"] == KIND);
    if ours.is_empty() {
        return Ok((0, others));
    }
    let templates = Templates::load()?;
    let ids: HashSet<DealId> = ours.iter().map(|held| DealId(held.card.subject)).collect();
    let ids: Vec<DealId> = ids.into_iter().collect();
    let deals: HashMap<DealId, Deal> =
        deal::store::find_many(cx, &ids)?.into_iter().map(|deal| (deal.id, deal)).collect();
    let mut changed = 0;
    for held in ours {
        let Some(deal) = deals.get(&DealId(held.card.subject)) else {
            close(cx, held)?;
            continue;
        };
        let face = face(cx, &templates, deal)?;
        changed += usize::from(redraw(cx, held, deal.version, &face, &deal.zone())?);
    }
    Ok((changed, others))
}
