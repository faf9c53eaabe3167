//! The line as bash shows it to a completion: with quotes, and with words that end at `:` and `=`.

use super::Typed;

/// Splits `line`, which ends at the cursor. `replaced` is the end of it that bash replaces.
pub(super) fn split(line: &str, replaced: &str) -> Typed {
    let kept = line.strip_suffix(replaced).unwrap_or(line);
    let (before_kept, kept, quote) = words(kept);
    let (mut before, word, _) = words(line);
    let is_one_word = before.len() == before_kept.len();
    if !before.is_empty() {
        before.remove(0); // the name of the program
    }
    Typed {
        before,
        word,
        kept: if is_one_word { kept.len() } else { 0 },
        quote,
    }
}

/// The words of a line: those that have ended, the last one, and the quotation mark that is open.
fn words(line: &str) -> (Vec<String>, String, Option<char>) {
    let (mut ended, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t' | '\n') => ended.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), _) if c == open => quote = None,
            (None | Some('"'), '\\') => {
                let escaped = chars.next().unwrap_or_default();
                let word = word.get_or_insert_default();
                if quote.is_some() && !"\"\\$`".contains(escaped) {
                    word.push(c);
                }
                word.push(escaped);
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    (ended, word.unwrap_or_default(), quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_bash_does() {
        for (line, ended, last, quote) in [
            ("awsfresh ", vec!["awsfresh"], "", None),
            ("a  b", vec!["a"], "b", None),
            (r"a b\ c", vec!["a"], "b c", None),
            (r#"a "b c" 'd"#, vec!["a", "b c"], "d", Some('\'')),
            (r#"a "b\"\c\$"#, vec!["a"], r#"b"\c$"#, Some('"')),
            ("a '' ", vec!["a", ""], "", None),
        ] {
            let (words, word, open) = words(line);
            assert_eq!(
                (words, word.as_str(), open),
                (ended.iter().map(ToString::to_string).collect(), last, quote),
                "{line}"
            );
        }
    }

    #[test]
    fn what_bash_replaces_begins_after_a_colon_or_a_quotation_mark() {
        for (line, replaced, word, kept) in [
            ("awsfresh -p ab:c", "c", "ab:c", 3),
            ("awsfresh --profile=ab", "ab", "--profile=ab", 10),
            ("awsfresh -p 'a b", "a b", "a b", 0),
            (r"awsfresh -p a\ b", r"a\ b", "a b", 0),
            ("awsfresh -p ", "", "", 0),
        ] {
            let typed = split(line, replaced);
            assert_eq!((typed.word.as_str(), typed.kept), (word, kept), "{line}");
        }
    }
}
