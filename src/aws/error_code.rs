//! What an error code of AWS means, whichever service returned it: one kind of error has different
//! codes in different families of services. Pure. Sources:
//! <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>, and what real clients
//! print.

/// An error as AWS returned it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiError<'a> {
    /// Its code, as in `InvalidClientTokenId`.
    pub(crate) code: &'a str,
    /// Its message; may be empty.
    pub(crate) message: &'a str,
    /// The HTTP status, if it is known.
    pub(crate) status: Option<u16>,
}

/// What an error means. The finding for each is in [`super::error_finding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    KeyUnknown,
    /// The account is not activated, or was closed.
    NotActivated,
    /// EC2 cannot assume the role of the instance.
    InstanceRoleDenied,
    /// EC2 does not distinguish an unknown key from a wrong secret or a wrong clock.
    AuthFailure,
    TokenDamaged,
    Expired,
    ClockSkew,
    ScopeMismatch,
    /// The request was signed without a region.
    RegionMissing,
    SecretWrong,
    /// The key ID contains a `/`: it is the secret.
    KeyAndSecretSwapped,
    /// The key ID begins or ends with white space.
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
    SsoSessionExpired,
    SsoRegistrationExpired,
    SsoNoAccess,
    Throttled,
    ServerError,
}

impl ApiError<'_> {
    /// `None` for an error that says nothing about credentials.
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        let code = self.code.trim_end_matches("Exception");
        self.key_error(code)
            .or_else(|| self.signature_error(code))
            .or_else(|| self.permission_error(code))
            .or_else(|| self.role_error(code))
            .or_else(|| sso_error(code, self.message))
            .or_else(|| self.server_error(code))
    }

    fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }

    /// The key, its token or its account.
    fn key_error(&self, code: &str) -> Option<ErrorKind> {
        Some(match code {
            "OptInRequired" | "NotSignedUp" => ErrorKind::NotActivated,
            "InvalidClientTokenId" if self.says("STS is not activated") => {
                ErrorKind::RegionDisabled
            }
            "InvalidClientTokenId" | "UnrecognizedClient" | "InvalidAccessKeyId" => {
                ErrorKind::KeyUnknown
            }
            "AuthFailure" if self.says("Not authorized for") => ErrorKind::Denied,
            "AuthFailure" => ErrorKind::AuthFailure,
            "InvalidToken" if self.says("token") => ErrorKind::TokenDamaged,
            "ExpiredToken" if self.says("current date/time") || self.says("Token expired") => {
                ErrorKind::WebIdentityExpired
            }
            "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => ErrorKind::Expired,
            "MissingAuthenticationToken" => ErrorKind::Unsigned,
            "RegionDisabled" => ErrorKind::RegionDisabled,
            _ => return None,
        })
    }

    /// The signature, its time or its scope.
    fn signature_error(&self, code: &str) -> Option<ErrorKind> {
        let is_late = self.says("Signature expired") || self.says("not yet current");
        let is_scope = self.says("should be scoped to") || self.says("Credential scope");
        let has_slash = self.says("slash-delimited") || self.says("exactly 5");
        Some(match code {
            "RequestTimeTooSkewed" => ErrorKind::ClockSkew,
            "SignatureDoesNotMatch" | "InvalidSignature" if is_late => ErrorKind::ClockSkew,
            "SignatureDoesNotMatch" | "InvalidSignature" if self.says("a valid region, not ''") => {
                ErrorKind::RegionMissing
            }
            "SignatureDoesNotMatch" | "InvalidSignature" if is_scope => ErrorKind::ScopeMismatch,
            "SignatureDoesNotMatch" | "InvalidSignature" => ErrorKind::SecretWrong,
            "AuthorizationHeaderMalformed" if self.says("is wrong; expecting") => {
                ErrorKind::ScopeMismatch
            }
            "AuthorizationHeaderMalformed" if self.says("a non-empty region") => {
                ErrorKind::RegionMissing
            }
            "AuthorizationHeaderMalformed" if self.says("a non-empty Access Key") => {
                ErrorKind::Unsigned
            }
            "IncompleteSignature" | "AuthorizationHeaderMalformed" if has_slash => {
                ErrorKind::KeyAndSecretSwapped
            }
            "IncompleteSignature" | "AuthorizationHeaderMalformed" => ErrorKind::SpaceInKeyId,
            _ => return None,
        })
    }

    /// A permission, an MFA code or an SSO assignment.
    fn permission_error(&self, code: &str) -> Option<ErrorKind> {
        let for_role = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
        let for_role = for_role.into_iter().any(|action| self.says(action))
            || self.says("Roles may not be assumed by root accounts");
        Some(match code {
            "AccessDenied" | "Forbidden" if self.says("MultiFactorAuthentication failed") => {
                ErrorKind::MfaRejected
            }
            "AccessDenied" if for_role => ErrorKind::AssumeRoleDenied,
            "Forbidden" if self.says("No access") => ErrorKind::SsoNoAccess,
            "AccessDenied" | "UnauthorizedOperation" | "Forbidden" => ErrorKind::Denied,
            "AssumeRoleUnauthorizedAccess" => ErrorKind::InstanceRoleDenied,
            _ => return None,
        })
    }

    /// What STS rejects in the settings of a role, and web identities.
    fn role_error(&self, code: &str) -> Option<ErrorKind> {
        let too_long = self.says("MaxSessionDuration") || self.says("session limit");
        Some(match code {
            "ValidationError" if self.says("role chaining") => ErrorKind::RoleChainingLimit,
            "ValidationError" if too_long => ErrorKind::DurationTooLong,
            "ValidationError" if self.says("AccessDenied") => ErrorKind::Denied,
            "ValidationError" | "MalformedPolicyDocument" | "PackedPolicyTooLarge" => {
                ErrorKind::InvalidSetting
            }
            "InvalidIdentityToken" | "IDPRejectedClaim" | "IDPCommunicationError" => {
                ErrorKind::WebIdentityRejected
            }
            _ => return None,
        })
    }

    fn server_error(&self, code: &str) -> Option<ErrorKind> {
        let throttled = [
            "SlowDown",
            "RequestLimitExceeded",
            "TooManyRequests",
            "BandwidthLimitExceeded",
        ];
        let failed = [
            "ServiceUnavailable",
            "InternalFailure",
            "InternalError",
            "InternalServerError",
        ];
        if throttled.contains(&code) || code.contains("Throttl") {
            Some(ErrorKind::Throttled)
        } else if failed.contains(&code) {
            Some(ErrorKind::ServerError)
        } else {
            match self.status? {
                429 => Some(ErrorKind::Throttled),
                500.. => Some(ErrorKind::ServerError),
                _ => None,
            }
        }
    }
}

fn sso_error(code: &str, message: &str) -> Option<ErrorKind> {
    match code {
        "Unauthorized" if message.contains("Session token") => Some(ErrorKind::SsoSessionExpired),
        "InvalidGrant" => Some(ErrorKind::SsoSessionExpired),
        "InvalidClient" => Some(ErrorKind::SsoRegistrationExpired),
        _ => None,
    }
}

impl std::fmt::Display for ApiError<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status.filter(|status| *status > 0) {
            Some(status) => write!(f, "{} (HTTP {status}): {}", self.code, self.message),
            None => write!(f, "{}: {}", self.code, self.message),
        }
    }
}
