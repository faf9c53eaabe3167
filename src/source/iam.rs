//! The access keys of a user at IAM: list, create, deactivate, delete.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html>

use std::time::{Duration, UNIX_EPOCH};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use form_urlencoded::Serializer;
use zeroize::Zeroizing;

use super::connection::Service;
use super::connection_error::connection_error;
use super::plain_request::{body_text, call};
use super::sdk_error::service_error;
use super::{Calls, Identity};
use crate::aws::access_key::Keys;
use crate::aws::error_code::ApiError;
use crate::aws::error_finding::RequestContext;
use crate::aws::partition;
use crate::credentials::{Credentials, Secret};
use crate::finding::{Cause, Finding, Result};
use crate::text::redacted;
use crate::time::Timestamp;

const VERSION: &str = "2010-05-08";

/// A key as IAM lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) created: Option<Timestamp>,
}

/// The access keys of one user.
pub(crate) struct AccessKeys<'a> {
    calls: &'a Calls<'a>,
    partition: String,
    url: String,
    region: &'static str,
}

impl<'a> AccessKeys<'a> {
    /// Those of `owner`. Connects nowhere yet.
    pub(crate) fn new(calls: &'a Calls<'a>, owner: &Identity) -> Result<Self> {
        let partition = partition::of_arn(&owner.arn).unwrap_or("aws").to_owned();
        let Some((host, region)) = partition::iam_endpoint(&partition, calls.connections.fips)
        else {
            let summary = format!("awsfresh does not know where IAM is in partition {partition}");
            return Err(Finding::new(Cause::Usage, summary)
                .remedy("create the key with the AWS CLI, and store it with awsfresh keys add"));
        };
        let url = match calls.connections.url(Service::Iam) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("https://{host}"),
        };
        Ok(Self {
            calls,
            partition,
            url,
            region,
        })
    }

    /// Every key of the user. AWS allows two.
    pub(crate) fn list(&self, caller: &Credentials) -> Result<Vec<AccessKey>> {
        let body = self.request("ListAccessKeys", &[], caller)?;
        let members = body.split("<member>").skip(1);
        let keys = members.map(|member| AccessKey {
            id: element(member, "AccessKeyId")
                .unwrap_or_default()
                .to_owned(),
            created: element(member, "CreateDate").and_then(Timestamp::parse),
        });
        Ok(keys.filter(|one| !one.id.is_empty()).collect())
    }

    /// A new key. Its secret is in this response and nowhere else.
    pub(crate) fn create(&self, caller: &Credentials) -> Result<Credentials> {
        let body = self.request("CreateAccessKey", &[], caller)?;
        let field = |name| element(&body, name).map(str::to_owned);
        let (Some(id), Some(secret)) = (field("AccessKeyId"), field("SecretAccessKey")) else {
            return Err(Finding::not_aws(
                "IAM",
                "a response to CreateAccessKey without a key",
            ));
        };
        Ok(Credentials {
            access_key_id: id,
            secret_access_key: Secret::new(secret),
            session_token: None,
            expiration: None,
            account_id: None,
        })
    }

    /// From now on AWS does not accept the key, until it is activated again.
    pub(crate) fn deactivate(&self, id: &str, caller: &Credentials) -> Result<()> {
        let fields = [("AccessKeyId", id), ("Status", "Inactive")];
        self.answer("UpdateAccessKey", &fields, caller).map(drop)
    }

    /// Deletes a key for good.
    pub(crate) fn delete(&self, id: &str, caller: &Credentials) -> Result<()> {
        let fields = [("AccessKeyId", id)];
        self.answer("DeleteAccessKey", &fields, caller).map(drop)
    }

    /// The body of a response about something that exists.
    fn request(
        &self,
        action: &str,
        fields: &[(&str, &str)],
        caller: &Credentials,
    ) -> Result<Zeroizing<String>> {
        let body = self.answer(action, fields, caller)?;
        body.ok_or_else(|| Finding::not_aws("IAM", "NoSuchEntity for the caller itself"))
    }

    /// One signed request, and the body of its response; `None` if what it names does not exist.
    fn answer(
        &self,
        action: &str,
        fields: &[(&str, &str)],
        caller: &Credentials,
    ) -> Result<Option<Zeroizing<String>>> {
        let mut query = Serializer::new(String::new());
        query
            .append_pair("Action", action)
            .append_pair("Version", VERSION);
        query.extend_pairs(fields);
        let url = format!("{}/?{}", self.url, query.finish());
        let headers = self.signed(&url, caller)?;
        let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let headers: Vec<(&'static str, &str)> = headers.collect();
        let transport = self.calls.connections.transport(&url)?;
        let limit = self.calls.time_left();
        let sent = async { Ok(call(&transport, "GET", &url, &headers, limit).await) };
        let response = self
            .calls
            .run(sent)?
            .map_err(|detail| connection_error(&redacted(&detail), detail == "timed out", "IAM"))?;
        let (status, body) = (
            response.status().as_u16(),
            Zeroizing::new(body_text(&response)),
        );
        if status == 200 && body.contains(&format!("<{action}Response")) {
            return Ok(Some(body));
        }
        match element(&body, "Code") {
            Some("NoSuchEntity") => Ok(None),
            _ => Err(self.error(action, status, &body, caller)),
        }
    }

    fn signed(&self, url: &str, caller: &Credentials) -> Result<Vec<(&'static str, String)>> {
        let unusable = |e: &dyn std::fmt::Display| {
            Finding::new(
                Cause::Unexpected,
                format!("the request to IAM could not be signed: {e}"),
            )
        };
        let identity = aws_credential_types::Credentials::new(
            &caller.access_key_id,
            caller.secret_access_key.expose(),
            caller
                .session_token
                .as_ref()
                .map(|token| token.expose().to_owned()),
            None,
            "awsfresh",
        );
        let identity = identity.into();
        let now = u64::try_from(self.calls.world.now().0).unwrap_or_default();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name("iam")
            .time(UNIX_EPOCH + Duration::from_secs(now))
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| unusable(&e))?;
        let request =
            SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]));
        let request = request.map_err(|e| unusable(&e))?;
        let signed = sign(request, &params.into()).map_err(|e| unusable(&e))?;
        let (instructions, _) = signed.into_parts();
        let headers = instructions.headers().filter_map(|(name, value)| {
            let known = ["authorization", "x-amz-date", "x-amz-security-token"];
            let name = known.into_iter().find(|known| *known == name)?;
            Some((name, value.to_owned()))
        });
        Ok(headers.collect())
    }

    fn error(&self, action: &str, status: u16, body: &str, caller: &Credentials) -> Finding {
        let field = |name| element(body, name).unwrap_or_default();
        let (code, message) = (field("Code"), field("Message"));
        if let Some(finding) = service_error(code, status, "IAM") {
            return finding;
        }
        let error = ApiError {
            code,
            message,
            status: Some(status),
        };
        let context = RequestContext {
            what: &format!("the request {action}"),
            region: Some(self.region),
            keys: Some(Keys::from(caller)),
            partition: Some(&self.partition),
        };
        match error.kind() {
            Some(kind) => error.finding(kind, &context),
            None => Finding::new(
                Cause::Unexpected,
                format!("IAM rejected the request {action}"),
            )
            .evidence(redacted(&error.to_string()))
            .remedy("see the message of AWS above"),
        }
    }
}

/// The text of the first element with this name. IDs, secrets, dates and codes have no entities.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}
