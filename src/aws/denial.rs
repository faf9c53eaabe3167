//! The sentence in which AWS denies a request: who, what, on what, and which policy.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use std::ops::Range;

/// What the sentence says between who and what.
pub(crate) const DENIED: &str = "is not authorized to perform: ";
/// What is behind that is shorter than this, in bytes.
const SENTENCE: usize = 500;

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
        let (before, _caller) = text[..at].trim_end().rsplit_once(' ')?;
        let start = before.len() - before.ends_with("User:").then_some("User:".len())?;
        let behind = text[at..].strip_prefix(DENIED)?;
        let next = behind.find("User: ").unwrap_or(behind.len());
        let behind = &behind[..behind.floor_char_boundary(next.min(SENTENCE))];
        let end = at + DENIED.len() + end_of_denial(behind);
        Some(start..end)
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
        if self.action != "sts:AssumeRole" {
            return false;
        }
        let role_of = |arn: &'a str, kind: &str| {
            let mut parts = arn.splitn(6, ':').skip(4);
            let account = parts.next()?;
            let rest = parts.next()?.strip_prefix(kind)?;
            Some((account, rest))
        };
        let caller = role_of(self.caller, "assumed-role/");
        let wanted = self.resource.and_then(|arn| role_of(arn, "role/"));
        match (caller, wanted) {
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

/// Where the sentence ends that begins with the action.
fn end_of_denial(text: &str) -> usize {
    let word = |from: usize| text[from..].find(' ').map_or(text.len(), |at| from + at);
    let behind = |from: usize, words: &[&str]| {
        let until = |word: &&str| text[from..].find(*word).map(|at| from + at + word.len());
        words.iter().filter_map(until).min()
    };
    let is_near = |at: &usize| !text[..*at].contains(". ");
    if let Some(because) = text.find(" because ").filter(is_near) {
        let action =
            behind(because, &[" action"]).filter(|end| !text[because..*end].contains(". "));
        return action
            .or_else(|| behind(because, &[" policies", " policy", " boundary"]))
            .unwrap_or(text.len());
    }
    if let Some(deny) = text.find(" with an explicit deny").filter(is_near) {
        return behind(deny, &[" policies", " policy", " boundary"])
            .unwrap_or(deny + " with an explicit deny".len());
    }
    let Some(from) = text.find(" on resource: ").filter(|at| *at <= word(0)) else {
        return word(0);
    };
    let resource = word(from + " on resource: ".len());
    // IAM names some by two words.
    let kind = &text[from + " on resource: ".len()..resource];
    if ["role", "user", "group", "policy"].contains(&kind) && resource < text.len() {
        word(resource + 1)
    } else {
        resource
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
                "iam:GetRole on resource: role r with an explicit deny in a service control policy next",
                "iam:GetRole on resource: role r with an explicit deny in a service control policy",
            ),
            (
                "iam:GetRole on resource: role r next",
                "iam:GetRole on resource: role r",
            ),
            (
                "s3:A on resource: r Next. It fails because b",
                "s3:A on resource: r",
            ),
            (
                "kms:Decrypt on the resource associated with this because no resource-based policies allow it",
                "kms:Decrypt on the resource associated with this because no resource-based policies",
            ),
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
