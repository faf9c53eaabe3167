//! The AWS double of the tests behind its CONNECT proxy, for `benches/cold.py`: prints where it is and
//! what it knows, as JSON in one line, and ends with its stdin.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

// Only a part of tests/support: the rest needs the path of the binary, which only tests have.
#[path = "../tests/support/double/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs, clippy::expect_used)]
mod double;

use std::io::Read;

use double::{Double, Role, SsoSession, clock};
use serde_json::json;

fn main() {
    let aws = Double::start();
    let (id, secret) = (
        "AKIAQBENCHBENCHBENCH",
        "benchSecretbenchSecretbenchSecretbenchSe",
    );
    aws.add_user(id, secret, "arn:aws:iam::111111111111:user/ann");
    let roles: Vec<String> = (1..=5)
        .map(|n| format!("arn:aws:iam::22222222222{n}:role/hop{n}"))
        .collect();
    for role in &roles {
        aws.add_role(Role {
            trusts: vec!["*".into()],
            ..Role::new(role)
        });
    }
    let start_url = "https://d-1234567890.awsapps.com/start";
    aws.add_sso(SsoSession {
        start_url: start_url.into(),
        access_token: "bench-access-token".into(),
        token_expires: clock::now() + 86_400,
        user: "ann".into(),
        assignments: vec![("333333333333".into(), "Admin".into())],
        role_lifetime: 3600,
        ..SsoSession::default()
    });
    let proxy = aws.proxy();
    println!(
        "{}",
        json!({
            "proxy": proxy.url,
            "ca": proxy.ca_pem,
            "access_key_id": id,
            "secret_access_key": secret,
            "roles": roles,
            "start_url": start_url,
            "access_token": "bench-access-token",
            "account": "333333333333",
            "permission_set": "Admin",
        })
    );
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
