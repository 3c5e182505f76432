//! What is going on: what changed since somebody looked.

use domain::insight::changes::ops::{self as changes, AskChanges};
use domain::insight::changes::{Changes, Kind};
use domain::kernel::Principal;
use domain::kernel::id::DealId;
use domain::kernel::page::Ask;
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::Milepost;
use crate::server::Who;

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

#[tool_router(router = overview_tools, vis = "pub")]
impl Milepost {
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
}
