//! Tests of the sealed store.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::store::StoreKind;

fn settings(home: &Path) -> StoreSettings {
    let key_file = home.join("key");
    fs::write(&key_file, [7; 32]).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    StoreSettings {
        kind: StoreKind::Sealed,
        dir: home.join("state/sealed"),
        spare: Vec::new(),
        key_file: Some(key_file),
        key_command: None,
        bus_address: None,
        runtime_dir: None,
        uid: fs::metadata(home).unwrap().uid(),
        timeout: Duration::from_secs(1),
        attended: false,
    }
}

fn key(digest: &str) -> CacheKey {
    CacheKey::new("role", digest)
}

fn text(value: Option<Zeroizing<Vec<u8>>>) -> Option<String> {
    value.map(|v| String::from_utf8(v.to_vec()).unwrap())
}

#[test]
fn what_is_put_is_got_until_it_is_removed() {
    let home = tempfile::tempdir().unwrap();
    let store = Sealed::new(&settings(home.path()));
    assert_eq!(text(store.get(&key("aa")).unwrap()), None);
    assert!(
        !home.path().join("state").exists(),
        "a look creates nothing"
    );
    for value in ["first", "", "second"] {
        store.put(&key("aa"), "label", value.as_bytes()).unwrap();
        assert_eq!(text(store.get(&key("aa")).unwrap()).as_deref(), Some(value));
    }
    let again = Sealed::new(&settings(home.path()));
    assert_eq!(
        text(again.get(&key("aa")).unwrap()).as_deref(),
        Some("second")
    );
    assert_eq!(again.keys().unwrap(), [key("aa")]);
    let file = path(&home.path().join("state/sealed"), &key("aa"));
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777,
        0o700
    );
    assert!(!fs::read(&file).unwrap().windows(6).any(|w| w == b"second"));
    assert_eq!(
        fs::read_dir(file.parent().unwrap()).unwrap().count(),
        1,
        "no temporary file stays"
    );
    assert!(again.remove(&key("aa")).unwrap() && !again.remove(&key("aa")).unwrap());
}

#[test]
fn anything_tampered_with_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(home.path());
    let store = Sealed::new(&settings);
    store.put(&key("aa"), "", b"value").unwrap();
    let file = path(&home.path().join("state/sealed"), &key("aa"));
    let good = fs::read(&file).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&file, &bad).unwrap();
        assert_eq!(text(store.get(&key("aa")).unwrap()), None, "byte {at}");
        fs::write(&file, &good[..at]).unwrap();
        assert_eq!(text(store.get(&key("aa")).unwrap()), None, "cut at {at}");
    }
    fs::write(&file, vec![0; VALUE_LIMIT + 1]).unwrap();
    assert_eq!(text(store.get(&key("aa")).unwrap()), None);
    fs::write(path(&home.path().join("state/sealed"), &key("bb")), &good).unwrap();
    assert_eq!(text(store.get(&key("bb")).unwrap()), None, "another name");
    fs::write(&file, &good).unwrap();
    assert_eq!(
        text(store.get(&key("aa")).unwrap()).as_deref(),
        Some("value")
    );
    fs::write(settings.key_file.as_ref().unwrap(), [8; 32]).unwrap();
    assert_eq!(
        text(Sealed::new(&settings).get(&key("aa")).unwrap()),
        None,
        "another key"
    );
}

#[test]
fn no_symlink_fifo_or_shared_directory() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(home.path());
    let store = Sealed::new(&settings);
    store.put(&key("aa"), "", b"value").unwrap();
    let elsewhere = home.path().join("elsewhere");
    fs::rename(
        path(&home.path().join("state/sealed"), &key("aa")),
        &elsewhere,
    )
    .unwrap();
    symlink(
        &elsewhere,
        path(&home.path().join("state/sealed"), &key("aa")),
    )
    .unwrap();
    assert_eq!(text(store.get(&key("aa")).unwrap()), None);
    store.put(&key("aa"), "", b"new").unwrap();
    assert!(
        !path(&home.path().join("state/sealed"), &key("aa")).is_symlink(),
        "replaced, not followed"
    );
    fs::create_dir(path(&home.path().join("state/sealed"), &key("bb"))).unwrap();
    assert_eq!(text(store.get(&key("bb")).unwrap()), None);

    fs::set_permissions(&settings.dir, fs::Permissions::from_mode(0o770)).unwrap();
    assert!(matches!(
        store.get(&key("aa")),
        Err(StoreError::Broken { .. })
    ));
    assert!(matches!(
        store.put(&key("aa"), "", b""),
        Err(StoreError::Broken { .. })
    ));
    fs::set_permissions(&settings.dir, fs::Permissions::from_mode(0o700)).unwrap();
    let foreign = Sealed::new(&StoreSettings {
        uid: settings.uid + 1,
        ..settings
    });
    assert!(matches!(
        foreign.get(&key("aa")),
        Err(StoreError::Broken { .. })
    ));
}

#[test]
fn a_reader_never_sees_half_a_value() {
    let home = tempfile::tempdir().unwrap();
    let settings = settings(home.path());
    Sealed::new(&settings)
        .put(&key("aa"), "", &[b'x'; 2000])
        .unwrap();
    std::thread::scope(|scope| {
        for letter in *b"ab" {
            let settings = &settings;
            scope.spawn(move || {
                let store = Sealed::new(settings);
                (0..100).for_each(|n| store.put(&key("aa"), "", &vec![letter; 2000 + n]).unwrap());
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                let store = Sealed::new(&settings);
                for _ in 0..500 {
                    let value = store.get(&key("aa")).unwrap().expect("never missing");
                    assert!(
                        value.len() >= 2000 && value.iter().all(|b| *b == value[0]),
                        "torn"
                    );
                }
            });
        }
    });
}
