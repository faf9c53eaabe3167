//! A private session bus, with or without gnome-keyring.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// A private session bus. It and its keyring end when this is dropped.
pub struct Bus {
    pub home: tempfile::TempDir,
    pub address: String,
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
    /// The first program that is not installed. In CI a missing program is a panic.
    pub fn missing() -> Option<String> {
        let installed = |name: &str| {
            Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        let name = [
            "dbus-daemon",
            "dbus-monitor",
            "gnome-keyring-daemon",
            "secret-tool",
            "gdbus",
        ]
        .into_iter()
        .find(|name| !installed(name))?;
        let missing = format!("{name} is not installed");
        assert!(std::env::var_os("CI").is_none(), "{missing}");
        Some(missing)
    }

    /// `None` on a machine without the programs. In CI a missing program is a panic.
    pub fn start(keyring: bool) -> Option<Self> {
        if let Some(missing) = Self::missing() {
            super::skip::skip(missing);
            return None;
        }
        let home = tempfile::tempdir().unwrap();
        // No service directories: the bus must not activate services by itself.
        let config = home.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:dir={}</listen><policy \
             context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow \
             eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            home.path().display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("dbus-daemon");
        command
            .arg("--config-file")
            .arg(&config)
            .args(["--print-address", "--nofork"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut daemon = command.spawn().unwrap();
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        let mut bus = Self {
            home,
            address: address.trim().to_owned(),
            children: vec![daemon],
        };
        if keyring {
            let mut command = bus.command("gnome-keyring-daemon");
            command.args(["--unlock", "--components=secrets", "--foreground"]);
            let mut daemon = command
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            daemon.stdin.take().unwrap().write_all(b"password").unwrap();
            bus.children.push(daemon);
            let end = Instant::now() + Duration::from_secs(10);
            while !bus.locked().contains("false") {
                assert!(Instant::now() < end, "gnome-keyring-daemon does not start");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Some(bus)
    }

    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env_remove("DISPLAY")
            .env_remove("GNOME_KEYRING_CONTROL");
        for name in [
            "HOME",
            "XDG_RUNTIME_DIR",
            "XDG_DATA_HOME",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
        ] {
            command.env(name, self.home.path());
        }
        command
    }

    pub fn gdbus(&self, object: &str, method: &str, arguments: &[&str]) -> String {
        let mut command = self.command("gdbus");
        command
            .args([
                "call",
                "--session",
                "--dest",
                "org.freedesktop.secrets",
                "--object-path",
                object,
                "--method",
                method,
            ])
            .args(arguments);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    pub fn locked(&self) -> String {
        let arguments = ["org.freedesktop.Secret.Collection", "Locked"];
        self.gdbus(
            "/org/freedesktop/secrets/aliases/default",
            "org.freedesktop.DBus.Properties.Get",
            &arguments,
        )
    }

    /// The methods of the keyring that are called from now on.
    pub fn calls_to_keyring(&mut self) -> Receiver<String> {
        let mut command = self.command("dbus-monitor");
        command
            .args(["--address", &self.address, "--profile"])
            .arg("type='method_call',destination='org.freedesktop.secrets'")
            .stdout(Stdio::piped());
        let mut monitor = command.spawn().unwrap();
        let lines = BufReader::new(monitor.stdout.take().unwrap()).lines();
        self.children.push(monitor);
        let mut lines = lines.map_while(Result::ok);
        // A client that becomes a monitor loses its name.
        lines.find(|line| line.contains("NameLost")).unwrap();
        let (sender, calls) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in lines {
                let method = line.rsplit('\t').next().unwrap_or_default();
                let _ = sender.send(method.to_owned());
            }
        });
        calls
    }

    /// `signal` as `kill` takes it: `STOP`.
    pub fn signal_keyring(&self, signal: &str) {
        let keyring = self.children.get(1).unwrap().id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &keyring]).status();
        assert!(sent.unwrap().success());
    }

    pub fn lock(&self) {
        self.gdbus(
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.Lock",
            &["['/org/freedesktop/secrets/collection/login']"],
        );
        assert!(self.locked().contains("true"));
    }
}
