//! Signals on Unix: forwarded to the command if another process sent them to us alone; stop and
//! continue.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, getsid, kill_process, waitid};
use signal_hook::consts::{
    SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2,
};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::iterator::{Handle, SignalsInfo};

use crate::sync::lock;

/// The signals that `--on-renew` accepts.
const NAMES: [(&str, i32); 6] = [
    ("HUP", SIGHUP),
    ("INT", SIGINT),
    ("QUIT", SIGQUIT),
    ("TERM", SIGTERM),
    ("USR1", SIGUSR1),
    ("USR2", SIGUSR2),
];

/// The number of a signal by its name, with or without `SIG`.
pub(crate) fn signal_number(name: &str) -> Option<i32> {
    let name = name.strip_prefix("SIG").unwrap_or(name);
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

/// Starts commands and forwards signals to the one that runs.
pub(in crate::wrap) struct Spawner {
    running: Arc<Mutex<Option<Pid>>>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Spawner {
    /// From here on signals do not end this process, but wait for the command.
    pub(in crate::wrap) fn new() -> io::Result<Self> {
        // A handler would undo what `nohup` and shells ignored on the command's behalf: it inherits
        // that only as it is.
        let ignored = ignored_signals();
        let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP];
        let handled = all
            .into_iter()
            .filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let mut signals = SignalsInfo::<WithOrigin>::new(handled)?;
        let handle = signals.handle();
        let running = Arc::new(Mutex::new(None));
        let target = running.clone();
        let forward = move || {
            for Origin {
                signal, process, ..
            } in &mut signals
            {
                // Without a sender it came from the terminal, which has signalled the whole process
                // group. A terminal that is gone is told to the leader of the session alone.
                if process.is_some() {
                    send(&target, signal);
                } else if signal == SIGHUP && leads_session() {
                    send(&target, SIGHUP);
                    send(&target, SIGCONT); // a command that is stopped would not see it
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("signals".into())
            .spawn(forward)?;
        Ok(Self {
            running,
            handle,
            thread: Some(thread),
        })
    }

    /// Starts the command.
    pub(in crate::wrap) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        // Locked during the start: a signal that arrives now finds the command.
        let mut running = lock(&self.running);
        let child = command.spawn()?;
        *running = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Ok(child)
    }

    /// Waits for its end. If it is stopped, so is this process, so that the shell above sees it; if
    /// this process is continued, so is the command.
    pub(in crate::wrap) fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let pid = *lock(&self.running);
        // First without reaping, so that its process ID is not reused while a signal may be on its
        // way.
        let options = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
        while let Some(pid) = pid {
            match waitid(WaitId::Pid(pid), options) {
                Ok(Some(status)) if status.stopped() => {
                    let consume = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
                    let _ = waitid(WaitId::Pid(pid), consume);
                    let _ = kill_process(getpid(), Signal::STOP);
                    self.signal(SIGCONT);
                }
                Err(rustix::io::Errno::INTR) => {}
                _ => break,
            }
        }
        *lock(&self.running) = None;
        child.wait()
    }

    /// Sends a signal to the command, if it runs.
    pub(in crate::wrap) fn signal(&self, signal: i32) {
        send(&self.running, signal);
    }

    /// Asks the command to end.
    pub(in crate::wrap) fn end(&self) {
        self.signal(SIGTERM);
    }

    /// Ends the command.
    pub(in crate::wrap) fn kill(&self) {
        self.signal(SIGKILL);
    }

    /// The process ID of the running command.
    pub(in crate::wrap) fn running(&self) -> Option<i32> {
        lock(&self.running).map(|pid| pid.as_raw_nonzero().get())
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn leads_session() -> bool {
    getsid(None).is_ok_and(|leader| leader == getpid())
}

fn send(running: &Mutex<Option<Pid>>, signal: i32) {
    let running = lock(running);
    if let (Some(pid), Some(signal)) = (*running, Signal::from_named_raw(signal)) {
        let _ = kill_process(pid, signal); // it may have ended by itself
    }
}

/// The signals that are ignored from the start, as a mask; known on Linux only.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
