//! Which roles: a glob for the account, and one for the role.

use std::fmt;
use std::str::FromStr;

use glob::{MatchOptions, Pattern};

use super::AccountRole;
use crate::aws::names::is_region;

/// Names are compared without case; `*` matches every character.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: false,
    require_literal_separator: false,
    require_literal_leading_dot: false,
};

/// `ACCOUNT/ROLE`, or `ACCOUNT` for every role in it. An account matches by name or ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoleGlob {
    account: Pattern,
    role: Option<Pattern>,
}

impl RoleGlob {
    pub(super) fn matches(&self, one: &AccountRole) -> bool {
        let is_of = |pattern: &Pattern, text: &str| pattern.matches_with(text, OPTIONS);
        let has_account =
            is_of(&self.account, &one.account_name) || is_of(&self.account, &one.account_id);
        has_account
            && self
                .role
                .as_ref()
                .is_none_or(|role| is_of(role, &one.role_name))
    }
}

impl FromStr for RoleGlob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("write ACCOUNT/ROLE or ACCOUNT, with * and ?".to_owned());
        }
        // Names of roles have no slash, names of accounts may.
        let (account, role) = match text.rsplit_once('/') {
            Some((account, role)) => (account, Some(role)),
            None => (text, None),
        };
        let pattern = |text: &str| Pattern::new(text).map_err(|e| format!("not a glob: {}", e.msg));
        Ok(Self {
            account: pattern(account)?,
            role: role.map(pattern).transpose()?,
        })
    }
}

impl fmt::Display for RoleGlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.account.as_str())?;
        match &self.role {
            Some(role) => write!(f, "/{role}"),
            None => Ok(()),
        }
    }
}

/// `REGION`, or `GLOB=REGION` for some roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RegionRule {
    roles: Option<RoleGlob>,
    pub(super) region: String,
}

impl RegionRule {
    pub(super) fn matches(&self, role: &AccountRole) -> bool {
        self.roles.as_ref().is_none_or(|glob| glob.matches(role))
    }
}

impl FromStr for RegionRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (roles, region) = match text.rsplit_once('=') {
            Some((glob, region)) => (Some(glob.parse()?), region),
            None => (None, text),
        };
        if !is_region(region) {
            return Err("write a region, or GLOB=REGION, such as prod-*=eu-west-1".to_owned());
        }
        let region = region.to_owned();
        Ok(Self { roles, region })
    }
}

impl fmt::Display for RegionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.roles {
            Some(roles) => write!(f, "{roles}={}", self.region),
            None => f.write_str(&self.region),
        }
    }
}
