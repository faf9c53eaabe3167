//! `man`: the man pages, made from the definition of the command line.

use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, roman};

use crate::cli::{self, Man};
use crate::finding::{Cause, Finding, Result, remedy};
use crate::ui;

/// Prints a page, or writes all of them.
pub(super) fn run(args: &Man) -> Result<()> {
    let pages = pages();
    if let Some(dir) = &args.dir {
        return pages.iter().try_for_each(|page| write(dir, page));
    }
    let wanted = match &args.page {
        Some(name) => format!("awsfresh-{name}"),
        None => "awsfresh".to_owned(),
    };
    let page = pages.iter().find(|page| name(page) == wanted);
    let page = page.ok_or_else(|| {
        let summary = "there is no man page of this name: it is not a subcommand of awsfresh";
        Finding::new(Cause::Usage, summary).remedy("awsfresh --help")
    })?;
    ui::print_text(&render(page))
}

/// The program and its subcommands, each with the name of its page.
fn pages() -> Vec<Command> {
    let mut root = cli::definition()
        .disable_help_subcommand(true)
        .subcommand_help_heading("SUBCOMMANDS");
    root.build();
    let shown = root.get_subcommands().filter(|sub| !sub.is_hide_set());
    std::iter::once(&root).chain(shown).cloned().collect()
}

/// The name of a page, such as `awsfresh-status`.
fn name(page: &Command) -> &str {
    page.get_display_name().unwrap_or_else(|| page.get_name())
}

fn write(dir: &Path, page: &Command) -> Result<()> {
    let path = dir.join(format!("{}.1", name(page)));
    let written = std::fs::create_dir_all(dir).and_then(|()| std::fs::write(&path, render(page)));
    written.map_err(|e| {
        let summary = format!("cannot write {}: {e}", path.display());
        Finding::new(Cause::Unexpected, summary).remedy(remedy!("ls -ld {}", dir))
    })
}

fn render(command: &Command) -> String {
    let mut text = Vec::new();
    let _ = sections(command, &mut text); // writing to memory cannot fail
    String::from_utf8_lossy(&text).into_owned()
}

fn sections(command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    let (name, page) = (name(command), Page::new(command.clone()));
    let version = env!("CARGO_PKG_VERSION");
    // `render_title` leaves an empty date out, and what follows moves into its place.
    writeln!(
        text,
        ".TH {name} 1 \"\" \"awsfresh {version}\" \"awsfresh\""
    )?;
    page.render_name_section(text)?;
    page.render_synopsis_section(text)?;
    page.render_description_section(text)?;
    page.render_options_section(text)?;
    if let Some(notes) = command.get_after_help() {
        text.write_all(unfilled("NOTES", &notes.to_string()).as_bytes())?;
    }
    if command.has_subcommands() {
        return page.render_subcommands_section(text);
    }
    writeln!(text, ".SH \"SEE ALSO\"\nawsfresh(1)")
}

/// A section whose lines stay as they are.
fn unfilled(title: &str, lines: &str) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [title]).control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []).render()
}
