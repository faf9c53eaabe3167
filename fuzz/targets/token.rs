//! An SSO token file as arbitrary bytes: a parsed token has a usable access token, and an error is
//! a short sentence.
#![no_main]

use awsfresh::source::sso::{TokenSource, parse_token};
use awsfresh::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| match parse_token(input, TokenSource::File) {
    Ok(token) => {
        assert!(
            token
                .access()
                .expose()
                .bytes()
                .all(|b| b.is_ascii_graphic())
        );
        let now = Timestamp(1_800_000_000);
        assert!(token.is_valid(now) || !token.is_fresh(now));
    }
    Err(why) => assert!(
        why.len() < 100 && !why.chars().any(char::is_control),
        "{why}"
    ),
});
