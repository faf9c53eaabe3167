//! A log as one line: without prefixes of lines, terminal codes, the frames that Terraform and SOPS
//! draw, escapes of HTML and JSON, and line ends in the middle of a sentence.

use std::borrow::Cow;

/// A line can have so many prefixes.
const MAX_PREFIXES: usize = 6;
/// A longer first word is not the name of a service.
const MAX_SERVICE_NAME: usize = 64;

/// A log on one line, which knows where the lines of the log begin.
pub(super) struct Flat {
    pub(super) text: String,
    /// The offset of each line in `text`, in order.
    starts: Vec<usize>,
}

impl Flat {
    /// Words separated by one space, of all lines of a log.
    pub(super) fn of(log: &str) -> Self {
        let mut flat = Self {
            text: String::with_capacity(log.len()),
            starts: Vec::new(),
        };
        for line in log.lines() {
            let line = unescaped_html(&without_terminal_codes(line)).into_owned();
            for line in unescaped(without_prefixes(&line)).split('\n') {
                flat.push_line(line);
            }
        }
        flat
    }

    fn push_line(&mut self, line: &str) {
        let start = self.text.len();
        let is_frame = |c: char| ('\u{2500}'..='\u{257f}').contains(&c);
        let words = line
            .split(|c: char| c.is_whitespace() || c.is_control() || is_frame(c))
            .filter(|word| !word.is_empty());
        for word in words {
            self.text.push_str(word);
            self.text.push(' ');
        }
        if self.text.len() > start {
            self.starts.push(start);
        }
    }

    /// Whether the line that contains the byte `at` is a frame of a stack or a line of a source.
    pub(super) fn is_frame(&self, at: usize) -> bool {
        let (start, end) = self.line_around(at);
        let line = &self.text[start..end];
        let is_java = line.starts_with("at ") && line.contains('(') && line.contains('.');
        is_java || line.starts_with("File \"") || line.starts_with("raise ")
    }

    /// Where the line that contains the byte `at` begins and ends.
    pub(super) fn line_around(&self, at: usize) -> (usize, usize) {
        let next = self.starts.partition_point(|start| *start <= at);
        let start = next.checked_sub(1).map_or(0, |n| self.starts[n]);
        let end = self.starts.get(next).copied().unwrap_or(self.text.len());
        (start, end)
    }
}

fn without_terminal_codes(line: &str) -> Cow<'_, str> {
    if line.contains('\u{1b}') {
        anstream::adapter::strip_str(line).to_string().into()
    } else {
        line.into()
    }
}

fn unescaped_html(line: &str) -> Cow<'_, str> {
    if !line.contains("&lt;") && !line.contains("&quot;") && !line.contains("&#") {
        return line.into();
    }
    let escapes = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ];
    let replaced =
        |line: String, (escape, character): (&str, &str)| line.replace(escape, character);
    escapes.into_iter().fold(line.to_owned(), replaced).into()
}

/// A line without the escapes of JSON and of Go's `%q`: `\n` ends a line, `\"` is a quotation mark.
/// A word that is a path of Windows stays as it is.
fn unescaped(line: &str) -> Cow<'_, str> {
    if !line.contains('\\') {
        return line.into();
    }
    let word = |word: &str| -> String {
        if is_windows_path(word) {
            return word.replace("\\\"", "\"");
        }
        // Text in JSON in JSON is escaped twice.
        let mut word = word.to_owned();
        while word.contains("\\\\") {
            word = word.replace("\\\\", "\\");
        }
        // The line end of a key ID, in a header that cannot be sent, ends no line of the log.
        let parts: Vec<String> = word.split(ID_END).map(unescaped_part).collect();
        parts.join(ID_END)
    };
    let words: Vec<String> = line.split(' ').map(word).collect();
    words.join(" ").into()
}

/// What follows a key ID that ends in a line break: `Credential=ID\n/20260131/…`.
const ID_END: &str = "\\n/20";

fn unescaped_part(text: &str) -> String {
    text.replace("\\r", "")
        .replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\\"", "\"")
        .replace("\\u003c", "<")
        .replace("\\u003e", ">")
        .replace("\\u0026", "&")
        .replace("\\/", "/")
}

/// Whether a word contains `C:\`.
fn is_windows_path(word: &str) -> bool {
    word.match_indices(":\\").any(|(at, _)| {
        let before = word[..at].chars().next_back();
        before.is_some_and(|c| c.is_ascii_alphabetic())
    })
}

/// A line without quotation marks and frames (`> `, `| `), the name of a pod or service (`[pod/x] `,
/// `x | `), the time, and the level.
fn without_prefixes(line: &str) -> &str {
    let mut rest = line;
    let mut is_framed = false;
    for _ in 0..MAX_PREFIXES {
        let trimmed = rest.trim_start();
        let (first, after) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
        let of_service = after.trim_start().strip_prefix("| ");
        rest = match (first, of_service) {
            (">" | "|" | "\u{2502}", _) => {
                is_framed = true;
                after
            }
            (first, _) if is_prefix(first) => after,
            (first, Some(line)) if first.len() <= MAX_SERVICE_NAME => {
                is_framed = true;
                line
            }
            _ => break,
        };
    }
    if is_framed {
        rest.trim_end().trim_end_matches(['|', '\u{2502}'])
    } else {
        rest
    }
}

/// The name of a pod, a level, a step of `docker build`, or a time.
fn is_prefix(word: &str) -> bool {
    let levels = [
        "[error]",
        "[ERROR]",
        "[INFO]",
        "[WARN]",
        "[WARNING]",
        "[info]",
    ];
    let is_step = || word.strip_prefix('#').is_some_and(is_digits);
    word.starts_with("[pod/") || levels.contains(&word) || is_step() || is_time(word)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `2024-01-01T00:00:00…`, `12:00:00`, `12:00:00.123`, each with or without brackets.
fn is_time(word: &str) -> bool {
    let bytes = word.trim_matches(['[', ']']).as_bytes();
    let has = |marks: &[(usize, u8)]| marks.iter().all(|(at, mark)| bytes[*at] == *mark);
    let is_date = bytes.len() >= 19 && has(&[(4, b'-'), (7, b'-'), (10, b'T'), (13, b':')]);
    let is_clock = (8..=15).contains(&bytes.len())
        && has(&[(2, b':'), (5, b':')])
        && bytes
            .iter()
            .all(|b| b.is_ascii_digit() || b":.,".contains(b));
    bytes.first().is_some_and(u8::is_ascii_digit) && (is_date || is_clock)
}
