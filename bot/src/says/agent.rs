//! Who agents are at the provider of access tokens.

use domain::workspace::access::identity::Identity;

use super::{moment, table};

pub fn linked(identity: &Identity) -> String {
    format!(
        "Who comes with an access token of {} for the subject {} is the agent {}, and may {} at most.\n\
         End it with: milepost agent unlink {}\n",
        identity.issuer, identity.subject, identity.agent, identity.scope, identity.id
    )
}

pub fn unlinked(identity: &Identity) -> String {
    format!(
        "The subject {} is no agent here any more: its access tokens open nothing from now on.",
        identity.subject
    )
}

pub fn list(all: &[Identity]) -> String {
    if all.is_empty() {
        return "No subject of a provider is linked to an agent. Link one with: milepost agent link --agent NAME \
                --subject SUB --scope write\n"
            .into();
    }
    let rows: Vec<_> = all
        .iter()
        .map(|identity| {
            vec![
                identity.agent.clone(),
                identity.subject.clone(),
                identity.scope.to_string(),
                identity.issuer.clone(),
                identity.last_used_at.map_or_else(|| "never".into(), moment),
                identity.id.to_string(),
            ]
        })
        .collect();
    table(&["AGENT", "SUBJECT", "SCOPE", "ISSUER", "LAST USED", "ID"], &rows)
}
