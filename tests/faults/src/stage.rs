//! One fault's stage: stores, nodes, vendors and a storm of clients, from the first request to the
//! last check.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tests::{Client, Node, World};
use tokio::task::JoinHandle;

use crate::actor::Actor;
use crate::report::Report;
use crate::site::Site;
use crate::tally::{self, Tally};
use crate::vendors::Vendors;
use crate::{check, rows};

/// How many clients a storm has.
const CLIENTS: u64 = 12;
/// The longest that healing may take (REL-04).
const HEALED: Duration = Duration::from_secs(5);
/// The longest that we wait for it at all.
const GIVEN_UP: Duration = Duration::from_mins(1);
/// The longest that an answer may take where a store is away (REL-04, REL-05).
pub(crate) const PROMPT: Duration = Duration::from_secs(3);
/// A while before, during or after a fault.
pub(crate) const WHILE: Duration = Duration::from_secs(3);

/// The stage.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) nodes: Vec<Option<Node>>,
    pub(crate) site: Arc<Site>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) vendors: Vendors,
    /// What the environment of each node has beside the world's own.
    environment: Vec<(String, String)>,
    /// What nodes that are gone wrote into their logs and no fault explains.
    crashes: Vec<String>,
    actors: Vec<JoinHandle<Actor>>,
}

/// What may come of a fault, beside success.
pub(crate) struct Expected<'a> {
    /// Kinds of refusals, as `503 dependency_unavailable`.
    pub(crate) kinds: &'a [&'a str],
    /// Whether somebody has to be told the first of them: without it there was no fault.
    pub(crate) is_told: bool,
    /// The longest answer; none where it is not said.
    pub(crate) longest: Option<Duration>,
}

impl Stage {
    /// Nodes on these stores, with settings as in `("CODES__TTL_SECS", "2")`.
    pub(crate) async fn on(world: World, nodes: usize, settings: &[(&str, &str)]) -> Self {
        Self::under(world, nodes, settings, Vec::new()).await
    }

    /// The same, with more in the environment of each node.
    pub(crate) async fn under(
        world: World,
        nodes: usize,
        settings: &[(&str, &str)],
        environment: Vec<(String, String)>,
    ) -> Self {
        let vendors = Vendors::open().await;
        let own = settings.iter().map(|(name, it)| (format!("LATCHKEY__{name}"), (*it).to_owned()));
        let environment =
            own.chain(vendors.provider_settings()).chain(environment).collect::<Vec<_>>();
        let mut stage = Self::empty(world, vendors, environment);
        for _ in 0..nodes {
            let node = stage.node(&[]).await;
            stage.join(node);
        }
        stage
    }

    /// One node that sends its text messages through the vendor.
    pub(crate) async fn with_sms(world: World) -> Self {
        let vendors = Vendors::open().await;
        let environment = [vendors.provider_settings(), vendors.sms_settings()].concat();
        let mut stage = Self::empty(world, vendors, environment);
        let node = stage.node(&[]).await;
        stage.join(node);
        stage
    }

    fn empty(world: World, vendors: Vendors, environment: Vec<(String, String)>) -> Self {
        Self {
            world,
            nodes: Vec::new(),
            site: Site::of([]),
            tally: Arc::default(),
            vendors,
            environment,
            crashes: Vec::new(),
            actors: Vec::new(),
        }
    }

    /// Another process on the same stores; `more` goes on top of its environment.
    pub(crate) async fn node(&self, more: &[(String, String)]) -> Node {
        self.world.node_under(&[], &[self.environment.as_slice(), more].concat()).await
    }

    /// A node joins the others.
    pub(crate) fn join(&mut self, node: Node) {
        self.nodes.push(Some(node));
        // Nobody has come yet: the storm is later.
        self.site = Site::of(self.clients());
    }

    /// Those who speak to the nodes that run.
    pub(crate) fn clients(&self) -> Vec<Client> {
        self.nodes.iter().flatten().map(|it| it.client.clone()).collect()
    }

    /// Clients begin, and go on until [`Stage::end`].
    pub(crate) fn storm(&mut self) {
        for number in 0..CLIENTS {
            let actor = Actor::new(number, &self.site, &self.tally, &self.vendors.desk);
            self.actors.push(tokio::spawn(actor.storm()));
        }
    }

    /// Kills a node, as `kill -9` does.
    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(node) = self.nodes.get_mut(number) {
            self.crashes.extend(node.take().iter().flat_map(crashes));
        }
    }

    /// Tells a node to stop, and gives the code that it ends with. Clients see it until it is away.
    pub(crate) async fn terminate(&mut self, number: usize) -> Option<i32> {
        let mut node = self.nodes.get_mut(number)?.take()?;
        let code = node.terminate().await;
        self.crashes.extend(crashes(&node));
        code
    }

    /// Asks the nodes, in their order, whether they are ready as they should be.
    pub(crate) async fn is_ready<const N: usize>(&self, wanted: [bool; N]) {
        for (client, wanted) in self.clients().iter().zip(wanted) {
            for (path, status) in
                [("/health/live", 200), ("/health/ready", if wanted { 200 } else { 503 })]
            {
                let answer = client.get(path).await.map_or(0, |it| it.status);
                if answer != status {
                    self.tally.broke(format!("{path} is {answer} and not {status}"));
                }
            }
        }
    }

    /// Somebody who is logged in, and is no client of the storm.
    pub(crate) async fn somebody(&self) -> Client {
        let client = self.clients().swap_remove(0);
        let answer = client.log_in("18700187000").await;
        client.as_user(&answer)
    }

    /// Starts a process in place of a node that is away, and shows it to the clients.
    pub(crate) async fn start(&mut self, number: usize) {
        let node = self.node(&[]).await;
        self.site.put(number, Some(node.client.clone()));
        if let Some(place) = self.nodes.get_mut(number) {
            *place = Some(node);
        }
    }

    /// From now until every node is ready and lets somebody in; more than five seconds is too long.
    pub(crate) async fn heals(&self) -> Duration {
        let begun = Instant::now();
        for client in self.clients() {
            while !lets_in(&client).await {
                if begun.elapsed() > GIVEN_UP {
                    self.tally.broke("it does not heal");
                    return begun.elapsed();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let took = begun.elapsed();
        if took > HEALED {
            self.tally.broke(format!("it heals after {took:.1?}"));
        }
        took
    }

    /// Ends the storm, checks everything, and reports.
    pub(crate) async fn end(
        mut self,
        report: Report,
        recovery: Option<Duration>,
        expected: Expected<'_>,
    ) -> Report {
        let (actors, mut broken) = self.settle().await;
        let counts = self.tally.counts();
        let kinds = [expected.kinds, &[tally::DONE]].concat();
        broken.extend(counts.refused_but(&kinds).into_iter().map(|it| format!("told {it}")));
        let sign = expected.kinds.first().filter(|_| expected.is_told);
        if let Some(sign) = sign.filter(|it| !counts.refused.contains_key(**it)) {
            broken.push(format!("nobody was told {sign}"));
        }
        if let Some(limit) = expected.longest.filter(|it| counts.longest > *it) {
            broken
                .push(format!("an answer took {:.1?}, and {limit:?} is the limit", counts.longest));
        }
        broken.extend(check::check(actors).await);
        broken.extend(rows::check(&self.world).await);
        let now = self.nodes.iter().flatten().flat_map(crashes);
        broken.extend(self.crashes.iter().cloned().chain(now).take(5));
        report.with(counts, recovery, broken)
    }

    /// Sends the clients home: who they were, and which of them failed.
    pub(crate) async fn settle(&mut self) -> (Vec<Actor>, Vec<String>) {
        self.site.end();
        let (mut actors, mut broken) = (Vec::new(), Vec::new());
        for actor in std::mem::take(&mut self.actors) {
            match actor.await {
                Ok(actor) => actors.push(actor),
                Err(ended) => broken.push(format!("a client failed: {ended}")),
            }
        }
        (actors, broken)
    }
}

/// What a node wrote into its log that no fault explains.
fn crashes(node: &Node) -> Vec<String> {
    let is_one = |it: &&str| it.contains("panicked") || it.contains("code=internal");
    node.log().lines().filter(is_one).map(str::to_owned).collect()
}

/// Whether a node is ready and a new user comes in.
async fn lets_in(client: &Client) -> bool {
    static USED: AtomicU64 = AtomicU64::new(18_600_000_000);
    if client.get("/health/ready").await.map_or(0, |it| it.status) != 200 {
        return false;
    }
    let phone = USED.fetch_add(1, Ordering::SeqCst).to_string();
    let asked = client.ask(&phone).await;
    if asked.status != 202 {
        return false;
    }
    let credential = client.code_of(&phone, asked.str("/challenge_id")).await;
    client.login(&credential).await.status == 200
}
