//! A browser that a test drives: `$BROWSER` is a script that notes the URL; the test makes the
//! requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::sandbox::Sandbox;

/// How long awsfresh may take until it opens the browser.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Browser {
    dir: PathBuf,
}

/// An answer to a GET request.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Page {
    /// The `Location` header.
    pub fn location(&self) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix("Location: "))
    }
}

impl Browser {
    /// Makes this the browser of a home.
    pub fn install(home: &Sandbox) -> Self {
        let dir = home.home().join("browser");
        let _ = std::fs::remove_dir_all(&dir); // pages of an earlier browser
        std::fs::create_dir_all(&dir).unwrap();
        // Complete under its final name or not there; one file per page.
        let script = format!(
            "#!/bin/sh\nprintf %s \"$1\" > {0}/new.$$ && mv {0}/new.$$ {0}/page.$$\n",
            dir.display()
        );
        #[cfg(unix)]
        let script = home.program("bin/browser", script);
        #[cfg(not(unix))]
        let script = home.file("bin/browser", script);
        home.env("BROWSER", script.to_str().unwrap());
        Self { dir }
    }

    /// The pages that were opened so far.
    pub fn pages(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.dir).unwrap().map(Result::unwrap);
        let pages = entries.filter(|e| e.file_name().to_string_lossy().starts_with("page."));
        pages
            .map(|entry| std::fs::read_to_string(entry.path()).unwrap())
            .collect()
    }

    /// The first page, once it is opened.
    pub fn page(&self) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(page) = self.pages().pop() {
                return page;
            }
            assert!(Instant::now() < end, "no browser was opened");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Opens the page and approves: where AWS sends the browser back to.
    pub fn approve(&self) -> String {
        let page = get(&self.page());
        let location = page.location().map(str::to_owned);
        location.unwrap_or_else(|| panic!("no redirect: {page:?}"))
    }

    /// Approves and goes back to awsfresh: what that shows.
    pub fn sign_in(&self) -> Page {
        get(&self.approve())
    }
}

/// A GET request by plain HTTP.
pub fn get(url: &str) -> Page {
    try_get(url).unwrap_or_else(|e| panic!("{url}: {e}"))
}

pub fn try_get(url: &str) -> std::io::Result<Page> {
    let rest = url.strip_prefix("http://").expect("an http URL");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    request(
        host,
        &format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    )
}

/// Sends exactly these bytes and reads one answer.
pub fn request(host: &str, request: &str) -> std::io::Result<Page> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
                return Ok(Page {
                    status: status.unwrap_or_default(),
                    head: head.to_owned(),
                    body: body.to_owned(),
                });
            }
        }
        match stream.read(&mut chunk)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}
