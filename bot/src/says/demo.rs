//! What the sample says when it starts.

use std::path::{Path, PathBuf};

use domain::kernel::id::{ApprovalId, DealId, MilestoneId};
use jiff::civil::Date;

use super::day;

pub struct Facts {
    /// How the program was called.
    pub program: String,
    pub workspace: String,
    pub today: Date,
    pub data: PathBuf,
    /// Whether the folder is deleted in the end.
    pub deleted: bool,
    pub secret: String,
    /// A milestone worth explaining.
    pub explain: Option<MilestoneId>,
    /// A deal, and a later closing date for it.
    pub reschedule: Option<(DealId, Date)>,
    /// An approval that waits, and somebody who may decide.
    pub vote: Option<(ApprovalId, String)>,
    /// The file of messages.
    pub messages: PathBuf,
}

pub fn welcome(facts: &Facts, url: &str) -> String {
    let Facts { program, data, secret, .. } = facts;
    let what_then = if facts.deleted { ", deleted when this stops" } else { ", kept for the next start" };
    let milepost = format!("{} --data {}", quoted(program), quoted(&data.to_string_lossy()));
    let mut text = format!(
        "\nSample workspace: {} (demo), as of {}. Data folder: {}{what_then}.\n\n\
         A token for an agent, good for 30 days:\n  {secret}\n\n\
         Connect Claude Code:\n  claude mcp add --transport http milepost {url}/mcp --header \"Authorization: Bearer {secret}\"\n\n\
         Try in another terminal:\n  {milepost} milestone list --status overdue\n",
        facts.workspace,
        day(facts.today),
        data.display(),
    );
    if let Some(id) = facts.explain {
        text.push_str(&format!("  {milepost} milestone explain {id}\n"));
    }
    if let Some((id, closing)) = facts.reschedule {
        text.push_str(&format!("  {milepost} deal reschedule {id} closing_date={closing}\n"));
    }
    text.push_str(&format!(
        "\nNothing is sent to anybody: each message is added to {}.\n\
         \x20 {milepost} approval list                        letters that wait for a yes\n\
         \x20 {milepost} delivery list --status suppressed    what was not sent; why: delivery show ID\n\
         \x20 {milepost} reminder list                        who was reminded of what\n\
         \x20 {milepost} simulate --days 30                   what is to come, and why\n",
        facts.messages.display()
    ));
    if let Some((id, email)) = &facts.vote {
        text.push_str(&format!("  {milepost} --as {email} approval vote {id} --choice approve\n"));
    }
    text.push_str("\nStop with Ctrl-C.\n");
    text
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

pub fn not_here(data: &Path) -> String {
    format!(
        "{} holds other workspaces, and the sample wants a folder of its own. Nothing was changed. Leave out --data, or \
         name an empty folder.",
        data.display()
    )
}
