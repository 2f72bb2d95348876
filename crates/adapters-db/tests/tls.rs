//! TLS to a real PostgreSQL: what is verified, and what is refused (CFG-03).
#![cfg(test)]
#![cfg(feature = "test-postgres")]

use adapters_db::{MigrateError, postgres};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use test_servers::Postgres;

/// The certificate of an authority, and a certificate for `name` with its key, in PEM.
fn authority_and_server(name: &str) -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let server = server.signed_by(&own, &issuer).unwrap().pem();
    (authority, server, own.serialize_pem())
}

/// Whether the server is reached; what is told if it is not.
async fn reach(url: &str) -> Result<(), String> {
    match postgres::migrations_pending(url).await {
        Ok(_) => Ok(()),
        Err(MigrateError::Unreachable(cause) | MigrateError::Failed(cause)) => {
            Err(cause.to_string())
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_proves_its_name_or_hears_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (authority, certificate, key) = authority_and_server("localhost");
    let (stranger, ..) = authority_and_server("localhost");
    let (trusted, stranger) = (file("ca.pem", &authority), file("other.pem", &stranger));
    let server = Postgres::start_with_tls(&certificate, &key).unwrap();
    let by_address = server.url();
    let by_name = by_address.replace("127.0.0.1", "localhost");

    for mode in ["verify-full", "require", "prefer"] {
        let url = format!("{by_name}?sslmode={mode}&sslrootcert={trusted}");
        assert_eq!(reach(&url).await, Ok(()), "{mode}");
        // Signed by somebody else, not signed by anybody of the system's, and of another name.
        for url in [
            format!("{by_name}?sslmode={mode}&sslrootcert={stranger}"),
            format!("{by_name}?sslmode={mode}"),
            format!("{by_address}?sslmode={mode}&sslrootcert={trusted}"),
        ] {
            let said = reach(&url).await.unwrap_err();
            assert!(said.contains("certificate"), "{url}: {said}");
        }
    }
    assert_eq!(reach(&by_address).await, Ok(()), "in clear, as nothing else is asked for");

    let plain = Postgres::start().unwrap();
    let by_name = plain.url().replace("127.0.0.1", "localhost");
    let url = format!("{by_name}?sslmode=prefer&sslrootcert={trusted}");
    assert_eq!(reach(&url).await, Ok(()), "there is no TLS to prefer");
    for mode in ["verify-full", "require"] {
        let url = format!("{by_name}?sslmode={mode}&sslrootcert={trusted}");
        assert!(reach(&url).await.unwrap_err().contains("TLS"), "{mode}");
    }
}

/// The pool's connections are those of the migrations.
#[tokio::test(flavor = "multi_thread")]
async fn the_pool_speaks_tls() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, certificate, key) = authority_and_server("localhost");
    let trusted = folder.path().join("ca.pem");
    std::fs::write(&trusted, authority).unwrap();
    let server = Postgres::start_with_tls(&certificate, &key).unwrap();
    let by_name = server.url().replace("127.0.0.1", "localhost");
    let url = format!("{by_name}?sslmode=verify-full&sslrootcert={}", trusted.display());
    postgres::migrate(&url, adapters_db::Direction::Up).await.unwrap();
    let (client, driver) =
        tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(driver);
    let database = postgres::open(&url, &tokio::runtime::Handle::current()).unwrap();
    ports::accounts::Accounts::ping(&database).await.unwrap();
    let encrypted = "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid <> pg_backend_pid()";
    let found: i64 = client.query_one(encrypted, &[]).await.unwrap().get(0);
    assert!(found >= 1, "a connection of the pool is encrypted");
    drop(client);
    driver.await.unwrap().unwrap();
}
