//! Which policy denies a request, according to AWS, and what has to change there.

/// What denies a request, in AWS's words, and what has to change there.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
const DENIERS: &[(&str, &str)] = &[
    (
        "Roles may not be assumed by root accounts",
        "use an IAM user or a role: the root user cannot assume roles",
    ),
    (
        "AssumeRoleWithWebIdentity",
        "compare the role's trust policy with the token: provider, audience and subject",
    ),
    (
        "perform: sts:TagSession",
        "allow sts:TagSession in the role's trust policy and to the caller, or send no tags",
    ),
    (
        "perform: sts:SetSourceIdentity",
        "allow sts:SetSourceIdentity in the role's trust policy and to the caller",
    ),
    (
        "service control policy",
        "a service control policy denies it: ask an administrator of the organization",
    ),
    (
        "resource control policy",
        "a resource control policy denies it: ask an administrator of the organization",
    ),
    (
        "permissions boundary",
        "the permissions boundary of the caller denies it: ask an administrator",
    ),
    (
        "session policy",
        "the session policy of the caller denies it: get a session without it",
    ),
    (
        "VPC endpoint policy",
        "the policy of the VPC endpoint denies it: allow this call there",
    ),
    (
        "explicit deny in an identity-based policy",
        "a policy of the caller denies it: ask an administrator",
    ),
    (
        "no identity-based policy allows",
        "no policy of the caller allows it: request the permission that the message names",
    ),
    (
        "explicit deny",
        "a policy denies it explicitly, which no permission outweighs: ask an administrator",
    ),
    (
        "resource-based policy",
        "the policy of the resource (of a role: its trust policy) does not allow the caller",
    ),
];

/// What to do where AWS names the policy that denies.
pub(crate) fn denier_remedy(message: &str) -> Option<&'static str> {
    DENIERS
        .iter()
        .find(|(words, _)| message.contains(words))
        .map(|(_, remedy)| *remedy)
}
