//! All vendors at one address, with people, apps, and a page to begin at: for looking at a login
//! without an account at any vendor.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query, ServiceConfig, get};

use super::desk::{App, Desk, Person};
use super::page::{escaped, escaped_html};
use super::wire::{Pairs, of};

/// The vendors, by their paths.
const VENDORS: [&str; 10] =
    ["wechat", "qq", "weibo", "netease", "alipay", "douyin", "apple", "google", "github", "oidc"];
const APP: &str = "demo-app";
const SECRET: &str = "demo-secret";
/// The client that the page is, at the service.
const CLIENT: &str = "demo";
/// A PKCE verifier, and its challenge: the example of RFC 7636.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The stand-ins at one address, beside a service at another.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The stand-ins' address, as `http://127.0.0.1:9900`.
    pub here: String,
    /// The service's, as `http://127.0.0.1:8080`.
    pub service: String,
    /// The desk of all vendors.
    pub desk: Desk,
}

impl Demo {
    /// People and apps move in.
    #[must_use]
    pub fn new(here: &str, service: &str, now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let desk = Desk::new(now);
        for (id, nickname) in [(1, "Ada"), (2, "小明 😀"), (3, "O'Neil <b>")] {
            desk.add_person(Person { nickname: nickname.to_owned(), ..Person::new(id) });
        }
        for vendor in VENDORS {
            let secret = if vendor == "apple" { "DEMOTEAM/DEMOKEY" } else { SECRET };
            let callback = format!("{service}/v1/providers/{vendor}/callback");
            // The page of an app may send people to itself as well.
            let redirect_uris = vec![callback, format!("{here}/app/callback")];
            desk.add_app(vendor, APP, App { secret: secret.to_owned(), redirect_uris });
        }
        Self { here: here.to_owned(), service: service.to_owned(), desk }
    }

    /// What the service's environment needs for all vendors, as names and values.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for vendor in VENDORS {
            let mut set = |key: &str, value: &str| {
                let vendor = vendor.to_uppercase();
                all.push((format!("LATCHKEY__PROVIDERS__{vendor}__{key}"), value.to_owned()));
            };
            let base = format!("{}/{vendor}", self.here);
            if vendor == "oidc" {
                set("ISSUER", &base);
                set("CLIENT_ID", APP);
                set("CLIENT_SECRET", SECRET);
                continue;
            }
            set("APP_ID", APP);
            set("AUTHORIZE_URL", &base);
            set("API_URL", &base);
            match vendor {
                "alipay" => {
                    set("PRIVATE_KEY", &self.desk.alipay().private_key());
                    set("ALIPAY_PUBLIC_KEY", &self.desk.alipay().alipay_public_key());
                }
                "apple" => {
                    set("TEAM_ID", "DEMOTEAM");
                    set("KEY_ID", "DEMOKEY");
                    set("PRIVATE_KEY", &self.desk.apple().pem().replace('\n', "\\n"));
                }
                _ => set("APP_SECRET", SECRET),
            }
        }
        let client = serde_json::json!([{
            "id": CLIENT, "redirect_uris": [format!("{}/app/callback", self.here)],
        }]);
        all.push(("LATCHKEY__OAUTH2__CLIENTS".to_owned(), client.to_string()));
        all.push(("LATCHKEY__SERVER__PUBLIC_URL".to_owned(), self.service.clone()));
        all
    }

    /// The routes of the vendors, and of the page to begin at.
    pub fn routes(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
        let (vendors, demo) = (super::routes(&self.desk), Data::new(self.clone()));
        move |it| {
            it.app_data(demo.clone())
                .configure(vendors.clone())
                .route("/", get().to(begin))
                .route("/app/callback", get().to(end));
        }
    }
}

async fn begin(demo: Data<Demo>) -> HttpResponse {
    let Demo { here, service, .. } = &**demo;
    let back = escaped(&format!("{here}/app/callback"));
    let link = |vendor: &&str| {
        let address = format!(
            "{service}/v1/providers/{vendor}/start?client_id={CLIENT}&redirect_uri={back}\
             &state=demo&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        format!("<li><a href=\"{}\">Log in with {vendor}</a></li>", escaped_html(&address))
    };
    let links: Vec<_> = VENDORS.iter().map(link).collect();
    page(&format!("<h1>An app</h1><ul>{}</ul>", links.concat()))
}

async fn end(demo: Data<Demo>, query: Query<Pairs>) -> HttpResponse {
    let Demo { here, service, .. } = &**demo;
    let error = of(&query, "error");
    if !error.is_empty() {
        return page(&format!("<h1>Not logged in: {}</h1>", escaped_html(error)));
    }
    let command = format!(
        "curl {service}/oauth2/token -d grant_type=authorization_code -d client_id={CLIENT} \
         -d redirect_uri={here}/app/callback -d code_verifier={VERIFIER} -d code='{}'",
        of(&query, "code").replace('\'', "")
    );
    page(&format!(
        "<h1>Back in the app</h1><p>Within a minute, this makes a session of the code:</p>\
         <pre>{}</pre>",
        escaped_html(&command)
    ))
}

fn page(body: &str) -> HttpResponse {
    let page = format!(
        "<!DOCTYPE html><html><head><title>An app</title></head><body>{body}</body></html>"
    );
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page)
}
