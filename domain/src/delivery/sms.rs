//! What a text costs: how many segments it takes.
//!
//! Source: 3GPP TS 23.038 (the 7-bit alphabet) and 23.040 (parts of a long text carry 6 bytes of header each).

use serde::Serialize;

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

/// What it costs at a price for each segment, in the price's unit. Saturates.
pub fn cost(segments: Segments, price: u64) -> u64 {
    price.saturating_mul(segments.segments as u64)
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
        assert_eq!(cost(segments(&"a".repeat(161)), 79), 158);
    }
}
