//! The OS keyring, with a real Secret Service on a private bus.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stderr)]

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

mod support;

use awsfresh::store::{CacheKey, Store, StoreError, StoreKind, StoreSettings, open};
use support::bus::Bus;

fn store_on(bus: &Bus, kind: StoreKind) -> Box<dyn Store> {
    store(kind, bus.home.path(), Some(bus.address.clone()))
}

fn store(kind: StoreKind, home: &Path, bus_address: Option<String>) -> Box<dyn Store> {
    let key_file = home.join("key");
    std::fs::write(&key_file, "a5".repeat(32)).unwrap();
    std::fs::set_permissions(
        &key_file,
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    open(&StoreSettings {
        kind,
        dir: home.join("sealed"),
        spare: Vec::new(),
        key_file: Some(key_file),
        key_command: None,
        bus_address,
        runtime_dir: Some(home.to_owned()),
        // The sealed store checks that this user owns its files.
        uid: std::fs::metadata(home).unwrap().uid(),
        timeout: Duration::from_secs(1),
        attended: false,
    })
}

fn key(n: u32) -> CacheKey {
    CacheKey::new("role", &format!("{n:04x}"))
}

fn text(store: &dyn Store, key: &CacheKey) -> Option<String> {
    store
        .get(key)
        .unwrap()
        .map(|value| String::from_utf8(value.to_vec()).unwrap())
}

/// The outcome and the time that it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let outcome = work();
    (outcome, start.elapsed())
}

#[test]
fn an_item_is_stored_replaced_listed_and_removed() {
    let Some(bus) = Bus::start(true) else { return };
    let store = store_on(&bus, StoreKind::Keyring);
    assert_eq!(text(store.as_ref(), &key(1)), None);
    store
        .put(&key(1), "awsfresh: profile prod", b"{\"first\":1}")
        .unwrap();
    store
        .put(&key(1), "awsfresh: profile prod", b"{\"second\":2}")
        .unwrap();
    store
        .put(&key(2), "awsfresh: other", &vec![b'x'; 60_000])
        .unwrap();
    assert_eq!(
        text(store.as_ref(), &key(1)).as_deref(),
        Some("{\"second\":2}")
    );
    assert_eq!(text(store.as_ref(), &key(2)).map(|v| v.len()), Some(60_000));
    let mut keys = store.keys().unwrap();
    keys.sort();
    assert_eq!(keys, [key(1), key(2)], "an item was not replaced but added");
    let other = bus
        .command("secret-tool")
        .args(["lookup", "service", "awsfresh", "username", key(1).as_str()])
        .output()
        .unwrap();
    assert_eq!(other.stdout, b"{\"second\":2}");
    assert_eq!(store.check().state, Ok(()));
    assert!(store.remove(&key(1)).unwrap() && !store.remove(&key(1)).unwrap());
    assert_eq!(text(store.as_ref(), &key(1)), None);

    let auto = store_on(&bus, StoreKind::Auto);
    assert_eq!(text(auto.as_ref(), &key(2)).map(|v| v.len()), Some(60_000));
    auto.put(&key(3), "label", b"auto").unwrap();
    assert_eq!(
        (auto.name(), text(store.as_ref(), &key(3)).as_deref()),
        ("keyring", Some("auto"))
    );
    assert!(
        !bus.home.path().join("sealed").exists(),
        "the sealed store has a copy of the items in the keyring"
    );
}

#[test]
fn many_foreign_items_do_not_slow_down_a_get() {
    let Some(bus) = Bus::start(true) else { return };
    let store = store_on(&bus, StoreKind::Keyring);
    store.put(&key(0), "label", &vec![b'x'; 1500]).unwrap();
    let median = || {
        let mut times: Vec<_> = (0..31)
            .map(|_| timed(|| assert!(store.get(&key(0)).unwrap().is_some())).1)
            .collect();
        times.sort();
        times[15]
    };
    let alone = median();
    let script = "for n in $(seq 200); do printf foreign | secret-tool store --label=foreign \
                  service other username \"$n\"; done";
    assert!(
        bus.command("sh")
            .args(["-c", script])
            .status()
            .unwrap()
            .success()
    );
    let crowded = median();
    eprintln!("a warm get: {alone:?} alone, {crowded:?} beside 200 foreign items");
    assert_eq!(store.keys().unwrap(), [key(0)]);
    assert!(
        crowded < alone * 3 + Duration::from_millis(5),
        "{alone:?} alone, {crowded:?} beside 200 items"
    );
}

/// See `connect` in src/store/keyring_linux.rs.
#[test]
fn a_session_is_not_the_first_thing_that_a_client_asks_for() {
    let Some(mut bus) = Bus::start(true) else {
        return;
    };
    let calls = bus.calls_to_keyring();
    let store = store_on(&bus, StoreKind::Keyring);
    assert_eq!(text(store.as_ref(), &key(0)), None);
    let next = || calls.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!([next(), next()], ["Ping", "OpenSession"]);
}

#[test]
fn a_keyring_that_ends_during_a_request_is_reported() {
    let Some(bus) = Bus::start(true) else { return };
    let store = store_on(&bus, StoreKind::Keyring);
    bus.signal_keyring("STOP");
    let outcome = std::thread::scope(|scope| {
        let get = scope.spawn(|| store.get(&key(0)).map(|_| ()));
        std::thread::sleep(Duration::from_millis(300));
        bus.signal_keyring("KILL");
        get.join().unwrap()
    });
    let Err(StoreError::Unavailable { detail }) = &outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(detail, "the keyring ended during the request");
}

#[test]
fn a_locked_keyring_fails_at_once_and_auto_uses_the_sealed_store() {
    let Some(bus) = Bus::start(true) else { return };
    let store = store_on(&bus, StoreKind::Keyring);
    store.put(&key(1), "label", b"in the keyring").unwrap();
    bus.lock();
    for (outcome, time) in [
        timed(|| store.get(&key(1)).map(|_| ())),
        timed(|| store.put(&key(2), "label", b"x")),
        timed(|| store.remove(&key(1)).map(|_| ())),
    ] {
        assert!(
            matches!(outcome, Err(StoreError::Locked { .. })),
            "{outcome:?}"
        );
        assert!(time < Duration::from_millis(500), "{time:?}");
    }
    let auto = store_on(&bus, StoreKind::Auto);
    assert_eq!(text(auto.as_ref(), &key(1)), None);
    assert_eq!(auto.name(), "sealed");
    auto.put(&key(1), "label", b"sealed").unwrap();
    assert_eq!(text(auto.as_ref(), &key(1)).as_deref(), Some("sealed"));
    assert!(
        auto.status().starts_with("sealed, because") && auto.check().reason.contains("locked"),
        "{}",
        auto.status()
    );
    assert!(
        matches!(auto.remove(&key(1)), Err(StoreError::Locked { .. })),
        "a remove succeeds although an item remains in the locked keyring"
    );
    let home = support::fixtures::offline_home();
    home.env("AWSFRESH_STORE", "keyring")
        .env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    let report = home.wrap(&["doctor"]).stdout;
    assert!(report.contains("[store-locked]"), "{report}");
    assert!(bus.locked().contains("true"), "the keyring was unlocked");
}

#[test]
fn a_missing_bus_or_keyring_is_reported() {
    let Some(bus) = Bus::start(false) else { return };
    let gone = format!("unix:path={}/nothing", bus.home.path().display());
    for address in [
        bus.address.clone(),
        gone,
        "autolaunch:".into(),
        "nonsense".into(),
    ] {
        let store = store(StoreKind::Keyring, bus.home.path(), Some(address.clone()));
        let (outcome, time) = timed(|| store.get(&key(1)));
        assert!(
            matches!(outcome, Err(StoreError::Unavailable { .. })),
            "{address}: {:?}",
            outcome.err()
        );
        assert!(time < Duration::from_millis(900), "{address}: {time:?}");
        assert!(store.put(&key(1), "label", b"x").is_err() && store.check().state.is_err());
    }
    let auto = store_on(&bus, StoreKind::Auto);
    auto.put(&key(1), "label", b"sealed").unwrap();
    assert_eq!(
        (auto.name(), text(auto.as_ref(), &key(1)).as_deref()),
        ("sealed", Some("sealed"))
    );
    assert_eq!(
        (auto.keys().unwrap(), auto.remove(&key(1))),
        (vec![key(1)], Ok(true))
    );
}

#[test]
fn a_silent_bus_delays_a_call_only_until_the_timeout() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("bus");
    let listener = UnixListener::bind(&socket).unwrap();
    // Accepts connections and never answers.
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept() {
            held.push(connection);
        }
    });
    // The address is found through the runtime directory, as in a cron job.
    let keyring = store(StoreKind::Keyring, home.path(), None);
    let (outcome, time) = timed(|| keyring.get(&key(1)));
    assert!(
        matches!(outcome, Err(StoreError::Unavailable { .. })),
        "{:?}",
        outcome.err()
    );
    assert!(
        (900..1500).contains(&time.as_millis()),
        "does not wait for the timeout: {time:?}"
    );
    let auto = store(StoreKind::Auto, home.path(), None);
    let (_, time) = timed(|| {
        assert!(auto.get(&key(1)).unwrap().is_none());
        auto.put(&key(1), "label", b"sealed").unwrap();
        assert_eq!(text(auto.as_ref(), &key(1)).as_deref(), Some("sealed"));
    });
    assert!(
        time < Duration::from_millis(1500),
        "the bus was asked more than once: {time:?}"
    );
    // The sealed store does not connect to the bus.
    let (_, time) = timed(|| {
        store(StoreKind::Sealed, home.path(), None)
            .get(&key(1))
            .unwrap()
            .expect("a stored item")
    });
    assert!(time < Duration::from_millis(300), "{time:?}");
}
