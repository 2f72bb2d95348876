//! What is one thing for most numbers and another for some regions, as templates are.

use std::collections::BTreeMap;

use domain::phone::{PhoneNumber, Region};

/// All regions that have no entry of their own, mainland China excepted.
const ELSEWHERE: &str = "*";

/// A text by region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Regional {
    /// What counts where `regions` says nothing.
    pub general: String,
    /// By the region's two letters; `*` for all but mainland China.
    pub regions: BTreeMap<String, String>,
}

impl Regional {
    /// The text for a number's region.
    #[must_use]
    pub fn of(&self, phone: &PhoneNumber) -> &str {
        let region = phone.region();
        let own = self.regions.get(&region.code());
        let elsewhere = || self.regions.get(ELSEWHERE).filter(|_| region != Region::CN);
        own.or_else(elsewhere).unwrap_or(&self.general)
    }
}

impl From<&str> for Regional {
    fn from(general: &str) -> Self {
        Self { general: general.to_owned(), regions: BTreeMap::new() }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::phone::PhonePolicy;
    use rstest::rstest;

    use super::*;

    /// Any number, for a test.
    pub(crate) fn number(e164: &str) -> PhoneNumber {
        let regions = ["CN", "HK", "MO", "TW", "US", "GB"].map(|it| Region::parse(it).unwrap());
        let policy = PhonePolicy { default_region: Region::CN, allowed_regions: regions.to_vec() };
        PhoneNumber::parse(e164, &policy).unwrap()
    }

    #[rstest]
    #[case::mainland("+8613800138000", "general")]
    #[case::hong_kong("+85251234567", "for HK")]
    #[case::macau("+85366123456", "elsewhere")]
    #[case::taiwan("+886912345678", "elsewhere")]
    #[case::states("+14155550100", "elsewhere")]
    fn a_region_has_its_own_or_the_next_best(#[case] phone: &str, #[case] expected: &str) {
        let regions = [("HK", "for HK"), ("*", "elsewhere")];
        let regions = regions.map(|(region, it)| (region.to_owned(), it.to_owned()));
        let regional = Regional { general: "general".to_owned(), regions: regions.into() };
        assert_eq!(regional.of(&number(phone)), expected);
        assert_eq!(Regional::from("general").of(&number(phone)), "general");
    }
}
