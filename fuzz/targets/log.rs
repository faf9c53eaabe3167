//! A log as arbitrary bytes: whatever is found in it has a cause, is told in under 4 KB and on the lines of its form.
#![no_main]

use awsfresh::explain::scan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    for error in scan(&text) {
        let told = error.finding.to_string();
        assert!(
            told.len() < 4096 && told.starts_with("awsfresh: "),
            "{told}"
        );
        assert!(
            told.lines()
                .skip(1)
                .all(|line| line.starts_with("  seen: ") || line.starts_with("  try:  ")),
            "{told}"
        );
        assert!(error.count > 0 && error.message.len() <= 1000);
    }
});
