//! Clients that nobody here wrote finish the whole way: openid-client from npm, Authlib from `PyPI`
//! (OP-03, OP-07, OP-08, OP-09).

use std::process::Command;

use tests::oauth::SECRET;
use tests::{World, on_every_topology, python};

use crate::oauth2::node;

on_every_topology![openid_client_is_content, authlib_is_content];

/// Runs a script with the issuer, a session and the secret of the client `partner`.
async fn run(world: World, program: &str, script: &str, said: &str) {
    let node = node(&world).await;
    let login = node.client.log_in("13800138000").await;
    let issuer = format!("http://{}", node.address);
    let script = format!("{}/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(program);
    command.args([&script, &issuer, login.str("/access_token"), SECRET]);
    let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = done.unwrap_or_else(|it| panic!("{program} does not run: {it}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{}", node.log());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), said, "{errors}");
}

async fn openid_client_is_content(world: World) {
    run(world, "node", "openid.mjs", "openid-client is content").await;
}

async fn authlib_is_content(world: World) {
    run(world, &python(), "authlib_client.py", "Authlib is content").await;
}
