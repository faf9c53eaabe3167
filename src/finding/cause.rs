//! The published cause ids, and the class that each belongs to.

/// What a cause means for the caller. The numbers are the exit codes, a published contract
/// (docs/exit-codes.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing is wrong.
    Healthy = 0,
    /// A failure without a class of its own: report it.
    Unexpected = 1,
    /// The caller has to change the arguments or an `AWSFRESH_*` setting.
    Usage = 2,
    /// The user has to change a file or an environment variable.
    Configuration = 3,
    /// A person has to sign in or type an MFA code.
    NeedsPerson = 4,
    /// AWS does not accept the credentials: other credentials are needed.
    Rejected = 5,
    /// AWS knows the caller and denies the request: a permission is missing.
    Denied = 6,
    /// AWS cannot be reached or is failing: the same call may work later.
    Unreachable = 7,
    /// The credential store cannot be used.
    Store = 8,
    /// Another process held the refresh lock until the deadline: the same call may work at once.
    Lock = 9,
}

impl Class {
    /// The process exit code.
    pub fn code(self) -> u8 {
        self as u8
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $variant:ident = $id:literal => $class:ident,)*) => {
        /// Why something failed. Ids and exit codes are a published contract (docs/exit-codes.md).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum Cause { $($(#[$doc])* #[serde(rename = $id)] $variant,)* }

        impl Cause {
            /// Every cause, in order of exit code.
            pub const ALL: &'static [Cause] = &[$(Cause::$variant),*];

            /// The published id.
            pub fn id(self) -> &'static str {
                match self { $(Cause::$variant => $id,)* }
            }

            /// The class, which decides the exit code.
            pub fn class(self) -> Class {
                match self { $(Cause::$variant => Class::$class,)* }
            }
        }
    };
}

causes! {
    /// Nothing is wrong.
    Healthy = "healthy" => Healthy,
    /// Nothing in the table fits.
    Unexpected = "unexpected" => Unexpected,
    /// An argument or `AWSFRESH_*` setting is not usable.
    Usage = "usage" => Usage,
    /// No such profile in either file.
    ProfileNotFound = "profile-not-found" => Configuration,
    /// A file exists but cannot be read.
    ConfigUnreadable = "config-unreadable" => Configuration,
    /// A line or value is invalid.
    ConfigMalformed = "config-malformed" => Configuration,
    /// A key or section is defined twice, and tools disagree on which one counts.
    ConfigDuplicate = "config-duplicate" => Configuration,
    /// A BOM or bytes that are not UTF-8.
    ConfigEncoding = "config-encoding" => Configuration,
    /// Profiles name each other in a cycle.
    ProfileCycle = "profile-cycle" => Configuration,
    /// A role without a source, or a source that does not exist.
    SourceMissing = "source-missing" => Configuration,
    /// No source of credentials is configured or offered.
    CredentialsMissing = "credentials-missing" => Configuration,
    /// Several sources in one profile, which SDKs rank differently.
    SourceConflict = "source-conflict" => Configuration,
    /// Keys in the environment outrank the profile that was meant.
    EnvShadowsProfile = "env-shadows-profile" => Configuration,
    /// `[default]` outranks what the container or machine offers, or replaces a profile that
    /// does not exist.
    DefaultProfileShadows = "default-profile-shadows" => Configuration,
    /// Keys in the credentials file outrank what the config file says of the same profile.
    CredentialsFileShadows = "credentials-file-shadows" => Configuration,
    /// `AWS_SECURITY_TOKEN`, which Python tools prefer, is not the token that belongs to the key.
    SecurityTokenShadows = "security-token-shadows" => Configuration,
    /// Key ID, secret and token do not come from one place.
    MixedCredentialParts = "mixed-credential-parts" => Configuration,
    /// Credentials from documentation, an example or an emulator.
    PlaceholderCredentials = "placeholder-credentials" => Configuration,
    /// `credential_process` that would call awsfresh for the same profile again.
    ProcessSelfRecursion = "process-self-recursion" => Configuration,
    /// Another program's `credential_process` failed.
    ProcessFailed = "process-failed" => Configuration,
    /// Another program's `credential_process` printed something other than credentials.
    ProcessOutputInvalid = "process-output-invalid" => Configuration,
    /// A value that is not an access key ID.
    KeyIdMalformed = "key-id-malformed" => Configuration,
    /// A value that is not a secret access key.
    SecretMalformed = "secret-malformed" => Configuration,
    /// The secret is in the place of the key ID, and the key ID in the place of the secret.
    KeyAndSecretSwapped = "key-and-secret-swapped" => Configuration,
    /// A session token that was truncated, wrapped or escaped.
    SessionTokenDamaged = "session-token-damaged" => Configuration,
    /// A long-term key with a session token, which belongs to another key.
    StaleSessionToken = "stale-session-token" => Configuration,
    /// A temporary key ID without its session token.
    TemporaryKeyWithoutToken = "temporary-key-without-token" => Configuration,
    /// White space or invisible characters in a value.
    HiddenCharacters = "hidden-characters" => Configuration,
    /// A comment after a value, which Python tools read as part of the value.
    InlineCommentInValue = "inline-comment-in-value" => Configuration,
    /// A value that is not a region.
    RegionInvalid = "region-invalid" => Configuration,
    /// Two variables name different regions, and tools differ in which one they read.
    RegionConflict = "region-conflict" => Configuration,
    /// `duration_seconds` beyond what AWS or the role allows.
    DurationTooLong = "duration-too-long" => Configuration,
    /// `sso_region` is not the region of the SSO instance.
    SsoRegionMismatch = "sso-region-mismatch" => Configuration,
    /// FIPS endpoints are required, and the service has none in the region.
    FipsUnavailable = "fips-unavailable" => Configuration,
    /// A role assumed from a session cannot last longer than an hour.
    RoleChainingLimit = "role-chaining-limit" => Configuration,
    /// A file that other users can read or write, or that belongs to another user.
    FilePermissions = "file-permissions" => Configuration,
    /// An MFA code has to be typed by a person.
    MfaNeeded = "mfa-needed" => NeedsPerson,
    /// AWS rejected the MFA code or the device.
    MfaCodeRejected = "mfa-code-rejected" => NeedsPerson,
    /// The SSO session has expired.
    SsoSessionExpired = "sso-session-expired" => NeedsPerson,
    /// There was no sign-in to the SSO session on this machine.
    SsoSessionMissing = "sso-session-missing" => NeedsPerson,
    /// The SSO token cannot be refreshed (legacy sign-in).
    SsoNotRefreshable = "sso-not-refreshable" => NeedsPerson,
    /// The SSO client registration has expired.
    SsoRegistrationExpired = "sso-registration-expired" => NeedsPerson,
    /// The SSO token file cannot be used.
    SsoCacheDamaged = "sso-cache-damaged" => NeedsPerson,
    /// The `aws login` session has expired.
    LoginSessionExpired = "login-session-expired" => NeedsPerson,
    /// AWS does not know the key.
    AccessKeyUnknown = "access-key-unknown" => Rejected,
    /// The signature does not match.
    SecretWrong = "secret-wrong" => Rejected,
    /// The session of these credentials has expired.
    SessionExpired = "session-expired" => Rejected,
    /// The role behind a session was deleted, or the session was revoked.
    RoleDeleted = "role-deleted" => Rejected,
    /// The key is so new that AWS does not know it everywhere yet.
    KeyNotPropagated = "key-not-propagated" => Rejected,
    /// A session of GetSessionToken without MFA cannot call IAM and most of STS.
    GetSessionTokenLimits = "get-session-token-limits" => Rejected,
    /// Credentials of one partition in a region of another.
    WrongPartition = "wrong-partition" => Rejected,
    /// A token of the global STS endpoint in an opt-in region.
    OptInRegionToken = "opt-in-region-token" => Rejected,
    /// The request was signed for another region or service.
    SignatureScopeMismatch = "signature-scope-mismatch" => Rejected,
    /// Requests go to an endpoint that is not AWS.
    EndpointOverridden = "endpoint-overridden" => Rejected,
    /// The clocks of this machine and of AWS differ.
    ClockSkew = "clock-skew" => Rejected,
    /// The web identity token has expired.
    WebIdentityExpired = "web-identity-expired" => Rejected,
    /// AWS rejected the web identity token.
    WebIdentityRejected = "web-identity-rejected" => Rejected,
    /// The credentials belong to another identity than expected.
    IdentityUnexpected = "identity-unexpected" => Rejected,
    /// STS is not activated in the region, or the region is not enabled.
    RegionDisabled = "region-disabled" => Rejected,
    /// AWS knows the caller and denies the role.
    AssumeRoleDenied = "assume-role-denied" => Denied,
    /// AWS knows the caller and denies the request.
    PermissionDenied = "permission-denied" => Denied,
    /// The role's trust policy requires another external ID.
    ExternalIdMismatch = "external-id-mismatch" => Denied,
    /// The SSO user has no such role in the account.
    SsoAccessRemoved = "sso-access-removed" => Denied,
    /// A name does not resolve.
    DnsFailure = "dns-failure" => Unreachable,
    /// No connection, or no response in time.
    ConnectTimeout = "connect-timeout" => Unreachable,
    /// The proxy rejects the connection, or its setting is wrong.
    ProxyMisconfigured = "proxy-misconfigured" => Unreachable,
    /// A certificate that no trusted authority signed.
    TlsUntrusted = "tls-untrusted" => Unreachable,
    /// A response that no AWS service sends.
    CaptivePortal = "captive-portal" => Unreachable,
    /// AWS is throttling requests.
    Throttled = "throttled" => Unreachable,
    /// AWS returned a server error.
    AwsUnavailable = "aws-unavailable" => Unreachable,
    /// The instance metadata service does not respond.
    MetadataUnreachable = "metadata-unreachable" => Unreachable,
    /// The token of the metadata service does not reach this host: its hop limit is too low.
    MetadataHopLimit = "metadata-hop-limit" => Unreachable,
    /// The instance has no role, or one that EC2 cannot assume.
    MetadataNoRole = "metadata-no-role" => Unreachable,
    /// The container credentials endpoint does not respond.
    ContainerEndpointUnreachable = "container-endpoint-unreachable" => Unreachable,
    /// The keyring is locked.
    StoreLocked = "store-locked" => Store,
    /// The chosen store cannot be used here.
    StoreUnavailable = "store-unavailable" => Store,
    /// Another process held the refresh lock until the deadline.
    LockTimeout = "lock-timeout" => Lock,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_their_published_codes() {
        for (cause, code) in [
            (Cause::Healthy, 0),
            (Cause::Unexpected, 1),
            (Cause::Usage, 2),
            (Cause::ProfileNotFound, 3),
            (Cause::MfaNeeded, 4),
            (Cause::IdentityUnexpected, 5),
            (Cause::PermissionDenied, 6),
            (Cause::AwsUnavailable, 7),
            (Cause::StoreLocked, 8),
            (Cause::LockTimeout, 9),
        ] {
            assert_eq!(cause.class().code(), code);
        }
        assert!(
            Cause::ALL.is_sorted_by_key(|cause| cause.class()),
            "the order of the table"
        );
    }

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let mut ids: Vec<_> = Cause::ALL.iter().map(|c| c.id()).collect();
        let is_kebab = |id: &&str| id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(ids.iter().all(is_kebab));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Cause::ALL.len());
    }
}
