//! The secrets that this process holds, and their removal from every text that goes out: a server,
//! a proxy or another program may quote what it was sent.
//!
//! [`keep`] is called for every secret, [`hide`] for every text that is printed or written. A text
//! is searched for every part of [`PART`] bytes of a secret: one that was cut is found, too.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memchr3;
use zeroize::Zeroizing;

use crate::sync::lock;

/// A part of a secret of this length is recognised wherever it is, in bytes.
const PART: usize = 16;
/// A shorter secret is recognised as a whole word: from this length if it has a digit, from the
/// second one if not. Shorter ones are words such as `test`, which emulators use.
const SHORTEST: usize = 6;
const SHORTEST_WORD: usize = 8;
/// So many secrets are kept; then those that nothing else holds are wiped. Not at once: a failure is
/// printed after the call that held them.
const MANY: usize = 256;

/// A secret. Its text is wiped when nothing holds it any more.
pub(crate) type Kept = Arc<Zeroizing<String>>;

static HELD: Mutex<Held> = Mutex::new(Held {
    secrets: Vec::new(),
    index: None,
});

struct Held {
    secrets: Vec<Kept>,
    /// Made for the first text that goes out: a warm answer needs none.
    index: Option<Index>,
}

/// Makes a secret known.
pub(crate) fn keep(text: Zeroizing<String>) -> Kept {
    let mut held = lock(&HELD);
    if let Some(known) = held.secrets.iter().find(|known| ***known == text) {
        return known.clone();
    }
    if held.secrets.len() >= MANY {
        held.secrets.retain(|kept| Arc::strong_count(kept) > 1);
        held.index = None;
    }
    let kept = Arc::new(text);
    held.secrets.push(kept.clone());
    kept
}

/// The text with `…` in the place of every secret: as it is, percent-encoded, escaped as in JSON or
/// XML, or in base64.
pub(crate) fn hide(text: &str) -> Cow<'_, str> {
    let mut held = lock(&HELD);
    let Held { secrets, index } = &mut *held;
    if secrets.is_empty() {
        return text.into();
    }
    let index = index.get_or_insert_default();
    index.add(secrets);
    let short = secrets.iter().map(|kept| kept.as_bytes());
    let short: Vec<&[u8]> = short.filter(|secret| is_short(secret)).collect();
    let mut secret = vec![false; text.len()];
    for word in words(text) {
        let plain = Reading::plain(&text[word.clone()], word.start);
        let decoded = Reading::decoded(&text[word.clone()], word.start);
        for reading in std::iter::once(plain).chain(decoded) {
            for found in index.search(&reading).chain(reading.short(&short)) {
                secret[found].fill(true);
            }
        }
    }
    without(text, &secret)
}

/// What is searched for, as hashes: copies would have to be wiped.
#[derive(Default)]
struct Index {
    hasher: RandomState,
    /// How many of the secrets are in it.
    count: usize,
    parts: HashSet<u64>,
}

impl Index {
    /// Adds the secrets that are new.
    fn add(&mut self, secrets: &[Kept]) {
        for kept in &secrets[self.count..] {
            let text = kept.as_bytes();
            self.add_parts(text);
            // In base64, three bytes are four characters: the secret begins at one of three places.
            for start in 0..3.min(text.len()) {
                let whole = &text[start..];
                let whole = &whole[..whole.len() / 3 * 3];
                for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    self.add_parts(Zeroizing::new(engine.encode(whole)).as_bytes());
                }
            }
        }
        self.count = secrets.len();
    }

    fn add_parts(&mut self, text: &[u8]) {
        let hashes = text.windows(PART).map(|part| self.hasher.hash_one(part));
        self.parts.extend(hashes);
    }

    /// Where a text contains parts of secrets.
    fn search<'a>(&'a self, reading: &'a Reading<'_>) -> impl Iterator<Item = Range<usize>> + 'a {
        let parts = reading.bytes.windows(PART).enumerate();
        parts
            .filter(|(_, part)| self.parts.contains(&self.hasher.hash_one(part)))
            .map(|(at, _)| reading.place(at..at + PART))
    }
}

/// One word of a text in one reading of its bytes.
struct Reading<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where the word begins in the text.
    start: usize,
    /// Where each byte begins in the word, and where the last one ends; `None` for the word as it is.
    places: Option<Vec<usize>>,
}

impl<'a> Reading<'a> {
    /// The word as it is; it begins at `start`.
    fn plain(word: &'a str, start: usize) -> Self {
        Self {
            bytes: word.as_bytes().into(),
            start,
            places: None,
        }
    }

    /// The word without its escapes; `None` where it has none.
    fn decoded(word: &str, start: usize) -> Option<Self> {
        let word = word.as_bytes();
        memchr3(b'%', b'\\', b'&', word)?;
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < word.len() {
            let (byte, length) = escape(&word[at..]).unwrap_or((word[at], 1));
            bytes.push(byte);
            places.push(at);
            at += length;
        }
        places.push(at);
        (bytes.len() < word.len()).then_some(Self {
            bytes: bytes.into(),
            start,
            places: Some(places),
        })
    }

    /// Where it contains one of these secrets as a whole word.
    fn short(&self, secrets: &[&[u8]]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let in_word = |at: usize| {
            let byte = self.bytes.get(at);
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
        };
        for secret in secrets {
            for (at, part) in self.bytes.windows(secret.len()).enumerate() {
                let end = at + secret.len();
                let is_in_word = (at > 0 && in_word(at - 1)) || in_word(end);
                if part == *secret && !is_in_word {
                    found.push(self.place(at..end));
                }
            }
        }
        found
    }

    fn place(&self, bytes: Range<usize>) -> Range<usize> {
        let place = |at: usize| {
            let in_word = self.places.as_ref().map_or(at, |places| places[at]);
            self.start + in_word
        };
        place(bytes.start)..place(bytes.end)
    }
}

fn is_short(secret: &[u8]) -> bool {
    let has_digit = secret.iter().any(u8::is_ascii_digit);
    let shortest = if has_digit { SHORTEST } else { SHORTEST_WORD };
    (shortest..PART).contains(&secret.len())
}

/// The runs of `text` in which a secret can be: without white space and control characters.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let ranges = words.map(|word| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        start..start + word.len()
    });
    ranges.filter(|word| word.len() >= SHORTEST)
}

/// The byte that an escape at the beginning of `text` means, and the length of the escape:
/// percent-encoding, also several times; JSON; XML.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let byte = |digits: &[u8], radix| {
        let digits = std::str::from_utf8(digits).ok()?;
        u8::from_str_radix(digits, radix).ok()
    };
    match text {
        [b'%', rest @ ..] => {
            let again = rest.chunks_exact(2).take_while(|two| *two == b"25").count() * 2;
            Some((byte(rest.get(again..again + 2)?, 16)?, again + 3))
        }
        [b'\\', rest @ ..] => {
            let slashes = 1 + rest.iter().take_while(|byte| **byte == b'\\').count();
            match &text[slashes..] {
                [b'u', b'0', b'0', a, b, ..] => Some((byte(&[*a, *b], 16)?, slashes + 5)),
                [byte, ..] => Some((*byte, slashes + 1)),
                [] => None,
            }
        }
        [b'&', rest @ ..] => {
            let end = rest.iter().take(6).position(|byte| *byte == b';')?;
            let meant = match &rest[..end] {
                [b'#', b'x' | b'X', digits @ ..] => byte(digits, 16)?,
                [b'#', digits @ ..] => byte(digits, 10)?,
                b"amp" => b'&',
                b"lt" => b'<',
                b"gt" => b'>',
                b"quot" => b'"',
                b"apos" => b'\'',
                _ => return None,
            };
            Some((meant, end + 2))
        }
        _ => None,
    }
}

/// `text` with one `…` in the place of each run of bytes that are `secret`.
fn without<'a>(text: &'a str, secret: &[bool]) -> Cow<'a, str> {
    if !secret.contains(&true) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    let mut was_secret = false;
    for (at, c) in text.char_indices() {
        let is_secret = secret[at..at + c.len_utf8()].contains(&true);
        if !is_secret {
            shown.push(c);
        } else if !was_secret {
            shown.push('…');
        }
        was_secret = is_secret;
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) {
        keep(Zeroizing::new(text.to_owned()));
    }

    #[test]
    fn a_secret_is_hidden_in_every_form() {
        known("a-secret/with+symbols=of&36-characters");
        let percent = "a-secret%2Fwith%2bsymbols%253Dof%2636-characters";
        let json = r"a-secret\/with\u002bsymbols\\u003dof\u002636-characters";
        let xml = "a-secret&#x2F;with&#43;symbols=of&amp;36-characters";
        for form in ["a-secret/with+symbols=of&36-characters", percent, json, xml] {
            let text = format!("the token={form}, \"x\"");
            assert_eq!(hide(&text), "the token=…, \"x\"");
        }
        for before in ["", "x", "xx"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}a-secret/with+symbols=of&36"));
            let text = format!("{encoded} ä");
            assert!(hide(&text).len() < 12, "{}", hide(&text));
        }
    }

    #[test]
    fn a_part_is_hidden_and_what_is_too_short_is_not() {
        known("0123456789/abcdefghij/klmnopqrst");
        assert_eq!(hide("at 0123456789/abcdef"), "at …");
        assert_eq!(hide("<fghij/klmnopqrst>"), "<…>");
        assert_eq!(hide("at 0123456789/abcd"), "at 0123456789/abcd");
    }

    #[test]
    fn a_short_secret_is_hidden_as_a_word() {
        known("917264");
        known("word");
        known("letters");
        assert_eq!(hide("code=917264;"), "code=…;");
        assert_eq!(hide("code%3D917264 x"), "code%3D… x");
        assert_eq!(hide("account 123917264123"), "account 123917264123");
        assert_eq!(hide("a word of letters"), "a word of letters");
        known("sso-access");
        assert_eq!(hide("[sso-access-removed]"), "[sso-access-removed]");
    }
}
