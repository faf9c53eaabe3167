//! A demo without an AWS account: the real program, as separate processes, with a simulation of AWS
//! on loopback and a temporary home. `cargo run --release --example demo`
//!
//! It asserts what it announces, and takes half a minute, most of it waiting for sessions to expire.
//! Lines are at most 80 columns wide; what awsfresh prints is wrapped for that.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods)]

// Only a part of tests/support: the rest needs the path of the binary, which only tests have.
#[path = "../tests/support/double/mod.rs"]
#[allow(dead_code, unused_imports, missing_docs, clippy::expect_used)]
mod double;
#[path = "../tests/support/sandbox.rs"]
#[allow(dead_code, missing_docs)]
mod sandbox;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use double::{Double, Fault, Role, SsoSession};
use sandbox::{Run, Sandbox};

/// Set for child processes: they run the code of the binary.
const AS_AWSFRESH: &str = "AWSFRESH_DEMO_AS_AWSFRESH";

const KEY: &str = "AKIAQDEMODEMODEMODEM";
const SECRET: &str = "demoSecretdemoSecretdemoSecretdemoSecret";
const ROLE: &str = "arn:aws:iam::222222222222:role/deploy";
const START: &str = "https://corp.awsapps.com/start";
const WIDTH: usize = 80;

const CONFIG: &str = "\
[profile deploy]
role_arn = arn:aws:iam::222222222222:role/deploy
source_profile = base
region = eu-west-1

[profile prod]
sso_session = corp
sso_account_id = 333333333333
sso_role_name = Admin
region = eu-west-1

[sso-session corp]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
";

const NEXT: &str = "
── What to do next

  ./install.sh                     install it into ~/.local/bin
  awsfresh setup                   your profiles: a diff, a question, and --undo
  awsfresh login                   if they need a sign-in
  awsfresh doctor -p PROFILE       if something does not work
  awsfresh -p PROFILE -- COMMAND   a command with credentials that stay fresh

  README.md has the rest, docs/guides one page for each place: laptop, SSH, WSL,
  containers, cron, CI, AWS itself, editors and agents, Terraform.
";

fn main() -> ExitCode {
    if std::env::var_os(AS_AWSFRESH).is_some() {
        return awsfresh::main().into();
    }
    let demo = Demo::start();
    demo.cache();
    demo.setup();
    demo.sign_in();
    demo.outage();
    #[cfg(unix)]
    demo.wrapped();
    demo.diagnosis();
    println!("{NEXT}");
    ExitCode::SUCCESS
}

struct Demo {
    aws: Double,
    home: Sandbox,
    /// The path of the program.
    program: PathBuf,
    _program_dir: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let aws = Double::start();
        aws.add_user(KEY, SECRET, "arn:aws:iam::111111111111:user/ann");
        aws.add_role(role(3600));
        aws.approve_every_device();
        aws.add_sso(SsoSession {
            start_url: START.into(),
            token_expires: 0,
            refresh_token: None,
            assignments: ["Admin", "ReadOnly"]
                .map(|role| ("333333333333".into(), role.into()))
                .into(),
            ..SsoSession::default()
        });
        aws.name_account("333333333333", "prod");

        // Under its own name, by which it knows the profiles that it has set up.
        let program_dir = tempfile::tempdir().unwrap();
        let program = program_dir.path().join("awsfresh");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let home = Sandbox::new(&program, &aws.url());
        // AWS under its own host names, behind a proxy with a certificate of its own.
        let proxy = aws.proxy();
        let bundle = home.file("ca.pem", &proxy.ca_pem);
        home.unset("AWS_ENDPOINT_URL")
            .env("HTTPS_PROXY", &proxy.url)
            .env("AWS_CA_BUNDLE", bundle.to_str().unwrap())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("USER", "ann")
            .env(AS_AWSFRESH, "1");
        let demo = Self {
            aws,
            home,
            program,
            _program_dir: program_dir,
        };
        demo.keys(KEY, "");
        demo.home.config(CONFIG);
        println!(
            "The real program, with a simulation of AWS on this machine, and a temporary\n\
             home directory. Its ~/.aws/config:\n"
        );
        demo.print(CONFIG);
        demo
    }

    /// The credentials file.
    fn keys(&self, id: &str, more: &str) {
        let text =
            format!("[base]\naws_access_key_id = {id}\naws_secret_access_key = {SECRET}{more}\n");
        let path = self.home.credentials(text).home().join(".aws/credentials");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        #[cfg(not(unix))]
        drop(path);
    }

    fn cache(&self) {
        step("The first call requests a session; the second one is from the cache");
        for _ in 0..2 {
            self.show(&self.home.credentials_of("deploy"));
            self.asked(1);
        }

        step("Twenty processes at once, and an AWS that takes 150 ms: one request");
        self.home.run(&["forget", "--all"]);
        self.aws.fault(Fault::Latency(Duration::from_millis(150)));
        let began = Instant::now();
        let children: Vec<_> = (0..20)
            .map(|_| self.home.start(&["credential-process", "-p", "deploy"]))
            .collect();
        let answers: Vec<_> = children
            .into_iter()
            .map(|child| child.wait_with_output().unwrap().stdout)
            .collect();
        self.aws.heal();
        let same = answers.iter().all(|a| a == &answers[0] && !a.is_empty());
        assert!(same, "the demo does not do what it announces");
        println!(
            "  20 answers after {} ms, all the same session",
            began.elapsed().as_millis()
        );
        self.asked(2);
    }

    fn setup(&self) {
        step("Every tool gets its credentials from awsfresh: a diff, and the way back");
        self.command(&["setup", "deploy", "--yes"]);
        let config = || std::fs::read_to_string(self.home.home().join(".aws/config")).unwrap();
        assert_ne!(config(), CONFIG, "the demo does not do what it announces");
        println!();
        self.command(&["setup", "--check"]);
        println!();
        let run = self.home.wrap(&["setup", "--undo", "--yes"]);
        println!("  $ awsfresh setup --undo --yes");
        self.print(&run.stderr);
        assert_eq!(config(), CONFIG, "the demo does not do what it announces");
        println!("  ~/.aws/config is as before, byte for byte");
    }

    /// A person approves the code in a browser, as far as AWS can tell.
    fn sign_in(&self) {
        step("A profile of IAM Identity Center, and no sign-in yet");
        self.command(&["credential-process", "--profile", "prod"]);
        step("The sign-in: a code, approved in a browser on any machine (here: at once)");
        self.command(&["login", "corp", "--device"]);
        self.show(&self.home.credentials_of("prod"));
        step("A profile for each role that the portal lists");
        println!("  $ awsfresh setup --sso corp --yes");
        let run = self.home.wrap(&["setup", "--sso", "corp", "--yes"]);
        let sections = run
            .stdout
            .lines()
            .filter(|line| line.starts_with("+[profile"));
        sections.for_each(|line| self.print(line));
        self.print(&run.stderr);
        assert!(self.home.credentials_of("prod/ReadOnly").code == Some(0));
        step("What is cached, and for how long");
        self.command(&["status"]);
        self.home
            .run(&["setup", "--sso", "corp", "--undo", "--yes"]);
    }

    fn outage(&self) {
        step("Sessions now last 9 s; after 7 s a renewal is due, and AWS fails");
        self.aws.add_role(role(9));
        self.home.run(&["forget", "--all"]);
        let first = key_of(&self.home.credentials_of("deploy"));
        println!("  {first}");
        std::thread::sleep(Duration::from_millis(7200));
        self.aws.fault(Fault::Error {
            status: 503,
            code: "ServiceUnavailable".into(),
            message: "demo".into(),
        });
        let second = key_of(&self.home.credentials_of("deploy"));
        println!("  {second}: still valid, so it is served");
        assert_eq!(first, second, "the demo does not do what it announces");
        std::thread::sleep(Duration::from_millis(2500));
        println!("  and when it has expired:");
        self.show(&self.home.credentials_of("deploy"));
        self.aws.heal();
    }

    /// The command behaves like an SDK: it runs the `credential_process` of the selected profile.
    #[cfg(unix)]
    fn wrapped(&self) {
        self.aws.add_role(role(6));
        let ask = format!("{} | grep -o 'ASIA[A-Z0-9]*'", sandbox::ASK);
        self.home.run(&["forget", "--all"]);
        step("A command that runs for longer than its credentials");
        let script = format!("{ask}; sleep 7; {ask}");
        let run = self.home.wrap(&["-p", "deploy", "--", "sh", "-c", &script]);
        let keys: Vec<&str> = run.stdout.lines().collect();
        println!("  at the start {}, 7 s later {}", keys[0], keys[1]);
        assert_ne!(keys[0], keys[1], "the demo does not do what it announces");

        step("The same with --deliver env: variables cannot be renewed");
        self.aws.add_role(role(3));
        self.home.run(&["forget", "--all"]);
        let words = ["-p", "deploy", "--deliver", "env", "--"];
        let run = self
            .home
            .wrap(&[&words[..], &["sh", "-c", "sleep 4; exit 1"]].concat());
        println!("  exit {}", run.code.unwrap_or(-1));
        self.print(&run.stderr);
        self.aws.add_role(role(3600));
    }

    fn diagnosis(&self) {
        step("What the AWS CLI says when a key is deleted, in a log: awsfresh explain");
        self.aws.remove_key(KEY);
        let log = self.home.file(
            "nightly.log",
            "An error occurred (InvalidClientTokenId) when calling the GetCallerIdentity \
             operation: The security token included in the request is invalid.\n",
        );
        let log = log.to_str().unwrap();
        println!("  $ awsfresh explain nightly.log -p base");
        self.print(&self.home.wrap(&["explain", log, "-p", "base"]).stdout);

        step("And what awsfresh doctor says, which asks AWS");
        self.home.run(&["forget", "--all"]);
        self.command(&["doctor", "-p", "deploy"]);

        step("A truncated key, and a comment behind the secret, found without AWS");
        self.keys("AKIAQDEMODEMODEMO", " # May");
        self.command(&["doctor", "-p", "deploy", "--offline"]);
    }

    /// Runs a command and shows what it prints.
    fn command(&self, args: &[&str]) {
        println!("  $ awsfresh {}", args.join(" "));
        let run = self.home.wrap(args);
        self.print(&run.stdout);
        self.print(&run.stderr);
    }

    fn show(&self, run: &Run) {
        if run.code == Some(0) {
            let took = run.took.as_secs_f64() * 1000.0;
            println!("  {} ({took:.1} ms)", key_of(run));
        } else {
            println!("  exit {}", run.code.unwrap_or(-1));
            self.print(&run.stderr);
        }
    }

    fn asked(&self, times: usize) {
        let count = self.aws.count("AssumeRole");
        println!("  AssumeRole calls so far: {count}");
        assert_eq!(count, times, "the demo does not do what it announces");
    }

    /// Prints what awsfresh has printed, within 80 columns.
    fn print(&self, text: &str) {
        let text = text
            .replace(&*self.program.to_string_lossy(), "~/.local/bin/awsfresh")
            .replace(&*self.home.home().to_string_lossy(), "~");
        for line in text.trim_end().lines() {
            let line = wrapped(&format!("    {line}"), WIDTH);
            println!("{}", line.trim_end());
        }
    }
}

fn role(lifetime: i64) -> Role {
    Role {
        trusts: vec!["*".into()],
        lifetime: Some(lifetime),
        ..Role::new(ROLE)
    }
}

/// A line in parts that fit, the later ones indented. A word that is too long is cut.
fn wrapped(line: &str, width: usize) -> String {
    let indent = line.len() - line.trim_start().len() + 6;
    let mut lines = Vec::new();
    let mut rest: Vec<char> = line.chars().collect();
    while rest.len() > width {
        let start = rest.iter().take_while(|c| **c == ' ').count();
        let space = rest[..=width].iter().rposition(|c| *c == ' ');
        let at = space.filter(|at| *at > start).unwrap_or(width);
        let later: String = rest[at..].iter().collect();
        let line: String = rest[..at].iter().collect();
        lines.push(line.trim_end().to_owned());
        rest = format!("{}{}", " ".repeat(indent), later.trim_start())
            .chars()
            .collect();
    }
    lines.push(rest.into_iter().collect());
    lines.join("\n")
}

fn step(text: &str) {
    println!("\n{}", wrapped(&format!("── {text}"), WIDTH));
}

fn key_of(run: &Run) -> String {
    let answer = run.answer();
    format!(
        "{} until {}",
        answer["AccessKeyId"].as_str().unwrap(),
        answer["Expiration"].as_str().unwrap()
    )
}
