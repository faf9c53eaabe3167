//! Whether the user's tools get the credentials, not only awsfresh: what each family of them reads
//! differently. Sources: the SDKs themselves, and
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.

use crate::aws::names::is_role_arn;
use crate::config::{Base, Profile};
use crate::doctor::environment_keys::in_environment;
use crate::doctor::facts::Facts;
use crate::finding::{Cause, Finding, Origin, Subject, Tool, profile_option, remedy};
use crate::time::Timestamp;
use crate::world::SelectedBy;

/// Both use the parser and the settings of botocore.
const PYTHON: [Tool; 2] = [Tool::Cli, Tool::Python];

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let of_profile = [
        source_without_role,
        tilde_in_token_file,
        stray_sso,
        own_source,
    ];
    let of_sections = [spaces_in_header, not_nested, keys_in_capitals];
    let mut found: Vec<Finding> = facts
        .profiles()
        .flat_map(|profile| of_profile.iter().filter_map(|check| check(facts, profile)))
        .collect();
    found.extend(
        facts
            .profiles()
            .flat_map(|profile| of_sections.iter().filter_map(|check| check(profile))),
    );
    found.extend(facts.ca_problems.iter().cloned());
    let of_environment = [
        old_variables,
        empty_profile,
        default_profile_variable,
        unreadable_expiration,
        tilde_in_file_variable,
        role_variable,
        upper_default,
        without_home,
    ];
    found.extend(of_environment.iter().filter_map(|check| check(facts)));
    found
}

/// `AWS_ACCESS_KEY` and `AWS_SECRET_KEY`: both SDKs for Go and the first one for Java read them.
/// <https://github.com/aws/aws-sdk-go-v2/blob/main/config/env_config.go>
fn old_variables(facts: &Facts) -> Option<Finding> {
    let env = &facts.environment;
    let has = |name: &str| env.misnamed.iter().any(|other| other == name);
    let chain = facts.chain.as_ref().ok()?; // else a remark in the finding about that
    if !has("AWS_ACCESS_KEY") || !has("AWS_SECRET_KEY") || env.id.is_some() {
        return None;
    }
    let name = &chain.profile;
    let summary = format!("AWS_ACCESS_KEY overrides profile `{name}` in Go and old Java programs");
    Some(
        Finding::new(Cause::EnvShadowsProfile, summary)
            .about_profile(name)
            .about(Subject::Environment)
            .evidence("the environment variables AWS_ACCESS_KEY and AWS_SECRET_KEY")
            .evidence("Terraform and other Go programs read them like AWS_ACCESS_KEY_ID")
            .remedy("unset AWS_ACCESS_KEY AWS_SECRET_KEY")
            .remedy(remedy!(
                "or awsfresh {} -- COMMAND",
                profile_option("-p", name)
            ))
            .fails_in(&[Tool::Go, Tool::Java])
            .warning(),
    )
}

/// `credential_source` is for assuming a role. The first SDK for Go rejects a profile that has it
/// alone; botocore and the SDKs for Java and JavaScript look for other sources then.
/// <https://github.com/hashicorp/packer/issues/8066>
fn source_without_role(_: &Facts, profile: &Profile) -> Option<Finding> {
    let source = profile.get("credential_source")?;
    if profile.get("role_arn").is_some() || profile.get("aws_access_key_id").is_some() {
        return None;
    }
    let name = &profile.name;
    let summary =
        format!("profile `{name}` has credential_source without role_arn, an error in Go programs");
    let finding = Finding::new(Cause::SourceMissing, summary)
        .about_profile(name)
        .at(&source.origin)
        .evidence("Go programs with aws-sdk-go since 1.21 reject it; most other tools ignore it")
        .fails_in(&[Tool::Go])
        .warning();
    let finding = match source.text.as_str() {
        "Environment" => finding,
        _ => finding.remedy(remedy!(
            "for the role of the machine alone, put # in front of {}",
            source.origin
        )),
    };
    Some(finding.remedy("or add role_arn = ARN, the role to assume"))
}

/// No SDK expands `~` in `web_identity_token_file`; awsfresh does.
fn tilde_in_token_file(_: &Facts, profile: &Profile) -> Option<Finding> {
    let file = profile.get("web_identity_token_file")?;
    let rest = file.text.strip_prefix('~')?;
    let summary = format!(
        "web_identity_token_file of profile `{}` begins with ~, which no AWS SDK expands",
        profile.name
    );
    let finding = Finding::new(Cause::ConfigMalformed, summary)
        .about_profile(&profile.name)
        .at(&file.origin)
        .fails_in(&Tool::ALL);
    Some(finding.remedy(remedy!(
        "write the whole path, /home/USER{}, at {}",
        rest,
        file.origin
    )))
}

/// One setting of SSO is left in a profile with another source: the SDKs for Rust and Java read it
/// as an SSO profile.
fn stray_sso(facts: &Facts, profile: &Profile) -> Option<Finding> {
    if matches!(facts.chain.as_ref().ok()?.base, Base::Sso { .. }) {
        return None;
    }
    let own = ["aws_access_key_id", "credential_process", "login_session"];
    let own = own.into_iter().find(|key| profile.get(key).is_some())?;
    let stray = profile.get_as_written("sso_region")?;
    let name = &profile.name;
    let summary =
        format!("for Rust and Java programs, sso_region makes `{name}` an incomplete SSO profile");
    let finding = Finding::new(Cause::SourceConflict, summary)
        .about_profile(name)
        .at(&stray.origin)
        .evidence(format!("other tools use {own}"))
        .fails_in(&[Tool::Rust, Tool::Java])
        .warning();
    Some(finding.remedy(remedy!("put # in front of {}", stray.origin)))
}

/// A role whose source is the profile itself. With a process instead of keys, botocore calls it a
/// loop, and the SDK for JavaScript does not assume the role; with keys, the SDK for Java calls it one.
/// <https://github.com/aws/aws-sdk-java-v2/issues/1842>
fn own_source(_: &Facts, profile: &Profile) -> Option<Finding> {
    let source = profile.get_as_written("source_profile")?;
    let role = profile.get_as_written("role_arn")?;
    if *source.text != *profile.name {
        return None;
    }
    let (what, tools) = if profile.get("aws_access_key_id").is_some() {
        ("a loop to Java programs", &[Tool::Java][..])
    } else {
        (
            "which only works with keys",
            &[Tool::Cli, Tool::Python, Tool::Js][..],
        )
    };
    let summary = format!(
        "profile `{}` is its own source_profile, {what}",
        profile.name
    );
    let finding = Finding::new(Cause::ProfileCycle, summary)
        .about_profile(&profile.name)
        .at(&source.origin)
        .evidence(format!("role_arn at {}", role.origin))
        .fails_in(tools)
        .warning();
    Some(finding.remedy("move its source to a profile of its own, and name that as source_profile"))
}

/// `[ prod ]`: the SDKs remove the spaces, the parser of Python does not.
fn spaces_in_header(profile: &Profile) -> Option<Finding> {
    let (header, place) = profile.padded_header()?;
    let summary =
        format!("the AWS CLI and boto3 read the spaces in [{header}] as part of the name");
    let finding = Finding::new(Cause::ConfigMalformed, summary)
        .at(place)
        .fails_in(&PYTHON)
        .warning();
    Some(finding.remedy(remedy!("remove the spaces at the brackets, at {}", *place)))
}

/// `s3 =` with nothing indented below it, or with a setting on the same line.
/// <https://github.com/scalefactory/aws-assume-role/issues/25>,
/// <https://github.com/boto/botocore/issues/1168>
fn not_nested(profile: &Profile) -> Option<Finding> {
    let value = profile.not_nested("s3")?;
    let place = &value.origin;
    let what = if value.text.is_empty() {
        "has nothing indented below it"
    } else {
        "has its settings on the same line"
    };
    let summary = format!("s3 at {place} {what}: S3 calls of Python tools fail");
    let finding = Finding::new(Cause::ConfigMalformed, summary)
        .at(place)
        .fails_in(&PYTHON)
        .warning();
    Some(finding.remedy(remedy!(
        "write the settings of S3 indented, each on its own line, below {}; or put # in front of it",
        *place
    )))
}

/// `AWS_ACCESS_KEY_ID =` in a file: the AWS CLI and the SDKs for Python, Go and Rust read keys in any
/// case. <https://github.com/aws/aws-sdk/issues/574>
fn keys_in_capitals(profile: &Profile) -> Option<Finding> {
    let (key, place) = profile.source_key_in_capitals()?;
    let name = &profile.name;
    let summary =
        format!("{key} of profile `{name}` has capitals: Java and JavaScript do not read it");
    let finding = Finding::new(Cause::SourceMissing, summary)
        .about_profile(name)
        .at(place)
        .evidence("Ruby, .NET and older Go programs do not read it either")
        .fails_in(&[Tool::Js, Tool::Java])
        .warning();
    let lower = key.to_ascii_lowercase();
    Some(finding.remedy(remedy!(
        "write {} and the other keys there in lower case, at {}",
        lower,
        *place
    )))
}

/// `AWS_PROFILE=`: botocore looks for a profile without a name.
fn empty_profile(facts: &Facts) -> Option<Finding> {
    if facts.selected_by == SelectedBy::Flag {
        return None;
    }
    let name = facts
        .empty_variables
        .iter()
        .find(|name| matches!(name.as_str(), "AWS_PROFILE" | "AWS_DEFAULT_PROFILE"))?;
    let summary =
        format!("{name} is empty: the AWS CLI and boto3 look for a profile without a name");
    let finding = Finding::new(Cause::ProfileNotFound, summary)
        .about(Subject::Environment)
        .evidence(format!("the environment variable {name}"))
        .evidence("The config profile () could not be found")
        .fails_in(&PYTHON)
        .warning();
    Some(finding.remedy(remedy!("unset {}", *name)))
}

/// `AWS_DEFAULT_PROFILE` alone: three SDKs do not read it.
fn default_profile_variable(facts: &Facts) -> Option<Finding> {
    let name = facts.variable("AWS_DEFAULT_PROFILE")?;
    if facts.variable("AWS_PROFILE").is_some() || facts.selected_by == SelectedBy::Flag {
        return None;
    }
    let summary = "AWS_DEFAULT_PROFILE is not read by JavaScript, Java and Rust programs";
    let finding = Finding::new(Cause::EnvShadowsProfile, summary)
        .about(Subject::Environment)
        .evidence(format!("AWS_DEFAULT_PROFILE={name}; they use `default`"))
        .fails_in(&[Tool::Js, Tool::Java, Tool::Rust])
        .warning_if(name != "default");
    let finding = if name == "default" {
        finding.info()
    } else {
        finding
    };
    Some(finding.remedy(remedy!("export AWS_PROFILE={}", name)))
}

/// botocore parses the variable, and no call works if it cannot.
fn unreadable_expiration(facts: &Facts) -> Option<Finding> {
    let env = &facts.environment;
    env.keys()?;
    let text = env.expiration.as_deref()?;
    if Timestamp::parse(text).is_some() {
        return None;
    }
    let variable = "AWS_CREDENTIAL_EXPIRATION";
    let what = "is not a time, as Python tools need";
    let finding = in_environment(Cause::ConfigMalformed, variable, what)
        .likely()
        .fails_in(&PYTHON)
        .warning();
    Some(finding.remedy(remedy!("unset {}", variable)))
}

/// `AWS_CONFIG_FILE=~/x` in quotes: the shell has not expanded it, and not every SDK does.
/// <https://github.com/aws/aws-sdk-go-v2/issues/3330>
fn tilde_in_file_variable(facts: &Facts) -> Option<Finding> {
    let variables = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];
    let mut set = variables
        .into_iter()
        .filter_map(|name| Some((name, facts.variable(name)?)));
    let (name, path) = set.find(|(_, path)| path.starts_with('~'))?;
    let file = facts
        .files
        .iter()
        .find(|file| file.named_by == Some(name))?;
    let summary = format!("{name} begins with ~, which Go and JavaScript programs do not expand");
    let finding = Finding::new(Cause::ConfigUnreadable, summary)
        .about(Subject::Environment)
        .evidence(format!("{name}={path}"))
        .fails_in(&[Tool::Go, Tool::Js])
        .warning();
    Some(finding.remedy(remedy!("export {}={}", name, file.path)))
}

/// `AWS_ROLE_ARN` goes to AWS as it is.
fn role_variable(facts: &Facts) -> Option<Finding> {
    let arn = facts.variable("AWS_ROLE_ARN")?;
    facts.variable("AWS_WEB_IDENTITY_TOKEN_FILE")?; // nothing else reads it
    if is_role_arn(arn) {
        return None;
    }
    let summary = "AWS_ROLE_ARN is not the ARN of a role";
    let finding = Finding::new(Cause::ConfigMalformed, summary)
        .about(Subject::Environment)
        .evidence(format!("AWS_ROLE_ARN={arn}"))
        .warning_if(facts.ambient_source.is_none());
    Some(finding.remedy("AWS_ROLE_ARN=arn:aws:iam::123456789012:role/NAME, where it is set"))
}

/// Go and Rust programs look for the files in `HOME` alone; the other SDKs ask the system, too.
/// <https://github.com/k3s-io/k3s/issues/11814>
fn without_home(facts: &Facts) -> Option<Finding> {
    let has_files = facts
        .files
        .iter()
        .any(|file| file.exists && file.named_by.is_none());
    if facts.has_home || !has_files || facts.chain.is_err() {
        return None;
    }
    let summary =
        "HOME is not set: many Go programs and the SDKs for Rust and PHP find no AWS files";
    let finding = Finding::new(Cause::ConfigUnreadable, summary)
        .about(Subject::Environment)
        .evidence("the environment variable HOME")
        .fails_in(&[Tool::Go, Tool::Rust])
        .warning();
    Some(finding.remedy("set HOME for the service, as in systemd with User=NAME"))
}

/// Python's parser adds the keys of `[DEFAULT]` to every section, unless a program switches that off.
fn upper_default(facts: &Facts) -> Option<Finding> {
    let upper = facts
        .set
        .sections()
        .find(|section| &*section.name == "DEFAULT")?;
    facts.set.profile(&facts.profile)?;
    if facts.profile == "DEFAULT" {
        return None;
    }
    let place: &Origin = &upper.origin;
    let keys = [
        "aws_access_key_id",
        "role_arn",
        "credential_process",
        "region",
    ];
    let key = keys.into_iter().find(|key| upper.get(key).is_some())?;
    let summary = format!("older Python tools add {key} of [DEFAULT] to every profile");
    let finding = Finding::new(Cause::ConfigMalformed, summary)
        .at(place)
        .likely()
        .warning();
    Some(finding.remedy(remedy!("write [default] at {}", *place)))
}
