//! The token of an SSO session: in our store, or in the AWS CLI's file under `~/.aws/sso/cache`. Both
//! have the same JSON. A refreshed token is written back to where it came from; keys that this
//! program does not know are kept.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::oidc::Registration;
use crate::config::SsoSession;
use crate::credentials::Secret;
use crate::finding::Remedy;
use crate::time::Timestamp;

/// A token with less time left, in seconds, is refreshed before it is used.
const REFRESH_WINDOW: i64 = 5 * 60;
/// Tokens have a few KB.
pub(super) const SIZE_LIMIT: u64 = 256 * 1024;
/// No server accepts a longer header; in bytes.
const HEADER_LIMIT: usize = 64 * 1024;

/// The place of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenSource {
    /// Our store.
    Store,
    /// The AWS CLI's token file.
    File,
}

/// A token, with every key of its JSON.
#[derive(Clone, PartialEq)]
pub struct Token {
    /// Where it came from, and is written back to.
    pub(crate) source: TokenSource,
    fields: Map<String, Value>,
    access: Secret,
    expires: Timestamp,
}

/// What CreateToken issued.
pub(super) struct Issued<'a> {
    pub(super) access: &'a str,
    pub(super) expires: Timestamp,
    pub(super) refresh: Option<&'a str>,
}

/// What can be shown of an SSO token.
#[derive(Clone, Debug)]
pub(crate) struct TokenFacts {
    /// The session's name or start URL.
    pub(crate) label: String,
    /// The file or store it is in.
    pub(crate) place: String,
    /// When it expires.
    pub(crate) expires: Timestamp,
    /// Whether it is a file with `UTC` at the end of a time, as old versions of the AWS CLI wrote it.
    pub(crate) has_utc_time: bool,
    /// Whether it can be refreshed.
    pub(crate) refreshable: bool,
    /// When the client registration expires, which a refresh needs.
    pub(crate) registration_expires: Option<Timestamp>,
    /// The region of the sign-in.
    pub(crate) region: Option<String>,
    /// `sso_region` of the profile.
    pub(crate) configured_region: String,
    /// The command to sign in.
    pub(crate) login: Remedy,
}

impl Token {
    /// Reads a value of the store; `None` where it is not a token.
    pub(crate) fn from_store(bytes: &[u8]) -> Option<Self> {
        parse_token(bytes, TokenSource::Store).ok()
    }

    /// The JSON in both places.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // Reserved up front: growing would leave copies that are not wiped.
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
        let _ = serde_json::to_writer(&mut *bytes, &self.fields); // writing to memory cannot fail
        bytes
    }

    /// The token of a new sign-in, in the form and with the keys of the AWS CLI's file.
    pub(super) fn signed_in(
        session: &SsoSession,
        issued: &Issued<'_>,
        client: &Registration,
    ) -> Self {
        let mut fields = Map::new();
        let mut set = |key: &str, text: &str| fields.insert(key.to_owned(), text.into());
        set("startUrl", &session.start_url);
        set("region", &session.region);
        set("accessToken", issued.access);
        set("expiresAt", &issued.expires.to_string());
        set("clientId", &client.client_id);
        set("clientSecret", client.client_secret.expose());
        set("registrationExpiresAt", &client.expires.to_string());
        if let Some(refresh) = issued.refresh {
            Secret::register(refresh);
            set("refreshToken", refresh);
        }
        Self {
            source: TokenSource::Store,
            fields,
            access: Secret::new(issued.access.to_owned()),
            expires: issued.expires,
        }
    }

    /// The same token for another place.
    pub(crate) fn moved_to(mut self, source: TokenSource) -> Self {
        self.source = source;
        self
    }

    /// This token with what a refresh returned.
    pub(super) fn refreshed(
        &self,
        access: &str,
        expires: Timestamp,
        refresh: Option<&str>,
    ) -> Self {
        let mut fields = self.fields.clone();
        fields.insert("accessToken".into(), access.into());
        fields.insert("expiresAt".into(), expires.to_string().into());
        if let Some(refresh) = refresh {
            Secret::register(refresh);
            fields.insert("refreshToken".into(), refresh.into());
        }
        Self {
            source: self.source,
            fields,
            access: Secret::new(access.to_owned()),
            expires,
        }
    }

    /// Where it is.
    pub(crate) fn source(&self) -> TokenSource {
        self.source
    }

    /// The access token.
    pub fn access(&self) -> &Secret {
        &self.access
    }

    /// When the access token expires.
    pub(crate) fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether it can be used without a refresh.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.expires.seconds_from(now) > REFRESH_WINDOW
    }

    /// Whether AWS would still accept it.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires > now
    }

    /// The better one of two sign-ins ranks higher: one that needs no refresh, then one that can be
    /// refreshed, then the one that expires last.
    pub(crate) fn rank(&self, now: Timestamp) -> (bool, bool, Timestamp) {
        (self.is_fresh(now), self.is_refreshable(now), self.expires)
    }

    /// Whether it has what a refresh needs.
    pub(crate) fn is_refreshable(&self, now: Timestamp) -> bool {
        let registered = self.registration_expires().is_none_or(|end| end > now);
        registered && self.refresh_parts().is_some()
    }

    /// Client ID, client secret and refresh token: what a refresh needs.
    pub(super) fn refresh_parts(&self) -> Option<(&str, &str, &str)> {
        Some((
            self.text("clientId")?,
            self.text("clientSecret")?,
            self.text("refreshToken")?,
        ))
    }

    /// When the client registration expires.
    pub(super) fn registration_expires(&self) -> Option<Timestamp> {
        self.text("registrationExpiresAt")
            .and_then(Timestamp::parse)
    }

    /// The session that it belongs to, as far as the token says: for a session that the config files
    /// no longer name.
    pub(crate) fn session(&self) -> Option<SsoSession> {
        Some(SsoSession {
            name: None,
            profile: None,
            start_url: self.start_url()?.to_owned(),
            region: self.text("region")?.to_owned(),
            scopes: Vec::new(),
            use_fips: None,
        })
    }

    /// The start URL of the sign-in.
    pub(super) fn start_url(&self) -> Option<&str> {
        self.text("startUrl")
    }

    /// Whether it is a file with `UTC` at the end of its time.
    pub(super) fn has_utc_time(&self) -> bool {
        let is_utc = |text: &str| text.ends_with("UTC");
        self.source == TokenSource::File && self.text("expiresAt").is_some_and(is_utc)
    }

    /// The region of the sign-in.
    pub(super) fn region(&self) -> Option<&str> {
        self.text("region")
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.fields
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }
}

/// Whether a secret that a server sent can be sent back in a header.
pub(super) fn is_header_value(text: &str) -> bool {
    (1..=HEADER_LIMIT).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Reads a token; the error quotes none of it.
pub fn parse_token(bytes: &[u8], source: TokenSource) -> Result<Token, String> {
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(format!("larger than {SIZE_LIMIT} bytes"));
    }
    let fields: Map<String, Value> = serde_json::from_slice(bytes)
        .map_err(|e| format!("not JSON at line {}, column {}", e.line(), e.column()))?;
    let text = |key: &str| {
        fields
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let access = Secret::new(text("accessToken").ok_or("no accessToken")?.to_owned());
    // They stay in `fields`.
    for key in ["clientSecret", "refreshToken"] {
        if let Some(text) = text(key) {
            Secret::register(text);
        }
    }
    if !is_header_value(access.expose()) {
        return Err("white space or control characters in accessToken".into());
    }
    let expires = text("expiresAt").ok_or("no expiresAt")?;
    let expires = Timestamp::parse(expires).ok_or("expiresAt is not a time")?;
    Ok(Token {
        source,
        fields,
        access,
        expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_files_of_every_age_are_read() {
        for time in [
            "2030-01-01T00:00:00Z",
            "2030-01-01T00:00:00UTC",
            "2030-01-01T00:00:00.5Z",
        ] {
            let text = format!(r#"{{"accessToken":"t","expiresAt":"{time}","unknown":{{"a":1}}}}"#);
            let token = parse_token(text.as_bytes(), TokenSource::File);
            assert!(
                token.is_ok_and(|t| t.fields.contains_key("unknown")),
                "{time}"
            );
        }
    }

    #[test]
    fn damage_is_reported_without_quoting() {
        for bad in [
            "",
            "{",
            "[]",
            "null",
            r#"{"accessToken":"SECRET"}"#,
            r#"{"accessToken":"SECRET","expiresAt":"x"}"#,
            "{\"accessToken\":\"SECRET",
            r#"{"accessToken":"SECRET ","expiresAt":"2030-01-01T00:00:00Z"}"#, // fits in no header
            r#"{"accessToken":"SECRET\u200b","expiresAt":"2030-01-01T00:00:00Z"}"#,
        ] {
            let why = parse_token(bad.as_bytes(), TokenSource::File)
                .map(|_| ())
                .unwrap_err();
            assert!(!why.contains("SECRET"), "{why}");
        }
    }
}
