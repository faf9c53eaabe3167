//! A CONNECT proxy that terminates TLS with a temporary CA, so that requests to real AWS hosts
//! reach the double. If a client starts TLS without CONNECT, the proxy is a server with an
//! untrusted certificate.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::{Shared, Tunnel, lock, serve};

/// The first bytes of every TLS connection: a handshake record.
const CLIENT_HELLO: &[u8] = &[22, 3];

pub struct Proxy {
    /// `http://127.0.0.1:PORT`, for `HTTPS_PROXY`.
    pub url: String,
    /// The CA that the client must trust.
    pub ca_pem: String,
}

/// The CA of one [`Proxy`].
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names to reject");
        params
            .distinguished_name
            .push(DnType::CommonName, "awsfresh test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a fresh key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a CA certificate"),
        }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn acceptor(&self, host: &str) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a fresh key");
        let leaf = CertificateParams::new(vec![host.to_owned()])
            .and_then(|params| params.signed_by(&key, &self.issuer))
            .expect("a leaf certificate for the host");
        let secret = PrivateKeyDer::try_from(key.serialize_der()).expect("the key's own encoding");
        // The provider is explicit because the process may have no default provider.
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring's protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], secret)
            .expect("a key that fits its certificate");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}

/// One connection to the proxy: a tunnel to the double, or a plain HTTP request that the double
/// answers itself.
pub async fn tunnel(mut stream: TcpStream, authority: Arc<Authority>, shared: Shared) {
    let mut peeked = [0; 8];
    let read = stream.peek(&mut peeked).await.unwrap_or_default();
    if peeked[..read].starts_with(CLIENT_HELLO) {
        if let Ok(tls) = authority.acceptor("127.0.0.1").accept(stream).await {
            serve(tls, shared).await;
        }
        return;
    }
    if !peeked[..read].starts_with(b"CONNECT ") {
        return serve(stream, shared).await;
    }
    // Byte by byte: the bytes after the head belong to TLS.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.split(' ').nth(1).unwrap_or_default();
    let host = target.rsplit_once(':').map_or(target, |(host, _)| host);
    {
        let mut state = lock(&shared);
        let answered = state.calls.iter().filter(|call| call.status != 0).count();
        let host = host.to_owned();
        state.tunnels.push(Tunnel { host, answered });
    }
    let acceptor = authority.acceptor(host);
    if stream
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await
        .is_ok()
        && let Ok(tls) = acceptor.accept(stream).await
    {
        serve(tls, shared).await;
    }
}
