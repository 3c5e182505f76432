//! How a day's budget is spent: with full answers first, then with shorter ones, then not at all.

use super::Level;

/// Tokens of an answer at most, and when the budget runs low.
pub const ANSWER: u32 = 1_500;
pub const SHORT_ANSWER: u32 = 700;

pub fn level(spent: u64, daily: u64) -> Level {
    match () {
        () if spent >= daily => Level::Red,
        () if spent >= low(daily) => Level::Yellow,
        () => Level::Green,
    }
}

/// What may be asked for while less than so many tokens are spent, the longer answer first.
pub fn offers(daily: u64) -> [(u64, u32); 2] {
    [(low(daily), ANSWER), (daily, SHORT_ANSWER)]
}

/// Four fifths of it, rounded up.
fn low(daily: u64) -> u64 {
    daily - daily / 5
}

/// Tokens of a text. Four bytes each is a cautious guess for English; what it really was replaces it.
pub fn guess(bytes: usize) -> u64 {
    bytes as u64 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_turns_yellow_before_it_is_spent() {
        for (spent, daily, expected) in [
            (0, 1_000, Level::Green),
            (799, 1_000, Level::Green),
            (800, 1_000, Level::Yellow),
            (999, 1_000, Level::Yellow),
            (1_000, 1_000, Level::Red),
            (2, 3, Level::Green),
            (0, 0, Level::Red),
            (u64::MAX, u64::MAX, Level::Red),
        ] {
            assert_eq!(level(spent, daily), expected, "{spent} of {daily}");
            let offer = offers(daily).into_iter().find(|(below, _)| spent < *below).map(|(_, answer)| answer);
            let expected = match expected {
                Level::Green => Some(ANSWER),
                Level::Yellow => Some(SHORT_ANSWER),
                Level::Red => None,
            };
            assert_eq!(offer, expected, "{spent} of {daily}");
        }
    }
}
