//! The installation's key, the secrets that derive from it, and what is sealed with it: the database holds no secret whole.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, Payload};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::delivery::webhook::sealed::{Place, Vault};
use domain::kernel::Randomness;
use domain::kernel::id::{ContactId, EndpointId, WorkspaceId};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::config::Config;

/// The key's file in the data folder.
pub const KEY_FILE: &str = "master.key";

pub struct Keys(SecretBox<[u8; 32]>);

/// The key as the settings or the file write it: 32 bytes in base64.
pub fn parse(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Settings,
    File(PathBuf),
}

impl Origin {
    /// The settings win over the file in the data folder. A folder is given exactly when the database is embedded: then
    /// file and database travel together.
    pub fn of(config: &Config, folder: Option<&Path>) -> Result<Self, String> {
        match (&config.vault.master_key, folder) {
            (Some(_), _) => Ok(Self::Settings),
            (None, Some(folder)) => Ok(Self::File(folder.join(KEY_FILE))),
            (None, None) => Err("vault.master_key is not set. With PostgreSQL it must be, the same on every server; \
                                 nothing that needs it was made or sent. Set it to what `openssl rand -base64 32` prints."
                .into()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => f.write_str("vault.master_key of the settings"),
            Self::File(file) => write!(f, "the key file {}", file.display()),
        }
    }
}

/// The database belongs to another key than the one at hand.
pub fn another(known: &str, keys: &Keys, origin: &Origin) -> String {
    format!(
        "This database belongs to the key {known}, but {origin} is the key {}. Nothing was changed or sent. Put the key \
         {known} back: secrets of webhooks, links in messages and sealed values open with no other.",
        keys.id()
    )
}

/// The database belongs to a key, and there is none at hand. Another one is not made.
pub fn missing(known: &str, origin: Option<&Origin>) -> String {
    let lacking = match origin {
        Some(origin) => format!("{origin} is not there"),
        None => "vault.master_key is not set".into(),
    };
    format!(
        "This database belongs to the key {known}, but {lacking}. No other key was made, and nothing was changed or sent. \
         Put the key {known} back, in its file or as vault.master_key, then start again."
    )
}

impl Keys {
    /// Whether the settings or the data folder have a key.
    pub fn are_at_hand(config: &Config, folder: Option<&Path>) -> bool {
        match Origin::of(config, folder) {
            Ok(Origin::Settings) => true,
            Ok(Origin::File(file)) => file.exists(),
            Err(_) => false,
        }
    }

    /// The key at hand, and where it comes from; a missing file is made when `known`, the key to which the database belongs,
    /// is none. A key other than the known one is refused. The error is a sentence.
    pub fn open(
        config: &Config,
        folder: Option<&Path>,
        randomness: &dyn Randomness,
        known: Option<&str>,
    ) -> Result<(Self, Origin), String> {
        let origin = match (Origin::of(config, folder), known) {
            (Ok(origin), _) => origin,
            (Err(_), Some(known)) => return Err(missing(known, None)),
            (Err(why), None) => return Err(why),
        };
        if let (Origin::File(file), Some(folder)) = (&origin, folder)
            && !file.exists()
        {
            if let Some(known) = known {
                return Err(missing(known, Some(&origin)));
            }
            make(folder, file, randomness)
                .map_err(|error| format!("The key file {} cannot be made: {error}.", file.display()))?;
        }
        let keys = Self::read(config, &origin)?;
        match known {
            Some(known) if known != keys.id() => Err(another(known, &keys, &origin)),
            _ => Ok((keys, origin)),
        }
    }

    fn read(config: &Config, origin: &Origin) -> Result<Self, String> {
        match (origin, &config.vault.master_key) {
            (Origin::File(file), _) => {
                let text = std::fs::read_to_string(file)
                    .map_err(|error| format!("The key file {} cannot be read: {error}.", file.display()))?;
                let key = parse(&text).ok_or_else(|| {
                    format!(
                        "The key file {} holds no key (32 bytes in base64). It was not changed. Restore it from a backup.",
                        file.display()
                    )
                })?;
                Ok(Self::of(key))
            }
            (Origin::Settings, key) => key
                .as_ref()
                .and_then(|key| parse(key.expose_secret()))
                .map(Self::of)
                .ok_or_else(|| "vault.master_key must be 32 bytes in base64.".into()),
        }
    }

    pub fn of(key: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(key)))
    }

    /// What tells this key from others, without telling anything of it.
    pub fn id(&self) -> String {
        self.derive("key-id.v1", &[])[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// HMAC-SHA-256 over a label and parts, each with its length before it, so that no two lists read the same.
    fn derive(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = mac(self.0.expose_secret());
        for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// What seals the state of a question while an agent's client holds it.
    pub fn request_state(&self) -> [u8; 32] {
        self.derive("milepost.mcp.request-state.v1", &[])
    }

    /// The secret of a webhook endpoint, as its owner configures it: `whsec_` and base64.
    pub fn endpoint_secret(&self, workspace: WorkspaceId, endpoint: EndpointId, version: i32) -> SecretString {
        let key = self.endpoint_key(workspace, endpoint, version);
        format!("whsec_{}", STANDARD.encode(key.expose_secret())).into()
    }

    /// The bytes that sign.
    pub fn endpoint_key(&self, workspace: WorkspaceId, endpoint: EndpointId, version: i32) -> SecretBox<[u8; 32]> {
        let parts: [&[u8]; 3] = [workspace.0.as_bytes(), endpoint.0.as_bytes(), &version.to_be_bytes()];
        SecretBox::new(Box::new(self.derive("webhook-endpoint.v1", &parts)))
    }

    /// What proves that a link to end messages was in a message to this contact.
    pub fn unsubscribe_token(&self, workspace: WorkspaceId, contact: ContactId) -> String {
        let mac = self.derive("unsubscribe.v1", &[workspace.0.as_bytes(), contact.0.as_bytes()]);
        URL_SAFE_NO_PAD.encode(&mac[..24])
    }

    /// Takes the same time for every wrong token of the right length.
    pub fn is_unsubscribe_token(&self, workspace: WorkspaceId, contact: ContactId, token: &str) -> bool {
        self.unsubscribe_token(workspace, contact).as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// The form of sealed values that is written.
const FORM: &str = "v1";
const NONCE: usize = 12;

impl Keys {
    /// What seals in a workspace: a key of its own.
    fn cipher(&self, workspace: WorkspaceId) -> Aes256Gcm {
        let key = SecretBox::new(Box::new(self.derive("sealed-values.v1", &[workspace.0.as_bytes()])));
        KeyInit::new(key.expose_secret().into())
    }

    /// What a value is bound to: moved to another place, or said to be of another form or key, it opens no more.
    fn bound(&self, place: &Place<'_>) -> Vec<u8> {
        let id = self.id();
        let parts: [&[u8]; 7] = [
            b"endpoint-header",
            FORM.as_bytes(),
            id.as_bytes(),
            place.workspace.0.as_bytes(),
            place.endpoint.0.as_bytes(),
            place.address.as_bytes(),
            place.header.as_bytes(),
        ];
        parts.iter().flat_map(|part| [&(part.len() as u64).to_be_bytes(), *part].concat()).collect()
    }
}

/// AES-256-GCM. A sealed value reads `v1.KEY.NONCE.CIPHERTEXT`: its form, the key's id, and two parts in base64.
impl Vault for Keys {
    fn seal(&self, place: &Place<'_>, nonce: [u8; NONCE], value: &str) -> String {
        let bound = self.bound(place);
        let payload = Payload { msg: value.as_bytes(), aad: &bound };
        // It refuses only what is longer than 64 GiB.
        let sealed = self.cipher(place.workspace).encrypt(&nonce.into(), payload).expect("a short value");
        format!("{FORM}.{}.{}.{}", self.id(), URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(sealed))
    }

    fn open(&self, place: &Place<'_>, sealed: &str) -> Result<String, String> {
        let parts: Vec<&str> = sealed.split('.').collect();
        let &[FORM, id, nonce, ciphertext] = parts.as_slice() else {
            return Err("it is sealed in a form that this version does not know".into());
        };
        if id != self.id() {
            let id: String = id.chars().filter(char::is_ascii_hexdigit).take(8).collect();
            return Err(format!("it is sealed with the key {id}, and the key at hand is {}", self.id()));
        }
        let broken = || "it was sealed for another place, or was altered".to_owned();
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| broken());
        let nonce: [u8; NONCE] = decode(nonce)?.try_into().map_err(|_| broken())?;
        let (ciphertext, bound) = (decode(ciphertext)?, self.bound(place));
        let payload = Payload { msg: &ciphertext, aad: &bound };
        let value = self.cipher(place.workspace).decrypt(&nonce.into(), payload).map_err(|_| broken())?;
        String::from_utf8(value).map_err(|_| broken())
    }
}

pub(crate) fn mac(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of every length.
    Hmac::new_from_slice(key).expect("a key of any length")
}

/// Made beside and then linked: whoever comes second finds the first one's key whole.
fn make(folder: &Path, file: &Path, randomness: &dyn Randomness) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let (mut key, mut name) = ([0; 32], [0; 8]);
    randomness.fill(&mut key);
    randomness.fill(&mut name);
    let beside = folder.join(format!(".{KEY_FILE}.{}", URL_SAFE_NO_PAD.encode(name)));
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = writeln!(out, "{}", STANDARD.encode(key)).and_then(|()| out.sync_all());
    let linked = written.and_then(|()| match std::fs::hard_link(&beside, file) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    });
    std::fs::remove_file(&beside)?;
    linked?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use domain::kernel::cx::Seeded;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let open =
            |seed| Keys::open(&Config::default(), Some(folder.path()), &Seeded::new(seed), None).map(|k| k.0);
        let first = open(1).unwrap().id();
        assert_eq!(open(2).unwrap().id(), first);
        let mode = std::fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        std::fs::write(folder.path().join(KEY_FILE), "rubbish").unwrap();
        assert!(open(3).err().unwrap().contains("It was not changed"));
    }

    #[test]
    fn without_a_folder_the_key_must_be_set() {
        let open = |config: &Config| Keys::open(config, None, &Seeded::new(1), None).map(|k| k.0);
        let sentence = open(&Config::default()).err().unwrap();
        assert!(sentence.contains("vault.master_key is not set"), "{sentence}");
        let mut config = Config::default();
        config.vault.master_key = Some(STANDARD.encode([7; 32]).into());
        assert_eq!(open(&config).unwrap().id(), Keys::of([7; 32]).id());
    }

    #[test]
    fn a_database_that_knows_its_key_is_opened_with_no_other_and_gets_no_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let known = Keys::of([7; 32]).id();
        let open =
            |config: &Config, folder| Keys::open(config, folder, &Seeded::new(1), Some(&known)).map(|k| k.0.id());
        let sentence = open(&Config::default(), Some(folder.path())).unwrap_err();
        assert!(sentence.contains(&known) && sentence.contains("master.key is not there"), "{sentence}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let sentence = open(&Config::default(), None).unwrap_err();
        assert!(sentence.contains(&known) && sentence.contains("vault.master_key is not set"), "{sentence}");
        std::fs::write(folder.path().join(KEY_FILE), STANDARD.encode([8; 32])).unwrap();
        let sentence = open(&Config::default(), Some(folder.path())).unwrap_err();
        assert!(sentence.contains(&known) && sentence.contains(&Keys::of([8; 32]).id()), "{sentence}");
        // The settings win over the file.
        let mut config = Config::default();
        config.vault.master_key = Some(STANDARD.encode([7; 32]).into());
        assert_eq!(open(&config, Some(folder.path())), Ok(known.clone()));
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_with_its_own_key_and_unaltered() {
        let id = |n: u128| Uuid::from_u128(n);
        let place = |w, e, header| Place {
            workspace: WorkspaceId(id(w)),
            endpoint: EndpointId(id(e)),
            address: "https://hooks.example.com/a",
            header,
        };
        let (keys, home) = (Keys::of([7; 32]), place(1, 2, "x-team"));
        let sealed = keys.seal(&home, [5; 12], "Bearer hunter2");
        assert!(sealed.starts_with(&format!("v1.{}.", keys.id())) && !sealed.contains("hunter2"), "{sealed}");
        assert_eq!(Vault::open(&keys, &home, &sealed).unwrap(), "Bearer hunter2");
        assert_ne!(keys.seal(&home, [6; 12], "Bearer hunter2"), sealed);
        let elsewhere = Place { address: "https://hooks.example.org/a", ..home };
        for other in [place(3, 2, "x-team"), place(1, 3, "x-team"), place(1, 2, "x-teams"), elsewhere] {
            assert!(Vault::open(&keys, &other, &sealed).is_err(), "{other:?}");
        }
        let other = Keys::of([8; 32]);
        assert!(Vault::open(&other, &home, &sealed).unwrap_err().contains(&keys.id()));
        assert!(Vault::open(&other, &home, &sealed.replace(&keys.id(), &other.id())).is_err());
        let mut altered: Vec<String> = (0..sealed.len())
            .map(|at| {
                // The last letter of a part has bits that say nothing; this changes one that does.
                let other = if sealed.as_bytes()[at] == b'A' { "Q" } else { "A" };
                format!("{}{other}{}", &sealed[..at], &sealed[at + 1..])
            })
            .collect();
        altered.extend(["", "v1", "v2.x.y.z", "v1....", "hunter2"].map(str::to_owned));
        altered.push(sealed[..sealed.len() - 4].to_owned());
        for altered in altered {
            let why = Vault::open(&keys, &home, &altered).unwrap_err();
            assert!(!why.contains("hunter2"), "{altered}: {why}");
        }
    }

    #[test]
    fn every_endpoint_version_and_contact_has_a_secret_of_its_own() {
        let keys = Keys::of([7; 32]);
        let id = |n: u128| Uuid::from_u128(n);
        let secret =
            |w, e, v| keys.endpoint_secret(WorkspaceId(id(w)), EndpointId(id(e)), v).expose_secret().to_owned();
        let all = [secret(1, 2, 1), secret(1, 2, 2), secret(1, 3, 1), secret(2, 2, 1)];
        assert!(all.iter().all(|one| one.starts_with("whsec_") && one.len() == 50));
        assert!((0..4).all(|i| (0..i).all(|j| all[i] != all[j])));
        let token = keys.unsubscribe_token(WorkspaceId(id(1)), ContactId(id(2)));
        assert!(keys.is_unsubscribe_token(WorkspaceId(id(1)), ContactId(id(2)), &token));
        for (w, c, t) in [(2, 2, token.as_str()), (1, 3, &token), (1, 2, ""), (1, 2, &token[1..]), (1, 2, "é")] {
            assert!(!keys.is_unsubscribe_token(WorkspaceId(id(w)), ContactId(id(c)), t));
        }
    }
}
