//! What to do next. People paste it into a shell.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Origin;
use crate::shell::{quoted, quoted_path};

/// A [`Remedy`] of words and values: `remedy!("awsfresh login {}", name)`. The values are quoted.
/// They cannot be named within the words, where `format!` would not quote them.
macro_rules! remedy {
    ($words:literal $(, $value:expr)* $(,)?) => {
        $crate::finding::Remedy::of_quoted(
            $words,
            format!(concat!($words) $(, $crate::finding::InRemedy::in_remedy(&$value))*),
        )
    };
}
pub(crate) use remedy;

/// A next step: a command, or words. It is either text of awsfresh alone or made by `remedy!`,
/// which quotes every value. So a shell into which the line is pasted runs what the line shows,
/// whatever a name from a file, from the command line or from AWS contains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Remedy(String);

impl Remedy {
    /// The same step for this profile, in the place of `-p PROFILE` and of none.
    pub(super) fn for_profile(&self, name: &str) -> Self {
        let option = profile_option("-p", name);
        let line = self.0.replace("-p PROFILE", &option);
        let (any, this) = ("awsfresh login --", format!("awsfresh login {option} --"));
        Self(line.replace(any, &this))
    }

    /// For `remedy!` alone: `line` is `words` with values, each of which is quoted.
    pub(crate) fn of_quoted(words: &str, line: String) -> Self {
        debug_assert!(
            !words.contains(['`', '$', '\'', '"', '\\']),
            "a quote in front of a quoted value leaves it bare: {words}"
        );
        Self(line)
    }

    /// The same, as it may leave the process: shortened, and without secrets.
    pub(super) fn map(&self, shown: impl FnOnce(&str) -> String) -> Self {
        Self(shown(self))
    }

    /// These words, each of which is quoted, as a command line.
    pub(crate) fn of_words<T: AsRef<str>>(words: impl IntoIterator<Item = T>) -> Self {
        let words = words.into_iter().map(|word| quoted(word.as_ref()));
        Self(words.collect::<Vec<_>>().join(" "))
    }
}

/// The option that names a profile. A name that begins with a dash would be read as an option.
pub(crate) fn profile_option(option: &'static str, name: &str) -> Remedy {
    if name.starts_with('-') {
        remedy!("--profile={}", name)
    } else {
        remedy!("{} {}", Remedy::from(option), name)
    }
}

/// Text of awsfresh. That of any other origin is not `'static`.
impl From<&'static str> for Remedy {
    fn from(words: &'static str) -> Self {
        debug_assert!(
            !words.contains(['`', '$']),
            "a shell runs a part of: {words}"
        );
        Self(words.to_owned())
    }
}

impl std::ops::Deref for Remedy {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// A value in a remedy.
pub(crate) trait InRemedy {
    /// The value as a shell reads it back.
    fn in_remedy(&self) -> String;
}

impl InRemedy for str {
    fn in_remedy(&self) -> String {
        quoted(self)
    }
}

impl InRemedy for String {
    fn in_remedy(&self) -> String {
        quoted(self)
    }
}

impl InRemedy for Path {
    fn in_remedy(&self) -> String {
        quoted_path(self)
    }
}

impl InRemedy for Arc<str> {
    fn in_remedy(&self) -> String {
        quoted(self)
    }
}

impl InRemedy for PathBuf {
    fn in_remedy(&self) -> String {
        quoted_path(self)
    }
}

impl InRemedy for Origin {
    fn in_remedy(&self) -> String {
        quoted(&self.to_string())
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl InRemedy for $number {
            fn in_remedy(&self) -> String {
                self.to_string()
            }
        })*
    };
}
numbers!(u32, i64, usize);

/// A list.
impl<T: InRemedy> InRemedy for [T] {
    fn in_remedy(&self) -> String {
        let items: Vec<String> = self.iter().map(T::in_remedy).collect();
        items.join(", ")
    }
}

/// A command within a sentence.
impl InRemedy for Remedy {
    fn in_remedy(&self) -> String {
        self.0.clone()
    }
}

impl<T: InRemedy + ?Sized> InRemedy for &T {
    fn in_remedy(&self) -> String {
        (*self).in_remedy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(windows, ignore = "quotes for cmd")]
    fn values_are_quoted_and_commands_are_not() {
        let login = remedy!("awsfresh login {}", "a $(b)");
        assert_eq!(&*login, "awsfresh login 'a $(b)'");
        let origin = Origin {
            file: "/my home/config".into(),
            line: 3,
        };
        assert_eq!(
            &*remedy!("correct line {} of {}, then {}", 3_u32, origin, login),
            "correct line 3 of \"/my home/config:3\", then awsfresh login 'a $(b)'"
        );
        assert_eq!(&*remedy!("rm {}", Path::new("-rf")), "rm ./-rf");
    }

    #[test]
    #[should_panic(expected = "a quote in front")]
    fn own_quotes_around_values_are_rejected() {
        let _ = remedy!("the region's name is {}", "x");
    }
}
