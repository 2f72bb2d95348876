//! The stream of one connection, guarded: actix gets whole heads that nobody can misread, or a
//! stand-in that says why not (EDGE-01, EDGE-05, EDGE-14).
//!
//! actix-http takes line ends without CR, times the first head of a connection only, and answers
//! what it cannot parse without a body. So heads are collected and judged here. A refused one is
//! replaced by a request with the method [`REFUSED`], which the gate answers in its turn, and the
//! connection is over. Nothing else is changed: where this reader and actix disagreed, the worst
//! would be a request too many refused.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::web::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::chunks::{Chunks, Followed};
use super::head::{Body, judge};

pub(super) use super::head::Refused;

/// The method of the stand-in. A client that sends it asks to be refused, and is.
pub(super) const REFUSED: &str = "REFUSED";
/// The longest time for a head, from its first byte; from the connection's start for the first.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// The longest time for a body: a little more than its reader waits, who has the better answer.
const BODY_TIME: Duration = Duration::from_secs(11);
/// How long a refused client may still talk, so that it hears the answer.
const LINGER: Duration = Duration::from_secs(2);
/// How long a client may take none of an answer (EDGE-05).
const DEAF_TIME: Duration = Duration::from_secs(10);
/// The most bytes of a chunked body, sizes and line ends included: four times what is ever read.
const MOST_CHUNKED: usize = 64 * 1024;

/// What the next byte belongs to.
enum Place {
    /// A head, of which so many bytes were looked at.
    Head(usize),
    /// A body of so many more bytes.
    Sized(u64),
    /// A chunked body, of which so many bytes have passed.
    Chunked(Chunks, usize),
    /// Nothing: the reader sees the end of the stream.
    Over,
}

/// A guarded stream.
pub(crate) struct Framed<S> {
    stream: S,
    place: Place,
    /// What has come and was not judged.
    held: BytesMut,
    /// What may be read.
    passed: BytesMut,
    /// When the head or body has to be complete.
    deadline: Option<Pin<Box<Sleep>>>,
    /// True from the head of a request with a body until something of its answer is written. The
    /// next request waits for that: actix closes after an answer to a body that nobody read, but
    /// not where it has seen another request.
    unanswered: bool,
    /// When the client has to have taken something, while it takes nothing.
    deaf: Option<Pin<Box<Sleep>>>,
}

impl<S> Framed<S> {
    /// Guards a new connection.
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            place: Place::Head(0),
            held: BytesMut::new(),
            passed: BytesMut::new(),
            deadline: Some(Box::pin(sleep(HEAD_TIME))),
            unanswered: false,
            deaf: None,
        }
    }

    /// Gives up a client that takes nothing for too long.
    fn unless_deaf<T>(
        &mut self,
        cx: &mut Context<'_>,
        sent: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.deaf = None;
            return sent;
        }
        let deadline = self.deaf.get_or_insert_with(|| Box::pin(sleep(DEAF_TIME)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Puts the stand-in in the place of what has come.
    fn refuse(&mut self, why: Refused) {
        let path = why.path();
        let head = format!("{REFUSED} {path} HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n");
        self.passed.extend_from_slice(head.as_bytes());
        self.end();
    }

    fn end(&mut self) {
        self.place = Place::Over;
        self.held.clear();
        self.deadline = None;
    }

    fn pass(&mut self, bytes: usize) {
        let passing = self.held.split_to(bytes.min(self.held.len()));
        self.passed.extend_from_slice(&passing);
    }

    /// The next head begins with its first byte, so the time between two requests is actix's.
    fn next_head(&mut self) {
        self.place = Place::Head(0);
        self.deadline = None;
    }

    fn is_waiting_for_more(&mut self) -> bool {
        let before = self.held.len();
        self.advance();
        self.passed.is_empty() && !matches!(self.place, Place::Over) && {
            self.held.is_empty() || self.held.len() == before
        }
    }

    /// True if the client has nothing under way.
    fn is_between_requests(&self) -> bool {
        matches!(self.place, Place::Head(_)) && self.held.is_empty() && self.passed.is_empty()
    }

    /// True if the next request has come and has to wait.
    fn must_wait(&self) -> bool {
        self.unanswered && matches!(self.place, Place::Head(_)) && !self.held.is_empty()
    }

    /// Judges what is held, as far as it goes.
    fn advance(&mut self) {
        if self.held.is_empty() {
            return;
        }
        match &mut self.place {
            Place::Head(seen) => {
                // One empty line before a request is an old client's habit (RFC 9112, 2.2).
                if *seen == 0 && self.held.starts_with(b"\r\n") {
                    let _ = self.held.split_to(2);
                    return;
                }
                match judge(&self.held, *seen) {
                    Ok(None) => {
                        *seen = self.held.len();
                        self.deadline.get_or_insert_with(|| Box::pin(sleep(HEAD_TIME)));
                    }
                    Ok(Some((length, body))) => {
                        self.pass(length);
                        match body {
                            Body::Sized(0) => self.next_head(),
                            Body::Sized(it) => self.body(Place::Sized(it)),
                            Body::Chunked => self.body(Place::Chunked(Chunks::new(), 0)),
                        }
                    }
                    Err(why) => self.refuse(why),
                }
            }
            Place::Sized(left) => {
                let step = usize::try_from(*left).unwrap_or(usize::MAX).min(self.held.len());
                *left -= step as u64;
                let over = *left == 0;
                self.pass(step);
                if over {
                    self.next_head();
                }
            }
            Place::Chunked(chunks, passed) => match chunks.follow(&self.held) {
                Some(Followed::Over(last)) => {
                    self.pass(last);
                    self.next_head();
                }
                Some(Followed::On) if *passed <= MOST_CHUNKED => {
                    *passed += self.held.len();
                    self.pass(usize::MAX);
                }
                Some(Followed::On) | None => self.end(),
            },
            Place::Over => self.held.clear(),
        }
    }

    fn body(&mut self, place: Place) {
        self.place = place;
        self.unanswered = true;
        self.deadline = Some(Box::pin(sleep(BODY_TIME)));
    }

    /// Ends what takes too long; true if it did.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = &mut self.deadline else { return false };
        if deadline.as_mut().poll(cx).is_pending() {
            return false;
        }
        match self.place {
            Place::Head(_) if !self.held.is_empty() => self.refuse(Refused::Slow),
            _ => self.end(),
        }
        true
    }
}

impl<S: AsyncRead + Unpin> Framed<S> {
    /// Takes what the stream has; `false` at its end.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [0; 4096];
        let mut buffer = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        self.held.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(!buffer.filled().is_empty()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.passed.is_empty() {
                let step = buffer.remaining().min(this.passed.len());
                buffer.put_slice(&this.passed.split_to(step));
                return Poll::Ready(Ok(()));
            }
            if matches!(this.place, Place::Over) {
                return Poll::Ready(Ok(()));
            }
            if this.must_wait() {
                // Writing wakes this task.
                return Poll::Pending;
            }
            if this.is_waiting_for_more() {
                if this.is_late(cx) {
                    continue;
                }
                if !ready!(this.poll_more(cx))? {
                    this.end();
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if sent.is_ready() && std::mem::take(&mut self.unanswered) {
            cx.waker().wake_by_ref();
        }
        self.unless_deaf(cx, sent)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(cx);
        self.unless_deaf(cx, sent)
    }

    /// Closes our half, then hears the client out for a while: a socket that is dropped with
    /// bytes unread takes the answer back.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let sent = Pin::new(&mut this.stream).poll_shutdown(cx);
        ready!(this.unless_deaf(cx, sent))?;
        if this.is_between_requests() {
            return Poll::Ready(Ok(()));
        }
        if !matches!(this.place, Place::Over) {
            this.end();
        }
        let linger = this.deadline.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if linger.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        // At the end or on an error there is nothing left to hear.
        while let Ok(true) = ready!(this.poll_more(cx)) {
            this.held.clear();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    /// EDGE-05: a client that takes nothing of an answer does not keep it here for ever; one that
    /// takes it slowly gets it.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (ours, mut client) = tokio::io::duplex(16);
        let mut framed = Framed::new(ours);
        let answer = [7; 64];
        let slowly = async {
            for _ in 0..4 {
                sleep(DEAF_TIME / 2).await;
                let mut taken = [0; 16];
                tokio::io::AsyncReadExt::read_exact(&mut client, &mut taken).await?;
            }
            Ok::<_, io::Error>(())
        };
        let (sent, taken) = tokio::join!(framed.write_all(&answer), slowly);
        assert!(sent.is_ok() && taken.is_ok());
        let sent = framed.write_all(&answer).await;
        assert_eq!(sent.map_err(|it| it.kind()), Err(io::ErrorKind::TimedOut));
    }
}
