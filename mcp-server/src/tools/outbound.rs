//! What waits for people's word, and what left.

use domain::delivery::Status;
use domain::delivery::outbox::view::{self as deliveries, Delivery, Detail, ListDeliveries};
use domain::kernel::Principal;
use domain::kernel::id::{ApprovalId, ContactId, DealId, MemberId, MessageId};
use domain::kernel::page::Ask;
use domain::people::reach::Channel;
use domain::workspace::approval::ApprovalState;
use domain::workspace::approval::ops::{self as approvals, ListApprovals};
use domain::workspace::approval::view::{ApprovalDetail, ApprovalView};
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ONE_HISTORY, newest};
use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::Milepost;
use crate::server::Who;

/// Versions of whose feedback is shown.
const ROUNDS: usize = 5;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalList {
    /// Only this approval, with its votes and the feedback on its latest versions.
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
    /// 1 to 25; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 25))]
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

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryList {
    /// Only this message, with its words, its attempts and what the policy said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "MessageId")]
    pub id: Option<MessageId>,
    /// Any when left out. What needs a person: failed, dead, unknown, suppressed.
    #[serde(default)]
    pub status: Vec<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ContactId")]
    pub contact_id: Option<ContactId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Channel")]
    pub channel: Option<Channel>,
    /// next_cursor of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub cursor: Option<String>,
    /// 1 to 25; 20 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64", range(min = 1, max = 25))]
    pub limit: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
pub struct Deliveries {
    deliveries: Vec<Delivery>,
    /// There when one message was asked for by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Detail")]
    detail: Option<Detail>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
}

#[tool_router(router = outbound_tools, vis = "pub")]
impl Milepost {
    /// What waits for people's approval, the longest waiting first, with who is waited for; or one approval by its id
    /// with its votes and the feedback on its latest versions. Only people decide: in chat, or with milepost approval vote.
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
            let mut detail = self.host.look(&who, move |cx| approvals::get(cx, id)).await?;
            detail.rounds = newest(detail.rounds, ROUNDS);
            return Ok(Json(Approvals { approvals: Vec::new(), detail: Some(detail), next_cursor: None }));
        }
        let ask = Ask { cursor: args.cursor, limit: args.limit };
        let wanted = ListApprovals { state: args.state, waiting_for: args.waiting_for, subject: None, ask };
        let page = self.host.look(&who, move |cx| approvals::list(cx, &wanted)).await?;
        Ok(Json(Approvals { approvals: page.items, detail: None, next_cursor: page.next_cursor }))
    }

    /// Messages and what became of them, the newest first; or one by its id with its words, its latest attempts and
    /// what the policy said. A status of unknown means that nobody can know if it arrived: a person decides.
    #[tool(annotations(
        title = "List deliveries",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn delivery_list(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<DeliveryList>,
    ) -> Result<Json<Deliveries>, Refused> {
        if let Some(id) = args.id {
            let mut detail = self.host.look(&who, move |cx| deliveries::detail(cx, id)).await?;
            detail.attempts = newest(detail.attempts, ONE_HISTORY);
            detail.decisions = newest(detail.decisions, ONE_HISTORY);
            return Ok(Json(Deliveries { deliveries: Vec::new(), detail: Some(detail), next_cursor: None }));
        }
        let ask = Ask { cursor: args.cursor, limit: args.limit };
        let wanted = ListDeliveries {
            status: args.status,
            deal_id: args.deal_id,
            contact_id: args.contact_id,
            channel: args.channel,
            ..ListDeliveries::default()
        };
        let page = self.host.look(&who, move |cx| deliveries::list(cx, &wanted, &ask)).await?;
        Ok(Json(Deliveries { deliveries: page.items, detail: None, next_cursor: page.next_cursor }))
    }
}
