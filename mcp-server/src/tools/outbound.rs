//! What waits for people's word, what is drafted, and what left.

use domain::kernel::Principal;
use domain::kernel::id::{ApprovalId, MemberId};
use domain::kernel::page::Ask;
use domain::workspace::approval::ApprovalState;
use domain::workspace::approval::ops::{self as approvals, ListApprovals};
use domain::workspace::approval::view::{ApprovalDetail, ApprovalView};
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::Milepost;
use crate::server::Who;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalList {
    /// Only this approval, with its votes and the feedback on every version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ApprovalId")]
    pub id: Option<ApprovalId>,
    /// Pending ones when left out.
    #[serde(default)]
    pub state: Vec<ApprovalState>,
    /// Only those that wait for this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MemberId")]
    pub waiting_for: Option<MemberId>,
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
pub struct Approvals {
    approvals: Vec<ApprovalView>,
    /// There when one approval was asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ApprovalDetail")]
    detail: Option<ApprovalDetail>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
}

#[tool_router(router = outbound_tools, vis = "pub")]
impl Milepost {
    /// What waits for people's approval, the longest waiting first, with who is waited for; or one approval by its id
    /// with its votes and feedback. Only people decide: in chat, or with milepost approval vote.
    #[tool(annotations(
        title = "List approvals",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn approval_list(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<ApprovalList>,
    ) -> Result<Json<Approvals>, Refused> {
        if let Some(id) = args.id {
            let detail = self.host.look(&who, move |cx| approvals::get(cx, id)).await?;
            return Ok(Json(Approvals { approvals: Vec::new(), detail: Some(detail), next_cursor: None }));
        }
        let ask = Ask { cursor: args.cursor, limit: args.limit };
        let wanted = ListApprovals { state: args.state, waiting_for: args.waiting_for, subject: None, ask };
        let page = self.host.look(&who, move |cx| approvals::list(cx, &wanted)).await?;
        Ok(Json(Approvals { approvals: page.items, detail: None, next_cursor: page.next_cursor }))
    }
}
