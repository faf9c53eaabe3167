//! From codes and messages of AWS to causes.

use super::*;
use crate::aws::denier::denier_remedy;
use crate::finding::Certainty;

const PLAIN: RequestContext<'static> = RequestContext {
    what: "the role r",
    ..RequestContext::UNKNOWN
};

#[test]
fn aws_names_what_denies() {
    let user = "User: arn:aws:iam::1:user/a is not authorized to perform: sts:AssumeRole on resource: \
        arn:aws:iam::2:role/b";
    for (why, remedy) in [
        (
            "with an explicit deny in a service control policy",
            "organization",
        ),
        (
            "because no permissions boundary allows the sts:AssumeRole action",
            "boundary",
        ),
        (
            "because no identity-based policy allows the sts:AssumeRole action",
            "permission",
        ),
        (
            "because no resource-based policy allows the sts:AssumeRole action",
            "trust policy",
        ),
    ] {
        assert!(
            denier_remedy(&format!("{user} {why}"))
                .unwrap()
                .contains(remedy),
            "{why}"
        );
    }
    assert_eq!(denier_remedy(user), None);
}

fn cause(code: &str, message: &str, request: &RequestContext<'_>) -> (Cause, Certainty) {
    let error = ApiError {
        code,
        message,
        status: Some(403),
    };
    let finding = error.finding(error.kind().unwrap(), request);
    (finding.cause, finding.certainty)
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn one_kind_of_error_has_many_codes() {
    // One table: its length is the number of codes.
    for (codes, message, wanted) in [
        (
            &[
                "InvalidClientTokenId",
                "UnrecognizedClientException",
                "InvalidAccessKeyId",
            ][..],
            "",
            Cause::AccessKeyUnknown,
        ),
        (&["AuthFailure"], "", Cause::AccessKeyUnknown),
        (
            &["InvalidToken"],
            "The provided token is malformed or otherwise invalid.",
            Cause::SessionTokenDamaged,
        ),
        (
            &["ExpiredToken", "ExpiredTokenException", "RequestExpired"],
            "",
            Cause::SessionExpired,
        ),
        (
            &["SignatureDoesNotMatch", "InvalidSignatureException"],
            "Signature expired: 1 is now earlier than 2",
            Cause::ClockSkew,
        ),
        (&["RequestTimeTooSkewed"], "", Cause::ClockSkew),
        (
            &["SignatureDoesNotMatch"],
            "Credential should be scoped to a valid region.",
            Cause::SignatureScopeMismatch,
        ),
        (
            &["AuthorizationHeaderMalformed"],
            "the region 'a' is wrong; expecting 'b'",
            Cause::SignatureScopeMismatch,
        ),
        (
            &["AuthorizationHeaderMalformed"],
            "The authorization header is malformed; a non-empty region must be provided in the \
             credential.",
            Cause::RegionInvalid,
        ),
        (
            &["SignatureDoesNotMatch"],
            "Credential should be scoped to a valid region, not ''.",
            Cause::RegionInvalid,
        ),
        (
            &["AuthorizationHeaderMalformed"],
            "a non-empty Access Key (AKID) must be provided in the credential.",
            Cause::CredentialsMissing,
        ),
        (
            &["SignatureDoesNotMatch", "InvalidSignatureException"],
            "The request signature we calculated",
            Cause::SecretWrong,
        ),
        (
            &["IncompleteSignature"],
            "Credential must have exactly 5 slash-delimited elements",
            Cause::KeyAndSecretSwapped,
        ),
        (
            &["IncompleteSignatureException"],
            "'/2015' not a valid key=value pair",
            Cause::HiddenCharacters,
        ),
        (
            &["MissingAuthenticationToken"],
            "",
            Cause::CredentialsMissing,
        ),
        (
            &["AccessDenied"],
            "MultiFactorAuthentication failed with invalid MFA one time pass code.",
            Cause::MfaCodeRejected,
        ),
        (
            &["AccessDenied"],
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time \
             pass code.",
            Cause::MfaNeeded,
        ),
        (
            &["AccessDenied"],
            "User: x is not authorized to perform: sts:AssumeRole on resource: y",
            Cause::AssumeRoleDenied,
        ),
        (
            &[
                "AccessDenied",
                "AccessDeniedException",
                "UnauthorizedOperation",
            ],
            "x",
            Cause::PermissionDenied,
        ),
        (&["RegionDisabledException"], "", Cause::RegionDisabled),
        (
            &["ValidationError"],
            "exceeds the MaxSessionDuration set for this role",
            Cause::DurationTooLong,
        ),
        (
            &["ValidationError"],
            "the 1 hour session limit for roles assumed by role chaining.",
            Cause::RoleChainingLimit,
        ),
        (
            &["ValidationError", "MalformedPolicyDocument"],
            "x",
            Cause::ConfigMalformed,
        ),
        (
            &["ExpiredTokenException"],
            "Token expired: current date/time 1 must be before",
            Cause::WebIdentityExpired,
        ),
        (&["InvalidIdentityToken"], "", Cause::WebIdentityRejected),
        (
            &["UnauthorizedException"],
            "Session token not found or invalid",
            Cause::SsoSessionExpired,
        ),
        (&["InvalidGrantException"], "", Cause::SsoSessionExpired),
        (
            &["InvalidClientException"],
            "",
            Cause::SsoRegistrationExpired,
        ),
        (
            &["ForbiddenException"],
            "No access",
            Cause::SsoAccessRemoved,
        ),
        (
            &[
                "Throttling",
                "ThrottlingException",
                "SlowDown",
                "RequestLimitExceeded",
            ],
            "",
            Cause::Throttled,
        ),
        (
            &["ServiceUnavailable", "InternalFailure"],
            "",
            Cause::AwsUnavailable,
        ),
    ] {
        for code in codes {
            assert_eq!(cause(code, message, &PLAIN).0, wanted, "{code}: {message}");
        }
    }
    assert_eq!(
        ApiError {
            code: "NoSuchBucket",
            message: "",
            status: Some(404)
        }
        .kind(),
        None
    );
}

#[test]
fn the_form_of_the_keys_shows_what_aws_does_not_say() {
    use Certainty::{Certain, Likely};
    let secret = "s".repeat(40);
    let request = |id, secret, token| RequestContext {
        keys: Some(Keys { id, secret, token }),
        ..PLAIN
    };
    let cut = request("AKIAQBENCHBENCH", secret.as_str(), None);
    assert_eq!(
        cause("InvalidClientTokenId", "", &cut),
        (Cause::KeyIdMalformed, Certain)
    );
    let with_token = request("AKIAQBENCHBENCHBENCH", secret.as_str(), Some("old"));
    assert_eq!(
        cause("InvalidClientTokenId", "", &with_token),
        (Cause::StaleSessionToken, Certain)
    );
    let short = request("AKIAQBENCHBENCHBENCH", "short", None);
    assert_eq!(
        cause("SignatureDoesNotMatch", "The request signature", &short),
        (Cause::SecretMalformed, Certain)
    );
    assert_eq!(
        cause("InvalidClientTokenId", "", &short),
        (Cause::SecretMalformed, Likely)
    );
    let fine = request("AKIAQBENCHBENCHBENCH", secret.as_str(), None);
    assert_eq!(
        cause("InvalidClientTokenId", "", &fine),
        (Cause::AccessKeyUnknown, Certain)
    );
    let abroad = RequestContext {
        region: Some("cn-north-1"),
        partition: Some("aws"),
        ..fine
    };
    assert_eq!(
        cause("InvalidClientTokenId", "", &abroad),
        (Cause::WrongPartition, Certain)
    );
}

#[test]
fn both_times_of_a_skewed_request_are_shown() {
    let message = "Signature expired: 20220127T001427Z is now earlier than 20220127T014428Z \
        (20220127T015928Z - 15 min.)";
    let error = ApiError {
        code: "SignatureDoesNotMatch",
        message,
        status: Some(403),
    };
    let finding = error.finding(ErrorKind::ClockSkew, &PLAIN);
    assert_eq!(
        finding.evidence[0],
        "signed at 20220127T001427Z, arrived at 20220127T015928Z"
    );
}
