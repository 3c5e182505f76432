//! Whatever is wrong with what was given is named by field, all of it at once, and nothing changes.

use std::collections::BTreeMap;

use domain::deals::deal::intake::{NewDeal, NewParty};
use domain::deals::deal::key_dates::{ChangeKeyDates, preview};
use domain::deals::deal::ops::{EditDeal, create, edit as edit_deal};
use domain::deals::deal::view::{ListDeals, list as list_deals};
use domain::deals::milestone::ops::{
    AddMilestone, CompleteMilestone, EditMilestone, ListMilestones, add, complete, edit, list,
};
use domain::deals::milestone::template;
use domain::kernel::page::Ask;
use domain::kernel::{Code, Refusal};
use domain::workspace::access::Role;
use domain::workspace::member;
use harness::{DATES, deal, on_both};

fn fields(no: &Refusal) -> Vec<&str> {
    assert_eq!(no.code, Code::Invalid, "{no}");
    no.problems.iter().map(|p| p.field.as_str()).collect()
}

fn megabyte() -> String {
    "x".repeat(1 << 20)
}

fn party(i: usize) -> NewParty {
    NewParty { role: "buyer".into(), name: format!("Buyer {i}"), ..NewParty::default() }
}

type Spoil = fn(&mut NewDeal);

/// What is spoilt, and the fields that are named.
const SPOILT: &[(&str, Spoil, &[&str])] = &[
    (
        "no such day",
        |d| d.key_dates = harness::key_dates("contract 2027-02-29 closing 2027-04-01"),
        &["key_dates.contract_date"],
    ),
    (
        "no such month",
        |d| d.key_dates = harness::key_dates("contract 2026-13-01 closing 2027-04-01"),
        &["key_dates.contract_date"],
    ),
    (
        "a date in words",
        |d| d.key_dates = harness::key_dates("contract 2026-10-14 closing soon"),
        &["key_dates.closing_date"],
    ),
    (
        "another spelling",
        |d| d.key_dates = harness::key_dates("contract 10/14/2026 closing 2026-12-11"),
        &["key_dates.contract_date"],
    ),
    (
        "a far century",
        |d| d.key_dates = harness::key_dates("contract 2026-10-14 closing 9999-12-31"),
        &["key_dates.closing_date"],
    ),
    (
        "closing before contract",
        |d| d.key_dates = harness::key_dates("contract 2026-12-11 closing 2026-10-14"),
        &["key_dates.closing_date"],
    ),
    ("no closing", |d| d.key_dates = harness::key_dates("contract 2026-12-11"), &["key_dates.closing_date"]),
    ("no dates", |d| d.key_dates = BTreeMap::new(), &["key_dates.contract_date", "key_dates.closing_date"]),
    (
        "a name with a NUL",
        |d| {
            d.key_dates.insert("a\0b".into(), "2026-11-01".into());
        },
        &["key_dates.a\u{fffd}b"],
    ),
    (
        "too many dates",
        |d| {
            for i in 0..40 {
                d.key_dates.insert(format!("extra_{i}"), "2026-11-01".into());
            }
        },
        &["key_dates"],
    ),
    ("unknown zone", |d| d.time_zone = Some("America/Springfield".into()), &["time_zone"]),
    ("a zone out of the tree", |d| d.time_zone = Some("../../etc/passwd".into()), &["time_zone"]),
    ("unknown financing", |d| d.financing = "gold".into(), &["financing"]),
    ("unknown side", |d| d.side = "middle".into(), &["side"]),
    ("unknown state", |d| d.state = Some("ZZ".into()), &["state"]),
    ("a megabyte of title", |d| d.title = megabyte(), &["title"]),
    ("an empty title", |d| d.title = " \t".into(), &["title"]),
    ("a NUL in the title", |d| d.title = "a\0b".into(), &["title"]),
    ("a deceiving title", |d| d.title = "invoice \u{202e}gpj.exe".into(), &["title"]),
    ("a NUL in the address", |d| d.address = "a\0b".into(), &["address"]),
    ("a NUL in the template", |d| d.template = Some("a\0b".into()), &["template"]),
    ("a megabyte of template", |d| d.template = Some(megabyte()), &["template"]),
    ("unknown template", |d| d.template = Some("commercial".into()), &["template"]),
    ("a negative price", |d| d.price = Some(-1.0), &["price"]),
    ("a price out of this world", |d| d.price = Some(1e12), &["price"]),
    ("no number", |d| d.price = Some(f64::NAN), &["price"]),
    ("half a cent", |d| d.price = Some(1.005), &["price"]),
    ("fifty-one parties", |d| d.parties = (0..51).map(party).collect(), &["parties"]),
    (
        "a bad address of a party",
        |d| d.parties = vec![NewParty { email: Some("ann@".into()), ..party(0) }],
        &["parties[0].email"],
    ),
    (
        "a party without a name",
        |d| d.parties = vec![NewParty { name: String::new(), ..party(0) }],
        &["parties[0].name"],
    ),
    (
        "an unknown role",
        |d| d.parties = vec![party(0), NewParty { role: "witch".into(), ..party(1) }],
        &["parties[1].role"],
    ),
    ("a stranger as owner", |d| d.owner_email = Some("nobody@example.com".into()), &["owner_email"]),
    ("a NUL in the owner", |d| d.owner_email = Some("a\0b@example.com".into()), &["owner_email"]),
    (
        "everything at once",
        |d| {
            d.title = String::new();
            d.side = "x".into();
            d.financing = "y".into();
            d.price = Some(-1.0);
        },
        &["title", "side", "financing", "price"],
    ),
];

on_both! {
    fn a_spoilt_deal_is_refused_by_field_and_changes_nothing(world: World) {
        let before = world.everything(&world.team);
        for (what, spoil, expected) in SPOILT {
            let mut new = deal("12 Oak Street", DATES);
            spoil(&mut new);
            let no = world.act(&world.team.cora(), |cx| create(cx, &new)).unwrap_err();
            assert_eq!(fields(&no), *expected, "{what}");
            assert!(no.sentence.len() < 2_000, "{what}: {} bytes of answer", no.sentence.len());
        }
        assert_eq!(world.everything(&world.team), before);
    }

    fn a_spoilt_edit_is_refused_by_field_and_changes_nothing(world: World) {
        let cora = world.team.cora();
        let id = world.deal("12 Oak Street");
        let milestone = world.milestone(id, "inspection").id;
        let before = world.everything(&world.team);
        let of = EditMilestone::of(milestone);
        for (cmd, expected) in [
            (EditMilestone { title: Some("a\0b".into()), ..of.clone() }, vec!["title"]),
            (EditMilestone { due_on: Some("2026-02-30".into()), ..of.clone() }, vec!["due_on"]),
            (EditMilestone { due_on: Some("1999-12-31".into()), ..of.clone() }, vec!["due_on"]),
            (EditMilestone { due_on: Some("2026-11-01".into()), pinned: Some(false), ..of.clone() }, vec!["pinned"]),
            (EditMilestone { status: Some("completed".into()), ..of.clone() }, vec!["status"]),
            (EditMilestone { remind_days_before: Some(366), ..of.clone() }, vec!["remind_days_before"]),
            (EditMilestone { remind_days_before: Some(-2), ..of.clone() }, vec!["remind_days_before"]),
            (EditMilestone { responsible_role: Some("witch".into()), ..of.clone() }, vec!["responsible_role"]),
            (EditMilestone { responsible_member_email: Some("a\0b".into()), ..of.clone() }, vec!["responsible_member_email"]),
            (EditMilestone { evidence: Some(vec!["javascript:alert(1)".into()]), ..of.clone() }, vec!["evidence[0]"]),
            (EditMilestone { evidence: Some(vec!["https://x.example".into(); 51]), ..of.clone() }, vec!["evidence"]),
            (EditMilestone { notes: Some(megabyte()), ..of.clone() }, vec!["notes"]),
            (EditMilestone { reason: Some("a\0b".into()), ..of }, vec!["reason"]),
        ] {
            let no = world.act(&cora, |cx| edit(cx, &cmd)).unwrap_err();
            assert_eq!(fields(&no), expected);
        }
        for (cmd, expected) in [
            (EditDeal { price: Some(f64::INFINITY), ..EditDeal::of(id) }, vec!["price"]),
            (EditDeal { owner_email: Some("a\0b".into()), ..EditDeal::of(id) }, vec!["owner_email"]),
            (EditDeal { title: Some(String::new()), address: Some("a\0b".into()), ..EditDeal::of(id) }, vec!["title", "address"]),
            (EditDeal { status: Some("draft".into()), ..EditDeal::of(id) }, vec!["status"]),
            (EditDeal { status: Some("sold".into()), ..EditDeal::of(id) }, vec!["status"]),
            (EditDeal { status: Some("cancelled".into()), reason: Some("a\0b".into()), ..EditDeal::of(id) }, vec!["reason"]),
            (EditDeal::of(id), vec!["title"]),
        ] {
            let no = world.act(&cora, |cx| edit_deal(cx, &cmd)).unwrap_err();
            assert_eq!(fields(&no), expected);
        }
        let cmd = AddMilestone {
            deal_id: id,
            title: "a\0b".into(),
            due_on: "tomorrow".into(),
            responsible_role: Some("witch".into()),
            remind_days_before: Some(1000),
            required: None,
            notes: Some("a\0b".into()),
        };
        let no = world.act(&cora, |cx| add(cx, &cmd)).unwrap_err();
        assert_eq!(fields(&no), ["title", "due_on", "responsible_role", "remind_days_before", "notes"]);
        let cmd = CompleteMilestone { id: milestone, version: None, note: Some("a\0b".into()) };
        assert_eq!(fields(&world.act(&cora, |cx| complete(cx, &cmd)).unwrap_err()), ["note"]);
        assert_eq!(world.everything(&world.team), before);
    }

    fn key_dates_that_no_deal_can_have_are_refused_at_the_preview(world: World) {
        let id = world.deal("12 Oak Street");
        let before = world.everything(&world.team);
        for (dates, expected) in [
            ("closing 2026-02-30", vec!["key_dates.closing_date"]),
            ("closing 2026-10-13", vec!["key_dates.closing_date"]),
            ("closing -", vec!["key_dates.closing_date"]),
            ("appraisal -", vec!["key_dates.appraisal_contingency_deadline"]),
            ("closing 2026-12-11", vec!["key_dates"]),
            ("contract 1999-01-01", vec!["key_dates.contract_date"]),
            ("Bad-Name 2026-11-01", vec!["key_dates.Bad-Name"]),
            ("a\0b 2026-11-01", vec!["key_dates.a\u{fffd}b"]),
            ("", vec!["key_dates"]),
        ] {
            let cmd: ChangeKeyDates = harness::change(id, dates);
            let no = world.act(&world.team.cora(), |cx| preview(cx, &cmd)).unwrap_err();
            assert_eq!(fields(&no), expected, "{dates}");
        }
        assert_eq!(world.everything(&world.team), before);
    }

    fn a_cursor_or_limit_that_no_list_gave_out_is_refused(world: World) {
        let cora = world.team.cora();
        world.deal("12 Oak Street");
        // As a cursor is written: the key's JSON in hexadecimal.
        let hex = |json: &str| json.bytes().map(|b| format!("{b:02x}")).collect::<String>();
        let id = "01900000-0000-7000-8000-000000000001";
        let made_up = [
            "zz".to_owned(),
            "é".to_owned(),
            hex("[]"),
            hex("null"),
            hex(&format!("[\"tomorrow\",\"{id}\"]")),
            hex("[\"2026-10-14\",\"not-an-id\"]"),
            hex(&format!("[\"-009999-01-01\",\"{id}\"]")),
            "00".repeat(1 << 20),
        ];
        let asks = made_up.into_iter().map(|cursor| (Ask { cursor: Some(cursor), limit: None }, "cursor"));
        let limits = [0, 101, -1, i64::MAX].map(|limit| (Ask { cursor: None, limit: Some(limit) }, "limit"));
        for (ask, field) in asks.chain(limits) {
            let cmd = ListMilestones { ask: ask.clone(), ..ListMilestones::default() };
            let no = world.look(&cora, |cx| list(cx, &cmd)).unwrap_err();
            assert_eq!(fields(&no), [field], "{ask:?}");
            let cmd = ListDeals { ask: ask.clone(), ..ListDeals::default() };
            let no = world.look(&cora, |cx| list_deals(cx, &cmd)).unwrap_err();
            assert_eq!(fields(&no), [field], "{ask:?}");
        }
        let cmd = ListDeals { text: Some("a\0b".into()), ..ListDeals::default() };
        assert_eq!(fields(&world.look(&cora, |cx| list_deals(cx, &cmd)).unwrap_err()), ["text"]);
    }

    fn a_version_that_is_not_the_current_one_is_stale_and_changes_nothing(world: World) {
        let cora = world.team.cora();
        let id = world.deal("12 Oak Street");
        let milestone = world.milestone(id, "inspection");
        let deal_version = world.detail(id).deal.version;
        let before = world.everything(&world.team);
        for wrong in [0, -1, 99, i64::MIN, i64::MAX] {
            let cmd = CompleteMilestone { id: milestone.id, version: Some(wrong), note: None };
            assert_eq!(world.act(&cora, |cx| complete(cx, &cmd)).unwrap_err().code, Code::Stale);
            let cmd = EditMilestone { version: Some(wrong), title: Some("x".into()), ..EditMilestone::of(milestone.id) };
            assert_eq!(world.act(&cora, |cx| edit(cx, &cmd)).unwrap_err().code, Code::Stale);
            let cmd = EditDeal { version: Some(wrong), title: Some("x".into()), ..EditDeal::of(id) };
            assert_eq!(world.act(&cora, |cx| edit_deal(cx, &cmd)).unwrap_err().code, Code::Stale);
            let cmd = EditDeal { version: Some(wrong), status: Some("closed".into()), ..EditDeal::of(id) };
            assert_eq!(world.act(&cora, |cx| edit_deal(cx, &cmd)).unwrap_err().code, Code::Stale);
        }
        assert_eq!(world.everything(&world.team), before);
        let cmd = EditDeal { version: Some(deal_version), title: Some("x".into()), ..EditDeal::of(id) };
        world.act(&cora, |cx| edit_deal(cx, &cmd)).unwrap();
    }

    fn names_with_a_nul_find_nothing_and_break_nothing(world: World) {
        let admin = world.team.as_(Role::Admin);
        let no = world.look(&admin, |cx| member::ops::find(cx, "a\0b@example.com").map(|_| ())).unwrap_err();
        assert_eq!(no.code, Code::NotFound);
        let no = world.look(&admin, |cx| template::ops::show(cx, "a\0b").map(|_| ())).unwrap_err();
        assert_eq!(no.code, Code::NotFound);
        let no = world.act(&admin, |cx| template::ops::reset(cx, "a\0b")).unwrap_err();
        assert_eq!(no.code, Code::NotFound);
        let toml = "name = \"a\\u0000b\"\ntitle = \"x\"\nversion = 1\nholidays = \"us-federal\"\n";
        let no = world.act(&admin, |cx| template::ops::set(cx, toml).map(|_| ())).unwrap_err();
        assert_eq!(no.code, Code::Invalid);
    }
}
