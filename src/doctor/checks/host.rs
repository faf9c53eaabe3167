//! Where this runs: something missing may exist for another user, or was never passed in.

use crate::doctor::facts::{Facts, ID_TOKEN_VARIABLE};
use crate::finding::{Cause, Finding, Subject, remedy};
use crate::host_kind::HostKind;
use crate::world::SelectedBy;

/// Adds to a finding about something missing where else it may be, and how it gets here.
pub(super) fn with_other_places(facts: &Facts, finding: Finding) -> Finding {
    if !matches!(
        finding.cause,
        Cause::ProfileNotFound | Cause::CredentialsMissing
    ) {
        return finding;
    }
    let finding = windows(facts, own_home(facts, sudo(facts, finding)));
    let finding = selected(facts, finding);
    let no_files = facts.files.iter().all(|file| !file.exists);
    let is = |kind| facts.host.is(kind);
    if is(HostKind::GithubActions) && finding.cause == Cause::CredentialsMissing {
        github_job(facts, finding)
    } else if is(HostKind::Lambda) && finding.cause == Cause::ProfileNotFound {
        finding
            .evidence(
                "this is a Lambda function: it has no profiles, and the keys of its role are in \
                the environment",
            )
            .remedy("take AWS_PROFILE out of the environment variables of the function")
    } else if is(HostKind::Kubernetes) && finding.cause == Cause::CredentialsMissing {
        pod(facts, finding)
    } else if is(HostKind::Ecs) && finding.cause == Cause::CredentialsMissing {
        task(finding)
    } else if is(HostKind::Container) && !is_managed(facts) && no_files && facts.has_home {
        container(facts, finding)
    } else {
        finding
    }
}

/// A place that starts its containers itself: `docker run` is no remedy there.
pub(super) fn is_managed(facts: &Facts) -> bool {
    let kinds = [
        HostKind::Lambda,
        HostKind::Ecs,
        HostKind::Kubernetes,
        HostKind::CodeBuild,
        HostKind::GithubActions,
        HostKind::Ci,
    ];
    kinds.into_iter().any(|kind| facts.host.is(kind))
}

/// The variable that selects a profile that does not exist.
fn selected(facts: &Facts, finding: Finding) -> Finding {
    match facts.selected_by {
        SelectedBy::Variable(name)
            if finding.cause == Cause::ProfileNotFound
                && finding.is_about(&Subject::Profile(facts.profile.clone())) =>
        {
            finding.evidence(format!("{name}={}", facts.profile))
        }
        _ => finding,
    }
}

/// A pod gets its role through variables that a webhook adds.
fn pod(facts: &Facts, finding: Finding) -> Finding {
    let has = |name| facts.variable(name).is_some();
    let seen = match (has("AWS_ROLE_ARN"), has("AWS_WEB_IDENTITY_TOKEN_FILE")) {
        (true, false) => {
            "AWS_ROLE_ARN is set without AWS_WEB_IDENTITY_TOKEN_FILE: EKS adds no token to a pod \
            that sets the role itself"
        }
        (false, false) => "this is a pod, and no role was passed to it",
        _ => return finding,
    };
    first(
        finding.evidence(seen),
        "annotate the service account with eks.amazonaws.com/role-arn (in EKS), set neither \
        variable in the pod, and start the pod again",
    )
}

/// A task has two roles, and one of them is for the agent that starts it.
fn task(finding: Finding) -> Finding {
    first(
        finding.evidence("this is an ECS task without the variables of a task role"),
        "set taskRoleArn in the task definition: the execution role is not for the program",
    )
}

/// What can be done here stands before what a person can do at a shell.
fn first(mut finding: Finding, what: &'static str) -> Finding {
    finding.remedy.insert(0, what.into());
    finding
}

/// Under `sudo` the files of root are read, not those of the user who called it.
fn sudo(facts: &Facts, finding: Finding) -> Finding {
    match facts
        .host
        .sudo_user
        .as_deref()
        .filter(|user| *user != "root")
    {
        Some(user) => finding
            .evidence(format!(
                "this runs under sudo for {user}, whose files are in another home directory"
            ))
            .remedy(remedy!(
                "sudo --preserve-env=AWS_CONFIG_FILE,AWS_SHARED_CREDENTIALS_FILE, or sudo -u {}",
                user
            )),
        None => finding,
    }
}

/// `HOME` decides where the files are read, for root, too.
fn own_home(facts: &Facts, finding: Finding) -> Finding {
    let Some(home) = &facts.host.own_home else {
        return finding;
    };
    let dir = home.join(".aws");
    finding
        .evidence(format!(
            "HOME is not this user's home directory, which has AWS files: {}",
            dir.display()
        ))
        .remedy(remedy!("export HOME={}", home))
}

/// WSL and Windows have a home directory each.
fn windows(facts: &Facts, finding: Finding) -> Finding {
    let Some(dir) = facts.host.windows.first() else {
        return finding;
    };
    let [config, credentials] = ["config", "credentials"].map(|name| dir.join(name));
    finding
        .evidence(format!(
            "this is WSL, and Windows has AWS files of its own: {}",
            dir.display()
        ))
        .remedy(remedy!(
            "export AWS_CONFIG_FILE={} AWS_SHARED_CREDENTIALS_FILE={}",
            config,
            credentials
        ))
}

/// A container contains nothing of the host's home directory by itself.
fn container(facts: &Facts, finding: Finding) -> Finding {
    let config = &facts.files[0].path;
    let dir = config.parent().unwrap_or(config);
    finding
        .evidence(format!(
            "this runs in a container, and {} contains no AWS files",
            dir.display()
        ))
        .remedy(remedy!("docker run -v ~/.aws:{} -e AWS_PROFILE …", dir))
        .remedy(
            "or awsfresh --deliver env -p PROFILE -- docker run -e AWS_ACCESS_KEY_ID -e \
            AWS_SECRET_ACCESS_KEY -e AWS_SESSION_TOKEN …",
        )
}

/// A job of GitHub Actions gets a web identity only if its workflow requests one.
fn github_job(facts: &Facts, finding: Finding) -> Finding {
    let finding = match facts.variable(ID_TOKEN_VARIABLE) {
        None => finding
            .evidence(
                "this is a job of GitHub Actions without the permission to request an identity \
                token",
            )
            .remedy("permissions: { id-token: write, contents: read } in the workflow"),
        Some(_) => finding.evidence(
            "this is a job of GitHub Actions that may request an identity token and did \
            not",
        ),
    };
    finding.remedy(
        "uses: aws-actions/configure-aws-credentials with role-to-assume, in a step before this \
        one",
    )
}
