//! `milepost deal`: the same verbs as every face.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::deal::key_dates::{self, Applied, ChangeKeyDates};
use domain::deals::deal::ops::{self, EditDeal, Moved};
use domain::deals::deal::parties::{self, AddParty, RemoveParty, Who};
use domain::deals::deal::view::{self, Detail, ListDeals};
use domain::deals::deal::{DealStatus, PartyRole};
use domain::deals::milestone;
use domain::kernel::id::{DealId, PlanId};
use domain::kernel::page::Ask;
use domain::kernel::{Cx, No, Refusal};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Deal {
    /// List deals, those that close first at the front
    List(List),
    /// Show a deal with everything on it
    Show(Of),
    /// Show a deal's dates in order
    Timeline(Of),
    /// Say why each milestone of a deal is due when it is
    Explain(Of),
    /// Create a deal
    Create(Box<Create>),
    /// Make a draft active and generate its milestones
    Confirm(Ending),
    /// Close a deal
    Close(Ending),
    /// Cancel a deal
    Cancel {
        #[command(flatten)]
        of: Ending,
        /// Why
        #[arg(long)]
        reason: Option<String>,
    },
    /// Change a deal's title, address, price or owner
    Edit(Edit),
    /// Who is on a deal: add somebody, take somebody off
    #[command(subcommand)]
    Party(Party),
    /// Show what a change of key dates moves; with --apply, make it
    Reschedule(Reschedule),
    /// Apply a plan that was shown before, or take one back with its undo token
    Apply {
        /// The plan token or undo token
        #[arg(value_name = "PLAN_TOKEN", value_parser = read::id::<PlanId>)]
        plan: PlanId,
    },
}

#[derive(Args)]
pub struct Of {
    /// The deal
    #[arg(value_parser = read::id::<DealId>)]
    id: DealId,
}

#[derive(Args)]
pub struct List {
    /// draft, active, closed or cancelled; repeatable [default: draft and active]
    #[arg(long, value_delimiter = ',', value_parser = read::word::<DealStatus>)]
    status: Vec<DealStatus>,
    /// Part of the title or address
    #[arg(long)]
    text: Option<String>,
    /// Closing on this day or later
    #[arg(long, value_name = "DATE", value_parser = read::date)]
    closing_from: Option<Date>,
    /// Closing on this day or earlier
    #[arg(long, value_name = "DATE", value_parser = read::date)]
    closing_to: Option<Date>,
    #[command(flatten)]
    page: Page,
}

/// How much of a list, and from where.
#[derive(Args)]
pub struct Page {
    /// Where the page before ended
    #[arg(long)]
    cursor: Option<String>,
    /// 1 to 100 [default: 20]
    #[arg(long, value_name = "N")]
    limit: Option<i64>,
}

impl Page {
    pub fn ask(&self) -> Ask {
        Ask { cursor: self.cursor.clone(), limit: self.limit }
    }
}

#[derive(Args)]
pub struct Create {
    /// What the team calls it, such as "12 Oak Street - Smith"
    #[arg(long)]
    title: String,
    /// The property's address
    #[arg(long)]
    address: String,
    /// The side we represent: buyer, seller or both
    #[arg(long)]
    side: String,
    /// cash, conventional, fha, va or usda
    #[arg(long)]
    financing: String,
    /// Two letters, such as IL
    #[arg(long)]
    state: Option<String>,
    /// US dollars
    #[arg(long, allow_negative_numbers = true)]
    price: Option<f64>,
    /// IANA time zone of the property [default: the workspace's]
    #[arg(long)]
    zone: Option<String>,
    /// A key date; contract_date and closing_date are needed. Repeatable
    #[arg(long = "date", value_name = "NAME=YYYY-MM-DD", value_parser = read::pair)]
    dates: Vec<(String, String)>,
    /// role=..,name=..,email=..,phone=..,zone=..; repeatable
    #[arg(long = "party", value_name = "PARTY", value_parser = read::party)]
    parties: Vec<NewParty>,
    /// The template of its milestones [default: residential]
    #[arg(long)]
    template: Option<String>,
    /// E-mail address of the member who owns it
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// Leave it a draft, without milestones
    #[arg(long)]
    draft: bool,
    #[command(flatten)]
    once: Once,
}

/// The same key, the same answer: a command that may be repeated.
#[derive(Args)]
pub struct Once {
    /// Repeating the command with the same key changes nothing twice
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl Once {
    pub fn key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }
}

#[derive(Args)]
pub struct Ending {
    /// The deal
    #[arg(value_parser = read::id::<DealId>)]
    id: DealId,
    #[command(flatten)]
    once: Once,
}

#[derive(Args)]
pub struct Edit {
    /// The deal
    #[arg(value_parser = read::id::<DealId>)]
    id: DealId,
    #[arg(long)]
    title: Option<String>,
    #[arg(long)]
    address: Option<String>,
    /// US dollars
    #[arg(long, allow_negative_numbers = true)]
    price: Option<f64>,
    /// E-mail address of the member who owns it
    #[arg(long, value_name = "EMAIL")]
    owner: Option<String>,
    /// Refuse when the deal is no longer at this version
    #[arg(long = "if-version", value_name = "N")]
    version: Option<i64>,
    #[command(flatten)]
    once: Once,
}

#[derive(Subcommand)]
pub enum Party {
    /// Put somebody on a deal: a new person, or a contact that is known (--contact with --role)
    Add {
        #[command(flatten)]
        of: Of,
        /// role=..,name=..,email=..,phone=..,zone=..
        #[arg(value_name = "PARTY", value_parser = read::party, required_unless_present = "contact")]
        party: Option<NewParty>,
        /// A contact's id, e-mail address or telephone number
        #[arg(long, value_name = "WHO", requires = "role", conflicts_with = "party")]
        contact: Option<String>,
        /// What the contact is on the deal, such as buyer or lender
        #[arg(long, value_parser = read::word::<PartyRole>, requires = "contact")]
        role: Option<PartyRole>,
        /// Refuse when the deal is no longer at this version
        #[arg(long = "if-version", value_name = "N")]
        version: Option<i64>,
    },
    /// Take somebody off a deal; what waits for them about it is taken back
    Remove {
        #[command(flatten)]
        of: Of,
        /// The contact's id, e-mail address or telephone number
        #[arg(value_name = "WHO")]
        contact: String,
        /// What the contact is on the deal
        #[arg(long, value_parser = read::word::<PartyRole>)]
        role: PartyRole,
        /// Refuse when the deal is no longer at this version
        #[arg(long = "if-version", value_name = "N")]
        version: Option<i64>,
    },
}

#[derive(Args)]
pub struct Reschedule {
    /// The deal
    #[arg(value_parser = read::id::<DealId>)]
    id: DealId,
    /// New dates; an empty one takes an optional date away
    #[arg(value_name = "NAME=YYYY-MM-DD", required = true, value_parser = read::pair)]
    dates: Vec<(String, String)>,
    /// Make the change after showing it
    #[arg(long)]
    apply: bool,
}

pub fn run(common: &Common, cmd: Deal) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Deal::List(cmd) => list(&desk, &cmd),
        Deal::Show(of) => {
            let detail = desk.read(|cx| view::get(cx, of.id))?;
            Ok(Answer::new(says::deal::detail(&detail, today(&desk, &detail)), &detail))
        }
        Deal::Timeline(of) => timeline(&desk, of.id),
        Deal::Explain(of) => explain(&desk, of.id),
        Deal::Create(cmd) => create(&desk, *cmd),
        Deal::Confirm(of) => move_to(&desk, &of, DealStatus::Active, None),
        Deal::Close(of) => move_to(&desk, &of, DealStatus::Closed, None),
        Deal::Cancel { of, reason } => move_to(&desk, &of, DealStatus::Cancelled, reason.as_deref()),
        Deal::Edit(cmd) => edit(&desk, cmd),
        Deal::Party(cmd) => party(&desk, cmd),
        Deal::Reschedule(cmd) => reschedule(&desk, cmd),
        Deal::Apply { plan } => {
            let applied = apply(&desk, plan)?;
            Ok(Answer::new(applied.text, applied.json))
        }
    };
    answer.map(Some)
}

fn today(desk: &Desk, detail: &Detail) -> Date {
    desk.today(Some(&detail.deal.time_zone))
}

fn list(desk: &Desk, cmd: &List) -> Result<Answer, Stop> {
    let wanted = ListDeals {
        status: cmd.status.clone(),
        text: cmd.text.clone(),
        closing_from: cmd.closing_from,
        closing_to: cmd.closing_to,
        ask: cmd.page.ask(),
    };
    let page = desk.read(|cx| view::list(cx, &wanted))?;
    let mut json = json!({ "deals": page.items });
    if let Some(cursor) = &page.next_cursor {
        json["next_cursor"] = cursor.as_str().into();
    }
    Ok(Answer::new(says::deal::list(&page.items, page.next_cursor.as_deref(), desk.today(None)), json))
}

fn timeline(desk: &Desk, id: DealId) -> Result<Answer, Stop> {
    let detail = desk.read(|cx| view::get(cx, id))?;
    let today = today(desk, &detail);
    let entries = says::deal::entries(&detail);
    let json = json!({ "deal_id": id, "title": detail.deal.title, "today": today, "timeline": entries });
    Ok(Answer::new(says::deal::timeline(&detail, &entries, today), json))
}

fn explain(desk: &Desk, id: DealId) -> Result<Answer, Stop> {
    let (detail, explained) = desk.read(|cx| {
        let detail = view::get(cx, id)?;
        let explained = detail.milestones.iter().map(|m| milestone::ops::explain(cx, m.id));
        let explained = explained.collect::<Result<Vec<_>, No>>()?;
        Ok((detail, explained))
    })?;
    let json = json!({ "deal_id": id, "title": detail.deal.title, "milestones": explained });
    Ok(Answer::new(says::deal::explained(&detail, &explained), json))
}

fn create(desk: &Desk, cmd: Create) -> Result<Answer, Stop> {
    let mut key_dates = BTreeMap::new();
    for (name, date) in cmd.dates {
        if let Some(earlier) = key_dates.insert(name.clone(), date) {
            let words =
                format!("--date {name} was given twice ({earlier} before). Nothing was changed. Give it once.");
            return Err(Stop::Usage(words));
        }
    }
    let new = NewDeal {
        title: cmd.title,
        address: cmd.address,
        side: cmd.side,
        financing: cmd.financing,
        state: cmd.state,
        price: cmd.price,
        time_zone: cmd.zone,
        key_dates,
        parties: cmd.parties,
        template: cmd.template,
        owner_email: cmd.owner,
        activate: !cmd.draft,
    };
    let done = desk.write_once(cmd.once.key(), "deal create", &new, |cx| {
        let id = ops::create(cx, &new)?;
        view::get(cx, id)
    })?;
    let text = says::deal::created(&done.value, today(desk, &done.value));
    Ok(Answer::new(text, Written::<Detail>::beside(done.receipt, &done.value)))
}

fn move_to(desk: &Desk, of: &Ending, to: DealStatus, reason: Option<&str>) -> Result<Answer, Stop> {
    let verb = format!("deal {to}");
    let done = desk.write_once(of.once.key(), &verb, &(of.id, reason), |cx| {
        let moved = match to {
            DealStatus::Active => ops::confirm(cx, of.id)?,
            _ => ops::end(cx, of.id, to, reason)?,
        };
        let already = matches!(moved, Moved::Already);
        Ok((view::get(cx, of.id)?, already))
    })?;
    let (detail, already) = done.value;
    let note = already.then(|| says::deal::already(&detail));
    let text = note.clone().unwrap_or_else(|| says::deal::moved(&detail, today(desk, &detail)));
    let mut json = Written::<Detail>::beside(done.receipt, &detail);
    if let Some(note) = note {
        json["note"] = note.into();
    }
    Ok(Answer::new(text, json))
}

fn edit(desk: &Desk, cmd: Edit) -> Result<Answer, Stop> {
    let change = EditDeal {
        version: cmd.version,
        title: cmd.title,
        address: cmd.address,
        price: cmd.price,
        owner_email: cmd.owner,
        ..EditDeal::of(cmd.id)
    };
    let done = desk.write_once(cmd.once.key(), "deal edit", &change, |cx| {
        ops::edit(cx, &change)?;
        view::get(cx, cmd.id)
    })?;
    let changed = done.receipt.is_some();
    let text = says::deal::edited(&done.value, changed, today(desk, &done.value));
    Ok(Answer::new(text, Written::<Detail>::beside(done.receipt, &done.value)))
}

fn party(desk: &Desk, cmd: Party) -> Result<Answer, Stop> {
    let done = desk.write(|cx| match &cmd {
        Party::Add { of, party, contact, role, version } => {
            let who = match (party, contact, role) {
                (Some(party), ..) => Who::New(party.clone()),
                (None, Some(contact), Some(role)) => {
                    Who::Known { role: *role, contact_id: super::contact::named(cx, contact)? }
                }
                _ => return Err(Refusal::not_found("contact").into()),
            };
            parties::add_party(cx, &AddParty { deal_id: of.id, version: *version, who })?;
            view::get(cx, of.id)
        }
        Party::Remove { of, contact, role, version } => {
            let contact_id = super::contact::named(cx, contact)?;
            let cmd = RemoveParty { deal_id: of.id, version: *version, role: *role, contact_id };
            parties::remove_party(cx, &cmd)?;
            view::get(cx, of.id)
        }
    })?;
    let text = says::deal::edited(&done.value, done.receipt.is_some(), today(desk, &done.value));
    Ok(Answer::new(text, Written::<Detail>::beside(done.receipt, &done.value)))
}

fn reschedule(desk: &Desk, cmd: Reschedule) -> Result<Answer, Stop> {
    let mut key_dates = BTreeMap::new();
    for (name, date) in cmd.dates {
        let date = Some(date).filter(|date| !date.is_empty());
        if key_dates.insert(name.clone(), date).is_some() {
            return Err(Stop::Usage(format!("{name} was given twice. Nothing was changed. Give it once.")));
        }
    }
    let change = ChangeKeyDates { deal_id: cmd.id, key_dates };
    let preview = desk.write(|cx| key_dates::preview(cx, &change))?.value;
    let shown = says::dates::preview(&preview);
    if !cmd.apply {
        return Ok(Answer::new(format!("{shown}\n{}", says::dates::how_to_apply(&preview)), &preview));
    }
    let mut applied = apply(desk, preview.plan_token)?;
    applied.json["preview"] = serde_json::to_value(&preview).unwrap_or_default();
    Ok(Answer::new(format!("{shown}\n{}", applied.text), applied.json))
}

fn apply(desk: &Desk, plan: PlanId) -> Result<Answer, Stop> {
    let verb = |cx: &mut Cx<'_>| {
        let applied = key_dates::apply(cx, plan)?;
        let detail = match &applied {
            Applied::Now { deal_id, .. } | Applied::Already { deal_id } => Some(view::get(cx, *deal_id)?),
            // It is committed, with the fresh plan, and refused afterwards.
            Applied::Stale { .. } => None,
        };
        Ok((applied, detail))
    };
    let done = desk.write(verb)?;
    let (applied, detail) = done.value;
    let fresh = match &applied {
        Applied::Stale { fresh } => says::dates::stale(fresh),
        _ => String::new(),
    };
    let applied = applied.or_refuse().map_err(|refusal| Stop::Shown(Box::new(refusal), fresh))?;
    let mut json = Written::<Detail>::beside(done.receipt, &detail);
    let text = match &applied {
        Applied::Now { applied, kept, undo_token, .. } => {
            json["applied"] = json!(applied);
            json["kept"] = json!(kept);
            json["undo_token"] = json!(undo_token);
            says::dates::applied(applied, *undo_token)
        }
        _ => {
            json["note"] = Value::from(says::dates::ALREADY);
            says::dates::ALREADY.to_owned()
        }
    };
    Ok(Answer::new(text, json))
}
