use proptest::prelude::*;

use super::*;

fn federal() -> &'static HolidayCalendar {
    HolidayCalendar::named("us-federal").unwrap()
}

#[test]
fn every_known_calendar_can_be_read() {
    for name in HolidayCalendar::NAMES {
        assert_eq!(HolidayCalendar::named(name).map(HolidayCalendar::id), Ok(*name));
    }
}

#[test]
fn an_unknown_calendar_is_named_beside_the_known_ones() {
    let unknown = HolidayCalendar::named("mars").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "There is no holiday calendar called \"mars\"; the known ones are us-federal, none."
    );
}

#[test]
fn the_federal_calendar_says_which_data_it_holds() {
    assert_eq!(federal().version(), "0.108");
    assert_eq!(federal().names.len(), 1342);
}

#[test]
fn a_damaged_calendar_is_no_calendar() {
    let head = "# x; version: 1; years: 2000-2001\ndate,name\n";
    assert!(HolidayCalendar::read("x", head).is_some());
    for text in [
        "",
        "date,name\n2000-01-01,New Year's Day\n",
        "# x; years: 2000-2001\ndate,name\n",
        "# x; version: 1\ndate,name\n",
        "# x; version: 1; years: 2000-2001\n2000-01-01,New Year's Day\n",
        "# x; version: 1; years: 2000-2001\ndate,name\n2000-02-30,No such day\n",
        "# x; version: 1; years: 2000-2001\ndate,name\n2000-01-01\n",
    ] {
        assert!(HolidayCalendar::read("x", text).is_none(), "{text}");
    }
}

#[track_caller]
fn check(day: &str, why: &str) {
    let off = federal().day_off(day.parse().unwrap()).unwrap();
    assert_eq!(off.as_deref().unwrap_or("business day"), why, "{day}");
}

#[test]
fn every_day_off_has_its_name() {
    check("2026-01-01", "New Year's Day");
    check("2026-01-19", "Martin Luther King Jr. Day");
    check("2026-02-16", "Washington's Birthday");
    check("2026-05-25", "Memorial Day");
    check("2026-06-19", "Juneteenth National Independence Day");
    check("2026-07-03", "Independence Day (observed)");
    check("2026-07-04", "Saturday and Independence Day");
    check("2026-07-05", "Sunday");
    check("2026-07-06", "business day");
    check("2026-09-07", "Labor Day");
    check("2026-10-12", "Columbus Day");
    check("2026-11-11", "Veterans Day");
    check("2026-11-26", "Thanksgiving Day");
    check("2026-11-27", "business day");
    check("2026-11-28", "Saturday");
    check("2026-12-25", "Christmas Day");
    check("2021-12-31", "New Year's Day (observed)");
    check("2100-12-31", "New Year's Day (observed)");
    // The centenary years 2000 (a leap year) and 2100 (none).
    check("2000-02-29", "business day");
    check("2100-03-01", "business day");
}

#[test]
fn no_calendar_answers_for_years_it_does_not_cover() {
    for day in ["1989-12-31", "2101-01-01", "-9999-01-01", "9999-12-31"] {
        let day: Date = if day.starts_with('-') { Date::MIN } else { day.parse().unwrap() };
        assert!(matches!(federal().day_off(day), Err(NoDate::OutsideCalendar { .. })), "{day}");
    }
    let sentence = federal().count_business_days(date(2100, 12, 30), 1).unwrap_err().to_string();
    assert_eq!(
        sentence,
        "The date leaves the years that the holiday calendar us-federal covers (1990-01-01 to 2100-12-31)."
    );
    assert!(federal().roll(date(2100, 12, 31), Roll::Next).is_err());
    assert!(federal().roll(date(1990, 1, 1), Roll::Previous).is_err());
    assert_eq!(federal().roll(date(2500, 1, 1), Roll::None).unwrap().date, date(2500, 1, 1));
    assert!(count_calendar_days(Date::MAX, 1).is_err());
    assert!(count_calendar_days(Date::MIN, i32::MIN).is_err());
}

proptest! {
    #[test]
    fn a_counted_or_rolled_date_accounts_for_every_day_on_the_way(
        ahead in 0..35_000i32, offset in -300..=300i32, next: bool,
    ) {
        let from = count_calendar_days(date(1995, 1, 1), ahead).unwrap();
        let counted = federal().count_business_days(from, offset).unwrap();
        let days = (counted.date - from).get_days().unsigned_abs() as usize;
        prop_assert_eq!(days, offset.unsigned_abs() as usize + counted.passed.len());
        prop_assert!(offset == 0 || federal().is_business_day(counted.date).unwrap());
        for day in &counted.passed {
            prop_assert!(!federal().is_business_day(day.date).unwrap());
        }

        let rolled = federal().roll(from, if next { Roll::Next } else { Roll::Previous }).unwrap();
        prop_assert!(federal().is_business_day(rolled.date).unwrap());
        prop_assert_eq!((rolled.date - from).get_days().unsigned_abs() as usize, rolled.passed.len());
        prop_assert!(rolled.date == from || (rolled.date > from) == next);
    }

    #[test]
    fn no_date_and_no_offset_is_too_much(year in -9999..=9999i16, month in 1..=12i8, day in 1..=28i8, offset: i32) {
        let from = date(year, month, day);
        let _ = count_calendar_days(from, offset);
        for name in HolidayCalendar::NAMES {
            let calendar = HolidayCalendar::named(name).unwrap();
            let _ = calendar.count_business_days(from, offset);
            let _ = calendar.roll(from, Roll::Next);
            let _ = calendar.roll(from, Roll::Previous);
        }
    }
}
