//! Ctrl-C and SIGTERM: the first one starts nothing new, the second one stops waiting. Either way the outcome is true.
//!
//! Before a changing request has left, one signal ends the run: nothing was changed. Once it has left, the run goes on to
//! see what became of it, inside its deadline; a second signal gives that up, and the outcome says what is not known.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often the run was asked to stop.
#[derive(Clone, Debug)]
pub struct Interrupts {
    count: watch::Receiver<u32>,
}

impl Interrupts {
    /// Listens for SIGINT, SIGTERM and SIGHUP from now on. Needs a tokio runtime.
    pub fn listen() -> std::io::Result<Interrupts> {
        let (sender, count) = watch::channel(0);
        let mut int = signal(SignalKind::interrupt())?;
        let mut term = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = int.recv() => {}
                    _ = term.recv() => {}
                    _ = hangup.recv() => {}
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        Ok(Interrupts { count })
    }

    /// Never asked to stop: for tests, and where signals cannot be heard.
    pub fn none() -> Interrupts {
        Interrupts { count: watch::channel(0).1 }
    }

    /// Asked to stop at least `times` times.
    pub fn came(&self, times: u32) -> bool {
        *self.count.borrow() >= times
    }

    /// Waits until asked to stop at least `times` times.
    pub async fn wait(&mut self, times: u32) {
        if self.count.wait_for(|count| *count >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
