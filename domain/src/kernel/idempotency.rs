//! The same key, the same answer: a write that was asked for twice is done once.

use diesel::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::both;
use crate::kernel::canonical::{self, hex, sha256};
use crate::kernel::column::At;
use crate::kernel::schema::idempotency_keys;
use crate::kernel::{Code, Conn, Cx, Fault, No, Problem, Receipt, Refusal, Work};

/// How long an answer is kept. Hours.
pub const KEPT_HOURS: i64 = 24 * 7;

/// A write's answer, as it was given the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer<T> {
    pub value: T,
    pub receipts: Vec<Receipt>,
    /// Whether this is the answer to an earlier call with the same key.
    #[serde(skip)]
    pub repeated: bool,
}

/// A key as the caller chose it: 1 to 200 visible ASCII characters.
#[derive(Clone, Debug)]
pub struct Key(String);

impl Key {
    pub fn parse(text: &str) -> Result<Self, Problem> {
        if (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Problem::new("idempotency_key", "must be 1 to 200 visible ASCII characters without spaces."))
        }
    }
}

impl Work<'_> {
    /// Does `f` once for each key and actor, in the same transaction as the record of its answer.
    ///
    /// `verb` and `command` are what the key stands for: the same key with another of either is refused.
    pub fn write_once<C: Serialize, T: Serialize + DeserializeOwned>(
        &self,
        key: Option<&Key>,
        verb: &str,
        command: &C,
        mut f: impl FnMut(&mut Cx<'_>) -> Result<T, No>,
    ) -> Result<Answer<T>, No> {
        let Some(key) = key else {
            let done = self.write(f)?;
            return Ok(Answer { value: done.value, receipts: done.receipts, repeated: false });
        };
        let command = serde_json::to_value(command).map_err(|error| Fault::Corrupt(error.to_string()))?;
        let request = hex(&sha256(&[verb.as_bytes(), b"\n", &canonical::bytes(&command)]));
        self.write_answering(|cx| {
            if let Some(stored) = claim(cx, key, verb, &request)? {
                return stored;
            }
            let value = f(cx)?;
            let answer = Answer { value, receipts: cx.append()?, repeated: false };
            keep(cx, key, &answer)?;
            Ok(answer)
        })
    }
}

type Stored<T> = Option<Result<Answer<T>, No>>;

fn claim<T: DeserializeOwned>(cx: &mut Cx<'_>, key: &Key, verb: &str, request: &str) -> Result<Stored<T>, Fault> {
    let (workspace, actor, now) = (cx.workspace(), cx.actor().key(), cx.now());
    let row = (
        idempotency_keys::workspace_id.eq(workspace),
        idempotency_keys::actor.eq(&actor),
        idempotency_keys::key.eq(&key.0),
        idempotency_keys::verb.eq(verb),
        idempotency_keys::request_hash.eq(request),
        idempotency_keys::created_at.eq(At(now)),
    );
    let since = At(now - jiff::SignedDuration::from_hours(KEPT_HOURS));
    both!(cx.conn(), |c| {
        diesel::delete(idempotency_keys::table)
            .filter(idempotency_keys::workspace_id.eq(workspace))
            .filter(idempotency_keys::created_at.lt(since))
            .execute(c)
    })?;
    // On PostgreSQL a second caller waits here until the first one is done.
    let new = both!(cx.conn(), |c| {
        diesel::insert_into(idempotency_keys::table).values(row).on_conflict_do_nothing().execute(c)
    })?;
    if new == 1 {
        return Ok(None);
    }
    let (hash, answer): (String, Option<String>) = both!(cx.conn(), |c| {
        idempotency_keys::table
            .find((workspace, &actor, &key.0))
            .select((idempotency_keys::request_hash, idempotency_keys::answer))
            .first(c)
    })?;
    if hash != request {
        return Ok(Some(Err(Refusal::new(
            Code::KeyReused,
            "idempotency_key: this key was used before for another request. Nothing was changed.",
            "Use a new key for a new request, or repeat the first request exactly.",
        )
        .into())));
    }
    let answer = answer.ok_or_else(|| Fault::Corrupt("an idempotency key without an answer".into()))?;
    let mut answer: Answer<T> =
        serde_json::from_str(&answer).map_err(|error| Fault::Corrupt(error.to_string()))?;
    answer.repeated = true;
    Ok(Some(Ok(answer)))
}

fn keep<T: Serialize>(cx: &mut Cx<'_>, key: &Key, answer: &Answer<T>) -> Result<(), Fault> {
    let text = serde_json::to_string(answer).map_err(|error| Fault::Corrupt(error.to_string()))?;
    let (workspace, actor) = (cx.workspace(), cx.actor().key());
    let conn: &mut Conn = cx.conn();
    both!(conn, |c| {
        diesel::update(idempotency_keys::table.find((workspace, &actor, &key.0)))
            .set(idempotency_keys::answer.eq(&text))
            .execute(c)
    })?;
    Ok(())
}
