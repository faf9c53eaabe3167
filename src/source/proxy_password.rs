//! The password in the URL of a proxy, which a proxy may quote.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::client::proxy::matcher::Matcher;

use crate::credentials::Secret;

/// Makes the password in `url` known, and the header that is sent with it.
pub(super) fn register(url: &str) {
    let matcher = Matcher::builder().all(url.to_owned()).build();
    let host = hyper::Uri::from_static("https://proxied");
    let header = matcher.intercept(&host).and_then(|proxy| {
        let header = proxy.basic_auth()?.to_str().ok()?;
        Some(header.trim_start_matches("Basic ").to_owned())
    });
    let Some(header) = header else { return };
    let decoded = STANDARD.decode(&header).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some((_, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
        Secret::register(password);
    }
    Secret::register(&header);
}
