//! An answer that redirects elsewhere, as of a captive portal: no request with a token, a signature
//! or a code follows it.

use std::io::ErrorKind;
use std::net::TcpListener;

use awsfresh::digest::sha256_hex;

use crate::support::double::Fault;
use crate::support::fixtures::{
    KEY, ROLE, SECRET, USER, keys_of, open_role, signed_in, through_proxy,
};

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

/// What to run, and for how many seconds the SSO access token is valid.
#[rustfmt::skip] // one line per row
const ROWS: &[(&[&str], i64)] = &[
    (&["credential-process", "-p", "deploy"], 3600),  // STS
    (&["credential-process", "-p", "web"], 3600),     // STS, with a web identity token
    (&["credential-process", "-p", "admin"], 3600),   // the portal, with the access token
    (&["credential-process", "-p", "admin"], -60),    // SSO-OIDC, with the refresh token
    (&["doctor", "-p", "admin"], 3600),               // the portal: accounts and roles
    (&["login", "corp", "--device"], -7200),          // SSO-OIDC, with the client secret
    (&["logout", "corp", "--also-cli"], 3600),                      // the portal: logout
    (&["credential-process", "-p", "console"], 3600), // the sign-in service
    (&["credential-process", "-p", "machine"], 3600), // instance metadata
    (&["credential-process", "-p", "task"], 3600),    // the container endpoint, with its token
    (&["doctor", "-p", "task"], 3600),
    (&["doctor", "-p", "machine"], 3600),
];

#[test]
fn a_redirect_is_never_followed() {
    for (args, left) in ROWS {
        for status in STATUSES {
            let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
            elsewhere.set_nonblocking(true).unwrap();
            let location = format!("http://{}/", elsewhere.local_addr().unwrap());
            let (aws, home, _) = signed_in(*left);
            aws.add_user(KEY, SECRET, USER);
            aws.add_role(open_role(ROLE, None));
            home.credentials(keys_of("base", KEY, SECRET));
            let sso = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
            let token = home.file("token", "canary-web-identity");
            home.config(format!(
                "{sso}[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n\
                 [profile web]\nrole_arn = {ROLE}\nweb_identity_token_file = {}\n\
                 [profile console]\nlogin_session = {USER}\nregion = eu-west-1\n\
                 [profile machine]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n\
                 [profile task]\nrole_arn = {ROLE}\ncredential_source = EcsContainer\n",
                token.display()
            ));
            home.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url());
            let container = format!("{}/container", aws.url());
            home.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container);
            home.env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token");
            let _proxy = args.contains(&"console").then(|| {
                let file = format!(".aws/login/cache/{}.json", sha256_hex(USER.as_bytes()));
                home.file(
                    &file,
                    aws.add_login(USER, "2020-01-01T00:00:00Z").to_string(),
                );
                through_proxy(&aws, &home)
            });
            aws.fault(Fault::Raw {
                status,
                headers: vec![("Location", location)],
                body: String::new(),
            });
            let run = home.wrap(args);
            assert!(!aws.calls().is_empty(), "{args:?} called nothing: {run:#?}");
            let followed = elsewhere.accept().map_err(|e| e.kind());
            let followed = followed.map(|_| ()).unwrap_err();
            assert_eq!(
                followed,
                ErrorKind::WouldBlock,
                "{args:?} followed {status}"
            );
        }
    }
}
