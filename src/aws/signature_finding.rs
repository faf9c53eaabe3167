//! The finding for a signature that AWS rejects: its time, its scope, its key.

use super::error_code::{ApiError, ErrorKind};
use super::error_finding::RequestContext;
use super::names;
use super::shared_findings::clock_sync_command;
use crate::finding::{Cause, Finding, remedy};

impl ApiError<'_> {
    pub(super) fn signature_rejected(
        &self,
        kind: ErrorKind,
        request: &RequestContext<'_>,
    ) -> Finding {
        match kind {
            ErrorKind::ClockSkew => {
                let summary = "this machine's clock differs from AWS by more than AWS allows";
                let finding = Finding::new(Cause::ClockSkew, summary);
                let finding = match self.times() {
                    Some((signed, server)) => {
                        finding.evidence(format!("signed at {signed}, arrived at {server}"))
                    }
                    None => finding,
                };
                finding.remedy(clock_sync_command())
            }
            ErrorKind::ScopeMismatch => self.scope_mismatch(),
            ErrorKind::RegionMissing => Finding::new(
                Cause::RegionInvalid,
                "the request was signed without a region",
            )
            .remedy(names::SET_REGION),
            ErrorKind::SecretWrong => {
                let key = request.key("key", "the access key");
                let finding =
                    Finding::new(Cause::SecretWrong, format!("the secret of {key} is wrong"))
                        .remedy("copy key ID and secret again, both from the same place");
                if request.keys.is_some() && !request.is_session() {
                    return finding;
                }
                finding
                    .likely()
                    .remedy("if AWS issued them just now, a proxy is probably altering requests")
            }
            ErrorKind::KeyAndSecretSwapped => {
                let summary = "the access key ID contains a `/`: it is probably the secret";
                Finding::new(Cause::KeyAndSecretSwapped, summary)
                    .likely()
                    .remedy("key ID and secret are swapped: exchange them")
            }
            _ => {
                let summary =
                    "the access key ID begins or ends with white space, or contains a comment";
                Finding::new(Cause::HiddenCharacters, summary)
                    .likely()
                    .remedy("retype the access key ID without surrounding characters")
            }
        }
    }

    /// `the region 'A' is wrong; expecting 'B'`, or without the names.
    fn scope_mismatch(&self) -> Finding {
        let quoted = |text: &str| {
            let name = text.split('\'').next().unwrap_or_default();
            names::is_region(name).then(|| name.to_owned())
        };
        let names = self
            .message
            .split_once("the region '")
            .and_then(|(_, rest)| {
                let (_, right) = rest.split_once("expecting '")?;
                Some((quoted(rest)?, quoted(right)?))
            });
        let signed = self.message.split_once("scoped to a valid region, not '");
        let signed = signed.and_then(|(_, rest)| rest.split_once('\''));
        let is_name = |name: &&str| (1..=40).contains(&name.len()) && !names::is_region(name);
        if let Some(signed) = signed.map(|(name, _)| name).filter(is_name) {
            let summary = format!("the request was signed for `{signed}`, which is not a region");
            return Finding::new(Cause::SignatureScopeMismatch, summary)
                .remedy("set the region in the program; where it has an endpoint, too, set both");
        }
        let Some((signed, right)) = names else {
            let summary = "the request was signed for another region or service than the one it \
                    reached";
            return Finding::new(Cause::SignatureScopeMismatch, summary).remedy(
                "make region and endpoint match: AWS_REGION, region, AWS_ENDPOINT_URL*, \
                    endpoint_url",
            );
        };
        let summary = format!("the request was signed for {signed}, but belongs to {right}");
        Finding::new(Cause::SignatureScopeMismatch, summary).remedy(remedy!(
            "set the region to {} for this bucket or service",
            right
        ))
    }

    /// The two times in "Signature expired: … is now earlier than … (…)".
    fn times(&self) -> Option<(&str, &str)> {
        let rest = self.message.split_once(": ")?.1;
        let is_time = |text: &&str| {
            text.len() == 16 && text.ends_with('Z') && text.as_bytes().get(8) == Some(&b'T')
        };
        let mut times = rest.split([' ', '(', ')']).filter(is_time);
        let signed = times.next()?;
        Some((signed, times.nth(1)?))
    }
}
