//! What a shell offers for a word of the command line. `engine` decides that from the definition of
//! the command line; `form` writes it as the scripts in packaging/completions read it, and `bash`
//! splits a line as bash does, which no other shell leaves to its completions.
//!
//! `clap_complete` is not used: its completion of values is unstable, it does not know Nushell, and
//! it does not pass on what follows `--` to the completion of the wrapped command.

mod bash;
mod engine;
mod form;

use clap::{Args, ValueEnum};

pub(crate) use engine::{Offer, offer};
pub(crate) use form::in_form;

/// A shell with a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// Bash 3.2 or newer
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// Windows PowerShell, and PowerShell 7
    Powershell,
    /// Nushell
    Nushell,
}

/// `complete-words`: the command line up to the cursor.
#[derive(Debug, Args)]
pub(crate) struct CompleteWords {
    /// The shell
    pub(crate) shell: Shell,
    /// The word at the cursor, as far as it is typed
    #[arg(long, allow_hyphen_values = true, default_value = "")]
    word: String,
    /// The line as it is typed, instead of WORDS
    #[arg(long, allow_hyphen_values = true, conflicts_with = "words")]
    line: Option<String>,
    /// The words before that at the cursor, without the name of the program
    #[arg(last = true)]
    words: Vec<String>,
}

/// The words before the cursor and the word at it; and what the shell does with the latter.
pub(crate) struct Typed {
    /// The words between the name of the program and the cursor.
    before: Vec<String>,
    /// The word at the cursor, without its quotes.
    word: String,
    /// How much of the word the shell keeps, in bytes; the rest is replaced.
    kept: usize,
    /// The quotation mark that is open at the cursor.
    quote: Option<char>,
}

impl CompleteWords {
    /// The words of the command line.
    pub(crate) fn typed(&self) -> Typed {
        match &self.line {
            Some(line) => bash::split(line, &self.word),
            None => Typed {
                before: self.words.clone(),
                word: self.word.clone(),
                kept: 0,
                quote: None,
            },
        }
    }
}
