//! A log as one line: without prefixes of lines, terminal codes, the frames that Terraform draws,
//! HTML escapes, and line ends in the middle of a sentence.

/// A line can have so many prefixes.
const MAX_PREFIXES: usize = 4;
/// A longer first word is not the name of a service.
const MAX_SERVICE_NAME: usize = 64;

/// One line of all.
pub(super) fn flatten(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        lines.push_str(without_prefixes(line));
        lines.push('\n');
    }
    let flat = on_one_line(&lines);
    if !flat.contains("&lt;") && !flat.contains("&quot;") {
        return flat;
    }
    let escapes = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ];
    escapes.into_iter().fold(flat, |flat, (escape, character)| {
        flat.replace(escape, character)
    })
}

/// A line without a quotation mark or frame (`> `, `| `), the name of a pod or service (`[pod/x] `,
/// `x | `) and the time.
fn without_prefixes(line: &str) -> &str {
    let mut rest = line;
    for _ in 0..MAX_PREFIXES {
        let trimmed = rest.trim_start();
        let (first, after) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
        let of_service = after.trim_start().strip_prefix("| ");
        rest = match (first, of_service) {
            (">" | "|", _) => after,
            (first, _) if first.starts_with("[pod/") || is_time(first) => after,
            (first, Some(line)) if first.len() <= MAX_SERVICE_NAME => line,
            _ => return rest,
        };
    }
    rest
}

/// `2024-01-01T00:00:00…`
fn is_time(word: &str) -> bool {
    let bytes = word.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':')];
    bytes.len() >= 19
        && bytes[0].is_ascii_digit()
        && marks.iter().all(|(at, mark)| bytes[*at] == *mark)
}

/// Words separated by one space, without terminal codes and frames.
fn on_one_line(text: &str) -> String {
    let mut flat = String::with_capacity(text.len());
    let mut after_blank = true;
    for piece in anstream::adapter::strip_str(text) {
        for c in piece.chars() {
            let is_frame = ('\u{2500}'..='\u{257f}').contains(&c);
            let is_blank = c.is_whitespace() || c.is_control() || is_frame;
            if !is_blank {
                flat.push(c);
            } else if !after_blank {
                flat.push(' ');
            }
            after_blank = is_blank;
        }
    }
    flat
}
