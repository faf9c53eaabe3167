//! Where this runs: what is looked for may be there for somebody else, or was never handed in.

use crate::diagnosis::facts::{Facts, ID_TOKEN_VARIABLE};
use crate::diagnosis::{Cause, Finding};
use crate::shell::quoted_path;

/// Adds to a finding about something missing where else it may be, and how it gets here.
pub(super) fn with_what_is_elsewhere(facts: &Facts, finding: Finding) -> Finding {
    if !matches!(finding.cause, Cause::ProfileNotFound | Cause::CredentialsMissing) {
        return finding;
    }
    let no_files = facts.files.iter().all(|file| !file.exists);
    let finding = sudo(facts, finding);
    let finding = windows(facts, own_home(facts, finding));
    match finding {
        finding if facts.place.is("github-actions") && finding.cause == Cause::CredentialsMissing => job(facts, finding),
        finding if facts.place.is("lambda") && finding.cause == Cause::ProfileNotFound => finding
            .seen("this is a Lambda function, which has no profiles and gets its role's keys in the environment")
            .try_this("unset AWS_PROFILE"),
        finding if facts.place.is("container") && no_files => container(facts, finding),
        finding => finding,
    }
}

/// Under `sudo` the files of root are read, not those of the person who typed it.
fn sudo(facts: &Facts, finding: Finding) -> Finding {
    match facts.place.sudo_user.as_deref().filter(|user| *user != "root") {
        Some(user) => finding
            .seen(format!("this runs under sudo for {user}, whose files are in another home directory"))
            .try_this(format!("sudo --preserve-env=AWS_CONFIG_FILE,AWS_SHARED_CREDENTIALS_FILE, or sudo -u {user}")),
        None => finding,
    }
}

/// `HOME` says where the files are looked for, whoever runs this.
fn own_home(facts: &Facts, finding: Finding) -> Finding {
    let Some(home) = &facts.place.own_home else { return finding };
    finding
        .seen(format!("HOME is not the home directory of this user, which has AWS files: {}", home.join(".aws").display()))
        .try_this(format!("export HOME={}", quoted_path(home)))
}

/// WSL and Windows have a home directory each.
fn windows(facts: &Facts, finding: Finding) -> Finding {
    let Some(dir) = facts.place.windows.first() else { return finding };
    let [config, credentials] = ["config", "credentials"].map(|name| quoted_path(&dir.join(name)));
    finding
        .seen(format!("this is WSL, and Windows has AWS files of its own: {}", dir.display()))
        .try_this(format!("export AWS_CONFIG_FILE={config} AWS_SHARED_CREDENTIALS_FILE={credentials}"))
}

/// Nothing of the host's home directory is in a container by itself.
fn container(facts: &Facts, finding: Finding) -> Finding {
    let home = facts.files[0].path.parent().unwrap_or(&facts.files[0].path).display();
    finding
        .seen(format!("this runs in a container, and no AWS files are in {home}"))
        .try_this(format!("docker run -v ~/.aws:{home} -e AWS_PROFILE …"))
        .try_this("or awsfresh --deliver env -p PROFILE -- docker run -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY -e AWS_SESSION_TOKEN …")
}

/// A job of GitHub Actions gets a web identity only if its workflow asks for one.
fn job(facts: &Facts, finding: Finding) -> Finding {
    let finding = match facts.variable(ID_TOKEN_VARIABLE) {
        None => finding
            .seen("this is a job of GitHub Actions without the permission to ask for an identity token")
            .try_this("permissions: { id-token: write, contents: read } in the workflow"),
        Some(_) => finding.seen("this is a job of GitHub Actions which may ask for an identity token, and has not"),
    };
    finding.try_this("uses: aws-actions/configure-aws-credentials with role-to-assume, in a step before this one")
}
