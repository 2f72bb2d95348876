//! What is promised to one holds when many ask at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tests::{Answer, Client, World, on_every_topology};
use tokio::sync::Barrier;

on_every_topology![
    two_hundred_first_logins_make_one_user,
    a_hundred_guesses_are_five,
    fifty_right_answers_are_one_session,
    two_hundred_wrong_passwords_are_five,
    fifty_registrations_of_one_name_are_one,
    more_passwords_than_can_be_hashed_are_told_so,
];

/// Posts all bodies at the same moment.
async fn at_once(client: &Client, path: &'static str, bodies: Vec<Value>) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(bodies.len()));
    let running: Vec<_> = bodies
        .into_iter()
        .map(|body| {
            let (client, barrier) = (client.clone(), Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                client.post(path, &body).await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in running {
        answers.push(answer.await.unwrap());
    }
    answers
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|it| it.status == status).count()
}

/// OTP-12: three codes of one unknown phone, two hundred logins, one user.
async fn two_hundred_first_logins_make_one_user(world: World) {
    let node = world.node().await;
    let mut credentials = Vec::new();
    for device in ["one", "two", "three"] {
        let body = json!({"channel": "sms", "target": "13800138000", "device": {"id": device}});
        let sent = node.client.post("/v1/challenges", &body).await;
        credentials.push(node.client.code_of("13800138000", sent.str("/challenge_id")).await);
        tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
    }
    let bodies =
        (0..200).map(|it| json!({"credential": credentials[it % credentials.len()]})).collect();
    let answers = at_once(&node.client, "/v1/login", bodies).await;
    assert_eq!(count(&answers, 200), 3);
    assert_eq!(count(&answers, 200) + count(&answers, 401) + count(&answers, 429), 200);
    let won: Vec<_> = answers.iter().filter(|it| it.status == 200).collect();
    let users: BTreeSet<_> = won.iter().map(|it| it.str("/user/id")).collect();
    assert_eq!(users.len(), 1);
    assert_eq!(won.iter().filter(|it| it.body["is_new_user"] == true).count(), 1);
}

/// OTP-05: whoever guesses sees five tries, and then one answer for all.
async fn a_hundred_guesses_are_five(world: World) {
    let node = world.node_with(&[("LIMITS__PHONE_WRONG_HOUR", "1000")]).await;
    let right = node.client.code("13800138000").await;
    let bodies = (0..100)
        .map(|guess| {
            let mut wrong = right.clone();
            wrong["code"] = json!(format!("{:06}", guess * 7_919 % 1_000_000));
            if wrong["code"] == right["code"] {
                wrong["code"] = json!("999999");
            }
            json!({"credential": wrong})
        })
        .collect();
    let answers = at_once(&node.client, "/v1/login", bodies).await;
    assert_eq!(count(&answers, 401), 100);
    assert_eq!(node.client.login(&right).await.status, 401, "it is burned");
}

/// OTP-05.
async fn fifty_right_answers_are_one_session(world: World) {
    let node = world.node().await;
    let right = node.client.code("13800138000").await;
    let bodies = (0..50).map(|_| json!({"credential": right})).collect();
    let answers = at_once(&node.client, "/v1/login", bodies).await;
    assert_eq!(count(&answers, 200), 1);
    assert_eq!(count(&answers, 401), 49);
}

/// LOCK-03.
async fn two_hundred_wrong_passwords_are_five(world: World) {
    let node = world.node().await;
    let body = json!({"username": "ada", "password": "correct horse battery"});
    assert_eq!(node.client.post("/v1/register", &body).await.status, 201);
    for name in ["ada", "nobody-here"] {
        let credential = json!({"type": "password", "identifier": name, "password": "wrong"});
        let bodies = (0..200).map(|_| json!({"credential": credential})).collect();
        let answers = at_once(&node.client, "/v1/login", bodies).await;
        assert!(count(&answers, 401) <= 5, "{name}: {}", count(&answers, 401));
        assert_eq!(count(&answers, 401) + count(&answers, 429), 200, "{name}");
    }
}

/// REL-01.
async fn fifty_registrations_of_one_name_are_one(world: World) {
    let node = world.node().await;
    let body = json!({"username": "ada", "password": "correct horse battery"});
    let answers = at_once(&node.client, "/v1/register", vec![body; 50]).await;
    assert_eq!(count(&answers, 201), 1);
    assert_eq!(count(&answers, 409), 49);
}

/// PWD-05, REL-10: over capacity is told at once, and nothing else waits for it.
async fn more_passwords_than_can_be_hashed_are_told_so(world: World) {
    let node = world.node().await;
    let bodies = (0..400)
        .map(|number| {
            let name = format!("nobody-{number}x");
            json!({"credential": {"type": "password", "identifier": name, "password": "wrong"}})
        })
        .collect();
    let client = node.client.clone();
    let storm = tokio::spawn(async move { at_once(&client, "/v1/login", bodies).await });
    while !storm.is_finished() {
        let live = node.client.get("/health/live").await.unwrap();
        assert_eq!(live.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let answers = storm.await.unwrap();
    assert_eq!(count(&answers, 401) + count(&answers, 503), 400);
    assert!(count(&answers, 401) >= 50 && count(&answers, 503) >= 50);
    for told in answers.iter().filter(|it| it.status == 503) {
        assert_eq!(told.code(), "overloaded");
        assert!(told.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
}
