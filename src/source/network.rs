//! How AWS is reached: endpoint, region, TLS roots, proxy. The SDK's own loader is not used: it knows no `ca_bundle`
//! and would look for a profile by itself.

use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::config::Network;
use crate::diagnosis::{Cause, Finding, Result};
use crate::world::World;

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

/// Where and how to connect, from environment and profile.
pub struct Endpoints {
    sts: Option<String>,
    sso: Option<String>,
    sso_oidc: Option<String>,
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
        let endpoint = |variable: &str, configured: &Option<String>| {
            if ignore {
                return None;
            }
            let named = world.env(variable).or_else(|| world.env("AWS_ENDPOINT_URL"));
            named.map(str::to_owned).or_else(|| configured.clone()).or_else(|| network.endpoint_url.clone())
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

    /// The endpoint override for a service.
    pub fn url(&self, service: Service) -> Option<&str> {
        match service {
            Service::Sts => self.sts.as_deref(),
            Service::Sso => self.sso.as_deref(),
            Service::SsoOidc => self.sso_oidc.as_deref(),
            Service::Signin => None,
        }
    }

    /// An HTTP client with these settings. TLS roots are loaded only where the endpoint is https: reading the system's
    /// costs milliseconds.
    pub fn http_client(&self, service: Service) -> Result<SharedHttpClient> {
        let plain = self.url(service).is_some_and(|url| url.starts_with("http://"));
        let proxy = self.proxy(plain)?;
        if plain {
            return Ok(Builder::new().build_with_connector_fn(move |settings, _| {
                let mut connector = ConnectorBuilder::default().proxy_config(proxy.clone());
                connector.set_connector_settings(settings.cloned());
                connector.build_http()
            }));
        }
        let tls = self.tls_context()?;
        Ok(Builder::new().build_with_connector_fn(move |settings, _| {
            let mut connector = ConnectorBuilder::default()
                .proxy_config(proxy.clone())
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .tls_context(tls.clone());
            connector.set_connector_settings(settings.cloned());
            connector.build()
        }))
    }

    fn tls_context(&self) -> Result<TlsContext> {
        let mut roots = TrustStore::default();
        if let Some((path, place)) = &self.ca_bundle {
            let pem = std::fs::read(path).map_err(|e| {
                Finding::new(Cause::ConfigUnreadable, format!("the CA bundle {} cannot be read: {e}", path.display()))
                    .seen(format!("named by {place}"))
                    .try_this("name a readable PEM file, or remove the setting")
            })?;
            // The TLS library panics on what is no certificate; a bundle without one is caught here.
            if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
                return Err(Finding::new(Cause::ConfigMalformed, format!("the CA bundle {} holds no PEM certificate", path.display()))
                    .seen(format!("named by {place}"))
                    .try_this("name a file with -----BEGIN CERTIFICATE----- blocks"));
            }
            roots.add_pem_certificate(pem);
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
            Finding::new(Cause::ProxyMisconfigured, format!("{name} is not a proxy URL"))
                .try_this(format!("export {name}=http://HOST:PORT"))
        })?;
        Ok(match &self.no_proxy {
            Some(rules) => config.no_proxy(rules),
            None => config,
        })
    }
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
