//! For tests: the log lines of one thread, which is one test's.
//!
//! All tests share one subscriber: one for each of them would let the first to reach a line decide
//! whether anybody wants it.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Forgets the lines of this thread, and keeps those to come.
pub(crate) fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(|| Writer)
            .init();
    });
    WRITTEN.take();
}

/// The lines of this thread since it was started.
pub(crate) fn lines() -> Vec<String> {
    let text = WRITTEN.with_borrow(|it| String::from_utf8(it.clone()).unwrap());
    text.lines().map(str::to_owned).collect()
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|it| it.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
