//! `milepost search`: where something is.

use clap::Args;
use domain::insight::search::Kind;
use domain::insight::search::ops::{self, Search as Wanted};
use serde_json::json;

use super::deal::Page;
use super::{Answer, Common, Desk, Outcome, read};
use crate::says;

#[derive(Args)]
pub struct Search {
    /// Words or their beginnings, all of which must match; or a whole e-mail address or telephone number
    #[arg(required = true)]
    text: Vec<String>,
    /// deal, milestone, contact, template, draft, approval or delivery; repeatable [default: all]
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = read::word::<Kind>)]
    kinds: Vec<Kind>,
    #[command(flatten)]
    page: Page,
}

pub fn run(common: &Common, cmd: &Search) -> Outcome {
    let desk = Desk::open(common)?;
    let wanted = Wanted { text: cmd.text.join(" "), kinds: cmd.kinds.clone(), ask: cmd.page.ask() };
    let page = desk.read(|cx| ops::search(cx, &wanted))?;
    let text = says::search::hits(&page.items, page.next_cursor.as_deref());
    let mut json = json!({ "hits": page.items });
    if let Some(cursor) = &page.next_cursor {
        json["next_cursor"] = cursor.as_str().into();
    }
    Ok(Some(Answer::new(text, json)))
}
