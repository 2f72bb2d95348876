//! What stands between those who make spans and the collector: a bounded queue, emptied in the
//! background. Whatever the collector does, no request waits for it, and what is lost is counted.

use std::fmt;
use std::sync::Arc;

use domain::Duration;
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// Spans that may wait: some seconds of a busy node.
const ROOM: usize = 4096;
/// The most spans of one call to the collector.
const BATCH: usize = 512;
/// How long a span waits for others to go with it.
const GATHER: Duration = Duration::from_secs(1);
/// The longest that one call may take.
pub(crate) const CALL: Duration = Duration::from_secs(5);

/// Told of each time that spans are lost, and how many.
pub(crate) type OnLost = Arc<dyn Fn(u64) + Send + Sync>;

/// Where spans go when they end.
pub(crate) struct Queue {
    spans: mpsc::Sender<SpanData>,
    on_lost: OnLost,
}

/// What was queued and is to be sent.
pub(crate) struct Queued(mpsc::Receiver<SpanData>);

/// A queue, and its other end.
pub(crate) fn queue(on_lost: OnLost) -> (Queue, Queued) {
    let (spans, queued) = mpsc::channel(ROOM);
    (Queue { spans, on_lost }, Queued(queued))
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.spans.try_send(span).is_err() {
            (self.on_lost)(1);
        }
    }

    /// Spans are sent in the background, and nobody waits for that.
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, _: &Resource) {}
}

/// The sending, in the background.
pub struct Export {
    stop: watch::Sender<bool>,
    sending: JoinHandle<()>,
}

impl Export {
    /// Begins to send on the present runtime.
    pub(crate) fn start(
        queued: Queued,
        exporter: impl SpanExporter + 'static,
        on_lost: OnLost,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, sending: tokio::spawn(send(queued, exporter, on_lost, stopped)) }
    }

    /// Sends what is there `within` a time; what is left then is lost.
    pub async fn stop(mut self, within: Duration) {
        self.stop.send_replace(true);
        match timeout(within, &mut self.sending).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::warn!("the sending of traces panicked"),
            Err(_) => {
                self.sending.abort();
                tracing::warn!("the last traces did not leave in time");
            }
        }
    }
}

async fn send(
    Queued(mut spans): Queued,
    exporter: impl SpanExporter,
    on_lost: OnLost,
    mut stopped: watch::Receiver<bool>,
) {
    let mut is_well = true;
    loop {
        let batch = gather(&mut spans, &mut stopped).await;
        if batch.is_empty() {
            return;
        }
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sent = timeout(CALL, exporter.export(batch)).await;
        let error = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("not in time".to_owned()),
        };
        let was_well = std::mem::replace(&mut is_well, error.is_none());
        if let Some(error) = error {
            on_lost(count);
            if was_well {
                tracing::warn!(error, "the collector does not take traces");
            }
        } else if !was_well {
            tracing::info!("the collector takes traces again");
        }
    }
}

/// The next spans that go together; none once the queue is over and empty.
async fn gather(
    spans: &mut mpsc::Receiver<SpanData>,
    stopped: &mut watch::Receiver<bool>,
) -> Vec<SpanData> {
    let mut batch = Vec::new();
    tokio::select! {
        _ = spans.recv_many(&mut batch, BATCH) => {}
        () = told(stopped), if !spans.is_closed() => {
            spans.close();
            spans.recv_many(&mut batch, BATCH).await;
        }
    }
    let until = Instant::now() + GATHER;
    while batch.len() < BATCH && !spans.is_closed() {
        let room = BATCH - batch.len();
        tokio::select! {
            more = timeout_at(until, spans.recv_many(&mut batch, room)) => {
                if more.is_err() {
                    break;
                }
            }
            () = told(stopped) => spans.close(),
        }
    }
    batch
}

/// Ends when it is time to stop.
async fn told(stopped: &mut watch::Receiver<bool>) {
    // An error means that whoever stops it is gone, which stops it as well.
    let _ = stopped.wait_for(|it| *it).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// A collector, well or not.
    #[derive(Debug, Clone, Default)]
    struct Collector {
        got: Arc<Mutex<Vec<usize>>>,
        is_down: bool,
        hangs: bool,
    }

    impl SpanExporter for Collector {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            if self.is_down {
                return Err(OTelSdkError::InternalFailure("down".to_owned()));
            }
            self.got.lock().unwrap().push(batch.len());
            Ok(())
        }
    }

    /// Makes so many spans before a collector, stops, and gives what it got and what was lost.
    async fn spans(count: usize, collector: Collector) -> (Vec<usize>, u64) {
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let on_lost: OnLost = Arc::new(move |count| {
            counted.fetch_add(count, Ordering::SeqCst);
        });
        let (queue, queued) = queue(Arc::clone(&on_lost));
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        let tracer = provider.tracer("test");
        for _ in 0..count {
            tracer.start("it").end();
        }
        let export = Export::start(queued, collector.clone(), on_lost);
        tokio::time::sleep(GATHER * 3).await;
        tracer.start("the last").end();
        export.stop(CALL * 2).await;
        let got = collector.got.lock().unwrap().clone();
        (got, lost.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn spans_go_in_batches_and_the_last_before_the_end() {
        assert_eq!(spans(600, Collector::default()).await, (vec![512, 88, 1], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_room_is_lost_and_counted() {
        let (got, lost) = spans(ROOM + 7, Collector::default()).await;
        assert_eq!((got.iter().sum::<usize>(), lost), (ROOM + 1, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_is_down_costs_spans_and_nothing_else() {
        let collector = Collector { is_down: true, ..Collector::default() };
        assert_eq!(spans(3, collector).await, (vec![], 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_hangs_is_given_up() {
        let collector = Collector { hangs: true, ..Collector::default() };
        assert_eq!(spans(3, collector).await, (vec![], 4));
    }
}
