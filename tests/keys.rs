//! `keys`: long-term keys move out of the files and back, and are in one place at every moment.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

use std::io::Write as _;
use std::process::Stdio;

use support::bus::Bus;
use support::double::{Double, Fault};
use support::fixtures::{
    AWSFRESH, KEY, ROLE, SECRET, USER, home, keys_of, open_role, role_on_keys,
};
use support::sandbox::{ASK, Sandbox, moments, time_of};
use support::terminal::Terminal;

const NEW: &str = "AKIAQNEWNEWNEWNEWNEW";
const NEW_SECRET: &str = "canaryOtherSecretcanaryOtherSecretcanary";

fn read(home: &Sandbox, file: &str) -> String {
    std::fs::read_to_string(home.home().join(".aws").join(file)).unwrap_or_default()
}

/// A home with keys in the credentials file, and a role on them.
fn with_keys() -> (Double, Sandbox) {
    let (aws, home) = role_on_keys(None);
    home.credentials(format!(
        "# mine\n{}\n{}",
        keys_of("base", KEY, SECRET),
        keys_of("other", NEW, NEW_SECRET)
    ));
    home.secret(NEW_SECRET);
    (aws, home)
}

#[track_caller]
fn done(home: &Sandbox, args: &[&str]) -> String {
    let run = home.wrap(args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run.stdout + &run.stderr
}

/// Sends text to the stdin of a run, and returns its exit code and stderr.
fn add(home: &Sandbox, profile: &str, input: &str) -> (Option<i32>, String) {
    let mut command = home.command(&["keys", "add", profile, "--yes"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    home.assert_no_leak(&errors, "stderr of keys add");
    (output.status.code(), errors)
}

#[test]
fn keys_move_into_the_store_and_back() {
    let (_aws, home) = with_keys();
    let (config, credentials) = (read(&home, "config"), read(&home, "credentials"));
    let said = done(&home, &["keys", "import", "base", "--yes"]);
    assert!(
        said.contains(USER) && said.contains("store (sealed)"),
        "{said}"
    );
    let (new, rest) = (read(&home, "config"), read(&home, "credentials"));
    assert!(
        !rest.contains(SECRET)
            && !rest.contains("[base]")
            && rest.contains(NEW_SECRET)
            && rest.starts_with("# mine\n")
    );
    assert!(
        new.starts_with(&config) && new.contains(&format!("awsfresh_aws_access_key_id = {KEY}")),
        "{new}"
    );
    // The profile, one whose source it is, and a tool that runs its process.
    let answer = home.credentials_of("base").answer();
    assert_eq!(
        (
            &answer["AccessKeyId"],
            &answer["SecretAccessKey"],
            answer.get("Expiration")
        ),
        (&KEY.into(), &SECRET.into(), None)
    );
    assert!(home.credentials_of("deploy").answer()["SessionToken"].is_string());
    home.env("AWS_PROFILE", "base").env(
        "AWS_CONFIG_FILE",
        home.home().join(".aws/config").to_str().unwrap(),
    );
    assert!(home.shell(ASK).contains(SECRET));
    home.unset("AWS_PROFILE");
    home.assert_no_secret_on_disk();
    let list = done(&home, &["keys", "list"]);
    assert!(
        list.contains("profile base: AKIA…TTES, arn:aws:iam::111111111111:user/ann, stored"),
        "{list}"
    );
    assert!(done(&home, &["keys", "import", "base", "--yes"]).contains("is in the store"));
    // What is no cache stays.
    done(&home, &["forget", "--all"]);
    assert!(home.credentials_of("base").code == Some(0));
    assert!(done(&home, &["status"]).contains("stored keys"));
    assert!(done(&home, &["doctor", "-p", "base"]).contains("in the credential store"));

    done(&home, &["keys", "export", "base", "--to-file", "--yes"]);
    assert_eq!(read(&home, "config"), config);
    let back = read(&home, "credentials");
    assert!(
        back.contains(&keys_of("base", KEY, SECRET))
            && back.contains(&keys_of("other", NEW, NEW_SECRET)),
        "{back}"
    );
    assert_eq!(back.len(), credentials.len());
    assert!(done(&home, &["keys", "list"]).contains("no key is stored"));
}

#[test]
fn what_cannot_be_imported_stays_as_it_is() {
    let (aws, home) = with_keys();
    let before = (read(&home, "config"), read(&home, "credentials"));
    let unchanged = |what: &str| {
        assert_eq!(
            (read(&home, "config"), read(&home, "credentials")),
            before,
            "{what}"
        )
    };
    home.wrap(&["keys", "import", "deploy", "--yes"])
        .failed(2, "usage");
    home.wrap(&["keys", "import", "nobody", "--yes"])
        .failed(3, "profile-not-found");
    home.wrap(&["keys", "import", "base"]).failed(2, "usage");
    unchanged("no question was answered");
    // AWS does not know this key, or cannot be asked.
    home.wrap(&["keys", "import", "other", "--yes"])
        .failed(5, "access-key-unknown");
    aws.fault(Fault::Drop);
    assert_eq!(
        home.wrap(&["keys", "import", "base", "--yes"]).code,
        Some(7)
    );
    aws.heal();
    // No store that outlasts a restart. The keyring of this machine is not for tests.
    home.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    for (store, key_file) in [("none", true), ("sealed", false), ("keyring", true)] {
        home.env("AWSFRESH_STORE", store);
        if !key_file {
            home.unset("AWSFRESH_KEY_FILE");
        }
        home.wrap(&["keys", "import", "base", "--yes"])
            .failed(8, "store-unavailable");
        home.env(
            "AWSFRESH_KEY_FILE",
            home.home().join("key").to_str().unwrap(),
        );
    }
    home.env("AWSFRESH_STORE", "sealed");
    unchanged("after a failure");
    // Other sources of the same profile, which would count afterwards.
    home.config(format!(
        "{}[profile base]\nrole_arn = {ROLE}\nsource_profile = other\n",
        before.0
    ));
    let both = read(&home, "config");
    assert_eq!(
        home.wrap(&["keys", "import", "base", "--yes"]).code,
        Some(2)
    );
    assert_eq!(
        (read(&home, "config"), read(&home, "credentials")),
        (both, before.1.clone())
    );
    home.config(&before.0).credentials(format!(
        "{}aws_session_token = tokentokentoken\n",
        keys_of("base", KEY, SECRET)
    ));
    assert_ne!(
        home.wrap(&["keys", "import", "base", "--yes"]).code,
        Some(0)
    );
}

#[test]
fn a_killed_move_loses_nothing_and_goes_on() {
    let (_aws, home) = with_keys();
    let before = (read(&home, "config"), read(&home, "credentials"));
    let restore = |home: &Sandbox| {
        done(home, &["keys", "export", "base", "--to-file", "--yes"]);
    };
    let import = time_of(|| done(&home, &["keys", "import", "base", "--yes"]));
    let export = time_of(|| restore(&home));
    home.credentials(&before.1);
    let (mut old, mut new) = (0, 0);
    for (to_store, to_file) in moments(import).zip(moments(export)) {
        let mut child = home.start(&["keys", "import", "base", "--yes"]);
        std::thread::sleep(to_store);
        let _ = child.kill();
        child.wait().unwrap();
        let served = home.credentials_of("base").answer();
        assert_eq!(served["SecretAccessKey"], SECRET);
        if (read(&home, "config"), read(&home, "credentials")) == before {
            old += 1;
            continue;
        }
        new += 1;
        done(&home, &["keys", "import", "base", "--yes"]);
        assert!(!read(&home, "credentials").contains(SECRET));
        let mut child = home.start(&["keys", "export", "base", "--to-file", "--yes"]);
        std::thread::sleep(to_file);
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(
            home.credentials_of("base").answer()["SecretAccessKey"],
            SECRET
        );
        if read(&home, "config").contains("awsfresh_aws_access_key_id") {
            restore(&home);
        }
        assert_eq!(read(&home, "config"), before.0);
        assert!(read(&home, "credentials").contains(&keys_of("base", KEY, SECRET)));
        home.credentials(&before.1);
    }
    assert!(old > 0 && new > 0, "{old} old, {new} new");
}

#[test]
fn keys_are_added_listed_and_removed() {
    let aws = Double::start();
    aws.add_user(NEW, NEW_SECRET, USER);
    aws.add_user(KEY, SECRET, USER);
    aws.add_role(open_role(ROLE, None));
    let home = home(&aws);
    home.secret(SECRET).secret(NEW_SECRET);
    let created = format!(
        r#"{{"AccessKey": {{"UserName": "ann", "AccessKeyId": "{NEW}", "SecretAccessKey": "{NEW_SECRET}"}}}}"#
    );
    let (code, errors) = add(&home, "ann", &created);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(home.credentials_of("ann").answer()["AccessKeyId"], NEW);
    assert_eq!(read(&home, "config").matches("[profile ann]").count(), 1);
    // Another key of the same profile.
    let (code, errors) = add(&home, "ann", &format!("{KEY}\n{SECRET}\n"));
    assert!(
        code == Some(0) && errors.contains("without a profile"),
        "{errors}"
    );
    assert_eq!(home.credentials_of("ann").answer()["AccessKeyId"], KEY);
    let list = home.run(&["keys", "list", "--json"]).answer();
    assert_eq!(list["keys"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&list["keys"][0]["profile"], &list["keys"][1]["profile"]),
        (&"ann".into(), &serde_json::Value::Null)
    );
    done(&home, &["keys", "remove", NEW, "--yes"]);
    done(&home, &["keys", "remove", "ann", "--yes"]);
    assert_eq!(read(&home, "config"), "");
    home.wrap(&["keys", "remove", "ann", "--yes"])
        .failed(2, "usage");
    for bad in [
        "",
        "x",
        "{}",
        "AKIA\n",
        "AKIAQTESTTESTTESTTES\nshort\n",
        "a\nb\nc\n",
        "\u{0}\n\u{0}\n",
    ] {
        let (code, errors) = add(&home, "ann", bad);
        assert!(matches!(code, Some(2 | 3)), "{bad:?}: {code:?} {errors}");
    }
    let (code, _) = add(&home, "x]\n[default", &created);
    assert!(code.is_some_and(|code| code != 0));
    assert_eq!(read(&home, "config"), "");

    // At a terminal, the secret is not shown.
    let mut terminal = Terminal::run(&home, &format!("{AWSFRESH} keys add ann"));
    terminal.wait_for("Access key ID:");
    terminal.type_line(KEY);
    terminal.wait_for("Secret access key:");
    terminal.type_line(SECRET);
    terminal.wait_for("Store it");
    terminal.type_line("y");
    let (code, output) = terminal.end();
    assert!(code == Some(0) && !output.contains(SECRET), "{output}");
    assert_eq!(home.credentials_of("ann").answer()["AccessKeyId"], KEY);
    // Without its store the profile says what is missing.
    home.env("AWSFRESH_STORE", "none");
    home.credentials_of("ann").failed(3, "credentials-missing");
    assert!(
        home.credentials_of("ann")
            .stderr
            .contains("awsfresh keys add ann")
    );
}

#[test]
fn a_keyring_keeps_keys() {
    let (_aws, home) = with_keys();
    let Some(bus) = Bus::start(true) else { return };
    home.unset("AWSFRESH_KEY_FILE")
        .env("AWSFRESH_STORE", "auto");
    home.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
    assert!(done(&home, &["keys", "import", "base", "--yes"]).contains("store (keyring)"));
    assert_eq!(
        home.credentials_of("base").answer()["SecretAccessKey"],
        SECRET
    );
    home.env("AWSFRESH_STORE", "auto");
    assert_eq!(
        home.credentials_of("base").answer()["SecretAccessKey"],
        SECRET
    );
}

/// A home with a stored key of a user who is known to IAM.
fn with_stored_key() -> (Double, Sandbox) {
    let (aws, home) = with_keys();
    done(&home, &["keys", "import", "base", "--yes"]);
    (aws, home)
}

fn id_in_config(home: &Sandbox) -> String {
    let config = read(home, "config");
    let line = config
        .lines()
        .find_map(|line| line.strip_prefix("awsfresh_aws_access_key_id = "));
    line.unwrap().to_owned()
}

#[test]
fn a_rotation_replaces_the_key_everywhere() {
    let (aws, home) = with_stored_key();
    aws.delay_new_keys(3);
    let said = done(&home, &["keys", "rotate", "base", "--yes"]);
    assert!(said.contains("has the new key"), "{said}");
    let id = id_in_config(&home);
    assert_ne!(id, KEY);
    assert_eq!(aws.keys_of(USER), std::slice::from_ref(&id));
    assert_eq!(
        home.credentials_of("base").answer()["AccessKeyId"],
        id.as_str()
    );
    assert!(home.credentials_of("deploy").answer()["SessionToken"].is_string());
    let list = home.run(&["keys", "list", "--json"]).answer();
    assert_eq!(list["keys"].as_array().unwrap().len(), 1);
    // A command that was started before has the old config.
    let config = read(&home, "config");
    home.config(config.replace(&id, KEY));
    assert_eq!(
        home.credentials_of("base").answer()["AccessKeyId"],
        id.as_str()
    );
    home.config(config);
    let order: Vec<String> = aws
        .calls()
        .iter()
        .map(|call| call.action.clone())
        .filter(|action| action.ends_with("AccessKey"))
        .collect();
    assert_eq!(
        order,
        ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"]
    );
    home.assert_no_secret_on_disk();
}

#[test]
fn a_rotation_that_cannot_end_keeps_the_old_key() {
    let (aws, home) = with_stored_key();
    home.wrap(&["keys", "rotate", "base"]).failed(2, "usage");
    home.wrap(&["keys", "rotate", "other", "--yes"])
        .failed(2, "usage");
    // A second key that somebody uses.
    aws.add_user(NEW, NEW_SECRET, USER);
    home.wrap(&["keys", "rotate", "base", "--yes"])
        .failed(2, "usage");
    assert_eq!(aws.keys_of(USER).len(), 2);
    aws.remove_key(NEW);
    let denied = Fault::Error {
        status: 403,
        code: "AccessDenied".into(),
        message: "User is not authorized to perform: iam:CreateAccessKey".into(),
    };
    aws.fault_on("CreateAccessKey", denied);
    home.wrap(&["keys", "rotate", "base", "--yes"])
        .failed(6, "permission-denied");
    aws.heal();
    assert_eq!(
        (id_in_config(&home).as_str(), aws.keys_of(USER)),
        (KEY, vec![KEY.to_owned()])
    );
    assert_eq!(home.credentials_of("base").answer()["AccessKeyId"], KEY);
    // The old key cannot be deleted: the next call does it.
    aws.fault_on("DeleteAccessKey", Fault::Drop);
    assert_eq!(
        home.wrap(&["keys", "rotate", "base", "--yes"]).code,
        Some(7)
    );
    aws.heal();
    let id = id_in_config(&home);
    assert!(id != KEY && home.credentials_of("base").code == Some(0));
    done(&home, &["keys", "rotate", "base", "--yes"]);
    assert_eq!(
        (id_in_config(&home), aws.keys_of(USER)),
        (id.clone(), vec![id])
    );
}

#[test]
fn a_killed_rotation_goes_on() {
    let (aws, home) = with_stored_key();
    let mut interrupted = 0;
    let until_known = std::time::Duration::from_millis(2100);
    let rotation = time_of(|| done(&home, &["keys", "rotate", "base", "--yes"]));
    for (i, moment) in moments(rotation.saturating_sub(until_known)).enumerate() {
        let before = id_in_config(&home);
        let mut child = home.start(&["keys", "rotate", "base", "--yes"]);
        let is_late = i % 4 == 0;
        std::thread::sleep(if is_late {
            until_known + moment
        } else {
            moment
        });
        let _ = child.kill();
        child.wait().unwrap();
        assert_eq!(home.credentials_of("base").code, Some(0), "after kill {i}");
        let is_between = id_in_config(&home) != before || aws.keys_of(USER).len() > 1;
        if is_between {
            interrupted += 1;
            done(&home, &["keys", "rotate", "base", "--yes"]);
            assert_eq!(aws.keys_of(USER), [id_in_config(&home)]);
            assert_eq!(
                home.run(&["keys", "list", "--json"]).answer()["keys"]
                    .as_array()
                    .unwrap()
                    .len(),
                1
            );
        }
        if interrupted == 6 {
            return; // each takes seconds
        }
    }
    assert!(interrupted > 3, "{interrupted}");
}

#[test]
fn no_key_is_lost_that_was_not_moved() {
    let (_aws, home) = with_keys();
    // Two keys of one profile: the one in the config file would go unseen.
    home.config(format!(
        "[profile base]\naws_access_key_id = {NEW}\naws_secret_access_key = {NEW_SECRET}\n"
    ));
    let before = (read(&home, "config"), read(&home, "credentials"));
    home.wrap(&["keys", "import", "base", "--yes"])
        .failed(2, "usage");
    assert_eq!((read(&home, "config"), read(&home, "credentials")), before);
    // A pipe has a new key only once: what can fail fails before it is read.
    home.config("");
    for (name, value, code) in [("AWSFRESH_STORE", "none", 8), ("AWS_CONFIG_FILE", "/", 3)] {
        home.env(name, value);
        let mut child = home
            .command(&["keys", "add", "new", "--yes"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        assert_eq!(
            child.wait().unwrap().code(),
            Some(code),
            "it waited for stdin"
        );
        assert!(input.write_all(b"{}").is_err());
        home.unset(name);
    }
}

#[test]
fn a_new_key_that_aws_does_not_know_yet_is_waited_for() {
    let (aws, home) = with_keys();
    aws.add_user(NEW, NEW_SECRET, USER);
    aws.reject_key(NEW, 2);
    // The profile is the source of another one already.
    home.credentials("");
    let (code, errors) = add(&home, "base", &format!("{NEW}\n{NEW_SECRET}\n"));
    assert_eq!(code, Some(0), "{errors}");
    assert!(home.credentials_of("deploy").answer()["SessionToken"].is_string());
    let (code, errors) = add(
        &home,
        "x",
        r#"{"AccessKeyId":"ASIAQTESTTESTTESTTES","SecretAccessKey":"canarySecretcanarySecretcanarySecretcana","SessionToken":"t"}"#,
    );
    assert!(code == Some(2) && errors.contains("temporary"), "{errors}");
}

#[test]
fn a_shared_key_stays_for_the_others() {
    let (aws, home) = with_keys();
    home.credentials(keys_of("base", KEY, SECRET) + &keys_of("default", KEY, SECRET));
    let said = done(&home, &["keys", "import", "base", "--yes"]);
    assert!(
        said.contains("profile `default` still has the same key"),
        "{said}"
    );
    home.wrap(&["keys", "rotate", "base", "--yes"])
        .failed(2, "usage");
    assert_eq!(aws.keys_of(USER), [KEY]);
    done(&home, &["keys", "import", "default", "--yes"]);
    home.wrap(&["keys", "remove", KEY, "--yes"])
        .failed(2, "usage");
    done(&home, &["keys", "remove", "base", "--yes"]);
    assert_eq!(
        home.credentials_of("default").answer()["SecretAccessKey"],
        SECRET
    );
    done(&home, &["keys", "export", "default", "--to-file", "--yes"]);
    assert!(read(&home, "credentials").contains(SECRET));
}

#[test]
fn imports_at_once_lose_nothing() {
    let (aws, home) = with_keys();
    let names: Vec<String> = (0..8).map(|n| format!("p{n}")).collect();
    let text: String = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let (id, secret) = (
                format!("AKIAQTESTTESTTEST{n}AA"),
                format!("canary{n}canarySecretcanarySecretcanary{n}abc"),
            );
            aws.add_user(&id, &secret, USER);
            keys_of(name, &id, &secret)
        })
        .collect();
    home.credentials(text);
    let children: Vec<_> = names
        .iter()
        .map(|name| home.start(&["keys", "import", name, "--yes"]))
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    for name in &names {
        assert_eq!(home.credentials_of(name).code, Some(0), "{name}");
    }
    assert!(!read(&home, "credentials").contains("canary"));
}

#[test]
fn export_keeps_other_keys_and_writes_files_alone() {
    let (_aws, home) = with_stored_key();
    let other = keys_of("base", NEW, NEW_SECRET);
    home.credentials(&other);
    home.wrap(&["keys", "export", "base", "--to-file", "--yes"])
        .failed(2, "usage");
    assert_eq!(read(&home, "credentials"), other);
    home.credentials("");
    // A device is no file to replace.
    let link = home.home().join(".aws/credentials");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/dev/full", &link).unwrap();
    assert_ne!(
        home.wrap(&["keys", "export", "base", "--to-file", "--yes"])
            .code,
        Some(0)
    );
    assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
    std::fs::remove_file(&link).unwrap();
    // What a killed call has left is removed.
    let left = home.file(".aws/.awsfresh-edit-0123456789abcdef", SECRET);
    done(&home, &["keys", "export", "base", "--to-file", "--yes"]);
    done(&home, &["keys", "import", "base", "--yes"]);
    assert!(!left.exists());
    // With another key file, the key can be neither read nor deleted.
    let key = home.file("other-key", "ab".repeat(32));
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    home.env("AWSFRESH_KEY_FILE", key.to_str().unwrap());
    home.credentials_of("base").failed(8, "store-unavailable");
    home.wrap(&["keys", "remove", "base", "--yes"])
        .failed(8, "store-unavailable");
    home.env(
        "AWSFRESH_KEY_FILE",
        home.home().join("key").to_str().unwrap(),
    );
    assert_eq!(home.credentials_of("base").code, Some(0));
    // Line ends of old Macs make a file one line.
    home.config(read(&home, "config").replace('\n', "\r"));
    home.wrap(&["keys", "export", "base", "--to-file", "--yes"])
        .failed(3, "config-malformed");
}
