//! The order of ids, for locks that everybody takes in one order.

use crate::kernel::column;

#[diesel::declare_sql_function]
extern "SQL" {
    /// PostgreSQL's bytes of an id: its order in words that no index has. Asked for an order that an index has, a PostgreSQL
    /// that knows little of a table would rather go through all of a workspace's rows than look up each.
    fn uuid_send(id: column::Uuid) -> Binary;
}
