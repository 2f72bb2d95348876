//! Traces, as a collector gets them over OTLP.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::{Value, json};
use tests::{Manner, Node, Receiver, Topology, World};

/// The example of the recommendation.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// All that spans may say. None of it comes from a person.
const ATTRIBUTES: [&str; 6] = [
    "dependency",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "operation",
    "outcome",
];

/// What a collector got.
pub(crate) fn spans(collector: &Receiver) -> Vec<Span> {
    let requests = collector.got().into_iter().map(|it| {
        assert_eq!(
            (it.path.as_str(), it.header("content-type")),
            ("/v1/traces", "application/x-protobuf")
        );
        ExportTraceServiceRequest::decode(it.bytes.as_slice()).expect("a request of OTLP")
    });
    let resources = requests.flat_map(|it| it.resource_spans).inspect(|it| {
        let resource = it.resource.as_ref().expect("a resource");
        let names: BTreeSet<_> = resource.attributes.iter().map(|it| it.key.as_str()).collect();
        let expected = ["service.instance.id", "service.name", "service.version"];
        assert_eq!(names, BTreeSet::from(expected));
    });
    resources.flat_map(|it| it.scope_spans).flat_map(|it| it.spans).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect::<Vec<_>>().concat()
}

fn keys(attributes: &[KeyValue]) -> impl Iterator<Item = &str> {
    attributes.iter().map(|it| it.key.as_str())
}

/// The names of spans with those of their parents; whoever has none has the id of its parent.
fn tree(spans: &[Span]) -> Vec<(String, String)> {
    let names: BTreeMap<_, _> = spans.iter().map(|it| (it.span_id.clone(), &it.name)).collect();
    let parent = |it: &Span| match names.get(&it.parent_span_id) {
        Some(name) => (*name).clone(),
        None => hex(&it.parent_span_id),
    };
    let mut tree: Vec<_> = spans.iter().map(|it| (it.name.clone(), parent(it))).collect();
    tree.sort();
    tree
}

async fn node(world: &World, collector: &Receiver, more: &[(&str, &str)]) -> Node {
    let base = collector.base();
    let settings = [&[("TELEMETRY__OTLP_ENDPOINT", base.as_str())], more].concat();
    world.node_with(&settings).await
}

/// A request that names its trace.
async fn login_within(node: &Node, credential: &Value, traceparent: &str) -> u16 {
    let body = json!({"credential": credential});
    let request = node.client.request(reqwest::Method::POST, "/v1/login").json(&body);
    node.client.send(request.header("traceparent", traceparent)).await.unwrap().status
}

/// LOG-01, LOG-06: from the caller's span down to the stores, with names of ours alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_one_trace() {
    let (world, collector) = (World::new(Topology::PostgresRedis).await, Receiver::start().await);
    let mut node = node(&world, &collector, &[]).await;
    let credential = node.client.code("13800138000").await;
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    assert_eq!(login_within(&node, &credential, &traceparent).await, 200);
    assert_eq!(node.terminate().await, Some(0), "{}", node.log());

    let all = spans(&collector);
    let (ours, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|it| hex(&it.trace_id) == TRACE);
    let expected = [
        ("POST /v1/login", CALLER),
        ("database accounts.find", "login"),
        ("database accounts.register", "login"),
        ("login", "POST /v1/login"),
        ("prove", "login"),
        ("redis challenges.guess", "prove"),
        ("redis session_copies.put", "login"),
    ]
    .map(|(name, parent)| (name.to_owned(), parent.to_owned()));
    assert_eq!(tree(&ours), expected);
    for span in ours.iter().chain(&others) {
        assert_eq!((span.events.len(), span.links.len()), (0, 0), "{span:?}");
        let unknown: Vec<_> =
            keys(&span.attributes).filter(|it| !ATTRIBUTES.contains(it)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let is_request = span.name.contains('/');
        assert_eq!(span.kind() == SpanKind::Server, is_request, "{span:?}");
    }
    assert!(others.iter().any(|it| it.name == "POST /v1/challenges"), "{:?}", tree(&others));
    assert!(node.log().contains(TRACE), "{}", node.log());
}

/// A caller's word that is none is not taken, and its request has a trace of its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_trace_context_is_left_alone() {
    let (world, collector) = (World::new(Topology::Sqlite).await, Receiver::start().await);
    let mut node = node(&world, &collector, &[]).await;
    let credential = json!({"type": "password", "identifier": "ada", "password": "wrong"});
    for bad in ["00-00000000000000000000000000000000-00f067aa0ba902b7-01", "13800138000"] {
        assert_eq!(login_within(&node, &credential, bad).await, 401);
    }
    let request = node.client.request(reqwest::Method::GET, "/v1/providers");
    let twice = format!("00-{TRACE}-{CALLER}-01");
    let request = request.header("traceparent", &twice).header("traceparent", &twice);
    assert_eq!(node.client.send(request).await.unwrap().status, 200);
    assert_eq!(node.terminate().await, Some(0), "{}", node.log());
    let all = spans(&collector);
    let roots = all.iter().filter(|it| it.parent_span_id.is_empty());
    let names: Vec<_> = roots.map(|it| it.name.as_str()).collect();
    let count = |name| names.iter().filter(|it| **it == name).count();
    assert_eq!((count("POST /v1/login"), count("GET /v1/providers")), (2, 1), "{names:?}");
    assert!(all.iter().all(|it| hex(&it.trace_id) != TRACE));
}

/// A share of none is none, and a caller gets no more than the share.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_cannot_ask_for_more_than_the_share() {
    let (world, collector) = (World::new(Topology::Sqlite).await, Receiver::start().await);
    let mut node = node(&world, &collector, &[("TELEMETRY__SAMPLE_RATIO", "0")]).await;
    let credential = node.client.code("13800138000").await;
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    assert_eq!(login_within(&node, &credential, &traceparent).await, 200);
    assert_eq!(node.terminate().await, Some(0), "{}", node.log());
    assert!(collector.got().is_empty());
    // Whoever looks for the caller's trace finds the line all the same.
    assert!(node.log().contains(TRACE), "{}", node.log());
}

/// Without a collector nothing is traced, and the log still names the caller's trace: in
/// production as a member of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_the_trace_and_the_request() {
    let world = World::new(Topology::Sqlite).await;
    let mut node = world.production_node_with(&[]).await;
    let credential = json!({"type": "password", "identifier": "ada", "password": "wrong"});
    let body = json!({"credential": credential});
    let request = node.client.request(reqwest::Method::POST, "/v1/login").json(&body);
    let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-00"));
    let answer = node.client.send(request.header("x-request-id", "mine")).await.unwrap();
    assert_eq!((answer.status, answer.header("x-request-id")), (401, "mine"));
    node.terminate().await;
    let lines: Vec<Value> =
        node.log().lines().filter_map(|it| serde_json::from_str(it).ok()).collect();
    let answered =
        lines.iter().find(|it| it["message"] == "answered" && it["request_id"] == "mine");
    let answered = answered.unwrap_or_else(|| panic!("{}", node.log()));
    assert_eq!((&answered["trace_id"], &answered["status"]), (&json!(TRACE), &json!(401)));
}

/// The team's own systems are told which trace an event belongs to; nobody else is.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_goes_on_with_its_trace() {
    let (world, collector) = (World::new(Topology::Sqlite).await, Receiver::start().await);
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let settings = [("WEBHOOKS__URL", url.as_str()), ("WEBHOOKS__SECRET", secret)];
    let mut node = node(&world, &collector, &settings).await;
    node.client.log_in("13800138000").await;
    let told = receiver.wait_for(1).await;
    assert_eq!(node.terminate().await, Some(0), "{}", node.log());
    let all = spans(&collector);
    let caller = all.iter().find(|it| {
        told[0].header("traceparent") == format!("00-{}-{}-01", hex(&it.trace_id), hex(&it.span_id))
    });
    assert_eq!(caller.map(|it| it.name.as_str()), Some("webhook tell"), "{:?}", told[0]);
}

/// A collector that is away, or refuses, costs spans, which are counted, and no login.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_collector_does_not_take_is_lost_and_counted() {
    for manner in [None, Some(Manner::Status(503))] {
        let (world, mut collector) = (World::new(Topology::Sqlite).await, Receiver::start().await);
        match manner {
            None => collector.go(),
            Some(manner) => collector.behave(manner),
        }
        let address = format!("127.0.0.1:{}", tests::test_servers::free_port().unwrap());
        let node = node(&world, &collector, &[("SERVER__METRICS_BIND", &address)]).await;
        node.client.log_in("13800138000").await;
        let lost = async || {
            let (_, text) = crate::metrics::read(&address, "/metrics").await;
            crate::metrics::value(&text, "latchkey_spans_lost_total").unwrap()
        };
        let mut looks = 0;
        while lost().await < 1.0 {
            looks += 1;
            assert!(looks < 400, "no span was lost: {manner:?}");
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        assert!(node.log().contains("the collector does not take traces"), "{}", node.log());
        let told: Vec<_> = collector.got().into_iter().map(|it| it.bytes).collect();
        let repeats = |at: usize, it: &Vec<u8>| told[..at].contains(it);
        assert!(!told.iter().enumerate().any(|(at, it)| repeats(at, it)), "never tried again");
    }
}

/// One that hangs makes nobody wait: neither a login nor the end of the process.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_collector() {
    let (world, collector) = (World::new(Topology::Sqlite).await, Receiver::start().await);
    collector.behave(Manner::Hang);
    let mut node = node(&world, &collector, &[]).await;
    let login = node.client.log_in("13800138000").await;
    // By now the export hangs.
    collector.wait_for(1).await;
    assert_eq!(node.client.as_user(&login).me().await.status, 200);
    assert_eq!(node.client.log_in("13900139000").await.status, 200);
    assert_eq!(node.terminate().await, Some(0), "{}", node.log());
}
