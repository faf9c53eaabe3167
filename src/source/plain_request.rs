//! One plain request, for what the SDK has no client for. A redirect is a response, too.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::connection::Transport;
use super::sdk_error::error_chain;

/// Front pages, metadata and sign-in tokens are small, in bytes.
const BODY_LIMIT: usize = 64 * 1024;

/// One request, with the body of its response read. The error is in the connector's own words.
pub(crate) async fn call(
    transport: &Transport,
    method: &str,
    url: &str,
    headers: &[(&'static str, &str)],
    limit: Duration,
) -> Result<HttpResponse, String> {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(limit)
        .read_timeout(limit)
        .build();
    let connector = transport.connector(Some(&settings));
    let mut request = HttpRequest::get(url).map_err(|e| e.to_string())?;
    request.set_method(method).map_err(|e| e.to_string())?;
    for (name, value) in headers {
        let added = request.headers_mut().try_insert(*name, (*value).to_owned());
        added.map_err(|e| e.to_string())?;
    }
    let work = async {
        let mut response = connector.call(request).await.map_err(|e| error_chain(&e))?;
        let mut body = ByteStream::new(std::mem::replace(response.body_mut(), SdkBody::taken()));
        let mut bytes = Vec::new();
        // The server may be anyone, and its body may never end.
        while bytes.len() < BODY_LIMIT
            && let Some(more) = body.try_next().await.map_err(|e| error_chain(&e))?
        {
            bytes.extend_from_slice(&more);
        }
        *response.body_mut() = bytes.into();
        Ok(response)
    };
    let outcome = tokio::time::timeout(limit, work).await;
    outcome.unwrap_or_else(|_| Err("timed out".to_owned()))
}

/// The body of a response as text.
pub(crate) fn body_text(response: &HttpResponse) -> String {
    let bytes = response.body().bytes();
    bytes
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .unwrap_or_default()
}
