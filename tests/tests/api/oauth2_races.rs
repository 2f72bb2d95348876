//! Codes and refresh tokens when many ask at once (OP-04, OP-07).

use std::collections::BTreeSet;
use std::sync::Arc;

use tests::{Answer, Client, World, on_every_topology};
use tokio::sync::Barrier;

use crate::oauth2::node;

on_every_topology![
    fifty_exchanges_of_one_code_are_one,
    fifty_refreshes_of_one_token_are_one_family,
    an_exchange_during_a_logout_from_everywhere_leaves_nothing,
];

/// Calls as often at the same moment.
async fn at_once<F, Fut>(client: &Client, count: usize, call: F) -> Vec<Answer>
where
    F: Fn(Client, usize) -> Fut,
    Fut: Future<Output = Answer> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(count));
    let running: Vec<_> = (0..count)
        .map(|number| {
            let call = call(client.clone(), number);
            let barrier = Arc::clone(&barrier);
            tokio::spawn(async move {
                barrier.wait().await;
                call.await
            })
        })
        .collect();
    let mut answers = Vec::new();
    for answer in running {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// OP-04: one 200, and the others are a reuse.
async fn fifty_exchanges_of_one_code_are_one(world: World) {
    let node = node(&world).await;
    let code = node.client.login_for_code("13800138000", "web", "openid").await;
    let answers = at_once(&node.client, 50, |client, _| {
        let code = code.clone();
        async move { client.exchange(&code).await }
    })
    .await;
    let done: Vec<_> = answers.iter().filter(|it| it.status == 200).collect();
    assert!(done.len() <= 1, "{}", done.len());
    for it in answers.iter().filter(|it| it.status != 200) {
        let told = it.refusal();
        let is_busy = told == (503, "temporarily_unavailable".to_owned());
        assert!(is_busy || told == (400, "invalid_grant".to_owned()), "{}", it.text);
    }
    if let [one] = done[..] {
        assert_eq!(node.client.as_user(one).me().await.status, 401, "a reuse ends its tokens");
    }
}

/// OP-07: one successor, whoever asks.
async fn fifty_refreshes_of_one_token_are_one_family(world: World) {
    let node = node(&world).await;
    let tokens = node.client.partner_tokens("13800138000", "openid").await;
    let token = tokens.str("/refresh_token").to_owned();
    let answers = at_once(&node.client, 50, |client, _| {
        let token = token.clone();
        async move { client.refresh_as("partner", &token).await }
    })
    .await;
    let done: Vec<_> = answers.iter().filter(|it| it.status == 200).collect();
    assert!(!done.is_empty());
    let next: BTreeSet<_> = done.iter().map(|it| it.str("/refresh_token").to_owned()).collect();
    assert_eq!(next.len(), 1);
    for it in answers.iter().filter(|it| it.status != 200) {
        assert_eq!(it.refusal(), (503, "temporarily_unavailable".to_owned()), "{}", it.text);
    }
    let next = next.first().expect("one");
    assert_eq!(node.client.refresh_as("partner", next).await.status, 200);
}

/// SES-04: whichever is first, nothing is left.
async fn an_exchange_during_a_logout_from_everywhere_leaves_nothing(world: World) {
    let node = node(&world).await;
    for _ in 0..5 {
        let user = node.client.as_user(&node.client.log_in("13800138000").await);
        let code = node.client.login_for_code("13800138000", "web", "openid").await;
        let answers = at_once(&node.client, 2, |client, number| {
            let (code, user) = (code.clone(), user.clone());
            async move {
                if number == 0 {
                    user.delete("/v1/me/sessions?scope=all").await
                } else {
                    client.exchange(&code).await
                }
            }
        })
        .await;
        assert_eq!(answers[0].status, 204, "{}", answers[0].text);
        if answers[1].status == 200 {
            assert_eq!(node.client.as_user(&answers[1]).me().await.status, 401);
        } else {
            assert_eq!(answers[1].refusal(), (400, "invalid_grant".to_owned()));
        }
    }
}
