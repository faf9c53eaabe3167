//! Services other than STS, as far as needed to check the caller. Each family of services has its
//! own error codes, statuses and format for the errors of STS.

use serde_json::json;

use super::http::{Reply, Request};
use super::{Refusal, State, sigv4, sso, sts};

#[derive(Clone, Copy, PartialEq)]
pub enum Family {
    /// Every bucket exists and is empty.
    S3,
    Ec2,
    /// DynamoDB, KMS, ECS: JSON 1.0 and 1.1.
    Json,
    /// Lambda, EKS.
    RestJson,
}

impl Family {
    /// The family of a request; none for STS.
    pub fn of(request: &Request) -> Option<Self> {
        match sigv4::service(request) {
            _ if request.header("x-amz-target").is_some() => Some(Self::Json),
            _ if request.param("Version") == Some("2016-11-15") => Some(Self::Ec2),
            Some("s3") => Some(Self::S3),
            Some("lambda" | "eks") => Some(Self::RestJson),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "S3",
            Self::Ec2 => "EC2",
            Self::Json => "JSON",
            Self::RestJson => "REST",
        }
    }

    /// Every caller may list buckets, and nothing else.
    pub fn answer(self, state: &State, request: &Request, now: i64) -> Reply {
        let service = sigv4::service(request).unwrap_or_default();
        let caller = match sigv4::verify(state, request, service, now) {
            Ok(key) => key.arn.clone(),
            Err(refusal) => return self.refuse(&self.translate(refusal)),
        };
        let mut reply = match self {
            Self::S3 => bucket(request.path.trim_matches('/')),
            Self::Ec2 => self.refuse(&Refusal::new(
                403,
                "UnauthorizedOperation",
                "You are not authorized to perform this operation.",
            )),
            Self::Json | Self::RestJson => {
                let target = request.header("x-amz-target").unwrap_or_default();
                let action = target.rsplit('.').next().unwrap_or_default();
                let message =
                    format!("User: {caller} is not authorized to perform: {service}:{action}");
                self.refuse(&Refusal::new(
                    if self == Self::Json { 400 } else { 403 },
                    "AccessDeniedException",
                    message,
                ))
            }
        };
        reply.caller = Some(caller);
        reply
    }

    /// The error of STS, translated to this family.
    fn translate(self, refusal: Refusal) -> Refusal {
        let skewed = refusal.message.starts_with("Signature expired")
            || refusal.message.starts_with("Signature not yet");
        let (status, code, message) = match (self, refusal.code.as_str()) {
            (Self::Json | Self::RestJson, code) => {
                let code = match code {
                    "InvalidClientTokenId" => "UnrecognizedClientException".to_owned(),
                    "SignatureDoesNotMatch" => "InvalidSignatureException".to_owned(),
                    other => format!("{other}Exception"),
                };
                return Refusal {
                    status: if self == Self::Json { 400 } else { 403 },
                    code,
                    ..refusal
                };
            }
            (Self::Ec2, "ExpiredToken") => (400, "RequestExpired", "Request has expired."),
            (Self::Ec2, _) => (
                401,
                "AuthFailure",
                "AWS was not able to validate the provided access credentials",
            ),
            (Self::S3, "InvalidClientTokenId") => (
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            (Self::S3, "ExpiredToken") => (400, "ExpiredToken", "The provided token has expired."),
            (Self::S3, "SignatureDoesNotMatch") if skewed => (
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            (Self::S3, "SignatureDoesNotMatch") => (
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. \
                 Check your key and signing method.",
            ),
            (Self::S3, _) => return refusal,
        };
        Refusal::new(status, code, message)
    }

    pub fn refuse(
        self,
        Refusal {
            status,
            code,
            message,
        }: &Refusal,
    ) -> Reply {
        let id = sts::request_id();
        match self {
            Self::S3 => {
                let body = format!(
                    "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message>\
                     <RequestId>{id}</RequestId></Error>"
                );
                Reply::new(*status, "application/xml", body).with("x-amz-request-id", id)
            }
            Self::Ec2 => {
                let error = format!(
                    "<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
                     </Errors>"
                );
                let body = format!(
                    "<?xml version=\"1.0\"?><Response>{error}<RequestID>{id}</RequestID></Response>"
                );
                Reply::new(*status, "text/xml;charset=UTF-8", body).with("x-amzn-RequestId", id)
            }
            Self::Json => sso::json_reply(
                *status,
                &json!({"__type": format!("com.amazon.coral.service#{code}"), "message": message}),
            ),
            Self::RestJson => sso::json_reply(*status, &json!({"message": message}))
                .with("x-amzn-ErrorType", code.clone()),
        }
    }
}

fn bucket(path: &str) -> Reply {
    if path.contains('/') {
        return Family::S3.refuse(&Refusal::new(
            404,
            "NoSuchKey",
            "The specified key does not exist.",
        ));
    }
    let body = format!(
        "<?xml version=\"1.0\"?>\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>{path}</Name><Prefix></Prefix>\
         <KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>\
         </ListBucketResult>"
    );
    Reply::new(200, "application/xml", body)
}
