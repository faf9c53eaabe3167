//! Tests of the refresh lock.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn dirs(main: &Path) -> StateDirs {
    StateDirs {
        main: main.to_owned(),
        spare: Vec::new(),
    }
}

fn key() -> CacheKey {
    CacheKey::new("role", "00ff")
}

#[test]
fn a_second_holder_waits_until_the_first_releases_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = dirs(dir.path());
    let wait = |millis, may_succeed| {
        let deadline = Instant::now() + Duration::from_millis(millis);
        let patience = Patience {
            deadline,
            may_succeed,
        };
        RefreshLock::wait(&dirs, &key(), patience, || ()).unwrap()
    };
    let first = RefreshLock::try_take(&dirs, &key()).unwrap().expect("free");
    assert!(RefreshLock::try_take(&dirs, &key()).unwrap().is_none());
    assert!(wait(30, false).is_none());
    let successor = wait(1000, true).expect("the place of a successor is free");
    assert!(wait(50, true).is_none(), "there is one successor");
    drop((first, successor));
    assert!(wait(5000, false).is_some());
}

#[test]
fn a_failure_has_room_before_the_disk_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let dirs = dirs(dir.path());
    let mut lock = RefreshLock::try_take(&dirs, &key()).unwrap().expect("free");
    let size = || lock.0.metadata().unwrap().len();
    assert_eq!(size(), ROOM as u64);
    let finding = Finding::new(Cause::DnsFailure, "x".repeat(2 * ROOM));
    lock.leave_failure(&Failure {
        at: Timestamp(7),
        finding,
    });
    assert!(lock.last_failure().is_some());
    lock.clear_failure();
    assert_eq!(lock.0.metadata().unwrap().len(), ROOM as u64);
}

/// A file that another user planted could show its own remedy, or overwrite what it links to.
#[test]
#[cfg(unix)]
fn a_planted_lock_file_is_refused_and_the_directory_made_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let open_to_all = std::fs::Permissions::from_mode(0o777);
    let locks = dir.path().join(DIR);
    std::fs::create_dir(&locks).unwrap();
    std::fs::set_permissions(&locks, open_to_all).unwrap();
    let file = locks.join(format!("{}.lock", key().file_name()));
    let other = dir.path().join("precious");
    std::fs::write(&other, "precious").unwrap();
    std::fs::hard_link(&other, &file).unwrap();
    assert!(RefreshLock::try_take(&dirs(dir.path()), &key()).is_err());
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink(&other, &file).unwrap();
    assert!(RefreshLock::try_take(&dirs(dir.path()), &key()).is_err());
    std::fs::remove_file(&file).unwrap();
    assert!(
        RefreshLock::try_take(&dirs(dir.path()), &key())
            .unwrap()
            .is_some()
    );
    let mode = std::fs::metadata(locks).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(std::fs::read_to_string(other).unwrap(), "precious");
}

#[test]
fn a_failure_is_left_for_the_next_holder_and_garbage_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let take = || {
        RefreshLock::try_take(&dirs(dir.path()), &key())
            .unwrap()
            .expect("free")
    };
    let mut lock = take();
    assert!(lock.last_failure().is_none());
    let finding = Finding::new(Cause::DnsFailure, "no such host");
    lock.leave_failure(&Failure {
        at: Timestamp(7),
        finding,
    });
    drop(lock);
    let mut lock = take();
    let left = lock.last_failure().map(|f| (f.at, f.finding.cause));
    assert_eq!(left, Some((Timestamp(7), Cause::DnsFailure)));
    lock.clear_failure();
    assert!(lock.last_failure().is_none());
    let file = dir.path().join(format!("{}.lock", key().file_name()));
    std::fs::write(file, b"\0{garbage").unwrap();
    assert!(lock.last_failure().is_none());
}
