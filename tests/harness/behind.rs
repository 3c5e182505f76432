//! What the product does not offer: looks at the tables themselves, and changes behind its back.

use std::collections::BTreeMap;

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{Nullable, Text};
use domain::both;
use domain::kernel::Conn;
use domain::kernel::id::WorkspaceId;

use crate::{Team, World};

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    line: Option<String>,
}

/// The column `line` of a query's rows.
#[track_caller]
pub fn lines(conn: &mut Conn, query: &str) -> Vec<String> {
    let rows: Vec<Line> = both!(conn, |c| diesel::sql_query(query).load(c)).unwrap();
    rows.into_iter().map(|row| row.line.unwrap_or_default()).collect()
}

/// The column `line` of a query's rows. On PostgreSQL as the owner of the tables, whom row-level security binds to this
/// workspace all the same.
#[track_caller]
pub fn lines_of(conn: &mut Conn, workspace: WorkspaceId, query: &str) -> Vec<String> {
    if let Conn::Pg(c) = conn {
        c.batch_execute(&format!("SET milepost.workspace = '{workspace}'")).unwrap();
    }
    let found = lines(conn, query);
    if let Conn::Pg(c) = conn {
        c.batch_execute("RESET milepost.workspace").unwrap();
    }
    found
}

/// The tables that belong to no workspace: its key, what dispatchers tell each other, and who listens to chat.
pub const OF_THE_INSTALLATION: [&str; 4] = ["dispatchers", "gateways", "installation", "provider_holds"];

impl World {
    /// The column `line` of a query's rows in a team's workspace.
    #[track_caller]
    pub fn lines(&self, team: &Team, query: &str) -> Vec<String> {
        lines_of(&mut self.db().raw().unwrap(), team.id, query)
    }

    /// Statements behind the product's back, all or none.
    #[track_caller]
    pub fn meddle(&self, team: &Team, statements: &str) {
        match &mut self.db().raw().unwrap() {
            Conn::Lite(c) => c.batch_execute(&format!("BEGIN IMMEDIATE; {statements}; COMMIT")).unwrap(),
            Conn::Pg(c) => c
                .batch_execute(&format!(
                    "BEGIN; SET LOCAL milepost.workspace = '{}'; {statements}; COMMIT",
                    team.id
                ))
                .unwrap(),
        }
    }

    /// The product's tables, but for those of the whole installation.
    pub fn tables(&self) -> Vec<String> {
        let query = if self.db().is_postgres() {
            "SELECT table_name::text AS line FROM information_schema.tables
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1"
        } else {
            "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
        };
        let mut tables = self.lines(&self.team, query);
        // SQLite's index of words is no table, although its parts look like some.
        let is_index = |table: &String| table.starts_with("search_words") && !self.db().is_postgres();
        tables.retain(|table| {
            table != "__diesel_schema_migrations"
                && !OF_THE_INSTALLATION.contains(&table.as_str())
                && !is_index(table)
        });
        tables
    }

    /// Every row of a team, table by table, as text: the same before and after means that nothing changed.
    pub fn everything(&self, team: &Team) -> BTreeMap<String, Vec<String>> {
        self.tables().into_iter().map(|table| (table.clone(), self.rows(team, &table))).collect()
    }

    /// The rows of a table in a team's workspace, as text.
    pub fn rows(&self, team: &Team, table: &str) -> Vec<String> {
        let own = if table == "workspaces" { "id" } else { "workspace_id" };
        let query = if self.db().is_postgres() {
            format!("SELECT t::text AS line FROM {table} t WHERE {own} = '{}' ORDER BY 1", team.id)
        } else {
            let names = format!("SELECT 'quote(' || name || ')' AS line FROM pragma_table_info('{table}')");
            let columns = self.lines(team, &names).join("||','||");
            format!("SELECT {columns} AS line FROM {table} WHERE {own} = '{}' ORDER BY 1", team.id)
        };
        self.lines(team, &query)
    }

    /// How many rows of a table a team has.
    pub fn count(&self, team: &Team, table: &str) -> usize {
        self.rows(team, table).len()
    }

    /// The names of the events of a team, in order.
    pub fn events(&self, team: &Team) -> Vec<String> {
        self.lines(
            team,
            &format!("SELECT event AS line FROM events WHERE workspace_id = '{}' ORDER BY seq", team.id),
        )
    }
}
