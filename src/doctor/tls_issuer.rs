//! The issuer of the certificate that a host presents: it names the proxy that inspects TLS.
//! Nothing is sent to the host, and nothing it says is trusted.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use crate::sync::lock;

/// More than a proxy sends before the tunnel is open, in bytes.
const HEAD_LIMIT: usize = 8 * 1024;

/// The common name, else the organisation, of the issuer of the certificate at `host`, port 443;
/// through `proxy`, a `HOST:PORT`, if there is one.
pub(super) fn issuer(host: &str, proxy: Option<&str>, limit: Duration) -> Option<String> {
    let address = match proxy {
        Some(proxy) => proxy.to_owned(),
        None => format!("{host}:443"),
    };
    let address = address.to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream.set_write_timeout(Some(limit)).ok()?;
    if proxy.is_some() {
        write!(
            stream,
            "CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n"
        )
        .ok()?;
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_LIMIT {
            stream.read_exact(&mut byte).ok()?;
            head.push(byte[0]);
        }
    }
    let capture = Arc::new(CertificateCapture::default());
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?;
    let config = config
        .dangerous()
        .with_custom_certificate_verifier(capture.clone())
        .with_no_client_auth();
    let mut connection = ClientConnection::new(
        Arc::new(config),
        ServerName::try_from(host.to_owned()).ok()?,
    )
    .ok()?;
    let _ = connection.complete_io(&mut stream); // ends at the certificate, which is always rejected
    let certificate = lock(&capture.0).take()?;
    name(issuer_of(&certificate)?)
}

/// Keeps the certificate, and accepts none.
#[derive(Debug, Default)]
struct CertificateCapture(Mutex<Option<Vec<u8>>>);

impl ServerCertVerifier for CertificateCapture {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *lock(&self.0) = Some(certificate.to_vec());
        Err(Error::General("captured".into()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("nothing is trusted".into()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("nothing is trusted".into()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The `issuer` of a certificate: <https://www.rfc-editor.org/rfc/rfc5280#section-4.1>
fn issuer_of(certificate: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    if let (0xa0, _, after) = element(rest)? {
        rest = after; // the version
    }
    let (_, _, rest) = element(rest)?; // the serial number
    let (_, _, rest) = element(rest)?; // the algorithm
    element(rest).map(|(_, issuer, _)| issuer)
}

/// The common name (2.5.4.3) in a distinguished name, else the organisation (2.5.4.10).
fn name(distinguished: &[u8]) -> Option<String> {
    [3u8, 10].into_iter().find_map(|kind| {
        let id = [0x06, 0x03, 0x55, 0x04, kind];
        let at = distinguished
            .windows(id.len())
            .position(|window| window == id)?;
        let (_, text, _) = element(distinguished.get(at + id.len()..)?)?;
        Some(String::from_utf8_lossy(text).into_owned())
    })
}

/// The first element of some DER: its tag, its content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, first, rest) = (*der.first()?, *der.get(1)?, der.get(2..)?);
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (
                bytes
                    .iter()
                    .fold(0, |length, byte| length << 8 | usize::from(*byte)),
                rest,
            )
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair};

    use super::*;

    #[test]
    fn the_issuer_of_a_certificate_is_read() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "Corporate Inspection CA");
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let leaf = CertificateParams::new(vec!["sts.eu-west-1.amazonaws.com".into()]).unwrap();
        let leaf = leaf
            .signed_by(&KeyPair::generate().unwrap(), &authority)
            .unwrap();
        let der = leaf.der();
        assert_eq!(
            issuer_of(der).and_then(name).as_deref(),
            Some("Corporate Inspection CA")
        );
        for end in 0..der.len() {
            issuer_of(&der[..end]).and_then(name); // truncated anywhere, it is no panic
        }
    }
}
