//! What people do about addresses that take nothing, and what the outbox notes of them.

use super::{Event, GoneAddress, is_kept, key, store};
use crate::delivery::Message;
use crate::delivery::outbox::rules;
use crate::kernel::id::GoneAddressId;
use crate::kernel::page::{Ask, Page};
use crate::kernel::{Cx, No, Refusal, Subject};
use crate::people::reach::Channel;
use crate::workspace::access::{Require, Verb};

fn subject(id: GoneAddressId) -> Subject {
    Subject::new("gone_address", id.0)
}

/// Notes that where this message went takes nothing any more. Known already, it stays as it is.
///
/// Part of settling a message, and of a person's word on one that came back.
pub(in crate::delivery) fn note(cx: &mut Cx<'_>, message: &Message, why: &str) -> Result<(), No> {
    note_at(cx, message, &message.address, why)?;
    Ok(())
}

/// The same of an address that the message told of. Gives it when it is new.
pub(in crate::delivery) fn note_at(
    cx: &mut Cx<'_>,
    message: &Message,
    address: &str,
    why: &str,
) -> Result<Option<GoneAddressId>, No> {
    if !is_kept(message.channel) || address.is_empty() {
        return Ok(None);
    }
    let gone = GoneAddress {
        id: GoneAddressId(cx.mint()),
        channel: message.channel,
        address: key(message.channel, address),
        why: rules::shown(why),
        since: cx.now(),
        message_id: message.id,
    };
    if !store::insert(cx, &gone)? {
        return Ok(None);
    }
    let GoneAddress { id, channel, message_id, address, why, .. } = gone;
    cx.record(subject(id), &Event::Gone { channel, message_id, address, why })?;
    Ok(Some(id))
}

/// The addresses that take nothing, newest first.
pub fn list(cx: &mut Cx<'_>, page: &Ask) -> Result<Page<GoneAddress>, No> {
    cx.require(Verb::ReadDeliveries)?;
    let limit = page.limit().map_err(|p| vec![p])?;
    let after = page.after::<GoneAddressId>().map_err(|p| vec![p])?;
    let mask = cx.is_program();
    let rows = store::list(cx, after, limit)?;
    Ok(Page::cut(rows, limit, |gone| gone.id).map(|gone| shown(gone, mask)))
}

/// Why nothing goes to an address, when it takes nothing.
pub fn of(cx: &mut Cx<'_>, channel: Channel, address: &str) -> Result<Option<GoneAddress>, No> {
    cx.require(Verb::ReadDeliveries)?;
    let mask = cx.is_program();
    let found = store::among(cx, &[key(channel, address)])?.into_iter().find(|gone| gone.channel == channel);
    Ok(found.map(|gone| shown(gone, mask)))
}

/// A provider's words may repeat the address.
fn shown(gone: GoneAddress, mask: bool) -> GoneAddress {
    if !mask {
        return gone;
    }
    let masked = rules::masked(gone.channel, &gone.address);
    GoneAddress { why: gone.why.to_lowercase().replace(&gone.address, &masked), address: masked, ..gone }
}

/// Lets messages leave for an address again. What was refused meanwhile stays so until somebody replays it.
pub fn reopen(cx: &mut Cx<'_>, id: GoneAddressId) -> Result<GoneAddress, No> {
    cx.require(Verb::ManageDeliveries)?;
    let gone = store::find(cx, id)?.ok_or_else(|| Refusal::not_found("address"))?;
    if !store::delete(cx, id)? {
        return Err(Refusal::not_found("address").into());
    }
    cx.record(subject(id), &Event::Reopened { channel: gone.channel, address: gone.address.clone() })?;
    Ok(gone)
}
