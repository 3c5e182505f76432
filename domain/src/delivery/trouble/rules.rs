//! How long is left alone what takes nothing, whatever the clocks of several machines say.

use jiff::{SignedDuration, Timestamp};

use super::Hold;

/// Nothing is left alone for longer without being asked again.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// Whoever waits for something that has not answered for this long is told.
pub const LASTING: SignedDuration = SignedDuration::from_mins(10);
/// A process that sends says so this often.
pub const SAYS_SO: SignedDuration = SignedDuration::from_secs(5);
/// One that has not said so for this long counts no more.
pub const LIVES: SignedDuration = SignedDuration::from_secs(20);

/// How long a wait lasts that somebody wants.
pub fn bounded(wait: SignedDuration) -> SignedDuration {
    wait.clamp(SignedDuration::ZERO, LONGEST)
}

/// How long it is still to be left alone. Never longer than it was from the beginning: after the clock went back, an
/// instant says nothing.
pub fn left(hold: &Hold, now: Timestamp) -> SignedDuration {
    let whole = bounded(hold.closed_at.duration_until(hold.closed_until));
    now.duration_until(hold.closed_until).clamp(SignedDuration::ZERO, whole)
}

/// Whether a process that said so then is counted now. Clocks of several machines differ a little.
pub fn is_live(seen_at: Timestamp, now: Timestamp) -> bool {
    seen_at.duration_until(now).abs() <= LIVES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::trouble::What;
    use crate::people::reach::Channel;

    #[test]
    fn a_hold_ends_after_its_wait_whatever_the_clock_does() {
        let at: Timestamp = "2026-10-14T15:00:00Z".parse().unwrap();
        let check = |wait: i64, later: i64, expected: i64| {
            let hold = Hold {
                what: What::Provider(Channel::Discord),
                since: at,
                closed_at: at,
                closed_until: at + SignedDuration::from_secs(wait),
                last: None,
                version: 1,
            };
            assert_eq!(left(&hold, at + SignedDuration::from_secs(later)).as_secs(), expected, "{wait} {later}");
        };
        check(1_336, 0, 1_336);
        check(1_336, 1_000, 336);
        check(1_336, 1_336, 0);
        check(1_336, 100_000, 0);
        // Two hours back.
        check(1_336, -7_200, 1_336);
        // A row that somebody else wrote for years.
        check(1_000_000_000, 0, 86_400);
        check(-5, 0, 0);
    }

    #[test]
    fn what_is_left_alone_has_one_name() {
        for what in [What::Provider(Channel::InApp), What::Destination("email:example.com".into())] {
            assert_eq!(What::from(what.to_string().as_str()), what);
        }
    }
}
