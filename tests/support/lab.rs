//! The cases of the lab: reading them, setting them up, and applying their remedies.
//!
//! Placeholders in the texts and file names of a case:
//!
//! - `{home}`: the home directory
//! - `{empty}`: nothing, for a variable that is set and empty
//! - `{aws}`, `{proxy}`: the URL of the AWS double, and of the proxy in front of it
//! - `{secret}`, `{token}`: a secret access key and a session token of valid form
//! - `{time:+60}`: the time 60 s from now
//! - `{jwt:+60}`: a web identity token that expires in 60 s
//! - `{sso_cache:NAME}`: the file of the SSO session NAME below the home directory
//! - `{sso_token:+60}`: an SSO token file that expires in 60 s, with a refresh token
//! - `{sso_access_token:+60}`: the same without a refresh token
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use awsfresh::digest::sha256_hex;
use serde::Deserialize;

use crate::support::container::namespace;
use crate::support::double::{Double, Fault, Role, SsoSession, clock};
use crate::support::fixtures::{
    self, LAB_SECRET as SECRET, lab_token as token, sso_cache, through_proxy,
};
use crate::support::sandbox::Sandbox;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the user did, or what the environment is like.
    pub about: String,
    /// The public thread in which somebody had this, and how it was resolved.
    pub link: Option<String>,
    pub config: Option<String>,
    pub credentials: Option<String>,
    /// More files below the home directory.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Symbolic links below the home directory, and what each points to.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// Permissions, in octal: `"600"`.
    #[serde(default)]
    pub modes: BTreeMap<String, String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub aws: Aws,
    /// A call that runs instead of `doctor` and fails with a finding on stderr.
    pub call: Option<Vec<String>>,
    /// A call that starts first and is still waiting for AssumeRole while `doctor` runs.
    pub while_running: Option<Vec<String>>,
    /// gnome-keyring on a private bus: `open` or `locked`.
    pub keyring: Option<String>,
    /// awsfresh calls that run first. They may fail.
    #[serde(default)]
    pub before: Vec<Vec<String>>,
    /// Changes at AWS after the setup and the calls of `before`.
    #[serde(default)]
    pub after_setup: AfterSetup,
    /// Arguments of `doctor`, without `--json`.
    #[serde(default)]
    pub args: Vec<String>,
    pub expect: Expect,
    pub remedy: Option<Remedy>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Aws {
    /// Access key ID and ARN; the secret is `{secret}`.
    pub users: Vec<(String, String)>,
    pub sessions: Vec<Session>,
    pub roles: Vec<CaseRole>,
    /// A web identity token, and the role that it may assume.
    pub web_identities: Vec<(String, String)>,
    pub expired_web_identities: Vec<String>,
    pub sso: Option<Sso>,
    /// `aws login` sessions: ARN, seconds until the credentials expire, whether revoked.
    pub logins: Vec<(String, i64, bool)>,
    /// The role of the instance and of the container. The authorization token of the container is
    /// `container-token`.
    pub machine_role: Option<String>,
    pub fault: Option<CaseFault>,
    /// By action: `AssumeRole`, `GetCallerIdentity`, `MetadataToken`, …. With `ACTION@TEXT`, only
    /// requests whose host, parameters or signature contain TEXT.
    pub faults: BTreeMap<String, CaseFault>,
    /// Regions that reject every key as unknown.
    pub unknown_in: Vec<String>,
    /// No process listens at the proxy's address.
    pub unreachable: bool,
    /// The client does not trust the proxy's CA.
    pub untrusted: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub id: String,
    pub arn: String,
    #[serde(default = "one_hour")]
    pub expires: i64,
}

pub fn one_hour() -> i64 {
    3600
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseRole {
    pub arn: String,
    #[serde(default = "any_principal")]
    pub trusts: Vec<String>,
    pub external_id: Option<String>,
    #[serde(default)]
    pub mfa: bool,
    pub max_session: Option<u32>,
}

pub fn any_principal() -> Vec<String> {
    vec!["*".to_owned()]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sso {
    pub start_url: String,
    /// The access token that AWS accepts.
    pub access_token: String,
    pub refresh_token: Option<String>,
    /// Account ID and role name.
    #[serde(default)]
    pub assignments: Vec<(String, String)>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum CaseFault {
    /// `hang`, `drop`, `garbage` or `truncated`.
    Named(String),
    Clock {
        clock: i64,
    },
    /// Requests arrive this many seconds late.
    HeldUp {
        held_up: i64,
    },
    /// Milliseconds.
    Latency {
        latency: u64,
    },
    /// Any answer; `aws` adds a request ID.
    Raw {
        raw: u16,
        #[serde(default)]
        body: String,
        #[serde(default)]
        aws: bool,
        location: Option<String>,
    },
    Html {
        html: u16,
    },
    Error {
        status: u16,
        code: String,
        message: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AfterSetup {
    pub remove_roles: Vec<String>,
    pub remove_keys: Vec<String>,
    pub forget_sessions: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Cause of the first error. None if the report must be healthy.
    pub error: Option<String>,
    /// Causes of all other errors, in any order.
    #[serde(default)]
    pub other_errors: Vec<String>,
    /// Causes of warnings and notes that the report must contain.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Text that the first error's evidence must contain.
    pub place: Option<String>,
    pub certainty: Option<String>,
    /// Exit code of the process.
    pub exit: i32,
}

/// How the case applies the remedy of the first error. Afterwards the report must have no errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remedy {
    /// Text that a remedy of the first error must contain.
    pub shows: String,
    /// A shell command to run in the case's environment. It must be exactly one of the remedies.
    pub run: Option<String>,
    /// Replacements in files below the home directory: file, text, new text.
    #[serde(default)]
    pub edit: Vec<(String, String, String)>,
    /// Environment variables to change.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Whether the faults at AWS end.
    #[serde(default)]
    pub end_faults: bool,
    /// Files below the home directory to write.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// What to add at AWS.
    #[serde(default)]
    pub aws: Aws,
    /// Arguments of the second `doctor`, if they differ.
    pub args: Option<Vec<String>>,
}

/// What a text in a case may contain in braces.
#[derive(Debug)]
enum Placeholder<'a> {
    Home,
    Empty,
    Aws,
    Proxy,
    Secret,
    Token,
    Time(i64),
    Jwt(i64),
    SsoCache(&'a str),
    SsoToken(i64),
    SsoAccessToken(i64),
}

impl<'a> Placeholder<'a> {
    /// Reads `NAME` or `NAME:ARGUMENT`.
    fn parse(inside: &'a str) -> Option<Self> {
        let (name, argument) = inside
            .split_once(':')
            .map_or((inside, None), |(name, argument)| (name, Some(argument)));
        let seconds = || argument?.parse::<i64>().ok();
        match (name, argument) {
            ("home", None) => Some(Self::Home),
            ("empty", None) => Some(Self::Empty),
            ("aws", None) => Some(Self::Aws),
            ("proxy", None) => Some(Self::Proxy),
            ("secret", None) => Some(Self::Secret),
            ("token", None) => Some(Self::Token),
            ("time", _) => seconds().map(Self::Time),
            ("jwt", _) => seconds().map(Self::Jwt),
            ("sso_cache", _) => argument.map(Self::SsoCache),
            ("sso_token", _) => seconds().map(Self::SsoToken),
            ("sso_access_token", _) => seconds().map(Self::SsoAccessToken),
            _ => None,
        }
    }

    fn value(&self, home: &Sandbox, aws: &Double) -> String {
        // All offsets count from one moment, so that a placeholder always expands to the same text.
        static BEGAN: OnceLock<i64> = OnceLock::new();
        let after = |offset: i64| BEGAN.get_or_init(clock::now) + offset;
        let time = |offset: i64| clock::rfc3339(after(offset));
        let access_token = |offset: i64| {
            let expires = time(offset);
            format!(
                r#""startUrl": "https://corp.awsapps.com/start", "region": "eu-west-1", "accessToken": "sso-access", "expiresAt": "{expires}""#
            )
        };
        match *self {
            Self::Home => home.home().display().to_string(),
            Self::Empty => String::new(),
            Self::Aws => aws.url(),
            Self::Proxy => std::fs::read_to_string(home.home().join("proxy")).unwrap(),
            Self::Secret => SECRET.to_owned(),
            Self::Token => token(),
            Self::Time(offset) => time(offset),
            Self::Jwt(offset) => {
                let part = |text: &str| {
                    aws_smithy_types::base64::encode(text)
                        .replace('+', "-")
                        .replace('/', "_")
                        .trim_end_matches('=')
                        .to_owned()
                };
                let end = after(offset);
                let claims = format!(
                    r#"{{"iss":"https://token.example","sub":"repo:x","aud":"sts.amazonaws.com","exp":{end}}}"#
                );
                format!(
                    "{}.{}.c2lnbmF0dXJl",
                    part(r#"{"alg":"RS256"}"#),
                    part(&claims)
                )
            }
            Self::SsoCache(name) => sso_cache(name),
            Self::SsoToken(offset) => {
                let (access, registration) = (access_token(offset), time(80_000));
                format!(
                    r#"{{{access}, "clientId": "client", "clientSecret": "client-secret", "refreshToken": "sso-refresh", "registrationExpiresAt": "{registration}"}}"#
                )
            }
            Self::SsoAccessToken(offset) => format!("{{{}}}", access_token(offset)),
        }
    }
}

/// A part of a text: literal text or a placeholder.
enum Piece<'a> {
    Text(&'a str),
    Placeholder(Placeholder<'a>),
}

/// Splits a text at its placeholders. Only `{word}` and `{word:...}` are placeholders; braces of
/// JSON and shell are text. The error names an unknown placeholder.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let inside = &rest[open + 1..];
        let word = inside.len()
            - inside
                .trim_start_matches(|c: char| c.is_ascii_lowercase() || c == '_')
                .len();
        let close = match inside.as_bytes().get(word) {
            Some(b'}') if word > 0 => Some(word),
            Some(b':') if word > 0 => inside.find('}'),
            _ => None,
        };
        let Some(close) = close else {
            pieces.push(Piece::Text(&rest[..=open]));
            rest = inside;
            continue;
        };
        let placeholder = Placeholder::parse(&inside[..close])
            .ok_or_else(|| format!("unknown placeholder {{{}}}", &inside[..close]))?;
        pieces.extend([Piece::Text(&rest[..open]), Piece::Placeholder(placeholder)]);
        rest = &inside[close + 1..];
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

/// Checks that every placeholder in the text exists.
pub fn check_placeholders(text: &str) -> Result<(), String> {
    pieces(text).map(|_| ())
}

/// The text with a value for every placeholder.
pub fn expanded(text: &str, home: &Sandbox, aws: &Double) -> String {
    let value = |piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Placeholder(placeholder) => placeholder.value(home, aws),
    };
    pieces(text)
        .unwrap_or_else(|e| panic!("{e}"))
        .into_iter()
        .map(value)
        .collect()
}

pub fn fault(fault: &CaseFault) -> Fault {
    match fault.clone() {
        CaseFault::Named(name) => match name.as_str() {
            "hang" => Fault::Hang,
            "drop" => Fault::Drop,
            "garbage" => Fault::Garbage,
            "truncated" => Fault::Truncated,
            other => panic!("unknown fault {other}"),
        },
        CaseFault::Clock { clock } => Fault::ClockOffset(clock),
        CaseFault::HeldUp { held_up } => Fault::HeldUp(held_up),
        CaseFault::Latency { latency } => Fault::Latency(std::time::Duration::from_millis(latency)),
        CaseFault::Raw {
            raw,
            body,
            aws,
            location,
        } => {
            let mut headers = vec![];
            if aws {
                headers.push((
                    "x-amzn-RequestId",
                    "00000000-0000-0000-0000-000000000000".to_owned(),
                ));
            }
            if let Some(location) = location {
                headers.push(("Location", location));
            }
            Fault::Raw {
                status: raw,
                headers,
                body,
            }
        }
        CaseFault::Html { html } => Fault::Html(html),
        CaseFault::Error {
            status,
            code,
            message,
        } => Fault::Error {
            status,
            code,
            message,
        },
    }
}

pub fn role(role: &CaseRole) -> Role {
    let max_session = role.max_session.unwrap_or(3600);
    Role {
        trusts: role.trusts.clone(),
        external_id: role.external_id.clone(),
        mfa: role.mfa,
        max_session,
        ..Role::new(&role.arn)
    }
}

/// Starts the program without `HOME`. The home directory of the user database is then this one.
const WITHOUT_HOME: &str = r#"[ "$LAB_INSIDE" ] ||
    LAB_INSIDE=1 exec NAMESPACE "$0" "$@"
mount --bind "$HOME" ~root
unset HOME LAB_INSIDE"#;

/// Whether the case is about a service without `HOME`.
pub fn is_without_home(case: &Case) -> bool {
    case.env.get("HOME").is_some_and(String::is_empty)
}

pub fn set_up(case: &Case, aws: &Double) -> Sandbox {
    let mut home = fixtures::home(aws);
    home.secret(SECRET).secret(&token());
    let proxy = through_proxy(aws, &home);
    home.file("proxy", &proxy.url);
    if case.aws.unreachable {
        home.env("HTTPS_PROXY", "http://127.0.0.1:9");
    }
    if case.aws.untrusted {
        home.unset("AWS_CA_BUNDLE");
    }
    home.env("AWS_EC2_METADATA_DISABLED", "true");
    if is_without_home(case) {
        let namespace = namespace().unwrap();
        home.start_after(&WITHOUT_HOME.replace("NAMESPACE", namespace));
    }
    let expand = |text: &str| expanded(text, &home, aws);
    for (name, value) in &case.env {
        match value.as_str() {
            "" if name == "HOME" => &home, // unset by the shell
            "" => home.unset(name),
            value => home.env(name, &expand(value)),
        };
    }
    let aws_files = [
        (".aws/config", &case.config),
        (".aws/credentials", &case.credentials),
    ];
    for (path, text) in aws_files
        .into_iter()
        .filter_map(|(path, text)| Some((path, text.as_ref()?)))
    {
        set_mode(&home.file(path, expand(text)), "600");
    }
    for (path, text) in &case.files {
        set_mode(&home.file(&expand(path), expand(text)), "600");
    }
    for (path, target) in &case.links {
        std::os::unix::fs::symlink(expand(target), home.home().join(expand(path))).unwrap();
    }
    for (path, mode) in &case.modes {
        let (path, is_program) = (expand(path), mode.starts_with('7'));
        let file = home.home().join(&path);
        if is_program && file.is_file() {
            home.program(&path, std::fs::read(&file).unwrap());
        }
        set_mode(&file, mode);
    }
    arrange(&case.aws, &home, aws);
    home
}

/// Adds to the double the state of AWS that the case describes.
fn arrange(setup: &Aws, home: &Sandbox, aws: &Double) {
    let expand = |text: &str| expanded(text, home, aws);
    for (id, arn) in &setup.users {
        aws.add_user(id, SECRET, arn);
    }
    for session in &setup.sessions {
        aws.add_session(
            &session.id,
            SECRET,
            &token(),
            &session.arn,
            clock::now() + session.expires,
        );
    }
    setup.roles.iter().for_each(|one| aws.add_role(role(one)));
    for (arn, left, revoked) in &setup.logins {
        let mut file = aws.add_login(arn, &clock::rfc3339(clock::now() + left));
        if *revoked {
            file["refreshToken"] = "gone".into();
        }
        if *left > 0 {
            let id = "ASIAQLOGINLOGINLOGIN";
            aws.add_session(id, SECRET, &token(), arn, clock::now() + left);
            file["accessToken"] = serde_json::json!({
                "accessKeyId": id,
                "secretAccessKey": SECRET,
                "sessionToken": token(),
                "accountId": arn.split(':').nth(4),
                "expiresAt": clock::rfc3339(clock::now() + left),
            });
        }
        set_mode(
            &home.file(
                &format!(".aws/login/cache/{}.json", sha256_hex(arn.as_bytes())),
                file.to_string(),
            ),
            "600",
        );
    }
    for (text, role) in &setup.web_identities {
        aws.add_web_identity(&expand(text), role);
    }
    setup
        .expired_web_identities
        .iter()
        .for_each(|text| aws.expire_web_identity(&expand(text)));
    if let Some(sso) = &setup.sso {
        aws.approve_every_device();
        aws.add_sso(SsoSession {
            start_url: sso.start_url.clone(),
            access_token: sso.access_token.clone(),
            refresh_token: sso.refresh_token.clone(),
            client_id: "client".into(),
            client_secret: "client-secret".into(),
            token_expires: clock::now() + 3600,
            user: "ann".into(),
            assignments: setup
                .sso
                .iter()
                .flat_map(|sso| sso.assignments.clone())
                .collect(),
            role_lifetime: 3600,
        });
    }
    if let Some(role) = &setup.machine_role {
        aws.surround(role, "container-token");
    }
    if !setup.unknown_in.is_empty() {
        aws.unknown_in(&setup.unknown_in);
    }
    if let Some(one) = &setup.fault {
        aws.fault(fault(one));
    }
    for (action, one) in &setup.faults {
        aws.fault_on(action, fault(one));
    }
}

#[cfg(unix)]
pub fn set_mode(path: &Path, octal: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = u32::from_str_radix(octal, 8).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The directory of the cases.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnosis-cases")
}

/// The names of all cases, sorted.
pub fn names() -> Vec<String> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    paths.sort();
    paths
        .iter()
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

/// The case of this name.
pub fn case(name: &str) -> Result<Case, String> {
    let path = folder().join(format!("{name}.toml"));
    let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let text = std::fs::read_to_string(&path).map_err(|e| wrong(&e))?;
    check_placeholders(&text).map_err(|e| wrong(&e))?;
    toml::from_str(&text).map_err(|e| wrong(&e))
}

pub fn cases() -> Vec<(String, Case)> {
    names()
        .into_iter()
        .map(|name| (name.clone(), case(&name).unwrap_or_else(|e| panic!("{e}"))))
        .collect()
}

/// One text that a real client printed. The index has one line per text:
/// `FILE CAUSE CODE SERVICE OPERATION`, with `-` for what the text does not show.
pub struct Text {
    pub name: String,
    pub path: PathBuf,
    pub cause: String,
    pub code: Option<String>,
    pub operation: Option<String>,
}

pub fn texts() -> Vec<Text> {
    let dir = folder().join("texts");
    let indexes =
        ["index.txt", "others.txt"].map(|name| std::fs::read_to_string(dir.join(name)).unwrap());
    let lines = indexes
        .iter()
        .flat_map(|index| index.lines())
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let text = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let shown = |n: usize| {
            words
                .get(n)
                .filter(|word| **word != "-")
                .map(|word| (*word).to_owned())
        };
        let name = shown(0).unwrap();
        Text {
            path: dir.join(&name),
            name,
            cause: shown(1).unwrap(),
            code: shown(2),
            operation: shown(4),
        }
    };
    lines.map(text).collect()
}

/// A log from a public thread, with the cause that the thread found.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The thread.
    pub link: String,
    /// The root cause, as the thread found it.
    pub truth: String,
    /// The causes that are a right answer.
    pub causes: Vec<String>,
    /// What the answer must contain.
    #[serde(default)]
    pub shows: Vec<String>,
    /// What the answer must not contain.
    #[serde(default)]
    pub hides: Vec<String>,
    /// The log, as it was printed. Keys, accounts and private names are made up.
    pub log: String,
}

/// Every log below `tests/diagnosis-cases/logs`, with its name.
pub fn logs() -> Vec<(String, Log)> {
    let dir = folder().join("logs");
    let mut logs: Vec<(String, Log)> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let log = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, log)
        })
        .collect();
    logs.sort_by(|(a, _), (b, _)| a.cmp(b));
    logs
}

impl Remedy {
    /// Applies everything except the command, and returns the command for a shell to run.
    pub fn apply(&self, home: &Sandbox, aws: &Double) -> Result<Option<String>, String> {
        if self.end_faults {
            aws.heal();
        }
        arrange(&self.aws, home, aws);
        for (path, text) in &self.files {
            set_mode(
                &home.file(&expanded(path, home, aws), expanded(text, home, aws)),
                "600",
            );
        }
        for (file, from, to) in &self.edit {
            let path = home.home().join(expanded(file, home, aws));
            let text = std::fs::read_to_string(&path).unwrap();
            let (from, to) = (expanded(from, home, aws), expanded(to, home, aws));
            if !text.contains(&from) {
                return Err(format!("`{from}` is not in {file}"));
            }
            std::fs::write(path, text.replace(&from, &to)).unwrap();
        }
        for (name, value) in &self.env {
            match value.as_str() {
                "" => home.unset(name),
                value => home.env(name, &expanded(value, home, aws)),
            };
        }
        Ok(self
            .run
            .as_ref()
            .map(|command| expanded(command, home, aws)))
    }
}
