//! Why a store cannot be used.

use std::fmt;

use crate::finding::{Cause, Finding, Subject};

/// Why a store cannot be used. The detail is a plain sentence without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// It exists, but a person has to unlock it.
    Locked {
        /// What was observed.
        detail: String,
    },
    /// It does not exist, or does not respond.
    Unavailable {
        /// What was observed.
        detail: String,
    },
    /// It exists and is damaged, misconfigured or unsafe.
    Broken {
        /// What was observed.
        detail: String,
    },
}

impl StoreError {
    pub(super) fn locked(detail: impl Into<String>) -> Self {
        Self::Locked {
            detail: detail.into(),
        }
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable {
            detail: detail.into(),
        }
    }

    pub(crate) fn broken(detail: impl Into<String>) -> Self {
        Self::Broken {
            detail: detail.into(),
        }
    }

    /// What was observed.
    pub(crate) fn detail(&self) -> &str {
        match self {
            Self::Locked { detail } | Self::Unavailable { detail } | Self::Broken { detail } => {
                detail
            }
        }
    }

    /// The published cause.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Locked { .. } => Cause::StoreLocked,
            Self::Unavailable { .. } | Self::Broken { .. } => Cause::StoreUnavailable,
        }
    }

    /// A finding with a next step.
    pub(crate) fn into_finding(self) -> Finding {
        let (summary, next) = match &self {
            Self::Locked { .. } => {
                let next =
                    "unlock the keyring (sign in to the desktop), or use AWSFRESH_STORE=sealed";
                ("the keyring is locked", next)
            }
            Self::Unavailable { .. } => {
                let next = "use AWSFRESH_STORE=auto, which selects a store that works here";
                ("the credential store cannot be used", next)
            }
            Self::Broken { .. } => ("the credential store is damaged", "awsfresh status"),
        };
        let finding = Finding::new(self.cause(), summary).about(Subject::Store);
        finding.evidence(self.detail()).remedy(next)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail())
    }
}

impl std::error::Error for StoreError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_keyring_has_a_cause_a_code_and_a_next_step() {
        let finding = StoreError::locked("the collection `login` is locked").into_finding();
        let parts = (finding.cause, finding.exit_code(), finding.remedy.len());
        assert_eq!(parts, (Cause::StoreLocked, 8, 1));
    }
}
