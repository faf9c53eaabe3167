//! Which certificates are trusted.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::files::{self, FileBytes};
use crate::finding::{Cause, Finding, Result, remedy};

/// All public roots together take a quarter of a megabyte.
const BUNDLE_LIMIT: u64 = 16 * 1024 * 1024;

/// Where Debian, Fedora, openSUSE and macOS keep all roots in one file.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The roots of the system, and those of a CA bundle: its path, and the setting that names it.
pub(super) fn tls_context(bundle: Option<&(PathBuf, String)>) -> Result<TlsContext> {
    let mut roots = TrustStore::default();
    if let Some((path, place)) = bundle {
        let pem = read_ca_bundle(path, place)?;
        roots.add_pem_certificate(&pem[..]);
    }
    let unusable = |e| {
        Finding::new(
            Cause::TlsUntrusted,
            format!("the TLS settings cannot be used: {e}"),
        )
    };
    TlsContext::builder()
        .with_trust_store(roots)
        .build()
        .map_err(unusable)
}

/// The bundle of certificates that a setting names.
pub(crate) fn read_ca_bundle(path: &Path, place: &str) -> Result<FileBytes> {
    let unusable = |cause, why: String, remedy: &'static str| {
        Finding::new(cause, format!("the CA bundle {} {why}", path.display()))
            .evidence(format!("named by {place}"))
            .remedy(remedy)
    };
    let pem = files::read_bounded(path, BUNDLE_LIMIT).map_err(|e| {
        let why = format!("cannot be read: {e}");
        let finding = unusable(Cause::ConfigUnreadable, why, "name a readable PEM file");
        let mut of_system = SYSTEM_BUNDLES.iter().map(Path::new);
        match of_system.find(|one| *one != path && one.is_file()) {
            Some(path) => finding.remedy(remedy!("or name {}, the bundle of this system", path)),
            None => finding,
        }
    })?;
    check_bundle(&pem).map_err(|why| {
        let remedy = "name a file with -----BEGIN CERTIFICATE----- blocks";
        unusable(Cause::ConfigMalformed, why, remedy)
    })?;
    Ok(pem)
}

/// The SDK panics on a bundle with a certificate that it cannot read.
fn check_bundle(pem: &[u8]) -> Result<(), String> {
    if pem.len() as u64 > BUNDLE_LIMIT {
        return Err(format!("is larger than {BUNDLE_LIMIT} bytes"));
    }
    let (mut roots, mut count) = (RootCertStore::empty(), 0);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        count += 1;
        let added = certificate
            .map_err(|_| ())
            .and_then(|der| roots.add(der).map_err(|_| ()));
        added.map_err(|()| format!("contains an unreadable certificate: number {count}"))?;
    }
    if count == 0 {
        Err("contains no PEM certificate".to_owned())
    } else {
        Ok(())
    }
}
