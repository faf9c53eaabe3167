//! Signature Version 4, as the verifier. It is written from the specification and shares no code
//! with the signer of the SDK.

use std::fmt::Write as _;

use ring::{digest, hmac};

use super::http::Request;
use super::{Key, Refusal, State, clock};

const AHEAD: i64 = 5 * 60;
const BEHIND: i64 = 15 * 60;

/// The parts of `Authorization: AWS4-HMAC-SHA256 …`.
struct Claim<'a> {
    key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

/// The key that signed `request` for `service`, or the error of STS.
pub fn verify<'a>(
    state: &'a State,
    request: &Request,
    service: &str,
    now: i64,
) -> Result<&'a Key, Refusal> {
    let header = request.header("authorization").ok_or_else(missing_token)?;
    let claim = parse(header)?;
    if claim.service != service {
        return Err(mismatch(format!(
            "Credential should be scoped to correct service: '{service}'."
        )));
    }
    if claim.region.is_empty() {
        return Err(mismatch("Credential should be scoped to a valid region."));
    }
    if state.unknown_in.iter().any(|region| region == claim.region) {
        return Err(unknown_key());
    }
    let key = state.keys.get(claim.key_id).ok_or_else(unknown_key)?;
    if key.token.as_deref() != request.header("x-amz-security-token") {
        return Err(unknown_key());
    }
    let stamp = request.header("x-amz-date").unwrap_or_default();
    check_time(stamp, claim.date, now)?;
    if sign(&key.secret, &claim, stamp, request) != claim.signature {
        return Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.",
        ));
    }
    if key.expires.is_some_and(|expires| expires <= now) {
        return Err(Refusal::new(
            403,
            "ExpiredToken",
            "The security token included in the request is expired",
        ));
    }
    Ok(key)
}

/// Whether the request is signed with a new key that has not reached this server.
pub fn is_not_known_yet(state: &mut State, request: &Request) -> bool {
    let claim = request.header("authorization").map(parse);
    let Some(Ok(claim)) = claim else { return false };
    match state.rejections.get_mut(claim.key_id) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    }
}

pub fn missing_token() -> Refusal {
    Refusal::new(
        403,
        "MissingAuthenticationToken",
        "Request is missing Authentication Token",
    )
}

pub fn unknown_key() -> Refusal {
    Refusal::new(
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    )
}

fn mismatch(message: impl Into<String>) -> Refusal {
    Refusal::new(403, "SignatureDoesNotMatch", message)
}

/// The service in the credential scope of a request, even if the signature is wrong.
pub fn service(request: &Request) -> Option<&str> {
    request
        .header("authorization")
        .and_then(|header| parse(header).ok())
        .map(|claim| claim.service)
}

fn parse(header: &str) -> Result<Claim<'_>, Refusal> {
    let incomplete = |message: String| Refusal::new(400, "IncompleteSignature", message);
    let fields = header
        .strip_prefix("AWS4-HMAC-SHA256")
        .ok_or_else(missing_token)?;
    let (mut credential, mut signed_headers, mut signature) = ("", "", "");
    for field in fields.split([',', ' ']).filter(|field| !field.is_empty()) {
        match field.split_once('=') {
            Some(("Credential", value)) => credential = value,
            Some(("SignedHeaders", value)) => signed_headers = value,
            Some(("Signature", value)) => signature = value,
            _ => {
                return Err(incomplete(format!(
                    "'{field}' not a valid key=value pair (missing equal-sign) in Authorization \
                     header: '{header}'."
                )));
            }
        }
    }
    let elements: Vec<_> = credential.split('/').collect();
    let [key_id, date, region, service, "aws4_request"] = elements[..] else {
        return Err(incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got '{credential}'"
        )));
    };
    Ok(Claim {
        key_id,
        date,
        region,
        service,
        signed_headers,
        signature,
    })
}

fn check_time(stamp: &str, scope_date: &str, now: i64) -> Result<(), Refusal> {
    let signed = clock::parse_basic(stamp).ok_or_else(|| {
        Refusal::new(
            400,
            "IncompleteSignature",
            format!("Date must be in ISO-8601 'basic format'. Got '{stamp}'."),
        )
    })?;
    let server = clock::basic(now);
    if signed < now - BEHIND {
        let edge = clock::basic(now - BEHIND);
        return Err(mismatch(format!(
            "Signature expired: {stamp} is now earlier than {edge} ({server} - 15 min.)"
        )));
    }
    if signed > now + AHEAD {
        let edge = clock::basic(now + AHEAD);
        return Err(mismatch(format!(
            "Signature not yet current: {stamp} is still later than {edge} ({server} + 5 min.)"
        )));
    }
    let day = &stamp[..8];
    if day != scope_date {
        return Err(mismatch(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{scope_date}' != '{day}', from '{stamp}'."
        )));
    }
    Ok(())
}

fn sign(secret: &str, claim: &Claim<'_>, stamp: &str, request: &Request) -> String {
    let scope = format!(
        "{}/{}/{}/aws4_request",
        claim.date, claim.region, claim.service
    );
    let canonical = canonical_request(request, claim.signed_headers);
    let text = format!(
        "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
        sha256_hex(canonical.as_bytes())
    );
    let start = format!("AWS4{secret}").into_bytes();
    let key = [claim.date, claim.region, claim.service, "aws4_request"]
        .into_iter()
        .fold(start, |key, part| mac(&key, part.as_bytes()));
    hex(&mac(&key, text.as_bytes()))
}

fn canonical_request(request: &Request, signed_headers: &str) -> String {
    let mut pairs: Vec<_> = request
        .raw_query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            if pair.contains('=') {
                pair.to_owned()
            } else {
                format!("{pair}=")
            }
        })
        .collect();
    pairs.sort();
    let headers: String = signed_headers
        .split(';')
        .map(|name| {
            let values: Vec<_> = request
                .headers
                .iter()
                .filter(|(known, _)| known == name)
                .map(|(_, value)| {
                    value
                        .split(' ')
                        .filter(|word| !word.is_empty())
                        .collect::<Vec<_>>()
                        .join(" ")
                })
                .collect();
            format!("{name}:{}\n", values.join(","))
        })
        .collect();
    // Clients of S3 send the digest, or `UNSIGNED-PAYLOAD`.
    let payload = request
        .header("x-amz-content-sha256")
        .map_or_else(|| sha256_hex(&request.body), str::to_owned);
    format!(
        "{}\n{}\n{}\n{headers}\n{signed_headers}\n{payload}",
        request.method,
        request.path,
        pairs.join("&")
    )
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
        .as_ref()
        .to_vec()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
