//! Where the program of a log ran, since what can be done differs, and whether it only warned.

use super::flatten::Flat;
use super::scan::around;

/// A kind of place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A pod.
    Kubernetes,
    /// An AWS Lambda function.
    Lambda,
    /// A job of a CI service.
    Ci,
    /// A machine with a person, as far as the log shows.
    Elsewhere,
}

/// So far around an error the log is searched, in bytes.
const REACH: usize = 3000;

/// Words in lower case that only logs from a place contain.
const MARKS: &[(Place, &[&str])] = &[
    (
        Place::Kubernetes,
        &[
            "eks.amazonaws.com",
            "serviceaccount",
            "service account",
            "kubernetes.io",
            "kube-system",
            "[pod/",
            "reconciler",
            "controller-runtime",
            "karpenter",
            "external-dns",
            "cluster-autoscaler",
            "aws_manager.go",
            "cloud_provider_builder.go",
            "aws_cloud_provider.go",
            "cert-manager",
            "velero",
            "csi-controller",
            "ebs-csi",
            "efs-csi",
            "external-secrets",
            "externalsecret",
            "aws-load-balancer-controller",
            "169.254.170.23",
            "\"namespace\":",
            " namespace=",
            "kubectl logs",
            "storageclass",
            "persistentvolumeclaim",
            "pvc-",
            "pod.iam.role",
            "kiam",
            "longhorn",
            "backupstoragelocation",
            "kubernetes client",
            "pod_identity",
            "pod-identity",
        ],
    ),
    (
        Place::Lambda,
        &[
            "/var/task/",
            "/var/runtime/",
            "task timed out after",
            "report requestid:",
            "start requestid:",
        ],
    ),
    (
        Place::Ci,
        &[
            "##[error]",
            "##[group]",
            "/home/runner/work/",
            "github_token",
            "aws-actions/",
            "gitlab-runner",
            "/builds/",
            "hudson.",
            "jenkins",
            "circleci",
            "/opt/atlassian/pipelines",
            "codebuild",
        ],
    ),
];

/// Where the program ran that printed the text around `at`.
pub(super) fn place(flat: &str, at: usize) -> Place {
    let around = around(flat, at, REACH);
    let is_there = |marks: &[&str]| marks.iter().any(|mark| around.contains(mark));
    MARKS
        .iter()
        .find(|(_, marks)| is_there(marks))
        .map_or(Place::Elsewhere, |(place, _)| *place)
}

/// So many lines above a place its level is looked for, in so many words of each.
const LEVEL_LINES: usize = 5;
const LEVEL_WORDS: usize = 6;

/// Whether the program only warned of what stands at a place.
pub(super) fn is_mild(flat: &Flat, at: usize) -> bool {
    let mut at = at;
    for _ in 0..LEVEL_LINES {
        let (start, end) = flat.line_around(at);
        let words = flat.text[start..end].split(' ').take(LEVEL_WORDS);
        let level = words.into_iter().find_map(level_of);
        match (level, start.checked_sub(1)) {
            (Some(is_mild), _) => return is_mild,
            (None, Some(before)) => at = before,
            (None, None) => return false,
        }
    }
    false
}

/// Whether a word is the level of a warning or less (`WARN`, `[warn]`, `level=warning`), or of more.
fn level_of(word: &str) -> Option<bool> {
    let name = word.strip_prefix("level=").unwrap_or(word);
    let is_marked = name.len() < word.len() || word.starts_with('[');
    let name = name.trim_matches(['[', ']', ':', '"', '<', '>']);
    let is_level = is_marked || name.chars().all(|c| c.is_ascii_uppercase());
    match name.to_ascii_lowercase().as_str() {
        _ if !is_level => None,
        "error" | "err" | "fatal" | "critical" | "panic" => Some(false),
        "warn" | "warning" | "info" | "debug" | "trace" => Some(true),
        _ => None,
    }
}
