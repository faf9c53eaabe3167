//! The command itself: same terminal, same process group, no pipes. A signal from the terminal reaches it without us; one
//! that a process sent to us alone is passed on.

use std::io;
use std::process::{Child, Command, ExitStatus};

use crate::diagnosis::{Cause, Finding};

/// Why a command did not start, and the status that shells give for it: 127 not found, 126 not executable.
pub fn not_started(command: &Command, error: &io::Error) -> (u8, Finding) {
    let name = command.get_program().to_string_lossy().into_owned();
    match error.kind() {
        io::ErrorKind::NotFound => (
            127,
            Finding::new(Cause::Usage, format!("the command `{name}` is not found, or its interpreter is not"))
                .try_this("check the spelling and PATH"),
        ),
        _ => (126, Finding::new(Cause::Usage, format!("the command `{name}` cannot be run: {error}")).try_this("name an executable file")),
    }
}

/// The status a shell would give.
pub fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128u8.saturating_add(u8::try_from(signal).unwrap_or(127));
    }
    status.code().map_or(1, |code| (code & 0xff) as u8)
}

/// The number of a signal that may be asked for by name.
#[cfg(unix)]
pub fn signal_of(name: &str) -> Option<i32> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    let name = name.strip_prefix("SIG").unwrap_or(name);
    let known = [("HUP", SIGHUP), ("INT", SIGINT), ("QUIT", SIGQUIT), ("TERM", SIGTERM), ("USR1", SIGUSR1), ("USR2", SIGUSR2)];
    known.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
}

/// There are no signals here.
#[cfg(not(unix))]
pub fn signal_of(_name: &str) -> Option<i32> {
    None
}

/// Starts commands and passes signals on to the one that runs.
#[cfg(unix)]
pub struct Spawner {
    running: std::sync::Arc<std::sync::Mutex<Option<rustix::process::Pid>>>,
    handle: signal_hook::iterator::Handle,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[cfg(unix)]
impl Spawner {
    /// From here on signals to us no longer end us, but wait for the command.
    pub fn new() -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2};
        use signal_hook::iterator::SignalsInfo;
        use signal_hook::iterator::exfiltrator::WithOrigin;
        use signal_hook::iterator::exfiltrator::origin::Origin;

        // A handler would undo what `nohup` and shells ignored on the command's behalf: it inherits that only as it is.
        let ignored = ignored();
        let all = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGTSTP];
        let heard = all.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let mut signals = SignalsInfo::<WithOrigin>::new(heard)?;
        let handle = signals.handle();
        let running = std::sync::Arc::new(std::sync::Mutex::new(None));
        let target = running.clone();
        let forward = move || {
            for Origin { signal, process, .. } in &mut signals {
                // Without a sender it came from the terminal, which has told the whole process group.
                if process.is_some() {
                    send(&target, signal);
                }
            }
        };
        let thread = std::thread::Builder::new().name("signals".into()).spawn(forward)?;
        Ok(Self { running, handle, thread: Some(thread) })
    }

    /// Starts the command.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        // Held over the start: a signal that comes now finds the command.
        let mut running = super::lock(&self.running);
        let child = command.spawn()?;
        *running = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        Ok(child)
    }

    /// Waits for its end. Where it is stopped, so are we, that the shell above us sees it; woken up, we wake it.
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        use rustix::process::{Signal, WaitId, WaitIdOptions, getpid, kill_process, waitid};
        let pid = *super::lock(&self.running);
        // First without reaping, so that its number is not given to somebody else while a signal may be on its way.
        while let Some(pid) = pid {
            match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT) {
                Ok(Some(status)) if status.stopped() => {
                    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG); // seen
                    let _ = kill_process(getpid(), Signal::STOP);
                    self.signal(signal_hook::consts::SIGCONT);
                }
                Err(rustix::io::Errno::INTR) => {}
                _ => break,
            }
        }
        *super::lock(&self.running) = None;
        child.wait()
    }

    /// Sends a signal to the command, if it runs.
    pub fn signal(&self, signal: i32) {
        send(&self.running, signal);
    }

    /// Asks the command to end.
    pub fn end(&self) {
        self.signal(signal_hook::consts::SIGTERM);
    }

    /// Ends it.
    pub fn kill(&self) {
        self.signal(signal_hook::consts::SIGKILL);
    }

    /// The process that runs.
    pub fn running(&self) -> Option<i32> {
        super::lock(&self.running).map(|pid| pid.as_raw_nonzero().get())
    }
}

#[cfg(unix)]
fn send(running: &std::sync::Mutex<Option<rustix::process::Pid>>, signal: i32) {
    let running = super::lock(running);
    if let (Some(pid), Some(signal)) = (*running, rustix::process::Signal::from_named_raw(signal)) {
        let _ = rustix::process::kill_process(pid, signal); // it may have ended by itself
    }
}

/// The signals that are ignored from the start, as a mask; known on Linux only.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(unix)]
impl Drop for Spawner {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Consoles tell the whole process group by themselves.
#[cfg(not(unix))]
pub struct Spawner;

#[cfg(not(unix))]
impl Spawner {
    /// Nothing to set up.
    pub fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Starts the command.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        command.spawn()
    }

    /// Waits for its end.
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        child.wait()
    }

    /// There are no signals here.
    pub fn signal(&self, _signal: i32) {}

    /// Nobody can be asked.
    pub fn end(&self) {}

    /// Not without its handle.
    pub fn kill(&self) {}

    /// Nobody can be told.
    pub fn running(&self) -> Option<i32> {
        None
    }
}
