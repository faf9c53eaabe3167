//! A process that asks again within seconds: AWS may have rejected what it got.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use support::double::Fault;
use support::fixtures::role_on_keys;

#[test]
fn credentials_that_aws_has_rejected_are_not_given_twice() {
    let (aws, home) = role_on_keys(None);
    let first = home.credentials_of("deploy").answer();
    assert_eq!(
        aws.count("GetCallerIdentity"),
        0,
        "the first call is not verified"
    );
    aws.forget_sessions();
    let second = home.credentials_of("deploy").answer();
    assert_ne!(first["AccessKeyId"], second["AccessKeyId"]);
    assert_eq!(
        (aws.count("GetCallerIdentity"), aws.count("AssumeRole")),
        (1, 2)
    );
    assert_eq!(home.credentials_of("deploy").answer(), second);
    assert_eq!(aws.count("GetCallerIdentity"), 1, "once a minute");
}

#[test]
fn valid_credentials_are_verified_once() {
    let (aws, home) = role_on_keys(None);
    let first = home.credentials_of("deploy").answer();
    for _ in 0..5 {
        assert_eq!(home.credentials_of("deploy").answer(), first);
    }
    assert_eq!(
        (aws.count("GetCallerIdentity"), aws.count("AssumeRole")),
        (1, 1)
    );
}

/// Each program on its own has another process ID.
#[test]
fn other_callers_are_not_suspicious() {
    let (aws, home) = role_on_keys(None);
    let ask = format!(
        "{} credential-process -p deploy; true",
        support::fixtures::AWSFRESH
    );
    for _ in 0..5 {
        assert!(home.shell(&ask).contains("AccessKeyId"));
    }
    assert_eq!(
        (aws.count("GetCallerIdentity"), aws.count("AssumeRole")),
        (0, 1)
    );
}

#[test]
fn a_verification_that_fails_withholds_nothing() {
    let (aws, home) = role_on_keys(None);
    let first = home.credentials_of("deploy").answer();
    aws.fault(Fault::Hang);
    let again = home.credentials_of("deploy");
    assert_eq!(again.answer(), first);
    assert!(
        again.took < std::time::Duration::from_secs(3),
        "{:?}",
        again.took
    );
}
