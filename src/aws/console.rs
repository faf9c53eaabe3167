//! The addresses of the AWS Management Console. Pure.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html>,
//! <https://docs.aws.amazon.com/singlesignon/latest/userguide/createshortcutlink.html>

use form_urlencoded::Serializer;

/// The console of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Console {
    signin_host: &'static str,
    console_host: &'static str,
}

impl Console {
    /// `None` for a partition that is not reached over the internet.
    pub(crate) fn of_partition(partition: &str) -> Option<Self> {
        let (signin_host, console_host) = match partition {
            "aws" => ("signin.aws.amazon.com", "console.aws.amazon.com"),
            "aws-cn" => ("signin.amazonaws.cn", "console.amazonaws.cn"),
            "aws-us-gov" => (
                "signin.amazonaws-us-gov.com",
                "console.amazonaws-us-gov.com",
            ),
            "aws-eusc" => (
                "eusc-de-east-1.signin.amazonaws-eusc.eu",
                "eusc-de-east-1.console.amazonaws-eusc.eu",
            ),
            _ => return None,
        };
        Some(Self {
            signin_host,
            console_host,
        })
    }

    /// The host that exchanges credentials for a sign-in token.
    pub(crate) fn signin_host(self) -> &'static str {
        self.signin_host
    }

    /// The page of a service, else the first page.
    pub(crate) fn page(self, service: Option<&str>, region: Option<&str>) -> String {
        let service = service.unwrap_or("console");
        let page = format!("https://{}/{service}/home", self.console_host);
        match region {
            Some(region) => format!("{page}?region={region}"),
            None => page,
        }
    }

    /// The request for a sign-in token, with credentials in the form of that endpoint.
    pub(crate) fn token_request(self, session: &str, duration: Option<u32>) -> String {
        let mut query = query();
        query.append_pair("Action", "getSigninToken");
        if let Some(seconds) = duration {
            query.append_pair("SessionDuration", &seconds.to_string());
        }
        query.append_pair("Session", session);
        self.federation(&query.finish())
    }

    /// The address that signs in.
    pub(crate) fn sign_in(self, token: &str, page: &str) -> String {
        let mut query = query();
        query.append_pair("Action", "login");
        query.append_pair("Issuer", "awsfresh");
        query.append_pair("Destination", page);
        query.append_pair("SigninToken", token);
        self.federation(&query.finish())
    }

    fn federation(self, query: &str) -> String {
        format!("https://{}/federation?{query}", self.signin_host)
    }
}

/// The shortcut link of the access portal: the portal signs in, and goes to the page.
pub(crate) fn portal_link(
    start_url: &str,
    account: &str,
    role: &str,
    page: Option<&str>,
) -> String {
    let portal = start_url.split('#').next().unwrap_or(start_url);
    let mut query = query();
    query.append_pair("account_id", account);
    query.append_pair("role_name", role);
    if let Some(page) = page {
        query.append_pair("destination", page);
    }
    let portal = portal.trim_end_matches('/');
    format!("{portal}/#/console?{}", query.finish())
}

fn query() -> Serializer<'static, String> {
    Serializer::new(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portal_link_has_account_role_and_page() {
        for start in [
            "https://corp.awsapps.com/start",
            "https://corp.awsapps.com/start/",
            "https://corp.awsapps.com/start#/",
            "https://corp.awsapps.com/start/#/",
        ] {
            assert_eq!(
                portal_link(start, "111122223333", "A+b", Some("https://x/y?z=1")),
                "https://corp.awsapps.com/start/#/console?account_id=111122223333&role_name=A%2Bb\
                 &destination=https%3A%2F%2Fx%2Fy%3Fz%3D1"
            );
        }
    }
}
