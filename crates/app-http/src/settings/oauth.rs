//! The programs that get their users from us (OP-01, OP-05, OP-13).

use adapters_crypto::client_key;
use domain::oauth::Provider;
use domain::oauth::client::{Client, ClientId, Proof, SecretHash, Standing};
use domain::oauth::redirect::RedirectUri;

use super::sections::{self, Sections};
use super::{Profile, SettingsError, is_local};

/// What is said of a hash that is nobody's.
const NO_HASH: &str = "is the hash of nothing";

/// SHA-256 of nothing: what a script gives that hashed an empty variable.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Keys that one client may have: the one in use, the next, and some more.
const MOST_KEYS: usize = 8;

/// Reads the section. Without a public address, development answers in the name of the address
/// that it listens at, which is not known yet.
pub(super) fn provider(sections: &Sections, profile: Profile) -> Result<Provider, SettingsError> {
    let issuer = sections.server.public_url.clone();
    let mut clients: Vec<Client> = Vec::new();
    for (number, section) in sections.oauth2.clients.iter().enumerate() {
        let client = client(number, section, profile)?;
        if clients.iter().any(|it| it.id == client.id) {
            return Err(refusal(number, "id", "is there twice"));
        }
        clients.push(client);
    }
    if !clients.is_empty() && issuer.is_empty() && profile == Profile::Production {
        let problem = "must be set where `oauth2.clients` are";
        return Err(SettingsError::key("server.public_url", problem));
    }
    if !clients.is_empty() && issuer.contains(['?', '#']) {
        let problem = "must have no query and no fragment where `oauth2.clients` are";
        return Err(SettingsError::key("server.public_url", problem));
    }
    Ok(Provider { issuer, clients })
}

fn refusal(number: usize, member: &str, problem: &str) -> SettingsError {
    SettingsError::key(format!("oauth2.clients[{number}].{member}"), problem)
}

fn client(
    number: usize,
    section: &sections::Client,
    profile: Profile,
) -> Result<Client, SettingsError> {
    let refused = |member, problem: &str| refusal(number, member, problem);
    let id = ClientId::parse(&section.id)
        .ok_or_else(|| refused("id", "must have 1 to 128 visible ASCII characters"))?;
    let proof = proof(number, section)?;
    let may_be_clear = profile == Profile::Development;
    let redirect_uris = section.redirect_uris.iter().map(|it| RedirectUri::parse(it, may_be_clear));
    let redirect_uris = redirect_uris
        .collect::<Result<Vec<_>, _>>()
        .map_err(|problem| refused("redirect_uris", &format!("one {problem}")))?;
    let standing = match (section.trusted, section.first_party) {
        (true, _) => Standing::Trusted,
        (false, true) => Standing::FirstParty,
        (false, false) => Standing::ThirdParty,
    };
    if standing == Standing::ThirdParty && redirect_uris.is_empty() {
        return Err(refused("redirect_uris", "must not be empty for a client that is not ours"));
    }
    if proof != Proof::Nothing && !section.origins.is_empty() {
        let problem = "are for public clients: a browser keeps no secret";
        return Err(refused("origins", problem));
    }
    if !section.origins.iter().all(|it| is_origin(it, may_be_clear)) {
        let problem = "holds origins as browsers send them, as in https://app.example.com";
        return Err(refused("origins", problem));
    }
    Ok(Client { id, proof, redirect_uris, standing, origins: section.origins.clone() })
}

/// By what a client proves itself: one way, so that nobody can choose the weaker one.
fn proof(number: usize, section: &sections::Client) -> Result<Proof, SettingsError> {
    match (&section.secret_hash, section.public_keys.as_slice()) {
        (None, []) => Ok(Proof::Nothing),
        (Some(it), []) => secret_hashes(it)
            .map(Proof::Secret)
            .map_err(|problem| refusal(number, "secret_hash", problem)),
        (Some(_), _) => {
            let problem = "are for a client without `secret_hash`: it proves itself in one way";
            Err(refusal(number, "public_keys", problem))
        }
        (None, keys) if keys.len() > MOST_KEYS => {
            Err(refusal(number, "public_keys", "must not be more than 8"))
        }
        (None, keys) => {
            let read = keys.iter().enumerate().map(|(place, it)| {
                let member = format!("public_keys[{place}]");
                client_key(it).map_err(|problem| refusal(number, &member, &problem.to_string()))
            });
            read.collect::<Result<_, _>>().map(Proof::Keys)
        }
    }
}

/// One hash, or two with a blank between: of a secret and of the one that follows it.
fn secret_hashes(text: &str) -> Result<Vec<SecretHash>, &'static str> {
    match text.split_ascii_whitespace().collect::<Vec<_>>().as_slice() {
        [] => Err(NO_HASH),
        [_, _, _, ..] => Err("must not be more than 2"),
        hashes => hashes.iter().map(|it| secret_hash(it)).collect(),
    }
}

fn secret_hash(text: &str) -> Result<SecretHash, &'static str> {
    if text == NOTHING || text.bytes().all(|it| it == b'0') {
        return Err(NO_HASH);
    }
    let mut bytes = [0; 32];
    let is_plain = !text.bytes().any(|it| it.is_ascii_uppercase());
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) if is_plain => Ok(SecretHash::new(bytes)),
        _ => Err("must be SHA-256 in 64 lower-case hexadecimal digits"),
    }
}

/// True for scheme, host and port as browsers send them; in clear on this machine alone, but for
/// development.
fn is_origin(text: &str, may_be_clear: bool) -> bool {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b".-:[]".contains(&it);
    let is_host = |it: &str| !it.is_empty() && it.bytes().all(plain);
    match text.split_once("://") {
        Some(("https", host)) => is_host(host),
        Some(("http", host)) => {
            let name = match host.rsplit_once(':') {
                Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
                _ => host,
            };
            is_host(host) && (may_be_clear || is_local(name))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use domain::oauth::assertion::KeyKind;
    use rstest::rstest;

    use super::*;

    fn read(clients: &str, url: &str, profile: Profile) -> Result<Provider, String> {
        let clients: Vec<sections::Client> = serde_json::from_str(clients).expect("clients");
        let mut sections = Sections::default();
        sections.oauth2.clients = clients;
        url.clone_into(&mut sections.server.public_url);
        provider(&sections, profile).map_err(|it| it.to_string())
    }

    const URL: &str = "https://id.example.com";

    #[test]
    fn a_client_is_read() {
        let (hash, next) = ("ab".repeat(32), "cd".repeat(32));
        let text = format!(
            r#"[{{"id":"web","redirect_uris":["https://a.example.com/cb","com.example.app:/cb"],
                 "origins":["https://a.example.com","http://localhost:3000"]}},
                {{"id":"partner","trusted":true,"secret_hash":"{hash} {next}"}},
                {{"id":"other","first_party":false,"redirect_uris":["http://127.0.0.1/cb"]}}]"#
        );
        let provider = read(&text, URL, Profile::Production).unwrap();
        assert_eq!(provider.issuer, URL);
        let standings: Vec<_> = provider.clients.iter().map(|it| it.standing).collect();
        assert_eq!(standings, [Standing::FirstParty, Standing::Trusted, Standing::ThirdParty]);
        let hashes = [0xab, 0xcd].map(|it| SecretHash::new([it; 32])).to_vec();
        assert_eq!(provider.clients[1].proof, Proof::Secret(hashes));
        assert_eq!(provider.clients[0].origins.len(), 2);
    }

    /// CFG-02, OP-01: what cannot be is refused by its name.
    #[rstest]
    #[case::no_id(r"[{}]", "oauth2.clients[0].id")]
    #[case::blank(r#"[{"id":"a b"}]"#, "oauth2.clients[0].id")]
    #[case::twice(r#"[{"id":"a"},{"id":"a"}]"#, "oauth2.clients[1].id")]
    #[case::hash(r#"[{"id":"a","secret_hash":"secret"}]"#, "oauth2.clients[0].secret_hash")]
    #[case::in_clear(
        r#"[{"id":"a","redirect_uris":["http://a.example.com/"]}]"#,
        "oauth2.clients[0].redirect_uris"
    )]
    #[case::wildcard(
        r#"[{"id":"a","redirect_uris":["https://*.example.com/"]}]"#,
        "oauth2.clients[0].redirect_uris"
    )]
    #[case::fragment(
        r#"[{"id":"a","redirect_uris":["https://a.example.com/#x"]}]"#,
        "oauth2.clients[0].redirect_uris"
    )]
    #[case::userinfo(
        r#"[{"id":"a","redirect_uris":["https://u@a.example.com/"]}]"#,
        "oauth2.clients[0].redirect_uris"
    )]
    #[case::nowhere(r#"[{"id":"a","first_party":false}]"#, "oauth2.clients[0].redirect_uris")]
    #[case::origins(r#"[{"id":"a","origins":["*"]}]"#, "oauth2.clients[0].origins")]
    #[case::null_origin(r#"[{"id":"a","origins":["null"]}]"#, "oauth2.clients[0].origins")]
    #[case::origin_path(
        r#"[{"id":"a","origins":["https://a.example.com/"]}]"#,
        "oauth2.clients[0].origins"
    )]
    #[case::origin_clear(
        r#"[{"id":"a","origins":["http://a.example.com"]}]"#,
        "oauth2.clients[0].origins"
    )]
    fn production_names_what_is_wrong(#[case] clients: &str, #[case] key: &str) {
        let message = read(clients, URL, Profile::Production).unwrap_err();
        assert!(message.contains(&format!("setting `{key}`")), "{message}");
        assert!(!message.contains("a.example.com"), "{message}");
    }

    #[test]
    fn a_secret_is_the_hash_of_something_and_kept_by_no_browser() {
        let zeros = "0".repeat(64);
        let capitals = "AB".repeat(32);
        let fine = "ab".repeat(32);
        let three = format!("{fine} {fine} {fine}");
        for bad in [NOTHING, &zeros, &capitals, "", " ", "ab", &three] {
            let text = format!(r#"[{{"id":"a","secret_hash":"{bad}"}}]"#);
            let message = read(&text, URL, Profile::Development).unwrap_err();
            assert!(message.contains("secret_hash") && !message.contains("abab"), "{message}");
        }
        let both = format!(r#"[{{"id":"a","secret_hash":"{fine}","origins":["https://a.b"]}}]"#);
        assert!(read(&both, URL, Profile::Development).unwrap_err().contains("origins"));
    }

    /// A key of P-256, that of RFC 7515, A.3.
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vu\
        b9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\\n-----END PUBLIC KEY-----";

    #[test]
    fn a_client_has_keys_instead_of_a_secret() {
        let keys = |it: &str| format!(r#"[{{"id":"a","trusted":true,"public_keys":[{it}]}}]"#);
        let provider = read(&keys(&format!(r#""{KEY}","{KEY}\n""#)), URL, Profile::Production);
        let Proof::Keys(keys) = &provider.unwrap().clients[0].proof else { panic!("no keys") };
        assert_eq!((keys.len(), keys[0].kind), (2, KeyKind::P256));
    }

    /// CFG-02, OP-05: what is no key, or one way too many, is named, and its text is not.
    #[rstest]
    #[case::no_key(r#""public_keys":["abc"]"#, "public_keys[0]")]
    #[case::empty(r#""public_keys":[""]"#, "public_keys[0]")]
    #[case::second(&format!(r#""public_keys":["{KEY}","abc"]"#), "public_keys[1]")]
    #[case::private(
        r#""public_keys":["-----BEGIN PRIVATE KEY-----abc-----END PRIVATE KEY-----"]"#,
        "public_keys[0]"
    )]
    #[case::many(
        &format!(r#""public_keys":[{}]"#, vec![format!("\"{KEY}\""); 9].join(",")),
        "public_keys"
    )]
    #[case::and_a_secret(
        &format!(r#""public_keys":["{KEY}"],"secret_hash":"{}""#, "ab".repeat(32)),
        "public_keys"
    )]
    #[case::in_a_browser(
        &format!(r#""public_keys":["{KEY}"],"origins":["https://a.example.com"]"#),
        "origins"
    )]
    fn a_key_that_cannot_be_is_named(#[case] members: &str, #[case] key: &str) {
        let text = format!(r#"[{{"id":"a",{members}}}]"#);
        let message = read(&text, URL, Profile::Production).unwrap_err();
        assert!(message.contains(&format!("setting `oauth2.clients[0].{key}`")), "{message}");
        assert!(!message.contains("abc") && !message.contains("MFkw"), "{message}");
    }

    /// OP-09: our name comes from the settings alone.
    #[test]
    fn a_client_needs_our_name() {
        let client = r#"[{"id":"a"}]"#;
        let message = read(client, "", Profile::Production).unwrap_err();
        assert!(message.contains("`server.public_url`"), "{message}");
        assert!(read(client, "", Profile::Development).is_ok());
        assert!(read(client, "https://a.example.com/?x", Profile::Production).is_err());
        assert!(read("[]", "", Profile::Production).is_ok());
    }
}
