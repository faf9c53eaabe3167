//! Messages of clients themselves, instead of an answer by AWS: words, meaning, remedy. Pure data.

use crate::aws::shared_findings::SHARED_SIGN_IN;
use crate::finding::Cause;

/// A message of a client itself.
pub(super) struct ClientMessage {
    /// Words of it, in the forms of different clients.
    pub(super) words: &'static [&'static str],
    pub(super) cause: Cause,
    /// What it means.
    pub(super) meaning: &'static str,
    /// What to do.
    pub(super) remedy: &'static str,
}

const fn message(
    words: &'static [&'static str],
    cause: Cause,
    meaning: &'static str,
    remedy: &'static str,
) -> ClientMessage {
    ClientMessage {
        words,
        cause,
        meaning,
        remedy,
    }
}

const SIGN_IN_TO_ECR: &str = "aws ecr get-login-password | docker login --username AWS \
    --password-stdin ACCOUNT.dkr.ecr.REGION.amazonaws.com";

const CHECK_CONTAINER_ROLE: &str = "in ECS or EKS: check the task or pod role; elsewhere: unset \
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI";

const NO_METADATA_CREDENTIALS: &str =
    "no credentials were found, not even from the instance metadata service";

/// In order: the most specific first, "no credentials" after its reasons, and after that the
/// sources that only machines and containers have, which SDKs try last.
pub(super) const CLIENT_MESSAGES: &[ClientMessage] = &[
    message(
        &[
            "Cannot refresh credentials: MFA token required",
            "AssumeRoleTokenProvider session option not set",
        ],
        Cause::MfaNeeded,
        "the role requires an MFA code, and the program cannot ask for one",
        "use a profile that needs no code, or IAM Identity Center",
    ),
    message(
        &[
            "Error loading SSO Token: Token for ",
            "failed to read cached SSO token file",
            "refresh cached SSO token failed, open ",
            "SSO session associated with this profile is invalid",
        ],
        Cause::SsoSessionMissing,
        "not signed in to the SSO session on the machine of the program",
        SHARED_SIGN_IN,
    ),
    message(
        &[
            "The SSO access token has either expired or is otherwise invalid",
            "Token has expired and refresh failed",
            "SSO session associated with this profile has expired",
            "Token is expired. To refresh this SSO session",
            "SSO session token has expired",
            "The SSO session token associated with profile",
            "refresh cached SSO token failed",
            "SSOProviderInvalidToken",
        ],
        Cause::SsoSessionExpired,
        "the SSO session has expired",
        SHARED_SIGN_IN,
    ),
    message(
        &[
            "Error loading SSO Token",
            "Cached SSO token must contain",
            "SSOTokenProviderFailure",
        ],
        Cause::SsoSessionMissing,
        "not signed in to the SSO session on the machine of the program",
        SHARED_SIGN_IN,
    ),
    message(
        &[
            "is configured to use SSO but is missing required configuration",
            "Missing the following required SSO configuration values",
        ],
        Cause::SsoNotRefreshable,
        "the program does not support [sso-session], unless the profile has none",
        "use awsfresh -p PROFILE -- COMMAND, or a newer version of the program: the AWS CLI \
            since 2.9",
    ),
    message(
        &[
            "Please reauthenticate using 'aws login'",
            "Please re-authenticate using 'aws login'",
        ],
        Cause::LoginSessionExpired,
        "the `aws login` session has expired",
        "aws login",
    ),
    message(
        &[
            "Credentials were refreshed, but the refreshed credentials are still expired",
            "There are expired AWS credentials in your environment",
        ],
        Cause::SessionExpired,
        "the program was given credentials that had already expired",
        "export fresh ones, or use a profile: awsfresh -p PROFILE -- COMMAND",
    ),
    message(
        &[
            "Infinite loop in credential configuration",
            "profile formed an infinite loop",
            "Detected a cycle attempting to resolve credentials",
        ],
        Cause::ProfileCycle,
        "profiles form a cycle",
        "change source_profile in one of them to a profile outside the cycle",
    ),
    message(
        &[
            "Partial credentials found in assume-role",
            "must specify either source_profile or credential_source",
        ],
        Cause::SourceMissing,
        "a profile has a role and no source to assume it with",
        "set source_profile = NAME or credential_source = Environment in that profile",
    ),
    message(
        &[
            "Partial credentials found in",
            "PartialCredentialsError",
            "a non-empty Access Key (AKID) must be provided",
        ],
        Cause::MixedCredentialParts,
        "a part of the credentials is missing",
        "set key ID and secret together, or remove both",
    ),
    message(
        &[
            "The config profile (",
            "failed to get shared config profile",
            "Could not resolve credentials using profile",
            "` was not defined: ",
            "exceptions.ProfileNotFound",
            "AwsConfigCredentials.configureCredentials",
        ],
        Cause::ProfileNotFound,
        "the profile does not exist on the machine of the program",
        "awsfresh status lists the profiles",
    ),
    message(
        &["Unable to parse config file", "ConfigParseError"],
        Cause::ConfigMalformed,
        "an AWS config file cannot be parsed",
        "awsfresh doctor shows the line",
    ),
    message(
        &[
            "You must specify a region",
            "Region is missing",
            "MissingRegion",
            "Provided region_name",
            "an AWS region is required, but was not found",
            "missing region information",
            "BucketRegionError",
            "Unable to find a region via the region provider chain",
            "Unable to load region from any of the providers in the chain",
            "No RegionEndpoint or ServiceURL configured",
            "A \"region\" configuration value is required",
            "Never suffix region names with availability zones",
            "Invalid endpoint: https://",
            "Invalid Configuration: Missing Region",
            "missing region configuration",
            "Missing required arguments: aws_region",
            "MissingRegionError",
            "Invalid AWS Region",
        ],
        Cause::RegionInvalid,
        "no usable region is set",
        "set region = eu-west-1 in the profile, or AWS_REGION=eu-west-1",
    ),
    message(
        &[
            "Error when retrieving credentials from custom-process",
            "credential_process returned",
            "process credential provider",
            "ProcessCredentials",
        ],
        Cause::ProcessFailed,
        "the credential_process of the profile failed",
        "run its command by hand to see what it says; if it is awsfresh: awsfresh why",
    ),
    message(
        &[
            "but no credentials have been configured",
            "but no credentials found. Tried",
            "Unable to resolve AWS account to use",
        ],
        Cause::CredentialsMissing,
        "CDK has no credentials, or AWS rejected those that it found: CDK says the same of both",
        "awsfresh doctor asks AWS; cdk -v shows what AWS said to CDK",
    ),
    message(
        &[
            "Unable to locate credentials",
            "NoCredentialsError",
            "Could not load credentials from any providers",
            "CredentialsProviderError",
            "No valid credential sources found",
            "no EC2 IMDS role found",
            "unable to sign request without credentials set",
            "MissingCredentialsError",
            "Unable to load credentials from any of the providers",
            "Unable to load AWS credentials from any provider",
            "no providers in chain provided credentials",
            "Missing credentials in config",
            "NoCredentialProviders",
            "CredentialsNotLoaded",
            "Provider returned no credentials",
            "kind: MissingCredentials",
            "AWS provider credentials not found",
            "no valid credential sources for",
            "No AWS Credentials provided by",
            "NoAuthWithAWSException",
            "has a problem: Invalid credentials configured",
            "Failed to resolve AWS credentials",
            "Cannot read credentials from",
            "SharedCredsLoad: failed to load shared credentials file",
        ],
        Cause::CredentialsMissing,
        "the program found no credentials",
        "awsfresh doctor shows where they were looked for; awsfresh -p PROFILE -- COMMAND \
            delivers them",
    ),
    message(
        &[
            "CredentialsEndpointError",
            "credentials from container-role",
            "to ECS credentials server",
            "credentials using lookup method: ecs",
            "only loopback hosts are allowed",
        ],
        Cause::ContainerEndpointUnreachable,
        "the container credentials endpoint provides no credentials",
        CHECK_CONTAINER_ROLE,
    ),
    message(
        &[
            "EC2MetadataError",
            "EC2RoleRequestError",
            "credentials from EC2 Instance Metadata Service",
            "credentials from the instance profile metadata se",
            "Unexpected instance profile response code",
            "Unable to load credentials from service endpoint",
        ],
        Cause::MetadataUnreachable,
        NO_METADATA_CREDENTIALS,
        "use a profile: awsfresh -p PROFILE -- COMMAND",
    ),
    message(
        &["Your authorization token has expired. Reauthenticate"],
        Cause::SessionExpired,
        "the sign-in of docker to ECR has expired: it lasts 12 hours",
        SIGN_IN_TO_ECR,
    ),
    message(
        &["ECS was unable to assume the role"],
        Cause::AssumeRoleDenied,
        "ECS cannot assume the role of the task",
        "allow ecs-tasks.amazonaws.com in the role's trust policy, and iam:PassRole to the caller",
    ),
    message(
        &[
            "WebIdentityErr: unable to read file",
            "WebIdentityErr: failed fetching WebIdentity token",
        ],
        Cause::WebIdentityRejected,
        "the web identity token file cannot be read",
        "check that the token is mounted and that this user can read it",
    ),
];

/// Messages about the network that any program prints: they count only near words about AWS.
pub(super) const NETWORK_MESSAGES: &[ClientMessage] = &[
    message(
        &[
            "Invalid header value",
            "Invalid character in header content",
            "InvalidHeaderValue",
            "invalid header field value",
        ],
        Cause::HiddenCharacters,
        "a key or token contains a line break or a control character",
        "awsfresh doctor shows which one; type or copy it again",
    ),
    message(
        &[
            "Failed to connect to proxy URL",
            "ProxyConnectionError",
            "Proxy Authentication Required",
            "proxyconnect tcp",
            "Cannot connect to proxy",
            "tunnel error",
        ],
        Cause::ProxyMisconfigured,
        "the proxy rejects the connection or does not respond",
        "check HTTPS_PROXY and NO_PROXY",
    ),
    message(
        &[
            "SSL validation failed",
            "CERTIFICATE_VERIFY_FAILED",
            "certificate verify failed",
            "certificate signed by unknown authority",
            "unable to get local issuer certificate",
            "self-signed certificate",
            "self signed certificate",
            "SELF_SIGNED_CERT_IN_CHAIN",
            "UnknownIssuer",
            "failed to verify certificate",
            "PKIX path building failed",
            "SSLHandshakeException",
        ],
        Cause::TlsUntrusted,
        "the certificate of the server is not trusted",
        "behind a proxy that inspects TLS: AWS_CA_BUNDLE=FILE; for Node \
            NODE_EXTRA_CA_CERTS=FILE; otherwise check the clock",
    ),
    message(
        &[
            "getaddrinfo ENOTFOUND",
            "no such host",
            "Name or service not known",
            "Failed to resolve '",
            "Temporary failure in name resolution",
            "nodename nor servname",
            "failed to lookup address",
            "UnknownHostException",
        ],
        Cause::DnsFailure,
        "the name of a host does not resolve",
        "check the region's spelling, DNS and VPN",
    ),
    message(
        &[
            "Could not connect to the endpoint URL",
            "Connect timeout on endpoint URL",
            "ECONNREFUSED",
            "connection refused",
            "Connection refused",
            "i/o timeout",
            "ETIMEDOUT",
            "Failed to open TCP connection",
            "HTTP connect timeout",
            "connect timed out",
            "TLS handshake timeout",
            "Connection timed out",
            "Unable to execute HTTP request: Connect to",
            "HTTP connect\", duration",
        ],
        Cause::ConnectTimeout,
        "the endpoint cannot be reached",
        "check the network, firewall, proxy and endpoint settings",
    ),
];

/// Phrases that say little by themselves: they count only near words about AWS and about a failure.
pub(super) const WEAK_HINTS: &[ClientMessage] = &[
    message(
        &["You must be logged in to the server"],
        Cause::PermissionDenied,
        "the Kubernetes cluster, if it is one of EKS, does not know this identity",
        "compare: aws sts get-caller-identity; aws eks list-access-entries --cluster-name NAME",
    ),
    message(
        &["no basic auth credentials"],
        Cause::CredentialsMissing,
        "docker is not signed in to ECR",
        SIGN_IN_TO_ECR,
    ),
    message(
        &["169.254.170.2"],
        Cause::ContainerEndpointUnreachable,
        "the container credentials endpoint provides no credentials",
        CHECK_CONTAINER_ROLE,
    ),
    message(
        &["169.254.169.254"],
        Cause::MetadataUnreachable,
        NO_METADATA_CREDENTIALS,
        "use a profile: awsfresh -p PROFILE -- COMMAND",
    ),
];
