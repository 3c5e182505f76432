//! `milepost setup`: a workspace, its owner, and the owner's first token.

use clap::Args;
use domain::kernel::id::WorkspaceId;
use domain::workspace::access::Grant;
use domain::workspace::access::ops::{self, CreateToken, For};
use domain::workspace::tenant;
use host::Host;
use serde_json::json;

use super::{Answer, Common, Outcome, desk};
use crate::says;

#[derive(Args)]
pub struct Setup {
    /// The workspace's name, such as "Lakeside Realty"
    #[arg(long)]
    name: String,
    /// Its short name on the command line, such as lakeside
    #[arg(long)]
    slug: String,
    /// Its IANA time zone, such as America/Chicago
    #[arg(long)]
    zone: String,
    #[arg(long)]
    owner_name: String,
    #[arg(long, value_name = "EMAIL")]
    owner_email: String,
}

pub fn run(common: &Common, cmd: &Setup) -> Outcome {
    let host = Host::open(common.quiet_settings()?, &common.data())?;
    let found = tenant::ops::Found {
        slug: cmd.slug.clone(),
        name: cmd.name.clone(),
        time_zone: cmd.zone.clone(),
        owner_name: cmd.owner_name.clone(),
        owner_email: cmd.owner_email.clone(),
    };
    let operator = desk::operator(WorkspaceId(host.mint()));
    let done = host.on_this_thread(&operator, host.clock().now(), |work| {
        work.write(|cx| {
            let (workspace, owner) = tenant::ops::found(cx, &found)?;
            let token = CreateToken {
                holder: For::Member(owner.id),
                label: "first token of the owner".into(),
                scope: Grant::Admin,
                days: None,
            };
            let (token, secret) = ops::create_token(cx, &token)?;
            Ok((workspace, owner, token, secret))
        })
    })?;
    let (workspace, owner, token, secret) = done.value;
    let text = says::setup::founded(&workspace, &owner, &secret);
    let json = json!({ "workspace": workspace, "owner": owner, "token": token, "secret": secret });
    Ok(Some(Answer::new(text, json)))
}
