//! A worker, as the steps of one run see it: a step begins, speaks in turn, and ends or is left.

use super::link::{Link, Offer};
use super::pool::Member;
use crate::wire::{Reply, RunId, Start, ToBroker, ToWorker, WorkerMisbehaved};
use std::time::{Duration, Instant};

/// How long a worker may take to read a frame. A true one reads at once.
pub const WORKER_READS: Duration = Duration::from_secs(10);

/// Where the steps of a run go.
pub enum Seat {
    /// A worker of its own.
    Own(Box<Own>),
    /// Among those of a batch.
    Shared(Member),
}

/// A worker that serves one run, step after step. Once it failed, there is no other.
pub struct Own {
    link: Link,
    /// The step that is under way, or was last.
    run: RunId,
    /// It cannot be used any more, and why.
    gone: Option<String>,
}

impl Seat {
    /// On a worker that has loaded its module.
    pub fn own(link: Link) -> Seat {
        Seat::Own(Box::new(Own { link, run: RunId(0), gone: None }))
    }

    /// Begins a step; `offer` is what [`ToWorker::Offer`] says. The error is a reason in words.
    pub async fn begin(&mut self, start: Start, offer: Option<Offer>, until: Instant) -> Result<(), String> {
        match self {
            Seat::Own(own) => own.begin(start, offer, until).await,
            Seat::Shared(member) => {
                member.begin(start, offer, until).await.map_err(|reason| format!("the worker failed: {reason}"))
            }
        }
    }

    /// Answers the step's outstanding call, and offers as [`Seat::begin`] does. After an error the worker is to be given up.
    pub async fn reply(&mut self, reply: Reply, offer: Option<Offer>, until: Instant) -> Result<(), String> {
        match self {
            Seat::Own(own) => own.tell(&ToWorker::Reply(reply), offer, until).await.map_err(|error| error.to_string()),
            Seat::Shared(member) => {
                member.reply(reply, offer);
                Ok(())
            }
        }
    }

    /// The next frame of the step. May be dropped at any time and called again.
    pub async fn next(&mut self) -> Result<ToBroker, String> {
        match self {
            Seat::Own(own) => own.next().await,
            Seat::Shared(member) => member.next().await,
        }
    }

    /// Nobody waits for the step any more.
    pub fn leave(&mut self) {
        match self {
            // The next one has a higher number, and what this one still says is dropped.
            Seat::Own(_) => {}
            Seat::Shared(member) => member.leave(),
        }
    }

    /// The worker failed.
    pub async fn give_up(&mut self, reason: String) {
        match self {
            Seat::Own(own) => {
                own.link.kill().await;
                own.gone = Some(reason);
            }
            Seat::Shared(member) => member.leave(),
        }
    }

    /// A worker of the run's own that has not failed, and the number of its last step.
    pub fn own_link(&mut self) -> Option<(&mut Link, u32)> {
        match self {
            Seat::Own(own) if own.gone.is_none() => Some((&mut own.link, own.run.0)),
            Seat::Own(_) | Seat::Shared(_) => None,
        }
    }

    /// A step that has sent nothing may begin again on another worker.
    pub fn has_others(&self) -> bool {
        matches!(self, Seat::Shared(_))
    }

    /// The run is over. A worker of its own is killed, and waited for later.
    pub fn end(&mut self) {
        match self {
            Seat::Own(own) => own.link.dismiss(),
            Seat::Shared(member) => member.leave(),
        }
    }
}

impl Own {
    async fn begin(&mut self, start: Start, offer: Option<Offer>, until: Instant) -> Result<(), String> {
        if let Some(reason) = &self.gone {
            return Err(format!("the worker is gone ({reason})"));
        }
        self.run.0 += 1;
        if let Err(error) = self.tell(&ToWorker::Start(start), offer, until).await {
            let reason = error.to_string();
            self.link.kill().await;
            self.gone = Some(reason.clone());
            return Err(format!("the worker failed: {reason}"));
        }
        Ok(())
    }

    /// Sends a frame, and the offer before it; a worker that does not read it is given up, at the deadline at the latest.
    async fn tell(&mut self, frame: &ToWorker, offer: Option<Offer>, until: Instant) -> Result<(), WorkerMisbehaved> {
        let mut bytes = Vec::new();
        self.link.put_with(self.run, offer, frame, &mut bytes)?;
        let patience = Instant::now() + WORKER_READS;
        self.link.send_bytes_until(&bytes, patience.min(until)).await
    }

    /// Frames of steps that were left behind are dropped.
    async fn next(&mut self) -> Result<ToBroker, String> {
        loop {
            match self.link.next().await {
                Ok((of, frame)) if of == self.run => return Ok(frame),
                Ok((of, _)) if of.0 != 0 && of < self.run => {}
                Ok(_) => return Err(WorkerMisbehaved::OutOfTurn("a frame of a run that does not exist").to_string()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}
