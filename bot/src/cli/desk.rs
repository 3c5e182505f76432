//! Where a command does its work: one database, one workspace, one person.

use domain::insight::event_log;
use domain::kernel::id::WorkspaceId;
use domain::kernel::idempotency::Key;
use domain::kernel::{Code, Cx, No, Principal, Receipt, Refusal, Source};
use domain::workspace::access;
use domain::workspace::member::{self, Member, MemberStatus};
use domain::workspace::tenant::{self, Workspace};
use host::Host;
use jiff::civil::Date;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Common, Stop};
use crate::says;

pub const OPERATOR: &str = "operator";

pub struct Desk {
    pub host: Host,
    pub workspace: Workspace,
    pub who: Principal,
}

/// A change that was made, and the proof of it as every face shows it.
pub struct Written<T> {
    pub value: T,
    pub receipt: Option<Value>,
}

impl<T> Written<T> {
    /// The receipt beside the members of `document`.
    pub fn beside(receipt: Option<Value>, document: impl Serialize) -> Value {
        let mut document = serde_json::to_value(document).unwrap_or_default();
        if let (Some(receipt), Value::Object(members)) = (receipt, &mut document) {
            members.insert("receipt".into(), receipt);
        }
        document
    }
}

impl Desk {
    /// Opens what is there. A folder without a database is a mistake, not a new installation.
    pub fn open(common: &Common) -> Result<Self, Stop> {
        Self::on(open_host(common)?, common)
    }

    /// The named workspace of an open installation, or its only one.
    pub fn on(host: Host, common: &Common) -> Result<Self, Stop> {
        let workspace = choose(&tenant::store::directory(host.db())?, common.workspace.as_deref())?;
        let operator = access::ops::operator(workspace.id, OPERATOR, Source::CommandLine);
        let mut desk = Self { host, workspace, who: operator };
        if let Some(email) = &common.acting {
            let member = desk.member(email)?;
            if member.status != MemberStatus::Active {
                return Err(Refusal::new(
                    Code::Forbidden,
                    format!("{} is out of service. Nothing was changed.", member.email),
                    "Act as an active member, or take the member back (milepost admin member change).",
                )
                .into());
            }
            desk.who = access::ops::member_principal(&member, desk.workspace.id, Source::CommandLine);
        }
        says::read_in(desk.read(|cx| Ok(member::ops::reading_zone(cx)?))?);
        Ok(desk)
    }

    pub fn member(&self, email: &str) -> Result<Member, Stop> {
        self.read(|cx| member::ops::find(cx, email))
    }

    pub fn read<T>(&self, f: impl FnOnce(&mut Cx<'_>) -> Result<T, No>) -> Result<T, Stop> {
        Ok(self.host.on_this_thread(&self.who, self.host.clock().now(), |work| work.read(f))?)
    }

    pub fn write<T>(&self, f: impl FnMut(&mut Cx<'_>) -> Result<T, No>) -> Result<Written<T>, Stop> {
        let done = self.host.on_this_thread(&self.who, self.host.clock().now(), |work| work.write(f))?;
        Ok(Written { receipt: self.proof(&done.receipts)?, value: done.value })
    }

    /// Writes once for each key. The key is also bound to this face: an answer is in the shape of the face it was given to.
    pub fn write_once<C: Serialize, T: Serialize + DeserializeOwned>(
        &self,
        key: Option<&str>,
        verb: &str,
        command: &C,
        f: impl FnMut(&mut Cx<'_>) -> Result<T, No>,
    ) -> Result<Written<T>, Stop> {
        let key = key.map(Key::parse).transpose().map_err(|problem| Refusal::invalid(vec![problem]))?;
        let verb = format!("command line: {verb}");
        let now = self.host.clock().now();
        let answer =
            self.host.on_this_thread(&self.who, now, |work| work.write_once(key.as_ref(), &verb, command, f))?;
        Ok(Written { receipt: self.proof(&answer.receipts)?, value: answer.value })
    }

    fn proof(&self, receipts: &[Receipt]) -> Result<Option<Value>, Stop> {
        let proof = self.read(|cx| event_log::ops::proof(cx, receipts))?;
        Ok(proof.and_then(|proof| serde_json::to_value(proof).ok()))
    }

    /// Today in a zone, or in the workspace's.
    pub fn today(&self, zone: Option<&str>) -> Date {
        let zone = domain::kernel::time::zone(zone.unwrap_or(&self.workspace.time_zone));
        domain::kernel::time::today(self.host.clock().now(), &zone)
    }
}

/// Opens an installation that is there already, and brings it to this version's schema.
pub fn open_host(common: &Common) -> Result<Host, Stop> {
    let config = common.quiet_settings()?;
    let data = common.data();
    let file = data.join(host::DATABASE_FILE);
    if config.database.url.is_none() && !file.exists() {
        return Err(Stop::Failed(says::no_database(&file)));
    }
    Ok(Host::open(config, &data)?)
}

/// The named workspace, or the only one.
pub fn choose(all: &[Workspace], slug: Option<&str>) -> Result<Workspace, Stop> {
    let slugs = || {
        let mut slugs: Vec<&str> = all.iter().map(|workspace| workspace.slug.as_str()).collect();
        slugs.sort_unstable();
        slugs.join(", ")
    };
    match (slug, all) {
        (_, []) => Err(Stop::Failed(says::NO_WORKSPACE.into())),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Stop::Usage(format!(
            "There are several workspaces here: {}. Nothing was changed. Say which one with --workspace SLUG.",
            slugs()
        ))),
        (Some(slug), _) => all.iter().find(|workspace| workspace.slug == slug).cloned().ok_or_else(|| {
            Refusal::new(
                Code::NotFound,
                format!("There is no workspace {slug} here. Nothing was changed."),
                format!("Those that are here: {}.", slugs()),
            )
            .into()
        }),
    }
}

/// The operator of one workspace.
pub fn operator(workspace: WorkspaceId) -> Principal {
    access::ops::operator(workspace, OPERATOR, Source::CommandLine)
}
