//! GET /openapi.json and /docs.

use tests::{Topology, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_served_and_its_pages_need_no_other_site() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let contract = node.client.get("/openapi.json").await.unwrap();
    assert_eq!(contract.status, 200);
    for path in [
        "/v1/challenges",
        "/v1/login",
        "/v1/register",
        "/v1/logout",
        "/v1/me",
        "/v1/me/password",
        "/v1/me/sessions",
        "/v1/me/logins",
        "/v1/reauthenticate",
        "/health/live",
        "/health/ready",
    ] {
        assert!(contract.body["paths"].get(path).is_some(), "{path}");
    }
    let page = node.client.get("/docs").await.unwrap();
    assert_eq!(page.status, 200);
    assert!(page.text.contains("swagger"), "{}", page.text);
    assert!(!page.text.contains("https://"), "{}", page.text);
    assert!(page.header("content-security-policy").contains("'self'"));
}
