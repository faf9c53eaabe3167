//! What is to be said once a command has ended: whether credentials had a part in its failure, and how a drill went. Pure.

use super::Delivery;
use super::asked::Answers;
use crate::diagnosis::{Cause, Finding};
use crate::time::{Timestamp, for_people};

/// A run that is over.
pub struct Over<'a> {
    /// The program.
    pub command: &'a str,
    /// The profile it ran as.
    pub profile: &'a str,
    /// How it got its credentials.
    pub delivery: Delivery,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What it was given. Under [`Delivery::Env`] once, at the start.
    pub answers: Option<Answers>,
    /// When what could have been given last ends.
    pub expiration: Option<Timestamp>,
    /// Why the last renewal failed, if it did.
    pub failure: Option<Finding>,
}

impl Over<'_> {
    /// Evidence from the run itself that credentials made the command fail.
    pub fn cause_of_failure(&self) -> Option<Finding> {
        let answers = self.answers?; // without credentials none can have been at fault
        let command = self.command;
        if let Some(finding) = &self.failure
            && self.expiration.is_some_and(|end| end <= self.ended)
        {
            let finding = finding.clone().for_profile(self.profile);
            return Some(finding.seen(format!("no renewal succeeded while `{command}` ran, and its credentials ended before it did")));
        }
        let end = answers.last.expiration.filter(|end| *end <= self.ended)?;
        let over = for_people(self.ended.seconds_from(end));
        let summary =
            format!("`{command}` was still running when its credentials ended, {over} before it did, and never asked for new ones");
        let finding = Finding::new(Cause::SessionExpired, summary).for_profile(self.profile);
        let given = for_people(answers.last.at.seconds_from(self.began));
        let finding = match self.delivery {
            Delivery::Env => finding.seen(format!("variables with an end at {end}, which nothing can renew (--deliver env)")),
            _ => finding.seen(format!(
                "it asked {}, the last time {given} after its start, for credentials that ended at {end}",
                times(answers.count)
            )),
        };
        Some(match self.delivery {
            Delivery::Env => finding
                .try_this("run it without --deliver env: most programs then renew by themselves")
                .try_this("--min-ttl TIME, to start it only with credentials that last as long as it runs"),
            _ => finding
                .try_this("--min-ttl TIME, to start it only with credentials that last as long as it runs")
                .try_this("--drill 20s shows within a minute whether a program comes back for new credentials"),
        })
    }

    /// The report of a drill that announced an end `drill` seconds after each answer.
    pub fn drilled(&self, drill: i64) -> String {
        let (command, ran) = (self.command, for_people(self.ended.seconds_from(self.began)));
        let Some(answers) = self.answers else {
            return format!("drill: `{command}` never asked for credentials in {ran}");
        };
        let asked = times(answers.count);
        // Some ask ahead of the end, none before half the time is over.
        let came_back = answers.last.at.seconds_from(answers.first.at) >= (drill / 2).max(1);
        if came_back {
            format!("drill: `{command}` asked {asked} in {ran}: survives expiry")
        } else if self.ended.seconds_from(answers.first.at) <= drill {
            format!(
                "drill: `{command}` asked {asked} and ended after {ran}, before the announced end: nothing is shown; a shorter --drill may"
            )
        } else {
            format!(
                "drill: `{command}` asked {asked}, not again after the announced end, and ran {ran}: would have failed after its first session"
            )
        }
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

#[cfg(test)]
mod tests {
    use super::super::asked::Asked;
    use super::*;

    fn over(asks: &[(i64, i64)], ended: i64) -> Over<'static> {
        let asked = |&(at, end): &(i64, i64)| Asked { at: Timestamp(at), expiration: Some(Timestamp(end)) };
        let answers = asks.iter().map(asked).fold(None, |answers, one| Some(Answers::and(answers, one)));
        let expiration = Some(Timestamp(100_000));
        let (began, ended) = (Timestamp(0), Timestamp(ended));
        Over { command: "make", profile: "prod", delivery: Delivery::Profile, began, ended, answers, expiration, failure: None }
    }

    #[test]
    fn nothing_is_said_without_evidence() {
        assert_eq!(over(&[], 9999).cause_of_failure(), None);
        assert_eq!(over(&[(1, 3600)], 60).cause_of_failure(), None);
        let failed = Over { failure: Some(Finding::new(Cause::DnsFailure, "x")), ..over(&[(1, 3600)], 60) };
        assert_eq!(failed.cause_of_failure(), None, "the old credentials were still good");
    }

    #[test]
    fn an_expiry_under_a_command_is_told() {
        let told = over(&[(1, 3600), (2, 3600)], 4000).cause_of_failure().unwrap().to_string();
        assert!(
            told.contains("[session-expired]") && told.contains("asked 2 times") && told.contains("400 s") | told.contains("6 min"),
            "{told}"
        );
        let env = Over { delivery: Delivery::Env, ..over(&[(0, 3600)], 4000) };
        assert!(env.cause_of_failure().unwrap().to_string().contains("without --deliver env"));
        let failed = Over {
            failure: Some(Finding::new(Cause::SsoSessionExpired, "the session is over")),
            expiration: Some(Timestamp(3600)),
            ..over(&[(1, 3600)], 4000)
        };
        assert_eq!(failed.cause_of_failure().unwrap().cause, Cause::SsoSessionExpired);
    }

    #[test]
    fn a_drill_tells_what_it_saw() {
        assert!(over(&[], 60).drilled(20).contains("never asked"));
        assert!(
            over(&[(1, 21)], 180)
                .drilled(20)
                .ends_with("asked once, not again after the announced end, and ran 3 min: would have failed after its first session")
        );
        assert!(over(&[(1, 21), (2, 22)], 180).drilled(20).contains("would have failed"));
        assert!(over(&[(1, 21), (19, 39), (40, 60), (60, 80)], 70).drilled(20).contains("asked 4 times in 70 s: survives expiry"));
        assert!(over(&[(1, 21)], 10).drilled(20).contains("nothing is shown"));
    }
}
