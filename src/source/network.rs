//! How AWS is reached: endpoint, region, TLS roots, proxy. The SDK's own loader is not used: it knows no `ca_bundle`
//! and would look for a profile by itself.

use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::{Network, Value};
use crate::diagnosis::{Cause, Finding, Result};
use crate::files;
use crate::world::World;

/// Every root there is takes a quarter of a megabyte.
const BUNDLE_LIMIT: u64 = 16 * 1024 * 1024;

/// The AWS services called.
#[derive(Clone, Copy, Debug)]
pub enum Service {
    /// Security Token Service.
    Sts,
    /// IAM Identity Center portal.
    Sso,
    /// IAM Identity Center OIDC.
    SsoOidc,
    /// AWS Sign-In, behind `aws login`. Its client takes no endpoint override.
    Signin,
}

/// An endpoint override, and who says so.
struct Endpoint {
    url: String,
    place: String,
}

/// Where and how to connect, from environment and profile.
pub struct Endpoints {
    sts: Option<Endpoint>,
    sso: Option<Endpoint>,
    sso_oidc: Option<Endpoint>,
    /// Use FIPS endpoints.
    pub fips: bool,
    /// Use dual-stack endpoints.
    pub dualstack: bool,
    ca_bundle: Option<(std::path::PathBuf, String)>,
    https_proxy: Option<String>,
    http_proxy: Option<String>,
    no_proxy: Option<String>,
}

impl Endpoints {
    /// Ranks the settings as the SDKs do: service variable, global variable, then the profile's.
    pub fn new(world: &World, network: &Network) -> Self {
        let ignore = world.env_flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") || network.ignore_configured_endpoint_urls;
        let endpoint = |variable: &str, configured: &Option<Value>| {
            if ignore {
                return None;
            }
            let of_env = |name: &str| world.env(name).map(|url| Endpoint { url: url.to_owned(), place: name.to_owned() });
            let of_file = |value: &Value| Endpoint { url: value.text.clone(), place: format!("endpoint_url at {}", value.origin) };
            let in_files = || configured.as_ref().or(network.endpoint_url.as_ref()).map(of_file);
            of_env(variable).or_else(|| of_env("AWS_ENDPOINT_URL")).or_else(in_files)
        };
        // curl's rule, which every SDK follows: lower case first, and HTTP_PROXY only in lower case under CGI (not us).
        let proxy = |name: &str| {
            let upper = name.to_ascii_uppercase();
            world.env(name).or_else(|| world.env(&upper)).map(str::to_owned)
        };
        let all = proxy("all_proxy");
        Self {
            sts: endpoint("AWS_ENDPOINT_URL_STS", &network.sts_endpoint_url),
            sso: endpoint("AWS_ENDPOINT_URL_SSO", &network.sso_endpoint_url),
            sso_oidc: endpoint("AWS_ENDPOINT_URL_SSO_OIDC", &network.sso_oidc_endpoint_url),
            fips: world.env_flag("AWS_USE_FIPS_ENDPOINT") || network.use_fips,
            dualstack: world.env_flag("AWS_USE_DUALSTACK_ENDPOINT") || network.use_dualstack,
            ca_bundle: match (world.env("AWS_CA_BUNDLE"), &network.ca_bundle) {
                (Some(path), _) => Some((world.expand_home(path), "AWS_CA_BUNDLE".to_owned())),
                (None, Some(value)) => Some((world.expand_home(&value.text), value.origin.to_string())),
                (None, None) => None,
            },
            https_proxy: proxy("https_proxy").or_else(|| all.clone()),
            http_proxy: proxy("http_proxy").or(all),
            no_proxy: proxy("no_proxy"),
        }
    }

    fn endpoint(&self, service: Service) -> Option<&Endpoint> {
        match service {
            Service::Sts => self.sts.as_ref(),
            Service::Sso => self.sso.as_ref(),
            Service::SsoOidc => self.sso_oidc.as_ref(),
            Service::Signin => None,
        }
    }

    /// The endpoint override for a service.
    pub fn url(&self, service: Service) -> Option<&str> {
        self.endpoint(service).map(|endpoint| endpoint.url.as_str())
    }

    /// `HOST:PORT` of the proxy that a request for `url` takes, if it takes one.
    pub fn proxy_for(&self, url: &Uri) -> Option<String> {
        let proxy = |url: &Option<String>| url.clone().unwrap_or_default();
        let matcher = Matcher::builder().https(proxy(&self.https_proxy)).http(proxy(&self.http_proxy)).no(proxy(&self.no_proxy)).build();
        let proxy = matcher.intercept(url)?.uri().clone();
        let port = proxy.port_u16().unwrap_or(if proxy.scheme_str() == Some("https") { 443 } else { 80 });
        Some(format!("{}:{port}", proxy.host()?))
    }

    /// Every override in force: what says so, and the URL as it may be shown. Each once.
    pub fn overrides(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        for endpoint in [&self.sts, &self.sso, &self.sso_oidc].into_iter().flatten() {
            if all.iter().all(|(place, _)| *place != endpoint.place) {
                all.push((endpoint.place.clone(), endpoint.shown()));
            }
        }
        all
    }

    /// An HTTP client with these settings.
    pub fn http_client(&self, service: Service) -> Result<SharedHttpClient> {
        if let Some(endpoint) = self.endpoint(service) {
            endpoint.check()?;
        }
        let way = self.way(self.url(service).unwrap_or("https://"))?;
        Ok(Builder::new().build_with_connector_fn(move |settings, _| way.connector(settings)))
    }

    /// How to connect to `url`. TLS roots are loaded only for https: reading the system's costs milliseconds.
    pub fn way(&self, url: &str) -> Result<Way> {
        let plain = url.starts_with("http://");
        Ok(Way { proxy: self.proxy(plain)?, tls: if plain { None } else { Some(self.tls_context()?) } })
    }

    fn tls_context(&self) -> Result<TlsContext> {
        let mut roots = TrustStore::default();
        if let Some((path, place)) = &self.ca_bundle {
            let pem = files::read_bounded(path, BUNDLE_LIMIT).map_err(|e| {
                Finding::new(Cause::ConfigUnreadable, format!("the CA bundle {} cannot be read: {e}", path.display()))
                    .seen(format!("named by {place}"))
                    .try_this("name a readable PEM file, or remove the setting")
            })?;
            check_bundle(&pem).map_err(|why| {
                Finding::new(Cause::ConfigMalformed, format!("the CA bundle {} {why}", path.display()))
                    .seen(format!("named by {place}"))
                    .try_this("name a file with -----BEGIN CERTIFICATE----- blocks")
            })?;
            roots.add_pem_certificate(pem.as_slice());
        }
        TlsContext::builder()
            .with_trust_store(roots)
            .build()
            .map_err(|e| Finding::new(Cause::TlsUntrusted, format!("the TLS settings cannot be used: {e}")))
    }

    fn proxy(&self, plain: bool) -> Result<ProxyConfig> {
        let Some(url) = (if plain { &self.http_proxy } else { &self.https_proxy }) else { return Ok(ProxyConfig::disabled()) };
        let url = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        // The URL may carry a password: it stays out of the message.
        let config = if plain { ProxyConfig::http(&url) } else { ProxyConfig::https(&url) }.map_err(|_| {
            let name = if plain { "HTTP_PROXY" } else { "HTTPS_PROXY" };
            let what = match url.starts_with("socks") {
                true => "names a SOCKS proxy, which the AWS SDK for Rust cannot use",
                false => "is not a proxy URL",
            };
            Finding::new(Cause::ProxyMisconfigured, format!("{name} {what}"))
                .try_this(format!("export {name}=http://USER:PASSWORD@HOST:PORT, the password percent-encoded"))
        })?;
        Ok(match &self.no_proxy {
            Some(rules) => config.no_proxy(rules),
            None => config,
        })
    }
}

/// Proxy and TLS settings for one URL.
pub struct Way {
    proxy: ProxyConfig,
    tls: Option<TlsContext>,
}

impl Way {
    /// Straight and without TLS: to metadata services.
    pub fn straight() -> Self {
        Self { proxy: ProxyConfig::disabled(), tls: None }
    }

    /// A connector with these time limits.
    pub fn connector(&self, settings: Option<&HttpConnectorSettings>) -> Connector {
        let mut connector = ConnectorBuilder::default().proxy_config(self.proxy.clone());
        connector.set_connector_settings(settings.cloned());
        match &self.tls {
            None => connector.build_http(),
            Some(tls) => connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build(),
        }
    }
}

impl Endpoint {
    /// The URL without what may be a password: user and query.
    fn shown(&self) -> String {
        let url = self.url.split(['?', '#']).next().unwrap_or_default();
        let Some((scheme, rest)) = url.split_once("://") else { return url.rsplit('@').next().unwrap_or_default().to_owned() };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or_default())
    }

    /// The SDK would put the whole request into its error.
    fn check(&self) -> Result<()> {
        let host = self.url.strip_prefix("http://").or_else(|| self.url.strip_prefix("https://"));
        let fits =
            |rest: &str| !rest.starts_with(['/', ':', '?']) && rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&b));
        if host.is_some_and(|rest| !rest.is_empty() && fits(rest)) {
            return Ok(());
        }
        Err(Finding::new(Cause::ConfigMalformed, "the endpoint is not a URL")
            .seen(format!("{}, {}", self.place, self.shown()))
            .try_this("https://HOST or http://HOST:PORT, or remove the setting"))
    }
}

/// The SDK panics on a bundle with a certificate that it cannot read.
fn check_bundle(pem: &[u8]) -> Result<(), String> {
    if pem.len() as u64 > BUNDLE_LIMIT {
        return Err(format!("is larger than {BUNDLE_LIMIT} bytes"));
    }
    let (mut roots, mut count) = (RootCertStore::empty(), 0);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        count += 1;
        let read = certificate.map_err(|_| ()).and_then(|der| roots.add(der).map_err(|_| ()));
        read.map_err(|()| format!("holds a certificate that cannot be read: number {count}"))?;
    }
    if count == 0 { Err("holds no PEM certificate".to_owned()) } else { Ok(()) }
}

/// Two quick tries: the deadline is short, and a caller that comes back is served from the start.
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_millis(800))
}

/// Connections that do not come up are given up early enough to try again within the deadline.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).read_timeout(Duration::from_secs(15)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        let shown = |url: &str| Endpoint { url: url.into(), place: String::new() }.shown();
        assert_eq!(shown("http://bob:pass@127.0.0.1:9/a?sig=secret"), "http://127.0.0.1:9/a");
        assert_eq!(shown("http://127.0.0.1:9"), "http://127.0.0.1:9");
        assert_eq!(shown("bob:p@ss@host"), "host");
    }

    #[test]
    fn a_request_takes_the_proxy_unless_it_is_exempt() {
        let endpoints = |proxy: &str| Endpoints {
            sts: None,
            sso: None,
            sso_oidc: None,
            fips: false,
            dualstack: false,
            ca_bundle: None,
            https_proxy: Some(proxy.to_owned()),
            http_proxy: None,
            no_proxy: Some("localhost,.amazonaws.com.cn".to_owned()),
        };
        let way = |proxy: &str, url: &'static str| endpoints(proxy).proxy_for(&Uri::from_static(url));
        let sts = "https://sts.eu-west-1.amazonaws.com/";
        assert_eq!(way("http://ann:pass@proxy:3128/", sts).as_deref(), Some("proxy:3128"));
        assert_eq!(way("proxy", sts).as_deref(), Some("proxy:80"));
        assert_eq!(way("http://proxy:3128", "https://sts.cn-north-1.amazonaws.com.cn/"), None);
        assert_eq!(way("http://proxy:3128", "http://sts.eu-west-1.amazonaws.com/"), None);
    }
}
