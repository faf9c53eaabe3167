//! What every accepted set of credentials must be, whichever target accepted it.

use awsfresh::credentials::Credentials;

/// Fails unless key ID, secret and token are valid in an HTTP header.
pub fn assert_usable(c: &Credentials) {
    let texts = [
        &c.access_key_id[..],
        c.secret_access_key.expose(),
        c.session_token.as_ref().map_or("x", |t| t.expose()),
    ];
    assert!(
        texts
            .iter()
            .all(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_graphic()))
    );
}
