//! How many connections a cold call opens, to which hosts, and when: counted, because times depend on
//! the machine. `benches/cold.py` measures the times.
#![allow(clippy::unwrap_used)]

mod support;

use std::fmt::Write;
use std::time::Duration;

use support::double::{Double, Fault, Tunnel};
use support::fixtures::{ACCOUNT, ROLE, open_role, role_on_keys, signed_in, through_proxy};
use support::sandbox::Sandbox;

const STS: &str = "sts.eu-west-1.amazonaws.com";
const PORTAL: &str = "portal.sso.eu-west-1.amazonaws.com";
const SLOW: Fault = Fault::Latency(Duration::from_secs(1));

/// The config of a chain of `hops` roles on `source`; the last one is the profile `chain`.
fn chain(aws: &Double, hops: usize, source: &str) -> String {
    let (mut text, mut source) = (String::new(), source.to_owned());
    for n in 1..=hops {
        let arn = format!("{ROLE}{n}");
        aws.add_role(open_role(&arn, None));
        let name = if n == hops {
            "chain".to_owned()
        } else {
            format!("hop{n}")
        };
        let _ = write!(
            text,
            "[profile {name}]\nrole_arn = {arn}\nsource_profile = {source}\nregion = eu-west-1\n"
        );
        source = name;
    }
    text
}

/// A home of a user who is signed in, with a role on the permission set, behind a proxy.
fn role_on_sso(left: i64) -> (Double, Sandbox) {
    let (aws, home, _) = signed_in(left);
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    home.config(format!("{config}{}", chain(&aws, 1, "admin")));
    through_proxy(&aws, &home);
    home.env("AWSFRESH_TIMEOUT", "20");
    (aws, home)
}

/// Sorted: of two that are opened at once, either may come first.
fn hosts(tunnels: &[Tunnel]) -> Vec<&str> {
    let mut hosts: Vec<_> = tunnels.iter().map(|tunnel| tunnel.host.as_str()).collect();
    hosts.sort_unstable();
    hosts
}

/// How many connections had to wait until this many requests were answered.
fn late(tunnels: &[Tunnel], answered: usize) -> usize {
    tunnels
        .iter()
        .filter(|tunnel| tunnel.answered >= answered)
        .count()
}

#[test]
fn a_chain_of_roles_takes_one_connection() {
    let (aws, home) = role_on_keys(None);
    home.config(chain(&aws, 3, "base"));
    through_proxy(&aws, &home);
    home.credentials_of("chain");
    assert_eq!(aws.count("AssumeRole"), 3);
    assert_eq!(hosts(&aws.tunnels()), [STS]);
}

#[test]
fn sts_is_connected_to_while_the_portal_still_answers() {
    let (aws, home) = role_on_sso(3600);
    aws.fault_on("GetRoleCredentials", SLOW);
    home.credentials_of("chain");
    let tunnels = aws.tunnels();
    assert_eq!(hosts(&tunnels), [PORTAL, STS]);
    assert_eq!(late(&tunnels, 1), 0, "STS had to wait for the portal");
    // A connection that is opened ahead sends nothing of its own.
    let calls = aws.calls();
    let calls: Vec<_> = calls.iter().map(|call| call.action.as_str()).collect();
    assert_eq!(calls, ["GetRoleCredentials", "AssumeRole"]);
}

#[test]
fn portal_and_sts_are_connected_to_while_the_token_is_refreshed() {
    let (aws, home) = role_on_sso(-60);
    aws.fault_on("CreateToken", SLOW);
    home.credentials_of("chain");
    let tunnels = aws.tunnels();
    assert_eq!(tunnels.len(), 3, "{tunnels:?}");
    assert_eq!(late(&tunnels, 1), 0, "{tunnels:?}");
    assert_eq!(aws.count("CreateToken"), 1);
}

#[test]
fn roles_in_two_regions_take_a_connection_each() {
    let (aws, home) = role_on_keys(None);
    let config = chain(&aws, 2, "base");
    let (first, last) = config.split_at(config.rfind("[profile").unwrap());
    home.config(format!("{first}{}", last.replace("eu-west-1", "us-east-2")));
    through_proxy(&aws, &home);
    home.env("AWSFRESH_TIMEOUT", "20");
    aws.fault_on("AssumeRole", SLOW);
    home.credentials_of("chain");
    let tunnels = aws.tunnels();
    assert_eq!(hosts(&tunnels), [STS, "sts.us-east-2.amazonaws.com"]);
    assert_eq!(late(&tunnels, 1), 0, "one region had to wait for the other");
}

#[test]
fn a_connection_that_was_closed_without_a_word_is_replaced() {
    let (aws, home) = role_on_keys(None);
    home.config(chain(&aws, 3, "base"));
    through_proxy(&aws, &home);
    aws.fault_on("AssumeRole", Fault::Closing);
    home.credentials_of("chain");
    assert_eq!(aws.count("AssumeRole"), 3);
    assert_eq!(hosts(&aws.tunnels()), [STS; 3]);
}

#[test]
fn a_host_that_is_asked_next_and_does_not_respond_costs_the_one_before_nothing() {
    let (aws, home) = role_on_sso(3600);
    home.env("NO_PROXY", STS).env("AWSFRESH_TIMEOUT", "3");
    // A name that does not resolve here, or an address that the CA bundle does not fit.
    home.wrap(&["credential-process", "-p", "chain"]);
    home.credentials_of("admin");
    assert_eq!(aws.count("GetRoleCredentials"), 1, "it was not kept");
}

#[test]
fn roles_that_are_renewed_side_by_side_share_their_base_and_their_connections() {
    let (aws, home, _) = signed_in(3600);
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    let mut profiles = config
        .replace("[profile typo]", "[profile again]")
        .replace("= admin\n", "= Admin\n");
    for n in 0..30 {
        let arn = format!("{ROLE}{n}");
        aws.add_role(open_role(&arn, None));
        let _ = write!(
            profiles,
            "[profile role{n}]\nrole_arn = {arn}\nsource_profile = admin\nregion = eu-west-1\n"
        );
    }
    home.config(profiles);
    through_proxy(&aws, &home);
    let run = home.run(&["refresh", "--all"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(aws.count("AssumeRole"), 30);
    // One for each role of the account, `admin` being the base of thirty others.
    assert_eq!(aws.count("GetRoleCredentials"), 2, "of {ACCOUNT}");
    let tunnels = aws.tunnels();
    let to_sts = hosts(&tunnels).iter().filter(|host| **host == STS).count();
    // A request that begins before a connection is free again opens one more.
    assert!(
        to_sts <= 20,
        "{to_sts} connections to STS for 8 requests at once"
    );
}
