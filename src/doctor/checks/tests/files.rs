use super::*;

#[test]
fn a_missing_file_is_an_error_only_if_the_profile_is_missing_too() {
    let missing = |facts: &mut Facts| {
        facts.files[0] = FileFacts {
            named_by: Some("AWS_CONFIG_FILE"),
            exists: false,
            mode: None,
            ..intact("missing")
        };
    };
    error(facts("", "").with(missing), Cause::ConfigUnreadable);
    warning(
        facts(&prod(), &base()).with(missing),
        Cause::ConfigUnreadable,
    );
}

#[test]
fn malformed_files_are_errors() {
    error(facts("[profile prod\n", ""), Cause::ConfigMalformed);
    error(facts("\u{feff}[profile prod]\n", ""), Cause::ConfigEncoding);
    error(facts(&(prod() + &prod()), &base()), Cause::ConfigDuplicate);
    warning(
        facts(&(prod() + "[staging]\nregion = eu-west-1\n"), &base()),
        Cause::ConfigMalformed,
    );
}

#[test]
fn an_inline_comment_is_an_error_only_in_a_value_that_is_used() {
    let commented = prod().replace("eu-west-1", "eu-west-1 # Dublin");
    error(facts(&commented, &base()), Cause::InlineCommentInValue);
    warning(
        facts(&(prod() + "output = json # x\n"), &base()),
        Cause::InlineCommentInValue,
    );
}

#[test]
fn an_mfa_serial_that_is_a_user_arn_is_malformed() {
    let serial = facts(
        &(prod() + "mfa_serial = arn:aws:iam::111111111111:user/ann\n"),
        &base(),
    );
    error(serial, Cause::ConfigMalformed);
}

#[test]
fn the_mode_and_the_owner_of_a_file_are_checked() {
    warning(
        facts(&prod(), &base()).with(|facts| facts.files[1].mode = Some((0o644, 0))),
        Cause::FilePermissions,
    );
    warning(
        facts(&prod(), &base()).with(|facts| facts.files[0].mode = Some((0o600, 7))),
        Cause::FilePermissions,
    );
}

#[test]
fn the_sso_cache_directory_belongs_to_the_user_and_is_writable() {
    let sso_cache = |change: &dyn Fn(&mut FileFacts)| {
        facts(&prod(), &base()).with(|facts| {
            facts.sso = Some(Ok(token()));
            let mut directory = FileFacts {
                is_dir: true,
                ..intact("/home/ann/.aws/sso/cache")
            };
            change(&mut directory);
            facts.cli_files = vec![directory];
        })
    };
    let finding = warning(
        sso_cache(&|directory| directory.mode = Some((0o755, 7))),
        Cause::FilePermissions,
    );
    assert!(
        finding.remedy[0].starts_with("sudo chown -R 0 /home/ann"),
        "{finding:?}"
    );
    warning(
        sso_cache(&|directory| directory.mode = Some((0o777, 0))),
        Cause::FilePermissions,
    );
    let finding = warning(
        sso_cache(&|directory| directory.writable = false),
        Cause::FilePermissions,
    );
    assert!(finding.summary.contains("would be lost"), "{finding:?}");
}
