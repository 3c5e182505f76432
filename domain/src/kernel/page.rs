//! Pages by seeking: a page starts after the last row of the one before, however many rows came or went.

use jiff::civil::Date;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::kernel::Problem;

pub const MOST: i64 = 100;
pub const USUAL: i64 = 20;
/// Names that are offered to somebody who types; a menu of a chat holds no more.
pub const OFFERED: u8 = 25;

/// How much, and from where.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub cursor: Option<String>,
    pub limit: Option<i64>,
}

impl Ask {
    /// 1 to 100 rows, 20 when nothing is said.
    pub fn limit(&self) -> Result<i64, Problem> {
        match self.limit {
            None => Ok(USUAL),
            Some(limit) if (1..=MOST).contains(&limit) => Ok(limit),
            Some(limit) => Err(Problem::new("limit", format!("{limit} is not between 1 and {MOST}."))),
        }
    }

    /// The key after which the page starts, as it was when the cursor was given out.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = decode(cursor).filter(|_| cursor.len() <= 400);
        match bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            Some(key) => Ok(Some(key)),
            None => Err(made_up()),
        }
    }

    /// [`Self::after`] for a list by date and id. A date outside of what both databases can hold is no list's.
    pub fn after_date(&self) -> Result<Option<(Date, Uuid)>, Problem> {
        let key: Option<(Date, Uuid)> = self.after()?;
        if key.is_some_and(|(date, _)| date.year() < 1) { Err(made_up()) } else { Ok(key) }
    }
}

fn made_up() -> Problem {
    Problem::new("cursor", "is not one that a list gave out. Start again without a cursor.")
}

/// Some rows, and where the next ones start.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Takes `limit + 1` rows at most; the one too many only tells that there is a next page.
    pub fn cut<K: Serialize>(mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = if more { rows.last().map(|row| encode(&key(row))) } else { None };
        Self { items: rows, next_cursor }
    }

    /// Rows that may be fewer than were asked for, and the key after which somebody looks on.
    pub fn after<K: Serialize>(items: Vec<T>, key: Option<K>) -> Self {
        Self { items, next_cursor: key.map(|key| encode(&key)) }
    }

    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next_cursor: self.next_cursor }
    }
}

fn encode(key: &impl Serialize) -> String {
    super::canonical::hex(serde_json::to_string(key).unwrap_or_default().as_bytes())
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_trip_and_a_made_up_one_is_refused() {
        let page = Page::cut(vec![1, 2, 3], 2, |n| (*n, "x"));
        assert_eq!(page.items, [1, 2]);
        let ask = Ask { cursor: page.next_cursor, limit: None };
        assert_eq!(ask.after::<(i32, String)>().unwrap(), Some((2, "x".to_owned())));
        assert_eq!(Page::cut(vec![1, 2], 2, |n| *n).next_cursor, None);
        for made_up in ["", "zz", "é", "7b7d7", &"00".repeat(500)] {
            let ask = Ask { cursor: Some(made_up.into()), limit: None };
            assert!(ask.after::<(i32, String)>().is_err(), "{made_up}");
        }
    }
}
