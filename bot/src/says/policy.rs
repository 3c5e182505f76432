//! What the policy says.

use domain::delivery::policy::view::{DecisionView, PolicyView, Replay};
use domain::delivery::policy::{Step, Verdict};

use super::{indented, moment, table};

fn verdict(view: &PolicyView) -> String {
    let codes: Vec<&str> = view.codes.iter().map(|code| code.as_str()).collect();
    match (view.verdict, view.next_allowed_at) {
        (Verdict::Allow, _) => "ALLOWED".into(),
        (Verdict::Defer, Some(at)) => format!("NOT BEFORE {} ({})", moment(at), codes.join(", ")),
        (Verdict::Defer, None) => format!("NOT NOW ({})", codes.join(", ")),
        (Verdict::Block, _) => format!("NO ({})", codes.join(", ")),
    }
}

fn trace(steps: &[Step]) -> String {
    let row = |step: &Step| vec![step.rule.to_string(), step.verdict.to_string(), step.sentence.clone()];
    table(&["RULE", "VERDICT", "WHY"], &steps.iter().map(row).collect::<Vec<_>>())
}

fn body(view: &PolicyView) -> String {
    let mut text = format!("{}\n{}\n", verdict(view), view.sentence);
    if !view.next.is_empty() {
        text.push_str(&format!("{}\n", view.next));
    }
    text + "\n" + &indented(&trace(&view.rule_trace))
}

pub fn preview(view: &PolicyView) -> String {
    format!(
        "At {}: {}\nNothing was sent. It is decided anew at the moment of sending.\n",
        moment(view.at),
        body(view)
    )
}

pub fn decisions(all: &[DecisionView]) -> String {
    if all.is_empty() {
        return "Nothing was decided about this message yet. That happens when it is due.\n".into();
    }
    let one =
        |d: &DecisionView| format!("{} (decision {})\n{}", moment(d.policy.at), d.id, indented(&body(&d.policy)));
    all.iter().map(one).collect::<Vec<_>>().join("\n")
}

pub fn replay(replay: &Replay) -> String {
    let stored = format!("Decision {} of {}", replay.stored.id, moment(replay.stored.policy.at));
    if replay.same {
        return format!("{stored} comes out the same again, word for word: {}\n", verdict(&replay.again));
    }
    format!(
        "{stored} comes out DIFFERENTLY today. Nothing was changed.\nThen:\n{}Now:\n{}Tell who maintains this program: \
         either the rules changed since version {}, or the row was changed behind its back (milepost audit verify).\n",
        indented(&body(&replay.stored.policy)),
        indented(&body(&replay.again)),
        replay.stored.engine
    )
}
