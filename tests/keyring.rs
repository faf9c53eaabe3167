//! The OS keyring against a real Secret Service on a private bus.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stderr)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use awsfresh::store::{CacheKey, Store, StoreError, StoreKind, StoreSettings, open};

/// A bus of our own, with or without a keyring on it; both end with the test.
struct Bus {
    home: tempfile::TempDir,
    address: String,
    children: Vec<Child>,
}

impl Drop for Bus {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Bus {
    /// `None` on a machine without the programs; not accepted in CI.
    fn start(keyring: bool) -> Option<Self> {
        let installed = |name: &str| Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        if let Some(missing) = ["dbus-daemon", "gnome-keyring-daemon", "secret-tool", "gdbus"].into_iter().find(|name| !installed(name)) {
            assert!(std::env::var_os("CI").is_none(), "{missing} is not installed");
            eprintln!("skipped: {missing} is not installed");
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        // No service directories: nothing is to be activated behind the test's back.
        let config = home.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:dir={}</listen><policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            home.path().display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.arg("--config-file").arg(&config).args(["--print-address", "--nofork"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut daemon = command.spawn().unwrap();
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let mut bus = Self { home, address: address.trim().to_owned(), children: vec![daemon] };
        if keyring {
            let mut command = bus.command("gnome-keyring-daemon");
            command.args(["--unlock", "--components=secrets", "--foreground"]);
            let mut daemon = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            daemon.stdin.take().unwrap().write_all(b"password").unwrap();
            bus.children.push(daemon);
            let end = Instant::now() + Duration::from_secs(10);
            while !bus.locked().contains("false") {
                assert!(Instant::now() < end, "gnome-keyring-daemon does not come up");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Some(bus)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).env_remove("DISPLAY").env_remove("GNOME_KEYRING_CONTROL");
        for name in ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
            command.env(name, self.home.path());
        }
        command
    }

    fn gdbus(&self, object: &str, method: &str, arguments: &[&str]) -> String {
        let mut command = self.command("gdbus");
        command
            .args(["call", "--session", "--dest", "org.freedesktop.secrets", "--object-path", object, "--method", method])
            .args(arguments);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    fn locked(&self) -> String {
        let arguments = ["org.freedesktop.Secret.Collection", "Locked"];
        self.gdbus("/org/freedesktop/secrets/aliases/default", "org.freedesktop.DBus.Properties.Get", &arguments)
    }

    fn lock(&self) {
        self.gdbus("/org/freedesktop/secrets", "org.freedesktop.Secret.Service.Lock", &["['/org/freedesktop/secrets/collection/login']"]);
        assert!(self.locked().contains("true"));
    }

    fn store(&self, kind: StoreKind) -> Box<dyn Store> {
        store(kind, self.home.path(), Some(self.address.clone()))
    }
}

fn store(kind: StoreKind, home: &Path, bus_address: Option<String>) -> Box<dyn Store> {
    let key_file = home.join("key");
    std::fs::write(&key_file, "a5".repeat(32)).unwrap();
    std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    open(&StoreSettings {
        kind,
        dir: home.join("sealed"),
        key_file: Some(key_file),
        key_command: None,
        bus_address,
        runtime_dir: Some(home.to_owned()),
        // A user without a bus at the usual place; only files check the real one.
        uid: std::fs::metadata(home).unwrap().uid(),
        deadline: Duration::from_secs(1),
        attended: false,
    })
}

fn key(n: u32) -> CacheKey {
    CacheKey::new("role", &format!("{n:04x}"))
}

fn text(store: &dyn Store, key: &CacheKey) -> Option<String> {
    store.get(key).unwrap().map(|value| String::from_utf8(value.to_vec()).unwrap())
}

/// The outcome and how long it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let outcome = work();
    (outcome, start.elapsed())
}

#[test]
fn an_item_is_kept_replaced_listed_and_removed() {
    let Some(bus) = Bus::start(true) else { return };
    let store = bus.store(StoreKind::Keyring);
    assert_eq!(text(store.as_ref(), &key(1)), None);
    store.put(&key(1), "awsfresh: profile prod", b"{\"first\":1}").unwrap();
    store.put(&key(1), "awsfresh: profile prod", b"{\"second\":2}").unwrap();
    store.put(&key(2), "awsfresh: other", &vec![b'x'; 60_000]).unwrap();
    assert_eq!(text(store.as_ref(), &key(1)).as_deref(), Some("{\"second\":2}"));
    assert_eq!(text(store.as_ref(), &key(2)).map(|v| v.len()), Some(60_000));
    let mut keys = store.keys().unwrap();
    keys.sort();
    assert_eq!(keys, [key(1), key(2)], "replaced, not doubled");
    let other = bus.command("secret-tool").args(["lookup", "service", "awsfresh", "username", key(1).as_str()]).output().unwrap();
    assert_eq!(other.stdout, b"{\"second\":2}");
    assert_eq!(store.check().warning, None);
    assert!(store.remove(&key(1)).unwrap() && !store.remove(&key(1)).unwrap());
    assert_eq!(text(store.as_ref(), &key(1)), None);

    let auto = bus.store(StoreKind::Auto);
    assert_eq!(text(auto.as_ref(), &key(2)).map(|v| v.len()), Some(60_000));
    auto.put(&key(3), "label", b"auto").unwrap();
    assert_eq!((auto.name(), text(store.as_ref(), &key(3)).as_deref()), ("keyring", Some("auto")));
    assert!(!bus.home.path().join("sealed").exists(), "no sealed copy of what the keyring holds");
}

#[test]
fn many_items_cost_what_one_costs() {
    let Some(bus) = Bus::start(true) else { return };
    let store = bus.store(StoreKind::Keyring);
    store.put(&key(0), "label", &vec![b'x'; 1500]).unwrap();
    let median = || {
        let mut times: Vec<_> = (0..31).map(|_| timed(|| assert!(store.get(&key(0)).unwrap().is_some())).1).collect();
        times.sort();
        times[15]
    };
    let alone = median();
    let script = "for n in $(seq 200); do printf foreign | secret-tool store --label=foreign service other username \"$n\"; done";
    assert!(bus.command("sh").args(["-c", script]).status().unwrap().success());
    let crowded = median();
    eprintln!("a warm get: {alone:?} alone, {crowded:?} beside 200 foreign items");
    assert_eq!(store.keys().unwrap(), [key(0)]);
    assert!(crowded < alone * 3 + Duration::from_millis(5), "{alone:?} alone, {crowded:?} beside 200 items");
}

#[test]
fn a_locked_keyring_is_told_at_once_and_auto_goes_on_sealed() {
    let Some(bus) = Bus::start(true) else { return };
    let store = bus.store(StoreKind::Keyring);
    store.put(&key(1), "label", b"in the keyring").unwrap();
    bus.lock();
    for (outcome, time) in
        [timed(|| store.get(&key(1)).map(|_| ())), timed(|| store.put(&key(2), "label", b"x")), timed(|| store.remove(&key(1)).map(|_| ()))]
    {
        assert!(matches!(outcome, Err(StoreError::Locked { .. })), "{outcome:?}");
        assert!(time < Duration::from_millis(500), "{time:?}");
    }
    let auto = bus.store(StoreKind::Auto);
    assert_eq!(text(auto.as_ref(), &key(1)), None);
    assert_eq!(auto.name(), "sealed");
    auto.put(&key(1), "label", b"sealed").unwrap();
    assert_eq!(text(auto.as_ref(), &key(1)).as_deref(), Some("sealed"));
    assert!(auto.status().starts_with("sealed, because") && auto.check().reason.contains("locked"), "{}", auto.status());
    assert!(matches!(auto.remove(&key(1)), Err(StoreError::Locked { .. })), "what is locked away is not forgotten");
    assert!(bus.locked().contains("true"), "nobody unlocked it");
}

#[test]
fn no_bus_or_no_keyring_on_it() {
    let Some(bus) = Bus::start(false) else { return };
    let gone = format!("unix:path={}/nothing", bus.home.path().display());
    for address in [bus.address.clone(), gone, "autolaunch:".into(), "nonsense".into()] {
        let store = store(StoreKind::Keyring, bus.home.path(), Some(address.clone()));
        let (outcome, time) = timed(|| store.get(&key(1)));
        assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{address}: {:?}", outcome.err());
        assert!(time < Duration::from_millis(900), "{address}: {time:?}");
        assert!(store.put(&key(1), "label", b"x").is_err() && store.check().warning.is_some());
    }
    let auto = bus.store(StoreKind::Auto);
    auto.put(&key(1), "label", b"sealed").unwrap();
    assert_eq!((auto.name(), text(auto.as_ref(), &key(1)).as_deref()), ("sealed", Some("sealed")));
    assert_eq!((auto.keys().unwrap(), auto.remove(&key(1))), (vec![key(1)], Ok(true)));
}

#[test]
fn a_silent_bus_does_not_hold_anybody_up() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("bus");
    let listener = UnixListener::bind(&socket).unwrap();
    // Accepts and keeps silent for as long as the test runs.
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept() {
            held.push(connection);
        }
    });
    // Found in the runtime directory, as cron finds it.
    let keyring = store(StoreKind::Keyring, home.path(), None);
    let (outcome, time) = timed(|| keyring.get(&key(1)));
    assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{:?}", outcome.err());
    assert!((900..1500).contains(&time.as_millis()), "waited for the bus, and not for ever: {time:?}");
    let auto = store(StoreKind::Auto, home.path(), None);
    let (_, time) = timed(|| {
        assert!(auto.get(&key(1)).unwrap().is_none());
        auto.put(&key(1), "label", b"sealed").unwrap();
        assert_eq!(text(auto.as_ref(), &key(1)).as_deref(), Some("sealed"));
    });
    assert!(time < Duration::from_millis(1500), "asked once only: {time:?}");
    // Sealed does not so much as look at it.
    let (_, time) = timed(|| store(StoreKind::Sealed, home.path(), None).get(&key(1)).unwrap().expect("there"));
    assert!(time < Duration::from_millis(300), "{time:?}");
}
