//! What each form of profile means, and the error for each wrong one.

use super::super::parser::{FileKind, parse};
use super::*;

fn chain(config: &str, profile: &str) -> Result<Chain> {
    resolve(
        &ProfileSet::new(
            Some(parse("config", FileKind::Config, config.as_bytes())?),
            None,
        ),
        profile,
    )
}

const BASE: &str =
    "[profile base]\naws_access_key_id = AKIAQTESTTESTTESTTES\naws_secret_access_key = secret\n";
const ROLE: &str = "role_arn = arn:aws:iam::123456789012:role/x\n";

fn with_base(text: &str) -> Result<Chain> {
    chain(&format!("{BASE}{text}"), "p")
}

#[test]
fn roles_stack_on_their_source_base_first() {
    let c = with_base(&format!(
        "[profile m]\n{ROLE}source_profile = base\nregion = eu-west-1\n[profile \
            p]\nrole_arn = arn:aws:iam::123456789012:role/path/y\nsource_profile = m\n"
    ))
    .unwrap();
    assert!(matches!(c.base, Base::Static { .. }));
    let roles: Vec<_> = c.hops.iter().map(|h| h.role_arn.text.as_str()).collect();
    assert_eq!(
        roles,
        [
            "arn:aws:iam::123456789012:role/x",
            "arn:aws:iam::123456789012:role/path/y"
        ]
    );
    assert_eq!(c.region.unwrap().text, "eu-west-1");
}

#[test]
fn every_base_is_recognised() {
    let sso = "sso_account_id = 123456789012\nsso_role_name = r\n";
    let cases = [
        (
            format!("[profile p]\n{ROLE}credential_source = Environment"),
            "Environment",
        ),
        (
            format!("[profile p]\n{ROLE}credential_source = Ec2InstanceMetadata"),
            "InstanceMetadata",
        ),
        (
            format!("[profile p]\n{ROLE}credential_source = EcsContainer"),
            "Container",
        ),
        (
            format!("[profile p]\n{ROLE}web_identity_token_file = /t"),
            "WebIdentity",
        ),
        ("[profile p]\ncredential_process = /bin/x".into(), "Process"),
        (
            "[profile p]\nlogin_session = arn:aws:iam::1:user/a".into(),
            "LoginSession",
        ),
        (
            format!(
                "[profile p]\nsso_session = s\n{sso}[sso-session s]\nsso_start_url = \
                    https://x\nsso_region = eu-west-1"
            ),
            "Sso",
        ),
        (
            format!("[profile p]\nsso_start_url = https://x\nsso_region = eu-west-1\n{sso}"),
            "Sso",
        ),
        (
            format!(
                "[profile p]\n{ROLE}source_profile = p\naws_access_key_id = \
                    AKIAQTESTTESTTESTTES\naws_secret_access_key = s"
            ),
            "Static",
        ),
        (
            "[profile p]\ncredential_process = \"/a b/awsfresh\" credential-process --profile base"
                .into(),
            "Static",
        ),
        (
            format!(
                "[profile p]\ncredential_process = awsfresh credential-process -p \
                    p\n{ROLE}source_profile = base"
            ),
            "Static",
        ),
    ];
    for (text, wanted) in cases {
        let c = with_base(&text).unwrap_or_else(|f| panic!("{text}: {f}"));
        assert!(
            format!("{:?}", c.base).starts_with(wanted),
            "{text}: {:?}",
            c.base
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn every_wrong_profile_has_its_cause_and_place() {
    // One table: its length is the number of ways in which a profile can be wrong.
    use Cause::*;
    let keys = "aws_access_key_id = AKIAQTESTTESTTESTTES\naws_secret_access_key = s\n";
    let cases: &[(&str, Cause)] = &[
        ("", ProfileNotFound),
        ("[profile p]", SourceMissing),
        ("[profile p]\n{role}", SourceMissing),
        ("[profile p]\n{role}source_profile = missing", SourceMissing),
        (
            "[profile p]\n{role}source_profile = base\ncredential_source = Environment",
            SourceConflict,
        ),
        (
            "[profile p]\n{role}credential_source = Moon",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = q\n[profile q]\n{role}source_profile = p",
            ProfileCycle,
        ),
        ("[profile p]\n{role}source_profile = p", SourceMissing),
        (
            "[profile p]\nrole_arn = deploy\nsource_profile = base",
            ConfigMalformed,
        ),
        (
            "[profile p]\nrole_arn = arn:aws:iam::12:role/x\nsource_profile = base",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = base\nduration_seconds = 1h",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = base\nduration_seconds = 99999",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = base\nexternal_id = a b",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = base\nrole_session_name = x/y",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = base\nmfa_serial = x",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = base\nawsfresh_tags = x",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = base\nregion = us-east-1a",
            RegionInvalid,
        ),
        (
            "[profile p]\n{role}source_profile = base\nregion = \"us-east-1\"",
            RegionInvalid,
        ),
        (
            "[profile p]\n{role}source_profile = base\nservices = none",
            ConfigMalformed,
        ),
        (
            "[profile p]\n{role}source_profile = base\n{role}role_arn = \
                arn:aws:iam::123456789012:role/other",
            ConfigDuplicate,
        ),
        (
            "[profile p]\n{keys}credential_process = /bin/x",
            SourceConflict,
        ),
        ("[profile p]\n{keys}sso_account_id = 1", SourceConflict),
        (
            "[profile p]\ncredential_process = x\nsso_account_id = 1",
            SourceConflict,
        ),
        (
            "[profile p]\nlogin_session = x\ncredential_process = x",
            SourceConflict,
        ),
        (
            "[profile p]\naws_access_key_id = AKIAQTESTTESTTESTTES",
            SourceMissing,
        ),
        ("[profile p]\naws_secret_access_key = s", SourceMissing),
        (
            "[profile p]\naws_access_key_id = AKIA\naws_secret_access_key = s",
            KeyIdMalformed,
        ),
        (
            "[profile p]\naws_access_key_id = \
                wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\naws_secret_access_key = AKIAQTESTTESTTESTTES",
            KeyAndSecretSwapped,
        ),
        (
            "[profile p]\naws_access_key_id = ASIAQTESTTESTTESTTES\naws_secret_access_key = s",
            TemporaryKeyWithoutToken,
        ),
        (
            "[profile p]\naws_access_key_id = AKIAQTESTTESTTEST ES\naws_secret_access_key = s",
            HiddenCharacters,
        ),
        (
            "[profile p]\naws_access_key_id = AKIAQTESTTESTTESTTES\naws_secret_access_key = \
                s\n  more",
            HiddenCharacters,
        ),
        (
            "[profile p]\naws_access_key_id = AKIAQTESTTESTTESTTES\naws_secret_access_key = \
                s\u{a0}x",
            HiddenCharacters,
        ),
        ("[profile p]\ncredential_process = a\0b", HiddenCharacters),
        (
            "[profile p]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r",
            SourceMissing,
        ),
        ("[profile p]\nsso_account_id = 1", ConfigMalformed),
        (
            "[profile p]\nsso_start_url = https://u\nsso_region = eu-west-1\nsso_role_name \
                = r\nsso_account_id = \"123456789012\"",
            ConfigMalformed,
        ),
        (
            "[profile p]\nrole_arn = \
                arn:aws:iam::123456789012:role/x\u{200b}\nsource_profile = base",
            HiddenCharacters,
        ),
        (
            "[profile p]\naws_access_key_id = AKIAQTESTTESTTESTTES\naws_secret_access_key = \"s\"",
            ConfigMalformed,
        ),
        (
            "[profile p]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = \
                r\nsso_region = us-east-1\n[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://u",
            SourceConflict,
        ),
        ("[profile p]\nweb_identity_token_file = /t", SourceMissing),
        (
            "[profile p]\ncredential_process = /x/awsfresh credential-process --profile p",
            ProcessSelfRecursion,
        ),
        (
            "[profile p]\ncredential_process = /x/awsfresh credential-process",
            ProcessSelfRecursion,
        ),
        (
            "[profile p]\ncredential_process = awsfresh credential-process \
                --profile=q\n[profile q]\ncredential_process = awsfresh credential-process -p p",
            ProcessSelfRecursion,
        ),
        ("[profile p]\nnonsense", ConfigMalformed),
    ];
    for (text, cause) in cases {
        let text = text.replace("{role}", ROLE).replace("{keys}", keys);
        let finding = with_base(&text).map(|_| ()).unwrap_err();
        assert_eq!(finding.cause, *cause, "{text}: {finding}");
        assert!(!finding.remedy.is_empty(), "no next step: {finding}");
        let placed = matches!(cause, ProfileNotFound)
            || finding.evidence.iter().any(|e| e.contains("config:"));
        assert!(placed, "no place: {finding}");
        assert!(
            !finding.to_string().contains("wJalr") && finding.summary.contains("profile `p`"),
            "{finding}"
        );
    }
}

#[test]
fn chains_have_an_end() {
    let deep: String = (0..50)
        .map(|i| format!("[profile p{i}]\n{ROLE}source_profile = p{}\n", i + 1))
        .collect();
    assert_eq!(
        chain(&deep, "p0").unwrap_err().cause,
        Cause::ConfigMalformed
    );
}

#[test]
fn a_broken_neighbour_is_no_problem() {
    assert!(
        chain(
            &format!("{BASE}[profile other]\nnonsense\nrole_arn = 1\nrole_arn = 2\n"),
            "base"
        )
        .is_ok()
    );
}

#[test]
fn services_beat_the_profiles_endpoint() {
    let c = with_base(&format!(
        "[profile p]\n{ROLE}source_profile = base\nendpoint_url = http://all\nservices = \
        v\n[services v]\nsts =\n  endpoint_url = http://sts\n"
    ))
    .unwrap();
    assert_eq!(
        (
            c.network.sts_endpoint_url.unwrap().text.as_str(),
            c.network.endpoint_url.unwrap().text.as_str()
        ),
        ("http://sts", "http://all")
    );
}

#[test]
fn keys_that_were_meant_to_be_others_are_named() {
    let credentials = |text: &str| {
        let file = parse("credentials", FileKind::Credentials, text.as_bytes()).unwrap();
        resolve(&ProfileSet::new(None, Some(file)), "p").unwrap_err()
    };
    for (text, remedy) in [
        (
            "[p]\nexport AWS_ACCESS_KEY_ID=x\n",
            "write aws_access_key_id at credentials:2",
        ),
        (
            "[p]\naws-secret-key = x\n",
            "write aws_secret_access_key at credentials:2",
        ),
        (
            "[p]\naws_access_key_id =\n",
            "aws_access_key_id = VALUE at credentials:2",
        ),
        (
            "[p]\naws_access_key_id = AKIAQCANARYCANARYCAN\nsecret_key = x\n",
            "write aws_secret_access_key at credentials:3",
        ),
        (
            "[p]\nregion = eu-west-1\n",
            "add role_arn with source_profile, sso_session, credential_process or keys",
        ),
    ] {
        assert_eq!(*credentials(text).remedy[0], *remedy, "{text}");
    }
}
