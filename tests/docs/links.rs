//! Links within the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::pages::{Page, all, guides, root};

/// The targets of a page's links: `[text](target)`, `src="target"`, `href="target"`.
fn targets(page: &Page) -> Vec<String> {
    let prose = page.prose();
    // Code within the text has no links.
    let text: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("code");
    let after = |start: &str, end: char| {
        text.split(start)
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(end)?.0.to_owned()))
            .collect::<Vec<_>>()
    };
    [
        after("](", ')'),
        after("src=\"", '"'),
        after("href=\"", '"'),
    ]
    .concat()
}

/// The anchors of a page, as GitHub makes them from its headings.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in page.prose().lines() {
        let Some(heading) = line.strip_prefix('#') else {
            continue;
        };
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let mut unique = anchor.clone();
        let mut number = 0;
        while !found.insert(unique.clone()) {
            number += 1;
            unique = format!("{anchor}-{number}");
        }
    }
    found
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// The links of a page that lead nowhere.
fn dead(page: &Page, pages: &[Page]) -> Vec<String> {
    let mut dead = Vec::new();
    for target in targets(page) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = target
            .split_once('#')
            .map_or((&*target, None), |(f, a)| (f, Some(a)));
        let path = match file {
            "" => page.path.clone(),
            file => plain(&page.path.parent().unwrap().join(file)),
        };
        let own = (path == page.path).then_some(page);
        let other = own.or_else(|| pages.iter().find(|other| other.path == path));
        let exists = other.is_some() || root().join(&path).exists();
        let has_anchor =
            anchor.is_none_or(|anchor| other.is_some_and(|other| anchors(other).contains(anchor)));
        if !exists || !has_anchor {
            dead.push(format!("{}: {target}", page.path.display()));
        }
    }
    dead
}

#[test]
fn every_link_leads_somewhere() {
    let pages = all();
    let dead: Vec<String> = pages.iter().flat_map(|page| dead(page, &pages)).collect();
    assert!(dead.is_empty(), "\n{}", dead.join("\n"));
    let links: usize = pages.iter().map(|page| targets(page).len()).sum();
    assert!(links > 50, "only {links} links");
}

#[test]
fn a_dead_link_is_found() {
    let pages = all();
    for text in [
        "[x](docs/nothing.md)",
        "[x](#nothing)",
        "[x](docs/setup.md#nothing)",
        "<img src=\"docs/nothing.svg\">",
    ] {
        let page = Page::new("README.md", text);
        assert_eq!(dead(&page, &pages).len(), 1, "{text}");
    }
    let fine = "# A `b` c, d\n[x](docs/setup.md) [x](#a-b-c-d) `[x](nothing)` [x](https://x.y)";
    assert_eq!(dead(&Page::new("README.md", fine), &pages), [""; 0]);
}

/// Messages and help name pages; a text may name one without a link.
#[test]
fn every_page_that_a_text_names_exists() {
    let mut texts: Vec<(PathBuf, String)> = all()
        .into_iter()
        .map(|page| (page.path, page.text))
        .collect();
    let mut dirs = vec![root().join("src")];
    while let Some(dir) = dirs.pop() {
        for path in fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                dirs.push(path);
            } else {
                texts.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    let mut named = 0;
    for (path, text) in texts {
        for rest in text.split("docs/").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || "-/.".contains(*c))
                .collect();
            let name = name.trim_end_matches('.');
            if name.ends_with(".md") {
                named += 1;
                let page = root().join("docs").join(name);
                assert!(page.exists(), "{}: docs/{name}", path.display());
            }
        }
    }
    assert!(named > 20, "{named}");
}

/// A page that no other page names is not found by a reader.
#[test]
fn every_page_is_linked() {
    let pages = guides();
    for page in &pages {
        let is_target = |other: &Page| {
            targets(other).iter().any(|target| {
                let file = target.split('#').next().unwrap();
                plain(&other.path.parent().unwrap().join(file)) == page.path
            })
        };
        assert!(
            page.path == Path::new("README.md") || pages.iter().any(is_target),
            "{} is not linked",
            page.path.display()
        );
    }
}
