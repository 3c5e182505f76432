//! Finding things by their words: one index for everything that has a name, kept in the transaction of each change.
//!
//! What is kept of a text are its words as [`fold`] makes them, the same for both databases. They are terms of an index of
//! full text: SQLite's FTS5, and a GIN index over `tsvector` on PostgreSQL. Each thing has these terms:
//!
//! | term | stands for |
//! |---|---|
//! | `oak` | a word of its title or of its text |
//! | `+oak` | a word of its title |
//! | `_kdeal` | its kind |
//! | `_p3` | its place |
//! | `_w<workspace>` | its workspace |
//!
//! Things are found in the order of their numbers, the highest first. A number is made of a thing's [`Place`] and of when its
//! words were last written, so that a database has the order of the answer from its index.

pub mod fold;
mod store;

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::kernel::canonical::{hex, sha256};
use crate::kernel::id::WorkspaceId;
use crate::kernel::{Cx, Fault};

pub use store::{Asked, FIND_LITE, Found, find, form, note_form};

/// Raised when words are made in another way or of other texts: then everything is indexed anew.
pub const FORM: i32 = 1;

/// What stands before what, of things that are found equally well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// What tells of something else, such as a message that was sent.
    Last = 0,
    Third = 1,
    Second = 2,
    First = 3,
}

/// A thing that can be found.
#[derive(Clone, Debug)]
pub struct Document {
    pub kind: &'static str,
    pub id: Uuid,
    pub place: Place,
    /// What it is called; found here, it comes before what is found elsewhere.
    pub title: String,
    /// What else it is found by.
    pub text: String,
}

impl Document {
    /// Its terms, in order, each once.
    fn terms(&self, workspace: WorkspaceId) -> String {
        let place = format!("_p{}", self.place as i64);
        let mut terms = BTreeSet::from([of_workspace(workspace), of_kind(self.kind), place]);
        for word in fold::words(&self.title) {
            terms.insert(format!("+{word}"));
            terms.insert(word);
        }
        terms.extend(fold::words(&self.text));
        terms.into_iter().collect::<Vec<_>>().join(" ")
    }
}

fn of_workspace(workspace: WorkspaceId) -> String {
    format!("_w{}", workspace.0.simple())
}

fn of_kind(kind: &str) -> String {
    format!("_k{kind}")
}

/// What is remembered of terms, to see whether they are others.
fn mark(terms: &str) -> String {
    let mut mark = hex(&sha256(&[terms.as_bytes()]));
    mark.truncate(32);
    mark
}

/// The words of things that are new or whose words may have changed. What has the same words as before stays where it is.
pub fn put(cx: &mut Cx<'_>, documents: &[Document]) -> Result<(), Fault> {
    let known = store::known(cx, documents)?;
    let workspace = cx.workspace();
    let changed = documents.iter().filter(|document| {
        let before = known.get(&(document.kind, document.id));
        before.is_none_or(|before| before.mark != mark(&document.terms(workspace)))
    });
    let changed: Vec<&Document> = changed.collect();
    let gone: Vec<i64> =
        changed.iter().filter_map(|d| known.get(&(d.kind, d.id))).map(|known| known.number).collect();
    store::forget(cx, &gone)?;
    store::add(cx, &changed, When::Now)
}

/// The words of things that were made in this transaction.
pub fn put_new(cx: &mut Cx<'_>, documents: &[Document]) -> Result<(), Fault> {
    store::add(cx, &documents.iter().collect::<Vec<_>>(), When::Now)
}

/// The words of things that were there before the index was; those that are in it by now stay as they are. Each comes to
/// stand where it would if it had been indexed when it was made, which its id tells.
pub fn put_missing(cx: &mut Cx<'_>, documents: &[Document]) -> Result<(), Fault> {
    store::add(cx, &documents.iter().collect::<Vec<_>>(), When::Made)
}

/// Takes things out that are there no more.
pub fn remove(cx: &mut Cx<'_>, kind: &'static str, ids: &[Uuid]) -> Result<(), Fault> {
    let numbers = store::numbers(cx, kind, ids)?;
    store::forget(cx, &numbers)
}

/// Takes everything of the workspace out, to index it anew.
pub fn clear(cx: &mut Cx<'_>) -> Result<(), Fault> {
    store::clear(cx)
}

/// Since when the words of a thing are what they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    Made,
}

/// Bits of a number under those for the time: room for all that is written within a millisecond.
const ROOM: u32 = 19;
/// Bits for milliseconds since 1970, which last until the year 2109.
const TIME: u32 = 42;

/// The lowest number of a place at an instant.
fn number(place: Place, at: Timestamp) -> i64 {
    let millis = at.as_millisecond().clamp(0, (1 << TIME) - 1);
    first_of(place) | (millis << ROOM)
}

fn first_of(place: Place) -> i64 {
    (place as i64) << (TIME + ROOM)
}

/// When an id was made, as it says itself; `None` for one that does not say.
fn made_at(id: Uuid) -> Option<Timestamp> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}

/// The last bits of an id, which are random.
fn chance(id: Uuid, bits: u32) -> i64 {
    let low = u64::try_from(id.as_u128() & u128::from(u64::MAX)).unwrap_or(0);
    i64::try_from(low & ((1 << bits) - 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_thing_has_a_higher_number_and_places_do_not_mix() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (then, now, far) =
            (at("2026-11-21T09:00:00Z"), at("2026-11-21T09:00:00.001Z"), at("2109-01-01T00:00:00Z"));
        assert!(number(Place::First, then) < number(Place::First, now));
        for pair in [Place::Last, Place::Third, Place::Second, Place::First].windows(2) {
            assert!(number(pair[0], far) < number(pair[1], Timestamp::UNIX_EPOCH));
        }
        assert!(number(Place::First, Timestamp::MAX) > 0 && number(Place::Last, Timestamp::MIN) == 0);
    }

    #[test]
    fn a_thing_is_found_by_these_terms() {
        let document = Document {
            kind: "deal",
            id: Uuid::nil(),
            place: Place::First,
            title: "12 Oak Street".into(),
            text: "12 Oak Street, Évry_w1".into(),
        };
        let terms = document.terms(WorkspaceId(Uuid::nil()));
        let own = "_w00000000000000000000000000000000";
        assert_eq!(terms, format!("+12 +oak +street 12 _kdeal _p3 {own} evry oak street w1"));
    }

    #[test]
    fn an_id_says_when_it_was_made() {
        let now: Timestamp = "2026-11-21T09:00:00.123Z".parse().unwrap();
        let id = crate::kernel::cx::mint(now, 1, &crate::kernel::cx::Seeded::new(7));
        assert_eq!(made_at(id), Some(now));
        assert_eq!(made_at(Uuid::from_u128(u128::MAX)), None);
        assert!((0..1 << 16).contains(&chance(id, 16)));
    }
}
