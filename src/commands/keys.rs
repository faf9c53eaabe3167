//! `keys`: long-term keys in the credential store instead of a file.
//!
//! At every moment one place has the secret: it is stored before a file loses it, and written to a
//! file before the store loses it. What was interrupted goes on when the same command is run again.

mod add;
mod list;
mod rotate;

use zeroize::Zeroizing;

use super::{Context, edits};
use crate::aws_files::{self, AwsFiles};
use crate::cli::{KeyChange, Keys};
use crate::config::{self, Base, Chain, FileKind, ProfileSet};
use crate::credentials::Credentials;
use crate::finding::{Cause, Finding, Result, remedy};
use crate::refresh::{StoredKey, lock_aws_files};
use crate::source::{Identity, Sources};
use crate::store::StoreError;
use crate::text::masked;
use crate::ui;

/// Carries out one of the subcommands.
pub(super) fn run(context: &Context<'_>, command: &Keys) -> Result<()> {
    match command {
        Keys::List { json } => list::run(context, *json),
        Keys::Import(change) => change_keys(context, change, |run| run.import()),
        Keys::Add(change) => change_keys(context, change, |run| run.add()),
        Keys::Remove(change) => change_keys(context, change, |run| run.remove()),
        Keys::Rotate(change) => change_keys(context, change, |run| run.rotate()),
        Keys::Export { change, .. } => change_keys(context, change, |run| run.export()),
    }
}

/// Does `work` while no other process changes the AWS files.
fn change_keys(
    context: &Context<'_>,
    change: &KeyChange,
    work: impl FnOnce(Run<'_>) -> Result<()>,
) -> Result<()> {
    let _lock = lock_aws_files(context.world)?;
    let files = context.files()?;
    edits::check_line_ends(&files)?;
    work(Run {
        context,
        files: &files,
        change,
    })
}

/// A change to the keys of one profile.
struct Run<'a> {
    context: &'a Context<'a>,
    files: &'a AwsFiles,
    change: &'a KeyChange,
}

impl Run<'_> {
    fn profile(&self) -> &str {
        &self.change.profile
    }

    fn usage(&self, what: &str) -> Finding {
        let summary = format!("profile `{}` {what}", self.profile());
        Finding::new(Cause::Usage, summary).about_profile(self.profile())
    }

    fn import(&self) -> Result<()> {
        let (profile, set) = (self.profile(), self.files.profiles());
        let chain = self.context.resolve(set, profile)?;
        let (credentials, origin) = match (&chain.base, chain.hops.as_slice()) {
            (
                Base::Static {
                    credentials,
                    origin,
                    ..
                },
                [],
            ) => (credentials, origin),
            (Base::StoredKeys { access_key_id, .. }, []) => {
                log::info!(
                    "the key of profile `{profile}` is in the store, says {}",
                    access_key_id.origin
                );
                return Ok(());
            }
            _ => {
                let finding =
                    self.usage("does not use keys of its own, but a role or another source");
                return Err(finding.remedy("awsfresh status shows which profiles have static keys"));
            }
        };
        if set
            .profile(profile)
            .is_none_or(|section| section.get("aws_access_key_id").is_none())
        {
            return Err(self
                .usage("gets its keys from another profile")
                .remedy("name that profile"));
        }
        if credentials.session_token.is_some() {
            return Err(self
                .usage("has temporary credentials, which expire")
                .remedy("keys add stores a long-term key"));
        }
        self.refuse_other_keys(credentials)?;
        let identity = self.identity(&chain, credentials)?;
        let [config, secrets] = self.files.texts();
        let without = config::without_keys(&config, FileKind::Config, profile);
        let new_config = self.with_stored_key(&without, credentials)?;
        let new_secrets = config::without_keys(&secrets, FileKind::Credentials, profile);
        self.check(&new_config, &new_secrets, &credentials.access_key_id)?;

        let name = masked(&credentials.access_key_id);
        ui::say(&format!("the key {name} belongs to {}", identity.arn));
        log::debug!("the key is at {origin}");
        let store = self.context.store.check();
        let question = format!(
            "Move it to the store ({}) and change both files?",
            store.name
        );
        edits::confirm(&question, self.change.yes)?;
        self.save(credentials, &identity)?;
        self.write(FileKind::Config, &config, &new_config)?;
        self.write(FileKind::Credentials, &secrets, &new_secrets)?;
        log::info!(
            "the key {name} of profile `{profile}` is in the store ({}), and not in its section",
            self.context.store.name()
        );
        self.name_copies(&credentials.access_key_id);
        Ok(())
    }

    /// Names the profiles that have the same key in a file.
    fn name_copies(&self, id: &str) {
        let set = self.files.profiles();
        for other in self.sharers(id) {
            if set
                .profile(other)
                .is_some_and(|one| one.stored_key_id().is_none())
            {
                log::info!("profile `{other}` still has the same key in a file: import it, too");
            }
        }
    }

    /// Fails where the files have other keys of the profile, which would be lost.
    fn refuse_other_keys(&self, credentials: &Credentials) -> Result<()> {
        let section = self.files.profiles().profile(self.profile());
        let values = section.map(config::Profile::values).unwrap_or_default();
        let other = values.into_iter().find(|(key, value)| match *key {
            "aws_access_key_id" => value.text != credentials.access_key_id,
            "aws_secret_access_key" => value.text != credentials.secret_access_key.expose(),
            _ => false,
        });
        match other {
            Some((key, value)) => Err(self
                .usage(&format!("has two different values of {key}"))
                .at(&value.origin)
                .remedy("remove the one that is not used any more")),
            None => Ok(()),
        }
    }

    /// Other profiles with the same key, in a file or in the store.
    fn sharers(&self, id: &str) -> Vec<&str> {
        let profiles = self.files.profiles().profiles();
        let has_key = |one: &&config::Profile| {
            let keys = [one.get_as_written("aws_access_key_id"), one.stored_key_id()];
            *one.name != *self.profile() && keys.into_iter().flatten().any(|key| key.text == id)
        };
        profiles.filter(has_key).map(|one| &*one.name).collect()
    }

    /// Deletes a key in the store, unless another profile has it.
    fn delete_unshared(&self, id: &str) -> Result<()> {
        let set = self.files.profiles();
        let is_stored = |name: &&str| {
            set.profile(name)
                .is_some_and(|one| one.stored_key_id().is_some())
        };
        match self.sharers(id).into_iter().find(is_stored) {
            Some(other) => {
                log::info!("the key stays in the store: profile `{other}` has it, too");
                Ok(())
            }
            None => StoredKey::delete(&*self.context.store, id),
        }
    }

    fn remove(&self) -> Result<()> {
        let profile = self.profile();
        let [config, secrets] = self.files.texts();
        let stored_id = self.stored_id(self.files.profiles());
        let id = match &stored_id {
            Some(id) => id.clone(),
            // The ID of a key without a profile.
            None => self.orphan()?.ok_or_else(|| self.not_stored())?,
        };
        if let (None, Some(other)) = (&stored_id, self.sharers(&id).first()) {
            let finding = self.usage("is the ID of a key that a profile has");
            return Err(finding.remedy(remedy!("awsfresh keys remove {}", *other)));
        }
        // A store that cannot be asked keeps the key.
        let known = StoredKey::get(&*self.context.store, &id).map_err(StoreError::into_finding)?;
        if known.is_none() && self.context.store.name() == "none" {
            return Err(StoredKey::missing(&*self.context.store, profile));
        }
        let name = masked(&id);
        let question = format!("Delete the key {name}? AWS does not show its secret again.");
        edits::confirm(&question, self.change.yes)?;
        if stored_id.is_some() {
            let new_config = config::without_stored_key(&config, profile);
            edits::parsed(self.context.world, &new_config, &secrets)?;
            self.write(FileKind::Config, &config, &new_config)?;
        }
        self.delete_unshared(&id)?;
        let state = match known {
            Some(_) => "is not stored any more",
            None => "was not in the store",
        };
        log::info!("the key {name} {state}; at AWS it is valid until it is deactivated there");
        Ok(())
    }

    fn export(&self) -> Result<()> {
        let profile = self.profile();
        let id = self
            .stored_id(self.files.profiles())
            .ok_or_else(|| self.not_stored())?;
        let key = self.stored_key()?;
        self.refuse_other_keys(&key.credentials())?;
        let [config, secrets] = self.files.texts();
        let secret = key.secret_access_key.expose();
        let cleared = config::without_keys(&secrets, FileKind::Credentials, profile);
        let new_secrets = Zeroizing::new(config::with_keys(&cleared, profile, &id, secret));
        let new_config = config::without_stored_key(&config, profile);
        let new = edits::parsed(self.context.world, &new_config, &new_secrets)?;
        match self.context.resolve(&new, profile)?.base {
            Base::Static { credentials, .. } if credentials == key.credentials() => {}
            _ => return Err(edits::other_credentials(profile)),
        }
        let (name, path) = (masked(&id), self.context.world.credentials_file());
        let path = path.display();
        edits::confirm(
            &format!("Write the key {name} to {path}, in plain text?"),
            self.change.yes,
        )?;
        self.write(FileKind::Credentials, &secrets, &new_secrets)?;
        self.write(FileKind::Config, &config, &new_config)?;
        self.delete_unshared(&id)?;
        log::info!("the key {name} of profile `{profile}` is in {path}");
        Ok(())
    }

    /// Whom a key belongs to; fails if AWS does not accept it.
    fn identity(&self, chain: &Chain, credentials: &Credentials) -> Result<Identity> {
        let world = self.context.world;
        let sources = Sources::new(world, chain, world.deadline()?);
        let identity = sources.identity(credentials, None);
        identity.map_err(|finding| finding.for_profile(self.profile()))
    }

    fn with_stored_key(&self, config: &str, credentials: &Credentials) -> Result<String> {
        let process = edits::process(self.context.world)?(self.profile());
        let id = &credentials.access_key_id;
        Ok(config::with_stored_key(
            config,
            self.profile(),
            &process,
            id,
        ))
    }

    /// The new texts must mean the stored key for this profile, and the same as before for every
    /// other.
    fn check(&self, config: &str, credentials: &str, id: &str) -> Result<ProfileSet> {
        let (profile, old) = (self.profile(), self.files.profiles());
        let new = edits::parsed(self.context.world, config, credentials)?;
        let chain = self.context.resolve(&new, profile)?;
        let is_stored = match &chain.base {
            Base::StoredKeys { access_key_id, .. } => access_key_id.text == id,
            _ => false,
        };
        if !is_stored || !chain.hops.is_empty() {
            let finding = self.usage("has another source, too, which tools would use then");
            return Err(finding.remedy("remove role_arn and the like from it, or use another name"));
        }
        let identity = |set: &ProfileSet, name: &str| edits::identity(self.context, set, name).ok();
        let mut others = old.names().filter(|name| *name != profile);
        match others.find(|name| {
            identity(old, name).is_some_and(|before| identity(&new, name) != Some(before))
        }) {
            // With another key of the same profile, roles that are assumed with it are others.
            Some(name) if self.stored_id(old).is_none_or(|old| old == id) => {
                Err(edits::other_credentials(name))
            }
            _ => Ok(new),
        }
    }

    /// The ID of the stored key that the profile itself names.
    fn stored_id(&self, set: &ProfileSet) -> Option<String> {
        let section = set.profile(self.profile())?;
        Some(section.stored_key_id()?.text.clone())
    }

    /// The key with the ID that was given in the place of a profile.
    fn orphan(&self) -> Result<Option<String>> {
        let key = StoredKey::get(&*self.context.store, self.profile());
        let key = key.map_err(StoreError::into_finding)?;
        Ok(key.map(|key| key.access_key_id))
    }

    fn not_stored(&self) -> Finding {
        self.usage("has no key in the credential store")
            .evidence(format!("the store is {}", self.context.store.status()))
            .remedy("awsfresh keys list shows the keys that are stored")
            .remedy("to use one, write awsfresh_aws_access_key_id = ID into the profile")
    }

    fn save(&self, credentials: &Credentials, identity: &Identity) -> Result<()> {
        let key = StoredKey::new(credentials, &identity.arn, self.context.world.now());
        key.save(&*self.context.store, self.profile())
    }

    fn write(&self, kind: FileKind, old: &str, new: &str) -> Result<()> {
        if old == new {
            return Ok(());
        }
        aws_files::replace(self.context.world, kind, old, new).map_err(|finding| {
            finding
                .evidence("the key is in the store; nothing is lost")
                .remedy("run it again: it goes on where it stopped")
        })
    }
}
