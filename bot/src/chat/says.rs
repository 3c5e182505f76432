//! Every word that the bot says. Pure functions: facts in, text out. What people wrote goes through [`plain`].

mod approval;
mod deal;
mod milestone;
mod team;

pub use approval::*;
pub use deal::*;
use domain::deals::milestone::MilestoneStatus;
use domain::delivery::notify::Section;
use domain::kernel::way::{Way, spelled};
use domain::kernel::{Refusal, spoken};
use jiff::Timestamp;
use jiff::civil::Date;
pub use milestone::*;
pub use team::*;

use super::reply::plain;
pub use crate::says::{away, count, sentence};

pub const SEE_BELOW: &str = "Done. The channel reads it below.";
pub const NOT_UNDERSTOOD: &str =
    "This is nothing that this version of Milepost knows. Nothing was changed. `/help` says what there is.";
pub const STRANGER: &str = "This server belongs to a Milepost workspace, but nobody has said who you are in it. Nothing was \
                            changed.\nAsk an admin to link you with `/team link`, or type a code of your own with `/setup code`.";
pub const WHICH_WORKSPACE: &str = "You belong to several workspaces, and here it is not said which one is meant. Nothing was changed.\nAsk it in the \
     server of that workspace.";
pub const OLD_CARD: &str = "This card is from another version of Milepost. Nothing was changed.\n`/today` shows what needs \
                            your attention, with buttons that work, and `/approve queue` what waits for a yes.";
pub const CUT_OFF: &str = "The database cannot be reached at the moment, so this was not done. Nothing was changed.\nTry it again in a minute.";
pub const DISCARDED: &str = "Left as it was. Nothing was changed.";

pub const OPEN_AGAIN: &str = "Open the form again, as you filled it in";
pub const GIVEN_BACK: &str = "So that it is not lost, this is what you typed:";

pub fn not_linked(in_server: bool) -> String {
    match in_server {
        true => "This server is not linked to a Milepost workspace. Nothing was changed.\nAn admin of the workspace gets a code \
                 with `milepost invite` and types it here: `/setup code`."
            .into(),
        false => "Your Discord account is not linked to a Milepost workspace. Nothing was changed.\nAsk an admin to link you, or \
                  type a code of your own: `/setup code`."
            .into(),
    }
}

pub fn too_late_for_a_form(pressed: bool) -> String {
    let again = if pressed { "Press the button again." } else { "Give the command again." };
    format!("The database was busy, and a form opens at once or not at all. Nothing was changed.\n{again}")
}

pub fn broken(id: &str) -> String {
    format!(
        "Something went wrong on our side. Look before you repeat it: what you asked for may or may not have been done.\nIf it \
         stays, give who runs the server this id: `{id}`"
    )
}

/// What chat has for going on after a refusal.
fn way(way: Way) -> Option<&'static str> {
    match way {
        Way::ChangeKeyDates => Some("`/deal reschedule`"),
        Way::SetDueDate => Some("`/milestone edit` with `due`"),
        Way::Despite => Some("`/approve decide` with `despite`"),
        Way::Repeat => None,
    }
}

/// What was refused, every problem on a line of its own, and what to do next.
pub fn refusal(refusal: &Refusal) -> String {
    let next = spelled(Refusal { next: plain(&refusal.next), ..refusal.clone() }, way).next;
    if refusal.problems.len() < 2 {
        return format!("{}\n{next}", plain(&refusal.sentence));
    }
    let mut text = String::from("Nothing was changed.");
    for problem in refusal.problems.iter().take(20) {
        text.push_str(&format!("\n- **{}** {}", plain(&problem.field), plain(&problem.sentence)));
    }
    format!("{text}\n{next}")
}

/// "Fri 4 Dec 2026"
pub fn day(date: Date) -> String {
    crate::says::day(date)
}

pub fn due(on: Option<Date>, today: Date) -> String {
    on.map_or_else(|| "needs a date".into(), |on| format!("{} ({})", day(on), away(on, today)))
}

/// In the zone of whoever reads it, as Discord shows it: the date and how far away it is.
pub fn moment(at: Timestamp) -> String {
    format!("<t:{0}:f> (<t:{0}:R>)", at.as_second())
}

/// Shows a date back that somebody said in words of their own.
pub fn echo(read: &spoken::SpokenDate, today: Date) -> String {
    format!("**{}**{}", spoken::echo(read.date, today), not(read.also))
}

/// Another day that the same words are used for.
pub fn not(also: Option<Date>) -> String {
    also.map_or_else(String::new, |also| format!(" (not {})", day(also)))
}

pub fn status(status: MilestoneStatus) -> &'static str {
    match status {
        MilestoneStatus::Overdue => "\u{1f534} OVERDUE",
        MilestoneStatus::Completed => "\u{2705} done",
        MilestoneStatus::Waived => "\u{2796} waived",
        MilestoneStatus::InProgress => "\u{1f535} in progress",
        MilestoneStatus::Scheduled => "\u{1f4c5} scheduled",
        MilestoneStatus::Upcoming => "\u{26aa} upcoming",
    }
}

/// What needs somebody's attention.
pub fn today(sections: &[Section]) -> String {
    if sections.is_empty() {
        return "Nothing needs your attention today.".into();
    }
    let mut text = String::new();
    for section in sections {
        text.push_str(&format!("**{}**\n", plain(&section.title)));
        for line in &section.lines {
            text.push_str(&format!("- {}\n", plain(&line.text)));
        }
        if section.more > 0 {
            text.push_str(&format!("- and {} more\n", section.more));
        }
    }
    text
}

pub const HELP: &str = "**Milepost** keeps deadlines, letters and approvals on track.\n\
    `/today` what needs your attention\n\
    `/deal` new, list, show, timeline, reschedule (shown before it is made), undo, confirm, close, cancel\n\
    `/milestone` list, add, edit, complete, waive, reopen, explain\n\
    `/approve` queue, show, decide\n\
    `/remind` again on another day\n\
    `/contact` show, and record that somebody wants nothing any more\n\
    `/team` list, link a member to a Discord account\n\
    `/settings` your zone, how you hear of what, your digest; `check` what the bot lacks here\n\
    `/setup` link this server, choose the channel, the zone and who approves\n\
    Dates are read as you say them: `next friday`, `dec 12`, `in 3 days`. They are shown back before anything changes.\n\
    Only you see what you ask for; what is decided is told to the channel.";

pub fn help(in_server: bool) -> String {
    match in_server {
        true => HELP.into(),
        false => format!("{HELP}\nHere in direct messages it is the same."),
    }
}

#[cfg(test)]
mod tests {
    use domain::kernel::Code;

    use super::*;

    #[test]
    fn what_to_do_next_is_something_that_chat_has() {
        let check = |on: Way, next: &str, said: &str| {
            let no = on.on_from(Refusal::new(Code::WrongState, "It_is so.", next));
            assert_eq!(refusal(&no), format!("It\\_is so.\n{said}"));
        };
        check(Way::ChangeKeyDates, "Preview it.", "Preview it (`/deal reschedule`).");
        check(Way::SetDueDate, "Give it a date.", "Give it a date (`/milestone edit` with `due`).");
        check(
            Way::Despite,
            "Edit it, or approve it.",
            "Edit it, or approve it (`/approve decide` with `despite`).",
        );
        // Nobody in chat has a key to repeat something with.
        check(Way::Repeat, "Look before you repeat it.", "Look before you repeat it.");
    }
}
