//! The phrases by which errors are found: codes and messages of AWS, and messages of clients, with
//! their meaning. Pure data.

/// Codes that no other program uses.
pub(super) const CODES: &[&str] = &[
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "UnrecognizedClient",
    "InvalidAccessKeyId",
    "ExpiredTokenException",
    "ExpiredToken",
    "RequestExpired",
    "TokenRefreshRequired",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "IncompleteSignature",
    "AuthorizationHeaderMalformed",
    "RequestTimeTooSkewed",
    "MissingAuthenticationTokenException",
    "MissingAuthenticationToken",
    "AuthFailure",
    "UnauthorizedOperation",
    "RegionDisabledException",
    "OptInRequired",
    "InvalidIdentityToken",
    "InvalidIdentityTokenException",
    "IDPRejectedClaim",
    "IDPCommunicationError",
    "PackedPolicyTooLarge",
    "MalformedPolicyDocument",
    "ThrottlingException",
    "RequestLimitExceeded",
    "AssumeRoleUnauthorizedAccess",
];

/// Codes that other programs use, too: they count only where the text shows them as a code of AWS.
pub(super) const AMBIGUOUS_CODES: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedException",
    "ForbiddenException",
    "InvalidGrantException",
    "InvalidClientException",
    "TooManyRequestsException",
    "InvalidSignature",
    "Throttling",
    "ServiceUnavailable",
    "InternalFailure",
    "ValidationError",
    "InvalidToken",
    "SlowDown",
];

/// Messages of AWS that some clients print without their code, and the code.
pub(super) const MESSAGES: &[(&str, &str)] = &[
    (
        "The security token included in the request is invalid",
        "InvalidClientTokenId",
    ),
    (
        "The security token included in the request is expired",
        "ExpiredToken",
    ),
    ("The provided token has expired", "ExpiredToken"),
    (
        "Access Key Id you provided does not exist in our records",
        "InvalidAccessKeyId",
    ),
    (
        "The request signature we calculated does not match the signature you provided",
        "SignatureDoesNotMatch",
    ),
    (
        "AWS was not able to validate the provided access credentials",
        "AuthFailure",
    ),
    ("Signature expired: 20", "SignatureDoesNotMatch"),
    ("Signature not yet current: 20", "SignatureDoesNotMatch"),
    (
        "The difference between the request time and the current time is too large",
        "RequestTimeTooSkewed",
    ),
    (
        "The difference between the request time and the server's time is too large",
        "RequestTimeTooSkewed",
    ),
    (
        "The provided token is malformed or otherwise invalid",
        "InvalidToken",
    ),
    (
        "The authorization header is malformed",
        "AuthorizationHeaderMalformed",
    ),
    ("Credential should be scoped to ", "SignatureDoesNotMatch"),
    ("is not authorized to perform: ", "AccessDenied"),
    ("Not authorized to perform sts:", "AccessDenied"),
    (
        "You are not authorized to perform this operation",
        "UnauthorizedOperation",
    ),
    ("MultiFactorAuthentication failed", "AccessDenied"),
    (
        "Session token not found or invalid",
        "UnauthorizedException",
    ),
    (
        "No OpenIDConnect provider found in your account",
        "InvalidIdentityToken",
    ),
    ("Incorrect token audience", "InvalidIdentityToken"),
    (
        "Couldn't retrieve verification key from your identity provider",
        "InvalidIdentityToken",
    ),
    ("Token expired: current date/time ", "ExpiredTokenException"),
    (
        "exceeds the 1 hour session limit for roles assumed by role chaining",
        "ValidationError",
    ),
    (
        "exceeds the MaxSessionDuration set for this role",
        "ValidationError",
    ),
    (
        "STS is not activated in this region",
        "RegionDisabledException",
    ),
];

/// Words about a failure.
pub(super) const FAILURES: &[&str] = &[
    "timed out",
    "timeout",
    "Timeout",
    "refused",
    "unreachable",
    "no route",
    "rror",
    "ailed",
    "nable",
    "xpired",
];

/// Words about AWS, in lower case: hosts, clients, the forms of their messages.
pub(super) const AWS_MARKERS: &[&str] = &[
    "amazonaws",
    "awsapps",
    "api.aws",
    "botocore",
    "boto3",
    "aws-sdk",
    "awssdk",
    "aws_sdk",
    "aws-cli",
    "awscli",
    "amazon.runtime",
    "aws\\exception",
    "aws::",
    "errors::",
    "arn:aws",
    "sts:",
    "169.254.",
    "endpoint url",
    "proxy url",
    "dispatch failure",
    "dispatchfailure",
    "operation error",
    "get credentials",
    "an error occurred (",
    "security token",
    "x-amz",
    "$metadata",
    "seahorse",
    "<requestid>",
    "instance profile",
    " aws ",
    " eks ",
    "\"aws\"",
    "(service: ",
    "service: amazon",
    "s3 ",
    "s3:http",
    "hostid",
    "['expiration']",
    "credentials.py",
    "aws-cli/",
    "aws-vault",
    "saml2aws",
    "yawsso",
    "credential_process",
    " sts ",
    "bedrock",
    "aws_",
    // Commands of AWS Tools for PowerShell.
    "get-s3",
    "write-s3",
    "get-sts",
    "use-stsrole",
    "set-awscredential",
];

/// Words about other vendors and programs with similar codes and messages, in lower case.
pub(super) const OTHER_VENDORS: &[&str] = &[
    "aliyun",
    "tencentcloud",
    "azure",
    "googleapis",
    "gsutil",
    "google cloud",
    "<details>",
    "springframework",
    "mongoose",
    "openshift",
    "nio.file",
    "ossaccesskeyid",
    "qcloud",
    "storage.objects",
    "x-ms-",
    "computemetadata",
    "metadata/identity",
    "metadata/instance",
    "gpg",
];

/// Words in lower case that only one program prints, and where it has a copy of the key of its own.
pub(super) const OWN_KEYS: &[(&str, &str)] = &[
    (
        "adding txt value: ",
        "acme.sh has its own copy: correct SAVED_AWS_ACCESS_KEY_ID in ~/.acme.sh/account.conf; a variable overrides it",
    ),
    (
        "error: s3 error: 403",
        "s3cmd uses its own copy: correct access_key and secret_key in ~/.s3cfg",
    ),
    (
        "rclone",
        "rclone uses the key of its remote: rclone config; with env_auth = true, those of AWS tools",
    ),
    (
        "s3fs",
        "s3fs uses its own copy: correct ~/.passwd-s3fs or /etc/passwd-s3fs",
    ),
    (
        "velero",
        "Velero uses its own copy: correct the Secret cloud-credentials, then restart its pod",
    ),
    (
        "cert-manager",
        "cert-manager uses a copy: correct the Secret that the Issuer or ClusterIssuer names",
    ),
];

/// Words of a validation error of STS.
pub(super) const STS_WORDS: &[&str] = &[
    "AssumeRole",
    "GetSessionToken",
    "GetFederationToken",
    "sts:",
    "STS",
    "roleArn",
    "roleSessionName",
    "urationSeconds",
    "serialNumber",
    "tokenCode",
];
