//! Reads a file into rows. Nothing here knows what a good deal is.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Bad, MAX_FILE, MAX_ROWS, Read, Row};
use crate::deals::deal::PartyRole;
use crate::deals::deal::intake::{NewDeal, NewParty};
use crate::kernel::strict;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Json,
}

impl Format {
    /// By a file's name: `.json` is JSON, everything else CSV.
    pub fn of_name(name: &str) -> Self {
        if name.to_ascii_lowercase().ends_with(".json") { Self::Json } else { Self::Csv }
    }
}

/// Reads the whole file. What cannot be read is in `bad`, by line.
pub fn read(bytes: &[u8], format: Format) -> Read {
    let mut file = Read::default();
    let mut refuse = |line: u64, reason: String| file.bad.push(Bad { line, column: String::new(), reason });
    if bytes.len() > MAX_FILE {
        refuse(1, format!("the file is larger than {MAX_FILE} bytes."));
        return file;
    }
    let text = match std::str::from_utf8(bytes) {
        // A byte order mark is how spreadsheets say that it is UTF-8.
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = line_at(bytes, error.valid_up_to());
            refuse(line, "is not UTF-8 text. Save the file as UTF-8.".into());
            return file;
        }
    };
    match format {
        Format::Csv => read_csv(text, &mut file),
        Format::Json => read_json(text, &mut file),
    }
    if file.rows.len() > MAX_ROWS {
        file.rows.clear();
        file.bad = vec![Bad {
            line: 1,
            column: String::new(),
            reason: format!("the file has more than {MAX_ROWS} deals. Split it."),
        }];
    }
    file
}

fn line_at(bytes: &[u8], offset: usize) -> u64 {
    bytes[..offset.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count() as u64 + 1
}

const PLAIN: [&str; 9] =
    ["title", "address", "side", "financing", "state", "price", "time_zone", "template", "owner_email"];

/// What a column of a CSV file is for.
enum Column {
    Plain(&'static str),
    KeyDate(String),
    Party(PartyRole, &'static str),
}

fn column(header: &str) -> Option<Column> {
    let name = header.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    if let Some(plain) = PLAIN.iter().find(|plain| **plain == name) {
        return Some(Column::Plain(plain));
    }
    for part in ["name", "email", "phone", "time_zone"] {
        let role = name.strip_suffix(part).and_then(|rest| rest.strip_suffix('_'));
        if let Some(role) = role.and_then(|role| role.parse().ok()) {
            return Some(Column::Party(role, part));
        }
    }
    let date = name.strip_prefix("date:").or_else(|| {
        let dated = ["_date", "_deadline"].iter().any(|end| name.ends_with(end));
        dated.then_some(name.as_str())
    });
    date.map(|date| Column::KeyDate(date.to_owned()))
}

fn read_csv(text: &str, file: &mut Read) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let bad = |line, column: &str, reason: String| Bad { line, column: column.to_owned(), reason };
    let headers = match reader.headers() {
        Ok(headers) => headers.clone(),
        Err(error) => return file.bad.push(bad(1, "", error.to_string())),
    };
    let mut columns = Vec::with_capacity(headers.len());
    for (i, header) in headers.iter().enumerate() {
        let twice = headers.iter().take(i).any(|earlier| earlier.trim().eq_ignore_ascii_case(header.trim()));
        match column(header) {
            Some(found) if !twice => columns.push(found),
            Some(_) => file.bad.push(bad(1, header, "stands twice in the first line.".into())),
            None => {
                let reason = format!(
                    "is no known column. Known are {}, key dates (..._date, ..._deadline or date:NAME) and \
                     parties (ROLE_name, ROLE_email, ROLE_phone, ROLE_time_zone, such as buyer_name).",
                    PLAIN.join(", ")
                );
                file.bad.push(bad(1, &header.chars().take(60).collect::<String>(), reason));
            }
        }
    }
    if !file.bad.is_empty() {
        return;
    }
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                file.bad.push(bad(line, "", error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(1, csv::Position::line);
        if record.len() != columns.len() {
            let reason = format!("has {} fields; the first line has {}.", record.len(), columns.len());
            file.bad.push(bad(line, "", reason));
            continue;
        }
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let row = csv_row(line, &record, &headers, &columns, &mut file.bad);
        file.rows.push(row);
    }
}

/// The row with all that could be read of it; what could not is added to `bad`.
fn csv_row(
    line: u64,
    record: &csv::StringRecord,
    headers: &csv::StringRecord,
    columns: &[Column],
    bad: &mut Vec<Bad>,
) -> Row {
    let mut deal = NewDeal { activate: true, ..NewDeal::default() };
    let mut names = BTreeMap::new();
    let mut parties: BTreeMap<PartyRole, NewParty> = BTreeMap::new();
    let mut of_parties = Vec::new();
    for ((cell, header), column) in record.iter().zip(headers).zip(columns) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        let text = cell.to_owned();
        match column {
            Column::Plain("title") => deal.title = text,
            Column::Plain("address") => deal.address = text,
            Column::Plain("side") => deal.side = text.to_lowercase(),
            Column::Plain("financing") => deal.financing = text.to_lowercase(),
            Column::Plain("state") => deal.state = Some(text),
            Column::Plain("price") => match price(line, header, cell) {
                Ok(price) => deal.price = Some(price),
                Err(problem) => bad.push(problem),
            },
            Column::Plain("time_zone") => deal.time_zone = Some(text),
            Column::Plain("template") => deal.template = Some(text),
            Column::Plain(_) => deal.owner_email = Some(text),
            Column::KeyDate(name) => {
                names.insert(format!("key_dates.{name}"), header.to_owned());
                deal.key_dates.insert(name.clone(), text);
            }
            Column::Party(role, part) => {
                let party = parties
                    .entry(*role)
                    .or_insert_with(|| NewParty { role: role.to_string(), ..NewParty::default() });
                match *part {
                    "name" => party.name = text,
                    "email" => party.email = Some(text),
                    "phone" => party.phone = Some(text),
                    _ => party.time_zone = Some(text),
                }
                of_parties.push((*role, *part, header.to_owned()));
            }
        }
    }
    for (i, role) in parties.keys().enumerate() {
        for (_, part, header) in of_parties.iter().filter(|(of, _, _)| of == role) {
            names.insert(format!("parties[{i}].{part}"), header.clone());
        }
        names.entry(format!("parties[{i}].name")).or_insert_with(|| format!("{role}_name"));
    }
    deal.parties = parties.into_values().collect();
    for name in ["contract_date", "closing_date"] {
        names.entry(format!("key_dates.{name}")).or_insert_with(|| name.to_owned());
    }
    Row { line, deal, columns: names }
}

/// Dollars as people write them: `450000`, `450,000.00`, `$450,000`.
fn price(line: u64, header: &str, cell: &str) -> Result<f64, Bad> {
    let plain = cell.trim_start_matches('$').replace(',', "");
    let shaped = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.parse().ok().filter(|_| shaped).ok_or_else(|| Bad {
        line,
        column: header.to_owned(),
        reason: "is no price in US dollars. Write it as 450000 or $450,000.00.".into(),
    })
}

fn read_json(text: &str, file: &mut Read) {
    let bad = |line, column: &str, reason: String| Bad { line, column: column.to_owned(), reason };
    let items: Vec<&RawValue> = match serde_json::from_str(text) {
        Ok(items) => items,
        Err(error) => {
            let reason = format!("is not a JSON list of deals: {error}.");
            return file.bad.push(bad(error.line().max(1) as u64, "", reason));
        }
    };
    for item in items {
        let item = item.get();
        // The items are slices of the text, so their place in it is their offset.
        let offset = (item.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let line = line_at(text.as_bytes(), offset);
        if let Err(flaw) = strict::check(item.as_bytes()) {
            file.bad.push(bad(line, &flaw.path, flaw.sentence));
            continue;
        }
        let mut reader = serde_json::Deserializer::from_str(item);
        match serde_path_to_error::deserialize::<_, NewDeal>(&mut reader) {
            Ok(deal) => file.rows.push(Row { line, deal, columns: BTreeMap::new() }),
            Err(error) => {
                let at = line + error.inner().line().max(1) as u64 - 1;
                let (path, words) = (error.path().to_string(), error.inner().to_string());
                // A field that is missing is no part of the path to where it is missed.
                let missing = words.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
                let column = match (path.as_str(), missing) {
                    (".", missing) => missing.unwrap_or_default().to_owned(),
                    (path, None) => path.to_owned(),
                    (path, Some(field)) => format!("{path}.{field}"),
                };
                let reason = words.split(" at line ").next().unwrap_or(&words).replace("f64", "a number");
                file.bad.push(bad(at, &column, format!("{reason}.")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_is_read_as_people_write_it() {
        let csv = "\u{feff}Title,Address,Side,Financing,Price,Contract Date,closing_date,date:hoa_review,Buyer Name,buyer_email\n\
                   \"Oak, 12\",12 Oak St,Buyer,FHA,\"$450,000.50\",2027-01-04,2027-02-26,2027-01-20,Ann Lee,ann@example.com\n\
                   ,,,,,,,,,\n";
        let file = read(csv.as_bytes(), Format::Csv);
        assert_eq!(file.bad, []);
        let row = &file.rows[0];
        assert_eq!((row.line, row.deal.title.as_str(), row.deal.price), (2, "Oak, 12", Some(450_000.5)));
        assert_eq!(row.deal.key_dates["hoa_review"], "2027-01-20");
        assert_eq!(row.deal.parties[0].email.as_deref(), Some("ann@example.com"));
        assert_eq!(row.columns["parties[0].email"], "buyer_email");
        assert_eq!(row.columns["key_dates.closing_date"], "closing_date");
    }

    #[test]
    fn each_unreadable_place_is_named() {
        let check = |bytes: &[u8], format, expected: &[(u64, &str, &str)]| {
            let file = read(bytes, format);
            let found: Vec<_> = file.bad.iter().map(|b| (b.line, b.column.as_str(), b.reason.as_str())).collect();
            assert_eq!(found.len(), expected.len(), "{found:?}");
            for ((line, column, reason), (l, c, part)) in found.iter().zip(expected) {
                assert!(line == l && column == c && reason.contains(part), "{found:?}");
            }
        };
        check(b"title,colour\n", Format::Csv, &[(1, "colour", "no known column")]);
        check(b"title,Title\n", Format::Csv, &[(1, "Title", "twice")]);
        check(b"title,address\nx,y,z\n", Format::Csv, &[(2, "", "has 3 fields; the first line has 2")]);
        check(b"title,price\nx,cheap\n", Format::Csv, &[(2, "price", "no price")]);
        check(b"title\nab\xff\n", Format::Csv, &[(2, "", "UTF-8")]);
        check(b"{\"title\": 1}", Format::Json, &[(1, "", "not a JSON list")]);
        check(b"[\n{\"title\":\"a\",\n\"title\":\"b\"}]", Format::Json, &[(2, "title", "title")]);
        check(
            b"[{\"title\":\"a\",\"address\":\"b\",\"side\":\"buyer\",\"financing\":\"va\",\"key_dates\":{},\n\"colour\":1}]",
            Format::Json,
            &[(2, "colour", "unknown field")],
        );
        check(b"[{\"title\":\"a\"}]", Format::Json, &[(1, "address", "missing field")]);
    }
}
