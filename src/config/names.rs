//! The names in the AWS files, for the completion of command lines. A file that no tool reads is
//! read as far as it has lines with a name.

use memchr::memchr_iter;

use super::line::Line;
use super::parser::{FileKind, SectionKind};

/// Names that can be typed: without those that a terminal would not show as they are.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Those of the profiles; sorted, each once, after [`Self::sort`].
    pub(crate) profiles: Vec<String>,
    /// The same for the SSO sessions.
    pub(crate) sessions: Vec<String>,
}

impl Names {
    /// Adds the names in lines of one file, in file order.
    pub(crate) fn add(&mut self, kind: FileKind, text: &str) {
        let starts = memchr_iter(b'[', text.as_bytes());
        let starts = starts.filter(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n');
        let lines = starts.filter_map(|at| text[at..].lines().next());
        for line in lines {
            let Line::Header(Some((section, name))) = Line::of(kind, line) else {
                continue;
            };
            let names = match section {
                SectionKind::Profile => &mut self.profiles,
                SectionKind::SsoSession => &mut self.sessions,
                SectionKind::Services | SectionKind::Other => continue,
            };
            if !name.is_empty() && crate::text::is_printable(name) {
                names.push(name.to_owned());
            }
        }
    }

    /// Sorts the names that were added.
    pub(crate) fn sort(&mut self) {
        for names in [&mut self.profiles, &mut self.sessions] {
            names.sort(); // generated files have long runs in order, which this sort uses
            names.dedup();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_a_file_that_is_broken_elsewhere() {
        let mut names = Names::default();
        let config = "region = x\n[profile b]\njunk\n[profile a b]\n[open\n[sso-session s]\n\
                      [services x]\n[profile \u{202e}]\n[profile ]\n[default]\n[profile 'q']\n";
        names.add(FileKind::Config, config);
        names.add(FileKind::Credentials, "[b]\n[profile c]\n");
        names.sort();
        let profiles: Vec<_> = names.profiles.iter().map(String::as_str).collect();
        assert_eq!(profiles, ["a b", "b", "default", "profile c", "q"]);
        assert_eq!(names.sessions.into_iter().collect::<Vec<_>>(), ["s"]);
    }
}
