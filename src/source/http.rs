//! Connections that calls share, and the runtime that drives them. One of these serves one attempt, or
//! the attempts of one command that are made side by side, and none after a person was waited for: a
//! connection never gets so old that the proxy has changed, or that it has died without a sign.
//!
//! A host that is asked next is connected to while another one still answers: behind a proxy a
//! connection takes two round trips, a request one.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;
use std::time::Duration;

use aws_smithy_http_client::pool::{Client, ConnectionPool};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use hyper::Uri;
use tokio::runtime::Runtime;

use super::bounded_body::bounded;
use super::connection::{Route, Transport};
use crate::finding::{Cause, Finding, Result};
use crate::limits;
use crate::sync::lock;

/// So long a connection is kept that no request uses. Load balancers keep one for a minute.
const IDLE: Duration = Duration::from_secs(20);
/// In this time the runtime has begun to connect.
const BEGINNING: Duration = Duration::from_millis(1);

/// HTTP clients, each with its connections.
#[derive(Default)]
pub(crate) struct Http {
    runtime: OnceLock<Runtime>,
    clients: Mutex<Vec<(Route, Client)>>,
    next: Arc<Mutex<Next>>,
}

/// Which hosts are asked next.
#[derive(Default)]
struct Next {
    /// Hosts that were asked or connected to.
    known: BTreeSet<String>,
    /// URLs of those to connect to, each with its client.
    hosts: Vec<(String, Client)>,
}

impl Drop for Http {
    /// A plain drop would wait for a name lookup that is still running.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Http {
    /// The runtime, which starts on first use. Any number of threads may wait for their own calls.
    pub(super) fn runtime(&self) -> Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        limits::check_room()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|e| limits::reached("start the async runtime", &e))?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    /// The client for a route. `transport` is called for the first one.
    pub(super) fn pooled(
        &self,
        route: Route,
        transport: impl FnOnce() -> Result<Transport>,
    ) -> Result<Client> {
        let mut clients = lock(&self.clients);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == route) {
            return Ok(client.clone());
        }
        let client = pool(transport()?)?;
        clients.push((route, client.clone()));
        Ok(client)
    }

    /// Leaves the connections: while a person was waited for, they may have died without a sign.
    pub(super) fn leave_connections(&self) {
        lock(&self.clients).clear();
        *lock(&self.next) = Next::default();
    }

    /// Connects to the host of `url` as soon as another host is asked.
    pub(super) fn expect(&self, url: String, client: Client) {
        lock(&self.next).hosts.push((url, client));
    }

    /// `client` with bounded responses. While it asks, hosts that are asked next are connected to.
    pub(super) fn client(&self, client: SharedHttpClient) -> SharedHttpClient {
        let next = Arc::clone(&self.next);
        bounded(http_client_fn(move |settings, components| {
            SharedHttpConnector::new(Asking {
                inner: client.http_connector(settings, components),
                settings: settings.clone(),
                components: components.clone(),
                next: Arc::clone(&next),
            })
        }))
    }
}

fn pool(transport: Transport) -> Result<Client> {
    let builder = ConnectionPool::builder()
        .proxy_config(transport.proxy)
        .idle_timeout(IDLE);
    let pool = match transport.tls {
        None => builder.build_http(),
        Some(tls) => builder
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls)
            .build_https(),
    };
    let unusable = |e: &dyn std::fmt::Display| {
        let summary = format!("the HTTP client cannot be made: {e}");
        Finding::new(Cause::Unexpected, summary)
    };
    let pool = pool.map_err(|e| unusable(&e))?;
    Client::new(&pool).map_err(|e| unusable(&e))
}

/// One operation of the SDK.
#[derive(Debug)]
struct Asking {
    inner: SharedHttpConnector,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
    next: Arc<Mutex<Next>>,
}

impl HttpConnector for Asking {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        for (url, client) in lock(&self.next).others(request.uri()) {
            let connector = client.http_connector(&self.settings, &self.components);
            tokio::spawn(connect(connector, url));
        }
        self.inner.call(request)
    }
}

impl Next {
    /// Those to connect to while `asked` answers.
    fn others(&mut self, asked: &str) -> Vec<(String, Client)> {
        self.known.extend(host(asked));
        let mut hosts = std::mem::take(&mut self.hosts);
        hosts.retain(|(url, _)| host(url).is_some_and(|host| self.known.insert(host)));
        hosts
    }
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

/// Scheme, name and port.
fn host(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    Some(format!("{}://{}", url.scheme_str()?, url.authority()?))
}

/// Opens a connection to a host that has none, and leaves it to the pool. That takes a request, which
/// is withdrawn as soon as the pool has begun to connect for it, and never sent: the pool sends one
/// only when it is polled with a connection.
async fn connect(connector: SharedHttpConnector, url: String) {
    let Ok(request) = HttpRequest::get(url) else {
        return;
    };
    let mut request = Box::pin(connector.call(request));
    poll_fn(|context| {
        let _ = request.as_mut().poll(context); // not yet an answer: there is no connection
        Poll::Ready(())
    })
    .await;
    tokio::time::sleep(BEGINNING).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_connected_to_once_and_not_while_it_is_asked() {
        let client = pool(Transport::direct()).unwrap();
        let mut next = Next::default();
        let expect = |next: &mut Next, url: &str| next.hosts.push((url.to_owned(), client.clone()));
        expect(&mut next, "https://sts.eu-west-1.amazonaws.com/");
        expect(&mut next, "https://portal.sso.eu-west-1.amazonaws.com/");
        let others = next.others("https://portal.sso.eu-west-1.amazonaws.com/federation/x?y=z");
        let urls: Vec<_> = others.iter().map(|(url, _)| url.as_str()).collect();
        assert_eq!(urls, ["https://sts.eu-west-1.amazonaws.com/"]);
        expect(&mut next, "https://sts.eu-west-1.amazonaws.com/");
        assert!(
            next.others("https://sts.us-east-1.amazonaws.com/")
                .is_empty()
        );
    }
}
