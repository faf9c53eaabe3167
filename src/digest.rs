//! Digests as the lower-case hexadecimal that file names and cache keys are made of.

use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    of(&SHA256, bytes)
}

/// SHA-1, which the AWS CLI names its SSO token files by. Nothing rests on its strength.
pub fn sha1_hex(bytes: &[u8]) -> String {
    of(&SHA1_FOR_LEGACY_USE_ONLY, bytes)
}

fn of(algorithm: &'static Algorithm, bytes: &[u8]) -> String {
    digest(algorithm, bytes).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_known_text() {
        assert_eq!(sha1_hex(b"corp"), "ee0bfd2552fbd840c02cc48b6e823320543c450f");
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
