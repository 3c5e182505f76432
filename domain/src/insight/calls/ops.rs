//! Writing calls down, looking them up, and forgetting old ones.

use jiff::{SignedDuration, Timestamp};

use super::{CallView, Detail, Ended, store};
use crate::insight::event_log;
use crate::kernel::id::{CorrelationId, IdentityId, TokenId};
use crate::kernel::page::{Ask, Page};
use crate::kernel::{Cx, No, Refusal};
use crate::workspace::access::{Require, Verb};

/// Calls that changed nothing are kept until there are so many newer ones, however young they are.
pub const MOST_KEPT: i64 = 1_000_000;
/// Calls that one transaction forgets.
const AT_ONCE: usize = 1_000;

/// Writes down calls that ended. Twice does no harm. Bookkeeping: it leaves no fact in the log.
pub fn write(cx: &mut Cx<'_>, ended: &[Ended]) -> Result<(), No> {
    Ok(store::write(cx, ended)?)
}

#[derive(Clone, Debug, Default)]
pub struct ListCalls {
    /// The name of an agent or member, as it was then.
    pub actor: Option<String>,
    pub token_id: Option<TokenId>,
    pub identity_id: Option<IdentityId>,
    pub tool: Option<String>,
    pub outcome: Option<String>,
    /// Only those that changed something.
    pub changed: bool,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub ask: Ask,
}

/// The calls of the workspace, the newest first.
pub fn list(cx: &mut Cx<'_>, wanted: &ListCalls) -> Result<Page<CallView>, No> {
    cx.require(Verb::ReadAudit)?;
    let limit = wanted.ask.limit().map_err(|problem| vec![problem])?;
    let before: Option<CorrelationId> = wanted.ask.after().map_err(|problem| vec![problem])?;
    let rows = store::list(cx, wanted, before, limit + 1)?;
    Ok(Page::cut(rows, limit, |row| row.id).map(CallView::from))
}

/// One call with everything that it changed.
pub fn get(cx: &mut Cx<'_>, id: CorrelationId) -> Result<Detail, No> {
    cx.require(Verb::ReadAudit)?;
    let call = store::find(cx, id)?.ok_or_else(|| Refusal::not_found("call"))?;
    Ok(Detail { call: call.into(), events: event_log::ops::of_correlation(cx, id)? })
}

/// Whether there are calls to forget. A look, for those who do not want to write to learn that.
pub fn is_any_old(cx: &mut Cx<'_>, days: u32) -> Result<bool, No> {
    let before = before(cx, days);
    Ok(store::is_any_before(cx, before)?)
}

/// Forgets calls that are older than so many days; true when there may be more.
pub fn drop_old(cx: &mut Cx<'_>, days: u32) -> Result<bool, No> {
    let before = before(cx, days);
    Ok(store::drop_before(cx, before, AT_ONCE)? >= AT_ONCE)
}

/// The call that has so many newer ones; `None` while there are not so many.
pub fn beyond(cx: &mut Cx<'_>, most: i64) -> Result<Option<CorrelationId>, No> {
    Ok(store::beyond(cx, most)?)
}

/// Forgets calls that changed nothing, up to one of them; true when there may be more.
pub fn drop_beyond(cx: &mut Cx<'_>, last: CorrelationId) -> Result<bool, No> {
    Ok(store::drop_unchanged_to(cx, last, AT_ONCE)? >= AT_ONCE)
}

/// The least id that a call of that day on may have.
fn before(cx: &Cx<'_>, days: u32) -> CorrelationId {
    CorrelationId::least_at(cx.now() - SignedDuration::from_hours(24 * i64::from(days)))
}
