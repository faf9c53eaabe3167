//! Whether a profile can be set up.

use crate::commands::Context;
use crate::config::{CREDENTIAL_KEYS, Profile, ProfileSet, requested_profile};
use crate::finding::{Cause, Finding, remedy};

/// What `setup` does with a profile.
pub(super) enum Verdict {
    Change,
    /// It is set up already.
    Done,
    /// It cannot be set up, or that would not help.
    Refused(Finding),
}

/// Judges the profile `name`, for which tools are to run `process`.
pub(super) fn verdict(
    context: &Context<'_>,
    set: &ProfileSet,
    name: &str,
    process: &str,
) -> Verdict {
    if set.profile(name).is_some_and(Profile::has_foreign_process) {
        return Verdict::Change;
    }
    let chain = match context.resolve(set, name) {
        Ok(chain) => chain,
        Err(finding) => return Verdict::Refused(finding),
    };
    let Some(profile) = set.profile(name) else {
        return Verdict::Refused(refused(name, "does not exist"));
    };
    let own_process = profile.own_process();
    let has_keys_alone = chain.base.is_keys() && chain.hops.is_empty();
    if has_keys_alone && own_process.is_none() {
        let finding = refused(name, "has long-term keys: see awsfresh keys import");
        return Verdict::Refused(finding);
    }
    if let Some(finding) = bypass(context, profile) {
        return Verdict::Refused(finding);
    }
    if let Some(value) = own_process {
        let target = requested_profile(&value.text);
        if value.text == process || target.is_some_and(|target| target != name) {
            return Verdict::Done;
        }
    }
    if let Some(user) = user_of(set, name) {
        let finding = refused(
            name,
            &format!("is the source of profile `{user}`, which has awsfresh"),
        );
        return Verdict::Refused(finding);
    }
    Verdict::Change
}

/// Why tools would use other credentials than those of awsfresh, or reject the file.
pub(super) fn bypass(context: &Context<'_>, profile: &Profile) -> Option<Finding> {
    let name = &profile.name;
    let credentials = context.world.credentials_file();
    let values = profile.values();
    let shadow = values.iter().find(|(key, value)| {
        let decides = CREDENTIAL_KEYS.contains(key);
        decides && *value.origin.file == *credentials.to_string_lossy()
    });
    if let Some((key, value)) = shadow {
        let summary = format!("every tool uses {key} of [{name}] in the credentials file first");
        return Some(
            Finding::new(Cause::CredentialsFileShadows, summary)
                .at(&value.origin)
                .remedy(remedy!("rename [{}] at {}", name, value.origin)),
        );
    }
    let repeated = profile.repeated();
    profile.repetition(repeated.first()?)
}

fn refused(name: &str, why: &str) -> Finding {
    Finding::new(Cause::Usage, format!("profile `{name}` {why}"))
        .about_profile(name)
        .remedy("awsfresh setup --check says what each profile needs")
}

/// A profile that runs awsfresh for the profile `name`.
fn user_of<'a>(set: &'a ProfileSet, name: &str) -> Option<&'a str> {
    let uses = |user: &&Profile| {
        let target = user
            .own_process()
            .and_then(|value| requested_profile(&value.text));
        *user.name != *name && target.as_deref() == Some(name)
    };
    set.profiles().find(uses).map(|user| &*user.name)
}
