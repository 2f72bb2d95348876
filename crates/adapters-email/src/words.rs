//! The texts, in Chinese and in English.
//!
//! A user has no language of their own yet, so each mail says everything in both, and so does its
//! subject. The texts are fixed: but for a code, its minutes and a time nothing goes in, and
//! nothing of a client's at all (OTP-13). None has a link (LOG-05).

use domain::credential::code::Purpose;
use domain::message::{CodeMessage, Notice, NoticeMessage};

/// One mail in one language.
#[derive(Debug)]
pub(crate) struct Words {
    /// The language's tag.
    pub(crate) language: &'static str,
    /// What the mail is about: its subject and its heading. Never has a code in it, since subjects
    /// show on locked screens.
    pub(crate) title: &'static str,
    /// What comes before the code, or all of it.
    pub(crate) lead: String,
    /// What comes after the code.
    pub(crate) rest: String,
}

/// The texts of a code, Chinese first.
pub(crate) fn of_code(message: &CodeMessage) -> [Words; 2] {
    // Rounded down: nobody is promised more than there is.
    let minutes = message.ttl.as_secs() / 60;
    let (zh, en) = match message.purpose {
        Purpose::Login => (("登录验证码", "登录"), ("Your login code", "log in")),
        Purpose::Link => (
            ("绑定邮箱验证码", "绑定此邮箱"),
            ("Your code to link this address", "link this address"),
        ),
        Purpose::Reauthenticate => {
            (("身份验证码", "验证身份"), ("Your confirmation code", "confirm that it is you"))
        }
        Purpose::ResetPassword => {
            (("重置密码验证码", "重置密码"), ("Your code for a new password", "set a new password"))
        }
        Purpose::Merge => {
            (("合并账号验证码", "合并账号"), ("Your code to merge accounts", "merge your accounts"))
        }
    };
    [
        Words {
            language: "zh-CN",
            title: zh.0,
            lead: format!("您正在{}，验证码是：", zh.1),
            rest: format!("{minutes} 分钟内有效，请勿告诉他人。如果不是您本人操作，请忽略此邮件。"),
        },
        Words {
            language: "en",
            title: en.0,
            lead: format!("Your code to {} is:", en.1),
            rest: format!(
                "It is good for {minutes} minutes; tell it to nobody. If you did not ask for it, \
                 ignore this mail."
            ),
        },
    ]
}

/// The texts of a notice, Chinese first.
pub(crate) fn of_notice(message: &NoticeMessage) -> [Words; 2] {
    let at = message.at.strftime("%Y-%m-%d %H:%M UTC");
    let [(zh_title, zh), (en_title, en)] = happened(message.notice);
    let (zh_advice, en_advice) = advice(message.notice);
    [
        Words {
            language: "zh-CN",
            title: zh_title,
            lead: format!("{zh}时间：{at}。"),
            rest: zh_advice.to_owned(),
        },
        Words {
            language: "en",
            title: en_title,
            lead: format!("{en} Time: {at}."),
            rest: en_advice.to_owned(),
        },
    ]
}

/// A title and a sentence, in Chinese and in English.
const fn happened(notice: Notice) -> [(&'static str, &'static str); 2] {
    match notice {
        Notice::NewDevice => [
            ("新设备登录", "您的账号在一台新设备上登录。"),
            ("Login on a new device", "Somebody logged in to your account on a new device."),
        ],
        Notice::PasswordSet => [
            ("密码已设置", "您的账号设置了密码。"),
            ("Password set", "A password was set for your account."),
        ],
        Notice::PasswordChanged => [
            ("密码已修改", "您的账号密码已修改。"),
            ("Password changed", "The password of your account was changed."),
        ],
        Notice::PasswordReset => [
            ("密码已重置", "您的账号密码已通过验证码重置。"),
            ("Password reset", "The password of your account was reset with a code."),
        ],
        Notice::IdentityLinked => [
            ("新增登录方式", "您的账号新增了一种登录方式。"),
            ("Way to log in added", "A way to log in was added to your account."),
        ],
        Notice::IdentityUnlinked => [
            ("登录方式已移除", "您的账号移除了一种登录方式。"),
            ("Way to log in removed", "A way to log in was removed from your account."),
        ],
        Notice::IdentityReplaced => [
            ("手机号或邮箱已更换", "您的账号更换了手机号或邮箱。"),
            (
                "Phone number or e-mail address replaced",
                "The phone number or e-mail address of your account was replaced by another.",
            ),
        ],
        Notice::AccountsMerged => [
            ("账号已合并", "另一个账号已并入您的账号。"),
            ("Accounts merged", "Another account was merged into yours."),
        ],
        Notice::NumberTaken => [
            ("手机号已属于新账号", "您账号中的手机号现已属于一个新账号，不能再用于登录您的账号。"),
            (
                "Phone number now with a new account",
                "The phone number of your account belongs to a new account now, and logs you in no \
                 more.",
            ),
        ],
        Notice::PasswordLocked => [
            ("密码登录已锁定", "密码错误次数过多，您的账号已停用密码登录，重置密码后恢复。"),
            (
                "Password login locked",
                "After too many wrong passwords your account takes none until it is reset.",
            ),
        ],
        Notice::AccountDeleted => {
            [("账号已注销", "您的账号已注销。"), ("Account deleted", "Your account was deleted.")]
        }
    }
}

/// What to do about it, in Chinese and in English; it begins with a login (LOG-05).
const fn advice(notice: Notice) -> (&'static str, &'static str) {
    match notice {
        Notice::AccountDeleted => (
            "如果不是您本人操作，请联系客服。",
            "If this was not you, turn to whoever runs the service.",
        ),
        Notice::NumberTaken => (
            "请用其他方式登录，并绑定您现在的手机号。",
            "Log in another way and link the number that you have now.",
        ),
        Notice::NewDevice
        | Notice::PasswordSet
        | Notice::PasswordChanged
        | Notice::PasswordReset
        | Notice::IdentityLinked
        | Notice::IdentityUnlinked
        | Notice::IdentityReplaced
        | Notice::AccountsMerged
        | Notice::PasswordLocked => (
            "如果是您本人操作，则无需处理。否则请打开应用登录，修改密码并检查登录设备。",
            "If this was you, there is nothing to do. If not, open the app, log in, change your \
             password and look at where you are logged in.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::message::Recipient;
    use ports::testing::at;
    use ports::testing::contract::sender::{mailbox, message};

    use super::*;

    #[test]
    fn every_message_has_a_title_of_its_own_in_both_languages() {
        let to: Recipient = mailbox();
        let codes = Purpose::ALL.map(|purpose| of_code(&CodeMessage { purpose, ..message(42) }));
        let notices = Notice::ALL
            .map(|notice| of_notice(&NoticeMessage { to: to.clone(), notice, at: at(0) }));
        let all: Vec<Words> = codes.into_iter().chain(notices).flatten().collect();
        let titles: BTreeSet<_> = all.iter().map(|it| it.title).collect();
        assert_eq!(titles.len(), all.len());
        for it in &all {
            let is_chinese = it.language == "zh-CN";
            for text in [it.title, &it.lead, &it.rest] {
                assert_eq!(!text.is_ascii(), is_chinese, "{text}");
            }
        }
    }

    #[test]
    fn a_notice_tells_when_it_happened() {
        let notice = NoticeMessage { to: mailbox(), notice: Notice::PasswordSet, at: at(59) };
        let [zh, en] = of_notice(&notice);
        assert_eq!(zh.lead, "您的账号设置了密码。时间：2026-01-01 00:00 UTC。");
        assert_eq!(en.lead, "A password was set for your account. Time: 2026-01-01 00:00 UTC.");
    }
}
