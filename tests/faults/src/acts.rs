//! What the clients of a storm do, and what they write down of the answers.

use std::time::{Duration, Instant};

use tests::reqwest::Method;
use tests::serde_json::json;
use tests::{Answer, Client};

use crate::actor::{Actor, Call, Reply};
use crate::ledger::{Means, PASSWORD, Person, Session, Standing, Way};

/// The most people of one client: then those who are there go on.
const PEOPLE: usize = 60;
/// The most ways in of one person, below the service's own limit of 20.
const WAYS: usize = 10;
/// The most sessions of one person: the service keeps 20, and logins without an answer count.
const SESSIONS: usize = 8;
/// How soon a phone or mailbox may be asked again. The nodes' setting is a second, which they count
/// from when they got to it.
const RESEND: Duration = Duration::from_millis(2_500);
/// How soon a session that ended has ended on all nodes (SES-04).
const EVERYWHERE: Duration = Duration::from_secs(1);

impl Actor {
    /// Does one thing after the other until the site says that it is over.
    pub(crate) async fn storm(mut self) -> Self {
        while !self.site.is_over() {
            self.act().await;
        }
        self
    }

    async fn act(&mut self) {
        let chance = self.chance.below(100);
        if self.people.len() < 3 || (chance < 25 && self.people.len() < PEOPLE) {
            let means = self.new_means();
            self.people.push(Person::new(means));
            return self.come_in(self.people.len() - 1, 0).await;
        }
        let who = self.chance.below(self.people.len());
        match chance {
            0..50 => self.log_in(who).await,
            50..67 => self.link(who).await,
            67..74 => self.unlink(who).await,
            74..82 => self.log_out(who).await,
            82..85 => self.log_others_out(who).await,
            85..91 => self.merge(who).await,
            _ => self.look(who).await,
        }
    }

    async fn log_in(&mut self, who: usize) {
        let Some(person) = self.people.get(who).filter(|it| it.is_free()) else { return };
        if person.sessions_that_are(Standing::Sure).len() >= SESSIONS {
            return self.log_out(who).await;
        }
        // What is open after a registration without an answer is tried again.
        let standing = if person.user.is_some() { Standing::Sure } else { Standing::Open };
        if let Some(way) = self.chance.one(&person.ways_that_are(standing)) {
            self.come_in(who, way).await;
        }
    }

    /// Registers or logs in by one way, and writes down what it was told.
    pub(crate) async fn come_in(&mut self, who: usize, way: usize) {
        let Some((means, is_known)) = self.due(who, way) else { return };
        let begun = Instant::now();
        match self.log_in_by(&means, is_known).await {
            Reply::Done(answer) => {
                self.tally.logged_in(begun.elapsed());
                self.came_in(who, way, &answer);
            }
            Reply::Open | Reply::Unsent => {}
            Reply::Refused(answer) => {
                // Names and passwords do not run out, as codes do.
                if is_known && answer.outcome().1 == "invalid_credentials" {
                    self.tally.broke(format!("{means:?} logs in no longer: {}", answer.text));
                }
            }
        }
    }

    /// The means of a way in, and whether its person is known; none while it was used just now.
    fn due(&mut self, who: usize, way: usize) -> Option<(Means, bool)> {
        let person = self.people.get_mut(who)?;
        let is_known = person.user.is_some();
        let way = person.ways.get_mut(way)?;
        if way.asked.is_some_and(|it| it.elapsed() < RESEND) {
            return None;
        }
        way.asked = Some(Instant::now());
        Some((way.means.clone(), is_known))
    }

    /// POST /v1/login, or for a name that is not known yet POST /v1/register first.
    pub(crate) async fn log_in_by(&mut self, means: &Means, is_known: bool) -> Reply {
        if let (Means::Name(name), false) = (means, is_known) {
            let body = json!({"username": name, "password": PASSWORD});
            match self.call(Call::post("/v1/register", &body)).await {
                // A registration that had no answer was done.
                Reply::Refused(answer) if answer.outcome().1 == "username_taken" => {}
                other => return other,
            }
        }
        let Some(credential) = self.prove(means, "login").await else { return Reply::Unsent };
        self.call(Call::post("/v1/login", &json!({"credential": credential}))).await
    }

    fn came_in(&mut self, who: usize, place: usize, answer: &Answer) {
        self.tally.acknowledged();
        let (user, token) = (answer.str("/user/id"), answer.str("/access_token"));
        let is_new = answer.body.get("is_new_user").is_some_and(|it| it == true);
        let Some(person) = self.people.get_mut(who) else { return };
        let Some(way) = person.ways.get_mut(place) else { return };
        let known = person.user.get_or_insert_with(|| user.to_owned());
        if known != user || (is_new && way.standing == Standing::Sure) {
            let was = format!("{:?} was user {known} and opens user {user}", way.means);
            self.tally.broke(format!("{was}, new: {is_new}"));
        }
        way.standing = Standing::Sure;
        let token = token.to_owned();
        let story = vec![("login", Instant::now())];
        person.sessions.push(Session { token, born_of: place, standing: Standing::Sure, story });
    }

    async fn link(&mut self, who: usize) {
        let Some((_, token)) = self.session_of(who, None) else { return };
        if self.people.get(who).is_none_or(|it| it.ways.len() >= WAYS) {
            return;
        }
        let mut means = self.new_means();
        if let Means::Name(name) = &means {
            // A name is registered, not linked by a proof.
            means = Means::Code(format!("{name}@example.com"));
        }
        let Some(credential) = self.prove(&means, "link").await else { return };
        let body = json!({"credential": credential});
        let reply = self.call(Call::post("/v1/me/identities", &body).by(&token)).await;
        let (identity, standing) = match reply {
            Reply::Done(answer) => {
                self.tally.acknowledged();
                (Some(answer.str("/identity/id").to_owned()), Standing::Sure)
            }
            Reply::Open => (None, Standing::Open),
            Reply::Refused(_) | Reply::Unsent => return,
        };
        let way = Way { means, identity, standing, asked: Some(Instant::now()) };
        self.people.iter_mut().skip(who).take(1).for_each(|it| it.ways.push(way.clone()));
    }

    async fn unlink(&mut self, who: usize) {
        let Some(person) = self.people.get(who) else { return };
        let sure = person.ways_that_are(Standing::Sure);
        let named = |it: &usize| person.ways.get(*it).is_some_and(|it| it.identity.is_some());
        let linked: Vec<_> = sure.iter().copied().filter(named).collect();
        let Some(place) = self.chance.one(&linked).filter(|_| sure.len() > 1) else { return };
        let Some((used, token)) = self.session_of(who, Some(place)) else { return };
        let Some(id) = self.people.get(who).and_then(|it| it.ways.get(place)?.identity.clone())
        else {
            return;
        };
        let path = format!("/v1/me/identities/{id}");
        let reply = self.call(Call::bare(Method::DELETE, &path).by(&token)).await;
        let standing = match reply {
            Reply::Done(_) => {
                self.tally.acknowledged();
                Standing::Over
            }
            Reply::Open => Standing::Open,
            Reply::Refused(_) | Reply::Unsent => return,
        };
        let Some(person) = self.people.get_mut(who) else { return };
        let born = |(at, it): &(usize, &mut Session)| {
            *at != used && it.born_of == place && it.standing != Standing::Over
        };
        let sessions = person.sessions.iter_mut().enumerate().filter(born);
        sessions.for_each(|(_, it)| it.becomes(standing, "unlink"));
        if let Some(way) = person.ways.get_mut(place) {
            way.standing = standing;
        }
    }

    async fn log_out(&mut self, who: usize) {
        let Some((place, token)) = self.session_of(who, None) else { return };
        let reply = self.call(Call::bare(Method::POST, "/v1/logout").by(&token)).await;
        let standing = self.standing_after(&reply);
        let (Some(standing), Some(person)) = (standing, self.people.get_mut(who)) else { return };
        let Some(session) = person.sessions.get_mut(place) else { return };
        session.becomes(standing, "logout");
        if standing == Standing::Over {
            let session = session.clone();
            self.is_over_everywhere(&session).await;
        }
    }

    async fn log_others_out(&mut self, who: usize) {
        let Some((place, token)) = self.session_of(who, None) else { return };
        let path = "/v1/me/sessions?scope=others";
        let reply = self.call(Call::bare(Method::DELETE, path).by(&token)).await;
        let standing = self.standing_after(&reply);
        if let (Some(standing), Some(person)) = (standing, self.people.get_mut(who)) {
            person.end_sessions(Some(place), standing, "logout of others");
        }
    }

    /// What has ended by a request; none if nothing did.
    fn standing_after(&self, reply: &Reply) -> Option<Standing> {
        match reply {
            Reply::Done(_) => {
                self.tally.acknowledged();
                Some(Standing::Over)
            }
            Reply::Open => Some(Standing::Open),
            Reply::Refused(_) | Reply::Unsent => None,
        }
    }

    /// Takes another person in, who came by codes or a provider.
    async fn merge(&mut self, who: usize) {
        let other = self.chance.below(self.people.len());
        let mine = |it: &Person| it.is_free() && it.user.is_some();
        let nameless = |it: &Person| {
            !it.ways.iter().any(|it| matches!(it.means, Means::Name(_))) && !it.is_waited_for
        };
        let Some(b) = self.people.get(other).filter(|it| mine(it) && nameless(it)) else { return };
        let Some(a) = self.people.get(who).filter(|it| mine(it) && who != other) else { return };
        if a.ways.len() + b.ways.len() > WAYS {
            return;
        }
        let Some(way) = self.chance.one(&b.ways_that_are(Standing::Sure)) else { return };
        let Some((_, token)) = self.session_of(who, None) else { return };
        let Some((means, _)) = self.due(other, way) else { return };
        let Some(credential) = self.prove(&means, "merge").await else { return };
        let body = json!({"credential": credential});
        match self.call(Call::post("/v1/me/merge", &body).by(&token)).await {
            Reply::Done(_) => {
                self.tally.acknowledged();
                self.absorb(who, other);
            }
            Reply::Open => {
                let user = self.people.get(who).and_then(|it| it.user.clone());
                if let Some(a) = self.people.get_mut(who) {
                    a.is_waited_for = true;
                }
                if let Some(b) = self.people.get_mut(other) {
                    b.perhaps = user;
                    b.end_sessions(None, Standing::Open, "merge");
                }
            }
            Reply::Refused(_) | Reply::Unsent => {}
        }
    }

    /// After an acknowledged merge one has the ways in of both, and the other's sessions are over.
    fn absorb(&mut self, who: usize, other: usize) {
        let Some(b) = self.people.get_mut(other) else { return };
        b.is_absorbed = true;
        b.end_sessions(None, Standing::Over, "merge");
        let (ways, mut sessions) = (std::mem::take(&mut b.ways), std::mem::take(&mut b.sessions));
        let Some(a) = self.people.get_mut(who) else { return };
        for it in &mut sessions {
            it.born_of += a.ways.len();
        }
        a.has_absorbed = true;
        a.ways.extend(ways);
        a.sessions.extend(sessions);
    }

    /// Checks one session: alive or over, as it was told.
    async fn look(&mut self, who: usize) {
        let Some(person) = self.people.get(who) else { return };
        let standing = if self.chance.below(2) == 0 { Standing::Sure } else { Standing::Over };
        let Some(place) = self.chance.one(&person.sessions_that_are(standing)) else { return };
        let Some(session) = person.sessions.get(place).cloned() else { return };
        if standing == Standing::Over {
            return self.is_over_everywhere(&session).await;
        }
        let user = person.user.clone().unwrap_or_default();
        match self.call(Call::bare(Method::GET, "/v1/me").by(&session.token)).await {
            Reply::Done(answer) if answer.str("/user/id") != user => {
                self.tally.broke(format!("a session of {user} is that of {}", answer.text));
            }
            Reply::Refused(answer) => {
                self.tally.broke(format!("a session that was given is gone: {}", answer.text));
            }
            Reply::Done(_) | Reply::Open | Reply::Unsent => {}
        }
    }

    /// A session whose end was acknowledged opens nothing, at any node.
    pub(crate) async fn is_over_everywhere(&self, session: &Session) {
        for node in self.site.order(0) {
            let begun = Instant::now();
            while self.opens(&node, &session.token).await {
                if begun.elapsed() > EVERYWHERE {
                    self.tally.broke(format!("an ended session is alive: {}", session.told()));
                    break;
                }
            }
        }
    }

    /// Whether a session opens a node; that it does not is no refusal to be counted.
    pub(crate) async fn opens(&self, node: &Client, token: &str) -> bool {
        let Ok(answer) = node.bearing(token).get("/v1/me").await else { return false };
        if answer.status == 401 {
            self.tally.looked(answer.took);
        } else {
            self.tally.answered(&answer);
        }
        answer.status == 200
    }

    /// Some session of a person that is alive, not born from a way in; its place and token.
    fn session_of(&mut self, who: usize, not_born_of: Option<usize>) -> Option<(usize, String)> {
        let person = self.people.get(who).filter(|it| it.is_free())?;
        let alive = person.sessions_that_are(Standing::Sure);
        let other =
            |it: &usize| person.sessions.get(*it).is_some_and(|it| Some(it.born_of) != not_born_of);
        let place = self.chance.one(&alive.into_iter().filter(other).collect::<Vec<_>>())?;
        self.people.get(who)?.sessions.get(place).map(|it| (place, it.token.clone()))
    }
}
