//! `keys rotate`: a new key in the place of the old one, at AWS and in the store.
//!
//! The order, each step safe to be killed after: mark the old key, create the new one at AWS, store
//! it, wait until AWS accepts it, name it in the config file, deactivate and delete the old one at
//! AWS, delete it in the store. The next call finds out from the store and from IAM how far it got.

use std::time::{Duration, Instant};

use super::Run;
use crate::commands::edits;
use crate::config::FileKind;
use crate::credentials::Credentials;
use crate::finding::{Class, Finding, Result, remedy};
use crate::refresh::StoredKey;
use crate::source::{AccessKey, AccessKeys, Calls, Identity, Sources};
use crate::store::StoreError;
use crate::text::masked;
use crate::ui;

/// How long AWS may take to know a new key everywhere: IAM documents no limit.
const KNOWN_WITHIN: Duration = Duration::from_secs(90);
/// The key has to be accepted so often in a row: requests reach different servers.
const ACCEPTED: u32 = 4;
/// How long the requests to IAM may take together.
const IAM_TIME: Duration = Duration::from_secs(30);
/// The time between two of these requests.
const PAUSE: Duration = Duration::from_millis(700);
/// How far the clocks of IAM and of this machine may be apart, in seconds.
const CLOCKS: i64 = 120;

impl Run<'_> {
    /// Replaces the key of the profile.
    pub(super) fn rotate(&self) -> Result<()> {
        let current = self.stored_key()?;
        let set = self.files.profiles();
        let chain = self.context.resolve(set, self.profile())?;
        let owner = self.identity(&chain, &current.credentials())?;
        let world = self.context.world;
        let calls = Calls::new(world, &chain.network, Instant::now() + IAM_TIME);
        let iam = AccessKeys::new(&calls, &owner)?;
        let caller = current.credentials();
        let listed = iam.list(&caller)?;
        if let Some(other) = self.sharers(&current.access_key_id).first() {
            let finding = self.usage(&format!("shares its key with profile `{other}`"));
            return Err(
                finding.remedy(remedy!("let {} have source_profile or another key", *other))
            );
        }
        if let Some(old) = &current.replaces {
            let question = format!(
                "The last rotation was interrupted. Delete the old key {}?",
                masked(old)
            );
            let asked = Instant::now();
            edits::confirm(&question, self.change.yes)?;
            calls.extend(asked.elapsed());
            return self.finish(&current, old, &listed, &iam);
        }
        let others: Vec<&AccessKey> = listed
            .iter()
            .filter(|one| one.id != current.access_key_id)
            .collect();
        let successor = self.successor(&current, &others)?;
        let lost = match &successor {
            Some(_) => Vec::new(),
            None => self.lost(&current, &others)?,
        };
        let mut question = format!(
            "Replace the key {} of {}",
            masked(&current.access_key_id),
            owner.arn
        );
        for one in &lost {
            question = format!(
                "{question}, and delete {}, which an interrupted rotation created",
                masked(&one.id)
            );
        }
        let asked = Instant::now();
        let question = question + "? Programs that have it already must be restarted.";
        edits::confirm(&question, self.change.yes)?;
        calls.extend(asked.elapsed());
        let next = match successor {
            Some(next) => next,
            None => {
                for one in lost {
                    iam.delete(&one.id, &current.credentials())?;
                }
                self.create(&current, &owner, &iam)?
            }
        };
        let waiting = Instant::now();
        self.wait_until_known(&next.credentials())?;
        let [config, _] = self.files.texts();
        let new_config = self.with_stored_key(&config, &next.credentials())?;
        self.write(FileKind::Config, &config, &new_config)?;
        calls.extend(waiting.elapsed());
        self.finish(&next, &current.access_key_id, &listed, &iam)
    }

    /// The key of an interrupted rotation, if the store has it.
    fn successor(&self, current: &StoredKey, others: &[&AccessKey]) -> Result<Option<StoredKey>> {
        let store = &*self.context.store;
        let known = others.iter().map(|one| StoredKey::get(store, &one.id));
        let known = known
            .collect::<Result<Vec<_>, _>>()
            .map_err(StoreError::into_finding)?;
        let mut keys = known.into_iter().flatten();
        Ok(keys.find(|key| key.replaces.as_ref() == Some(&current.access_key_id)))
    }

    /// A second key leaves no room for a new one. Returns that of an interrupted rotation, whose secret
    /// was lost; fails for any other.
    fn lost<'a>(
        &self,
        current: &StoredKey,
        others: &[&'a AccessKey],
    ) -> Result<Vec<&'a AccessKey>> {
        let is_lost = |key: &&&AccessKey| {
            let times = current.rotating_since.zip(key.created);
            times.is_some_and(|(since, created)| created.seconds_from(since).abs() <= CLOCKS)
        };
        match others.iter().find(|key| !is_lost(key)) {
            None => Ok(others.to_vec()),
            Some(other) => Err(self
                .usage("cannot get a new key: its user has another one, and AWS allows two")
                .evidence(format!("the other key is {}", masked(&other.id)))
                .remedy(remedy!(
                    "aws iam delete-access-key --access-key-id {}, if nothing uses it",
                    other.id
                ))),
        }
    }

    fn create(
        &self,
        current: &StoredKey,
        owner: &Identity,
        iam: &AccessKeys<'_>,
    ) -> Result<StoredKey> {
        let (store, now) = (&*self.context.store, self.context.world.now());
        let caller = current.credentials();
        let mut marked = current.clone();
        marked.rotating_since = Some(now);
        marked.save(store, self.profile())?;
        let new = iam.create(&caller).inspect_err(|finding| {
            // AWS has answered: there is no key whose secret was lost.
            if finding.class() != Class::Unreachable {
                let _ = current.save(store, self.profile());
            }
        })?;
        let mut next = StoredKey::new(&new, &owner.arn, now);
        next.replaces = Some(current.access_key_id.clone());
        if let Err(finding) = next.save(store, self.profile()) {
            // Nobody would ever have it.
            let deleted = iam.delete(&new.access_key_id, &caller);
            return Err(match deleted {
                Ok(()) => finding.evidence("the new key was deleted at AWS"),
                Err(_) => finding.evidence(format!(
                    "the new key {} is still at AWS",
                    masked(&new.access_key_id)
                )),
            });
        }
        Ok(next)
    }

    /// Waits until AWS accepts a new key, and does so every time.
    fn wait_until_known(&self, key: &Credentials) -> Result<()> {
        let (world, name) = (self.context.world, masked(&key.access_key_id));
        ui::say(&format!(
            "awsfresh: waiting until AWS knows the new key {name} everywhere"
        ));
        let chain = self
            .context
            .resolve(self.files.profiles(), self.profile())?;
        let (until, mut accepted) = (Instant::now() + KNOWN_WITHIN, 0);
        loop {
            let sources = Sources::new(world, &chain, world.deadline()?);
            match sources.identity(key, None) {
                Ok(_) => accepted += 1,
                Err(finding) if Instant::now() >= until => {
                    return Err(finding
                        .evidence("both keys are stored, and the old one is in use")
                        .remedy("run it again later"));
                }
                Err(finding) => {
                    log::debug!("not yet: {}", finding.summary);
                    accepted = 0;
                }
            }
            if accepted == ACCEPTED {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Deletes the old key at AWS and in the store.
    fn finish(
        &self,
        current: &StoredKey,
        old: &str,
        listed: &[AccessKey],
        iam: &AccessKeys<'_>,
    ) -> Result<()> {
        let (store, caller) = (&*self.context.store, current.credentials());
        let still_used = |finding: Finding| {
            finding
                .evidence(format!(
                    "the profile has the new key; the old one, {}, is still at AWS",
                    masked(old)
                ))
                .remedy("awsfresh keys rotate, again: it goes on where it stopped")
        };
        if listed.iter().any(|one| one.id == old) {
            iam.deactivate(old, &caller).map_err(still_used)?;
            iam.delete(old, &caller).map_err(still_used)?;
        }
        StoredKey::delete(store, old)?;
        let mut done = current.clone();
        done.replaces = None;
        done.replaced = Some(old.to_owned());
        done.save(store, self.profile())?;
        let (name, old) = (masked(&current.access_key_id), masked(old));
        log::info!(
            "profile `{}` has the new key {name}; the old one, {old}, is deleted",
            self.profile()
        );
        Ok(())
    }

    pub(super) fn stored_key(&self) -> Result<StoredKey> {
        let id = self
            .stored_id(self.files.profiles())
            .ok_or_else(|| self.not_stored())?;
        let key = StoredKey::get(&*self.context.store, &id).map_err(StoreError::into_finding)?;
        key.ok_or_else(|| StoredKey::missing(&*self.context.store, self.profile()))
    }
}
