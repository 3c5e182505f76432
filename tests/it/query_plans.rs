//! Lists stay quick in a large workspace because an index gives their order: the database says so itself.

use std::sync::{Arc, Mutex};

use diesel::connection::{Connection, InstrumentationEvent, SimpleConnection};
use domain::assist::draft::DraftState;
use domain::both;
use domain::deals::deal::view::{ListDeals, get, list as list_deals, suggest as suggest_deals};
use domain::deals::followup::ops::{ListDrafts, list as drafts};
use domain::deals::milestone::MilestoneStatus;
use domain::deals::milestone::ops::{ListMilestones, list};
use domain::deals::milestone::store::of_deal;
use domain::deals::milestone::view::suggest as suggest_milestones;
use domain::delivery::outbox::ops::is_anything_due;
use domain::delivery::outbox::view::{ListDeliveries, list as deliveries};
use domain::delivery::{Status, feed};
use domain::insight::search::catch_up::catch_up;
use domain::insight::search::ops::{Search, search as find_all};
use domain::kernel::page::Ask;
use domain::kernel::{Conn, Cx, No, search};
use domain::workspace::access::Role;
use domain::workspace::approval::ops::{self as approvals, ListApprovals};
use harness::{World, on_both, unknown_id};

/// Copies the one row of a table, with some columns other than they are. `{i}` counts from 1.
pub(crate) fn multiply(world: &World, table: &str, count: u32, other: &[(&str, &str)]) {
    let pg = world.db().is_postgres();
    let columns = if pg {
        format!(
            "SELECT column_name::text AS line FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
        )
    } else {
        format!("SELECT name AS line FROM pragma_table_info('{table}') ORDER BY cid")
    };
    let columns = world.lines(&world.team, &columns);
    let value = |column: &String| {
        let found = other.iter().find(|(name, _)| name == column);
        found.map_or(format!("t.{column}"), |(_, value)| value.replace("{i}", "n.i"))
    };
    let values = columns.iter().map(value).collect::<Vec<_>>().join(", ");
    let numbers = if pg {
        format!("generate_series(1, {count}) AS n (i)")
    } else {
        format!(
            "(WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n) AS n"
        )
    };
    let columns = columns.join(", ");
    world.meddle(
        &world.team,
        &format!(
            "INSERT INTO {table} ({columns}) SELECT {values} FROM (SELECT * FROM {table} LIMIT 1) AS t, {numbers}"
        ),
    );
}

/// Deals by the thousand, every second one closed, with milestones over two years, most of them done.
fn a_large_workspace(world: &World) {
    let mut first = harness::deal("0 Oak Street", harness::DATES);
    first.template = Some("one".into());
    let one = "name = \"one\"\ntitle = \"One\"\nversion = 1\nholidays = \"us-federal\"\n\
               [[rules]]\ntype = \"keys\"\ntitle = \"Keys\"\nreference = \"closing_date\"\noffset = 0\n\
               required = true\nresponsible = \"buyer\"\n";
    let operator = world.team.operator();
    world.act(&operator, |cx| domain::deals::milestone::template::ops::set(cx, one)).unwrap();
    world.create(&first);
    let pg = world.db().is_postgres();
    let id = |tag: char, number: &str| {
        let uuid = format!("'0190000{tag}-0000-7000-8000-'");
        if pg {
            format!("({uuid} || lpad(to_hex({number}), 12, '0'))::uuid")
        } else {
            format!("{uuid} || printf('%012x', {number})")
        }
    };
    let day = |number: &str| match pg {
        true => format!("date '2026-01-01' + ({number} % 700)"),
        false => format!("date('2026-01-01', '+' || ({number} % 700) || ' days')"),
    };
    let lapse = |number: &str| match pg {
        true => format!("({} + 1)::timestamp AT TIME ZONE 'America/Chicago'", day(number)),
        false => format!("date({}, '+1 day') || 'T06:00:00.000000Z'", day(number)),
    };
    let (deals, milestones) = if pg { (2_000, 20_000) } else { (5_000, 100_000) };
    let deal_of = id('d', &format!("1 + {{i}} % {deals}"));
    let done = "CASE WHEN {i} % 10 < 7 THEN 'completed' ELSE 'upcoming' END";
    let ended = "CASE WHEN {i} % 10 < 7 THEN t.created_at END";
    let status = "CASE WHEN {i} % 2 = 0 THEN 'closed' ELSE 'active' END";
    multiply(world, "deals", deals, &[("id", &id('d', "{i}")), ("status", status)]);
    world.meddle(&world.team, "DELETE FROM deal_key_dates WHERE name <> 'closing_date'");
    multiply(world, "deal_key_dates", deals, &[("deal_id", &id('d', "{i}")), ("on_date", &day("{i}"))]);
    multiply(
        world,
        "milestones",
        milestones,
        &[
            ("id", &id('e', "{i}")),
            ("deal_id", &deal_of),
            ("sorts_on", &day("{i} * 13")),
            ("due_on", &day("{i} * 13")),
            ("lapses_at", &lapse("{i} * 13")),
            ("state", done),
            ("ended_at", ended),
            ("ended_by", "CASE WHEN {i} % 10 < 7 THEN 'Cora Castillo' END"),
        ],
    );
    if pg {
        // As the owner of the tables, who may; autovacuum does it in production.
        let Conn::Pg(mut c) = world.db().raw().unwrap() else { return };
        c.batch_execute("ANALYZE deals; ANALYZE milestones; ANALYZE deal_key_dates").unwrap();
    }
}

/// Messages, notifications, approvals and drafts by the thousand, nearly all of them settled.
fn a_busy_workspace(world: &World) {
    let deal = world.peopled_deal("12 Oak Street");
    world.draft_for_the_buyer(deal);
    // What the drafts told the approvers, Cora among them.
    world.claim(100);
    let pg = world.db().is_postgres();
    let id = |tag: char, number: &str| {
        let uuid = format!("'0190000{tag}-0000-7000-8000-'");
        if pg {
            format!("({uuid} || lpad(to_hex({number}), 12, '0'))::uuid")
        } else {
            format!("{uuid} || printf('%012x', {number})")
        }
    };
    let mostly = |usual: &str, seldom: &str| format!("CASE WHEN {{i}} % 500 = 0 THEN {seldom} ELSE {usual} END");
    let nearly_all = |usual: &str| mostly(usual, "NULL");
    let count = if pg { 4_000 } else { 20_000 };
    let (status, next_at) = (mostly("'sent'", "'queued'"), mostly("NULL", "t.created_at"));
    let settled_at = nearly_all("t.created_at");
    multiply(
        world,
        "messages",
        count,
        &[
            ("id", &id('a', "{i}")),
            ("occasion", "'copy:' || {i}"),
            ("status", &status),
            ("next_at", &next_at),
            ("lease_until", "NULL"),
            ("settled_at", &settled_at),
        ],
    );
    let read_at = nearly_all("t.created_at");
    multiply(
        world,
        "notifications",
        count,
        &[("id", &id('b', "{i}")), ("message_id", &id('a', "{i}")), ("read_at", &read_at)],
    );
    let (state, closed_at) = (mostly("'approved'", "'pending'"), nearly_all("t.opened_at"));
    let (closed_by, due_at) = (nearly_all("'Cora Castillo'"), mostly("NULL", "t.due_at"));
    multiply(
        world,
        "approvals",
        count,
        &[
            ("id", &id('c', "{i}")),
            ("subject_id", &id('f', "{i}")),
            ("state", &state),
            ("closed_at", &closed_at),
            ("closed_by", &closed_by),
            ("due_at", &due_at),
        ],
    );
    let (state, settled_at) = (mostly("'approved'", "'in_review'"), nearly_all("t.created_at"));
    multiply(
        world,
        "drafts",
        count,
        &[
            ("id", &id('f', "{i}")),
            ("occasion", "'copy:' || {i}"),
            ("approval_id", &id('c', "{i}")),
            ("state", &state),
            ("settled_at", &settled_at),
        ],
    );
    if pg {
        let Conn::Pg(mut c) = world.db().raw().unwrap() else { return };
        c.batch_execute("ANALYZE messages; ANALYZE notifications; ANALYZE approvals; ANALYZE drafts").unwrap();
    }
}

/// What the database plans for the first statement of `f` that mentions `table`, with the values it was given, under
/// the product's own role.
fn plan(world: &World, table: &str, f: impl Fn(&mut Cx<'_>) -> Result<(), No>) -> String {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    world
        .look(&world.team.cora(), |cx| {
            let kept = seen.clone();
            both!(cx.conn(), |c| c.set_instrumentation(move |event: InstrumentationEvent<'_>| {
                if let InstrumentationEvent::StartQuery { query, .. } = event {
                    kept.lock().unwrap().push(query.to_string());
                }
            }));
            let done = f(cx);
            both!(cx.conn(), |c| c.set_instrumentation(|_: InstrumentationEvent<'_>| {}));
            done?;
            let statements = seen.lock().unwrap().clone();
            let quoted = [
                format!("FROM `{table}`"),
                format!("FROM \"{table}\""),
                format!("FROM (`{table}`"),
                format!("FROM (\"{table}\""),
            ];
            let (sql, binds) = statements
                .iter()
                .find(|sql| quoted.iter().any(|from| sql.contains(from)))
                .and_then(|sql| sql.split_once(" -- binds: "))
                .unwrap_or_else(|| panic!("no statement on {table}: {statements:?}"));
            let told = with_values(sql, binds);
            Ok(match cx.conn() {
                Conn::Pg(_) => explained(cx.conn(), &format!("EXPLAIN {told}")),
                Conn::Lite(_) => explained(cx.conn(), &format!("EXPLAIN QUERY PLAN {told}")),
            })
        })
        .unwrap()
}

#[derive(diesel::QueryableByName)]
struct Step {
    #[diesel(sql_type = diesel::sql_types::Text)]
    #[diesel(column_name = "QUERY PLAN")]
    text: String,
}

#[derive(diesel::QueryableByName)]
struct LiteStep {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

fn explained(conn: &mut Conn, query: &str) -> String {
    use diesel::RunQueryDsl;
    let steps: Vec<String> = match conn {
        Conn::Pg(c) => {
            let steps: Vec<Step> = diesel::sql_query(query).load(&mut **c).unwrap();
            steps.into_iter().map(|step| step.text).collect()
        }
        Conn::Lite(c) => {
            let steps: Vec<LiteStep> = diesel::sql_query(query).load(&mut **c).unwrap();
            steps.into_iter().map(|step| step.detail).collect()
        }
    };
    steps.join("\n")
}

/// The statement with its values in it. `binds` is how Diesel shows them: `[WorkspaceId(..), [Upcoming], On(..), 21]`.
fn with_values(sql: &str, binds: &str) -> String {
    let inner = binds.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap();
    let (mut values, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                values.push(&inner[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    values.push(&inner[from..]);
    let values: Vec<String> = values.into_iter().map(literal).collect();
    let mut told = sql.to_owned();
    // From the last, so that $1 does not stand for the start of $10.
    for (i, value) in values.iter().enumerate().rev() {
        told = told.replace(&format!("${}", i + 1), value);
    }
    for value in &values {
        told = told.replacen('?', value, 1);
    }
    told
}

fn literal(shown: &str) -> String {
    let shown = shown.trim().trim_matches('"');
    if let Some(items) = shown.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let items: Vec<String> = items.split(", ").filter(|item| !item.is_empty()).map(literal).collect();
        return format!("ARRAY[{}]::text[]", items.join(", "));
    }
    if shown.parse::<i64>().is_ok() {
        return shown.to_owned();
    }
    // `On(2026-10-14)` and the like.
    let word = shown.split_once('(').map_or(shown, |(_, rest)| rest.trim_end_matches(')'));
    format!("'{}'", in_the_database(word))
}

/// A word as the database has it: `InProgress` is kept as `in_progress`. What is no word of ours stays as it is.
fn in_the_database(shown: &str) -> String {
    let is_word =
        shown.starts_with(|c: char| c.is_ascii_uppercase()) && shown.chars().all(|c| c.is_ascii_alphanumeric());
    if !is_word {
        return shown.to_owned();
    }
    let parts = shown.char_indices().map(|(at, c)| match c.is_ascii_uppercase() {
        true if at > 0 => format!("_{}", c.to_ascii_lowercase()),
        _ => c.to_ascii_lowercase().to_string(),
    });
    parts.collect()
}

#[test]
fn values_stand_in_a_statement_as_the_database_has_them() {
    let check = |binds: &str, told: &str| assert_eq!(with_values("$1", binds), told);
    check("[[Waiting, InReview]]", "ARRAY['waiting', 'in_review']::text[]");
    check("[FollowUp]", "'follow_up'");
    check("[On(2026-10-14)]", "'2026-10-14'");
    check("[At(2026-10-14T15:00:00Z)]", "'2026-10-14T15:00:00Z'");
    check("[DraftId(0190000f-0000-7000-8000-000000000001)]", "'0190000f-0000-7000-8000-000000000001'");
    check("[21]", "21");
}

#[track_caller]
fn by_index(plan: &str, table: &str) {
    let pg = plan.contains("cost=");
    let served = match pg {
        true => plan.contains(&format!("using {table}_")),
        false => {
            plan.contains(&format!("{table} USING INDEX {table}_"))
                || plan.contains(&format!("{table} USING COVERING INDEX {table}_"))
        }
    };
    let walked =
        plan.contains(&format!("Seq Scan on {table}")) || plan.lines().any(|step| step == format!("SCAN {table}"));
    let sorted = plan.lines().any(|step| step.contains("Sort  (")) || plan.contains("TEMP B-TREE");
    assert!(served && !walked && !sorted, "{plan}");
}

/// The order comes from an index, if only that of the ids.
#[track_caller]
fn in_order(plan: &str, table: &str) {
    let walked =
        plan.contains(&format!("Seq Scan on {table}")) || plan.lines().any(|step| step == format!("SCAN {table}"));
    let sorted = plan.lines().any(|step| step.contains("Sort  (")) || plan.contains("TEMP B-TREE");
    assert!(!walked && !sorted, "{plan}");
}

/// Every row that is read is one of the deal's.
#[track_caller]
fn by_deal(plan: &str) {
    assert!(plan.contains("workspace_id=? AND deal_id=?"), "{plan}");
}

on_both! {
    fn a_page_out_of_a_hundred_thousand_rows_comes_from_an_index(world: World) {
        a_large_workspace(&world);
        let cora = world.team.cora();
        let first = world.look(&cora, |cx| list(cx, &ListMilestones::default())).unwrap();
        let open = vec![MilestoneStatus::Upcoming, MilestoneStatus::Scheduled, MilestoneStatus::InProgress];
        let from = "2026-11-01".parse().ok();
        let to = "2026-12-01".parse().ok();
        let any = ListMilestones::default();
        for cmd in [
            any.clone(),
            ListMilestones { ask: Ask { cursor: first.next_cursor, limit: Some(50) }, ..any.clone() },
            ListMilestones { due_from: from, due_to: to, ..any.clone() },
            ListMilestones { status: open.clone(), ..any.clone() },
            ListMilestones { status: open, due_from: from, ..any.clone() },
            ListMilestones { status: vec![MilestoneStatus::Overdue], ..any.clone() },
            ListMilestones { status: vec![MilestoneStatus::Completed], due_from: from, due_to: to, ..any.clone() },
        ] {
            by_index(&plan(&world, "milestones", |cx| list(cx, &cmd).map(drop)), "milestones");
        }
        let deal = world.look(&cora, |cx| list_deals(cx, &ListDeals::default())).unwrap().items[0].id;
        by_index(&plan(&world, "milestones", |cx| Ok(of_deal(cx, deal).map(drop)?)), "milestones");
        let cmd = ListMilestones { deal_id: Some(deal), ..ListMilestones::default() };
        by_index(&plan(&world, "milestones", |cx| list(cx, &cmd).map(drop)), "milestones");
        if !world.db().is_postgres() {
            // SQLite knows no statistics until it is told to gather them, so only the indexes lead it to one deal.
            by_deal(&plan(&world, "deal_key_dates", |cx| get(cx, deal).map(drop)));
            by_deal(&plan(&world, "deal_parties", |cx| get(cx, deal).map(drop)));
        }
        // Names for somebody who types: those of nothing yet, and of a part, of which a database reads titles in order.
        for typed in ["", "oak"] {
            let suggest = |cx: &mut Cx<'_>| suggest_milestones(cx, None, typed, true).map(drop);
            by_index(&plan(&world, "milestones", suggest), "milestones");
            let of_deal = |cx: &mut Cx<'_>| suggest_milestones(cx, Some(deal), typed, false).map(drop);
            by_index(&plan(&world, "milestones", of_deal), "milestones");
        }
        let soonest = plan(&world, "deal_key_dates", |cx| suggest_deals(cx, "", &[]).map(drop));
        by_index(&soonest, "deal_key_dates");
        // Deals by their closing date.
        let cmd = ListDeals { closing_from: "2026-11-01".parse().ok(), ..ListDeals::default() };
        by_index(&plan(&world, "deal_key_dates", |cx| list_deals(cx, &cmd).map(drop)), "deal_key_dates");
    }

    fn a_few_words_are_found_by_the_index_among_a_hundred_thousand_milestones(world: World) {
        a_large_workspace(&world);
        // One in 4,096 by its number, with which its id ends.
        let number = if world.db().is_postgres() { "right(id::text, 8)" } else { "substr(id, -8)" };
        let rare = format!("UPDATE milestones SET title = 'Zinnia ' || {number} WHERE {number} LIKE '%000'");
        world.meddle(&world.team, &rare);
        world.meddle(&world.team, "DELETE FROM search_forms");
        world.work(&world.machine(&world.team), catch_up).unwrap_or_else(|_| panic!("not indexed"));
        let pg = world.db().is_postgres();
        let own = format!("_w{}", world.team.id.0.simple());
        let id = world.team.id;
        let mut conn = world.db().raw().unwrap();
        if let Conn::Pg(c) = &mut conn {
            c.batch_execute("ANALYZE search_words").unwrap();
            // What the function asks in the place of the tables' owner.
            let asked = format!(
                "EXPLAIN SELECT number FROM search_words WHERE workspace_id = '{id}' \
                 AND words @@ '''{own}'' & ''zinn'':* & ''_p2'''::tsquery AND number BETWEEN 1 AND {} OFFSET 0",
                i64::MAX
            );
            let plan = explained(&mut conn, &asked);
            assert!(plan.contains("Bitmap Index Scan on search_words_gin"), "{plan}");
        } else {
            let mut asked = format!("EXPLAIN QUERY PLAN {}", search::FIND_LITE);
            let words = format!("'\"{own}\" AND \"keys\"*'");
            for value in [words, i64::MAX.to_string(), format!("'{id}'"), "21".into()] {
                asked = asked.replacen('?', &value, 1);
            }
            let plan = explained(&mut conn, &asked);
            assert!(plan.contains("SCAN w VIRTUAL TABLE INDEX"), "{plan}");
            assert!(plan.contains("SEARCH d USING INTEGER PRIMARY KEY") && !plan.contains("TEMP B-TREE"), "{plan}");
        }
        drop(conn);
        let count = |text: &str| {
            let wanted = Search { text: text.into(), ask: Ask { cursor: None, limit: Some(100) }, ..Search::default() };
            world.look(&world.team.cora(), |cx| find_all(cx, &wanted)).unwrap().items.len()
        };
        for _ in 0..2 {
            assert_eq!(count("zinn"), if pg { 4 } else { 24 });
            assert_eq!(count("oak zinnia 00001000"), 1);
            for common in ["keys", "oak", "oak keys", "0", "o k"] {
                assert_eq!(count(common), 100, "{common}");
            }
            assert_eq!(count("nowhere"), 0);
            assert_eq!(count("oak nowhere"), 0);
            assert_eq!(count("keys zinnia"), if pg { 4 } else { 24 }, "one is its title, the other its type");
        }
    }

    fn what_waits_and_what_left_is_found_by_an_index_however_much_there_was(world: World) {
        a_busy_workspace(&world);
        let member = world.team.members[&Role::Coordinator].id;
        let deal = world.look(&world.team.cora(), |cx| list_deals(cx, &ListDeals::default())).unwrap().items[0].id;
        let far = Ask { cursor: None, limit: Some(50) };
        let any = ListDeliveries::default();
        for wanted in [
            any.clone(),
            ListDeliveries { deal_id: Some(deal), ..any.clone() },
            ListDeliveries { member_id: Some(member), ..any.clone() },
            ListDeliveries { status: vec![Status::Failed, Status::Dead, Status::Unknown], ..any.clone() },
        ] {
            let found = plan(&world, "messages", |cx| deliveries(cx, &wanted, &far).map(drop));
            // Trouble is rare: where its own index leads to it, putting it in order costs nothing.
            if !found.contains("messages_trouble") {
                in_order(&found, "messages");
            }
        }
        let of_approval = ListDeliveries { approval_id: Some(unknown_id()), ..any.clone() };
        let of_batch = ListDeliveries { batch_id: Some(unknown_id()), ..any };
        for (wanted, index) in [(of_approval, "messages_approval"), (of_batch, "messages_batch")] {
            let found = plan(&world, "messages", |cx| deliveries(cx, &wanted, &far).map(drop));
            assert!(found.contains(index), "{found}");
        }
        let due = plan(&world, "messages", |cx| is_anything_due(cx).map(drop));
        in_order(&due, "messages");
        assert!(due.contains("messages_due"), "{due}");
        for unread in [true, false] {
            let feed = plan(&world, "notifications", |cx| feed::ops::list(cx, unread, &far).map(drop));
            by_index(&feed, "notifications");
        }
        by_index(&plan(&world, "notifications", |cx| feed::ops::unread(cx).map(drop)), "notifications");
        let pending = ListApprovals { ask: far.clone(), ..ListApprovals::default() };
        let waiting = plan(&world, "approvals", |cx| approvals::list(cx, &pending).map(drop));
        by_index(&waiting, "approvals");
        assert!(waiting.contains("approvals_pending"), "{waiting}");
        let lapsed = plan(&world, "approvals", |cx| approvals::lapsed(cx, 100).map(drop));
        assert!(lapsed.contains("approvals_deadline"), "{lapsed}");
        let open = ListDrafts::default();
        let first = world.look(&world.team.cora(), |cx| drafts(cx, &open)).unwrap();
        for wanted in [
            open.clone(),
            ListDrafts { cursor: first.next_cursor, ..open.clone() },
            ListDrafts { state: vec![DraftState::InReview, DraftState::Blocked], ..open.clone() },
        ] {
            let found = plan(&world, "drafts", |cx| drafts(cx, &wanted).map(drop));
            by_index(&found, "drafts");
            assert!(found.contains("drafts_open"), "{found}");
        }
        for wanted in [
            ListDrafts { deal_id: Some(deal), ..open.clone() },
            ListDrafts { state: vec![DraftState::Approved], ..open },
        ] {
            in_order(&plan(&world, "drafts", |cx| drafts(cx, &wanted).map(drop)), "drafts");
        }
    }

    fn which_tools_were_called_is_read_in_the_order_of_an_index(world: World) {
        use domain::insight::calls::ops::ListCalls;
        use domain::insight::calls::{Ended, store};
        use domain::kernel::call::{Call, CallRow};
        let (id, at) = (world.host.mint_call(), world.now());
        let call = Call { id, at, tool: "deal_list".into(), arguments_hash: "00".into(), request_id: "1".into() };
        let ended = Ended { row: CallRow::begun(&world.team.cora(), &call), only_looks: true };
        world.act(&world.team.operator(), |cx| Ok(store::write(cx, std::slice::from_ref(&ended))?)).unwrap();
        let copy = match world.db().is_postgres() {
            true => "('0190000a-0000-7000-8000-' || lpad(to_hex({i}), 12, '0'))::uuid",
            false => "'0190000a-0000-7000-8000-' || printf('%012x', {i})",
        };
        multiply(&world, "tool_calls", 20_000, &[("id", copy)]);
        if let Conn::Pg(mut c) = world.db().raw().unwrap() {
            c.batch_execute("ANALYZE tool_calls").unwrap();
            // What PostgreSQL chooses for so few rows depends on which of them it drew for its statistics.
            return;
        }
        let any = ListCalls::default();
        for wanted in [
            any.clone(),
            ListCalls { since: Some(at), ..any.clone() },
            ListCalls { until: Some(at), ..any },
        ] {
            let found = plan(&world, "tool_calls", |cx| Ok(store::list(cx, &wanted, None, 21).map(drop)?));
            in_order(&found, "tool_calls");
        }
        in_order(&plan(&world, "tool_calls", |cx| Ok(store::is_any_before(cx, id).map(drop)?)), "tool_calls");
        in_order(&plan(&world, "tool_calls", |cx| Ok(store::beyond(cx, 10_000).map(drop)?)), "tool_calls");
        let left = plan(&world, "events", |cx| {
            Ok(domain::insight::event_log::store::of_correlation(cx, id, 1_000).map(drop)?)
        });
        by_index(&left, "events");
    }

    fn whether_a_card_is_behind_is_one_look_into_an_index(world: World) {
        let set = serde_json::json!({ "team_channel": { "channel": "discord", "address": "77" } });
        let set = domain::delivery::settings::ops::EditSettings {
            version: None,
            set: set.as_object().unwrap().clone(),
        };
        let admin = world.team.as_(Role::Admin);
        world.act(&admin, |cx| domain::delivery::settings::ops::edit(cx, &set)).unwrap();
        crate::cards::oak_street(&world, &["Keys"]);
        crate::reminders::sweep(&world);
        assert_eq!(world.count(&world.team, "cards"), 1);
        let id = match world.db().is_postgres() {
            true => "('0190000a-0000-7000-8000-' || lpad(to_hex({i}), 12, '0'))::uuid",
            false => "'0190000a-0000-7000-8000-' || printf('%012x', {i})",
        };
        let now = "t.created_at";
        let settled =
            [("id", id), ("occasion", "'copy:' || {i}"), ("status", "'sent'"), ("next_at", "NULL"), ("settled_at", now)];
        multiply(&world, "messages", 4_000, &settled);
        multiply(&world, "cards", 4_000, &[("message_id", id)]);
        if let Conn::Pg(mut c) = world.db().raw().unwrap() {
            c.batch_execute("ANALYZE cards").unwrap();
        }
        let found = plan(&world, "cards", |cx| domain::deals::posted::is_any_behind(cx).map(drop));
        by_index(&found, "cards");
        assert!(found.contains("cards_behind"), "{found}");
    }
}
