//! Between the client and the network: whether a connection was ever ready, and one that was opened before anybody needed it.
//!
//! The client library opens a connection only for a request. So what opens one ahead is a request that is never sent: its connector
//! puts the connection aside, where the first true request finds it, and answers with an error.

use std::any::Any;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tower_layer::Layer;
use tower_service::Service;

/// A connection of whatever type the client library has for them, and since when it is open.
type Aside = (Box<dyn Any + Send>, Instant);
type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<C, E> = Pin<Box<dyn Future<Output = Result<C, E>> + Send>>;

/// Remembers whether a connection was ever ready. Before that no byte of a request can have left: TCP, the proxy's
/// answer and the TLS handshake come first. Clones are the same.
#[derive(Clone)]
pub(super) struct Reached(Arc<State>);

struct State {
    ready: AtomicBool,
    /// What is being opened ahead.
    ahead: Mutex<Option<oneshot::Receiver<Aside>>>,
    /// For how long that can be used.
    lively: Duration,
}

impl Reached {
    /// Nothing was reached yet; what is opened ahead can be used within `lively`.
    pub(super) fn within(lively: Duration) -> Reached {
        Reached(Arc::new(State { ready: AtomicBool::new(false), ahead: Mutex::new(None), lively }))
    }

    /// Was a connection ready?
    pub(super) fn get(&self) -> bool {
        self.0.ready.load(Ordering::SeqCst)
    }

    /// For another client, whose one request opens a connection for the next request of this one.
    pub(super) fn opener(&self) -> Opener {
        let (put, ahead) = oneshot::channel();
        *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        Opener(Arc::new(Mutex::new(Some(put))))
    }

    /// The connection that is being opened ahead, once; it is waited for.
    async fn opened<C: 'static>(&self) -> Option<C> {
        let ahead = self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        // What went wrong with it will be seen again.
        let (connection, since) = ahead.await.ok()?;
        let connection = connection.downcast().ok()?;
        (since.elapsed() < self.0.lively).then_some(*connection)
    }
}

impl<S> Layer<S> for Reached {
    type Service = Watched<S>;

    fn layer(&self, connector: S) -> Watched<S> {
        Watched { connector, reached: self.clone() }
    }
}

/// A connector that tells [`Reached`], and has what was opened ahead.
#[derive(Clone)]
pub(super) struct Watched<S> {
    connector: S,
    reached: Reached,
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Connecting<S::Response, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, to: R) -> Self::Future {
        // What is called is what was asked whether it is ready.
        let another = self.connector.clone();
        let mut connector = std::mem::replace(&mut self.connector, another);
        let reached = self.reached.clone();
        Box::pin(async move {
            let connection = match reached.opened().await {
                Some(connection) => connection,
                None => connector.call(to).await?,
            };
            reached.0.ready.store(true, Ordering::SeqCst);
            Ok(connection)
        })
    }
}

/// Makes a connector that puts the connection aside.
#[derive(Clone)]
pub(super) struct Opener(Arc<Mutex<Option<oneshot::Sender<Aside>>>>);

impl<S> Layer<S> for Opener {
    type Service = Opening<S>;

    fn layer(&self, connector: S) -> Opening<S> {
        Opening { connector, put: self.clone() }
    }
}

/// A connector whose connection no request gets.
#[derive(Clone)]
pub(super) struct Opening<S> {
    connector: S,
    put: Opener,
}

impl<S, R> Service<R> for Opening<S>
where
    S: Service<R>,
    S::Response: Send + 'static,
    S::Error: Into<BoxError> + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Connecting<S::Response, BoxError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let put = self.put.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let connecting = self.connector.call(to);
        Box::pin(async move {
            let connection = connecting.await.map_err(Into::into)?;
            if let Some(put) = put {
                // Nobody may want it any more.
                let _ = put.send((Box::new(connection), Instant::now()));
            }
            Err("it was opened ahead".into())
        })
    }
}
