//! Text as words, numbers and signs with their places, and what of it was read already.

use std::ops::Range;

/// Which bytes were read.
pub struct Mask(Vec<bool>);

impl Mask {
    pub fn new(text: &str) -> Self {
        Self(vec![false; text.len()])
    }

    pub fn cover(&mut self, span: Range<usize>) {
        self.0[span].fill(true);
    }

    pub fn is_free(&self, span: Range<usize>) -> bool {
        self.0[span].iter().all(|read| !read)
    }

    /// Reads every known phrase where it stands as a whole, the longest first, whatever its case.
    pub fn phrases(&mut self, text: &str, phrases: &[String]) {
        // Only ASCII changes its case, so that places stay where they are.
        let lower = text.to_ascii_lowercase();
        let mut phrases: Vec<String> =
            phrases.iter().map(|phrase| phrase.trim().to_ascii_lowercase()).filter(|p| p.len() > 1).collect();
        phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        phrases.dedup();
        for phrase in &phrases {
            for (at, _) in lower.match_indices(phrase.as_str()) {
                let end = at + phrase.len();
                let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                let apart = !joins(lower[..at].chars().next_back()) && !joins(lower[end..].chars().next());
                if apart && self.is_free(at..end) {
                    self.cover(at..end);
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct Token<'a> {
    pub text: &'a str,
    pub span: Range<usize>,
    /// Whether nothing stands between it and the token before.
    pub joined: bool,
    /// Whether a line starts with it.
    pub starts_line: bool,
}

impl Token<'_> {
    pub fn lower(&self) -> String {
        self.text.to_lowercase()
    }

    pub fn is_number(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_digit())
    }

    pub fn is_word(&self) -> bool {
        self.text.starts_with(char::is_alphabetic)
    }

    pub fn is_capital(&self) -> bool {
        self.text.starts_with(char::is_uppercase)
    }

    /// A plain number without groups or fractions.
    pub fn number(&self) -> Option<i64> {
        if self.text.len() > 9 { None } else { self.text.parse().ok() }
    }
}

/// Words may hold apostrophes and inner hyphens; numbers may hold groups and a fraction; anything else is a sign.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let place = |i: usize| chars.get(i).map_or(text.len(), |(at, _)| *at);
    let is = |i: usize, f: fn(char) -> bool| chars.get(i).is_some_and(|(_, c)| f(*c));
    let digit = |c: char| c.is_ascii_digit();
    let mut found: Vec<Token<'_>> = Vec::new();
    let (mut i, mut starts_line) = (0, true);
    while i < chars.len() {
        let c = chars[i].1;
        if c.is_whitespace() {
            starts_line |= c == '\n';
            i += 1;
            continue;
        }
        let start = i;
        i += 1;
        if c.is_alphabetic() {
            while is(i, char::is_alphabetic)
                || (is(i, |c| matches!(c, '\'' | '’')) && is(i + 1, char::is_alphabetic))
            {
                i += 1;
            }
        } else if digit(c) {
            loop {
                let group = is(i, |c| c == ',') && (1..=3).all(|n| is(i + n, digit)) && !is(i + 4, digit);
                let fraction = is(i, |c| c == '.') && is(i + 1, digit);
                if is(i, digit) || group || (fraction && !is_dotted_date(&chars, start, i)) {
                    i += 1;
                } else {
                    break;
                }
            }
        }
        let span = place(start)..place(i);
        let joined = found.last().is_some_and(|before| before.span.end == span.start);
        found.push(Token { text: &text[span.clone()], span, joined, starts_line });
        starts_line = false;
    }
    found
}

/// Whether the dot at `dot` stands in something like 4.12.2026 and not in a fraction.
fn is_dotted_date(chars: &[(usize, char)], start: usize, dot: usize) -> bool {
    let digits_after = |at: usize| chars[at..].iter().take_while(|(_, c)| c.is_ascii_digit()).count();
    let before = dot - start;
    let first = digits_after(dot + 1);
    let second = dot + 1 + first;
    let dotted_twice = chars.get(second).is_some_and(|(_, c)| *c == '.')
        && chars.get(second + 1).is_some_and(|(_, c)| c.is_ascii_digit());
    // The second dot of three numbers has one right before its number.
    let after_dot = start > 0 && chars[start - 1].1 == '.';
    before <= 2 && first <= 2 && (dotted_twice || after_dot) || (after_dot && matches!(first, 2 | 4))
}

pub fn is_number_word(word: &str) -> bool {
    number_word(word).is_some() || matches!(word, "hundred" | "thousand" | "million" | "half" | "dozen")
}

/// "one" to "twenty" and the tens to "ninety".
pub fn number_word(word: &str) -> Option<i64> {
    const SMALL: [&str; 21] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
    ];
    const TENS: [&str; 7] = ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let small = SMALL.iter().position(|known| *known == word);
    let tens = || TENS.iter().position(|known| *known == word).map(|n| n * 10 + 30);
    small.or_else(tens).and_then(|n| i64::try_from(n).ok())
}
