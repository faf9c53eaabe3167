//! Finds the errors in a log, and ranks them.

use super::coded::coded_errors;
use super::flatten::Flat;
use super::messages::Messages;
use super::names;
use super::phrases::OTHER_VENDORS;
use crate::aws::error_code::ErrorKind;
use crate::finding::{Cause, Finding, remedy};
use crate::text::redacted;

/// A phrase counts near words about AWS within this many bytes.
pub(super) const REACH: usize = 300;

/// So many different errors are reported; a log may contain any number.
const MAX_ERRORS: usize = 100;

/// One error in a log; the same error several times is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedError {
    /// The code of AWS; `None` for a message of a client.
    pub(crate) code: Option<String>,
    /// The message of AWS or of the client, shortened.
    pub message: String,
    /// The service, as the client names it.
    pub(crate) service: Option<String>,
    /// The API operation.
    pub(crate) operation: Option<String>,
    /// The request ID, for AWS support.
    pub(crate) request_id: Option<String>,
    /// How often it occurs.
    pub count: usize,
    /// What it means by itself.
    pub finding: Finding,
    /// The kind of error, if AWS returned it.
    pub(crate) kind: Option<ErrorKind>,
    /// Its place in the text.
    pub(super) at: usize,
    /// Where its line begins, if that is known.
    pub(super) line: Option<usize>,
}

impl LoggedError {
    /// An error of which nothing but its meaning is known.
    pub(super) fn new(finding: Finding) -> Self {
        Self {
            code: None,
            message: String::new(),
            service: None,
            operation: None,
            request_id: None,
            count: 1,
            finding,
            kind: None,
            at: 0,
            line: None,
        }
    }

    /// What ends a program ranks before what it may survive: a denied request, and what is tried
    /// again.
    fn rank(&self) -> u8 {
        match self.kind {
            Some(ErrorKind::Throttled | ErrorKind::ServerError) => 2,
            Some(ErrorKind::Denied) => 1,
            _ => 0,
        }
    }

    /// Whether a line says an error again, as clients do that print its class or its XML, too.
    fn is_said_again(&self, other: &Self) -> bool {
        match (&self.request_id, &other.request_id) {
            (Some(known), Some(new)) => known == new,
            _ => self.line.is_some() && self.line == other.line,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.operation, &other.operation);
        let same_operation = a == b || a.is_none() || b.is_none();
        let code = |error: &'_ Self| {
            let code = error.code.as_deref().unwrap_or_default();
            code.trim_end_matches("Exception").to_owned()
        };
        self.finding.cause == other.finding.cause && code(self) == code(other) && same_operation
    }
}

/// Every error in `text` that is recognised, the most telling first.
pub fn scan(text: &str) -> Vec<LoggedError> {
    let flat = Flat::of(text);
    let mut found: Vec<LoggedError> = Vec::new();
    for error in own_failures(&flat.text) {
        add(&mut found, error);
    }
    for mut error in coded_errors(&flat) {
        error.line = Some(flat.line_around(error.at).0);
        add(&mut found, error);
    }
    let messages = Messages::find(&flat);
    if found.is_empty() {
        let of_aws = messages.of_aws().into_iter();
        of_aws.for_each(|error| add(&mut found, error));
    }
    // A message of a client counts only where AWS has not spoken: "no credentials" often follows
    // from its answer. An answer that a client survives does not end in such a message.
    let last = found.iter().map(|error| error.at).max();
    if found.iter().all(|error| error.rank() > 0) {
        let of_client = messages.of_client(last).into_iter();
        of_client.for_each(|error| add(&mut found, error));
    }
    found.sort_by_key(LoggedError::rank);
    if let Some(name) = names::profile_of_commands(&flat.text) {
        for error in &mut found {
            error.finding.name_profile_in_steps(name);
        }
    }
    found.iter_mut().for_each(redact);
    found
}

/// A log may contain anything: the arguments of a program, or the secret in the place of the key
/// ID.
fn redact(error: &mut LoggedError) {
    error.message = redacted(&error.message);
    let Finding {
        summary, evidence, ..
    } = &mut error.finding;
    for line in evidence.iter_mut().chain([summary]) {
        *line = redacted(line);
    }
}

fn add(found: &mut Vec<LoggedError>, new: LoggedError) {
    let is_full = found.len() >= MAX_ERRORS;
    match found.iter_mut().find(|known| known.is_same(&new)) {
        Some(known) => {
            if !known.is_said_again(&new) {
                known.count += new.count;
            }
            known.line = new.line;
            known.request_id = known.request_id.take().or(new.request_id);
            known.service = known.service.take().or(new.service);
            known.operation = known.operation.take().or(new.operation);
        }
        None if !is_full => found.push(new),
        None => {}
    }
}

/// Our own failures carry their cause: `awsfresh: … [cause-id]`.
fn own_failures(flat: &str) -> Vec<LoggedError> {
    let of_place = |(at, _): (usize, &str)| own_failure(head(&flat[at..], 1000));
    flat.match_indices("awsfresh: ")
        .filter_map(of_place)
        .collect()
}

fn own_failure(text: &str) -> Option<LoggedError> {
    let (summary, tail) = text.split_once(" [")?;
    let (id, after) = tail.split_once(']')?;
    let cause = Cause::ALL.iter().copied().find(|cause| cause.id() == id)?;
    let mut finding = Finding::new(cause, summary.trim_start_matches("awsfresh: "));
    let seen = after
        .split_once("seen: ")
        .and_then(|(_, rest)| rest.split_once(" try: "));
    if let Some((seen, rest)) = seen {
        let seen = seen.split(" seen: ").next().unwrap_or_default().trim();
        let stops = [" awsfresh", " try: ", " at ", "\""];
        let end = stops
            .iter()
            .filter_map(|stop| rest.find(stop))
            .min()
            .unwrap_or(rest.len());
        // A log is not ours, whatever it says: its step is shown, and not as one of ours.
        let step = redacted(head(rest[..end].trim(), 200));
        finding = finding
            .evidence(seen)
            .remedy(remedy!("its next step was: {}", step));
    }
    let message = finding.summary.clone();
    Some(LoggedError {
        message,
        ..LoggedError::new(finding)
    })
}

/// The text within `reach` bytes of `at`, in lower case.
pub(super) fn around(flat: &str, at: usize, reach: usize) -> String {
    let mut around = format!("{}{}", tail(&flat[..at], reach), head(&flat[at..], reach));
    around.make_ascii_lowercase();
    around
}

/// Whether what is at `at` is of another vendor, with similar codes and messages.
pub(super) fn is_of_other_vendor(flat: &str, at: usize) -> bool {
    let around = around(flat, at, REACH);
    OTHER_VENDORS.iter().any(|word| around.contains(word))
}

/// The service in `(Service: NAME, …)`, as the SDK for Java prints it.
pub(super) fn java_service(text: &str) -> Option<String> {
    let (_, rest) = text.rsplit_once("(Service: ")?;
    let name = rest.split([',', ';', ')']).next().unwrap_or_default();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The request ID behind `mark`.
pub(super) fn request_id_after(text: &str, mark: &str) -> Option<String> {
    request_id(text.split_once(mark)?.1)
}

/// The request ID at the beginning of `text`.
pub(super) fn request_id(text: &str) -> Option<String> {
    let id: String = text
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect();
    (id.len() >= 8 && id.contains(|c: char| c.is_ascii_digit())).then_some(id)
}

/// The first `limit` bytes, in whole characters.
pub(super) fn head(text: &str, limit: usize) -> &str {
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(is_boundary)
        .unwrap_or(0);
    &text[..end]
}

/// The last `limit` bytes, in whole characters.
pub(super) fn tail(text: &str, limit: usize) -> &str {
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    let from = text.len().saturating_sub(limit);
    let start = (from..=text.len()).find(is_boundary).unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
