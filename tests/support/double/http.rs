//! A minimal HTTP/1.1 server: the faults violate the protocol as no HTTP library allows.

use std::collections::BTreeMap;
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::clock;

/// The limit of a request head. Requests of the tests are smaller.
const HEAD_LIMIT: usize = 64 * 1024;

pub struct Request {
    pub method: String,
    /// Path without the query, still percent-encoded.
    pub path: String,
    pub raw_query: String,
    /// Names in lower case, in the order of the request.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Query, form and JSON fields in one map.
    pub params: BTreeMap<String, String>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }
}

/// An answer, and the ARN of its caller.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub caller: Option<String>,
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: String) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body,
            caller: None,
        }
    }

    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn to_bytes(&self, now: i64) -> Vec<u8> {
        let mut head = vec![
            format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)),
            format!("Date: {}\r\n", clock::imf_fixdate(now)),
        ];
        let headers = self.headers.iter();
        head.extend(headers.map(|(name, value)| format!("{name}: {value}\r\n")));
        head.push(format!("Content-Length: {}\r\n\r\n", self.body.len()));
        [head.concat().as_bytes(), self.body.as_bytes()].concat()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// A connection, with the bytes that were read after the last request.
pub struct Connection<S> {
    pub stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    /// The next request, or `None` after the peer has closed the connection.
    pub async fn next(&mut self) -> io::Result<Option<Request>> {
        let head_end = loop {
            if let Some(at) = self
                .buffer
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                break at + 4;
            }
            if self.buffer.len() > HEAD_LIMIT || !self.fill().await? {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        self.buffer.drain(..head_end);
        let mut request = parse_head(&head).ok_or(io::ErrorKind::InvalidData)?;
        let length = request
            .header("content-length")
            .and_then(|value| value.parse().ok())
            .unwrap_or(0);
        while self.buffer.len() < length {
            if !self.fill().await? {
                return Ok(None);
            }
        }
        request.body = self.buffer.drain(..length).collect();
        request.params = params(&request);
        Ok(Some(request))
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn fill(&mut self) -> io::Result<bool> {
        let mut chunk = [0; 8 * 1024];
        let read = self.stream.read(&mut chunk).await?;
        self.buffer.extend_from_slice(&chunk[..read]);
        Ok(read > 0)
    }
}

fn parse_head(head: &str) -> Option<Request> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    // Requests to a plain HTTP proxy use the absolute form.
    let target = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Request {
        method,
        path: path.to_owned(),
        raw_query: query.to_owned(),
        headers,
        body: Vec::new(),
        params: BTreeMap::new(),
    })
}

fn params(request: &Request) -> BTreeMap<String, String> {
    let body = String::from_utf8_lossy(&request.body);
    let content_type = request.header("content-type").unwrap_or_default();
    let mut params: BTreeMap<_, _> = form(&request.raw_query).collect();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        params.extend(form(&body));
    } else if let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(&body) {
        params.extend(fields.into_iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        }));
    }
    params
}

fn form(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

fn decode(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    bytes
                        .next()
                        .and_then(|byte| char::from(byte).to_digit(16))
                        .unwrap_or(0) as u8
                };
                let high = digit();
                high << 4 | digit()
            }
            plain => plain,
        });
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
