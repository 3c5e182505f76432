//! What agents can read as documents: deals' timelines, what waits for people, the templates.
//!
//! A document is a view of what tools answer too, made for reading whole. Its words are data that people typed.

mod markdown;
mod queue;
mod templates;
mod timeline;

use std::fmt;

use domain::deals::deal::DealStatus;
use domain::deals::deal::view::{self, ListDeals, Suggested};
use domain::deals::milestone::template::ops as template;
use domain::deals::picture;
use domain::kernel::id::DealId;
use domain::kernel::page::Ask;
use domain::kernel::{Principal, Refusal, text, time};
use domain::workspace::access::{Verb, rules};
use rmcp::model::{ListResourcesResult, Resource, ResourceContents, ResourceTemplate};

use crate::milepost::Milepost;
use crate::server::Typing;

const MARKDOWN: &str = "text/markdown";
const SVG: &str = "image/svg+xml";

/// Deals on one page of the list.
const DEALS: i64 = 50;

const TIMELINE_MD: &str = "milepost://deals/{deal_id}/timeline.md";
const TIMELINE_SVG: &str = "milepost://deals/{deal_id}/timeline.svg";
const TEMPLATE: &str = "milepost://templates/{name}";

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Timeline(DealId),
    Picture(DealId),
    ReviewQueue,
    Templates,
    Template(String),
}

impl Address {
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let path = uri.strip_prefix("milepost://")?;
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["review-queue"] => Some(Self::ReviewQueue),
            ["templates"] => Some(Self::Templates),
            ["templates", name] if !name.is_empty() && name.len() <= 60 => {
                Some(Self::Template((*name).to_owned()))
            }
            ["deals", id, "timeline.md"] => exact(id).map(Self::Timeline),
            ["deals", id, "timeline.svg"] => exact(id).map(Self::Picture),
            _ => None,
        }
    }

    /// The right that reading it takes.
    pub(crate) fn right(&self) -> Verb {
        match self {
            Self::Timeline(_) | Self::Picture(_) => Verb::ReadDeals,
            Self::ReviewQueue => Verb::ReadApprovals,
            Self::Templates | Self::Template(_) => Verb::ReadTemplates,
        }
    }
}

/// An id in its one spelling: a document has one address.
fn exact(id: &str) -> Option<DealId> {
    id.parse::<DealId>().ok().filter(|parsed| parsed.to_string() == id)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeline(id) => write!(f, "milepost://deals/{id}/timeline.md"),
            Self::Picture(id) => write!(f, "milepost://deals/{id}/timeline.svg"),
            Self::ReviewQueue => f.write_str("milepost://review-queue"),
            Self::Templates => f.write_str("milepost://templates"),
            Self::Template(name) => write!(f, "milepost://templates/{name}"),
        }
    }
}

pub(crate) fn templates(who: &Principal) -> Vec<ResourceTemplate> {
    let of = |uri: &str, name: &str, title: &str, description: &str, mime: &str| {
        ResourceTemplate::new(uri, name).with_title(title).with_description(description).with_mime_type(mime)
    };
    let all = [
        of(
            TIMELINE_MD,
            "deal_timeline",
            "A deal's timeline",
            "Key dates and milestones of one deal, in order of their dates, each with its state and where its date comes from.",
            MARKDOWN,
        ),
        of(
            TIMELINE_SVG,
            "deal_timeline_picture",
            "A deal's timeline as a picture",
            "The same as a drawing, to show to a person.",
            SVG,
        ),
        of(TEMPLATE, "template", "A template", "The rules by which deals get their milestones.", MARKDOWN),
    ];
    let may = |verb| rules::allows(who.powers, verb);
    all.into_iter()
        .filter(|template| {
            may(if template.uri_template == TEMPLATE { Verb::ReadTemplates } else { Verb::ReadDeals })
        })
        .collect()
}

fn listed(address: &Address, name: &str, title: &str, description: &str) -> Resource {
    Resource::new(address.to_string(), name)
        .with_title(title)
        .with_description(description)
        .with_mime_type(MARKDOWN)
}

impl Milepost {
    pub(crate) async fn list_documents(
        &self,
        who: &Principal,
        cursor: Option<String>,
    ) -> Result<ListResourcesResult, Refusal> {
        let may = |verb| rules::allows(who.powers, verb);
        let mut list = ListResourcesResult::default();
        if cursor.is_none() {
            if may(Verb::ReadApprovals) {
                let words = "What waits for people to decide, the longest waiting first.";
                list.resources.push(listed(&Address::ReviewQueue, "review_queue", "Review queue", words));
            }
            if may(Verb::ReadTemplates) {
                let words = "The templates by which deals get their milestones.";
                list.resources.push(listed(&Address::Templates, "templates", "Template catalogue", words));
            }
        }
        if may(Verb::ReadDeals) {
            let ask = Ask { cursor, limit: Some(DEALS) };
            let wanted = ListDeals { status: vec![DealStatus::Active], ask, ..ListDeals::default() };
            let page = self.host.look(who, move |cx| view::list(cx, &wanted)).await?;
            for deal in page.items {
                let words = format!("Key dates and milestones of {}.", text::legible(&deal.title));
                let name = format!("deal_timeline_{}", deal.id);
                let title = format!("Timeline: {}", text::legible(&deal.title));
                list.resources.push(listed(&Address::Timeline(deal.id), &name, &title, &words));
            }
            list.next_cursor = page.next_cursor;
        }
        Ok(list)
    }

    pub(crate) async fn read_document(&self, who: &Principal, uri: &str) -> Result<ResourceContents, Refusal> {
        let address = Address::parse(uri).ok_or_else(|| Refusal::not_found("document"))?;
        let now = self.host.clock().now();
        let (text, mime) = match address {
            Address::Timeline(id) | Address::Picture(id) => {
                let detail = self.host.look(who, move |cx| view::get(cx, id)).await?;
                let today = time::today(now, &time::zone(&detail.deal.time_zone));
                match address {
                    Address::Picture(_) => (picture::svg(&detail, today), SVG),
                    _ => (timeline::markdown(&detail, today), MARKDOWN),
                }
            }
            Address::ReviewQueue => {
                let page = self.host.look(who, queue::waiting).await?;
                (queue::markdown(&page, now), MARKDOWN)
            }
            Address::Templates => (templates::catalogue(&self.host.look(who, template::list).await?), MARKDOWN),
            Address::Template(name) => {
                let template = self.host.look(who, move |cx| template::show(cx, &name)).await?;
                (templates::one(&template), MARKDOWN)
            }
        };
        Ok(ResourceContents::text(text, uri).with_mime_type(mime))
    }

    /// Ids of deals by what was typed of their names, or of an id; names of templates.
    pub(crate) async fn complete_address(
        &self,
        who: &Principal,
        template_uri: &str,
        typing: &Typing,
    ) -> Result<Vec<String>, Refusal> {
        match (template_uri, typing.argument.as_str()) {
            (TIMELINE_MD | TIMELINE_SVG, "deal_id") => {
                let typed = &typing.value;
                let mut ids: Vec<String> =
                    self.suggested(who, typed).await?.into_iter().map(|deal| deal.id.to_string()).collect();
                // Somebody may also be typing the id itself.
                if ids.is_empty() && !typed.is_empty() && typed.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
                {
                    let all = self.suggested(who, "").await?;
                    ids = all
                        .into_iter()
                        .map(|deal| deal.id.to_string())
                        .filter(|id| id.starts_with(typed.as_str()))
                        .collect();
                }
                Ok(ids)
            }
            (TEMPLATE, "name") => {
                let all = self.host.look(who, template::list).await?;
                let names = all.into_iter().map(|listed| listed.template.name);
                Ok(names.filter(|name| name.starts_with(typing.value.as_str())).collect())
            }
            _ => Err(no_such_place(&typing.argument)),
        }
    }

    /// Deals by what was typed of their titles or addresses, those that close first at the front.
    pub(crate) async fn suggested(&self, who: &Principal, typed: &str) -> Result<Vec<Suggested>, Refusal> {
        let typed = typed.to_owned();
        self.host.look(who, move |cx| view::suggest(cx, &typed, &[])).await
    }
}

pub(crate) fn no_such_place(argument: &str) -> Refusal {
    Refusal::invalid(vec![domain::kernel::Problem::new(
        "argument.name",
        format!("{} is no argument that can be completed.", domain::kernel::shape::shown(argument)),
    )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_as_it_was_written_and_others_are_none() {
        let id: DealId = "01900000-0000-7000-8000-00000000dead".parse().unwrap();
        for address in [
            Address::Timeline(id),
            Address::Picture(id),
            Address::ReviewQueue,
            Address::Templates,
            Address::Template("residential".into()),
        ] {
            assert_eq!(Address::parse(&address.to_string()), Some(address));
        }
        for uri in [
            "",
            "milepost://",
            "milepost://templates/",
            "milepost://templates/a/b",
            "milepost://deals/x/timeline.md",
            "milepost://deals/01900000-0000-7000-8000-00000000DEAD/timeline.md",
            "milepost://deals/01900000000070008000000000000000/timeline.md",
            "file:///etc/passwd",
            "MILEPOST://templates",
            "milepost://review-queue?x=1",
        ] {
            assert_eq!(Address::parse(uri), None, "{uri}");
        }
    }
}
