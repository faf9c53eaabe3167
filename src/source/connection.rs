//! How AWS is reached: endpoint, TLS roots, proxy, time limits. The SDK's own loader is not used:
//! it does not read `ca_bundle` and would look for a profile by itself.

use std::path::PathBuf;
use std::time::Duration;

use aws_smithy_http_client::pool::Client;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Builder, Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::aws_host::aws_url;
use super::endpoint_override::{EndpointOverride, SettingPlace};
use super::http::Http;
use super::proxy_password;
use super::tls_roots::{read_ca_bundle, tls_context};
use crate::config::{Network, Value};
use crate::finding::{Cause, Finding, Result, remedy};
use crate::world::World;

/// The AWS services called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    /// Security Token Service.
    Sts,
    /// IAM Identity Center portal.
    Sso,
    /// IAM Identity Center OIDC.
    SsoOidc,
    /// Identity and Access Management.
    Iam,
    /// AWS Sign-In, behind `aws login`. Its client accepts no endpoint override.
    Signin,
}

/// Which of a service's hosts are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    pub(crate) fips: bool,
    pub(crate) dualstack: bool,
}

/// Where and how to connect, from the environment and a profile.
pub(crate) struct Connections {
    sts: Option<EndpointOverride>,
    sso: Option<EndpointOverride>,
    sso_oidc: Option<EndpointOverride>,
    iam: Option<EndpointOverride>,
    /// Whether FIPS endpoints are required.
    pub(crate) fips: bool,
    /// Whether dual-stack endpoints are used.
    pub(crate) dualstack: bool,
    /// A path, and the setting that names it.
    ca_bundle: Option<(PathBuf, String)>,
    https_proxy: Option<String>,
    http_proxy: Option<String>,
    no_proxy: Option<String>,
}

impl Connections {
    /// Ranks the settings as the SDKs do: the variable of the service, the variable for all, then
    /// the profile.
    pub(crate) fn new(world: &World, network: &Network) -> Self {
        let ignored = world.env_flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
            || network.ignore_configured_endpoint_urls;
        let endpoint = |variable: &'static str, configured: &Option<Value>| {
            if ignored {
                return None;
            }
            if let Some((name, url)) = world.first_env([variable, "AWS_ENDPOINT_URL"]) {
                let place = SettingPlace::Variable(name);
                return Some(EndpointOverride {
                    url: url.to_owned(),
                    place,
                });
            }
            let value = configured.as_ref().or(network.endpoint_url.as_ref())?;
            let place = SettingPlace::File(value.origin.clone());
            Some(EndpointOverride {
                url: value.text.clone(),
                place,
            })
        };
        // curl's rule, which every SDK follows: lower case first.
        let proxy = |name: &str| {
            let upper = name.to_ascii_uppercase();
            world
                .env(name)
                .or_else(|| world.env(&upper))
                .map(str::to_owned)
        };
        let all = proxy("all_proxy");
        Self {
            sts: endpoint("AWS_ENDPOINT_URL_STS", &network.sts_endpoint_url),
            sso: endpoint("AWS_ENDPOINT_URL_SSO", &network.sso_endpoint_url),
            sso_oidc: endpoint("AWS_ENDPOINT_URL_SSO_OIDC", &network.sso_oidc_endpoint_url),
            iam: endpoint("AWS_ENDPOINT_URL_IAM", &None),
            fips: world.env_flag("AWS_USE_FIPS_ENDPOINT") || network.use_fips,
            dualstack: world.env_flag("AWS_USE_DUALSTACK_ENDPOINT") || network.use_dualstack,
            ca_bundle: match (world.env("AWS_CA_BUNDLE"), &network.ca_bundle) {
                (Some(path), _) => Some((world.expand_home(path), "AWS_CA_BUNDLE".to_owned())),
                (None, Some(value)) => {
                    Some((world.expand_home(&value.text), value.origin.to_string()))
                }
                (None, None) => None,
            },
            https_proxy: proxy("https_proxy").or_else(|| all.clone()),
            http_proxy: proxy("http_proxy").or(all),
            no_proxy: proxy("no_proxy"),
        }
    }

    /// The hosts that the settings for all services select.
    pub(crate) fn hosts(&self) -> Hosts {
        Hosts {
            fips: self.fips,
            dualstack: self.dualstack,
        }
    }

    fn endpoint(&self, service: Service) -> Option<&EndpointOverride> {
        match service {
            Service::Sts => self.sts.as_ref(),
            Service::Sso => self.sso.as_ref(),
            Service::SsoOidc => self.sso_oidc.as_ref(),
            Service::Iam => self.iam.as_ref(),
            Service::Signin => None,
        }
    }

    /// The URL of the endpoint override for a service.
    pub(crate) fn url(&self, service: Service) -> Option<&str> {
        self.endpoint(service).map(|endpoint| endpoint.url.as_str())
    }

    /// Every override in force, each once.
    pub(crate) fn overrides(&self) -> Vec<EndpointOverride> {
        let mut all: Vec<EndpointOverride> = Vec::new();
        let services = [&self.sts, &self.sso, &self.sso_oidc, &self.iam];
        for endpoint in services.into_iter().flatten() {
            if all.iter().all(|known| known.place != endpoint.place) {
                all.push(endpoint.clone());
            }
        }
        all
    }

    /// The configuration of an SDK client for `service`, without credentials.
    pub(super) fn sdk_config(
        &self,
        http: &Http,
        service: Service,
        region: &str,
        hosts: Hosts,
        retries: RetryConfig,
    ) -> Result<SdkConfig> {
        let mut config = SdkConfig::builder()
            .region(Region::new(region.to_owned()))
            .http_client(self.http_client(http, service)?)
            .retry_config(retries)
            .timeout_config(timeouts())
            .use_fips(hosts.fips)
            .use_dual_stack(hosts.dualstack);
        config.set_endpoint_url(self.url(service).map(str::to_owned));
        Ok(config.build())
    }

    /// An HTTP client with these settings.
    fn http_client(&self, http: &Http, service: Service) -> Result<SharedHttpClient> {
        if let Some(endpoint) = self.endpoint(service) {
            endpoint.check()?;
        }
        let client = match service {
            Service::Sts | Service::Sso | Service::Iam => {
                SharedHttpClient::new(self.pooled_client(http, service)?)
            }
            // A refresh token can be sent once: not on a connection that may be closed already.
            Service::SsoOidc | Service::Signin => {
                let transport = self.transport(self.url(service).unwrap_or("https://"))?;
                Builder::new()
                    .build_with_connector_fn(move |settings, _| transport.connector(settings))
            }
        };
        Ok(http.client(client))
    }

    fn pooled_client(&self, http: &Http, service: Service) -> Result<Client> {
        let url = self.url(service).unwrap_or("https://");
        let plain = url.starts_with("http://");
        let route = Route {
            plain,
            proxy: self.proxy_setting(plain).clone(),
            no_proxy: self.no_proxy.clone(),
            ca_bundle: self.ca_bundle.clone(),
        };
        http.pooled(route, || self.transport(url))
    }

    /// Connects to the host of `service` as soon as another one is asked. What is wrong with the
    /// settings is reported where the service is called.
    pub(super) fn expect(&self, http: &Http, service: Service, region: &str, hosts: Hosts) {
        let own = self.url(service).map(str::to_owned);
        let url = own.or_else(|| aws_url(service, region, hosts));
        if let (Some(url), Ok(client)) = (url, self.pooled_client(http, service)) {
            http.expect(url, client);
        }
    }

    /// Proxy and TLS settings for `url`. TLS roots are loaded for https only: reading the system's
    /// takes milliseconds.
    pub(crate) fn transport(&self, url: &str) -> Result<Transport> {
        let plain = url.starts_with("http://");
        let tls = if plain {
            None
        } else {
            Some(tls_context(self.ca_bundle.as_ref())?)
        };
        Ok(Transport {
            proxy: self.proxy(plain)?,
            tls,
        })
    }

    /// `HOST:PORT` of the proxy for a request to `url`, if it takes one.
    pub(crate) fn proxy_for(&self, url: &Uri) -> Option<String> {
        let proxy = |url: &Option<String>| url.clone().unwrap_or_default();
        let matcher = Matcher::builder()
            .https(proxy(&self.https_proxy))
            .http(proxy(&self.http_proxy))
            .no(proxy(&self.no_proxy))
            .build();
        let proxy = matcher.intercept(url)?.uri().clone();
        let default = if proxy.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        Some(format!(
            "{}:{}",
            proxy.host()?,
            proxy.port_u16().unwrap_or(default)
        ))
    }

    /// What is wrong with the CA bundle that the settings name.
    pub(crate) fn ca_problem(&self) -> Option<Finding> {
        let (path, place) = self.ca_bundle.as_ref()?;
        read_ca_bundle(path, place).err()
    }

    /// The proxy that is set for `http://` or for `https://`.
    fn proxy_setting(&self, plain: bool) -> &Option<String> {
        if plain {
            &self.http_proxy
        } else {
            &self.https_proxy
        }
    }

    fn proxy(&self, plain: bool) -> Result<ProxyConfig> {
        let Some(url) = self.proxy_setting(plain) else {
            return Ok(ProxyConfig::disabled());
        };
        let url = if url.contains("://") {
            url.clone()
        } else {
            format!("http://{url}")
        };
        proxy_password::register(&url);
        let config = if plain {
            ProxyConfig::http(&url)
        } else {
            ProxyConfig::https(&url)
        };
        // The URL may contain a password: it is not quoted.
        let config = config.map_err(|_| {
            let name = if plain { "HTTP_PROXY" } else { "HTTPS_PROXY" };
            let what = if url.starts_with("socks") {
                "names a SOCKS proxy, which the AWS SDK for Rust does not support"
            } else {
                "is not a proxy URL"
            };
            Finding::new(Cause::ProxyMisconfigured, format!("{name} {what}")).remedy(remedy!(
                "export {}=http://USER:PASSWORD@HOST:PORT, the password percent-encoded",
                name
            ))
        })?;
        Ok(match &self.no_proxy {
            Some(rules) => config.no_proxy(rules),
            None => config,
        })
    }
}

/// What a connection depends on, besides its host.
#[derive(PartialEq, Eq)]
pub(super) struct Route {
    plain: bool,
    proxy: Option<String>,
    no_proxy: Option<String>,
    ca_bundle: Option<(PathBuf, String)>,
}

/// Proxy and TLS settings for one URL.
pub(crate) struct Transport {
    pub(super) proxy: ProxyConfig,
    pub(super) tls: Option<TlsContext>,
}

impl Transport {
    /// Without proxy and TLS: for metadata services.
    pub(crate) fn direct() -> Self {
        Self {
            proxy: ProxyConfig::disabled(),
            tls: None,
        }
    }

    /// A connector with these time limits.
    pub(crate) fn connector(&self, settings: Option<&HttpConnectorSettings>) -> Connector {
        let mut connector = ConnectorBuilder::default().proxy_config(self.proxy.clone());
        connector.set_connector_settings(settings.cloned());
        match &self.tls {
            None => connector.build_http(),
            Some(tls) => {
                let provider = Provider::Rustls(CryptoMode::Ring);
                connector
                    .tls_provider(provider)
                    .tls_context(tls.clone())
                    .build()
            }
        }
    }
}

/// Two quick retries: the deadline is short, and a caller that comes back starts again.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_millis(800))
}

/// A connection attempt ends early enough for another one within the deadline.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .read_timeout(Duration::from_secs(15))
        .build()
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
