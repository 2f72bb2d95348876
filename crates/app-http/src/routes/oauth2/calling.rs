//! A client's form: the client proves itself, and its browsers may see the answer (OP-05, OP-13).

use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use domain::oauth::client::Client;

use super::{cors, shown};
use crate::app::App;
use crate::edge::ClientIp;
use crate::form::{Form, Once};
use crate::problem::RfcError;

/// Answers what a client sends, once it is known which one it is. Until then no browser of another
/// origin is told anything.
pub(super) async fn answer<'a>(
    app: &'a App,
    ip: ClientIp,
    request: &HttpRequest,
    form: Form,
    work: impl AsyncFnOnce(&'a Client, &Once) -> Result<HttpResponse, RfcError>,
) -> HttpResponse {
    let mut asking = None;
    let answer = async {
        let form = form.once()?;
        let client = shown::client(app, ip, request, &form).await?;
        asking = Some(client);
        work(client, &form).await
    };
    let response = answer.await.unwrap_or_else(|it: RfcError| it.error_response());
    cors::dress(response, request, |it| asking.is_some_and(|client| client.admits_origin(it)))
}
