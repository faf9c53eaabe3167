//! Tests of the helpers for small files.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use std::fs::Metadata;

use super::lines::BLOCK;
use super::*;

#[test]
fn only_a_directory_of_this_user_alone_is_private() {
    let home = tempfile::tempdir().unwrap();
    let (dir, link, file) = (
        home.path().join("a/b"),
        home.path().join("link"),
        home.path().join("file"),
    );
    create_private_dir(&dir).unwrap();
    symlink(&dir, &link).unwrap();
    write_atomic(&file, b"").unwrap();
    let about = fs::metadata(&dir).unwrap();
    assert_eq!(
        (
            about.mode() & 0o777,
            fs::metadata(&file).unwrap().mode() & 0o777
        ),
        (0o700, 0o600)
    );
    let rejected =
        |path: &Path, about: &Metadata, uid: u32| check_private_dir(path, about, uid).unwrap_err();
    assert!(check_private_dir(&dir, &about, about.uid()).is_ok());
    assert!(check_private_dir(&link, &fs::metadata(&link).unwrap(), about.uid()).is_ok());
    let of_link = fs::symlink_metadata(&link).unwrap();
    assert_eq!(
        rejected(&link, &of_link, about.uid()),
        NotPrivate::NotADirectory(link.clone())
    );
    let of_file = fs::metadata(&file).unwrap();
    assert_eq!(
        rejected(&file, &of_file, about.uid()),
        NotPrivate::NotADirectory(file.clone())
    );
    let owner = about.uid();
    let foreign = NotPrivate::ForeignOwner {
        path: dir.clone(),
        owner,
        uid: owner + 1,
    };
    assert_eq!(rejected(&dir, &about, owner + 1), foreign);
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o720)).unwrap();
    let shared = rejected(&dir, &fs::metadata(&dir).unwrap(), owner);
    assert!(shared.to_string().contains("chmod 700"), "{shared}");
}

#[test]
fn a_link_or_a_pipe_is_no_regular_file() {
    let home = tempfile::tempdir().unwrap();
    let (file, link, pipe) = (
        home.path().join("file"),
        home.path().join("link"),
        home.path().join("pipe"),
    );
    write_atomic(&file, b"abc").unwrap();
    symlink(&file, &link).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(
        read_regular(&file, 10).unwrap().as_deref(),
        Some(&b"abc"[..])
    );
    for path in [&link, &pipe, &home.path().join("missing")] {
        assert_eq!(read_regular(path, 10).unwrap(), None, "{}", path.display());
    }
    assert_eq!(read_regular(&file, 2).unwrap(), None, "too large");
    assert!(read_bounded(&pipe, 10).is_err() && open_append(&link).is_err());
}

#[test]
fn lines_are_read_whole_in_blocks() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file");
    let long = "x".repeat(BLOCK * 3);
    let short = "0123456789\n".repeat(BLOCK / 5);
    for text in [
        String::new(),
        "no end".to_owned(),
        short.clone(),
        format!("{short}{long}\n{short}end"),
        "\n".repeat(BLOCK),
        "x".repeat(BLOCK - 1) + "\n",
        "x".repeat(BLOCK) + "\n",
    ] {
        fs::write(&path, &text).unwrap();
        let (mut read, mut blocks) = (Vec::new(), Vec::new());
        read_lines(&path, text.len() as u64, |lines| {
            read.extend_from_slice(lines);
            blocks.push(lines.to_vec());
        })
        .unwrap();
        assert!(read == text.as_bytes(), "{} bytes", text.len());
        let is_whole = |lines: &Vec<u8>| lines.ends_with(b"\n");
        blocks.pop();
        assert!(blocks.iter().all(is_whole), "{} bytes", text.len());
    }
    let error = read_lines(&path, 10, |_| panic!("it is too large")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert!(read_lines(home.path(), 10, |_| ()).is_err());
}
