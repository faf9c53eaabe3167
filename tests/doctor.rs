//! `doctor`: its time limit, its search through lists, and its effect on the cache.
//! tests/diagnosis.rs tests the diagnoses.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]
#![cfg(unix)]

mod support;

use serde_json::Value;
use support::double::{Double, clock};
use support::fixtures::{self, KEY, LAB_SECRET, ROLE, role_on_keys, sso_cache};

/// The proxy accepts connections and never answers.
#[test]
fn a_network_that_never_answers_is_reported_in_time() {
    let aws = Double::start();
    let hole = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = fixtures::home(&aws);
    home.unset("AWS_ENDPOINT_URL").env(
        "HTTPS_PROXY",
        &format!("http://{}", hole.local_addr().unwrap()),
    );
    home.secret(LAB_SECRET).config(
        "[sso-session corp]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-west-1\n\
         [profile dev]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 444444444444\n\
         sso_role_name = Admin\n",
    );
    let expires = clock::rfc3339(clock::now() + 3600);
    home.file(
        &sso_cache("corp"),
        format!(r#"{{"accessToken": "a", "expiresAt": "{expires}"}}"#),
    );
    let run = home
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", LAB_SECRET)
        .wrap(&["doctor", "-p", "dev"]);
    assert_eq!(run.code, Some(7), "{run:?}");
    assert!(
        run.took < std::time::Duration::from_millis(4500),
        "{:?}",
        run.took
    );
    for host in ["sts.eu-west-1", "oidc.eu-west-1", "portal.sso.eu-west-1"] {
        assert!(
            run.stdout.contains(&format!(
                "✗ network      {host}.amazonaws.com does not respond in time"
            )),
            "{}",
            run.stdout
        );
    }
}

/// The portal lists 100 accounts per page.
#[test]
fn all_pages_of_the_account_list_are_searched() {
    let aws = Double::start();
    let home = fixtures::home(&aws);
    let start_url = "https://corp.awsapps.com/start";
    let (id, secret) = ("client".to_owned(), "client-secret".to_owned());
    aws.add_sso(support::double::SsoSession {
        start_url: start_url.into(),
        access_token: "sso-access".into(),
        refresh_token: None,
        client_id: id,
        client_secret: secret,
        token_expires: clock::now() + 3600,
        user: "ann".into(),
        assignments: (0..250)
            .map(|n| {
                (
                    format!("{:012}", 111_111_111_000u64 + n),
                    "Admin".to_owned(),
                )
            })
            .collect(),
        role_lifetime: 3600,
    });
    let expires = clock::rfc3339(clock::now() + 3600);
    home.file(
        &sso_cache("corp"),
        format!(r#"{{"accessToken": "sso-access", "expiresAt": "{expires}"}}"#),
    );
    let seen = |account: &str, role: &str| {
        home.config(format!(
            "[sso-session corp]\nsso_start_url = {start_url}\nsso_region = eu-west-1\n\
             [profile dev]\nsso_session = corp\nsso_account_id = {account}\n\
             sso_role_name = {role}\n"
        ));
        let report: Value =
            serde_json::from_str(&home.wrap(&["doctor", "--json", "-p", "dev"]).stdout).unwrap();
        assert_eq!(
            report["findings"][0]["cause"], "sso-access-removed",
            "{report:#}"
        );
        let evidence = report["findings"][0]["evidence"].as_array().unwrap();
        evidence
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(seen("111111111300", "Admin").contains("(account-111111111009) and 240 more"));
    assert!(
        seen("111111111249", "admin").contains("in account 111111111249 this user has: Admin\n")
    );
    assert_eq!(aws.count("ListAccounts"), 6);
}

#[test]
fn a_session_that_aws_revoked_is_not_used_again() {
    let (aws, home) = role_on_keys(None);
    let key = || home.credentials_of("deploy").answer()["AccessKeyId"].clone();
    let first = key();
    aws.forget_sessions();
    assert_eq!(
        home.wrap(&["doctor", "-p", "deploy"]).code,
        Some(0),
        "doctor got no new session"
    );
    assert_ne!(key(), first);
    // The old session is removed even if AWS issues no new one.
    aws.remove_role(ROLE);
    assert_eq!(home.wrap(&["doctor", "-p", "deploy"]).code, Some(5));
    home.credentials_of("deploy")
        .failed(6, "assume-role-denied");
}

/// Where there is no profile, a list of profiles is no next step.
#[test]
fn in_an_empty_home_the_next_step_is_a_set_up() {
    let home = fixtures::offline_home();
    let steps = |text: &str| -> Vec<String> {
        let steps = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("try: "));
        steps.map(|step| step.trim().to_owned()).collect()
    };
    let commands: [&[&str]; 5] = [
        &["doctor"],
        &["credential-process"],
        &["-p", "prod", "--", "true"],
        &["status"],
        &["login", "--all"],
    ];
    for args in commands {
        let run = home.wrap(args);
        let steps = steps(&format!("{}{}", run.stdout, run.stderr));
        let set_up = |step: &String| step.contains("awsfresh setup --sso NAME --start-url URL");
        assert!(steps.iter().any(set_up), "{args:?}: {steps:?}");
        let lists = |step: &String| step.contains("awsfresh status");
        assert!(!steps.iter().any(lists), "{args:?}: {steps:?}");
    }
    // No person signs in there.
    home.env("GITHUB_ACTIONS", "true");
    let steps = steps(&home.wrap(&["doctor"]).stdout);
    assert!(steps[0].starts_with("permissions: "), "{steps:?}");
    assert!(
        !steps.iter().any(|step| step.contains("awsfresh")),
        "{steps:?}"
    );
}
