use super::*;

#[test]
fn every_known_calendar_can_be_read() {
    for name in HolidayCalendar::NAMES {
        assert_eq!(HolidayCalendar::named(name).map(HolidayCalendar::id), Ok(*name));
    }
}
