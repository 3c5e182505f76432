//! Time from left to right: months, weeks, today, key dates.

use jiff::civil::{Date, Weekday};
use jiff::{ToSpan, Unit};

use super::ink::{BLUE, GRID, INK, Ink, LINE, MUTED, RED, clipped, width};
use crate::deals::deal::{CLOSING_DATE, KeyDates};

/// Keeps lines from running through a text.
const HALO: &str = "stroke=\"#ffffff\" stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\"";

/// Key dates beyond these have no label.
const MOST_KEY_DATES: usize = 10;

pub struct Axis {
    from: Date,
    days: f64,
    left: f64,
    right: f64,
}

fn days(from: Date, to: Date) -> i32 {
    from.until((Unit::Day, to)).map_or(0, |span| span.get_days())
}

fn plus(date: Date, days: i32) -> Date {
    date.saturating_add(days.days())
}

impl Axis {
    /// Over all of these dates, with some room around them. Today is on it when it is not far from them.
    pub fn over(dates: &[Date], today: Date, left: f64, right: f64) -> Self {
        let first = dates.iter().min().copied().unwrap_or(today);
        let last = dates.iter().max().copied().unwrap_or(today);
        let near = 30 + days(first, last) / 4;
        let (mut from, mut to) = (first, last);
        if (-near..=0).contains(&days(first, today)) {
            from = today;
        }
        if (0..=near).contains(&days(last, today)) {
            to = today;
        }
        let room = 3 + days(from, to) / 30;
        let from = plus(from, -room);
        let to = plus(to, room.max(30 - days(from, to)));
        Self { from, days: f64::from(days(from, to) + 1), left, right }
    }

    fn to(&self) -> Date {
        plus(self.from, (self.days - 1.0) as i32)
    }

    fn has(&self, date: Date) -> bool {
        (self.from..=self.to()).contains(&date)
    }

    /// Where a day begins.
    fn start(&self, date: Date) -> f64 {
        self.left + (self.right - self.left) * f64::from(days(self.from, date)) / self.days
    }

    /// The middle of a day.
    pub fn x(&self, date: Date) -> f64 {
        self.start(date) + self.day() / 2.0
    }

    fn day(&self) -> f64 {
        (self.right - self.left) / self.days
    }

    /// A day of which the months around it tell the year, if they do.
    fn short(&self, date: Date) -> String {
        date.strftime(if self.days < 330.0 { "%-d %b" } else { "%-d %b %Y" }).to_string()
    }

    /// The first days of every `step`-th month.
    fn months(&self, step: i32) -> Vec<Date> {
        let mut month = self.from.first_of_month();
        let mut all = Vec::new();
        while month <= self.to() && all.len() < 200 {
            let number = i32::from(month.year()) * 12 + i32::from(month.month()) - 1;
            if number % step == 0 {
                all.push(month);
            }
            match month.checked_add(1.month()) {
                Ok(next) => month = next,
                Err(_) => break,
            }
        }
        all
    }

    /// How many months lie between two labels, so that they have room.
    fn step(&self) -> i32 {
        let month = self.day() * 30.4;
        [1, 2, 3, 6, 12, 24, 60, 120, 240, 600]
            .into_iter()
            .find(|step| month * f64::from(*step) >= 64.0)
            .unwrap_or(1_200)
    }

    fn mondays(&self) -> Vec<Date> {
        if self.day() * 7.0 < 14.0 {
            return Vec::new();
        }
        let first = match self.from.weekday() {
            Weekday::Monday => Ok(self.from),
            _ => self.from.nth_weekday(1, Weekday::Monday),
        };
        let mondays = std::iter::successors(first.ok(), |monday| monday.checked_add(7.days()).ok());
        mondays.take_while(|monday| *monday <= self.to()).collect()
    }

    /// What runs down through all rows.
    pub fn lines(&self, back: &mut Ink, key_dates: &KeyDates, today: Date, top: f64, bottom: f64) {
        for monday in self.mondays() {
            let x = self.start(monday);
            back.line((x, top), (x, bottom), GRID, 1.0);
        }
        for month in self.months(self.step()).into_iter().filter(|month| *month > self.from) {
            let x = self.start(month);
            back.line((x, top), (x, bottom), LINE, 1.0);
        }
        if let Some(on) = key_dates.get(CLOSING_DATE).filter(|on| self.has(**on)) {
            back.line((self.x(*on), top), (self.x(*on), bottom), BLUE, 1.5);
        }
        if self.has(today) {
            back.line((self.x(today), top), (self.x(today), bottom), RED, 1.5);
        }
    }
}

/// Months, weeks, today and key dates above the rows; the rows begin at what it returns.
pub fn header(axis: &Axis, back: &mut Ink, front: &mut Ink, key_dates: &KeyDates, today: Date, top: f64) -> f64 {
    let mut y = top + 14.0;
    let step = axis.step();
    let months = axis.months(step);
    for (at, month) in months.iter().enumerate() {
        let start = axis.start(*month).max(axis.left);
        let end = months.get(at + 1).map_or(axis.right, |next| axis.start(*next));
        let named = if step >= 12 {
            month.strftime("%Y").to_string()
        } else if at == 0 || month.month() == 1 || months.len() < 4 {
            month.strftime("%b %Y").to_string()
        } else {
            month.strftime("%b").to_string()
        };
        let short = month.strftime("%b").to_string();
        if let Some(label) = [named, short].into_iter().find(|label| width(label, 13.0) + 8.0 <= end - start) {
            front.text(start + 5.0, y, 13.0, INK, "font-weight=\"500\"", &label);
        }
        if *month > axis.from {
            back.line((start, y - 12.0), (start, y + 28.0), LINE, 1.0);
        }
    }
    y += 18.0;
    if axis.day() * 7.0 >= 26.0 {
        for monday in axis.mondays() {
            let (x, label) = (axis.start(monday), monday.day().to_string());
            if x + 20.0 <= axis.right {
                front.text(x + 5.0, y, 11.0, MUTED, HALO, &label);
            }
        }
        y += 10.0;
    }
    let pill = today_pill(axis, front, today, y);
    back.line((axis.left, y), (axis.right, y), LINE, 1.0);
    y = pill + 8.0;
    let bottom = key_date_labels(axis, back, front, key_dates, y);
    if axis.has(today) {
        back.line((axis.x(today), pill), (axis.x(today), bottom), RED, 1.5);
    }
    bottom
}

/// Where today is, or on which side of the picture.
fn today_pill(axis: &Axis, front: &mut Ink, today: Date, y: f64) -> f64 {
    let label = match () {
        () if axis.has(today) => format!("today, {}", axis.short(today)),
        () if today < axis.from => format!("« today, {}", today.strftime("%-d %b %Y")),
        () => format!("today, {} »", today.strftime("%-d %b %Y")),
    };
    let wide = width(&label, 11.5) + 14.0;
    let x = (axis.x(today) - wide / 2.0).clamp(axis.left, axis.right - wide);
    front.put(&format!(
        "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"20\" rx=\"10\" fill=\"{RED}\"/>",
        y + 6.0
    ));
    front.text(x + wide / 2.0, y + 20.0, 11.5, "#ffffff", "text-anchor=\"middle\"", &label);
    y + 26.0
}

/// Each key date as a diamond with its name beside it, in as many lanes as it takes that none covers another.
fn key_date_labels(axis: &Axis, back: &mut Ink, front: &mut Ink, key_dates: &KeyDates, top: f64) -> f64 {
    let mut all: Vec<(&String, Date)> = key_dates.iter().map(|(name, on)| (name, *on)).collect();
    // The two that every deal has keep their labels however many there are.
    all.sort_by_key(|(name, on)| (name.as_str() != CLOSING_DATE, *on));
    all.truncate(MOST_KEY_DATES);
    all.sort_by_key(|(_, on)| *on);
    let mut lanes: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut line_from = None;
    for (name, on) in all {
        let x = axis.x(on);
        let name = clipped(&name.replace('_', " "), 11.5, 180.0);
        let label = format!("{name}, {}", axis.short(on));
        let wide = width(&label, 11.5) + 10.0;
        let to_the_right = x + 8.0 + wide <= axis.right;
        let taken = if to_the_right { (x - 8.0, x + 8.0 + wide) } else { (x - 8.0 - wide, x + 8.0) };
        let free = |lane: &Vec<(f64, f64)>| lane.iter().all(|(from, to)| taken.1 <= *from || *to <= taken.0);
        let lane = lanes.iter().position(free).unwrap_or_else(|| {
            lanes.push(Vec::new());
            lanes.len() - 1
        });
        lanes[lane].push(taken);
        let y = top + 10.0 + 19.0 * f64::from(u32::try_from(lane).unwrap_or(0));
        let closing = name == "closing date";
        let fill = if closing { BLUE } else { "#ffffff" };
        front.put(&format!(
            "<path d=\"M{x:.1} {:.1}l6 6l-6 6l-6 -6z\" fill=\"{fill}\" stroke=\"{BLUE}\" stroke-width=\"1.5\"/>",
            y - 6.0
        ));
        let (at, anchor) = if to_the_right { (x + 11.0, "start") } else { (x - 11.0, "end") };
        front.text(at, y + 4.0, 11.5, BLUE, &format!("text-anchor=\"{anchor}\" {HALO}"), &label);
        if closing {
            line_from = Some((x, y));
        }
    }
    // Room for the headings of the columns.
    let bottom = top + 19.0 * f64::from(u32::try_from(lanes.len()).unwrap_or(0)) + 8.0;
    if let Some((x, y)) = line_from {
        back.line((x, y), (x, bottom), BLUE, 1.5);
    }
    bottom
}
