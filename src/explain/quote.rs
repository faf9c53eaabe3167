//! Quotes from a log: the sentence of the phrase in question, in whole words, without what the
//! logger wrote in front of it and the stack behind it.

use super::flatten::Flat;
use super::scan::{head, tail};

/// Bytes of a quote; a longer one is cut at a word and marked with `…`.
const QUOTE: usize = 320;
/// So much of the line is quoted in front of the phrase, in bytes.
const BEFORE: usize = 140;
/// A line that was wrapped is at least as long as this, in bytes.
const WRAPPED: usize = 50;
/// So many words in front of a line can be those of a logger.
const LOGGER_WORDS: usize = 14;

/// Marks behind which a message begins.
const BEGINNINGS: &[&str] = &[
    "error: ",
    "Error: ",
    "ERROR: ",
    "msg=\"",
    "error=\"",
    "\"error\":\"",
    "\"error\": \"",
    "\"msg\":\"",
    "\"message\":\"",
    "\"message\": \"",
    "err=\"",
    "err: ",
    "Exception: ",
    "ERROR, ",
];

/// Marks that end a message: frames of a stack, the next structure, or the next message.
const ENDS: &[&str] = &[
    " at Object.",
    " at process.",
    " at async ",
    " at com.",
    " at org.",
    " at software.",
    " at aws.",
    " at java.",
    " at io.",
    " at Amazon.",
    " at System.",
    " at <java>",
    " at /",
    " File \"",
    " Traceback (",
    " ---> ",
    " <?xml",
    " <Error",
    " {\"exception\"",
    " [stacktrace]",
    "(ProviderError(",
    "(DispatchFailure(",
    "(ServiceError(",
    ", fault: ",
    " <nil>",
    " · Retrying",
    " (attempt ",
    ", bucketName",
    " request={",
    " with provider[",
    " with module.",
    " with data.",
    " on main.tf",
    "\" pkg=",
    "\" controller",
    " -> [Help",
];

/// Marks between the fields of a structure: they end a message that is a field, not one that quotes
/// a structure.
const SEPARATORS: &[&str] = &["\",\"", "\", \""];

/// The sentence around `from..to`.
pub(super) fn quote(flat: &Flat, from: usize, to: usize) -> String {
    let start = start_of(flat, from);
    let end = end_of(flat, start, to);
    let whole = &flat.text[start..end];
    let is_cut = start > 0 && !flat.text[..start].ends_with([' ', '"', '(', '\'', '{', '[']);
    let text = without_repeats(whole, to - start);
    let text = finished(&shortened(text.trim(), QUOTE), &flat.text[end..]);
    if is_cut { format!("… {text}") } else { text }
}

/// Where the sentence begins: behind the last mark in the line, or behind the words of the logger.
fn start_of(flat: &Flat, from: usize) -> usize {
    let (line, _) = flat.line_around(from);
    let before = &flat.text[line..from];
    let mark = BEGINNINGS
        .iter()
        .filter_map(|mark| before.rfind(mark).map(|at| at + mark.len()))
        .max();
    let start = line + mark.unwrap_or_else(|| logger_words(before));
    if from - start <= BEFORE {
        return start;
    }
    // The first clause within reach of the phrase, or the first word. What is behind a colon may be
    // a number or nothing, as in `StatusCode: 0, RequestID: , request send failed`.
    let reach = tail(&flat.text[..from], BEFORE);
    let is_clause =
        |at: &usize| !reach[*at..].starts_with(|c: char| c.is_ascii_digit() || c == ',');
    let clause = [": ", ". ", "; "]
        .iter()
        .filter_map(|mark| {
            let mut ends = reach.match_indices(mark).map(|(at, mark)| at + mark.len());
            ends.find(is_clause)
        })
        .chain(reach.find(" [").map(|at| at + 1))
        .min();
    let word = || reach.find(' ').map(|at| at + 1);
    from - reach.len() + clause.or_else(word).unwrap_or(0)
}

/// The bytes of the words in front of a message that a logger writes: times, levels, names in
/// brackets, places in a source.
fn logger_words(line: &str) -> usize {
    let mut at = 0;
    for word in line.split_inclusive(' ').take(LOGGER_WORDS) {
        if !is_of_logger(word.trim_end()) {
            break;
        }
        at += word.len();
    }
    at
}

fn is_of_logger(word: &str) -> bool {
    const LEVELS: [&str; 12] = [
        "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "FATAL", "TRACE", "E!", "W!", "E", "W", "F",
    ];
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '!');
    let is_bracket = word.starts_with('[') && (word.ends_with(']') || word.ends_with("]:"))
        || word.ends_with("]") && !word.contains('[')
        || word.starts_with('[') && !word.contains(']');
    let is_number = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text
                .chars()
                .all(|c| c.is_ascii_digit() || "-/:.,TZ+µsm".contains(c))
    };
    let is_source = bare.contains(".go:") || bare.contains(".rb:");
    let is_klog = bare.len() == 5
        && bare.starts_with(['E', 'W', 'F', 'I'])
        && bare[1..].bytes().all(|b| b.is_ascii_digit());
    let is_class = word.contains('@') && word.ends_with(':');
    let is_place = is_klog || is_source || is_class;
    bare.is_empty() || LEVELS.contains(&bare) || is_bracket || is_number(bare) || is_place
}

/// Where the sentence from `start` that contains the byte `to` ends: at a mark, or at the end of its
/// last line. A line whose sentence goes on is continued by the next one; `caused by:` continues it,
/// too.
fn end_of(flat: &Flat, start: usize, to: usize) -> usize {
    let mut end = flat.line_around(to.saturating_sub(1)).1;
    while end < flat.text.len() && end - to < QUOTE {
        let (_, next_end) = flat.line_around(end);
        let next = &flat.text[end..next_end];
        let is_reason = head(next, 10).eq_ignore_ascii_case("caused by:");
        let (line, _) = flat.line_around(end - 1);
        if !is_reason && !goes_on(&flat.text[line..end], next) {
            break;
        }
        end = next_end;
    }
    let text = &flat.text[to..end];
    let is_end = |at: &usize, mark: &str| {
        !SEPARATORS.contains(&mark) || !is_in_braces(&flat.text[start..to + at])
    };
    let first = |mark: &&str| {
        let mut places = text.match_indices(*mark).map(|(at, _)| at);
        places.find(|at| is_end(at, mark))
    };
    let mark = ENDS.iter().chain(SEPARATORS).filter_map(first).min();
    mark.map_or(end, |at| to + at)
}

/// Whether a brace is open at the end of a text.
fn is_in_braces(text: &str) -> bool {
    text.matches('{').count() > text.matches('}').count()
}

/// Whether a sentence that ends with `text` goes on in the line `next`.
fn goes_on(text: &str, next: &str) -> bool {
    let text = text.trim_end();
    let opened = text.matches('(').count() > text.matches(')').count();
    let is_ended = text.ends_with(['.', '!', '?', '"', '}', '>', ';']);
    let is_continued = next.starts_with(|c: char| c.is_ascii_lowercase() || c == '"' || c == ',');
    let is_frame =
        next.starts_with("at ") || next.starts_with("raise ") || next.starts_with("from ");
    let is_wrapped = text.len() >= WRAPPED && !is_ended && is_continued;
    !is_frame && (opened || text.ends_with([',', ':', '=', '{']) || is_wrapped)
}

/// A text up to where its beginning occurs again, behind the byte `from`.
pub(super) fn without_repeats(text: &str, from: usize) -> &str {
    let start = head(text, 40);
    let from = from.max(start.len()).min(text.len());
    match text[from..].find(start) {
        Some(at) if start.len() >= 30 => &text[..from + at],
        _ => text,
    }
}

/// A text up to the date with which the next line of a log begins.
pub(super) fn before_date(text: &str) -> &str {
    let is_of_date = |(n, b): (usize, u8)| match n {
        4 | 7 => b == b'-',
        _ => b.is_ascii_digit(),
    };
    let begins_with_date =
        |text: &str| text.len() > 10 && text.bytes().take(10).enumerate().all(is_of_date);
    let mut sentences = text.match_indices(". ");
    let last = sentences.find(|(at, mark)| begins_with_date(&text[at + mark.len()..]));
    last.map_or(text, |(at, _)| &text[..=at])
}

/// A text with the closing marks that follow it in the log, and without those that have no partner.
pub(super) fn finished(text: &str, rest: &str) -> String {
    let mut text = text
        .trim_end_matches(['(', '[', '{', '<', ' ', ','])
        .to_owned();
    for (open, close) in [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>')] {
        let count = |c: char| text.matches(c).count();
        if count(close) > count(open) && text.ends_with(close) {
            text.pop();
        } else if count(open) == count(close) + 1 && rest.trim_start().starts_with(close) {
            text.push(close);
        }
    }
    for mark in ['"', '\''] {
        if text.matches(mark).count() % 2 == 1 && mark == '"' {
            if text.ends_with(mark) {
                text.pop();
            } else if rest.starts_with(mark) {
                text.push(mark);
            }
        }
    }
    text.trim_end_matches([' ', ',', ':']).to_owned()
}

/// At most `limit` bytes in whole words, with `…` in the place of what is left out.
pub(super) fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let start = head(text, limit);
    let end = start
        .rfind(' ')
        .filter(|at| *at > limit / 2)
        .unwrap_or(start.len());
    format!("{}…", start[..end].trim_end_matches([',', ';', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(log: &str, phrase: &str) -> String {
        let flat = Flat::of(log);
        let at = flat.text.find(phrase).unwrap();
        quote(&flat, at, at + phrase.len())
    }

    #[test]
    fn the_sentence_is_quoted_without_logger_and_stack() {
        for (log, phrase, wanted) in [
            (
                "first\nlevel=error msg=\"Fail to list: send failed: bad thing happened\" pkg=s3\nnext",
                "bad thing",
                "Fail to list: send failed: bad thing happened",
            ),
            (
                "E0111 21:49:23.808922 1 aws_manager.go:265] Failed to start: the reason is here",
                "the reason",
                "Failed to start: the reason is here",
            ),
            (
                "2022/12/07 12:02:23 ERROR [x] the reason is here at Object.run (a.js:1:2)",
                "the reason",
                "the reason is here",
            ),
            (
                "the reason (which is long,\nand wrapped) ends here\nAnother line",
                "the reason",
                "the reason (which is long, and wrapped) ends here",
            ),
            (
                "WebIdentityErr: the reason\ncaused by: RequestError: failed\ncaused by: end\nnext",
                "the reason",
                "WebIdentityErr: the reason caused by: RequestError: failed caused by: end",
            ),
        ] {
            assert_eq!(quoted(log, phrase), wanted, "{log}");
        }
    }

    #[test]
    fn what_is_cut_is_cut_between_words() {
        assert_eq!(shortened("one two three", 9), "one two…");
        assert_eq!(shortened("one two", 9), "one two");
        assert_eq!(shortened("ÄÄÄÄÄÄÄÄ", 5), "ÄÄ…");
        let long = format!(
            "{}the reason is here {}",
            "word ".repeat(60),
            "more ".repeat(100)
        );
        let text = quoted(&long, "the reason");
        assert!(
            text.len() < QUOTE + 10 && text.ends_with(" more…"),
            "{text}"
        );
    }

    #[test]
    fn closing_marks_are_kept_or_removed() {
        assert_eq!(finished("a (b", ") c"), "a (b)");
        assert_eq!(finished("a b')", ""), "a b'");
        assert_eq!(finished("a [", "x"), "a");
        assert_eq!(finished("a \"b", "\" c"), "a \"b\"");
    }
}
