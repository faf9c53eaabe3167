//! Messages without a code: of AWS, printed by clients that omit the code, and of clients
//! themselves. All phrases are searched for in one pass: a log may have 32 MB.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::client_messages::{CLIENT_MESSAGES, ClientMessage, NETWORK_MESSAGES, WEAK_HINTS};
use super::phrases::{AWS_MARKERS, FAILURES, MESSAGES, OTHER_VENDORS};
use super::scan::{LoggedError, head, is_near, java_service, request_id_after, tail};
use crate::aws::error_code::ApiError;
use crate::aws::error_finding::RequestContext;
use crate::finding::Finding;

/// A phrase counts near these words within this many bytes.
const REACH: usize = 300;

/// The messages of clients, from those that count anywhere to those that count least.
const TABLES: [&[ClientMessage]; 3] = [CLIENT_MESSAGES, NETWORK_MESSAGES, WEAK_HINTS];

/// Every phrase, in the order of [`phrases`]. `None` if the automaton cannot be built, which the
/// tests exclude.
static AUTOMATON: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(phrases()).ok());

fn phrases() -> impl Iterator<Item = &'static str> {
    let of_clients = TABLES
        .into_iter()
        .flatten()
        .flat_map(|message| message.words.iter().copied());
    MESSAGES.iter().map(|(words, _)| *words).chain(of_clients)
}

/// Where each phrase occurs in a text.
pub(super) struct Messages<'a> {
    flat: &'a str,
    /// In the order of [`phrases`].
    places: Vec<Vec<usize>>,
}

impl<'a> Messages<'a> {
    /// Searches for all phrases.
    pub(super) fn find(flat: &'a str) -> Self {
        let mut places = vec![Vec::new(); phrases().count()];
        for found in AUTOMATON
            .iter()
            .flat_map(|all| all.find_overlapping_iter(flat))
        {
            places[found.pattern().as_usize()].push(found.start());
        }
        Self { flat, places }
    }

    /// Messages of AWS without their code.
    pub(super) fn of_aws(&self) -> Vec<LoggedError> {
        let error = |(n, (_, code)): (usize, &(&str, &str))| {
            let at = *self.places[n].first()?;
            self.error_of_aws(at, code)
        };
        MESSAGES.iter().enumerate().filter_map(error).collect()
    }

    fn error_of_aws(&self, at: usize, code: &str) -> Option<LoggedError> {
        if is_near(self.flat, at, REACH, OTHER_VENDORS) {
            return None;
        }
        let text = head(&self.flat[at..], 300);
        let sentence = text.split([';', '(']).next().unwrap_or(text).trim();
        let needs_all = code.starts_with("Signature") || code == "AccessDenied";
        let message = if needs_all { text } else { sentence };
        let error = ApiError {
            code,
            message,
            status: None,
        };
        let kind = error.kind()?;
        let finding = error.finding(kind, &RequestContext::UNKNOWN).likely();
        let before = tail(&self.flat[..at], 200);
        Some(LoggedError {
            message: message.to_owned(),
            service: java_service(before).or_else(|| java_service(head(&self.flat[at..], 400))),
            request_id: request_id_after(head(&self.flat[at..], 500), "Request ID: "),
            kind: Some(kind),
            at,
            ..LoggedError::new(finding)
        })
    }

    /// Messages of clients themselves, the most telling first.
    pub(super) fn of_clients(&self) -> Vec<LoggedError> {
        let mut found = Vec::new();
        let mut n = MESSAGES.len();
        for (table, messages) in TABLES.into_iter().enumerate() {
            for message in messages {
                let places = &self.places[n..n + message.words.len()];
                n += message.words.len();
                let counts = |at: &usize| match table {
                    0 => true,
                    1 => self.is_about_aws(*at),
                    _ => self.is_about_aws(*at) && self.is_about_failure(*at),
                };
                let first = |places: &Vec<usize>| places.iter().copied().find(counts);
                let at = places.iter().filter_map(first).min();
                found.extend(at.map(|at| self.error_of_client(at, message)));
            }
        }
        found
    }

    fn is_about_aws(&self, at: usize) -> bool {
        is_near(self.flat, at, REACH, AWS_MARKERS) && !is_near(self.flat, at, REACH, OTHER_VENDORS)
    }

    fn is_about_failure(&self, at: usize) -> bool {
        let (before, after) = (tail(&self.flat[..at], 200), head(&self.flat[at..], REACH));
        FAILURES
            .iter()
            .any(|word| before.contains(word) || after.contains(word))
    }

    fn error_of_client(&self, at: usize, client: &ClientMessage) -> LoggedError {
        let word = self.flat[..at].rfind(' ').map_or(0, |space| space + 1);
        let message = head(&self.flat[word..], 200).trim_end();
        let finding = Finding::new(client.cause, client.meaning).evidence(message);
        let finding = finding.remedy(client.remedy).likely();
        LoggedError {
            message: message.to_owned(),
            at,
            ..LoggedError::new(finding)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_found_by_its_number() {
        for (n, phrase) in phrases().enumerate() {
            assert_eq!(Messages::find(phrase).places[n], [0], "{phrase}");
        }
    }
}
