//! In which kind of machine or container this runs, by variables and well-known files.

use std::path::Path;

use crate::world::World;

/// A kind of surroundings that decides where credentials come from, or whether a browser can open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostKind {
    Lambda,
    Ecs,
    Kubernetes,
    CodeBuild,
    GithubActions,
    Ci,
    Wsl,
    Container,
    Ec2,
}

impl HostKind {
    /// The name in a report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::Ecs => "ecs",
            Self::Kubernetes => "kubernetes",
            Self::CodeBuild => "codebuild",
            Self::GithubActions => "github-actions",
            Self::Ci => "ci",
            Self::Wsl => "wsl",
            Self::Container => "container",
            Self::Ec2 => "ec2",
        }
    }
}

/// Every kind that fits.
pub(crate) fn kinds(world: &World) -> Vec<HostKind> {
    let has = |name: &str| world.env(name).is_some();
    let says = |path: &str, what: &str| {
        std::fs::read_to_string(path).is_ok_and(|text| text.contains(what))
    };
    let marks = ["/.dockerenv", "/run/.containerenv"];
    let ecs = [
        "ECS_CONTAINER_METADATA_URI_V4",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ];
    let wsl = has("WSL_DISTRO_NAME") || says("/proc/sys/kernel/osrelease", "icrosoft");
    let container = has("container") || marks.iter().any(|path| Path::new(path).exists());
    let known = [
        (HostKind::Lambda, has("AWS_LAMBDA_FUNCTION_NAME")),
        (HostKind::Ecs, ecs.into_iter().any(has)),
        (HostKind::Kubernetes, has("KUBERNETES_SERVICE_HOST")),
        (HostKind::CodeBuild, has("CODEBUILD_BUILD_ID")),
        (HostKind::GithubActions, has("GITHUB_ACTIONS")),
        (HostKind::Ci, has("CI")),
        (HostKind::Wsl, wsl),
        (HostKind::Container, container),
        (
            HostKind::Ec2,
            says("/sys/class/dmi/id/sys_vendor", "Amazon EC2"),
        ),
    ];
    known
        .into_iter()
        .filter(|(_, fits)| *fits)
        .map(|(kind, _)| kind)
        .collect()
}
