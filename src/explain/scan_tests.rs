//! Shapes of errors that real clients print, and texts that are none.

use super::*;

fn only(text: &str) -> LoggedError {
    let mut found = scan(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

#[test]
fn a_log_without_an_aws_error_has_none() {
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
        "import com.amazonaws.services.securitytoken.model.ExpiredTokenException;",
        "aws_errors_total{code=\"ExpiredToken\"} 0",
        "ValidationError: User validation failed: email: Path `email` is required.",
        "An error occurred (ValidationError) when calling the UpdateStack operation: No \
            updates are to be performed.",
        "<Error><Code>SignatureDoesNotMatch</Code><HostId>x.oss-cn-beijing.aliyuncs.com</HostId></Error>",
        "W: GPG error: Signature expired: Mon 01 Jan 2024",
        "\"GET /.aws/credentials HTTP/1.1\" 404; connect() failed (111: Connection refused) \
            while connecting to upstream",
        "redis: connect ECONNREFUSED 127.0.0.1:6379, see laws.js",
    ] {
        assert_eq!(scan(text), [], "{text}");
    }
}

#[test]
fn code_operation_and_request_are_found() {
    let cli = only(
        "\nAn error occurred (InvalidClientTokenId) when calling the GetCallerIdentity \
            operation: The security token included in the request is invalid.\n",
    );
    assert_eq!(
        (cli.code.as_deref(), cli.operation.as_deref()),
        (Some("InvalidClientTokenId"), Some("GetCallerIdentity"))
    );
    assert_eq!(
        cli.message,
        "The security token included in the request is invalid."
    );
    assert_eq!(cli.finding.cause, Cause::AccessKeyUnknown);
    let go = only(
        "operation error STS: GetCallerIdentity, https response error StatusCode: 403, \
            RequestID: 12345678-abcd, api error ExpiredToken: The security token included in the request is expired",
    );
    assert_eq!(
        (
            go.service.as_deref(),
            go.operation.as_deref(),
            go.request_id.as_deref()
        ),
        (
            Some("STS"),
            Some("GetCallerIdentity"),
            Some("12345678-abcd")
        )
    );
    assert_eq!(go.finding.cause, Cause::SessionExpired);
}

#[test]
fn what_ends_a_program_ranks_before_what_it_survives() {
    let throttled = "ThrottlingException: Rate exceeded (attempt 1), request id: 0badc0de-1111\n";
    let first = |text: &str| scan(text).first().map(|one| one.finding.cause);
    let expired = format!(
        "{throttled}An error occurred (ExpiredToken) when calling the X operation: The \
            provided token has expired."
    );
    assert_eq!(first(&expired), Some(Cause::SessionExpired));
    let signed_out = format!(
        "{throttled}Error when retrieving token from sso: Token has expired and refresh failed"
    );
    assert_eq!(first(&signed_out), Some(Cause::SsoSessionExpired));
    assert_eq!(first(throttled), Some(Cause::Throttled));
}

#[test]
fn a_response_without_a_body_is_a_denial() {
    let one = only(
        "botocore.exceptions.ClientError: An error occurred (403) when calling the \
            HeadObject operation: Forbidden",
    );
    assert_eq!(
        (one.finding.cause, one.operation.as_deref()),
        (Cause::PermissionDenied, Some("HeadObject"))
    );
}

#[test]
fn wrapped_and_coloured_text_is_joined() {
    let text = "\u{1b}[31m│\u{1b}[0m \u{1b}[1mError: \u{1b}[0mapi error\n│ SignatureDoesNotMatch: \
        Signature\n│ expired: 20220127T001427Z is now earlier than 20220127T014428Z (20220127T015928Z - 15 min.)\n";
    assert_eq!(only(text).finding.cause, Cause::ClockSkew);
}

#[test]
fn prefixes_of_lines_are_removed() {
    for prefix in [
        "> ",
        "| ",
        "app-1  | ",
        "[pod/web-7d9f/app] ",
        "2024-01-01T00:00:00.000Z ",
        "│ ",
    ] {
        let text = format!(
            "{prefix}operation error STS: GetCallerIdentity, api \
                error\n{prefix}ExpiredToken: The security token\n{prefix}included in the request is expired\n"
        );
        let one = only(&text);
        assert_eq!(
            (one.operation.as_deref(), one.finding.cause),
            (Some("GetCallerIdentity"), Cause::SessionExpired),
            "{prefix}"
        );
    }
}

#[test]
fn the_same_error_ten_times_is_one() {
    let text =
        "An error occurred (ExpiredToken) when calling the ListBuckets operation: The provided \
        token has expired.\n"
            .repeat(10);
    let one = only(&text);
    assert_eq!(
        (one.count, one.message.as_str()),
        (10, "The provided token has expired.")
    );
}

#[test]
fn our_own_failure_keeps_its_cause() {
    let text = "Error when retrieving credentials from custom-process: awsfresh: profile `prod`: the \
        SSO session `corp` ended 2 h ago [sso-session-expired]\n  seen: token in the OS keyring\n  try:  awsfresh login corp\n";
    let own = only(text);
    assert_eq!(
        (own.finding.cause, &*own.finding.remedy[0]),
        (
            Cause::SsoSessionExpired,
            "its next step was: \"awsfresh login corp\""
        )
    );
}

#[test]
fn no_text_panics() {
    let odd = "An error occurred (InvalidClientTokenId)ä".repeat(3) + "awsfresh: ä [x" + "\u{1b}[";
    assert!(!scan(&odd).is_empty());
    for n in 0..odd.len() {
        if odd.is_char_boundary(n) {
            scan(&odd[..n]);
            scan(&odd[n..]);
        }
    }
}

/// What is near a phrase and does not belong to it.
#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn neighbours_of_a_sentence_are_not_a_part_of_it() {
    let role = "User: arn:aws:sts::111122223333:assumed-role/deploy/s";
    let user = "User: arn:aws:iam::111122223333:user";
    let invalid = "InvalidClientTokenId: The security token included in the request is invalid.";
    for (text, cause, hidden) in [
        (
            format!("{role} is not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/deploy"),
            Cause::PermissionDenied,
            "may not assume itself",
        ),
        (
            format!(
                "{user}/ann is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k\n\
                 {user}/bob is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:::k because no \
                 policy allows the kms:GenerateDataKey action"
            ),
            Cause::PermissionDenied,
            "kms:GenerateDataKey",
        ),
        (
            format!(
                "aws_iam_access_key.ci: Refreshing state... [id=x]\n\
                 aws_s3_bucket.b: Creation complete after 1s\nError: {invalid}"
            ),
            Cause::AccessKeyUnknown,
            "created moments ago",
        ),
        (
            "$ aws-vault exec dev -- aws cognito-idp list-users\nAn error occurred \
             (UnrecognizedClientException) when calling the ListUsers operation: The security token \
             included in the request is invalid."
                .to_owned(),
            Cause::AccessKeyUnknown,
            "IAM alone",
        ),
        (
            format!("key AKIAQCANARYCANARYCAN in me-south-1: {invalid}"),
            Cause::AccessKeyUnknown,
            "enable the region",
        ),
        (
            "Post \"https://sts.cn-beijing.amazonaws.com.cn/\": dial tcp: lookup \
             sts.cn-beijing.amazonaws.com.cn on 10.0.0.2:53: no such host"
                .to_owned(),
            Cause::RegionInvalid,
            "update the program",
        ),
        (
            format!(
                "AccessDenied: {user}/ann is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k\n\
                 AccessDenied: {user}/bob is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:::k because \
                 no identity-based policy allows the kms:GenerateDataKey action"
            ),
            Cause::PermissionDenied,
            "kms:GenerateDataKey",
        ),
        (
            "Could not connect to the endpoint URL: \"https://sts.eu-central-3.amazonaws.com/\"".to_owned(),
            Cause::RegionInvalid,
            "region to eu-central-3",
        ),
        (
            "Post \"https://organizations.us-gov-west-1.amazonaws.com/\": dial tcp 10.0.0.1:443: i/o timeout".to_owned(),
            Cause::ConnectTimeout,
            "does not exist",
        ),
    ] {
        let found = scan(&text);
        let finding = &found.first().unwrap_or_else(|| panic!("nothing in {text}")).finding;
        assert_eq!(finding.cause, cause, "{text}");
        assert!(!finding.to_string().contains(hidden), "{finding}");
    }
    let anonymous =
        "User: anonymous is not authorized to perform: es:ESHttpGet on resource: arn:aws:es:::d";
    let summary = &scan(anonymous)[0].finding.summary;
    assert_eq!(summary, "anonymous may not perform es:ESHttpGet");
    // The registry asks for a password, not the metadata service for a token.
    let registry = "failed to resolve source metadata for 111122223333.dkr.ecr.us-east-1.amazonaws.com/app: \
                    no basic auth credentials, unexpected status: 401 Unauthorized";
    let is_imds = |error: &LoggedError| error.finding.cause == Cause::MetadataHopLimit;
    assert!(!scan(registry).iter().any(is_imds));
}
