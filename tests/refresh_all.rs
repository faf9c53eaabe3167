//! `refresh --all`: each credential once, side by side.
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write;
use std::time::Duration;

use support::double::Fault;
use support::fixtures::{ROLE, open_role, role_on_keys, signed_in};
use support::sandbox::Sandbox;

fn all(home: &Sandbox) -> support::sandbox::Run {
    home.run(&["refresh", "--all"])
}

/// The sections of profiles `p0`, `p1`, ...
fn profiles(count: usize, body: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, i| {
        let _ = write!(text, "[profile p{i}]\nregion = eu-west-1\n{}\n", body(i));
        text
    })
}

#[test]
fn sixty_roles_are_renewed_each_with_its_own_deadline() {
    let (aws, home) = role_on_keys(None);
    let arn = |i: usize| format!("{ROLE}{i}");
    (0..60).for_each(|i| aws.add_role(open_role(&arn(i), None)));
    home.config(profiles(60, |i| {
        format!("role_arn = {}\nsource_profile = base", arn(i))
    }));
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let run = all(&home);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(aws.count("AssumeRole"), 60);
    assert_eq!(
        run.stderr.matches("profile `p").count(),
        60,
        "{}",
        run.stderr
    );
    assert!(
        run.took < Duration::from_millis(150 * 60),
        "one after the other: {:?}",
        run.took
    );
}

#[test]
fn profiles_with_the_same_credentials_cost_one_call() {
    let (aws, home) = role_on_keys(None);
    home.config(profiles(8, |_| {
        format!("role_arn = {ROLE}\nsource_profile = base")
    }));
    let run = all(&home);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(aws.count("AssumeRole"), 1);
    assert_eq!(
        run.stderr.matches("profile `p").count(),
        8,
        "{}",
        run.stderr
    );
}

#[test]
fn profiles_behind_one_session_refresh_its_token_once() {
    let (aws, home, _) = signed_in(-60);
    let run = all(&home);
    run.failed(6, "sso-access-removed");
    assert_eq!(
        (aws.count("CreateToken"), aws.count("GetRoleCredentials")),
        (1, 3)
    );
}

#[test]
fn one_failure_is_shown_once_for_all_profiles() {
    let (aws, home, _) = signed_in(-60);
    aws.revoke_sso(support::fixtures::START);
    let run = all(&home);
    run.failed(4, "sso-session-expired");
    assert_eq!(
        run.stderr.matches("[sso-session-expired]").count(),
        1,
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("the same for "), "{}", run.stderr);
    assert_eq!(aws.count("CreateToken"), 1);
}
