//! The width of text on a terminal.

use std::borrow::Cow;

use anstream::adapter::strip_str;

/// How many columns a text takes, as far as its characters show: terminals differ about emoji.
pub(crate) fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(width).sum()
}

/// The text in at most `limit` columns: where it is longer, its middle is left out.
pub(crate) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if columns(text) <= limit {
        return text.into();
    }
    let room = limit.saturating_sub(1); // `…`
    let start: String = within(text.chars(), room - room / 2).collect();
    let end: Vec<char> = within(text.chars().rev(), room / 2).collect();
    let end: String = end.into_iter().rev().collect();
    if limit == 0 {
        "".into()
    } else {
        format!("{start}…{end}").into()
    }
}

/// The text, cut or filled up to a width. The width in a format string counts characters, and panics
/// above 65,535.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let blanks = width.saturating_sub(columns(&text));
    text.into_owned() + &" ".repeat(blanks)
}

/// The first characters that fit.
fn within(chars: impl Iterator<Item = char>, room: usize) -> impl Iterator<Item = char> {
    let mut used = 0;
    chars.take_while(move |c| {
        used += width(*c);
        used <= room
    })
}

/// 0 for a mark that is drawn over the character before it, 2 for one of East Asia and for emoji.
fn width(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20ff}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Continuation lines begin below the text of `  seen: `.
const INDENT: usize = 8;

/// Styled lines of findings within `width` columns: claims and evidence continue on the next line,
/// at a word. Next steps stay on one line, because people paste them.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| wrapped_line(line, width)).collect();
    lines.join("\n")
}

fn wrapped_line(line: &str, width: usize) -> String {
    let plain = strip_str(line).to_string();
    let is_prose = ["error: ", "warning: ", "info: ", "  seen: "]
        .iter()
        .any(|start| plain.starts_with(start));
    if !is_prose || columns(&plain) <= width || width < 3 * INDENT {
        return line.to_owned();
    }
    let (mut shown, mut used) = (String::new(), 0);
    for (n, word) in line.split(' ').enumerate() {
        let length = columns(&strip_str(word).to_string());
        if n > 0 && used + 1 + length > width && used > INDENT {
            shown.push('\n');
            shown.push_str(&" ".repeat(INDENT));
            used = INDENT;
        } else if n > 0 {
            shown.push(' ');
            used += 1;
        }
        shown.push_str(word);
        used += length;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_text_is_left_out() {
        for (text, limit, shown) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abc…fg"),
            ("abcdefg", 2, "a…"),
            ("abcdefg", 1, "…"),
            ("abcdefg", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日…語"),
            ("日本語", 4, "日…"),
            ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
        ] {
            assert_eq!(cut(text, limit), shown, "{text} {limit}");
            assert!(columns(&cut(text, limit)) <= limit);
        }
    }

    #[test]
    fn claims_and_evidence_are_wrapped_and_steps_are_not() {
        let red = "\u{1b}[31merror\u{1b}[0m: one two three four five six seven [cause]";
        assert_eq!(
            wrapped(red, 30),
            "\u{1b}[31merror\u{1b}[0m: one two three four five\n        six seven [cause]"
        );
        let step = "  try:  one two three four five six seven eight nine";
        assert_eq!(wrapped(step, 30), step);
        let word = format!("  seen: {} end", "x".repeat(60));
        assert_eq!(
            wrapped(&word, 30),
            format!("  seen: {}\n        end", "x".repeat(60))
        );
    }
}
