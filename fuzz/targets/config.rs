//! Both AWS files as arbitrary bytes: they are parsed and merged, and every profile is resolved, from
//! the whole files and from the sections that it needs alone, with the same chain. No
//! input causes a panic or a long run, no finding shows a secret or breaks its format, and static
//! keys are valid in an HTTP header.
#![no_main]

mod usable;

use awsfresh::config::{Base, FileKind, Outline, ProfileSet, parse, resolve, resolve_needed};
use awsfresh::finding::Finding;
use libfuzzer_sys::fuzz_target;
use usable::assert_usable;

/// Separates the config file from the credentials file in an input.
const SEPARATOR: &[u8] = b"\n#====\n";
/// [`planted`] adds it to every secret. Inputs that contain it are skipped.
const CANARY: &[u8] = b"zQ8canary8Qz";
/// Keys whose values no message may quote.
const QUIET: [&[u8]; 3] = [
    b"aws_secret_access_key",
    b"aws_session_token",
    b"aws_access_key_id",
];

fuzz_target!(|input: &[u8]| {
    if contains(input, CANARY) {
        return;
    }
    let at = input
        .windows(SEPARATOR.len())
        .position(|window| window == SEPARATOR);
    let (config, credentials) = at.map_or((input, &[][..]), |at| {
        (&input[..at], &input[at + SEPARATOR.len()..])
    });
    let files = [
        (FileKind::Config, "/home/u/.aws/config", config),
        (
            FileKind::Credentials,
            "/home/u/.aws/credentials",
            credentials,
        ),
    ];
    let files = files.map(|(kind, name, bytes)| (kind, name, planted(bytes)));
    let outlines = files
        .each_ref()
        .map(|(kind, name, bytes)| Outline::of(name, *kind, bytes));
    let parsed = files
        .each_ref()
        .map(|(kind, name, bytes)| parse(name, *kind, bytes).inspect_err(check).ok());
    for (outline, file) in outlines.iter().zip(&parsed) {
        assert_eq!(outline.is_some(), file.is_some(), "only one reading fails");
    }
    let [config, credentials] = parsed;
    let set = ProfileSet::new(config, credentials);
    let names = set
        .names()
        .map(str::to_owned)
        .chain([String::new(), "no such profile".to_owned()]);
    for name in names.take(50) {
        let whole = resolve(&set, &name);
        if let [Some(config), Some(credentials)] = &outlines {
            let needed = resolve_needed([Some(config), Some(credentials)], &name);
            assert_eq!(needed.as_ref(), whole.as_ref().ok(), "profile {name:?}");
        }
        match whole {
            Err(finding) => {
                check(&finding);
                assert!(
                    finding.summary.contains(&format!("profile `{name}`")),
                    "does not name its profile: {finding}"
                );
            }
            Ok(chain) => {
                assert!(chain.hops.len() <= 20);
                if let Base::Static { credentials: c, .. } = &chain.base {
                    assert_usable(c);
                }
            }
        }
    }
});

/// The input, with the canary at the end of every line with a secret.
fn planted(bytes: &[u8]) -> Vec<u8> {
    let mut planted = Vec::with_capacity(bytes.len() * 2);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        let (body, end) = line.split_at(line.len() - usize::from(line.ends_with(b"\n")));
        planted.extend_from_slice(body);
        let start = body.trim_ascii_start();
        if QUIET.iter().any(|key| {
            start
                .get(..key.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(key))
        }) && body.contains(&b'=')
        {
            planted.extend_from_slice(CANARY);
        }
        planted.extend_from_slice(end);
    }
    planted
}

fn check(finding: &Finding) {
    let text = finding.to_string();
    assert!(text.len() < 4096, "{} bytes", text.len());
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
    assert!(!contains(text.as_bytes(), CANARY), "{text}");
    assert!(!finding.remedy.is_empty(), "no remedy: {text}");
    assert!(
        text.starts_with("awsfresh: ") && text.lines().next().is_some_and(|l| l.ends_with(']')),
        "{text}"
    );
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}
