//! Deals in the database.

use std::collections::HashMap;

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use jiff::civil::Date;
use uuid::Uuid;

use super::{CLOSING_DATE, Deal, DealStatus, Financing, KeyDates, Party, PartyRole, Side};
use crate::both;
use crate::deals::milestone;
use crate::kernel::column::{At, On, lower};
use crate::kernel::event::AnyId;
use crate::kernel::id::{ContactId, DealId, MemberId, PartyId, PlanId, WorkspaceId};
use crate::kernel::schema::{date_plans, deal_key_dates, deal_parties, deals, events};
use crate::kernel::search::{self, Document, Place};
use crate::kernel::text::like;
use crate::kernel::{ActorKind, Conn, Cx, Fault, Source};

#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = deals)]
#[diesel(treat_none_as_default_value = false)]
pub struct DealRow {
    pub workspace_id: WorkspaceId,
    pub id: DealId,
    pub title: String,
    pub address: String,
    pub side: Side,
    pub financing: Financing,
    pub state: Option<String>,
    pub price_cents: Option<i64>,
    pub time_zone: String,
    pub owner_id: Option<MemberId>,
    pub status: DealStatus,
    pub template: String,
    pub template_version: i32,
    pub created_at: At,
    pub activated_at: Option<At>,
    pub ended_at: Option<At>,
    pub version: i64,
    pub chat_channel: Option<String>,
}

impl DealRow {
    fn of(deal: &Deal, workspace_id: WorkspaceId) -> Self {
        let deal = deal.clone();
        Self {
            workspace_id,
            id: deal.id,
            title: deal.title,
            address: deal.address,
            side: deal.side,
            financing: deal.financing,
            state: deal.state,
            price_cents: deal.price_cents,
            time_zone: deal.time_zone,
            owner_id: deal.owner_id,
            status: deal.status,
            template: deal.template,
            template_version: deal.template_version,
            created_at: deal.created_at.into(),
            activated_at: deal.activated_at.map(Into::into),
            ended_at: deal.ended_at.map(Into::into),
            version: deal.version,
            chat_channel: deal.chat_channel,
        }
    }

    fn deal(self, key_dates: KeyDates) -> Deal {
        Deal {
            id: self.id,
            title: self.title,
            address: self.address,
            side: self.side,
            financing: self.financing,
            state: self.state,
            price_cents: self.price_cents,
            time_zone: self.time_zone,
            owner_id: self.owner_id,
            chat_channel: self.chat_channel,
            status: self.status,
            template: self.template,
            template_version: self.template_version,
            key_dates,
            created_at: self.created_at.0,
            activated_at: self.activated_at.map(|at| at.0),
            ended_at: self.ended_at.map(|at| at.0),
            version: self.version,
        }
    }
}

pub fn find(cx: &mut Cx<'_>, id: DealId) -> Result<Option<Deal>, Fault> {
    Ok(find_many(cx, &[id])?.pop())
}

/// Those that exist, in no particular order. At most a few hundred ids.
pub fn find_many(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<Vec<Deal>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<DealRow> = both!(cx.conn(), |c| {
        deals::table
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::id.eq_any(ids.to_vec()))
            .select(DealRow::as_select())
            .load(c)
    })?;
    with_key_dates(cx, rows)
}

/// The deal, held until the end of the transaction: what follows from what it says still holds when it is written.
pub fn hold(cx: &mut Cx<'_>, id: DealId) -> Result<Option<Deal>, Fault> {
    let workspace = cx.workspace();
    // The one writer of SQLite holds everything.
    if let Conn::Pg(c) = cx.conn() {
        let held: Option<DealId> =
            deals::table.find((workspace, id)).select(deals::id).for_update().first(&mut **c).optional()?;
        if held.is_none() {
            return Ok(None);
        }
    }
    find(cx, id)
}

fn with_key_dates(cx: &mut Cx<'_>, rows: Vec<DealRow>) -> Result<Vec<Deal>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<DealId> = rows.iter().map(|row| row.id).collect();
    let mut dates: Vec<(DealId, String, On)> = both!(cx.conn(), |c| {
        deal_key_dates::table
            .filter(deal_key_dates::workspace_id.eq(workspace))
            .filter(deal_key_dates::deal_id.eq_any(ids))
            .select((deal_key_dates::deal_id, deal_key_dates::name, deal_key_dates::on_date))
            .load(c)
    })?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let own = dates.extract_if(.., |(id, _, _)| *id == row.id).map(|(_, name, on)| (name, on.0)).collect();
            row.deal(own)
        })
        .collect())
}

pub fn insert(cx: &mut Cx<'_>, deal: &Deal) -> Result<(), Fault> {
    let row = DealRow::of(deal, cx.workspace());
    both!(cx.conn(), |c| diesel::insert_into(deals::table).values(row).execute(c))?;
    search::put_new(cx, &[document(deal)])?;
    insert_key_dates(cx, deal.id, &deal.key_dates)
}

/// What a deal is found by.
pub fn document(deal: &Deal) -> Document {
    let (title, text) = (deal.title.clone(), deal.address.clone());
    Document { kind: "deal", id: deal.id.0, place: Place::First, title, text }
}

/// Its title or address is another one: it is found by that, and so are its milestones.
pub fn reworded(cx: &mut Cx<'_>, deal: &Deal) -> Result<(), Fault> {
    let milestones = milestone::store::of_deal(cx, deal.id)?;
    let mut all: Vec<Document> = milestones.iter().map(|m| milestone::store::document(m, &deal.title)).collect();
    all.push(document(deal));
    search::put(cx, &all)
}

fn insert_key_dates(cx: &mut Cx<'_>, id: DealId, dates: &KeyDates) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let rows: Vec<_> = dates
        .iter()
        .map(|(name, date)| {
            (
                deal_key_dates::workspace_id.eq(workspace),
                deal_key_dates::deal_id.eq(id),
                deal_key_dates::name.eq(name.clone()),
                deal_key_dates::on_date.eq(On(*date)),
            )
        })
        .collect();
    both!(cx.conn(), |c| diesel::insert_into(deal_key_dates::table).values(rows).execute(c))?;
    Ok(())
}

pub fn replace_key_dates(cx: &mut Cx<'_>, id: DealId, dates: &KeyDates) -> Result<(), Fault> {
    let workspace = cx.workspace();
    both!(cx.conn(), |c| {
        diesel::delete(deal_key_dates::table)
            .filter(deal_key_dates::workspace_id.eq(workspace))
            .filter(deal_key_dates::deal_id.eq(id))
            .execute(c)
    })?;
    insert_key_dates(cx, id, dates)
}

/// Writes what can change of a deal and raises its version by one. The deal must be held.
pub fn update(cx: &mut Cx<'_>, deal: &Deal) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        diesel::update(deals::table.find((workspace, deal.id)))
            .set((
                deals::title.eq(&deal.title),
                deals::address.eq(&deal.address),
                deals::side.eq(deal.side),
                deals::financing.eq(deal.financing),
                deals::state.eq(&deal.state),
                deals::price_cents.eq(deal.price_cents),
                deals::time_zone.eq(&deal.time_zone),
                deals::owner_id.eq(deal.owner_id),
                deals::chat_channel.eq(&deal.chat_channel),
                deals::status.eq(deal.status),
                deals::template_version.eq(deal.template_version),
                deals::activated_at.eq(deal.activated_at.map(At)),
                deals::ended_at.eq(deal.ended_at.map(At)),
                deals::version.eq(deals::version + 1),
            ))
            .returning(deals::version)
            .get_result(c)
    })?)
}

pub fn insert_party(
    cx: &mut Cx<'_>,
    id: PartyId,
    deal: DealId,
    role: PartyRole,
    who: ContactId,
) -> Result<(), Fault> {
    let row = (
        deal_parties::workspace_id.eq(cx.workspace()),
        deal_parties::id.eq(id),
        deal_parties::deal_id.eq(deal),
        deal_parties::role.eq(role),
        deal_parties::contact_id.eq(who),
    );
    // The same person twice in one role is one party.
    both!(cx.conn(), |c| diesel::insert_into(deal_parties::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// False when the contact was not in this role on the deal.
pub fn delete_party(cx: &mut Cx<'_>, deal: DealId, role: PartyRole, who: ContactId) -> Result<bool, Fault> {
    let workspace = cx.workspace();
    let gone = both!(cx.conn(), |c| {
        diesel::delete(deal_parties::table)
            .filter(deal_parties::workspace_id.eq(workspace))
            .filter(deal_parties::deal_id.eq(deal))
            .filter(deal_parties::role.eq(role))
            .filter(deal_parties::contact_id.eq(who))
            .execute(c)
    })?;
    Ok(gone > 0)
}

/// The deals on which a contact is, in the order of their ids.
pub fn of_contact(cx: &mut Cx<'_>, who: ContactId) -> Result<Vec<DealId>, Fault> {
    let workspace = cx.workspace();
    let mut deals: Vec<DealId> = both!(cx.conn(), |c| {
        deal_parties::table
            .filter(deal_parties::workspace_id.eq(workspace))
            .filter(deal_parties::contact_id.eq(who))
            .select(deal_parties::deal_id)
            .load(c)
    })?;
    deals.sort_unstable();
    deals.dedup();
    Ok(deals)
}

/// On which deals a contact is and as what, the newest deals first.
pub fn roles_of(cx: &mut Cx<'_>, who: ContactId, limit: i64) -> Result<Vec<(DealId, PartyRole)>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        deal_parties::table
            .filter(deal_parties::workspace_id.eq(workspace))
            .filter(deal_parties::contact_id.eq(who))
            .order((deal_parties::deal_id.desc(), deal_parties::role))
            .limit(limit)
            .select((deal_parties::deal_id, deal_parties::role))
            .load(c)
    })?)
}

pub fn parties(cx: &mut Cx<'_>, deal: DealId) -> Result<Vec<Party>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(PartyId, PartyRole, ContactId)> = both!(cx.conn(), |c| {
        deal_parties::table
            .filter(deal_parties::workspace_id.eq(workspace))
            .filter(deal_parties::deal_id.eq(deal))
            .order(deal_parties::id)
            .select((deal_parties::id, deal_parties::role, deal_parties::contact_id))
            .load(c)
    })?;
    Ok(rows.into_iter().map(|(id, role, contact_id)| Party { id, role, contact_id }).collect())
}

/// Which deals, by closing date.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub status: Vec<DealStatus>,
    /// Part of the title or address, whatever the case of its ASCII letters.
    pub text: Option<String>,
    /// Those of which a word begins with the text before those that hold it elsewhere. Such a list has no next page.
    pub words_first: bool,
    pub closing_from: Option<Date>,
    pub closing_to: Option<Date>,
    pub after: Option<(Date, Uuid)>,
    pub limit: i64,
}

/// The ids and closing dates of at most `limit + 1` deals, those that close first at the front.
pub fn list(cx: &mut Cx<'_>, wanted: &Wanted) -> Result<Vec<(DealId, Date)>, Fault> {
    let workspace = cx.workspace();
    let status = wanted.status.clone();
    let rows: Vec<(DealId, On)> = both!(cx.conn(), |c| {
        let mut query = deal_key_dates::table
            .inner_join(deals::table.on(
                deals::workspace_id.eq(deal_key_dates::workspace_id).and(deals::id.eq(deal_key_dates::deal_id)),
            ))
            .filter(deal_key_dates::workspace_id.eq(workspace))
            .filter(deal_key_dates::name.eq(CLOSING_DATE))
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::status.eq_any(status))
            .select((deals::id, deal_key_dates::on_date))
            .order((deal_key_dates::on_date, deal_key_dates::deal_id))
            .limit(wanted.limit + 1)
            .into_boxed();
        if let Some(from) = wanted.closing_from {
            query = query.filter(deal_key_dates::on_date.ge(On(from)));
        }
        if let Some(to) = wanted.closing_to {
            query = query.filter(deal_key_dates::on_date.le(On(to)));
        }
        if let Some((on, id)) = wanted.after {
            query = query
                .filter(deal_key_dates::on_date.ge(On(on)))
                .filter(deal_key_dates::on_date.gt(On(on)).or(deal_key_dates::deal_id.gt(DealId(id))));
        }
        if let Some(part) = &wanted.text {
            // Both in one, so that each row is looked at once; nobody's text has a line break in it. The database puts both
            // sides in lower case: how far it goes beyond ASCII differs.
            let name = || lower(" ".into_sql::<Text>().concat(deals::title).concat(" \n ").concat(deals::address));
            query = query.filter(name().like(lower(like(part))).escape('\\'));
            if wanted.words_first {
                let begins_so = name().like(lower(like(&format!(" {part}")))).escape('\\');
                let rank = case_when(begins_so, 0.into_sql::<Integer>()).otherwise(1.into_sql::<Integer>());
                query = query.order((rank, deal_key_dates::on_date, deal_key_dates::deal_id));
            }
        }
        query.load(c)
    })?;
    Ok(rows.into_iter().map(|(id, on)| (id, on.0)).collect())
}

/// How many deals of these statuses close until a day.
pub fn count(cx: &mut Cx<'_>, status: &[DealStatus], closing_to: Date) -> Result<i64, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        deal_key_dates::table
            .inner_join(deals::table.on(
                deals::workspace_id.eq(deal_key_dates::workspace_id).and(deals::id.eq(deal_key_dates::deal_id)),
            ))
            .filter(deal_key_dates::workspace_id.eq(workspace))
            .filter(deal_key_dates::name.eq(CLOSING_DATE))
            .filter(deal_key_dates::on_date.le(On(closing_to)))
            .filter(deals::status.eq_any(status))
            .count()
            .get_result(c)
    })?)
}

/// A previewed change of key dates.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = date_plans)]
#[diesel(treat_none_as_default_value = false)]
pub struct PlanRow {
    pub workspace_id: WorkspaceId,
    pub id: PlanId,
    pub deal_id: DealId,
    pub kind: super::key_dates::PlanKind,
    pub deal_version: i64,
    pub body: String,
    pub made_by: String,
    pub made_at: At,
    pub expires_at: At,
    pub applied_at: Option<At>,
}

pub fn insert_plan(cx: &mut Cx<'_>, row: PlanRow) -> Result<(), Fault> {
    both!(cx.conn(), |c| diesel::insert_into(date_plans::table).values(row).execute(c))?;
    Ok(())
}

pub fn find_plan(cx: &mut Cx<'_>, id: PlanId) -> Result<Option<PlanRow>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| {
        date_plans::table.find((workspace, id)).select(PlanRow::as_select()).first(c).optional()
    })?)
}

/// The newest plan that takes a change back and that nobody has applied, while it holds.
pub fn latest_undo(cx: &mut Cx<'_>, deal: DealId) -> Result<Option<PlanId>, Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    Ok(both!(cx.conn(), |c| {
        date_plans::table
            .filter(date_plans::workspace_id.eq(workspace))
            .filter(date_plans::deal_id.eq(deal))
            .filter(date_plans::kind.eq(super::key_dates::PlanKind::Undo))
            .filter(date_plans::applied_at.is_null())
            .filter(date_plans::expires_at.gt(now))
            .order(date_plans::id.desc())
            .select(date_plans::id)
            .first(c)
            .optional()
    })?)
}

pub fn mark_applied(cx: &mut Cx<'_>, id: PlanId) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    both!(cx.conn(), |c| {
        diesel::update(date_plans::table.find((workspace, id))).set(date_plans::applied_at.eq(now)).execute(c)
    })?;
    Ok(())
}

/// Previews that nobody can apply any more.
pub fn delete_expired_plans(cx: &mut Cx<'_>) -> Result<(), Fault> {
    let (workspace, now) = (cx.workspace(), At(cx.now()));
    both!(cx.conn(), |c| {
        diesel::delete(date_plans::table)
            .filter(date_plans::workspace_id.eq(workspace))
            .filter(date_plans::expires_at.lt(now))
            .execute(c)
    })?;
    Ok(())
}

/// The titles of those that exist.
pub fn titles(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<std::collections::BTreeMap<DealId, String>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(DealId, String)> = both!(cx.conn(), |c| {
        deals::table
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::id.eq_any(ids.to_vec()))
            .select((deals::id, deals::title))
            .load(c)
    })?;
    Ok(rows.into_iter().collect())
}

/// What tells deals of these statuses apart for a person.
pub fn titles_and_addresses(
    cx: &mut Cx<'_>,
    status: &[DealStatus],
) -> Result<std::collections::HashSet<(String, String)>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(String, String)> = both!(cx.conn(), |c| {
        deals::table
            .filter(deals::workspace_id.eq(workspace))
            .filter(deals::status.eq_any(status.to_vec()))
            .select((deals::title, deals::address))
            .load(c)
    })?;
    Ok(rows.into_iter().collect())
}

/// What of a deal a program said and no member has confirmed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByProgram {
    pub title: bool,
    pub address: bool,
    /// Who is on the deal, by which names and addresses.
    pub parties: bool,
}

impl ByProgram {
    pub const ALL: Self = Self { title: true, address: true, parties: true };

    pub fn any(self) -> bool {
        self.title || self.address || self.parties
    }

    /// What is in both.
    pub fn and(self, other: Self) -> Self {
        Self {
            title: self.title && other.title,
            address: self.address && other.address,
            parties: self.parties && other.parties,
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            title: self.title && !other.title,
            address: self.address && !other.address,
            parties: self.parties && !other.parties,
        }
    }
}

/// Whose title, address or parties a program gave: it was the last to do so, and no person has confirmed them since. Deals of
/// which people said everything are not among them.
pub fn worded_by_programs(cx: &mut Cx<'_>, ids: &[DealId]) -> Result<HashMap<DealId, ByProgram>, Fault> {
    type Row = (AnyId, String, String, String, String);
    let workspace = cx.workspace();
    let subjects: Vec<AnyId> = ids.iter().map(|id| AnyId(id.0)).collect();
    let mut found: HashMap<DealId, ByProgram> = HashMap::new();
    for some in subjects.chunks(1_000) {
        let rows: Vec<Row> = both!(cx.conn(), |c| {
            events::table
                .filter(events::workspace_id.eq(workspace))
                .filter(events::subject_kind.eq("deal"))
                .filter(events::subject_id.eq_any(some))
                .filter(events::event.eq_any([
                    "deal.created",
                    "deal.edited",
                    "deal.confirmed",
                    "deal.words_confirmed",
                ]))
                .order(events::seq)
                .select((events::subject_id, events::actor_kind, events::source, events::event, events::data))
                .load(c)
        })?;
        for (id, actor, source, event, data) in rows {
            let program = actor == ActorKind::Agent.as_str() || source == Source::Mcp.as_str();
            let by = found.entry(DealId(id.0)).or_default();
            match event.as_str() {
                "deal.created" if program => *by = ByProgram::ALL,
                "deal.edited" => {
                    let data: serde_json::Value = serde_json::from_str(&data).unwrap_or_default();
                    let gave = |field: &str| data["after"].get(field).is_some();
                    by.title = if gave("title") { program } else { by.title };
                    by.address = if gave("address") { program } else { by.address };
                }
                // Who confirms a deal has read it.
                "deal.confirmed" if !program => *by = ByProgram::default(),
                "deal.words_confirmed" if !program => {
                    let data: serde_json::Value = serde_json::from_str(&data).unwrap_or_default();
                    let has = |field: &str| data[field] == serde_json::Value::Bool(true);
                    let read = ByProgram { title: has("title"), address: has("address"), parties: has("parties") };
                    *by = by.without(read);
                }
                _ => {}
            }
        }
    }
    found.retain(|_, by| by.any());
    Ok(found)
}
