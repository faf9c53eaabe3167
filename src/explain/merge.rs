//! The errors of a log together with what is wrong on this machine: a local fault that leads to an
//! error ranks before it.

use super::scan::LoggedError;
use crate::aws::error_code::ErrorKind;
use crate::finding::{Cause, Certainty, Finding, Origin, profile_option, remedy};

/// The profile that was selected on this machine.
pub(crate) struct Selected {
    pub(crate) name: String,
    /// Where it names an `aws login` session, which only recent SDKs know.
    pub(crate) login_session: Option<Origin>,
}

impl Selected {
    /// A finding with what is known of the profile.
    fn in_finding(&self, mut finding: Finding) -> Finding {
        finding.name_profile_in_steps(&self.name);
        let missing = [Cause::CredentialsMissing, Cause::MetadataUnreachable];
        let place = self.login_session.as_ref();
        let Some(place) = place.filter(|_| missing.contains(&finding.cause)) else {
            return finding;
        };
        let summary = format!(
            "the program probably does not know `aws login`, with which profile `{}` signs in",
            self.name
        );
        Finding {
            evidence: finding.evidence,
            ..Finding::new(Cause::CredentialsMissing, summary)
        }
        .evidence(format!("login_session at {place}"))
        .remedy(remedy!(
            "awsfresh {} -- COMMAND",
            profile_option("-p", &self.name)
        ))
        .remedy("or update the program: its SDK must know login_session")
        .likely()
    }
}

/// The findings of both.
pub(crate) fn merge(
    logged: &[LoggedError],
    local: &[Finding],
    selected: Option<&Selected>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for error in logged {
        let said = &error.finding;
        let leads_here = |finding: &&Finding| {
            let leads = error.kind.is_some_and(|kind| leads_to(finding.cause, kind));
            leads || finding.cause == said.cause
        };
        let here: Vec<&Finding> = local.iter().filter(leads_here).collect();
        for finding in &here {
            let finding = both(said, finding);
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        // With a local fault, what AWS said is no longer the cause.
        let said = if here.is_empty() {
            selected.map_or_else(|| said.clone(), |one| one.in_finding(said.clone()))
        } else {
            said.clone().possible()
        };
        if findings.iter().all(|known| known.cause != said.cause) {
            findings.push(said);
        }
    }
    findings
}

/// A local fault with the words of the log, which may come from another machine. That nothing is
/// configured here does not say what the program of the log looked for.
fn both(said: &Finding, here: &Finding) -> Finding {
    let mut finding = if here.cause == Cause::CredentialsMissing {
        said.clone()
    } else {
        here.clone()
    };
    finding.certainty = here.certainty.max(Certainty::Likely);
    finding.evidence = match (here.cause == said.cause, here.cause) {
        (true, Cause::CredentialsMissing) => said.evidence.clone(),
        (true, _) => said
            .evidence
            .iter()
            .chain(&here.evidence)
            .cloned()
            .collect(),
        (false, _) => here.evidence.clone(),
    };
    finding
}

/// Whether a local fault leads to an error of this kind.
fn leads_to(cause: Cause, kind: ErrorKind) -> bool {
    let causes: &[Cause] = match kind {
        ErrorKind::KeyUnknown | ErrorKind::AuthFailure | ErrorKind::TokenDamaged => &[
            Cause::KeyIdMalformed,
            Cause::PlaceholderCredentials,
            Cause::TemporaryKeyWithoutToken,
            Cause::StaleSessionToken,
            Cause::SessionTokenDamaged,
            Cause::MixedCredentialParts,
            Cause::SecurityTokenShadows,
            Cause::EnvShadowsProfile,
            Cause::CredentialsFileShadows,
            Cause::DefaultProfileShadows,
            Cause::WrongPartition,
            Cause::OptInRegionToken,
            Cause::EndpointOverridden,
        ],
        ErrorKind::Expired => &[
            Cause::EnvShadowsProfile,
            Cause::SsoSessionExpired,
            Cause::CredentialsFileShadows,
            Cause::DefaultProfileShadows,
        ],
        ErrorKind::SecretWrong => &[
            Cause::SecretMalformed,
            Cause::HiddenCharacters,
            Cause::InlineCommentInValue,
            Cause::MixedCredentialParts,
            Cause::ConfigMalformed,
            Cause::EnvShadowsProfile,
        ],
        ErrorKind::KeyAndSecretSwapped => &[Cause::KeyAndSecretSwapped],
        ErrorKind::SpaceInKeyId => &[
            Cause::HiddenCharacters,
            Cause::InlineCommentInValue,
            Cause::KeyIdMalformed,
            Cause::ConfigMalformed,
        ],
        ErrorKind::Unsigned => &[Cause::CredentialsMissing, Cause::MixedCredentialParts],
        ErrorKind::ScopeMismatch | ErrorKind::RegionMissing => {
            &[Cause::EndpointOverridden, Cause::RegionInvalid]
        }
        ErrorKind::AssumeRoleDenied | ErrorKind::Denied => {
            &[Cause::EnvShadowsProfile, Cause::CredentialsFileShadows]
        }
        _ => &[],
    };
    causes.contains(&cause)
}
