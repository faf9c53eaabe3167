//! The pages, and what is in them: blocks of code, and code within a text.

use std::fs;
use std::path::{Path, PathBuf};

/// The directory of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Markdown file.
pub struct Page {
    /// Relative to the project.
    pub path: PathBuf,
    pub text: String,
}

/// A block of code.
#[derive(Debug)]
pub struct Block {
    /// `docs/x.md:7`, the line of the fence.
    pub place: String,
    /// What follows the fence: `console`, `sh`, `ini`, or nothing.
    pub language: String,
    pub lines: Vec<String>,
    /// The number of the first line within the page, from 0.
    pub first: usize,
    pub marker: Option<Marker>,
}

/// What a comment in front of a block says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    Scene(String),
    NotRun(String),
}

impl Marker {
    fn parse(line: &str) -> Option<Self> {
        let text = line
            .trim()
            .strip_prefix("<!--")?
            .strip_suffix("-->")?
            .trim();
        let scene = text.strip_prefix("scene:");
        let not_run = text.strip_prefix("not run:");
        scene
            .map(|name| Self::Scene(name.trim().to_owned()))
            .or_else(|| not_run.map(|reason| Self::NotRun(reason.trim().to_owned())))
    }
}

impl Block {
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    pub fn scene(&self) -> Option<&str> {
        match &self.marker {
            Some(Marker::Scene(name)) => Some(name),
            _ => None,
        }
    }
}

impl Page {
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.to_owned(),
        }
    }

    fn read(path: &Path) -> Self {
        Self {
            path: path.strip_prefix(root()).unwrap().to_owned(),
            text: fs::read_to_string(path).unwrap(),
        }
    }

    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open: Option<Block> = None;
        let mut marker = None;
        for (number, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => {
                    let indent = line.len() - line.trim_start().len();
                    let of_fence = block.first.min(indent);
                    block.lines.push(line[of_fence..].to_owned());
                }
                (None, Some(language)) => {
                    open = Some(Block {
                        place: format!("{}:{}", self.path.display(), number + 1),
                        language: language.trim().to_owned(),
                        lines: Vec::new(),
                        // The indent of the fence, until the block ends.
                        first: line.len() - line.trim_start().len(),
                        marker: marker.take(),
                    });
                }
                (None, None) if line.trim().is_empty() => {}
                (None, None) => marker = Marker::parse(line),
            }
        }
        assert!(
            open.is_none(),
            "{}: a block has no end",
            self.path.display()
        );
        for block in &mut blocks {
            let line: usize = block.place.rsplit(':').next().unwrap().parse().unwrap();
            block.first = line;
        }
        blocks
    }

    /// The text without blocks of code, and with empty lines in their place.
    pub fn prose(&self) -> String {
        let mut within = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            let fence = line.trim_start().starts_with("```");
            within ^= fence;
            if !within && !fence {
                prose.push_str(line);
            }
            prose.push('\n');
        }
        prose
    }

    /// Code within the text, with the number of its line. A span may go on in the next line.
    pub fn spans(&self) -> Vec<(usize, String)> {
        let prose = self.prose();
        let mut spans = Vec::new();
        let mut number = 1;
        for paragraph in prose.split("\n\n") {
            let mut line = number;
            for (index, part) in paragraph.split('`').enumerate() {
                if index % 2 == 1 {
                    spans.push((line, part.split_whitespace().collect::<Vec<_>>().join(" ")));
                }
                line += part.matches('\n').count();
            }
            number += paragraph.matches('\n').count() + 2;
        }
        spans
    }
}

/// Every page below `docs`, and README.md.
pub fn guides() -> Vec<Page> {
    let mut pages = vec![Page::read(&root().join("README.md"))];
    let mut dirs = vec![root().join("docs")];
    while let Some(dir) = dirs.pop() {
        let mut entries: Vec<PathBuf> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(Page::read(&path));
            }
        }
    }
    assert!(pages.len() > 20, "{} pages", pages.len());
    pages
}

/// Every Markdown file of the project.
pub fn all() -> Vec<Page> {
    let others = [
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "packaging/README.md",
    ];
    let mut pages = guides();
    pages.extend(others.map(|path| Page::read(&root().join(path))));
    pages
}

#[test]
fn blocks_and_spans_are_found() {
    let page = Page::new(
        "x.md",
        "Run `awsfresh\nstatus`.\n\n<!-- scene: empty -->\n\n```console\n$ true\n```\n\n- item:\n\n  ```sh\n  a\n    b\n  ```\n",
    );
    let blocks = page.blocks();
    assert_eq!(blocks.len(), 2);
    assert_eq!(blocks[0].scene(), Some("empty"));
    assert_eq!((blocks[0].place.as_str(), blocks[0].first), ("x.md:6", 6));
    assert_eq!(blocks[1].lines, ["a", "  b"]);
    assert_eq!(blocks[1].marker, None);
    assert_eq!(page.spans(), [(1, "awsfresh status".to_owned())]);
}
