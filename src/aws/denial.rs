//! The sentence in which AWS denies a request: who, what, on what, and which policy.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use std::ops::Range;

/// What the sentence says between who and what.
const DENIED: &str = "is not authorized to perform: ";
/// The reason behind the resource is shorter than this, in bytes.
const REASON: usize = 160;

/// The parts of the sentence, as AWS wrote them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denial<'a> {
    /// The ARN of the caller.
    pub(crate) caller: &'a str,
    /// The action that was denied.
    pub(crate) action: &'a str,
    /// The ARN of what it was for, if AWS names it.
    pub(crate) resource: Option<&'a str>,
    /// The action that no policy allows, if it is another one.
    pub(crate) other_action: Option<&'a str>,
}

impl<'a> Denial<'a> {
    /// `User: ARN is not authorized to perform: ACTION on resource: ARN because no … policy allows
    /// the ACTION action`
    pub(crate) fn parse(message: &'a str) -> Option<Self> {
        let (_, rest) = message.split_once("User: ")?;
        let (caller, rest) = rest.split_once(" is not authorized to perform: ")?;
        let word = |text: &'a str| {
            let text = text.trim_start_matches(['"', '\'']);
            let end = text.find([' ', ',', '"', '\'']).unwrap_or(text.len());
            text[..end].trim_end_matches(['.', ')'])
        };
        let action = word(rest);
        let resource = rest.split_once("on resource: ").map(|(_, text)| word(text));
        let allowed = rest.split_once(" allows the ").map(|(_, text)| word(text));
        Some(Self {
            caller: word(caller),
            action,
            resource: resource.filter(|arn| arn.starts_with("arn:")),
            other_action: allowed.filter(|other| *other != action && other.contains(':')),
        })
    }

    /// Where the sentence is in a log, whose words are separated by one space, if [`DENIED`] is at
    /// `at`: from `User:` to the resource, or to the policy behind it.
    pub(crate) fn sentence(text: &str, at: usize) -> Option<Range<usize>> {
        let (before, caller) = text[..at].trim_end().rsplit_once(' ')?;
        let is_caller = before.ends_with("User:") && caller.starts_with("arn:");
        let start = before.len().checked_sub("User:".len())?;
        let mut end = at + text.get(at..)?.strip_prefix(DENIED).map(|_| DENIED.len())?;
        let word = |from: usize| {
            let rest = &text[from..];
            from + rest.find(' ').unwrap_or(rest.len())
        };
        end = word(end);
        if let Some(resource) = text[end..].strip_prefix(" on resource: ") {
            end = word(text.len() - resource.len());
        }
        let rest = &text[end..];
        if [" because ", " with an explicit deny"]
            .iter()
            .any(|reason| rest.starts_with(reason))
        {
            let until = |word: &str| rest.find(word).map(|at| at + word.len());
            let reason = until(" action")
                .filter(|at| *at < REASON)
                .or(until(" policy"));
            end += reason.filter(|at| *at < REASON).unwrap_or(0);
        }
        is_caller.then_some(start..end)
    }

    /// The caller in words: `user ann`, `role deploy`, `instance role web`, `SSO role Admin`; otherwise
    /// its ARN.
    pub(crate) fn caller_in_words(&self) -> String {
        let name = self.caller.splitn(6, ':').nth(5).unwrap_or_default();
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            ["user", .., name] => format!("user {name}"),
            ["assumed-role", role, _] if self.is_by_instance() => format!("instance role {role}"),
            ["assumed-role", role, _] => match sso_role(role) {
                Some(name) => format!("SSO role {name}"),
                None => format!("role {role}"),
            },
            ["federated-user", name] => format!("federated user {name}"),
            ["root"] => "the root user".to_owned(),
            _ => self.caller.to_owned(),
        }
    }

    /// Whether the caller is an instance of EC2, by the name of its session.
    pub(crate) fn is_by_instance(&self) -> bool {
        self.caller.contains(":assumed-role/") && self.session().starts_with("i-")
    }

    /// The last part of the caller's ARN.
    fn session(&self) -> &'a str {
        self.caller.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the caller already is the role that it asks for.
    pub(crate) fn is_own_role(&self) -> bool {
        let role_of = |arn: &'a str, kind: &str| {
            let mut parts = arn.splitn(6, ':').skip(4);
            let account = parts.next()?;
            let rest = parts.next()?.strip_prefix(kind)?;
            Some((account, rest))
        };
        let caller = role_of(self.caller, "assumed-role/");
        let wanted = self.resource.and_then(|arn| role_of(arn, "role/"));
        match (caller, wanted) {
            _ if self.action != "sts:AssumeRole" => false,
            (Some((account, session)), Some((other, path))) => {
                account == other && session.split('/').next() == path.rsplit('/').next()
            }
            _ => false,
        }
    }

    /// Whether what is to be assumed is a user.
    pub(crate) fn is_for_user(&self) -> bool {
        self.action == "sts:AssumeRole" && self.resource.is_some_and(|arn| arn.contains(":user/"))
    }
}

/// The permission set in the name of a role that IAM Identity Center made:
/// `AWSReservedSSO_NAME_0123456789abcdef`.
fn sso_role(role: &str) -> Option<&str> {
    let (name, suffix) = role.strip_prefix("AWSReservedSSO_")?.rsplit_once('_')?;
    (suffix.len() == 16).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_the_sentence_are_read() {
        let text = "User: arn:aws:sts::111122223333:assumed-role/web/i-0abc is not authorized to \
                    perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/x/web";
        let denial = Denial::parse(text).unwrap();
        assert_eq!(denial.action, "sts:AssumeRole");
        assert_eq!(
            denial.resource,
            Some("arn:aws:iam::111122223333:role/x/web")
        );
        assert_eq!(denial.caller_in_words(), "instance role web");
        assert!(denial.is_own_role() && !denial.is_for_user());
        let text = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: \
                    s3:PutObject on resource: \"arn:aws:s3:::b/k\" because no identity-based \
                    policy allows the s3:PutObjectTagging action";
        let denial = Denial::parse(text).unwrap();
        assert_eq!(denial.caller_in_words(), "user ann");
        assert_eq!(denial.other_action, Some("s3:PutObjectTagging"));
        assert!(!denial.is_own_role());
        assert_eq!(Denial::parse("Access Denied"), None);
        let own = "User: arn:aws:sts::111122223333:assumed-role/web/s is not authorized to perform: \
                   iam:PassRole on resource: arn:aws:iam::111122223333:role/web";
        assert!(!Denial::parse(own).unwrap().is_own_role());
    }

    #[test]
    fn the_sentence_ends_where_another_begins() {
        let who = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: ";
        let sentence = |text: &str| {
            let range = Denial::sentence(text, text.find(DENIED).unwrap())?;
            Some(text[range].to_owned())
        };
        for (text, wanted) in [
            (
                "s3:GetObject on resource: * User: arn:x",
                "s3:GetObject on resource: *",
            ),
            ("s3:ListBucket and more on resource: s3", "s3:ListBucket"),
            (
                "s3:* on resource: r because no policy allows the s3:A action next action",
                "s3:* on resource: r because no policy allows the s3:A action",
            ),
        ] {
            let wanted = format!("{who}{wanted}");
            assert_eq!(sentence(&format!("ä {who}{text} ")), Some(wanted), "{text}");
        }
        let other = "User: ann. The role arn:aws:iam::1:role/r is not authorized to perform: x";
        assert_eq!(sentence(other), None);
    }

    #[test]
    fn names_of_callers_are_short() {
        let name = |arn: &str| {
            let text = format!("User: {arn} is not authorized to perform: s3:GetObject");
            Denial::parse(&text).unwrap().caller_in_words()
        };
        let sso = "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ann";
        assert_eq!(name(sso), "SSO role Admin");
        assert_eq!(
            name("arn:aws:sts::1:federated-user/ann"),
            "federated user ann"
        );
    }
}
