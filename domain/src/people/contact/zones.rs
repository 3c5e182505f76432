//! In which time zones a person may be, from what is known of them.
//!
//! The tables and their sources are in `data/zones`, written by the script there.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::Problem;
use crate::words;

words! {
    /// How zones were found.
    pub enum ZoneSource {
        /// Somebody said which zone it is.
        Stated = "stated",
        /// From a telephone number or a region: any of them may be the one.
        Evidence = "evidence",
        /// Nothing is known of the person: all zones of the workspace's country.
        Country = "country",
    }
}

/// The zones in which a person may be. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Zones {
    pub names: Vec<String>,
    pub found_by: ZoneSource,
}

/// What is known of where somebody is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clues<'a> {
    pub time_zone: Option<&'a str>,
    pub phone: Option<&'a str>,
    /// `US-IL` for a state, two letters of ISO 3166 for a country.
    pub region: Option<&'a str>,
    /// The zone of the workspace, whose country stands in when nothing else is known.
    pub workspace: &'a str,
}

impl Zones {
    /// A stated zone counts alone. Otherwise every zone that the number or the region allows is a candidate; with
    /// nothing known, every zone of the workspace's country is.
    pub fn of(clues: Clues<'_>) -> Self {
        if let Some(zone) = clues.time_zone.filter(|zone| TimeZone::get(zone).is_ok()) {
            return Self { names: vec![zone.to_owned()], found_by: ZoneSource::Stated };
        }
        let of_phone = clues.phone.and_then(zones_of_phone).unwrap_or_default();
        let of_region = clues.region.and_then(zones_of_region).unwrap_or_default();
        let names: BTreeSet<&str> = of_phone.iter().chain(of_region).copied().collect();
        if !names.is_empty() {
            return Self { names: names.into_iter().map(str::to_owned).collect(), found_by: ZoneSource::Evidence };
        }
        let country = ZONE_COUNTRIES.get(clues.workspace).and_then(|found| COUNTRIES.get(found.first()?));
        // A workspace whose zone is of no country, such as UTC, deals in what the product was made for.
        let names = country.or_else(|| COUNTRIES.get("US")).map_or(&[][..], Vec::as_slice);
        Self { names: names.iter().map(|zone| (*zone).to_owned()).collect(), found_by: ZoneSource::Country }
    }
}

type Table = HashMap<&'static str, Vec<&'static str>>;

static CALLING_CODES: LazyLock<Table> =
    LazyLock::new(|| read(include_str!("../../../data/zones/calling-codes.csv")));
static COUNTRIES: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../../data/zones/countries.csv")));
static STATES: LazyLock<Table> = LazyLock::new(|| read(include_str!("../../../data/zones/us-states.csv")));
static ZONE_COUNTRIES: LazyLock<Table> =
    LazyLock::new(|| read(include_str!("../../../data/zones/zone-countries.csv")));

/// The first line names the columns; every other one is `key,value value ...`.
fn read(text: &'static str) -> Table {
    let row = |line: &'static str| {
        let (key, values) = line.split_once(',')?;
        Some((key, values.split(' ').collect()))
    };
    text.lines().skip(1).filter_map(row).collect()
}

/// A number as the whole world writes it: `+` and digits. One without a country code is read as North American when it
/// can be one.
pub fn whole_number(phone: &str) -> Option<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let american = |ten: &str| ten.len() == 10 && !ten.starts_with(['0', '1']);
    match digits.strip_prefix('1') {
        _ if phone.starts_with('+') => {
            ((8..=15).contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
        }
        Some(ten) if american(ten) => Some(format!("+{digits}")),
        _ if american(&digits) => Some(format!("+1{digits}")),
        _ => None,
    }
}

/// A number as the whole world writes it, or an e-mail address in lower case: what tells one from another.
pub fn plain(address: &str) -> String {
    if address.contains('@') {
        return address.to_lowercase();
    }
    whole_number(address).unwrap_or_else(|| address.to_owned())
}

/// The spellings under which one number may be stored.
pub fn spellings(phone: &str) -> Vec<String> {
    let mut all = vec![phone.to_owned()];
    if let Some(whole) = whole_number(phone) {
        let digits = whole.trim_start_matches('+');
        if let Some(ten) = digits.strip_prefix('1').filter(|ten| ten.len() == 10) {
            all.extend([ten.to_owned(), digits.to_owned()]);
        }
        all.push(whole);
    }
    all.sort();
    all.dedup();
    all
}

fn zones_of_phone(phone: &str) -> Option<&'static [&'static str]> {
    let whole = whole_number(phone)?;
    let digits = whole.trim_start_matches('+');
    if digits.starts_with('1') {
        // An area code that is nowhere, such as that of a free call, tells nothing.
        return CALLING_CODES.get(digits.get(..4)?).map(Vec::as_slice);
    }
    (1..=3).find_map(|length| CALLING_CODES.get(digits.get(..length)?)).map(Vec::as_slice)
}

fn zones_of_region(region: &str) -> Option<&'static [&'static str]> {
    match region.strip_prefix("US-") {
        Some(state) => STATES.get(state),
        None => COUNTRIES.get(region),
    }
    .map(Vec::as_slice)
}

/// Reads a region: `US-IL`, or a country such as `CA`.
pub fn parse_region(field: &str, text: &str) -> Result<String, Problem> {
    let region = text.trim().to_ascii_uppercase();
    if region.len() <= 5 && zones_of_region(&region).is_some() {
        return Ok(region);
    }
    let shown: String = text.chars().take(20).collect();
    let sentence =
        format!("\"{shown}\" is no region. Write a US state as US-IL, or a country by its two letters.");
    Err(Problem::new(field, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(phone: &str, region: &str, workspace: &str, expected: &str) {
        let given = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let clues = Clues { time_zone: None, phone: given(phone), region: given(region), workspace };
        let found = Zones::of(clues);
        assert_eq!(format!("{}: {}", found.found_by, found.names.join(" ")), expected, "{phone} {region}");
    }

    #[test]
    fn a_number_and_a_region_tell_where_somebody_may_be() {
        let home = "America/Chicago";
        check("+13125550100", "", home, "evidence: America/Chicago");
        check("3125550100", "", home, "evidence: America/Chicago");
        check("13125550100", "", home, "evidence: America/Chicago");
        check("+12195550100", "", home, "evidence: America/Chicago America/New_York");
        check("+442079460100", "", home, "evidence: Europe/London");
        check("+4915155501000", "", home, "evidence: Europe/Berlin");
        check("", "US-FL", home, "evidence: America/Chicago America/New_York");
        check("+13125550100", "US-HI", home, "evidence: America/Chicago Pacific/Honolulu");
        check("+18005550100", "US-WA", home, "evidence: America/Los_Angeles");
        check("", "DE", home, "evidence: Europe/Berlin");
        let everywhere = "country: America/New_York America/Chicago America/Denver America/Phoenix \
                          America/Los_Angeles America/Anchorage America/Adak Pacific/Honolulu";
        check("", "", home, everywhere);
        check("+18005550100", "", "America/Boise", everywhere);
        check("5550100", "", "UTC", everywhere);
        check("", "", "Europe/Paris", "country: Europe/Paris");
        let stated =
            Clues { time_zone: Some("Asia/Tokyo"), phone: Some("+13125550100"), workspace: home, region: None };
        assert_eq!(Zones::of(stated).names, ["Asia/Tokyo"]);
    }

    #[test]
    fn one_number_is_found_however_it_was_written() {
        assert_eq!(
            spellings("(312) 555-0100".replace(['(', ')', ' ', '-'], "").as_str()),
            ["+13125550100", "13125550100", "3125550100"]
        );
        assert_eq!(spellings("+442079460100"), ["+442079460100"]);
        for no_whole in ["5550100", "15550100", "1234567890", "0312555010", "131255501001"] {
            assert_eq!(whole_number(no_whole), None, "{no_whole}");
        }
        assert_eq!(whole_number("+0123456789"), None);
    }

    #[test]
    fn every_zone_in_the_tables_is_known() {
        for table in [&CALLING_CODES, &COUNTRIES, &STATES] {
            assert!(table.len() > 50);
            for (key, zones) in table.iter() {
                for name in zones {
                    assert!(TimeZone::get(name).is_ok(), "{key}: {name}");
                }
            }
        }
        for state in STATES.keys() {
            assert!(parse_region("region", &format!("us-{state}")).is_ok());
        }
        for wrong in ["", "IL-US", "US-", "US-XX", "USA", "Illinois"] {
            assert!(parse_region("region", wrong).is_err(), "{wrong}");
        }
    }
}
