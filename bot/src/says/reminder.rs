//! Reminders that were planned, and those to come.

use domain::deals::reminder::view::ReminderView;
use domain::deals::simulate::{Forecast, Verdict};
use domain::people::reach::Topic;

use super::{count, day, indented, moment, next_page, sentence, table};

pub fn list(reminders: &[ReminderView], cursor: Option<&str>, with_deal: bool) -> String {
    if reminders.is_empty() {
        return "No reminder was planned yet. See what is to come with: milepost simulate --days 14".into();
    }
    let mut head = vec!["AT", "OUTCOME", "KIND", "MILESTONE", "DUE", "TO"];
    if with_deal {
        head.push("DEAL");
    }
    head.push("WHY");
    let rows: Vec<_> = reminders
        .iter()
        .map(|r| {
            let mut row = vec![
                moment(r.at),
                r.outcome.to_string(),
                r.kind.clone(),
                r.milestone.clone(),
                day(r.due_on),
                r.to.clone(),
            ];
            if with_deal {
                row.push(r.deal.clone());
            }
            row.push(r.reason.clone().unwrap_or_default());
            row
        })
        .collect();
    table(&head, &rows) + "\nWhat is to come: milepost simulate --days 14\n" + &next_page(cursor)
}

/// What would be sent, message by message. It is told first that nothing was.
pub fn forecast(forecasts: &[Forecast], days: i64) -> String {
    let days = count(usize::try_from(days).unwrap_or(0), "day");
    if forecasts.is_empty() {
        return format!(
            "Nothing is to be sent in the next {days}, as things stand now. Nothing was sent or changed."
        );
    }
    let sent = forecasts.iter().filter(|f| f.verdict == Verdict::Sent).count();
    let mut text = format!(
        "In the next {days}, as things stand now: {} to send, {} not to send. Nothing was sent or changed.\n",
        count(sent, "message"),
        forecasts.len() - sent
    );
    for f in forecasts {
        let way =
            f.channel.map_or_else(String::new, |channel| format!(" by {}", channel.as_str().replace('_', "-")));
        let verdict = match f.verdict {
            Verdict::Sent => "",
            Verdict::Refused => " - NOT SENT: refused",
            Verdict::Expired => " - NOT SENT: too late",
            Verdict::NotSent => " - NOT SENT: missed",
            Verdict::Held => " - HELD",
        };
        text.push_str(&format!(
            "\n{}  {} to {}{way}{verdict}\n",
            moment(f.at),
            f.topic.as_str().replace('_', " "),
            f.to
        ));
        text.push_str(&indented(&f.subject));
        if f.topic == Topic::Digest {
            text.push_str(&indented(&f.text));
        }
        if let Some(bill) = &f.sms {
            text.push_str(&indented(&format!("Text message: {bill}")));
        }
        for why in &f.why {
            text.push_str(&indented(&format!("Why: {}", sentence(why))));
        }
        for said in &f.policy {
            text.push_str(&indented(&format!("Policy: {}", sentence(said))));
        }
    }
    text
}
