//! Names of people and companies, and street addresses: capital letters where plain words would have none.

use super::tokens::Token;
use super::{FindingKind, Looking};

const STREETS: &[&str] = &[
    "street",
    "st",
    "avenue",
    "ave",
    "road",
    "rd",
    "lane",
    "ln",
    "drive",
    "dr",
    "court",
    "ct",
    "boulevard",
    "blvd",
    "way",
    "place",
    "pl",
    "terrace",
    "ter",
    "circle",
    "cir",
    "highway",
    "hwy",
    "parkway",
    "pkwy",
    "trail",
    "square",
    "sq",
    "loop",
    "alley",
    "plaza",
    "row",
    "path",
    "pike",
];

const COMPANIES: &[&str] = &["llc", "inc", "corp", "ltd", "llp", "gmbh", "plc"];

/// Capital by custom, and nobody's name.
const CAPITALS: &[&str] = &[
    "i",
    "i'm",
    "i'll",
    "i've",
    "i'd",
    "fha",
    "va",
    "usda",
    "hoa",
    "mls",
    "pdf",
    "id",
    "us",
    "usa",
    "u.s",
    "tbd",
    "fyi",
    "asap",
    "ps",
    "ok",
    "cd",
    "hud",
    "am",
    "pm",
    "ein",
    "ssn",
    "pin",
    "dvd",
    "tv",
    "hvac",
    "gfci",
    "wdo",
    "pmi",
    "apr",
    "realtor",
    "realtors",
    "english",
    "spanish",
    "american",
    "federal",
    "internet",
    "wi",
    "fi",
    "email",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "closing",
    "disclosure",
    "day",
    "eta",
    "poa",
    "faq",
    "sms",
];

/// Words in capitals for stress.
const STRESSED: &[&str] = &[
    "not",
    "no",
    "yes",
    "please",
    "note",
    "urgent",
    "important",
    "must",
    "do",
    "all",
    "any",
    "and",
    "or",
    "the",
    "now",
    "never",
    "always",
    "only",
    "before",
    "after",
    "new",
    "action",
    "required",
    "reminder",
    "final",
    "you",
    "your",
    "we",
];

/// Words with which sentences about a deal start. Before a verb any other capital word there counts as a name.
const STARTERS: &[&str] = &[
    "a",
    "about",
    "above",
    "across",
    "action",
    "after",
    "again",
    "all",
    "also",
    "although",
    "always",
    "an",
    "and",
    "another",
    "any",
    "anyone",
    "anything",
    "appraisal",
    "appraiser",
    "are",
    "around",
    "as",
    "ask",
    "at",
    "attorney",
    "based",
    "be",
    "because",
    "been",
    "before",
    "being",
    "below",
    "best",
    "between",
    "both",
    "bring",
    "but",
    "buyer",
    "buyers",
    "by",
    "call",
    "can",
    "certified",
    "checklist",
    "clear",
    "client",
    "check",
    "click",
    "close",
    "closing",
    "come",
    "coming",
    "complete",
    "completed",
    "completing",
    "completion",
    "confirm",
    "congratulations",
    "contact",
    "contingency",
    "contract",
    "could",
    "date",
    "dates",
    "days",
    "deal",
    "dear",
    "delivery",
    "deposit",
    "despite",
    "did",
    "do",
    "does",
    "documents",
    "done",
    "during",
    "each",
    "earnest",
    "either",
    "electricity",
    "ensure",
    "escrow",
    "even",
    "every",
    "everyone",
    "everything",
    "expect",
    "feel",
    "final",
    "finally",
    "financing",
    "first",
    "five",
    "following",
    "for",
    "four",
    "from",
    "funds",
    "further",
    "garage",
    "get",
    "give",
    "given",
    "go",
    "good",
    "great",
    "had",
    "happy",
    "has",
    "have",
    "having",
    "he",
    "hello",
    "her",
    "here",
    "hi",
    "his",
    "home",
    "hope",
    "house",
    "how",
    "however",
    "i",
    "if",
    "important",
    "in",
    "inspection",
    "inspector",
    "instead",
    "insurance",
    "internet",
    "is",
    "it",
    "its",
    "it's",
    "just",
    "keep",
    "keys",
    "kind",
    "know",
    "last",
    "late",
    "leave",
    "lender",
    "let",
    "let's",
    "like",
    "loan",
    "look",
    "looking",
    "make",
    "many",
    "may",
    "meanwhile",
    "meet",
    "might",
    "milestone",
    "money",
    "more",
    "mortgage",
    "most",
    "much",
    "my",
    "nearly",
    "need",
    "never",
    "next",
    "no",
    "none",
    "nor",
    "not",
    "note",
    "nothing",
    "now",
    "of",
    "offer",
    "on",
    "once",
    "one",
    "only",
    "open",
    "or",
    "other",
    "otherwise",
    "our",
    "out",
    "park",
    "pay",
    "over",
    "overdue",
    "own",
    "paperwork",
    "party",
    "parties",
    "payment",
    "perhaps",
    "photo",
    "plan",
    "please",
    "possession",
    "preparation",
    "prepare",
    "property",
    "purchase",
    "put",
    "questions",
    "quick",
    "read",
    "ready",
    "receipt",
    "regarding",
    "regards",
    "remaining",
    "remember",
    "reminder",
    "remotes",
    "repair",
    "repairs",
    "reply",
    "report",
    "request",
    "responsible",
    "review",
    "right",
    "sale",
    "schedule",
    "second",
    "see",
    "seller",
    "sellers",
    "send",
    "settlement",
    "seven",
    "several",
    "she",
    "should",
    "signing",
    "simply",
    "since",
    "six",
    "so",
    "some",
    "somebody",
    "someone",
    "soon",
    "start",
    "status",
    "still",
    "such",
    "sure",
    "take",
    "tell",
    "ten",
    "termite",
    "thank",
    "thanks",
    "that",
    "that's",
    "the",
    "their",
    "them",
    "then",
    "there",
    "therefore",
    "these",
    "they",
    "this",
    "those",
    "though",
    "three",
    "through",
    "title",
    "to",
    "today",
    "together",
    "tomorrow",
    "too",
    "transaction",
    "two",
    "underwriting",
    "unless",
    "until",
    "up",
    "upcoming",
    "update",
    "urgent",
    "us",
    "use",
    "utilities",
    "very",
    "wait",
    "walkthrough",
    "warm",
    "was",
    "water",
    "we",
    "we'll",
    "we're",
    "we've",
    "welcome",
    "well",
    "were",
    "what",
    "when",
    "where",
    "whether",
    "which",
    "while",
    "who",
    "whoever",
    "why",
    "will",
    "wire",
    "with",
    "within",
    "without",
    "wood",
    "work",
    "would",
    "write",
    "yes",
    "yesterday",
    "yet",
    "you",
    "you'll",
    "you're",
    "you've",
    "your",
    "yours",
];

/// What people do, after a name at the start of a sentence.
const VERBS: &[&str] = &[
    "will",
    "has",
    "is",
    "was",
    "can",
    "would",
    "said",
    "says",
    "asked",
    "asks",
    "called",
    "calls",
    "confirmed",
    "confirms",
    "needs",
    "wants",
    "agreed",
    "agrees",
    "sent",
    "sends",
    "wrote",
    "told",
    "may",
    "must",
    "should",
    "from",
    "promised",
    "signed",
    "approved",
    "offered",
    "accepted",
    "handles",
    "handled",
    "expects",
    "knows",
    "wired",
    "paid",
];

/// "12 Oak Street", "400 N. Lake Shore Dr", "60601".
pub(super) fn addresses(looking: &mut Looking<'_>, all: &[Token<'_>]) {
    for (i, token) in all.iter().enumerate() {
        if !token.is_number() || !looking.mask.is_free(token.span.clone()) || token.text.contains(['.', ',']) {
            continue;
        }
        let street = (i + 2..(i + 7).min(all.len())).find(|at| {
            let words = &all[i + 1..*at];
            let fits = |t: &Token<'_>| {
                t.text == "." || t.is_capital() || t.is_number() || ["th", "st", "nd", "rd"].contains(&t.text)
            };
            let starts = words.first().is_some_and(|t| t.is_capital() || t.is_number());
            starts
                && words.iter().all(fits)
                && all[*at].is_capital()
                && STREETS.contains(&all[*at].lower().as_str())
        });
        if let Some(street) = street {
            let span = token.span.start..all[street].span.end;
            if looking.mask.is_free(span.clone()) {
                looking.find(FindingKind::Address, span, "This address stands nowhere in the deal.");
            }
            continue;
        }
        // "IL 60601"
        let state = i
            .checked_sub(1)
            .map(|at| all[at].text)
            .is_some_and(|s| s.len() == 2 && s.chars().all(char::is_uppercase));
        if state && token.text.len() == 5 {
            looking.find(FindingKind::Address, token.span.clone(), "This postal code stands nowhere in the deal.");
        }
    }
}

pub(super) fn names(looking: &mut Looking<'_>, all: &[Token<'_>]) {
    let known: Vec<Vec<String>> = looking
        .known
        .phrases
        .iter()
        .map(|phrase| super::tokens::tokens(phrase).iter().filter(|t| t.is_word()).map(bare).collect())
        .collect();
    let mut i = 0;
    while i < all.len() {
        let free = |at: usize| all.get(at).is_some_and(|t| looking.mask.is_free(t.span.clone()));
        let token = &all[i];
        let word = bare(token);
        if !free(i) || !token.is_word() {
            i += 1;
            continue;
        }
        if COMPANIES.contains(&word.as_str()) {
            looking.find(FindingKind::Name, token.span.clone(), "This company is not on the deal.");
            i += 1;
            continue;
        }
        let could_be = |at: usize| free(at) && all[at].is_word() && all[at].is_capital() && !is_custom(&all[at]);
        if !could_be(i) {
            i += 1;
            continue;
        }
        let starts = starts_sentence(all, i);
        if starts && STARTERS.contains(&word.as_str()) {
            i += 1;
            continue;
        }
        let mut end = i + 1;
        loop {
            let joins = all.get(end).is_some_and(|t| matches!(t.text, "&" | "of" | "-" | "."))
                && could_be(end + 1)
                && (all[end].text != "." || all[end - 1].text.len() <= 3);
            match () {
                () if could_be(end) && !all[end].starts_line => end += 1,
                () if joins && !all[end + 1].starts_line => end += 2,
                () => break,
            }
        }
        let run: Vec<String> = all[i..end].iter().filter(|t| t.is_word()).map(bare).collect();
        let is_known = known.iter().any(|phrase| phrase.windows(run.len()).any(|part| *part == run[..]));
        let alone = run.len() == 1 && starts;
        let before_verb = all.get(end).is_some_and(|t| VERBS.contains(&t.lower().as_str()))
            || all[end - 1].text.ends_with("'s")
            || all[end - 1].text.ends_with("’s");
        if !is_known && (!alone || before_verb) {
            let span = token.span.start..all[end - 1].span.end;
            looking.find(FindingKind::Name, span, "Nobody and nothing on the deal has this name.");
        }
        i = end;
    }
}

/// In lower case, without a genitive.
fn bare(token: &Token<'_>) -> String {
    let lower = token.lower().replace('’', "'");
    lower.strip_suffix("'s").unwrap_or(&lower).to_owned()
}

/// A capital that custom asks for, or one for stress.
fn is_custom(token: &Token<'_>) -> bool {
    let word = bare(token);
    let loud = token.text.len() > 1 && token.text.chars().all(|c| !c.is_lowercase());
    CAPITALS.contains(&token.lower().as_str())
        || CAPITALS.contains(&word.as_str())
        || (loud && STRESSED.contains(&word.as_str()))
}

/// After a full stop, a colon, a quotation mark, a bullet, or at the start of a line.
fn starts_sentence(all: &[Token<'_>], i: usize) -> bool {
    let Some(before) = i.checked_sub(1).map(|at| &all[at]) else { return true };
    if all[i].starts_line {
        return true;
    }
    match before.text {
        "." => {
            // "Mr. Stone" goes on.
            let title = i.checked_sub(2).map(|at| all[at].lower()).unwrap_or_default();
            !matches!(title.as_str(), "mr" | "mrs" | "ms" | "dr" | "st" | "prof")
        }
        "!" | "?" | ":" | ";" | "\"" | "“" | "(" | "*" | "•" => true,
        "-" | "–" | "—" => !all[i].joined,
        _ => false,
    }
}
