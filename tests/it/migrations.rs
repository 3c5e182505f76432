//! The schema goes up and down one step at a time over rows that somebody lives with.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;
use domain::both;
use domain::kernel::db::Limits;
use domain::kernel::migrate::{POSTGRES, SQLITE, migrate, pending};
use domain::kernel::{Conn, Db, Fault};
use harness::{Place, lines};

fn places() -> Vec<Place> {
    std::iter::once(Place::file()).chain(Place::schema()).collect()
}

/// The names of all migrations, in order; the same on both databases.
fn names() -> Vec<String> {
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let lite: Vec<Box<dyn Migration<Sqlite>>> = SQLITE.migrations().unwrap();
    let pg: Vec<Box<dyn Migration<Pg>>> = POSTGRES.migrations().unwrap();
    let names = sorted(lite.iter().map(|m| m.name().to_string()).collect());
    assert_eq!(names, sorted(pg.iter().map(|m| m.name().to_string()).collect()));
    names
}

fn step(conn: &mut Conn, name: &str, up: bool) {
    let done = match conn {
        Conn::Lite(c) => {
            let all: Vec<Box<dyn Migration<Sqlite>>> = SQLITE.migrations().unwrap();
            let one = all.into_iter().find(|m| m.name().to_string() == name).unwrap();
            if up { one.run(&mut **c) } else { one.revert(&mut **c) }
        }
        Conn::Pg(c) => {
            let all: Vec<Box<dyn Migration<Pg>>> = POSTGRES.migrations().unwrap();
            let one = all.into_iter().find(|m| m.name().to_string() == name).unwrap();
            if up { one.run(&mut **c) } else { one.revert(&mut **c) }
        }
    };
    done.unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// Everything there is but rows: tables, columns, constraints, indexes, triggers, policies and rights.
fn schema(conn: &mut Conn) -> Vec<String> {
    let queries: &[&str] = match conn {
        Conn::Lite(_) => &["SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_master"],
        Conn::Pg(_) => &[
            "SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line
             FROM information_schema.columns WHERE table_schema = current_schema()",
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS line
             FROM pg_constraint WHERE connamespace = current_schema()::regnamespace",
            "SELECT indexdef AS line FROM pg_indexes WHERE schemaname = current_schema()",
            "SELECT tablename || ' ' || policyname || ' ' || coalesce(qual, '') || ' ' || coalesce(with_check, '') AS line
             FROM pg_policies WHERE schemaname = current_schema()",
            "SELECT relname || ' ' || relrowsecurity || ' ' || relforcerowsecurity AS line
             FROM pg_class WHERE relnamespace = current_schema()::regnamespace",
            "SELECT table_name || ' ' || grantee || ' ' || privilege_type AS line
             FROM information_schema.role_table_grants WHERE table_schema = current_schema()",
        ],
    };
    let mut all: Vec<String> = queries.iter().flat_map(|query| lines(conn, query)).collect();
    all.sort();
    all
}

fn sample(name: &str) -> String {
    let file = format!("{}/data/migrations/{name}.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{name} has no sample rows in tests/data/migrations"))
}

#[test]
fn each_migration_goes_up_over_a_lived_in_database_and_down_again() {
    for place in places() {
        let db = place.open(Place::usual_limits());
        let mut conn = db.raw().unwrap();
        if let Conn::Pg(c) = &mut conn {
            c.batch_execute(
                "SET milepost.workspace = '01900000-0000-7000-8000-000000000001'; SET milepost.installation = 'on'",
            )
            .unwrap();
        }
        let names = names();
        let mut before = Vec::new();
        for name in &names {
            before.push(schema(&mut conn));
            step(&mut conn, name, true);
            both!(&mut conn, |c| c.batch_execute(&sample(name))).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for (name, before) in names.iter().zip(before).rev() {
            step(&mut conn, name, false);
            assert_eq!(schema(&mut conn), before, "down of {name}");
        }
    }
}

#[test]
fn a_database_that_was_brought_up_is_left_alone_the_second_time() {
    for place in places() {
        let db = place.open(Place::usual_limits());
        assert_eq!(pending(&db).unwrap().len(), names().len());
        assert_eq!(migrate(&db).unwrap().len(), names().len());
        let schema_then = schema(&mut db.raw().unwrap());
        assert_eq!(migrate(&db).unwrap(), [""; 0]);
        assert_eq!(pending(&db).unwrap(), [""; 0]);
        assert_eq!(schema(&mut db.raw().unwrap()), schema_then);
    }
}

#[test]
fn a_database_of_a_newer_program_is_refused_in_words_and_left_alone() {
    for place in places() {
        let db = place.open(Place::usual_limits());
        migrate(&db).unwrap();
        let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000001')";
        both!(&mut db.raw().unwrap(), |c| c.batch_execute(newer)).unwrap();
        let before = schema(&mut db.raw().unwrap());
        let Err(Fault::Migration(sentence)) = migrate(&db) else { panic!("it was taken") };
        insta::assert_snapshot!("a_newer_database", sentence);
        assert_eq!(schema(&mut db.raw().unwrap()), before);
    }
}

#[test]
fn six_programs_that_start_at_once_bring_one_database_up_once() {
    for place in places() {
        let applied: Vec<usize> = std::thread::scope(|threads| {
            let start = || {
                let db: Db = place.open(Place::usual_limits());
                migrate(&db).unwrap().len()
            };
            let running: Vec<_> = (0..6).map(|_| threads.spawn(start)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(applied.iter().sum::<usize>(), names().len(), "{applied:?}");
    }
}

#[test]
fn a_connection_that_migrated_still_waits_no_longer_than_others() {
    let Some(place) = Place::schema() else { return };
    let db = place.open(Limits { connections: 1, wait: Duration::from_secs(3) });
    let bounds = |db: &Db| {
        let query =
            "SELECT current_setting('lock_timeout') || ' ' || current_setting('statement_timeout') AS line";
        lines(&mut db.raw().unwrap(), query)
    };
    let before = bounds(&db);
    migrate(&db).unwrap();
    assert_eq!(bounds(&db), before);
    assert_eq!(before, ["3s 6s"]);
}

#[test]
fn whoever_was_reached_at_a_number_before_numbers_were_verified_still_is() {
    for place in places() {
        let db = place.open(Place::usual_limits());
        let mut conn = db.raw().unwrap();
        if let Conn::Pg(c) = &mut conn {
            let sees = "SET milepost.workspace = '01900000-0000-7000-8000-000000000001'; SET milepost.installation = 'on'";
            c.batch_execute(sees).unwrap();
        }
        for name in names() {
            if name.contains("000018") {
                let said =
                    "UPDATE preferences SET body = '{\"phone\":\"+13125550100\",\"discord\":\"1234567890\"}'";
                both!(&mut conn, |c| c.batch_execute(said)).unwrap();
                if let Conn::Pg(c) = &mut conn {
                    c.batch_execute("RESET milepost.workspace").unwrap();
                }
            }
            step(&mut conn, &name, true);
            if name.contains("000018") {
                break;
            }
            both!(&mut conn, |c| c.batch_execute(&sample(&name))).unwrap();
        }
        if let Conn::Pg(c) = &mut conn {
            c.batch_execute("SET milepost.workspace = '01900000-0000-7000-8000-000000000001'").unwrap();
        }
        let query =
            "SELECT channel || ' ' || address || ' ' || verified_how AS line FROM address_proofs ORDER BY channel";
        let kept = lines(&mut conn, query);
        assert_eq!(kept, ["discord 1234567890 migrated", "sms +13125550100 migrated"]);
    }
}
