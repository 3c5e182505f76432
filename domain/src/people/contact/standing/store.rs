//! Standings and consents in the database. A contact of whom nothing is known has no row.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;

use super::{Consent, Standing};
use crate::both;
use crate::kernel::canonical::{hex, sha256};
use crate::kernel::column::At;
use crate::kernel::id::{ContactId, WorkspaceId};
use crate::kernel::id_order::uuid_send;
use crate::kernel::schema::{address_opt_outs, consents, contact_standings, contacts};
use crate::kernel::{Conn, Cx, Fault};
use crate::people::contact::zones;
use crate::people::reach::Channel;

#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = contact_standings)]
#[diesel(primary_key(workspace_id, contact_id))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
struct StandingRow {
    workspace_id: WorkspaceId,
    contact_id: ContactId,
    opted_out_at: Option<At>,
    opted_out_via: Option<String>,
    opted_in_at: Option<At>,
    last_inbound_at: Option<At>,
    taken_over_at: Option<At>,
    taken_over_by: Option<String>,
    version: i64,
}

impl StandingRow {
    fn of(contact_id: ContactId, s: &Standing, workspace_id: WorkspaceId) -> Self {
        Self {
            workspace_id,
            contact_id,
            opted_out_at: s.opted_out_at.map(At),
            opted_out_via: s.opted_out_via.clone(),
            opted_in_at: s.opted_in_at.map(At),
            last_inbound_at: s.last_inbound_at.map(At),
            taken_over_at: s.taken_over_at.map(At),
            taken_over_by: s.taken_over_by.clone(),
            version: s.version,
        }
    }

    fn standing(self) -> Standing {
        Standing {
            opted_out_at: self.opted_out_at.map(|at| at.0),
            opted_out_via: self.opted_out_via,
            opted_in_at: self.opted_in_at.map(|at| at.0),
            last_inbound_at: self.last_inbound_at.map(|at| at.0),
            taken_over_at: self.taken_over_at.map(|at| at.0),
            taken_over_by: self.taken_over_by,
            version: self.version,
        }
    }
}

/// Standings of contacts that exist, in one or two statements. Who has no row stands as [`Standing::default`].
pub fn of_contacts(cx: &mut Cx<'_>, ids: &BTreeSet<ContactId>) -> Result<HashMap<ContactId, Standing>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<ContactId> = ids.iter().copied().collect();
    let mut rows: Vec<StandingRow> = Vec::with_capacity(ids.len());
    for some in ids.chunks(1_000) {
        rows.extend(both!(cx.conn(), |c| {
            contact_standings::table
                .filter(contact_standings::workspace_id.eq(workspace))
                .filter(contact_standings::contact_id.eq_any(some))
                .select(StandingRow::as_select())
                .load(c)
        })?);
    }
    Ok(rows.into_iter().map(|row| (row.contact_id, row.standing())).collect())
}

/// The same, each held until the end of the transaction: whoever decides about one of these contacts at the same moment
/// waits. Makes the rows that are not there. The ids must be contacts of this workspace.
pub fn hold(cx: &mut Cx<'_>, ids: &BTreeSet<ContactId>) -> Result<HashMap<ContactId, Standing>, Fault> {
    let workspace = cx.workspace();
    let known = of_contacts(cx, ids)?;
    let absent: Vec<StandingRow> = ids
        .iter()
        .filter(|id| !known.contains_key(id))
        .map(|id| StandingRow::of(*id, &Standing { version: 1, ..Standing::default() }, workspace))
        .collect();
    match cx.conn() {
        // The one writer of SQLite holds everything: what it read is what is there.
        Conn::Lite(c) => {
            let mut known = known;
            for some in absent.chunks(1_000) {
                diesel::insert_into(contact_standings::table).values(some).execute(&mut **c)?;
            }
            known.extend(absent.into_iter().map(|row| (row.contact_id, row.standing())));
            Ok(known)
        }
        Conn::Pg(c) => {
            for some in absent.chunks(1_000) {
                diesel::insert_into(contact_standings::table)
                    .values(some)
                    .on_conflict_do_nothing()
                    .execute(&mut **c)?;
            }
            let ids: Vec<ContactId> = ids.iter().copied().collect();
            let mut held = HashMap::with_capacity(ids.len());
            // In the order of their ids, so that two who hold the same contacts wait in a row and not in a circle.
            for some in ids.chunks(1_000) {
                let rows: Vec<StandingRow> = contact_standings::table
                    .filter(contact_standings::workspace_id.eq(workspace))
                    .filter(contact_standings::contact_id.eq_any(some))
                    .order(uuid_send(contact_standings::contact_id))
                    .for_update()
                    .select(StandingRow::as_select())
                    .load(&mut **c)?;
                held.extend(rows.into_iter().map(|row| (row.contact_id, row.standing())));
            }
            Ok(held)
        }
    }
}

/// Writes a standing that is held. Its version is raised by one.
pub fn save(cx: &mut Cx<'_>, id: ContactId, standing: &Standing) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let row = StandingRow::of(id, &Standing { version: standing.version + 1, ..standing.clone() }, workspace);
    both!(cx.conn(), |c| diesel::update(contact_standings::table.find((workspace, id))).set(row).execute(c))?;
    Ok(())
}

/// What contacts agreed to, withdrawn consents among them.
pub fn consents(
    cx: &mut Cx<'_>,
    ids: &BTreeSet<ContactId>,
) -> Result<HashMap<ContactId, BTreeMap<Channel, Consent>>, Fault> {
    type Row = (ContactId, Channel, At, Option<At>, String);
    let workspace = cx.workspace();
    let ids: Vec<ContactId> = ids.iter().copied().collect();
    let mut found: HashMap<ContactId, BTreeMap<Channel, Consent>> = HashMap::new();
    for some in ids.chunks(1_000) {
        let rows: Vec<Row> = both!(cx.conn(), |c| {
            consents::table
                .filter(consents::workspace_id.eq(workspace))
                .filter(consents::contact_id.eq_any(some))
                .select((
                    consents::contact_id,
                    consents::channel,
                    consents::given_at,
                    consents::withdrawn_at,
                    consents::evidence,
                ))
                .load(c)
        })?;
        for (id, channel, given_at, withdrawn_at, evidence) in rows {
            let (given_at, withdrawn_at) = (given_at.0, withdrawn_at.map(|at| at.0));
            found.entry(id).or_default().insert(channel, Consent { channel, given_at, withdrawn_at, evidence });
        }
    }
    Ok(found)
}

/// Writes a consent over what was there for its channel. The contact's standing is held.
pub fn save_consent(cx: &mut Cx<'_>, id: ContactId, consent: &Consent) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let key = (workspace, id, consent.channel.as_str());
    let (given_at, withdrawn_at) = (At(consent.given_at), consent.withdrawn_at.map(At));
    let changed = both!(cx.conn(), |c| {
        diesel::update(consents::table.find(key))
            .set((
                consents::given_at.eq(given_at),
                consents::withdrawn_at.eq(withdrawn_at),
                consents::evidence.eq(&consent.evidence),
                consents::version.eq(consents::version + 1),
            ))
            .execute(c)
    })?;
    if changed == 1 {
        return Ok(());
    }
    let new = (
        consents::workspace_id.eq(workspace),
        consents::contact_id.eq(id),
        consents::channel.eq(consent.channel),
        consents::given_at.eq(given_at),
        consents::withdrawn_at.eq(withdrawn_at),
        consents::evidence.eq(&consent.evidence),
        consents::version.eq(1_i64),
    );
    both!(cx.conn(), |c| diesel::insert_into(consents::table).values(new).execute(c))?;
    Ok(())
}

/// What is kept of an address whose holder wants nothing: SHA-256 over a name, the workspace and the plain address.
fn hashed(workspace: WorkspaceId, address: &str) -> [u8; 32] {
    sha256(&[b"milepost.address.v1", workspace.0.as_bytes(), zones::plain(address).as_bytes()])
}

/// Under which id the log speaks of an address.
pub fn address_id(workspace: WorkspaceId, address: &str) -> uuid::Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hashed(workspace, address)[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Keeps that whoever has this address wants nothing, also when no contact has it. False when it was known.
pub fn keep_address(cx: &mut Cx<'_>, address: &str, via: &str) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let row = (
        address_opt_outs::workspace_id.eq(workspace),
        address_opt_outs::address_hash.eq(hex(&hashed(workspace, address))),
        address_opt_outs::opted_out_at.eq(At(cx.now())),
        address_opt_outs::opted_out_via.eq(via.to_owned()),
    );
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(address_opt_outs::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    Ok(new == 1)
}

/// Whoever has this address wants to hear from us again. False when nothing was kept of it.
pub fn free_address(cx: &mut Cx<'_>, address: &str) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let key = (workspace, hex(&hashed(workspace, address)));
    let gone = both!(cx.conn(), |c| diesel::delete(address_opt_outs::table.find(key)).execute(c))?;
    Ok(gone == 1)
}

/// The numbers (as the whole world writes them) and addresses whose holders opted out, and since when.
pub fn opted_out_addresses(
    cx: &mut Cx<'_>,
    phones: &BTreeSet<String>,
    emails: &BTreeSet<String>,
) -> Result<HashMap<String, jiff::Timestamp>, Fault> {
    type Row = (Option<String>, Option<String>, Option<At>);
    let workspace = cx.workspace();
    let mut found = kept_addresses(cx, phones.iter().chain(emails))?;
    let mut keep = |rows: Vec<Row>| {
        for (phone, email, at) in rows {
            let Some(At(at)) = at else { continue };
            let phone = phone.map(|phone| zones::whole_number(&phone).unwrap_or(phone));
            for address in phone.into_iter().chain(email) {
                let since = found.entry(address).or_insert(at);
                *since = at.min(*since);
            }
        }
    };
    let spellings: Vec<String> = phones.iter().flat_map(|phone| zones::spellings(phone)).collect();
    for some in spellings.chunks(1_000) {
        keep(both!(cx.conn(), |c| {
            contacts::table
                .inner_join(
                    contact_standings::table.on(contact_standings::workspace_id
                        .eq(contacts::workspace_id)
                        .and(contact_standings::contact_id.eq(contacts::id))),
                )
                .filter(contacts::workspace_id.eq(workspace))
                .filter(contacts::phone.is_not_null())
                .filter(contacts::phone.assume_not_null().eq_any(some))
                .filter(contact_standings::opted_out_at.is_not_null())
                .select((contacts::phone, contacts::phone, contact_standings::opted_out_at))
                .load(c)
        })?);
    }
    let emails: Vec<&String> = emails.iter().collect();
    for some in emails.chunks(1_000) {
        keep(both!(cx.conn(), |c| {
            contacts::table
                .inner_join(
                    contact_standings::table.on(contact_standings::workspace_id
                        .eq(contacts::workspace_id)
                        .and(contact_standings::contact_id.eq(contacts::id))),
                )
                .filter(contacts::workspace_id.eq(workspace))
                .filter(contacts::email.is_not_null())
                .filter(contacts::email.assume_not_null().eq_any(some.to_vec()))
                .filter(contact_standings::opted_out_at.is_not_null())
                .select((contacts::email, contacts::email, contact_standings::opted_out_at))
                .load(c)
        })?);
    }
    Ok(found)
}

/// Those of these addresses that are kept as such, whoever had them.
fn kept_addresses<'a>(
    cx: &mut Cx<'_>,
    addresses: impl Iterator<Item = &'a String>,
) -> Result<HashMap<String, jiff::Timestamp>, Fault> {
    let workspace = cx.workspace();
    let by_hash: HashMap<String, &String> =
        addresses.map(|address| (hex(&hashed(workspace, address)), address)).collect();
    let hashes: Vec<&String> = by_hash.keys().collect();
    let mut found = HashMap::new();
    for some in hashes.chunks(1_000) {
        let rows: Vec<(String, At)> = both!(cx.conn(), |c| {
            address_opt_outs::table
                .filter(address_opt_outs::workspace_id.eq(workspace))
                .filter(address_opt_outs::address_hash.eq_any(some.to_vec()))
                .select((address_opt_outs::address_hash, address_opt_outs::opted_out_at))
                .load(c)
        })?;
        found.extend(rows.into_iter().filter_map(|(hash, at)| Some(((*by_hash.get(&hash)?).clone(), at.0))));
    }
    Ok(found)
}
