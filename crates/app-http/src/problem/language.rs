//! The languages in which problems are told.

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};

/// A language of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// English, the default.
    En,
    /// Simplified Chinese.
    ZhCn,
}

impl Language {
    /// All languages.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// Its tag (BCP 47).
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The language that the client likes best of those that there are (RFC 9110, 12.5.4).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
        wanted.map_or(Self::En, Self::best)
    }

    fn best(wanted: &str) -> Self {
        let mut best = (0.0, Self::En);
        for range in wanted.split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let quality = match parameters.trim().strip_prefix("q=") {
                Some(it) => it.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            let primary = tag.trim().split('-').next().unwrap_or_default();
            let language = match primary {
                it if it.eq_ignore_ascii_case("zh") => Self::ZhCn,
                it if it.eq_ignore_ascii_case("en") || it == "*" => Self::En,
                _ => continue,
            };
            // The first of equals is meant.
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("", Language::En)]
    #[case::chinese("zh-CN", Language::ZhCn)]
    #[case::any_chinese("zh", Language::ZhCn)]
    #[case::other_language("fr-FR, de;q=0.8", Language::En)]
    #[case::better("en;q=0.5, zh-Hans;q=0.9", Language::ZhCn)]
    #[case::worse("zh;q=0.3, en-GB;q=0.4", Language::En)]
    #[case::first_of_equals("zh-TW, en", Language::ZhCn)]
    #[case::refused("zh;q=0, *", Language::En)]
    #[case::nonsense("zh;q=high", Language::En)]
    fn the_language_is_the_one_liked_best(#[case] wanted: &str, #[case] expected: Language) {
        assert_eq!(Language::best(wanted), expected);
    }
}
