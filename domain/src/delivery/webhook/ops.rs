//! Adding programs that listen, changing what they hear, and telling them the log.

use std::collections::{BTreeMap, HashMap};

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::sealed::{Carried, Place, Vault};
use super::target::{self, Allowed};
use super::view::{EndpointView, view};
use super::{Endpoint, EndpointStatus, Event, rules, store};
use crate::delivery::notify::ops::{Team, tell};
use crate::delivery::notify::{Telling, Urgency};
use crate::delivery::outbox::{self, Enqueued};
use crate::delivery::template::{Templates, first_name};
use crate::delivery::{Content, NewMessage, Priority, Purpose, To};
use crate::kernel::event::{Change, EventRow};
use crate::kernel::id::{EndpointId, EventId, MessageId};
use crate::kernel::{Code, Cx, Fault, No, Problem, Refusal, Subject, text};
use crate::people::reach::{Channel, Topic};
use crate::workspace::access::{Require, Role, Verb};

/// Endpoints of a workspace.
pub const MOST: usize = 20;
/// Events that one call of [`fan_out`] looks at for an endpoint.
pub const BATCH: i64 = 200;
/// For how long an endpoint is tried to be told of an event, whatever keeps it from answering. A little more than all of
/// its tries take; then the event has expired, and a person may replay it.
const LONGEST_TELLING: SignedDuration = SignedDuration::from_hours(4 * 24);

fn subject(id: EndpointId) -> Subject {
    Subject::new("endpoint", id.0)
}

/// What came of a verb on an endpoint that may have been done before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub endpoint: EndpointView,
    /// Set when nothing was changed, and why.
    pub already: Option<String>,
}

fn done(cx: &Cx<'_>, endpoint: &Endpoint) -> Outcome {
    Outcome { endpoint: view(endpoint, cx.now()), already: None }
}

fn unchanged(cx: &Cx<'_>, endpoint: &Endpoint, why: &str) -> Outcome {
    Outcome { endpoint: view(endpoint, cx.now()), already: Some(why.to_owned()) }
}

fn hold(cx: &mut Cx<'_>, id: EndpointId, version: Option<i64>) -> Result<Endpoint, No> {
    let found = store::hold(cx, id)?.filter(|endpoint| endpoint.status != EndpointStatus::Removed);
    let endpoint = found.ok_or_else(|| Refusal::not_found("endpoint"))?;
    match version {
        Some(yours) if yours != endpoint.version => {
            Err(Refusal::stale("endpoint", yours, endpoint.version).into())
        }
        _ => Ok(endpoint),
    }
}

fn save(cx: &mut Cx<'_>, endpoint: &mut Endpoint, event: &Event) -> Result<Outcome, No> {
    endpoint.version += 1;
    store::update(cx, endpoint)?;
    cx.record(subject(endpoint.id), event)?;
    Ok(done(cx, endpoint))
}

fn host_of(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct AddEndpoint {
    /// `https://...`, public.
    pub url: String,
    /// Which events it is told of: `*`, `milestone.*`, `deal.created`.
    pub events: Vec<String>,
    /// Sent along with each call.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// Adds a program that listens; it is told of what happens from now on.
///
/// `allowed` is what the installation's settings say. The secret is not part of the answer: it derives from the
/// installation's key and the endpoint's `secret_version`. What the headers carry is sealed in the `vault`.
pub fn add(cx: &mut Cx<'_>, cmd: &AddEndpoint, allowed: &Allowed, vault: &dyn Vault) -> Result<EndpointView, No> {
    cx.require(Verb::ManageEndpoints)?;
    let mut problems: Vec<Problem> = Vec::new();
    let url = target::check("url", &cmd.url, allowed).map_err(|p| problems.push(p)).ok();
    let events = rules::filters(&cmd.events).map_err(|p| problems.push(p)).unwrap_or_default();
    let headers = rules::headers(&cmd.headers).map_err(|p| problems.push(p)).unwrap_or_default();
    let Some(target) = url.filter(|_| problems.is_empty()) else { return Err(problems.into()) };
    let url = target.url.to_string();
    // Two who add at the same moment must not both be the last one.
    crate::workspace::tenant::store::hold(cx)?;
    let known = store::list(cx)?;
    if let Some(same) = known.iter().find(|endpoint| endpoint.url == url) {
        return Err(Refusal::new(
            Code::AlreadyExists,
            format!("url: the endpoint {} listens there already. Nothing was changed.", same.id),
            "Change that one, or remove it first.",
        )
        .into());
    }
    if known.len() >= MOST {
        return Err(Refusal::new(
            Code::WrongState,
            format!("There are {MOST} endpoints already, and that is the most. Nothing was changed."),
            "Remove one that nobody needs.",
        )
        .into());
    }
    let id = EndpointId(cx.mint());
    let endpoint = Endpoint {
        id,
        headers: sealed(cx, (id, url.as_str()), headers, vault),
        url,
        events,
        status: EndpointStatus::Active,
        disabled_why: None,
        secret_version: 1,
        previous_until: None,
        cursor: store::head(cx)?,
        created_at: cx.now(),
        version: 1,
    };
    store::insert(cx, &endpoint)?;
    let event = Event::Added {
        host: host_of(&endpoint.url),
        events: endpoint.events.clone(),
        headers: endpoint.headers.keys().cloned().collect(),
    };
    cx.record(subject(endpoint.id), &event)?;
    Ok(view(&endpoint, cx.now()))
}

/// Each value sealed for its place.
fn sealed(
    cx: &Cx<'_>,
    (endpoint, address): (EndpointId, &str),
    headers: BTreeMap<String, String>,
    vault: &dyn Vault,
) -> BTreeMap<String, Carried> {
    let workspace = cx.workspace();
    let seal = |(header, value): (String, String)| {
        let place = Place { workspace, endpoint, address, header: &header };
        let sealed = vault.seal(&place, cx.random(), &value);
        (header, Carried::Sealed { sealed })
    };
    headers.into_iter().map(seal).collect()
}

/// The headers as they are to be kept: what is carried already stays as it is sealed.
fn resealed(
    cx: &Cx<'_>,
    endpoint: &Endpoint,
    wanted: Option<BTreeMap<String, String>>,
    vault: &dyn Vault,
) -> BTreeMap<String, Carried> {
    let (workspace, id, address) = (cx.workspace(), endpoint.id, endpoint.url.as_str());
    let open = |header: &str, carried: &Carried| {
        carried.open(&Place { workspace, endpoint: id, address, header }, vault).ok()
    };
    let mut kept = endpoint.headers.clone();
    if let Some(wanted) = &wanted {
        kept.retain(|header, carried| {
            wanted.get(header).is_some_and(|value| open(header, carried).as_ref() == Some(value))
        });
    }
    let plain = kept.iter().filter_map(|(header, carried)| match carried {
        Carried::Plain(value) => Some((header.clone(), value.clone())),
        Carried::Sealed { .. } => None,
    });
    let mut new: BTreeMap<String, String> = plain.collect();
    new.extend(wanted.unwrap_or_default().into_iter().filter(|(header, _)| !kept.contains_key(header)));
    kept.extend(sealed(cx, (id, address), new, vault));
    kept
}

pub fn list(cx: &mut Cx<'_>) -> Result<Vec<EndpointView>, No> {
    cx.require(Verb::ManageEndpoints)?;
    let now = cx.now();
    Ok(store::list(cx)?.iter().map(|endpoint| view(endpoint, now)).collect())
}

pub fn get(cx: &mut Cx<'_>, id: EndpointId) -> Result<EndpointView, No> {
    cx.require(Verb::ManageEndpoints)?;
    let found = store::find(cx, id)?.filter(|endpoint| endpoint.status != EndpointStatus::Removed);
    Ok(view(&found.ok_or_else(|| Refusal::not_found("endpoint"))?, cx.now()))
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ChangeEndpoint {
    pub id: EndpointId,
    /// The version you read; refused when it is no longer the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub version: Option<i64>,
    /// All events it is told of from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    pub events: Option<Vec<String>>,
    /// All headers that go along from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub headers: Option<BTreeMap<String, String>>,
}

/// Changes what an endpoint hears and what goes along. Its address never changes: another one is another endpoint. What an
/// earlier version kept unsealed is sealed by any change.
pub fn change(cx: &mut Cx<'_>, cmd: &ChangeEndpoint, vault: &dyn Vault) -> Result<Outcome, No> {
    cx.require(Verb::ManageEndpoints)?;
    let mut problems = Vec::new();
    let events =
        cmd.events.as_deref().map(rules::filters).transpose().map_err(|p| problems.push(p)).unwrap_or(None);
    let headers =
        cmd.headers.as_ref().map(rules::headers).transpose().map_err(|p| problems.push(p)).unwrap_or(None);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let mut endpoint = hold(cx, cmd.id, cmd.version)?;
    let before = endpoint.clone();
    endpoint.events = events.unwrap_or(endpoint.events);
    endpoint.headers = resealed(cx, &endpoint, headers, vault);
    if endpoint == before {
        return Ok(unchanged(cx, &endpoint, "The endpoint has these events and headers already."));
    }
    // What a header carries may be a secret; that it changed is enough.
    let shown = |e: &Endpoint| json!({ "events": e.events, "headers": e.headers.keys().collect::<Vec<_>>() });
    let event = Event::Changed(Change::between(&shown(&before), &shown(&endpoint)));
    save(cx, &mut endpoint, &event)
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct RotateSecret {
    pub id: EndpointId,
    /// Whether the secret before is void at once, as when somebody else got hold of it. Otherwise both sign for 24 h.
    #[serde(default)]
    pub at_once: bool,
}

/// Gives an endpoint its next secret.
pub fn rotate(cx: &mut Cx<'_>, cmd: &RotateSecret) -> Result<Outcome, No> {
    cx.require(Verb::ManageEndpoints)?;
    let mut endpoint = hold(cx, cmd.id, None)?;
    endpoint.secret_version += 1;
    endpoint.previous_until = rules::overlap(cx.now(), cmd.at_once);
    let event =
        Event::SecretRotated { secret_version: endpoint.secret_version, previous_until: endpoint.previous_until };
    save(cx, &mut endpoint, &event)
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct DisableEndpoint {
    pub id: EndpointId,
    pub why: String,
}

/// Stops telling an endpoint anything. What waits for it is not sent either, and counts as not told.
pub fn disable(cx: &mut Cx<'_>, cmd: &DisableEndpoint) -> Result<Outcome, No> {
    cx.require(Verb::ManageEndpoints)?;
    let why = text::line("why", &cmd.why, text::REASON).map_err(|p| vec![p])?;
    let mut endpoint = hold(cx, cmd.id, None)?;
    if endpoint.status == EndpointStatus::Disabled {
        return Ok(unchanged(cx, &endpoint, "The endpoint is disabled already."));
    }
    stop(cx, &mut endpoint, why)
}

/// Its place in the log goes back to before what waits or is under way: from there it misses everything.
fn stop(cx: &mut Cx<'_>, endpoint: &mut Endpoint, why: String) -> Result<Outcome, No> {
    if let Some(occasion) = store::first_waiting(cx, endpoint.id)?
        && let Some(event) = event_of(endpoint.id, &occasion)
        && let Some(seq) = store::sequence(cx, event)?
    {
        endpoint.cursor = endpoint.cursor.min(seq - 1);
    }
    endpoint.status = EndpointStatus::Disabled;
    endpoint.disabled_why = Some(why.clone());
    save(cx, endpoint, &Event::Disabled { why })
}

/// Of what a message tells.
fn occasion(endpoint: EndpointId, event: EventId) -> String {
    format!("event:{endpoint}:{event}")
}

fn event_of(endpoint: EndpointId, occasion: &str) -> Option<EventId> {
    occasion.strip_prefix(&format!("event:{endpoint}:"))?.parse().ok()
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct EnableEndpoint {
    pub id: EndpointId,
    /// Tell it what happened after this event of the log; from now on when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    pub after: Option<i64>,
}

/// Tells a disabled endpoint again what happens.
pub fn enable(cx: &mut Cx<'_>, cmd: &EnableEndpoint) -> Result<Outcome, No> {
    cx.require(Verb::ManageEndpoints)?;
    let mut endpoint = hold(cx, cmd.id, None)?;
    let head = store::head(cx)?;
    if let Some(after) = cmd.after
        && !(0..=head).contains(&after)
    {
        return Err(
            vec![Problem::new("after", format!("must be between 0 and {head}, the log's last event."))].into()
        );
    }
    if endpoint.status == EndpointStatus::Active {
        return Ok(unchanged(cx, &endpoint, "The endpoint is active already."));
    }
    endpoint.status = EndpointStatus::Active;
    endpoint.disabled_why = None;
    endpoint.cursor = cmd.after.unwrap_or(head);
    let event = Event::Enabled { after: endpoint.cursor };
    save(cx, &mut endpoint, &event)
}

/// Forgets an endpoint's headers and tells it nothing any more. Its deliveries stay in the record.
pub fn remove(cx: &mut Cx<'_>, id: EndpointId) -> Result<EndpointView, No> {
    cx.require(Verb::ManageEndpoints)?;
    let mut endpoint = hold(cx, id, None)?;
    endpoint.status = EndpointStatus::Removed;
    endpoint.headers = BTreeMap::new();
    let event = Event::Removed { host: host_of(&endpoint.url) };
    Ok(save(cx, &mut endpoint, &event)?.endpoint)
}

/// Disables an endpoint that said it wants no more, and tells the workspace's owners and admins.
///
/// Part of settling a delivery; nothing happens when it is not active.
pub fn disable_gone(cx: &mut Cx<'_>, id: EndpointId, why: &str) -> Result<(), No> {
    let Some(mut endpoint) = store::hold(cx, id)?.filter(|e| e.status == EndpointStatus::Active) else {
        return Ok(());
    };
    let why: String = why.chars().take(text::REASON).collect();
    stop(cx, &mut endpoint, why.clone())?;
    let host = host_of(&endpoint.url);
    let next = format!(
        "Nothing more is sent to it. When it listens again, enable it: milepost endpoint enable {id} (with --after {} it \
         is told what it missed).",
        endpoint.cursor
    );
    let (team, templates) = (Team::load(cx)?, Templates::load()?);
    let mut alerts = Vec::new();
    for member in team.all().into_iter().filter(|m| matches!(m.role, Role::Owner | Role::Admin)) {
        let context = json!({
            "name": first_name(&member.name),
            "title": format!("The webhook to {host} was disabled"),
            "why": why,
            "next": next,
        });
        alerts.push(Telling {
            member: member.id,
            topic: Topic::Alert,
            urgency: Urgency::Important,
            words: templates.render("alert", &context)?,
            subject: Some(subject(id)),
            occasion: format!("alert:endpoint:{id}:{}:{}", endpoint.version, member.id),
            deal_id: None,
            at: cx.now(),
            expires_at: None,
            also: None,
            card: None,
        });
    }
    tell(cx, &team, &alerts)?;
    Ok(())
}

/// What a channel needs to call an endpoint now.
#[derive(Clone, Debug)]
pub struct Way {
    pub endpoint: EndpointId,
    pub headers: BTreeMap<String, Carried>,
    /// The numbers of the secrets that sign, the newest first.
    pub secret_versions: Vec<i32>,
}

/// How to call an endpoint; `None` when nothing may be sent to it.
pub fn way(cx: &mut Cx<'_>, id: EndpointId) -> Result<Option<Way>, No> {
    let now = cx.now();
    let endpoint = store::find(cx, id)?.filter(|endpoint| endpoint.status == EndpointStatus::Active);
    Ok(endpoint.map(|endpoint| Way {
        endpoint: id,
        secret_versions: endpoint.secret_versions(now),
        headers: endpoint.headers,
    }))
}

/// Whether [`fan_out`] would find something. Cheap, and only looks.
pub fn is_behind(cx: &mut Cx<'_>) -> Result<bool, No> {
    Ok(store::is_behind(cx)?)
}

/// What one look at the log came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub messages: usize,
    /// Whether there is more to look at now.
    pub more: bool,
}

/// Puts a message into the outbox for each event of the log that an endpoint waits for, at most [`BATCH`] events an
/// endpoint. Part of a loop: it may be killed anywhere and run by several at once, and each event is told once.
///
/// Events about these messages themselves are left out, so that telling never brings forth more to tell.
pub fn fan_out(cx: &mut Cx<'_>) -> Result<Told, No> {
    let head = store::head(cx)?;
    let endpoints = store::hold_behind(cx, head)?;
    let mut told = Told::default();
    // Endpoints stand mostly at the same place.
    let mut read: HashMap<i64, Vec<EventRow>> = HashMap::new();
    for endpoint in endpoints {
        let rows = match read.get(&endpoint.cursor) {
            Some(rows) => rows.clone(),
            None => {
                let rows = worth_telling(cx, endpoint.cursor, &mut told.more)?;
                read.insert(endpoint.cursor, rows.clone());
                rows
            }
        };
        let wanted = rows.iter().filter(|row| rules::wants(&endpoint.events, &row.event));
        let new = wanted.map(|row| message(cx, &endpoint, row)).collect::<Result<Vec<_>, Fault>>()?;
        let queued = outbox::ops::enqueue(cx, &new)?;
        let known: Vec<MessageId> = queued
            .iter()
            .filter_map(|one| match one {
                Enqueued::AlreadyQueued(id) => Some(*id),
                Enqueued::New(_) => None,
            })
            .collect();
        // Only where the endpoint was enabled from an earlier place: what it missed there is told under the same ids.
        told.messages += queued.len() - known.len() + outbox::ops::tell_again(cx, &known)?;
        store::advance(cx, endpoint.id, (endpoint.cursor + BATCH).min(head))?;
    }
    Ok(told)
}

/// The next events after a place in the log, without those that would echo, and those of edits: a program hears of the message itself.
fn worth_telling(cx: &mut Cx<'_>, after: i64, more: &mut bool) -> Result<Vec<EventRow>, Fault> {
    let mut rows = store::log_after(cx, after, BATCH + 1)?;
    *more |= rows.len() as i64 > BATCH;
    rows.truncate(BATCH as usize);
    let about = |row: &EventRow| (row.subject_kind == "message").then_some(MessageId(row.subject_id.0));
    let ids: Vec<MessageId> = rows.iter().filter_map(about).collect();
    let kinds: HashMap<MessageId, (Channel, Topic)> =
        store::kinds(cx, &ids)?.into_iter().map(|(id, channel, topic)| (id, (channel, topic))).collect();
    let edits = store::edits_among(cx, &ids)?;
    let is_edit = |row: &EventRow| about(row).is_some_and(|id| edits.contains(&id));
    rows.retain(|row| !rules::would_echo(about(row).and_then(|id| kinds.get(&id).copied())) && !is_edit(row));
    Ok(rows)
}

fn message(cx: &Cx<'_>, endpoint: &Endpoint, row: &EventRow) -> Result<NewMessage, Fault> {
    let data = rules::payload(row).map_err(|error| Fault::Corrupt(format!("event {}: {error}", row.id)))?;
    Ok(NewMessage {
        occasion: occasion(endpoint.id, row.id),
        topic: Topic::Event,
        purpose: Purpose::Internal,
        channel: Channel::Webhook,
        to: To::Endpoint(endpoint.id),
        address: endpoint.url.clone(),
        deal_id: None,
        approval_id: None,
        batch_id: None,
        content: Content {
            subject: row.event.clone(),
            text: format!("{} (event {} of the log)", row.event, row.seq),
            data: Some(data),
            ..Content::default()
        },
        priority: Priority::Usual,
        due_at: cx.now(),
        expires_at: cx.now().checked_add(LONGEST_TELLING).ok(),
    })
}
