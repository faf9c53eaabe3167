//! Tests the AWS double with the real SDK clients: the other tests rely on it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fmt::Debug;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_sdk_sts::error::SdkError;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use support::double::{Double, Fault, Role, SsoSession};

const KEY: &str = "AKIAQWERTYUIOPASDFGH";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYabcdefghij";
const ANN: &str = "arn:aws:iam::111111111111:user/ann";
const ROLE: &str = "arn:aws:iam::222222222222:role/path/Deploy";

/// A double with the user Ann.
fn double() -> Double {
    let aws = Double::start();
    aws.add_user(KEY, SECRET, ANN);
    aws
}

fn open_role(arn: &str) -> Role {
    Role {
        trusts: vec![ANN.to_owned()],
        ..Role::new(arn)
    }
}

fn long_term(id: &str, secret: &str) -> Credentials {
    Credentials::new(id, secret, None, None, "test")
}

fn session(credentials: &aws_sdk_sts::types::Credentials) -> Credentials {
    let token = credentials.session_token().to_owned();
    Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        Some(token),
        None,
        "test",
    )
}

fn settings(credentials: Credentials, http: SharedHttpClient) -> aws_sdk_sts::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(Duration::from_secs(2))
        .build();
    aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .credentials_provider(credentials)
}

fn sts(aws: &Double, credentials: Credentials) -> aws_sdk_sts::Client {
    let config = settings(credentials, Builder::new().build_http())
        .endpoint_url(aws.url())
        .build();
    aws_sdk_sts::Client::from_conf(config)
}

fn sso(aws: &Double) -> aws_sdk_sso::Client {
    let config = aws_sdk_sso::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled());
    aws_sdk_sso::Client::from_conf(config.endpoint_url(aws.url()).build())
}

fn oidc(aws: &Double) -> aws_sdk_ssooidc::Client {
    let config = aws_sdk_ssooidc::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled());
    aws_sdk_ssooidc::Client::from_conf(config.endpoint_url(aws.url()).build())
}

/// Code, message and status of a call that the service must reject.
fn rejection<T: Debug, E: ProvideErrorMetadata + Debug>(
    result: Result<T, SdkError<E>>,
) -> (String, String, u16) {
    let error = result.expect_err("a rejection");
    let status = error.raw_response().expect("an answer").status().as_u16();
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    (text(error.code()), text(error.message()), status)
}

#[tokio::test]
async fn a_correct_signature_is_accepted_and_a_wrong_one_is_rejected() {
    let aws = double();
    let identity = sts(&aws, long_term(KEY, SECRET))
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(identity.arn(), Some(ANN));
    assert_eq!(identity.account(), Some("111111111111"));

    let (code, message, status) = rejection(
        sts(&aws, long_term(KEY, "wrong"))
            .get_caller_identity()
            .send()
            .await,
    );
    assert_eq!((code.as_str(), status), ("SignatureDoesNotMatch", 403));
    assert!(
        message.starts_with("The request signature we calculated does not match"),
        "{message}"
    );

    let (code, ..) = rejection(
        sts(&aws, long_term("AKIAUNKNOWN", SECRET))
            .get_caller_identity()
            .send()
            .await,
    );
    assert_eq!(code, "InvalidClientTokenId");

    let stale = Credentials::new(KEY, SECRET, Some("stale".to_owned()), None, "test");
    let (code, ..) = rejection(sts(&aws, stale).get_caller_identity().send().await);
    assert_eq!(code, "InvalidClientTokenId");

    let calls: Vec<_> = aws
        .calls()
        .into_iter()
        .map(|call| (call.action, call.caller, call.status))
        .collect();
    assert_eq!(
        calls[0],
        ("GetCallerIdentity".to_owned(), Some(ANN.to_owned()), 200)
    );
    assert_eq!(calls[1], ("GetCallerIdentity".to_owned(), None, 403));
}

#[tokio::test]
async fn a_session_works_until_it_expires() {
    let aws = double();
    aws.add_role(Role {
        lifetime: Some(2),
        ..open_role(ROLE)
    });
    let ann = sts(&aws, long_term(KEY, SECRET));
    let assumed = ann
        .assume_role()
        .role_arn(ROLE)
        .role_session_name("work")
        .send()
        .await
        .unwrap();
    let credentials = assumed.credentials().unwrap();
    assert!(credentials.access_key_id().len() == 20 && credentials.secret_access_key().len() == 40);

    let client = sts(&aws, session(credentials));
    let identity = client.get_caller_identity().send().await.unwrap();
    assert_eq!(
        identity.arn(),
        Some("arn:aws:sts::222222222222:assumed-role/Deploy/work")
    );
    assert_eq!(
        identity.user_id(),
        assumed
            .assumed_role_user()
            .map(aws_sdk_sts::types::AssumedRoleUser::assumed_role_id)
    );

    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let (code, message, status) = rejection(client.get_caller_identity().send().await);
    assert_eq!((code.as_str(), status), ("ExpiredToken", 403));
    assert_eq!(
        message,
        "The security token included in the request is expired"
    );
}

#[tokio::test]
async fn durations_are_limited_by_the_role_and_by_chaining() {
    let aws = double();
    let next = "arn:aws:iam::333333333333:role/Next";
    aws.add_role(open_role(ROLE));
    aws.add_role(Role {
        trusts: vec![ROLE.to_owned()],
        max_session: 43_200,
        ..Role::new(next)
    });
    let assume = |client: aws_sdk_sts::Client, arn: &'static str, seconds| async move {
        client
            .assume_role()
            .role_arn(arn)
            .role_session_name("work")
            .duration_seconds(seconds)
            .send()
            .await
    };
    let ann = || sts(&aws, long_term(KEY, SECRET));
    let (code, message, status) = rejection(assume(ann(), ROLE, 600).await);
    assert_eq!((code.as_str(), status), ("ValidationError", 400));
    assert!(
        message.ends_with("greater than or equal to 900"),
        "{message}"
    );
    let (_, message, _) = rejection(assume(ann(), ROLE, 7_200).await);
    assert_eq!(
        message,
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );

    let first = assume(ann(), ROLE, 900).await.unwrap();
    let hop = || sts(&aws, session(first.credentials().unwrap()));
    let (_, message, _) = rejection(assume(hop(), next, 7_200).await);
    assert!(message.contains("role chaining"), "{message}");
    assume(hop(), next, 3_600).await.unwrap();
}

#[tokio::test]
async fn trust_policy_external_id_and_mfa_are_checked() {
    let aws = double();
    let serial = "arn:aws:iam::111111111111:mfa/ann";
    aws.add_mfa(ANN, serial, "123456");
    aws.add_role(Role {
        external_id: Some("x-1".to_owned()),
        mfa: true,
        ..open_role(ROLE)
    });
    let ann = sts(&aws, long_term(KEY, SECRET));
    let request = || ann.assume_role().role_arn(ROLE).role_session_name("work");
    let denied =
        format!("User: {ANN} is not authorized to perform: sts:AssumeRole on resource: {ROLE}");

    let plain = rejection(
        request()
            .serial_number(serial)
            .token_code("123456")
            .send()
            .await,
    );
    assert_eq!(plain, ("AccessDenied".to_owned(), denied.clone(), 403));
    assert_eq!(
        rejection(request().external_id("x-1").send().await).1,
        denied
    );
    let (_, message, _) = rejection(
        request()
            .external_id("x-1")
            .serial_number(serial)
            .token_code("000000")
            .send()
            .await,
    );
    assert!(
        message.ends_with("invalid MFA one time pass code."),
        "{message}"
    );
    request()
        .external_id("x-1")
        .serial_number(serial)
        .token_code("123456")
        .send()
        .await
        .unwrap();

    let with_mfa = ann
        .get_session_token()
        .serial_number(serial)
        .token_code("123456")
        .send()
        .await
        .unwrap();
    let client = sts(&aws, session(with_mfa.credentials().unwrap()));
    client
        .assume_role()
        .role_arn(ROLE)
        .role_session_name("work")
        .external_id("x-1")
        .send()
        .await
        .unwrap();
    aws.remove_role(ROLE);
    assert_eq!(
        rejection(request().external_id("x-1").send().await).0,
        "AccessDenied"
    );
}

#[tokio::test]
async fn web_identity_needs_a_valid_token_but_no_signature() {
    let aws = double();
    aws.add_role(Role::new(ROLE));
    aws.add_web_identity("good", ROLE);
    let client = sts(&aws, long_term("unknown", "none"));
    let assume = |token: &str| {
        client
            .assume_role_with_web_identity()
            .role_arn(ROLE)
            .role_session_name("ci")
            .web_identity_token(token)
    };
    let assumed = assume("good").send().await.unwrap();
    sts(&aws, session(assumed.credentials().unwrap()))
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(
        rejection(assume("bad").send().await).0,
        "InvalidIdentityToken"
    );
    aws.expire_web_identity("good");
    assert_eq!(
        rejection(assume("good").send().await).0,
        "ExpiredTokenException"
    );
}

#[tokio::test]
async fn portal_credentials_are_valid_and_refresh_tokens_rotate() {
    let aws = double();
    let login = SsoSession::default();
    aws.add_sso(login.clone());
    let ask = |token: String, role: &str| {
        sso(&aws)
            .get_role_credentials()
            .access_token(token)
            .account_id("111111111111")
            .role_name(role)
    };
    let issued = ask(login.access_token.clone(), "Developer")
        .send()
        .await
        .unwrap();
    let issued = issued.role_credentials().unwrap();
    let token = issued.session_token().map(str::to_owned);
    let keys = Credentials::new(
        issued.access_key_id().unwrap(),
        issued.secret_access_key().unwrap(),
        token,
        None,
        "test",
    );
    let identity = sts(&aws, keys).get_caller_identity().send().await.unwrap();
    let arn = "arn:aws:sts::111111111111:assumed-role/\
               AWSReservedSSO_Developer_0123456789abcdef/ann@example.com";
    assert_eq!(identity.arn(), Some(arn));
    assert_eq!(
        rejection(ask(login.access_token.clone(), "Admin").send().await),
        ("ForbiddenException".into(), "No access".into(), 403)
    );
    let (code, _, status) = rejection(ask("other".to_owned(), "Developer").send().await);
    assert_eq!((code.as_str(), status), ("UnauthorizedException", 401));

    let client = oidc(&aws);
    let refresh = |secret: &str| {
        let request = client
            .create_token()
            .client_id(&login.client_id)
            .client_secret(secret);
        request
            .grant_type("refresh_token")
            .refresh_token(login.refresh_token.as_deref().unwrap())
    };
    let (code, _, status) = rejection(refresh("wrong").send().await);
    assert_eq!((code.as_str(), status), ("InvalidClientException", 401));
    let fresh = refresh(&login.client_secret).send().await.unwrap();
    assert_eq!(
        aws.sso_current(&login.start_url).0,
        fresh.access_token().unwrap()
    );
    assert_ne!(fresh.refresh_token(), login.refresh_token.as_deref());
    assert_eq!(
        rejection(refresh(&login.client_secret).send().await).0,
        "InvalidGrantException"
    );
    ask(fresh.access_token().unwrap().to_owned(), "Developer")
        .send()
        .await
        .unwrap();
    aws.revoke_sso(&login.start_url);
    assert_eq!(
        rejection(
            ask(fresh.access_token().unwrap().to_owned(), "Developer")
                .send()
                .await
        )
        .2,
        401
    );
}

#[tokio::test]
async fn faults_start_and_end() {
    let aws = double();
    let client = sts(&aws, long_term(KEY, SECRET));
    let call = || client.get_caller_identity().send();
    for fault in [Fault::Drop, Fault::Garbage] {
        aws.fault_once(fault);
        assert!(matches!(call().await, Err(SdkError::DispatchFailure(_))));
    }
    aws.fault_once(Fault::Truncated);
    assert!(call().await.is_err());
    aws.fault_once(Fault::Html(200));
    assert!(call().await.is_err());
    aws.fault_once(Fault::Hang);
    assert!(matches!(call().await, Err(SdkError::TimeoutError(_))));

    aws.fault_on("AssumeRole", Fault::Drop);
    aws.fault(Fault::ClockOffset(3_600));
    assert!(rejection(call().await).1.starts_with("Signature expired: "));
    aws.fault(Fault::ClockOffset(-3_600));
    assert!(
        rejection(call().await)
            .1
            .starts_with("Signature not yet current: ")
    );
    aws.fault(Fault::Error {
        status: 400,
        code: "Throttling".into(),
        message: "Rate exceeded".into(),
    });
    assert_eq!(
        rejection(call().await),
        ("Throttling".into(), "Rate exceeded".into(), 400)
    );
    let login = sso(&aws).list_accounts().access_token("any").send().await;
    assert_eq!(
        rejection(login),
        ("Throttling".into(), "Rate exceeded".into(), 400)
    );
    aws.heal();
    aws.fault_once(Fault::Latency(Duration::from_millis(300)));
    let start = std::time::Instant::now();
    let (slow, quick) = tokio::join!(call(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let quick = call().await;
        (quick, start.elapsed())
    });
    assert!(slow.is_ok() && start.elapsed() >= Duration::from_millis(300));
    assert!(
        quick.0.is_ok() && quick.1 < Duration::from_millis(250),
        "{:?}",
        quick.1
    );
}

#[tokio::test]
async fn real_host_names_reach_the_double_through_the_proxy() {
    let aws = double();
    let proxy = aws.proxy();
    let trust = TrustStore::empty().with_pem_certificate(proxy.ca_pem.as_bytes());
    let tls = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .unwrap();
    let url = proxy.url.clone();
    let http = Builder::new().build_with_connector_fn(move |settings, _| {
        let mut connector =
            Connector::builder().proxy_config(ProxyConfig::https(url.clone()).unwrap());
        connector.set_connector_settings(settings.cloned());
        connector
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls.clone())
            .build()
    });
    let client = aws_sdk_sts::Client::from_conf(settings(long_term(KEY, SECRET), http).build());
    assert_eq!(
        client.get_caller_identity().send().await.unwrap().arn(),
        Some(ANN)
    );
    assert_eq!(aws.calls()[0].host, "sts.eu-west-1.amazonaws.com");
}
