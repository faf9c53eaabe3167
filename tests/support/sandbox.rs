//! A temporary home in which the real binary runs with an empty environment. Every run is searched
//! for secrets: none may appear on stderr, nor in any file outside `~/.aws` and the store.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A run that takes longer is killed, and the test fails.
const HANG: Duration = Duration::from_secs(40);

/// What an SDK does with the selected profile, as one line of shell: it runs the profile's
/// `credential_process`.
pub const ASK: &str = r#"eval "$(sed -n "/^\[profile $AWS_PROFILE\]/,/^\[/s/^credential_process = //p" "$AWS_CONFIG_FILE")""#;

/// How often a test kills a run: `AWSFRESH_TEST_KILLS`, by default 100.
#[allow(dead_code, clippy::disallowed_methods)]
pub fn kills() -> u64 {
    std::env::var("AWSFRESH_TEST_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(100)
}

/// The moments of [`kills`], spread over twice what an undisturbed run took: whatever else the
/// machine does, some come too late and some do not.
#[allow(dead_code)]
pub fn moments(undisturbed: Duration) -> impl Iterator<Item = Duration> {
    // Multiples of the golden ratio lie evenly, however many there are.
    const STEP: f64 = 0.618_034;
    let nth = |i| f64::from(u32::try_from(i).unwrap());
    (0..kills()).map(move |i| undisturbed.mul_f64(2.0 * (nth(i) * STEP).fract()))
}

/// How long something takes.
#[allow(dead_code)]
pub fn time_of<T>(run: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    drop(run());
    began.elapsed()
}

pub struct Sandbox {
    dir: tempfile::TempDir,
    program: PathBuf,
    env: RefCell<BTreeMap<String, String>>,
    secrets: RefCell<Vec<String>>,
}

/// The result of one run.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Sandbox {
    /// A home with an empty `~/.aws`, a sealed store with a key file, and this AWS endpoint.
    pub fn new(program: impl Into<PathBuf>, endpoint: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Self {
            dir,
            program: program.into(),
            env: RefCell::default(),
            secrets: RefCell::default(),
        };
        std::fs::create_dir_all(sandbox.home().join(".aws/sso/cache")).unwrap();
        sandbox.file(
            "key",
            "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(
                sandbox.home().join("key"),
                std::fs::Permissions::from_mode(0o600),
            )
            .unwrap();
        }
        sandbox.env("HOME", sandbox.home().to_str().unwrap());
        sandbox.env("PATH", "/usr/bin:/bin");
        #[cfg(windows)]
        sandbox.of_windows();
        sandbox.env("AWS_ENDPOINT_URL", endpoint);
        sandbox.env("AWSFRESH_STORE", "sealed");
        sandbox.env(
            "AWSFRESH_KEY_FILE",
            sandbox.home().join("key").to_str().unwrap(),
        );
        sandbox
    }

    /// What programs on Windows need to start at all, and where they look for the home.
    #[cfg(windows)]
    #[allow(clippy::disallowed_methods)]
    fn of_windows(&self) {
        for name in ["SYSTEMROOT", "TEMP", "COMSPEC", "PATH"] {
            if let Ok(value) = std::env::var(name) {
                self.env(name, &value);
            }
        }
        self.env("USERPROFILE", self.home().to_str().unwrap());
    }

    pub fn home(&self) -> &Path {
        self.dir.path()
    }

    /// Where awsfresh keeps its state in this home.
    pub fn state(&self) -> PathBuf {
        self.home().join(if cfg!(windows) {
            "AppData/Local/awsfresh"
        } else {
            ".local/state/awsfresh"
        })
    }

    pub fn env(&self, name: &str, value: &str) -> &Self {
        self.env.borrow_mut().insert(name.into(), value.into());
        self
    }

    pub fn unset(&self, name: &str) -> &Self {
        self.env.borrow_mut().remove(name);
        self
    }

    /// Adds text that must not appear anywhere.
    pub fn secret(&self, text: &str) -> &Self {
        self.secrets.borrow_mut().push(text.into());
        self
    }

    /// Writes a file in the home.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Writes a program in the home. Another process writes it: a program that another test starts
    /// meanwhile would inherit the open file, and a file that is open for writing cannot be run.
    #[cfg(unix)]
    pub fn program(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut install = Command::new("install")
            .args(["-m", "755", "/dev/stdin"])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = install.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, content.as_ref()).unwrap();
        drop(input);
        assert!(install.wait().unwrap().success());
        path
    }

    /// A copy of the program under test in the home: its own directory may be closed to others.
    #[cfg(unix)]
    pub fn copy_of_awsfresh(&self) -> PathBuf {
        let copy = self.home().join("awsfresh");
        let copied = Command::new("cp").arg(&self.program).arg(&copy).status();
        assert!(copied.unwrap().success());
        copy
    }

    pub fn config(&self, text: impl AsRef<[u8]>) -> &Self {
        self.file(".aws/config", text);
        self
    }

    pub fn credentials(&self, text: impl AsRef<[u8]>) -> &Self {
        self.file(".aws/credentials", text);
        self
    }

    /// From here on the program is started by a shell that has run these commands, such as `ulimit`.
    #[cfg(unix)]
    pub fn start_after(&mut self, commands: &str) -> &Self {
        let program = self.program.display();
        let text = format!("#!/bin/sh\n{commands}\nexec '{program}' \"$@\"\n");
        self.program = self.program("start", text);
        self
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .env_clear()
            .envs(&*self.env.borrow())
            .current_dir(self.home());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Runs to the end and asserts what holds for every run.
    pub fn run(&self, args: &[&str]) -> Run {
        let run = self.wrap(args);
        if run.code != Some(0) {
            assert!(run.stdout.is_empty(), "a failed run printed on stdout");
            assert!(
                run.stderr.contains('['),
                "a failure without a cause:\n{}",
                run.stderr
            );
        }
        run
    }

    /// Runs to the end without these assertions, for wrapped commands and reports.
    pub fn wrap(&self, args: &[&str]) -> Run {
        let began = Instant::now();
        let mut child = self.start(args);
        let (out, err) = (read_all(child.stdout.take()), read_all(child.stderr.take()));
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > HANG {
                let _ = child.kill();
                panic!("awsfresh {args:?} hangs");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let output = Output {
            status,
            stdout: out.join().unwrap(),
            stderr: err.join().unwrap(),
        };
        self.checked(args, output, began.elapsed())
    }

    fn checked(&self, args: &[&str], output: Output, took: Duration) -> Run {
        let run = Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took,
        };
        if let Ok(answer) = serde_json::from_str::<Value>(&run.stdout) {
            for name in ["SecretAccessKey", "SessionToken"] {
                self.secrets
                    .borrow_mut()
                    .extend(answer[name].as_str().map(str::to_owned));
            }
        }
        assert!(
            !run.stderr.contains("panicked"),
            "awsfresh {args:?} panicked:\n{}",
            run.stderr
        );
        self.assert_no_leak(&run.stderr, &format!("stderr of awsfresh {args:?}"));
        run
    }

    /// Runs a shell script in the environment of this home and returns its stdout.
    pub fn shell(&self, script: &str) -> String {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", script])
            .env_clear()
            .envs(&*self.env.borrow())
            .current_dir(self.home());
        let output = command.stdin(Stdio::null()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn assert_no_leak(&self, text: &str, place: &str) {
        for secret in self.secrets.borrow().iter() {
            assert!(!text.contains(secret.as_str()), "a secret in {place}");
        }
    }

    /// Runs `credential-process` for a profile.
    pub fn credentials_of(&self, profile: &str) -> Run {
        self.run(&["credential-process", "--profile", profile])
    }

    /// Searches every file of the home outside `~/.aws` for the secrets seen so far.
    pub fn assert_no_secret_on_disk(&self) {
        self.assert_no_secret_below("");
    }

    /// The same for one directory of the home, if it exists.
    pub fn assert_no_secret_below(&self, dir: &str) {
        let mut dirs: Vec<PathBuf> = Some(self.home().join(dir))
            .into_iter()
            .filter(|dir| dir.is_dir())
            .collect();
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.ends_with(".aws") {
                    continue;
                }
                if path.is_dir() {
                    dirs.push(path);
                } else {
                    let content = std::fs::read(&path).unwrap_or_default();
                    let content = String::from_utf8_lossy(&content);
                    self.assert_no_leak(&content, &path.display().to_string());
                }
            }
        }
    }
}

/// The directories outside the home in which state goes on where the home cannot be written to.
#[cfg(unix)]
pub fn spare_dirs(home: &Path, uid: u32) -> Vec<PathBuf> {
    let home = &awsfresh::digest::sha256_hex(home.as_os_str().as_encoded_bytes())[..12];
    let places = [format!("/run/user/{uid}"), "/dev/shm".into(), "/tmp".into()];
    places
        .iter()
        .map(|place| Path::new(place).join(format!("awsfresh-{uid}-{home}")))
        .collect()
}

#[cfg(unix)]
impl Drop for Sandbox {
    fn drop(&mut self) {
        use std::os::unix::fs::MetadataExt;
        let mut uids = vec![std::fs::metadata("/proc/self").map_or(0, |about| about.uid())];
        uids.extend(std::fs::metadata(self.home()).map(|about| about.uid()));
        let mut homes = vec![self.home().to_owned()];
        homes.extend(self.env.borrow().get("HOME").map(PathBuf::from));
        for (uid, home) in uids
            .iter()
            .flat_map(|uid| homes.iter().map(move |home| (uid, home)))
        {
            for dir in spare_dirs(home, *uid) {
                let _ = std::fs::remove_dir_all(dir);
            }
        }
    }
}

fn read_all(
    stream: Option<impl std::io::Read + Send + 'static>,
) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    })
}

impl Run {
    /// The answer of a successful call.
    pub fn answer(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Asserts a failure with this exit code and cause.
    #[track_caller]
    pub fn failed(&self, code: i32, cause: &str) -> &Self {
        assert!(
            self.code == Some(code) && self.stderr.contains(&format!("[{cause}]")),
            "wanted {code} [{cause}], got {self:#?}"
        );
        self
    }
}
