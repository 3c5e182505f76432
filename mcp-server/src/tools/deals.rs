//! Deals: create, look up, list, edit and end.

use domain::deals::deal::DealStatus;
use domain::deals::deal::intake::NewDeal;
use domain::deals::deal::ops::{self, EditDeal};
use domain::deals::deal::view::{self, DealView, Detail, ListDeals};
use domain::insight::event_log::Proof;
use domain::kernel::Principal;
use domain::kernel::id::DealId;
use domain::kernel::page::Ask;
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Dates;
use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::{Keyed, Milepost};
use crate::server::Who;

#[derive(Serialize, JsonSchema)]
pub struct DealWritten {
    #[serde(flatten)]
    detail: Detail,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Proof")]
    receipt: Option<Proof>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DealGet {
    pub id: DealId,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DealList {
    /// Drafts and active deals when left out.
    #[serde(default)]
    pub status: Vec<DealStatus>,
    /// Part of the title or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", length(min = 1, max = 200))]
    pub text: Option<String>,
    /// YYYY-MM-DD
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub closing_from: Option<String>,
    /// YYYY-MM-DD
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub closing_to: Option<String>,
    /// next_cursor of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 100))]
    pub limit: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
pub struct Deals {
    deals: Vec<DealView>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
}

#[tool_router(router = deal_tools, vis = "pub")]
impl Milepost {
    /// Create a deal (a real-estate transaction). Unless activate is false, its milestones are generated at once, each
    /// with a due date from the key dates or marked as needing one.
    #[tool(annotations(
        title = "Create a deal",
        read_only_hint = false,
        destructive_hint = false,
        idempotent_hint = false,
        open_world_hint = false
    ))]
    async fn deal_create(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<Keyed<NewDeal>>,
    ) -> Result<Json<DealWritten>, Refused> {
        let new = args.command.clone();
        let create = move |cx: &mut domain::kernel::Cx<'_>| {
            let id = ops::create(cx, &new)?;
            view::get(cx, id)
        };
        let (detail, receipt) =
            self.write(&who, args.idempotency_key, "deal_create", args.command, create).await?;
        Ok(Json(DealWritten { detail, receipt }))
    }

    /// One deal with its key dates, parties (their addresses are masked), milestones in order of their dates, the next
    /// one, and those overdue.
    #[tool(annotations(
        title = "Get a deal",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn deal_get(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<DealGet>,
    ) -> Result<Json<Detail>, Refused> {
        Ok(Json(self.host.look(&who, move |cx| view::get(cx, args.id)).await?))
    }

    /// Deals in pages, those that close first at the front.
    #[tool(annotations(
        title = "List deals",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn deal_list(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<DealList>,
    ) -> Result<Json<Deals>, Refused> {
        let mut dates = Dates::default();
        let closing_from = dates.read("closing_from", args.closing_from.as_ref());
        let closing_to = dates.read("closing_to", args.closing_to.as_ref());
        dates.done()?;
        let ask = Ask { cursor: args.cursor, limit: args.limit };
        let wanted = ListDeals { status: args.status, text: args.text, closing_from, closing_to, ask };
        let page = self.host.look(&who, move |cx| view::list(cx, &wanted)).await?;
        Ok(Json(Deals { deals: page.items, next_cursor: page.next_cursor }))
    }

    /// Edit a deal's title, address, price, owner or chat channel, or move its status: active confirms a draft, closed and cancelled
    /// end it. Key dates are changed with key_dates_preview.
    #[tool(annotations(
        title = "Edit, confirm or end a deal",
        read_only_hint = false,
        destructive_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn deal_update(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<Keyed<EditDeal>>,
    ) -> Result<Json<DealWritten>, Refused> {
        let cmd = args.command.clone();
        let edit = move |cx: &mut domain::kernel::Cx<'_>| {
            ops::edit(cx, &cmd)?;
            view::get(cx, cmd.deal_id)
        };
        let (detail, receipt) = self.write(&who, args.idempotency_key, "deal_update", args.command, edit).await?;
        Ok(Json(DealWritten { detail, receipt }))
    }
}
