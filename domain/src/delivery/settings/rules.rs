//! The floor that nobody can loosen, and what a document of settings must keep to.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Settings, TeamChannel};
use crate::kernel::time::TimeOfDay;
use crate::kernel::{Problem, text};
use crate::people::reach::Channel;

pub const FLOOR_QUIET_FROM: TimeOfDay = TimeOfDay::at(21, 0);
pub const FLOOR_QUIET_UNTIL: TimeOfDay = TimeOfDay::at(9, 0);
/// One outreach message to a contact in so many hours.
pub const FLOOR_OUTREACH_HOURS: i64 = 24;
/// A contact who left so many unanswered is left alone.
pub const FLOOR_UNANSWERED: i64 = 5;
/// Within so many days.
pub const FLOOR_UNANSWERED_DAYS: i64 = 14;
/// However a workspace sets its own cap on transactional messages to a contact in 24 hours.
pub const MOST_TRANSACTIONAL: i64 = 24;

const MOST_BLACKOUT_DAYS: usize = 100;
pub const MOST_ON_PATH: usize = 10;
const MOST_TYPES: usize = 100;
/// A gate that is open for less than this each day would only look open.
const LEAST_OPEN_HOURS: i8 = 2;

/// What a workspace asks of the policy, never less than the floor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub quiet_from: TimeOfDay,
    pub quiet_until: TimeOfDay,
    pub hold_saturdays: bool,
    pub hold_transactional: bool,
    pub blackout_days: BTreeSet<Date>,
    pub outreach_every_hours: i64,
    pub transactional_per_day: i64,
    pub unanswered_most: i64,
    pub unanswered_days: i64,
    pub messages_per_day: Option<i64>,
}

impl Default for Limits {
    fn default() -> Self {
        Settings::default().limits()
    }
}

impl Settings {
    /// What holds: of each pair the stricter, the floor's value or the workspace's.
    pub fn limits(&self) -> Limits {
        Limits {
            quiet_from: self.quiet_from.min(FLOOR_QUIET_FROM),
            quiet_until: self.quiet_until.max(FLOOR_QUIET_UNTIL),
            hold_saturdays: self.hold_saturdays,
            hold_transactional: self.hold_transactional,
            blackout_days: self.blackout_days.clone(),
            outreach_every_hours: self.outreach_every_hours.max(FLOOR_OUTREACH_HOURS),
            transactional_per_day: self.transactional_per_day.clamp(1, MOST_TRANSACTIONAL),
            unanswered_most: self.unanswered_most.clamp(1, FLOOR_UNANSWERED),
            unanswered_days: self.unanswered_days.max(FLOOR_UNANSWERED_DAYS),
            messages_per_day: self.messages_per_day.map(|most| most.max(0)),
        }
    }
}

/// Everything that is wrong with a document: what would loosen the floor, named with the floor, and what makes no sense.
pub fn check(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut no = |field: &str, sentence: String| problems.push(Problem::new(field, sentence));
    let s = settings;
    if s.quiet_from > FLOOR_QUIET_FROM {
        let floor = FLOOR_QUIET_FROM;
        no("quiet_from", format!("would loosen the floor: quiet hours begin at {floor} or earlier."));
    }
    if s.quiet_until < FLOOR_QUIET_UNTIL {
        let floor = FLOOR_QUIET_UNTIL;
        no("quiet_until", format!("would loosen the floor: quiet hours end at {floor} or later."));
    }
    let open = s.quiet_from.since(s.quiet_until);
    if open < i32::from(LEAST_OPEN_HOURS) * 60 {
        no(
            "quiet_until",
            format!("leaves less than {LEAST_OPEN_HOURS} hours a day between quiet_until and quiet_from."),
        );
    }
    let mut range = |field: &str, value: i64, least: i64, most: i64, loose: Option<&str>| {
        if value < least || value > most {
            let floor = loose.map_or_else(String::new, |floor| {
                format!("would loosen the floor ({floor}) or makes no sense: it ")
            });
            no(field, format!("{floor}must be between {least} and {most}; it is {value}."));
        }
    };
    let hours = format!("1 outreach message to a contact in {FLOOR_OUTREACH_HOURS} hours");
    range("outreach_every_hours", s.outreach_every_hours, FLOOR_OUTREACH_HOURS, 24 * 90, Some(&hours));
    let grouped = format!("at most {MOST_TRANSACTIONAL} transactional messages to a contact in 24 hours");
    range("transactional_per_day", s.transactional_per_day, 1, MOST_TRANSACTIONAL, Some(&grouped));
    let unanswered = format!("{FLOOR_UNANSWERED} unanswered in {FLOOR_UNANSWERED_DAYS} days");
    range("unanswered_most", s.unanswered_most, 1, FLOOR_UNANSWERED, Some(&unanswered));
    range("unanswered_days", s.unanswered_days, FLOOR_UNANSWERED_DAYS, 365, Some(&unanswered));
    if let Some(most) = s.messages_per_day {
        range("messages_per_day", most, 0, 10_000_000, None);
    }
    range("escalate_after_hours", s.escalate_after_hours, 0, 24 * 30, None);
    let mut many = |field: &str, count: usize, most: usize| {
        if count > most {
            no(field, format!("has {count} entries; {most} is the most."));
        }
    };
    many("blackout_days", s.blackout_days.len(), MOST_BLACKOUT_DAYS);
    many("escalation_path", s.escalation_path.len(), MOST_ON_PATH);
    many("unapproved_follow_ups", s.unapproved_follow_ups.len(), MOST_TYPES);
    if s.blackout_days.iter().any(|day| day.year() < 1) {
        no("blackout_days", "holds a day before the year 1.".into());
    }
    problems.extend(
        s.unapproved_follow_ups
            .iter()
            .filter_map(|type_| text::line("unapproved_follow_ups", type_, text::NAME).err()),
    );
    problems.extend(s.team_channel.as_ref().and_then(wrong_place));
    problems
}

fn wrong_place(place: &TeamChannel) -> Option<Problem> {
    match place.channel {
        Channel::Discord => (!is_snowflake(&place.address)).then(|| {
            Problem::new(
                "team_channel.address",
                "is no id of a Discord channel: up to 20 digits, as Copy Channel ID gives it.",
            )
        }),
        Channel::Console => text::line("team_channel.address", &place.address, text::NAME).err(),
        other => Some(Problem::new(
            "team_channel.channel",
            format!("{other} is no place where a whole team reads. It must be discord or console."),
        )),
    }
}

/// Whether a text has the form of an id on Discord.
pub fn is_snowflake(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        check(&settings).into_iter().map(|p| p.field).collect()
    }

    #[test]
    fn a_workspace_can_tighten_and_never_loosen() {
        let at = TimeOfDay::at;
        assert_eq!(check(&Settings::default()), []);
        assert_eq!(wrong(|s| (s.quiet_from, s.quiet_until) = (at(18, 0), at(10, 0))), [""; 0]);
        assert_eq!(wrong(|s| s.quiet_from = at(21, 1)), ["quiet_from"]);
        assert_eq!(wrong(|s| s.quiet_until = at(8, 59)), ["quiet_until"]);
        assert_eq!(wrong(|s| s.quiet_until = at(20, 0)), ["quiet_until"]);
        assert_eq!(wrong(|s| s.quiet_until = at(19, 1)), ["quiet_until"]);
        assert_eq!(wrong(|s| s.quiet_until = at(19, 0)), [""; 0]);
        assert_eq!(wrong(|s| s.outreach_every_hours = 23), ["outreach_every_hours"]);
        assert_eq!(wrong(|s| s.outreach_every_hours = 2_160), [""; 0]);
        assert_eq!(wrong(|s| s.outreach_every_hours = 2_161), ["outreach_every_hours"]);
        assert_eq!(wrong(|s| s.unanswered_most = 6), ["unanswered_most"]);
        assert_eq!(wrong(|s| s.unanswered_most = 0), ["unanswered_most"]);
        assert_eq!(wrong(|s| s.unanswered_days = 13), ["unanswered_days"]);
        assert_eq!(wrong(|s| s.transactional_per_day = 25), ["transactional_per_day"]);
        assert_eq!(wrong(|s| s.messages_per_day = Some(-1)), ["messages_per_day"]);
        assert_eq!(wrong(|s| s.escalate_after_hours = 720), [""; 0]);
        assert_eq!(wrong(|s| s.escalate_after_hours = 721), ["escalate_after_hours"]);
        let days = |from: Date, count: i64| (0..count).map(|n| from + jiff::Span::new().days(n)).collect();
        assert_eq!(wrong(|s| s.blackout_days = days(Date::constant(2026, 1, 1), 100)), [""; 0]);
        assert_eq!(wrong(|s| s.blackout_days = days(Date::constant(2026, 1, 1), 101)), ["blackout_days"]);
        assert_eq!(wrong(|s| s.blackout_days = days(Date::constant(1, 1, 1), 1)), [""; 0]);
        assert_eq!(wrong(|s| s.blackout_days = days(Date::constant(0, 12, 31), 1)), ["blackout_days"]);
        let place = |channel, address: &str| Some(TeamChannel { channel, address: address.into() });
        assert_eq!(wrong(|s| s.team_channel = place(Channel::Discord, "#general")), ["team_channel.address"]);
        assert_eq!(wrong(|s| s.team_channel = place(Channel::Discord, "112233445566778899")), [""; 0]);
        assert_eq!(wrong(|s| s.team_channel = place(Channel::Email, "a@example.com")), ["team_channel.channel"]);
        let sentence = &check(&Settings { quiet_from: at(22, 0), ..Settings::default() })[0].sentence;
        assert_eq!(sentence, "would loosen the floor: quiet hours begin at 21:00 or earlier.");
    }

    #[test]
    fn whatever_an_old_row_says_the_floor_holds() {
        let old = r#"{"quiet_from": "23:00", "quiet_until": "06:00", "outreach_every_hours": 1, "unanswered_most": 50,
                      "unanswered_days": 1, "transactional_per_day": 1000, "messages_per_day": -5}"#;
        let limits = serde_json::from_str::<Settings>(old).unwrap().limits();
        let floor = Limits { transactional_per_day: 24, messages_per_day: Some(0), ..Limits::default() };
        assert_eq!(limits, floor);
        assert_eq!((floor.quiet_from, floor.quiet_until), (TimeOfDay::at(21, 0), TimeOfDay::at(9, 0)));
        assert_eq!((floor.outreach_every_hours, floor.unanswered_most, floor.unanswered_days), (24, 5, 14));
    }
}
