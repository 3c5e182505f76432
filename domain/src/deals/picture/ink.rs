//! Texts and shapes.

use crate::kernel::text;

pub const INK: &str = "#1f2937";
pub const MUTED: &str = "#64707f";
pub const LINE: &str = "#d5dae1";
pub const GRID: &str = "#eceff3";
pub const BLUE: &str = "#1f5fae";
pub const GREEN: &str = "#1c7a4d";
pub const RED: &str = "#bb2d2a";
pub const AMBER: &str = "#955800";

/// SVG that was drawn so far.
#[derive(Default)]
pub struct Ink(String);

impl Ink {
    pub fn drawn(&self) -> &str {
        &self.0
    }

    /// An element as it is written.
    pub fn put(&mut self, element: &str) {
        self.0.push_str(element);
        self.0.push('\n');
    }

    /// `more` are attributes of ours. An empty text is not drawn.
    pub fn text(&mut self, x: f64, y: f64, size: f64, colour: &str, more: &str, words: &str) {
        if !words.is_empty() {
            let space = if more.is_empty() { "" } else { " " };
            self.put(&format!(
                "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\"{space}{more}>{}</text>",
                escaped(words)
            ));
        }
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        self.put(&format!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    pub fn group(&mut self, attributes: &str, inner: &Self) {
        if !inner.0.is_empty() {
            self.put(&format!("<g {attributes}>\n{}</g>", inner.0));
        }
    }
}

/// A text as it may stand in XML, without what can't be shown or would deceive a reader.
pub fn escaped(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    for c in plain(words).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// On one line, without control characters, invisible ones, and accents piled up.
fn plain(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    let mut piled = 0;
    for c in words.chars() {
        piled = if is_mark(c) { piled + 1 } else { 0 };
        let invisible = text::is_hidden(c) || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{fffe}' | '\u{ffff}');
        if c.is_control() || c.is_whitespace() {
            safe.push(' ');
        } else if !invisible && piled < 2 {
            safe.push(c);
        }
    }
    safe.trim().to_owned()
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// How wide a text is at most, in pixels, in a usual sans-serif of this size.
pub fn width(words: &str, size: f64) -> f64 {
    words.chars().map(em).sum::<f64>() * size
}

fn em(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' | '.' | ',' | ':' | ';' | '|' | '!' => 0.28,
        ' ' | 'f' | 't' | 'r' | 'I' | '(' | ')' | '[' | ']' | '-' | '/' | '\\' | '·' => 0.37,
        'm' | 'M' | 'w' | 'W' | '%' | '@' | '&' | '…' | '—' => 0.95,
        'A'..='Z' => 0.7,
        c if c.is_ascii() => 0.58,
        c if is_mark(c) => 0.0,
        c if u32::from(c) < 0x1100 => 0.72,
        _ => 1.1,
    }
}

/// The text, or as much of it as fits, with an ellipsis.
pub fn clipped(words: &str, size: f64, most: f64) -> String {
    let words = plain(words);
    if width(&words, size) <= most {
        return words;
    }
    let mut left = most - em('…') * size;
    let mut cut: String = words
        .chars()
        .take_while(|c| {
            left -= em(*c) * size;
            left >= 0.0
        })
        .collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}
