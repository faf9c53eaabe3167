use super::*;
use crate::host_kind::HostKind;

#[test]
#[cfg_attr(windows, ignore = "paths of Unix")]
fn a_missing_profile_lists_the_other_places_of_its_files() {
    let missing = facts("", "")
        .with(|facts| facts.files.iter_mut().for_each(|file| file.exists = false))
        .with(|facts| {
            facts.host.windows = vec!["/mnt/c/Users/ann/.aws".into()];
            facts.host.own_home = Some("/home/ann".into());
            facts.host.kinds = vec![HostKind::Wsl, HostKind::Container];
        });
    let finding = error(missing, Cause::ProfileNotFound);
    let seen = finding.evidence.join("\n");
    for place in ["/mnt/c/Users/ann/.aws", "in a container", "/home/ann/.aws"] {
        assert!(seen.contains(place), "{finding:?}");
    }
}

#[test]
fn a_missing_profile_under_sudo_names_the_user() {
    let sudo = facts("", "").with(|facts| facts.host.sudo_user = Some("ann".into()));
    let finding = error(sudo, Cause::ProfileNotFound);
    assert!(finding.to_string().contains("sudo for ann"), "{finding}");
}
