//! What happened: one append-only, hash-chained log for each workspace.
//!
//! It is the only event mechanism: audit, feed, live updates, automation and analytics all read it.
//!
//! # The canonical form
//! A row's *leaf* is `SHA-256(0x00 || canonical)`, where `canonical` is the [canonical JSON](super::canonical) of
//! `["milepost.event.v1", workspace, sequence, id, at, actor_kind, actor_id, actor_name, source, correlation_id,
//! subject_kind, subject_id, event, data, personal_hash]`; instants are RFC 3339 UTC with six decimals, ids lower case.
//! The 0x00 is RFC 6962's leaf prefix, so that the same leaves can go into its Merkle tree.
//! A row's *chain* is `SHA-256(0x02 || previous chain || leaf)`; before the first row stands the SHA-256 of
//! `milepost.chain.v1` and the workspace's id.
//!
//! Personal data (names, addresses, numbers of people) stand beside the row, under a salt: the leaf holds only
//! `SHA-256(salt || canonical JSON)`. Erasing them leaves the log whole.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::both;
use crate::kernel::actor::Principal;
use crate::kernel::canonical::{self, hex, sha256};
use crate::kernel::column::{At, instant_text};
use crate::kernel::id::{CorrelationId, EventId, WorkspaceId};
use crate::kernel::schema::{audit_heads, events};
use crate::kernel::{Conn, Fault};

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub kind: String,
    pub id: Uuid,
}

impl Subject {
    pub fn new(kind: &str, id: Uuid) -> Self {
        Self { kind: kind.to_owned(), id }
    }
}

/// A fact of one slice. The payload is the serialized value without its tag; it must hold no floating point.
pub trait Fact: Serialize {
    /// Such as `milestone.completed`. Part of the contract; never renamed.
    fn name(&self) -> &'static str;

    /// Data about people, which can be erased without breaking the log.
    fn personal(&self) -> Option<Value> {
        None
    }
}

/// A fact that waits for the end of its transaction.
pub(crate) struct Pending {
    pub id: EventId,
    pub subject: Subject,
    pub name: &'static str,
    pub data: Value,
    pub personal: Option<Value>,
    pub salt: [u8; 16],
}

/// What a write left in the log: the proof that it happened, which anybody may look up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
pub struct Receipt {
    pub event_id: EventId,
    /// The place in the workspace's log, counted from 1 without gaps.
    pub sequence: i64,
    /// What happened, such as `milestone.completed`.
    pub event: String,
    /// The fields that changed.
    pub changed: Vec<String>,
}

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = events)]
#[diesel(treat_none_as_default_value = false)]
pub struct EventRow {
    pub workspace_id: WorkspaceId,
    pub seq: i64,
    pub id: EventId,
    #[diesel(serialize_as = At, deserialize_as = At)]
    pub at: jiff::Timestamp,
    pub actor_kind: String,
    pub actor_id: Option<AnyId>,
    pub actor_name: String,
    pub source: String,
    pub correlation_id: CorrelationId,
    pub subject_kind: String,
    pub subject_id: AnyId,
    pub event: String,
    pub data: String,
    pub personal: Option<String>,
    pub personal_salt: Option<String>,
    pub personal_hash: Option<String>,
    pub leaf: String,
    pub chain: String,
}

crate::ids! {
    /// An id whose kind stands beside it.
    AnyId,
}

impl EventRow {
    /// The leaf as the row's content says it should be. An error when `data` is no JSON.
    pub fn expected_leaf(&self) -> Result<String, serde_json::Error> {
        let data: Value = serde_json::from_str(&self.data)?;
        let form = json!([
            "milepost.event.v1",
            self.workspace_id,
            self.seq,
            self.id,
            instant_text(self.at),
            self.actor_kind,
            self.actor_id,
            self.actor_name,
            self.source,
            self.correlation_id,
            self.subject_kind,
            self.subject_id,
            self.event,
            data,
            self.personal_hash,
        ]);
        Ok(hex(&sha256(&[&[0], &canonical::bytes(&form)])))
    }

    /// Whether `data` is written as it always is. What another spelling hides, such as a key given twice, would not
    /// show in the leaf.
    pub fn is_canonical(&self) -> bool {
        serde_json::from_str(&self.data).is_ok_and(|data: Value| canonical::bytes(&data) == self.data.as_bytes())
    }

    /// The hash that the personal part must have; `None` when it was erased or never there.
    pub fn expected_personal_hash(&self) -> Option<String> {
        let (personal, salt) = (self.personal.as_ref()?, self.personal_salt.as_ref()?);
        Some(hex(&sha256(&[salt.as_bytes(), personal.as_bytes()])))
    }
}

/// The chain value before the first row.
pub fn chain_start(workspace: WorkspaceId) -> String {
    hex(&sha256(&[b"milepost.chain.v1", workspace.to_string().as_bytes()]))
}

/// The chain value of a row after the one before it.
pub fn chain_next(previous: &str, leaf: &str) -> String {
    hex(&sha256(&[&[2], previous.as_bytes(), leaf.as_bytes()]))
}

/// Appends the facts in order. Takes the workspace's head lock, so it stands last in the transaction.
pub(crate) fn append(
    conn: &mut Conn,
    principal: &Principal,
    correlation: CorrelationId,
    now: jiff::Timestamp,
    pending: &[Pending],
) -> Result<Vec<Receipt>, Fault> {
    if pending.is_empty() {
        return Ok(Vec::new());
    }
    let workspace = principal.workspace;
    let (mut seq, mut chain) = lock_head(conn, workspace)?;
    let mut rows = Vec::with_capacity(pending.len());
    let mut receipts = Vec::with_capacity(pending.len());
    for fact in pending {
        seq += 1;
        let salt = hex(&fact.salt);
        let personal = fact.personal.as_ref().map(|p| String::from_utf8_lossy(&canonical::bytes(p)).into_owned());
        let mut row = EventRow {
            workspace_id: workspace,
            seq,
            id: fact.id,
            at: now,
            actor_kind: principal.actor.kind.to_string(),
            actor_id: principal.actor.id.map(AnyId),
            actor_name: principal.actor.name.clone(),
            source: principal.source.to_string(),
            correlation_id: correlation,
            subject_kind: fact.subject.kind.clone(),
            subject_id: AnyId(fact.subject.id),
            event: fact.name.to_owned(),
            data: String::from_utf8_lossy(&canonical::bytes(&fact.data)).into_owned(),
            personal_salt: personal.as_ref().map(|_| salt),
            personal,
            personal_hash: None,
            leaf: String::new(),
            chain: String::new(),
        };
        row.personal_hash = row.expected_personal_hash();
        row.leaf = row.expected_leaf().map_err(|error| Fault::Corrupt(error.to_string()))?;
        row.chain = chain_next(&chain, &row.leaf);
        chain.clone_from(&row.chain);
        receipts.push(Receipt {
            event_id: row.id,
            sequence: seq,
            event: row.event.clone(),
            changed: changed_fields(&fact.data),
        });
        rows.push(row);
    }
    // SQLite takes at most 32,766 binds a statement.
    for some in rows.chunks(500) {
        let some = some.to_vec();
        both!(&mut *conn, |c| diesel::insert_into(events::table).values(some).execute(c))?;
    }
    both!(&mut *conn, |c| {
        diesel::update(audit_heads::table.find(workspace))
            .set((audit_heads::seq.eq(seq), audit_heads::chain.eq(&chain)))
            .execute(c)
    })?;
    Ok(receipts)
}

fn lock_head(conn: &mut Conn, workspace: WorkspaceId) -> Result<(i64, String), Fault> {
    let first = (
        audit_heads::workspace_id.eq(workspace),
        audit_heads::seq.eq(0_i64),
        audit_heads::chain.eq(chain_start(workspace)),
    );
    let find = audit_heads::table.find(workspace).select((audit_heads::seq, audit_heads::chain));
    let look = |conn: &mut Conn| match conn {
        Conn::Pg(c) => find.for_update().first::<(i64, String)>(&mut **c).optional(),
        Conn::Lite(c) => find.first::<(i64, String)>(&mut **c).optional(),
    };
    if let Some(head) = look(conn)? {
        return Ok(head);
    }
    both!(&mut *conn, |c| {
        diesel::insert_into(audit_heads::table).values(first).on_conflict_do_nothing().execute(c)
    })?;
    look(conn)?.ok_or_else(|| Fault::Corrupt("the audit head is missing".into()))
}

/// Of a change the fields that differ; of a new thing all that it has.
pub(crate) fn changed_fields(data: &Value) -> Vec<String> {
    match (data.get("before"), data.get("after"), data) {
        (Some(Value::Object(was)), Some(Value::Object(is)), _) => {
            let gone = was.keys().filter(|key| !is.contains_key(*key));
            let differ = is.iter().filter(|(key, value)| was.get(*key) != Some(*value)).map(|(key, _)| key);
            differ.chain(gone).cloned().collect()
        }
        // One word before and one after: a step from one status to another.
        (Some(Value::String(_)), Some(Value::String(_)), _) => vec!["status".into()],
        (_, _, Value::Object(map)) => map.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

/// The fields that differ, as they were and as they are: `{"before": {..}, "after": {..}}` with the same keys in both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub before: Map<String, Value>,
    pub after: Map<String, Value>,
}

impl Change {
    pub fn between(before: &impl Serialize, after: &impl Serialize) -> Self {
        let object = |value: Result<Value, _>| match value {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        };
        let (old, new) = (object(serde_json::to_value(before)), object(serde_json::to_value(after)));
        let mut change = Self::default();
        for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
            let (was, is) = (old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null));
            if was != is {
                change.before.insert(key.clone(), was.clone());
                change.after.insert(key.clone(), is.clone());
            }
        }
        change
    }

    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }
}
