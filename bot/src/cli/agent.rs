//! `milepost agent`: who agents are at the provider of access tokens.

use clap::{Args, Subcommand};
use domain::kernel::id::IdentityId;
use domain::kernel::{Code, Refusal};
use domain::workspace::access::Grant;
use domain::workspace::access::identity::{self, LinkIdentity};
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Agent {
    /// List which subjects of the provider are which agents
    List,
    /// Say which agent a subject of the provider is
    Link(Link),
    /// End a link, from the next request on
    Unlink {
        #[arg(value_parser = read::id::<IdentityId>)]
        id: IdentityId,
    },
}

#[derive(Args)]
pub struct Link {
    /// The agent; it is added when there is none of this name
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// What the provider calls it, as the claim sub of its tokens says
    #[arg(long, value_name = "SUB")]
    subject: String,
    /// The most that it may do, whatever its tokens say: read, propose, write or admin
    #[arg(long, value_parser = read::word::<Grant>)]
    scope: Grant,
}

pub fn run(common: &Common, cmd: Agent) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Agent::List => {
            let all = desk.read(identity::list)?;
            Ok(Answer::new(says::agent::list(&all), json!({ "identities": all })))
        }
        Agent::Link(cmd) => link(&desk, cmd),
        Agent::Unlink { id } => {
            let done = desk.write(|cx| identity::unlink(cx, id))?;
            let text = says::agent::unlinked(&done.value);
            Ok(Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "identity": done.value }))))
        }
    };
    answer.map(Some)
}

fn link(desk: &Desk, cmd: Link) -> Result<Answer, Stop> {
    let Some(issuer) = desk.host.config().oidc.issuer.clone() else {
        return Err(Refusal::new(
            Code::WrongState,
            "The settings name no provider of access tokens. Nothing was changed.",
            "Set issuer and audience in [oidc], or make a token of Milepost's own (milepost token create).",
        )
        .into());
    };
    let new = LinkIdentity { agent: cmd.agent, issuer, subject: cmd.subject, scope: cmd.scope };
    let done = desk.write(|cx| identity::link(cx, &new))?;
    let text = says::agent::linked(&done.value);
    Ok(Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "identity": done.value }))))
}
