//! What is wrong with the output of a credential_process, as the client's parser says it.

use super::flatten::Flat;
use super::quote::quote;
use super::scan::head;
use crate::finding::Finding;

/// A client prints the output first, then what is wrong with it, within this many bytes.
const REACH: usize = 4000;
/// A longer text is not shown as a time, in bytes.
const TIME: usize = 30;

/// A finding about the output of a process, with what the log says behind the byte `at`.
pub(super) fn refined(finding: Finding, flat: &Flat, at: usize) -> Finding {
    let behind = head(&flat.text[at..], REACH);
    if let Some((place, time)) = unparsed_time(behind) {
        return of_time(finding, time, quote(flat, at + place, at + place));
    }
    let end = "unexpected end of json input";
    match behind.to_ascii_lowercase().find(end) {
        Some(place) => of_cut(finding, quote(flat, at + place, at + place + end.len())),
        None => finding,
    }
}

/// The place and the text in `parsing time "TEXT" as "`, as Go's time package prints it.
fn unparsed_time(text: &str) -> Option<(usize, &str)> {
    let mark = "parsing time \"";
    let place = text.find(mark)?;
    let (time, _) = text[place + mark.len()..].split_once("\" as \"")?;
    Some((place, time.trim_matches('"')))
}

fn of_time(mut finding: Finding, time: &str, said: String) -> Finding {
    finding.remedy.clear();
    finding.evidence = vec![said];
    if time.is_empty() {
        finding.summary = "the credential_process of the profile prints an empty Expiration".into();
        return finding.remedy(
            "let it print a time such as 2026-01-31T12:00:00Z, or leave Expiration out if there is none",
        );
    }
    finding.summary = "the credential_process prints an Expiration that is not RFC 3339".into();
    if time.len() <= TIME && time.starts_with(|c: char| c.is_ascii_digit()) {
        finding.summary = format!("{}: {time}", finding.summary);
    }
    finding.remedy("let it print the time like 2026-01-31T12:00:00Z, with a Z for UTC at its end")
}

/// aws-sdk-go reads so much and no more: issues 2334 and 2875 of aws/aws-sdk-go.
fn of_cut(mut finding: Finding, said: String) -> Finding {
    finding.summary = "the output of credential_process ends in the middle of its JSON".into();
    if !finding.evidence.iter().any(|line| line.contains(&said)) {
        finding.evidence.push(said);
    }
    finding.remedy(
        "if it is whole there: print it on one line, or update the program: before 1.25.42, \
        aws-sdk-go reads 1,024 bytes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Cause;

    #[test]
    fn what_the_parser_says_is_told() {
        let told = |log: &str| {
            let finding = Finding::new(Cause::ProcessOutputInvalid, "x");
            refined(finding, &Flat::of(log), 0).summary
        };
        let time = r#"parsing time "\"2020-05-16T19:19:29UTC\"" as "\"2006-01-02\"": no"#;
        assert!(told(time).ends_with(": 2020-05-16T19:19:29UTC"));
        let secret = r#"parsing time "swordfish" as "2006-01-02": no"#;
        assert!(!told(secret).contains("swordfish"));
        let empty = r#"parsing time "" as "2006-01-02": no"#;
        assert!(told(empty).contains("empty Expiration"));
        assert!(told("SyntaxError: Unexpected end of JSON input").contains("in the middle"));
        assert_eq!(told("parsing time"), "x");
    }
}
