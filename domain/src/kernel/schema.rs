//! The tables, as both databases have them. The migrations are their source.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::kernel::column::Timestamptz;
    installation (one) {
        one -> Integer,
        key_id -> Text,
        key_since -> Timestamptz,
    }
}

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
        region -> Nullable<Text>,
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
        chat_channel -> Nullable<Text>,
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
        attend_at -> Nullable<Timestamptz>,
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

table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    approvals (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        subject_kind -> Text,
        subject_id -> Uuid,
        subject_version -> Integer,
        content_hash -> Text,
        covers -> Text,
        title -> Text,
        requested_by -> Text,
        requested_by_name -> Text,
        author_id -> Nullable<Uuid>,
        stages -> Text,
        stage -> Integer,
        state -> Text,
        due_at -> Nullable<Timestamptz>,
        opened_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        closed_by -> Nullable<Text>,
        reason -> Nullable<Text>,
        version -> BigInt,
        by_rule -> Bool,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    votes (workspace_id, approval_id, stage, member_id) {
        workspace_id -> Uuid,
        approval_id -> Uuid,
        stage -> Integer,
        member_id -> Uuid,
        choice -> Text,
        feedback -> Text,
        cast_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    contact_standings (workspace_id, contact_id) {
        workspace_id -> Uuid,
        contact_id -> Uuid,
        opted_out_at -> Nullable<Timestamptz>,
        opted_out_via -> Nullable<Text>,
        opted_in_at -> Nullable<Timestamptz>,
        last_inbound_at -> Nullable<Timestamptz>,
        taken_over_at -> Nullable<Timestamptz>,
        taken_over_by -> Nullable<Text>,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    consents (workspace_id, contact_id, channel) {
        workspace_id -> Uuid,
        contact_id -> Uuid,
        channel -> Text,
        given_at -> Timestamptz,
        withdrawn_at -> Nullable<Timestamptz>,
        evidence -> Text,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::kernel::column::Uuid;
    preferences (workspace_id, person_kind, person_id) {
        workspace_id -> Uuid,
        person_kind -> Text,
        person_id -> Uuid,
        body -> Text,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    delivery_settings (workspace_id) {
        workspace_id -> Uuid,
        body -> Text,
        held_since -> Nullable<Timestamptz>,
        held_why -> Nullable<Text>,
        version -> BigInt,
        clock_in_doubt -> Bool,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    endpoints (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        url -> Text,
        events -> Text,
        headers -> Text,
        status -> Text,
        disabled_why -> Nullable<Text>,
        secret_version -> Integer,
        previous_until -> Nullable<Timestamptz>,
        cursor -> BigInt,
        created_at -> Timestamptz,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    messages (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        occasion -> Text,
        kind -> Text,
        purpose -> Text,
        channel -> Text,
        contact_id -> Nullable<Uuid>,
        member_id -> Nullable<Uuid>,
        endpoint_id -> Nullable<Uuid>,
        address -> Text,
        destination -> Text,
        deal_id -> Nullable<Uuid>,
        approval_id -> Nullable<Uuid>,
        batch_id -> Nullable<Uuid>,
        content -> Text,
        content_hash -> Text,
        priority -> Integer,
        due_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        status -> Text,
        reason -> Nullable<Text>,
        next_at -> Nullable<Timestamptz>,
        lease_until -> Nullable<Timestamptz>,
        attempts -> Integer,
        first_write_at -> Nullable<Timestamptz>,
        counted_at -> Nullable<Timestamptz>,
        provider_id -> Nullable<Text>,
        settled_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        version -> BigInt,
        edits -> Nullable<Uuid>,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    decisions (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        message_id -> Uuid,
        at -> Timestamptz,
        verdict -> Text,
        code -> Nullable<Text>,
        until -> Nullable<Timestamptz>,
        engine -> Integer,
        content_hash -> Text,
        facts -> Text,
        trace -> Text,
    }
}

table! {
    use diesel::sql_types::{Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    attempts (workspace_id, message_id, number) {
        workspace_id -> Uuid,
        message_id -> Uuid,
        number -> Integer,
        decision_id -> Uuid,
        started_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
        detail -> Nullable<Text>,
        provider_status -> Nullable<Integer>,
        provider_id -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    notifications (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        message_id -> Uuid,
        member_id -> Uuid,
        kind -> Text,
        title -> Text,
        body -> Text,
        subject_kind -> Nullable<Text>,
        subject_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        read_at -> Nullable<Timestamptz>,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    digest_items (workspace_id, occasion) {
        workspace_id -> Uuid,
        occasion -> Text,
        member_id -> Uuid,
        kind -> Text,
        deal_id -> Nullable<Uuid>,
        line -> Text,
        due_at -> Timestamptz,
        created_at -> Timestamptz,
        message_id -> Nullable<Uuid>,
        expires_at -> Nullable<Timestamptz>,
        dropped -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    drafts (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        occasion -> Text,
        kind -> Text,
        deal_id -> Uuid,
        milestone_id -> Nullable<Uuid>,
        recipient_role -> Text,
        urgency -> Text,
        state -> Text,
        current -> Integer,
        approval_id -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        settled_at -> Nullable<Timestamptz>,
        version -> BigInt,
        batch_id -> Nullable<Uuid>,
        send_at -> Nullable<Timestamptz>,
        reason -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{Integer, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    draft_versions (workspace_id, draft_id, version) {
        workspace_id -> Uuid,
        draft_id -> Uuid,
        version -> Integer,
        channel -> Text,
        recipients -> Text,
        content -> Text,
        content_hash -> Text,
        source -> Text,
        findings -> Text,
        made_by -> Text,
        made_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::{Bool, Integer, Nullable, Text};
    use crate::kernel::column::{CivilDate, Timestamptz, Uuid};
    reminders (workspace_id, milestone_id, kind, recipient, on_date) {
        workspace_id -> Uuid,
        milestone_id -> Uuid,
        kind -> Text,
        recipient -> Text,
        on_date -> CivilDate,
        deal_id -> Uuid,
        due_on -> CivilDate,
        at -> Timestamptz,
        state -> Text,
        reason -> Nullable<Text>,
        occasion -> Nullable<Text>,
        message_id -> Nullable<Uuid>,
        leads -> Bool,
        round -> Integer,
        planned_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::BigInt;
    use crate::kernel::column::{CivilDate, Uuid};
    model_days (workspace_id, day) {
        workspace_id -> Uuid,
        day -> CivilDate,
        tokens -> BigInt,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::{Timestamptz, Uuid};
    address_opt_outs (workspace_id, address_hash) {
        workspace_id -> Uuid,
        address_hash -> Text,
        opted_out_at -> Timestamptz,
        opted_out_via -> Text,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::kernel::column::Timestamptz;
    provider_holds (what) {
        what -> Text,
        since -> Timestamptz,
        closed_at -> Timestamptz,
        closed_until -> Timestamptz,
        last_ms -> Nullable<BigInt>,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    address_proofs (workspace_id, member_id, channel) {
        workspace_id -> Uuid,
        member_id -> Uuid,
        channel -> Text,
        address -> Text,
        verified_at -> Nullable<Timestamptz>,
        verified_how -> Nullable<Text>,
        code_hash -> Nullable<Text>,
        code_expires_at -> Nullable<Timestamptz>,
        code_tries -> Integer,
        codes_sent -> Integer,
        codes_since -> Nullable<Timestamptz>,
        code_sent_at -> Nullable<Timestamptz>,
        version -> BigInt,
    }
}

table! {
    use crate::kernel::column::{Timestamptz, Uuid};
    dispatchers (id) {
        id -> Uuid,
        seen_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::{Timestamptz, Uuid};
    gone_addresses (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        channel -> Text,
        address -> Text,
        why -> Text,
        since -> Timestamptz,
        message_id -> Uuid,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::{Timestamptz, Uuid};
    chat_guilds (guild_id) {
        guild_id -> Text,
        workspace_id -> Uuid,
        name -> Text,
        linked_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::{Timestamptz, Uuid};
    chat_codes (workspace_id, code_hash) {
        workspace_id -> Uuid,
        code_hash -> Text,
        member_id -> Uuid,
        expires_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::{Timestamptz, Uuid};
    chat_pending (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        member_id -> Uuid,
        body -> Text,
        expires_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::kernel::column::Uuid;
    gateways (name) {
        name -> Text,
        holder -> Nullable<Uuid>,
        version -> BigInt,
        commands_hash -> Nullable<Text>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    cards (workspace_id, message_id) {
        workspace_id -> Uuid,
        message_id -> Uuid,
        subject_kind -> Text,
        subject_id -> Uuid,
        shows -> Text,
        as_of -> BigInt,
        face_hash -> Text,
        edit_id -> Nullable<Uuid>,
        look_at -> Nullable<Timestamptz>,
        changed_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
    }
}

table! {
    use diesel::sql_types::Text;
    use crate::kernel::column::{CivilDate, Timestamptz, Uuid};
    snoozes (workspace_id, milestone_id) {
        workspace_id -> Uuid,
        milestone_id -> Uuid,
        deal_id -> Uuid,
        until_on -> CivilDate,
        due_on -> CivilDate,
        by_name -> Text,
        snoozed_at -> Timestamptz,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    tool_calls (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        actor_name -> Text,
        token_id -> Nullable<Uuid>,
        identity_id -> Nullable<Uuid>,
        source -> Text,
        tool -> Text,
        arguments_hash -> Text,
        request_id -> Text,
        changed -> Bool,
        outcome -> Nullable<Text>,
        duration_ms -> Nullable<BigInt>,
    }
}

table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    agent_servers (workspace_id, name) {
        workspace_id -> Uuid,
        name -> Text,
        started -> Bool,
        approved_hash -> Nullable<Text>,
        approved_tools -> Nullable<Text>,
        approved_by -> Nullable<Text>,
        approved_at -> Nullable<Timestamptz>,
        found_hash -> Nullable<Text>,
        found_tools -> Nullable<Text>,
        found_at -> Nullable<Timestamptz>,
        answered_at -> Nullable<Timestamptz>,
        failed_at -> Nullable<Timestamptz>,
        failed_why -> Nullable<Text>,
        failures -> Integer,
        version -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::kernel::column::{CivilDate, Uuid};
    agent_days (workspace_id, holder, day) {
        workspace_id -> Uuid,
        holder -> Text,
        day -> CivilDate,
        changes -> BigInt,
        proposals -> BigInt,
    }
}

table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::kernel::column::Uuid;
    search_documents (workspace_id, number) {
        workspace_id -> Uuid,
        number -> BigInt,
        kind -> Text,
        subject_id -> Uuid,
        mark -> Text,
    }
}

table! {
    use diesel::sql_types::Integer;
    use crate::kernel::column::Uuid;
    search_forms (workspace_id) {
        workspace_id -> Uuid,
        form -> Integer,
    }
}

table! {
    use diesel::sql_types::{Nullable, Text};
    use crate::kernel::column::{Timestamptz, Uuid};
    agent_identities (workspace_id, id) {
        workspace_id -> Uuid,
        id -> Uuid,
        agent_id -> Uuid,
        issuer -> Text,
        subject -> Text,
        scope -> Text,
        linked_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
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
    approvals,
    votes,
    contact_standings,
    consents,
    preferences,
    address_opt_outs,
    address_proofs,
    chat_guilds,
    chat_codes,
    chat_pending,
    delivery_settings,
    endpoints,
    messages,
    decisions,
    attempts,
    notifications,
    digest_items,
    drafts,
    draft_versions,
    reminders,
    model_days,
    cards,
    snoozes,
    tool_calls,
    agent_servers,
    agent_days,
    search_documents,
    search_forms,
    agent_identities,
);
