//! The installation's key, and the secrets that derive from it: the database holds none of them.

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
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

impl Keys {
    /// The key of the settings, or of the file in the data folder, which is made when there is none. A folder is given
    /// exactly when the database is embedded: then file and database travel together. The error is a sentence.
    pub fn open(config: &Config, folder: Option<&Path>, randomness: &dyn Randomness) -> Result<Self, String> {
        if let Some(key) = &config.vault.master_key {
            let key = parse(key.expose_secret()).ok_or("vault.master_key must be 32 bytes in base64.")?;
            return Ok(Self::of(key));
        }
        let folder = folder.ok_or(
            "vault.master_key is not set. With PostgreSQL it must be, the same on every server; nothing that needs it \
             was made or sent. Set it to what `openssl rand -base64 32` prints.",
        )?;
        let file = folder.join(KEY_FILE);
        if !file.exists() {
            make(folder, &file, randomness)
                .map_err(|error| format!("The key file {} cannot be made: {error}.", file.display()))?;
        }
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("The key file {} cannot be read: {error}.", file.display()))?;
        let key = parse(&text).ok_or_else(|| {
            format!(
                "The key file {} holds no key (32 bytes in base64). It was not changed. Restore it from a backup.",
                file.display()
            )
        })?;
        Ok(Self::of(key))
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
        let open = |seed| Keys::open(&Config::default(), Some(folder.path()), &Seeded::new(seed));
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
        let sentence = Keys::open(&Config::default(), None, &Seeded::new(1)).err().unwrap();
        assert!(sentence.contains("vault.master_key is not set"), "{sentence}");
        let mut config = Config::default();
        config.vault.master_key = Some(STANDARD.encode([7; 32]).into());
        assert_eq!(Keys::open(&config, None, &Seeded::new(1)).unwrap().id(), Keys::of([7; 32]).id());
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
