//! The AWS CLI's own cache of role sessions, which it uses until they expire whatever happens to
//! the role; and its version. Read, never written. Form of the cache: botocore `JSONFileCache`,
//! awscli `customizations/assumerole.py`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{Base, Chain};
use crate::credentials::{Credentials, Secret};
use crate::digest::sha1_hex;
use crate::files;
use crate::time::Timestamp;
use crate::world::World;

/// An entry has about 1.5 KB.
const ENTRY_LIMIT: u64 = 64 * 1024;
/// Further entries are not read.
const ENTRIES: usize = 500;
/// Further sessions of a chain are not checked.
const SESSIONS: usize = 4;

/// A session in the AWS CLI's cache.
pub(super) struct CliSession {
    /// The file it is in.
    pub(super) path: PathBuf,
    /// The role, as messages name it.
    pub(super) role: String,
    /// The credentials of the session.
    pub(super) credentials: Credentials,
}

/// The directory of the cache.
pub(super) fn cache_dir(world: &World) -> PathBuf {
    world.home.join(".aws/cli/cache")
}

/// The sessions of the roles of `chain` that have not expired.
pub(super) fn sessions(dir: &Path, chain: &Chain, now: Timestamp) -> Vec<CliSession> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let of_sso = sso_file(&chain.base);
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .take(ENTRIES)
        .map(|entry| entry.path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let session = |path: PathBuf| {
        let bytes = files::read_bounded(&path, ENTRY_LIMIT).ok()?;
        let entry: Value = serde_json::from_slice(&bytes).ok()?;
        let role = match (&of_sso, entry["AssumedRoleUser"]["Arn"].as_str()) {
            (Some((name, role)), _) if path.ends_with(name) => role.clone(),
            (_, Some(arn)) => chain
                .hops
                .iter()
                .map(|hop| &hop.role_arn.text)
                .find(|role| is_session_of(arn, role))?
                .clone(),
            _ => return None,
        };
        let text = |key: &str| entry["Credentials"][key].as_str().map(str::to_owned);
        let expiration = text("Expiration")
            .and_then(|end| Timestamp::parse(&end))
            .filter(|end| *end > now)?;
        let credentials = Credentials {
            access_key_id: text("AccessKeyId")?,
            secret_access_key: Secret::new(text("SecretAccessKey")?),
            session_token: text("SessionToken").map(Secret::new),
            expiration: Some(expiration),
            account_id: None,
        };
        credentials.flaw().is_none().then_some(CliSession {
            path,
            role,
            credentials,
        })
    };
    paths
        .into_iter()
        .filter_map(session)
        .take(SESSIONS)
        .collect()
}

/// The file of an SSO role's session, and the role as messages name it.
/// botocore `credentials.py`: `SSOCredentialFetcher._create_cache_key`
fn sso_file(base: &Base) -> Option<(String, String)> {
    let Base::Sso {
        session,
        account_id,
        role_name,
    } = base
    else {
        return None;
    };
    let key = match &session.name {
        Some(name) => json!({"accountId": account_id, "roleName": role_name, "sessionName": name}),
        None => {
            json!({"accountId": account_id, "roleName": role_name, "startUrl": session.start_url})
        }
    };
    Some((
        format!("{}.json", sha1_hex(key.to_string().as_bytes())),
        format!("SSO role {role_name} in {account_id}"),
    ))
}

/// Whether `arn:…:sts::ACCOUNT:assumed-role/NAME/SESSION` is a session of
/// `arn:…:iam::ACCOUNT:role/PATH/NAME`.
fn is_session_of(arn: &str, role: &str) -> bool {
    let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
    let name = arn
        .split_once(":assumed-role/")
        .and_then(|(_, rest)| rest.split('/').next());
    account(arn) == account(role) && name == role.rsplit('/').next()
}

/// The version of the first `aws` in PATH, as in `2.15.0`; `None` if it takes longer than `limit`.
pub(super) async fn version(world: &World, limit: Duration) -> Option<String> {
    let program = std::env::split_paths(world.env("PATH")?)
        .map(|dir| dir.join("aws"))
        .find(|path| path.is_file())?;
    let mut command = tokio::process::Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.output())
        .await
        .ok()?
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(
        text.strip_prefix("aws-cli/")?
            .split_whitespace()
            .next()?
            .to_owned(),
    )
}

/// Whether that version supports `sso_session` and refreshes its token.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>: since 1.27.10
/// and 2.9.0
pub(super) fn supports_sso_sessions(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(u32::MAX));
    let mut next = || numbers.next().unwrap_or(0);
    match (next(), next(), next()) {
        (0, ..) => false,
        (1, minor, patch) => (minor, patch) >= (27, 10),
        (2, minor, _) => minor >= 9,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SsoSession;

    #[test]
    fn old_versions_do_not_support_sso_sessions() {
        for old in ["1.22.34", "1.27.9", "2.8.13", "2.0.0"] {
            assert!(!supports_sso_sessions(old), "{old}");
        }
        for new in ["1.27.10", "1.44.1", "2.9.0", "2.31.2", "3.0", "2.x"] {
            assert!(supports_sso_sessions(new), "{new}");
        }
    }

    #[test]
    fn sessions_belong_to_the_role_of_their_account_and_name() {
        let role = "arn:aws:iam::222222222222:role/team/deploy";
        assert!(is_session_of(
            "arn:aws:sts::222222222222:assumed-role/deploy/botocore-session-1",
            role
        ));
        assert!(!is_session_of(
            "arn:aws:sts::333333333333:assumed-role/deploy/botocore-session-1",
            role
        ));
        assert!(!is_session_of(
            "arn:aws:sts::222222222222:assumed-role/deployer/x",
            role
        ));
        assert!(!is_session_of(
            "arn:aws:iam::222222222222:user/deploy",
            role
        ));
    }

    #[test]
    fn the_file_of_an_sso_role_is_named_as_botocore_names_it() {
        // hashlib.sha1(json.dumps({...}, sort_keys=True, separators=(",",
        // ":")).encode()).hexdigest()
        let base = |name: Option<&str>| Base::Sso {
            session: SsoSession {
                name: name.map(str::to_owned),
                profile: Some("dev".into()),
                start_url: "https://corp.awsapps.com/start".into(),
                region: "eu-west-1".into(),
                scopes: Vec::new(),
                use_fips: None,
            },
            account_id: "444444444444".into(),
            role_name: "Admin".into(),
        };
        assert_eq!(
            sso_file(&base(Some("corp"))).unwrap().0,
            "8756d296cec83af0410bc562f23c59b98438617e.json"
        );
        assert_eq!(
            sso_file(&base(None)).unwrap().0,
            "e54b6aa6863c686bd305fadba0394bda889b6538.json"
        );
    }
}
