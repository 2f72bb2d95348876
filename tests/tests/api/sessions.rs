//! `/v1/me/sessions` and `/v1/me/logins`: where the caller is logged in, and who came in.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Client, World, on_every_topology};

on_every_topology![
    sessions_are_listed_and_ended_one_by_one,
    the_others_or_all_end_together,
    the_history_is_told_page_by_page,
];

async fn list(user: &Client) -> Vec<Value> {
    let answer = user.get("/v1/me/sessions").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["sessions"].as_array().unwrap().clone()
}

async fn delete(user: &Client, path: &str) -> u16 {
    user.send(user.request(Method::DELETE, path)).await.unwrap().status
}

/// Registers a user name and logs in twice more, on named devices.
async fn three_sessions(client: &Client) -> [Client; 3] {
    let body = json!({"username": "ada", "password": "correct horse battery"});
    let first = client.post("/v1/register", &body).await;
    let mut users = vec![client.as_user(&first)];
    for name in ["a phone", "a tablet"] {
        let credential =
            json!({"type": "password", "identifier": "ada", "password": "correct horse battery"});
        let body = json!({"credential": credential, "device": {"name": name}});
        users.push(client.as_user(&client.post("/v1/login", &body).await));
    }
    users.try_into().unwrap()
}

/// SES-05, LINK-10.
async fn sessions_are_listed_and_ended_one_by_one(world: World) {
    let node = world.node().await;
    let [one, two, three] = three_sessions(&node.client).await;
    let stranger = node.client.as_user(&node.client.log_in("13800138000").await);
    let listed = list(&three).await;
    let names: Vec<_> = listed.iter().map(|it| it["device_name"].clone()).collect();
    assert_eq!(names, [json!("a tablet"), json!("a phone"), json!(null)]);
    let current: Vec<_> = listed.iter().map(|it| it["current"] == true).collect();
    assert_eq!(current, [true, false, false]);
    assert_eq!(listed[0]["amr"], json!(["pwd"]));
    assert_eq!(listed[0]["ip"], "127.0.0.1");
    let phone = format!("/v1/me/sessions/{}", listed[1]["id"].as_str().unwrap());
    assert_eq!(delete(&stranger, &phone).await, 404);
    assert_eq!(two.me().await.status, 200);
    assert_eq!(delete(&three, &phone).await, 204);
    assert_eq!(two.me().await.status, 401);
    assert_eq!(one.me().await.status, 200);
    for unknown in
        ["/v1/me/sessions/nonsense", "/v1/me/sessions/01890000-0000-7000-8000-000000000000"]
    {
        assert_eq!(delete(&three, unknown).await, 404);
    }
}

async fn the_others_or_all_end_together(world: World) {
    let node = world.node().await;
    let [one, two, three] = three_sessions(&node.client).await;
    for path in ["/v1/me/sessions", "/v1/me/sessions?scope=some"] {
        assert_eq!(delete(&three, path).await, 422, "{path}");
    }
    assert_eq!(delete(&three, "/v1/me/sessions?scope=others").await, 204);
    assert_eq!((one.me().await.status, two.me().await.status), (401, 401));
    assert_eq!(list(&three).await.len(), 1);
    assert_eq!(delete(&three, "/v1/me/sessions?scope=all").await, 204);
    assert_eq!(three.me().await.status, 401);
}

/// LOG-03: success, failure and lock, each once.
async fn the_history_is_told_page_by_page(world: World) {
    let node = world.node_with(&[("LOCKOUT__THRESHOLD", "2")]).await;
    let [user, ..] = three_sessions(&node.client).await;
    for _ in 0..2 {
        assert_eq!(node.client.login_by_password("ada", "wrong").await.status, 401);
    }
    assert_eq!(node.client.login_by_password("ada", "wrong").await.status, 429);
    let mut told = Vec::new();
    let mut path = "/v1/me/logins?limit=2".to_owned();
    loop {
        let page = user.get(&path).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.text);
        let logins = page.body["logins"].as_array().unwrap().clone();
        assert!(logins.len() <= 2);
        told.extend(logins);
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        path = format!("/v1/me/logins?limit=2&cursor={next}");
    }
    let outcomes: Vec<_> = told.iter().map(|it| it["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["locked", "failure", "success", "success", "success"]);
    assert!(told.iter().all(|it| it["method"] == "password" && it["ip"] == "127.0.0.1"));
    for bad in ["limit=0", "limit=101", "limit=x", "cursor=x"] {
        let refused = user.get(&format!("/v1/me/logins?{bad}")).await.unwrap();
        assert_eq!(refused.outcome(), (422, "validation_failed".to_owned()), "{bad}");
    }
}
