//! Digests and random bytes as lower-case hexadecimal, for file names, cache keys and tokens.

use std::io;

use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex_digest(&SHA256, bytes)
}

/// SHA-256 as bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// SHA-1, which the AWS CLI uses in the names of its SSO token files. Nothing depends on its
/// strength.
pub fn sha1_hex(bytes: &[u8]) -> String {
    hex_digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes)
}

/// `N` random bytes.
pub(crate) fn random_hex<const N: usize>() -> io::Result<String> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| io::Error::other("no random numbers"))?;
    Ok(hex::encode(bytes))
}

fn hex_digest(algorithm: &'static Algorithm, bytes: &[u8]) -> String {
    hex::encode(digest(algorithm, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_known_text() {
        assert_eq!(
            sha1_hex(b"corp"),
            "ee0bfd2552fbd840c02cc48b6e823320543c450f"
        );
        assert_eq!(
            sha256_hex(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn random_bytes_keep_their_leading_zeros_and_differ() {
        let some: Vec<String> = (0..300).map(|_| random_hex::<8>().unwrap()).collect();
        assert!(some.iter().all(|text| text.len() == 16) && some[0] != some[1]);
    }
}
