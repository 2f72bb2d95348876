//! Tencent Cloud SMS (2021-01-11).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::message::{Message, Recipient};
use domain::phone::PhoneNumber;
use ports::clock::Clock;
use ports::sender::{MessageSender, SendError};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::class::{Class, Codes, Said, refused, told};
use crate::gateway::{Gateway, SetupError, Timeouts};
use crate::regional::Regional;
use crate::signing::tc3;
use crate::words;

/// The name in logs and settings.
pub const TENCENT: &str = "tencent";
/// Where the vendor is, unless a setting says otherwise.
const ENDPOINT: &str = "https://sms.tencentcloudapi.com";
const JSON: &str = "application/json; charset=utf-8";

/// The vendor's codes, from its list of errors.
const CODES: Codes = &[
    (
        Class::Limited,
        &[
            "LimitExceeded.PhoneNumberThirtySecondLimit",
            "LimitExceeded.PhoneNumberOneHourLimit",
            "LimitExceeded.PhoneNumberDailyLimit",
            "LimitExceeded.PhoneNumberSameContentDailyLimit",
            "LimitExceeded.DeliveryFrequencyLimit",
        ],
    ),
    (
        Class::Quota,
        &[
            "LimitExceeded.AppDailyLimit",
            "LimitExceeded.DailyLimit",
            "LimitExceeded.AppMainlandChinaDailyLimit",
            "LimitExceeded.AppGlobalDailyLimit",
            "LimitExceeded.AppCountryOrRegionDailyLimit",
            "LimitExceeded.GlobalSmsSendingRateLimit",
            "FailedOperation.InsufficientBalanceInSmsPackage",
            "UnauthorizedOperation.ServiceSuspendDueToArrears",
        ],
    ),
    (
        Class::Blocked,
        &["LimitExceeded.AppCountryOrRegionInBlacklist", "FailedOperation.PhoneNumberInBlacklist"],
    ),
    (
        Class::BadNumber,
        &["InvalidParameterValue.IncorrectPhoneNumber", "FailedOperation.PhoneNumberParseFail"],
    ),
    (
        Class::Config,
        &[
            "LimitExceeded.PhoneNumberCountLimit",
            "MissingParameter*",
            "FailedOperation.SignatureIncorrectOrUnapproved",
            "FailedOperation.TemplateIncorrectOrUnapproved",
            "FailedOperation.TemplateUnapprovedOrNotExist",
            "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
            "FailedOperation.ContainSensitiveWord",
            "FailedOperation.JsonParseFail",
            "FailedOperation.FailResolvePacket",
            "InvalidParameterValue.SdkAppIdNotExist",
            "InvalidParameterValue.ContentLengthLimit",
            "InvalidParameterValue.TemplateParameterFormatError",
            "InvalidParameterValue.TemplateParameterLengthLimit",
            "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter",
            "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
            "UnauthorizedOperation.RequestIpNotInWhitelist",
            "UnauthorizedOperation.SdkAppIdIsDisabled",
            "UnauthorizedOperation.RequestPermissionDeny",
            "AuthFailure*",
            "NoSuchVersion",
            "UnsupportedOperation*",
            "InternalError.RequestTimeException",
        ],
    ),
    (
        Class::Busy,
        &[
            "InternalError",
            "InternalError.Timeout",
            "InternalError.SendAndRecvFail",
            "InternalError.OtherError",
            "RequestLimitExceeded*",
        ],
    ),
];

/// What a template's variable may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TencentVariable {
    /// The code.
    Code,
    /// Its life in minutes.
    Minutes,
}

/// What the vendor knows us by.
#[derive(Debug, Clone)]
pub struct TencentSettings {
    /// The key's name.
    pub secret_id: String,
    /// The key.
    pub secret_key: SecretString,
    /// The application.
    pub sdk_app_id: String,
    /// The text of the approved signature; empty for regions that want none.
    pub sign_name: Regional,
    /// The template of codes.
    pub template_id: Regional,
    /// Its variables, in their order.
    pub template_params: Vec<TencentVariable>,
    /// The template of notices, with what happened and when as its variables; without it the
    /// vendor delivers none.
    pub notice_template: Option<Regional>,
    /// The vendor's region, as `ap-guangzhou`.
    pub region: String,
    /// The vendor's address; empty for its own.
    pub endpoint: String,
    /// How long a call may take.
    pub timeouts: Timeouts,
}

/// Hands messages to Tencent Cloud.
pub struct TencentSender {
    settings: TencentSettings,
    gateway: Gateway,
    clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendSms<'a> {
    phone_number_set: [&'a str; 1],
    sms_sdk_app_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sign_name: &'a str,
    template_id: &'a str,
    template_param_set: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    response: Answer,
}

/// What the vendor answers: an error of the call, or what became of each number.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    error: Option<Refusal>,
    send_status_set: Option<Vec<Status>>,
    request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refusal {
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Status {
    code: String,
    serial_no: Option<String>,
}

impl TencentSender {
    /// Makes a sender; nothing is connected yet.
    pub fn new(settings: TencentSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let endpoint = if settings.endpoint.is_empty() { ENDPOINT } else { &settings.endpoint };
        let gateway = Gateway::new(TENCENT, endpoint, "/", settings.timeouts)?;
        Ok(Self { settings, gateway, clock })
    }

    /// The template of a message and its variables.
    fn template(&self, message: &Message, to: &PhoneNumber) -> Option<(&str, Vec<String>)> {
        match message {
            Message::Code(it) => {
                let variable = |which: &TencentVariable| match which {
                    TencentVariable::Code => it.code.reveal().to_owned(),
                    TencentVariable::Minutes => words::minutes(it).to_string(),
                };
                let variables = self.settings.template_params.iter().map(variable).collect();
                Some((self.settings.template_id.of(to), variables))
            }
            Message::Notice(it) => {
                let template = self.settings.notice_template.as_ref()?.of(to);
                Some((template, vec![words::happened(it.notice).to_owned(), words::time(it)]))
            }
        }
    }
}

#[async_trait]
impl MessageSender for TencentSender {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let vendor = TENCENT;
        let Recipient::Phone(to) = message.to() else {
            return Err(SendError::Misconfigured { vendor });
        };
        let (template_id, template_param_set) =
            self.template(message, to).ok_or(SendError::NotOffered { vendor })?;
        let body = SendSms {
            phone_number_set: [to.as_str()],
            sms_sdk_app_id: &self.settings.sdk_app_id,
            sign_name: self.settings.sign_name.of(to),
            template_id,
            template_param_set,
        };
        let body = serde_json::to_vec(&body).map_err(|_| SendError::Misconfigured { vendor })?;
        let at = self.clock.now();
        let signed = [("content-type", JSON), ("host", self.gateway.host())];
        let request = tc3::Request { service: "sms", headers: &signed, body: &body, at };
        let secret = self.settings.secret_key.expose_secret();
        let authorization = tc3::authorization(&request, &self.settings.secret_id, secret);
        let headers = [
            ("content-type", JSON),
            ("host", self.gateway.host()),
            ("authorization", &authorization),
            ("x-tc-action", "SendSms"),
            ("x-tc-version", "2021-01-11"),
            ("x-tc-timestamp", &at.as_second().to_string()),
            ("x-tc-region", &self.settings.region),
        ];
        let reply = self.gateway.post(&headers, body).await?;
        let Some(Envelope { response }) = reply.json::<Envelope>() else {
            return Err(told(vendor, reply.unreadable(), Said { code: "", request_id: "" }));
        };
        let request_id = response.request_id.as_deref().unwrap_or_default();
        if let Some(Refusal { code }) = &response.error {
            return Err(refused(vendor, CODES, Said { code, request_id }));
        }
        let statuses = response.send_status_set.unwrap_or_default();
        match statuses.as_slice() {
            [it] if it.code != "Ok" => {
                Err(refused(vendor, CODES, Said { code: &it.code, request_id }))
            }
            [it] if reply.status == 200
                && it.serial_no.as_ref().is_some_and(|it| !it.is_empty()) =>
            {
                Ok(())
            }
            _ => Err(told(vendor, Class::Ambiguous, Said { code: "", request_id })),
        }
    }
}

impl fmt::Debug for TencentSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TencentSender").field("settings", &self.settings).finish_non_exhaustive()
    }
}
