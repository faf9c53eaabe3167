//! What AWS meant by an error, whichever service said it: one condition has other codes in every family of services.
//! Pure. Sources: <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>, and what real clients print.

use super::keys::{Flaw, Keys, Part, flaws};
use super::{Cause, Finding};
use crate::credentials::{masked, redacted};
use crate::partition;

/// An error as AWS sent it.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// Its code, as in `InvalidClientTokenId`.
    pub code: &'a str,
    /// Its message; may be empty.
    pub message: &'a str,
    /// The HTTP status, where it is known.
    pub status: Option<u16>,
}

/// What is known about the request it answers.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What was asked for: "the role …".
    pub what: &'a str,
    /// The region it was sent to.
    pub region: Option<&'a str>,
    /// What signed it.
    pub keys: Option<Keys<'a>>,
    /// The partition the credentials or the role belong to.
    pub partition: Option<&'a str>,
}

/// What an error comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Condition {
    KeyUnknown,
    /// The account is not activated, or was closed.
    NotActivated,
    /// EC2 may not assume the role of the instance.
    MachineRoleRefused,
    /// EC2 tells no unknown key from a wrong secret or a wrong clock.
    AnyOfThem,
    TokenDamaged,
    Expired,
    ClockSkew,
    ScopeMismatch,
    SecretWrong,
    /// The key id has a `/` in it: it is the secret.
    Swapped,
    /// The key id begins or ends with white space.
    SpaceInKeyId,
    Unsigned,
    MfaRejected,
    AssumeRoleDenied,
    Denied,
    RegionDisabled,
    DurationTooLong,
    RoleChainingLimit,
    InvalidSetting,
    WebIdentityExpired,
    WebIdentityRejected,
    SsoSessionOver,
    SsoRegistrationOver,
    SsoNoAccess,
    Throttled,
    Failing,
}

impl Answer<'_> {
    /// `None` for an error that says nothing about credentials.
    pub fn condition(&self) -> Option<Condition> {
        let says = |words: &str| self.message.contains(words);
        let code = self.code.trim_end_matches("Exception");
        Some(match code {
            "OptInRequired" | "NotSignedUp" => Condition::NotActivated,
            "InvalidClientTokenId" if says("STS is not activated") => Condition::RegionDisabled,
            "InvalidClientTokenId" | "UnrecognizedClient" | "InvalidAccessKeyId" => Condition::KeyUnknown,
            "AuthFailure" if says("Not authorized for") => Condition::Denied,
            "AuthFailure" => Condition::AnyOfThem,
            "AssumeRoleUnauthorizedAccess" => Condition::MachineRoleRefused,
            "InvalidToken" if says("token") => Condition::TokenDamaged,
            "ExpiredToken" if says("current date/time") || says("Token expired") => Condition::WebIdentityExpired,
            "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => Condition::Expired,
            "RequestTimeTooSkewed" => Condition::ClockSkew,
            "SignatureDoesNotMatch" | "InvalidSignature" if says("Signature expired") || says("not yet current") => Condition::ClockSkew,
            "SignatureDoesNotMatch" | "InvalidSignature" if says("should be scoped to") || says("Credential scope") => {
                Condition::ScopeMismatch
            }
            "SignatureDoesNotMatch" | "InvalidSignature" => Condition::SecretWrong,
            "AuthorizationHeaderMalformed" if says("is wrong; expecting") => Condition::ScopeMismatch,
            "IncompleteSignature" | "AuthorizationHeaderMalformed" if says("slash-delimited") || says("exactly 5") => Condition::Swapped,
            "IncompleteSignature" | "AuthorizationHeaderMalformed" => Condition::SpaceInKeyId,
            "MissingAuthenticationToken" => Condition::Unsigned,
            "AccessDenied" | "Forbidden" if says("MultiFactorAuthentication failed") => Condition::MfaRejected,
            "AccessDenied" if says("sts:AssumeRole") || says("sts:TagSession") || says("sts:SetSourceIdentity") => {
                Condition::AssumeRoleDenied
            }
            "Forbidden" if says("No access") => Condition::SsoNoAccess,
            "AccessDenied" | "UnauthorizedOperation" | "Forbidden" => Condition::Denied,
            "RegionDisabled" => Condition::RegionDisabled,
            "ValidationError" if says("role chaining") => Condition::RoleChainingLimit,
            "ValidationError" if says("MaxSessionDuration") || says("session limit") => Condition::DurationTooLong,
            "ValidationError" if says("AccessDenied") => Condition::Denied,
            "ValidationError" | "MalformedPolicyDocument" | "PackedPolicyTooLarge" => Condition::InvalidSetting,
            "InvalidIdentityToken" | "IDPRejectedClaim" | "IDPCommunicationError" => Condition::WebIdentityRejected,
            "Unauthorized" if says("Session token") => Condition::SsoSessionOver,
            "InvalidGrant" => Condition::SsoSessionOver,
            "InvalidClient" => Condition::SsoRegistrationOver,
            "SlowDown" | "RequestLimitExceeded" | "TooManyRequests" | "BandwidthLimitExceeded" => Condition::Throttled,
            code if code.contains("Throttl") => Condition::Throttled,
            "ServiceUnavailable" | "InternalFailure" | "InternalError" | "InternalServerError" => Condition::Failing,
            _ if self.status == Some(429) => Condition::Throttled,
            _ if self.status.is_some_and(|status| status >= 500) => Condition::Failing,
            _ => return None,
        })
    }

    /// The finding for `condition`, with AWS's own words as evidence.
    pub fn finding(&self, condition: Condition, asked: &Asked<'_>) -> Finding {
        let finding = match self.flaw(condition, asked) {
            Some(flaw) => {
                let finding = Finding::new(flaw.cause, format!("{} {}", flaw.part.key(), flaw.what)).try_this(flaw.fix);
                if flaw.certain { finding } else { finding.likely() }
            }
            None => self.plain(condition, asked),
        };
        finding.seen(redacted(&self.to_string())) // with key and secret swapped AWS quotes the secret
    }

    /// What the form of the keys shows where AWS says no more than that it cannot use them.
    fn flaw(&self, condition: Condition, asked: &Asked<'_>) -> Option<Flaw> {
        let found = flaws(asked.keys?);
        let of = |part: Part| found.iter().copied().find(|flaw| flaw.part == part);
        match condition {
            Condition::KeyUnknown | Condition::AnyOfThem | Condition::Swapped | Condition::SpaceInKeyId => {
                found.iter().copied().find(|flaw| flaw.part != Part::Secret).or(found.first().copied())
            }
            Condition::TokenDamaged => of(Part::Token),
            // AWS knows the key: only the secret can be at fault, and a flaw of its form is then the reason.
            Condition::SecretWrong => of(Part::Secret).map(|flaw| Flaw { certain: true, ..flaw }),
            _ => None,
        }
    }

    fn plain(&self, condition: Condition, asked: &Asked<'_>) -> Finding {
        let what = asked.what;
        let key = asked.keys.map_or("these credentials".to_owned(), |keys| format!("the access key {}", masked(keys.id)));
        let is_session = asked.keys.is_some_and(|keys| keys.token.is_some_and(|token| !token.is_empty()));
        match condition {
            Condition::KeyUnknown | Condition::AnyOfThem => {
                if let (Some(region), Some(partition)) = (asked.region, asked.partition)
                    && partition::of_region(region) != partition
                {
                    let home = partition::home_region(partition);
                    return Finding::new(
                        Cause::WrongPartition,
                        format!(
                            "credentials of the partition {partition} are unknown in {region}, which belongs to {}",
                            partition::of_region(region)
                        ),
                    )
                    .try_this(format!("use a region of {partition}, such as {home}: in the profile, AWS_REGION and AWS_DEFAULT_REGION"));
                }
                let finding = Finding::new(Cause::AccessKeyUnknown, format!("AWS does not know {key}"));
                let finding = match asked.region.map(partition::of_region).filter(|one| *one != "aws" && asked.partition.is_none()) {
                    // A partition apart knows its own keys alone.
                    Some(partition) => {
                        finding.likely().seen(format!("the partition {partition} was asked; a key of another one is good there"))
                    }
                    None => finding,
                };
                let finding = match asked.keys.and_then(|keys| super::keys::account_of(keys.id)) {
                    Some(account) => finding.seen(format!("by its form it is a key of account {account} (likely)")),
                    None => finding,
                };
                if asked.keys.is_none() && condition == Condition::KeyUnknown {
                    // Nothing but the words is known: they are the same for a token that is missing, stale or of another key.
                    return finding
                        .likely()
                        .try_this("awsfresh doctor, where it happened: it tells a deleted key from a session token that is missing, stale or damaged, and from a wrong region")
                        .try_this("aws iam list-access-keys --user-name NAME shows whether the key is there and active");
                }
                match (condition, is_session) {
                    (Condition::AnyOfThem, _) => finding
                        .possible()
                        .try_this("EC2 says the same of a wrong secret and of a wrong clock: awsfresh doctor asks STS, which tells them apart"),
                    (_, true) => finding.likely().try_this("put fresh credentials where these came from: the session was revoked, its role is gone, or its token is another session's"),
                    _ => finding.try_this(
                        "check that the key exists and is active: aws iam list-access-keys; otherwise replace it in the profile",
                    ),
                }
            }
            Condition::MachineRoleRefused => {
                Finding::new(Cause::MetadataNoRole, "the instance metadata service cannot assume the role of the instance")
                    .try_this("check that the role exists and that its trust policy lets ec2.amazonaws.com assume it")
            }
            Condition::NotActivated => {
                Finding::new(Cause::PermissionDenied, format!("the account of {key} is not activated for this, or was closed"))
                    .likely()
                    .try_this("finish the account's registration, or ask its owner: https://console.aws.amazon.com/billing")
            }
            Condition::TokenDamaged => Finding::new(Cause::SessionTokenDamaged, "AWS cannot read the session token")
                .likely()
                .try_this("copy key id, secret and token again, all three from one answer")
                .try_this(
                    "in a region that has to be switched on: get a token from a regional STS endpoint, AWS_STS_REGIONAL_ENDPOINTS=regional",
                ),
            Condition::Expired => {
                let whose = asked
                    .keys
                    .map_or("the session of these credentials".to_owned(), |keys| format!("the session of the key {}", masked(keys.id)));
                let finding = Finding::new(Cause::SessionExpired, format!("{whose} is over"));
                let finding = if self.code == "RequestExpired" { finding.likely() } else { finding };
                finding.try_this("put fresh credentials where these came from")
            }
            Condition::ClockSkew => {
                let finding = Finding::new(Cause::ClockSkew, "the clock here and the clock of AWS differ by more than AWS allows");
                match self.times() {
                    Some((signed, server)) => finding.seen(format!("signed at {signed}, arrived at {server}")),
                    None => finding,
                }
                .try_this(set_the_clock())
            }
            Condition::ScopeMismatch => {
                Finding::new(Cause::SignatureScopeMismatch, "the request was signed for another region or service than the one it reached")
                    .try_this("let region and endpoint name the same place: AWS_REGION, region, AWS_ENDPOINT_URL*, endpoint_url")
            }
            Condition::SecretWrong => {
                let whose = asked.keys.map_or("the access key".to_owned(), |keys| masked(keys.id));
                let finding = Finding::new(Cause::SecretWrong, format!("the secret key that goes with {whose} is wrong"))
                    .try_this("copy key id and secret again, both from the same source");
                match asked.keys {
                    Some(_) if !is_session => finding,
                    _ => finding
                        .likely()
                        .try_this("where AWS gave them a moment ago, something on the way changes requests: a proxy, most likely"),
                }
            }
            Condition::Swapped => Finding::new(Cause::KeyAndSecretSwapped, "the access key id holds a `/`: most likely it is the secret")
                .likely()
                .try_this("key id and secret are swapped: exchange them"),
            Condition::SpaceInKeyId => {
                Finding::new(Cause::HiddenCharacters, "the access key id begins or ends with white space, or holds a comment")
                    .likely()
                    .try_this("type the access key id again, without anything before or behind it")
            }
            Condition::Unsigned => Finding::new(Cause::CredentialsMissing, "the request carried no credentials")
                .try_this("awsfresh doctor says where credentials were looked for"),
            Condition::MfaRejected if self.message.contains("one time pass code.") && self.message.contains("invalid") => {
                Finding::new(Cause::MfaCodeRejected, "AWS does not take the MFA code")
                    .try_this("wait for the next code: each one works once; then check the clock of the device")
            }
            Condition::MfaRejected => Finding::new(Cause::MfaCodeRejected, format!("AWS wants an MFA code of another device for {what}"))
                .try_this("check mfa_serial in the profile: aws iam list-mfa-devices"),
            Condition::AssumeRoleDenied => {
                Finding::new(Cause::AssumeRoleDenied, format!("AWS denies {what}")).try_this(remedy_named(self.message).unwrap_or(
                    "check the role's name and its trust policy (caller, external id, MFA), then the caller's sts:AssumeRole permission",
                ))
            }
            Condition::Denied => {
                let finding = Finding::new(Cause::PermissionDenied, "AWS knows these credentials, and they may not do this");
                let finding = finding.try_this("check that this is the identity you mean: awsfresh doctor");
                finding.try_this(remedy_named(self.message).unwrap_or("ask for the permission that the message names"))
            }
            Condition::RegionDisabled => {
                let place = asked.region.unwrap_or("this region");
                let home = partition::home_region(partition::of_region(place));
                Finding::new(Cause::RegionDisabled, format!("STS is switched off in {place}"))
                    .try_this(format!("use another region, such as {home}, or let an administrator switch it on in IAM"))
            }
            Condition::DurationTooLong => Finding::new(Cause::DurationTooLong, format!("{what} allows no session that long"))
                .try_this("lower duration_seconds in the profile, or raise the role's MaxSessionDuration"),
            Condition::RoleChainingLimit => {
                Finding::new(Cause::RoleChainingLimit, format!("{what} is assumed from a session, which AWS allows for 1 h at most"))
                    .try_this("duration_seconds = 3600 in the profile, or remove the line")
            }
            Condition::InvalidSetting if self.code == "PackedPolicyTooLarge" => Finding::new(
                Cause::ConfigMalformed,
                format!("session tags and session policy of {what} take more room than AWS gives them"),
            )
            .try_this("fewer or shorter tags, and a shorter policy; tags of a session before this one count, too"),
            Condition::InvalidSetting => Finding::new(Cause::ConfigMalformed, format!("AWS finds a setting of {what} invalid"))
                .try_this("correct the value that the message names"),
            Condition::WebIdentityExpired => Finding::new(Cause::WebIdentityExpired, "the web identity token has expired")
                .try_this("make whatever writes the token file write a new one"),
            Condition::WebIdentityRejected
                if self.code.starts_with("IDPCommunicationError") || self.message.contains("retrieve verification key") =>
            {
                Finding::new(Cause::WebIdentityRejected, "AWS could not reach the identity provider")
                    .likely()
                    .try_this("try again; if it persists, check that the provider's keys can be read from the internet")
            }
            Condition::WebIdentityRejected => {
                Finding::new(Cause::WebIdentityRejected, format!("AWS does not accept the web identity token for {what}"))
                    .try_this("check the identity provider, the audience and the role's name")
            }
            Condition::SsoSessionOver => {
                Finding::new(Cause::SsoSessionExpired, "the SSO session is over, or sso_region is wrong").likely().try_this("aws sso login")
            }
            Condition::SsoRegistrationOver => {
                Finding::new(Cause::SsoRegistrationExpired, "the SSO client registration has run out").try_this("aws sso login")
            }
            Condition::SsoNoAccess => Finding::new(Cause::SsoAccessRemoved, "the SSO user has no such role in the account")
                .try_this("check sso_account_id and sso_role_name (case matters), or ask an administrator for the assignment"),
            Condition::Throttled => Finding::new(Cause::Throttled, "AWS asks to slow down").try_this("try again in a minute"),
            Condition::Failing => Finding::new(Cause::AwsUnavailable, "AWS fails").try_this("try again; https://health.aws.amazon.com"),
        }
    }

    /// The two times in "Signature expired: … is now earlier than … (…)".
    fn times(&self) -> Option<(&str, &str)> {
        let rest = self.message.split_once(": ")?.1;
        let is_time = |text: &&str| text.len() == 16 && text.ends_with('Z') && text.as_bytes().get(8) == Some(&b'T');
        let mut times = rest.split([' ', '(', ')']).filter(is_time);
        let signed = times.next()?;
        Some((signed, times.nth(1)?))
    }
}

/// What refuses, in AWS's words, and what has to change there.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
const REFUSERS: &[(&str, &str)] = &[
    ("Roles may not be assumed by root accounts", "use an IAM user or a role: the root user can assume none"),
    ("AssumeRoleWithWebIdentity", "compare the role's trust policy with the token: provider, audience and subject"),
    ("perform: sts:TagSession", "allow sts:TagSession in the role's trust policy and to the caller, or send no tags"),
    ("perform: sts:SetSourceIdentity", "allow sts:SetSourceIdentity in the role's trust policy and to the caller"),
    ("service control policy", "a service control policy refuses it: an administrator of the organization has to change that"),
    ("resource control policy", "a resource control policy refuses it: an administrator of the organization has to change that"),
    ("permissions boundary", "the permissions boundary of the caller refuses it: whoever set it has to change it"),
    ("session policy", "the session policy of the caller refuses it: get a session without it"),
    ("VPC endpoint policy", "the policy of the VPC endpoint refuses it: let it allow this call"),
    ("explicit deny in an identity-based policy", "a policy of the caller denies it: an administrator has to change that"),
    ("no identity-based policy allows", "no policy of the caller allows it: ask for the permission that the message names"),
    ("resource-based policy", "the policy of what is asked for (of a role: its trust policy) does not allow the caller"),
];

/// What to do where AWS says itself what refuses.
pub fn remedy_named(message: &str) -> Option<&'static str> {
    REFUSERS.iter().find(|(words, _)| message.contains(words)).map(|(_, remedy)| *remedy)
}

impl std::fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status.filter(|status| *status > 0) {
            Some(status) => write!(f, "{} (HTTP {status}): {}", self.code, self.message),
            None => write!(f, "{}: {}", self.code, self.message),
        }
    }
}

/// How this system's clock is set right.
pub fn set_the_clock() -> &'static str {
    if cfg!(windows) {
        "w32tm /resync"
    } else if cfg!(target_os = "macos") {
        "sudo sntp -sS time.apple.com"
    } else {
        "sudo timedatectl set-ntp true"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Asked<'static> = Asked { what: "the role r", region: None, keys: None, partition: None };

    #[test]
    fn aws_says_itself_what_refuses() {
        let user = "User: arn:aws:iam::1:user/a is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::2:role/b";
        for (why, remedy) in [
            ("with an explicit deny in a service control policy", "organization"),
            ("because no permissions boundary allows the sts:AssumeRole action", "boundary"),
            ("because no identity-based policy allows the sts:AssumeRole action", "permission"),
            ("because no resource-based policy allows the sts:AssumeRole action", "trust policy"),
        ] {
            assert!(remedy_named(&format!("{user} {why}")).unwrap().contains(remedy), "{why}");
        }
        assert_eq!(remedy_named(user), None);
    }

    fn cause(code: &str, message: &str, asked: &Asked<'_>) -> (Cause, super::super::Certainty) {
        let answer = Answer { code, message, status: Some(403) };
        let finding = answer.finding(answer.condition().unwrap(), asked);
        (finding.cause, finding.certainty)
    }

    #[test]
    fn one_condition_has_many_codes() {
        for (codes, message, wanted) in [
            (&["InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"][..], "", Cause::AccessKeyUnknown),
            (&["AuthFailure"], "", Cause::AccessKeyUnknown),
            (&["InvalidToken"], "The provided token is malformed or otherwise invalid.", Cause::SessionTokenDamaged),
            (&["ExpiredToken", "ExpiredTokenException", "RequestExpired"], "", Cause::SessionExpired),
            (&["SignatureDoesNotMatch", "InvalidSignatureException"], "Signature expired: 1 is now earlier than 2", Cause::ClockSkew),
            (&["RequestTimeTooSkewed"], "", Cause::ClockSkew),
            (&["SignatureDoesNotMatch"], "Credential should be scoped to a valid region.", Cause::SignatureScopeMismatch),
            (&["AuthorizationHeaderMalformed"], "the region 'a' is wrong; expecting 'b'", Cause::SignatureScopeMismatch),
            (&["SignatureDoesNotMatch", "InvalidSignatureException"], "The request signature we calculated", Cause::SecretWrong),
            (&["IncompleteSignature"], "Credential must have exactly 5 slash-delimited elements", Cause::KeyAndSecretSwapped),
            (&["IncompleteSignatureException"], "'/2015' not a valid key=value pair", Cause::HiddenCharacters),
            (&["MissingAuthenticationToken"], "", Cause::CredentialsMissing),
            (&["AccessDenied"], "MultiFactorAuthentication failed with invalid MFA one time pass code.", Cause::MfaCodeRejected),
            (&["AccessDenied"], "User: x is not authorized to perform: sts:AssumeRole on resource: y", Cause::AssumeRoleDenied),
            (&["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"], "x", Cause::PermissionDenied),
            (&["RegionDisabledException"], "", Cause::RegionDisabled),
            (&["ValidationError"], "exceeds the MaxSessionDuration set for this role", Cause::DurationTooLong),
            (&["ValidationError"], "the 1 hour session limit for roles assumed by role chaining.", Cause::RoleChainingLimit),
            (&["ValidationError", "MalformedPolicyDocument"], "x", Cause::ConfigMalformed),
            (&["ExpiredTokenException"], "Token expired: current date/time 1 must be before", Cause::WebIdentityExpired),
            (&["InvalidIdentityToken"], "", Cause::WebIdentityRejected),
            (&["UnauthorizedException"], "Session token not found or invalid", Cause::SsoSessionExpired),
            (&["InvalidGrantException"], "", Cause::SsoSessionExpired),
            (&["InvalidClientException"], "", Cause::SsoRegistrationExpired),
            (&["ForbiddenException"], "No access", Cause::SsoAccessRemoved),
            (&["Throttling", "ThrottlingException", "SlowDown", "RequestLimitExceeded"], "", Cause::Throttled),
            (&["ServiceUnavailable", "InternalFailure"], "", Cause::AwsUnavailable),
        ] {
            for code in codes {
                assert_eq!(cause(code, message, &PLAIN).0, wanted, "{code}: {message}");
            }
        }
        assert_eq!(Answer { code: "NoSuchBucket", message: "", status: Some(404) }.condition(), None);
    }

    #[test]
    fn the_form_of_the_keys_tells_what_aws_does_not() {
        use super::super::Certainty::{Certain, Likely};
        let secret = "s".repeat(40);
        let asked = |id, secret, token| Asked { keys: Some(Keys { id, secret, token }), ..PLAIN };
        let cut = asked("AKIAQBENCHBENCH", secret.as_str(), None);
        assert_eq!(cause("InvalidClientTokenId", "", &cut), (Cause::KeyIdMalformed, Certain));
        let with_token = asked("AKIAQBENCHBENCHBENCH", secret.as_str(), Some("old"));
        assert_eq!(cause("InvalidClientTokenId", "", &with_token), (Cause::StaleSessionToken, Certain));
        let short = asked("AKIAQBENCHBENCHBENCH", "short", None);
        assert_eq!(cause("SignatureDoesNotMatch", "The request signature", &short), (Cause::SecretMalformed, Certain));
        assert_eq!(cause("InvalidClientTokenId", "", &short), (Cause::SecretMalformed, Likely));
        let fine = asked("AKIAQBENCHBENCHBENCH", secret.as_str(), None);
        assert_eq!(cause("InvalidClientTokenId", "", &fine), (Cause::AccessKeyUnknown, Certain));
        let abroad = Asked { region: Some("cn-north-1"), partition: Some("aws"), ..fine };
        assert_eq!(cause("InvalidClientTokenId", "", &abroad), (Cause::WrongPartition, Certain));
    }

    #[test]
    fn both_times_of_a_skewed_request_are_told() {
        let message = "Signature expired: 20220127T001427Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)";
        let answer = Answer { code: "SignatureDoesNotMatch", message, status: Some(403) };
        let finding = answer.finding(Condition::ClockSkew, &PLAIN);
        assert_eq!(finding.evidence[0], "signed at 20220127T001427Z, arrived at 20220127T015928Z");
    }
}
