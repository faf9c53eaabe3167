//! AWS errors in the logs of any client: found by their codes, by the words of their messages, and by what the SDKs say
//! themselves before they ask anybody. Pure. The shapes are those that real clients print; tests/diagnosis-cases/texts has
//! them as they were recorded.

use super::answer::{Answer, Asked, Condition};
use super::{Cause, Finding};

/// One error in a text; the same error told several times is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The code AWS sent; `None` where a client speaks for itself.
    pub code: Option<String>,
    /// What AWS or the client said, shortened.
    pub message: String,
    /// As the client names it.
    pub service: Option<String>,
    /// The API operation.
    pub operation: Option<String>,
    /// What AWS support asks for.
    pub request_id: Option<String>,
    /// How often.
    pub count: usize,
    /// What it means by itself.
    pub finding: Finding,
    /// What AWS found.
    pub condition: Option<Condition>,
}

/// Codes that stand for themselves wherever they stand.
const CODES: &[&str] = &[
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
];

/// Codes that other programs use, too: only where the text shows them as a code.
const WEAK: &[&str] = &[
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

/// Messages of AWS that some clients print without the code.
const MESSAGES: &[(&str, &str)] = &[
    ("The security token included in the request is invalid", "InvalidClientTokenId"),
    ("The security token included in the request is expired", "ExpiredToken"),
    ("The provided token has expired", "ExpiredToken"),
    ("The AWS Access Key Id you provided does not exist in our records", "InvalidAccessKeyId"),
    ("The request signature we calculated does not match the signature you provided", "SignatureDoesNotMatch"),
    ("AWS was not able to validate the provided access credentials", "AuthFailure"),
    ("Signature expired: ", "SignatureDoesNotMatch"),
    ("Signature not yet current: ", "SignatureDoesNotMatch"),
    ("The difference between the request time and the current time is too large", "RequestTimeTooSkewed"),
    ("The provided token is malformed or otherwise invalid", "InvalidToken"),
    ("Credential should be scoped to ", "SignatureDoesNotMatch"),
    ("is not authorized to perform: ", "AccessDenied"),
    ("Not authorized to perform sts:", "AccessDenied"),
    ("You are not authorized to perform this operation", "UnauthorizedOperation"),
    ("MultiFactorAuthentication failed", "AccessDenied"),
    ("Session token not found or invalid", "UnauthorizedException"),
    ("No OpenIDConnect provider found in your account", "InvalidIdentityToken"),
    ("Incorrect token audience", "InvalidIdentityToken"),
    ("Couldn't retrieve verification key from your identity provider", "InvalidIdentityToken"),
    ("Token expired: current date/time ", "ExpiredTokenException"),
    ("exceeds the 1 hour session limit for roles assumed by role chaining", "ValidationError"),
    ("exceeds the MaxSessionDuration set for this role", "ValidationError"),
    ("STS is not activated in this region", "RegionDisabledException"),
];

/// What clients say by themselves: their words, the cause, what it means, what to do.
type Local = (&'static [&'static str], Cause, &'static str, &'static str);

/// In order: what says most comes first, "no credentials" after its reasons, and the places that only machines and containers
/// have, which SDKs try last, after that.
const LOCAL: &[Local] = &[
    (
        &["Cannot refresh credentials: MFA token required", "AssumeRoleTokenProvider session option not set", "MFA token required"],
        Cause::MfaNeeded,
        "the role asks for an MFA code, and the program cannot ask for one",
        "use a profile that needs no code, or IAM Identity Center",
    ),
    (
        &[
            "Error loading SSO Token: Token for ",
            "failed to read cached SSO token file",
            "refresh cached SSO token failed, open ",
            "SSO session associated with this profile is invalid",
        ],
        Cause::SsoSessionMissing,
        "nobody has signed in to the SSO session where the program ran",
        "aws sso login",
    ),
    (
        &[
            "The SSO access token has either expired or is otherwise invalid",
            "Token has expired and refresh failed",
            "SSO session associated with this profile has expired",
            "Token is expired. To refresh this SSO session",
            "SSO session token has expired",
            "The SSO session token associated with profile",
            "refresh cached SSO token failed",
        ],
        Cause::SsoSessionExpired,
        "the SSO session is over",
        "aws sso login",
    ),
    (
        &["Error loading SSO Token", "Cached SSO token must contain", "SSOTokenProviderFailure"],
        Cause::SsoSessionMissing,
        "nobody has signed in to the SSO session where the program ran",
        "aws sso login",
    ),
    (
        &["is configured to use SSO but is missing required configuration", "Missing the following required SSO configuration values"],
        Cause::SsoNotRefreshable,
        "the program knows no [sso-session], unless the profile names none",
        "awsfresh -p PROFILE -- COMMAND hands the role over; or a newer version of the program: the AWS CLI since 2.9",
    ),
    (
        &["Please reauthenticate using 'aws login'", "Please re-authenticate using 'aws login'"],
        Cause::LoginSessionExpired,
        "the `aws login` session is over",
        "aws login",
    ),
    (
        &[
            "Credentials were refreshed, but the refreshed credentials are still expired",
            "There are expired AWS credentials in your environment",
        ],
        Cause::SessionExpired,
        "the credentials the program was given had ended already",
        "export fresh ones, or let a profile supply them: awsfresh -p PROFILE -- COMMAND",
    ),
    (
        &[
            "Infinite loop in credential configuration",
            "profile formed an infinite loop",
            "Detected a cycle attempting to resolve credentials",
        ],
        Cause::ProfileCycle,
        "profiles name each other in a ring",
        "let one of them name a source outside the ring",
    ),
    (
        &["Partial credentials found in assume-role", "must specify either source_profile or credential_source"],
        Cause::SourceMissing,
        "a profile has a role and nothing to assume it with",
        "source_profile = NAME or credential_source = Environment, in that profile",
    ),
    (
        &["Partial credentials found in", "PartialCredentialsError"],
        Cause::MixedCredentialParts,
        "only a part of the credentials is there",
        "give key id and secret together, or remove what is left of them",
    ),
    (
        &[
            "The config profile (",
            "failed to get shared config profile",
            "Could not resolve credentials using profile",
            "` was not defined: ",
            "ProfileNotFound",
        ],
        Cause::ProfileNotFound,
        "there is no profile of that name where the program ran",
        "awsfresh status lists the profiles there are",
    ),
    (
        &["Unable to parse config file", "ConfigParseError"],
        Cause::ConfigMalformed,
        "an AWS file cannot be parsed",
        "awsfresh doctor names the line",
    ),
    (
        &[
            "You must specify a region",
            "Region is missing",
            "MissingRegion",
            "doesn't match a supported format",
            "Invalid Configuration: Missing Region",
            "missing region configuration",
            "Missing required arguments: aws_region",
            "MissingRegionError",
            "Invalid AWS Region",
        ],
        Cause::RegionInvalid,
        "no usable region is set",
        "region = eu-west-1 in the profile, or AWS_REGION=eu-west-1",
    ),
    (
        &[
            "Error when retrieving credentials from custom-process",
            "credential_process returned",
            "process credential provider",
            "ProcessCredentials",
        ],
        Cause::ProcessFailed,
        "the credential_process of the profile failed",
        "run its command by hand to see what it says; awsfresh why, if it is awsfresh",
    ),
    (
        &["You must be logged in to the server"],
        Cause::PermissionDenied,
        "the Kubernetes cluster does not know this identity, if it is one of EKS",
        "compare: aws sts get-caller-identity; aws eks list-access-entries --cluster-name NAME",
    ),
    (
        &["but no credentials have been configured", "but no credentials found. Tried", "Unable to resolve AWS account to use"],
        Cause::CredentialsMissing,
        "CDK has no credentials that AWS takes: it says the same where AWS refuses those that it found",
        "awsfresh doctor asks AWS; cdk -v says what AWS said to CDK",
    ),
    (
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
        ],
        Cause::CredentialsMissing,
        "the program found no credentials",
        "awsfresh doctor says where they were looked for; awsfresh -p PROFILE -- COMMAND hands them over",
    ),
    (
        &["169.254.170.2", "CredentialsEndpointError"],
        Cause::ContainerEndpointUnreachable,
        "the container credentials endpoint gives nothing",
        "in ECS or EKS: check the task or pod role; elsewhere: unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ),
    (
        &["169.254.169.254", "EC2MetadataError", "EC2RoleRequestError"],
        Cause::MetadataUnreachable,
        "the instance metadata service gives nothing; where this is no EC2 instance, the program has found no other credentials",
        "name a profile: awsfresh -p PROFILE -- COMMAND",
    ),
    (
        &["WebIdentityErr: unable to read file", "WebIdentityErr: failed fetching WebIdentity token"],
        Cause::WebIdentityRejected,
        "the web identity token file cannot be read",
        "check that the token is mounted and that this user may read it",
    ),
];

/// What any program may say of anybody it wants to reach: only in a text that speaks of AWS.
const GENERAL: &[Local] = &[
    (
        &["Invalid header value", "Invalid character in header content", "InvalidHeaderValue", "invalid header field value"],
        Cause::HiddenCharacters,
        "a key or token holds a line break or a control character",
        "awsfresh doctor names the value; type or copy it again",
    ),
    (
        &[
            "Failed to connect to proxy URL",
            "ProxyConnectionError",
            "Proxy Authentication Required",
            "proxyconnect tcp",
            "Cannot connect to proxy",
            "tunnel error",
        ],
        Cause::ProxyMisconfigured,
        "the proxy does not answer or refuses",
        "check HTTPS_PROXY and NO_PROXY",
    ),
    (
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
        "the certificate of what answered is not trusted",
        "behind a proxy that inspects TLS: AWS_CA_BUNDLE=FILE; for Node NODE_EXTRA_CA_CERTS=FILE; otherwise check the clock",
    ),
    (
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
        "a host's name does not resolve",
        "check the region's spelling, DNS and VPN",
    ),
    (
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
            "Connection timed out",
            "Unable to execute HTTP request: Connect to",
        ],
        Cause::ConnectTimeout,
        "the endpoint cannot be reached",
        "check the network, firewall, proxy and endpoint settings",
    ),
];

/// A text with one of these in it speaks of AWS.
const MARKS: &[&str] = &["aws", "amazon", "boto", "169.254.", "endpoint url", "proxy url", "dispatch failure", "credential"];

/// Everything in `text` that can be named, the most telling first.
pub fn find(text: &str) -> Vec<Sighting> {
    let flat = flattened(text);
    let mut found: Vec<Sighting> = Vec::new();
    for sighting in own(&flat).into_iter().chain(coded(&flat)) {
        add(&mut found, sighting);
    }
    if found.is_empty() {
        messages(&flat).into_iter().for_each(|sighting| add(&mut found, sighting));
    }
    // What a client says by itself matters only where AWS has not spoken: "no credentials" often follows from it.
    if found.is_empty() {
        local(&flat).into_iter().take(1).for_each(|sighting| add(&mut found, sighting));
    }
    found
}

fn add(found: &mut Vec<Sighting>, new: Sighting) {
    let same = |known: &&mut Sighting| {
        let operations = [&known.operation, &new.operation];
        known.finding.cause == new.finding.cause
            && known.code == new.code
            && (known.operation == new.operation || operations.into_iter().any(Option::is_none))
    };
    match found.iter_mut().find(same) {
        Some(known) => {
            known.count += 1;
            known.request_id = known.request_id.take().or(new.request_id);
            known.service = known.service.take().or(new.service);
            known.operation = known.operation.take().or(new.operation);
        }
        None => found.push(new),
    }
}

/// One line: without terminal codes, the frames that Terraform draws, and line ends in the middle of a sentence.
fn flattened(text: &str) -> String {
    let mut flat = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut blank = true;
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.next_if_eq(&'[').is_some() {
                while chars.next().is_some_and(|c| !c.is_ascii_alphabetic()) {}
            }
            continue;
        }
        let is_frame = ('\u{2500}'..='\u{257f}').contains(&c);
        if c.is_whitespace() || c.is_control() || is_frame {
            if !blank {
                flat.push(' ');
            }
            blank = true;
        } else {
            flat.push(c);
            blank = false;
        }
    }
    flat
}

/// Our own failures carry their cause with them: `awsfresh: … [cause-id]`.
fn own(flat: &str) -> Vec<Sighting> {
    let mut found = Vec::new();
    for (at, _) in flat.match_indices("awsfresh: ") {
        let rest = head(&flat[at..], 1000);
        let Some((summary, id)) = rest.split_once(" [").and_then(|(summary, tail)| Some((summary, tail.split_once(']')?.0))) else {
            continue;
        };
        let Some(cause) = Cause::ALL.iter().copied().find(|cause| cause.id() == id) else { continue };
        let mut finding = Finding::new(cause, summary.trim_start_matches("awsfresh: "));
        let after = rest.split_once(']').map_or("", |(_, after)| after);
        if let Some((seen, tail)) = after.split_once("seen: ").and_then(|(_, tail)| tail.split_once(" try: ")) {
            finding = finding.seen(seen.split(" seen: ").next().unwrap_or_default().trim());
            let end = [" awsfresh", " try: ", " at ", "\""].iter().filter_map(|stop| tail.find(stop)).min().unwrap_or(tail.len());
            finding = finding.try_this(head(tail[..end].trim(), 200));
        }
        found.push(Sighting { message: finding.summary.clone(), condition: None, ..bare(finding) });
    }
    found
}

fn bare(finding: Finding) -> Sighting {
    Sighting { code: None, message: String::new(), service: None, operation: None, request_id: None, count: 1, finding, condition: None }
}

/// Errors with a code of AWS in them.
fn coded(flat: &str) -> Vec<Sighting> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut at = 0;
    while at < flat.len() {
        let Some(start) = flat[at..].find(|c: char| c.is_ascii_uppercase()).map(|offset| at + offset) else { break };
        let end = flat[start..].find(|c| !is_word(c)).map_or(flat.len(), |offset| start + offset);
        let word = &flat[start..end];
        at = end.max(start + 1);
        let begins = flat[..start].chars().next_back().is_none_or(|c| !is_word(c));
        if !begins || !(CODES.contains(&word) || WEAK.contains(&word)) {
            continue;
        }
        if WEAK.contains(&word) && !is_shown_as_code(&flat[..start], &flat[end..]) {
            continue;
        }
        found.extend(around(flat, start, end));
    }
    found
}

/// `(CODE)`, `api error CODE:`, `Error Code: CODE`, `<Code>CODE<`, `Errors::CODE`, `"CODE"`; `CODE: ` behind a colon, or with
/// what AWS writes to such codes.
fn is_shown_as_code(before: &str, after: &str) -> bool {
    let before = before.trim_end();
    let marks =
        ["error occurred (", "api error", "Code:", "<Code>", "Errors::", "code: Some(\"", "\"code\":\"", "__type\":\"", "#", "Code: '"];
    let shown = marks.iter().any(|mark| before.ends_with(mark));
    shown
        || (after.starts_with(": ")
            && (before.ends_with(':') || tail(before, 200).contains("operation error ") || is_of_aws(head(after, 400))))
}

/// Whether AWS or one of its SDKs writes like this.
fn is_of_aws(text: &str) -> bool {
    let said = ["not authorized to perform", "DurationSeconds", "Rate exceeded", "Session token not found", "No access"];
    let printed = ["status code: ", "request id", "equest ID", "(Service: ", "$metadata", "aws-sdk", "amazonaws"];
    said.into_iter().chain(printed).any(|words| text.contains(words))
}

/// The error whose code stands from `start` to `end`.
fn around(flat: &str, start: usize, end: usize) -> Option<Sighting> {
    let code = &flat[start..end];
    let before = tail(&flat[..start], 400);
    let after = head(&flat[end..], 700);
    let message = message(before, after);
    let answer = Answer { code, message: &message, status: None };
    // Some put the message in front of the code.
    let whole = format!("{} {after}", tail(before, 300));
    let by_context = Answer { code, message: &whole, status: None };
    let condition = answer.condition()?;
    let condition = by_context.condition().filter(|_| message.is_empty()).unwrap_or(condition);
    let asked = Asked { what: "what was asked for", region: None, keys: None, partition: None };
    let finding = answer.finding(condition, &asked);
    let service =
        between(before, "operation error ", ":").or_else(|| between(before, "Aws::", "::Errors")).or_else(|| service_word(before, after));
    let operation = between(after, "when calling the ", " operation").or_else(|| {
        let tail = before.rsplit_once("operation error ")?.1;
        let name = tail.split_once(": ")?.1;
        Some(name.split([',', ' ']).next()?.to_owned())
    });
    let request_id =
        ["RequestID: ", "Request ID: ", "request id: ", "requestId: '", "<RequestId>", "aws_request_id\": \"", "x-amzn-requestid: "]
            .iter()
            .find_map(|mark| id_after(after, mark).or_else(|| before.rsplit_once(mark).and_then(|(_, rest)| id_of(rest))));
    Some(Sighting { code: Some(code.to_owned()), message, service, operation, request_id, condition: Some(condition), ..bare(finding) })
}

fn service_word(before: &str, after: &str) -> Option<String> {
    let java =
        |text: &str| text.rsplit_once("(Service: ").map(|(_, rest)| rest.split([',', ';', ' ']).next().unwrap_or_default().to_owned());
    java(before).or_else(|| java(head(after, 200))).filter(|name| !name.is_empty())
}

fn id_after(text: &str, mark: &str) -> Option<String> {
    id_of(text.split_once(mark)?.1)
}

fn id_of(rest: &str) -> Option<String> {
    let id: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    (id.len() >= 8).then_some(id)
}

/// What belongs to the code as its message: behind it, as a rule.
fn message(before: &str, after: &str) -> String {
    let behind = match after.split_once(" operation: ") {
        Some((call, rest)) if call.starts_with(") when calling the ") || call.contains("when calling the ") && call.len() < 120 => {
            Some(rest)
        }
        Some(_) | None => None,
    };
    let behind = behind
        .or_else(|| after.strip_prefix(": "))
        .or_else(|| after.split_once("<Message>").map(|(_, rest)| rest))
        .or_else(|| after.split_once("message: Some(\"").map(|(_, rest)| rest))
        .or_else(|| after.split_once("\"message\":\"").or_else(|| after.split_once("\"Message\":\"")).map(|(_, rest)| rest));
    let text = match behind {
        Some(rest) => rest,
        // Ruby and Java: the message in front, the code in brackets.
        None => before.trim_end_matches(['(', ' ']).rsplit(['\'', '`', '>']).next().map(|text| tail(text, 300)).unwrap_or_default(),
    };
    let text = text.trim().trim_start_matches([':', ' ']);
    let stops = [
        "</Message>",
        "\")",
        "\" }",
        "\"}",
        " at ",
        "Traceback",
        " An error occurred (",
        "status code:",
        " with ",
        " on ",
        "(Service:",
        " { '$fault'",
        " $fault",
        "(Aws::",
    ];
    let stop = stops.iter().filter_map(|stop| text.find(stop)).filter(|at| *at > 0).min().unwrap_or(text.len());
    head(text[..stop].trim(), 300).to_owned()
}

/// Messages of AWS that came without their code.
fn messages(flat: &str) -> Vec<Sighting> {
    let mut found = Vec::new();
    for (words, code) in MESSAGES {
        let Some(at) = flat.find(words) else { continue };
        let text = head(&flat[at..], 300);
        let said = text.split([';', '(']).next().unwrap_or(text).trim();
        let said = if code.starts_with("Signature") || *code == "AccessDenied" { text } else { said };
        let answer = Answer { code, message: said, status: None };
        let Some(condition) = answer.condition() else { continue };
        let asked = Asked { what: "what was asked for", region: None, keys: None, partition: None };
        let service = service_word(tail(&flat[..at], 200), head(&flat[at..], 400));
        let request_id = id_after(head(&flat[at..], 500), "Request ID: ");
        let finding = answer.finding(condition, &asked).likely();
        found.push(Sighting { message: said.to_owned(), service, request_id, condition: Some(condition), ..bare(finding) });
    }
    found
}

/// What a client says by itself.
fn local(flat: &str) -> Vec<Sighting> {
    let mut found = Vec::new();
    let lower = flat.to_ascii_lowercase();
    let general: &[Local] = if MARKS.iter().any(|mark| lower.contains(mark)) { GENERAL } else { &[] };
    for (words, cause, what, fix) in LOCAL.iter().chain(general) {
        let Some(at) = words.iter().filter_map(|words| flat.find(words)).min() else { continue };
        let word = flat[..at].rfind(' ').map_or(0, |space| space + 1);
        let said = head(&flat[word..], 200).trim_end();
        let finding = Finding::new(*cause, *what).seen(said).try_this(*fix).likely();
        found.push(Sighting { message: said.to_owned(), ..bare(finding) });
    }
    found
}

fn between(text: &str, open: &str, close: &str) -> Option<String> {
    let rest = text.rsplit_once(open)?.1;
    let name = rest.split_once(close)?.0;
    (!name.is_empty() && name.len() < 64).then(|| name.to_owned())
}

/// The first `limit` bytes, in whole characters.
fn head(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The last `limit` bytes, in whole characters.
fn tail(text: &str, limit: usize) -> &str {
    let start = (text.len().saturating_sub(limit)..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Sighting {
        let mut found = find(text);
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }

    #[test]
    fn a_text_without_an_aws_error_has_none() {
        for text in [
            "",
            "all is well",
            "AccessDenied is a word",
            "\u{1b}[31m",
            "HTTP 403 Forbidden",
            "Throttling back",
            "java.nio.file.AccessDeniedException: /etc/shadow",
            "org.springframework.security.oauth2.common.exceptions.InvalidGrantException: Bad password",
            "[Nest] ERROR [ExceptionsHandler] UnauthorizedException: Unauthorized",
            "psql: error: connection to server at \"db\" failed: Connection refused",
            "curl: (6) no such host: db.internal",
        ] {
            assert_eq!(find(text), [], "{text}");
        }
    }

    #[test]
    fn code_operation_and_request_are_found() {
        let cli = only(
            "\nAn error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: The security token included in the request is invalid.\n",
        );
        assert_eq!((cli.code.as_deref(), cli.operation.as_deref()), (Some("InvalidClientTokenId"), Some("GetCallerIdentity")));
        assert_eq!(cli.message, "The security token included in the request is invalid.");
        assert_eq!(cli.finding.cause, Cause::AccessKeyUnknown);
        let go = only(
            "operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: 12345678-abcd, api error ExpiredToken: The security token included in the request is expired",
        );
        assert_eq!(
            (go.service.as_deref(), go.operation.as_deref(), go.request_id.as_deref()),
            (Some("STS"), Some("GetCallerIdentity"), Some("12345678-abcd"))
        );
        assert_eq!(go.finding.cause, Cause::SessionExpired);
    }

    #[test]
    fn wrapped_and_coloured_text_is_put_together() {
        let text = "\u{1b}[31m│\u{1b}[0m \u{1b}[1mError: \u{1b}[0mapi error\n│ SignatureDoesNotMatch: Signature\n│ expired: 20220127T001427Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)\n";
        assert_eq!(only(text).finding.cause, Cause::ClockSkew);
    }

    #[test]
    fn the_same_error_ten_times_is_one() {
        let text = "An error occurred (ExpiredToken) when calling the ListBuckets operation: The provided token has expired.\n".repeat(10);
        let one = only(&text);
        assert_eq!((one.count, one.message.as_str()), (10, "The provided token has expired."));
    }

    #[test]
    fn our_own_failure_keeps_its_cause() {
        let text = "Error when retrieving credentials from custom-process: awsfresh: profile `prod`: the SSO session `corp` ended 2 h ago [sso-session-expired]\n  seen: token in the OS keyring\n  try:  aws sso login --sso-session corp\n";
        let own = only(text);
        assert_eq!((own.finding.cause, own.finding.remedy[0].as_str()), (Cause::SsoSessionExpired, "aws sso login --sso-session corp"));
    }

    #[test]
    fn any_text_is_survived() {
        let odd = "An error occurred (InvalidClientTokenId)ä".repeat(3) + "awsfresh: ä [x" + "\u{1b}[";
        assert!(!find(&odd).is_empty());
        for n in 0..odd.len() {
            if odd.is_char_boundary(n) {
                find(&odd[..n]);
                find(&odd[n..]);
            }
        }
    }
}
