//! The texts of messages, for vendors that take any; fixed but for code, minutes and time (OTP-13).

use domain::credential::code::Purpose;
use domain::message::{CodeMessage, Message, Notice, NoticeMessage};
use domain::phone::PhoneNumber;

/// The text of a message in the language of the number's region.
pub(crate) fn text(message: &Message, to: &PhoneNumber) -> String {
    let region = to.region().code();
    match (message, region.as_str()) {
        (Message::Code(it), "CN") => chinese(it),
        (Message::Code(it), "HK" | "MO" | "TW") => traditional(it),
        (Message::Code(it), _) => english(it),
        (Message::Notice(it), "CN" | "HK" | "MO" | "TW") => {
            format!(
                "您的账号：{}。时间：{}。如非本人操作，请登录检查。",
                happened(it.notice),
                time(it)
            )
        }
        (Message::Notice(it), _) => format!(
            "Your account: {}. Time: {}. If it was not you, log in and check.",
            happened_in_english(it.notice),
            time(it)
        ),
    }
}

/// A code in Chinese.
pub(crate) fn chinese(message: &CodeMessage) -> String {
    let verb = match message.purpose {
        Purpose::Login => "登录",
        Purpose::Link => "绑定",
        Purpose::Reauthenticate => "身份验证",
        Purpose::ResetPassword => "重置密码",
        Purpose::Merge => "合并账号",
    };
    let (code, minutes) = (message.code.reveal(), minutes(message));
    format!("您的{verb}验证码是 {code}，{minutes} 分钟内有效，请勿告诉他人。")
}

/// The same as it is written in Hong Kong, Macau and Taiwan.
fn traditional(message: &CodeMessage) -> String {
    let verb = match message.purpose {
        Purpose::Login => "登入",
        Purpose::Link => "綁定",
        Purpose::Reauthenticate => "身份驗證",
        Purpose::ResetPassword => "重設密碼",
        Purpose::Merge => "合併帳號",
    };
    let (code, minutes) = (message.code.reveal(), minutes(message));
    format!("您的{verb}驗證碼是 {code}，{minutes} 分鐘內有效，請勿告訴他人。")
}

/// The same in English.
pub(crate) fn english(message: &CodeMessage) -> String {
    let verb = match message.purpose {
        Purpose::Login => "log in",
        Purpose::Link => "link this number",
        Purpose::Reauthenticate => "confirm that it is you",
        Purpose::ResetPassword => "set a new password",
        Purpose::Merge => "merge your accounts",
    };
    let (code, minutes) = (message.code.reveal(), minutes(message));
    format!("{code} is your code to {verb}. It is good for {minutes} minutes; tell it to nobody.")
}

/// The code's life in whole minutes, rounded down: nobody is promised more than there is.
pub(crate) fn minutes(message: &CodeMessage) -> u64 {
    message.ttl.as_secs() / 60
}

/// When it happened, as a template may show it.
pub(crate) fn time(message: &NoticeMessage) -> String {
    message.at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What happened, in a few words that fit a template's variable.
pub(crate) const fn happened(notice: Notice) -> &'static str {
    match notice {
        Notice::NewDevice => "在新设备上登录",
        Notice::PasswordSet => "已设置密码",
        Notice::PasswordChanged => "密码已修改",
        Notice::PasswordReset => "密码已重置",
        Notice::IdentityLinked => "已添加登录方式",
        Notice::IdentityUnlinked => "已移除登录方式",
        Notice::IdentityReplaced => "手机号或邮箱已更换",
        Notice::AccountsMerged => "已合并另一账号",
        Notice::NumberTaken => "号码已属于新账号",
        Notice::PasswordLocked => "密码已锁定",
        Notice::AccountDeleted => "账号已注销",
    }
}

const fn happened_in_english(notice: Notice) -> &'static str {
    match notice {
        Notice::NewDevice => "log-in on a new device",
        Notice::PasswordSet => "a password was set",
        Notice::PasswordChanged => "the password was changed",
        Notice::PasswordReset => "the password was reset",
        Notice::IdentityLinked => "a way to log in was added",
        Notice::IdentityUnlinked => "a way to log in was removed",
        Notice::IdentityReplaced => "the phone number or e-mail address was replaced",
        Notice::AccountsMerged => "another account was merged into it",
        Notice::NumberTaken => "this number belongs to a new account now",
        Notice::PasswordLocked => "the password is locked",
        Notice::AccountDeleted => "it was deleted",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ports::testing::START;
    use ports::testing::contract::sender::{message, phone};
    use rstest::rstest;

    use super::*;
    use crate::regional::tests::number;

    #[rstest]
    #[case(Purpose::Login, "您的登录验证码是 000042，5 分钟内有效，请勿告诉他人。")]
    #[case(Purpose::Link, "您的绑定验证码是 000042，5 分钟内有效，请勿告诉他人。")]
    fn a_text_says_what_the_code_is_for(#[case] purpose: Purpose, #[case] text: &str) {
        let message = CodeMessage { purpose, ..message(42) };
        assert_eq!(chinese(&message), text);
        assert!(english(&message).starts_with("000042 is your code to "));
    }

    #[rstest]
    #[case("+8613800138000", "登录验证码")]
    #[case("+85251234567", "登入驗證碼")]
    #[case("+886912345678", "登入驗證碼")]
    #[case("+14155550100", "000042 is your code to log in")]
    fn a_code_is_told_in_the_regions_language(#[case] to: &str, #[case] part: &str) {
        let said = text(&Message::Code(message(42)), &number(to));
        assert!(said.contains(part) && said.contains("000042"), "{said}");
    }

    /// LOG-05: each notice says something of its own, and nothing has a link.
    #[test]
    fn every_notice_has_words_of_its_own() {
        for to in ["+8613800138000", "+14155550100"] {
            let said = |notice| {
                let told = NoticeMessage { to: phone(), notice, at: START };
                text(&Message::Notice(told), &number(to))
            };
            let all: BTreeSet<_> = Notice::ALL.map(said).into();
            assert_eq!(all.len(), Notice::ALL.len());
            assert!(all.iter().all(|it| !it.contains("http") && !it.contains("www")), "{all:?}");
        }
    }
}
