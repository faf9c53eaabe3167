//! S3 as far as it takes to see who comes: every bucket is there, and empty.

use super::http::{Reply, Request};
use super::{Refusal, State, sigv4};

pub fn answer(state: &State, request: &Request, now: i64) -> Reply {
    let caller = match sigv4::verify(state, request, "s3", now) {
        Ok(key) => key.arn.clone(),
        Err(refusal) => return refuse(&refusal),
    };
    let bucket = request.path.trim_matches('/');
    let mut reply = if bucket.contains('/') {
        refuse(&Refusal::new(404, "NoSuchKey", "The specified key does not exist."))
    } else {
        Reply::new(
            200,
            "application/xml",
            format!(
                "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{bucket}</Name>\
                 <Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"
            ),
        )
    };
    reply.caller = Some(caller);
    reply
}

pub fn refuse(refusal: &Refusal) -> Reply {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{}</Code><Message>{}</Message></Error>", refusal.code, refusal.message);
    Reply::new(refusal.status, "application/xml", body)
}
