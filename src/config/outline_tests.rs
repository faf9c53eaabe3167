use super::super::parser::{Value, parse};
use super::*;
use crate::config::Base;
use crate::finding::Cause;

/// Lines of all kinds: sound, broken, and those that look like headers without being any.
const LINES: &[&str] = &[
    "[profile a]",
    "[profile a]",
    "[profile b]",
    "[profile 'c d']",
    "[profile \"e\"] # comment",
    "[ profile a ]",
    "[profile\ta\u{a0}]",
    "[profile a][profile b]",
    "[profile ]",
    "[Profile a]",
    "[profile x]",
    "[default]",
    "[profile default]",
    "[a]",
    "[b]",
    "[sso-session s]",
    "[sso-session 's']",
    "[services v]",
    "[unclosed",
    " [profile b]",
    "source_profile = a",
    "source_profile = b",
    "source_profile = c d",
    "source_profile = default",
    "awsfresh_source_profile = b",
    "role_arn = arn:aws:iam::111111111111:role/r",
    "role_arn = arn:aws:iam::111111111111:role/s",
    "awsfresh_role_arn = arn:aws:iam::111111111111:role/r",
    "aws_access_key_id = AKIAQTESTTESTTESTTES",
    "aws_secret_access_key = canarySecretcanarySecretcanarySecretcana",
    "credential_process = cat x",
    "credential_process = awsfresh credential-process --profile a",
    "credential_process = awsfresh credential-process -p 'c d'",
    "sso_session = s",
    "sso_account_id = 111111111111",
    "sso_role_name = r",
    "sso_start_url = https://x",
    "sso_region = eu-west-1",
    "services = v",
    "sts =",
    "  endpoint_url = http://127.0.0.1:1",
    "region = eu-west-1",
    "region = eu-west-1\r",
    "junk",
    "key: value",
    "# [profile b]",
    "; comment",
    "",
    "\u{feff}",
    "é = [profile b]\r\n[profile b]",
];
/// Sections that make chains, where nothing in between breaks them.
const SECTIONS: &[&str] = &[
    "[profile a]\nrole_arn = arn:aws:iam::111111111111:role/r\nsource_profile = b",
    "[profile a]\ncredential_process = awsfresh credential-process -p 'c d'",
    "[profile b]\nsso_session = s\nsso_account_id = 111111111111\nsso_role_name = r",
    "[profile b]\ncredential_process = cat x\nservices = v",
    "[profile 'c d']\nrole_arn = arn:aws:iam::111111111111:role/s\nsource_profile = default",
    "[default]\ncredential_source = Environment",
    "[sso-session s]\nsso_start_url = https://x\nsso_region = eu-west-1",
    "[b]\nregion = eu-west-1",
    "[services v]\nsts =\n  endpoint_url = http://127.0.0.1:1",
];
const NAMES: &[&str] = &[
    "a",
    "b",
    "c d",
    "e",
    "default",
    "s",
    "v",
    "",
    "x",
    "no",
    "profile a",
    "a\u{a0}",
];

/// Numbers that look random; the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn text(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        // Most begin with a section: else nearly all would be rejected as a whole.
        if self.below(8) > 0 {
            text.extend_from_slice(b"[profile a]\n");
        }
        for _ in 0..self.below(16) {
            let lines = if self.below(4) > 0 { SECTIONS } else { LINES };
            text.extend_from_slice(lines[self.below(lines.len())].as_bytes());
            text.extend_from_slice(
                ["\n", "\n", "\n", "\n", "\n", "\r\n", "\r", "\0"][self.below(8)].as_bytes(),
            );
        }
        if self.below(40) == 0 {
            text.push(0xff);
        }
        text
    }
}

/// Compares both readings of two files, for each name; returns how many chains there are.
fn compare(config: &[u8], credentials: &[u8]) -> usize {
    let files = [
        (FileKind::Config, "c", config),
        (FileKind::Credentials, "k", credentials),
    ];
    let outlines = files.map(|(kind, name, bytes)| Outline::of(name, kind, bytes));
    let parsed = files.map(|(kind, name, bytes)| parse(name, kind, bytes));
    for (outline, file) in outlines.iter().zip(&parsed) {
        assert_eq!(outline.is_some(), file.is_ok());
    }
    let ([Some(config), Some(credentials)], [Ok(c), Ok(k)]) = (outlines, parsed) else {
        return 0;
    };
    let set = ProfileSet::new(Some(c), Some(k));
    compare_parts(&config);
    compare_parts(&credentials);
    let same = |name: &&str| {
        let whole = resolve(&set, name).ok();
        let needed = resolve_needed([Some(&config), Some(&credentials)], name);
        assert_eq!(needed, whole, "{name}");
        whole.is_some()
    };
    let chains = NAMES.iter().filter(|name| same(name)).count();
    compare_excerpts(&set, [Some(&config), Some(&credentials)]);
    chains
}

/// Every value of every section.
fn values(set: &ProfileSet) -> impl Iterator<Item = &Value> {
    let sections = set.sections().flat_map(|profile| &profile.sections);
    sections.flat_map(|one| {
        one.entries
            .iter()
            .map(|(_, value)| value)
            .chain(one.nested.values())
    })
}

/// Compares the parts of a file with all of it.
fn compare_parts(outline: &Outline<'_>) {
    let whole = parse(outline.file, outline.kind, outline.text.as_bytes());
    let whole = ProfileSet::of(whole.unwrap());
    for count in 1..=4 {
        let parts = outline.parts(count);
        assert!(parts.len() <= count);
        let joined = ProfileSet::joined(parts.iter().map(|part| part.parse().unwrap()).collect());
        match joined {
            Some(joined) => {
                assert_eq!(format!("{joined:?}"), format!("{whole:?}"));
                // `Debug` shows no value.
                assert!(values(&joined).eq(values(&whole)));
            }
            None => assert!(count > 1),
        }
    }
}

/// Compares the first profiles with all of them: their names, their chains, and the SSO sessions.
fn compare_excerpts(set: &ProfileSet, outlines: [Option<&Outline<'_>>; 2]) {
    let names: Vec<&str> = set.names().collect();
    assert!(excerpt(outlines, names.len(), names.len()).is_none());
    for most in 1..=names.len() {
        let excerpt = excerpt(outlines, names.len() - 1, most).unwrap();
        assert_eq!(excerpt.names, names[..most]);
        assert_eq!(excerpt.more, names.len() - most);
        for name in &excerpt.names {
            let whole = resolve(set, name).ok();
            assert_eq!(resolve(&excerpt.profiles, name).ok(), whole, "{name}");
        }
        let sessions: Vec<&str> = excerpt.profiles.sso_session_names().collect();
        assert_eq!(sessions, set.sso_session_names().collect::<Vec<_>>());
    }
}

#[test]
fn both_readings_of_any_file_are_the_same() {
    let mut numbers = Numbers(1);
    let mut chains = 0;
    for _ in 0..5000 {
        let (config, credentials) = (numbers.text(), numbers.text());
        let found = std::panic::catch_unwind(|| compare(&config, &credentials));
        chains += found.unwrap_or_else(|_| {
            let text = String::from_utf8_lossy;
            panic!("{}\n====\n{}", text(&config), text(&credentials))
        });
    }
    assert!(chains > 1000, "only {chains} chains were compared");
}

#[test]
fn parts_of_a_file_have_its_lines_and_no_section_twice() {
    let section = |n: usize| format!("[profile p{n}]\r\nregion = x\n\n  more\n");
    let text: String = (0..100).map(section).collect();
    let parts = |text: &str, count| {
        let outline = Outline::of("c", FileKind::Config, text.as_bytes()).unwrap();
        let parts = outline.parts(count);
        let sets = parts.iter().map(|part| part.parse().unwrap());
        (parts.len(), ProfileSet::joined(sets.collect()))
    };
    for count in [1, 2, 3, 7] {
        let (found, joined) = parts(&text, count);
        assert_eq!(found, count);
        let joined = joined.unwrap();
        assert_eq!(joined.names().count(), 100);
        assert_eq!(joined.profile("p99").unwrap().origin.line, 397);
    }
    let again = format!("{text}{}", section(0));
    assert!(parts(&again, 1).1.is_some() && parts(&again, 2).1.is_none());
    assert_eq!(parts("", 2).0, 0);
}

#[test]
fn a_chain_is_found_among_sections_that_are_no_part_of_it() {
    let many: String = (0..500)
        .map(|n| format!("[profile x{n}]\nsource_profile = role\nrole_arn = broken\njunk\n"))
        .collect();
    let role = "role_arn = arn:aws:iam::111111111111:role/r\nregion = eu-west-1\n";
    let config = format!(
        "# head\n{many}[profile role]\n{role}source_profile = sso\n{many}[profile sso]\n\
         sso_session = s\nsso_account_id = 111111111111\nsso_role_name = r\nservices = v\n\
         [sso-session s]\nsso_start_url = https://x\nsso_region = eu-west-1\n{many}"
    );
    let outline = Outline::of("c", FileKind::Config, config.as_bytes()).unwrap();
    let chain = resolve_needed([Some(&outline), None], "role").unwrap();
    assert!(matches!(chain.base, Base::Sso { .. }));
    assert_eq!(chain.hops[0].role_arn.origin.line, 2003);
    // What is wrong is found in the whole file.
    assert!(resolve_needed([Some(&outline), None], "x1").is_none());
}

#[test]
fn a_file_that_fails_as_a_whole_has_no_outline() {
    for broken in [
        "\u{feff}[profile a]\n",
        "a = b\n[profile a]\n",
        "[profile a]\n[b\n",
        " x\n",
    ] {
        assert!(Outline::of("c", FileKind::Config, broken.as_bytes()).is_none());
        let finding = parse("c", FileKind::Config, broken.as_bytes()).unwrap_err();
        assert!(matches!(
            finding.cause,
            Cause::ConfigMalformed | Cause::ConfigEncoding
        ));
    }
}
