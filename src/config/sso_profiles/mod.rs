//! The profiles of an SSO session, one for each role that its user has: their names and regions, and
//! what a person has changed in them since. Pure.
//!
//! `block` is the part of the config file that they are in, `template` makes their names, `glob`
//! selects roles.

mod block;
mod glob;
mod template;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use block::{Block, Entry, NewBlock, blocks, remove_block, write_block};
pub(crate) use glob::{RegionRule, RoleGlob};
pub(crate) use template::NameTemplate;

use crate::finding::{Cause, Finding, Result};
use crate::text;

/// A role that an SSO user has in an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AccountRole {
    /// As AWS knows it, without characters that a config file cannot hold.
    pub(crate) account_name: String,
    /// Twelve digits.
    pub(crate) account_id: String,
    pub(crate) role_name: String,
}

impl AccountRole {
    /// Replaces in the account's name what has a meaning in a config file.
    pub(crate) fn new(account_id: &str, account_name: &str, role_name: &str) -> Self {
        let plain = |c: char| match c {
            '#' | ';' | '[' | ']' | '"' | '\'' | '\\' => ' ',
            c if !text::is_printable(c.encode_utf8(&mut [0; 4])) => ' ',
            c => c,
        };
        let name: String = account_name.chars().map(plain).collect();
        Self {
            account_name: name.split_whitespace().collect::<Vec<_>>().join(" "),
            account_id: account_id.to_owned(),
            role_name: role_name.to_owned(),
        }
    }

    /// What distinguishes it from every other role.
    fn identity(&self) -> (&str, &str) {
        (&self.account_id, &self.role_name)
    }
}

/// How roles become profiles.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) session: &'a str,
    pub(crate) template: &'a NameTemplate,
    /// A role has to match one of these, if there are any.
    pub(crate) filter: &'a [RoleGlob],
    /// And none of these.
    pub(crate) exclude: &'a [RoleGlob],
    /// The last one that matches decides.
    pub(crate) regions: &'a [RegionRule],
}

/// A profile of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SsoProfile {
    pub(crate) name: String,
    pub(crate) role: AccountRole,
    pub(crate) region: Option<String>,
}

impl Rules<'_> {
    fn selects(&self, role: &AccountRole) -> bool {
        let is_in = |globs: &[RoleGlob]| globs.iter().any(|glob| glob.matches(role));
        (self.filter.is_empty() || is_in(self.filter)) && !is_in(self.exclude)
    }

    /// The profiles of these roles. Where several would have one name, each gets its account ID.
    fn profiles(&self, roles: Vec<AccountRole>) -> Vec<SsoProfile> {
        let mut profiles: Vec<SsoProfile> = roles
            .into_iter()
            .map(|role| {
                let rule = self.regions.iter().rev().find(|rule| rule.matches(&role));
                let region = rule.map(|rule| rule.region.clone());
                let name = self.template.name(&role, self.session, region.as_deref());
                SsoProfile { name, role, region }
            })
            .collect();
        let mut uses: BTreeMap<String, usize> = BTreeMap::new();
        for profile in &profiles {
            *uses.entry(profile.name.clone()).or_default() += 1;
        }
        for profile in &mut profiles {
            if uses[&profile.name] > 1 {
                profile.name = format!("{}-{}", profile.name, profile.role.account_id);
            }
        }
        profiles
    }
}

/// The profiles that a block is to have: one for each selected role of `listed`, in the order of the
/// old ones, with what a person has changed in those. `is_complete` says whether `listed` has every
/// role: only then a profile without a role goes.
///
/// Fails if two of them would have the same name.
pub(crate) fn merge(
    old: &[SsoProfile],
    old_rules: &Rules<'_>,
    listed: Vec<AccountRole>,
    rules: &Rules<'_>,
    is_complete: bool,
) -> Result<Vec<SsoProfile>> {
    let mut wanted: Vec<AccountRole> = listed.into_iter().filter(|r| rules.selects(r)).collect();
    wanted.sort();
    wanted.dedup_by(|a, b| a.identity() == b.identity());
    if !is_complete {
        let known: BTreeSet<_> = wanted.iter().map(AccountRole::identity).collect();
        let unlisted = old.iter().map(|profile| &profile.role);
        let unlisted = unlisted.filter(|role| !known.contains(&role.identity()));
        let kept: Vec<AccountRole> = unlisted.cloned().collect();
        wanted.extend(kept);
    }
    let has_same_template = old_rules.template == rules.template;
    let before = old_rules.profiles(old.iter().map(|profile| profile.role.clone()).collect());
    let changed = old.iter().zip(&before).enumerate();
    let changed: BTreeMap<_, _> = changed
        .map(|(at, pair)| (pair.0.role.identity(), (at, pair)))
        .collect();
    let mut merged: Vec<(usize, SsoProfile)> = rules
        .profiles(wanted)
        .into_iter()
        .map(|mut profile| match changed.get(&profile.role.identity()) {
            None => (usize::MAX, profile),
            Some((at, (now, before))) => {
                // A name means the same role as long as the template is the same, whatever the
                // account is called meanwhile.
                if now.name != before.name || has_same_template {
                    profile.name.clone_from(&now.name);
                }
                if now.region != before.region {
                    profile.region.clone_from(&now.region);
                }
                (*at, profile)
            }
        })
        .collect();
    merged.sort_by_key(|(at, _)| *at);
    let kept = merged.iter().filter(|(at, _)| *at != usize::MAX);
    let kept: BTreeSet<String> = kept.map(|(_, one)| one.name.clone()).collect();
    for (at, profile) in &mut merged {
        if *at == usize::MAX && kept.contains(&profile.name) {
            profile.name = format!("{}-{}", profile.name, profile.role.account_id);
        }
    }
    let mut names: BTreeMap<&str, &SsoProfile> = BTreeMap::new();
    for (_, profile) in &merged {
        if let Some(other) = names.insert(&profile.name, profile) {
            return Err(same_name(other, profile));
        }
    }
    Ok(merged.into_iter().map(|(_, profile)| profile).collect())
}

fn same_name(one: &SsoProfile, other: &SsoProfile) -> Finding {
    let role = |of: &SsoProfile| format!("{} in {}", of.role.role_name, of.role.account_id);
    let summary = format!("two roles would have the profile `{}`", one.name);
    Finding::new(Cause::Usage, summary)
        .evidence(format!("{}; {}", role(one), role(other)))
        .remedy("--name-template with {role} and {account_id} gives each its own name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(account: &str, id: &str, role: &str) -> AccountRole {
        AccountRole::new(id, account, role)
    }

    fn rules<'a>(
        template: &'a NameTemplate,
        filter: &'a [RoleGlob],
        regions: &'a [RegionRule],
    ) -> Rules<'a> {
        Rules {
            session: "corp",
            template,
            filter,
            exclude: &[],
            regions,
        }
    }

    fn names(profiles: &[SsoProfile]) -> Vec<&str> {
        profiles
            .iter()
            .map(|profile| profile.name.as_str())
            .collect()
    }

    #[test]
    fn every_member_of_a_collision_gets_its_account_id() {
        let template = NameTemplate::default();
        let rules = rules(&template, &[], &[]);
        let listed = vec![
            role("Dev (EU)", "222222222222", "Admin"),
            role("Dev EU", "111111111111", "Admin"),
            role("prod", "333333333333", "Admin"),
        ];
        let merged = merge(&[], &rules, listed, &rules, true).unwrap();
        let expected = [
            "Dev-EU/Admin-222222222222",
            "Dev-EU/Admin-111111111111",
            "prod/Admin",
        ];
        assert_eq!(names(&merged), expected);
        let narrow: NameTemplate = "{account}".parse().unwrap();
        let rules = Rules {
            template: &narrow,
            ..rules
        };
        let two = vec![
            role("a", "111111111111", "X"),
            role("a", "111111111111", "Y"),
        ];
        assert!(merge(&[], &rules, two, &rules, true).is_err());
    }

    #[test]
    fn what_a_person_changed_stays_and_the_rest_follows_the_rules() {
        let template = NameTemplate::default();
        let old_regions = ["eu-west-1".parse().unwrap()];
        let old_rules = rules(&template, &[], &old_regions);
        let listed = || {
            vec![
                role("a", "111111111111", "X"),
                role("b", "222222222222", "X"),
            ]
        };
        let mut old = merge(&[], &old_rules, listed(), &old_rules, true).unwrap();
        old[0].name = "mine".into();
        old[1].region = None;
        let regions = ["us-east-1".parse().unwrap()];
        let other: NameTemplate = "{role}@{account}".parse().unwrap();
        let new_rules = rules(&other, &[], &regions);
        let merged = merge(&old, &old_rules, listed(), &new_rules, true).unwrap();
        assert_eq!(names(&merged), ["mine", "X@b"]);
        let regions: Vec<_> = merged.iter().map(|one| one.region.as_deref()).collect();
        assert_eq!(regions, [Some("us-east-1"), None]);
    }

    #[test]
    fn a_profile_goes_only_if_the_listing_is_complete() {
        let template = NameTemplate::default();
        let rules = rules(&template, &[], &[]);
        let all = vec![
            role("a", "111111111111", "X"),
            role("b", "222222222222", "X"),
        ];
        let old = merge(&[], &rules, all.clone(), &rules, true).unwrap();
        let kept = merge(&old, &rules, all[1..].to_vec(), &rules, false).unwrap();
        assert_eq!(names(&kept), ["a/X", "b/X"]);
        let pruned = merge(&old, &rules, all[1..].to_vec(), &rules, true).unwrap();
        assert_eq!(names(&pruned), ["b/X"]);
    }

    #[test]
    fn a_name_stays_that_of_its_role() {
        let template = NameTemplate::default();
        let rules = rules(&template, &[], &[]);
        let old = merge(
            &[],
            &rules,
            vec![role("prod", "111111111111", "X")],
            &rules,
            true,
        )
        .unwrap();
        let renamed = vec![
            role("prod-old", "111111111111", "X"),
            role("prod", "222222222222", "X"),
        ];
        let merged = merge(&old, &rules, renamed, &rules, true).unwrap();
        assert_eq!(names(&merged), ["prod/X", "prod/X-222222222222"]);
        assert_eq!(merged[0].role.account_id, "111111111111");
    }

    #[test]
    fn a_filter_matches_names_and_ids() {
        let template = NameTemplate::default();
        let globs: Vec<RoleGlob> = ["prod*/Adm*", "222222222222"]
            .map(|g| g.parse().unwrap())
            .into();
        let rules = rules(&template, &globs, &[]);
        let listed = vec![
            role("Production", "111111111111", "admin"),
            role("Production", "111111111111", "Reader"),
            role("b", "222222222222", "Any"),
        ];
        let merged = merge(&[], &rules, listed, &rules, true).unwrap();
        assert_eq!(names(&merged), ["Production/admin", "b/Any"]);
    }
}
