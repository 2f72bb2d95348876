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
}

/// EDGE-08: a page lets nothing run or paint but what it names, each time by another nonce.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_runs_what_it_names_and_nothing_else() {
    let world = World::new(Topology::Sqlite).await;
    let node = world.node().await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let page = node.client.get("/docs").await.unwrap();
        let policy = page.header("content-security-policy").to_owned();
        for part in ["default-src 'none'", "object-src 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        let named = format!("nonce=\"{nonce}\"");
        assert_eq!(page.text.matches("<script").count() + 2, page.text.matches(&named).count());
        assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
        seen.push(nonce.to_owned());
    }
    assert_ne!(seen[0], seen[1]);
}
