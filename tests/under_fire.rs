//! Many processes where something is in their way: a home that cannot be written to, a full disk, a
//! stopped process, the home of another user. Modes do not bind root, who runs these as another user.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod support;

use std::process::{Child, Output};
use std::time::Duration;

use support::container::needs_namespace;
use support::double::Fault;
use support::fixtures::{
    self, KEY, ROLE, SECRET, USER, keys_of, open_role, role_on_keys, signed_in,
};
use support::sandbox::Sandbox;
use support::users::{UID, as_owner, give_away, needs_root};

const ASK: &[&str] = &["credential-process", "-p", "deploy"];

fn ends(children: Vec<Child>) -> Vec<Output> {
    let wait = |child: Child| child.wait_with_output().unwrap();
    children.into_iter().map(wait).collect()
}

/// Every process has the credentials, and its stderr is empty.
#[track_caller]
fn assert_served(outputs: &[Output]) {
    let wrong = |output: &&Output| !output.status.success() || !output.stderr.is_empty();
    let wrong: Vec<_> = outputs.iter().filter(wrong).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}: {:#?}",
        wrong.len(),
        outputs.len(),
        wrong.first()
    );
}

/// Runs `count` processes at once in a mount namespace, after `arrange`, which prepares `~/.local`;
/// returns the exit codes, and what was
/// printed on stderr.
fn herd_with(home: &Sandbox, arrange: &str, count: usize) -> Option<(Vec<i32>, String)> {
    let namespace = needs_namespace()?;
    home.file(
        "herd",
        format!(
            "mkdir -p .local && {arrange} || exit 99\n\
             for i in $(seq {count}); do\n\
             \t( {} credential-process -p deploy >/dev/null 2>>/dev/stderr; echo $? ) &\n\
             done\nwait\n",
            fixtures::AWSFRESH
        ),
    );
    let out = home.shell(&format!("{namespace} sh herd 2>stderr"));
    let codes = out.lines().map(|line| line.parse().unwrap()).collect();
    let stderr = std::fs::read_to_string(home.home().join("stderr")).unwrap();
    Some((codes, stderr))
}

const FULL: &str = "mount -t tmpfs -o size=16k,mode=700 tmpfs .local && \
     mkdir -p .local/state/awsfresh && chmod 700 .local/state/awsfresh && \
     { head -c 1000000 /dev/zero >.local/state/full; true; } 2>/dev/null";

#[test]
fn a_home_that_cannot_be_written_to_costs_one_call() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(100)));
    give_away(&home);
    home.shell("chmod 555 .");
    let herd: Vec<_> = (0..30)
        .map(|_| as_owner(&home, ASK).spawn().unwrap())
        .collect();
    assert_served(&ends(herd));
    assert_served(&[as_owner(&home, ASK).output().unwrap()]);
    assert_eq!(aws.count("AssumeRole"), 1);
    home.shell("chmod 755 .");
}

#[test]
fn a_full_disk_costs_one_call() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(100)));
    let Some((codes, stderr)) = herd_with(&home, FULL, 40) else {
        return;
    };
    assert_eq!(codes, [0; 40], "{stderr:.500}");
    assert_eq!(aws.count("AssumeRole"), 1, "{stderr:.500}");
}

#[test]
fn a_failure_is_shared_on_a_full_disk() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(300)));
    aws.remove_role(fixtures::ROLE);
    let Some((codes, stderr)) = herd_with(&home, FULL, 40) else {
        return;
    };
    assert_eq!(codes, [6; 40], "{stderr:.500}");
    // Processes that begin when the first one has failed ask again.
    assert!(
        aws.count("AssumeRole") <= 4,
        "{} calls",
        aws.count("AssumeRole")
    );
}

/// With a limit of no byte per file, there is no place for a result.
#[test]
fn without_any_place_each_process_asks_and_none_waits_for_the_others() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(300)));
    let Some((codes, stderr)) = herd_with(&home, "ulimit -f 0", 40) else {
        return;
    };
    assert_eq!(codes, [0; 40], "{stderr:.500}");
    let calls = aws.count("AssumeRole");
    assert!(calls <= 40, "{calls} calls");
}

#[test]
fn one_process_takes_over_from_a_stopped_one() {
    let (aws, home) = role_on_keys(None);
    aws.fault(Fault::Latency(Duration::from_millis(200)));
    let holder = home.start(ASK);
    while aws.count("AssumeRole") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    home.shell(&format!("kill -STOP {}", holder.id()));
    let herd: Vec<_> = (0..30).map(|_| home.start(ASK)).collect();
    let outputs = ends(herd);
    home.shell(&format!("kill -CONT {}", holder.id()));
    assert_served(&outputs);
    assert_eq!(
        aws.count("AssumeRole"),
        2,
        "one call of the stopped process, and one more"
    );
    assert_served(&ends(vec![holder]));
}

/// `sudo -E`: files of root in the home of a user would lock that user out.
#[test]
fn root_leaves_nothing_in_the_home_of_a_user_that_the_user_cannot_use() {
    let (aws, home, _) = signed_in(-60);
    if !needs_root(&home) {
        return;
    }
    aws.add_user(KEY, SECRET, USER);
    aws.add_role(open_role(ROLE, None));
    home.credentials(keys_of("base", KEY, SECRET));
    let config = std::fs::read_to_string(home.home().join(".aws/config")).unwrap();
    home.config(format!(
        "{config}[profile deploy]\nrole_arn = {ROLE}\nsource_profile = base\n\
         region = eu-west-1\n"
    ));
    give_away(&home);
    home.env("AWSFRESH_KEY_FILE", "/dev/null"); // root has no use for the user's key file
    for profile in ["deploy", "admin", "missing"] {
        home.wrap(&["credential-process", "-p", profile]);
    }
    home.wrap(&["-p", "deploy", "--", "sh", "-c", "exit 3"]);
    assert_eq!(aws.count("CreateToken"), 1);
    home.shell("rm -r .aws/sso");
    aws.approve_every_device();
    home.wrap(&["login", "corp", "--share-with-cli", "--device"]);
    let foreign = home.shell(&format!("find . ! -uid {UID}"));
    assert_eq!(foreign, "", "not the user's");
    // The user has the token that root has renewed, and a cache.
    let admin = ["credential-process", "-p", "admin"];
    let key_file = home.home().join("key");
    home.env("AWSFRESH_KEY_FILE", key_file.to_str().unwrap());
    let before = (aws.count("CreateToken"), aws.count("GetRoleCredentials"));
    for _ in 0..2 {
        assert_served(&[as_owner(&home, &admin).output().unwrap()]);
    }
    let after = (aws.count("CreateToken"), aws.count("GetRoleCredentials"));
    assert_eq!(after, (before.0, before.1 + 1));
}

/// One key per home directory would use up the kernel's quota for keys, which is 200 for most users.
#[test]
fn a_user_has_one_data_key_however_many_home_directories() {
    let keys = |home: &Sandbox| -> Vec<String> {
        let keys = home.shell("grep -o 'awsfresh:data-key[^ ]*' /proc/keys | sort -u");
        keys.lines().map(str::to_owned).collect()
    };
    let (_aws, home) = role_on_keys(None);
    let before = keys(&home);
    let homes: Vec<_> = (0..8).map(|_| role_on_keys(None)).collect();
    for (aws, home) in &homes {
        home.unset("AWSFRESH_KEY_FILE");
        assert_served(&ends((0..4).map(|_| home.start(ASK)).collect()));
        assert_eq!(aws.count("AssumeRole"), 1);
    }
    let new: Vec<_> = keys(&home)
        .into_iter()
        .filter(|key| !before.contains(key))
        .collect();
    assert!(new.len() <= 1, "{new:?}");
}

/// The private files of a wrapped command go to another place.
#[test]
fn a_command_is_run_on_a_full_disk() {
    let (aws, home) = role_on_keys(None);
    home.file("ask", support::sandbox::ASK);
    let Some(namespace) = needs_namespace() else {
        return;
    };
    let script = format!(
        "mkdir -p .local && {FULL}; {} -p deploy -- sh ~/ask",
        fixtures::AWSFRESH
    );
    home.file("wrapped", script);
    let out = home.shell(&format!("{namespace} sh wrapped"));
    assert!(out.contains("AccessKeyId"), "{out}");
    assert_eq!(aws.count("AssumeRole"), 1);
}
