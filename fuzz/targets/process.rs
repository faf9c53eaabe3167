//! The answer of a foreign credential_process as arbitrary bytes. Accepted credentials are valid in
//! an HTTP header, have not expired, and are the same after a round trip through awsfresh's own
//! answer. A rejected answer is not quoted.
#![no_main]

mod usable;

use awsfresh::source::process_output::parse;
use awsfresh::time::Timestamp;
use libfuzzer_sys::fuzz_target;
use usable::assert_usable;

fuzz_target!(|input: &[u8]| {
    let now = Timestamp(1_800_000_000);
    match parse(input, now) {
        Ok(c) => {
            assert_usable(&c);
            assert!(c.expiration.is_none_or(|t| t > now));
            let again = parse(&c.to_process_json(), now).expect("awsfresh's own answer is valid");
            assert_eq!(again, c);
        }
        Err(why) => {
            assert!(
                why.len() < 200
                    && why.starts_with("printed ")
                    && !why.chars().any(char::is_control),
                "{why}"
            );
            // A reason may quote only numbers and times from the answer.
            let fixed: String = why.chars().filter(char::is_ascii_alphabetic).collect();
            assert!(fixed.len() < 120, "{why}");
        }
    }
});
