//! A demo without an AWS account: the real program, as separate processes, with a simulation of AWS
//! on loopback and a temporary home. `cargo run --release --example demo`
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

// Only a part of tests/support: the rest needs the path of the binary, which only tests have.
#[path = "../tests/support/double/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs, clippy::expect_used)]
mod double;
#[path = "../tests/support/sandbox.rs"]
#[allow(dead_code, missing_docs)]
mod sandbox;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use double::{Double, Fault, Role, SsoSession};
use sandbox::{Run, Sandbox};

/// Set for child processes: they run the code of the binary.
const AS_AWSFRESH: &str = "AWSFRESH_DEMO_AS_AWSFRESH";

const ROLE: &str = "arn:aws:iam::222222222222:role/deploy";

fn main() -> ExitCode {
    if std::env::var_os(AS_AWSFRESH).is_some() {
        return awsfresh::main().into();
    }
    let aws = Double::start();
    aws.add_user(
        "AKIAQDEMODEMODEMODEM",
        "demoSecretdemoSecretdemoSecretdemoSecret",
        "arn:aws:iam::111111111111:user/ann",
    );
    let role = |lifetime| Role {
        trusts: vec!["*".into()],
        lifetime: Some(lifetime),
        ..Role::new(ROLE)
    };
    aws.add_role(role(3600));

    let home = Sandbox::new(std::env::current_exe().unwrap(), &aws.url());
    home.env(AS_AWSFRESH, "1");
    home.credentials(
        "[base]\naws_access_key_id = AKIAQDEMODEMODEMODEM\n\
         aws_secret_access_key = demoSecretdemoSecretdemoSecretdemoSecret\n",
    );
    home.config(format!(
        "[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\nregion = eu-west-1\n"
    ));
    println!(
        "A simulation of AWS runs on {}. The home is {}.\n~/.aws/config:\n",
        aws.url(),
        home.home().display()
    );
    println!("    [profile deploy]\n    role_arn = {ROLE}\n    source_profile = base\n");

    step("A cold call requests a session from AWS");
    let run = home.credentials_of("deploy");
    show(&run);
    asked(&aws, 1);

    step("A warm call answers from the sealed cache");
    let run = home.credentials_of("deploy");
    show(&run);
    asked(&aws, 1);

    step(
        "Twenty concurrent processes with a cold cache, and an AWS that needs 150 ms: one request",
    );
    home.run(&["forget", "--all"]);
    aws.fault(Fault::Latency(Duration::from_millis(150)));
    let began = Instant::now();
    let children: Vec<_> = (0..20)
        .map(|_| home.start(&["credential-process", "-p", "deploy"]))
        .collect();
    let answers: Vec<_> = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().stdout)
        .collect();
    aws.heal();
    let same = answers.iter().all(|a| a == &answers[0] && !a.is_empty());
    println!(
        "  20 answers in {} ms, all the same session: {same}",
        began.elapsed().as_millis()
    );
    asked(&aws, 2);

    step("A renewal: sessions now last 9 s and are renewed in their last third");
    aws.add_role(role(9));
    home.run(&["forget", "--all"]);
    let first = home.credentials_of("deploy");
    println!("  {}", key_of(&first));
    std::thread::sleep(Duration::from_millis(7200));
    println!(
        "  {} (7 s later: renewed before it expired)",
        key_of(&home.credentials_of("deploy"))
    );
    asked(&aws, 4);

    step("An outage: AWS fails, and shortly afterwards the session expires");
    std::thread::sleep(Duration::from_millis(7200));
    aws.fault(Fault::Error {
        status: 503,
        code: "ServiceUnavailable".into(),
        message: "demo".into(),
    });
    println!(
        "  {} (still valid: returned with its true expiration)",
        key_of(&home.credentials_of("deploy"))
    );
    std::thread::sleep(Duration::from_secs(3));
    show(&home.credentials_of("deploy"));
    aws.heal();

    #[cfg(unix)]
    wrapped(&aws, &home, role(6));

    step("A failure with its cause: the access key is deleted");
    aws.remove_key("AKIAQDEMODEMODEMODEM");
    show(&home.credentials_of("deploy"));

    step("The message of the AWS CLI for this failure, in a log: awsfresh explain");
    let log = home.file(
        "log",
        "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity operation: \
         The security token included in the request is invalid.\n",
    );
    println!(
        "{}",
        home.wrap(&["explain", log.to_str().unwrap(), "-p", "base"])
            .stdout
    );

    step(
        "A truncated access key ID, and a comment after the secret: awsfresh doctor -p deploy \
         --offline",
    );
    home.credentials(
        "[base]\naws_access_key_id = AKIAQDEMODEMODEMO\n\
         aws_secret_access_key = demoSecretdemoSecretdemoSecretdemoSecret # May\n",
    );
    println!(
        "{}",
        home.wrap(&["doctor", "-p", "deploy", "--offline"]).stdout
    );

    sign_in(&aws, &home);

    step("The cache: awsfresh status");
    println!("{}", home.run(&["status"]).stdout);
    ExitCode::SUCCESS
}

/// Someone approves the code in a browser, as far as AWS can tell.
fn sign_in(aws: &Double, home: &Sandbox) {
    const START: &str = "https://d-1234567890.awsapps.com/start";
    aws.approve_every_device();
    aws.add_sso(SsoSession {
        start_url: START.into(),
        token_expires: 0,
        refresh_token: None,
        assignments: vec![("333333333333".into(), "ReadOnly".into())],
        ..SsoSession::default()
    });
    home.config(format!(
        "[sso-session corp]\nsso_start_url = {START}\nsso_region = eu-west-1\n\
         [profile reports]\nsso_session = corp\nsso_account_id = 333333333333\n\
         sso_role_name = ReadOnly\nregion = eu-west-1\n"
    ));
    step("A profile with SSO, and no sign-in yet");
    show(&home.credentials_of("reports"));
    step("awsfresh login corp --device, approved at once; then the same profile, and logout");
    println!(
        "{}",
        home.wrap(&["login", "corp", "--device"]).stderr.trim_end()
    );
    show(&home.credentials_of("reports"));
    println!("{}", home.wrap(&["logout", "corp"]).stderr.trim_end());
}

/// The command behaves like an SDK: it runs the `credential_process` of the selected profile.
#[cfg(unix)]
fn wrapped(aws: &Double, home: &Sandbox, short: Role) {
    let ask = format!("{} | grep -o 'ASIA[A-Z0-9]*'", sandbox::ASK);
    aws.add_role(short);
    home.run(&["forget", "--all"]);
    step(
        "A command that runs longer than its credentials are valid: awsfresh -p deploy -- COMMAND",
    );
    let run = home.wrap(&[
        "-p",
        "deploy",
        "--",
        "sh",
        "-c",
        &format!("{ask}; sleep 7; {ask}"),
    ]);
    let keys: Vec<&str> = run.stdout.lines().collect();
    println!("  at the start {}, 7 s later {}", keys[0], keys[1]);
    assert_ne!(keys[0], keys[1], "the demo does not do what it announces");

    step(
        "The same with --deliver env, which cannot be renewed: the command fails, and the cause is \
         shown",
    );
    let run = home.wrap(&[
        "-p",
        "deploy",
        "--deliver",
        "env",
        "--",
        "sh",
        "-c",
        "sleep 7; exit 1",
    ]);
    println!(
        "  exit {}\n{}",
        run.code.unwrap_or(-1),
        run.stderr.trim_end()
    );
}

fn step(text: &str) {
    println!("\n── {text}");
}

fn key_of(run: &Run) -> String {
    let answer = run.answer();
    format!(
        "{} until {}",
        answer["AccessKeyId"].as_str().unwrap(),
        answer["Expiration"].as_str().unwrap()
    )
}

fn show(run: &Run) {
    match run.code {
        Some(0) => println!(
            "  {} ({:.1} ms)",
            key_of(run),
            run.took.as_secs_f64() * 1000.0
        ),
        code => println!("  exit {}\n{}", code.unwrap_or(-1), run.stderr.trim_end()),
    }
}

fn asked(aws: &Double, times: usize) {
    let count = aws.count("AssumeRole");
    println!("  AssumeRole calls so far: {count}");
    assert_eq!(count, times, "the demo does not do what it announces");
}
