//! Whether everything that words state as a fact is one: each date, amount, address, link and name must be known.
//!
//! It errs towards stopping: what it cannot read as known it names, with its place and the reason.

mod dates;
mod names;
mod tokens;

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words;
use tokens::{Mask, Token, tokens};

words! {
    /// What a finding is about.
    pub enum FindingKind {
        Date = "date",
        Time = "time",
        Amount = "amount",
        Email = "email",
        Phone = "phone",
        Link = "link",
        Address = "address",
        Name = "name",
        /// Markup, invisible characters, or letters that pass for others.
        Hidden = "hidden",
        /// It would call everybody.
        Mention = "mention",
        /// Nothing in the words: what became of asking the model.
        Model = "model",
        /// Nothing in the words: somebody cannot be reached, or not by all of them.
        Recipient = "recipient",
        /// Nothing that is wrong: what a person must look at, and no rule may let pass.
        Risk = "risk",
        /// Nothing in the words: who decides about them, where the team cannot do it as its settings say.
        Approval = "approval",
    }
}

/// Something that stands in the words and nowhere in the facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Finding {
    pub kind: FindingKind,
    /// Where it is said: `subject`, `body`, or empty when it is about neither.
    pub part: String,
    /// The first byte of it in its part, and the one after its last.
    pub start: usize,
    pub end: usize,
    pub text: String,
    /// As a sentence.
    pub why: String,
    /// Whether it keeps the words from being approved.
    pub blocks: bool,
}

/// What may be stated.
#[derive(Clone, Debug)]
pub struct Known {
    pub today: Date,
    pub dates: BTreeSet<Date>,
    /// Numbers of days that are true of something, such as how late it was.
    pub days: BTreeSet<i64>,
    /// US cents.
    pub amounts: BTreeSet<i64>,
    /// Names of people and companies, titles, addresses and their parts, as they are written.
    pub phrases: Vec<String>,
    /// In lower case.
    pub emails: BTreeSet<String>,
    /// Digits only.
    pub phones: BTreeSet<String>,
    pub links: BTreeSet<String>,
}

impl Known {
    /// Nothing but the day.
    pub fn on(today: Date) -> Self {
        Self {
            today,
            dates: BTreeSet::new(),
            days: BTreeSet::new(),
            amounts: BTreeSet::new(),
            phrases: Vec::new(),
            emails: BTreeSet::new(),
            phones: BTreeSet::new(),
            links: BTreeSet::new(),
        }
    }
}

/// Everything in one part of the words that is not known, in the order of its place.
pub fn check(part: &str, text: &str, known: &Known) -> Vec<Finding> {
    let mut looking = Looking { part, text, known, mask: Mask::new(text), found: Vec::new() };
    looking.hidden();
    looking.mask.phrases(text, &known.phrases);
    looking.mentions();
    looking.emails();
    looking.links();
    let all = tokens(text);
    names::addresses(&mut looking, &all);
    dates::dates(&mut looking, &all);
    looking.amounts(&all);
    looking.phones();
    names::names(&mut looking, &all);
    looking.found.sort_by_key(|finding| finding.start);
    looking.found
}

struct Looking<'a> {
    part: &'a str,
    text: &'a str,
    known: &'a Known,
    /// What was read already, known or not.
    mask: Mask,
    found: Vec<Finding>,
}

impl Looking<'_> {
    fn find(&mut self, kind: FindingKind, span: Range<usize>, why: impl Into<String>) {
        self.mask.cover(span.clone());
        let text = self.text.get(span.clone()).unwrap_or_default().to_owned();
        let (start, end) = (span.start, span.end);
        self.found.push(Finding { kind, part: self.part.into(), start, end, text, why: why.into(), blocks: true });
    }

    /// Takes note of something that was read, and of a reason against it.
    fn judge(&mut self, kind: FindingKind, span: Range<usize>, against: Option<String>) {
        match against {
            Some(why) => self.find(kind, span, why),
            None => self.mask.cover(span),
        }
    }

    fn hidden(&mut self) {
        for (at, c) in self.text.char_indices() {
            let invisible = matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}' | '\u{e000}'..='\u{f8ff}')
                || (c.is_control() && c != '\n');
            if invisible {
                let why = format!("U+{:04X} cannot be seen and can disguise text.", c as u32);
                self.find(FindingKind::Hidden, at..at + c.len_utf8(), why);
            }
        }
        let lower = self.text.to_ascii_lowercase();
        for marker in ["](", "<a ", "</", "<!", "javascript:", "data:text", "&#", "&lt;", "style=", "```"] {
            for (at, _) in lower.match_indices(marker) {
                self.find(FindingKind::Hidden, at..at + marker.len(), "Words are plain text, without markup.");
            }
        }
        for (at, _) in lower.match_indices('<') {
            if lower[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.find(FindingKind::Hidden, at..at + 1, "Words are plain text, without markup.");
            }
        }
        for word in words_of(self.text) {
            let letters = &self.text[word.clone()];
            let latin = letters.chars().any(|c| c.is_ascii_alphabetic());
            let alike = letters.chars().any(|c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}'));
            if latin && alike {
                self.find(FindingKind::Hidden, word, "It mixes alphabets, so that it passes for another word.");
            }
        }
    }

    fn mentions(&mut self) {
        let lower = self.text.to_ascii_lowercase();
        for call in ["@everyone", "@here", "@channel", "@all", "<@", "<#"] {
            for (at, _) in lower.match_indices(call) {
                if self.mask.is_free(at..at + call.len()) {
                    self.find(
                        FindingKind::Mention,
                        at..at + call.len(),
                        "It would call everybody who reads along.",
                    );
                }
            }
        }
    }

    /// Pieces between white space, without the punctuation around them, that nothing has read yet.
    fn pieces(&self) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut from = 0;
        for white in self.text.char_indices().filter(|(_, c)| c.is_whitespace()).chain([(self.text.len(), ' ')]) {
            let (piece, start) = (&self.text[from..white.0], from);
            from = (white.0 + white.1.len_utf8()).min(self.text.len());
            let ends = |c: char| ",;:!?()[]\"'“”‘’".contains(c) || c == '.';
            let cut = piece.trim_start_matches(ends);
            let start = start + (piece.len() - cut.len());
            let cut = cut.trim_end_matches(ends);
            if !cut.is_empty() && self.mask.is_free(start..start + cut.len()) {
                pieces.push(start..start + cut.len());
            }
        }
        pieces
    }

    fn emails(&mut self) {
        for span in self.pieces() {
            let piece = self.text[span.clone()].to_lowercase();
            let piece = piece.strip_prefix("mailto:").unwrap_or(&piece);
            if piece.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.')) {
                let known = self.known.emails.contains(piece);
                let why = (!known).then(|| "This e-mail address is nobody's on the deal.".to_owned());
                self.judge(FindingKind::Email, span, why);
            }
        }
    }

    fn links(&mut self) {
        for span in self.pieces() {
            let piece = self.text[span.clone()].to_lowercase();
            if is_link(&piece) {
                let bare = |link: &str| {
                    let link =
                        link.strip_prefix("https://").or_else(|| link.strip_prefix("http://")).unwrap_or(link);
                    link.trim_end_matches('/').to_lowercase()
                };
                let known = self.known.links.iter().any(|link| bare(link) == bare(&piece));
                let why = (!known).then(|| "This link stands nowhere in the deal.".to_owned());
                self.judge(FindingKind::Link, span, why);
            }
        }
    }

    fn amounts(&mut self, all: &[Token<'_>]) {
        for (i, token) in all.iter().enumerate() {
            if !self.mask.is_free(token.span.clone()) {
                continue;
            }
            let next = |n: usize| all.get(i + n).filter(|t| self.mask.is_free(t.span.clone()));
            let lower = token.lower();
            let marked = matches!(token.text, "$" | "€" | "£") || matches!(lower.as_str(), "usd" | "us$" | "eur");
            let (number, at) = match (marked, token.is_number()) {
                (true, _) => match next(1).filter(|t| t.is_number()) {
                    Some(number) => (number, i + 1),
                    None => continue,
                },
                (false, true) => (token, i),
                (false, false) => {
                    self.spelled_amount(all, i);
                    continue;
                }
            };
            let after = all.get(at + 1).map(Token::lower).unwrap_or_default();
            let (times, unit) = match after.as_str() {
                "k" | "thousand" | "grand" => (1_000, 1),
                "m" | "mm" | "million" => (1_000_000, 1),
                _ => (1, 0),
            };
            let money = all.get(at + 1 + unit).map(Token::lower).unwrap_or_default();
            let share = matches!(money.as_str(), "%" | "percent" | "per" | "points" | "bps") && unit == 0;
            let named =
                matches!(money.as_str(), "usd" | "dollars" | "dollar" | "bucks" | "eur" | "euros" | "cents");
            let grouped = number.text.contains(',') && number.text.len() > 4;
            if !(marked || named || share || grouped || unit == 1) || (share && money == "per") {
                continue;
            }
            let end = match (unit, named || share) {
                (unit, true) => all[at + 1 + unit].span.end,
                (1, false) => all[at + 1].span.end,
                _ => number.span.end,
            };
            let cents = cents(number.text, times).filter(|_| !share && money != "cents");
            let known = cents.is_some_and(|cents| self.known.amounts.contains(&cents));
            let why = (!known).then(|| "This figure stands nowhere in the deal.".to_owned());
            self.judge(FindingKind::Amount, token.span.start..end, why);
        }
    }

    /// "five thousand dollars": cannot be compared, so it does not pass.
    fn spelled_amount(&mut self, all: &[Token<'_>], i: usize) {
        if !tokens::is_number_word(&all[i].lower()) || (i > 0 && tokens::is_number_word(&all[i - 1].lower())) {
            return;
        }
        let mut end = i;
        while all.get(end + 1).is_some_and(|t| tokens::is_number_word(&t.lower()) || t.text == "-") {
            end += 1;
        }
        let unit = all.get(end + 1).map(Token::lower).unwrap_or_default();
        if matches!(unit.as_str(), "dollars" | "dollar" | "bucks" | "percent" | "grand" | "euros" | "cents") {
            let span = all[i].span.start..all[end + 1].span.end;
            self.find(FindingKind::Amount, span, "A figure in words cannot be compared with the deal.");
        }
    }

    fn phones(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let starts = bytes[at].is_ascii_digit() || matches!(bytes[at], b'+' | b'(');
            if !starts || !self.mask.is_free(at..at + 1) {
                at += 1;
                continue;
            }
            let mut end = at;
            let mut last_digit = at;
            while end < bytes.len()
                && (bytes[end].is_ascii_digit() || b" +-().".contains(&bytes[end]))
                && self.mask.is_free(end..end + 1)
            {
                if bytes[end].is_ascii_digit() {
                    last_digit = end;
                }
                end += 1;
            }
            let digits: String = self.text[at..=last_digit].chars().filter(char::is_ascii_digit).collect();
            if digits.len() >= 7 {
                let same = |known: &String| {
                    let short = known.len().min(digits.len());
                    short >= 7 && known[known.len() - short..] == digits[digits.len() - short..]
                };
                let why = (!self.known.phones.iter().any(same))
                    .then(|| "This number is nobody's on the deal.".to_owned());
                self.judge(FindingKind::Phone, at..last_digit + 1, why);
            }
            at = end.max(at + 1);
        }
    }
}

/// `1,250.50` times something, as cents.
fn cents(number: &str, times: i64) -> Option<i64> {
    let plain: String = number.chars().filter(|c| *c != ',').collect();
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    let hundredths: i64 = format!("{part:0<2}").get(..2)?.parse().ok()?;
    let rest_is_zero = part.get(2..).is_none_or(|rest| rest.bytes().all(|b| b == b'0')) || times > 1;
    let whole: i64 = whole.parse().ok()?;
    whole.checked_mul(100)?.checked_add(hundredths)?.checked_mul(times).filter(|_| rest_is_zero)
}

const ENDINGS: &[&str] = &[
    "com", "net", "org", "io", "co", "us", "biz", "info", "app", "dev", "xyz", "ru", "cn", "uk", "de", "me", "ly",
    "ai", "gov", "edu", "link", "click", "top", "site", "online", "example", "tk", "to", "shop", "page", "live",
    "pro",
];

fn is_link(piece: &str) -> bool {
    if piece.contains("://") || piece.starts_with("www.") {
        return true;
    }
    let host = piece.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let Some((name, ending)) = host.rsplit_once('.') else { return false };
    !name.is_empty()
        && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.')
        && name.chars().any(char::is_alphabetic)
        && ENDINGS.contains(&ending)
}

/// Runs of letters of any alphabet.
fn words_of(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (c.is_alphabetic(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|from| from..text.len()));
    words
}

#[cfg(test)]
mod tests;
