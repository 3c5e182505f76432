//! The index in the database. Diesel knows neither of its kinds of table, so most of it is said in SQL.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Document, FORM, Place, ROOM, TIME, When, chance, first_of, made_at, mark, number, of_kind, of_workspace,
};
use crate::both;
use crate::kernel::column;
use crate::kernel::event::AnyId;
use crate::kernel::schema::{search_documents, search_forms};
use crate::kernel::{Conn, Cx, Fault};

/// Bits by which those who write at the same time step aside of each other, so that nobody waits for anybody's number.
const ASIDE: u32 = 15;
/// Rows of one statement.
const BATCH: usize = 500;

/// What is kept of a thing.
pub(super) struct Kept {
    pub number: i64,
    pub mark: String,
}

/// Those of these things that are in the index.
pub(super) fn known(
    cx: &mut Cx<'_>,
    documents: &[Document],
) -> Result<HashMap<(&'static str, Uuid), Kept>, Fault> {
    let workspace = cx.workspace();
    let mut by_kind: BTreeMap<&'static str, Vec<AnyId>> = BTreeMap::new();
    for document in documents {
        by_kind.entry(document.kind).or_default().push(AnyId(document.id));
    }
    let mut found = HashMap::new();
    for (kind, ids) in by_kind {
        for some in ids.chunks(BATCH) {
            let rows: Vec<(AnyId, i64, String)> = both!(cx.conn(), |c| {
                search_documents::table
                    .filter(search_documents::workspace_id.eq(workspace))
                    .filter(search_documents::kind.eq(kind))
                    .filter(search_documents::subject_id.eq_any(some))
                    .select((search_documents::subject_id, search_documents::number, search_documents::mark))
                    .load(c)
            })?;
            found.extend(rows.into_iter().map(|(id, number, mark)| ((kind, id.0), Kept { number, mark })));
        }
    }
    Ok(found)
}

pub(super) fn numbers(cx: &mut Cx<'_>, kind: &str, ids: &[Uuid]) -> Result<Vec<i64>, Fault> {
    let workspace = cx.workspace();
    let ids: Vec<AnyId> = ids.iter().copied().map(AnyId).collect();
    Ok(both!(cx.conn(), |c| {
        search_documents::table
            .filter(search_documents::workspace_id.eq(workspace))
            .filter(search_documents::kind.eq(kind))
            .filter(search_documents::subject_id.eq_any(ids))
            .select(search_documents::number)
            .load(c)
    })?)
}

pub(super) fn forget(cx: &mut Cx<'_>, numbers: &[i64]) -> Result<(), Fault> {
    let workspace = cx.workspace();
    for some in numbers.chunks(BATCH) {
        both!(cx.conn(), |c| {
            diesel::delete(search_documents::table)
                .filter(search_documents::workspace_id.eq(workspace))
                .filter(search_documents::number.eq_any(some))
                .execute(c)
        })?;
        match cx.conn() {
            Conn::Pg(c) => {
                diesel::sql_query("DELETE FROM search_words WHERE workspace_id = $1 AND number = ANY($2)")
                    .bind::<column::Uuid, _>(workspace)
                    .bind::<diesel::sql_types::Array<BigInt>, _>(some)
                    .execute(&mut **c)?;
            }
            Conn::Lite(c) => {
                diesel::sql_query("DELETE FROM search_words WHERE rowid IN (SELECT value FROM json_each(?))")
                    .bind::<Text, _>(json!(some).to_string())
                    .execute(&mut **c)?;
            }
        }
    }
    Ok(())
}

pub(super) fn clear(cx: &mut Cx<'_>) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let all: Vec<i64> = both!(cx.conn(), |c| {
        search_documents::table
            .filter(search_documents::workspace_id.eq(workspace))
            .select(search_documents::number)
            .load(c)
    })?;
    forget(cx, &all)
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Adds things. Somebody who does the same at the same moment may be faster: with their words on a thing that was already
/// there, or with a number.
pub(super) fn add(cx: &mut Cx<'_>, documents: &[&Document], when: When) -> Result<(), Fault> {
    const TRIES: i64 = 8;
    let mut left: Vec<&Document> = documents.to_vec();
    for again in 0..TRIES {
        if left.is_empty() {
            return Ok(());
        }
        let mut not_added = Vec::new();
        for some in left.chunks(BATCH) {
            not_added.extend(add_some(cx, some, when, again)?);
        }
        if not_added.is_empty() {
            return Ok(());
        }
        let these: Vec<Document> = not_added.iter().map(|document| (*document).clone()).collect();
        let known = known(cx, &these)?;
        let there: Vec<i64> =
            not_added.iter().filter_map(|d| known.get(&(d.kind, d.id))).map(|known| known.number).collect();
        match when {
            // What is said now holds.
            When::Now => forget(cx, &there)?,
            When::Made => not_added.retain(|document| !known.contains_key(&(document.kind, document.id))),
        }
        left = not_added;
    }
    Err(Fault::Corrupt(format!("{} things could not be put into the index", left.len())))
}

/// Those that were not added.
fn add_some<'d>(
    cx: &mut Cx<'_>,
    documents: &[&'d Document],
    when: When,
    again: i64,
) -> Result<Vec<&'d Document>, Fault> {
    let workspace = cx.workspace();
    let numbered: Vec<(i64, &Document)> = match when {
        When::Now => next_numbers(cx, documents)?,
        When::Made => {
            let now = cx.now();
            let mut taken = HashSet::new();
            let mut of = |d: &Document| {
                let mut own = number(d.place, made_at(d.id).unwrap_or(now)) + chance(d.id, ROOM) + again;
                while !taken.insert(own) {
                    own += 1;
                }
                own
            };
            documents.iter().map(|document| (of(document), *document)).collect()
        }
    };
    let rows: Vec<Value> = numbered
        .iter()
        .map(|(number, document)| {
            let terms = document.terms(workspace);
            let mark = mark(&terms);
            json!({ "number": number, "kind": document.kind, "id": document.id, "mark": mark, "terms": terms })
        })
        .collect();
    let rows = Value::Array(rows).to_string();
    let added: Vec<Numbered> = match cx.conn() {
        Conn::Pg(c) => diesel::sql_query(
            // Terms have letters, digits, + and _ alone, so that in quotes each stands for itself.
            "WITH v AS (SELECT * FROM json_to_recordset($1::json) \
                AS v (number bigint, kind text, id uuid, mark text, terms text)), \
             d AS (INSERT INTO search_documents (workspace_id, number, kind, subject_id, mark) \
                SELECT $2, number, kind, id, mark FROM v ON CONFLICT DO NOTHING RETURNING number) \
             INSERT INTO search_words (workspace_id, number, words) \
                SELECT $2, v.number, ('''' || replace(v.terms, ' ', ''' ''') || '''')::tsvector \
                FROM v JOIN d ON d.number = v.number RETURNING number",
        )
        .bind::<Text, _>(&rows)
        .bind::<column::Uuid, _>(workspace)
        .load(&mut **c)?,
        Conn::Lite(c) => {
            let added: Vec<Numbered> = diesel::sql_query(
                "INSERT INTO search_documents (workspace_id, number, kind, subject_id, mark) \
                 SELECT ?2, value ->> 'number', value ->> 'kind', value ->> 'id', value ->> 'mark' \
                 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING RETURNING number",
            )
            .bind::<Text, _>(&rows)
            .bind::<column::Uuid, _>(workspace)
            .load(&mut **c)?;
            let numbers: Vec<i64> = added.iter().map(|row| row.number).collect();
            diesel::sql_query(
                "INSERT INTO search_words (rowid, words) SELECT value ->> 'number', value ->> 'terms' \
                 FROM json_each(?1) WHERE value ->> 'number' IN (SELECT value FROM json_each(?2))",
            )
            .bind::<Text, _>(&rows)
            .bind::<Text, _>(json!(numbers).to_string())
            .execute(&mut **c)?;
            added
        }
    };
    let added: HashSet<i64> = added.into_iter().map(|row| row.number).collect();
    Ok(numbered.into_iter().filter(|(number, _)| !added.contains(number)).map(|(_, document)| document).collect())
}

/// Numbers above all that there are in their places, in the order of the documents.
fn next_numbers<'d>(cx: &mut Cx<'_>, documents: &[&'d Document]) -> Result<Vec<(i64, &'d Document)>, Fault> {
    let mut next: BTreeMap<Place, i64> = BTreeMap::new();
    let mut numbered = Vec::with_capacity(documents.len());
    for document in documents {
        let place = document.place;
        let number = match next.get(&place) {
            Some(number) => *number,
            None => {
                let last = last_of(cx, place)?.map_or(0, |last| last + 1);
                number(place, cx.now()).max(last) + chance(document.id, ASIDE)
            }
        };
        next.insert(place, number + 1);
        numbered.push((number, *document));
    }
    Ok(numbered)
}

fn last_of(cx: &mut Cx<'_>, place: Place) -> Result<Option<i64>, Fault> {
    let workspace = cx.workspace();
    let (from, to) = (first_of(place), first_of(place) | ((1 << (TIME + ROOM)) - 1));
    Ok(match cx.conn() {
        Conn::Pg(c) => search_documents::table
            .filter(search_documents::workspace_id.eq(workspace))
            .filter(search_documents::number.between(from, to))
            .order(search_documents::number.desc())
            .select(search_documents::number)
            .first(&mut **c)
            .optional()?,
        // The numbers of an embedded database are those of its rows, so they are everybody's.
        Conn::Lite(c) => search_documents::table
            .filter(search_documents::number.between(from, to))
            .order(search_documents::number.desc())
            .select(search_documents::number)
            .first(&mut **c)
            .optional()?,
    })
}

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// As [`super::fold::words`] makes them. Each must be the beginning of a word of the thing.
    pub words: &'a [String],
    /// Any when empty.
    pub kinds: &'a [&'static str],
    /// Those that have all of the words in their titles, or only the others.
    pub in_title: bool,
    /// Only those with numbers below.
    pub below: i64,
    pub limit: i64,
}

/// A thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Found {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = column::Uuid)]
    pub subject_id: AnyId,
}

/// What SQLite is asked. (On PostgreSQL the function `search_numbers` asks.)
pub const FIND_LITE: &str = "SELECT d.number, d.kind, d.subject_id FROM search_words w \
    JOIN search_documents d ON d.number = w.rowid \
    WHERE w.search_words MATCH ? AND w.rowid < ? AND d.workspace_id = ? ORDER BY w.rowid DESC LIMIT ?";

/// At most `limit` things, those with the highest numbers at the front.
pub fn find(cx: &mut Cx<'_>, asked: &Asked<'_>) -> Result<Vec<Found>, Fault> {
    let workspace = cx.workspace();
    let own = of_workspace(workspace);
    match cx.conn() {
        Conn::Pg(c) => Ok(diesel::sql_query(
            "SELECT d.number, d.kind, d.subject_id FROM search_numbers($1, $2, $3) AS f (number) \
             JOIN search_documents d ON d.workspace_id = $4 AND d.number = f.number ORDER BY d.number DESC",
        )
        .bind::<Text, _>(question(&own, asked, &Tsquery))
        .bind::<BigInt, _>(asked.below)
        .bind::<BigInt, _>(asked.limit)
        .bind::<column::Uuid, _>(workspace)
        .load(&mut **c)?),
        Conn::Lite(c) => Ok(diesel::sql_query(FIND_LITE)
            .bind::<Text, _>(question(&own, asked, &Fts5))
            .bind::<BigInt, _>(asked.below)
            .bind::<column::Uuid, _>(workspace)
            .bind::<BigInt, _>(asked.limit)
            .load(&mut **c)?),
    }
}

/// How a database spells a question to its index.
trait Spelling {
    const AND: &'static str;
    const NOT: &'static str;
    const OR: &'static str;
    fn whole(&self, term: &str) -> String;
    fn beginning(&self, term: &str) -> String;
}

struct Fts5;

impl Spelling for Fts5 {
    const AND: &'static str = " AND ";
    const NOT: &'static str = " NOT ";
    const OR: &'static str = " OR ";

    fn whole(&self, term: &str) -> String {
        format!("\"{term}\"")
    }

    fn beginning(&self, term: &str) -> String {
        format!("\"{term}\"*")
    }
}

struct Tsquery;

impl Spelling for Tsquery {
    const AND: &'static str = " & ";
    const NOT: &'static str = " & !";
    const OR: &'static str = " | ";

    fn whole(&self, term: &str) -> String {
        format!("'{term}'")
    }

    fn beginning(&self, term: &str) -> String {
        format!("'{term}':*")
    }
}

fn question<S: Spelling>(own: &str, asked: &Asked<'_>, spell: &S) -> String {
    let all = |sign: &str| {
        let words = asked.words.iter().map(|word| spell.beginning(&format!("{sign}{word}")));
        format!("({})", words.collect::<Vec<_>>().join(S::AND))
    };
    let mut whole = spell.whole(own);
    if !asked.kinds.is_empty() {
        let kinds: Vec<String> = asked.kinds.iter().map(|kind| spell.whole(&of_kind(kind))).collect();
        whole = format!("{whole}{}({})", S::AND, kinds.join(S::OR));
    }
    match asked.in_title {
        true => format!("{whole}{}{}", S::AND, all("+")),
        false => format!("({whole}{}{}){}{}", S::AND, all(""), S::NOT, all("+")),
    }
}

/// In which form the workspace's index is; `None` when what was there before the index is not in it.
pub fn form(cx: &mut Cx<'_>) -> Result<Option<i32>, Fault> {
    let workspace = cx.workspace();
    Ok(both!(cx.conn(), |c| search_forms::table.find(workspace).select(search_forms::form).first(c).optional())?)
}

/// Notes that everything of the workspace is in the index, in the form of this program.
pub fn note_form(cx: &mut Cx<'_>) -> Result<(), Fault> {
    let workspace = cx.workspace();
    let row = (search_forms::workspace_id.eq(workspace), search_forms::form.eq(FORM));
    both!(cx.conn(), |c| {
        diesel::insert_into(search_forms::table)
            .values(row)
            .on_conflict(search_forms::workspace_id)
            .do_update()
            .set(search_forms::form.eq(FORM))
            .execute(c)
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_is_asked_in_its_own_words() {
        let words = ["oak".to_owned(), "clos".to_owned()];
        let asked = |kinds: &'static [&'static str], in_title| Asked {
            words: &words,
            kinds,
            in_title,
            below: 9,
            limit: 1,
        };
        let own = "_w0";
        assert_eq!(question(own, &asked(&[], true), &Fts5), "\"_w0\" AND (\"+oak\"* AND \"+clos\"*)");
        assert_eq!(
            question(own, &asked(&["deal", "draft"], false), &Fts5),
            "(\"_w0\" AND (\"_kdeal\" OR \"_kdraft\") AND (\"oak\"* AND \"clos\"*)) NOT (\"+oak\"* AND \"+clos\"*)"
        );
        assert_eq!(
            question(own, &asked(&["deal", "draft"], false), &Tsquery),
            "('_w0' & ('_kdeal' | '_kdraft') & ('oak':* & 'clos':*)) & !('+oak':* & '+clos':*)"
        );
    }
}
