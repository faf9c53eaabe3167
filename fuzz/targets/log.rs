//! A log as arbitrary bytes: the text of every finding is below 4 KB and has the usual format.
#![no_main]

use awsfresh::explain::scan;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    for error in scan(&text) {
        let finding = error.finding.to_string();
        assert!(
            finding.len() < 4096 && finding.starts_with("awsfresh: "),
            "{finding}"
        );
        assert!(
            finding
                .lines()
                .skip(1)
                .all(|line| line.starts_with("  seen: ") || line.starts_with("  try:  ")),
            "{finding}"
        );
        assert!(error.count > 0 && error.message.len() <= 1000);
    }
});
