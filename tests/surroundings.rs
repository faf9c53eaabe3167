//! Sources outside the AWS files: `aws login` sessions, instance and container credentials, web
//! identities and the environment. Routes to AWS: proxy, CA bundle, FIPS and dual-stack endpoints.
#![allow(clippy::unwrap_used)]

mod support;

use awsfresh::digest::sha256_hex;
use support::double::{Double, Fault};
use support::fixtures::{self, KEY, ROLE, SECRET, USER, keys_of, open_role, through_proxy};
use support::sandbox::Sandbox;

fn setup() -> (Double, Sandbox) {
    let aws = Double::start();
    aws.add_role(open_role(ROLE, None));
    let home = fixtures::home(&aws);
    (aws, home)
}

fn sign_in(aws: &Double, home: &Sandbox) -> String {
    let file = format!(".aws/login/cache/{}.json", sha256_hex(USER.as_bytes()));
    home.file(
        &file,
        aws.add_login(USER, "2020-01-01T00:00:00Z").to_string(),
    );
    home.config(format!(
        "[profile console]\nlogin_session = {USER}\nregion = eu-west-1\n"
    ));
    file
}

#[test]
fn a_login_session_is_renewed_once_and_cached() {
    let (aws, home) = setup();
    through_proxy(&aws, &home);
    let file = sign_in(&aws, &home);
    let first = home.credentials_of("console").answer();
    assert_eq!(first["AccountId"], "111111111111");
    assert_eq!(home.credentials_of("console").answer(), first);
    assert_eq!(aws.count("CreateOAuth2Token"), 1);
    assert_eq!(aws.calls()[0].host, "eu-west-1.signin.aws.amazon.com");
    let kept = std::fs::read_to_string(home.home().join(file)).unwrap();
    assert!(
        kept.contains(first["AccessKeyId"].as_str().unwrap()),
        "the renewed session is not in the AWS CLI's file"
    );
}

/// The AWS CLI's and the SDKs' own refreshers take no lock and lose the rotated token:
/// <https://github.com/aws/aws-cli/issues/10628>
#[test]
fn many_processes_refresh_a_login_session_once_and_lose_nothing() {
    let (aws, home) = setup();
    through_proxy(&aws, &home);
    let file = sign_in(&aws, &home);
    let path = home.home().join(&file);
    let read =
        || -> serde_json::Value { serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap() };
    let mut fields = read();
    fields["somethingNew"] = serde_json::json!({"kept": true});
    home.file(&file, fields.to_string());
    aws.fault(Fault::Latency(std::time::Duration::from_millis(50)));
    let children: Vec<_> = (0..20)
        .map(|_| home.start(&["credential-process", "-p", "console"]))
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(aws.count("CreateOAuth2Token"), 1);
    let kept = read();
    assert_eq!(kept["somethingNew"]["kept"], true);
    assert_ne!(kept["refreshToken"], fields["refreshToken"]);
    assert_eq!(kept["dpopKey"], fields["dpopKey"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    // A response without a refresh token leaves the old one in place.
    let mut expired = kept.clone();
    expired["accessToken"]["expiresAt"] = "2020-01-01T00:00:00Z".into();
    home.file(&file, expired.to_string());
    home.run(&["forget", "--all"]);
    let body = r#"{"accessToken": {"accessKeyId": "ASIAQTESTTESTTESTTES",
        "secretAccessKey": "secret", "sessionToken": "token"}, "tokenType": "aws_sigv4",
        "expiresIn": 900}"#;
    aws.fault(Fault::Raw {
        status: 200,
        headers: vec![("Content-Type", "application/json".into())],
        body: body.into(),
    });
    home.credentials_of("console").answer();
    assert_eq!(read()["refreshToken"], kept["refreshToken"]);
}

/// Like botocore: `get_login_token_cache_directory` in utils.py expands variables, then `~`.
#[test]
fn the_login_cache_directory_may_contain_a_tilde_or_a_variable() {
    let (aws, home) = setup();
    through_proxy(&aws, &home);
    sign_in(&aws, &home);
    std::fs::rename(
        home.home().join(".aws/login/cache"),
        home.home().join("sessions"),
    )
    .unwrap();
    home.credentials_of("console")
        .failed(4, "login-session-expired");
    home.env("PLACE", "sessions");
    let whole = home.home().join("sessions");
    let answers = |place: &str| {
        home.env("AWS_LOGIN_CACHE_DIRECTORY", place)
            .run(&["forget", "--all"]);
        home.credentials_of("console").answer();
    };
    [
        "~/sessions",
        "$HOME/sessions",
        "${HOME}/$PLACE",
        whole.to_str().unwrap(),
    ]
    .into_iter()
    .for_each(answers);
    std::fs::rename(&whole, home.home().join("$NOTHING")).unwrap();
    answers("~/$NOTHING");
}

#[test]
fn an_expired_login_session_needs_a_new_sign_in() {
    let (aws, home) = setup();
    through_proxy(&aws, &home);
    let file = sign_in(&aws, &home);
    for fault in [
        Fault::Error {
            status: 401,
            code: "AccessDeniedException".into(),
            message: "TOKEN_EXPIRED".into(),
        },
        Fault::Error {
            status: 403,
            code: "AccessDeniedException".into(),
            message: "USER_CREDENTIALS_CHANGED".into(),
        },
    ] {
        aws.fault(fault);
        assert!(
            home.credentials_of("console")
                .failed(4, "login-session-expired")
                .stderr
                .contains("aws login")
        );
    }
    for fault in [
        Fault::Html(200),
        Fault::Drop,
        Fault::Truncated,
        Fault::Garbage,
        Fault::Html(502),
    ] {
        aws.fault(fault.clone());
        let run = home.credentials_of("console");
        assert!(matches!(run.code, Some(4 | 7)), "{fault:?}: {run:?}");
    }
    std::fs::remove_file(home.home().join(&file)).unwrap();
    home.credentials_of("console")
        .failed(4, "login-session-expired");
    home.file(&file, "{\"accessToken\":");
    home.credentials_of("console")
        .failed(4, "login-session-expired");
}

#[test]
fn requests_reach_the_real_host_names_through_a_proxy_with_a_ca_bundle() {
    let (aws, home) = setup();
    aws.add_user(KEY, SECRET, USER);
    home.credentials(keys_of("base", KEY, SECRET));
    through_proxy(&aws, &home);
    let profile = |extra: &str| {
        format!("[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n{extra}\n")
    };
    for (extra, host) in [
        ("region = eu-west-1", "sts.eu-west-1.amazonaws.com"),
        ("", "sts.us-east-1.amazonaws.com"),
        (
            "region = us-west-2\nuse_fips_endpoint = true",
            "sts-fips.us-west-2.amazonaws.com",
        ),
        (
            "region = eu-west-1\nuse_dualstack_endpoint = true",
            "sts.eu-west-1.api.aws",
        ),
        ("region = cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
    ] {
        home.config(profile(extra));
        home.run(&["forget", "--all"]);
        home.credentials_of("deploy").answer();
        assert_eq!(aws.calls().last().unwrap().host, host, "{extra}");
    }
    // The profile may name the CA bundle too. Without one the certificate is not trusted, and the
    // error says so.
    home.unset("AWS_CA_BUNDLE").run(&["forget", "--all"]);
    home.credentials_of("deploy").failed(7, "tls-untrusted");
    home.config(profile(&format!(
        "ca_bundle = {}",
        home.home().join("ca.pem").display()
    )));
    home.credentials_of("deploy").answer();
    home.config(profile("ca_bundle = /nonexistent.pem"));
    home.run(&["forget", "--all"]);
    assert!(
        home.credentials_of("deploy")
            .failed(3, "config-unreadable")
            .stderr
            .contains("config:4")
    );
    home.env(
        "AWS_CA_BUNDLE",
        home.home().join(".aws/config").to_str().unwrap(),
    );
    home.credentials_of("deploy").failed(3, "config-malformed");
    home.env(
        "AWS_CA_BUNDLE",
        home.home().join("ca.pem").to_str().unwrap(),
    );
    for wrong in ["http://127.0.0.1:9", "::::"] {
        home.env("HTTPS_PROXY", wrong);
        let run = home.credentials_of("deploy");
        assert_eq!(run.code, Some(7), "{run:?}");
    }
}

#[test]
fn a_role_can_use_instance_container_and_environment_credentials() {
    let (aws, home) = setup();
    aws.surround("arn:aws:iam::333333333333:role/machine", "container-token");
    home.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url());
    home.env(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        &format!("{}/container", aws.url()),
    );
    home.env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token");
    aws.add_user(KEY, SECRET, USER);
    home.env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET);
    for (source, caller) in [
        (
            "Ec2InstanceMetadata",
            "arn:aws:sts::333333333333:assumed-role/machine/i-0123456789abcdef0",
        ),
        (
            "EcsContainer",
            "arn:aws:sts::333333333333:assumed-role/machine/i-0123456789abcdef0",
        ),
        ("Environment", USER),
    ] {
        home.config(format!(
            "[profile deploy]\nrole_arn = {ROLE}\ncredential_source = {source}\n"
        ));
        let first = home.credentials_of("deploy").answer();
        assert_eq!(home.credentials_of("deploy").answer(), first, "{source}");
        let calls = aws.calls();
        let last = calls.iter().rfind(|call| call.action == "AssumeRole");
        assert_eq!(last.unwrap().caller.as_deref(), Some(caller), "{source}");
    }
    assert_eq!(aws.count("AssumeRole"), 3, "the sources share a cache key");
}

#[test]
fn a_source_without_credentials_is_reported() {
    let (aws, home) = setup();
    home.config(format!(
        "[profile machine]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n\
         [profile task]\nrole_arn = {ROLE}\ncredential_source = EcsContainer\n\
         [profile env]\nrole_arn = {ROLE}\ncredential_source = Environment\n"
    ));
    home.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url());
    home.credentials_of("machine")
        .failed(7, "metadata-unreachable");
    home.env("AWS_EC2_METADATA_DISABLED", "true");
    home.credentials_of("machine")
        .failed(7, "metadata-unreachable");
    home.credentials_of("task")
        .failed(7, "container-endpoint-unreachable");
    home.env(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        &format!("{}/container", aws.url()),
    );
    home.credentials_of("task")
        .failed(7, "container-endpoint-unreachable");
    assert!(
        home.credentials_of("env")
            .failed(3, "source-missing")
            .stderr
            .contains("AWS_ACCESS_KEY_ID")
    );
}

#[test]
fn a_web_identity_token_is_read_again_for_every_call() {
    let (aws, home) = setup();
    let file = home.file("token", "canary-web-token\n");
    home.secret("canary-web-token");
    aws.add_web_identity("canary-web-token", ROLE);
    home.config(format!(
        "[profile pod]\nrole_arn = {ROLE}\nweb_identity_token_file = {}\n",
        file.display()
    ));
    assert_eq!(
        home.credentials_of("pod").answer()["AccountId"],
        "222222222222"
    );
    home.credentials_of("pod").answer();
    assert_eq!(aws.count("AssumeRoleWithWebIdentity"), 1);
    home.run(&["forget", "--all"]);
    aws.expire_web_identity("canary-web-token");
    home.credentials_of("pod").failed(5, "web-identity-expired");
    aws.add_web_identity("canary-second-token", ROLE);
    home.file("token", "canary-second-token");
    home.credentials_of("pod").answer();
    home.run(&["forget", "--all"]);
    home.file("token", "canary-unknown");
    home.credentials_of("pod")
        .failed(5, "web-identity-rejected");
    home.file("token", "");
    assert!(
        home.credentials_of("pod")
            .failed(5, "web-identity-rejected")
            .stderr
            .contains("config:3")
    );
}

#[test]
fn settings_come_from_the_flag_then_the_variable_then_the_file() {
    let (_aws, home) = setup();
    let store_of = |args: &[&str]| {
        home.run(&[args, &["status"]].concat())
            .stdout
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    home.file(
        ".config/awsfresh/config.toml",
        "store = \"none\"\ntimeout = 3.0\n",
    );
    assert!(
        store_of(&[]).starts_with("store: sealed"),
        "the file ranks above AWSFRESH_STORE"
    );
    home.unset("AWSFRESH_STORE");
    assert!(store_of(&[]).starts_with("store: none"));
    assert!(store_of(&["--store", "sealed"]).starts_with("store: sealed"));
    home.file(".config/awsfresh/config.toml", "\nstore = \"nowhere\"\n");
    home.run(&["status"]).failed(2, "usage");
    home.file(".config/awsfresh/config.toml", "\nstoer = \"none\"\n");
    assert!(
        home.run(&["status"])
            .failed(3, "config-malformed")
            .stderr
            .contains("config.toml:2")
    );
}

#[test]
fn a_pipe_as_the_settings_file_is_an_error() {
    let (_aws, home) = setup();
    home.file(".config/awsfresh/near", "");
    let path = home.home().join(".config/awsfresh/config.toml");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    home.run(&["status"]).failed(3, "config-unreadable");
}
