//! Milestones: list, explain, add, edit, complete, waive, remove.

use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{
    self, AddMilestone, CompleteMilestone, EditMilestone, ListMilestones, Outcome, WaiveMilestone,
};
use domain::deals::milestone::view::{Explanation, MilestoneView};
use domain::insight::event_log::Proof;
use domain::kernel::id::{DealId, MilestoneId};
use domain::kernel::page::Ask;
use domain::kernel::{Cx, No, Principal};
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Dates;
use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::{Keyed, Milepost};
use crate::server::Who;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneList {
    /// Without it: the milestones of all active deals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "DealId")]
    pub deal_id: Option<DealId>,
    /// Any when left out.
    #[serde(default)]
    pub status: Vec<MilestoneStatus>,
    /// YYYY-MM-DD
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub due_from: Option<String>,
    /// YYYY-MM-DD
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub due_to: Option<String>,
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
pub struct Milestones {
    milestones: Vec<MilestoneView>,
    /// Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainMilestone {
    pub id: MilestoneId,
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct RemoveMilestone {
    pub id: MilestoneId,
    /// The version you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reason: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct MilestoneWritten {
    milestone: MilestoneView,
    /// Set when nothing was changed, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Proof")]
    receipt: Option<Proof>,
}

#[derive(Serialize, JsonSchema)]
pub struct Removed {
    removed: MilestoneId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Proof")]
    receipt: Option<Proof>,
}

impl Milepost {
    async fn on_milestone<C, F>(
        &self,
        who: &Principal,
        verb: &'static str,
        args: Keyed<C>,
        f: F,
    ) -> Result<Json<MilestoneWritten>, Refused>
    where
        C: Serialize + Clone + Send + 'static,
        F: Fn(&mut Cx<'_>, &C) -> Result<Outcome, No> + Send + 'static,
    {
        let cmd = args.command.clone();
        let (outcome, receipt) =
            self.write(who, args.idempotency_key, verb, args.command, move |cx| f(cx, &cmd)).await?;
        Ok(Json(MilestoneWritten { milestone: outcome.milestone, note: outcome.already, receipt }))
    }
}

#[tool_router(router = milestone_tools, vis = "pub")]
impl Milepost {
    /// Milestones in pages, the earliest first: of one deal, or of all active deals.
    #[tool(annotations(
        title = "List milestones",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn milestone_list(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<MilestoneList>,
    ) -> Result<Json<Milestones>, Refused> {
        let mut dates = Dates::default();
        let due_from = dates.read("due_from", args.due_from.as_ref());
        let due_to = dates.read("due_to", args.due_to.as_ref());
        dates.done()?;
        let ask = Ask { cursor: args.cursor, limit: args.limit };
        let wanted = ListMilestones { deal_id: args.deal_id, status: args.status, due_from, due_to, ask };
        let page = self.host.look(&who, move |cx| ops::list(cx, &wanted)).await?;
        Ok(Json(Milestones { milestones: page.items, next_cursor: page.next_cursor }))
    }

    /// Why a milestone is due when it is: rule and version, reference date, counting, every skipped or rolled day by
    /// name, and who overrode it.
    #[tool(annotations(
        title = "Explain a milestone's date",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn milestone_explain(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<ExplainMilestone>,
    ) -> Result<Json<Explanation>, Refused> {
        Ok(Json(self.host.look(&who, move |cx| ops::explain(cx, args.id)).await?))
    }

    /// Add a milestone of the team's own to an active deal.
    #[tool(annotations(
        title = "Add a milestone",
        read_only_hint = false,
        destructive_hint = false,
        idempotent_hint = false,
        open_world_hint = false
    ))]
    async fn milestone_add(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<Keyed<AddMilestone>>,
    ) -> Result<Json<MilestoneWritten>, Refused> {
        self.on_milestone(&who, "milestone_add", args, ops::add).await
    }

    /// Edit a milestone: title, date (which pins it), progress, responsible, reminder, notes, evidence; pinned false
    /// lets its rule decide again, reopen true makes a completed or waived one open.
    #[tool(annotations(
        title = "Edit a milestone",
        read_only_hint = false,
        destructive_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn milestone_update(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<Keyed<EditMilestone>>,
    ) -> Result<Json<MilestoneWritten>, Refused> {
        self.on_milestone(&who, "milestone_update", args, ops::edit).await
    }

    /// Record that a milestone is done. Completing it again changes nothing and says who was first.
    #[tool(annotations(
        title = "Complete a milestone",
        read_only_hint = false,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn milestone_complete(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<Keyed<CompleteMilestone>>,
    ) -> Result<Json<MilestoneWritten>, Refused> {
        self.on_milestone(&who, "milestone_complete", args, ops::complete).await
    }

    /// Do without a milestone. A required one takes a reason.
    #[tool(annotations(
        title = "Waive a milestone",
        read_only_hint = false,
        destructive_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn milestone_waive(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<Keyed<WaiveMilestone>>,
    ) -> Result<Json<MilestoneWritten>, Refused> {
        self.on_milestone(&who, "milestone_waive", args, ops::waive).await
    }

    /// Take a milestone off its deal. To record that one is not needed, waive it instead.
    #[tool(annotations(
        title = "Remove a milestone",
        read_only_hint = false,
        destructive_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn milestone_remove(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<Keyed<RemoveMilestone>>,
    ) -> Result<Json<Removed>, Refused> {
        let cmd = args.command.clone();
        let remove = move |cx: &mut Cx<'_>| {
            ops::remove(cx, cmd.id, cmd.version, cmd.reason.as_deref())?;
            Ok(cmd.id)
        };
        let (removed, receipt) =
            self.write(&who, args.idempotency_key, "milestone_remove", args.command, remove).await?;
        Ok(Json(Removed { removed, receipt }))
    }
}
