//! Digests and random bytes as the lower-case hexadecimal that file names, cache keys and tokens are made of.

use std::io;

use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    of(&SHA256, bytes)
}

/// SHA-1, which the AWS CLI names its SSO token files by. Nothing rests on its strength.
pub fn sha1_hex(bytes: &[u8]) -> String {
    of(&SHA1_FOR_LEGACY_USE_ONLY, bytes)
}

/// `N` random bytes.
pub fn random_hex<const N: usize>() -> io::Result<String> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("no random numbers"))?;
    Ok(hex(&bytes))
}

fn of(algorithm: &'static Algorithm, bytes: &[u8]) -> String {
    hex(digest(algorithm, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_known_text() {
        assert_eq!(sha1_hex(b"corp"), "ee0bfd2552fbd840c02cc48b6e823320543c450f");
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn random_bytes_keep_their_leading_zeros_and_differ() {
        let some: Vec<String> = (0..300).map(|_| random_hex::<8>().unwrap()).collect();
        assert!(some.iter().all(|text| text.len() == 16) && some[0] != some[1]);
    }
}
