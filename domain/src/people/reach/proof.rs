//! Which addresses are known to be a member's own: shown by a code that went there, or believed.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};

use super::{Channel, Person, Preferences};
use crate::both;
use crate::kernel::canonical::{hex, sha256};
use crate::kernel::column::At;
use crate::kernel::id::{MemberId, WorkspaceId};
use crate::kernel::schema::address_proofs;
use crate::kernel::{Code, Conn, Cx, Fault, Refusal};

/// How long a code is good.
pub const GOOD_FOR: SignedDuration = SignedDuration::from_mins(15);
/// How often a code may be mistaken for another.
pub const TRIES: i32 = 5;
/// How many codes a member is sent in 24 hours, and how far apart, at least.
const CODES_A_DAY: i32 = 5;
const APART: SignedDuration = SignedDuration::from_mins(1);

/// The addresses that are known to be one person's own.
#[derive(Clone, Debug, Default)]
pub struct Proofs(BTreeMap<Channel, String>);

impl Proofs {
    fn hold(&self, channel: Channel, address: &str) -> bool {
        self.0.get(&channel).is_some_and(|known| known == address)
    }

    /// On which channels the person named an address that is not known to be theirs.
    pub fn missing(&self, preferences: &Preferences) -> Vec<Channel> {
        let named = [(Channel::Sms, &preferences.phone), (Channel::Discord, &preferences.discord)];
        let missing = |(channel, address): (Channel, &Option<String>)| {
            address.as_deref().filter(|address| !self.hold(channel, address)).map(|_| channel)
        };
        named.into_iter().filter_map(missing).collect()
    }

    /// The preferences without the addresses that are not known to be the person's.
    pub fn only(&self, mut preferences: Preferences) -> Preferences {
        for channel in self.missing(&preferences) {
            match channel {
                Channel::Sms => preferences.phone = None,
                _ => preferences.discord = None,
            }
        }
        preferences
    }
}

/// What is known of an address of a member, and of the code that went there.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = address_proofs)]
#[diesel(primary_key(workspace_id, member_id, channel))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct Proof {
    workspace_id: WorkspaceId,
    pub member_id: MemberId,
    channel: Channel,
    pub address: String,
    verified_at: Option<At>,
    verified_how: Option<String>,
    code_hash: Option<String>,
    code_expires_at: Option<At>,
    code_tries: i32,
    /// Since `codes_since`.
    codes_sent: i32,
    codes_since: Option<At>,
    code_sent_at: Option<At>,
    version: i64,
}

/// What came of a code that somebody entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    Right,
    Wrong { left: i32 },
}

impl Proof {
    pub fn new(cx: &Cx<'_>, member: MemberId, channel: Channel, address: &str) -> Self {
        Self {
            workspace_id: cx.workspace(),
            member_id: member,
            channel,
            address: address.to_owned(),
            verified_at: None,
            verified_how: None,
            code_hash: None,
            code_expires_at: None,
            code_tries: 0,
            codes_sent: 0,
            codes_since: None,
            code_sent_at: None,
            version: 0,
        }
    }

    pub fn is_of(&self, address: &str) -> bool {
        self.verified_at.is_some() && self.address == address
    }

    /// Another code for an address, whose hash takes the place of the one before. However often addresses change, a
    /// member is sent only so many.
    pub fn with_code(self, address: &str, code: &str, now: Timestamp) -> Result<Self, Refusal> {
        let day = SignedDuration::from_hours(24);
        let since = self.codes_since.map(|at| at.0).filter(|at| now.duration_since(*at) < day);
        let sent = if since.is_some() { self.codes_sent } else { 0 };
        let soon = self.code_sent_at.is_some_and(|at| now.duration_since(at.0) < APART);
        if soon || sent >= CODES_A_DAY {
            let next = if soon { "Wait a minute, then ask for another." } else { "Try again tomorrow." };
            let sentence = format!(
                "A code goes to a number once a minute and {CODES_A_DAY} times a day at most. Nothing was changed."
            );
            return Err(Refusal::new(Code::TooManyRequests, sentence, next));
        }
        Ok(Self {
            address: address.to_owned(),
            verified_at: None,
            verified_how: None,
            code_hash: Some(self.hashed(address, code)),
            code_expires_at: Some(At(now + GOOD_FOR)),
            code_tries: 0,
            codes_sent: sent + 1,
            codes_since: Some(At(since.unwrap_or(now))),
            code_sent_at: Some(At(now)),
            ..self
        })
    }

    /// What comes of entering a code for the member's address as it is now. A code that nobody can enter any more is
    /// refused; one that is wrong counts.
    pub fn tried(&mut self, address: &str, code: &str, now: Timestamp) -> Result<Tried, Refusal> {
        let waits = self.code_hash.clone().filter(|_| self.address == address && self.code_tries < TRIES);
        let good = self.code_expires_at.is_some_and(|at| now < at.0);
        let Some(hash) = waits.filter(|_| good) else {
            return Err(Refusal::new(
                Code::WrongState,
                "No code waits for this number: it was entered, it is older than 15 minutes, or it was wrong too often. \
                 Nothing was changed.",
                "Ask for another one with milepost preferences verify.",
            ));
        };
        if hash == self.hashed(address, code) {
            (self.verified_at, self.verified_how) = (Some(At(now)), Some("code".into()));
            (self.code_hash, self.code_expires_at) = (None, None);
            return Ok(Tried::Right);
        }
        self.code_tries += 1;
        Ok(Tried::Wrong { left: TRIES - self.code_tries })
    }

    fn hashed(&self, address: &str, code: &str) -> String {
        let (workspace, member) = (self.workspace_id.0, self.member_id.0);
        let parts: [&[u8]; 5] =
            [b"milepost.code.v1", workspace.as_bytes(), member.as_bytes(), address.as_bytes(), code.as_bytes()];
        hex(&sha256(&parts))
    }
}

/// One person's. Contacts have none: what they are reached at stands with the contact.
pub fn of(cx: &mut Cx<'_>, person: Person) -> Result<Proofs, Fault> {
    match person {
        Person::Member(id) => Ok(load(cx, Some(id))?.remove(&id).unwrap_or_default()),
        Person::Contact(_) => Ok(Proofs::default()),
    }
}

/// Everybody's on the team.
pub fn of_team(cx: &mut Cx<'_>) -> Result<HashMap<MemberId, Proofs>, Fault> {
    load(cx, None)
}

fn load(cx: &mut Cx<'_>, only: Option<MemberId>) -> Result<HashMap<MemberId, Proofs>, Fault> {
    let workspace = cx.workspace();
    let rows: Vec<(MemberId, Channel, String)> = both!(cx.conn(), |c| {
        let mut query = address_proofs::table
            .filter(address_proofs::workspace_id.eq(workspace))
            .filter(address_proofs::verified_at.is_not_null())
            .select((address_proofs::member_id, address_proofs::channel, address_proofs::address))
            .into_boxed();
        if let Some(id) = only {
            query = query.filter(address_proofs::member_id.eq(id));
        }
        query.load(c)
    })?;
    let mut proofs: HashMap<MemberId, Proofs> = HashMap::new();
    for (member, channel, address) in rows {
        proofs.entry(member).or_default().0.insert(channel, address);
    }
    Ok(proofs)
}

/// What is known of a member's address, held until the end of the transaction: two who enter codes at once try twice.
pub fn hold(cx: &mut Cx<'_>, member: MemberId, channel: Channel) -> Result<Option<Proof>, Fault> {
    let key = (cx.workspace(), member, channel.as_str());
    // The one writer of SQLite holds everything.
    if let Conn::Pg(c) = cx.conn() {
        let _: Option<MemberId> = address_proofs::table
            .find(key)
            .select(address_proofs::member_id)
            .for_update()
            .first(&mut **c)
            .optional()?;
    }
    Ok(both!(cx.conn(), |c| address_proofs::table.find(key).select(Proof::as_select()).first(c).optional())?)
}

/// Writes what is known of an address that is held, or new.
pub fn save(cx: &mut Cx<'_>, proof: &Proof) -> Result<(), Fault> {
    let key = (proof.workspace_id, proof.member_id, proof.channel.as_str());
    let row = Proof { version: proof.version + 1, ..proof.clone() };
    let done = both!(cx.conn(), |c| match proof.version {
        0 => diesel::insert_into(address_proofs::table).values(row).execute(c),
        _ => diesel::update(address_proofs::table.find(key)).set(row).execute(c),
    });
    done?;
    Ok(())
}

/// Takes somebody's word that an address is a member's.
pub fn believe(
    cx: &mut Cx<'_>,
    member: MemberId,
    channel: Channel,
    address: &str,
    how: &str,
) -> Result<(), Fault> {
    let known = hold(cx, member, channel)?.unwrap_or_else(|| Proof::new(cx, member, channel, address));
    let now = At(cx.now());
    let believed =
        Proof { address: address.into(), verified_at: Some(now), verified_how: Some(how.into()), ..known };
    save(cx, &believed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Proof {
        Proof {
            workspace_id: WorkspaceId(uuid::Uuid::nil()),
            member_id: MemberId(uuid::Uuid::nil()),
            channel: Channel::Sms,
            address: String::new(),
            verified_at: None,
            verified_how: None,
            code_hash: None,
            code_expires_at: None,
            code_tries: 0,
            codes_sent: 0,
            codes_since: None,
            code_sent_at: None,
            version: 0,
        }
    }

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    const HOME: &str = "+13125550100";

    #[test]
    fn a_code_is_good_once_for_one_number_and_for_a_quarter_of_an_hour() {
        let sent = fresh().with_code(HOME, "123456", at(0)).unwrap();
        assert!(!sent.is_of(HOME));
        assert!(sent.clone().tried(HOME, "123456", at(15)).is_err());
        assert!(sent.clone().tried("+13125550199", "123456", at(1)).is_err());
        let mut entered = sent.clone();
        assert_eq!(entered.tried(HOME, "123456", at(14)).unwrap(), Tried::Right);
        assert!(entered.is_of(HOME) && !entered.is_of("+13125550199"));
        assert!(entered.tried(HOME, "123456", at(14)).is_err());
    }

    #[test]
    fn five_wrong_codes_are_the_end_of_the_right_one() {
        let mut sent = fresh().with_code(HOME, "123456", at(0)).unwrap();
        for left in (0..TRIES).rev() {
            assert_eq!(sent.tried(HOME, "654321", at(1)).unwrap(), Tried::Wrong { left });
        }
        assert!(sent.tried(HOME, "123456", at(1)).is_err());
        assert!(!sent.is_of(HOME));
    }

    #[test]
    fn codes_go_out_once_a_minute_and_five_times_a_day_whatever_the_number() {
        let mut proof = fresh();
        for n in 0..5 {
            proof = proof.with_code(&format!("+1312555010{n}"), "123456", at(n)).unwrap();
            assert!(proof.clone().with_code(HOME, "123456", at(n)).is_err(), "{n}");
        }
        assert!(proof.clone().with_code(HOME, "123456", at(5)).is_err());
        assert!(proof.with_code(HOME, "123456", at(24 * 60)).is_ok());
    }
}
