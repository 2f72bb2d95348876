//! `GET /health/live` and `GET /health/ready`: whether the process runs, and whether it can work.

use std::time::Duration;

use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, web};
use ports::error::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// A store that has not answered by then cannot be reached.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the process can work.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`, `unavailable`, or `draining` once the process is about to stop.
    #[schema(example = "ok")]
    status: &'static str,
    /// Each thing that it stands on; nothing where only life was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
}

/// What the process stands on: `ok` or `unavailable`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checks {
    #[schema(example = "ok")]
    database: &'static str,
    /// Absent where the process keeps in itself what Redis would.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    redis: Option<&'static str>,
}

/// Tells that the process runs.
#[utoipa::path(
    get, path = "/health/live", operation_id = "health_live", tag = "Operation",
    responses((status = 200, description = "It runs.", body = Health)),
)]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", checks: None })
}

/// Tells whether the process can work.
#[utoipa::path(
    get, path = "/health/ready", operation_id = "health_ready", tag = "Operation",
    responses(
        (status = 200, description = "It can work.", body = Health),
        (status = 503, description = "It cannot, or is about to stop.", body = Health),
    ),
)]
pub(crate) async fn ready(app: web::Data<App>) -> HttpResponse {
    let redis = async {
        if app.has_redis { Some(answers(app.ports.challenges.ping()).await) } else { None }
    };
    let (database, redis) =
        futures_util::future::join(answers(app.ports.accounts.ping()), redis).await;
    let word = |it: bool| if it { "ok" } else { "unavailable" };
    let database = database && app.is_open();
    let all = database && redis.unwrap_or(true);
    let status = if app.is_draining() { "draining" } else { word(all) };
    let checks = Checks { database: word(database), redis: redis.map(word) };
    let mut response = if status == "ok" {
        HttpResponse::Ok()
    } else {
        let mut response = HttpResponse::ServiceUnavailable();
        response.insert_header((RETRY_AFTER, 1));
        response
    };
    response.json(Health { status, checks: Some(checks) })
}

async fn answers(ping: impl Future<Output = Result<(), StoreError>>) -> bool {
    match tokio::time::timeout(PATIENCE, ping).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            false
        }
        Err(_) => false,
    }
}
