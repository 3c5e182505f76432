//! The grid of roles, scopes and verbs, and the form of a token.

use super::{Grant, Role, TokenKind, Verb};
use crate::kernel::canonical::{hex, sha256};

/// Every power there is: the operator at the server's own terminal.
pub const ALL_POWERS: u64 = u64::MAX;

pub fn allows(powers: u64, verb: Verb) -> bool {
    powers & (1 << verb as u32) != 0
}

/// What a role may do.
pub fn role_allows(role: Role, verb: Verb) -> bool {
    role <= least_role(verb)
}

/// The lowest role that may. `Role` is ordered from owner, which may everything, to viewer.
fn least_role(verb: Verb) -> Role {
    match verb {
        Verb::ReadDeals
        | Verb::ReadTemplates
        | Verb::ReadContacts
        | Verb::ReadTeam
        | Verb::ReadApprovals
        | Verb::ReadDeliveries
        | Verb::ReadDrafts
        | Verb::ReadNotifications
        | Verb::PreviewPolicy => Role::Viewer,
        Verb::PreviewKeyDates
        | Verb::AddMilestone
        | Verb::EditMilestone
        | Verb::CompleteMilestone
        | Verb::RequestApproval
        | Verb::DecideApproval
        | Verb::EditPreferences
        | Verb::RecordOptOut
        | Verb::ProposeDraft => Role::Member,
        Verb::CreateDeal
        | Verb::EditDeal
        | Verb::ConfirmDeal
        | Verb::EndDeal
        | Verb::ImportDeals
        | Verb::ApplyKeyDates
        | Verb::WaiveMilestone
        | Verb::RemoveMilestone
        | Verb::EditContacts
        | Verb::ManageDeliveries
        | Verb::UseAgentServers => Role::Coordinator,
        Verb::ManageTemplates
        | Verb::ManageMembers
        | Verb::ReadTokens
        | Verb::ManageTokens
        | Verb::ReadAudit
        | Verb::EditDeliverySettings
        | Verb::ManageEndpoints
        | Verb::ManageAgentServers => Role::Admin,
        Verb::ManageWorkspace => Role::Owner,
    }
}

/// What a scope leaves. No scope lets a program make identities, change the workspace, decide an approval, say what
/// becomes of a message, or use other agents' tools in the workspace's name: those stay with people.
pub fn scope_allows(scope: Grant, verb: Verb) -> bool {
    let least = match verb {
        Verb::ReadDeals
        | Verb::ReadTemplates
        | Verb::ReadContacts
        | Verb::ReadTeam
        | Verb::ReadApprovals
        | Verb::ReadDeliveries
        | Verb::ReadDrafts
        | Verb::ReadNotifications
        | Verb::PreviewPolicy => Grant::Read,
        Verb::PreviewKeyDates | Verb::RequestApproval | Verb::ProposeDraft => Grant::Propose,
        Verb::CreateDeal
        | Verb::EditDeal
        | Verb::ConfirmDeal
        | Verb::EndDeal
        | Verb::ApplyKeyDates
        | Verb::AddMilestone
        | Verb::EditMilestone
        | Verb::CompleteMilestone
        | Verb::WaiveMilestone
        | Verb::RemoveMilestone
        | Verb::EditContacts
        | Verb::RecordOptOut => Grant::Write,
        Verb::ImportDeals | Verb::ManageTemplates | Verb::ReadTokens | Verb::ReadAudit => Grant::Admin,
        Verb::ManageMembers
        | Verb::ManageTokens
        | Verb::ManageWorkspace
        | Verb::DecideApproval
        | Verb::ManageDeliveries
        | Verb::EditDeliverySettings
        | Verb::ManageEndpoints
        | Verb::EditPreferences
        | Verb::UseAgentServers
        | Verb::ManageAgentServers => return false,
    };
    scope >= least
}

/// The powers of a member through a token: what both the role and the scope allow.
pub fn member_powers(role: Role, scope: Option<Grant>) -> u64 {
    powers(|verb| role_allows(role, verb) && scope.is_none_or(|scope| scope_allows(scope, verb)))
}

pub fn agent_powers(scope: Grant) -> u64 {
    powers(|verb| scope_allows(scope, verb))
}

fn powers(allowed: impl Fn(Verb) -> bool) -> u64 {
    Verb::ALL.iter().filter(|verb| allowed(**verb)).fold(0, |bits, verb| bits | 1 << *verb as u32)
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET: usize = 30;
const CHECK: usize = 6;

/// `milep_{pat|mcp}_` + 30 random characters of base 62 (178 bits) + 6 of a CRC-32 over all before them.
pub fn format_token(kind: TokenKind, random: &[u8; 40]) -> String {
    let mut token = format!("milep_{kind}_");
    // 248 is the largest multiple of 62 that a byte holds: what is above would favour some characters.
    let fair = random.iter().filter(|byte| **byte < 248).map(|byte| BASE62[usize::from(*byte % 62)] as char);
    token.extend(fair.take(SECRET));
    // Forty bytes give thirty fair ones but once in many millions; then the last bytes stand in.
    while token.len() < "milep_pat_".len() + SECRET {
        token.push(BASE62[usize::from(random[token.len() % 40] % 62)] as char);
    }
    let check = checksum(&token);
    token + &check
}

/// Whether it has a token's form and checksum, told without asking any database.
pub fn is_token(text: &str) -> bool {
    let Some((body, check)) = text.len().checked_sub(CHECK).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    let secret = TokenKind::ALL.iter().find_map(|kind| body.strip_prefix(&format!("milep_{kind}_")));
    secret.is_some_and(|s| s.len() == SECRET && s.bytes().all(|b| b.is_ascii_alphanumeric()))
        && checksum(body) == check
}

/// What is kept of a token.
pub fn hash_token(token: &str) -> String {
    hex(&sha256(&[token.as_bytes()]))
}

fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().map(|b| *b as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what() {
        let mut grid = format!("{:<20}", "");
        for role in Role::ALL {
            grid.push_str(&format!("{role:<12}"));
        }
        grid.push_str("| ");
        for scope in Grant::ALL {
            grid.push_str(&format!("{scope:<8}"));
        }
        for verb in Verb::ALL {
            grid.push_str(&format!("\n{verb:<20}"));
            for role in Role::ALL {
                grid.push_str(&format!("{:<12}", if role_allows(*role, *verb) { "yes" } else { "-" }));
            }
            grid.push_str("| ");
            for scope in Grant::ALL {
                grid.push_str(&format!("{:<8}", if scope_allows(*scope, *verb) { "yes" } else { "-" }));
            }
        }
        let grid: Vec<&str> = grid.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(grid.join("\n"));
    }

    #[test]
    fn a_token_is_recognised_offline_and_a_mistyped_one_is_not() {
        let token = format_token(TokenKind::Agent, &std::array::from_fn(|i| (i * 5) as u8));
        assert!(token.starts_with("milep_mcp_") && token.len() == 46, "{token}");
        assert!(is_token(&token));
        for at in 0..token.len() {
            let mut typo = token.clone().into_bytes();
            typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
            assert!(!is_token(&String::from_utf8(typo).unwrap()), "at {at}");
        }
        for text in ["", "milep_", "milep_mcp_", "é", &token[1..], &format!("{token}0"), &"é".repeat(23)] {
            assert!(!is_token(text), "{text}");
        }
    }

    #[test]
    fn a_members_token_never_gives_more_than_the_role() {
        let powers = member_powers(Role::Viewer, Some(Grant::Admin));
        assert!(allows(powers, Verb::ReadDeals) && !allows(powers, Verb::CompleteMilestone));
        let powers = member_powers(Role::Owner, Some(Grant::Read));
        assert!(allows(powers, Verb::ReadDeals) && !allows(powers, Verb::CompleteMilestone));
    }
}
