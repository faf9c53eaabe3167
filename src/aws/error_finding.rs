//! The finding for each kind of error that AWS returns: what it means for the user, and what to do.
//! The form of the keys is checked first: AWS often says only that it cannot use them.

use super::access_key::{self, Flaw, Keys, Part, account_of};
use super::denial::Denial;
use super::denier::denier_remedy;
use super::error_code::{ApiError, ErrorKind};
use super::partition;
use super::shared_findings::{CHECK_ASSIGNMENT, NEW_TOKEN, RUN_DOCTOR, SHARED_SIGN_IN, region_of};
use crate::finding::{AwsAnswer, Cause, Finding, Subject, remedy};
use crate::text::{masked, redacted};

/// What is known about the request that AWS rejected.
#[derive(Clone, Copy, Default)]
pub(crate) struct RequestContext<'a> {
    /// What was requested: "the role …"; empty if that is not known.
    pub(crate) what: &'a str,
    /// The region it was sent to.
    pub(crate) region: Option<&'a str>,
    /// The keys that signed it.
    pub(crate) keys: Option<Keys<'a>>,
    /// The partition of the credentials or of the role.
    pub(crate) partition: Option<&'a str>,
}

impl RequestContext<'_> {
    /// A request that is known from a log alone.
    pub(crate) const UNKNOWN: RequestContext<'static> = RequestContext {
        what: "",
        region: None,
        keys: None,
        partition: None,
    };

    /// What was requested, or what is said in its place.
    fn what_or<'s>(&'s self, unknown: &'s str) -> &'s str {
        if self.what.is_empty() {
            unknown
        } else {
            self.what
        }
    }

    pub(super) fn is_session(&self) -> bool {
        self.keys
            .is_some_and(|keys| keys.token.is_some_and(|token| !token.is_empty()))
    }

    /// The key as people may see it, with words around it for when there is none.
    pub(super) fn key(&self, prefix: &str, unknown: &str) -> String {
        self.keys.map_or(unknown.to_owned(), |keys| {
            format!("{prefix} {}", masked(keys.id))
        })
    }
}

impl ApiError<'_> {
    /// The finding for an error of this `kind`, with AWS's own words as evidence.
    pub(crate) fn finding(&self, kind: ErrorKind, request: &RequestContext<'_>) -> Finding {
        let finding = match flaw(kind, request) {
            Some(flaw) => Finding::new(flaw.cause, format!("{} {}", flaw.part.key(), flaw.what))
                .remedy(flaw.fix)
                .likely_if(!flaw.certain),
            None => self.default_finding(kind, request),
        };
        // With key and secret swapped, AWS quotes the secret.
        let mut finding = finding.evidence(redacted(&self.to_string()));
        let names_denier = denier_remedy(self.message).is_some();
        finding.aws_answer = self
            .status
            .filter(|status| *status > 0)
            .map(|_| AwsAnswer { names_denier });
        finding
    }

    fn default_finding(&self, kind: ErrorKind, request: &RequestContext<'_>) -> Finding {
        match kind {
            ErrorKind::KeyUnknown | ErrorKind::AuthFailure => key_unknown(kind, request),
            ErrorKind::NotActivated
            | ErrorKind::TokenDamaged
            | ErrorKind::Expired
            | ErrorKind::Unsigned
            | ErrorKind::RegionDisabled => self.key_rejected(kind, request),
            ErrorKind::ClockSkew
            | ErrorKind::ScopeMismatch
            | ErrorKind::RegionMissing
            | ErrorKind::SecretWrong
            | ErrorKind::KeyAndSecretSwapped
            | ErrorKind::SpaceInKeyId => self.signature_rejected(kind, request),
            ErrorKind::MfaRejected
            | ErrorKind::AssumeRoleDenied
            | ErrorKind::Denied
            | ErrorKind::InstanceRoleDenied => self.denied(kind, request),
            ErrorKind::DurationTooLong
            | ErrorKind::RoleChainingLimit
            | ErrorKind::InvalidSetting
            | ErrorKind::WebIdentityExpired
            | ErrorKind::WebIdentityRejected => self.role_rejected(kind, request),
            ErrorKind::SsoSessionExpired
            | ErrorKind::SsoRegistrationExpired
            | ErrorKind::SsoNoAccess
            | ErrorKind::Throttled
            | ErrorKind::ServerError => service_rejected(kind),
        }
    }

    fn key_rejected(&self, kind: ErrorKind, request: &RequestContext<'_>) -> Finding {
        match kind {
            ErrorKind::NotActivated => {
                let key = request.key("the access key", "these credentials");
                let summary =
                    format!("the account of {key} is not activated for this, or was closed");
                Finding::new(Cause::PermissionDenied, summary)
                    .likely()
                    .remedy(
                        "complete the registration of the account, or ask its owner: \
                        https://console.aws.amazon.com/billing",
                    )
            }
            ErrorKind::TokenDamaged => Finding::new(
                Cause::SessionTokenDamaged,
                "AWS cannot read the session token",
            )
            .likely()
            .remedy("copy key ID, secret and token again, all three from the same place")
            .remedy(
                "in an opt-in region: get a token from a regional STS endpoint, \
                    AWS_STS_REGIONAL_ENDPOINTS=regional",
            ),
            ErrorKind::Expired => {
                let session = request.key("the session of key", "the session of these credentials");
                Finding::new(Cause::SessionExpired, format!("{session} has expired"))
                    .likely_if(self.code == "RequestExpired")
                    .remedy("replace the credentials where these came from")
            }
            ErrorKind::RegionDisabled => {
                let region = request.region.unwrap_or("this region");
                let home = partition::home_region(partition::of_region(region));
                Finding::new(
                    Cause::RegionDisabled,
                    format!("STS is not activated in {region}"),
                )
                .remedy(remedy!(
                    "use another region, such as {}, or ask an administrator to \
                        activate it in IAM",
                    home
                ))
            }
            _ => Finding::new(
                Cause::CredentialsMissing,
                "the request carried no credentials",
            )
            .remedy("awsfresh doctor shows where credentials were looked for"),
        }
    }

    fn denied(&self, kind: ErrorKind, request: &RequestContext<'_>) -> Finding {
        let what = request.what_or("the request");
        let is_wrong_code =
            self.message.contains("one time pass code.") && self.message.contains("invalid");
        match kind {
            ErrorKind::InstanceRoleDenied => Finding::instance_role_denied(),
            ErrorKind::MfaRejected if is_wrong_code => {
                Finding::new(Cause::MfaCodeRejected, "AWS rejected the MFA code").remedy(
                    "use the next code: each one works once; then check the clock of the device",
                )
            }
            ErrorKind::MfaRejected if self.message.contains("must provide both") => {
                let summary = format!("the MFA device or its code is missing in {what}");
                Finding::new(Cause::MfaNeeded, summary)
                    .about(Subject::MfaDevice)
                    .remedy("set mfa_serial in the profile, if it is not: aws iam list-mfa-devices")
                    .remedy("then awsfresh -p PROFILE -- COMMAND asks for the code first")
            }
            ErrorKind::MfaRejected => {
                let summary = format!("AWS requires an MFA code of another device for {what}");
                Finding::new(Cause::MfaCodeRejected, summary)
                    .about(Subject::MfaDevice)
                    .remedy("check mfa_serial in the profile: aws iam list-mfa-devices")
            }
            ErrorKind::AssumeRoleDenied => {
                let remedy = denier_remedy(self.message).unwrap_or(
                    "check the role's name and its trust policy (caller, external ID, MFA), \
                        then the caller's sts:AssumeRole permission",
                );
                Finding::new(Cause::AssumeRoleDenied, format!("AWS denied {what}")).remedy(remedy)
            }
            _ => {
                let summary = "the credentials are valid but not allowed to do this";
                let remedy = denier_remedy(self.message);
                Finding::new(Cause::PermissionDenied, summary)
                    .remedy("check that this is the identity you expect: awsfresh doctor")
                    .remedy(remedy.unwrap_or_else(|| self.permission_step()))
            }
        }
    }

    /// How to get the permission that is missing.
    fn permission_step(&self) -> &'static str {
        match Denial::parse(self.message) {
            Some(_) => "request the permission that the message names",
            None => "CloudTrail shows which action was denied: request the permission for it",
        }
    }

    fn role_rejected(&self, kind: ErrorKind, request: &RequestContext<'_>) -> Finding {
        let what = request.what_or("the role");
        let is_unreachable = self.code.starts_with("IDPCommunicationError")
            || self.message.contains("retrieve verification key");
        match kind {
            ErrorKind::DurationTooLong => Finding::new(
                Cause::DurationTooLong,
                format!("{what} does not allow a session that long"),
            )
            .remedy(
                "lower duration_seconds in the profile, or raise the role's \
                    MaxSessionDuration",
            ),
            ErrorKind::RoleChainingLimit => {
                let summary = format!("{what} is assumed from a session, which AWS limits to 1 h");
                Finding::new(Cause::RoleChainingLimit, summary)
                    .remedy("set duration_seconds = 3600 in the profile")
            }
            ErrorKind::InvalidSetting if self.code == "PackedPolicyTooLarge" => {
                let summary =
                    format!("the session tags and session policy of {what} are too large for AWS");
                Finding::new(Cause::ConfigMalformed, summary).remedy(
                    "use fewer or shorter tags and a shorter policy; tags of earlier \
                        sessions count, too",
                )
            }
            ErrorKind::InvalidSetting => Finding::new(
                Cause::ConfigMalformed,
                format!("AWS rejected a setting of {what} as invalid"),
            )
            .remedy("correct the value that the message names"),
            ErrorKind::WebIdentityExpired => Finding::new(
                Cause::WebIdentityExpired,
                "the web identity token has expired",
            )
            .remedy(NEW_TOKEN),
            _ if is_unreachable => Finding::new(
                Cause::WebIdentityRejected,
                "AWS could not reach the identity provider",
            )
            .likely()
            .remedy(
                "try again; if it persists, check that the provider's keys can be read from \
                    the internet",
            ),
            _ if self.message.contains("Incorrect token audience") => Finding::new(
                Cause::WebIdentityRejected,
                "the OIDC provider in IAM does not have the audience of the web identity token",
            )
            .remedy(
                "add the token's audience to the provider in IAM: for EKS and GitHub Actions \
                    sts.amazonaws.com",
            ),
            _ if self.message.contains("No OpenIDConnect provider found") => Finding::new(
                Cause::WebIdentityRejected,
                "the role's account has no OIDC provider for the issuer of the web identity token",
            )
            .remedy(
                "create the provider in IAM, with exactly the issuer's URL; for EKS: eksctl utils \
                    associate-iam-oidc-provider",
            )
            .remedy("if the provider exists: check the account in the ARN of the role"),
            _ => {
                let summary = format!("AWS rejected the web identity token for {what}");
                Finding::new(Cause::WebIdentityRejected, summary)
                    .remedy("check the identity provider, the audience and the role's name")
            }
        }
    }
}

fn key_unknown(kind: ErrorKind, request: &RequestContext<'_>) -> Finding {
    if let (Some(region), Some(partition)) = (request.region, request.partition)
        && partition::of_region(region) != partition
    {
        let (home, other) = (
            partition::home_region(partition),
            partition::of_region(region),
        );
        let summary = format!(
            "credentials of the partition {partition} are not valid in {region}, a region \
                of {other}"
        );
        return Finding::new(Cause::WrongPartition, summary).remedy(region_of(partition, home));
    }
    let key = request.key("the access key", "these credentials");
    let mut finding = Finding::new(Cause::AccessKeyUnknown, format!("AWS does not know {key}"));
    let region = request.region.filter(|_| request.partition.is_none());
    // An isolated partition knows its own keys alone.
    if let Some(partition) = region.map(partition::of_region).filter(|one| *one != "aws") {
        let evidence = format!(
            "the partition {partition} was asked; a key of another partition may be valid there"
        );
        finding = finding.likely().evidence(evidence);
    }
    if let Some(account) = request.keys.and_then(|keys| account_of(keys.id)) {
        finding = finding.evidence(format!(
            "by its form it is a key of account {account} (likely)"
        ));
    }
    match (kind, request.keys) {
        // AWS says the same of a token that is missing, stale or of another key.
        (ErrorKind::KeyUnknown, None) => finding.likely().remedy(RUN_DOCTOR).remedy(
            "aws iam list-access-keys --user-name NAME shows whether the key exists and is \
                active",
        ),
        (ErrorKind::AuthFailure, _) => finding.possible().remedy(
            "EC2 says the same of a wrong secret and of a wrong clock; awsfresh doctor asks \
                STS, which distinguishes them",
        ),
        _ if request.is_session() => finding.likely().remedy(
            "replace the credentials where these came from: the session was revoked, its \
                role was deleted, or its token belongs to another session",
        ),
        _ => finding.remedy(
            "check that the key exists and is active: aws iam list-access-keys; otherwise \
                replace it where it is set",
        ),
    }
}

fn service_rejected(kind: ErrorKind) -> Finding {
    match kind {
        ErrorKind::SsoSessionExpired => Finding::new(
            Cause::SsoSessionExpired,
            "the SSO session was revoked or has expired, or sso_region is wrong",
        )
        .likely()
        .remedy(SHARED_SIGN_IN)
        .remedy("if that does not help, compare sso_region with the region of the portal"),
        ErrorKind::SsoRegistrationExpired => Finding::new(
            Cause::SsoRegistrationExpired,
            "the SSO client registration has expired",
        )
        .remedy(SHARED_SIGN_IN),
        ErrorKind::SsoNoAccess => Finding::new(
            Cause::SsoAccessRemoved,
            "the SSO user does not have this role in the account",
        )
        .remedy(CHECK_ASSIGNMENT),
        ErrorKind::Throttled => Finding::throttled("AWS"),
        _ => Finding::server_error("AWS"),
    }
}

/// The flaw of form that explains the error, where AWS says only that it cannot use the keys.
fn flaw(kind: ErrorKind, request: &RequestContext<'_>) -> Option<Flaw> {
    let found = access_key::flaws(request.keys?);
    let of = |part: Part| found.iter().copied().find(|flaw| flaw.part == part);
    match kind {
        ErrorKind::KeyUnknown
        | ErrorKind::AuthFailure
        | ErrorKind::KeyAndSecretSwapped
        | ErrorKind::SpaceInKeyId => {
            let other = found.iter().copied().find(|flaw| flaw.part != Part::Secret);
            other.or(found.first().copied())
        }
        ErrorKind::TokenDamaged => of(Part::Token),
        // AWS knows the key: only the secret can be wrong, and a flaw of its form is the reason.
        ErrorKind::SecretWrong => of(Part::Secret).map(|flaw| Flaw {
            certain: true,
            ..flaw
        }),
        _ => None,
    }
}

#[cfg(test)]
#[path = "error_finding_tests.rs"]
mod tests;
