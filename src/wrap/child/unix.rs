//! Signals on Unix: forwarded to the command if another process sent them to us alone; stop and
//! continue.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, getsid, kill_process, waitid};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGKILL, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP,
    SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH, SIGXCPU,
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

/// The signals that a terminal sends, to the whole process group.
const OF_TERMINAL: [i32; 5] = [SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGWINCH];

/// Further signals that are forwarded. Not among them: those that a fault of the program itself
/// causes, those that a background process gets for using the terminal, and real-time signals.
const OTHERS: [i32; 9] = [
    SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGABRT,
];

/// The signals that ask a command to end.
const END: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// Starts commands and forwards signals to the one that runs.
pub(in crate::wrap) struct Spawner {
    target: Arc<Mutex<Target>>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// The command, and what was asked of it.
#[derive(Default)]
struct Target {
    /// While it runs.
    pid: Option<Pid>,
    /// Signals that arrived while it did not run: they are for the next start.
    early: Vec<i32>,
    /// Whether it is being ended to be started again.
    restarting: bool,
    /// Whether another process has asked it to end for good.
    terminated: bool,
}

impl Target {
    /// Passes on a signal that this process got; `reached` says whether the command got it, too, if
    /// it runs.
    fn receive(&mut self, signal: i32, reached: bool) {
        self.terminated |= signal == SIGTERM;
        self.restarting &= !END.contains(&signal);
        if self.pid.is_none() {
            self.early.push(signal);
        } else if !reached {
            self.send(signal);
        }
    }

    fn send(&self, signal: i32) {
        if let (Some(pid), Some(signal)) = (self.pid, Signal::from_named_raw(signal)) {
            let _ = kill_process(pid, signal); // it may have ended by itself
        }
    }
}

impl Spawner {
    /// From here on signals do not end this process, but wait for the command.
    pub(in crate::wrap) fn new() -> io::Result<Self> {
        // A handler would undo what `nohup` and shells ignored on the command's behalf: it inherits
        // that only as it is.
        let ignored = ignored_signals();
        let handled = OF_TERMINAL
            .into_iter()
            .chain(OTHERS)
            .filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let mut signals = SignalsInfo::<WithOrigin>::new(handled)?;
        let handle = signals.handle();
        let target = Arc::new(Mutex::new(Target::default()));
        let of_thread = target.clone();
        let forward = move || {
            for Origin {
                signal, process, ..
            } in &mut signals
            {
                let mut target = lock(&of_thread);
                // A terminal that is gone is told to the leader of the session alone.
                let by_terminal = process.is_none() && OF_TERMINAL.contains(&signal);
                let hung_up = by_terminal && signal == SIGHUP && leads_session();
                target.receive(signal, by_terminal && !hung_up);
                if hung_up {
                    target.send(SIGCONT); // a command that is stopped would not see it
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("signals".into())
            .spawn(forward)?;
        Ok(Self {
            target,
            handle,
            thread: Some(thread),
        })
    }

    /// Starts the command.
    pub(in crate::wrap) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        // Locked during the start: a signal that arrives now finds the command.
        let mut target = lock(&self.target);
        let child = command.spawn()?;
        *target = Target {
            pid: i32::try_from(child.id()).ok().and_then(Pid::from_raw),
            early: std::mem::take(&mut target.early),
            ..Target::default()
        };
        for signal in std::mem::take(&mut target.early) {
            target.receive(signal, false);
        }
        Ok(child)
    }

    /// Waits for its end. If it is stopped, so is this process, so that the shell above sees it; if
    /// this process is continued, so is the command.
    pub(in crate::wrap) fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let pid = lock(&self.target).pid;
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
        lock(&self.target).pid = None;
        child.wait()
    }

    /// Sends a signal to the command, if it runs.
    pub(in crate::wrap) fn signal(&self, signal: i32) {
        lock(&self.target).send(signal);
    }

    /// Asks the command to end, to be started again. Returns `false` where that is not possible: it
    /// does not run, or another process has asked it to end for good.
    pub(in crate::wrap) fn restart(&self) -> bool {
        let mut target = lock(&self.target);
        target.restarting = target.pid.is_some() && !target.terminated;
        if target.restarting {
            target.send(SIGTERM);
        }
        target.restarting
    }

    /// Whether the command that has ended is to be started again: [`Self::restart`] ended it, and no
    /// signal asked it to end meanwhile.
    pub(in crate::wrap) fn is_restarting(&self) -> bool {
        lock(&self.target).restarting
    }

    /// Ends the command.
    pub(in crate::wrap) fn kill(&self) {
        self.signal(SIGKILL);
    }

    /// The process ID of the running command.
    pub(in crate::wrap) fn running(&self) -> Option<i32> {
        lock(&self.target).pid.map(|pid| pid.as_raw_nonzero().get())
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

/// The signals that are ignored from the start, as a mask; known on Linux only.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}
