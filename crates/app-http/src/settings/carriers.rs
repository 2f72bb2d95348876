//! Who verifies phone numbers: a section each, whose name is the vendor's in the API.

use std::path::Path;
use std::sync::Arc;

use adapters_carrier::PrivateKey;
use adapters_carrier::aliyun::{AliyunSettings, Signature, Surface};
use adapters_carrier::camara::CamaraSettings;
use adapters_carrier::cmcc::CmccSettings;
use adapters_carrier::jverify::JverifySettings;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::{Profile, SettingsError, master, sections};

/// One vendor, with what it needs.
#[derive(Debug, Clone)]
pub(crate) enum Carrier {
    /// Alibaba Cloud, in apps or on pages.
    Aliyun(AliyunSettings),
    /// JVerification, in apps or on pages.
    Jverify(JverifySettings),
    /// China Mobile.
    Cmcc(CmccSettings),
    /// An operator that speaks CAMARA.
    Camara(CamaraSettings),
}

/// Reads the sections that are there; one that is there is whole.
pub(super) fn carriers(
    section: &sections::Carriers,
    profile: Profile,
) -> Result<Vec<Carrier>, SettingsError> {
    let keys = |name| Keys(name, profile);
    let sections::Carriers { aliyun, aliyun_h5, jverify, jverify_h5, cmcc, camara } = section;
    let mut all = Vec::new();
    for (it, name, surface) in
        [(aliyun, "aliyun", Surface::App), (aliyun_h5, "aliyun_h5", Surface::Web)]
    {
        if let Some(it) = it {
            all.push(Carrier::Aliyun(read_aliyun(it, keys(name), surface)?));
        }
    }
    for (it, name, is_web) in [(jverify, "jverify", false), (jverify_h5, "jverify_h5", true)] {
        if let Some(it) = it {
            all.push(Carrier::Jverify(read_jverify(it, keys(name), is_web)?));
        }
    }
    if let Some(it) = cmcc {
        all.push(Carrier::Cmcc(read_cmcc(it, keys("cmcc"))?));
    }
    if let Some(it) = camara {
        all.push(Carrier::Camara(read_camara(it, keys("camara"))?));
    }
    Ok(all)
}

fn read_aliyun(
    it: &sections::CarrierAliyun,
    keys: Keys,
    surface: Surface,
) -> Result<AliyunSettings, SettingsError> {
    Ok(AliyunSettings {
        endpoint: keys.endpoint(&it.endpoint)?,
        access_key_id: keys.text("access_key_id", &it.access_key_id)?,
        access_key_secret: keys.secret("access_key_secret", &it.access_key_secret)?,
        surface,
        signature: match it.signature.as_str() {
            "acs3" => Signature::Acs3,
            "rpc" => Signature::Rpc,
            _ => return Err(keys.refused("signature", "must be `acs3` or `rpc`")),
        },
    })
}

fn read_jverify(
    it: &sections::Jverify,
    keys: Keys,
    is_web: bool,
) -> Result<JverifySettings, SettingsError> {
    Ok(JverifySettings {
        endpoint: keys.endpoint(&it.endpoint)?,
        app_key: keys.text("app_key", &it.app_key)?,
        master_secret: keys.secret("master_secret", &it.master_secret)?,
        private_key: keys
            .private_key(&it.private_key_file)?
            .ok_or_else(|| keys.refused("private_key_file", "must be set"))?,
        is_web,
    })
}

fn read_cmcc(it: &sections::Cmcc, keys: Keys) -> Result<CmccSettings, SettingsError> {
    Ok(CmccSettings {
        endpoint: keys.endpoint(&it.endpoint)?,
        app_id: keys.text("app_id", &it.app_id)?,
        app_key: keys.secret("app_key", &it.app_key)?,
        private_key: keys.private_key(&it.private_key_file)?,
    })
}

fn read_camara(it: &sections::Camara, keys: Keys) -> Result<CamaraSettings, SettingsError> {
    let private_key = keys.private_key(&it.private_key_file)?;
    let client_secret = match private_key {
        Some(_) => it.client_secret.clone(),
        None => keys.secret("client_secret", &it.client_secret)?,
    };
    let optional = |it: &String| (!it.is_empty()).then(|| it.clone());
    Ok(CamaraSettings {
        endpoint: keys.endpoint(&it.endpoint)?,
        client_id: keys.text("client_id", &it.client_id)?,
        client_secret,
        private_key,
        key_id: optional(&it.key_id),
        redirect_uri: optional(&it.redirect_uri),
    })
}

/// The keys of one vendor's section.
#[derive(Clone, Copy)]
struct Keys(&'static str, Profile);

impl Keys {
    fn refused(self, key: &str, problem: impl Into<String>) -> SettingsError {
        SettingsError::key(format!("carriers.{}.{key}", self.0), problem)
    }

    fn text(self, key: &str, text: &str) -> Result<String, SettingsError> {
        let is_printable = !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic());
        is_printable.then(|| text.to_owned()).ok_or_else(|| self.refused(key, "must be set"))
    }

    fn secret(self, key: &str, secret: &SecretString) -> Result<SecretString, SettingsError> {
        if secret.expose_secret().trim().is_empty() {
            return Err(self.refused(key, "must be set"));
        }
        Ok(secret.clone())
    }

    /// An address that is encrypted or of this machine, in whatever profile: tokens are secrets.
    fn endpoint(self, endpoint: &str) -> Result<String, SettingsError> {
        adapters_carrier::check_endpoint(endpoint)
            .map_err(|it| self.refused("endpoint", it.to_string()))?;
        Ok(endpoint.to_owned())
    }

    /// A key in a file; `None` where none is named.
    fn private_key(self, path: &str) -> Result<Option<Arc<PrivateKey>>, SettingsError> {
        if path.is_empty() {
            return Ok(None);
        }
        let key = "private_key_file";
        let pem = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|it| self.refused(key, format!("cannot be read: {}", it.kind())))?;
        if self.1 == Profile::Production && !master::is_own(Path::new(path))? {
            let problem = "names a file that others may read; its mode must be 0600 or 0400";
            return Err(self.refused(key, problem));
        }
        PrivateKey::parse(&pem)
            .map(|it| Some(Arc::new(it)))
            .map_err(|it| self.refused(key, it.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::settings::{Environment, Settings};

    fn read(profile: Profile, variables: &[(&str, &str)]) -> Result<Vec<Carrier>, String> {
        let profile = match profile {
            Profile::Development => "development",
            Profile::Production => "production",
        };
        let mut all = vec![
            ("LATCHKEY_ENV".to_owned(), profile.to_owned()),
            ("LATCHKEY_CONFIG_DIR".to_owned(), "/nowhere".to_owned()),
            ("LATCHKEY__SMS__SENDERS".to_owned(), "[]".to_owned()),
            (
                "LATCHKEY__SECRETS__KEY".to_owned(),
                "9b1c1e6a5d0f4c7799c2a1b0e4d5f60718293a4b5c6d7e8f90a1b2c3d4e5f607".to_owned(),
            ),
        ];
        all.extend(
            variables
                .iter()
                .map(|(key, it)| (format!("LATCHKEY__CARRIERS__{key}"), (*it).to_owned())),
        );
        Settings::read(&Environment::new(all.into_iter().collect()))
            .map(|it| it.carriers)
            .map_err(|it| it.to_string())
    }

    const ALIYUN: [(&str, &str); 2] =
        [("ALIYUN__ACCESS_KEY_ID", "id"), ("ALIYUN__ACCESS_KEY_SECRET", "kV8sQ2xN0pLr")];

    #[test]
    fn a_vendor_is_there_if_its_section_is() {
        assert!(read(Profile::Production, &[]).unwrap().is_empty());
        let found = read(Profile::Production, &ALIYUN).unwrap();
        assert!(matches!(found.as_slice(), [Carrier::Aliyun(it)]
                if it.surface == Surface::App && it.endpoint == "https://dypnsapi.aliyuncs.com"));
        let found = read(
            Profile::Production,
            &[
                ("ALIYUN_H5", r#"{"access_key_id":"id","access_key_secret":"kV8sQ2xN0pLr"}"#),
                ("CMCC", r#"{"app_id":"300000000001","app_key":"kV8sQ2xN0pLr"}"#),
                (
                    "CAMARA",
                    r#"{"client_id":"id","client_secret":"kV8sQ2xN0pLr","endpoint":"https://example.com"}"#,
                ),
            ],
        );
        assert_eq!(found.unwrap().len(), 3);
    }

    /// CFG-02: half a vendor, a key that is none, and an address in clear refuse the start, by name.
    #[rstest]
    #[case::half("ALIYUN__ACCESS_KEY_ID", "id", "carriers.aliyun.access_key_secret")]
    #[case::other_half(
        "ALIYUN__ACCESS_KEY_SECRET",
        "kV8sQ2xN0pLr",
        "carriers.aliyun.access_key_id"
    )]
    #[case::empty("CMCC", "{}", "carriers.cmcc.app_id")]
    #[case::no_key(
        "JVERIFY",
        r#"{"app_key":"a","master_secret":"kV8sQ2xN0pLr"}"#,
        "carriers.jverify.private_key_file"
    )]
    #[case::no_file(
        "JVERIFY_H5",
        r#"{"app_key":"a","master_secret":"kV8sQ2xN0pLr","private_key_file":"/nowhere/key.pem"}"#,
        "carriers.jverify_h5.private_key_file"
    )]
    #[case::no_pem(
        "CMCC",
        r#"{"app_id":"a","app_key":"kV8sQ2xN0pLr","private_key_file":"/dev/null"}"#,
        "carriers.cmcc.private_key_file"
    )]
    #[case::nowhere(
        "CAMARA",
        r#"{"client_id":"a","client_secret":"kV8sQ2xN0pLr"}"#,
        "carriers.camara.endpoint"
    )]
    #[case::clear(
        "CAMARA",
        r#"{"client_id":"a","client_secret":"kV8sQ2xN0pLr","endpoint":"http://example.com"}"#,
        "carriers.camara.endpoint"
    )]
    #[case::signature(
        "ALIYUN",
        r#"{"access_key_id":"a","access_key_secret":"kV8sQ2xN0pLr","signature":"md5"}"#,
        "carriers.aliyun.signature"
    )]
    #[case::stranger("PIGEON__KEY", "a", "carriers.pigeon")]
    #[case::typo("ALIYUN__ACCESS_KEY", "a", "carriers.aliyun.access_key")]
    fn what_cannot_be_is_refused_by_its_name(
        #[case] name: &str,
        #[case] value: &str,
        #[case] key: &str,
    ) {
        for profile in [Profile::Development, Profile::Production] {
            let refused = read(profile, &[(name, value)]).unwrap_err();
            assert!(refused.contains(&format!("`{key}`")), "{refused}");
        }
    }

    #[test]
    fn a_vendor_of_this_machine_may_be_in_clear() {
        let here = [ALIYUN[0], ALIYUN[1], ("ALIYUN__ENDPOINT", "http://127.0.0.1:9900/aliyun")];
        assert!(read(Profile::Production, &here).is_ok());
    }
}
