//! The log: lines for people in development, JSON lines in production (LOG-02).
//!
//! No value is longer than 256 characters, and none can change how a line is read: control
//! characters and marks that turn the direction of text are escaped.

use std::borrow::Cow;
use std::fmt;
use std::io::{IsTerminal as _, Stderr};

use adapters_otlp::Traces;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::{MakeVisitor, RecordFields, VisitFmt, VisitOutput};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{DefaultFields, Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry};

use crate::settings::Profile;

/// The longest value, in characters.
const LONGEST: usize = 256;

/// What is worth a line. actix's own lines quote bytes of clients.
fn worth_a_line() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("actix_http", LevelFilter::OFF)
        .with_target("actix_server", LevelFilter::WARN)
        .with_target("actix_web", LevelFilter::OFF)
}

/// Begins to log, and to trace where that is wanted.
///
/// Without traces the spans that they are made of cost nothing: nobody asks for their level.
pub(crate) fn start(profile: Profile, traces: Option<&Traces>) {
    // A second call finds a log that has begun, which is as good.
    let _ = match (traces, profile) {
        (None, Profile::Development) => Registry::default()
            .with(worth_a_line())
            .with(lines().fmt_fields(Bounded).compact())
            .try_init(),
        (None, Profile::Production) => Registry::default()
            .with(worth_a_line())
            .with(lines().fmt_fields(AsJson).event_format(JsonLines))
            .try_init(),
        (Some(traces), profile) => {
            let lines: Box<dyn Layer<Registry> + Send + Sync> = match profile {
                Profile::Development => Box::new(lines().fmt_fields(Bounded).compact()),
                Profile::Production => Box::new(lines().fmt_fields(AsJson).event_format(JsonLines)),
            };
            Registry::default()
                .with(lines.with_filter(worth_a_line()))
                .with(traces.layer())
                .try_init()
        }
    };
}

/// Lines on standard error.
fn lines<S>() -> tracing_subscriber::fmt::Layer<S, DefaultFields, Format, fn() -> Stderr> {
    tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr as fn() -> Stderr)
        .with_ansi(std::io::stderr().is_terminal())
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

/// Cuts and escapes a value; nearly all stay as they are.
fn plain(value: &str) -> Cow<'_, str> {
    if value.len() <= LONGEST && value.bytes().all(|it| it == b' ' || it.is_ascii_graphic()) {
        return Cow::Borrowed(value);
    }
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
    Cow::Owned(plain)
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

impl BoundedVisitor<'_> {
    /// Writes what nobody can misread.
    fn write(&mut self, field: &Field, value: &dyn fmt::Display) {
        let blank = if std::mem::take(&mut self.first) { "" } else { " " };
        let name = field.name();
        self.result = self.result.and_then(|()| match name {
            "message" => write!(self.writer, "{blank}{value}"),
            _ => write!(self.writer, "{blank}{name}={value}"),
        });
    }
}

impl Visit for BoundedVisitor<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, &plain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, &plain(&format!("{value:?}")));
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

/// Writes fields as members of a JSON object, each after a comma.
struct Members<'a> {
    writer: Writer<'a>,
    result: fmt::Result,
}

impl Members<'_> {
    /// Writes a member whose value is JSON already.
    fn write(&mut self, name: &str, value: &dyn fmt::Display) {
        // Names of fields are ours: none has to be escaped.
        self.result = self.result.and_then(|()| write!(self.writer, ",\"{name}\":{value}"));
    }

    fn write_text(&mut self, name: &str, text: &str) {
        let text = plain(text);
        if text.bytes().all(|it| it != b'"' && it != b'\\') {
            return self.write(name, &format_args!("\"{text}\""));
        }
        self.write(name, &serde_json::Value::from(text));
    }
}

impl Visit for Members<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field.name(), &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write_text(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write_text(field.name(), &format!("{value:?}"));
    }
}

/// Fields of spans, kept as members until a line is written.
struct AsJson;

impl<'w> FormatFields<'w> for AsJson {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut members = Members { writer, result: Ok(()) };
        fields.record(&mut members);
        members.result
    }
}

/// One JSON object a line: the moment, the level, the target, and the fields of spans and event.
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
        let (level, target) = (event.metadata().level(), event.metadata().target());
        write!(writer, "{{\"at\":\"{}\",\"level\":\"{level}\",\"target\":\"{target}\"", now())?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<AsJson>>() {
                writer.write_str(&fields.fields)?;
            }
        }
        let mut members = Members { writer: writer.by_ref(), result: Ok(()) };
        event.record(&mut members);
        members.result?;
        writeln!(writer, "}}")
    }
}

#[expect(clippy::disallowed_methods, reason = "a log line tells when it was written")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
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

    /// LOG-02: each line is one object, whatever a value is made of.
    #[test]
    fn a_line_is_one_object() {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .fmt_fields(AsJson)
            .event_format(JsonLines)
            .finish();
        let text = "a \"b\" \\ c\r\n\u{202e}汉";
        tracing::subscriber::with_default(log, || {
            let span = tracing::info_span!("request", request_id = %text);
            span.in_scope(|| tracing::info!(text, number = 7_u64, error = ?Some(text), "told"));
        });
        let lines = String::from_utf8(kept.0.lock().expect("a lock").clone()).expect("text");
        assert_eq!(lines.lines().count(), 1, "{lines}");
        let line: serde_json::Value = serde_json::from_str(&lines).expect("JSON");
        let told = "a \"b\" \\ c\\u{d}\\u{a}\\u{202e}汉";
        assert_eq!((&line["text"], &line["request_id"]), (&told.into(), &told.into()));
        assert_eq!((&line["message"], &line["number"]), (&"told".into(), &7.into()));
        assert_eq!(line["level"], "INFO");
        assert!(line["error"].as_str().is_some_and(|it| it.starts_with("Some(")), "{line}");
        assert!(line["at"].as_str().is_some_and(|it| it.parse::<jiff::Timestamp>().is_ok()));
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
