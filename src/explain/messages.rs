//! Messages without a code: of AWS, printed by clients that omit the code, and of clients
//! themselves. All phrases are searched for in one pass: a log may have 32 MB.

use std::collections::HashSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::answer::{Answer, of_aws, with_own_keys};
use super::context::{is_mild, place};
use super::flatten::Flat;
use super::hosts::{Host, host_near};
use super::phrases::{AWS_MARKERS, FAILURES, MESSAGES};
use super::quote::quote;
use super::refine::refined;
use super::scan::{
    LoggedError, REACH, around, head, is_of_other_vendor, java_service, request_id_after, tail,
};
use super::table::{Kind, Meaning, PHRASES, Part};
use crate::aws::denial::Denial;
use crate::aws::error_code::ApiError;
use crate::aws::error_finding::RequestContext;
use crate::finding::{Cause, Finding};

/// A reason belongs to a message that wraps one within this many bytes.
const CHAIN: usize = 900;
/// So many places of a phrase are looked at: half of them the first, half of them the last.
const PLACES: usize = 128;
/// The parts of a phrase follow each other within this many bytes.
const GAP: usize = 160;
/// So much of a phrase is enough where the text is cut, in bytes.
const CUT: usize = 26;

/// Every phrase, in the order of [`phrases`]. `None` if the automaton cannot be built, which the
/// tests exclude.
static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).build(phrases()).ok()
});

/// The messages of AWS, then those of clients.
fn phrases() -> impl Iterator<Item = &'static str> {
    let of_clients = PHRASES.iter().map(|phrase| phrase.first);
    MESSAGES.iter().map(|(words, _)| *words).chain(of_clients)
}

/// Where each phrase occurs in a text.
pub(super) struct Messages<'a> {
    flat: &'a Flat,
    /// Start and end, in the order of [`phrases`].
    places: Vec<Vec<(usize, usize)>>,
}

/// A message of a client at its place.
struct Mention {
    meaning: &'static Meaning,
    /// The number of its phrase: what comes first in the table counts most.
    order: usize,
    at: usize,
    end: usize,
}

impl<'a> Messages<'a> {
    /// Searches for all phrases.
    pub(super) fn find(flat: &'a Flat) -> Self {
        let text = flat.text.as_str();
        let mut places = vec![Vec::new(); phrases().count()];
        let found = AUTOMATON
            .iter()
            .flat_map(|all| all.find_overlapping_iter(text));
        for found in found {
            let n = found.pattern().as_usize();
            let rest = n.checked_sub(MESSAGES.len()).map(|n| &*PHRASES[n].rest);
            if let Some(end) = end_of(text, found.end(), rest.unwrap_or_default()) {
                if places[n].len() == PLACES {
                    places[n].remove(PLACES / 2);
                }
                places[n].push((found.start(), end));
            }
        }
        let whole: HashSet<usize> = places.iter().flatten().map(|(_, end)| *end).collect();
        for (at, end) in cuts(text).filter(|(at, _)| !whole.contains(at)) {
            for (n, phrase) in phrases().enumerate() {
                places[n].extend(beginning_at(&text[..at], phrase).map(|start| (start, end)));
            }
        }
        Self { flat, places }
    }

    /// Messages of AWS without their code.
    pub(super) fn of_aws(&self) -> Vec<LoggedError> {
        let error = |(n, (_, code)): (usize, &(&str, &str))| {
            let place = *self.places[n].first()?;
            self.error_of_aws(place, code)
        };
        MESSAGES.iter().enumerate().filter_map(error).collect()
    }

    fn error_of_aws(&self, (at, end): (usize, usize), code: &str) -> Option<LoggedError> {
        let flat = self.flat.text.as_str();
        if is_of_other_vendor(flat, at) {
            return None;
        }
        let denial = Denial::sentence(flat, at);
        let text = match &denial {
            Some(sentence) => &flat[sentence.clone()],
            None => head(&flat[at..], 300),
        };
        let (at, end) = denial.map_or((at, end), |sentence| (sentence.start, sentence.end));
        let sentence = text.split([';', '(']).next().unwrap_or(text).trim();
        let needs_all = code.starts_with("Signature")
            || ["AccessDenied", "AuthorizationHeaderMalformed"].contains(&code);
        let message = if needs_all { text } else { sentence };
        let error = ApiError {
            code,
            message,
            status: None,
        };
        let kind = error.kind()?;
        let mut finding = error.finding(kind, &RequestContext::UNKNOWN).likely();
        // The log has the message alone.
        let said = quote(self.flat, at, end);
        finding.evidence = vec![said.clone()];
        let answer = Answer {
            kind,
            code,
            temporary_key: None,
            message: text,
            service: None,
            operation: None,
        };
        let finding = of_aws(finding, &answer, self.flat, at);
        let before = tail(&flat[..at], 200);
        Some(LoggedError {
            message: said,
            service: java_service(before).or_else(|| java_service(head(&flat[at..], 400))),
            request_id: request_id_after(head(&flat[at..], 500), "Request ID: "),
            kind: Some(kind),
            at,
            ..LoggedError::new(finding)
        })
    }

    /// The message of a client itself that says most, of those behind the byte `after`.
    pub(super) fn of_client(&self, after: Option<usize>) -> Option<LoggedError> {
        let mentions = self.mentions(after);
        let wrapping: Vec<usize> = mentions
            .iter()
            .filter(|one| one.meaning.kind == Kind::Wraps)
            .map(|one| one.at)
            .collect();
        let best = mentions
            .iter()
            .filter_map(|one| Some((self.rank(one, &wrapping)?, one.order, one.at, one)))
            .min_by_key(|(rank, order, at, _)| (*rank, *order, *at))?;
        Some(self.error_of_client(best.3))
    }

    fn mentions(&self, after: Option<usize>) -> Vec<Mention> {
        let of_phrase = |(n, places): (usize, &Vec<(usize, usize)>)| {
            let mention = move |(at, end): &(usize, usize)| Mention {
                meaning: PHRASES[n].meaning,
                order: n,
                at: *at,
                end: *end,
            };
            let is_later = |one: &Mention| after.is_none_or(|after| one.at > after);
            let is_said = |one: &Mention| is_later(one) && !self.flat.is_frame(one.at);
            let mentions: Vec<Mention> = places.iter().map(mention).filter(is_said).collect();
            mentions
        };
        let of_clients = &self.places[MESSAGES.len()..];
        let all: Vec<Mention> = of_clients.iter().enumerate().flat_map(of_phrase).collect();
        without_parts(all)
    }

    /// How much a message says at its place, 0 for most; `None` if it says nothing there.
    fn rank(&self, one: &Mention, wrapping: &[usize]) -> Option<u8> {
        match one.meaning.kind {
            Kind::Reason => Some(0),
            Kind::Near => self.rank_of_near(one, wrapping),
            Kind::Wraps => Some(2),
            Kind::Machine => Some(4),
            Kind::Weak => (self.is_about_aws(one.at) && self.is_about_failure(one.at)).then_some(6),
            Kind::Step => Some(5),
        }
    }

    /// What any program prints is a reason within the chain of a message of AWS's clients; far from
    /// it, in a warning or about another host it is another error.
    fn rank_of_near(&self, one: &Mention, wrapping: &[usize]) -> Option<u8> {
        let is_wrapped = wrapping.iter().any(|at| at.abs_diff(one.at) <= CHAIN);
        if !is_wrapped && !self.is_about_aws(one.at) || is_of_other_vendor(&self.flat.text, one.at)
        {
            return None;
        }
        match host_near(self.flat, one.at, one.end) {
            // The machine has no metadata service: the SDK tried it last.
            Some(Host::Metadata) => None,
            None | Some(Host::Other(_)) if self.is_about_metadata(one.at) => None,
            _ if wrapping.is_empty() => Some(1),
            _ if is_wrapped && !is_mild(self.flat, one.at) => Some(1),
            _ => Some(3),
        }
    }

    fn is_about_metadata(&self, at: usize) -> bool {
        let (line, _) = self.flat.line_around(at);
        let before = tail(&self.flat.text[line..at], REACH).to_ascii_lowercase();
        ["imds", "metadata"]
            .iter()
            .any(|word| before.contains(word))
    }

    fn is_about_aws(&self, at: usize) -> bool {
        let flat = self.flat.text.as_str();
        let around = around(flat, at, REACH);
        let has_mark = AWS_MARKERS.iter().any(|mark| around.contains(mark));
        (has_mark || names_aws(&around)) && !is_of_other_vendor(flat, at)
    }

    fn is_about_failure(&self, at: usize) -> bool {
        let flat = self.flat.text.as_str();
        let (before, after) = (tail(&flat[..at], 200), head(&flat[at..], REACH));
        FAILURES
            .iter()
            .any(|word| before.contains(word) || after.contains(word))
    }

    fn error_of_client(&self, one: &Mention) -> LoggedError {
        let message = quote(self.flat, one.at, one.end);
        let finding = Finding::new(one.meaning.cause, one.meaning.says.as_str());
        let finding = finding.evidence(message.as_str()).likely();
        let place = place(&self.flat.text, one.at);
        let finding = one
            .meaning
            .remedies(place)
            .iter()
            .fold(finding, |finding, step| finding.remedy(step.as_str()));
        let mut finding = refined(finding, one.meaning, &message, self.flat, one.at..one.end);
        if finding.cause == Cause::CredentialsMissing {
            finding = with_own_keys(finding, self.flat, one.at);
        }
        LoggedError {
            message,
            at: one.at,
            ..LoggedError::new(finding)
        }
    }
}

/// Without those that are a part of a longer one, which says more.
fn without_parts(mut mentions: Vec<Mention>) -> Vec<Mention> {
    mentions.sort_by_key(|one| (one.at, std::cmp::Reverse(one.end)));
    let mut end = 0;
    mentions.retain(|one| {
        let is_part = one.end < end;
        end = end.max(one.end);
        !is_part
    });
    mentions
}

/// Whether a text in lower case names AWS or STS: `aws` at the beginning of a word that is not a
/// directory of a home, `sts` as a word.
fn names_aws(text: &str) -> bool {
    let before = |at: usize| text[..at].chars().next_back().unwrap_or(' ');
    let behind = |at: usize| text[at..].chars().next().unwrap_or(' ');
    let begins = |c: char| !c.is_ascii_alphanumeric() && c != '.';
    text.match_indices("aws").any(|(at, _)| begins(before(at)))
        || text
            .match_indices("sts")
            .any(|(at, word)| begins(before(at)) && begins(behind(at + word.len())))
}

/// Where a phrase ends whose first part ends at `end`; `None` if its other parts do not follow.
fn end_of(text: &str, end: usize, parts: &[Part]) -> Option<usize> {
    let mut end = end;
    for part in parts {
        let window = head(&text[end..], GAP + part.text.len()).to_ascii_lowercase();
        let at = window.find(&part.text.to_ascii_lowercase())?;
        if part.is_in_word && window[..at].contains(char::is_whitespace) {
            return None;
        }
        end += at + part.text.len();
    }
    Some(end)
}

/// Where the text is cut: the end of what is left, and of the mark. The end of a text is a cut, too.
fn cuts(text: &str) -> impl Iterator<Item = (usize, usize)> {
    const MOST: usize = 200;
    let dots = text
        .match_indices("...")
        .map(|(at, mark)| (at, at + mark.len()));
    let ellipses = text
        .match_indices('…')
        .map(|(at, mark)| (at, at + mark.len()));
    let whole = text.trim_end().len();
    dots.take(MOST)
        .chain(ellipses.take(MOST))
        .chain([(whole, whole)])
}

/// Where a phrase begins of which `before` ends with a part that is long enough to know it.
fn beginning_at(before: &str, phrase: &str) -> Option<usize> {
    let (before, phrase) = (before.as_bytes(), phrase.as_bytes());
    (CUT..phrase.len())
        .rev()
        .map(|length| &phrase[..length])
        .find(|part| {
            let end = before.len().checked_sub(part.len());
            end.is_some_and(|at| before[at..].eq_ignore_ascii_case(part))
        })
        .map(|part| before.len() - part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_found_by_its_number() {
        for (n, phrase) in phrases().enumerate() {
            let rest = n.checked_sub(MESSAGES.len()).map(|n| &*PHRASES[n].rest);
            let rest = rest.unwrap_or_default().iter();
            let rest =
                rest.map(|part| format!("{}{}", if part.is_in_word { "" } else { " " }, part.text));
            let text = format!("{phrase}{}", rest.collect::<String>());
            let flat = Flat::of(&text);
            assert_eq!(
                Messages::find(&flat).places[n].first().map(|one| one.0),
                Some(0),
                "{text}"
            );
        }
    }

    #[test]
    fn a_part_in_the_same_word_is_not_beyond_it() {
        let part = |is_in_word| Part {
            text: "/.aws/",
            is_in_word,
        };
        let of_another = "'/data' and /root/.aws/cli";
        assert_eq!(end_of(of_another, 1, &[part(true)]), None);
        assert_eq!(end_of(of_another, 1, &[part(false)]), Some(23));
        assert_eq!(end_of("'/root/.aws/cli'", 1, &[part(true)]), Some(12));
    }

    #[test]
    fn a_phrase_that_is_cut_is_found() {
        for text in [
            "the security token included in the requ...",
            "The security token included in th",
        ] {
            let flat = Flat::of(text);
            assert!(!Messages::find(&flat).of_aws().is_empty(), "{text}");
        }
        assert!(
            Messages::find(&Flat::of("The security token incl..."))
                .of_aws()
                .is_empty()
        );
    }
}
