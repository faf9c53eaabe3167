//! The report after a command has ended: whether credentials caused its failure, and the outcome of
//! a drill. Pure.

use super::renewer::Last;
use super::request_log::Summary;
use super::{Delivery, OnRenew};
use crate::finding::{Cause, Finding};
use crate::time::{Timestamp, human_duration};

const MIN_TTL: &str = "--min-ttl TIME starts it only with credentials that last as long as it runs";

/// A run that has ended. Where the command was restarted, what is known is about its last start.
pub(super) struct Run<'a> {
    /// The name of the program.
    pub(super) command: &'a str,
    /// The profile it ran as.
    pub(super) profile: &'a str,
    pub(super) delivery: Delivery,
    pub(super) on_renew: Option<OnRenew>,
    pub(super) began: Timestamp,
    /// How often it had been started before.
    pub(super) restarts: u64,
    pub(super) ended: Timestamp,
    /// Its requests for credentials. Under [`Delivery::Env`] one, at the start.
    pub(super) requests: Option<Summary>,
    /// The last credentials that it could have been given.
    pub(super) last: Last,
    /// Why the last renewal failed, if it did.
    pub(super) failure: Option<Finding>,
}

impl Run<'_> {
    /// The finding, if the run itself shows that credentials made the command fail.
    pub(super) fn cause_of_failure(&self) -> Option<Finding> {
        let requests = self.requests?; // a command without credentials fails for other reasons
        let end = requests.last.expiration.filter(|end| *end <= self.ended)?;
        let ago = human_duration(self.ended.seconds_from(end));
        let command = self.command;
        let had_the_last = self.last.expiration.is_none_or(|last| last <= end);
        let finding = match (&self.failure, self.delivery) {
            (Some(failure), _) if had_the_last => failure.clone().evidence(format!(
                "the last renewal failed, and the credentials of `{command}` expired {ago} before \
                    it ended"
            )),
            (_, Delivery::Env) => self.outlived_variables(end, &ago),
            // A container reads its directory, and no one sees it.
            (_, Delivery::Files) => return None,
            _ => self.did_not_renew(&requests, end, &ago),
        };
        let finding = finding.for_profile(self.profile);
        if self.restarts == 0 {
            return Some(finding);
        }
        Some(finding.evidence(format!(
            "awsfresh had started it again {} with new credentials, the last time at {}",
            times(self.restarts),
            self.began
        )))
    }

    /// Variables that expired before the command ended.
    fn outlived_variables(&self, end: Timestamp, ago: &str) -> Finding {
        let command = self.command;
        let summary = format!("the credentials of `{command}` expired {ago} before it ended");
        let no_others = match self.on_renew {
            Some(OnRenew::Restart) => "awsfresh had not restarted it with new ones",
            _ => "nothing can renew variables (--deliver env)",
        };
        Finding::new(Cause::SessionExpired, summary)
            .evidence(format!("its variables expired at {end}, and {no_others}"))
            .remedy("run it without --deliver env: most programs then renew by themselves")
            .remedy(MIN_TTL)
    }

    /// New credentials that the command could have requested.
    fn did_not_renew(&self, requests: &Summary, end: Timestamp, ago: &str) -> Finding {
        let summary = format!(
            "`{}` did not renew its credentials: they expired {ago} before it ended",
            self.command
        );
        let last = human_duration(requests.last.at.seconds_from(self.began));
        let start = match self.restarts {
            0 => "its start",
            _ => "its last start",
        };
        let times = times(requests.count);
        let finding = Finding::new(Cause::SessionExpired, summary).evidence(format!(
            "it requested credentials {times}, last {last} after {start}; those expired at {end}"
        ));
        let signalled = self.last.renewed.filter(|at| *at > requests.last.at);
        let finding = match (self.on_renew, signalled) {
            (Some(OnRenew::Signal(_)), Some(at)) => finding
                .evidence(format!(
                    "awsfresh renewed them at {at} and sent it the signal of --on-renew"
                ))
                .remedy("--on-renew restart starts it again with new credentials"),
            _ => finding,
        };
        let drill = "--drill 20s shows within a minute whether a program renews its credentials";
        finding.remedy(MIN_TTL).remedy(drill)
    }

    /// The report of a drill that announced an expiration `drill` seconds after each request.
    pub(super) fn drill_report(&self, drill: i64) -> String {
        let report = self.outcome_of_drill(drill);
        match self.restarts {
            0 => report,
            n => format!(
                "{report} (awsfresh started it again {}: this is about its last start)",
                times(n)
            ),
        }
    }

    fn outcome_of_drill(&self, drill: i64) -> String {
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
            on_renew: None,
            began: Timestamp(0),
            restarts: 0,
            ended: Timestamp(ended),
            requests,
            last: Last {
                expiration: Some(Timestamp(100_000)),
                renewed: Some(Timestamp(2400)),
            },
            failure: None,
        }
    }

    /// After a renewal that failed, with nothing newer than what expires at 3600.
    fn not_renewed() -> Run<'static> {
        Run {
            failure: Some(Finding::new(
                Cause::SsoSessionExpired,
                "the session has expired",
            )),
            last: Last {
                expiration: Some(Timestamp(3600)),
                renewed: None,
            },
            ..run(&[(1, 3600)], 4000)
        }
    }

    fn text(run: &Run<'_>) -> String {
        run.cause_of_failure().unwrap().to_string()
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
    }

    #[test]
    fn variables_are_said_to_have_expired_and_not_that_the_command_could_renew_them() {
        let with = |on_renew, restarts| Run {
            delivery: Delivery::Env,
            on_renew,
            restarts,
            ..run(&[(0, 3600)], 4000)
        };
        let none = text(&with(None, 0));
        assert!(none.contains("nothing can renew variables") && !none.contains("did not renew"));
        for restarts in [0, 1, 7] {
            let restart = text(&with(Some(OnRenew::Restart), restarts));
            assert!(
                restart.contains("had not restarted it with new ones")
                    && restart.contains("without --deliver env")
                    && restart.contains("started it again") == (restarts > 0)
                    && !restart.contains("did not renew")
                    && !restart.contains("nothing can renew"),
                "{restart}"
            );
        }
    }

    #[test]
    fn a_signal_that_made_the_command_request_nothing_is_named() {
        let with = |requests: &[(i64, i64)], on_renew| Run {
            on_renew,
            ..run(requests, 4000)
        };
        let signal = Some(OnRenew::Signal(1));
        let named = |run: &Run<'_>| text(run).contains("sent it the signal of --on-renew");
        assert!(named(&with(&[(1, 3600)], signal)));
        assert!(!named(&with(&[(1, 3600)], None)));
        // It has requested credentials since, and got old ones.
        assert!(!named(&with(&[(2500, 3600)], signal)));
        let none = Last {
            expiration: Some(Timestamp(3600)),
            renewed: None,
        };
        assert!(!named(&Run {
            last: none,
            ..with(&[(1, 3600)], signal)
        }));
    }

    #[test]
    fn after_a_restart_the_report_is_about_the_last_start() {
        for delivery in [Delivery::Profile, Delivery::Endpoint] {
            let restarted = |requests: &[(i64, i64)]| Run {
                delivery,
                on_renew: Some(OnRenew::Restart),
                began: Timestamp(2400),
                restarts: 2,
                ..run(requests, 9999)
            };
            assert_eq!(restarted(&[]).cause_of_failure(), None);
            let text = text(&restarted(&[(2460, 6000)]));
            assert!(
                text.contains("once, last 60 s after its last start")
                    && text.contains("started it again 2 times with new credentials"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_failed_renewal_is_the_cause_only_of_the_last_credentials() {
        for (delivery, on_renew) in [
            (Delivery::Profile, None),
            (Delivery::Endpoint, Some(OnRenew::Signal(1))),
            (Delivery::Env, Some(OnRenew::Restart)),
        ] {
            let failed = Run {
                delivery,
                on_renew,
                ..not_renewed()
            };
            let finding = failed.cause_of_failure().unwrap();
            assert_eq!(finding.cause, Cause::SsoSessionExpired);
            assert!(text(&failed).contains("the last renewal failed"));
            let renewed_before = Run {
                last: Last {
                    expiration: Some(Timestamp(3900)),
                    renewed: Some(Timestamp(2400)),
                },
                ..failed
            };
            let finding = renewed_before.cause_of_failure().unwrap();
            assert_eq!(finding.cause, Cause::SessionExpired);
        }
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
