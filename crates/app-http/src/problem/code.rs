//! The codes, their statuses and their texts: one table.

use actix_web::http::StatusCode;

use super::Language;

/// A title and a sentence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    /// A few words.
    pub(crate) title: &'static str,
    /// A sentence.
    pub(crate) detail: &'static str,
}

macro_rules! codes {
    ($($code:ident, $status:ident, $name:literal, $title:literal, $detail:literal, $title_zh:literal, $detail_zh:literal;)*) => {
        /// The stable name of a problem. A code is never used for anything else again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(clippy::enum_variant_names, reason = "the names are those on the wire")]
        pub(crate) enum Code {
            $(#[doc = $title] $code,)*
        }

        impl Code {
            /// All codes.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$code),*];

            /// The name on the wire.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }

            /// The HTTP status.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status,)* }
            }

            /// The texts.
            pub(crate) const fn text(self, language: Language) -> Text {
                match (self, language) { $(
                    (Self::$code, Language::En) => Text { title: $title, detail: $detail },
                    (Self::$code, Language::ZhCn) => Text { title: $title_zh, detail: $detail_zh },
                )* }
            }
        }
    };
}

codes! {
    MalformedRequest, BAD_REQUEST, "malformed_request",
        "Malformed request", "The request cannot be read as HTTP with one JSON object in UTF-8.",
        "请求格式错误", "请求无法解析为包含单个 UTF-8 JSON 对象的 HTTP 请求。";
    CredentialsInUrl, BAD_REQUEST, "credentials_in_url",
        "Credentials in the URL", "Passwords, codes and tokens never go into a query string.",
        "URL 中包含凭证", "密码、验证码和令牌不得放在查询字符串中。";
    StateInvalid, BAD_REQUEST, "state_invalid",
        "Start again", "This way to the provider is over, was used, or began in another browser.",
        "请重新开始", "本次第三方登录已结束、已使用，或由其他浏览器发起。";
    IssuerMismatch, BAD_REQUEST, "issuer_mismatch",
        "Wrong provider", "The answer came from another provider than the one that was asked.",
        "第三方不匹配", "响应来自与请求不同的第三方平台。";
    RedirectNotAllowed, BAD_REQUEST, "redirect_not_allowed",
        "Address not registered", "A code goes only to an address that the client has registered.",
        "回调地址未登记", "授权码只会发送到客户端已登记的地址。";
    InvalidCredentials, UNAUTHORIZED, "invalid_credentials",
        "Wrong credentials", "The identifier and the password do not match an account.",
        "凭证错误", "账号与密码不匹配。";
    CodeInvalid, UNAUTHORIZED, "code_invalid",
        "Wrong code", "The code is wrong, used or expired.",
        "验证码无效", "验证码错误、已使用或已过期。";
    ProviderIdentityInvalid, UNAUTHORIZED, "provider_identity_invalid",
        "Not confirmed", "The provider does not confirm this account for this app.",
        "第三方身份无效", "第三方平台未确认该账号属于本应用。";
    SessionInvalid, UNAUTHORIZED, "session_invalid",
        "Not logged in", "The session token is missing, unknown or expired.",
        "未登录", "会话令牌缺失、未知或已过期。";
    AccountDisabled, FORBIDDEN, "account_disabled",
        "Account disabled", "This account has been disabled.",
        "账号已停用", "该账号已被停用。";
    CarrierTokenInvalid, UNAUTHORIZED, "carrier_token_invalid",
        "Not confirmed", "The carrier does not confirm the number; a message can.",
        "运营商未确认", "运营商未能确认该号码，可改用短信验证。";
    ProviderDisabled, FORBIDDEN, "provider_disabled",
        "Provider disabled", "This provider is switched off.",
        "第三方登录已停用", "该第三方登录方式已停用。";
    ClientNotAllowed, FORBIDDEN, "client_not_allowed",
        "Client not allowed", "There is no such client, or it may not log people in like this.",
        "客户端不被允许", "该客户端不存在，或不允许以此方式登录。";
    ReauthRequired, FORBIDDEN, "reauth_required",
        "Fresh proof needed", "Prove again that it is you, then repeat the request.",
        "需要重新验证", "请重新验证身份后再试。";
    PhoneRequired, FORBIDDEN, "phone_required",
        "Phone number needed", "Link a phone number to the account first.",
        "需要绑定手机号", "请先为账号绑定手机号。";
    PhoneRegionDenied, FORBIDDEN, "phone_region_denied",
        "Region not served", "Phone numbers of this region are not accepted.",
        "不支持该地区", "不接受该地区的手机号。";
    ExtraProofRequired, FORBIDDEN, "extra_proof_required",
        "More proof needed", "Nobody has used this account for long: prove another way in, or begin a new account.",
        "需要更多验证", "该账号长期未使用，请使用其他方式验证，或创建新账号。";
    ChallengeRequired, FORBIDDEN, "challenge_required",
        "Another way in needed", "Too many passwords fail at present: log in with a code, or from a device that has logged in to this account lately.",
        "需要其他登录方式", "当前密码错误过多，请使用验证码登录，或使用近期登录过该账号的设备。";
    NotFound, NOT_FOUND, "not_found",
        "Not found", "There is nothing at this address.",
        "未找到", "该地址没有内容。";
    MethodNotAllowed, METHOD_NOT_ALLOWED, "method_not_allowed",
        "Method not allowed", "This address does not have this method; see the header Allow.",
        "方法不允许", "该地址不支持此方法，请参阅 Allow 标头。";
    RequestTimeout, REQUEST_TIMEOUT, "request_timeout",
        "Request timeout", "The request took too long.",
        "请求超时", "请求用时过长。";
    UsernameTaken, CONFLICT, "username_taken",
        "User name taken", "Somebody has this user name, or one that looks like it.",
        "用户名已被占用", "该用户名或与其相似的用户名已被占用。";
    IdentityInUse, CONFLICT, "identity_in_use",
        "Identity in use", "Another account has this identity.",
        "身份已被绑定", "该身份已绑定到其他账号。";
    LastMethod, CONFLICT, "last_method",
        "Last way in", "Without this identity nobody could log in to the account any more.",
        "最后的登录方式", "移除后将无法再登录该账号。";
    LimitReached, CONFLICT, "limit_reached",
        "Limit reached", "The account has as many of these as there may be.",
        "已达上限", "该账号的此类身份数量已达上限。";
    MergeConflict, CONFLICT, "merge_conflict",
        "Merge conflict", "The two accounts are the same, or both have what an account has only one of.",
        "合并冲突", "两个账号相同，或都有只能保留一个的身份。";
    PayloadTooLarge, PAYLOAD_TOO_LARGE, "payload_too_large",
        "Body too large", "The body of a request has at most 16 KiB.",
        "请求体过大", "请求体不得超过 16 KiB。";
    UriTooLong, URI_TOO_LONG, "uri_too_long",
        "URI too long", "The address of a request has at most 8 KiB.",
        "URI 过长", "请求地址不得超过 8 KiB。";
    UnsupportedMediaType, UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type",
        "Wrong content type", "The body has to be sent as application/json.",
        "内容类型错误", "请求体必须以 application/json 发送。";
    ValidationFailed, UNPROCESSABLE_ENTITY, "validation_failed",
        "Validation failed", "A member of the request is missing, unknown or not acceptable.",
        "校验失败", "请求中有字段缺失、未知或不可接受。";
    UsernameInvalid, UNPROCESSABLE_ENTITY, "username_invalid",
        "User name not allowed", "A user name has 3 to 32 letters, digits, dots, hyphens or underscores of one script, not digits alone.",
        "用户名不可用", "用户名须为 3 到 32 个同一文字的字母、数字、点、连字符或下划线，且不能全为数字。";
    EmailInvalid, UNPROCESSABLE_ENTITY, "email_invalid",
        "E-mail address not valid", "This is not one valid e-mail address.",
        "邮箱地址无效", "这不是一个有效的邮箱地址。";
    PhoneInvalid, UNPROCESSABLE_ENTITY, "phone_invalid",
        "Phone number not valid", "This is not a valid mobile phone number.",
        "手机号无效", "这不是有效的手机号。";
    PasswordTooShort, UNPROCESSABLE_ENTITY, "password_too_short",
        "Password too short", "The password has too few characters.",
        "密码过短", "密码字符数过少。";
    PasswordTooLong, UNPROCESSABLE_ENTITY, "password_too_long",
        "Password too long", "A password has at most 128 characters and 512 bytes.",
        "密码过长", "密码最多 128 个字符且不超过 512 字节。";
    PasswordBreached, UNPROCESSABLE_ENTITY, "password_breached",
        "Password too common", "This password is on the list of common and breached ones.",
        "密码过于常见", "该密码在常见或已泄露密码列表中。";
    PasswordContext, UNPROCESSABLE_ENTITY, "password_context",
        "Password easy to guess", "This password can be told from the account or the service.",
        "密码易被猜到", "该密码可由账号或服务信息推测得出。";
    TooManyAttempts, TOO_MANY_REQUESTS, "too_many_attempts",
        "Too many attempts", "After too many wrong tries nothing is evaluated for a while.",
        "尝试次数过多", "错误次数过多，请稍后再试。";
    RateLimited, TOO_MANY_REQUESTS, "rate_limited",
        "Too many requests", "There were too many requests of this kind.",
        "请求过于频繁", "此类请求过多，请稍后再试。";
    SmsRateLimited, TOO_MANY_REQUESTS, "sms_rate_limited",
        "Too many messages", "Too many codes were asked for with this number or from this address.",
        "短信发送过于频繁", "该号码或该网络请求的验证码过多，请稍后再试。";
    HeadersTooLarge, REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large",
        "Headers too large", "The headers of a request have at most 16 KiB.",
        "请求头过大", "请求头不得超过 16 KiB。";
    Internal, INTERNAL_SERVER_ERROR, "internal",
        "Internal error", "Something went wrong on our side.",
        "内部错误", "服务器内部出错。";
    ProviderBadResponse, BAD_GATEWAY, "provider_bad_response",
        "Provider talks nonsense", "The provider answered what makes no sense.",
        "第三方响应异常", "第三方平台返回了无法识别的响应。";
    ProviderUnavailable, SERVICE_UNAVAILABLE, "provider_unavailable",
        "Provider unavailable", "The provider cannot be reached at present.",
        "第三方暂时不可用", "当前无法访问第三方平台。";
    DependencyUnavailable, SERVICE_UNAVAILABLE, "dependency_unavailable",
        "Temporarily unavailable", "A part of the service cannot be reached.",
        "暂时不可用", "服务的某个部分暂时无法访问。";
    Overloaded, SERVICE_UNAVAILABLE, "overloaded",
        "Overloaded", "There is more to do than can be done right now.",
        "服务过载", "当前请求过多，请稍后再试。";
    RetryLater, SERVICE_UNAVAILABLE, "retry_later",
        "Try again", "Others changed the same thing at the same time.",
        "请重试", "其他请求正在同时修改同一内容，请重试。";
    StorageUnavailable, SERVICE_UNAVAILABLE, "storage_unavailable",
        "Storage unavailable", "Nothing can be stored at present.",
        "存储不可用", "当前无法写入存储。";
    SmsUnavailable, SERVICE_UNAVAILABLE, "sms_unavailable",
        "Messages unavailable", "No messages can be delivered at present.",
        "短信服务不可用", "当前无法发送短信。";
    SmsBudgetExhausted, SERVICE_UNAVAILABLE, "sms_budget_exhausted",
        "Message budget used up", "The share of messages for now is used up.",
        "短信额度已用尽", "当前短信额度已用尽，请稍后再试。";
}

/// What is wrong with one member of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldCode {
    /// It has to be there.
    Missing,
    /// Nothing of this name belongs there.
    Unknown,
    /// It has another JSON type.
    WrongType,
    /// It has the right type and not an acceptable value.
    Invalid,
    /// What the whole problem says.
    Own(Code),
}

impl FieldCode {
    /// The name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::WrongType => "wrong_type",
            Self::Invalid => "invalid",
            Self::Own(code) => code.as_str(),
        }
    }

    /// A sentence.
    pub(crate) const fn detail(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Missing, Language::En) => "This member is required.",
            (Self::Missing, Language::ZhCn) => "此字段为必填。",
            (Self::Unknown, Language::En) => "This member is not known here.",
            (Self::Unknown, Language::ZhCn) => "此处没有该字段。",
            (Self::WrongType, Language::En) => "This member has another type.",
            (Self::WrongType, Language::ZhCn) => "此字段的类型不正确。",
            (Self::Invalid, Language::En) => "This value is not acceptable.",
            (Self::Invalid, Language::ZhCn) => "此字段的值不可接受。",
            (Self::Own(code), _) => code.text(language).detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_texts_in_all_languages() {
        let mut names = BTreeSet::new();
        for code in Code::ALL {
            assert!(names.insert(code.as_str()), "{code:?} is there twice");
            assert!(code.status().is_client_error() || code.status().is_server_error());
            for language in Language::ALL {
                let Text { title, detail } = code.text(language);
                assert!(!title.is_empty() && !detail.is_empty(), "{code:?} in {language:?}");
                let chinese = !title.is_ascii() && !detail.is_ascii();
                assert_eq!(chinese, language == Language::ZhCn, "{code:?} in {language:?}");
            }
        }
    }
}
