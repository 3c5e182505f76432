//! Typed, time-ordered ids. A `DealId` is never mistaken for a `MilestoneId`.

/// Defines id types: a UUID (version 7) with a name of its own, as a column, in JSON and in text.
#[macro_export]
macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = $crate::kernel::column::Uuid)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "format": "uuid" })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                uuid::Uuid::try_parse(text).map(Self)
            }
        }

        impl diesel::serialize::ToSql<$crate::kernel::column::Uuid, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                std::io::Write::write_all(out, self.0.as_bytes())?;
                Ok(diesel::serialize::IsNull::No)
            }
        }

        impl diesel::deserialize::FromSql<$crate::kernel::column::Uuid, diesel::pg::Pg> for $name {
            fn from_sql(value: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                Ok(Self(uuid::Uuid::from_slice(value.as_bytes())?))
            }
        }

        impl diesel::serialize::ToSql<$crate::kernel::column::Uuid, diesel::sqlite::Sqlite> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::sqlite::Sqlite>,
            ) -> diesel::serialize::Result {
                out.set_value(self.0.hyphenated().to_string());
                Ok(diesel::serialize::IsNull::No)
            }
        }

        impl diesel::deserialize::FromSql<$crate::kernel::column::Uuid, diesel::sqlite::Sqlite> for $name {
            fn from_sql(
                value: <diesel::sqlite::Sqlite as diesel::backend::Backend>::RawValue<'_>,
            ) -> diesel::deserialize::Result<Self> {
                let text = <String as diesel::deserialize::FromSql<
                    diesel::sql_types::Text,
                    diesel::sqlite::Sqlite,
                >>::from_sql(value)?;
                Ok(Self(uuid::Uuid::try_parse(&text)?))
            }
        }
    )+ };
}

ids! {
    /// The tenant that owns every other row.
    WorkspaceId,
    MemberId,
    AgentId,
    TokenId,
    /// A subject of the provider of access tokens, linked to an agent.
    IdentityId,
    ContactId,
    DealId,
    PartyId,
    MilestoneId,
    /// A previewed change of key dates that waits to be applied.
    PlanId,
    ApprovalId,
    /// A webhook target.
    EndpointId,
    /// A row of the outbox.
    MessageId,
    /// What the policy said of a message, stored before anything is sent.
    DecisionId,
    /// Messages that were scheduled together.
    BatchId,
    /// An address that takes nothing any more.
    GoneAddressId,
    /// A process that sends.
    DispatcherId,
    NotificationId,
    DraftId,
    EventId,
    /// Ties together everything that one command or tool call set off.
    CorrelationId,
}

impl CorrelationId {
    /// The least id that something of this instant or later has, to the millisecond.
    pub fn least_at(at: jiff::Timestamp) -> Self {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }
}
