use serde_json::{Value, json};

use super::{Event, Via};
use crate::kernel::Fact;
use crate::people::reach::Channel;

#[test]
fn what_people_said_and_their_names_stand_beside_the_log() {
    let check = |event: Event, personal: Value| {
        assert_eq!(event.personal().unwrap_or_default(), personal, "{event:?}");
        let told = serde_json::to_string(&event).unwrap();
        assert!(!told.contains("Cora") && !told.contains("said"), "{told}");
    };
    let why = || "Ann said so.".to_owned();
    check(Event::OptedOut { via: Via::Phone, why: why() }, json!({ "why": "Ann said so." }));
    check(Event::OptedOut { via: Via::Phone, why: String::new() }, Value::Null);
    let channel = Channel::Sms;
    check(
        Event::ConsentGiven { channel, evidence: "She said yes.".into() },
        json!({ "evidence": "She said yes." }),
    );
    check(Event::ConsentWithdrawn { channel, why: why() }, json!({ "why": "Ann said so." }));
    check(Event::ConsentWithdrawn { channel, why: String::new() }, Value::Null);
    check(Event::TakenOver { by: "Cora".into() }, json!({ "by": "Cora" }));
    check(Event::OptedIn { via: Via::Link }, Value::Null);
    check(Event::Released {}, Value::Null);
}
