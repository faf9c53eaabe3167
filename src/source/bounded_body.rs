//! Responses of a bounded size, whatever the server sends: the SDK collects a body before it parses
//! it.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector,
    http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

/// Responses of AWS that are read here have a few KB; in bytes.
const LIMIT: usize = 1024 * 1024;
/// What the errors say; `connection_error` recognizes it.
const TOO_LARGE: &str = "the response is larger than 1 MB";
const CUT_OFF: &str = "connection closed before message completed";

/// A connector whose responses are read whole, up to the limit.
#[derive(Debug)]
struct Bounded(SharedHttpConnector);

impl HttpConnector for Bounded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let response = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut response = response.await?;
            let body = std::mem::replace(response.body_mut(), SdkBody::empty());
            let (mut stream, mut read) = (ByteStream::new(body), Vec::new());
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|_| ConnectorError::other(CUT_OFF.into(), None))?;
                if read.len() + chunk.len() > LIMIT {
                    return Err(ConnectorError::other(TOO_LARGE.into(), None));
                }
                read.extend_from_slice(&chunk);
            }
            *response.body_mut() = SdkBody::from(read);
            Ok(response)
        })
    }
}

/// `client` with responses of a bounded size.
pub(super) fn bounded(client: SharedHttpClient) -> SharedHttpClient {
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(Bounded(client.http_connector(settings, components)))
    })
}
