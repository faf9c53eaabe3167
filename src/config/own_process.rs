//! awsfresh as the `credential_process` of a profile: the command line, written and read. The source
//! of such a profile may be in the same section, in keys with `awsfresh_` in front.

use super::parser::Value;
use super::profile::Profile;
use crate::shell::{quoted, words};

/// The command line that runs `program`, a quoted path of awsfresh, for a profile. A name that begins
/// with a dash would be read as an option.
pub(crate) fn process_of(program: &str, profile: &str) -> String {
    let separator = if profile.starts_with('-') { '=' } else { ' ' };
    format!(
        "{program} credential-process --profile{separator}{}",
        quoted(profile)
    )
}

impl Profile {
    /// The `credential_process` that other tools run, if it is awsfresh.
    pub(crate) fn own_process(&self) -> Option<&Value> {
        let process = self.get_as_written("credential_process");
        process.filter(|value| calls_awsfresh(&value.text))
    }
}

impl Profile {
    /// Whether its `credential_process` is awsfresh for another profile, while its own source is in
    /// prefixed keys: tools and awsfresh would have different credentials.
    pub(crate) fn has_foreign_process(&self) -> bool {
        let target = self
            .own_process()
            .and_then(|value| requested_profile(&value.text));
        self.prefixed_source().is_some() && target.is_some_and(|target| *target != *self.name)
    }

    /// The ID of the key that is in the credential store for this profile.
    pub(crate) fn stored_key_id(&self) -> Option<&Value> {
        self.prefixed("aws_access_key_id")
    }
}

/// Whether a command line runs awsfresh.
pub(super) fn calls_awsfresh(command: &str) -> bool {
    let words = words(command);
    let program = words
        .first()
        .map_or("", |word| word.rsplit(['/', '\\']).next().unwrap_or(word));
    matches!(program, "awsfresh" | "awsfresh.exe")
}

/// Whether a command line asks the AWS CLI for the profile `name`, whose `credential_process` it is:
/// that runs the command again. <https://github.com/aws/aws-cli/pull/7398>
pub(super) fn asks_aws_cli_for(command: &str, name: &str) -> bool {
    let all = words(command);
    let is_assignment = |word: &&String| word.contains('=') && !word.starts_with('-');
    let (before, rest) = all.split_at(all.iter().take_while(is_assignment).count());
    let base = |word: &str| word.rsplit(['/', '\\']).next().unwrap_or(word).to_owned();
    match rest {
        [shell, option, script] if base(shell).ends_with("sh") && option.ends_with('c') => {
            asks_aws_cli_for(script, name)
        }
        [program, arguments @ ..] if matches!(base(program).as_str(), "aws" | "aws.exe") => {
            let selected = before
                .iter()
                .find_map(|word| word.strip_prefix("AWS_PROFILE="));
            let named = profile_argument(arguments);
            named.as_deref().or(selected).unwrap_or("default") == name
        }
        _ => false,
    }
}

/// The profile that a command line of awsfresh names.
pub(crate) fn requested_profile(command: &str) -> Option<String> {
    let words = words(command);
    if !words.iter().any(|word| word == "credential-process") {
        return None;
    }
    profile_argument(&words)
}

/// The value of `--profile` or `-p`.
fn profile_argument(words: &[String]) -> Option<String> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if let Some(name) = word.strip_prefix("--profile=") {
            return Some(name.to_owned());
        }
        if word == "--profile" || word == "-p" {
            return rest.next().filter(|name| !name.is_empty()).cloned();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::config::{Base, ProfileSet, resolve};
    use crate::finding::Cause;

    const ASK: &str = "credential_process = /usr/bin/awsfresh credential-process --profile p\n";

    #[test]
    fn a_profile_can_have_its_source_in_prefixed_keys() {
        let role = "awsfresh_role_arn = arn:aws:iam::1:role/r\nawsfresh_source_profile = base\n\
                    awsfresh_external_id = blue\nawsfresh_mfa_serial = arn:aws:iam::1:mfa/m\n\
                    awsfresh_duration_seconds = 1800\n";
        let keys = "[base]\naws_access_key_id = AKIAQTESTTESTTESTTES\n\
                    aws_secret_access_key = canarySecretcanarySecretcanarySecretcana";
        let role = role.replace("::1:", "::111111111111:");
        let set = ProfileSet::from_texts(
            &format!("[profile p]\n{ASK}region = eu-west-1\n{role}"),
            keys,
        );
        let chain = resolve(&set, "p").unwrap();
        let hop = &chain.hops[0];
        assert_eq!(hop.role_arn.origin.line, 4);
        assert_eq!(hop.external_id.as_deref(), Some("blue"));
        assert!(hop.mfa_serial.is_some() && hop.duration_seconds == Some(1800));
        assert!(matches!(chain.base, Base::Static { .. }));
        let sso = "awsfresh_sso_session = s\nawsfresh_sso_account_id = 111111111111\n\
                   awsfresh_sso_role_name = r\n\
                   [sso-session s]\nsso_start_url = https://x\nsso_region = eu-west-1\n";
        let set = ProfileSet::from_texts(&format!("[profile p]\n{ASK}{sso}"), "");
        assert!(matches!(resolve(&set, "p").unwrap().base, Base::Sso { .. }));
        let process = format!("[profile p]\n{ASK}awsfresh_credential_process = cat x\n");
        let set = ProfileSet::from_texts(&process, "");
        assert!(matches!(
            resolve(&set, "p").unwrap().base,
            Base::Process { .. }
        ));
    }

    #[test]
    fn a_process_that_asks_the_aws_cli_for_its_own_profile_calls_itself() {
        for (command, is_own) in [
            ("aws configure export-credentials --profile p", true),
            (
                "/usr/bin/aws configure export-credentials --profile=p --format process",
                true,
            ),
            (
                "sh -c \"aws configure export-credentials --profile p\"",
                true,
            ),
            ("env -i aws configure export-credentials", false),
            ("AWS_PROFILE=p aws configure export-credentials", true),
            ("aws configure export-credentials --profile q", false),
            ("aws configure export-credentials", false),
            ("aws-vault exec p --json", false),
            ("granted credential-process --profile p", false),
        ] {
            assert_eq!(super::asks_aws_cli_for(command, "p"), is_own, "{command}");
        }
        assert!(super::asks_aws_cli_for(
            "aws configure export-credentials",
            "default"
        ));
    }

    #[test]
    fn a_prefixed_source_beside_one_that_other_tools_read_is_a_conflict() {
        let role = "awsfresh_role_arn = arn:aws:iam::111111111111:role/r\n\
                    awsfresh_source_profile = p\n";
        for other in [
            "role_arn = arn:aws:iam::111111111111:role/r",
            "credential_process = cat keys",
            "aws_access_key_id = AKIAQTESTTESTTESTTES",
            "sso_session = s",
        ] {
            let set = ProfileSet::from_texts(&format!("[profile p]\n{role}{other}\n"), "");
            assert_eq!(
                resolve(&set, "p").unwrap_err().cause,
                Cause::SourceConflict,
                "{other}"
            );
        }
        let twice = format!("[profile p]\n{ASK}{role}awsfresh_source_profile = q\n");
        let set = ProfileSet::from_texts(&twice, "");
        assert_eq!(
            resolve(&set, "p").unwrap_err().cause,
            Cause::ConfigDuplicate
        );
    }
}
