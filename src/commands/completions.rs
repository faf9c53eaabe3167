//! `completions`: the scripts of the shells; and `complete-words`, which they call.

use crate::aws_files;
use crate::cli::{CompleteWords, Shell, in_form, offer};
use crate::finding::Result;
use crate::ui;
use crate::world::World;

/// Prints the script of a shell.
pub(super) fn run(shell: Shell) -> Result<()> {
    ui::print_text(match shell {
        Shell::Bash => include_str!("../../packaging/completions/awsfresh.bash"),
        Shell::Zsh => include_str!("../../packaging/completions/_awsfresh"),
        Shell::Fish => include_str!("../../packaging/completions/awsfresh.fish"),
        Shell::Powershell => include_str!("../../packaging/completions/awsfresh.ps1"),
        Shell::Nushell => include_str!("../../packaging/completions/awsfresh.nu"),
    })
}

/// Prints what a shell is to offer: what can be known, and nothing about what cannot be read.
pub(super) fn complete(world: Option<&World>, args: &CompleteWords) -> Result<()> {
    let typed = args.typed();
    let names = || world.map(aws_files::names).unwrap_or_default();
    let offer = offer(&typed, names);
    ui::print_text(&in_form(args.shell, &typed, &offer))
}
