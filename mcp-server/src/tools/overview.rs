//! What is going on: what needs attention, what changed since somebody looked, and where something is.

use std::collections::BTreeMap;

use domain::insight::briefing::ops::{self as briefings, AskBriefing};
use domain::insight::briefing::{Briefing, Item, Section};
use domain::insight::changes::ops::{self as changes, AskChanges};
use domain::insight::changes::{Changes, Kind};
use domain::insight::search::ops::{self as searching, Search};
use domain::insight::search::{Hit, Kind as Found};
use domain::kernel::Principal;
use domain::kernel::id::DealId;
use domain::kernel::page::Ask;
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::Milepost;
use crate::server::Who;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BriefingOf {
    /// Only this deal; without it the whole workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    /// How many days ahead to look for what is due; 7 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i32", range(min = 1, max = 30))]
    pub days: Option<i32>,
}

/// Something that needs attention, and how to go on.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct ToDo {
    #[serde(flatten)]
    item: Item,
    /// The tool to call next with its id, or whom to ask.
    next: &'static str,
}

impl From<Item> for ToDo {
    fn from(item: Item) -> Self {
        let next = match item.section {
            Section::Held => "Ask a coordinator or an admin to resume; no tool does.",
            Section::Overdue | Section::Due => {
                "Ask those in `ask`; milestone_complete when it is done, milestone_update for another date."
            }
            Section::NeedsDate => {
                "milestone_update with due_on, or key_dates_preview for the deal's missing key date."
            }
            Section::NotDelivered => {
                "delivery_list shows it; tell a person, who decides. Do not propose the letter again."
            }
            Section::WaitsForYes => "approval_list shows it; remind those in `ask`: only people decide.",
            Section::Letter => "draft_get shows what stands in the way; a person mends it.",
            Section::Closing => "deal_get shows it; deal_update with status closed once it has closed.",
        };
        Self { item, next }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Day {
    /// In the zone of the workspace, or of the one deal.
    today: String,
    time_zone: String,
    /// How much there is of everything, in a sentence.
    summary: String,
    /// The most urgent first.
    items: Vec<ToDo>,
    /// How many of each section are not shown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    left_out: BTreeMap<String, i64>,
}

impl From<Briefing> for Day {
    fn from(day: Briefing) -> Self {
        Self {
            today: day.today.to_string(),
            time_zone: day.time_zone,
            summary: day.summary,
            items: day.items.into_iter().map(ToDo::from).collect(),
            left_out: day.left_out.into_iter().map(|(section, n)| (section.to_string(), n)).collect(),
        }
    }
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangesSince {
    /// next_cursor of an earlier answer; without it the latest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 100))]
    pub limit: Option<i64>,
    /// All that you may see when left out.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Only what is about this deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchFor {
    /// A few words or their beginnings, such as `oak clos`; or a whole e-mail address or telephone number.
    #[schemars(length(min = 1, max = 200))]
    pub text: String,
    /// All that you may find when left out.
    #[serde(default)]
    pub kinds: Vec<Found>,
    /// next_cursor of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 100))]
    pub limit: Option<i64>,
}

/// Something that was found, and how to look at it.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Opened {
    #[serde(flatten)]
    hit: Hit,
    /// The tool to call next with its id; for a contact with deal_id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    open_with: Option<&'static str>,
}

impl From<Hit> for Opened {
    fn from(hit: Hit) -> Self {
        let open_with = match hit.kind {
            Found::Deal => Some("deal_get"),
            Found::Milestone => Some("milestone_explain"),
            Found::Contact => hit.deal_id.map(|_| "deal_get"),
            Found::Draft => Some("draft_get"),
            Found::Approval => Some("approval_list"),
            Found::Delivery => Some("delivery_list"),
            // A template is named where a deal is created.
            Found::Template => None,
        };
        Self { hit, open_with }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct Hits {
    hits: Vec<Opened>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
}

#[tool_router(router = overview_tools, vis = "pub")]
impl Milepost {
    /// What needs attention today and why, the most urgent first: overdue and coming milestones, those without a date,
    /// approvals that wait, letters, messages that did not get through, deals about to close. Start a day with it.
    #[tool(annotations(
        title = "Daily briefing",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn briefing(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<BriefingOf>,
    ) -> Result<Json<Day>, Refused> {
        let asked = AskBriefing { deal_id: args.deal_id, days: args.days };
        Ok(Json(self.host.look(&who, move |cx| briefings::briefing(cx, &asked)).await?.into()))
    }

    /// What happened in the workspace after a cursor, in order: each event once, none left out, also when you come back
    /// much later. Without a cursor: the latest 20 events and a next_cursor to go on from. Keep next_cursor; more says
    /// whether to call again at once.
    #[tool(annotations(
        title = "What changed since",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn changes_since(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<ChangesSince>,
    ) -> Result<Json<Changes>, Refused> {
        let ask = Ask { cursor: args.cursor, limit: args.limit };
        let wanted = AskChanges { kinds: args.kinds, deal_id: args.deal_id, ask };
        Ok(Json(self.host.look(&who, move |cx| changes::since(cx, &wanted)).await?))
    }

    /// Find deals, milestones, people, letters, approvals, messages and templates by words of their titles and texts. Each
    /// word may be cut short, all must match; hits in titles come first. open_with is the tool to call next.
    #[tool(annotations(
        title = "Search everything",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn search(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<SearchFor>,
    ) -> Result<Json<Hits>, Refused> {
        let ask = Ask { cursor: args.cursor, limit: args.limit };
        let wanted = Search { text: args.text, kinds: args.kinds, ask };
        let page = self.host.look(&who, move |cx| searching::search(cx, &wanted)).await?;
        Ok(Json(Hits { hits: page.items.into_iter().map(Opened::from).collect(), next_cursor: page.next_cursor }))
    }
}
