//! IAM: the access keys of the user who signs the request. A new key is not accepted at once.

use super::http::{Reply, Request};
use super::{BASE32, BASE64, Double, Key, Refusal, State, clock, random, sigv4, sts};

/// The operations.
const ACTIONS: [&str; 4] = [
    "ListAccessKeys",
    "CreateAccessKey",
    "UpdateAccessKey",
    "DeleteAccessKey",
];

impl Double {
    /// The IDs of the keys that a user has, active or not.
    pub fn keys_of(&self, arn: &str) -> Vec<String> {
        let state = self.state();
        let keys = state.keys.iter().chain(&state.inactive_keys);
        let own = keys.filter(|(_, key)| key.arn == arn && key.token.is_none());
        own.map(|(id, _)| id.clone()).collect()
    }

    /// Lets AWS reject a key so often before it accepts it.
    pub fn reject_key(&self, id: &str, rejections: usize) {
        self.state().rejections.insert(id.to_owned(), rejections);
    }

    /// How often AWS rejects a new key before it accepts it.
    pub fn delay_new_keys(&self, rejections: usize) {
        self.state().key_delay = rejections;
    }
}

pub fn is_iam(request: &Request) -> bool {
    request
        .param("Action")
        .is_some_and(|action| ACTIONS.contains(&action))
}

pub fn answer(state: &mut State, request: &Request, now: i64) -> Result<Reply, Refusal> {
    let caller = sigv4::verify(state, request, "iam", now)?.clone();
    let action = request.param("Action").unwrap_or_default();
    let target = request.param("AccessKeyId").unwrap_or_default().to_owned();
    let own = |key: &Key| key.arn == caller.arn && key.token.is_none();
    let unknown = || {
        let message = format!("The Access Key with id {target} cannot be found.");
        Refusal::new(404, "NoSuchEntity", message)
    };
    let body = match action {
        "ListAccessKeys" => {
            let active = state
                .keys
                .iter()
                .filter(|(_, key)| own(key))
                .map(|(id, _)| (id, "Active"));
            let inactive = state
                .inactive_keys
                .iter()
                .filter(|(_, key)| own(key))
                .map(|(id, _)| (id, "Inactive"));
            let member = |(id, status): (&String, &str)| {
                let created = state.key_dates.get(id).map_or(0, |date| *date);
                format!(
                    "<member><UserName>ann</UserName><AccessKeyId>{id}</AccessKeyId><Status>{status}</Status>\
                     <CreateDate>{}</CreateDate></member>",
                    awsfresh::time::Timestamp(created)
                )
            };
            let members: String = active.chain(inactive).map(member).collect();
            format!(
                "<AccessKeyMetadata>{members}</AccessKeyMetadata><IsTruncated>false</IsTruncated>"
            )
        }
        "CreateAccessKey" => {
            let count = state
                .keys
                .values()
                .chain(state.inactive_keys.values())
                .filter(|key| own(key))
                .count();
            if count >= 2 {
                let message = "Cannot exceed quota for AccessKeysPerUser: 2";
                return Err(Refusal::new(409, "LimitExceeded", message));
            }
            let (id, secret) = (format!("AKIA{}", random(BASE32, 16)), random(BASE64, 40));
            let key = Key {
                secret: secret.clone(),
                ..caller.clone()
            };
            state.keys.insert(id.clone(), key);
            state.key_dates.insert(id.clone(), clock::now());
            state.rejections.insert(id.clone(), state.key_delay);
            format!(
                "<AccessKey><UserName>ann</UserName><AccessKeyId>{id}</AccessKeyId><Status>Active</Status>\
                 <SecretAccessKey>{secret}</SecretAccessKey></AccessKey>"
            )
        }
        "UpdateAccessKey" => {
            let key = state.keys.remove(&target);
            let key = key.or_else(|| state.inactive_keys.remove(&target));
            state
                .inactive_keys
                .insert(target.clone(), key.ok_or_else(unknown)?);
            String::new()
        }
        _ => {
            let key = state
                .keys
                .remove(&target)
                .or_else(|| state.inactive_keys.remove(&target));
            key.ok_or_else(unknown)?;
            String::new()
        }
    };
    let mut reply = Reply::new(
        200,
        "text/xml",
        format!(
            "<{action}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{action}Result>{body}\
             </{action}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{action}Response>",
            sts::request_id()
        ),
    );
    reply.caller = Some(caller.arn);
    Ok(reply)
}
