//! The Secret Service (GNOME Keyring, KWallet, KeePassXC) over the session bus.
//!
//! A plain session: the key exchange that some libraries insist on takes two thirds of a call and
//! protects nothing, because a process that can read this bus can also ask the service. Nothing
//! here unlocks anything or makes a collection.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use secret_service::{EncryptionType, Error, Item, SearchItemsResult, SecretService};
use zbus::connection::Builder;
use zeroize::Zeroizing;

use super::{CacheKey, Status, Store, StoreError, StoreSettings, VALUE_LIMIT, bounded};
use crate::limits;

/// The attribute `service` of each item.
const SERVICE: &str = "awsfresh";

/// See the Secret Service API, <https://specifications.freedesktop.org/secret-service/>.
const BUS_NAME: &str = "org.freedesktop.secrets";
const OBJECT_PATH: &str = "/org/freedesktop/secrets";

#[derive(Clone)]
pub(super) struct SecretServiceStore {
    address: Option<String>,
    limit: Duration,
}

impl SecretServiceStore {
    /// `None` where there is no bus, unless the store is `wanted`.
    pub(super) fn new(settings: &StoreSettings, wanted: bool) -> Option<Self> {
        let address = address(settings);
        (wanted || address.is_some()).then_some(Self {
            address,
            limit: settings.timeout,
        })
    }

    /// One conversation with the service.
    fn talk<T, F>(
        &self,
        work: impl FnOnce(SecretService<'static>) -> F + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>>,
    {
        let Self { address, limit } = self.clone();
        let Some(address) = address else {
            return Err(StoreError::unavailable(
                "there is no session bus, and so no keyring",
            ));
        };
        bounded(limit, move || {
            limits::check_room().map_err(|e| StoreError::unavailable(e.summary))?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .build();
            let runtime = runtime.map_err(|e| {
                StoreError::unavailable(format!("the keyring client cannot start: {e}"))
            })?;
            runtime.block_on(async {
                let service = connect(&address, limit, EncryptionType::Plain).await;
                let service = match service {
                    Err(Error::Zbus(zbus::Error::MethodError(name, ..)))
                        if name.as_str() == "org.freedesktop.DBus.Error.NotSupported" =>
                    {
                        connect(&address, limit, EncryptionType::Dh).await
                    }
                    other => other,
                };
                work(service.map_err(sentence)?).await
            })
        })
    }
}

async fn connect(
    address: &str,
    limit: Duration,
    encryption: EncryptionType,
) -> Result<SecretService<'static>, Error> {
    let connection = Builder::address(address)?
        .method_timeout(limit)
        .build()
        .await?;
    // GNOME Keyring 42 to 50 sometimes dies when a session is the first that a client asks for: its
    // record of the client is made beside the request, not before it (gnome-keyring issue 196).
    let peer = Some("org.freedesktop.DBus.Peer");
    connection
        .call_method(Some(BUS_NAME), OBJECT_PATH, peer, "Ping", &())
        .await?;
    SecretService::connect_with_existing(encryption, connection).await
}

impl Store for SecretServiceStore {
    fn name(&self) -> &'static str {
        "keyring"
    }

    fn get(&self, key: &CacheKey) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let key = key.clone();
        self.talk(async move |service| {
            let found = search(&service, &key).await?;
            let item = match found.unlocked.as_slice() {
                [] if found.locked.is_empty() => return Ok(None),
                [] => return Err(locked()),
                [only] => only,
                several => newest(several).await?,
            };
            let value = Zeroizing::new(item.get_secret().await.map_err(sentence)?);
            Ok((value.len() <= VALUE_LIMIT).then_some(value))
        })
    }

    fn put(&self, key: &CacheKey, label: &str, value: &[u8]) -> Result<(), StoreError> {
        let (key, label, value) = (
            key.clone(),
            label.to_owned(),
            Zeroizing::new(value.to_vec()),
        );
        self.talk(async move |service| {
            let collection = match service.get_default_collection().await {
                Err(Error::NoResult) => {
                    return Err(StoreError::unavailable(
                        "the keyring has no default collection",
                    ));
                }
                other => other.map_err(sentence)?,
            };
            // Checked first: writing to a locked collection opens a dialog.
            if collection.is_locked().await.map_err(sentence)? {
                return Err(locked());
            }
            collection
                .create_item(&label, attributes(&key), &value, true, "application/json")
                .await
                .map_err(sentence)?;
            Ok(())
        })
    }

    fn remove(&self, key: &CacheKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.talk(async move |service| {
            let found = search(&service, &key).await?;
            for item in &found.unlocked {
                item.delete().await.map_err(sentence)?;
            }
            if found.locked.is_empty() {
                Ok(!found.unlocked.is_empty())
            } else {
                Err(locked())
            }
        })
    }

    fn keys(&self) -> Result<Vec<CacheKey>, StoreError> {
        self.talk(async move |service| {
            let found = service
                .search_items(HashMap::from([("service", SERVICE)]))
                .await
                .map_err(sentence)?;
            let mut keys = Vec::new();
            for item in found.unlocked.iter().chain(&found.locked) {
                let attributes = item.get_attributes().await.map_err(sentence)?;
                keys.extend(
                    attributes
                        .get("username")
                        .and_then(|name| CacheKey::parse(name)),
                );
            }
            Ok(keys)
        })
    }

    fn check(&self) -> Status {
        let checked = self.talk(async move |service| {
            let collection = service.get_default_collection().await.map_err(sentence)?;
            if collection.is_locked().await.map_err(sentence)? {
                Err(locked())
            } else {
                Ok(())
            }
        });
        Status {
            name: self.name(),
            reason: "the Secret Service responds on the session bus".into(),
            state: checked,
        }
    }
}

/// The address of the session bus; never one to be launched. Cron jobs do not have the variable,
/// but the socket may exist.
fn address(settings: &StoreSettings) -> Option<String> {
    if let Some(given) = settings
        .bus_address
        .as_deref()
        .filter(|a| !a.trim().is_empty())
    {
        return given
            .split(';')
            .find(|a| a.starts_with("unix:") || a.starts_with("tcp:"))
            .map(str::to_owned);
    }
    let usual = std::path::Path::new("/run/user").join(settings.uid.to_string());
    let sockets = [settings.runtime_dir.as_ref(), Some(&usual)]
        .into_iter()
        .flatten()
        .map(|dir| dir.join("bus"));
    sockets
        .into_iter()
        .find(|socket| socket.exists())
        .map(|socket| format!("unix:path={}", escaped(&socket)))
}

/// In D-Bus addresses, most characters are escaped.
fn escaped(path: &std::path::Path) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_/.*".contains(&b);
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes
        .iter()
        .map(|b| {
            if plain(*b) {
                char::from(*b).to_string()
            } else {
                format!("%{b:02x}")
            }
        })
        .collect()
}

fn attributes(key: &CacheKey) -> HashMap<&str, &str> {
    HashMap::from([("service", SERVICE), ("username", key.as_str())])
}

async fn search<'a>(
    service: &'a SecretService<'static>,
    key: &CacheKey,
) -> Result<SearchItemsResult<Item<'a>>, StoreError> {
    service
        .search_items(attributes(key))
        .await
        .map_err(sentence)
}

/// Other programs can copy items; the last one written counts.
async fn newest<'a, 'b>(items: &'a [Item<'b>]) -> Result<&'a Item<'b>, StoreError> {
    let mut best = (0, &items[0]);
    for item in items {
        let modified = item.get_modified().await.map_err(sentence)?;
        if modified >= best.0 {
            best = (modified, item);
        }
    }
    Ok(best.1)
}

fn locked() -> StoreError {
    StoreError::locked("the keyring is locked, and awsfresh does not ask to unlock it")
}

/// By kind, never with `{:?}`: that would show the content of a message.
fn sentence(error: Error) -> StoreError {
    match error {
        Error::Locked | Error::Prompt | Error::PromptDisconnected => locked(),
        Error::NoResult => StoreError::unavailable("the keyring has no default collection"),
        Error::Unavailable | Error::Zbus(zbus::Error::Address(_)) => {
            StoreError::unavailable("no session bus responds at its address")
        }
        Error::Zbus(zbus::Error::MethodError(name, ..))
        | Error::ZbusFdo(zbus::fdo::Error::ZBus(zbus::Error::MethodError(name, ..))) => {
            match name.as_str() {
                "org.freedesktop.Secret.Error.IsLocked" => locked(),
                "org.freedesktop.DBus.Error.ServiceUnknown"
                | "org.freedesktop.DBus.Error.NameHasNoOwner" => StoreError::unavailable(
                    "no program on the session bus offers a keyring (Secret Service)",
                ),
                // From the bus itself. A timeout is an error of another kind.
                "org.freedesktop.DBus.Error.NoReply" => {
                    StoreError::unavailable("the keyring ended during the request")
                }
                other => {
                    StoreError::unavailable(format!("the keyring rejected the request: {other}"))
                }
            }
        }
        Error::Zbus(zbus::Error::InputOutput(e)) => {
            StoreError::unavailable(format!("the session bus cannot be reached: {e}"))
        }
        Error::Zbus(_) | Error::ZbusFdo(_) => {
            StoreError::unavailable("the conversation with the session bus failed")
        }
        _ => StoreError::broken("the keyring returned an unexpected response"),
    }
}
