//! A chart of bars with a mark on each, as SVG.

use std::fmt::Write as _;

/// One bar.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// What it is to reach.
    pub(crate) mark: f64,
    /// What stands behind it.
    pub(crate) note: String,
}

/// Pixels: of a line, of what stands before and behind the bars, of a ratio of 1.
const LINE: usize = 24;
const BEFORE: f64 = 240.0;
const BEHIND: f64 = 190.0;
const ONE: f64 = 420.0;
/// The longest bar: beyond it nothing more is to be seen.
const MOST: f64 = 1.2;

/// Draws bars from the left, each with its mark.
pub(crate) fn draw(bars: &[Bar]) -> String {
    let width = BEFORE + ONE * MOST + BEHIND;
    let height = (bars.len() + 2) * LINE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let one = BEFORE + ONE;
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<line x1=\"{one}\" y1=\"0\" x2=\"{one}\" y2=\"{}\" stroke=\"#999\" \
         stroke-dasharray=\"3\"/>",
        height - LINE
    );
    for (number, bar) in bars.iter().enumerate() {
        let top = number * LINE + 6;
        let (text, end) = (top + 14, BEFORE + bar.value.min(MOST) * ONE);
        let mark = BEFORE + bar.mark * ONE;
        let colour = if bar.value >= bar.mark { "#3a7d44" } else { "#b3541e" };
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{BEFORE}\" y=\"{top}\" width=\"{:.0}\" height=\"18\" fill=\"{colour}\"/>\
             <line x1=\"{mark:.0}\" y1=\"{}\" x2=\"{mark:.0}\" y2=\"{}\" stroke=\"black\" \
             stroke-width=\"2\"/>\
             <text x=\"{:.0}\" y=\"{text}\">{:.2}</text>\
             <text x=\"{:.0}\" y=\"{text}\" fill=\"#555\">{}</text>",
            BEFORE - 8.0,
            escaped(&bar.label),
            end - BEFORE,
            top - 2,
            top + 20,
            end + 6.0,
            bar.value,
            BEFORE + ONE * MOST + 40.0,
            escaped(&bar.note),
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{BEFORE}\" y=\"{}\" fill=\"#555\">ratio to the limit, measured in the same run; \
         the mark is what is to be reached</text>\n</svg>",
        height - 8
    );
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_ratio_and_says_whether_it_is_enough() {
        let bar = |value| Bar { label: "a < b".to_owned(), value, mark: 0.5, note: String::new() };
        let svg = draw(&[bar(0.5), bar(0.25)]);
        assert!(svg.contains("width=\"210\" height=\"18\" fill=\"#3a7d44\""), "{svg}");
        assert!(svg.contains("width=\"105\" height=\"18\" fill=\"#b3541e\""), "{svg}");
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
    }
}
