//! A cache entry as arbitrary bytes, and arbitrary credentials as a cache entry: an entry is the
//! same after writing and reading, and only its own key can read it.
#![no_main]

use awsfresh::credentials::{Credentials, Secret};
use awsfresh::refresh::{Entry, Freshness, freshness};
use awsfresh::store::CacheKey;
use awsfresh::time::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let key = CacheKey::new("role", "00112233445566778899aabbccddeeff");
    if let Some(entry) = Entry::from_bytes(&key, input) {
        check(&key, &entry);
    }
    // The same bytes as the parts of an entry that awsfresh writes.
    let text = String::from_utf8_lossy(input);
    let mut parts = text.split('\n').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    let time = |text: &str| Timestamp(text.parse().unwrap_or(1_800_000_000));
    let (obtained, expiration) = (time(&next()), time(&next()));
    let (id, secret) = (next(), next());
    let credentials = Credentials {
        access_key_id: format!("A{id}"),
        secret_access_key: Secret::new(format!("s{secret}")),
        session_token: Some(Secret::new(next())),
        expiration: Some(expiration),
        account_id: Some(next()),
    };
    if credentials.flaw().is_none() {
        check(&key, &Entry::new(&key, obtained, credentials));
    }
});

fn check(key: &CacheKey, entry: &Entry) {
    let bytes = entry.to_bytes();
    assert!(!bytes.contains(&b'\n'));
    assert!(
        Entry::from_bytes(&CacheKey::new("role", "ff"), &bytes).is_none(),
        "read with another key"
    );
    assert!(
        Entry::from_bytes(key, &bytes[..bytes.len() - 1]).is_none(),
        "read although truncated"
    );
    let again = Entry::from_bytes(key, &bytes).expect("a written entry can be read");
    assert_eq!(
        (again.obtained, &again.credentials),
        (entry.obtained, &entry.credentials)
    );
    // Whatever the times are, an expired entry is never fresh.
    let now = Timestamp(1_800_000_000);
    if entry.expiration() <= now {
        assert_eq!(
            freshness(entry.obtained, entry.expiration(), now),
            Freshness::Expired
        );
    }
    let answer: serde_json::Value =
        serde_json::from_slice(&entry.credentials.to_process_json()).expect("an answer is JSON");
    assert_eq!(
        answer["AccessKeyId"],
        entry.credentials.access_key_id.as_str()
    );
}
