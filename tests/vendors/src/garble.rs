//! Bytes with something in them changed.

use crate::chance::Chance;

/// What stands where a value of JSON was.
const VALUES: [&str; 16] = [
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "18446744073709551616",
    "0.1",
    "[]",
    "{}",
    "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    "\"\"",
    "\" \"",
    "\"0\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "{\"code\":\"OK\"}",
];

/// Makes one to three changes.
pub(crate) fn garble(mut bytes: Vec<u8>, chance: &mut Chance) -> Vec<u8> {
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len() + 1);
        let end = (at + chance.below(40)).min(bytes.len());
        match chance.below(6) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            1 => bytes.truncate(at),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let twice = bytes.get(at..end).unwrap_or_default().to_vec();
                bytes.splice(at..at, twice);
            }
            4 => {
                let noise: Vec<u8> = (0..chance.below(9))
                    .filter_map(|_| u8::try_from(chance.below(256)).ok())
                    .collect();
                bytes.splice(at..at, noise);
            }
            _ => value(&mut bytes, at, chance),
        }
    }
    bytes
}

/// Puts another value behind the next colon.
fn value(bytes: &mut Vec<u8>, at: usize, chance: &mut Chance) {
    let find = |bytes: &[u8], from: usize, wanted: &[u8]| {
        bytes.iter().skip(from).position(|it| wanted.contains(it)).map(|it| it + from)
    };
    let Some(colon) = find(bytes, at, b":") else { return };
    let Some(end) = find(bytes, colon, b",}") else { return };
    if let Some(value) = chance.one(&VALUES) {
        bytes.splice(colon + 1..end, value.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_always_the_same_change() {
        let answer = br#"{"code":"OK","phone":"13800138000"}"#;
        let garbled = |number| garble(answer.to_vec(), &mut Chance::of(number));
        let all: Vec<_> = (0..200).map(garbled).collect();
        assert!(all.iter().enumerate().all(|(number, it)| *it == garbled(number as u64)));
        let changed = all.iter().filter(|it| it.as_slice() != answer).count();
        assert!(changed > 180, "{changed} of 200 are changed");
    }
}
