//! Whoever rewrites history is found out, and where.

use domain::deals::deal::intake::NewParty;
use domain::deals::milestone::ops::{EditMilestone, WaiveMilestone, edit, waive};
use domain::insight::event_log::{ops::export, ops::verify, store};
use domain::kernel::Code;
use domain::workspace::access::Role;
use domain::workspace::access::{Grant, ops::For};
use harness::{DATES, Place, World, on_both};

/// A log of some thirty events, some with personal data.
fn a_long_story(world: &World) {
    for i in 0..4 {
        let mut new = harness::deal(&format!("{i} Oak Street"), DATES);
        new.parties = vec![NewParty {
            role: "buyer".into(),
            name: format!("Ann Number{i}"),
            email: Some(format!("ann{i}@example.org")),
            ..NewParty::default()
        }];
        let id = world.create(&new);
        world.complete(world.milestone(id, "earnest_money").id);
        let wood = world.milestone(id, "wood_infestation").id;
        let cmd = WaiveMilestone { id: wood, version: None, reason: Some("No wood".into()) };
        world.act(&world.team.cora(), |cx| waive(cx, &cmd)).unwrap();
        let cmd =
            EditMilestone { reopen: Some(true), notes: Some("Wood after all".into()), ..EditMilestone::of(wood) };
        world.act(&world.team.cora(), |cx| edit(cx, &cmd)).unwrap();
        world.apply(world.preview(id, "closing 2026-12-18").plan_token).unwrap();
    }
    world.token(&world.team, For::Agent("robot".into()), Grant::Write, Some(30));
}

/// SQLite's triggers would stop an honest statement; who has the file can drop them.
fn disarm(world: &World) {
    if !world.db().is_postgres() {
        world.meddle(&world.team, "DROP TRIGGER events_keep_rows; DROP TRIGGER events_keep_content");
    }
}

/// Each a way to rewrite the events of the workspace {w}, and the number of the event at which it shows.
const ATTACKS: &[(&str, &str, i64)] = &[
    (
        "the data of a row are altered",
        "UPDATE events SET data = replace(data, 'conventional', 'cash') WHERE workspace_id = '{w}' AND seq = 8",
        8,
    ),
    (
        "the form of the data is altered",
        "UPDATE events SET data = data || ' ' WHERE workspace_id = '{w}' AND seq = 8",
        8,
    ),
    (
        "a member is given twice",
        "UPDATE events SET data = '{\"title\":\"x\",' || substr(data, 2) WHERE workspace_id = '{w}' AND seq = 8",
        8,
    ),
    (
        "another actor is named",
        "UPDATE events SET actor_name = 'Mike Mbeki' WHERE workspace_id = '{w}' AND seq = 9",
        9,
    ),
    (
        "the time is altered",
        "UPDATE events SET at = (SELECT at FROM events WHERE workspace_id = '{w}' AND seq = 1) WHERE workspace_id = '{w}' AND seq = 9",
        9,
    ),
    ("a row in the middle is deleted", "DELETE FROM events WHERE workspace_id = '{w}' AND seq = 12", 12),
    ("the first row is deleted", "DELETE FROM events WHERE workspace_id = '{w}' AND seq = 1", 1),
    (
        "two rows are swapped",
        "UPDATE events SET seq = -1 WHERE workspace_id = '{w}' AND seq = 10; UPDATE events SET seq = 10 WHERE workspace_id = '{w}' AND seq = 11; UPDATE events SET seq = 11 WHERE workspace_id = '{w}' AND seq = -1",
        10,
    ),
    ("a row is moved to the end", "UPDATE events SET seq = 1000 WHERE workspace_id = '{w}' AND seq = 10", 10),
    ("a leaf is rewritten", "UPDATE events SET leaf = chain WHERE workspace_id = '{w}' AND seq = 5", 5),
    ("a chain value is rewritten", "UPDATE events SET chain = leaf WHERE workspace_id = '{w}' AND seq = 5", 5),
    (
        "a name is rewritten",
        "UPDATE events SET personal = replace(personal, 'Ann', 'Eve') WHERE workspace_id = '{w}' AND seq = 7",
        7,
    ),
    (
        "a name is rewritten and its salt erased",
        "UPDATE events SET personal = replace(personal, 'Ann', 'Eve'), personal_salt = NULL WHERE workspace_id = '{w}' AND seq = 7",
        7,
    ),
    (
        "a name is put where none was",
        "UPDATE events SET personal = '{}', personal_salt = '00' WHERE workspace_id = '{w}' AND seq = 8",
        8,
    ),
    (
        "a name's hash is taken away",
        "UPDATE events SET personal = NULL, personal_salt = NULL, personal_hash = NULL WHERE workspace_id = '{w}' AND seq = 7",
        7,
    ),
];

on_both! {
    fn a_log_that_nobody_touched_is_whole(world: World) {
        a_long_story(&world);
        world.log_is_whole(&world.team);
        let all = world.look(&world.team.as_(Role::Admin), |cx| export(cx, 0)).unwrap();
        assert!(all.iter().map(|entry| entry.sequence).eq(1..=all.len() as i64));
        assert_eq!(all.last().unwrap().chain, world.verdict(&world.team).head);
        let no = world.look(&world.team.cora(), verify).unwrap_err();
        assert_eq!(no.code, Code::Forbidden);
    }

    fn an_auditor_sees_one_state_however_long_the_walk_takes(world: World) {
        let id = world.milestone(world.deal("12 Oak Street"), "inspection").id;
        let (rows, head) = world
            .look(&world.team.as_(Role::Admin), |cx| {
                let rows = store::after(cx, 0, 1_000)?.len();
                // Meanwhile somebody goes on working.
                world.complete(id);
                Ok((rows, store::head(cx)?))
            })
            .unwrap();
        assert_eq!(head.unwrap().0, rows as i64);
        assert_eq!(world.count(&world.team, "events"), rows + 1);
    }

    fn every_rewriting_is_found_at_its_place(world: World) {
        world.hours_pass(1);
        a_long_story(&world);
        disarm(&world);
        let own = world.team.id.to_string();
        world.meddle(&world.team, "CREATE TABLE kept AS SELECT * FROM events");
        for (what, statements, place) in ATTACKS {
            world.meddle(&world.team, &statements.replace("{w}", &own));
            let found = world.verdict(&world.team).first_break.unwrap_or_else(|| panic!("not found: {what}"));
            assert_eq!(found.sequence, *place, "{what}: {}", found.what);
            world.meddle(&world.team, "DELETE FROM events; INSERT INTO events SELECT * FROM kept");
            assert_eq!(world.verdict(&world.team).first_break, None, "before the next attack");
        }
    }

    fn a_log_that_was_cut_off_is_found_by_its_head(world: World) {
        a_long_story(&world);
        disarm(&world);
        let last = world.count(&world.team, "events") as i64;
        let (w, delete) = (world.team.id, "DELETE FROM events WHERE workspace_id =");
        world.meddle(&world.team, &format!("{delete} '{w}' AND seq = {last}"));
        let found = world.verdict(&world.team).first_break.unwrap();
        assert_eq!(found.sequence, last);
        insta::assert_snapshot!("the_end_was_cut_off", found.what);
        world.meddle(&world.team, &format!("{delete} '{w}' AND seq > 3"));
        assert_eq!(world.verdict(&world.team).first_break.unwrap().sequence, 4);
        world.meddle(&world.team, &format!("{delete} '{w}'"));
        assert_eq!(world.verdict(&world.team).first_break.unwrap().sequence, 1);
        // What is left without a head is no log of a workspace that was founded.
        world.meddle(&world.team, &format!("DELETE FROM audit_heads WHERE workspace_id = '{w}'"));
        assert!(world.verdict(&world.team).first_break.is_some());
    }

    fn erasing_a_person_leaves_the_log_whole(world: World) {
        a_long_story(&world);
        let named = "SELECT count(personal)::text AS line FROM events";
        let named = if world.db().is_postgres() { named } else { "SELECT count(personal) || '' AS line FROM events" };
        assert_ne!(world.lines(&world.team, named), ["0"]);
        // The triggers of SQLite let this pass: it is how a person is forgotten.
        world.meddle(&world.team, "UPDATE events SET personal = NULL, personal_salt = NULL");
        assert_eq!(world.lines(&world.team, named), ["0"]);
        world.log_is_whole(&world.team);
    }

    fn nobody_is_named_in_the_part_that_cannot_be_erased(world: World) {
        a_long_story(&world);
        for line in world.lines(&world.team, "SELECT data AS line FROM events") {
            for person in ["Ann Number", "example.org"] {
                assert!(!line.contains(person), "{line}");
            }
        }
    }
}

#[test]
fn on_sqlite_an_honest_statement_cannot_rewrite_the_log() {
    use diesel::connection::SimpleConnection;
    let world = World::new(Place::file());
    let domain::kernel::Conn::Lite(mut c) = world.db().raw().unwrap() else { panic!("a file") };
    for statement in ["DELETE FROM events", "UPDATE events SET data = '{}'", "UPDATE events SET seq = seq + 100"] {
        let no = c.batch_execute(statement).unwrap_err();
        assert!(no.to_string().contains("append-only"), "{no}");
    }
}
