//! The overlay: a copy of the AWS config in which awsfresh answers for some profiles.
//!
//! Pure, from text to text. All other sections, keys and comments stay as they are. No secret is
//! copied: awsfresh also answers for every profile that has an access key.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Line;
use super::parser::{FileKind, SectionKind};
use super::profile::CREDENTIAL_KEYS;
use super::sections::line_of;

/// Keys that contain credentials or decide about them, besides [`CREDENTIAL_KEYS`].
const RELATED_KEYS: &[&str] = &[
    "aws_security_token",
    "mfa_serial",
    "mfa_process",
    "external_id",
    "duration_seconds",
    "role_session_name",
    "sso_registration_scopes",
    "aws_expiration",
    "x_security_token_expires",
    "x_principal_arn",
];

/// The new name of the user's own `default`, for profiles that have it as `source_profile`.
const ORIGINAL_DEFAULT: &str = "awsfresh-default";

/// What `default` becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultProfile {
    /// The credentials of the chosen profile.
    AsChosen,
    /// No credentials, so that SDKs go on to the container endpoint.
    Empty,
}

/// How to rewrite a config.
pub(crate) struct Overlay<'a> {
    /// The profile of the command.
    pub(crate) profile: &'a str,
    /// What `default` becomes.
    pub(crate) default: DefaultProfile,
    /// The value of `credential_process` for a profile.
    pub(crate) process: &'a dyn Fn(&str) -> String,
}

/// The config for a container: the chosen profile, whose process is `process`, the same as `default`,
/// and the `services` section that it names. Other profiles, comments, SSO sessions and paths of this
/// machine are not for it to see.
pub(crate) fn for_container(
    config: &str,
    credentials: &str,
    profile: &str,
    process: &str,
) -> String {
    let overlay = Overlay {
        profile,
        default: DefaultProfile::AsChosen,
        process: &|_| process.to_owned(),
    };
    let rewritten = overlay.rewrite(config, credentials);
    let (mut own, mut services) = (String::new(), BTreeMap::<&str, String>::new());
    let (mut section, mut named, mut is_dropped) = (None, None, false);
    for line in rewritten.split_inclusive('\n') {
        match line_of(FileKind::Config, line) {
            Line::Nothing => continue,
            Line::Header(header) => {
                section = header;
                if !matches!(section, Some((SectionKind::Services, _))) {
                    continue;
                }
                is_dropped = false;
            }
            Line::Entry(key, value) => {
                is_dropped = key == "ca_bundle";
                if key == "services" && section == Some((SectionKind::Profile, profile)) {
                    named = value.map(str::trim);
                }
            }
            Line::Continuation(_) => {}
        }
        match section {
            _ if is_dropped => {}
            Some((SectionKind::Profile, name)) if name == profile => own.push_str(line),
            Some((SectionKind::Services, name)) => services.entry(name).or_default().push_str(line),
            _ => {}
        }
    }
    end_line(&mut own);
    let mut text = format!("[default]\n{own}");
    if profile != "default" {
        text.push_str(&header(profile));
        text.push_str(&own);
    }
    text + services
        .get(named.unwrap_or_default())
        .map_or("", String::as_str)
}

/// Whether the key contains credentials or decides about them.
fn concerns_credentials(key: &str) -> bool {
    CREDENTIAL_KEYS.contains(&key) || RELATED_KEYS.contains(&key) || key.starts_with("awsfresh_")
}

impl Overlay<'_> {
    /// The copy of `config`, with all keys of the file `credentials` that are not credentials.
    pub(crate) fn rewrite(&self, config: &str, credentials: &str) -> String {
        let plain = plain_keys(credentials);
        let mut answered: BTreeSet<String> = with_keys(config);
        answered.extend(plain.keys().cloned());
        answered.extend([self.profile.to_owned(), "default".to_owned()]);
        let own_default = self.profile != "default" && names_default(config);

        let mut out = String::with_capacity(config.len() + 1024);
        let mut opened = BTreeSet::new();
        let mut current: Option<String> = None;
        let mut dropping = false;
        for line in config.split_inclusive('\n') {
            match line_of(FileKind::Config, line) {
                Line::Header(Some((kind, name))) => {
                    dropping = false;
                    current = (kind == SectionKind::Profile && answered.contains(name))
                        .then(|| name.to_owned());
                    out.push_str(line);
                    if let Some(name) = current
                        .as_ref()
                        .filter(|name| opened.insert((*name).clone()))
                    {
                        end_line(&mut out);
                        self.open(&mut out, name, plain.get(name));
                    }
                    continue;
                }
                Line::Entry(key, value) => {
                    let outranked = |name: &String| {
                        plain.get(name).is_some_and(|keys| keys.contains_key(&*key))
                    };
                    dropping = current
                        .as_ref()
                        .is_some_and(|name| concerns_credentials(&key) || outranked(name));
                    if own_default && !dropping && is_source_default(&key, value) {
                        push_key(&mut out, "source_profile", ORIGINAL_DEFAULT);
                        continue;
                    }
                }
                Line::Nothing => {
                    // A comment below a removed key may quote the key: it is removed, too.
                    if !dropping || line.trim().is_empty() {
                        out.push_str(line);
                    }
                    continue;
                }
                Line::Header(None) => dropping = false,
                Line::Continuation(_) => {}
            }
            if !dropping {
                out.push_str(line);
            }
        }
        for name in answered.difference(&opened) {
            end_line(&mut out);
            out.push_str(&header(name));
            self.open(&mut out, name, plain.get(name));
        }
        if own_default {
            end_line(&mut out);
            out.push_str(&header(ORIGINAL_DEFAULT));
            push_key(&mut out, "credential_process", &(self.process)("default"));
        }
        out
    }

    /// Writes what comes first in a section that awsfresh answers.
    fn open(&self, out: &mut String, name: &str, plain: Option<&BTreeMap<String, String>>) {
        let answers = match (name, self.default) {
            ("default", DefaultProfile::AsChosen) => Some(self.profile),
            ("default", DefaultProfile::Empty) => None,
            _ => Some(name),
        };
        if let Some(profile) = answers {
            push_key(out, "credential_process", &(self.process)(profile));
        }
        for (key, value) in plain.into_iter().flatten() {
            push_key(out, key, value);
        }
    }
}

fn push_key(out: &mut String, key: &str, value: &str) {
    for piece in [key, " = ", value, "\n"] {
        out.push_str(piece);
    }
}

fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

fn header(name: &str) -> String {
    format!("\n{}\n", profile_header(name))
}

/// The header of a profile's section. Python tools need quotes around a name with white space.
pub(super) fn profile_header(name: &str) -> String {
    match name {
        "default" => "[default]".to_owned(),
        name => format!("[profile {}]", quoted(name)),
    }
}

fn quoted(name: &str) -> String {
    if name.contains(char::is_whitespace) {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

/// Every line with its profile; a header is part of its own section.
fn lines(kind: FileKind, text: &str) -> impl Iterator<Item = (Option<&str>, Line<'_>)> {
    let mut profile = None;
    text.lines().map(move |line| {
        let line = Line::of(kind, line);
        if let Line::Header(header) = &line {
            profile = header
                .filter(|(kind, _)| *kind == SectionKind::Profile)
                .map(|(_, name)| name);
        }
        (profile, line)
    })
}

/// Profiles of the config with an access key.
fn with_keys(config: &str) -> BTreeSet<String> {
    let is_key = |key: &str| matches!(key, "aws_access_key_id" | "aws_secret_access_key");
    lines(FileKind::Config, config)
        .filter(|(_, line)| matches!(line, Line::Entry(key, _) if is_key(key)))
        .filter_map(|(profile, _)| profile.map(str::to_owned))
        .collect()
}

/// The keys of each profile in the credentials file that are not credentials.
fn plain_keys(credentials: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut profiles: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (profile, line) in lines(FileKind::Credentials, credentials) {
        let Some(profile) = profile else { continue };
        let keys = profiles.entry(profile.to_owned()).or_default();
        if let Line::Entry(key, Some(value)) = line
            && !concerns_credentials(&key)
        {
            keys.insert(key.into_owned(), value.trim().to_owned());
        }
    }
    profiles
}

/// Whether a profile has `default` as its source.
fn names_default(config: &str) -> bool {
    lines(FileKind::Config, config).any(|(_, line)| match line {
        Line::Entry(key, value) => is_source_default(&key, value),
        _ => false,
    })
}

fn is_source_default(key: &str, value: Option<&str>) -> bool {
    key == "source_profile" && value.is_some_and(|value| value.trim() == "default")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(
        profile: &str,
        default: DefaultProfile,
        config: &str,
        credentials: &str,
    ) -> String {
        Overlay {
            profile,
            default,
            process: &|name| format!("awsfresh {name}"),
        }
        .rewrite(config, credentials)
    }

    #[test]
    fn everything_but_the_chosen_credentials_stays() {
        let config = "# comment\n[profile prod]\nregion = eu-west-1 # here\nrole_arn = r\nsource_profile = base\n\n\
            [sso-session corp]\nsso_region = x\n[profile other]\nsso_session = corp\ns3 =\n  max = 1\n[services v]\nsts =\n  endpoint_url = u";
        let out = rewritten("prod", DefaultProfile::AsChosen, config, "");
        assert_eq!(
            out,
            "# comment\n[profile prod]\ncredential_process = awsfresh prod\nregion = eu-west-1 # here\n\n\
             [sso-session corp]\nsso_region = x\n[profile other]\nsso_session = corp\ns3 =\n  max = 1\n[services v]\nsts =\n  endpoint_url = u\n\
             \n[default]\ncredential_process = awsfresh prod\n"
        );
    }

    #[test]
    fn keys_become_processes_and_no_secret_is_left() {
        let config = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = SECRET\n  \
            SECRET2\nregion = a\n[profile x]\nregion = b\n";
        let credentials = "[x]\naws_access_key_id = AKIA\naws_secret_access_key = SECRET\nregion = c\n[y]\naws_secret_access_key=SECRET\n\
            [default]\naws_session_token = SECRET\n";
        let out = rewritten("x", DefaultProfile::Empty, config, credentials);
        assert_eq!(
            out,
            "[default]\nregion = a\n[profile x]\ncredential_process = awsfresh x\nregion = \
                c\n\n[profile y]\ncredential_process = awsfresh y\n"
        );
    }

    #[test]
    fn a_container_sees_one_profile() {
        let config = "# mine\n[default]\noutput = json\naws_access_key_id = AKIA\n\
            [profile prod]\nregion = a # here\nrole_arn = r\nsource_profile = base\nservices = v\n\
            mfa_process = seed\nca_bundle = /home/ann/ca.pem\ns3 =\n  max = 1\n\
            [profile other]\nrole_arn = r2\n[sso-session s]\nsso_region = x\n\
            [services w]\nsts =\n  endpoint_url = w\n[services v]\nsts =\n  endpoint_url = u\n";
        let process = "cat x";
        let out = for_container(
            config,
            "[base]\naws_secret_access_key = S\n",
            "prod",
            process,
        );
        let keys = "credential_process = cat x\nregion = a # here\nservices = v\ns3 =\n  max = 1\n";
        let services = "[services v]\nsts =\n  endpoint_url = u\n";
        assert_eq!(
            out,
            format!("[default]\n{keys}\n[profile prod]\n{keys}{services}")
        );
        let default = for_container(config, "", "default", process);
        assert_eq!(
            default,
            "[default]\ncredential_process = cat x\noutput = json\n"
        );
    }

    #[test]
    fn a_profile_whose_source_is_default_keeps_it() {
        let config = "[default]\naws_access_key_id=a\naws_secret_access_key=b\n[profile \
            audit]\nrole_arn=r\nsource_profile = default\n";
        let out = rewritten("prod", DefaultProfile::AsChosen, config, "");
        assert!(out.contains("source_profile = awsfresh-default\n"), "{out}");
        assert!(
            out.contains("[profile awsfresh-default]\ncredential_process = awsfresh default\n"),
            "{out}"
        );
        assert!(
            out.contains("[profile prod]\ncredential_process = awsfresh prod\n"),
            "{out}"
        );
        let own = rewritten("default", DefaultProfile::AsChosen, config, "");
        assert!(
            own.contains("source_profile = default\n")
                && own.contains("[default]\ncredential_process = awsfresh default\n"),
            "{own}"
        );
    }

    #[test]
    fn duplicate_sections_and_quoted_names() {
        let out = rewritten(
            "a b",
            DefaultProfile::AsChosen,
            "[profile \"a b\"]\nsso_session=s\n[profile \"a b\"]\nrole_arn=r\nk=v\n",
            "[c d]\n",
        );
        assert_eq!(
            out.matches("awsfresh a b").count(),
            2,
            "once in the profile, once in default: {out}"
        );
        assert!(
            out.contains("[profile \"c d\"]") && !out.contains("role_arn") && out.contains("k=v"),
            "{out}"
        );
    }
}
