//! Key dates: preview what a change moves, then apply it.

use std::collections::BTreeMap;

use domain::deals::deal::cascade::Kept;
use domain::deals::deal::key_dates::{self, Applied, Change, ChangeKeyDates, Confirmation, Outline, Preview};
use domain::deals::deal::view::{self, Detail};
use domain::insight::event_log::Proof;
use domain::kernel::id::{DealId, PlanId};
use domain::kernel::{Cx, Principal, spoken, text};
use rmcp::handler::server::wrapper::Json;
use rmcp::{tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::args::Parameters;
use crate::guard::Refused;
use crate::milepost::Milepost;
use crate::server::{Who, Word};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewDates {
    pub deal_id: DealId,
    /// New dates YYYY-MM-DD by name, such as {"closing_date": "2027-02-15"}; null takes an optional one away.
    pub key_dates: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyDates {
    /// The plan_token of key_dates_preview, or the undo_token of an earlier key_dates_apply.
    pub plan_token: PlanId,
}

#[derive(Serialize, JsonSchema)]
pub struct DatesApplied {
    #[serde(flatten)]
    detail: Detail,
    /// What moved.
    applied: Vec<Change>,
    /// What would have moved by its rule but is pinned, completed or waived.
    kept: Vec<Kept>,
    /// Applying this takes the change back, as long as the deal does not change.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    undo_token: Option<PlanId>,
    /// Set when nothing was changed now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Proof")]
    receipt: Option<Proof>,
}

/// What a person is asked before a plan is applied.
pub(crate) fn question(outline: &Outline) -> String {
    let moves: Vec<String> = outline
        .after
        .iter()
        .map(|(name, after)| {
            let said = |on: &Option<jiff::civil::Date>| {
                on.map_or("no date".to_owned(), |on| spoken::echo(on, outline.today))
            };
            let before = outline.before.get(name).copied().flatten();
            format!("{} from {} to {}", text::legible(name), said(&before), said(after))
        })
        .collect();
    let count = |count: usize| format!("{count} milestone{}", if count == 1 { "" } else { "s" });
    format!(
        "Move {} of the deal \u{201c}{}\u{201d}? {} with it; {} would by rule, but stay as they are.",
        moves.join(", and "),
        text::legible(&outline.deal_title),
        if outline.moved == 1 { "1 milestone moves".to_owned() } else { format!("{} move", count(outline.moved)) },
        count(outline.kept)
    )
}

#[tool_router(router = key_date_tools, vis = "pub")]
impl Milepost {
    /// Show what a change of key dates would do: each milestone that moves (old and new date, flags), what is kept and
    /// why, what comes to be out of order. Changes nothing. Show it to the person before key_dates_apply.
    #[tool(annotations(
        title = "Preview a change of key dates",
        read_only_hint = true,
        destructive_hint = false,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn key_dates_preview(
        &self,
        Who(who): Who<Principal>,
        Parameters(args): Parameters<PreviewDates>,
    ) -> Result<Json<Preview>, Refused> {
        let cmd = ChangeKeyDates { deal_id: args.deal_id, key_dates: args.key_dates };
        let done = self.host.act(&who, move |cx| key_dates::preview(cx, &cmd)).await?;
        Ok(Json(done.value))
    }

    /// Make a previewed change of key dates, all of it or nothing. Refused with a fresh preview when the deal changed
    /// since. Applying the same token again changes nothing.
    #[tool(annotations(
        title = "Apply a change of key dates",
        read_only_hint = false,
        destructive_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    async fn key_dates_apply(
        &self,
        Who(who): Who<Principal>,
        word: Word,
        Parameters(args): Parameters<ApplyDates>,
    ) -> Result<Json<DatesApplied>, Refused> {
        let confirmed = (word == Word::Yes).then_some(Confirmation::Client);
        let apply = move |cx: &mut Cx<'_>| {
            let applied = key_dates::apply_confirmed(cx, args.plan_token, confirmed)?;
            let detail = match &applied {
                Applied::Now { deal_id, .. } | Applied::Already { deal_id } => Some(view::get(cx, *deal_id)?),
                Applied::Stale { .. } => None,
            };
            Ok((applied, detail))
        };
        let done = self.host.act(&who, apply).await?;
        let receipt = self.proof(&who, done.receipts).await?;
        let (applied, detail) = done.value;
        let applied = applied.or_refuse()?;
        // Only a stale plan comes without the deal, and that was refused above.
        let Some(detail) = detail else { return Err(domain::kernel::Refusal::not_found("deal").into()) };
        Ok(Json(match applied {
            Applied::Now { applied, kept, undo_token, .. } => {
                DatesApplied { detail, applied, kept, undo_token: Some(undo_token), note: None, receipt }
            }
            Applied::Already { .. } | Applied::Stale { .. } => DatesApplied {
                detail,
                applied: Vec::new(),
                kept: Vec::new(),
                undo_token: None,
                note: Some("This plan was applied before. Nothing was changed now.".into()),
                receipt,
            },
        }))
    }
}
