use super::*;
use crate::finding::Cause;

fn config(text: &str) -> Result<File> {
    parse("config", FileKind::Config, text.as_bytes())
}

fn value(text: &str) -> String {
    let file = config(&format!("[default]\nk ={text}")).unwrap();
    file.sections[0].entries.get("k").unwrap().text.clone()
}

#[test]
fn values_lose_white_space_and_comments_as_in_the_sdks() {
    for (text, wanted) in [
        (" v", "v"),
        (" v # c", "v"),
        (" v ; c", "v"),
        (" v#c", "v#c"),
        (" a=b", "a=b"),
        (" \"v\"", "\"v\""),
        ("", ""),
        (" # c", ""),
        (" v\r", "v"),
        (" ä # ö", "ä"),
        ("v\n  more", "v\nmore"),
        ("v\n  # c", "v"),
    ] {
        assert_eq!(value(text), wanted, "{text:?}");
    }
}

#[test]
fn headers_name_profiles_sessions_and_services() {
    let file = config(
        "[default]\n[profile a]\n[profile \"b c\"] # x\n[sso-session s]\n[services v]\n[bare]\n",
    )
    .unwrap();
    let names: Vec<_> = file.sections.iter().map(|s| (s.kind, &*s.name)).collect();
    use SectionKind::{Other, Profile, Services, SsoSession};
    assert_eq!(
        names,
        [
            (Profile, "default"),
            (Profile, "a"),
            (Profile, "b c"),
            (SsoSession, "s"),
            (Services, "v"),
            (Other, "bare")
        ]
    );
    let file = parse("credentials", FileKind::Credentials, b"[profile x]").unwrap();
    assert_eq!(&*file.sections[0].name, "profile x");
}

#[test]
fn duplicates_are_kept_in_order_with_their_lines() {
    let file = config("[profile a]\nk=1\n[profile b]\n[profile a]\nK = 2\n").unwrap();
    let values = file.sections[0].entries.iter();
    let values: Vec<_> = values
        .map(|(_, v)| (v.text.as_str(), v.origin.line))
        .collect();
    assert_eq!(values, [("1", 2), ("2", 5)]);
}

#[test]
fn nested_values_are_found() {
    let file = config("[services v]\nsts =\n  endpoint_url = http://x\n").unwrap();
    assert_eq!(
        file.sections[0].nested[&("sts".into(), "endpoint_url".into())].text,
        "http://x"
    );
}

#[test]
fn what_belongs_to_nothing_is_an_error_with_its_line() {
    for (text, line) in [("k = v\n", 1), ("\n[profile x\n", 2), ("  k = v", 1)] {
        let finding = config(text).unwrap_err();
        assert_eq!(
            (finding.cause, finding.evidence[0].as_str()),
            (Cause::ConfigMalformed, format!("config:{line}").as_str()),
            "{text:?}"
        );
    }
    let file = config("[profile a]\nno equals sign\n[profile b]\n").unwrap();
    assert_eq!(
        (
            file.sections[0].bad_lines.len(),
            file.sections[1].bad_lines.len()
        ),
        (1, 0)
    );
}

#[test]
fn wrong_encodings_are_named() {
    for bytes in [
        &b"\xef\xbb\xbf[default]"[..],
        b"\xff\xfe[\0",
        b"[\0d\0",
        b"\0[\0d",
        b"[default]\nk=\xff",
    ] {
        assert_eq!(
            parse("config", FileKind::Config, bytes).unwrap_err().cause,
            Cause::ConfigEncoding
        );
    }
}

#[test]
fn large_files_take_linear_time() {
    let line = format!("[default]\nk = {}\n", "x".repeat(10_000_000));
    assert!(config(&line).is_ok());
    let sections: String = (0..100_000)
        .map(|i| format!("[profile p{i}]\nk = v\n"))
        .collect();
    assert_eq!(config(&sections).unwrap().sections.len(), 100_000);
}
