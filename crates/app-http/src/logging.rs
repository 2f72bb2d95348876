//! The log: lines for people in development, JSON lines in production (LOG-02).
//!
//! No value is longer than 256 characters, and none can change how a line is read: control
//! characters and marks that turn the direction of text are escaped.

use std::fmt;
use std::io::IsTerminal as _;

use adapters_otlp::Traces;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::{MakeVisitor, RecordFields, VisitFmt, VisitOutput};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::settings::Profile;

/// The longest value, in characters.
const LONGEST: usize = 256;
/// What is worth a line. actix's own lines quote bytes of clients.
const FILTER: &str = "info,actix_http=off,actix_server=warn,actix_web=off";

/// Begins to log, and to trace where that is wanted.
///
/// Without traces the spans that they are made of cost nothing: nobody asks for their level.
pub(crate) fn start(profile: Profile, traces: Option<&Traces>) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match profile {
        Profile::Development => Box::new(lines.fmt_fields(Bounded).compact()),
        Profile::Production => Box::new(lines.fmt_fields(AsJson).event_format(JsonLines)),
    };
    // A second call finds a log that has begun, which is as good.
    let _ = match traces {
        None => Registry::default().with(lines).with(EnvFilter::new(FILTER)).try_init(),
        Some(traces) => Registry::default()
            .with(lines.with_filter(EnvFilter::new(FILTER)))
            .with(traces.layer())
            .try_init(),
    };
}

/// Has panics reported here and nowhere else: where, and not what, since what a panic says may hold
/// what somebody sent (LOG-01).
pub(crate) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(location, thread = thread.name().unwrap_or_default(), "panicked");
    }));
}

/// Cuts and escapes a value.
fn plain(value: &str) -> String {
    let mut plain = String::with_capacity(value.len().min(LONGEST));
    for character in value.chars().take(LONGEST) {
        match character {
            it if it.is_control()
                || matches!(it, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
                    | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                plain.extend(it.escape_unicode());
            }
            it => plain.push(it),
        }
    }
    if value.chars().nth(LONGEST).is_some() {
        plain.push('…');
    }
    plain
}

/// Fields for people.
struct Bounded;

struct BoundedVisitor<'a> {
    writer: Writer<'a>,
    result: fmt::Result,
    first: bool,
}

impl<'a> MakeVisitor<Writer<'a>> for Bounded {
    type Visitor = BoundedVisitor<'a>;

    fn make_visitor(&self, writer: Writer<'a>) -> Self::Visitor {
        BoundedVisitor { writer, result: Ok(()), first: true }
    }
}

impl Visit for BoundedVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let blank = if std::mem::take(&mut self.first) { "" } else { " " };
        let value = plain(&format!("{value:?}"));
        let name = field.name();
        self.result = self.result.and_then(|()| match name {
            "message" => write!(self.writer, "{blank}{value}"),
            _ => write!(self.writer, "{blank}{name}={value}"),
        });
    }
}

impl VisitOutput<fmt::Result> for BoundedVisitor<'_> {
    fn finish(self) -> fmt::Result {
        self.result
    }
}

impl VisitFmt for BoundedVisitor<'_> {
    fn writer(&mut self) -> &mut dyn fmt::Write {
        &mut self.writer
    }
}

/// Collects fields as members of a JSON object.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Visit for Members {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), plain(value).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), plain(&format!("{value:?}")).into());
    }
}

/// Fields of spans, kept as JSON until a line is written.
struct AsJson;

impl<'w> FormatFields<'w> for AsJson {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut members = Members::default();
        fields.record(&mut members);
        write!(writer, "{}", Value::Object(members.0))
    }
}

/// One JSON object a line: the moment, the level, the target, and the fields of event and spans.
struct JsonLines;

impl<S> FormatEvent<S, AsJson> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, AsJson>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Members::default();
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<AsJson>>();
            if let Some(Ok(Value::Object(fields))) =
                fields.map(|it| serde_json::from_str(&it.fields))
            {
                line.0.extend(fields);
            }
        }
        event.record(&mut line);
        line.0.insert("at".to_owned(), now().into());
        line.0.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.0.insert("target".to_owned(), event.metadata().target().into());
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

#[expect(clippy::disallowed_methods, reason = "a log line tells when it was written")]
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// LOG-01: the log tells where it was, and nobody tells what it said.
    #[test]
    fn a_panic_is_reported_without_its_words() {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(AsJson)
            .event_format(JsonLines)
            .finish();
        report_panics();
        let caught = tracing::subscriber::with_default(log, || {
            std::panic::catch_unwind(|| panic!("13800138000"))
        });
        drop(std::panic::take_hook());
        assert!(caught.is_err());
        let lines = String::from_utf8(kept.0.lock().expect("a lock").clone()).expect("text");
        assert!(lines.contains("panicked") && lines.contains("logging.rs:"), "{lines}");
        assert!(!lines.contains("13800138000"), "{lines}");
    }

    /// LOG-02: a value cannot begin a new line, colour a terminal or turn the text around.
    #[test]
    fn a_value_stays_a_value() {
        assert_eq!(plain("a\r\nb"), "a\\u{d}\\u{a}b");
        assert_eq!(plain("\u{1b}[31mred"), "\\u{1b}[31mred");
        assert_eq!(plain("\u{202e}evil"), "\\u{202e}evil");
        assert_eq!(plain(&"汉".repeat(300)).chars().count(), LONGEST + 1);
        assert_eq!(plain("plain"), "plain");
    }
}
