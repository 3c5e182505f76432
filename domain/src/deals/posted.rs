//! Cards in chat follow what they are about.

use super::{followup, reminder};
use crate::delivery::cards::Kind;
use crate::delivery::cards::ops::{self, Held};
use crate::kernel::{Cx, No};

/// What one look at cards did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Cards that were drawn anew.
    pub drawn: usize,
    /// Whether there may be more to look at.
    pub more: bool,
}

/// Looks at cards whose subject changed since, at most `limit`, and puts what a person would see of that into the outbox.
/// Safe to run anywhere, any number of times, at once.
pub fn follow(cx: &mut Cx<'_>, limit: i64) -> Result<Followed, No> {
    let (held, more) = ops::hold(cx, limit)?;
    let (of_deals, of_approvals): (Vec<Held>, Vec<Held>) =
        held.into_iter().partition(|held| held.card.kind == Kind::Deal);
    let drawn = reminder::follow::draw(cx, &of_deals)? + followup::card::draw(cx, &of_approvals)?;
    Ok(Followed { drawn, more })
}

/// Whether a card is behind. A look, for those who do not want to write in order to learn that.
pub fn is_any_behind(cx: &mut Cx<'_>) -> Result<bool, No> {
    ops::is_any_behind(cx)
}
