//! `/today`

use domain::deals::milestone::ops as milestones;
use domain::deals::milestone::view::MilestoneView;
use domain::deals::reminder::card::row;
use domain::deals::reminder::glance;
use domain::delivery::card::MOST_ROWS;
use domain::delivery::notify::Section;
use domain::kernel::id::MilestoneId;
use domain::kernel::{Cx, No, Refusal};

use crate::chat::caller::Caller;
use crate::chat::reply::{Reply, Say};
use crate::chat::says;
use crate::chat::spec::Command;

pub fn spec() -> Command {
    Command {
        name: "today",
        about: "What needs your attention: due, overdue, waiting for you",
        verbs: vec![],
        options: vec![],
    }
}

pub async fn run(caller: &Caller) -> Result<Reply, Refusal> {
    let (sections, open) = caller
        .look(|cx| {
            let sections = glance::glance(cx)?;
            let open = with_buttons(cx, &sections)?;
            Ok((sections, open))
        })
        .await?;
    let mut say = Say::privately(says::today(&sections));
    for m in &open {
        // In several deals there are milestones of the same name.
        let title = format!("{} of {}", m.title, m.deal_title);
        say = say.with(row(m.id, m.version, (open.len() != 1).then_some(title.as_str())));
    }
    Ok(say.into())
}

/// The first milestones that are named, as many as have room for buttons.
fn with_buttons(cx: &mut Cx<'_>, sections: &[Section]) -> Result<Vec<MilestoneView>, No> {
    let mut ids: Vec<MilestoneId> = Vec::new();
    for line in sections.iter().flat_map(|section| &section.lines) {
        let about = line.subject_id.filter(|_| line.subject_kind.as_deref() == Some("milestone")).map(MilestoneId);
        ids.extend(about.filter(|id| !ids.contains(id)));
    }
    ids.into_iter().take(MOST_ROWS).map(|id| milestones::get(cx, id)).collect()
}
