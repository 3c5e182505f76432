//! Stories that must hold on both databases.

mod deal_flow;
