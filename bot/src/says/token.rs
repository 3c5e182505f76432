//! Tokens.

use domain::workspace::access::Token;
use domain::workspace::quota::Used;
use jiff::Timestamp;

use super::{count, moment, table};

pub fn created(token: &Token, holder: &str, secret: &str) -> String {
    let until =
        token.expires_at.map_or_else(|| "it does not expire".into(), |at| format!("it expires {}", moment(at)));
    format!(
        "A token of scope {} for {holder}; {until}. It is shown this once:\n\n  {secret}\n\n\
         Take it back with: milepost token revoke {}\n",
        token.scope, token.id
    )
}

pub fn revoked(token: &Token) -> String {
    format!("The token \"{}\" (...{}) is revoked. It opens nothing from now on.", token.label, token.hint)
}

pub fn list(
    tokens: &[Token],
    holder: impl Fn(&Token) -> String,
    used: impl Fn(&Token) -> Used,
    now: Timestamp,
) -> String {
    if tokens.is_empty() {
        return "There are no tokens. Make one with: milepost token create --agent NAME --scope write\n".into();
    }
    let rows: Vec<_> = tokens
        .iter()
        .map(|token| {
            let state = match (token.revoked_at, token.expires_at) {
                (Some(_), _) => "REVOKED".to_owned(),
                (None, Some(at)) if at <= now => "EXPIRED".to_owned(),
                (None, Some(at)) => format!("until {}", moment(at)),
                (None, None) => "valid".to_owned(),
            };
            vec![
                holder(token),
                token.label.clone(),
                token.scope.to_string(),
                format!("...{}", token.hint),
                state,
                token.last_used_at.map_or_else(|| "never".into(), moment),
                today(used(token)),
                token.id.to_string(),
            ]
        })
        .collect();
    table(&["HOLDER", "LABEL", "SCOPE", "ENDS IN", "STATE", "LAST USED", "TODAY", "ID"], &rows)
}

/// What it changed on this UTC day.
fn today(used: Used) -> String {
    let some = [(used.changes, "change"), (used.proposals, "proposal")].into_iter().filter(|(n, _)| *n > 0);
    some.map(|(n, what)| count(usize::try_from(n).unwrap_or(0), what)).collect::<Vec<_>>().join(", ")
}
