use super::{Heard, heard};

fn check(expected: Heard, messages: &[&str]) {
    for message in messages {
        assert_eq!(heard(message), expected, "{message:?}");
    }
}

#[test]
fn the_words_of_the_carriers_count_however_they_are_typed() {
    check(
        Heard::Stop,
        &[
            "STOP",
            "stop",
            "Stop.",
            " stop! ",
            "STOPALL",
            "Stop All",
            "UNSUBSCRIBE",
            "unsubscribe.",
            "Cancel",
            "END",
            "quit",
            "QUIT!!!",
            "opt-out",
            "Opt out",
            "OPTOUT",
            "\"STOP\"",
            "Stop please",
            "please stop",
            "REVOKE",
            "stop\n",
            "STOP \u{1f6d1}",
        ],
    );
    check(Heard::Start, &["START", "start", "Unstop", "UNSTOP.", "opt in", "Opt-in", "resume"]);
    check(Heard::Help, &["HELP", "help", "Info", "help!", "Help me"]);
}

#[test]
fn a_wish_in_plain_words_counts() {
    check(
        Heard::Stop,
        &[
            "please stop texting me",
            "Stop emailing me",
            "Can you stop messaging me, I am at work",
            "Would you please stop all texting",
            "stop contacting me!!",
            "Stop calling and stop texting",
            "remove me from your list",
            "Please remove me from this mailing list.",
            "remove my number",
            "no more emails",
            "No more texts please",
            "Don't text me again",
            "dont text me",
            "Don\u{2019}t contact me anymore",
            "do not email me",
            "Do not contact me again or I will sue",
            "I don't want any more messages from you",
            "I do not want to receive these",
            "I no longer wish to receive emails from your company",
            "take me off your list",
            "Take me off",
            "Please take my name off the mailing list",
            "get me off your list",
            "I would like to unsubscribe",
            "Please unsubscribe me",
            "I want to opt out of this",
            "opt me out",
            "leave me alone",
            "Lose my number.",
            "quit texting me",
            "never contact me again",
            "never text me again please",
            "I don't want to hear from you",
            "stop sending me stuff",
            "Stop the texts",
            "We bought elsewhere. Please stop sending these.",
            "cease and desist",
            "delete my number",
            "pls stop txting me",
            "stop these messages",
            "Thanks for everything, but no more emails please",
            "stop\n\nOn Mon, Oct 12, 2026 at 9:00 AM Cora wrote:\n> Your inspection is due",
            "On Friday we signed elsewhere.\nPlease stop texting me",
            "This is what my wife wrote:\nstop texting me",
        ],
    );
}

#[test]
fn a_message_that_only_uses_the_words_goes_through() {
    check(
        Heard::Plain,
        &[
            "stop by at 5",
            "Can you stop by the house?",
            "I'll stop at the bank first",
            "We could stop over on Sunday",
            "Is there a bus stop nearby?",
            "Can we cancel the inspection?",
            "Please cancel Friday's appointment",
            "When does the contingency end?",
            "End of the month works",
            "I quit my job, does that change the loan?",
            "Can you help me with the walkthrough?",
            "Let's start on Monday",
            "When can we start packing?",
            "Please don't stop texting me, this is useful",
            "You can stop texting him, I am the buyer",
            "I did not unsubscribe",
            "remove the washer from the list of fixtures",
            "Please remove the sign from the lawn",
            "No more questions from our side",
            "We want no more delays",
            "Don't text me the address, email it",
            "Take the fridge off the list",
            "Do not contact the seller yet",
            "Do not call the lender before noon",
            "The seller opted for a later date",
            "Non-stop rain, the roof held",
            "Can you stop him calling the lender?",
            "Who is this?\n> stop texting me",
            "Fine with us.\n-----Original Message-----\nstop texting me",
            "Thanks!",
            "yes",
            "",
            "OK see you\n\nOn Mon, Oct 12, 2026 at 9:00 AM Cora wrote:\n> Reply STOP or write to us: remove me from your list",
            "What happens if the deal is cancelled and who gets the earnest money?",
        ],
    );
}
