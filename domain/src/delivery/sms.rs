//! What a text costs: how many segments it takes.
//!
//! Source: 3GPP TS 23.038 (the 7-bit alphabet) and 23.040 (parts of a long text carry 6 bytes of header each).

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::words;

words! {
    pub enum Encoding { Gsm7 = "gsm7", Ucs2 = "ucs2" }
}

/// How a text is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Segments {
    pub encoding: Encoding,
    /// In units of the encoding: a character of the extension table counts two, so does one beyond 16 bits.
    pub units: usize,
    pub segments: usize,
}

/// The basic table, and what costs an escape. Both without the escape character itself.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// One segment holds 160 characters of the 7-bit alphabet or 70 of any other; parts of a longer text hold 153 or 67.
/// No character is torn apart between two parts.
pub fn segments(text: &str) -> Segments {
    let gsm: Option<Vec<usize>> = text
        .chars()
        .map(|c| match c {
            _ if BASIC.contains(c) => Some(1),
            _ if EXTENSION.contains(c) => Some(2),
            _ => None,
        })
        .collect();
    let (encoding, sizes, one, part) = match gsm {
        Some(sizes) => (Encoding::Gsm7, sizes, 160, 153),
        None => (Encoding::Ucs2, text.chars().map(char::len_utf16).collect(), 70, 67),
    };
    let units = sizes.iter().sum();
    let segments = if units <= one { usize::from(units > 0) } else { packed(&sizes, part) };
    Segments { encoding, units, segments }
}

fn packed(sizes: &[usize], part: usize) -> usize {
    let (mut parts, mut used) = (1, 0);
    for size in sizes {
        if used + size > part {
            parts += 1;
            used = 0;
        }
        used += size;
    }
    parts
}

/// What the provider takes for one segment, as people write it: `0.0079 USD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Millionths of the currency.
    millionths: u64,
    /// Three capital letters.
    currency: String,
}

impl Price {
    fn times(&self, count: usize) -> Self {
        Self { millionths: self.millionths.saturating_mul(count as u64), currency: self.currency.clone() }
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.millionths / 1_000_000, format!("{:06}", self.millionths % 1_000_000));
        // Cents are always written out.
        let part = part.trim_end_matches('0');
        write!(f, "{whole}.{part:0<2} {}", self.currency)
    }
}

impl FromStr for Price {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (amount, currency) = text.split_once(' ')?;
            let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
            let digits =
                |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            let is_currency = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
            if !digits(whole, 4) || !digits(part, 6) || !is_currency {
                return None;
            }
            let millionths = whole.parse::<u64>().ok()? * 1_000_000 + format!("{part:0<6}").parse::<u64>().ok()?;
            Some(Self { millionths, currency: currency.to_owned() })
        };
        read().ok_or_else(|| "is no price of a segment. Write it as 0.0079 USD, with six decimals at most".into())
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a text takes, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Bill {
    pub segments: usize,
    /// `gsm7` or `ucs2`.
    pub encoding: Encoding,
    /// Such as `0.0158 USD`; absent while the workspace has no `sms_segment_price`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub cost: Option<String>,
}

impl Bill {
    pub fn of(text: &str, price: Option<&Price>) -> Self {
        let Segments { encoding, segments, .. } = segments(text);
        Self { segments, encoding, cost: price.map(|price| price.times(segments).to_string()) }
    }
}

impl fmt::Display for Bill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.segments == 1 { "" } else { "s" };
        write!(f, "{} segment{s} ({})", self.segments, self.encoding)?;
        self.cost.iter().try_for_each(|cost| write!(f, ", {cost}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, encoding: Encoding, units: usize, segments: usize) {
        assert_eq!(super::segments(text), Segments { encoding, units, segments }, "{text:?}");
    }

    #[test]
    fn a_text_takes_as_many_segments_as_the_standard_says() {
        use Encoding::{Gsm7, Ucs2};
        check("", Gsm7, 0, 0);
        check("Hello", Gsm7, 5, 1);
        check(&"a".repeat(160), Gsm7, 160, 1);
        check(&"a".repeat(161), Gsm7, 161, 2);
        check(&"a".repeat(306), Gsm7, 306, 2);
        check(&"a".repeat(307), Gsm7, 307, 3);
        check("€", Gsm7, 2, 1);
        check(&"[".repeat(80), Gsm7, 160, 1);
        check(&"[".repeat(81), Gsm7, 162, 2);
        // 153 is odd: the bracket does not fit into the last place of a part.
        check(&"[".repeat(153), Gsm7, 306, 3);
        check("Café à Zürich ñ", Gsm7, 15, 1);
        check("ç", Ucs2, 1, 1);
        check("“quoted”", Ucs2, 8, 1);
        check(&"é—".repeat(35), Ucs2, 70, 1);
        check(&"—".repeat(71), Ucs2, 71, 2);
        check(&"—".repeat(134), Ucs2, 134, 2);
        check(&"🏠".repeat(35), Ucs2, 70, 1);
        check(&"🏠".repeat(36), Ucs2, 72, 2);
        // 67 is odd: no house is torn apart.
        check(&"🏠".repeat(67), Ucs2, 134, 3);
    }

    #[test]
    fn a_text_costs_its_segments_at_the_workspaces_price() {
        let bill = |text: &str, price: &str| Bill::of(text, Some(&price.parse().unwrap())).to_string();
        assert_eq!(bill(&"a".repeat(161), "0.0079 USD"), "2 segments (gsm7), 0.0158 USD");
        assert_eq!(bill("—", "1 EUR"), "1 segment (ucs2), 1.00 EUR");
        assert_eq!(bill("Hello", "0.5 USD"), "1 segment (gsm7), 0.50 USD");
        assert_eq!(Bill::of("Hello", None).to_string(), "1 segment (gsm7)");
        for wrong in ["", "1", "USD", "1 usd", "0.0000001 USD", "-1 USD", "1. USD", "12345 USD", "1  USD"] {
            assert!(wrong.parse::<Price>().is_err(), "{wrong}");
        }
    }
}
