//! Follows a command line along its definition, up to the word at the cursor.

use std::collections::BTreeSet;

use clap::{Arg, ArgAction, Command, CommandFactory, ValueHint};

use super::Typed;
use crate::cli::Cli;
use crate::cli::values::known_values;
use crate::config::Names;

/// What a shell is to offer.
#[derive(Debug)]
pub(crate) enum Offer {
    /// These words, whether or not they begin with what is typed.
    Words(Vec<Word>),
    /// The names of files.
    Files,
    /// What it offers for the command that begins at this index of the words.
    Command(usize),
}

/// A word to offer.
#[derive(Debug)]
pub(crate) struct Word {
    pub(super) value: String,
    /// A description of one line; empty where there is none.
    pub(super) help: String,
}

impl Word {
    fn new(value: impl Into<String>, help: Option<&clap::builder::StyledStr>) -> Self {
        let help = help.map(ToString::to_string).unwrap_or_default();
        Self {
            value: value.into(),
            help: help.lines().next().unwrap_or_default().to_owned(),
        }
    }
}

/// What fits at the cursor. `names` is called where names are needed.
pub(crate) fn offer(typed: &Typed, names: impl FnOnce() -> Names) -> Offer {
    let mut root = Cli::command();
    root.build();
    let mut place = Place::at(&root);
    for (index, word) in typed.before.iter().enumerate() {
        place.pass(word);
        if place.only_positionals && place.command.has_subcommands() {
            return Offer::Command(index + 1);
        }
    }
    place.offer(&typed.word, names)
}

/// A place in a command line.
struct Place<'a> {
    command: &'a Command,
    /// The option whose value follows.
    pending: Option<&'a Arg>,
    /// How many positional arguments were passed.
    positionals: usize,
    /// Whether `--` was passed.
    only_positionals: bool,
    /// The options that were passed.
    given: BTreeSet<&'a str>,
}

impl<'a> Place<'a> {
    fn at(command: &'a Command) -> Self {
        Self {
            command,
            pending: None,
            positionals: 0,
            only_positionals: false,
            given: BTreeSet::new(),
        }
    }

    /// Goes past a word.
    fn pass(&mut self, word: &str) {
        if self.pending.take().is_some() {
            return;
        }
        if self.only_positionals {
            self.positionals += 1;
        } else if word == "--" {
            self.only_positionals = true;
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long
                .split_once('=')
                .map_or((long, None), |(n, v)| (n, Some(v)));
            if let Some(arg) = self.long(name) {
                self.given.insert(arg.get_id().as_str());
                self.pending = Some(arg).filter(|arg| takes_value(arg) && value.is_none());
            }
        } else if word.len() > 1 && word.starts_with('-') {
            let (arg, value) = self.shorts(&word[1..]);
            self.pending = arg.filter(|_| value.is_empty());
        } else if let Some(command) = self.command.find_subcommand(word) {
            *self = Self::at(command);
        } else {
            self.positionals += 1;
        }
    }

    /// Goes past letters after a dash: the first option with a value among them, and what follows it.
    fn shorts<'w>(&mut self, letters: &'w str) -> (Option<&'a Arg>, &'w str) {
        for (at, letter) in letters.char_indices() {
            let mut all = self.command.get_opts().chain(flags(self.command));
            let Some(arg) = all.find(|arg| arg.get_short() == Some(letter)) else {
                break;
            };
            self.given.insert(arg.get_id().as_str());
            if takes_value(arg) {
                return (Some(arg), &letters[at + letter.len_utf8()..]);
            }
        }
        (None, "")
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let mut all = self.command.get_opts().chain(flags(self.command));
        all.find(|arg| arg.get_long() == Some(name))
    }

    fn offer(mut self, word: &str, names: impl FnOnce() -> Names) -> Offer {
        if let Some(arg) = self.pending {
            return values(arg, "", names);
        }
        if !self.only_positionals && word.starts_with('-') {
            return self.offer_options(word, names);
        }
        let positional = self.positional();
        if !self.command.has_subcommands() {
            return positional.map_or(Offer::Words(Vec::new()), |arg| values(arg, "", names));
        }
        // After an option of a command to run, only the command can follow.
        let is_common = |id: &&str| {
            self.command
                .get_arguments()
                .any(|arg| arg.get_id() == id && arg.is_global_set())
        };
        self.given.retain(|id| !is_common(id));
        if self.given.is_empty() {
            Offer::Words(subcommands(self.command))
        } else {
            Offer::Words(vec![Word::new("--", None)])
        }
    }

    /// The values of the option in `word`, or the options.
    fn offer_options(mut self, word: &str, names: impl FnOnce() -> Names) -> Offer {
        if let Some((name, _)) = word
            .strip_prefix("--")
            .and_then(|long| long.split_once('='))
        {
            let arg = self.long(name).filter(|arg| takes_value(arg));
            return arg.map_or(Offer::Words(Vec::new()), |arg| {
                values(arg, &format!("--{name}="), names)
            });
        }
        if word.len() > 2
            && !word.starts_with("--")
            && let (Some(arg), value) = self.shorts(&word[1..])
        {
            return values(arg, &word[..word.len() - value.len()], names);
        }
        let all = self.command.get_opts().chain(flags(self.command));
        let fits = all.filter(|arg| {
            let is_new = !self.given.contains(arg.get_id().as_str());
            !arg.is_hide_set() && (is_new || matches!(arg.get_action(), ArgAction::Append))
        });
        let long = fits
            .filter_map(|arg| Some(Word::new(format!("--{}", arg.get_long()?), arg.get_help())));
        let dashes = self
            .command
            .has_subcommands()
            .then(|| Word::new("--", None));
        Offer::Words(long.chain(dashes).collect())
    }

    /// The positional argument at the cursor.
    fn positional(&self) -> Option<&'a Arg> {
        let all: Vec<&Arg> = self.command.get_positionals().collect();
        let is_repeated = |arg: &&&Arg| matches!(arg.get_action(), ArgAction::Append);
        let last = all.last().filter(is_repeated);
        all.get(self.positionals).or(last).copied()
    }
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_positional() && !takes_value(arg))
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn subcommands(command: &Command) -> Vec<Word> {
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown
        .map(|sub| Word::new(sub.get_name(), sub.get_about()))
        .collect()
}

/// The values of an argument, after what precedes them in the same word.
fn values(arg: &Arg, prefix: &str, names: impl FnOnce() -> Names) -> Offer {
    let word = |value: String| match prefix {
        "" => Word::new(value, None),
        prefix => Word::new(format!("{prefix}{value}"), None),
    };
    let words = match arg.get_id().as_str() {
        "profile" | "profiles" => names().profiles.into_iter().map(word).collect(),
        "sessions" => names().sessions.into_iter().map(word).collect(),
        "page" => subcommands(&Cli::command()),
        _ if matches!(
            arg.get_value_hint(),
            ValueHint::AnyPath | ValueHint::DirPath
        ) =>
        {
            return Offer::Files;
        }
        id => {
            let possible = arg.get_possible_values();
            let possible = possible
                .iter()
                .map(|value| Word::new(format!("{prefix}{}", value.get_name()), value.get_help()));
            possible
                .chain(
                    known_values(id)
                        .iter()
                        .map(|value| word((*value).to_owned())),
                )
                .collect()
        }
    };
    Offer::Words(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is offered at the end of a line of words.
    fn offered(line: &str) -> Vec<String> {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let word = words.pop().unwrap();
        let typed = Typed {
            before: words,
            word,
            kept: 0,
            quote: None,
        };
        let names = || Names {
            profiles: ["dev".to_owned(), "prod".to_owned()].into(),
            sessions: ["corp".to_owned()].into(),
        };
        match offer(&typed, names) {
            Offer::Words(words) => words.into_iter().map(|word| word.value).collect(),
            Offer::Files => vec!["FILES".to_owned()],
            Offer::Command(at) => vec![format!("COMMAND {at}")],
        }
    }

    #[test]
    fn a_value_is_offered_wherever_it_can_be_written() {
        let profiles = ["dev", "prod"];
        for line in [
            "-p ",
            "--profile ",
            "status -p ",
            "-v status -v -p ",
            "status -vp ",
            "-vp ",
            "login -p x",
        ] {
            assert_eq!(offered(line), profiles, "{line}");
        }
        assert_eq!(
            offered("status --profile=d"),
            ["--profile=dev", "--profile=prod"]
        );
        assert_eq!(offered("status -pd"), ["-pdev", "-pprod"]);
        assert_eq!(offered("login "), ["corp"]);
        assert_eq!(offered("login a b"), ["corp"]);
        assert_eq!(offered("login -- "), ["corp"]);
        assert_eq!(offered("logout --all "), ["corp"]);
        assert_eq!(
            offered("status --store "),
            ["auto", "keyring", "sealed", "none"]
        );
        assert_eq!(
            offered("--deliver "),
            ["profile", "endpoint", "files", "env"]
        );
        assert!(offered("--on-renew ").contains(&"signal:HUP".to_owned()));
        assert_eq!(offered("explain "), ["FILES"]);
        assert_eq!(offered("man --dir "), ["FILES"]);
        assert!(offered("man ").contains(&"status".to_owned()));
        for line in [
            "--min-ttl ",
            "status ",
            "why x",
            "explain --json=",
            "--no-such-option=",
            "explain a ",
        ] {
            assert!(offered(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn subcommands_and_options_are_offered_where_they_are_accepted() {
        let first = offered("");
        assert!(
            first.contains(&"credential-process".to_owned())
                && !first.contains(&"complete-words".to_owned())
        );
        assert_eq!(offered("-v "), first);
        assert_eq!(offered("-p prod "), ["--"]);
        let options = offered("status -");
        assert!(
            options.contains(&"--json".to_owned()) && !options.contains(&"--min-ttl".to_owned())
        );
        assert!(offered("-").contains(&"--min-ttl".to_owned()));
        assert!(!offered("status --json --").contains(&"--json".to_owned()));
        assert!(
            offered("status -p a --").contains(&"--profile".to_owned()),
            "it may be repeated"
        );
        assert!(!offered("doctor -p a --").contains(&"--profile".to_owned()));
    }

    #[test]
    fn a_command_is_completed_by_the_shell() {
        assert_eq!(offered("-- "), ["COMMAND 1"]);
        assert_eq!(offered("-p prod -- terraform -ch"), ["COMMAND 3"]);
        assert_eq!(offered("-p -- -- ls "), ["COMMAND 3"]);
        assert_eq!(offered("explain -- "), ["FILES"]);
    }

    #[test]
    fn every_option_and_subcommand_is_offered() {
        let mut root = Cli::command();
        root.build();
        for command in root.get_subcommands().filter(|one| !one.is_hide_set()) {
            let name = command.get_name();
            assert!(offered("").contains(&name.to_owned()), "{name}");
            let options = offered(&format!("{name} --"));
            for long in command.get_arguments().filter_map(Arg::get_long) {
                assert!(options.contains(&format!("--{long}")), "{name} --{long}");
            }
        }
    }
}
