//! A milestone in its row: its name and who answers for it, when it is due, how it stands, and where that is in time.

use jiff::civil::Date;

use super::axis::Axis;
use super::ink::{AMBER, BLUE, GREEN, GRID, INK, Ink, LINE, MUTED, RED, clipped, escaped};
use super::{AXIS, DUE, LEFT, RIGHT, ROW, STATE};
use crate::deals::milestone::MilestoneStatus;
use crate::deals::milestone::view::MilestoneView;
use crate::kernel::spoken;

/// How a milestone is shown.
struct Look {
    colour: &'static str,
    word: &'static str,
    shape: Shape,
}

enum Shape {
    /// A full circle with a tick.
    Ticked,
    /// An empty circle.
    Open,
    /// A circle that is half full.
    Begun,
    /// A triangle with an exclamation mark.
    Warning,
    /// A square with a bar.
    Struck,
    /// A dashed square with a question mark.
    Unknown,
}

fn look(m: &MilestoneView) -> Look {
    let (colour, word, shape) = match m.status {
        MilestoneStatus::Completed => (GREEN, "done", Shape::Ticked),
        MilestoneStatus::Waived => (MUTED, "waived", Shape::Struck),
        MilestoneStatus::Overdue => (RED, "overdue", Shape::Warning),
        _ if m.due_on.is_none() => (AMBER, "needs a date", Shape::Unknown),
        MilestoneStatus::InProgress => (BLUE, "in progress", Shape::Begun),
        MilestoneStatus::Scheduled => (BLUE, "scheduled", Shape::Open),
        MilestoneStatus::Upcoming => (BLUE, "upcoming", Shape::Open),
    };
    Look { colour, word, shape }
}

pub fn draw(rows: &mut Ink, m: &MilestoneView, axis: &Axis, today: Date, top: f64) {
    let look = look(m);
    let over = matches!(m.status, MilestoneStatus::Completed | MilestoneStatus::Waived);
    let role = match m.responsible_role.as_str() {
        "all" => "everybody".to_owned(),
        role => role.replace('_', " "),
    };
    let away = m.due_on.map(|on| spoken::away(on, today));
    let mut row = Ink::default();
    let due = m.due_on.map_or_else(|| "needs a date".into(), |on| format!("due {}", spoken::in_full(on)));
    row.put(&format!("<title>{}</title>", escaped(&format!("{}: {due}, {}, {role}", m.title, look.word))));
    row.line((LEFT, top + ROW), (RIGHT, top + ROW), GRID, 1.0);
    let (first, second) = (top + 17.0, top + 31.0);
    let colour = if over { MUTED } else { INK };
    row.text(LEFT, first, 14.0, colour, "", &clipped(&m.title, 14.0, DUE - LEFT - 12.0));
    row.text(LEFT, second, 11.0, MUTED, "", &role);
    match m.due_on {
        Some(on) => {
            row.text(DUE, first, 13.0, colour, "", &on.strftime("%a %-d %b").to_string());
            row.text(DUE, second, 11.0, MUTED, "", &on.strftime("%Y").to_string());
        }
        None => row.text(DUE, first, 13.0, MUTED, "", "—"),
    }
    let middle = top + ROW / 2.0;
    look.draw(&mut row, STATE + 8.0, middle);
    let word = if over || away.is_none() { middle + 4.5 } else { first };
    row.text(STATE + 24.0, word, 13.0, look.colour, "", look.word);
    if let Some(away) = away.filter(|_| !over) {
        row.text(STATE + 24.0, second, 11.0, MUTED, "", &away);
    }
    if let Some(on) = m.due_on {
        let x = axis.x(on);
        if x - 12.0 > AXIS {
            row.put(&format!(
                "<line x1=\"{AXIS}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\" stroke=\"{LINE}\" stroke-width=\"1\" \
                 stroke-dasharray=\"1 4\"/>",
                x - 11.0
            ));
        }
        look.draw(&mut row, x, middle);
    }
    rows.group("role=\"listitem\"", &row);
}

impl Look {
    /// Around a point, 16 pixels wide.
    fn draw(&self, row: &mut Ink, x: f64, y: f64) {
        let colour = self.colour;
        let stroke = format!("stroke=\"{colour}\" stroke-width=\"1.8\"");
        match self.shape {
            Shape::Ticked => {
                row.put(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"7.5\" fill=\"{colour}\"/>"));
                row.put(&format!(
                    "<path d=\"M{:.1} {:.1}l2.6 2.7l4.8 -5.4\" fill=\"none\" stroke=\"#ffffff\" stroke-width=\"1.8\"/>",
                    x - 3.7,
                    y + 0.2
                ));
            }
            Shape::Open => {
                row.put(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6.6\" fill=\"#ffffff\" {stroke}/>"));
            }
            Shape::Begun => {
                row.put(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6.6\" fill=\"#ffffff\" {stroke}/>"));
                row.put(&format!("<path d=\"M{x:.1} {:.1}a6.6 6.6 0 0 1 0 13.2z\" fill=\"{colour}\"/>", y - 6.6));
            }
            Shape::Warning => {
                row.put(&format!("<path d=\"M{x:.1} {:.1}l8.4 14.6h-16.8z\" fill=\"{colour}\"/>", y - 8.6));
                row.put(&format!(
                    "<path d=\"M{x:.1} {:.1}v4.6m0 1.9v1.8\" fill=\"none\" stroke=\"#ffffff\" stroke-width=\"1.8\"/>",
                    y - 3.8
                ));
            }
            Shape::Struck => {
                row.put(&format!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"12\" height=\"12\" rx=\"2\" fill=\"#ffffff\" {stroke}/>",
                    x - 6.0,
                    y - 6.0
                ));
                row.line((x - 3.2, y), (x + 3.2, y), colour, 1.8);
            }
            Shape::Unknown => {
                row.put(&format!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"13\" height=\"13\" rx=\"2\" fill=\"#ffffff\" {stroke} \
                     stroke-dasharray=\"2.6 1.8\"/>",
                    x - 6.5,
                    y - 6.5
                ));
                row.text(x, y + 4.2, 11.0, colour, "text-anchor=\"middle\"", "?");
            }
        }
    }
}
