//! Deals from a file: every bad place by line and column, all or nothing unless told otherwise, nothing twice.

use domain::deals::deal::import::{Format, Options, Report, import, read, refusal};
use domain::kernel::Code;
use domain::workspace::access::Role;
use harness::{World, on_both};

const DRY: Options = Options { dry_run: true, skip_bad: false, confirm: false };
const PLAIN: Options = Options { dry_run: false, skip_bad: false, confirm: false };
const SKIP: Options = Options { dry_run: false, skip_bad: true, confirm: false };
const CONFIRM: Options = Options { dry_run: false, skip_bad: false, confirm: true };

#[track_caller]
fn imported(world: &World, file: &str, format: Format, options: Options) -> Report {
    let file = read(file.as_bytes(), format);
    world.act(&world.team.cora(), |cx| import(cx, &file, options)).unwrap()
}

/// Line, column and reason of everything that is wrong.
fn wrong(report: &Report) -> String {
    let line = |bad: &domain::deals::deal::import::Bad| format!("{} | {} | {}", bad.line, bad.column, bad.reason);
    report.problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn good_rows(count: usize) -> String {
    let mut csv = String::from(
        "title,address,side,financing,state,price,contract_date,closing_date,buyer_name,buyer_email\n",
    );
    for i in 0..count {
        let financing = ["conventional", "FHA", "va", "usda", "Cash"][i % 5];
        let closing = jiff::civil::date(2026, 12, 1).checked_add(jiff::Span::new().days((i % 60) as i64)).unwrap();
        // Every buyer buys twice: the second time it is the same contact.
        let buyer = i / 2;
        csv.push_str(&format!(
            "{i} Elm Avenue,\"{i} Elm Avenue, Springfield\",buyer,{financing},IL,\"${i},500.25\",2026-10-14,{closing},Buyer {buyer},buyer{buyer}@example.org\n"
        ));
    }
    csv
}

/// One bad thing after another, then two good rows.
const BAD: &str = "\
title,address,side,financing,state,price,time_zone,contract_date,closing_date,inspection_deadline,template,owner_email,buyer_name,buyer_email,lender_phone
,1 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,,,,,,
No side,2 Elm,,cash,IL,1,,2026-10-14,2026-12-11,,,,,,
Gold,3 Elm,buyer,gold,IL,1,,2026-10-14,2026-12-11,,,,,,
Nowhere,4 Elm,buyer,cash,ZZ,1,,2026-10-14,2026-12-11,,,,,,
Cheap and late,5 Elm,buyer,cash,IL,cheap,,2026-10-14,2026-02-30,,,,,,
Backwards,6 Elm,buyer,cash,IL,1,,2026-12-11,2026-10-14,,,,,,
No closing,7 Elm,buyer,cash,IL,1,,2026-10-14,,,,,,,
Marching,8 Elm,buyer,cash,IL,1,Mars/Olympus,2026-10-14,2026-12-11,,,,,,
Inspecting,9 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,soon,,,,,
Shopping,10 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,,commercial,,,,
Owned,11 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,,,nobody@example.com,,,
Mailing,12 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,,,,Ann Lee,ann at home,
Anonymous,13 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,,,,,ann@example.org,
Calling,14 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,,,,,,call me
Short,15 Elm,buyer
Everything,16 Elm,nobody,nothing,??,-5,Here,then,never,,none,,,,
Good,17 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,,,,,,
Good,17 Elm,buyer,cash,IL,1,,2026-10-14,2026-12-11,,,,,,
Better,18 Elm,seller,va,TX,\"$1,000\",America/Chicago,2026-10-14,2026-12-11,2026-10-20,residential-rolled,mike@example.com,Ann Lee,ann@example.org,
";

on_both! {
    fn a_thousand_good_rows_come_in_at_once_and_only_once(world: World) {
        let file = good_rows(1_000);
        let dry = imported(&world, &file, Format::Csv, DRY);
        assert_eq!((dry.rows, dry.imported, dry.bad_rows, dry.deal_ids.len()), (1_000, 1_000, 0, 0));
        assert_eq!(world.count(&world.team, "deals"), 0);
        let report = imported(&world, &file, Format::Csv, PLAIN);
        assert_eq!((report.imported, report.deal_ids.len(), report.problems), (1_000, 1_000, vec![]));
        assert_eq!((world.count(&world.team, "deals"), world.count(&world.team, "contacts")), (1_000, 500));
        world.log_is_whole(&world.team);
        let before = world.everything(&world.team);
        for options in [PLAIN, SKIP] {
            let again = imported(&world, &file, Format::Csv, options);
            assert_eq!((again.imported, again.bad_rows), (0, 1_000));
        }
        assert_eq!(world.everything(&world.team), before);
    }

    fn confirmed_rows_have_their_milestones(world: World) {
        let report = imported(&world, &good_rows(10), Format::Csv, CONFIRM);
        for (i, id) in report.deal_ids.iter().enumerate() {
            let detail = world.detail(*id);
            assert_eq!(detail.milestones.len(), if i % 5 == 4 { 8 } else { 11 });
            assert_eq!(detail.deal.status.as_str(), "active");
            assert_eq!(detail.parties[0].contact.name, format!("Buyer {}", i / 2));
        }
    }

    fn a_file_with_bad_rows_names_each_place_and_brings_nothing_in(world: World) {
        let before = world.everything(&world.team);
        let dry = imported(&world, BAD, Format::Csv, DRY);
        insta::assert_snapshot!("bad_rows_of_a_csv_file", wrong(&dry));
        let report = imported(&world, BAD, Format::Csv, PLAIN);
        assert!(report.refused());
        assert_eq!((report.rows, report.imported, report.bad_rows, &report.problems), (19, 0, 17, &dry.problems));
        insta::assert_snapshot!("bad_rows_kept_everything_out", refusal(&report));
        assert_eq!(world.everything(&world.team), before);
    }

    fn told_to_skip_the_bad_rows_it_brings_in_the_good_ones(world: World) {
        let report = imported(&world, BAD, Format::Csv, SKIP);
        assert_eq!((report.imported, report.bad_rows, report.refused()), (2, 17, false));
        let titles: Vec<_> = report.deal_ids.iter().map(|id| world.detail(*id).deal.title).collect();
        assert_eq!(titles, ["Good", "Better"]);
        let better = world.detail(report.deal_ids[1]);
        assert_eq!((better.deal.price.unwrap().as_i64(), better.deal.template.as_str()), (Some(1_000), "residential-rolled"));
        assert_eq!(better.deal.owner_id, Some(world.team.members[&Role::Member].id));
        // What was skipped and then corrected comes in; what is there already does not.
        let again = imported(&world, &BAD.replace("gold", "fha"), Format::Csv, SKIP);
        assert_eq!(again.imported, 1);
    }

    fn a_json_file_is_held_to_the_same(world: World) {
        let json = r#"[
  {"title": "A", "address": "1 Elm", "side": "buyer", "financing": "cash",
   "key_dates": {"contract_date": "2026-10-14", "closing_date": "2026-12-11"}},
  {"title": "B", "title": "C", "address": "2 Elm", "side": "buyer", "financing": "cash", "key_dates": {}},
  {"title": "D", "address": "3 Elm", "side": "buyer", "financing": "cash", "colour": "red",
   "key_dates": {"contract_date": "2026-10-14", "closing_date": "2026-12-11"}},
  {"title": "E\u0000", "address": "4 Elm", "side": "buyer", "financing": "cash", "key_dates": {}},
  {"title": "F", "address": "5 Elm", "side": "left", "financing": "cash", "price": 1e300,
   "key_dates": {"contract_date": "2026-10-14", "closing_date": "2026-02-30"}},
  {"address": "6 Elm"},
  17,
  {"title": "H", "address": "8 Elm", "side": "buyer", "financing": "cash", "key_dates": {"closing_date": 5}},
  {"title": "I", "address": "9 Elm", "side": "buyer", "financing": "cash", "price": "cheap", "key_dates": {}},
  {"title": "J", "address": "10 Elm", "side": "buyer", "financing": "cash", "key_dates": {},
   "parties": [{"name": "Ann Lee"}]},
  {"title": "G", "address": "7 Elm", "side": "buyer", "financing": "cash",
   "key_dates": {"contract_date": "2026-10-14", "contract_date": "2026-10-15", "closing_date": "2026-12-11"}}
]"#;
        let before = world.everything(&world.team);
        let report = imported(&world, json, Format::Json, PLAIN);
        assert_eq!((report.rows, report.imported, report.bad_rows), (11, 0, 10));
        insta::assert_snapshot!("bad_rows_of_a_json_file", wrong(&report));
        assert_eq!(world.everything(&world.team), before);
        assert_eq!(imported(&world, json, Format::Json, SKIP).imported, 1);
        for broken in ["", "{}", "[", "[{}", "null", "[]]"] {
            let report = imported(&world, broken, Format::Json, PLAIN);
            assert!(report.refused() && report.problems[0].line == 1, "{broken}: {report:?}");
        }
        assert_eq!(imported(&world, "[]", Format::Json, PLAIN).rows, 0);
    }

    fn only_who_may_import_does(world: World) {
        let file = read(good_rows(1).as_bytes(), Format::Csv);
        let no = world.act(&world.team.as_(Role::Member), |cx| import(cx, &file, DRY)).unwrap_err();
        assert_eq!(no.code, Code::Forbidden);
    }

    fn two_who_import_the_same_file_at_once_bring_it_in_once(world: World) {
        let file = good_rows(20);
        let both: Vec<Report> = std::thread::scope(|threads| {
            let run = || imported(&world, &file, Format::Csv, PLAIN);
            let running = [threads.spawn(run), threads.spawn(run)];
            running.map(|thread| thread.join().unwrap()).into()
        });
        assert_eq!(both.iter().map(|report| report.imported).sum::<usize>(), 20);
        assert_eq!(world.count(&world.team, "deals"), 20);
    }
}
