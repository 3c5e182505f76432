//! Looking for something.

use uuid::Uuid;

use super::{Hit, Kind, rules, view};
use crate::deals::milestone::template::{self, Template};
use crate::kernel::page::{Ask, Page};
use crate::kernel::search::{self, Asked};
use crate::kernel::{Cx, No, text};
use crate::people::contact;
use crate::workspace::access::rules::allows;
use crate::workspace::access::{Require, Verb};

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// A few words, or an e-mail address or telephone number as a whole.
    pub text: String,
    /// All that the caller may find when empty.
    pub kinds: Vec<Kind>,
    pub ask: Ask,
}

/// Contacts that are shown for one address.
const SHARING: usize = 10;

/// How well something was found; what is found better comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    InTitle = 0,
    Elsewhere = 1,
    /// The templates that ship with the product stand in no workspace's index.
    Shipped = 2,
}

impl Step {
    const ALL: [Self; 3] = [Self::InTitle, Self::Elsewhere, Self::Shipped];
}

struct Found {
    step: Step,
    number: i64,
    kind: Kind,
    id: Uuid,
}

/// What was found, the best first. Whoever has the address that is asked for comes before everything else.
pub fn search(cx: &mut Cx<'_>, cmd: &Search) -> Result<Page<Hit>, No> {
    cx.require(Verb::ReadDeals)?;
    for kind in &cmd.kinds {
        cx.require(rules::right(*kind))?;
    }
    let limit = cmd.ask.limit().map_err(|p| vec![p])?;
    let after: Option<(u8, i64)> = cmd.ask.after().map_err(|p| vec![p])?;
    let text = text::line("text", &cmd.text, text::TITLE).map_err(|p| vec![p])?;
    let words = rules::words(&text).map_err(|p| vec![p])?;
    let kinds = kinds(cx, &cmd.kinds);

    let mut at_address = Vec::new();
    if after.is_none() && kinds.contains(&Kind::Contact) {
        at_address = with_address(cx, &text)?;
        at_address.truncate(usize::try_from(limit).unwrap_or(0).min(SHARING));
    }
    let room = limit - i64::try_from(at_address.len()).unwrap_or(0);
    let found = found(cx, &words, &kinds, after, room + 1)?;
    let page = match room {
        // What else there is stands on the next page.
        0 => Page::after(Vec::new(), (!found.is_empty()).then_some((Step::InTitle as u8, i64::MAX))),
        _ => Page::cut(found, room, |found| (found.step as u8, found.number)),
    };

    let mut these: Vec<(Kind, Uuid)> = at_address.iter().map(|id| (Kind::Contact, *id)).collect();
    let others = page.items.iter().map(|found| (found.kind, found.id));
    these.extend(others.filter(|(_, id)| !at_address.contains(id)));
    Ok(Page { items: view::hits(cx, &these, &words)?, next_cursor: page.next_cursor })
}

/// What the caller may find of what was asked for.
fn kinds(cx: &Cx<'_>, kinds: &[Kind]) -> Vec<Kind> {
    let powers = cx.principal().powers;
    let kinds = if kinds.is_empty() { Kind::ALL } else { kinds };
    kinds.iter().copied().filter(|kind| allows(powers, rules::right(*kind))).collect()
}

/// Everybody who has exactly this e-mail address or telephone number.
fn with_address(cx: &mut Cx<'_>, text: &str) -> Result<Vec<Uuid>, No> {
    let email = text::email("text", text).ok();
    let phone = text::phone("text", text).ok();
    if email.is_none() && phone.is_none() {
        return Ok(Vec::new());
    }
    let known = contact::store::sharing(cx, phone.as_deref(), email.as_deref())?;
    Ok(known.into_iter().map(|contact| contact.id.0).collect())
}

/// At most `most` of what the index has.
fn found(
    cx: &mut Cx<'_>,
    words: &[String],
    kinds: &[Kind],
    after: Option<(u8, i64)>,
    most: i64,
) -> Result<Vec<Found>, No> {
    let (from, below) = after.unwrap_or((0, i64::MAX));
    let names: Vec<&'static str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let mut all: Vec<Found> = Vec::new();
    for step in Step::ALL.into_iter().filter(|step| *step as u8 >= from) {
        let room = most - i64::try_from(all.len()).unwrap_or(0);
        if room <= 0 || names.is_empty() {
            break;
        }
        let below = if step as u8 == from { below } else { i64::MAX };
        if step == Step::Shipped {
            if kinds.contains(&Kind::Template) {
                let shipped = shipped(cx, words)?.into_iter().filter(|found| found.number < below);
                all.extend(shipped.take(usize::try_from(room).unwrap_or(0)));
            }
            continue;
        }
        let kinds = if names.len() == Kind::ALL.len() { &[] } else { names.as_slice() };
        let asked = Asked { words, kinds, in_title: step == Step::InTitle, below, limit: room };
        for one in search::find(cx, &asked)? {
            // A later program may know more kinds of things.
            if let Ok(kind) = one.kind.parse() {
                all.push(Found { step, number: one.number, kind, id: one.subject_id.0 });
            }
        }
    }
    Ok(all)
}

/// Of the templates that ship, and that the workspace has not replaced by its own, those that have the words.
fn shipped(cx: &mut Cx<'_>, words: &[String]) -> Result<Vec<Found>, No> {
    let own = template::ops::own(cx)?;
    let all = Template::built_ins().iter().zip((0..i64::MAX).rev());
    let others = all.filter(|(template, _)| own.iter().all(|own| own.name != template.name));
    let found = others.filter_map(|(template, number)| {
        let document = template::ops::document(template);
        rules::has_all(&format!("{} {}", document.title, document.text), words).then_some(Found {
            step: Step::Shipped,
            number,
            kind: Kind::Template,
            id: document.id,
        })
    });
    Ok(found.collect())
}
