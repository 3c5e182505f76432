//! The tables, as both databases have them. The migrations are their source.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    workspaces (id) {
        id -> Uuid,
        slug -> Text,
        name -> Text,
        time_zone -> Text,
        created_at -> Timestamptz,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    members (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        email -> Text,
        role -> Text,
        time_zone -> Text,
        status -> Text,
        created_at -> Timestamptz,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::{Timestamptz, Uuid};
    agents (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    api_tokens (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        member_id -> Nullable<Uuid>,
        agent_id -> Nullable<Uuid>,
        label -> Text,
        secret_hash -> Text,
        hint -> Text,
        scopes -> Text,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::kernel::column::Uuid;
    audit_heads (workspace_id) {
        workspace_id -> Uuid,
        seq -> BigInt,
        chain -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    events (workspace_id, seq) {
        workspace_id -> Uuid,
        seq -> BigInt,
        id -> Uuid,
        at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        actor_name -> Text,
        source -> Text,
        correlation_id -> Uuid,
        subject_kind -> Text,
        subject_id -> Uuid,
        event -> Text,
        data -> Text,
        personal -> Nullable<Text>,
        personal_salt -> Nullable<Text>,
        personal_hash -> Nullable<Text>,
        leaf -> Text,
        chain -> Text,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    idempotency_keys (workspace_id, actor, key) {
        workspace_id -> Uuid,
        actor -> Text,
        key -> Text,
        verb -> Text,
        request_hash -> Text,
        answer -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    contacts (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        name -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        time_zone -> Nullable<Text>,
        created_at -> Timestamptz,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    templates (workspace_id, name) {
        workspace_id -> Uuid,
        name -> Text,
        template_version -> Integer,
        body -> Text,
        updated_at -> Timestamptz,
        updated_by -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    deals (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        title -> Text,
        address -> Text,
        side -> Text,
        financing -> Text,
        state -> Nullable<Text>,
        price_cents -> Nullable<BigInt>,
        time_zone -> Text,
        owner_id -> Nullable<Uuid>,
        status -> Text,
        template -> Text,
        template_version -> Integer,
        created_at -> Timestamptz,
        activated_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::{CivilDate, Uuid};
    deal_key_dates (workspace_id, deal_id, name) {
        workspace_id -> Uuid,
        deal_id -> Uuid,
        name -> Text,
        on_date -> CivilDate,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::Uuid;
    deal_parties (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        deal_id -> Uuid,
        role -> Text,
        contact_id -> Uuid,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::kernel::column::{CivilDate, Timestamptz, Uuid};
    milestones (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        deal_id -> Uuid,
        type_ -> Text,
        title -> Text,
        due_on -> Nullable<CivilDate>,
        sorts_on -> CivilDate,
        lapses_at -> Nullable<Timestamptz>,
        state -> Text,
        ended_at -> Nullable<Timestamptz>,
        ended_by -> Nullable<Text>,
        waive_reason -> Nullable<Text>,
        required -> Bool,
        responsible_role -> Text,
        responsible_member_id -> Nullable<Uuid>,
        remind_days_before -> Nullable<Integer>,
        notify -> Text,
        notes -> Text,
        evidence -> Text,
        pinned -> Bool,
        rule -> Nullable<Text>,
        origin -> Text,
        created_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    date_plans (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        deal_id -> Uuid,
        kind -> Text,
        deal_version -> BigInt,
        body -> Text,
        made_by -> Text,
        made_at -> Timestamptz,
        expires_at -> Timestamptz,
        applied_at -> Nullable<Timestamptz>,
    }
}

allow_tables_to_appear_in_same_query!(
    workspaces,
    members,
    agents,
    api_tokens,
    audit_heads,
    events,
    contacts,
    templates,
    deals,
    deal_key_dates,
    deal_parties,
    milestones,
    date_plans,
);
