//! Letters in a line: a deal with people on it, and what is drafted for them.

use domain::assist::draft::DraftState;
use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::followup::ops::{Answer, ListDrafts, accept, begin, list};
use domain::deals::followup::view::DraftView;
use domain::kernel::id::DealId;

use crate::{DATES, World, deal};

/// A party with an address at example.org.
pub fn party(role: &str, name: &str) -> NewParty {
    let first = name.split(' ').next().unwrap_or_default().to_lowercase();
    NewParty {
        role: role.into(),
        name: name.into(),
        email: Some(format!("{first}@example.org")),
        ..NewParty::default()
    }
}

/// A purchase for 425,000 dollars with somebody in six roles.
pub fn peopled(title: &str) -> NewDeal {
    let mut new = deal(title, DATES);
    new.price = Some(425_000.0);
    new.parties = vec![
        party("buyer", "Ann Lee"),
        party("seller", "Sam Stone"),
        party("buyer_agent", "Bea Brook"),
        party("seller_agent", "Carl Cole"),
        party("attorney", "Dora Dean"),
        party("lender", "Lakeside Bank"),
    ];
    new
}

impl World {
    #[track_caller]
    pub fn peopled_deal(&self, title: &str) -> DealId {
        self.create(&peopled(title))
    }

    /// The templates write all that waits.
    #[track_caller]
    pub fn write_drafts(&self) -> Vec<DraftView> {
        let machine = self.machine(&self.team);
        let mut written = Vec::new();
        while let Some(assignment) = self.act(&machine, begin).unwrap() {
            let words = Answer::Template { instead_of_model: None };
            written.extend(self.act(&machine, |cx| accept(cx, &assignment, &words)).unwrap());
        }
        written
    }

    /// A deal's drafts in whatever state, the newest first.
    #[track_caller]
    pub fn drafts(&self, deal: DealId) -> Vec<DraftView> {
        let state = DraftState::ALL.to_vec();
        let wanted = ListDrafts { deal_id: Some(deal), state, cursor: None, limit: Some(100) };
        self.look(&self.team.cora(), |cx| list(cx, &wanted)).unwrap().items
    }

    /// The draft of an inspection that was just completed, for the buyer, in review.
    #[track_caller]
    pub fn draft_for_the_buyer(&self, deal: DealId) -> DraftView {
        self.complete(self.milestone(deal, "inspection").id);
        self.write_drafts().into_iter().find(|draft| draft.recipient_role == "buyer").unwrap()
    }
}
