//! Signing in to SSO sessions and out of them, by browser and with a device code.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::io::Read;
use std::net::TcpStream;
use std::process::Child;
use std::time::{Duration, Instant};

use awsfresh::digest::sha1_hex;
use serde_json::{Value, json};
use support::browser::{Browser, get, request, try_get};
use support::double::{Double, Fault, SsoSession};
use support::fixtures::{self, ACCOUNT, START, sso_cache, through_proxy};
use support::sandbox::{Run, Sandbox, kills, moments, time_of};

const OTHER: &str = "https://d-9876543210.awsapps.com/start";

/// AWS with the sessions `corp` and `other`, to which nobody is signed in, and a home with both.
fn signed_out() -> (Double, Sandbox) {
    let aws = Double::start();
    for (start_url, user) in [(START, "ann"), (OTHER, "ann.other")] {
        aws.add_sso(SsoSession {
            start_url: start_url.into(),
            access_token: format!("unused-{user}"),
            refresh_token: None,
            token_expires: 0,
            user: user.into(),
            assignments: vec![(ACCOUNT.into(), "Admin".into())],
            ..SsoSession::default()
        });
    }
    let home = fixtures::home(&aws);
    let session = |name: &str, start_url: &str| {
        format!(
            "[sso-session {name}]\nsso_start_url = {start_url}\nsso_region = eu-west-1\n\
             [profile {name}-admin]\nsso_session = {name}\nsso_account_id = {ACCOUNT}\n\
             sso_role_name = Admin\nregion = eu-west-1\n"
        )
    };
    home.config(session("corp", START) + &session("other", OTHER));
    (aws, home)
}

/// The result of a run that a test has started.
fn end(child: Child) -> Run {
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    let run = Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: began.elapsed(),
    };
    assert!(!run.stderr.contains("panicked"), "{run:#?}");
    run
}

/// Signs in to `corp` by browser.
fn sign_in(home: &Sandbox) {
    let browser = Browser::install(home);
    let child = home.start(&["login", "corp"]);
    assert_eq!(browser.sign_in().status, 200);
    let run = end(child);
    assert_eq!(run.code, Some(0), "{run:#?}");
    home.unset("BROWSER");
}

#[test]
fn a_browser_signs_in_and_everything_follows_from_it() {
    let (aws, home) = signed_out();
    let browser = Browser::install(&home);
    home.credentials_of("corp-admin")
        .failed(4, "sso-session-missing");
    let child = home.start(&["login", "corp", "--json"]);
    let page = browser.sign_in();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("You are signed in") && page.body.contains("<b>corp</b>"));
    for header in ["no-store", "no-referrer", "default-src 'none'"] {
        assert!(page.head.contains(header), "{}", page.head);
    }
    let run = end(child);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["sessions"][0]["session"], "corp");
    assert_eq!(document["sessions"][0]["renewable"], true);
    assert!(
        run.stderr.contains("signed in to SSO session `corp`"),
        "{}",
        run.stderr
    );
    let (access, refresh) = aws.sso_current(START);
    home.secret(&access).secret(&refresh.unwrap());
    home.assert_no_leak(&run.stderr, "stderr of login");
    assert_eq!(
        home.credentials_of("corp-admin").answer()["AccountId"],
        ACCOUNT
    );
    home.credentials_of("other-admin")
        .failed(4, "sso-session-missing");
    assert!(
        !home.home().join(sso_cache("corp")).exists(),
        "a token in plain text"
    );
    home.assert_no_secret_on_disk();
    // Again: nothing to do, and no browser.
    let calls = aws.calls().len();
    let run = home.wrap(&["login", "corp"]);
    assert_eq!(run.code, Some(0));
    assert!(run.stderr.contains("already signed in"), "{}", run.stderr);
    assert_eq!((browser.pages().len(), aws.calls().len()), (1, calls + 1));
}

#[test]
fn only_the_redirect_of_this_sign_in_decides() {
    let (aws, home) = signed_out();
    let browser = Browser::install(&home);
    let child = home.start(&["login", "corp"]);
    let redirect = browser.approve();
    let host = redirect.split('/').nth(2).unwrap();
    let (base, query) = redirect.split_once('?').unwrap();
    // Browsers connect ahead and send nothing; awsfresh hangs up, and serves others meanwhile.
    let silent: Vec<_> = (0..10).map(|_| TcpStream::connect(host).unwrap()).collect();
    for wrong in [
        format!("http://{host}/favicon.ico"),
        format!("http://{host}/"),
        format!("http://{host}/oauth/callback2?{query}"),
        base.to_owned(),
        format!("{base}?code=x&state=wrong"),
        format!("{base}?{}", query.replace("state=", "state=0")),
        format!("{base}?error=access_denied&state=wrong"),
        format!("{base}?error=access_denied"),
    ] {
        assert_eq!(get(&wrong).status, 404, "{wrong}");
    }
    let path = redirect.strip_prefix(&format!("http://{host}")).unwrap();
    for wrong in [
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: evil.example.com\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ] {
        assert_eq!(request(host, &wrong).unwrap().status, 404, "{wrong}");
    }
    assert_eq!(aws.count("CreateToken"), 0);
    let page = get(&redirect);
    assert!(page.body.contains("You are signed in"), "{page:?}");
    assert!(
        !matches!(try_get(&redirect), Ok(page) if page.status == 200),
        "a second redirect counts"
    );
    assert_eq!(end(child).code, Some(0));
    assert_eq!(aws.count("CreateToken"), 1);
    drop(silent);
}

#[test]
fn a_silent_connection_is_closed() {
    let (_aws, home) = signed_out();
    let browser = Browser::install(&home);
    let mut child = home.start(&["login", "corp"]);
    let redirect = browser.approve();
    let mut silent = TcpStream::connect(redirect.split('/').nth(2).unwrap()).unwrap();
    silent
        .set_read_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    let began = Instant::now();
    let read = silent.read(&mut [0; 100]);
    assert!(
        matches!(read, Ok(0..=100)),
        "{read:?} after {:?}",
        began.elapsed()
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_refusal_is_shown_in_the_browser_and_here() {
    let (aws, home) = signed_out();
    aws.refuse_authorization("access_denied", "No <b>thanks</b>");
    let browser = Browser::install(&home);
    let child = home.start(&["login", "corp"]);
    let page = browser.sign_in();
    assert!(page.body.contains("You are not signed in"), "{page:?}");
    assert!(
        page.body
            .contains("access_denied: No &lt;b&gt;thanks&lt;/b&gt;"),
        "{page:?}"
    );
    let run = end(child);
    run.failed(4, "sso-session-missing");
    assert!(
        run.stderr.contains("access_denied: No <b>thanks</b>"),
        "{}",
        run.stderr
    );
    home.credentials_of("corp-admin")
        .failed(4, "sso-session-missing");
    aws.heal();
    sign_in(&home);
    assert_eq!(aws.count("RegisterClient"), 1, "the registration is kept");
}

#[test]
fn the_page_of_a_token_that_is_refused_says_so() {
    let (aws, home) = signed_out();
    let browser = Browser::install(&home);
    aws.fault_on(
        "CreateToken",
        Fault::Error {
            status: 400,
            code: "InvalidGrantException".into(),
            message: "the code has expired".into(),
        },
    );
    let child = home.start(&["login", "corp"]);
    let page = browser.sign_in();
    assert!(page.body.contains("You are not signed in"), "{page:?}");
    assert!(page.body.contains("the code has expired"), "{page:?}");
    end(child).failed(3, "sso-region-mismatch");
}

#[test]
fn nobody_who_comes_back_ends_the_wait_and_a_forgotten_client_with_it() {
    let (aws, home) = signed_out();
    sign_in(&home);
    aws.revoke_sso(START);
    aws.forget_clients();
    let browser = Browser::install(&home);
    let child = home.start(&["login", "corp", "--wait", "1s"]);
    let page = get(&browser.page());
    assert_eq!((page.status, page.location()), (400, None));
    let run = end(child);
    run.failed(4, "sso-session-missing");
    assert!(run.stderr.contains("registers again"), "{}", run.stderr);
    sign_in(&home);
    assert_eq!(aws.count("RegisterClient"), 2);
    home.credentials_of("corp-admin").answer();
}

#[test]
fn a_device_code_signs_in_where_no_browser_can_open() {
    for (variable, reason) in [
        ("SSH_CONNECTION", "an SSH session"),
        ("CODESPACES", "a GitHub codespace"),
        ("REMOTE_CONTAINERS", "a development container"),
        ("WSL_DISTRO_NAME", "WSL"),
        ("CI", "a CI job"),
        ("container", "a container"),
    ] {
        let (aws, home) = signed_out();
        aws.approve_every_device();
        home.env(variable, "x").env("DISPLAY", ":0");
        let run = home.wrap(&["login", "corp"]);
        assert_eq!(run.code, Some(0), "{run:#?}");
        for text in [reason, "ABCD-EFGH", "/#/device?user_code=ABCD-EFGH"] {
            assert!(run.stderr.contains(text), "{variable}: {}", run.stderr);
        }
        assert_eq!(aws.count("Authorize"), 0);
        home.credentials_of("corp-admin").answer();
    }
}

#[test]
fn a_device_code_is_polled_until_it_is_approved() {
    let (aws, home) = signed_out();
    aws.fault_on(
        "CreateToken",
        Fault::Error {
            status: 400,
            code: "SlowDownException".into(),
            message: String::new(),
        },
    );
    let child = home.start(&["login", "corp", "--device"]);
    let wait_for = |count: usize| {
        let end = Instant::now() + Duration::from_secs(20);
        while aws.count("CreateToken") < count {
            assert!(Instant::now() < end, "no poll");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    wait_for(1);
    let slowed = Instant::now();
    aws.heal();
    aws.fault_on("CreateToken", Fault::Drop);
    wait_for(2);
    assert!(
        slowed.elapsed() > Duration::from_secs(5),
        "slow_down is not honoured"
    );
    aws.heal();
    aws.approve_devices();
    let run = end(child);
    assert_eq!(run.code, Some(0), "{run:#?}");
    let scopes = aws
        .calls()
        .into_iter()
        .find(|call| call.action == "RegisterClient");
    assert_eq!(
        scopes.unwrap().params["scopes"],
        r#"["sso:account:access"]"#
    );
    assert!(aws.sso_current(START).1.is_some(), "no refresh token");
}

#[test]
fn a_device_code_that_nobody_approves_ends() {
    let (aws, home) = signed_out();
    home.wrap(&["login", "corp", "--device", "--wait", "2s"])
        .failed(4, "sso-session-missing");
    for (code, cause, exit) in [
        ("AccessDeniedException", "sso-session-missing", 4),
        ("ExpiredTokenException", "sso-session-missing", 4),
        ("InvalidGrantException", "sso-region-mismatch", 3),
        ("InvalidClientException", "sso-registration-expired", 4),
    ] {
        let fault = Fault::Error {
            status: 400,
            code: code.into(),
            message: "said so".into(),
        };
        aws.fault_on("CreateToken", fault);
        let run = home.wrap(&["login", "corp", "--device"]);
        run.failed(exit, cause);
        aws.heal();
    }
    // A registration that AWS has forgotten is replaced without a word.
    aws.approve_every_device();
    home.wrap(&["login", "corp", "--device"]).succeeded();
    aws.revoke_sso(START);
    aws.forget_clients();
    home.wrap(&["login", "corp", "--device"]).succeeded();
}

/// No start URL is resolved or probed: the host follows from the region and the form of the URL.
#[test]
fn start_urls_of_every_partition_work_by_rule() {
    for (region, start_url, host) in [
        (
            "eu-west-1",
            "https://d-1.awsapps.com/start/#/",
            "oidc.eu-west-1.amazonaws.com",
        ),
        (
            "eu-west-1",
            "https://ssoins-1.portal.eu-west-1.app.aws",
            "oidc.eu-west-1.api.aws",
        ),
        (
            "cn-north-1",
            "https://start.home.awsapps.cn/directory/d-1",
            "oidc.cn-north-1.amazonaws.com.cn",
        ),
        (
            "us-gov-west-1",
            "https://start.us-gov-home.awsapps.com/directory/d-1",
            "oidc.us-gov-west-1.amazonaws.com",
        ),
        (
            "eusc-de-east-1",
            "https://identitycenter.amazonaws.eu/ssoins-1",
            "oidc.eusc-de-east-1.amazonaws.eu",
        ),
    ] {
        let (aws, home) = signed_out();
        aws.add_sso(SsoSession {
            start_url: start_url.split('#').next().unwrap().into(),
            ..SsoSession::default()
        });
        through_proxy(&aws, &home);
        home.config(format!(
            "[sso-session corp]\nsso_start_url = {start_url}\nsso_region = {region}\n"
        ));
        let run = home.wrap(&["login", "corp", "--no-browser", "--wait", "1s"]);
        run.failed(4, "sso-session-missing");
        let page = format!("\n  https://{host}/authorize?response_type=code&");
        assert!(run.stderr.contains(&page), "{region}: {}", run.stderr);
        let hosts: Vec<String> = aws.calls().into_iter().map(|call| call.host).collect();
        assert_eq!(hosts, [host], "{region}");
    }
}

/// Some instances have a page of another form, and show no code:
/// <https://github.com/ByteNess/aws-vault/issues/440>
#[test]
fn the_page_of_a_device_code_is_shown_as_aws_gave_it() {
    let (aws, home) = signed_out();
    let page = "https://eu-west-1.signin.aws/platform/authorize?request_uri=urn%3Ax&a=b";
    let body = json!({"deviceCode": "x", "verificationUriComplete": page, "expiresIn": 600});
    aws.fault_on(
        "StartDeviceAuthorization",
        Fault::Raw {
            status: 200,
            headers: vec![("Content-Type", "application/json".into())],
            body: body.to_string(),
        },
    );
    let run = home.wrap(&["login", "corp", "--device", "--wait", "1s"]);
    assert!(
        run.stderr.contains(&format!("browser:  {page}\n")),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("code:"), "{}", run.stderr);
}

#[test]
fn a_host_that_does_not_exist_is_not_asked_to_sign_in() {
    let (aws, home) = signed_out();
    through_proxy(&aws, &home);
    home.env("AWS_USE_FIPS_ENDPOINT", "true");
    let run = home.wrap(&["login", "corp", "--device"]);
    run.failed(3, "fips-unavailable");
    assert!(aws.calls().is_empty());
}

/// A start URL that does not belong to the region.
#[test]
fn a_wrong_start_url_is_a_matter_of_the_config() {
    let (_aws, home) = signed_out();
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    home.config(config.replace(START, "https://d-0000000000.awsapps.com/start"));
    for flow in [&["--device"][..], &["--no-browser", "--wait", "1s"]] {
        let run = home.wrap(&[&["login", "corp"], flow].concat());
        run.failed(3, "sso-region-mismatch");
        assert!(run.stderr.contains("[sso-session corp]"), "{}", run.stderr);
    }
}

#[test]
fn no_answer_of_aws_is_trusted() {
    let (aws, home) = signed_out();
    let big = format!(
        r#"{{"accessToken": "{}", "expiresIn": 3600}}"#,
        "a".repeat(10 << 20)
    );
    let raw = |status: u16, body: &str| Fault::Raw {
        status,
        headers: vec![("Content-Type", "application/json".into())],
        body: body.into(),
    };
    let elsewhere = || Fault::Raw {
        status: 302,
        headers: vec![("Location", format!("{}/elsewhere", aws.url()))],
        body: String::new(),
    };
    let failing = || Fault::Error {
        status: 500,
        code: "InternalServerException".into(),
        message: String::new(),
    };
    aws.approve_every_device();
    for (action, fault) in [
        ("RegisterClient", failing()),
        ("RegisterClient", Fault::Html(200)),
        ("RegisterClient", Fault::Html(403)),
        ("RegisterClient", raw(200, "{}")),
        (
            "RegisterClient",
            raw(
                200,
                r#"{"clientId": "a b", "clientSecret": "x", "clientSecretExpiresAt": 1}"#,
            ),
        ),
        ("RegisterClient", elsewhere()),
        ("RegisterClient", Fault::Truncated),
        ("StartDeviceAuthorization", failing()),
        ("StartDeviceAuthorization", Fault::Html(200)),
        ("StartDeviceAuthorization", raw(200, "{}")),
        (
            "StartDeviceAuthorization",
            raw(
                200,
                r#"{"deviceCode": "x", "verificationUri": "javascript:alert(1)", "expiresIn": 600}"#,
            ),
        ),
        (
            "StartDeviceAuthorization",
            raw(
                200,
                r#"{"deviceCode": "x", "verificationUri": "https://x", "expiresIn": -1}"#,
            ),
        ),
        ("StartDeviceAuthorization", elsewhere()),
        ("CreateToken", failing()),
        ("CreateToken", raw(200, "{}")),
        (
            "CreateToken",
            raw(200, r#"{"accessToken": "x", "expiresIn": -1}"#),
        ),
        (
            "CreateToken",
            raw(200, r#"{"accessToken": "x y", "expiresIn": 3600}"#),
        ),
        (
            "CreateToken",
            raw(200, r#"{"accessToken": "", "expiresIn": 3600}"#),
        ),
        ("CreateToken", raw(200, &big)),
        ("CreateToken", elsewhere()),
        ("CreateToken", Fault::Html(200)),
        ("CreateToken", Fault::Truncated),
    ] {
        let what = format!("{action} {fault:.80?}");
        aws.fault_on(action, fault);
        let run = home.wrap(&["login", "corp", "--device", "--wait", "3s"]);
        assert_eq!(run.code, Some(7), "{what}: {run:#?}");
        assert!(
            !aws.calls()
                .iter()
                .any(|call| call.action.contains("elsewhere")),
            "{what}"
        );
        aws.heal();
        home.credentials_of("corp-admin")
            .failed(4, "sso-session-missing");
    }
}

/// A portal that cannot be understood leaves everything as it is.
#[test]
fn no_answer_of_the_portal_starts_a_sign_in() {
    let (aws, home) = signed_out();
    sign_in(&home);
    let browser = Browser::install(&home);
    let big = "a".repeat(10 << 20);
    for fault in [
        Fault::Html(200),
        Fault::Html(502),
        Fault::Truncated,
        Fault::Garbage,
        Fault::Drop,
        Fault::Raw {
            status: 200,
            headers: vec![("Content-Type", "application/json".into())],
            body: format!(r#"{{"accountList": "{big}"}}"#),
        },
        Fault::Raw {
            status: 302,
            headers: vec![("Location", format!("{}/elsewhere", aws.url()))],
            body: String::new(),
        },
    ] {
        let what = format!("{fault:.80?}");
        aws.fault_on("ListAccounts", fault);
        let run = home.wrap(&["login", "corp"]);
        assert_eq!(run.code, Some(7), "{what}: {run:#?}");
        aws.heal();
        let run = home.wrap(&["login", "corp"]);
        assert!(
            run.stderr.contains("already signed in"),
            "{what}: {}",
            run.stderr
        );
    }
    assert_eq!(browser.pages().len(), 0);
    assert!(
        !aws.calls()
            .iter()
            .any(|call| call.action.contains("elsewhere"))
    );
}

#[test]
fn a_token_without_a_place_is_never_requested() {
    let (aws, home) = signed_out();
    let browser = Browser::install(&home);
    home.env("AWSFRESH_STORE", "none");
    let run = home.wrap(&["login", "corp"]);
    run.failed(8, "store-unavailable");
    assert!(run.stderr.contains("--share-with-cli"), "{}", run.stderr);
    assert_eq!((browser.pages().len(), aws.count("RegisterClient")), (0, 0));
}

#[test]
fn a_shared_token_is_in_the_file_of_the_aws_cli_and_nowhere_else() {
    let (aws, home) = signed_out();
    aws.approve_every_device();
    home.wrap(&["login", "corp", "--device"]).succeeded();
    aws.revoke_sso(START);
    let run = home.wrap(&["login", "corp", "--device", "--share-with-cli"]);
    run.succeeded();
    let file = home.home().join(sso_cache("corp"));
    let token: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let (access, refresh) = aws.sso_current(START);
    assert_eq!(token["accessToken"], access);
    assert_eq!(token["refreshToken"], refresh.unwrap());
    for key in [
        "startUrl",
        "region",
        "expiresAt",
        "clientId",
        "clientSecret",
        "registrationExpiresAt",
    ] {
        assert!(token[key].is_string(), "{key}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    home.credentials_of("corp-admin").answer();
    // The store's own token is gone: without the file nobody is signed in.
    std::fs::remove_file(file).unwrap();
    home.run(&["forget", "--all"]);
    home.credentials_of("corp-admin")
        .failed(4, "sso-session-missing");
}

/// Two sign-ins to one session: the better one counts, and the other one serves if that is rejected.
#[test]
fn the_freshest_of_two_tokens_wins() {
    let (aws, home) = signed_out();
    sign_in(&home);
    let cli = |access: &str, expires: &str| {
        let token = json!({"startUrl": START, "region": "eu-west-1", "accessToken": access, "expiresAt": expires});
        home.file(&sso_cache("corp"), token.to_string());
    };
    let used = || {
        home.run(&["forget", "--all"]);
        home.credentials_of("corp-admin").answer();
        aws.count("CreateToken")
    };
    let tokens = aws.count("CreateToken");
    cli("expired", "2020-01-01T00:00:00Z");
    assert_eq!(used(), tokens, "the stored token is used as it is");
    cli("rejected", "2099-01-01T00:00:00Z");
    assert_eq!(
        used(),
        tokens,
        "the CLI's token looks better, and the portal rejects it"
    );
    // A sign-in by the CLI after the end of ours.
    aws.add_sso(SsoSession {
        start_url: START.into(),
        access_token: "by-cli".into(),
        refresh_token: None,
        assignments: vec![(ACCOUNT.into(), "Admin".into())],
        ..SsoSession::default()
    });
    cli("by-cli", "2099-01-01T00:00:00Z");
    assert_eq!(used(), tokens, "the CLI's token is used as it is");
}

#[test]
fn force_ends_the_session_first() {
    let (aws, home) = signed_out();
    sign_in(&home);
    let before = aws.sso_current(START).0;
    let browser = Browser::install(&home);
    let child = home.start(&["login", "corp", "--force"]);
    browser.sign_in();
    assert_eq!(end(child).code, Some(0));
    let actions: Vec<String> = aws.calls().into_iter().map(|call| call.action).collect();
    let position = |name: &str| actions.iter().rposition(|action| action == name).unwrap();
    assert!(position("Logout") < position("Authorize"), "{actions:?}");
    assert_ne!(aws.sso_current(START).0, before);
    home.credentials_of("corp-admin").answer();
}

#[test]
fn logout_ends_one_session_and_all_that_came_from_it() {
    let (aws, home) = signed_out();
    aws.approve_every_device();
    home.wrap(&["login", "--all", "--device"]).succeeded();
    for profile in ["corp-admin", "other-admin"] {
        home.credentials_of(profile).answer();
    }
    let run = home.wrap(&["logout", "corp"]);
    run.succeeded();
    assert!(
        run.stderr.contains("signed out of SSO session `corp`"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("1 cached credential deleted"),
        "{}",
        run.stderr
    );
    assert_eq!(aws.count("Logout"), 1);
    assert_eq!(
        aws.sso_current(START).1,
        None,
        "the session is still open at AWS"
    );
    home.credentials_of("corp-admin")
        .failed(4, "sso-session-missing");
    let asked = aws.count("GetRoleCredentials");
    home.credentials_of("other-admin").answer();
    assert_eq!(
        aws.count("GetRoleCredentials"),
        asked,
        "the other session lost its cache"
    );
    // The AWS CLI's sign-in is its own.
    home.wrap(&["login", "corp", "--device", "--share-with-cli"])
        .succeeded();
    let run = home.wrap(&["logout", "corp"]);
    assert!(run.stderr.contains("--also-cli"), "{}", run.stderr);
    assert!(home.home().join(sso_cache("corp")).exists());
    home.wrap(&["logout", "corp", "--also-cli"]).succeeded();
    assert!(!home.home().join(sso_cache("corp")).exists());
    home.wrap(&["logout", "--all"]).succeeded();
    home.credentials_of("other-admin")
        .failed(4, "sso-session-missing");
}

/// The access token lasts an hour, the session of the portal much longer.
#[test]
fn a_session_ends_although_its_access_token_has_expired() {
    for end in [
        &["logout", "corp", "--also-cli"][..],
        &["login", "corp", "--force", "--device"],
    ] {
        for is_known_here in [true, false] {
            let (aws, home) = signed_out();
            aws.approve_every_device();
            home.wrap(&["login", "corp", "--device", "--share-with-cli"])
                .succeeded();
            aws.expire_access_tokens();
            let file = home.home().join(sso_cache("corp"));
            if is_known_here {
                let mut token: Value =
                    serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
                token["expiresAt"] = "2020-01-01T00:00:00Z".into();
                home.file(&sso_cache("corp"), token.to_string());
            }
            home.wrap(end).succeeded();
            let logouts = aws.calls().into_iter();
            let ended = logouts.filter(|call| call.action == "Logout" && call.status == 200);
            assert_eq!(ended.count(), 1, "{end:?}");
            assert!(!file.exists(), "{end:?}");
        }
    }
}

/// Another user may sign in, or permissions may have changed.
#[test]
fn a_new_sign_in_serves_no_credentials_of_the_old_one() {
    let (aws, home) = signed_out();
    sign_in(&home);
    let before = home.credentials_of("corp-admin").answer();
    aws.revoke_sso(START);
    sign_in(&home);
    let after = home.credentials_of("corp-admin").answer();
    assert_ne!(before["AccessKeyId"], after["AccessKeyId"]);
}

#[test]
fn logout_all_ends_sessions_that_the_config_no_longer_names() {
    let (aws, home) = signed_out();
    sign_in(&home);
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    home.config(config.replace("sso-session corp", "sso-session renamed"));
    let run = home.wrap(&["logout", "--all"]);
    run.succeeded();
    assert!(
        run.stderr.contains(&format!("signed out of {START}")),
        "{}",
        run.stderr
    );
    assert_eq!(aws.sso_current(START).1, None);
}

#[test]
fn one_broken_session_does_not_stop_the_others() {
    let (aws, home) = signed_out();
    aws.approve_every_device();
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    home.config(format!(
        "[sso-session broken]\nsso_region = eu-west-1\n{config}"
    ));
    let run = home.wrap(&["login", "--all", "--device", "--json"]);
    assert_eq!(run.code, Some(3), "{run:#?}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["sessions"].as_array().unwrap().len(), 2);
    let run = home.wrap(&["logout", "--all"]);
    assert_eq!((run.code, aws.count("Logout")), (Some(3), 2), "{run:#?}");
}

#[test]
fn a_logout_that_aws_does_not_hear_of_says_so() {
    let (aws, home) = signed_out();
    sign_in(&home);
    aws.fault(Fault::Drop);
    let run = home.wrap(&["logout", "corp"]);
    assert_eq!(run.code, Some(7), "{run:#?}");
    assert!(
        run.stderr.contains("may still be open at AWS"),
        "{}",
        run.stderr
    );
    aws.heal();
    home.credentials_of("corp-admin")
        .failed(4, "sso-session-missing");
}

#[test]
fn login_knows_what_to_sign_in_to() {
    let (aws, home) = signed_out();
    aws.approve_every_device();
    home.env("SSH_CONNECTION", "x");
    home.wrap(&["login"]).failed(2, "usage");
    let run = home.wrap(&["login", "crop"]);
    run.failed(3, "source-missing");
    assert!(run.stderr.contains("did you mean corp"), "{}", run.stderr);
    home.wrap(&["login", "-p", "corp-admin"]).succeeded();
    home.credentials_of("corp-admin").answer();
    home.env("AWS_PROFILE", "other-admin");
    home.wrap(&["login"]).succeeded();
    home.credentials_of("other-admin").answer();
    home.unset("AWS_PROFILE");
    // A legacy profile signs in through its own name.
    home.config(format!(
        "[profile legacy]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
         sso_account_id = {ACCOUNT}\nsso_role_name = Admin\n"
    ));
    let run = home.credentials_of("legacy");
    run.failed(4, "sso-session-missing");
    assert!(
        run.stderr.contains("try:  awsfresh login -p legacy"),
        "{}",
        run.stderr
    );
    home.wrap(&["login"]).succeeded();
    home.credentials_of("legacy").answer();
    // Nothing to sign in to.
    home.config(format!(
        "[profile keys]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        fixtures::KEY,
        fixtures::SECRET
    ));
    let run = home.wrap(&["login", "-p", "keys"]);
    assert!(
        run.code == Some(0) && run.stderr.contains("needs no sign-in"),
        "{run:#?}"
    );
    home.wrap(&["login", "--all"]).failed(2, "usage");
    assert!(
        !home
            .home()
            .join(format!(
                ".aws/sso/cache/{}.json",
                sha1_hex(START.as_bytes())
            ))
            .exists()
    );
}

#[test]
fn without_a_terminal_nobody_is_asked_and_no_browser_opens() {
    let (aws, home) = signed_out();
    sign_in(&home);
    aws.revoke_sso(START);
    let browser = Browser::install(&home);
    // The access token has expired, too.
    home.env("AWS_PROFILE", "corp-admin");
    home.run(&["forget", "--all"]);
    let began = Instant::now();
    let children: Vec<_> = (0..50)
        .map(|i| match i % 3 {
            0 => home.start(&["credential-process", "-p", "corp-admin"]),
            1 => home.start(&["--", "true"]),
            _ => home.start(&["refresh", "-p", "corp-admin"]),
        })
        .collect();
    for (i, child) in children.into_iter().enumerate() {
        let run = end(child);
        let code = if i % 3 == 1 { 125 } else { 4 };
        run.failed(code, "sso-session-expired");
        assert!(
            run.stderr.contains("try:  awsfresh login corp"),
            "{}",
            run.stderr
        );
    }
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(browser.pages().len(), 0);
}

/// A sign-in is lost only between AWS's answer and the rename of the entry.
#[test]
fn a_killed_sign_in_leaves_a_state_from_which_one_can_sign_in() {
    let (aws, home) = signed_out();
    let browser = Browser::install(&home);
    let undisturbed = time_of(|| {
        let mut child = home.start(&["login", "corp"]);
        browser.sign_in();
        child.wait().unwrap();
    });
    let (mut issued, mut kept) = (0, 0);
    for late in moments(undisturbed) {
        aws.revoke_sso(START);
        home.run(&["forget", "--all"]);
        let tokens = aws.count("CreateToken");
        let browser = Browser::install(&home);
        let mut child = home.start(&["login", "corp"]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // The kill may come before the page is opened.
                let end = Instant::now() + late + Duration::from_millis(20);
                while Instant::now() < end {
                    if let Some(page) = browser.pages().pop() {
                        if let Some(redirect) = get(&page).location() {
                            let _ = try_get(redirect); // awsfresh may be gone
                        }
                        return;
                    }
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            std::thread::sleep(late);
            let _ = child.kill();
            child.wait().unwrap();
        });
        std::thread::sleep(Duration::from_millis(5));
        let is_issued = aws.count("CreateToken") > tokens;
        issued += u64::from(is_issued);
        let run = home.credentials_of("corp-admin");
        if run.code == Some(0) {
            assert!(is_issued, "{run:#?}");
            kept += 1;
        } else {
            assert_eq!(run.code, Some(4), "{run:#?}");
        }
    }
    println!(
        "{} kills, {issued} tokens issued, {kept} of them kept",
        kills()
    );
    assert!(
        kept > 0 && kept < kills(),
        "{kept} of {} sign-ins survived",
        kills()
    );
    aws.revoke_sso(START);
    sign_in(&home);
    home.credentials_of("corp-admin").answer();
}

/// A refresh token that AWS has rotated is lost only between the arrival of the response and the
/// rename of the entry.
#[test]
fn a_killed_refresh_of_a_stored_token_loses_nothing_but_an_answer() {
    let (aws, home) = signed_out();
    sign_in(&home);
    aws.fault_on("CreateToken", Fault::Latency(Duration::from_millis(5)));
    let expire = || {
        aws.expire_access_tokens();
        home.run(&["forget", "--all"]);
    };
    expire();
    let undisturbed = home.run(&["credential-process", "-p", "corp-admin"]).took;
    let (mut rotated, mut lost) = (0, 0);
    for moment in moments(undisturbed) {
        expire();
        let before = aws.sso_current(START).1;
        let mut child = home.start(&["credential-process", "-p", "corp-admin"]);
        std::thread::sleep(moment);
        let _ = child.kill();
        child.wait().unwrap();
        std::thread::sleep(Duration::from_millis(15));
        let is_rotated = aws.sso_current(START).1 != before;
        rotated += u64::from(is_rotated);
        let run = home.credentials_of("corp-admin");
        if run.code != Some(0) {
            run.failed(4, "sso-session-expired");
            // A request that was sent may arrive after its sender's end.
            let is_rotated = aws.sso_current(START).1 != before;
            assert!(is_rotated, "a token was lost that AWS had not rotated");
            lost += 1;
            sign_in(&home);
        }
    }
    println!(
        "{} kills, {rotated} after the rotation, {lost} answers lost",
        kills()
    );
    assert!(
        (1..kills()).contains(&rotated),
        "{rotated} of {} kills came late",
        kills()
    );
    assert!(
        lost * 2 <= rotated.max(25),
        "{lost} of {rotated} rotated tokens were lost"
    );
}

#[test]
fn a_damaged_file_of_the_aws_cli_hinders_no_sign_in() {
    for more in [&[][..], &["--force"], &["--share-with-cli"]] {
        let (aws, home) = signed_out();
        aws.approve_every_device();
        home.file(&sso_cache("corp"), r#"{"accessToken": "abc"#);
        home.wrap(&[&["login", "corp", "--device"], more].concat())
            .succeeded();
        home.credentials_of("corp-admin").answer();
        home.file(&sso_cache("corp"), "{");
        home.wrap(&["logout", "corp", "--also-cli"]).succeeded();
        assert!(!home.home().join(sso_cache("corp")).exists());
    }
}

/// A code that was sent is spent: its answer is waited for beyond the deadline.
#[test]
fn a_slow_aws_loses_no_sign_in() {
    let (aws, home) = signed_out();
    let browser = Browser::install(&home);
    aws.fault_on("RegisterClient", Fault::Latency(Duration::from_secs(3)));
    aws.fault_on("CreateToken", Fault::Latency(Duration::from_secs(3)));
    let child = home.start(&["login", "corp"]);
    assert!(browser.sign_in().body.contains("You are signed in"));
    end(child).succeeded();
    home.credentials_of("corp-admin").answer();
}

/// A home signed in by the AWS CLI's file, with a token that has expired and can be refreshed.
fn refreshable() -> (Double, Sandbox) {
    let (aws, home) = signed_out();
    aws.approve_every_device();
    home.wrap(&["login", "corp", "--device", "--share-with-cli"])
        .succeeded();
    let file = home.home().join(sso_cache("corp"));
    let mut token: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    token["expiresAt"] = "2020-01-01T00:00:00Z".into();
    home.file(&sso_cache("corp"), token.to_string());
    aws.expire_access_tokens();
    (aws, home)
}

#[test]
fn a_logout_during_a_refresh_ends_the_session() {
    let (aws, home) = refreshable();
    aws.fault_on("CreateToken", Fault::Latency(Duration::from_millis(300)));
    let child = home.start(&["credential-process", "-p", "corp-admin"]);
    std::thread::sleep(Duration::from_millis(150));
    home.wrap(&["logout", "corp", "--also-cli"]).succeeded();
    // Its request for role credentials comes before the end of the session, or after it.
    assert!(matches!(end(child).code, Some(0 | 4)));
    assert_eq!(
        aws.sso_current(START).1,
        None,
        "the session is still open at AWS"
    );
}

#[test]
fn a_session_that_cannot_be_ended_is_not_lost() {
    let (aws, home) = refreshable();
    let refused = Fault::Error {
        status: 400,
        code: "InvalidRequestException".into(),
        message: "no".into(),
    };
    aws.fault_on("Logout", refused);
    assert_ne!(
        home.wrap(&["login", "corp", "--force", "--device"]).code,
        Some(0)
    );
    home.credentials_of("corp-admin").answer();
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/understanding-sso.html>: the file is named by
/// the session alone.
#[test]
fn a_sign_in_to_another_start_url_is_none() {
    let (aws, home) = signed_out();
    aws.approve_every_device();
    home.wrap(&["login", "corp", "--device", "--share-with-cli"])
        .succeeded();
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    home.config(config.replace(START, "https://elsewhere.awsapps.com/start"));
    let run = home.credentials_of("corp-admin");
    run.failed(4, "sso-session-missing");
    assert!(
        run.stderr.contains(&format!("is that to {START}")),
        "{}",
        run.stderr
    );
    home.config(config.replace(START, &format!("{START}/#/")));
    home.credentials_of("corp-admin").answer();
}

#[test]
fn a_sign_in_by_the_aws_cli_during_a_refresh_is_kept() {
    let (aws, home) = refreshable();
    aws.fault_on("CreateToken", Fault::Latency(Duration::from_millis(400)));
    let child = home.start(&["credential-process", "-p", "corp-admin"]);
    std::thread::sleep(Duration::from_millis(150));
    let token = json!({"startUrl": START, "region": "eu-west-1", "accessToken": "by-cli",
        "expiresAt": "2099-01-01T00:00:00Z", "refreshToken": "of-cli"});
    home.file(&sso_cache("corp"), token.to_string());
    end(child);
    let kept = std::fs::read_to_string(home.home().join(sso_cache("corp"))).unwrap();
    assert!(kept.contains("of-cli"), "{kept}");
}

#[test]
fn credentials_are_served_while_the_portal_fails_after_a_sign_in() {
    let (aws, home) = signed_out();
    sign_in(&home);
    let before = home.credentials_of("corp-admin").answer();
    aws.revoke_sso(START);
    sign_in(&home);
    let failing = Fault::Error {
        status: 503,
        code: "ServiceUnavailable".into(),
        message: String::new(),
    };
    aws.fault_on("GetRoleCredentials", failing);
    assert_eq!(home.credentials_of("corp-admin").answer(), before);
}

#[test]
#[cfg(unix)]
fn a_place_that_cannot_be_written_is_found_before_anything_is_done() {
    use std::os::unix::fs::PermissionsExt;
    // Modes do not bind root: a file in the place of the directory does.
    for (dir, more) in [
        (".local/state/awsfresh/sealed", ""),
        (".aws/sso/cache", "--share-with-cli"),
    ] {
        let (aws, home) = signed_out();
        let path = home.home().join(dir);
        let _ = std::fs::remove_dir_all(&path);
        home.file(dir, "in the way");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let args: Vec<&str> = ["login", "corp", "--device", more]
            .into_iter()
            .filter(|a| !a.is_empty())
            .collect();
        home.wrap(&args).failed(8, "store-unavailable");
        assert_eq!(aws.calls().len(), 0, "{dir}");
    }
}

#[test]
fn a_valid_token_moves_to_the_file_of_the_aws_cli() {
    let (aws, home) = signed_out();
    sign_in(&home);
    let tokens = aws.count("CreateToken");
    home.wrap(&["login", "corp", "--share-with-cli"])
        .succeeded();
    assert!(home.home().join(sso_cache("corp")).exists());
    assert_eq!(aws.count("CreateToken"), tokens);
    std::fs::remove_file(home.home().join(sso_cache("corp"))).unwrap();
    home.run(&["forget", "--all"]);
    home.credentials_of("corp-admin")
        .failed(4, "sso-session-missing");
}

#[test]
fn the_command_to_sign_in_can_be_typed_whatever_the_name() {
    for name in ["-x", "--all", "a b", "it's $HOME `id`; \"x\""] {
        let (aws, home) = signed_out();
        aws.approve_every_device();
        let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
        home.config(
            config
                .replace("sso-session corp", &format!("sso-session {name}"))
                .replace("sso_session = corp", &format!("sso_session = {name}")),
        );
        let run = home.credentials_of("corp-admin");
        run.failed(4, "sso-session-missing");
        let command = run
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("  try:  "))
            .unwrap();
        home.shell(&format!(
            "awsfresh() {{ SSH_TTY=x {} \"$@\"; }}\n{command}",
            fixtures::AWSFRESH
        ));
        home.credentials_of("corp-admin").answer();
    }
}

#[test]
fn waits_have_bounds() {
    let (aws, home) = signed_out();
    for wait in ["300000000000years", "25h", "0s", "x"] {
        home.wrap(&["login", "corp", "--wait", wait])
            .failed(2, "usage");
    }
    let run = home.wrap(&["login", "corp", "--device", "--wait", "1s"]);
    run.failed(4, "sso-session-missing");
    assert!(
        run.took >= Duration::from_secs(1) && aws.count("CreateToken") == 1,
        "{run:#?}"
    );
}

impl RunExt for Run {
    #[track_caller]
    fn succeeded(&self) {
        assert_eq!(self.code, Some(0), "{self:#?}");
    }
}

trait RunExt {
    /// Asserts success.
    fn succeeded(&self);
}

#[cfg(target_os = "linux")]
mod at_a_terminal {
    use super::*;
    use support::terminal::Terminal;

    fn line(rest: &str) -> String {
        format!("{} {rest}", fixtures::AWSFRESH)
    }

    #[test]
    fn a_command_offers_the_sign_in_and_goes_on_after_it() {
        for (run, shows) in [
            (
                "-p corp-admin -- sh -c 'echo reads; read x; echo got $x'",
                "got typed",
            ),
            ("refresh -p corp-admin", "profile `corp-admin`"),
            ("doctor -p corp-admin", "healthy"),
        ] {
            let (_aws, home) = signed_out();
            let browser = Browser::install(&home);
            let mut terminal = Terminal::run(&home, &line(run));
            terminal.wait_for("Sign in to `corp` now?");
            terminal.type_line("");
            browser.sign_in();
            if run.contains("read") {
                // The command reads what is typed from now on, and nothing is lost to awsfresh.
                terminal.wait_for("reads\r\n");
                terminal.type_line("typed");
            }
            let (code, screen) = terminal.end();
            assert_eq!(code, Some(0), "{screen}");
            assert!(screen.contains(shows), "{run}: {screen}");
        }
    }

    #[test]
    fn no_is_an_answer_and_no_login_asks_nothing() {
        let (aws, home) = signed_out();
        let browser = Browser::install(&home);
        let mut terminal = Terminal::run(&home, &line("refresh -p corp-admin"));
        terminal.wait_for("Sign in to `corp` now?");
        terminal.type_line("n");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(4), "{screen}");
        assert!(screen.contains("[sso-session-missing]"), "{screen}");
        for run in [
            "refresh -p corp-admin --no-login",
            "--no-login -p corp-admin -- true",
            "doctor -p corp-admin --no-login",
            "doctor -p corp-admin --json",
            "credential-process -p corp-admin",
        ] {
            let (code, screen) = Terminal::run(&home, &line(run)).end();
            assert!(matches!(code, Some(4 | 125)), "{run}: {screen}");
            assert!(!screen.contains("now?"), "{run}: {screen}");
        }
        assert_eq!((browser.pages().len(), aws.count("RegisterClient")), (0, 0));
    }

    #[test]
    fn ten_commands_at_once_open_one_browser() {
        let (aws, home) = signed_out();
        let browser = Browser::install(&home);
        let mut runs: Vec<_> = (0..10)
            .map(|_| Terminal::run(&home, &line("-p corp-admin -- echo done")))
            .collect();
        let end = Instant::now() + Duration::from_secs(20);
        let asking = loop {
            if let Some(asking) = runs.iter().position(|run| run.screen().contains("now?")) {
                break asking;
            }
            assert!(Instant::now() < end, "no one is asked");
            std::thread::sleep(Duration::from_millis(5));
        };
        for (i, run) in runs.iter_mut().enumerate() {
            if i != asking {
                run.wait_for("waiting for another process that is signing in");
            }
        }
        runs[asking].type_line("y");
        browser.sign_in();
        for run in runs {
            let (code, screen) = run.end();
            assert_eq!(code, Some(0), "{screen}");
            assert!(screen.contains("done"), "{screen}");
        }
        assert_eq!((browser.pages().len(), aws.count("CreateToken")), (1, 1));
    }

    #[test]
    fn the_address_can_be_pasted() {
        let (_aws, home) = signed_out();
        let mut terminal = Terminal::run(&home, &line("login corp --no-browser"));
        terminal.wait_for("paste its address");
        let screen = terminal.screen();
        let url = screen
            .lines()
            .find_map(|line| line.trim().strip_prefix("http"))
            .unwrap();
        let redirect = get(&format!("http{url}")).location().unwrap().to_owned();
        terminal.type_line("https://example.com/?code=x&state=y");
        terminal.wait_for("this is not the address of this sign-in");
        terminal.type_line(&redirect);
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        assert!(
            screen.contains("signed in to SSO session `corp`"),
            "{screen}"
        );
        home.credentials_of("corp-admin").answer();
    }

    #[test]
    fn a_session_with_a_name_of_any_length_can_be_chosen() {
        let (_aws, home) = signed_out();
        let session = |name: &str| {
            format!("[sso-session {name}]\nsso_start_url = {START}\nsso_region = eu-west-1\n")
        };
        home.config(session("corp") + &session(&"a".repeat(70_000)));
        let mut terminal = Terminal::run(&home, &line("login"));
        terminal.wait_for("Sign in to which");
        terminal.type_line("none of them");
        let (code, screen) = terminal.end();
        assert!(!screen.contains("panicked"), "{screen:.2000}");
        assert_eq!(code, Some(2), "{screen:.2000}");
    }

    #[test]
    fn a_person_chooses_among_the_sessions() {
        let (aws, home) = signed_out();
        aws.approve_every_device();
        home.env("SSH_CONNECTION", "x");
        home.wrap(&["login", "other"]).succeeded();
        let mut terminal = Terminal::run(&home, &line("login"));
        terminal.wait_for("Sign in to which");
        let screen = terminal.screen();
        assert!(screen.contains("1  corp   not signed in"), "{screen}");
        assert!(screen.contains("2  other  signed in, "), "{screen}");
        terminal.type_line("corp");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(0), "{screen}");
        assert!(
            screen.contains("min left"),
            "the time left is shown: {screen}"
        );
        home.credentials_of("corp-admin").answer();
    }

    #[test]
    fn an_interrupt_leaves_nothing() {
        let (aws, home) = signed_out();
        let browser = Browser::install(&home);
        let mut terminal = Terminal::run(&home, &line("login corp"));
        let url = browser.page();
        terminal.wait_for("waiting for the browser");
        terminal.type_line("\u{3}");
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(130), "{screen}");
        // AWS's page still works; nothing listens for it any more.
        let redirect = get(&url).location().unwrap().to_owned();
        assert!(try_get(&redirect).is_err());
        assert_eq!(aws.count("CreateToken"), 0);
        home.credentials_of("corp-admin")
            .failed(4, "sso-session-missing");
    }
}
