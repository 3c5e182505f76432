//! Refuses JSON that two readers could understand differently, before anything else reads it.
//!
//! Most parsers keep the last of two equal keys and pass a NUL on to the database. Here such a document is
//! refused with the path of the offending place. What [`check`] passes, `serde_json` reads the same way twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Objects and lists inside each other beyond this are refused.
pub const MAX_DEPTH: usize = 64;

/// Values (texts, numbers, objects, lists) in one document beyond this are refused: a megabyte of empty lists would become a
/// hundred once it is read.
pub const MAX_VALUES: usize = 10_000;

/// What is wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is not JSON, or something follows after its end.
    Malformed,
    NotUtf8,
    DuplicateKey,
    Nul,
    TooDeep,
    TooMany,
    /// A key that the JSON library itself gives a meaning to.
    ReservedKey,
}

/// The first thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where, such as `params.arguments.parties[2].email`; empty for the document as a whole.
    pub path: String,
    /// What is wrong, for the person or program that sent it.
    pub sentence: String,
    pub kind: Kind,
}

impl Flaw {
    /// Whether the document is not JSON at all, as opposed to JSON that is refused.
    pub fn is_malformed(&self) -> bool {
        matches!(self.kind, Kind::Malformed | Kind::NotUtf8)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// A member of the outermost object, as far as a caller may want to look at it early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar {
    Text(String),
    Whole(i64),
    Null,
    Object,
    /// A list, a fraction, true or false.
    Other,
}

/// What [`peek`] saw of the outermost object. Members are kept even when a later part is flawed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub is_object: bool,
    members: Vec<(&'static str, Scalar)>,
}

impl Seen {
    /// The member of that name; the first one when there are two.
    pub fn member(&self, name: &str) -> Option<&Scalar> {
        self.members.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// One whole JSON document without a flaw.
pub fn check(json: &[u8]) -> Result<(), Flaw> {
    peek(json, &[]).1
}

/// As [`check`], and reports the members of the outermost object that are in `names`.
pub fn peek(json: &[u8], names: &'static [&'static str]) -> (Seen, Result<(), Flaw>) {
    let mut walk = Walk { names, seen: Seen::default(), path: Vec::new(), depth: 0, values: 0, flaw: None };
    let text = match std::str::from_utf8(json) {
        Ok(text) => text,
        Err(error) => {
            let sentence = format!("The text is not UTF-8: byte {} is wrong.", error.valid_up_to() + 1);
            return (walk.seen, Err(Flaw { path: String::new(), sentence, kind: Kind::NotUtf8 }));
        }
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let outcome = Place(&mut walk).deserialize(&mut reader).and_then(|_| reader.end());
    let result = match (outcome, walk.flaw.take()) {
        // What can't be read to its end is malformed first of all, whatever else it is.
        (Err(error), _) => {
            let sentence = format!("This is not valid JSON: {error}.");
            Err(Flaw { path: written(&walk.path), sentence, kind: Kind::Malformed })
        }
        (Ok(()), Some(flaw)) => Err(flaw),
        (Ok(()), None) => Ok(()),
    };
    (walk.seen, result)
}

enum Step {
    Key(String),
    Index(usize),
}

/// A path as people write it. Keys are the sender's own words: shortened, and control characters made visible.
fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.extend(key.chars().take(40).flat_map(char::escape_debug));
            }
        }
    }
    text
}

struct Walk {
    names: &'static [&'static str],
    seen: Seen,
    path: Vec<Step>,
    depth: usize,
    values: usize,
    flaw: Option<Flaw>,
}

impl Walk {
    /// The walk goes on after a flaw, so that the members a caller asked for are seen wherever they stand.
    fn flawed(&mut self, kind: Kind, what: &str) {
        if self.flaw.is_none() {
            let path = written(&self.path);
            let place = if path.is_empty() { "The document".to_owned() } else { format!("`{path}`") };
            self.flaw = Some(Flaw { sentence: format!("{place} {what}"), path, kind });
        }
    }

    fn text(&mut self, text: &str) {
        if text.contains('\0') {
            self.flawed(Kind::Nul, "contains a NUL character, which no text may.");
        }
    }

    fn kept(&mut self, value: impl FnOnce() -> Scalar) {
        if self.depth == 1
            && let [Step::Key(key)] = self.path.as_slice()
            && let Some(name) = self.names.iter().find(|name| *name == key)
        {
            self.seen.members.push((name, value()));
        }
    }

    /// Counts a value; `false` when there are more than anybody needs.
    fn counted(&mut self) -> bool {
        self.values += 1;
        if self.values == MAX_VALUES + 1 {
            let path = std::mem::take(&mut self.path);
            self.flawed(Kind::TooMany, &format!("has more than {MAX_VALUES} values."));
            self.path = path;
        }
        self.values <= MAX_VALUES
    }

    /// Whether a member need not be looked at any more. What a caller asked for is looked at wherever it stands.
    fn is_past(&self, key: &str) -> bool {
        self.values > MAX_VALUES && (self.depth > 1 || !self.names.contains(&key))
    }

    fn enter(&mut self) -> bool {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let path = std::mem::take(&mut self.path);
            self.flawed(Kind::TooDeep, &format!("is nested more than {MAX_DEPTH} levels deep."));
            self.path = path;
        }
        self.depth <= MAX_DEPTH
    }
}

struct Place<'a>(&'a mut Walk);

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        if self.0.counted() || self.0.depth == 1 {
            reader.deserialize_any(self)
        } else {
            IgnoredAny::deserialize(reader).map(|_| ())
        }
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.0.kept(|| Scalar::Other);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.kept(|| Scalar::Null);
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.0.kept(|| Scalar::Other);
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.0.kept(|| Scalar::Whole(number));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.0.kept(|| i64::try_from(number).map_or(Scalar::Other, Scalar::Whole));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.text(text);
        self.0.kept(|| Scalar::Text(text.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let walk = self.0;
        walk.kept(|| Scalar::Other);
        if walk.enter() {
            walk.path.push(Step::Index(0));
            while list.next_element_seed(Place(walk))?.is_some() {
                if let Some(Step::Index(index)) = walk.path.last_mut() {
                    *index += 1;
                }
            }
            walk.path.pop();
        } else {
            // Skipping does not recurse in serde_json, so depth costs no stack here.
            while list.next_element::<IgnoredAny>()?.is_some() {}
        }
        walk.depth -= 1;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let walk = self.0;
        walk.kept(|| Scalar::Object);
        walk.seen.is_object |= walk.depth == 0;
        if walk.enter() {
            let mut known = HashSet::new();
            while let Some(key) = object.next_key::<String>()? {
                if walk.is_past(&key) {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
                walk.path.push(Step::Key(key.clone()));
                walk.text(&key);
                if key.starts_with("$serde_json::private::") {
                    // serde_json would read the string behind it as JSON once more, past this check.
                    walk.flawed(Kind::ReservedKey, "has a reserved name.");
                }
                if !known.insert(key) {
                    walk.flawed(Kind::DuplicateKey, "is given twice; which one counts is not clear.");
                }
                object.next_value_seed(Place(walk))?;
                walk.path.pop();
            }
        } else {
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        }
        walk.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(json: impl AsRef<[u8]>, kind: Kind, path: &str) {
        let flaw = check(json.as_ref()).unwrap_err();
        assert_eq!((flaw.kind, flaw.path.as_str()), (kind, path), "{}", flaw.sentence);
    }

    #[test]
    fn ordinary_documents_pass() {
        for json in
            ["{}", "[]", "1", "null", r#"{"a":{"b":[1,2.5,"x",{"c":null}]},"b":{"b":true}}"#, " {\"a\": -3}\n"]
        {
            assert_eq!(check(json.as_bytes()), Ok(()), "{json}");
        }
    }

    #[test]
    fn the_second_of_two_equal_keys_is_named_with_its_path() {
        refused(r#"{"a":1,"a":1}"#, Kind::DuplicateKey, "a");
        refused(
            r#"{"params":{"arguments":{"title":"x","title":"y"}}}"#,
            Kind::DuplicateKey,
            "params.arguments.title",
        );
        refused(r#"{"list":[{},{"k":1,"\u006b":2}]}"#, Kind::DuplicateKey, "list[1].k");
    }

    #[test]
    fn a_nul_in_a_text_or_a_key_is_refused_and_never_repeated_raw() {
        refused(r#"{"a":["x","y\u0000"]}"#, Kind::Nul, "a[1]");
        let flaw = check(br#"{"a":{"k\u0000":1}}"#).unwrap_err();
        assert_eq!((flaw.kind, flaw.path.as_str()), (Kind::Nul, r"a.k\0"));
    }

    #[test]
    fn sixty_four_levels_are_fine_and_one_more_is_not() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check(nested(64).as_bytes()), Ok(()));
        refused(nested(65), Kind::TooDeep, "");
        refused(format!("{}1{}", r#"{"a":"#.repeat(65), "}".repeat(65)), Kind::TooDeep, "");
    }

    #[test]
    fn a_hundred_thousand_nested_lists_get_a_sentence_not_a_crash() {
        let levels = 100_000;
        refused(format!("{}{}", "[".repeat(levels), "]".repeat(levels)), Kind::TooDeep, "");
        refused(format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels)), Kind::TooDeep, "");
        assert!(check("[".repeat(levels).as_bytes()).unwrap_err().is_malformed());
    }

    #[test]
    fn ten_thousand_values_are_fine_and_one_more_is_not() {
        let list = |values: usize| format!("[{}1]", "1,".repeat(values - 2));
        assert_eq!(check(list(MAX_VALUES).as_bytes()), Ok(()));
        refused(list(MAX_VALUES + 1), Kind::TooMany, "");
        let members: Vec<String> = (0..MAX_VALUES).map(|i| format!(r#""k{i}":[]"#)).collect();
        refused(format!("{{{}}}", members.join(",")), Kind::TooMany, "");
        // What comes behind is still held to be JSON, and the id is seen.
        let (seen, result) = peek(format!(r#"{{"params":{},"id":7}}"#, list(50_000)).as_bytes(), &["id"]);
        assert_eq!((seen.member("id"), result.unwrap_err().kind), (Some(&Scalar::Whole(7)), Kind::TooMany));
        assert!(check(format!("[{},x]", list(50_000)).as_bytes()).unwrap_err().is_malformed());
    }

    #[test]
    fn what_is_not_json_says_so() {
        for json in ["", "{", "{\"a\":}", "{} {}", "{}x", "nul", "[1,]", r#""\ud800""#, "1e999", "\"a\u{1}\""] {
            assert!(check(json.as_bytes()).unwrap_err().is_malformed(), "{json}");
        }
        refused(b"{\"a\":\"\xff\"}", Kind::NotUtf8, "");
    }

    #[test]
    fn a_key_that_hides_json_inside_a_string_is_refused() {
        let path = "a.$serde_json::private::RawValue";
        refused(r#"{"a":{"$serde_json::private::RawValue":"{\"b\":1,\"b\":2}"}}"#, Kind::ReservedKey, path);
    }

    #[test]
    fn the_id_is_seen_even_behind_a_flaw() {
        let (seen, result) = peek(br#"{"params":{"a":1,"a":2},"id":7,"method":"m"}"#, &["id", "method", "params"]);
        assert_eq!(seen.member("id"), Some(&Scalar::Whole(7)));
        assert_eq!(seen.member("method"), Some(&Scalar::Text("m".into())));
        assert_eq!(seen.member("params"), Some(&Scalar::Object));
        assert_eq!(result.unwrap_err().path, "params.a");
    }
}
