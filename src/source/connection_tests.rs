use super::*;

#[test]
fn a_request_takes_the_proxy_unless_it_is_exempt() {
    let connections = |proxy: &str| Connections {
        sts: None,
        sso: None,
        sso_oidc: None,
        iam: None,
        fips: false,
        dualstack: false,
        ca_bundle: None,
        https_proxy: Some(proxy.to_owned()),
        http_proxy: None,
        no_proxy: Some("localhost,.amazonaws.com.cn".to_owned()),
    };
    let proxy_for =
        |proxy: &str, url: &'static str| connections(proxy).proxy_for(&Uri::from_static(url));
    assert_eq!(
        proxy_for(
            "http://ann:pass@proxy:3128/",
            "https://sts.eu-west-1.amazonaws.com/"
        )
        .as_deref(),
        Some("proxy:3128")
    );
    assert_eq!(
        proxy_for("proxy", "https://sts.eu-west-1.amazonaws.com/").as_deref(),
        Some("proxy:80")
    );
    let (china, plain) = (
        "https://sts.cn-north-1.amazonaws.com.cn/",
        "http://sts.eu-west-1.amazonaws.com/",
    );
    assert_eq!(proxy_for("http://proxy:3128", china), None);
    assert_eq!(proxy_for("http://proxy:3128", plain), None);
}
