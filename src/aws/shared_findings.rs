//! Findings and remedies that several modules report in the same words.

use crate::finding::{Cause, Finding, Remedy, remedy};

impl Finding {
    /// A service throttles requests.
    pub(crate) fn throttled(service: &str) -> Self {
        Self::new(
            Cause::Throttled,
            format!("{service} is throttling requests"),
        )
        .remedy("try again in a minute")
    }

    /// A service failed.
    pub(crate) fn server_error(service: &str) -> Self {
        Self::new(
            Cause::AwsUnavailable,
            format!("{service} returned a server error"),
        )
        .remedy("try again; https://health.aws.amazon.com")
    }

    /// A token that is not refreshed: the refresh would spend it, and its successor could not be
    /// saved.
    pub(crate) fn no_room(what: &str, why: &str) -> Self {
        let summary = format!("the {what} is not refreshed: the new one could not be saved");
        Self::new(Cause::StoreUnavailable, summary)
            .evidence(why)
            .remedy("free space on the disk, or make the place writable")
    }

    /// A response that AWS would not send.
    pub(crate) fn not_aws(service: &str, evidence: &str) -> Self {
        Self::new(
            Cause::CaptivePortal,
            format!("the response from {service} is not from AWS"),
        )
        .evidence(evidence)
        .remedy("sign in to the network in a browser, or check proxy and endpoint settings")
    }

    /// EC2 cannot assume the role of the instance.
    pub(crate) fn instance_role_denied() -> Self {
        let summary = "the instance metadata service cannot assume the role of the instance";
        Self::new(Cause::MetadataNoRole, summary).remedy(
            "check that the role exists and that its trust policy allows ec2.amazonaws.com \
                to assume it",
        )
    }
}

/// What to do about an expired web identity token.
pub(crate) const NEW_TOKEN: &str =
    "fix or restart what writes the token file; in Kubernetes, start a new pod";

/// What to do where the region belongs to another partition.
pub(crate) fn region_of(partition: &str, region: &str) -> Remedy {
    remedy!(
        "use a region of {}, such as {}: in the profile, AWS_REGION and AWS_DEFAULT_REGION",
        partition,
        region,
    )
}

/// What to do about a key that AWS does not know.
pub(crate) const RUN_DOCTOR: &str = "run awsfresh doctor there, in the same shell: it distinguishes a \
    deleted key from a wrong session token or region";

/// What to do where the SSO user does not have the role.
pub(crate) const CHECK_ASSIGNMENT: &str = "check sso_account_id and sso_role_name (case matters), or ask an administrator for the \
    assignment";

/// The command that synchronizes this system's clock.
pub(crate) fn clock_sync_command() -> &'static str {
    if cfg!(windows) {
        "w32tm /resync"
    } else if cfg!(target_os = "macos") {
        "sudo sntp -sS time.apple.com"
    } else {
        "sudo timedatectl set-ntp true"
    }
}

/// How to sign in for another program, which reads the token from the AWS CLI's file.
pub(crate) const SHARED_SIGN_IN: &str = "awsfresh login --share-with-cli";
