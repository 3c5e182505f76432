use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

/// A Saturday.
const TODAY: &str = "2026-11-21";

/// "2026-12-12", with the other day that may have been meant after " or ", or why not.
fn read_on(said: &str, today: &str) -> String {
    shown_as(date("due_on", said, today.parse().unwrap()))
}

fn shown_as(read: Result<SpokenDate, Problem>) -> String {
    match read {
        Ok(SpokenDate { date, also: None }) => date.to_string(),
        Ok(SpokenDate { date, also: Some(also) }) => format!("{date} or {also}"),
        Err(problem) => problem.sentence,
    }
}

#[track_caller]
fn check(said: &str, means: &str) {
    assert_eq!(read_on(said, TODAY), means, "{said}");
}

#[track_caller]
fn check_on(today: &str, said: &str, means: &str) {
    assert_eq!(read_on(said, today), means, "{said} on {today}");
}

#[track_caller]
fn refused(said: &str, why: &str) {
    let answer = read_on(said, TODAY);
    assert!(
        answer.parse::<Date>().is_err() && !answer.contains(" or 2") && answer.contains(why),
        "{said}: {answer}"
    );
}

#[test]
fn a_day_is_read_as_people_say_it() {
    check("today", "2026-11-21");
    check("tomorrow", "2026-11-22");
    check("yesterday", "2026-11-20");
    check("the day after tomorrow", "2026-11-23");
    check("  ToMoRRoW ", "2026-11-22");
    check("\u{a0}next\u{2003}friday", "2026-11-27 or 2026-12-04");
    check("in 3 days", "2026-11-24");
    check("3 days", "2026-11-24");
    check("3 days from now", "2026-11-24");
    check("3 days from today", "2026-11-24");
    check("3 days ago", "2026-11-18");
    check("in a day", "2026-11-22");
    check("in two weeks", "2026-12-05");
    check("in twelve weeks", "2027-02-13");
    check("in a month", "2026-12-21");
    check("in a year", "2027-11-21");
    check("in 0 days", "2026-11-21");
    check("dec 12", "2026-12-12");
    check("Dec. 12", "2026-12-12");
    check("on december 12th", "2026-12-12");
    check("by the 12th of December", "2026-12-12");
    check("12 december 2026", "2026-12-12");
    check("december 12, 2026", "2026-12-12");
    check("December 12,2026", "2026-12-12");
    check("12 sept 2027", "2027-09-12");
    check("may 1", "2027-05-01 or 2026-05-01");
    check("2026-12-12", "2026-12-12");
    check("2026-01-12", "2026-01-12");
}

#[test]
fn a_weekday_is_the_first_one_after_today() {
    check("friday", "2026-11-27");
    check("fri", "2026-11-27");
    check("thurs.", "2026-11-26");
    check("sunday", "2026-11-22");
    check("this friday", "2026-11-27");
    // Many mean the one after it, so it is said.
    check("next friday", "2026-11-27 or 2026-12-04");
    check("next sunday", "2026-11-22 or 2026-11-29");
    // On its own day "friday" is a week away, and may be today.
    check("saturday", "2026-11-28 or 2026-11-21");
    check("this saturday", "2026-11-21");
    check("next saturday", "2026-11-28 or 2026-12-05");
    // The week begins on Monday.
    check("friday next week", "2026-11-27");
    check_on("2026-11-23", "friday next week", "2026-12-04");
    check_on("2026-11-22", "friday next week", "2026-11-27");
    check("monday next week", "2026-11-23");
    refused("sunday next week", "nothing that can be read");
}

#[test]
fn a_weekday_beside_a_date_has_to_be_that_days() {
    check("Saturday 12 December 2026", "2026-12-12");
    check("sat, dec 12", "2026-12-12");
    check("saturday 2026-12-12", "2026-12-12");
    check("saturday the 12th of december", "2026-12-12");
    refused("friday dec 12", "12 December 2026 is a Saturday");
    refused("friday 2026-12-12", "12 December 2026 is a Saturday");
    refused("friday friday", "nothing that can be read");
}

#[test]
fn slashes_are_month_and_day_and_say_so_when_they_could_be_day_and_month() {
    check("12/15/2026", "2026-12-15");
    check("12/15/26", "2026-12-15");
    check("12/15", "2026-12-15");
    check("1/15", "2027-01-15 or 2026-01-15");
    check("05/06/2027", "2027-05-06 or 2027-06-05");
    check("5/6/27", "2027-05-06 or 2027-06-05");
    check("12/1", "2026-12-01 or 2027-01-12");
    check("12/12/2026", "2026-12-12");
    refused("13/13/2026", "no such month");
    refused("31/12/2026", "no such month");
    refused("0/12/2026", "no such month");
    refused("2/30/2027", "February 2027 has no 30");
    refused("12/0/2026", "December 2026 has no 0");
    refused("12/15/226", "nothing that can be read");
    refused("12/15/20266", "nothing that can be read");
    refused("12/15/2026/1", "nothing that can be read");
    refused("12//2026", "nothing that can be read");
    refused("/", "nothing that can be read");
}

#[test]
fn a_day_without_its_month_or_year_is_the_first_that_has_not_passed() {
    check("the 21st", "2026-11-21");
    check("the 22nd", "2026-11-22");
    check("the 15th", "2026-12-15");
    check("15th", "2026-12-15");
    check("the 15th of next month", "2026-12-15");
    check("nov 21", "2026-11-21");
    check("nov 20", "2027-11-20 or 2026-11-20");
    check_on("2026-12-31", "the 1st", "2027-01-01");
    check_on("2026-12-31", "jan 1", "2027-01-01 or 2026-01-01");
    check_on("2027-01-31", "the 30th", "\"the 30th\" is no day of February 2027.");
    check_on("2028-01-31", "the 29th", "2028-02-29");
    refused("the 31st", "no day of November 2026");
    refused("the 32nd", "nothing that can be read");
    refused("the 2th", "nothing that can be read");
    refused("the 15", "nothing that can be read");
}

#[test]
fn what_has_happened_lies_behind_whoever_says_only_the_day() {
    // A Wednesday.
    let check = |said: &str, means: &str| {
        assert_eq!(shown_as(past_date("contract_date", said, "2026-10-14".parse().unwrap())), means, "{said}");
    };
    check("oct 10", "2026-10-10");
    check("oct 14", "2026-10-14");
    check("10/10", "2026-10-10");
    check("sat oct 10", "2026-10-10");
    check("oct 15", "2025-10-15 or 2026-10-15");
    check("nov 3", "2025-11-03 or 2026-11-03");
    check("5/6", "2026-05-06 or 2026-06-05");
    check("friday", "2026-10-09 or 2026-10-16");
    check("tuesday", "2026-10-13 or 2026-10-20");
    check("wednesday", "2026-10-14 or 2026-10-07");
    check("the 10th", "2026-10-10");
    check("the 14th", "2026-10-14");
    check("the 20th", "2026-09-20 or 2026-10-20");
    check("the 31st", "\"the 31st\" is no day of September 2026.");
    // What says by itself where it lies.
    check("today", "2026-10-14");
    check("yesterday", "2026-10-13");
    check("tomorrow", "2026-10-15");
    check("3 days ago", "2026-10-11");
    check("in 3 days", "2026-10-17");
    check("next friday", "2026-10-16 or 2026-10-23");
    check("this friday", "2026-10-16");
    check("nov 3, 2026", "2026-11-03");
    check("2026-11-03", "2026-11-03");
    check("end of month", "2026-10-31");
}

#[test]
fn months_end_where_they_end_and_leap_days_are_only_where_they_are() {
    check("end of month", "2026-11-30");
    check("end of the month", "2026-11-30");
    check("the end of this month", "2026-11-30");
    check("end of next month", "2026-12-31");
    check_on("2028-01-31", "end of next month", "2028-02-29");
    check_on("2028-01-31", "in a month", "2028-02-29");
    check_on("2027-01-31", "in a month", "2027-02-28");
    check_on("2028-02-29", "in a year", "2029-02-28");
    check_on("2028-01-01", "feb 29", "2028-02-29");
    check_on("2028-02-29", "feb 29", "2028-02-29");
    check("feb 29, 2028", "2028-02-29");
    check("feb 28", "2027-02-28 or 2026-02-28");
    refused("feb 29", "February 2026 has no 29");
    refused("feb 29, 2027", "February 2027 has no 29");
    refused("31 feb", "has no 31");
    refused("feb 30th 2028", "has no 30");
    refused("2027-02-29", "nothing that can be read");
    check_on("2028-03-01", "feb 29", "\"feb 29\" is no day: February 2029 has no 29.");
}

#[test]
fn what_means_no_day_for_certain_is_refused() {
    for said in [
        "soon",
        "asap",
        "yesterday-ish",
        "next week",
        "next month",
        "this week",
        "next",
        "in",
        "in 3",
        "3",
        "12",
        "2027",
        "december",
        "dec 2027",
        "monday week",
        "weekend",
        "in a few days",
        "in 3 weekdays",
        "3 sepals",
        "in 3 business days",
        "-3 days",
        "in -3 days",
        "in 1.5 days",
        "in 9999 days",
        "dec 12 2026 2027",
        "dec 12 12",
        "tomorrow tomorrow",
        "tomorrow or friday",
        "friday, maybe",
        "not friday",
        "fryday",
        "in two hours",
        "12.12.2026",
        "12-12-2026",
        "2026/12/12",
        "20261212",
        "2026-12-12T00:00",
        "2026-12-1",
        "+2026-12-12",
        "1e3",
        "١٢/١٢/٢٠٢٦",
        "ｔｏｍｏｒｒｏｗ",
        "tomor\u{200b}row",
        "tomorrow\u{301}",
        "demain",
        "<@123>",
        "DROP TABLE",
        "the",
        "of the",
        "on",
        "at",
        ",",
        "now now",
    ] {
        refused(said, "nothing that can be read as a day");
    }
    refused("", "is empty");
    refused(" \t ", "is empty");
    refused("tomorrow\u{202e}", "U+202E");
    refused("tom\0orrow", "NUL");
    refused("tomorrow\nnoon", "U+000A");
    refused(&"9".repeat(101), "longer than 100");
    refused(&"x".repeat(1_000_000), "longer than 100");
    refused("tomorrow at noon", "has a time of day");
    refused("next friday 5pm", "has a time of day");
}

/// In Chicago, on Saturday 21 November 2026 at 14:30, unless said otherwise.
fn moment_at(now: &str, said: &str) -> String {
    let now: Zoned = format!("{now}[America/Chicago]").parse().unwrap();
    match moment("at", said, &now) {
        Ok(SpokenMoment { at, also }) => {
            let also = also.map_or_else(String::new, |also| format!(" or {also}"));
            format!("{}{also}", at.to_zoned(now.time_zone().clone()).strftime("%Y-%m-%d %H:%M %Z"))
        }
        Err(problem) => problem.sentence,
    }
}

#[track_caller]
fn check_moment(said: &str, means: &str) {
    assert_eq!(moment_at("2026-11-21T14:30", said), means, "{said}");
}

#[test]
fn an_instant_is_a_day_and_a_time_in_the_zone_of_whoever_speaks() {
    check_moment("next friday 5pm", "2026-11-27 17:00 CST or 2026-12-04");
    check_moment("friday at 5:30 PM", "2026-11-27 17:30 CST");
    check_moment("5 p.m. friday", "2026-11-27 17:00 CST");
    check_moment("tomorrow at noon", "2026-11-22 12:00 CST");
    check_moment("noon tomorrow", "2026-11-22 12:00 CST");
    check_moment("at noon on friday", "2026-11-27 12:00 CST");
    check_moment("dec 12 9am", "2026-12-12 09:00 CST");
    check_moment("dec 12, 2026 17:00", "2026-12-12 17:00 CST");
    check_moment("2026-12-12 09:00", "2026-12-12 09:00 CST");
    check_moment("in 3 days at 9am", "2026-11-24 09:00 CST");
    check_moment("12am tomorrow", "2026-11-22 00:00 CST");
    check_moment("12pm tomorrow", "2026-11-22 12:00 CST");
    check_moment("july 4 8am", "2027-07-04 08:00 CDT or 2026-07-04");
    check_moment("yesterday 5pm", "2026-11-20 17:00 CST");
    check_moment("5pm", "2026-11-21 17:00 CST");
    check_moment("in 2 hours", "2026-11-21 16:30 CST");
    check_moment("in an hour", "2026-11-21 15:30 CST");
    check_moment("in 30 minutes", "2026-11-21 15:00 CST");
    check_moment("1pm", "\"1pm\" has passed today. Say which day, such as tomorrow.");
    check_moment("friday", "\"friday\" has no time of day. Add one, such as 5pm, 17:00 or noon.");
    for said in [
        "friday at 5",
        "friday 5:00",
        "friday 25:00",
        "friday 13pm",
        "friday 0am",
        "friday 5:60pm",
        "friday 5:5pm",
        "friday midnight",
        "friday morning",
        "friday 5pm EST",
        "5pm 6pm",
        "5pm friday 5pm",
        "at",
        "friday at at 5pm",
        "in 2 hours 5pm",
        "in 2 seconds",
        "soon",
        "friday 5 PMX",
        "dec 12 9 aaaaaaaaaaaaaaaaaaaaaaaaaa",
        "9 PM soon",
        "friday 17:00:00",
        "17h",
        "now",
    ] {
        let answer = moment_at("2026-11-21T14:30", said);
        assert!(
            answer.contains("nothing that can be read") || answer.contains("no time of day"),
            "{said}: {answer}"
        );
    }
}

#[test]
fn a_time_that_the_clock_jumps_over_or_shows_twice_is_what_it_is_elsewhere() {
    let check = |now: &str, said: &str, means: &str| assert_eq!(moment_at(now, said), means, "{said}");
    check("2027-03-13T12:00", "tomorrow 2:30am", "2027-03-14 03:30 CDT");
    check("2026-10-31T12:00", "tomorrow 1:30am", "2026-11-01 01:30 CDT");
    // Hours are counted as they pass.
    check("2026-11-01T00:30", "in 2 hours", "2026-11-01 01:30 CST");
}

#[test]
fn a_reading_is_shown_back_with_its_weekday_and_how_far_it_is() {
    let today: Date = TODAY.parse().unwrap();
    let check = |on: &str, shown: &str| assert_eq!(echo(on.parse().unwrap(), today), shown);
    check("2026-11-21", "Saturday 21 November 2026, today");
    check("2026-11-22", "Sunday 22 November 2026, tomorrow");
    check("2026-11-20", "Friday 20 November 2026, yesterday");
    check("2026-11-28", "Saturday 28 November 2026, in 7 days");
    check("2026-12-12", "Saturday 12 December 2026, in 3 weeks");
    check("2026-12-13", "Sunday 13 December 2026, in 22 days");
    check("2026-11-07", "Saturday 7 November 2026, 2 weeks ago");
    let now: Zoned = "2026-11-21T14:30[America/Chicago]".parse().unwrap();
    // In UTC it is the next day by then.
    let at = moment("at", "tomorrow 8pm", &now).unwrap().at;
    assert_eq!(echo_moment(at, &now), "Sun 22 Nov 2026, 20:00 CST, tomorrow");
}

#[test]
fn nothing_is_read_where_the_calendar_ends() {
    let (first, last) = (Date::constant(1, 1, 1), Date::MAX);
    for said in [
        "tomorrow",
        "yesterday",
        "friday",
        "next friday",
        "in 999 years",
        "999 years ago",
        "dec 12",
        "the 1st",
        "end of next month",
        "in 999 months",
        "friday next week",
        "jan 1",
    ] {
        for today in [first, last, Date::MIN, Date::ZERO] {
            let _ = date("due_on", said, today);
            let _ = past_date("contract_date", said, today);
        }
    }
    for now in [Timestamp::MAX, Timestamp::MIN] {
        for said in ["tomorrow noon", "in 999 hours", "yesterday 1pm", "5pm"] {
            for zone in ["America/Chicago", "Pacific/Kiritimati"] {
                let _ = moment("at", said, &now.to_zoned(TimeZone::get(zone).unwrap()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_date_reads_as_itself_whatever_day_it_is(on in -719_162i64..2_932_896, today in -700_000i64..2_900_000) {
        let day = |days: i64| Date::constant(1970, 1, 1).checked_add(jiff::ToSpan::days(days)).unwrap();
        let (on, today) = (day(on), day(today));
        let same = Ok(SpokenDate { date: on, also: None });
        prop_assert_eq!(date("due_on", &on.to_string(), today), same.clone());
        if (1900..2200).contains(&on.year()) {
            prop_assert_eq!(date("due_on", &on.strftime("%A %-d %B %Y").to_string(), today), same.clone());
            prop_assert_eq!(date("due_on", &on.strftime("%b %-d, %Y").to_string(), today), same.clone());
            prop_assert_eq!(date("due_on", &on.strftime("%m/%d/%Y").to_string(), today).unwrap().date, on);
        }
    }

    #[test]
    fn no_words_break_it_and_the_same_words_mean_the_same(
        said in prop_oneof![
            any::<String>(),
            "((next|this|the|in|a|3|end|of|month|weeks|days?|fri|dec\\.?|12|15th|2027|5 ?[pP][mM]|noon|at|1/2|ago|from|now|,) ?){1,7}",
        ],
        days in 0i64..40_000,
    ) {
        let today = Date::constant(1990, 1, 1).checked_add(jiff::ToSpan::days(days)).unwrap();
        prop_assert_eq!(date("due_on", &said, today), date("due_on", &said, today));
        let now = today.at(14, 30, 0, 0).to_zoned(TimeZone::get("America/Chicago").unwrap()).unwrap();
        prop_assert_eq!(moment("at", &said, &now), moment("at", &said, &now));
    }

    #[test]
    fn a_weekday_lies_within_the_coming_week(days in 0i64..40_000, which in 0usize..7) {
        let today = Date::constant(1990, 1, 1).checked_add(jiff::ToSpan::days(days)).unwrap();
        let name = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][which];
        let found = date("due_on", name, today).unwrap().date;
        prop_assert_eq!(usize::try_from(found.weekday().to_monday_zero_offset()).unwrap(), which);
        prop_assert!((1..=7).contains(&today.until(found).unwrap().get_days()));
    }
}
