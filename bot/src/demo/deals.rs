//! What happened at the brokerage: thirteen deals, each at another point of its life. Days count from today.

use std::collections::BTreeMap;

use domain::deals::calendar::{HolidayCalendar, Roll};
use domain::deals::deal::DealStatus;
use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::milestone::ops::EditMilestone;
use domain::kernel::Principal;
use jiff::civil::Date;

use super::cast::{CONDO, Team};
use super::stage::{Stage, add, complete, create, edit, end, opt_out, progress, reschedule, waive};

/// A deal as it stands in the contract.
struct Deal {
    name: &'static str,
    title: &'static str,
    address: &'static str,
    state: &'static str,
    side: &'static str,
    financing: &'static str,
    price: f64,
    contract: i32,
    closing: i32,
    dates: &'static [(&'static str, i32)],
    /// The last digits of the buyer's telephone number; the seller's is the next one.
    line: u8,
    buyer: &'static str,
    seller: &'static str,
}

const INSPECTION: &str = "inspection_deadline";
const APPRAISAL: &str = "appraisal_contingency_deadline";
const FINANCING: &str = "financing_contingency_deadline";

pub fn script(stage: &mut Stage<'_>, team: &Team) {
    let Team { owner, priya, tom, .. } = team;
    beginning(stage, priya);
    under_way(stage, priya, tom);
    late(stage, priya, tom);
    soon(stage, priya, tom);
    special(stage, priya, tom);
    over(stage, owner, tom);
}

/// Draft, and far from closing.
fn beginning(stage: &mut Stage<'_>, priya: &Principal) {
    let draft = NewDeal {
        activate: false,
        ..new(
            stage,
            &Deal {
                name: "alvarez",
                title: "214 Maple Grove Rd - Alvarez",
                address: "214 Maple Grove Rd, Oak Park",
                state: "IL",
                side: "buyer",
                financing: "conventional",
                price: 412_000.0,
                contract: 0,
                closing: 45,
                dates: &[],
                line: 60,
                buyer: "Lucia Alvarez",
                seller: "Raymond Holt",
            },
        )
    };
    stage.cue(stage.at(-1, 15), priya, "alvarez", create(draft));
    let far = Deal {
        name: "begay",
        title: "8 Canyon Trail - Begay",
        address: "8 Canyon Trail, Golden",
        state: "CO",
        side: "seller",
        financing: "fha",
        price: 538_500.0,
        contract: -2,
        closing: 70,
        dates: &[(INSPECTION, 9)],
        line: 62,
        buyer: "Sam Keller",
        seller: "Nora Begay",
    };
    let far = NewDeal { time_zone: Some("America/Denver".into()), ..new(stage, &far) };
    stage.cue(stage.at(-2, 10), priya, "begay", create(far));
}

fn under_way(stage: &mut Stage<'_>, priya: &Principal, tom: &Principal) {
    let chen = Deal {
        name: "chen",
        title: "1847 W Belmont Ave - Chen",
        address: "1847 W Belmont Ave, Chicago",
        state: "IL",
        side: "buyer",
        financing: "conventional",
        price: 689_000.0,
        contract: -6,
        closing: 52,
        dates: &[(INSPECTION, 4), (APPRAISAL, 20), (FINANCING, 38)],
        line: 64,
        buyer: "Grace Chen",
        seller: "Peter Lindqvist",
    };
    open(stage, priya, &chen, &[("earnest_money", -4)]);
    stage.cue(stage.at(-2, 14), priya, "chen", progress("chen", "inspection", "scheduled"));
    stage.cue(stage.at(-2, 15), priya, "chen", progress("chen", "title_search", "in_progress"));

    // No inspection deadline was agreed: the rule falls back to the contract.
    let dubois = Deal {
        name: "dubois",
        title: "905 Hickory Ln - Dubois",
        address: "905 Hickory Ln, Kankakee",
        state: "IL",
        side: "buyer",
        financing: "usda",
        price: 236_900.0,
        contract: -12,
        closing: 33,
        dates: &[],
        line: 66,
        buyer: "Camille Dubois",
        seller: "Harold Finch",
    };
    open(stage, tom, &dubois, &[("earnest_money", -10), ("inspection", -3)]);
    stage.cue(stage.at(-2, 9), tom, "dubois", progress("dubois", "appraisal_ordered", "in_progress"));
    let call = "Called the office: ring me, do not write.";
    stage.cue(stage.at(-6, 15), tom, "dubois", opt_out("dubois", "camille.dubois@example.com", call));
}

/// Milestones whose day has passed.
fn late(stage: &mut Stage<'_>, priya: &Principal, tom: &Principal) {
    let novak = Deal {
        name: "novak",
        title: "77 Lakeview Ct - Novak",
        address: "77 Lakeview Ct, Evanston",
        state: "IL",
        side: "seller",
        financing: "conventional",
        price: 745_000.0,
        contract: -26,
        closing: 12,
        dates: &[(INSPECTION, -15), (APPRAISAL, -5)],
        line: 68,
        buyer: "Isaac Monroe",
        seller: "Petra Novak",
    };
    let done = [("earnest_money", -24), ("inspection", -16), ("repair_request", -12), ("appraisal_ordered", -14)];
    open(stage, priya, &novak, &done);
    let reason = Some("Brick on a slab: the lender does not ask for it.");
    stage.cue(stage.at(-14, 16), priya, "novak", waive("novak", "wood_infestation", reason));
    stage.cue(stage.at(-6, 11), tom, "novak", progress("novak", "title_search", "in_progress"));
}

/// Closing this week, and a closing that was put off.
fn soon(stage: &mut Stage<'_>, priya: &Principal, tom: &Principal) {
    let okafor = Deal {
        name: "okafor",
        title: "530 N Kedzie Ave - Okafor",
        address: "530 N Kedzie Ave, Chicago",
        state: "IL",
        side: "buyer",
        financing: "fha",
        price: 329_500.0,
        contract: -38,
        closing: 3,
        dates: &[(INSPECTION, -28), (APPRAISAL, -17), (FINANCING, -5)],
        line: 70,
        buyer: "Adaeze Okafor",
        seller: "Walter Brandt",
    };
    let done = [
        ("earnest_money", -36),
        ("appraisal_ordered", -30),
        ("inspection", -29),
        ("wood_infestation", -26),
        ("repair_request", -25),
        ("title_search", -18),
        ("appraisal_complete", -18),
        ("financing_contingency", -6),
        ("closing_prep", -4),
    ];
    open(stage, tom, &okafor, &done);
    stage.cue(stage.at(-1, 10), tom, "okafor", progress("okafor", "final_walkthrough", "scheduled"));

    let kim = Deal {
        name: "kim",
        title: "1520 Sheridan Rd - Kim",
        address: "1520 Sheridan Rd, Wilmette",
        state: "IL",
        side: "seller",
        financing: "cash",
        price: 1_185_000.0,
        contract: -24,
        closing: 5,
        dates: &[(INSPECTION, -16)],
        line: 72,
        buyer: "Owen Fairchild",
        seller: "Min-ji Kim",
    };
    let done = [("earnest_money", -22), ("inspection", -17), ("repair_request", -13), ("title_search", -4)];
    open(stage, priya, &kim, &done);
    stage.cue(stage.at(-20, 12), priya, "kim", waive("kim", "wood_infestation", None));
    stage.cue(stage.at(-2, 13), priya, "kim", progress("kim", "closing_prep", "in_progress"));

    let washington = Deal {
        name: "washington",
        title: "2206 Prairie Ave - Washington",
        address: "2206 Prairie Ave, Glenview",
        state: "IL",
        side: "buyer",
        financing: "va",
        price: 457_000.0,
        contract: -30,
        closing: 9,
        dates: &[(INSPECTION, -20), (APPRAISAL, -8)],
        line: 74,
        buyer: "Denise Washington",
        seller: "Carl Jensen",
    };
    let done = [
        ("earnest_money", -28),
        ("appraisal_ordered", -22),
        ("inspection", -21),
        ("repair_request", -18),
        ("wood_infestation", -17),
        ("title_search", -10),
        ("appraisal_complete", -9),
    ];
    open(stage, priya, &washington, &done);
    let walk = stage.day(6).to_string();
    let pin = edit("washington", "final_walkthrough", move |id| EditMilestone {
        due_on: Some(walk.clone()),
        reason: Some("The sellers hand over the keys on that day and leave.".into()),
        ..EditMilestone::of(id)
    });
    stage.cue(stage.at(-5, 10), priya, "washington", pin);
    let later = business_day(stage.day(18));
    stage.cue(stage.at(-3, 11), priya, "washington", reschedule("washington", "closing_date", later));
}

/// Cash on both sides, business days, an association, milestones of the team's own.
fn special(stage: &mut Stage<'_>, priya: &Principal, tom: &Principal) {
    let whitfield = Deal {
        name: "whitfield",
        title: "41 Harbor View Dr - Whitfield",
        address: "41 Harbor View Dr, Lake Forest",
        state: "IL",
        side: "both",
        financing: "cash",
        price: 1_640_000.0,
        contract: -9,
        closing: 12,
        dates: &[(INSPECTION, 1)],
        line: 76,
        buyer: "Eleanor Whitfield",
        seller: "Bruno Costa",
    };
    open(stage, tom, &whitfield, &[("earnest_money", -7)]);
    stage.cue(stage.at(-6, 9), tom, "whitfield", waive("whitfield", "wood_infestation", None));
    stage.cue(stage.at(-3, 9), tom, "whitfield", progress("whitfield", "inspection", "scheduled"));
    let wire = add("whitfield", "Proof of funds on file", stage.day(2), "buyer");
    stage.cue(stage.at(-8, 15), tom, "whitfield", wire);

    let romano = Deal {
        name: "romano",
        title: "3310 S Wallace St - Romano",
        address: "3310 S Wallace St, Chicago",
        state: "IL",
        side: "buyer",
        financing: "conventional",
        price: 398_000.0,
        contract: -4,
        closing: 38,
        dates: &[],
        line: 78,
        buyer: "Paolo Romano",
        seller: "Judith Marsh",
    };
    let romano = NewDeal { template: Some("residential-business-days".into()), ..new(stage, &romano) };
    stage.cue(stage.at(-4, 16), priya, "romano", create(romano));
    stage.cue(stage.at(-2, 16), priya, "romano", complete("romano", "earnest_money", None));

    let petersen = Deal {
        name: "petersen",
        title: "68 Old Mill Rd, Unit 4 - Petersen",
        address: "68 Old Mill Rd, Unit 4, Madison",
        state: "WI",
        side: "buyer",
        financing: "conventional",
        price: 284_000.0,
        contract: -11,
        closing: 31,
        dates: &[(INSPECTION, 3), ("hoa_review_deadline", 8)],
        line: 80,
        buyer: "Anna Petersen",
        seller: "Luis Ortega",
    };
    let petersen = NewDeal { template: Some(CONDO.into()), ..new(stage, &petersen) };
    stage.cue(stage.at(-11, 11), tom, "petersen", create(petersen));
    stage.cue(stage.at(-9, 10), tom, "petersen", complete("petersen", "earnest_money", None));
    stage.cue(stage.at(-2, 10), tom, "petersen", complete("petersen", "appraisal_ordered", Some("Order 20418")));
    let letter = add("petersen", "Letter from the association's insurer", stage.day(10), "title");
    stage.cue(stage.at(-7, 10), tom, "petersen", letter);
    let free = stage.day(2).to_string();
    let pin = edit("petersen", "inspection", move |id| EditMilestone {
        due_on: Some(free.clone()),
        status: Some("scheduled".into()),
        reason: Some("The inspector is free on that day only.".into()),
        ..EditMilestone::of(id)
    });
    stage.cue(stage.at(-5, 15), tom, "petersen", pin);
}

/// Closed, and cancelled.
fn over(stage: &mut Stage<'_>, owner: &Principal, tom: &Principal) {
    let smith = Deal {
        name: "smith",
        title: "12 Oak Street - Smith",
        address: "12 Oak Street, Naperville",
        state: "IL",
        side: "buyer",
        financing: "conventional",
        price: 515_000.0,
        contract: -58,
        closing: -9,
        dates: &[(INSPECTION, -48), (APPRAISAL, -36), (FINANCING, -20)],
        line: 82,
        buyer: "Jordan Smith",
        seller: "Maria Gallo",
    };
    let done = [
        ("earnest_money", -56),
        ("appraisal_ordered", -50),
        ("inspection", -49),
        ("wood_infestation", -46),
        ("repair_request", -45),
        ("title_search", -38),
        ("appraisal_complete", -37),
        ("financing_contingency", -21),
        ("closing_prep", -17),
        ("final_walkthrough", -12),
        ("closing", -9),
    ];
    open(stage, tom, &smith, &done);
    stage.cue(stage.at(-8, 9), owner, "smith", end("smith", DealStatus::Closed, None));

    let farrow = Deal {
        name: "farrow",
        title: "409 Elm Ct - Farrow",
        address: "409 Elm Ct, Aurora",
        state: "IL",
        side: "buyer",
        financing: "fha",
        price: 301_000.0,
        contract: -24,
        closing: 16,
        dates: &[(INSPECTION, -14)],
        line: 84,
        buyer: "Kevin Farrow",
        seller: "Joan Abbott",
    };
    open(stage, tom, &farrow, &[("earnest_money", -22), ("inspection", -15)]);
    let reason = Some("The lender declined the loan; the earnest money goes back to the buyer.");
    stage.cue(stage.at(-7, 14), owner, "farrow", end("farrow", DealStatus::Cancelled, reason));
}

/// Creates the deal on the day of its contract and completes what was done since.
fn open(stage: &mut Stage<'_>, who: &Principal, deal: &Deal, done: &[(&'static str, i32)]) {
    let created = create(new(stage, deal));
    stage.cue(stage.at(deal.contract, 10), who, deal.name, created);
    for (i, (kind, day)) in done.iter().enumerate() {
        let hour = 11 + i8::try_from(i % 6).unwrap_or(0);
        stage.cue(stage.at(*day, hour), who, deal.name, complete(deal.name, kind, None));
    }
}

fn new(stage: &Stage<'_>, deal: &Deal) -> NewDeal {
    let mut key_dates = BTreeMap::from([
        ("contract_date".to_owned(), stage.day(deal.contract).to_string()),
        ("closing_date".to_owned(), business_day(stage.day(deal.closing)).to_string()),
    ]);
    key_dates.extend(deal.dates.iter().map(|(name, day)| ((*name).to_owned(), stage.day(*day).to_string())));
    NewDeal {
        title: deal.title.into(),
        address: deal.address.into(),
        side: deal.side.into(),
        financing: deal.financing.into(),
        state: Some(deal.state.into()),
        price: Some(deal.price),
        time_zone: None,
        key_dates,
        parties: parties(deal),
        template: None,
        owner_email: None,
        activate: true,
    }
}

/// Nobody closes on a Sunday.
fn business_day(date: Date) -> Date {
    HolidayCalendar::named("us-federal")
        .and_then(|calendar| calendar.roll(date, Roll::Next))
        .map_or(date, |a| a.date)
}

/// The two of the deal, and those who work on many.
fn parties(deal: &Deal) -> Vec<NewParty> {
    let party = |role: &str, name: &str, email: String, phone: &str| NewParty {
        role: role.into(),
        name: name.into(),
        email: Some(email),
        phone: Some(phone.into()),
        time_zone: None,
    };
    let own = |name: &str| format!("{}@example.com", name.to_lowercase().replace([' ', '-'], "."));
    let line = |digits: u8| format!("+1 312 555 01{digits}");
    let mut parties = vec![
        party("buyer", deal.buyer, own(deal.buyer), &line(deal.line)),
        party("seller", deal.seller, own(deal.seller), &line(deal.line + 1)),
        party("buyer_agent", "Priya Nair", "priya@lakeside.example.com".into(), "+1 312 555 0101"),
        party("seller_agent", "Colin Reyes", "colin@northshore.example.net".into(), "+1 847 555 0102"),
        party("attorney", "Abbott & Lin LLP", "closings@abbottlin.example.net".into(), "+1 312 555 0130"),
        party("title", "Prairie Title", "orders@prairietitle.example.net".into(), "+1 312 555 0140"),
    ];
    if deal.financing != "cash" {
        parties.push(party("lender", "Great Lakes Mortgage", "desk@glm.example.net".into(), "+1 312 555 0150"));
    }
    parties
}
