//! How somebody wants to be reached.

use domain::people::reach::Channel;
use domain::people::reach::ops::Shown;

use super::table;

pub const ODD: &str = "A key has no value. Nothing was changed. Write pairs, such as: reminder.email daily quiet \
                       21:00-08:00; an empty value (\"\") goes back to what is usual.";

pub fn shown(shown: &Shown) -> String {
    let p = &shown.preferences;
    let mut text = format!("{} is reached so (version {}):\n\n", shown.name, shown.version);
    let channels: Vec<String> = shown.modes.first().map_or_else(Vec::new, |(_, ways)| {
        ways.iter().map(|(channel, _)| channel.as_str().replace('_', "-").to_uppercase()).collect()
    });
    let mut head = vec!["TOPIC"];
    head.extend(channels.iter().map(String::as_str));
    let rows: Vec<Vec<String>> = shown
        .modes
        .iter()
        .map(|(topic, ways)| {
            let mut row = vec![topic.as_str().replace('_', " ")];
            row.extend(ways.iter().map(|(_, mode)| mode.to_string()));
            row
        })
        .collect();
    text.push_str(&table(&head, &rows));
    text.push_str(&match &p.quiet {
        Some(quiet) => format!("\nQuiet from {} until {}, local time.\n", quiet.from, quiet.until),
        None => "\nNo quiet hours of their own.\n".into(),
    });
    if shown.kind == "member" {
        text.push_str(&format!("Digests come at {}, weekly ones on {}.\n", p.digest_at, p.digest_on));
    }
    if !p.order.is_empty() {
        let order: Vec<&str> = p.order.iter().map(|channel| channel.as_str()).collect();
        text.push_str(&format!("Channels are tried in this order: {}.\n", order.join(", ")));
    }
    if let Some(phone) = &p.phone {
        let note = match shown.unverified.contains(&Channel::Sms) {
            true => {
                " (nothing is sent there yet: enter the code that went there with milepost preferences verify CODE)"
            }
            false => "",
        };
        text.push_str(&format!("Phone: {phone}{note}\n"));
    }
    if let Some(id) = &p.discord {
        let note = match shown.unverified.contains(&Channel::Discord) {
            true => " (nothing is sent there yet: set it on the server's own terminal)",
            false => "",
        };
        text.push_str(&format!("Discord user: {id}{note}\n"));
    }
    text
}

pub fn verified(all: &Shown) -> String {
    format!("The number is yours: from now on messages go there.\n\n{}", shown(all))
}

pub fn code_sent(all: &Shown) -> String {
    let phone = all.preferences.phone.as_deref().unwrap_or_default();
    format!("A code is on its way to {phone}. Enter it within 15 minutes: milepost preferences verify CODE")
}
