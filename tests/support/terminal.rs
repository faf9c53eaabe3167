//! A run on a terminal of its own, by util-linux's `script`.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::sandbox::Sandbox;

/// How long a run may take to show something, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    /// Where the text ends that was waited for last, in bytes of the screen.
    seen: usize,
}

impl Terminal {
    /// Runs a command line of a shell, in the environment of a home.
    pub fn run(home: &Sandbox, line: &str) -> Self {
        let mut plain = home.command(&[]);
        plain.env("SHELL", "/bin/sh").env("TERM", "xterm");
        // A job in the background of a script, such as a CI job, ignores SIGINT, and so would this.
        let mut command = Command::new("/usr/bin/env");
        command
            .args(["--default-signal", "/usr/bin/script"])
            .args(["-qefc", line, "/dev/null"])
            .env_clear()
            .envs(
                plain
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .current_dir(home.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("script, of util-linux");
        let keyboard = child.stdin.take().unwrap();
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut output, shown) = (child.stdout.take().unwrap(), screen.clone());
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut chunk) {
                shown.lock().unwrap().extend(&chunk[..n]);
            }
        });
        Self {
            child,
            keyboard,
            screen,
            seen: 0,
        }
    }

    /// What the terminal has shown so far.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until the terminal shows a text, after that which was waited for last: a question
    /// that is still on the screen is not taken for the next one.
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.advance_past(text) {
            assert!(
                Instant::now() < end,
                "`{text}` is not shown: {}",
                self.screen()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn advance_past(&mut self, text: &str) -> bool {
        let screen = self.screen.lock().unwrap();
        let found = memchr::memmem::find(&screen[self.seen..], text.as_bytes());
        if let Some(at) = found {
            self.seen += at + text.len();
        }
        found.is_some()
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(line.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Closes the terminal, as a window manager does.
    pub fn close(&self) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-KILL", &pid]).status();
        assert!(killed.is_ok_and(|status| status.success()));
    }

    /// Waits for the end: the exit code, and all that was shown.
    pub fn end(mut self) -> (Option<i32>, String) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                std::thread::sleep(Duration::from_millis(20));
                return (status.code(), self.screen());
            }
            assert!(Instant::now() < end, "the run hangs: {}", self.screen());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
