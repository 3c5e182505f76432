//! A deal as a picture: its milestones under an axis of time, as SVG. The same picture goes to chat, mail and pages.
//!
//! What a milestone's state is, is said by a shape, a colour and a word. Texts are cut to their places by an estimate of
//! their widths that errs on the wide side, so that nothing overlaps whatever font draws them.

mod axis;
mod ink;
mod row;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use self::axis::{Axis, header};
use self::ink::{INK, Ink, LINE, MUTED, clipped};
use super::deal::CLOSING_DATE;
use super::deal::view::Detail;
use super::milestone::MilestoneStatus;
use super::milestone::view::MilestoneView;
use crate::kernel::spoken;

/// Pixels.
pub const WIDTH: u32 = 1200;
/// Milestones beyond these are counted.
pub const MOST_ROWS: usize = 40;

const LEFT: f64 = 40.0;
const RIGHT: f64 = 1160.0;
/// Where the axis begins; what is known of a milestone in words stands before it.
const AXIS: f64 = 590.0;
const DUE: f64 = 330.0;
const STATE: f64 = 440.0;
const ROW: f64 = 38.0;

/// The picture of a deal as it stands on `today`, a civil date in the deal's zone. The same facts give the same bytes.
pub fn svg(detail: &Detail, today: Date) -> String {
    let shown = shown(&detail.milestones);
    let mut ink = Ink::default();
    let title = clipped(&detail.deal.title, 26.0, RIGHT - LEFT);
    ink.text(LEFT, 56.0, 26.0, INK, "font-weight=\"500\"", &title);
    ink.text(LEFT, 82.0, 15.0, MUTED, "", &clipped(&detail.deal.address, 15.0, RIGHT - LEFT));
    let standing = standing(detail, today);
    ink.text(LEFT, 110.0, 15.0, INK, "", &clipped(&standing, 15.0, RIGHT - LEFT));

    let axis = Axis::over(&dates(detail, &shown), today, AXIS, RIGHT);
    let mut back = Ink::default();
    let mut front = Ink::default();
    let top = header(&axis, &mut back, &mut front, &detail.deal.key_dates, today, 136.0);
    let height = ROW * f64::from(u32::try_from(shown.len().max(1)).unwrap_or(0));
    let bottom = top + height;
    axis.lines(&mut back, &detail.deal.key_dates, today, top, bottom);
    for (x, word) in [(LEFT, "Milestone"), (DUE, "Due"), (STATE, "State")] {
        front.text(x, top - 12.0, 12.0, MUTED, "", word);
    }
    back.line((LEFT, top), (RIGHT, top), LINE, 1.5);
    ink.group("aria-hidden=\"true\"", &back);
    ink.group("aria-hidden=\"true\"", &front);

    let mut rows = Ink::default();
    let mut y = top;
    for milestone in &shown {
        row::draw(&mut rows, milestone, &axis, today, y);
        y += ROW;
    }
    if shown.is_empty() {
        let none = "No milestones yet. They are generated when the deal is confirmed.";
        rows.text(LEFT, y + 24.0, 14.0, MUTED, "", none);
    }
    ink.group("role=\"list\"", &rows);

    let more = detail.milestones.len() - shown.len();
    let more = if more > 0 { format!("and {more} more milestones") } else { String::new() };
    ink.text(LEFT, bottom + 28.0, 13.0, INK, "", &more);
    let zone = clipped(&detail.deal.time_zone, 12.0, 300.0);
    let as_of = format!("As of {}. Days are those of {zone}.", spoken::in_full(today));
    ink.text(RIGHT, bottom + 28.0, 12.0, MUTED, "text-anchor=\"end\"", &as_of);

    let height = bottom + 48.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"group\" aria-labelledby=\"timeline-title timeline-desc\" \
         font-family=\"Roboto, 'Helvetica Neue', Arial, sans-serif\">\n\
         <title id=\"timeline-title\">{}</title>\n<desc id=\"timeline-desc\">{}</desc>\n\
         <rect width=\"{WIDTH}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n{}</svg>\n",
        ink::escaped(&format!("Timeline of {}", detail.deal.title)),
        ink::escaped(&standing),
        ink.drawn()
    )
}

fn ended(m: &MilestoneView) -> bool {
    matches!(m.status, MilestoneStatus::Completed | MilestoneStatus::Waived)
}

/// Those that have a row, in their own order. What is over makes room for what is not.
fn shown(milestones: &[MilestoneView]) -> Vec<&MilestoneView> {
    let mut kept: Vec<(usize, &MilestoneView)> = milestones.iter().enumerate().collect();
    kept.sort_by_key(|(at, m)| (ended(m), *at));
    kept.truncate(MOST_ROWS);
    kept.sort_by_key(|(at, _)| *at);
    kept.into_iter().map(|(_, m)| m).collect()
}

fn dates(detail: &Detail, shown: &[&MilestoneView]) -> Vec<Date> {
    let due = shown.iter().filter_map(|m| m.due_on);
    detail.deal.key_dates.values().copied().chain(due).collect()
}

/// "active · closing Friday 11 December 2026, in 8 weeks · 3 of 11 milestones done · 1 overdue"
fn standing(detail: &Detail, today: Date) -> String {
    let mut facts = vec![detail.deal.status.to_string()];
    if let Some(on) = detail.deal.key_dates.get(CLOSING_DATE) {
        facts.push(format!("closing {}", spoken::echo(*on, today)));
    }
    let all = detail.milestones.len();
    let count = |status| detail.milestones.iter().filter(|m| m.status == status).count();
    if all > 0 {
        facts.push(format!("{} of {all} milestones done", count(MilestoneStatus::Completed)));
    }
    let (waived, overdue) = (count(MilestoneStatus::Waived), count(MilestoneStatus::Overdue));
    let undated = detail.milestones.iter().filter(|m| m.due_on.is_none() && !ended(m)).count();
    for (count, word) in [(waived, "waived"), (overdue, "overdue"), (undated, "without a date")] {
        if count > 0 {
            facts.push(format!("{count} {word}"));
        }
    }
    facts.join(" · ")
}
