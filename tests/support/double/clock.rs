//! The three time formats of AWS's protocols, without a date library.

use std::time::{SystemTime, UNIX_EPOCH};

/// A server has its own clock, so this does not use `World::clock`.
#[allow(clippy::disallowed_methods)]
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs() as i64)
}

/// Year, month and day of a day number (Hinnant's civil-from-days).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468
}

fn parts(epoch: i64) -> (i64, i64, i64, i64, i64, i64) {
    let (year, month, day) = civil(epoch.div_euclid(86_400));
    let second = epoch.rem_euclid(86_400);
    (
        year,
        month,
        day,
        second / 3_600,
        second / 60 % 60,
        second % 60,
    )
}

/// `20261124T023517Z`, as in `X-Amz-Date`.
pub fn basic(epoch: i64) -> String {
    let (year, month, day, hour, minute, second) = parts(epoch);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The inverse of [`basic`].
pub fn parse_basic(text: &str) -> Option<i64> {
    let shape_holds =
        text.len() == 16 && text.is_ascii() && &text[8..9] == "T" && text.ends_with('Z');
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    if !shape_holds {
        return None;
    }
    let days = days_from_civil(number(0, 4)?, number(4, 6)?, number(6, 8)?);
    Some(days * 86_400 + number(9, 11)? * 3_600 + number(11, 13)? * 60 + number(13, 15)?)
}

/// `2026-11-24T02:35:17Z`, as in STS answers.
pub fn rfc3339(epoch: i64) -> String {
    let (year, month, day, hour, minute, second) = parts(epoch);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `Tue, 24 Nov 2026 02:35:17 GMT`, as in the `Date` header.
pub fn imf_fixdate(epoch: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (year, month, day, hour, minute, second) = parts(epoch);
    let weekday = DAYS[epoch.div_euclid(86_400).rem_euclid(7) as usize];
    format!(
        "{weekday}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT",
        MONTHS[month as usize - 1]
    )
}
