//! A service, a proxy or a program that quotes the secrets it was sent: none of them may reach the
//! terminal, a report, the journal or a lock file, in whatever form it is quoted.
#![allow(clippy::unwrap_used)]
#![cfg(unix)]

mod support;

use serde_json::json;
use support::double::echo::Form;
use support::double::{Double, Fault, SsoSession};
use support::fixtures::{
    self, ACCOUNT, KEY, ROLE, START, USER, open_role, sso_cache, through_proxy,
};
use support::sandbox::Sandbox;

// Lower case and symbols: no pattern of a secret fits, so that only a search finds them.
const SECRET: &str = "own-key/canary+of=the/user~in-lower/case";
const TOKEN: &str = "own-session/canary+of=the/user~which/is/long/enough+for/a/token==";
const WEB: &str = "web-token/canary.of/an-identity.which/is~signed+with=some/key";
const CONTAINER: &str = "container-token/canary+of=the/task~in/lower/case";
const ACCESS: &str = "access-token/canary+of=the/sso~session/in/lower/case";
const REFRESH: &str = "refresh-token/canary+of=the/sso~session/in/lower/case";
const CLIENT: &str = "client-secret/canary+of=the/sso~session/in/lower/case";
const PROCESS: &str = "process-key/canary+of=the/program~in/lower";
const LOGIN: &str = "login-token/canary+of=the/browser~in/lower/case";
const PROXY: &str = "proxy-password/canary+of=the/user~in-lower";
const CODE: &str = "804213";
const MFA: &str = "arn:aws:iam::111111111111:mfa/ann";

const LONG: [&str; 10] = [
    SECRET, TOKEN, WEB, CONTAINER, ACCESS, REFRESH, CLIENT, PROCESS, LOGIN, PROXY,
];

/// The shortest part of a secret that is worth something: 16 characters.
const PART: usize = 16;

struct Stage {
    aws: Double,
    home: Sandbox,
}

impl Stage {
    fn new() -> Self {
        let aws = Double::start();
        let far = awsfresh::time::Timestamp::parse("2090-01-01T00:00:00Z");
        aws.add_session("ASIAQTESTTESTTESTTES", SECRET, TOKEN, USER, far.unwrap().0);
        aws.add_user(KEY, SECRET, USER);
        aws.add_role(open_role(ROLE, None));
        aws.add_web_identity(WEB, ROLE);
        aws.surround(ROLE, CONTAINER);
        aws.approve_every_device();
        aws.add_sso(SsoSession {
            access_token: ACCESS.into(),
            refresh_token: Some(REFRESH.into()),
            client_secret: CLIENT.into(),
            token_expires: far.unwrap().0,
            assignments: vec![(ACCOUNT.into(), "Admin".into())],
            ..SsoSession::default()
        });
        let home = fixtures::home(&aws);
        home.credentials(format!(
            "[session]\naws_access_key_id = ASIAQTESTTESTTESTTES\naws_secret_access_key = {SECRET}\n\
             aws_session_token = {TOKEN}\n\
             [user]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
        ));
        home.config(format!(
            "[profile role]\nrole_arn = {ROLE}\nsource_profile = session\n\
             [profile mfa]\nrole_arn = {ROLE}\nsource_profile = user\nmfa_serial = {MFA}\n\
             [profile web]\nrole_arn = {ROLE}\nweb_identity_token_file = ~/web\n\
             [profile container]\ncredential_source = EcsContainer\n\
             [profile login]\nlogin_session = {USER}\nregion = eu-west-1\n\
             [profile process]\ncredential_process = sh script\n\
             [sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
             [profile sso]\nsso_session = corp\nsso_account_id = {ACCOUNT}\nsso_role_name = Admin\n"
        ));
        home.file("web", WEB);
        let container = format!("{}/container", aws.url());
        home.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container)
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        Self { aws, home }
    }

    fn sign_in(&self, expires: &str) {
        let token = json!({
            "startUrl": START, "region": "eu-west-1", "accessToken": ACCESS, "expiresAt": expires,
            "clientId": "client-1", "clientSecret": CLIENT, "refreshToken": REFRESH,
            "registrationExpiresAt": "2099-01-01T00:00:00Z",
        });
        self.home.file(&sso_cache("corp"), token.to_string());
    }

    /// Makes every request for `action` fail with a message that quotes it.
    fn echo(&self, action: &str, status: u16, code: &str, form: Form) {
        self.echo_with(action, status, code, form, &[]);
    }

    /// The same, and `known`, which a request does not contain.
    fn echo_with(&self, action: &str, status: u16, code: &str, form: Form, known: &[&str]) {
        let echo = Fault::Echo {
            status,
            code: code.into(),
            form,
            more: known.iter().map(|text| (*text).to_owned()).collect(),
        };
        self.aws.fault_on(action, echo);
    }

    /// Runs `args`, and everything that reports what happened; nothing of it has a secret.
    fn check(&self, args: &[&str], form: Form) {
        let profile = args.last().unwrap();
        let reports: [&[&str]; 6] = [
            &["why", "--all", "--json"],
            &["why", "--all"],
            &["doctor", "-p", profile],
            &["doctor", "--json", "-p", profile],
            &["status"],
            &["status", "--json"],
        ];
        // The forms differ in the search alone, which every report shares.
        let reports = if form == Form::Plain {
            &reports[..]
        } else {
            &reports[..1]
        };
        let mut quoted = false;
        for args in std::iter::once(&args).chain(reports) {
            let run = self.home.wrap(args);
            let place = format!("awsfresh {args:?} ({form:?})");
            clean(&run.stdout, &place);
            clean(&run.stderr, &place);
            quoted |= format!("{}{}", run.stdout, run.stderr).contains("seen: ");
        }
        assert!(quoted, "nothing failed: {args:?}");
        for file in files(&self.home.home().join(".local")) {
            let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
            clean(&text, &file.display().to_string());
        }
    }
}

fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Fails if `text` has a part of a secret in any form.
#[track_caller]
fn clean(text: &str, place: &str) {
    for secret in LONG {
        for form in Form::ALL {
            let encoded = form.encoded(secret);
            // Both ends of base64 depend on the text around it.
            let inner = &encoded.as_bytes()[4..encoded.len() - 4];
            for part in inner.windows(PART) {
                let part = std::str::from_utf8(part).unwrap();
                assert!(
                    !text.contains(part),
                    "`{part}`, a part of `{secret}` as {form:?}, in {place}:\n{text}"
                );
            }
        }
    }
    assert!(!text.contains(CODE), "the MFA code in {place}:\n{text}");
}

fn each_form(check: impl Fn(&Stage, Form) + Sync) {
    // Two at a time: most of a run is waiting.
    std::thread::scope(|scope| {
        for forms in Form::ALL.chunks(2) {
            let runs: Vec<_> = forms
                .iter()
                .map(|form| scope.spawn(|| check(&Stage::new(), *form)))
                .collect();
            runs.into_iter().for_each(|run| run.join().unwrap());
        }
    });
}

#[test]
fn sts_that_quotes_a_request_shows_no_secret() {
    each_form(|stage, form| {
        stage.echo_with("AssumeRole", 403, "AccessDenied", form, &[SECRET]);
        stage.echo_with(
            "GetCallerIdentity",
            403,
            "InvalidClientTokenId",
            form,
            &[SECRET],
        );
        stage.check(&["-v", "credential-process", "-p", "role"], form);
        stage.check(&["-v", "doctor", "-p", "session"], form);
        stage.echo("AssumeRole", 400, "Strange", form);
        stage.check(&["-v", "credential-process", "-p", "role"], form);
    });
}

#[test]
fn sts_that_quotes_an_mfa_code_or_a_web_identity_shows_neither() {
    each_form(|stage, form| {
        stage.echo("GetSessionToken", 403, "AccessDenied", form);
        let args = ["-v", "login", "--mfa-code", CODE, "-p", "mfa"];
        stage.check(&args, form);
        for code in ["InvalidIdentityToken", "AccessDenied", "Strange"] {
            stage.echo("AssumeRoleWithWebIdentity", 400, code, form);
            stage.check(&["-v", "credential-process", "-p", "web"], form);
        }
    });
}

#[test]
fn the_portal_that_quotes_a_request_shows_no_secret() {
    each_form(|stage, form| {
        stage.sign_in("2089-01-01T00:00:00Z");
        for action in [
            "GetRoleCredentials",
            "ListAccounts",
            "ListAccountRoles",
            "Logout",
        ] {
            stage.echo(action, 403, "ForbiddenException", form);
        }
        stage.check(&["-v", "credential-process", "-p", "sso"], form);
        stage.echo("Logout", 400, "Strange", form);
        stage.home.wrap(&["-v", "logout", "--also-cli", "corp"]);
    });
}

#[test]
fn sso_oidc_that_quotes_a_request_shows_no_secret() {
    each_form(|stage, form| {
        stage.sign_in("2020-01-01T00:00:00Z");
        for code in ["InvalidGrantException", "InvalidClientException", "Strange"] {
            stage.echo("CreateToken", 400, code, form);
            stage.check(&["-v", "credential-process", "-p", "sso"], form);
        }
        let device = ["-v", "login", "--device", "--wait", "2s", "-p", "sso"];
        for code in [
            "InvalidRequestException",
            "InvalidScopeException",
            "AccessDeniedException",
        ] {
            stage.echo("CreateToken", 400, code, form);
            stage.check(&device, form);
        }
        for action in ["StartDeviceAuthorization", "RegisterClient"] {
            stage.aws.forget_clients();
            stage.echo(action, 400, "InvalidRequestException", form);
            stage.check(&device, form);
        }
    });
}

#[test]
fn the_container_endpoint_that_quotes_a_request_shows_no_secret() {
    each_form(|stage, form| {
        stage.echo("ContainerCredentials", 403, "AccessDenied", form);
        stage.check(&["-v", "credential-process", "-p", "container"], form);
    });
}

#[test]
fn a_program_that_quotes_its_own_secret_shows_none() {
    each_form(|stage, form| {
        let answer = json!({
            "Version": 1, "AccessKeyId": "AKIAQTESTTESTTESTTES", "SecretAccessKey": PROCESS,
        });
        stage.home.file("answer", answer.to_string());
        let quoted = form.encoded(PROCESS);
        stage
            .home
            .file("quoted", format!("cannot use {quoted} here\n"));
        stage
            .home
            .file("script", "cat answer; cat quoted >&2; exit 1");
        stage.check(&["-v", "credential-process", "-p", "process"], form);
    });
}

#[test]
fn aws_sign_in_that_quotes_a_request_shows_no_secret() {
    each_form(|stage, form| {
        let mut file = stage.aws.add_login(USER, "2020-01-01T00:00:00Z");
        file["refreshToken"] = LOGIN.into();
        let name = awsfresh::digest::sha256_hex(USER.as_bytes());
        let path = format!(".aws/login/cache/{name}.json");
        stage.home.file(&path, file.to_string());
        stage.echo("CreateOAuth2Token", 401, "AccessDeniedException", form);
        through_proxy(&stage.aws, &stage.home);
        stage.check(&["-v", "credential-process", "-p", "login"], form);
    });
}

#[test]
fn a_proxy_that_quotes_a_request_does_not_show_its_password() {
    each_form(|stage, form| {
        let password = Form::Percent.encoded(PROXY);
        let proxy = stage
            .aws
            .url()
            .replace("://", &format!("://ann:{password}@"));
        stage.home.env("http_proxy", &proxy);
        stage.home.env("AWS_ENDPOINT_URL", "http://sts.example");
        let header = Form::Plain.encoded(&format!("ann:{PROXY}"));
        stage.echo_with("AssumeRole", 403, "AccessDenied", form, &[PROXY, &header]);
        stage.check(&["-v", "credential-process", "-p", "role"], form);
    });
}
