//! The messages of clients, and what each means: client_messages.toml and sdk_messages.toml. They
//! are read when a log is, so that their phrases cost nothing at the start of every other call.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::context::Place;
use crate::finding::Cause;

/// How much a message says, from most to least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// It says why, wherever it stands.
    Reason,
    /// Any program prints it: it counts near words about AWS.
    Near,
    /// It says where it failed: a reason in or near it counts more.
    Wraps,
    /// A source that only machines and containers have.
    Machine,
    /// It counts near words about AWS and about a failure.
    Weak,
    /// One of several sources had nothing.
    Step,
}

/// A summary with `{}` in the place of a name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) by: Name,
    says: String,
}

impl Named {
    /// The summary with the name.
    pub(super) fn summary(&self, name: &str) -> String {
        self.says.replacen("{}", name, 1)
    }
}

/// What the name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Name {
    Host,
    Path,
    Profile,
    Program,
}

/// Messages of the same meaning.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meaning {
    pub(super) cause: Cause,
    pub(super) kind: Kind,
    /// What it means, as a summary.
    pub(super) says: String,
    /// The same, where the log has the name.
    pub(super) named: Option<Named>,
    /// What to do.
    r#try: Vec<String>,
    #[serde(default)]
    kubernetes: Vec<String>,
    #[serde(default)]
    lambda: Vec<String>,
    #[serde(default)]
    ci: Vec<String>,
    /// Phrases, by the program and file that print them.
    words: BTreeMap<String, Vec<String>>,
}

impl Meaning {
    /// What to do there.
    pub(super) fn remedies(&self, place: Place) -> &[String] {
        let there = match place {
            Place::Kubernetes => &self.kubernetes,
            Place::Lambda => &self.lambda,
            Place::Ci => &self.ci,
            Place::Elsewhere => &self.r#try,
        };
        if there.is_empty() { &self.r#try } else { there }
    }
}

/// One phrase of a message.
pub(super) struct Phrase {
    pub(super) meaning: &'static Meaning,
    /// The part that is searched for.
    pub(super) first: &'static str,
    /// Those that follow it, one behind the other.
    pub(super) rest: Vec<Part>,
}

/// A part of a phrase that follows another one.
pub(super) struct Part {
    pub(super) text: &'static str,
    /// Without white space in between.
    pub(super) is_in_word: bool,
}

impl Phrase {
    fn new(meaning: &'static Meaning, text: &'static str) -> Self {
        let mut parts = text.split(" ... ").flat_map(|text| {
            let parts = text.split(" .. ").enumerate();
            parts.map(|(n, text)| Part {
                text,
                is_in_word: n > 0,
            })
        });
        Self {
            meaning,
            first: parts.next().map_or(text, |part| part.text),
            rest: parts.collect(),
        }
    }
}

#[derive(Deserialize)]
struct Table {
    meaning: Vec<Meaning>,
}

const FILES: [&str; 2] = [
    include_str!("client_messages.toml"),
    include_str!("sdk_messages.toml"),
];

/// Without the files that cannot be parsed, which the tests exclude.
static TABLE: LazyLock<Vec<Meaning>> = LazyLock::new(|| {
    let table = |text| toml::from_str::<Table>(text).ok();
    let tables = FILES.into_iter().filter_map(table);
    tables.flat_map(|table| table.meaning).collect()
});

/// Every phrase, in the order of the table.
pub(super) static PHRASES: LazyLock<Vec<Phrase>> = LazyLock::new(|| {
    let of_meaning = |meaning: &'static Meaning| {
        let phrases = meaning.words.values().flatten();
        phrases.map(move |text| Phrase::new(meaning, text))
    };
    TABLE.iter().flat_map(of_meaning).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete() {
        let table = |text| toml::from_str::<Table>(text).map_err(|e| e.message().to_owned());
        let tables = FILES.map(|text| table(text).unwrap());
        for meaning in tables.iter().flat_map(|table| &table.meaning) {
            let remedies = meaning.remedies(Place::Elsewhere);
            assert!(!remedies.is_empty(), "{meaning:?}");
            // Remedies are text for a shell: nothing in them may run by itself.
            let all = [
                &meaning.r#try,
                &meaning.kubernetes,
                &meaning.lambda,
                &meaning.ci,
            ];
            for remedy in all.into_iter().flatten() {
                assert!(!remedy.contains(['`', '$']), "{remedy}");
            }
            if let Some(named) = &meaning.named {
                assert_eq!(named.says.matches("{}").count(), 1, "{named:?}");
            }
            // A first line has 100 characters, without the cause in brackets.
            let line = format!("error: {} (likely)", meaning.says);
            assert!(line.chars().count() <= 100, "{line}");
        }
    }

    #[test]
    fn no_phrase_is_written_twice() {
        let mut seen = std::collections::BTreeMap::new();
        for phrase in PHRASES.iter() {
            let rest = phrase.rest.iter().map(|part| part.text);
            let parts: Vec<&str> = std::iter::once(phrase.first).chain(rest).collect();
            let text = parts.join(" ... ").to_ascii_lowercase();
            let shortest = parts.iter().map(|part| part.trim().len()).sum::<usize>();
            assert!(shortest >= 6, "too short: {text}");
            let earlier = seen.insert(text.clone(), phrase.meaning.cause);
            assert_eq!(earlier, None, "{text}");
        }
    }
}
