//! What a day of text messages may cost.

use std::collections::BTreeMap;

use adapters_sms::Budget;
use domain::phone::Region;

use super::SettingsError;
use super::sections::Sms;

const PER_DAY: &str = "sms.budget.per_day";
const PRICE: &str = "sms.budget.price";
/// The vendors that cost something.
const VENDORS: [&str; 4] = ["aliyun", "tencent", "twilio", "webhook"];
/// Digits behind the point.
const PLACES: usize = 6;
/// Millionths of a unit.
const UNIT: u64 = 1_000_000;
/// The most that an amount may be, in units: sums of them are exact in every store.
const MOST: u64 = 1_000_000_000;

/// Reads the section; `None` where nothing is bounded.
pub(super) fn budget(section: &Sms) -> Result<Option<Budget>, SettingsError> {
    let budget = &section.budget;
    if budget.per_day.is_empty() {
        if budget.price.is_empty() {
            return Ok(None);
        }
        return Err(SettingsError::key(PER_DAY, "must be set where `sms.budget.price` is"));
    }
    let per_day = amount(PER_DAY, &budget.per_day)?;
    let mut prices = BTreeMap::new();
    for (vendor, of) in &budget.price {
        if !VENDORS.contains(&vendor.as_str()) {
            return Err(SettingsError::key(PRICE, "holds a name that is no sender's"));
        }
        let of = of.iter().map(|(country, price)| {
            let country = country.to_uppercase();
            if country != "*" && Region::parse(&country).is_none() {
                return Err(SettingsError::key(
                    PRICE,
                    "has codes of countries, as in `CN`, and `*`",
                ));
            }
            Ok((country, amount(PRICE, price)?))
        });
        prices.insert(vendor.clone(), of.collect::<Result<BTreeMap<_, _>, _>>()?);
    }
    // What has no price would be sent without a bound.
    for vendor in section.senders.iter().filter(|it| VENDORS.contains(&it.as_str())) {
        if !prices.get(vendor).is_some_and(|it| it.contains_key("*")) {
            return Err(SettingsError::key(PRICE, "must have `*` for each of `sms.senders`"));
        }
    }
    Ok(Some(Budget { per_day, prices }))
}

/// Reads an amount as in `100`, `100.00` or `0.045`.
fn amount(key: &str, text: &str) -> Result<u64, SettingsError> {
    let wrong = || SettingsError::key(key, "must be an amount as in `0.045`, in quotes");
    let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if !is_digits(units) || !is_digits(fraction) || fraction.len() > PLACES {
        return Err(wrong());
    }
    let units: u64 = units.parse().map_err(|_| wrong())?;
    let fraction: u64 = format!("{fraction:0<PLACES$}").parse().map_err(|_| wrong())?;
    if units > MOST {
        return Err(SettingsError::key(key, "is too large an amount"));
    }
    Ok(units * UNIT + fraction)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::sections;
    use super::*;

    fn read(per_day: &str, price: &[(&str, &[(&str, &str)])]) -> Result<Option<Budget>, String> {
        let text = |it: &str| it.to_owned();
        let of = |it: &[(&str, &str)]| it.iter().map(|(k, v)| (text(k), text(v))).collect();
        let price = price.iter().map(|(vendor, it)| (text(vendor), of(it))).collect();
        let section = Sms {
            senders: vec![text("log"), text("aliyun")],
            budget: sections::Budget { per_day: text(per_day), price },
            ..Sms::default()
        };
        budget(&section).map_err(|it| it.to_string())
    }

    #[rstest]
    #[case("100", Some(100_000_000))]
    #[case("0.045", Some(45_000))]
    #[case("1.000001", Some(1_000_001))]
    #[case("1000000000", Some(1_000_000_000_000_000))]
    #[case("1000000001", None)]
    #[case("0.0000001", None)]
    #[case("-1", None)]
    #[case("1,5", None)]
    #[case("1.", None)]
    #[case(".5", None)]
    #[case("1e3", None)]
    fn an_amount_is_read_exactly(#[case] text: &str, #[case] micros: Option<u64>) {
        assert_eq!(amount("key", text).ok(), micros);
    }

    #[test]
    fn prices_are_by_vendor_and_country() {
        let budget = read("100", &[("aliyun", &[("cn", "0.045"), ("*", "0.5")])]).unwrap().unwrap();
        assert_eq!(budget.per_day, 100_000_000);
        let of = [("CN".to_owned(), 45_000), ("*".to_owned(), 500_000)];
        assert_eq!(budget.prices, [("aliyun".to_owned(), of.into())].into());
        assert_eq!(read("", &[]), Ok(None));
    }

    #[rstest]
    #[case::no_budget("", &[("aliyun", &[("*", "1")][..])][..], PER_DAY)]
    #[case::amount("much", &[], PER_DAY)]
    #[case::no_price("1", &[], PRICE)]
    #[case::no_elsewhere("1", &[("aliyun", &[("CN", "1")][..])], PRICE)]
    #[case::stranger("1", &[("pigeon", &[("*", "1")][..])], PRICE)]
    #[case::country("1", &[("aliyun", &[("*", "1"), ("China", "1")][..])], PRICE)]
    #[case::price("1", &[("aliyun", &[("*", "little")][..])], PRICE)]
    fn what_would_bound_nothing_is_refused(
        #[case] per_day: &str,
        #[case] price: &[(&str, &[(&str, &str)])],
        #[case] key: &str,
    ) {
        let said = read(per_day, price).unwrap_err();
        assert!(said.contains(&format!("setting `{key}`")), "{said}");
    }
}
