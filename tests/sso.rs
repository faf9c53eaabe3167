//! IAM Identity Center: the AWS CLI's token file is shared, refreshed once, and never lost.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use awsfresh::refresh::TOKEN_KIND;
use awsfresh::store::{self, CacheKey, Store, StoreKind, StoreSettings};
use serde_json::Value;
use support::double::Fault;
use support::fixtures::{ACCOUNT, START, signed_in, through_proxy};
use support::sandbox::{Sandbox, kills, moments};

#[allow(clippy::disallowed_methods)]
fn token(home: &Sandbox, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(home.home().join(file)).unwrap()).unwrap()
}

#[test]
fn role_credentials_are_requested_once_with_the_cli_token() {
    let (aws, home, _) = signed_in(3600);
    let first = home.credentials_of("admin").answer();
    assert_eq!(first["AccountId"], ACCOUNT);
    assert_eq!(home.credentials_of("admin").answer(), first);
    assert_eq!(
        (aws.count("GetRoleCredentials"), aws.count("CreateToken")),
        (1, 0)
    );
    assert_ne!(home.credentials_of("reader").answer(), first);
    home.assert_no_secret_on_disk();
}

/// Hosts that do not exist are never contacted:
/// <https://docs.aws.amazon.com/general/latest/gr/sso.html>
#[test]
fn fips_and_dualstack_use_only_hosts_that_exist() {
    let old_form = START;
    let new_form = "https://ssoins-1234567890abcdef.portal.eu-west-1.app.aws";
    for (region, start_url, env, hosts) in [
        (
            "eu-west-1",
            old_form,
            &[][..],
            Some([
                "oidc.eu-west-1.amazonaws.com",
                "portal.sso.eu-west-1.amazonaws.com",
            ]),
        ),
        (
            "eu-west-1",
            new_form,
            &[],
            Some([
                "oidc.eu-west-1.api.aws",
                "portal.sso.eu-west-1.amazonaws.com",
            ]),
        ),
        (
            "eu-west-1",
            old_form,
            &["AWS_USE_DUALSTACK_ENDPOINT"],
            Some(["oidc.eu-west-1.api.aws", "portal.sso.eu-west-1.api.aws"]),
        ),
        ("eu-west-1", old_form, &["AWS_USE_FIPS_ENDPOINT"], None),
        ("us-east-1", old_form, &["AWS_USE_FIPS_ENDPOINT"], None),
        (
            "us-gov-west-1",
            old_form,
            &["AWS_USE_FIPS_ENDPOINT"],
            Some([
                "oidc.us-gov-west-1.amazonaws.com",
                "portal.sso.us-gov-west-1.amazonaws.com",
            ]),
        ),
    ] {
        let (aws, home, file) = signed_in(-60);
        through_proxy(&aws, &home);
        for name in env {
            home.env(name, "true");
        }
        let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
        home.config(
            config
                .replace("eu-west-1", region)
                .replace(START, start_url),
        );
        let text = std::fs::read_to_string(home.home().join(&file)).unwrap();
        home.file(
            &file,
            text.replace("eu-west-1", region).replace(START, start_url),
        );
        let run = home.credentials_of("admin");
        let Some(hosts) = hosts else {
            run.failed(3, "fips-unavailable");
            assert!(aws.calls().is_empty(), "{region}: a host was contacted");
            home.config(config.replace(
                "[profile admin]",
                "awsfresh_use_fips_endpoint = false\n[profile admin]",
            ));
            home.file(&file, text);
            home.credentials_of("admin").answer();
            continue;
        };
        run.answer();
        assert_eq!(
            aws.calls()
                .iter()
                .map(|call| call.host.as_str())
                .collect::<Vec<_>>(),
            hosts,
            "{region} {start_url} {env:?}"
        );
    }
}

#[test]
fn an_expired_token_is_refreshed_once_and_written_back_completely() {
    let (aws, home, file) = signed_in(-60);
    aws.fault(Fault::Latency(Duration::from_millis(100)));
    let children: Vec<_> = (0..50)
        .map(|i| home.start(&["credential-process", "-p", ["admin", "reader"][i % 2]]))
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(
        (aws.count("CreateToken"), aws.count("GetRoleCredentials")),
        (1, 2)
    );
    let (access, refresh) = aws.sso_current(START);
    let written = token(&home, &file);
    assert_eq!(written["accessToken"], access);
    assert_eq!(written["refreshToken"], refresh.unwrap());
    assert_eq!(written["somethingNew"]["kept"], true);
    assert!(written["expiresAt"].as_str().unwrap().ends_with('Z'));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            std::fs::metadata(home.home().join(&file))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
    }
}

#[test]
#[cfg_attr(windows, ignore = "its kills are timed for Linux")]
fn a_killed_refresh_loses_no_token_before_the_rotation() {
    let (aws, home, file) = signed_in(-60);
    aws.fault(Fault::Latency(Duration::from_millis(10)));
    let undisturbed = home.credentials_of("admin").took;
    let mut rotated = 0;
    for moment in moments(undisturbed) {
        // Every round begins signed in, with an expired access token.
        let mut fields = token(&home, &file);
        fields["refreshToken"] = aws.sso_current(START).1.into();
        fields["expiresAt"] = "2020-01-01T00:00:00Z".into();
        home.file(&file, fields.to_string());
        home.run(&["forget", "--all"]);
        let (before, asked) = (aws.sso_current(START).1, aws.count("CreateToken"));
        let mut child = home.start(&["credential-process", "-p", "admin"]);
        std::thread::sleep(moment);
        let _ = child.kill();
        child.wait().unwrap();
        // AWS answers a request even if the client was killed.
        std::thread::sleep(Duration::from_millis(25));
        let on_disk = token(&home, &file); // always complete JSON
        if aws.count("CreateToken") == asked {
            assert_eq!(on_disk["refreshToken"].as_str(), before.as_deref());
        }
        rotated += u64::from(aws.sso_current(START).1 != before);
        if on_disk["refreshToken"].as_str() == aws.sso_current(START).1.as_deref() {
            home.credentials_of("admin").answer();
        }
    }
    assert!(
        (1..kills()).contains(&rotated),
        "{rotated} of {} kills came after the rotation; some, but not all, should",
        kills()
    );
}

#[test]
fn an_expired_session_needs_a_sign_in_and_shows_the_exact_command() {
    let (aws, home, _) = signed_in(-60);
    aws.fault_on(
        "CreateToken",
        Fault::Error {
            status: 400,
            code: "InvalidGrantException".into(),
            message: "Invalid grant provided".into(),
        },
    );
    let run = home.credentials_of("admin");
    run.failed(4, "sso-session-expired");
    assert!(run.stderr.contains("awsfresh login corp"), "{}", run.stderr);
}

#[test]
fn a_failed_refresh_is_harmless_while_the_token_is_valid() {
    let (aws, home, file) = signed_in(200);
    let before = token(&home, &file);
    aws.fault_on(
        "CreateToken",
        Fault::Error {
            status: 500,
            code: "InternalServerException".into(),
            message: "x".into(),
        },
    );
    home.credentials_of("admin").answer();
    assert_eq!(token(&home, &file), before);
}

#[test]
fn an_unusable_renewal_keeps_the_rotated_refresh_token() {
    let (aws, home, file) = signed_in(-60);
    let body =
        r#"{"accessToken":"canary broken","refreshToken":"canary-rotated","expiresIn":3600}"#
            .to_owned();
    aws.fault_on(
        "CreateToken",
        Fault::Raw {
            status: 200,
            headers: vec![("Content-Type", "application/json".into())],
            body,
        },
    );
    home.credentials_of("admin").failed(7, "aws-unavailable");
    let written = token(&home, &file);
    assert_eq!(
        (
            written["refreshToken"].as_str(),
            written["accessToken"].as_str()
        ),
        (Some("canary-rotated"), Some("canary-access-token"))
    );
}

#[test]
fn a_misspelt_role_is_not_a_sign_in_problem() {
    let (_aws, home, _) = signed_in(3600);
    home.credentials_of("typo").failed(6, "sso-access-removed");
}

#[test]
#[cfg_attr(windows, ignore = "its path has slashes")]
fn an_unusable_token_file_is_reported_with_its_path() {
    let (_aws, home, file) = signed_in(3600);
    for content in ["", "{", "[]", "\0\0", r#"{"accessToken": 5}"#] {
        home.file(&file, content);
        assert!(
            home.credentials_of("admin")
                .failed(4, "sso-cache-damaged")
                .stderr
                .contains(&file),
            "{content}"
        );
    }
    std::fs::remove_file(home.home().join(&file)).unwrap();
    home.credentials_of("admin")
        .failed(4, "sso-session-missing");
}

/// The sealed store of the runs in `home`.
fn store_of(home: &Sandbox) -> Box<dyn Store> {
    store::open(&StoreSettings {
        kind: StoreKind::Sealed,
        dir: home.state().join("sealed"),
        spare: Vec::new(),
        key_file: Some(home.home().join("key")),
        key_command: None,
        bus_address: None,
        runtime_dir: None,
        #[cfg(unix)]
        uid: rustix::process::getuid().as_raw(),
        #[cfg(not(unix))]
        uid: 0,
        timeout: Duration::from_secs(1),
        attended: false,
    })
}

#[test]
fn a_token_in_the_store_ranks_above_the_cli_file_and_is_rotated_in_the_store() {
    let (aws, home, file) = signed_in(-60);
    // A failed refresh leaves its lock file, whose name contains the cache key of the token.
    aws.fault(Fault::Error {
        status: 400,
        code: "InvalidGrantException".into(),
        message: "no".into(),
    });
    home.credentials_of("admin")
        .failed(4, "sso-session-expired");
    aws.heal();
    let locks = std::fs::read_dir(home.state().join("locks")).unwrap();
    let names = locks.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let digest = names
        .filter_map(|n| {
            Some(
                n.strip_prefix("sso-token-")?
                    .strip_suffix(".lock")?
                    .to_owned(),
            )
        })
        .next()
        .unwrap();
    // A sign-in by awsfresh stores the same JSON as the file. The file itself becomes unusable.
    let (key, store) = (CacheKey::new(TOKEN_KIND, &digest), store_of(&home));
    store
        .put(
            &key,
            "test",
            &std::fs::read(home.home().join(&file)).unwrap(),
        )
        .unwrap();
    home.file(&file, "{}");
    let asked = aws.count("CreateToken");
    home.credentials_of("admin").answer();
    home.credentials_of("reader").answer();
    assert_eq!(aws.count("CreateToken"), asked + 1);
    let kept: Value = serde_json::from_slice(&store.get(&key).unwrap().unwrap()).unwrap();
    assert_eq!(kept["refreshToken"], aws.sso_current(START).1.unwrap());
    assert_eq!(kept["somethingNew"]["kept"], true);
    home.run(&["forget", "--all"]);
    assert!(
        store.get(&key).unwrap().is_some(),
        "forget removed the sign-in"
    );
    assert_eq!(
        std::fs::read_to_string(home.home().join(&file)).unwrap(),
        "{}"
    );
}

/// Runs a call with files limited to no byte, like a full disk.
fn without_room(home: &Sandbox, profile: &str) -> std::process::Output {
    let plain = home.command(&["credential-process", "-p", profile]);
    let mut full = std::process::Command::new("sh");
    full.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args());
    full.env_clear()
        .envs(plain.get_envs().filter_map(|(k, v)| Some((k, v?))));
    full.output().unwrap()
}

/// A refresh spends the refresh token: it is not requested where its successor would be lost.
#[test]
#[cfg_attr(windows, ignore = "runs sh")]
fn no_refresh_token_is_spent_whose_successor_cannot_be_saved() {
    // Nothing valid is left: the call fails, and the session is as it was.
    let (aws, home, file) = signed_in(-60);
    let before = token(&home, &file);
    let output = without_room(&home, "admin");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(8), "{stderr}");
    assert!(stderr.contains("[store-unavailable]"), "{stderr}");
    assert_eq!(aws.count("CreateToken"), 0);
    assert_eq!(token(&home, &file), before);
    home.credentials_of("admin").answer();
    // The access token lives for two more minutes: it is used as it is.
    let (aws, home, _) = signed_in(120);
    let output = without_room(&home, "admin");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(aws.count("CreateToken"), 0);
}

/// Modes do not bind root, who runs this as nobody.
#[test]
#[cfg(target_os = "linux")]
fn a_token_whose_file_cannot_be_replaced_moves_to_the_store() {
    let (aws, home, file) = signed_in(-60);
    let root = home.shell("id -u").trim() == "0";
    let run = |rest: &str| {
        let user = if root {
            "setpriv --reuid=65534 --regid=65534 --clear-groups"
        } else {
            ""
        };
        home.shell(&format!("{user} ./awsfresh {rest}; echo $?"))
    };
    home.copy_of_awsfresh();
    if root {
        home.shell("chown -R 65534:65534 .");
    }
    home.shell("chmod 555 .aws/sso/cache");
    assert!(run("credential-process -p admin").ends_with("0\n"));
    assert_eq!(aws.count("CreateToken"), 1);
    run("forget --all");
    home.shell(&format!(
        "rm -f {file} 2>/dev/null; chmod 755 .aws/sso/cache; rm -f {file}"
    ));
    assert!(run("credential-process -p admin").ends_with("0\n"));
    assert_eq!(aws.count("CreateToken"), 1, "the token is not in the store");
}

/// Dotfiles in a repository.
#[test]
#[cfg(unix)]
fn a_linked_token_file_stays_a_link() {
    let (aws, home, file) = signed_in(-60);
    let (link, target) = (home.home().join(&file), home.home().join("dotfiles/token"));
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    std::fs::rename(&link, &target).unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    home.credentials_of("admin").answer();
    assert!(link.is_symlink());
    let kept = std::fs::read_to_string(target).unwrap();
    assert!(kept.contains(&aws.sso_current(START).1.unwrap()));
}
