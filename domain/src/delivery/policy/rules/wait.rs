//! The rules that hold a message back for a while, and the first instant at which all of them let it go.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::delivery::policy::{Reason, Rule};
use crate::delivery::settings::rules::Limits;
use crate::kernel::time::{self, TimeOfDay};
use crate::people::reach::Quiet;

/// A zone where the contact may be.
#[derive(Clone)]
pub struct Clock<'f> {
    name: &'f str,
    zone: TimeZone,
}

impl<'f> Clock<'f> {
    pub fn of(name: &'f str) -> Self {
        Self { name, zone: time::zone(name) }
    }
}

/// A rule that opens again by itself.
pub struct Wait<'f> {
    pub rule: Rule,
    pub code: Reason,
    kind: Kind<'f>,
}

enum Kind<'f> {
    /// At most `most` messages within `span`.
    Cap {
        counted: &'f [Timestamp],
        most: usize,
        span: SignedDuration,
        what: &'static str,
    },
    Quiet {
        clocks: Vec<Clock<'f>>,
        from: TimeOfDay,
        until: TimeOfDay,
    },
    /// The contact's own hours, within a day or over midnight.
    Own {
        clocks: Vec<Clock<'f>>,
        from: TimeOfDay,
        until: TimeOfDay,
    },
    Days {
        clocks: Vec<Clock<'f>>,
        limits: &'f Limits,
    },
    Quota {
        most: i64,
        full_until: Option<Timestamp>,
    },
}

impl<'f> Wait<'f> {
    /// `counted` is newest first.
    pub fn cap(counted: &'f [Timestamp], most: usize, span: SignedDuration, what: &'static str) -> Self {
        let kind = Kind::Cap { counted, most, span, what };
        Self { rule: Rule::FrequencyCap, code: Reason::FrequencyCap, kind }
    }

    pub fn quiet(clocks: Vec<Clock<'f>>, limits: &Limits) -> Self {
        let kind = Kind::Quiet { clocks, from: limits.quiet_from, until: limits.quiet_until };
        Self { rule: Rule::QuietHours, code: Reason::QuietHours, kind }
    }

    /// `None` for hours that begin as they end, or that nobody can read: they hold nothing.
    pub fn own_quiet(clocks: Vec<Clock<'f>>, quiet: &Quiet) -> Option<Self> {
        let hour = |text: &str| text.parse::<TimeOfDay>().ok();
        let (from, until) = (hour(&quiet.from)?, hour(&quiet.until)?);
        let kind = Kind::Own { clocks, from, until };
        (from != until).then_some(Self { rule: Rule::OwnQuietHours, code: Reason::QuietHours, kind })
    }

    /// Whole days: Sundays (and Saturdays where they are held), or blackout days.
    pub fn days(rule: Rule, clocks: Vec<Clock<'f>>, limits: &'f Limits) -> Self {
        let code = if rule == Rule::SundayHold { Reason::SundayHold } else { Reason::QuietHours };
        Self { rule, code, kind: Kind::Days { clocks, limits } }
    }

    pub fn quota(most: i64, full_until: Option<Timestamp>) -> Self {
        Self { rule: Rule::Quota, code: Reason::Quota, kind: Kind::Quota { most, full_until } }
    }

    /// The first instant from `at` on at which this rule allows it; `None` when the calendar ends before.
    fn opens(&self, at: Timestamp) -> Option<Timestamp> {
        match &self.kind {
            Kind::Cap { counted, most, span, .. } => {
                match most.checked_sub(1).and_then(|last| counted.get(last)) {
                    None => Some(at),
                    Some(oldest) => Some(oldest.checked_add(*span).ok()?.max(at)),
                }
            }
            Kind::Quiet { clocks, from, until } => {
                latest(clocks, at, |clock| quiet_until(clock, at, *from, *until))
            }
            Kind::Own { clocks, from, until } => latest(clocks, at, |clock| own_until(clock, at, *from, *until)),
            Kind::Days { clocks, limits } => latest(clocks, at, |clock| day_until(clock, at, self.rule, limits)),
            Kind::Quota { full_until, .. } => Some(full_until.map_or(at, |until| until.max(at))),
        }
    }

    pub fn zones(&self) -> Vec<&'f str> {
        match &self.kind {
            Kind::Quiet { clocks, .. } | Kind::Own { clocks, .. } => {
                clocks.iter().map(|clock| clock.name).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What was looked at.
    pub fn inputs(&self, now: Timestamp) -> Value {
        match &self.kind {
            Kind::Cap { counted, most, span, .. } => {
                let last = counted.get(..*most).unwrap_or(counted);
                json!({ "counted": last, "most": most, "hours": span.as_hours() })
            }
            Kind::Quiet { clocks, from, until } | Kind::Own { clocks, from, until } => {
                json!({ "from": from, "until": until, "local": locals(clocks, now) })
            }
            Kind::Days { clocks, limits } if self.rule == Rule::SundayHold => {
                json!({ "saturdays": limits.hold_saturdays, "local": locals(clocks, now) })
            }
            Kind::Days { clocks, limits } => {
                json!({ "blackout_days": limits.blackout_days, "local": locals(clocks, now) })
            }
            Kind::Quota { most, full_until } => json!({ "messages_per_day": most, "full_until": full_until }),
        }
    }

    pub fn allows(&self) -> String {
        match &self.kind {
            Kind::Cap { most, span, what, .. } => {
                format!("Fewer than {most} {what}{} in the last {} hours.", plural(*most), span.as_hours())
            }
            Kind::Quiet { from, until, .. } => format!("Not within quiet hours ({from} to {until})."),
            Kind::Own { from, until, .. } => {
                format!("Not within the contact's own quiet hours ({from} to {until}).")
            }
            Kind::Days { .. } if self.rule == Rule::SundayHold => "Not a Sunday or another held day.".into(),
            Kind::Days { .. } => "Not one of the workspace's blackout days.".into(),
            Kind::Quota { most, .. } => format!("Fewer than {most} messages to contacts in the last 24 hours."),
        }
    }

    pub fn holds(&self, now: Timestamp) -> String {
        match &self.kind {
            Kind::Cap { most, span, what, .. } => format!(
                "The contact had {most} {what}{} in the last {} hours, which is the most.",
                plural(*most),
                span.as_hours()
            ),
            Kind::Quiet { clocks, from, until } => {
                format!("Quiet hours are {from} to {until}; {}.", shown(clocks, now))
            }
            Kind::Own { clocks, from, until } => {
                format!("The contact wants nothing from {from} to {until}; {}.", shown(clocks, now))
            }
            Kind::Days { clocks, limits } if self.rule == Rule::SundayHold => {
                let days = if limits.hold_saturdays { "Saturdays and Sundays are" } else { "Sunday is" };
                format!("{days} held for the contact; {}.", shown(clocks, now))
            }
            Kind::Days { clocks, .. } => {
                format!("The workspace sends nothing on this day; {}.", shown(clocks, now))
            }
            Kind::Quota { most, .. } => {
                format!("The workspace sent {most} messages to contacts in the last 24 hours, which is its quota.")
            }
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The latest of what the clocks say: nobody in any of the zones may be disturbed.
fn latest<'f>(
    clocks: &[Clock<'f>],
    at: Timestamp,
    opens: impl Fn(&Clock<'f>) -> Option<Timestamp>,
) -> Option<Timestamp> {
    clocks.iter().try_fold(at, |latest, clock| Some(opens(clock)?.max(latest)))
}

fn quiet_until(clock: &Clock<'_>, at: Timestamp, from: TimeOfDay, until: TimeOfDay) -> Option<Timestamp> {
    let local = at.to_zoned(clock.zone.clone());
    let time = TimeOfDay::of(local.time());
    if time < until {
        return morning(clock, local.date(), until, at);
    }
    if time >= from {
        return morning(clock, local.date().tomorrow().ok()?, until, at);
    }
    Some(at)
}

fn own_until(clock: &Clock<'_>, at: Timestamp, from: TimeOfDay, until: TimeOfDay) -> Option<Timestamp> {
    let local = at.to_zoned(clock.zone.clone());
    let time = TimeOfDay::of(local.time());
    let ends_on = match from < until {
        true if time >= from && time < until => local.date(),
        false if time < until => local.date(),
        false if time >= from => local.date().tomorrow().ok()?,
        _ => return Some(at),
    };
    morning(clock, ends_on, until, at)
}

fn day_until(clock: &Clock<'_>, at: Timestamp, rule: Rule, limits: &Limits) -> Option<Timestamp> {
    let held = |day: Date| match rule {
        Rule::SundayHold => match day.weekday() {
            Weekday::Sunday => true,
            Weekday::Saturday => limits.hold_saturdays,
            _ => false,
        },
        _ => limits.blackout_days.contains(&day),
    };
    let mut day = at.to_zoned(clock.zone.clone()).date();
    if !held(day) {
        return Some(at);
    }
    while held(day) {
        day = day.tomorrow().ok()?;
    }
    morning(clock, day, limits.quiet_until, at)
}

/// The morning of a day, or now when the clock was put over it.
fn morning(clock: &Clock<'_>, day: Date, until: TimeOfDay, at: Timestamp) -> Option<Timestamp> {
    Some(until.instant(day, &clock.zone)?.max(at))
}

/// What came of asking all rules again and again until none moved the instant.
pub struct Settled {
    /// The first instant at which every rule allows it; `None` when there is none within a year.
    pub at: Option<Timestamp>,
    /// Of each rule that holds now, or would hold at the instant which the others allow: until when.
    pub opened: Vec<Option<Timestamp>>,
}

const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

/// Each rule names the first instant from a given one on at which it allows; no instant before it can be right for all.
/// So going on from the latest of them until nothing moves ends at the earliest that is right for all.
pub fn settle(waits: &[Wait<'_>], now: Timestamp) -> Settled {
    let opened = waits.iter().map(|wait| wait.opens(now).filter(|opens| *opens > now)).collect();
    let mut settled = Settled { at: None, opened };
    let mut at = now;
    loop {
        let before = at;
        for (wait, opened) in waits.iter().zip(&mut settled.opened) {
            let Some(opens) = wait.opens(at) else { return settled };
            if opens > at {
                (*opened, at) = (Some(opens), opens);
            }
        }
        if at == before {
            settled.at = Some(at);
            return settled;
        }
        if at.duration_since(now) > LONGEST {
            return settled;
        }
    }
}

/// "Sat 17 Oct 2026"
pub fn day_utc(at: Timestamp) -> String {
    at.strftime("%a %-d %b %Y").to_string()
}

fn local(clock: &Clock<'_>, at: Timestamp) -> String {
    at.to_zoned(clock.zone.clone()).strftime("%a %-d %b %Y %H:%M").to_string()
}

fn locals(clocks: &[Clock<'_>], at: Timestamp) -> Value {
    clocks
        .iter()
        .map(|clock| (clock.name.to_owned(), Value::from(local(clock, at))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// "it is Sat 17 Oct 2026 22:00 in America/Chicago"
fn shown(clocks: &[Clock<'_>], at: Timestamp) -> String {
    match clocks {
        [] => "no zone is known".into(),
        [only] => format!("it is {} in {}", local(only, at), only.name),
        [first, ..] => {
            let names: Vec<&str> = clocks.iter().map(|clock| clock.name).collect();
            format!(
                "it is {} in {}, and the contact may be in {}",
                local(first, at),
                first.name,
                zone_names(&names)
            )
        }
    }
}

/// "America/Chicago", "America/Chicago or America/Denver", "America/Chicago, America/Denver or 6 other zones"
pub fn zone_names(names: &[impl AsRef<str>]) -> String {
    let name = |at: usize| names.get(at).map_or("", |name| name.as_ref());
    match names.len() {
        0 => "no zone".into(),
        1 => name(0).into(),
        2 => format!("{} or {}", name(0), name(1)),
        3 => format!("{}, {} or {}", name(0), name(1), name(2)),
        many => format!("{}, {} or {} other zones", name(0), name(1), many - 2),
    }
}
