//! The report after a command has ended: whether credentials caused its failure, and the outcome of
//! a drill. Pure.

use super::Delivery;
use super::request_log::Summary;
use crate::finding::{Cause, Finding};
use crate::time::{Timestamp, human_duration};

/// A run that has ended.
pub(super) struct Run<'a> {
    /// The name of the program.
    pub(super) command: &'a str,
    /// The profile it ran as.
    pub(super) profile: &'a str,
    pub(super) delivery: Delivery,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    /// Its requests for credentials. Under [`Delivery::Env`] one, at the start.
    pub(super) requests: Option<Summary>,
    /// When the last credentials that it could have been given expire.
    pub(super) expiration: Option<Timestamp>,
    /// Why the last renewal failed, if it did.
    pub(super) failure: Option<Finding>,
}

impl Run<'_> {
    /// The finding, if the run itself shows that credentials made the command fail.
    pub(super) fn cause_of_failure(&self) -> Option<Finding> {
        let requests = self.requests?; // a command without credentials fails for other reasons
        let command = self.command;
        if let Some(finding) = &self.failure
            && self.expiration.is_some_and(|end| end <= self.ended)
        {
            let evidence = format!(
                "no renewal succeeded while `{command}` ran, and its credentials expired \
                    before it ended"
            );
            return Some(finding.clone().for_profile(self.profile).evidence(evidence));
        }
        let end = requests.last.expiration.filter(|end| *end <= self.ended)?;
        let ago = human_duration(self.ended.seconds_from(end));
        let summary = format!(
            "`{command}` did not renew its credentials: they expired {ago} before it ended"
        );
        let finding = Finding::new(Cause::SessionExpired, summary).for_profile(self.profile);
        let min_ttl = "--min-ttl TIME starts it only with credentials that last as long as it runs";
        if self.delivery == Delivery::Env {
            let evidence = format!(
                "its variables expired at {end}, and nothing can renew variables (--deliver env)"
            );
            let without = "run it without --deliver env: most programs then renew by themselves";
            return Some(finding.evidence(evidence).remedy(without).remedy(min_ttl));
        }
        let last = human_duration(requests.last.at.seconds_from(self.began));
        let times = times(requests.count);
        let evidence = format!(
            "it requested credentials {times}, last {last} after its start; those expired at {end}"
        );
        let drill = "--drill 20s shows within a minute whether a program renews its credentials";
        Some(finding.evidence(evidence).remedy(min_ttl).remedy(drill))
    }

    /// The report of a drill that announced an expiration `drill` seconds after each request.
    pub(super) fn drill_report(&self, drill: i64) -> String {
        let (command, ran) = (
            self.command,
            human_duration(self.ended.seconds_from(self.began)),
        );
        let Some(requests) = self.requests else {
            return format!("drill: `{command}` never requested credentials in {ran}");
        };
        let requested = format!(
            "drill: `{command}` requested credentials {}",
            times(requests.count)
        );
        // Some programs renew ahead of time, none before half of the time has passed.
        let came_back = requests.last.at.seconds_from(requests.first.at) >= (drill / 2).max(1);
        if came_back {
            format!("{requested} in {ran}: it survives expiry")
        } else if self.ended.seconds_from(requests.first.at) <= drill {
            format!(
                "{requested} and ended after {ran}, before the announced expiration: no \
                    result; use a shorter --drill"
            )
        } else {
            format!(
                "{requested}, not again after the announced expiration, and ran {ran}: it \
                    would have failed after its first session"
            )
        }
    }
}

fn times(count: u64) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}

#[cfg(test)]
mod tests {
    use super::super::request_log::Request;
    use super::*;

    fn run(requests: &[(i64, i64)], ended: i64) -> Run<'static> {
        let request = |&(at, end): &(i64, i64)| Request {
            at: Timestamp(at),
            expiration: Some(Timestamp(end)),
        };
        let requests = requests
            .iter()
            .map(request)
            .fold(None, |all, one| Some(Summary::with(all, one)));
        Run {
            command: "make",
            profile: "prod",
            delivery: Delivery::Profile,
            began: Timestamp(0),
            ended: Timestamp(ended),
            requests,
            expiration: Some(Timestamp(100_000)),
            failure: None,
        }
    }

    #[test]
    fn without_evidence_there_is_no_finding() {
        assert_eq!(run(&[], 9999).cause_of_failure(), None);
        assert_eq!(run(&[(1, 3600)], 60).cause_of_failure(), None);
        let failure = Some(Finding::new(Cause::DnsFailure, "x"));
        let failed = Run {
            failure,
            ..run(&[(1, 3600)], 60)
        };
        assert_eq!(
            failed.cause_of_failure(),
            None,
            "the old credentials were still valid"
        );
    }

    #[test]
    fn an_expiration_during_the_run_is_reported() {
        let text = run(&[(1, 3600), (2, 3600)], 4000)
            .cause_of_failure()
            .unwrap()
            .to_string();
        assert!(
            text.contains("[session-expired]")
                && text.contains("2 times")
                && text.contains("6 min"),
            "{text}"
        );
        let env = Run {
            delivery: Delivery::Env,
            ..run(&[(0, 3600)], 4000)
        };
        assert!(
            env.cause_of_failure()
                .unwrap()
                .to_string()
                .contains("without --deliver env")
        );
        let failed = Run {
            failure: Some(Finding::new(
                Cause::SsoSessionExpired,
                "the session has expired",
            )),
            expiration: Some(Timestamp(3600)),
            ..run(&[(1, 3600)], 4000)
        };
        assert_eq!(
            failed.cause_of_failure().unwrap().cause,
            Cause::SsoSessionExpired
        );
    }

    #[test]
    fn a_drill_reports_what_it_saw() {
        let report = |requests: &[(i64, i64)], ended| run(requests, ended).drill_report(20);
        assert!(report(&[], 60).contains("never requested"));
        let once = report(&[(1, 21)], 180);
        assert!(
            once.contains("once, not again")
                && once.ends_with("ran 3 min: it would have failed after its first session")
        );
        assert!(report(&[(1, 21), (2, 22)], 180).contains("would have failed"));
        let four = report(&[(1, 21), (19, 39), (40, 60), (60, 80)], 70);
        assert!(
            four.contains("4 times in 70 s: it survives expiry"),
            "{four}"
        );
        assert!(report(&[(1, 21)], 10).contains("no result"));
    }
}
