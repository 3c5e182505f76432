//! How somebody goes on after a refusal, where that is called something else wherever they read it.

use super::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To see what other key dates would do, and make them so.
    ChangeKeyDates,
    /// To set a milestone's date.
    SetDueDate,
    /// To say yes in spite of what was found, with the reason.
    Despite,
    /// To make the same call again under the same key.
    Repeat,
}

impl Way {
    /// The refusal with this way on. What it says to do next stands without it too.
    pub fn on_from(self, refusal: Refusal) -> Refusal {
        Refusal { way: Some(self), ..refusal }
    }
}

/// A refusal in the words of a face: what to do next has in brackets what the way on is called there, if there is one.
pub fn spelled(refusal: Refusal, name: impl Fn(Way) -> Option<&'static str>) -> Refusal {
    match refusal.way.and_then(name) {
        Some(name) => {
            Refusal { next: format!("{} ({name}).", refusal.next.trim_end_matches('.')), way: None, ..refusal }
        }
        None => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Code;

    #[test]
    fn what_to_do_next_names_what_a_face_has_for_it() {
        let refusal =
            || Way::SetDueDate.on_from(Refusal::new(Code::WrongState, "It has no date.", "Give it a date."));
        let said = spelled(refusal(), |way| (way == Way::SetDueDate).then_some("milestone_update"));
        assert_eq!(said.next, "Give it a date (milestone_update).");
        assert_eq!(spelled(said.clone(), |_| Some("twice")), said);
        assert_eq!(spelled(refusal(), |_| None).next, "Give it a date.");
    }
}
