//! A server on loopback that plays vendors.

use std::net::{Ipv4Addr, SocketAddr};

use actix_web::body::BoxBody;
use actix_web::dev::ServerHandle;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

use crate::fault::{Faults, meet};

/// One stand-in at an address of its own. Dropping it closes the address.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    faults: Faults,
    handle: ServerHandle,
}

impl StandIn {
    /// Starts one at a free port; `routes` are the vendors' own.
    pub async fn start(
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), routes).await
    }

    /// Starts one at an address, which is to be loopback.
    #[expect(clippy::unused_async, reason = "the server wants a runtime, which a caller awaits in")]
    pub async fn start_at(
        at: SocketAddr,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let faults = Faults::default();
        let held = faults.clone();
        let server = HttpServer::new(move || {
            let held = held.clone();
            App::new().configure(routes.clone()).wrap(from_fn(
                move |request, next: Next<BoxBody>| meet(held.clone(), request, next),
            ))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(0)
        .bind(at)?;
        let address = server.addrs().first().copied().unwrap_or(at);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(Self { address, faults, handle })
    }

    /// The address of a vendor that is served below a path, as `/wechat`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How it misbehaves.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // The server stops when its handle's message arrives; nobody waits for it.
        drop(self.handle.stop(false));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use actix_web::{HttpResponse, web};

    use super::*;
    use crate::Fault;

    fn get(it: &StandIn) -> String {
        let mut stream = TcpStream::connect(it.address).unwrap();
        stream.write_all(b"GET /vendor/it HTTP/1.0\r\n\r\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_serves_and_misbehaves_when_told_to() {
        let stand_in = StandIn::start(|it| {
            it.route("/vendor/it", web::get().to(|| async { HttpResponse::Ok().body("well") }));
        })
        .await
        .unwrap();
        assert!(get(&stand_in).ends_with("well"));
        stand_in.faults().set("/vendor", Fault::Status(500));
        assert!(get(&stand_in).contains("500 Internal Server Error"));
        stand_in.faults().clear();
        assert!(get(&stand_in).ends_with("well"));
    }
}
