//! Which Discord servers belong to the workspace, and who in them is who on the team.
//!
//! A server is linked once, by somebody who manages it there and runs the workspace here: a code that the workspace gave
//! out is typed into the server's chat. Whoever types a code shows at the same time whose their Discord account is.

pub mod gateway;
pub mod ops;
pub mod pending;
pub mod store;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::kernel::canonical::{hex, sha256};
use crate::kernel::id::MemberId;
use crate::kernel::{Fact, Principal};

/// How long a code is good.
pub const CODE_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A server that is linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guild {
    pub id: String,
    /// As it was called when it was linked.
    pub name: String,
    pub linked_at: Timestamp,
}

/// Somebody whose Discord account is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Linked {
    pub member: MemberId,
    pub user_id: String,
    /// `code`, `admin` or `terminal`.
    pub how: String,
}

/// Who says something in chat.
#[derive(Clone, Debug)]
pub enum Known {
    /// The server belongs to no workspace; outside of servers, nobody knows this account.
    NotLinked,
    /// The server's workspace does not know this account.
    Stranger,
    /// In a server there is one; outside of servers, one for each workspace that knows the account.
    Member(Vec<Speaker>),
}

/// A member who speaks, with all that the role allows.
#[derive(Clone, Debug)]
pub struct Speaker {
    pub who: Principal,
    /// In which the member reads times.
    pub zone: TimeZone,
    /// Outside of servers: whether the account's owner, or somebody at the server's terminal, said whose it is, and not only
    /// an admin of the workspace.
    pub said_so: bool,
}

/// What a code looks like in the database.
fn hash(code: &str) -> String {
    hex(&sha256(&[b"milepost.chat_code.v1", plain(code).as_bytes()]))
}

/// A code without what people add or mistake when they type it.
fn plain(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase());
    letters
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .take(40)
        .collect()
}

/// Ten characters of Crockford's base 32 (50 bits), as `7K2QX-M9T4C`.
fn code(random: &[u8; 10]) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    let mut code: String = random.iter().map(letter).collect();
    code.insert(5, '-');
    code
}

/// What happens to links. Accounts of people stand beside the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    CodeMade {},
    GuildLinked {
        guild_id: String,
        name: String,
    },
    GuildUnlinked {
        guild_id: String,
    },
    MemberLinked {
        how: String,
        #[serde(skip)]
        user_id: String,
    },
    MemberUnlinked {},
}

impl Fact for Event {
    fn name(&self) -> &'static str {
        match self {
            Self::CodeMade {} => "chat.code_made",
            Self::GuildLinked { .. } => "chat.guild_linked",
            Self::GuildUnlinked { .. } => "chat.guild_unlinked",
            Self::MemberLinked { .. } => "chat.member_linked",
            Self::MemberUnlinked {} => "chat.member_unlinked",
        }
    }

    fn personal(&self) -> Option<Value> {
        match self {
            Self::MemberLinked { user_id, .. } => Some(json!({ "user_id": user_id })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = code(&[0, 1, 2, 3, 4, 250, 251, 252, 253, 254]);
        assert_eq!(code, "01234-TVWXY");
        for typed in ["01234-TVWXY", "o1234tvwxy", " 0L234 - tvwxy ", "0i234_TVWXY"] {
            assert_eq!(hash(typed), hash(&code), "{typed}");
        }
        assert_ne!(hash("01234-TVWXZ"), hash(&code));
    }
}
