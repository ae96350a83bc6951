//! Bringing records to the disk for many runs at once: one sync serves all that were written before it began.
//!
//! A sync takes milliseconds, and a batch has hundreds of runs that wait for one. A thread of its own does them, one after the other, as
//! long as anybody waits. Once one fails, nothing more is said to be on the disk: what the system does with data that it could not
//! write is not known.

use super::AuditError;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The records of a file, by the order in which they were written.
#[derive(Debug)]
pub(super) struct Group {
    shared: Arc<Shared>,
    on_disk: watch::Receiver<OnDisk>,
}

/// A record that is written and may not be on the disk yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

#[derive(Debug)]
struct Shared {
    asked: Mutex<Asked>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Asked {
    /// Tickets given out so far.
    tickets: u64,
    over: bool,
}

#[derive(Clone, Debug, Default)]
struct OnDisk {
    /// Every ticket up to this one.
    up_to: u64,
    /// The first failure.
    broken: Option<io::ErrorKind>,
}

impl Group {
    /// Starts the thread, which calls `sync` until this is dropped.
    pub(super) fn start(sync: impl Fn() -> io::Result<()> + Send + 'static) -> io::Result<Group> {
        let shared = Arc::new(Shared { asked: Mutex::default(), more: Condvar::new() });
        let (done, on_disk) = watch::channel(OnDisk::default());
        let asked = Arc::clone(&shared);
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || serve(&asked, &done, sync))?;
        Ok(Group { shared, on_disk })
    }

    /// For a record that has just been written.
    pub(super) fn ticket(&self) -> Ticket {
        let mut asked = self.shared.lock();
        asked.tickets += 1;
        self.shared.more.notify_one();
        Ticket(asked.tickets)
    }

    /// What tells when a ticket's record is on the disk.
    pub(super) fn waiting(&self) -> Waiting {
        Waiting(self.on_disk.clone())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.more.notify_one();
    }
}

/// Waits without holding the log.
pub(super) struct Waiting(watch::Receiver<OnDisk>);

impl Waiting {
    /// Answers when the record is on the disk, or cannot be brought there.
    pub(super) async fn until(mut self, ticket: Ticket) -> Result<(), io::ErrorKind> {
        let settled = |on_disk: &OnDisk| on_disk.up_to >= ticket.0 || on_disk.broken.is_some();
        match self.0.wait_for(settled).await {
            Ok(on_disk) if on_disk.up_to >= ticket.0 => Ok(()),
            Ok(on_disk) => Err(on_disk.broken.unwrap_or(io::ErrorKind::Other)),
            Err(_) => Err(io::ErrorKind::Other),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(shared: &Shared, done: &watch::Sender<OnDisk>, sync: impl Fn() -> io::Result<()>) {
    let mut up_to = 0;
    loop {
        let goal = {
            let mut asked = shared.lock();
            while asked.tickets == up_to && !asked.over {
                asked = shared.more.wait(asked).unwrap_or_else(PoisonError::into_inner);
            }
            if asked.tickets == up_to {
                return;
            }
            asked.tickets
        };
        match sync() {
            Ok(()) => {
                up_to = goal;
                done.send_modify(|on_disk| on_disk.up_to = up_to);
            }
            Err(error) => return done.send_modify(|on_disk| on_disk.broken = Some(error.kind())),
        }
    }
}

impl Ticket {
    /// The error of a record that could not be brought to the disk.
    pub(super) fn failed(path: &std::path::Path, why: io::ErrorKind) -> AuditError {
        AuditError::CannotWrite { path: path.to_owned(), why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;

    fn wait(group: &Group, ticket: Ticket) -> Result<(), io::ErrorKind> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(group.waiting().until(ticket))
    }

    #[test]
    fn one_sync_serves_all_that_were_written_before_it_began() {
        let (syncs, counted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (go, gate) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<()>();
        let count = Arc::clone(&syncs);
        let group = Group::start(move || {
            count.fetch_add(1, Ordering::SeqCst);
            began.send(()).unwrap();
            gate.recv().unwrap();
            Ok(())
        })
        .unwrap();
        let first = group.ticket();
        begun.recv().unwrap();
        let others: Vec<Ticket> = (0..50).map(|_| group.ticket()).collect();
        go.send(()).unwrap();
        wait(&group, first).unwrap();
        begun.recv().unwrap();
        let last = *others.last().unwrap();
        go.send(()).unwrap();
        for ticket in others {
            wait(&group, ticket).unwrap();
        }
        wait(&group, last).unwrap();
        counted.store(syncs.load(Ordering::SeqCst), Ordering::SeqCst);
        assert_eq!(counted.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn after_a_sync_that_failed_nothing_more_is_said_to_be_on_the_disk() {
        let group = Group::start(|| Err(io::ErrorKind::StorageFull.into())).unwrap();
        let first = group.ticket();
        assert_eq!(wait(&group, first), Err(io::ErrorKind::StorageFull));
        let second = group.ticket();
        assert_eq!(wait(&group, second), Err(io::ErrorKind::StorageFull));
    }
}
