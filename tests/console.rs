//! `console`: which address opens for each source and partition, and what happens where none can.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use std::collections::BTreeMap;

use support::browser::{Browser, get};
use support::double::{Double, Fault, Proxy};
use support::fixtures::{
    self, ACCOUNT, KEY, ROLE, SECRET, START, USER, keys_of, open_role, role_on_keys, signed_in,
    through_proxy,
};
use support::sandbox::{Run, Sandbox};

/// The user of [`KEY`], a role in every partition, and a home that reaches the double under AWS's
/// own host names.
fn stage(arn: &str, region: &str) -> (Double, Sandbox, Proxy) {
    let aws = Double::start();
    aws.add_user(KEY, SECRET, USER);
    aws.add_role(open_role(arn, None));
    let home = fixtures::home(&aws);
    home.secret(SECRET)
        .credentials(keys_of("base", KEY, SECRET));
    home.config(format!(
        "[profile deploy]\nrole_arn = {arn}\nsource_profile = base\nregion = {region}\n"
    ));
    let proxy = through_proxy(&aws, &home);
    (aws, home, proxy)
}

fn default_stage() -> (Double, Sandbox, Proxy) {
    stage(ROLE, "eu-west-1")
}

/// The host and the parameters of an address, which contains no secret of its own.
fn parts(url: &str) -> (String, BTreeMap<String, String>) {
    let (address, query) = url.trim_end().split_once('?').unwrap();
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    (address.to_owned(), pairs.collect())
}

/// The page that a printed address of the federation endpoint opens.
fn page(aws: &Double, run: &Run) -> (String, String) {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let (address, query) = parts(&run.stdout);
    assert_eq!(query["Action"], "login");
    assert_eq!(Some(&query["SigninToken"]), aws.signin_tokens().last());
    (address, query["Destination"].clone())
}

/// The parameters of the last request for a sign-in token.
fn requested(aws: &Double) -> (String, BTreeMap<String, String>) {
    let calls = aws.calls();
    let call = calls.iter().rfind(|call| call.action == "getSigninToken");
    let call = call.unwrap();
    (call.host.clone(), call.params.clone())
}

#[test]
fn every_partition_has_its_hosts() {
    for (partition, region, signin, console) in [
        (
            "aws",
            "eu-west-1",
            "signin.aws.amazon.com",
            "console.aws.amazon.com",
        ),
        (
            "aws-cn",
            "cn-north-1",
            "signin.amazonaws.cn",
            "console.amazonaws.cn",
        ),
        (
            "aws-us-gov",
            "us-gov-west-1",
            "signin.amazonaws-us-gov.com",
            "console.amazonaws-us-gov.com",
        ),
        (
            "aws-eusc",
            "eusc-de-east-1",
            "eusc-de-east-1.signin.amazonaws-eusc.eu",
            "eusc-de-east-1.console.amazonaws-eusc.eu",
        ),
    ] {
        let arn = format!("arn:{partition}:iam::222222222222:role/deploy");
        let (aws, home, _proxy) = stage(&arn, region);
        let run = home.run(&["console", "-p", "deploy", "--print", "--service", "s3"]);
        let wanted = (
            format!("https://{signin}/federation"),
            format!("https://{console}/s3/home?region={region}"),
        );
        assert_eq!(page(&aws, &run), wanted);
        assert_eq!(requested(&aws).0, signin);
        for token in aws.signin_tokens() {
            home.secret(&token);
        }
        home.assert_no_secret_on_disk();
    }
    let (aws, home, _proxy) = stage("arn:aws-iso:iam::222222222222:role/deploy", "us-iso-east-1");
    home.run(&["console", "-p", "deploy", "--print"])
        .failed(2, "usage");
    assert!(aws.calls().is_empty());
}

#[test]
fn the_region_of_the_page_is_that_of_the_option_the_environment_or_the_profile() {
    let (aws, home, _proxy) = default_stage();
    let destination = |args: &[&str]| {
        let args = [&["console", "-p", "deploy", "--print"], args].concat();
        page(&aws, &home.run(&args)).1
    };
    let first = "https://console.aws.amazon.com/console/home?region=";
    assert_eq!(destination(&[]), format!("{first}eu-west-1"));
    home.env("AWS_REGION", "us-east-2");
    assert_eq!(destination(&[]), format!("{first}us-east-2"));
    assert_eq!(
        destination(&["--region", "eu-north-1"]),
        format!("{first}eu-north-1")
    );
    let wrong = [
        "console",
        "-p",
        "deploy",
        "--print",
        "--region",
        "cn-north-1",
    ];
    home.run(&wrong).failed(5, "wrong-partition");
    home.run(&["console", "--region", "eu-west"])
        .failed(2, "usage");
    home.run(&["console", "--service", "s3?x=1"])
        .failed(2, "usage");
}

/// AWS rejects a duration of the console's session for a role that was assumed with a session.
#[test]
fn a_duration_is_sent_for_a_role_on_long_term_keys_alone() {
    let (aws, home, _proxy) = default_stage();
    let second = "arn:aws:iam::333333333333:role/second";
    let mut role = open_role(ROLE, None);
    role.max_session = 43_200;
    aws.add_role(role);
    aws.add_role(open_role(second, None));
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n\
         duration_seconds = 7200\n\
         [profile second]\nrole_arn = {second}\nsource_profile = deploy\nduration_seconds = 3600\n"
    ));
    let duration = |profile: &str| {
        page(&aws, &home.run(&["console", "-p", profile, "--print"]));
        requested(&aws).1.get("SessionDuration").cloned()
    };
    assert_eq!(duration("deploy").as_deref(), Some("7200"));
    assert_eq!(duration("second"), None);
}

/// The portal signs in by itself: no credentials and no request are needed.
#[test]
fn a_profile_of_sso_opens_through_the_portal() {
    let (aws, home, _) = signed_in(-60);
    let portal = format!("{START}/#/console?account_id={ACCOUNT}&role_name=Admin");
    let print = |args: &[&str]| {
        let args = [&["console", "-p", "admin", "--print"], args].concat();
        home.run(&args).stdout
    };
    assert_eq!(print(&[]), format!("{portal}\n"));
    let page = "https%3A%2F%2Fconsole.aws.amazon.com%2Fec2%2Fhome%3Fregion%3Deu-west-1";
    let wanted = format!("{portal}&destination={page}\n");
    assert_eq!(
        print(&["--service", "ec2", "--region", "eu-west-1"]),
        wanted
    );
    let browser = Browser::install(&home);
    assert_eq!(home.run(&["console", "-p", "admin"]).code, Some(0));
    assert_eq!(browser.page(), portal);
    assert!(aws.calls().is_empty());
}

/// A role behind SSO is not in the portal.
#[test]
fn a_role_behind_sso_opens_by_federation() {
    let (aws, home, _) = signed_in(3600);
    aws.add_role(open_role(ROLE, None));
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    home.config(format!(
        "{config}[profile behind]\nrole_arn = {ROLE}\nsource_profile = admin\n\
         duration_seconds = 3600\n"
    ));
    let _proxy = through_proxy(&aws, &home);
    page(&aws, &home.run(&["console", "-p", "behind", "--print"]));
    assert!(!requested(&aws).1.contains_key("SessionDuration"));
}

/// Other users can read the arguments of a browser.
#[test]
fn a_browser_gets_the_address_by_a_redirect_that_works_once() {
    let (aws, home, _proxy) = default_stage();
    let browser = Browser::install(&home);
    let child = home.start(&["console", "-p", "deploy", "-v"]);
    let local = browser.page();
    assert!(local.starts_with("http://127.0.0.1:"), "{local}");
    let (base, path) = local.rsplit_once('/').unwrap();
    assert_eq!(get(&format!("{base}/favicon.ico")).status, 404);
    // A connection on which nothing is sent, as browsers open them.
    let host = base.strip_prefix("http://").unwrap();
    let _silent = std::net::TcpStream::connect(host).unwrap();
    let foreign = format!("GET /{path} HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_eq!(
        support::browser::request(host, &foreign).unwrap().status,
        404
    );
    let redirect = get(&local);
    assert_eq!(redirect.status, 302);
    let location = redirect.head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location").then_some(value)
    });
    let (_, query) = parts(location.unwrap());
    let token = aws.signin_tokens().pop().unwrap();
    assert_eq!(query["SigninToken"], token);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        !stderr.contains(&token) && !stderr.contains("SigninToken"),
        "{stderr}"
    );
    assert!(
        stderr.contains("the console of profile `deploy`"),
        "{stderr}"
    );
    home.secret(&token).assert_no_secret_below(".local");
}

#[test]
fn without_a_browser_nothing_is_requested() {
    let (aws, home, _proxy) = default_stage();
    home.env("SSH_CONNECTION", "1 2 3 4");
    let run = home.run(&["console", "-p", "deploy"]);
    run.failed(2, "usage");
    assert!(
        run.stderr.contains("this is an SSH session"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("add --print"), "{}", run.stderr);
    assert!(aws.calls().is_empty());
    home.run(&["console", "-p", "deploy", "--browser", "/nonexistent"])
        .failed(2, "usage");
}

#[test]
fn keys_of_a_user_cannot_sign_in() {
    let (aws, home, _proxy) = default_stage();
    let far = 3_000_000_000;
    aws.add_session(
        "ASIAQTESTTESTTESTTES",
        SECRET,
        &fixtures::lab_token(),
        USER,
        far,
    );
    let session = format!("aws_session_token = {}\n", fixtures::lab_token());
    let session = keys_of("session", "ASIAQTESTTESTTESTTES", SECRET) + &session;
    home.credentials(keys_of("base", KEY, SECRET) + &session);
    for profile in ["base", "session"] {
        let run = home.run(&["console", "-p", profile, "--print"]);
        run.failed(2, "usage");
        let first = run.stderr.lines().next().unwrap();
        assert!(
            first.contains("has the keys of a user, not of a role"),
            "{first}"
        );
        assert!(run.stderr.contains("role_arn"), "{}", run.stderr);
    }
    assert_eq!(aws.count("getSigninToken"), 0);
}

#[test]
fn what_goes_wrong_is_told_apart() {
    let (aws, home, proxy) = default_stage();
    let console = || home.run(&["console", "-p", "deploy", "--print", "-v"]);
    let page = |status, body: &str| Fault::Raw {
        status,
        headers: vec![("Content-Type", "text/html".into())],
        body: body.into(),
    };
    let html = "<html>Sign in to the network</html>";
    let redirect = Fault::Raw {
        status: 302,
        headers: vec![("Location", "https://portal.example/".into())],
        body: String::new(),
    };
    for (fault, code, cause) in [
        (
            page(400, "HTTP Status 400 - Invalid credentials parameter"),
            6,
            "permission-denied",
        ),
        (page(403, "Forbidden"), 6, "permission-denied"),
        (page(200, html), 7, "captive-portal"),
        (page(200, "{\"SigninToken\":\"\"}"), 7, "captive-portal"),
        (redirect, 7, "captive-portal"),
        (page(407, html), 7, "proxy-misconfigured"),
        (page(429, html), 7, "throttled"),
        (page(503, html), 7, "aws-unavailable"),
        (Fault::Drop, 7, "connect-timeout"),
    ] {
        aws.heal();
        aws.fault_on("getSigninToken", fault);
        console().failed(code, cause);
    }
    aws.heal();
    // The role was deleted after its credentials were cached: STS says so.
    aws.remove_role(ROLE);
    let run = console();
    assert!(run.code == Some(5), "{run:?}");
    aws.add_role(open_role(ROLE, None));
    drop(proxy);
    home.env("HTTPS_PROXY", "http://127.0.0.1:9");
    console().failed(7, "proxy-misconfigured");
    home.assert_no_secret_below(".local");
}

/// The endpoint may quote what it was sent.
#[test]
fn credentials_that_the_endpoint_quotes_are_not_shown() {
    let (aws, home, _proxy) = default_stage();
    home.credentials_of("deploy").answer(); // its secrets are searched for from here on
    let form = support::double::echo::Form::Plain;
    for status in [400, 500] {
        let more = Vec::new();
        let echo = Fault::Echo {
            status,
            code: "x".into(),
            form,
            more,
        };
        aws.fault_on("getSigninToken", echo);
        let run = home.run(&["console", "-p", "deploy", "--print", "-v"]);
        assert_ne!(run.code, Some(0));
    }
    home.assert_no_secret_below(".local");
}

#[test]
fn a_failure_of_the_chain_is_that_of_every_subcommand() {
    let (aws, home) = role_on_keys(None);
    aws.remove_role(ROLE);
    home.run(&["console", "-p", "deploy", "--print"])
        .failed(6, "assume-role-denied");
    home.run(&["console", "-p", "nothing", "--print"])
        .failed(3, "profile-not-found");
}
