//! The sentence in which AWS denies a request: who, what, on what, and which policy.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

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

    /// The caller in words: `user ann`, `role deploy`, `instance role web`; otherwise its ARN.
    pub(crate) fn caller_in_words(&self) -> String {
        let name = self.caller.splitn(6, ':').nth(5).unwrap_or_default();
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            ["user", .., name] => format!("user {name}"),
            ["assumed-role", role, _] if self.is_by_instance() => format!("instance role {role}"),
            ["assumed-role", role, _] => format!("role {role}"),
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
    }
}
