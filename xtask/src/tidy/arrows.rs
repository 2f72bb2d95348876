//! Which package may use which, and who owns which technology.

use crate::workspace::{Dependency, Package};

/// Packages from outside that only some of ours may name; those whose names go on after a `-` or
/// a `_` are meant as well. `deny.toml` holds the same for what comes in through others.
const OWNERS: [(&str, &[&str]); 19] = [
    ("actix", &["app-http", "bench", "test-vendors", "tests"]),
    ("argon2", &["argon2-simd"]),
    ("bb8", &["adapters-redis"]),
    ("bcrypt", &["adapters-crypto"]),
    ("blake2", &["argon2-simd"]),
    ("deadpool", &["adapters-db"]),
    ("diesel", &["adapters-db"]),
    ("lettre", &["adapters-email"]),
    ("libsqlite3", &["adapters-db"]),
    ("memmap2", &["argon2-simd"]),
    ("metrics-exporter", &["app-http"]),
    ("opentelemetry", &["adapters-otlp", "tests"]),
    ("pbkdf2", &["adapters-crypto"]),
    ("redis", &["adapters-redis", "bench", "tests"]),
    (
        "reqwest",
        &[
            "adapters-carrier",
            "adapters-email",
            "adapters-oauth",
            "adapters-otlp",
            "adapters-sms",
            "adapters-webhook",
            "tests",
        ],
    ),
    ("scrypt", &["adapters-crypto"]),
    ("tokio-postgres", &["adapters-db", "bench", "tests"]),
    ("tracing-actix", &["app-http"]),
    ("tracing-opentelemetry", &["adapters-otlp"]),
];

/// Every arrow that must not be there.
pub(super) fn complaints(packages: &[Package]) -> Vec<String> {
    packages
        .iter()
        .flat_map(|package| {
            package.dependencies.iter().filter_map(|it| complaint(&package.name, it))
        })
        .collect()
}

fn complaint(package: &str, dependency: &Dependency) -> Option<String> {
    let name = dependency.name.as_str();
    if dependency.is_ours {
        let is_itself = dependency.is_dev && package == name;
        let is_allowed = is_itself || may_use(package, name, dependency.is_dev);
        let kind = if dependency.is_dev { " in its tests" } else { "" };
        return (!is_allowed).then(|| format!("{package} must not use {name}{kind}"));
    }
    let (_, owners) = OWNERS.iter().find(|(owned, _)| is_of_family(name, owned))?;
    (!owners.contains(&package))
        .then(|| format!("{package} must not use {name}: it belongs to {}", owners.join(", ")))
}

/// The map of ARCHITECTURE.md. A new package needs a line here.
fn may_use(package: &str, other: &str, in_tests: bool) -> bool {
    match package {
        "ports" => other == "domain",
        "application" => {
            is_core(other)
                || (in_tests
                    && ["adapters-db", "adapters-memory", "adapters-crypto"].contains(&other))
        }
        "app-http" => is_core(other) || other == "application" || is_adapter(other),
        "xtask" => other == "test-servers",
        "tests" => is_stand_in(other),
        // The bench hashes passwords and tokens bare, with the code that the service has for it.
        "bench" => is_core(other) || is_stand_in(other) || other == "adapters-crypto",
        "adapters-crypto" if other == "argon2-simd" => true,
        "test-faults" => other == "tests" || is_stand_in(other),
        _ if is_adapter(package) => is_core(other) || (in_tests && is_stand_in(other)),
        // domain, argon2-simd, test-servers and test-vendors use none of ours, and so does a package
        // that we do not know.
        _ => false,
    }
}

fn is_core(package: &str) -> bool {
    package == "domain" || package == "ports"
}

fn is_stand_in(package: &str) -> bool {
    package == "test-servers" || package == "test-vendors"
}

fn is_adapter(package: &str) -> bool {
    package.starts_with("adapters-")
}

fn is_of_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|it| it.is_empty() || it.starts_with('-') || it.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[Dependency]) -> Package {
        Package {
            name: name.to_owned(),
            manifest: "Cargo.toml".into(),
            is_library: true,
            dependencies: dependencies.to_vec(),
        }
    }

    fn ours(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), is_dev: false, is_ours: true }
    }

    fn in_tests(dependency: Dependency) -> Dependency {
        Dependency { is_dev: true, ..dependency }
    }

    fn outside(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), is_dev: false, is_ours: false }
    }

    #[test]
    fn the_map_itself_holds() {
        let packages = [
            package("domain", &[outside("jiff")]),
            package("ports", &[ours("domain"), in_tests(ours("ports"))]),
            package(
                "application",
                &[ours("domain"), in_tests(ours("adapters-db")), in_tests(ours("adapters-memory"))],
            ),
            package("adapters-crypto", &[ours("argon2-simd"), ours("ports"), outside("bcrypt")]),
            package("argon2-simd", &[in_tests(outside("argon2")), outside("memmap2")]),
            package("adapters-db", &[ours("ports"), outside("diesel-async")]),
            package("adapters-email", &[in_tests(ours("test-servers")), outside("lettre")]),
            package("app-http", &[ours("application"), ours("adapters-db"), outside("actix-web")]),
            package("tests", &[ours("test-servers"), outside("redis"), outside("reqwest")]),
            package("bench", &[ours("adapters-crypto"), ours("test-vendors"), outside("redis")]),
            package("test-faults", &[ours("tests"), ours("test-servers"), ours("test-vendors")]),
        ];
        assert_eq!(complaints(&packages), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_points_up_or_sideways_is_found() {
        for (from, to) in [
            ("domain", ours("ports")),
            ("ports", ours("application")),
            ("application", ours("adapters-memory")),
            ("application", in_tests(ours("adapters-redis"))),
            ("adapters-db", ours("application")),
            ("adapters-db", ours("adapters-redis")),
            ("adapters-db", ours("argon2-simd")),
            ("argon2-simd", ours("ports")),
            ("adapters-email", ours("test-servers")),
            ("adapters-db", in_tests(ours("adapters-memory"))),
            ("tests", ours("domain")),
            ("bench", ours("application")),
            ("test-faults", ours("domain")),
            ("tests", ours("test-faults")),
            ("a-new-package", ours("domain")),
        ] {
            let found = complaints(&[package(from, std::slice::from_ref(&to))]);
            assert_eq!(found.len(), 1, "{from} -> {}", to.name);
        }
    }

    #[test]
    fn a_technology_stays_with_its_owner() {
        assert_eq!(
            complaints(&[package("application", &[outside("diesel_migrations")])]),
            ["application must not use diesel_migrations: it belongs to adapters-db"]
        );
        assert_eq!(complaints(&[package("application", &[outside("redistribute")])]).len(), 0);
    }
}
