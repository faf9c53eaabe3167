//! `keys`: long-term keys in the credential store instead of a file.
//!
//! At every moment one place has the secret: it is stored before a file loses it, and written to a
//! file before the store loses it. What was interrupted goes on when the same command is run again.

use std::io::{self, IsTerminal, Read};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Context, edits};
use crate::aws::access_key::blocking_flaw;
use crate::aws_files::{self, AwsFiles};
use crate::cli::{KeyChange, Keys};
use crate::config::{self, Base, Chain, FileKind, ProfileSet};
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Remedy, Result, remedy};
use crate::refresh::StoredKey;
use crate::source::{Identity, Sources};
use crate::store::StoreError;
use crate::text::masked;
use crate::time::human_duration;
use crate::ui::{self, Terminal};

/// More than the output of `aws iam create-access-key`, in bytes.
const INPUT_LIMIT: u64 = 64 * 1024;

/// Carries out one of the subcommands.
pub(super) fn run(context: &Context<'_>, command: &Keys) -> Result<()> {
    if let Keys::List { json } = command {
        return list(context, *json);
    }
    let files = context.files()?;
    let run = |change| Run {
        context,
        files: &files,
        change,
    };
    match command {
        Keys::Import(change) => run(change).import(),
        Keys::Add(change) => run(change).add(),
        Keys::Remove(change) => run(change).remove(),
        Keys::Export { change, .. } => run(change).export(),
        Keys::List { .. } => Ok(()),
    }
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
                let finding = self.usage("has no keys of its own");
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
        let identity = self.identity(&chain, credentials)?;
        let [config, secrets] = self.files.texts();
        let without = config::without_keys(&config, FileKind::Config, profile);
        let new_config = self.with_stored_key(&without, credentials)?;
        let new_secrets = config::without_keys(&secrets, FileKind::Credentials, profile);
        self.check(&new_config, &new_secrets, &credentials.access_key_id)?;

        let name = masked(&credentials.access_key_id);
        ui::say(&format!(
            "the key {name} at {origin} belongs to {}",
            identity.arn
        ));
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
            "the key {name} of profile `{profile}` is in the store ({}) and no longer in a file",
            self.context.store.name()
        );
        Ok(())
    }

    fn add(&self) -> Result<()> {
        let (profile, set) = (self.profile(), self.files.profiles());
        let old = self.stored_id(set);
        let has_source = match self.context.resolve(set, profile) {
            Ok(chain) => !(matches!(chain.base, Base::StoredKeys { .. }) && chain.hops.is_empty()),
            // A profile without a source gets one, and so does a new one.
            Err(finding) => !matches!(finding.cause, Cause::ProfileNotFound | Cause::SourceMissing),
        };
        if has_source {
            let finding = self.usage("has another source of credentials");
            return Err(finding.remedy("use another name, or keys import if it has keys in a file"));
        }
        let credentials = self.ask()?;
        let [config, secrets] = self.files.texts();
        let new_config = self.with_stored_key(&config, &credentials)?;
        let new = self.check(&new_config, &secrets, &credentials.access_key_id)?;
        let chain = self.context.resolve(&new, profile)?;
        let identity = self.identity(&chain, &credentials)?;
        let name = masked(&credentials.access_key_id);
        ui::say(&format!("the key {name} belongs to {}", identity.arn));
        edits::confirm(
            &format!("Store it for profile `{profile}`?"),
            self.change.yes,
        )?;
        self.save(&credentials, &identity)?;
        self.write(FileKind::Config, &config, &new_config)?;
        log::info!(
            "the key {name} of profile `{profile}` is in the store ({})",
            self.context.store.name()
        );
        if let Some(old) = old.filter(|old| *old != credentials.access_key_id) {
            log::info!(
                "the key {} is in the store, too, without a profile",
                masked(&old)
            );
        }
        Ok(())
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
        let name = masked(&id);
        let question = format!("Delete the key {name}? AWS does not show its secret again.");
        edits::confirm(&question, self.change.yes)?;
        if stored_id.is_some() {
            let new_config = config::without_stored_key(&config, profile);
            edits::parsed(self.context.world, &new_config, &secrets)?;
            self.write(FileKind::Config, &config, &new_config)?;
        }
        let was_there = StoredKey::delete(&*self.context.store, &id)?;
        let state = if was_there {
            "deleted here"
        } else {
            "was not in the store"
        };
        log::info!("the key {name} is {state}; at AWS it is valid until it is deactivated there");
        Ok(())
    }

    fn export(&self) -> Result<()> {
        let profile = self.profile();
        let id = self
            .stored_id(self.files.profiles())
            .ok_or_else(|| self.not_stored())?;
        let key = StoredKey::get(&*self.context.store, &id).map_err(StoreError::into_finding)?;
        let key = key.ok_or_else(|| self.not_stored())?;
        let [config, secrets] = self.files.texts();
        let secret = key.secret_access_key.expose();
        let cleared = config::without_keys(&secrets, FileKind::Credentials, profile);
        let new_secrets = Zeroizing::new(config::with_keys(&cleared, profile, &id, secret));
        let new_config = config::without_stored_key(&config, profile);
        let new = edits::parsed(self.context.world, &new_config, &new_secrets)?;
        if edits::identity(self.context, self.files.profiles(), profile)?
            != edits::identity(self.context, &new, profile)?
        {
            return Err(edits::other_credentials(profile));
        }
        let (name, path) = (masked(&id), self.context.world.credentials_file());
        let path = path.display();
        edits::confirm(
            &format!("Write the key {name} to {path}, in plain text?"),
            self.change.yes,
        )?;
        self.write(FileKind::Credentials, &secrets, &new_secrets)?;
        self.write(FileKind::Config, &config, &new_config)?;
        StoredKey::delete(&*self.context.store, &id)?;
        log::info!(
            "the key {name} of profile `{profile}` is in {path}, and no longer in the store"
        );
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
        match others.find(|name| identity(old, name) != identity(&new, name)) {
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
                .remedy(self.again())
        })
    }

    fn again(&self) -> Remedy {
        remedy!("run it again: it goes on where it stopped")
    }

    /// A key from the terminal, or from stdin.
    fn ask(&self) -> Result<Credentials> {
        let (id, secret) = if io::stdin().is_terminal() {
            let no_terminal = || {
                let finding = self.usage("gets no key: there is no terminal to ask at");
                finding.remedy("aws iam create-access-key | awsfresh keys add PROFILE")
            };
            let mut terminal = Terminal::open().ok_or_else(no_terminal)?;
            let id = terminal.ask("Access key ID: ").ok_or_else(no_terminal)?;
            let secret = terminal
                .ask_secret("Secret access key: ")
                .ok_or_else(no_terminal)?;
            (id.trim().to_owned(), Secret::new(secret.trim().to_owned()))
        } else {
            let mut input = Zeroizing::new(String::with_capacity(4096));
            let read = io::stdin().take(INPUT_LIMIT).read_to_string(&mut input);
            read.map_err(|e| {
                self.usage(&format!("gets no key: {e}"))
                    .remedy("send JSON or two lines")
            })?;
            from_text(&input).ok_or_else(|| {
                self.usage("gets no key: stdin has neither JSON with AccessKeyId and SecretAccessKey nor two lines")
                    .remedy("aws iam create-access-key | awsfresh keys add PROFILE")
            })?
        };
        let credentials = Credentials {
            access_key_id: id,
            secret_access_key: secret,
            session_token: None,
            expiration: None,
            account_id: None,
        };
        let flaw = blocking_flaw((&credentials).into());
        flaw.map_or(Ok(credentials), |flaw| {
            let summary = format!("{} {}", flaw.part.key(), flaw.what);
            Err(Finding::new(flaw.cause, summary).remedy(flaw.fix))
        })
    }
}

/// The ID and the secret in the output of `aws iam create-access-key`, in the form of
/// `credential_process`, or in two lines.
fn from_text(text: &str) -> Option<(String, Secret)> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let keys = value.get("AccessKey").unwrap_or(&value);
        let field = |name: &str| keys.get(name)?.as_str().map(str::to_owned);
        let secret = Secret::new(field("SecretAccessKey")?);
        return Some((field("AccessKeyId")?, secret));
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (id, secret, end) = (lines.next()?, lines.next()?, lines.next());
    end.is_none()
        .then(|| (id.to_owned(), Secret::new(secret.to_owned())))
}

/// Lists the stored keys, and the profiles whose key is not in the store.
fn list(context: &Context<'_>, as_json: bool) -> Result<()> {
    let files = context.files()?;
    let stored = StoredKey::all(&*context.store).map_err(StoreError::into_finding)?;
    let named: Vec<(&str, &str)> = files
        .profiles()
        .profiles()
        .filter_map(|one| Some((one.name.as_str(), one.stored_key_id()?.text.as_str())))
        .collect();
    let mut rows: Vec<(Option<&str>, &str, Option<&StoredKey>)> = named
        .iter()
        .map(|(name, id)| {
            (
                Some(*name),
                *id,
                stored.iter().find(|key| key.access_key_id == *id),
            )
        })
        .collect();
    let is_named = |key: &&StoredKey| named.iter().any(|(_, id)| key.access_key_id == *id);
    let orphans = stored.iter().filter(|key| !is_named(key));
    rows.extend(orphans.map(|key| (None, key.access_key_id.as_str(), Some(key))));
    if as_json {
        let row = |(profile, id, key): &(Option<&str>, &str, Option<&StoredKey>)| {
            json!({"profile": profile, "access_key_id": id, "stored": key.is_some(),
                "owner": key.map(|key| &key.owner), "added": key.map(|key| key.added.to_string())})
        };
        let rows: Vec<Value> = rows.iter().map(row).collect();
        return ui::print_json(json!({"store": context.store.name(), "keys": rows}));
    }
    if rows.is_empty() {
        return ui::print_line(
            "no key is stored; awsfresh keys import PROFILE moves one out of a file",
        );
    }
    for (profile, id, key) in rows {
        let state = match key {
            Some(key) => {
                let age = human_duration(context.world.now().seconds_from(key.added).max(0));
                format!("{}, stored {age} ago", key.owner)
            }
            None => "its secret is not in the store".to_owned(),
        };
        let profile = profile.map_or("no profile".to_owned(), |name| format!("profile {name}"));
        let id = if profile == "no profile" {
            id.to_owned()
        } else {
            masked(id)
        };
        ui::print_line(&format!("{profile}: {id}, {state}"))?;
    }
    Ok(())
}
