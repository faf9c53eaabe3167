//! The published cause ids and the exit code each belongs to.

macro_rules! causes {
    ($($(#[$doc:meta])* $variant:ident = $id:literal => $code:literal,)*) => {
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

            /// The process exit code of its class.
            pub fn exit_code(self) -> u8 {
                match self { $(Cause::$variant => $code,)* }
            }
        }
    };
}

causes! {
    /// Nothing is wrong.
    Healthy = "healthy" => 0,
    /// Nothing in the table fits.
    Unexpected = "unexpected" => 1,
    /// An argument or `AWSFRESH_*` setting is not usable.
    Usage = "usage" => 2,
    /// No such profile in either file.
    ProfileNotFound = "profile-not-found" => 3,
    /// A file exists but cannot be read.
    ConfigUnreadable = "config-unreadable" => 3,
    /// A line or value makes no sense.
    ConfigMalformed = "config-malformed" => 3,
    /// A key or section stands twice where tools disagree on which one counts.
    ConfigDuplicate = "config-duplicate" => 3,
    /// A BOM or bytes that are not UTF-8.
    ConfigEncoding = "config-encoding" => 3,
    /// Profiles point at each other in a ring.
    ProfileCycle = "profile-cycle" => 3,
    /// A role without a source, or a source that does not exist.
    SourceMissing = "source-missing" => 3,
    /// Nothing offers any credentials.
    CredentialsMissing = "credentials-missing" => 3,
    /// Several sources in one profile, which SDKs rank differently.
    SourceConflict = "source-conflict" => 3,
    /// Keys in the environment outrank the profile that was meant.
    EnvShadowsProfile = "env-shadows-profile" => 3,
    /// `[default]` outranks what the container or machine offers, or stands in for a profile that does not exist.
    DefaultProfileShadows = "default-profile-shadows" => 3,
    /// Keys in the credentials file outrank what the config file says of the same profile.
    CredentialsFileShadows = "credentials-file-shadows" => 3,
    /// `AWS_SECURITY_TOKEN`, which Python tools prefer, is not the token that belongs to the key.
    SecurityTokenShadows = "security-token-shadows" => 3,
    /// Key id, secret and token do not come from one place.
    MixedCredentialParts = "mixed-credential-parts" => 3,
    /// Credentials out of documentation, an example or an emulator.
    PlaceholderCredentials = "placeholder-credentials" => 3,
    /// `credential_process` that would call awsfresh for the same profile again.
    ProcessSelfRecursion = "process-self-recursion" => 3,
    /// A foreign `credential_process` failed.
    ProcessFailed = "process-failed" => 3,
    /// A foreign `credential_process` answered something else than credentials.
    ProcessOutputInvalid = "process-output-invalid" => 3,
    /// An access key id that cannot be one.
    KeyIdMalformed = "key-id-malformed" => 3,
    /// A secret access key that cannot be one.
    SecretMalformed = "secret-malformed" => 3,
    /// The secret stands where the key id belongs, and the other way round.
    KeyAndSecretSwapped = "key-and-secret-swapped" => 3,
    /// A session token that was cut, wrapped or escaped on its way.
    SessionTokenDamaged = "session-token-damaged" => 3,
    /// A long-term key together with a session token, which belongs to another key.
    StaleSessionToken = "stale-session-token" => 3,
    /// A temporary key id without its session token.
    TemporaryKeyWithoutToken = "temporary-key-without-token" => 3,
    /// White space or invisible characters in a value.
    HiddenCharacters = "hidden-characters" => 3,
    /// `# …` behind a value, which Python tools take as part of it.
    InlineCommentInValue = "inline-comment-in-value" => 3,
    /// A region that is not one.
    RegionInvalid = "region-invalid" => 3,
    /// Two variables name two regions, and tools differ in which they take.
    RegionConflict = "region-conflict" => 3,
    /// `duration_seconds` beyond what AWS or the role allows.
    DurationTooLong = "duration-too-long" => 3,
    /// `sso_region` is not the region of the SSO instance.
    SsoRegionMismatch = "sso-region-mismatch" => 3,
    /// FIPS endpoints are asked for, and the service has none in this region.
    FipsUnavailable = "fips-unavailable" => 3,
    /// A role assumed from a session cannot last longer than an hour.
    RoleChainingLimit = "role-chaining-limit" => 3,
    /// A file others could read or write.
    FilePermissions = "file-permissions" => 3,
    /// An MFA code has to be typed by a person.
    MfaNeeded = "mfa-needed" => 4,
    /// AWS did not take the MFA code, or does not know the device.
    MfaCodeRejected = "mfa-code-rejected" => 4,
    /// The SSO session is over.
    SsoSessionExpired = "sso-session-expired" => 4,
    /// Nobody has signed in to the SSO session here.
    SsoSessionMissing = "sso-session-missing" => 4,
    /// The SSO token cannot be refreshed (legacy sign-in).
    SsoNotRefreshable = "sso-not-refreshable" => 4,
    /// The SSO client registration has run out.
    SsoRegistrationExpired = "sso-registration-expired" => 4,
    /// The SSO token file cannot be used.
    SsoCacheDamaged = "sso-cache-damaged" => 4,
    /// The `aws login` session is over.
    LoginSessionExpired = "login-session-expired" => 4,
    /// AWS does not know the key.
    AccessKeyUnknown = "access-key-unknown" => 5,
    /// The signature does not match.
    SecretWrong = "secret-wrong" => 5,
    /// The session these credentials belong to is over.
    SessionExpired = "session-expired" => 5,
    /// The role behind a session, or the session itself, is gone before its time.
    RoleDeleted = "role-deleted" => 5,
    /// The key is so new that AWS does not know it everywhere yet.
    KeyNotPropagated = "key-not-propagated" => 5,
    /// A session of GetSessionToken without MFA may not call IAM, and of STS little.
    GetSessionTokenLimits = "get-session-token-limits" => 5,
    /// Credentials of one partition in a region of another.
    WrongPartition = "wrong-partition" => 5,
    /// A token of the global endpoint in a region that has to be switched on.
    OptInRegionToken = "opt-in-region-token" => 5,
    /// Signed for another region or service than the one that was asked.
    SignatureScopeMismatch = "signature-scope-mismatch" => 5,
    /// Requests go somewhere else than to AWS.
    EndpointOverridden = "endpoint-overridden" => 5,
    /// The clock here and AWS's clock differ.
    ClockSkew = "clock-skew" => 5,
    /// The web identity token has run out.
    WebIdentityExpired = "web-identity-expired" => 5,
    /// The web identity token was not accepted.
    WebIdentityRejected = "web-identity-rejected" => 5,
    /// The credentials belong to somebody else than was expected.
    IdentityUnexpected = "identity-unexpected" => 5,
    /// STS is off in the region.
    RegionDisabled = "region-disabled" => 5,
    /// AWS knows the caller and refuses the role.
    AssumeRoleDenied = "assume-role-denied" => 6,
    /// AWS knows the caller, who may not do what was asked.
    PermissionDenied = "permission-denied" => 6,
    /// The role's trust asks for another external id.
    ExternalIdMismatch = "external-id-mismatch" => 6,
    /// The SSO user has no such role in the account.
    SsoAccessRemoved = "sso-access-removed" => 6,
    /// A name does not resolve.
    DnsFailure = "dns-failure" => 7,
    /// No connection, or no answer in time.
    ConnectTimeout = "connect-timeout" => 7,
    /// The proxy refuses or is not one.
    ProxyMisconfigured = "proxy-misconfigured" => 7,
    /// A certificate no trusted authority signed.
    TlsUntrusted = "tls-untrusted" => 7,
    /// An answer that no AWS service sends.
    CaptivePortal = "captive-portal" => 7,
    /// AWS asks to slow down.
    Throttled = "throttled" => 7,
    /// AWS fails.
    AwsUnavailable = "aws-unavailable" => 7,
    /// The instance metadata service does not answer.
    MetadataUnreachable = "metadata-unreachable" => 7,
    /// The metadata service is one network hop too far away for its token.
    MetadataHopLimit = "metadata-hop-limit" => 7,
    /// The machine has no role, or one that EC2 may not assume.
    MetadataNoRole = "metadata-no-role" => 7,
    /// The container credentials endpoint does not answer.
    ContainerEndpointUnreachable = "container-endpoint-unreachable" => 7,
    /// The keyring is locked.
    StoreLocked = "store-locked" => 8,
    /// The chosen store cannot be used here.
    StoreUnavailable = "store-unavailable" => 8,
    /// Another process held the refresh lock too long.
    LockTimeout = "lock-timeout" => 9,
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
            assert_eq!(cause.exit_code(), code);
        }
        assert!(Cause::ALL.is_sorted_by_key(|cause| cause.exit_code()), "the order of the table");
    }

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let mut ids: Vec<_> = Cause::ALL.iter().map(|c| c.id()).collect();
        assert!(ids.iter().all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Cause::ALL.len());
    }
}
