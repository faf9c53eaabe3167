//! A message that quotes the request it answers, as a hostile or broken service may write it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::http::Request;

/// How a message quotes what it received.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// As it is.
    Plain,
    /// Percent-encoded, as in a form.
    Percent,
    /// The same twice, in lower case.
    PercentTwice,
    /// As JSON writes it, with every character escaped that may be.
    Json,
    /// As XML writes it, with every character as a reference that may be.
    Xml,
    /// In base64, together with text in front of it.
    Base64,
    /// The same for URLs.
    Base64Url,
    /// The first 20 characters.
    Cut,
}

impl Form {
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Percent,
        Self::PercentTwice,
        Self::Json,
        Self::Xml,
        Self::Base64,
        Self::Base64Url,
        Self::Cut,
    ];

    /// Every header and field of a request, and `more`, in this form.
    pub fn quote(self, request: &Request, more: &[String]) -> String {
        let ours = [
            "host",
            "user-agent",
            "content-length",
            "content-type",
            "accept",
        ];
        let headers = request.headers.iter();
        let headers = headers.filter(|(name, _)| !ours.contains(&name.as_str()));
        let fields = request.params.iter();
        let quoted = headers
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(fields.map(|(name, value)| (name.as_str(), value.as_str())))
            .chain(more.iter().map(|text| ("known", text.as_str())));
        let quoted: Vec<String> = quoted
            .map(|(name, value)| format!("{name}={}", self.encoded(value)))
            .collect();
        quoted.join(" ")
    }

    /// A text in this form.
    pub fn encoded(self, text: &str) -> String {
        let each = |escape: fn(u8) -> String| -> String {
            let is_plain = |b: u8| b.is_ascii_alphanumeric();
            let bytes = text.bytes();
            bytes
                .map(|b| {
                    if is_plain(b) {
                        char::from(b).to_string()
                    } else {
                        escape(b)
                    }
                })
                .collect()
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Percent => each(|b| format!("%{b:02X}")),
            Self::PercentTwice => each(|b| format!("%25{b:02x}")),
            Self::Json => each(|b| match b {
                b'/' => "\\/".to_owned(),
                b => format!("\\u{b:04x}"),
            }),
            Self::Xml => each(|b| format!("&#x{b:X};")),
            Self::Base64 => STANDARD.encode(format!("ab{text}")),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(format!("a{text}?")),
            Self::Cut => text.chars().take(20).collect(),
        }
    }
}
