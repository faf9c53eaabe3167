//! Names and keys that many tests use, and homes that are set up with them.

use awsfresh::digest::sha1_hex;
use awsfresh::time::Timestamp;
use serde_json::json;

use super::double::{Double, Proxy, Role, SsoSession, clock};
use super::sandbox::Sandbox;

/// The program under test.
pub const AWSFRESH: &str = env!("CARGO_BIN_EXE_awsfresh");

/// The long-term access key ID of [`USER`].
pub const KEY: &str = "AKIAQTESTTESTTESTTES";

/// The secret of [`KEY`]. URL encoding does not change it, so that a search finds every leak.
pub const SECRET: &str = "canarySecretcanarySecretcanarySecretcana";

/// The secret of [`KEY`] in tests of file contents, with `/` and `+`.
pub const SYMBOL_SECRET: &str = "canarySecret1/canarySecret2+canarySecret";

/// A secret of realistic form: `{secret}` in the cases of the lab.
pub const LAB_SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYSECRET";

/// The user who owns [`KEY`].
pub const USER: &str = "arn:aws:iam::111111111111:user/ann";

/// The role of the profile `deploy`, in another account.
pub const ROLE: &str = "arn:aws:iam::222222222222:role/deploy";

/// The account in which the SSO user has a role.
pub const ACCOUNT: &str = "444444444444";

/// The start URL of the SSO session `corp`.
pub const START: &str = "https://d-1234567890.awsapps.com/start";

/// A session token of realistic form: `{token}` in the cases of the lab.
pub fn lab_token() -> String {
    format!("IQoJb3JpZ2luX2Vj{}", "CanaryToken9".repeat(40))
}

/// A home whose AWS endpoint is the double.
pub fn home(aws: &Double) -> Sandbox {
    Sandbox::new(AWSFRESH, &aws.url())
}

/// A home without AWS: no process listens at the endpoint.
pub fn offline_home() -> Sandbox {
    Sandbox::new(AWSFRESH, "http://127.0.0.1:9")
}

/// A section of the credentials file.
pub fn keys_of(profile: &str, id: &str, secret: &str) -> String {
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

/// A role that every principal may assume, with sessions of `lifetime` seconds.
pub fn open_role(arn: &str, lifetime: Option<i64>) -> Role {
    Role {
        trusts: vec!["*".into()],
        lifetime,
        ..Role::new(arn)
    }
}

/// [`USER`] and [`ROLE`] at AWS, and a home with the profiles `base`, which has the user's keys,
/// and `deploy`, the role with `base` as its source. Sessions of the role last `lifetime` seconds.
pub fn role_on_keys(lifetime: Option<i64>) -> (Double, Sandbox) {
    let aws = Double::start();
    aws.add_user(KEY, SECRET, USER);
    aws.add_role(open_role(ROLE, lifetime));
    let home = home(&aws);
    home.secret(SECRET)
        .credentials(keys_of("base", KEY, SECRET));
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n"
    ));
    (aws, home)
}

/// Lets a home reach the double under AWS's own host names, through a proxy.
pub fn through_proxy(aws: &Double, home: &Sandbox) -> Proxy {
    let proxy = aws.proxy();
    let bundle = home.file("ca.pem", &proxy.ca_pem);
    home.unset("AWS_ENDPOINT_URL")
        .env("HTTPS_PROXY", &proxy.url)
        .env("AWS_CA_BUNDLE", bundle.to_str().unwrap());
    proxy
}

/// The path of the token file of an SSO session, relative to the home directory.
pub fn sso_cache(session: &str) -> String {
    format!(".aws/sso/cache/{}.json", sha1_hex(session.as_bytes()))
}

/// The SSO instance of the session `corp`, with an access token that expires in `left` seconds and
/// these accounts and roles.
pub fn corp(left: i64, assignments: &[(&str, &str)]) -> SsoSession {
    SsoSession {
        start_url: START.into(),
        access_token: "canary-access-token".into(),
        refresh_token: Some("canary-refresh-token".into()),
        client_id: "client".into(),
        client_secret: "canary-client-secret".into(),
        token_expires: clock::now() + left,
        user: "ann".into(),
        assignments: assignments
            .iter()
            .map(|(account, role)| ((*account).into(), (*role).into()))
            .collect(),
        role_lifetime: 3600,
    }
}

/// A home signed in to the session `corp`, with an access token that expires in `left` seconds.
pub fn signed_in(left: i64) -> (Double, Sandbox, String) {
    let aws = Double::start();
    aws.add_sso(corp(left, &[(ACCOUNT, "Admin"), (ACCOUNT, "ReadOnly")]));
    let home = home(&aws);
    for secret in [
        "canary-access-token",
        "canary-refresh-token",
        "canary-client-secret",
    ] {
        home.secret(secret);
    }
    home.config(format!(
        "[sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
         sso_registration_scopes = sso:account:access\n\
         [profile admin]\nsso_session = corp\nsso_account_id = {ACCOUNT}\nsso_role_name = Admin\n\
         [profile reader]\nsso_session = corp\nsso_account_id = {ACCOUNT}\n\
         sso_role_name = ReadOnly\n\
         [profile typo]\nsso_session = corp\nsso_account_id = {ACCOUNT}\nsso_role_name = admin\n"
    ));
    let file = sso_cache("corp");
    home.file(
        &file,
        json!({
            "startUrl": START,
            "region": "eu-west-1",
            "accessToken": "canary-access-token",
            "expiresAt": Timestamp(clock::now() + left).to_string(),
            "clientId": "client",
            "clientSecret": "canary-client-secret",
            "registrationExpiresAt": "2099-01-01T00:00:00Z",
            "refreshToken": "canary-refresh-token",
            "somethingNew": {"kept": true},
        })
        .to_string(),
    );
    (aws, home, file)
}
