//! `milepost token`: keys for programs.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use domain::kernel::Credential;
use domain::kernel::id::TokenId;
use domain::workspace::access::ops::{self, CreateToken, For};
use domain::workspace::access::{Grant, Holder, Token as Stored};
use domain::workspace::{member, quota};
use serde_json::{Value, json};

use super::desk::Written;
use super::{Answer, Common, Desk, Outcome, Stop, read};
use crate::says;

#[derive(Subcommand)]
pub enum Token {
    /// Make a token; its secret is shown this once
    Create(Create),
    /// List tokens, without their secrets
    List,
    /// Take a token back, from the next request on
    Revoke {
        #[arg(value_parser = read::id::<TokenId>)]
        id: TokenId,
    },
}

#[derive(Args)]
#[group(id = "holder", required = true, multiple = false)]
struct HolderArgs {
    /// For an agent of this name; it is added when there is none
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// For a member, within the member's role
    #[arg(long, value_name = "EMAIL")]
    member: Option<String>,
}

#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    holder: HolderArgs,
    /// read, propose, write or admin; each includes those before it
    #[arg(long, value_parser = read::word::<Grant>)]
    scope: Grant,
    /// Days until it expires, 1 to 3650 [default: never]
    #[arg(long, value_name = "N")]
    days: Option<i64>,
    /// What it is for [default: the name of the agent or member]
    #[arg(long)]
    label: Option<String>,
}

pub fn run(common: &Common, cmd: Token) -> Outcome {
    let desk = Desk::open(common)?;
    let answer = match cmd {
        Token::Create(cmd) => create(&desk, cmd),
        Token::List => list(&desk),
        Token::Revoke { id } => {
            let done = desk.write(|cx| ops::revoke_token(cx, id))?;
            let text = says::token::revoked(&done.value);
            Ok(Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "token": done.value }))))
        }
    };
    answer.map(Some)
}

fn create(desk: &Desk, cmd: Create) -> Result<Answer, Stop> {
    let (holder, name) = match (cmd.holder.agent, cmd.holder.member) {
        (Some(name), _) => (For::Agent(name.clone()), name),
        (None, Some(email)) => {
            let member = desk.member(&email)?;
            (For::Member(member.id), member.name)
        }
        (None, None) => return Err(Stop::Usage("Say for whom: --agent NAME or --member EMAIL.".into())),
    };
    let new =
        CreateToken { holder, label: cmd.label.unwrap_or_else(|| name.clone()), scope: cmd.scope, days: cmd.days };
    let done = desk.write(|cx| ops::create_token(cx, &new))?;
    let (token, secret) = done.value;
    let text = says::token::created(&token, &name, &secret);
    Ok(Answer::new(text, Written::<Value>::beside(done.receipt, json!({ "token": token, "secret": secret }))))
}

fn list(desk: &Desk) -> Result<Answer, Stop> {
    let (tokens, members, agents, today) = desk.read(|cx| {
        let tokens = ops::list_tokens(cx)?;
        Ok((tokens, member::ops::list(cx)?, ops::agents(cx)?, quota::ops::today(cx)?))
    })?;
    let used = |token: &Stored| today.get(&Credential::Token(token.id).to_string()).copied().unwrap_or_default();
    let mut names = BTreeMap::new();
    names.extend(members.into_iter().map(|member| (member.id.0, member.name)));
    names.extend(agents.into_iter().map(|(id, name)| (id.0, name)));
    let holder = |token: &Stored| {
        let id = match token.holder {
            Holder::Member(id) => id.0,
            Holder::Agent(id) => id.0,
        };
        names.get(&id).cloned().unwrap_or_default()
    };
    let rows: Vec<Value> = tokens
        .iter()
        .map(|token| {
            let mut row = serde_json::to_value(token).unwrap_or_default();
            row["holder_name"] = holder(token).into();
            row["today"] = json!(used(token));
            row
        })
        .collect();
    let text = says::token::list(&tokens, holder, used, desk.host.clock().now());
    Ok(Answer::new(text, json!({ "tokens": rows })))
}
