//! What another user may have planted where awsfresh keeps its files: a link, a pipe, a directory.
//! It is not followed, written to or changed; awsfresh goes on, or says why it cannot.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::double::Double;
use crate::support::fixtures::role_on_keys;
use crate::support::sandbox::{Sandbox, spare_dirs};
use crate::support::users::{UID, as_owner, give_away, needs_root};

const ASK: &[&str] = &["credential-process", "-p", "deploy"];
const STATE: &str = ".local/state/awsfresh";

/// A home in which every file of awsfresh exists: locks, sealed credentials, times, a journal.
fn used_home() -> (Double, Sandbox, Vec<PathBuf>) {
    let (aws, home) = role_on_keys(None);
    run(&home);
    let files = home.shell(&format!("find {STATE} -type f"));
    let files: Vec<_> = files.lines().map(|file| home.home().join(file)).collect();
    for part in ["locks/", "sealed/", "asked/", "journal"] {
        let exists = files
            .iter()
            .any(|file| file.to_string_lossy().contains(part));
        assert!(exists, "no {part} in {files:?}");
    }
    (aws, home, files)
}

/// Does what touches every file; the credentials are there each time.
fn run(home: &Sandbox) {
    home.run(ASK).answer();
    home.run(ASK).answer();
    home.run(&["credential-process", "-p", "missing"])
        .failed(3, "profile-not-found");
    home.wrap(&["why"]);
    home.run(&["refresh", "-p", "deploy"]);
    home.run(ASK).answer();
}

/// Puts something that leads to the second path in the place of the first.
type Plant = fn(&Path, &Path);

#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let (_aws, home, files) = used_home();
    let kinds: [(&str, Plant); 2] = [
        ("a link", |from, to| symlink(to, from).unwrap()),
        ("a hard link", |from, to| fs::hard_link(to, from).unwrap()),
    ];
    for (kind, plant) in kinds {
        for file in &files {
            let precious = home.file("precious", "precious\n");
            fs::set_permissions(&precious, fs::Permissions::from_mode(0o644)).unwrap();
            let day = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
            let times = fs::FileTimes::new().set_accessed(day).set_modified(day);
            let opened = fs::File::options().write(true).open(&precious).unwrap();
            opened.set_times(times).unwrap();
            let before = fs::metadata(&precious).unwrap();
            let _ = fs::remove_file(file);
            plant(file, &precious);
            run(&home);
            let after = fs::metadata(&precious).unwrap();
            let what = format!("{kind} in the place of {}", file.display());
            assert_eq!(after.mode(), before.mode(), "{what}: its mode");
            assert_eq!(after.modified().unwrap(), day, "{what}: its time");
            assert_eq!(
                fs::read(&precious).unwrap(),
                b"precious\n",
                "{what}: its content"
            );
            let _ = fs::remove_file(file);
            let _ = fs::remove_file(&precious);
        }
    }
}

#[test]
fn a_link_to_nothing_creates_nothing() {
    let (_aws, home, files) = used_home();
    let target = home.home().join("created");
    for file in &files {
        let _ = fs::remove_file(file);
        symlink(&target, file).unwrap();
        run(&home);
        assert!(!target.exists(), "through {}", file.display());
        let _ = fs::remove_file(file);
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_stops_nothing() {
    let (_aws, home, files) = used_home();
    for file in &files {
        let _ = fs::remove_file(file);
        assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
        run(&home);
        let _ = fs::remove_file(file);
    }
}

/// Where a directory of the state is not of this user alone, what is in it may be of others, too.
#[test]
fn a_directory_of_another_user_gets_nothing() {
    let places = |home: &Path| {
        let state = home.join(STATE);
        let parts = ["locks", "asked", "sealed"].map(|part| state.join(part));
        let spare = spare_dirs(home, UID)
            .into_iter()
            .filter(|dir| dir.parent().unwrap().is_dir());
        let mut all: Vec<PathBuf> = parts.into_iter().chain(spare).collect();
        all.extend([state, home.join("run/awsfresh")]);
        all
    };
    let count = places(Path::new("/")).len();
    for at in 0..count {
        for is_link in [false, true] {
            let (_aws, home) = role_on_keys(None);
            if !needs_root(&home) {
                return;
            }
            home.env("XDG_RUNTIME_DIR", home.home().join("run").to_str().unwrap());
            for dir in ["run", STATE] {
                let mut builder = fs::DirBuilder::new();
                builder
                    .recursive(true)
                    .mode(0o700)
                    .create(home.home().join(dir))
                    .unwrap();
            }
            give_away(&home);
            let place = places(home.home())[at].clone();
            let trap = tempfile::tempdir().unwrap();
            let open = fs::Permissions::from_mode(0o777);
            fs::set_permissions(trap.path(), open.clone()).unwrap();
            let _ = fs::remove_dir_all(&place);
            let trap = if is_link {
                symlink(trap.path(), &place).unwrap();
                trap.path().to_owned()
            } else {
                fs::create_dir(&place).unwrap();
                fs::set_permissions(&place, open).unwrap();
                place.clone()
            };
            let what = format!("{} (link: {is_link})", place.display());
            for args in [ASK, ASK, &["credential-process", "-p", "missing"], &["why"]] {
                let out = as_owner(&home, args).output().unwrap();
                let stderr = String::from_utf8_lossy(&out.stderr);
                let wanted = if args.contains(&"missing") { 3 } else { 0 };
                assert_eq!(out.status.code(), Some(wanted), "{what} {args:?}: {stderr}");
            }
            let wrapped = as_owner(&home, &["-p", "deploy", "--", "true"])
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&wrapped.stderr);
            let said = stderr.contains("cannot create a private directory");
            assert!(wrapped.status.success() || said, "{what}: {stderr}");
            let left: Vec<_> = fs::read_dir(&trap)
                .unwrap()
                .map(|e| e.unwrap().path())
                .collect();
            assert!(left.is_empty(), "{what} has {left:?}");
            assert_eq!(
                fs::metadata(&trap).unwrap().mode() & 0o777,
                0o777,
                "{what}: its mode"
            );
            if is_link {
                let _ = fs::remove_file(&place);
            } else {
                let _ = fs::remove_dir_all(&place);
            }
        }
    }
}

/// A record of another user would show a person that user's commands.
#[test]
fn a_journal_of_another_user_is_not_read() {
    let (_aws, home) = role_on_keys(None);
    if !needs_root(&home) {
        return;
    }
    home.run(&["credential-process", "-p", "missing"])
        .failed(3, "profile-not-found");
    give_away(&home);
    let journal = home.home().join(STATE).join("journal.jsonl");
    std::os::unix::fs::chown(&journal, Some(0), Some(0)).unwrap();
    fs::set_permissions(&journal, fs::Permissions::from_mode(0o666)).unwrap();
    let before = fs::read(&journal).unwrap();
    as_owner(&home, &["credential-process", "-p", "missing"])
        .output()
        .unwrap();
    assert_eq!(fs::read(&journal).unwrap(), before, "it was written to");
    let out = as_owner(&home, &["why"]).output().unwrap();
    let [stdout, stderr] = [out.stdout, out.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(!stdout.contains("missing"), "{stdout}");
    assert!(stderr.contains("not a file of this user alone"), "{stderr}");
}
