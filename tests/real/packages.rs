//! What packaging/ makes, as people get it: the archive, the Debian package, the RPM, the recipes of
//! package managers, and the timer in a systemd of a user. The packages have this build of the
//! program. They are installed into a system that nothing keeps: packages/overlay.sh.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use serde_json::Value;

use super::clients::Client;
use super::clients::Suite;
use super::support::container::{NO_NAMESPACE, namespace};
use super::support::fixtures::{
    ACCOUNT, AWSFRESH, KEY, ROLE, SECRET, START, USER, keys_of, open_role,
};
use super::{Case, Outcome, Scene};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The programs that the cases run, and Debian's packages of them.
const PROGRAMS: &[(&str, &str)] = &[
    ("crontab", "cron"),
    ("dbus-daemon", "dbus"),
    ("dpkg-shlibdeps", "dpkg-dev"),
    ("fish", "fish"),
    ("gnome-keyring-daemon", "gnome-keyring"),
    ("lintian", "lintian"),
    ("makepkg", "makepkg"),
    ("man", "man-db"),
    ("nix-instantiate", "nix-bin"),
    ("rpmbuild", "rpm"),
    ("ruby", "ruby"),
    ("secret-tool", "libsecret-tools"),
    ("systemd-analyze", "systemd"),
    ("zsh", "zsh"),
];

/// The files of a release, made once.
#[derive(Default)]
pub struct Release(Mutex<Option<Result<Made, String>>>);

#[derive(Clone)]
struct Made {
    dir: PathBuf,
    complaints: String,
}

impl Release {
    fn made(&self) -> Result<Made, String> {
        let mut made = self.0.lock().unwrap();
        made.get_or_insert_with(|| {
            let dir = Path::new(ROOT).join("target/release-of-tests");
            let complaints = release(&dir, &[])?;
            Ok(Made { dir, complaints })
        })
        .clone()
    }

    /// Another one, in other surroundings.
    fn again(&self, dir: &Path) -> Result<String, String> {
        let first = self.made()?;
        let _one_at_a_time = self.0.lock().unwrap();
        let surroundings = [("TZ", "Asia/Tokyo"), ("LC_ALL", "C"), ("HOME", "/")];
        release(dir, &surroundings)?;
        let sums = |dir: &Path| std::fs::read_to_string(dir.join("SHA256SUMS")).unwrap();
        let (before, after) = (sums(&first.dir), sums(dir));
        let differ = before.lines().zip(after.lines()).filter(|(a, b)| a != b);
        Ok(differ
            .map(|(a, b)| format!("\n{a}\n{b}"))
            .collect::<String>())
    }
}

/// Makes a release of this build; returns what cargo said.
fn release(dir: &Path, surroundings: &[(&str, &str)]) -> Result<String, String> {
    let zipped = dir.with_extension("zip");
    std::fs::write(&zipped, "the archive for Windows").unwrap();
    let mut command = Command::new("sh");
    let umask = if surroundings.is_empty() {
        "022"
    } else {
        "077"
    };
    command
        .args([
            "-c",
            &format!("umask {umask}; exec packaging/release.py \"$@\""),
        ])
        .args(["release", "--allow-dirty", "--binary", AWSFRESH, "--out"])
        .arg(dir)
        .args(["--download", "https://example.org/awsfresh/"])
        .arg("--windows-zip")
        .arg(&zipped)
        .current_dir(ROOT)
        .env("DEBFULLNAME", "Ann Example")
        .env("DEBEMAIL", "ann@example.org")
        // A debug build is large.
        .env("DPKG_DEB_COMPRESSOR_LEVEL", "1");
    if let Some(cargo) = std::env::var_os("CARGO_HOME") {
        command.env("CARGO_HOME", cargo);
    } else if let Some(home) = std::env::var_os("HOME") {
        command.env("CARGO_HOME", Path::new(&home).join(".cargo"));
        command.env("RUSTUP_HOME", Path::new(&home).join(".rustup"));
    }
    let output = command
        .envs(surroundings.iter().copied())
        .output()
        .map_err(|e| e.to_string())?;
    done(&output)?;
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn done(output: &Output) -> Outcome {
    if output.status.success() {
        return Ok(());
    }
    let mut text = format!("{}", output.status);
    for stream in [&output.stdout, &output.stderr] {
        let _ = write!(text, "\n{}", String::from_utf8_lossy(stream).trim_end());
    }
    Err(text)
}

/// Runs a script of packages/ with the files of the release.
fn script(release: &Release, words: &[&str]) -> Outcome {
    let made = release.made()?;
    let dir = Path::new(ROOT).join("tests/real/packages");
    let output = Command::new(dir.join(words[0]))
        .args(&words[1..])
        .env("RELEASE", made.dir)
        .output();
    done(&output.map_err(|e| e.to_string())?)
}

/// The first thing that is not here; installing needs a namespace, too.
fn missing(installs: bool) -> Option<String> {
    let shell = |script: &str| Command::new("sh").args(["-c", script]).output().unwrap();
    for (program, package) in PROGRAMS {
        if !shell(&format!("command -v {program}")).status.success() {
            return Some(format!("Debian's {package} is not installed"));
        }
    }
    if !Path::new("/usr/share/bash-completion/bash_completion").exists() {
        return Some("Debian's bash-completion is not installed".into());
    }
    if shell("id -u").stdout != b"0\n" {
        return Some("only root can install packages".into());
    }
    let refused = installs && namespace().is_none();
    refused.then(|| NO_NAMESPACE.into())
}

/// The cases that change a system: packages/overlay.sh has one to change.
const INSTALLING: [&str; 3] = [
    "the Debian package, installed and removed",
    "the RPM, installed and removed",
    "the timer in a systemd",
];

/// One case for each channel, named `Packages: CHANNEL`.
pub fn cases<'a>(suite: &'a Suite, release: &'a Release, cases: &mut Vec<Case<'a>>) {
    let missing = [false, true].map(missing);
    let mut add = |name: &str, run: Box<dyn Fn() -> Outcome + Send + 'a>| {
        let missing = missing[usize::from(INSTALLING.contains(&name))].clone();
        cases.push((format!("Packages: {name}"), missing, run));
    };
    let [debian, rpm, in_systemd] = INSTALLING;
    add(
        debian,
        Box::new(|| script(release, &["overlay.sh", "debian.sh"])),
    );
    add(rpm, Box::new(|| script(release, &["overlay.sh", "rpm.sh"])));
    add(in_systemd, Box::new(|| timer(release)));
    add(
        "the archive and install.sh",
        Box::new(|| {
            let dir = tempfile::tempdir().unwrap();
            script(
                release,
                &["archive.sh", dir.path().to_str().unwrap(), AWSFRESH],
            )
        }),
    );
    add(
        "Homebrew, AUR, Nix, Scoop, launchd",
        Box::new(|| {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path().to_str().unwrap();
            script(release, &["recipes.sh", dir, AWSFRESH])
        }),
    );
    add(
        "two builds are the same",
        Box::new(|| {
            let dir = tempfile::tempdir().unwrap();
            match release.again(&dir.path().join("out"))?.as_str() {
                "" => Ok(()),
                differ => Err(format!("they differ:{differ}")),
            }
        }),
    );
    add(
        "cargo package has nothing to say, and its source compiles",
        Box::new(|| source(release)),
    );
    add(
        "the bill of materials and the licences",
        Box::new(|| inventory(suite, release)),
    );
}

/// The service renews what needs no person, with every limit of its unit, and leaves it in the cache.
fn timer(release: &Release) -> Outcome {
    let scene = Scene::new(Client::RustSdk);
    let (aws, home) = (&scene.aws, &scene.home);
    aws.add_user(KEY, SECRET, USER);
    aws.add_role(open_role(ROLE, None));
    home.credentials(keys_of("base", KEY, SECRET));
    // A helper in an interpreter, as many are; it leaves what its limits are.
    let helper = home.file(
        "helper.py",
        format!(
            "import json, os, subprocess\n\
             status = open('/proc/self/status').read()\n\
             subprocess.run(['sh', '-c', 'umask >limits; unshare --user true 2>>limits'])\n\
             open('limits', 'a').write(status)\n\
             print(json.dumps({{'Version': 1, 'AccessKeyId': '{KEY}', 'SecretAccessKey': '{SECRET}',\n\
             'SessionToken': 'a', 'Expiration': '2099-01-01T00:00:00Z'}}))\n"
        ),
    );
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n\
         [profile helper]\ncredential_process = sh -c \"cd {} && /usr/bin/python3 {}\"\n\
         [profile signed-out]\nsso_session = corp\nsso_account_id = {ACCOUNT}\nsso_role_name = Admin\n\
         [sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n",
        home.home().display(),
        helper.display()
    ));
    let like = home.command(&[]);
    let kept = |name: &str| !matches!(name, "HOME" | "PATH" | "AWSFRESH_KEY_FILE" | "AWS_PROFILE");
    let variables: String = super::extra(&like)
        .into_iter()
        .filter(|(name, _)| kept(name) && !name.starts_with("XDG_"))
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    let variables = home.file("variables", variables);
    let (dir, variables) = (home.home().to_str().unwrap(), variables.to_str().unwrap());
    script(release, &["overlay.sh", "timer.sh", dir, variables])?;

    let read = |name: &str| std::fs::read_to_string(home.home().join(name)).unwrap_or_default();
    let shown = read("shown");
    // 4: the profile that needs a sign-in. That is no failure of the service.
    for wanted in ["Result=success", "ExecMainStatus=4", "NoNewPrivileges=yes"] {
        if !shown.contains(wanted) {
            return Err(format!("not {wanted}: {shown}{}", read("systemd")));
        }
    }
    let limits = read("limits");
    for wanted in [
        "0077",
        "Operation not permitted",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
    ] {
        if !limits.contains(wanted) {
            return Err(format!("not {wanted}: {limits}"));
        }
    }
    let status: Value = serde_json::from_str(&read("status")).map_err(|e| e.to_string())?;
    let store = status["store"]["reason"].as_str().unwrap_or_default();
    if !store.contains("key from the kernel keyring") {
        return Err(format!("the store is {status}"));
    }
    if !read("items").contains("label") {
        return Err(format!("nothing in the keyring: {}", read("items")));
    }
    // Once for each store.
    let answers = [read("answer"), read("answer-of-keyring")];
    match aws.count("AssumeRole") {
        2 if answers.iter().all(|one| one.contains("SessionToken")) => Ok(()),
        calls => Err(format!("{calls} calls; the answers are {answers:?}")),
    }
}

/// The packaged source has every file that the program is compiled from.
fn source(release: &Release) -> Outcome {
    let made = release.made()?;
    if made.complaints.contains("warning") {
        return Err(made.complaints);
    }
    // Where cargo itself unpacks it, with the target directory of the other tests.
    let script = "cd target/package && rm -rf awsfresh-*/ && tar -xzf \"$1\"/*.crate && cd awsfresh-*/ && \
                  exec cargo check --locked --quiet --target-dir ../..";
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(&made.dir)
        .current_dir(ROOT)
        .output();
    done(&output.map_err(|e| e.to_string())?)
}

/// The bill of materials follows its schema, and has what cargo links; each package of it has a licence.
fn inventory(suite: &Suite, release: &Release) -> Outcome {
    let made = release.made()?;
    let output = Command::new(suite.venv("python"))
        .arg(Path::new(ROOT).join("tests/real/packages/inventory.py"))
        .arg(&made.dir)
        .current_dir(ROOT)
        .output();
    done(&output.map_err(|e| e.to_string())?)
}
