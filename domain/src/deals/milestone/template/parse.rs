//! Reading a template from TOML, so that whoever wrote it sees everything that is wrong at once, by field and line.

use std::collections::BTreeMap;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{DateRule, Fallback, MAX_RULES, Template};
use crate::deals::calendar::{Days, Roll};
use crate::kernel::Problem;

pub(super) fn template(text: &str) -> Result<Template, Vec<Problem>> {
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        vec![Problem::new(
            "template",
            at_line(line, &format!("is not TOML: {}.", error.message().trim_end_matches('.'))),
        )]
    })?;
    let mut reader = Reader { text, lines: BTreeMap::new(), problems: Vec::new() };
    let template = reader.template(&document);
    let mut problems = reader.problems;
    // A field that could not be read has no value of its own here, so its bounds say nothing new.
    for problem in template.check() {
        let shape_is_wrong = problems.iter().any(|known| known.field == problem.field);
        if !shape_is_wrong {
            let line = line_of_field(&reader.lines, &problem.field);
            problems.push(Problem::new(problem.field, at_line(line, &problem.sentence)));
        }
    }
    if problems.is_empty() { Ok(template) } else { Err(problems) }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn at_line(line: Option<usize>, sentence: &str) -> String {
    line.map_or_else(|| sentence.to_owned(), |line| format!("{sentence} (line {line})"))
}

/// The line of the field, or of the nearest thing around it.
fn line_of_field(lines: &BTreeMap<String, usize>, field: &str) -> Option<usize> {
    let mut field = field;
    loop {
        if let Some(line) = lines.get(field) {
            return Some(*line);
        }
        field = &field[..field.rfind(['.', '['])?];
    }
}

type Value<'i> = Spanned<DeValue<'i>>;

struct Reader<'t> {
    text: &'t str,
    /// Where each field was found.
    lines: BTreeMap<String, usize>,
    problems: Vec<Problem>,
}

/// One table of the document and the path to it, either empty or with its separator: `rules[3].`
struct Table<'d, 'i> {
    table: &'d DeTable<'i>,
    path: String,
}

impl Reader<'_> {
    fn no(&mut self, field: &str, sentence: &str) {
        let line = line_of_field(&self.lines, field);
        self.problems.push(Problem::new(field, at_line(line, sentence)));
    }

    fn enter<'d, 'i>(&mut self, table: &'d DeTable<'i>, path: String, known: &[&str]) -> Table<'d, 'i> {
        for (key, value) in table {
            let name: String = key.get_ref().chars().take(60).collect();
            let field = format!("{path}{name}");
            let start = if value.get_ref().is_table() { key.span().start } else { value.span().start };
            self.lines.insert(field.clone(), line_of(self.text, start));
            if !known.contains(&key.get_ref().as_ref()) {
                self.no(&field, &format!("is not known here; the known fields are {}.", known.join(", ")));
            }
        }
        Table { table, path }
    }

    fn template(&mut self, document: &Spanned<DeTable<'_>>) -> Template {
        let top =
            self.enter(document.get_ref(), String::new(), &["name", "title", "version", "holidays", "rules"]);
        Template {
            name: self.text(&top, "name"),
            title: self.text(&top, "title"),
            version: self.number(&top, "version"),
            holidays: self.text(&top, "holidays"),
            rules: self.rules(&top),
        }
    }

    fn rules(&mut self, top: &Table<'_, '_>) -> Vec<DateRule> {
        let Some((field, value)) = self.required(top, "rules") else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.no(&field, "must be a list of tables, each headed [[rules]].");
            return Vec::new();
        };
        let mut rules = Vec::new();
        // One more than allowed is enough to say that there are too many.
        for (index, item) in items.iter().enumerate().take(MAX_RULES + 1) {
            let field = format!("rules[{index}]");
            self.lines.insert(field.clone(), line_of(self.text, item.span().start));
            match item.get_ref().as_table() {
                Some(table) => rules.push(self.rule(table, format!("{field}."))),
                None => self.no(&field, "must be a table."),
            }
        }
        rules
    }

    fn rule(&mut self, table: &DeTable<'_>, path: String) -> DateRule {
        let rule = self.enter(
            table,
            path,
            &[
                "type",
                "title",
                "reference",
                "offset",
                "fallback",
                "days",
                "roll",
                "required",
                "financing",
                "states",
                "sides",
                "responsible",
                "remind_days_before",
                "notify",
            ],
        );
        DateRule {
            type_: self.text(&rule, "type"),
            title: self.text(&rule, "title"),
            reference: self.text(&rule, "reference"),
            offset: self.number(&rule, "offset"),
            fallback: self.fallback(&rule),
            days: self.optional(&rule, "days", Self::word).unwrap_or(Days::Calendar),
            roll: self.optional(&rule, "roll", Self::word).unwrap_or(Roll::None),
            required: self.yes_or_no(&rule, "required"),
            financing: self.list(&rule, "financing"),
            states: self.list(&rule, "states"),
            sides: self.list(&rule, "sides"),
            responsible: self
                .required(&rule, "responsible")
                .and_then(|(field, value)| self.word(&field, value))
                .unwrap_or(super::Responsible::All),
            remind_days_before: self.optional(&rule, "remind_days_before", Self::whole_number),
            notify: self.list(&rule, "notify"),
        }
    }

    fn fallback(&mut self, rule: &Table<'_, '_>) -> Option<Fallback> {
        let (field, value) = find(rule, "fallback")?;
        let Some(table) = value.get_ref().as_table() else {
            self.no(&field, "must be a table with reference and offset.");
            return None;
        };
        let fallback = self.enter(table, format!("{field}."), &["reference", "offset"]);
        Some(Fallback { reference: self.text(&fallback, "reference"), offset: self.number(&fallback, "offset") })
    }

    fn required<'d, 'i>(&mut self, table: &Table<'d, 'i>, key: &str) -> Option<(String, &'d Value<'i>)> {
        let found = find(table, key);
        if found.is_none() {
            self.no(&format!("{}{key}", table.path), "is missing.");
        }
        found
    }

    fn optional<T>(
        &mut self,
        table: &Table<'_, '_>,
        key: &str,
        read: impl FnOnce(&mut Self, &str, &Value<'_>) -> Option<T>,
    ) -> Option<T> {
        let (field, value) = find(table, key)?;
        read(self, &field, value)
    }

    fn text(&mut self, table: &Table<'_, '_>, key: &str) -> String {
        let Some((field, value)) = self.required(table, key) else { return String::new() };
        value.get_ref().as_str().map(str::to_owned).unwrap_or_else(|| {
            self.no(&field, "must be text.");
            String::new()
        })
    }

    fn number(&mut self, table: &Table<'_, '_>, key: &str) -> i32 {
        let found = self.required(table, key);
        found.and_then(|(field, value)| self.whole_number(&field, value)).unwrap_or_default()
    }

    fn whole_number(&mut self, field: &str, value: &Value<'_>) -> Option<i32> {
        let Some(number) = value.get_ref().as_integer() else {
            self.no(field, "must be a whole number.");
            return None;
        };
        let number = i32::from_str_radix(number.as_str(), number.radix()).ok();
        if number.is_none() {
            self.no(field, "is far too large a number.");
        }
        number
    }

    fn yes_or_no(&mut self, table: &Table<'_, '_>, key: &str) -> bool {
        let Some((field, value)) = self.required(table, key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.no(&field, "must be true or false.");
            false
        })
    }

    fn word<T: FromStr>(&mut self, field: &str, value: &Value<'_>) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = value.get_ref().as_str() else {
            self.no(field, "must be text.");
            return None;
        };
        text.parse().map_err(|unknown: T::Err| self.no(field, &unknown.to_string())).ok()
    }

    fn list<T: FromStr>(&mut self, table: &Table<'_, '_>, key: &str) -> Vec<T>
    where
        T::Err: std::fmt::Display,
    {
        let Some((field, value)) = find(table, key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.no(&field, "must be a list.");
            return Vec::new();
        };
        let mut words = Vec::new();
        for (index, item) in items.iter().enumerate().take(100) {
            let field = format!("{field}[{index}]");
            self.lines.insert(field.clone(), line_of(self.text, item.span().start));
            words.extend(self.word(&field, item));
        }
        words
    }
}

fn find<'d, 'i>(table: &Table<'d, 'i>, key: &str) -> Option<(String, &'d Value<'i>)> {
    table.table.get(key).map(|value| (format!("{}{key}", table.path), value))
}
