//! The name of one entry in a store.

use std::fmt;

/// `kind/hexdigest`, of the characters `a-z0-9/-` only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CacheKey(String);

impl CacheKey {
    /// The key of what `digest_hex` identifies among its `kind`. Any other character becomes `-`.
    pub fn new(kind: &str, digest_hex: &str) -> Self {
        let is_kept = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let clean = |c: char| if is_kept(c) { c } else { '-' };
        let mut name = String::with_capacity(kind.len() + "/".len() + digest_hex.len());
        name.extend(kind.chars().map(clean));
        name.push('/');
        name.extend(digest_hex.chars().map(clean));
        Self(name)
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of entry.
    pub(crate) fn kind(&self) -> &str {
        self.0.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// The name with `-` for the slash.
    pub fn file_name(&self) -> String {
        self.0.replace('/', "-")
    }

    /// The key behind a name that a store returned.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (kind, digest) = name.split_once('/')?;
        let key = Self::new(kind, digest);
        (key.0 == name).then_some(key)
    }

    /// The key behind [`CacheKey::file_name`]: a digest has no `-`.
    pub(super) fn from_file_name(name: &str) -> Option<Self> {
        let (kind, digest) = name.rsplit_once('-')?;
        Self::parse(&format!("{kind}/{digest}"))
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_as_file_names() {
        let key = CacheKey::new("sso-token", "3f2a");
        assert_eq!(
            (key.as_str(), key.file_name().as_str()),
            ("sso-token/3f2a", "sso-token-3f2a")
        );
        assert_eq!(key.kind(), "sso-token");
        assert_eq!(CacheKey::from_file_name(&key.file_name()), Some(key));
        assert_eq!(CacheKey::new("../x", "A").as_str(), "---x/-");
        assert_eq!(CacheKey::parse("../x"), None);
    }
}
