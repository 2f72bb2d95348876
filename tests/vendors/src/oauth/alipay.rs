//! Alipay: one gateway; it verifies the signature of each call and signs each answer.

use std::fmt;

use actix_web::web::{Data, Form, Query, ServiceConfig, get, post, scope};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::desk::{Desk, Sent, Why};
use super::keys::{rsa, rsa_private, rsa_public, rsa_sign};
use super::page::{Spelling, serve};
use super::wire::{Pairs, of, put, text};

const VENDOR: &str = "alipay";
const PAGE: Spelling = Spelling {
    vendor: VENDOR,
    title: "Alipay",
    app: "app_id",
    code: "auth_code",
    refusal: "error=access_denied",
    posts: false,
};

/// The keys between Alipay and an app.
pub struct AlipayKeys {
    app: KeyPair,
    vendor: KeyPair,
}

impl fmt::Debug for AlipayKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlipayKeys").finish_non_exhaustive()
    }
}

impl AlipayKeys {
    pub(super) fn generate() -> Self {
        Self { app: rsa(), vendor: rsa() }
    }

    /// The app's private key, as Alipay's tool gives it.
    #[must_use]
    pub fn private_key(&self) -> String {
        rsa_private(&self.app)
    }

    /// Alipay's public key, as its console shows it.
    #[must_use]
    pub fn alipay_public_key(&self) -> String {
        rsa_public(&self.vendor)
    }

    fn verify(&self, form: &Pairs) -> bool {
        let mut pairs: Vec<_> =
            form.iter().filter(|(name, it)| *name != "sign" && !it.is_empty()).collect();
        pairs.sort();
        let pairs: Vec<_> = pairs.iter().map(|(name, it)| format!("{name}={it}")).collect();
        let public = self.app.public_key().as_ref();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        let signature = STANDARD.decode(of(form, "sign")).unwrap_or_default();
        key.verify(pairs.join("&").as_bytes(), &signature).is_ok()
    }

    /// The answer, with the signature over the very bytes of its first member.
    fn answer(&self, name: &str, value: &Value) -> HttpResponse {
        // A spelling that no library would give again: blanks and an escaped slash.
        let value = value.to_string().replacen('{', "{ ", 1).replace('/', "\\/");
        let sign = STANDARD.encode(rsa_sign(&self.vendor, value.as_bytes()));
        text(200, "text/html;charset=utf-8", format!("{{\"{name}\":{value},\"sign\":\"{sign}\"}}"))
    }
}

pub(super) fn routes(it: &mut ServiceConfig) {
    it.service(
        scope("/alipay")
            .route("/oauth2/publicAppAuthorize.htm", get().to(page))
            .route("/gateway.do", post().to(gateway)),
    );
}

async fn page(desk: Data<Desk>, request: HttpRequest, query: Query<Pairs>) -> HttpResponse {
    serve(&desk, &request, &query, &PAGE)
}

async fn gateway(desk: Data<Desk>, form: Form<Pairs>) -> HttpResponse {
    let keys = desk.alipay();
    let refuses = |code: &str, sub_code: &str| {
        keys.answer(
            "error_response",
            &json!({"code": code, "msg": "no", "sub_code": sub_code, "sub_msg": "no"}),
        )
    };
    let app = of(&form, "app_id");
    if desk.app(VENDOR, app).is_none() {
        return refuses("40002", "isv.invalid-app-id");
    }
    let is_dressed = of(&form, "sign_type") == "RSA2"
        && of(&form, "charset") == "utf-8"
        && of(&form, "version") == "1.0"
        && of(&form, "timestamp").len() == 19;
    if !is_dressed || !keys.verify(&form) {
        return refuses("40002", "isv.invalid-signature");
    }
    match of(&form, "method") {
        "alipay.system.oauth.token" => token(&desk, app, of(&form, "code")),
        "alipay.user.info.share" => {
            let name = "alipay_user_info_share_response";
            let Ok(grant) = desk.held(VENDOR, of(&form, "auth_token")) else {
                return keys.answer(
                    name,
                    &json!({
                        "code": "20001", "msg": "no", "sub_code": "aop.invalid-auth-token",
                    }),
                );
            };
            let person = grant.person.shown();
            let mut body = json!({
                "code": "10000", "msg": "Success", "avatar": person.avatar,
                "nick_name": person.nickname, "gender": "F",
            });
            name_person(&mut body, person, app);
            keys.answer(name, &body)
        }
        _ => refuses("40002", "isv.invalid-method"),
    }
}

/// Newer apps are told an id of their own; such an app's id begins with `new`.
fn name_person(body: &mut Value, person: &super::Person, app: &str) {
    if app.starts_with("new") {
        put(body, "open_id", person.called(format!("a{}-{app}", person.id)));
    } else {
        put(body, "user_id", person.called((2_088_000_000_000_000 + person.id).to_string()));
    }
}

fn token(desk: &Desk, app: &str, code: &str) -> HttpResponse {
    desk.count("exchange");
    let redeemed = desk.redeem(VENDOR, code, app, Sent::Unasked, None);
    let grant = match redeemed {
        Ok(grant) => grant,
        Err(why) => {
            let sub_code = match why {
                Why::OtherApp => "isv.unmatched-app-id",
                _ => "isv.code-invalid",
            };
            return desk.alipay().answer("error_response", &json!({
                "code": "40002", "msg": "Invalid Arguments", "sub_code": sub_code, "sub_msg": "no",
            }));
        }
    };
    let token = desk.token(VENDOR, app, &grant.person);
    let mut body = json!({
        "access_token": token, "expires_in": "1296000", "refresh_token": format!("R{token}"),
        "re_expires_in": 2_592_000,
    });
    name_person(&mut body, &grant.person, app);
    desk.alipay().answer("alipay_system_oauth_token_response", &body)
}
