//! Errors with a code of AWS.

use std::collections::HashMap;

use super::answer::{Answer, of_aws};
use super::flatten::Flat;
use super::phrases::{AMBIGUOUS_CODES, AWS_MARKERS, CODES, MESSAGES, STS_WORDS};
use super::quote::{before_date, finished, quote, shortened, without_repeats};
use super::scan::{
    LoggedError, head, is_of_other_vendor, java_service, request_id, request_id_after, tail,
};
use crate::aws::denial::{DENIED, Denial};
use crate::aws::error_code::{ApiError, ErrorKind};
use crate::aws::error_finding::RequestContext;
use crate::finding::{Cause, Finding};

/// Marks that only clients of AWS put in front of a code.
const CODE_MARKS: [&str; 5] = [
    "error occurred (",
    "api error",
    "Errors::",
    "code: Some(\"",
    "__type\":\"",
];
/// Marks that other programs use, too.
const COMMON_CODE_MARKS: [&str; 8] = [
    "Code:",
    "<Code>",
    "\"code\":\"",
    "\"Code\":\"",
    "\"errorCode\":\"",
    "#",
    "Code: '",
    "Code: \"",
];
/// Marks in front of a request ID.
const REQUEST_ID_MARKS: [&str; 9] = [
    "AWS Request ID: ",
    "requestId = ",
    "RequestID: ",
    "Request ID: ",
    "request id: ",
    "requestId: '",
    "<RequestId>",
    "aws_request_id\": \"",
    "x-amzn-requestid: ",
];
/// Marks that end a message.
const MESSAGE_ENDS: [&str; 21] = [
    "</Message>",
    "\")",
    "\" }",
    "\"}",
    " at ",
    "Traceback",
    " An error occurred (",
    " operation error ",
    "status code:",
    " with provider[",
    " with data.",
    " with module.",
    " with aws_",
    " on main.tf",
    " on line ",
    ", S3 Extended Request ID",
    " CREATE_FAILED",
    "(Service:",
    " { '$fault'",
    " $fault",
    "(Aws::",
];

/// So many occurrences of one code are read; more are counted.
const READ: usize = 2000;

/// Every code of AWS that the text reports as an error.
pub(super) fn coded_errors(log: &Flat) -> Vec<LoggedError> {
    let flat = log.text.as_str();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found: Vec<LoggedError> = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut at = 0;
    while let Some(offset) = flat[at..].find(|c: char| c.is_ascii_uppercase()) {
        let start = at + offset;
        let end = flat[start..]
            .find(|c| !is_word(c))
            .map_or(flat.len(), |offset| start + offset);
        at = end.max(start + 1);
        let begins_word = flat[..start]
            .chars()
            .next_back()
            .is_none_or(|c| !is_word(c));
        let word = &flat[start..end];
        let is_code = begins_word && (CODES.contains(&word) || AMBIGUOUS_CODES.contains(&word));
        if !is_code {
            continue;
        }
        let count = seen.entry(word).or_default();
        *count += 1;
        if *count <= READ && is_reported(flat, start, end) && !is_of_other_vendor(flat, start) {
            found.extend(error_at(log, start, end));
        }
    }
    for error in &mut found {
        // The first counts those like it that were not read.
        let of_code = error.code.as_deref().and_then(|code| seen.remove(code));
        error.count += of_code.unwrap_or_default().saturating_sub(READ);
    }
    found.extend(without_body(log));
    found
}

/// Whether the code from `start` to `end` is reported as an error.
fn is_reported(flat: &str, start: usize, end: usize) -> bool {
    let (before, after) = (&flat[..start], &flat[end..]);
    if AMBIGUOUS_CODES.contains(&&flat[start..end]) {
        is_shown_as_code(before, after)
    } else {
        is_error(before, after)
    }
}

/// Whether a code that no other program uses is reported as an error, and not in a list of names, a
/// metric or an import.
fn is_error(before: &str, after: &str) -> bool {
    let is_quoted = before.ends_with('"') && after.starts_with('"') && !before.ends_with("=\"");
    let has_message = || {
        let (before, after) = (tail(before, 300), head(after, 300));
        MESSAGES
            .iter()
            .any(|(words, _)| after.contains(words) || before.contains(words))
    };
    is_shown_as_code(before, after)
        || after.starts_with([':', ')', '('])
        || is_quoted
        || has_message()
}

/// `(CODE)`, `api error CODE:`, `Error Code: CODE`, `<Code>CODE<`, `Errors::CODE`, `"CODE"`; `CODE:
/// ` after a colon, or with what AWS writes with such codes.
fn is_shown_as_code(before: &str, after: &str) -> bool {
    let before = before.trim_end();
    let is_about_aws = || {
        let around = format!("{}{}", tail(before, 400), head(after, 400)).to_ascii_lowercase();
        AWS_MARKERS.iter().any(|mark| around.contains(mark))
    };
    if CODE_MARKS.iter().any(|mark| before.ends_with(mark)) {
        return true;
    }
    if COMMON_CODE_MARKS.iter().any(|mark| before.ends_with(mark)) && is_about_aws() {
        return true;
    }
    after.starts_with(": ")
        && (before.ends_with(':') && is_about_aws()
            || tail(before, 200).contains("operation error ")
            || is_written_by_aws(head(after, 400)))
}

/// Whether AWS or one of its SDKs writes like this.
fn is_written_by_aws(text: &str) -> bool {
    let messages = [
        "not authorized to perform",
        "DurationSeconds",
        "Rate exceeded",
        "Session token not found",
        "No access",
    ];
    let marks = [
        "status code: ",
        "request id",
        "equest ID",
        "(Service: ",
        "$metadata",
        "aws-sdk",
        "amazonaws",
    ];
    messages
        .into_iter()
        .chain(marks)
        .any(|words| text.contains(words))
}

/// Responses to HEAD have no body, and so no code: botocore prints the HTTP status in its place.
fn without_body(log: &Flat) -> Vec<LoggedError> {
    let flat = log.text.as_str();
    let marks = [
        ("An error occurred (403) when calling the ", true),
        ("Error Code: 403 Forbidden", false),
    ];
    let error = |(words, names_operation): (&str, bool)| {
        let at = flat.find(words)?;
        let after = head(&flat[at + words.len()..], 100);
        let operation = after.split_once(" operation").filter(|_| names_operation);
        let operation = operation.map(|(name, _)| name.to_owned());
        let message = quote(log, at, at + words.len());
        let summary = "AWS denied this, and a response without a body has no reason";
        let finding = Finding::new(Cause::PermissionDenied, summary)
            .evidence(message.clone())
            .remedy(
                "make another request to see the reason: aws s3 ls s3://BUCKET; awsfresh doctor \
                shows whose credentials these are",
            )
            .likely();
        let (code, kind) = (Some("HTTP 403".to_owned()), Some(ErrorKind::Denied));
        Some(LoggedError {
            code,
            message,
            operation,
            kind,
            at,
            ..LoggedError::new(finding)
        })
    };
    marks.into_iter().filter_map(error).collect()
}

/// The error with the code from `start` to `end`.
fn error_at(log: &Flat, start: usize, end: usize) -> Option<LoggedError> {
    let flat = log.text.as_str();
    let code = &flat[start..end];
    let (before, after) = (tail(&flat[..start], 400), head(&flat[end..], 700));
    let said = message(before, after).map(only_one_denial);
    let is_said = said.is_some();
    let message = said.unwrap_or_else(|| quote(log, start, end));
    let error = ApiError {
        code,
        message: &message,
        status: None,
    };
    let kind = error.kind()?;
    // Every service rejects parameters; only those of STS are about credentials.
    let is_validation = kind == ErrorKind::InvalidSetting && code == "ValidationError";
    let is_of_sts = |word: &&str| tail(before, 300).contains(word) || after.contains(word);
    if is_validation && !STS_WORDS.iter().any(is_of_sts) {
        return None;
    }
    let service = between(before, "operation error ", ":")
        .or_else(|| between(before, "Aws::", "::Errors"))
        .or_else(|| java_service(before))
        .or_else(|| java_service(head(after, 200)));
    let operation =
        between(after, "when calling the ", " operation").or_else(|| go_operation(before));
    let id = |mark: &&str| {
        let in_front = || {
            before
                .rsplit_once(*mark)
                .and_then(|(_, rest)| request_id(rest))
        };
        request_id_after(after, mark).or_else(in_front)
    };
    let of_go = || {
        let (_, call) = before.rsplit_once("operation error ")?;
        request_id_after(call, "RequestID: ")
    };
    let request_id = of_go().or_else(|| REQUEST_ID_MARKS.iter().find_map(id));
    let answer = Answer {
        kind,
        code,
        temporary_key: between(after, "<AWSAccessKeyId>", "</").filter(|id| id.starts_with("ASIA")),
        message: &message,
        service: service.as_deref(),
        operation: operation.as_deref(),
    };
    let mut finding = error.finding(kind, &RequestContext::UNKNOWN);
    if !is_said {
        finding.evidence = vec![message.clone()];
    }
    let finding = of_aws(finding, &answer, log, start);
    Some(LoggedError {
        code: Some(code.to_owned()),
        message,
        service,
        operation,
        request_id,
        kind: Some(kind),
        at: start,
        ..LoggedError::new(finding)
    })
}

/// `operation error SERVICE: OPERATION, …`
fn go_operation(before: &str) -> Option<String> {
    let (_, rest) = before.rsplit_once("operation error ")?;
    let (_, name) = rest.split_once(": ")?;
    name.split([',', ' ']).next().map(str::to_owned)
}

/// What stands between a code and its message, in the forms of different clients.
const SEPARATORS: [&str; 10] = [
    ": ",
    "): ",
    " - ",
    " => ",
    ", AWS Error Message: ",
    ", message = ",
    ", message: ",
    ", Message: ",
    " Message: ",
    "</Code><Message>",
];

/// Marks of a message behind its code.
const MESSAGE_MARKS: [&str; 6] = [
    "<Message>",
    "message: Some(\"",
    "\"message\":\"",
    "\"Message\":\"",
    "\"message\": \"",
    "\"Message\": \"",
];

/// The message of a code: as a rule, the text after it; `None` where there is none on either side.
fn message(before: &str, after: &str) -> Option<String> {
    let of_botocore = || {
        let (call, rest) = after.split_once(" operation: ")?;
        let is_call = call.starts_with(") when calling the ")
            || call.contains("when calling the ") && call.len() < 120;
        is_call.then_some(rest)
    };
    let bare = after.trim_start_matches(['"', '\'']);
    let separated = || SEPARATORS.iter().find_map(|mark| bare.strip_prefix(mark));
    let marked = || {
        let split = |mark: &&str| after.split_once(*mark).map(|(_, rest)| rest);
        MESSAGE_MARKS.iter().find_map(split)
    };
    let text = of_botocore().or_else(separated).or_else(marked);
    let text = text.or_else(|| message_in_front(before))?;
    let text = text.trim().trim_start_matches([':', ' ', '"']);
    let ends = MESSAGE_ENDS
        .iter()
        .filter_map(|end| text.find(end))
        .filter(|at| *at > 0);
    let (text, rest) = text.split_at(ends.min().unwrap_or(text.len()));
    let text = without_repeats(before_date(text), 0);
    Some(finished(&shortened(text.trim(), 400), rest))
}

/// A message without what is behind the sentence of a denial: the next line may deny, too.
fn only_one_denial(mut message: String) -> String {
    let sentence = message
        .find(DENIED)
        .and_then(|at| Denial::sentence(&message, at));
    if let Some(sentence) = sentence {
        message.truncate(sentence.end);
    }
    message
}

/// Java, Ruby and PHP print the message in front of its code: `MESSAGE (Service: …; Error Code: `,
/// `MESSAGE (Aws::STS::Errors::`. It begins behind the last colon that a capital follows; in a table
/// of events, with a sentence of AWS.
fn message_in_front(before: &str) -> Option<&str> {
    let text = before.rsplit_once(" (").map_or(before, |(text, _)| text);
    let text = without_key(text).trim_end_matches(['(', ' ', '\'', '`', '>', ',']);
    let begins = |(at, mark): (usize, &str)| {
        let start = at + mark.len();
        let is_capital = text[start..].starts_with(|c: char| c.is_ascii_uppercase());
        is_capital.then_some(start)
    };
    let start = text.match_indices(": ").filter_map(begins).last();
    let start = start.or_else(|| text.rfind(['`', '>']).map(|at| at + 1));
    let of_aws = |(words, _): &(&str, &str)| text.rfind(words);
    let start = start.or_else(|| MESSAGES.iter().find_map(of_aws));
    Some(tail(&text[start?..], 300))
}

/// A text without the key of the code at its end: `…', code: '`, `…', 'Code': '`.
fn without_key(text: &str) -> &str {
    let quotes = ['\'', '"', ' '];
    let Some(rest) = text.trim_end_matches(quotes).strip_suffix(':') else {
        return text;
    };
    let rest = rest.trim_end_matches(quotes);
    let key = ["code", "Code"]
        .iter()
        .find_map(|key| rest.strip_suffix(key));
    key.filter(|rest| rest.ends_with(quotes))
        .map_or(text, |rest| {
            rest.trim_end_matches(|c| c == ',' || quotes.contains(&c))
        })
}

/// The text between the last `open` and the next `close`, if it is short.
fn between(text: &str, open: &str, close: &str) -> Option<String> {
    let (_, rest) = text.rsplit_once(open)?;
    let (name, _) = rest.split_once(close)?;
    (!name.is_empty() && name.len() < 64).then(|| name.to_owned())
}
