//! What the tables themselves promise, whatever the program above them does.

use std::collections::BTreeMap;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use domain::kernel::Conn;
use domain::kernel::db::APP_ROLE;
use harness::{OF_THE_INSTALLATION, Place, Team, World, on_both};

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// How many rows of a table the product's role sees when `team` is set as its workspace.
fn seen_by_the_product(world: &World, team: Option<&Team>, table: &str) -> i64 {
    let Conn::Pg(mut c) = world.db().raw().unwrap() else { panic!("only PostgreSQL has roles") };
    let workspace = team.map_or(String::new(), |team| team.id.to_string());
    c.batch_execute(&format!(
        "BEGIN; SET LOCAL ROLE {APP_ROLE}; SELECT set_config('milepost.workspace', '{workspace}', true)"
    ))
    .unwrap();
    let found: Count =
        diesel::sql_query(format!("SELECT count(*) AS rows FROM {table}")).get_result(&mut *c).unwrap();
    c.batch_execute("ROLLBACK").unwrap();
    found.rows
}

/// Something in every table.
fn furnish(world: &World) {
    use domain::deals::milestone::template;
    use domain::kernel::idempotency::Key;
    use domain::workspace::access::{Grant, Role, ops::For};
    let mut new = harness::deal("12 Oak Street", harness::DATES);
    new.parties = vec![domain::deals::deal::intake::NewParty {
        role: "buyer".into(),
        name: "Ann Lee".into(),
        email: Some("ann@example.org".into()),
        ..Default::default()
    }];
    let key = Key::parse("furnish").unwrap();
    let made = world.work(&world.team.cora(), |work| {
        work.write_once(Some(&key), "deal_create", &new, |cx| domain::deals::deal::ops::create(cx, &new))
    });
    let id = made.unwrap_or_else(|_| panic!("no deal was made")).value;
    world.preview(id, "closing 2026-12-18");
    world.token(&world.team, For::Agent("robot".into()), Grant::Read, None);
    let hook = domain::delivery::webhook::ops::AddEndpoint {
        url: "https://hooks.example.com/milepost".into(),
        events: vec!["*".into()],
        headers: BTreeMap::new(),
    };
    world
        .act(&world.team.as_(Role::Admin), |cx| {
            domain::delivery::webhook::ops::add(
                cx,
                &hook,
                &domain::delivery::webhook::target::Allowed::default(),
                &host::keys::Keys::of([7; 32]),
            )
        })
        .unwrap();
    let now = world.now();
    let to = domain::delivery::To::Member(world.team.members[&Role::Owner].id);
    let shown = harness::message("furnish", domain::people::reach::Channel::InApp, "", now);
    world.enqueue(&world.team, &[domain::delivery::NewMessage { to, ..shown }]);
    world.claim(10);
    world.act(&world.team.cora(), |cx| domain::delivery::outbox::ops::hold(cx, "to furnish")).unwrap();
    let draft = world.draft_for_the_buyer(id);
    let yes = domain::deals::followup::review::Decide {
        approval_id: draft.approval_id.unwrap(),
        choice: domain::workspace::approval::Choice::Approve,
        feedback: None,
        despite: None,
        send_at: None,
        etag: None,
    };
    world.act(&world.team.as_(Role::Admin), |cx| domain::deals::followup::review::decide(cx, &yes)).unwrap();
    let own = template::Template::built_in("residential").unwrap().to_toml().unwrap();
    world.act(&world.team.as_(Role::Admin), |cx| template::ops::set(cx, &own)).unwrap();
    chat(world);
    an_agent_server(world);
    let asked = |cx: &mut domain::kernel::Cx<'_>| domain::assist::budget::ops::reserve(cx, 100, 10_000);
    world.act(&world.team.operator(), asked).unwrap();
    let post = world.queue("gone", domain::people::reach::Channel::Discord, "77");
    world.act(&world.team.cora(), domain::delivery::outbox::ops::resume).unwrap();
    world.all_end(&domain::delivery::outbox::Outcome::Refused { why: "404".into(), gone: true });
    assert_eq!(world.status(post), domain::delivery::Status::Failed);
    how_ann_stands(world);
    a_reminder_for_coras_digest(world, id);
    a_card_that_was_put_off(world, id);
    a_call_of_a_tool(world);
}

fn a_call_of_a_tool(world: &World) {
    use domain::kernel::call::{Call, CallRow};
    let robot = world.agent(&world.team, domain::workspace::access::Grant::Read);
    let (id, at, hash) = (world.host.mint_call(), world.now(), "00".repeat(32));
    let call = Call { id, at, tool: "deal_list".into(), arguments_hash: hash, request_id: "1".into() };
    let ended = domain::insight::calls::Ended { row: CallRow::begun(&robot, &call), only_looks: true };
    world
        .act(&world.team.operator(), |cx| domain::insight::calls::ops::write(cx, std::slice::from_ref(&ended)))
        .unwrap();
    // It changed something, which was counted.
    let writer = world.agent(&world.team, domain::workspace::access::Grant::Write);
    let new = harness::deal("16 Oak Street", harness::DATES);
    let most = domain::workspace::quota::Most { changes: 10, proposals: 10 };
    let create = |cx: &mut domain::kernel::Cx<'_>| {
        domain::deals::deal::ops::create(cx, &new)?;
        domain::workspace::quota::ops::take(cx, most)
    };
    world.act(&writer, create).unwrap();
    let robot = domain::workspace::access::identity::LinkIdentity {
        agent: "robot".into(),
        issuer: "https://login.example.com".into(),
        subject: "client-7".into(),
        scope: domain::workspace::access::Grant::Read,
    };
    let admin = world.team.as_(domain::workspace::access::Role::Admin);
    world.act(&admin, |cx| domain::workspace::access::identity::link(cx, &robot)).unwrap();
}

/// The team hears of a date in chat, and somebody puts it off.
fn a_card_that_was_put_off(world: &World, deal_id: domain::kernel::id::DealId) {
    use domain::deals::deal::ops::{EditDeal, edit};
    use domain::deals::milestone::ops::{AddMilestone, add};
    use domain::deals::reminder::snooze::{SnoozeMilestone, snooze};
    let cora = world.team.cora();
    let own = EditDeal { chat_channel: Some("100200300400".into()), ..EditDeal::of(deal_id) };
    world.act(&cora, |cx| edit(cx, &own)).unwrap();
    let photos = AddMilestone {
        deal_id,
        title: "Photos".into(),
        due_on: "2026-10-16".into(),
        responsible_role: None,
        remind_days_before: Some(2),
        required: None,
        notes: None,
    };
    let photos = world.act(&cora, |cx| add(cx, &photos)).unwrap().milestone;
    world.act(&world.team.operator(), |cx| domain::deals::reminder::ops::attend(cx, 64)).unwrap();
    world.act(&cora, |cx| snooze(cx, &SnoozeMilestone { id: photos.id, version: None, days: None })).unwrap();
}

/// Cora wants reminders once a day, and one is due.
fn a_reminder_for_coras_digest(world: &World, deal_id: domain::kernel::id::DealId) {
    use domain::deals::milestone::ops::{AddMilestone, EditMilestone, add, edit};
    use domain::people::reach::{Person, Preferences, ops as reach};
    use domain::workspace::access::Role;
    let cora = world.team.cora();
    let me = Person::Member(world.team.members[&Role::Coordinator].id);
    let mut mine = Preferences::default();
    for (key, value) in [("reminder.in_app", "off"), ("reminder.email", "daily"), ("digest_at", "07:30")] {
        reach::put(&mut mine, key, value).unwrap_or_else(|_| panic!("{key}"));
    }
    world.act(&cora, |cx| reach::set(cx, me, &mine, None)).unwrap();
    let keys = AddMilestone {
        deal_id,
        title: "Keys".into(),
        due_on: "2026-10-16".into(),
        responsible_role: None,
        remind_days_before: Some(2),
        required: None,
        notes: None,
    };
    let keys = world.act(&cora, |cx| add(cx, &keys)).unwrap().milestone;
    let hers =
        EditMilestone { responsible_member_email: Some("cora@example.com".into()), ..EditMilestone::of(keys.id) };
    world.act(&cora, |cx| edit(cx, &hers)).unwrap();
    world.act(&world.team.operator(), |cx| domain::deals::reminder::ops::attend(cx, 64)).unwrap();
}

/// What a contact agreed to and asked for, and settings of the workspace's own.
fn how_ann_stands(world: &World) {
    use domain::delivery::settings::ops::{EditSettings, edit};
    use domain::people::contact::standing::{Via, ops};
    use domain::people::contact::view;
    use domain::people::reach::Channel;
    use domain::workspace::access::Role;
    let ann = world.look(&world.team.cora(), |cx| view::find(cx, "ann@example.org")).unwrap()[0].id;
    let consent =
        ops::SetConsent { contact_id: ann, channel: Channel::Sms, given: true, evidence: "signed".into() };
    world.act(&world.team.cora(), |cx| ops::set_consent(cx, &consent)).unwrap();
    let out = ops::OptOut { contact_id: ann, via: Via::Phone, why: "said so".into() };
    world.act(&world.team.cora(), |cx| ops::opt_out(cx, &out)).unwrap();
    let stop = ops::FromNumber { number: "+13125550123".into(), text: "STOP".into(), here: true };
    world.act(&world.team.operator(), |cx| ops::record_text(cx, &stop)).unwrap();
    let me = domain::people::reach::Person::Member(world.team.members[&Role::Coordinator].id);
    let phone = Some("+13125550199".into());
    let mine = domain::people::reach::Preferences { phone, ..domain::people::reach::Preferences::default() };
    world
        .act(&world.team.cora(), |cx| domain::delivery::notify::verify::set_preferences(cx, me, &mine, None))
        .unwrap();
    let set = serde_json::Map::from_iter([("hold_saturdays".to_owned(), true.into())]);
    world
        .act(&world.team.as_(Role::Admin), |cx| edit(cx, &EditSettings { version: None, set: set.clone() }))
        .unwrap();
}

/// A server that is linked, somebody who is known there, a code that waits, and something to confirm.
fn chat(world: &World) {
    use domain::people::chat::{ops, pending};
    let olga = world.team.as_(domain::workspace::access::Role::Owner);
    let id = domain::kernel::id::MemberId(olga.actor.id.unwrap());
    let code = world.act(&olga, |cx| ops::make_code(cx, id)).unwrap();
    let guild = Some(ops::TypedIn { id: "9001".into(), name: "Lakeside".into(), manages: true });
    let typed = ops::Redeem { code, user_id: "123456".into(), guild };
    world.act(&olga, |cx| ops::redeem(cx, &typed)).unwrap();
    world.act(&olga, |cx| ops::make_code(cx, id)).unwrap();
    world.act(&olga, |cx| pending::keep(cx, &"a question")).unwrap();
}

/// Another agent's server that somebody started.
fn an_agent_server(world: &World) {
    let admin = world.team.as_(domain::workspace::access::Role::Admin);
    world.act(&admin, |cx| domain::workspace::agent_server::ops::start(cx, "mailer")).unwrap();
}

fn on_postgres() -> Option<World> {
    Place::schema().map(World::new)
}

#[test]
fn row_level_security_alone_keeps_workspaces_apart() {
    let Some(world) = on_postgres() else { return };
    furnish(&world);
    let stranger = world.found("harbor", "harbor.example");
    for table in world.tables() {
        assert!(seen_by_the_product(&world, Some(&world.team), &table) > 0, "{table} is empty: furnish it");
        let foreign = seen_by_the_product(&world, Some(&stranger), &table);
        assert_eq!(foreign as usize, world.count(&stranger, &table), "{table}");
        assert_eq!(seen_by_the_product(&world, None, &table), 0, "{table} without a workspace");
    }
    let loose = world.lines(
        &world.team,
        "SELECT relname::text AS line FROM pg_class WHERE relnamespace = current_schema()::regnamespace
         AND relkind = 'r' AND relname <> '__diesel_schema_migrations' AND NOT (relrowsecurity AND relforcerowsecurity)",
    );
    assert_eq!(loose, [""; 0], "tables without FORCE ROW LEVEL SECURITY");
    let unscoped = world.lines(
        &world.team,
        "SELECT table_name::text AS line FROM information_schema.tables t WHERE table_schema = current_schema()
         AND table_name NOT IN ('workspaces', 'installation', 'dispatchers', 'gateways', 'provider_holds', '__diesel_schema_migrations') AND NOT EXISTS (
           SELECT 1 FROM information_schema.columns c WHERE c.table_schema = t.table_schema
           AND c.table_name = t.table_name AND c.column_name = 'workspace_id')",
    );
    assert_eq!(unscoped, [""; 0], "tables without a workspace");
}

#[test]
fn no_workspace_sees_the_row_about_the_installation() {
    let Some(world) = on_postgres() else { return };
    domain::kernel::installation::note_key_id(world.db(), "0badc0de", world.now()).unwrap();
    assert_eq!(domain::kernel::installation::key_id(world.db()).unwrap().as_deref(), Some("0badc0de"));
    for team in [Some(&world.team), None] {
        assert_eq!(seen_by_the_product(&world, team, "installation"), 0);
    }
}

#[test]
fn what_dispatchers_tell_each_other_no_workspace_sees() {
    use domain::delivery::trouble::{Change, What, ops};
    let Some(world) = on_postgres() else { return };
    let what = What::Destination("discord:77".into());
    let close = Change::Close { what, wait: jiff::SignedDuration::from_mins(5), last: None, probe: false };
    ops::tell(world.db(), &[close], world.now()).unwrap();
    ops::attend(world.db(), domain::kernel::id::DispatcherId(world.host.mint()), world.now()).unwrap();
    let standing = ops::look(world.db(), world.now()).unwrap();
    assert_eq!((standing.holds.len(), standing.dispatchers), (1, 1));
    for table in OF_THE_INSTALLATION {
        assert_eq!(seen_by_the_product(&world, Some(&world.team), table), 0, "{table}");
        assert_eq!(seen_by_the_product(&world, None, table), 0, "{table} without a workspace");
    }
}

#[test]
fn the_products_role_owns_nothing_and_cannot_rewrite_the_log() {
    let Some(world) = on_postgres() else { return };
    let team = &world.team;
    let owned = format!(
        "SELECT relname::text AS line FROM pg_class WHERE relowner = '{APP_ROLE}'::regrole
         UNION ALL SELECT nspname::text FROM pg_namespace WHERE nspowner = '{APP_ROLE}'::regrole"
    );
    assert_eq!(world.lines(team, &owned), [""; 0]);
    let mighty = format!(
        "SELECT rolname::text AS line FROM pg_roles
         WHERE rolname IN ('{APP_ROLE}', current_user) AND (rolsuper OR rolbypassrls)"
    );
    assert_eq!(world.lines(team, &mighty), [""; 0], "row-level security would not bind");
    let rights = format!(
        "SELECT table_name || ' ' || string_agg(privilege_type, ' ' ORDER BY privilege_type) AS line
         FROM information_schema.role_table_grants WHERE grantee = '{APP_ROLE}' AND table_schema = current_schema()
         GROUP BY table_name ORDER BY table_name"
    );
    insta::assert_snapshot!("rights_of_the_products_role", world.lines(team, &rights).join("\n"));
}

/// The unique indexes of every table, with their columns.
fn unique_indexes(world: &World) -> Vec<(String, Vec<String>)> {
    let query = if world.db().is_postgres() {
        "SELECT t.relname || ': ' || string_agg(a.attname, ',' ORDER BY k.place) AS line
         FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
         CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k (number, place)
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
         WHERE i.indisunique AND t.relnamespace = current_schema()::regnamespace AND t.relname NOT LIKE '\\_\\_%'
         GROUP BY i.indexrelid, t.relname"
    } else {
        "SELECT m.name || ': ' || (SELECT group_concat(c.name) FROM pragma_index_info(i.name) c) AS line
         FROM sqlite_master m, pragma_index_list(m.name) i
         WHERE m.type = 'table' AND i.\"unique\" AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\' AND m.name NOT LIKE 'search_words%'"
    };
    split(world.lines(&world.team, query))
}

/// "table: a,b" as a pair.
fn split(lines: Vec<String>) -> Vec<(String, Vec<String>)> {
    let pair = |line: String| {
        let (table, columns) = line.split_once(": ").unwrap();
        (table.to_owned(), columns.split(',').map(str::to_owned).collect())
    };
    lines.into_iter().map(pair).collect()
}

on_both! {
    fn every_unique_index_is_unique_within_a_workspace(world: World) {
        let indexes = unique_indexes(&world);
        assert!(indexes.len() > world.tables().len());
        for (table, columns) in indexes {
            let scoped = columns.iter().any(|column| column == "workspace_id");
            // A server on Discord belongs to one workspace, and only whoever manages the server there can ask for it.
            let alone = ["workspaces", "chat_guilds"].contains(&table.as_str())
                || OF_THE_INSTALLATION.contains(&table.as_str());
            assert!(scoped || alone, "{table} ({columns:?})");
        }
    }

    // An index that leaves out rows without the reference serves: there is nothing to look for in them.
    fn every_foreign_key_has_an_index_that_starts_with_its_columns(world: World) {
        let (keys, indexes) = if world.db().is_postgres() {
            (
                "SELECT t.relname || ': ' || string_agg(a.attname, ',' ORDER BY k.place) AS line
                 FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid
                 CROSS JOIN LATERAL unnest(f.conkey) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
                 WHERE f.contype = 'f' AND f.connamespace = current_schema()::regnamespace GROUP BY f.oid, t.relname",
                "SELECT t.relname || ': ' || string_agg(a.attname, ',' ORDER BY k.place) AS line
                 FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
                 CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k (number, place)
                 JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number
                 WHERE t.relnamespace = current_schema()::regnamespace
                 AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) LIKE '(% IS NOT NULL)')
                 GROUP BY i.indexrelid, t.relname",
            )
        } else {
            (
                "SELECT m.name || ': ' || group_concat(f.\"from\") AS line FROM sqlite_master m,
                 (SELECT m2.name AS t, k.* FROM sqlite_master m2, pragma_foreign_key_list(m2.name) k
                  WHERE m2.type = 'table' ORDER BY m2.name, k.id, k.seq) f
                 WHERE f.t = m.name AND m.type = 'table' GROUP BY m.name, f.id",
                "SELECT m.name || ': ' || (SELECT group_concat(c.name) FROM pragma_index_info(i.name) c) AS line
                 FROM sqlite_master m, pragma_index_list(m.name) i WHERE m.type = 'table' AND (NOT i.partial
                 OR (SELECT s.sql FROM sqlite_master s WHERE s.name = i.name) LIKE '% WHERE % IS NOT NULL')
                 UNION ALL SELECT name || ': id' FROM sqlite_master WHERE name = 'workspaces'",
            )
        };
        let (keys, indexes) = (split(world.lines(&world.team, keys)), split(world.lines(&world.team, indexes)));
        assert!(keys.len() >= 15, "{keys:?}");
        for (table, columns) in keys {
            let served = indexes.iter().any(|(of, index)| *of == table && index.starts_with(&columns));
            assert!(served, "{table} ({columns:?}) has no index");
        }
    }
}

#[test]
fn both_databases_have_the_same_tables_columns_and_indexes() {
    let (Some(pg), lite) = (on_postgres(), World::new(Place::file())) else { return };
    let columns = |world: &World| -> BTreeMap<String, Vec<String>> {
        let of = |table: &String| {
            let query = if world.db().is_postgres() {
                format!(
                    "SELECT column_name || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END AS line
                     FROM information_schema.columns
                     WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
                )
            } else {
                // A primary key of one column may be null on SQLite unless it says otherwise.
                format!(
                    "SELECT name || CASE WHEN \"notnull\" OR pk THEN '' ELSE '?' END AS line
                     FROM pragma_table_info('{table}') ORDER BY cid"
                )
            };
            (table.clone(), world.lines(&world.team, &query))
        };
        // The words of the index are a table on PostgreSQL alone.
        let all = world.tables().into_iter().filter(|table| table != "search_words");
        all.chain(OF_THE_INSTALLATION.map(str::to_owned)).map(|table| of(&table)).collect()
    };
    assert_eq!(columns(&pg), columns(&lite));
    let named = |world: &World| {
        let query = if world.db().is_postgres() {
            "SELECT indexname::text AS line FROM pg_indexes WHERE schemaname = current_schema()
             AND indexname !~ '_(pkey|key)$' AND tablename <> 'search_words' ORDER BY indexname COLLATE \"C\""
        } else {
            "SELECT name AS line FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        };
        world.lines(&world.team, query)
    };
    assert_eq!(named(&pg), named(&lite));
}
